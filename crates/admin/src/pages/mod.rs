//! The pages: which there are, and what is around each.

mod connections;
mod history;
mod ledger;
mod rehearsal;
mod session;

pub(crate) use ledger::records;

use crate::acknowledge::key_of_hex;
use crate::html::Html;
use crate::moment::Moment;
use crate::request::{Reply, Request};
use crate::{Admin, json};
use hyper::{Method, StatusCode, header};
use xmpp_tls::io;
use xmpp_tls::registry::Registry;

/// Rows of a page.
pub(crate) const PAGE: usize = 100;

/// The pages that are linked from each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Connections,
    Failures,
    Ledger,
    Rehearsal,
}

impl Tab {
    const ALL: [Tab; 4] = [Tab::Connections, Tab::Failures, Tab::Ledger, Tab::Rehearsal];

    fn link(self) -> (&'static str, &'static str) {
        match self {
            Tab::Connections => ("/", "Connections"),
            Tab::Failures => ("/history", "Failures"),
            Tab::Ledger => ("/ledger", "Certificates"),
            Tab::Rehearsal => ("/rehearsal", "Rehearsal"),
        }
    }
}

/// What is answered to a request that was let in.
pub(crate) fn answer(admin: &Admin, request: &Request) -> Reply {
    let path: Vec<&str> = request.path.split('/').skip(1).collect();
    let changes = matches!(
        *path,
        ["ledger", _, "acknowledge"] | ["api", "ledger", _, "acknowledge"]
    );
    let allowed = match changes {
        true => "POST",
        false => "GET, HEAD",
    };
    if request.is_post() != changes || ![Method::POST, Method::GET, Method::HEAD].contains(&request.method) {
        return Reply::plain(StatusCode::METHOD_NOT_ALLOWED, "not by this method").with_header(header::ALLOW, allowed);
    }
    let reply = match *path {
        [""] => Some(connections::page(admin, request)),
        ["sessions", number] => number_of(number).and_then(|number| session::page(admin, number)),
        ["history"] => Some(history::page(admin, request)),
        ["ledger"] => Some(ledger::list(admin, request)),
        ["ledger", key] => key_of_hex(key).and_then(|key| ledger::page(admin, &key, None)),
        ["ledger", key, "acknowledge"] => key_of_hex(key).map(|key| ledger::acknowledged(admin, request, &key)),
        ["rehearsal"] => Some(rehearsal::page(admin)),
        ["style.css"] => Some(Reply::new(
            "text/css; charset=utf-8",
            include_str!("../style.css").to_owned(),
        )),
        ["metrics"] => Some(Reply::new(Registry::CONTENT_TYPE, admin.registry.prometheus())),
        ["api", "sessions"] => Some(json::sessions(admin, request)),
        ["api", "sessions", number] => number_of(number).and_then(|number| json::session(admin, number)),
        ["api", "history"] => Some(json::history(admin, request)),
        ["api", "ledger"] => Some(json::ledger(admin, request)),
        ["api", "ledger", key] => key_of_hex(key).and_then(|key| json::record(admin, key)),
        ["api", "ledger", key, "acknowledge"] => key_of_hex(key).map(|key| json::acknowledged(admin, request, &key)),
        ["api", "rehearsal"] => Some(json::rehearsal(admin)),
        _ => None,
    };
    reply.unwrap_or_else(not_found)
}

