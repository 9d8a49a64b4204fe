//! Just enough of RFC 6120 section 8 to be useful: resource binding, pings, messages between users.

use crate::Failure;
use std::collections::HashMap;
use std::sync::Mutex;
use subtle::ConstantTimeEq;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use xmpp_tls::Domain;
use xmpp_tls::io::tokio::TokioStream;
use xmpp_tls::ns;
use xmpp_tls::session::Event;
use xmpp_tls::stream::{Element, ElementBuilder};

const PING: &str = "urn:xmpp:ping";

pub(crate) struct Users {
    domain: Domain,
    passwords: HashMap<String, String>,
    online: Mutex<HashMap<String, UnboundedSender<Element>>>,
}

impl Users {
    /// From `NAME:PASSWORD`.
    pub(crate) fn new(domain: Domain, users: &[String]) -> Result<Self, Failure> {
        let passwords = users.iter().map(|user| match user.split_once(':') {
            Some((name, password)) => Ok((name.to_owned(), password.to_owned())),
            None => Err(format!("--user {user}: not NAME:PASSWORD")),
        });
        Ok(Users {
            domain,
            passwords: passwords.collect::<Result<_, _>>()?,
            online: Mutex::default(),
        })
    }

    pub(crate) fn password_is(&self, name: &str, password: &str) -> bool {
        self.passwords
            .get(name)
            .is_some_and(|known| known.as_bytes().ct_eq(password.as_bytes()).into())
    }

    fn address(&self, name: &str) -> String {
        format!("{name}@{}", self.domain)
    }

    /// Brings a message to a user of ours who is online.
    fn deliver(&self, from: &str, message: &Element) -> Option<()> {
        let to = message.attribute("to")?.into_owned();
        let name = to
            .split('/')
            .next()?
            .strip_suffix(self.domain.as_str())?
            .strip_suffix('@')?;
        let body = message.children().find(|child| child.name() == "body")?;
        let copy = ElementBuilder::new(ns::CLIENT, "message")
            .attribute("from", from)
            .attribute("to", &*to)
            .attribute("type", "chat")
            .child(ElementBuilder::new(ns::CLIENT, "body").text(body.text()));
        self.online.lock().ok()?.get(name)?.send(copy.build().ok()?).ok()
    }
}

/// Serves one user until the stream is closed.
pub(crate) async fn exchange(mut stream: TokioStream, name: &str, users: &Users) -> Result<(), Failure> {
    let (sender, mut inbox) = unbounded_channel();
    if let Ok(mut online) = users.online.lock() {
        online.insert(name.to_owned(), sender);
    }
    loop {
        tokio::select! {
            Some(message) = inbox.recv() => stream.send(&message).await?,
            event = stream.next_event() => match event? {
                Some(Event::Element(stanza)) if stanza.name() == "iq" => {
                    if let Some(answer) = answer(&stanza, name, users)? {
                        stream.send(&answer).await?;
                    }
                }
                Some(Event::Element(stanza)) if stanza.name() == "message" => {
                    users.deliver(&users.address(name), &stanza);
                }
                Some(_) => {}
                None => return Ok(()),
            },
        }
    }
}

/// The answer that RFC 6120 section 8.2.3 demands for every request.
fn answer(request: &Element, name: &str, users: &Users) -> Result<Option<Element>, Failure> {
    if !matches!(request.attribute("type").as_deref(), Some("get" | "set")) {
        return Ok(None);
    }
    let payload = request.children().next();
    let iq = ElementBuilder::new(ns::CLIENT, "iq").attribute("id", request.attribute("id").unwrap_or_default());
    let iq = match request.attribute("to") {
        Some(to) => iq.attribute("from", to),
        None => iq,
    };
    Ok(Some(match payload {
        Some(bind) if bind.is(ns::BIND, "bind") => {
            let jid = ElementBuilder::new(ns::BIND, "jid").text(format!("{}/example", users.address(name)));
            iq.attribute("type", "result")
                .child(ElementBuilder::new(ns::BIND, "bind").child(jid))
                .build()?
        }
        Some(ping) if ping.is(PING, "ping") => iq.attribute("type", "result").build()?,
        _ => {
            let condition = ElementBuilder::new(ns::STANZA_ERRORS, "service-unavailable");
            let error = ElementBuilder::new(ns::CLIENT, "error")
                .attribute("type", "cancel")
                .child(condition);
            iq.attribute("type", "error").child(error).build()?
        }
    }))
}
