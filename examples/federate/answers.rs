//! Just enough of RFC 6120 section 8 to be a good neighbour: pings are answered, messages echoed.

use crate::Failure;
use xmpp_tls::io::tokio::{Federation, Notice};
use xmpp_tls::stream::{Element, ElementBuilder};
use xmpp_tls::{Domain, ns};

const PING: &str = "urn:xmpp:ping";
/// Who repeats what is said to it.
const ECHO: &str = "echo@";

pub(crate) fn react(federation: &Federation, notice: &Notice) {
    match notice {
        Notice::Stanza { link, stanza, .. } => {
            let from = stanza.attribute("from").unwrap_or_default();
            let what = summary(stanza);
            // What strangers write is shown escaped: a terminal obeys control characters.
            println!("{link}: {} says {what}", from.escape_debug());
            match answer(stanza) {
                Ok(Some(answer)) => send(federation, Ok(answer)),
                Ok(None) => {}
                Err(error) => println!("no answer: {error}"),
            }
        }
        notice => println!("{notice}"),
    }
}

pub(crate) fn send(federation: &Federation, stanza: Result<Element, Failure>) {
    if let Err(error) = stanza.and_then(|stanza| federation.send(stanza).map_err(Failure::from)) {
        println!("not sent: {error}");
    }
}

pub(crate) fn print_links(federation: &Federation) {
    for link in federation.links() {
        println!("{link:#}");
    }
}

pub(crate) fn ping(own: &Domain, domain: &str) -> Result<Element, Failure> {
    let ping = ElementBuilder::new(ns::SERVER, "iq")
        .attribute("type", "get")
        .attribute("id", "ping")
        .attribute("from", own.as_str())
        .attribute("to", domain)
        .child(ElementBuilder::new(PING, "ping"));
    Ok(ping.build()?)
}

pub(crate) fn message(own: &Domain, to: &str, text: &str) -> Result<Element, Failure> {
    let message = ElementBuilder::new(ns::SERVER, "message")
        .attribute("type", "chat")
        .attribute("from", format!("operator@{own}"))
        .attribute("to", to)
        .child(ElementBuilder::new(ns::SERVER, "body").text(text));
    Ok(message.build()?)
}

fn summary(stanza: &Element) -> String {
    let kind = stanza.attribute("type").unwrap_or_default();
    let child = |name: &str| stanza.children().find(|child| child.name() == name);
    match (stanza.name(), child("body"), child("ping")) {
        ("message", Some(body), _) => format!("\"{}\"", body.text().escape_debug()),
        ("iq", _, Some(_)) => "ping".to_owned(),
        ("iq", None, None) if kind == "result" => "pong".to_owned(),
        (name, ..) => format!("<{} type='{}'/>", name.escape_debug(), kind.escape_debug()),
    }
}

/// The answer that RFC 6120 section 8.2.3 demands for every request, and the echo.
fn answer(stanza: &Element) -> Result<Option<Element>, Failure> {
    let attribute = |name| stanza.attribute(name).unwrap_or_default().into_owned();
    let back = |name| {
        ElementBuilder::new(ns::SERVER, name)
            .attribute("from", attribute("to"))
            .attribute("to", attribute("from"))
    };
    let child = |name: &str| stanza.children().find(|child| child.name() == name);
    let answer = match (stanza.name(), attribute("type").as_str()) {
        ("iq", "get" | "set") => {
            let known = stanza.children().any(|child| child.is(PING, "ping"));
            let result = back("iq").attribute("id", attribute("id"));
            match known {
                true => result.attribute("type", "result"),
                false => result.attribute("type", "error").child(
                    ElementBuilder::new(ns::SERVER, "error")
                        .attribute("type", "cancel")
                        .child(ElementBuilder::new(ns::STANZA_ERRORS, "service-unavailable")),
                ),
            }
        }
        ("message", "" | "normal" | "chat") if attribute("to").starts_with(ECHO) => match child("body") {
            Some(body) => back("message")
                .attribute("type", "chat")
                .child(ElementBuilder::new(ns::SERVER, "body").text(body.text())),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(answer.build()?))
}