fn number_of(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn not_found() -> Reply {
    page("Not found", None, |html| {
        html.markup("<p>There is nothing here, or not any more. <a href=\"/\">The open connections</a> are there.</p>");
    })
    .with_status(StatusCode::NOT_FOUND)
}

/// A page, with this title and the same frame around all.
fn page(title: &str, tab: Option<Tab>, content: impl FnOnce(&mut Html)) -> Reply {
    let mut html = Html::default();
    html.markup("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>")
        .text(title)
        .markup(" - xmpp-tls</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .markup("<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"stylesheet\" href=\"/style.css\">\n")
        .markup("</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n")
        .markup("<header>\n<p class=\"brand\">xmpp-tls</p>\n<nav aria-label=\"Pages\"><ul>\n");
    for each in Tab::ALL {
        let (address, name) = each.link();
        html.markup("<li><a href=\"").markup(address).markup("\"");
        if Some(each) == tab {
            html.markup(" aria-current=\"page\"");
        }
        html.markup(">").markup(name).markup("</a></li>\n");
    }
    html.markup("</ul></nav>\n</header>\n<main id=\"main\">\n<h1>")
        .text(title)
        .markup("</h1>\n");
    content(&mut html);
    html.markup("</main>\n<footer><p>As of ");
    time(&mut html, io::now().wall.as_secs());
    html.markup(". <a href=\"/metrics\">Metrics</a></p></footer>\n</body>\n</html>\n");
    Reply::html(html.into_string())
}

/// A table whose rows become blocks where there is no room beside each other. The roles say what it is also then.
fn table(html: &mut Html, caption: &'static str, columns: &[&'static str], rows: impl FnOnce(&mut Html)) {
    html.markup("<table role=\"table\"><caption>").markup(caption);
    html.markup("</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">");
    for column in columns {
        html.markup("<th scope=\"col\" role=\"columnheader\">")
            .markup(column)
            .markup("</th>");
    }
    html.markup("</tr></thead>\n<tbody role=\"rowgroup\">\n");
    rows(html);
    html.markup("</tbody></table>\n");
}

/// What a row is about.
fn row_header(html: &mut Html, content: impl FnOnce(&mut Html)) {
    html.markup("<th scope=\"row\" role=\"rowheader\">");
    content(html);
    html.markup("</th>");
}

fn cell(html: &mut Html, label: &'static str, content: impl FnOnce(&mut Html)) {
    html.markup("<td role=\"cell\" data-label=\"")
        .markup(label)
        .markup("\"><div>");
    content(html);
    html.markup("</div></td>");
}

/// How something is, in a word and a sign, and by colour besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Plain,
    Warning,
    Bad,
}

fn badge(html: &mut Html, state: State, text: impl std::fmt::Display) {
    let (open, sign) = match state {
        State::Good => ("<span class=\"badge good\">", "\u{2713} "),
        State::Plain => ("<span class=\"badge\">", ""),
        State::Warning => ("<span class=\"badge warning\">", "\u{26a0} "),
        State::Bad => ("<span class=\"badge bad\">", "\u{2717} "),
    };
    html.markup(open)
        .markup("<span aria-hidden=\"true\">")
        .markup(sign)
        .markup("</span>")
        .text(text)
        .markup("</span>");
}

/// A time, in seconds since 1970.
fn time(html: &mut Html, seconds: impl TryInto<i64>) {
    let moment = Moment(seconds.try_into().unwrap_or(i64::MAX));
    html.markup("<span class=\"time\">").text(moment).markup("</span>");
}

/// A name and what it is, in a list of those.
fn fact(html: &mut Html, name: &'static str, content: impl FnOnce(&mut Html)) {
    html.markup("<div><dt>").markup(name).markup("</dt><dd>");
    content(html);
    html.markup("</dd></div>\n");
}

/// The same for text that may be missing.
fn text_fact(html: &mut Html, name: &'static str, text: Option<impl std::fmt::Display>) {
    if let Some(text) = text {
        fact(html, name, |html| {
            html.text(text);
        });
    }
}

/// Names in their order, each on a line of its own; a certificate can have hundreds.
fn names<T: std::fmt::Display>(html: &mut Html, names: &[T]) {
    const SHOWN: usize = 32;
    html.markup("<ul class=\"names\">");
    for name in names.iter().take(SHOWN) {
        html.markup("<li>").text(name).markup("</li>");
    }
    if let Some(more) = names.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        html.markup("<li>and ").text(more).markup(" more</li>");
    }
    html.markup("</ul>");
}
