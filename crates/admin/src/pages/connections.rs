//! The open connections.

use super::{PAGE, State, Tab, badge, cell, row_header, table, time};
use crate::Admin;
use crate::acknowledge::key_to_hex;
use crate::html::Html;
use crate::moment::Span;
use crate::request::{Reply, Request};
use hyper::header::HeaderName;
use std::sync::Arc;
use xmpp_tls::identity::CertificateFacts;
use xmpp_tls::io;
use xmpp_tls::ledger::Assessment;
use xmpp_tls::registry::{Entry, SessionType};

/// The one interval at which the page loads itself anew, if it is asked to: nobody is surprised by it.
const REFRESH: &str = "10";
/// With less than this left, whoever renews the certificate has probably forgotten it.
const SOON: i64 = 14 * 86_400;

pub(super) fn page(admin: &Admin, request: &Request) -> Reply {
    let sessions = admin.registry.snapshot();
    let after = request
        .query("after")
        .and_then(|number| number.parse().ok())
        .unwrap_or(0);
    let refreshes = request.query("refresh") == Some(REFRESH);
    let reply = super::page("Connections", Some(Tab::Connections), |html| {
        figures(html, &sessions);
        alert(html, &sessions);
        html.markup("<p>");
        match refreshes {
            true => html.markup("This page is loaded anew every 10 seconds. <a href=\"/\">Stop that</a>"),
            false => html.markup("<a href=\"/?refresh=10\">Load this page anew every 10 seconds</a>"),
        };
        html.markup("</p>\n");
        list(html, &sessions, after);
    });
    match refreshes {
        true => reply.with_header(HeaderName::from_static("refresh"), REFRESH),
        false => reply,
    }
}

fn figures(html: &mut Html, sessions: &[Arc<Entry>]) {
    let count = |of: fn(&Entry) -> bool| sessions.iter().filter(|entry| of(entry)).count();
    html.markup("<dl class=\"figures\">");
    for (name, number) in [
        ("open", sessions.len()),
        ("encrypted", count(Entry::is_encrypted)),
        ("authenticated", count(Entry::is_authenticated)),
        ("changed", count(Entry::is_alarming)),
    ] {
        html.markup("<div><dt>")
            .markup(name)
            .markup("</dt><dd>")
            .text(number)
            .markup("</dd></div>");
    }
    html.markup("</dl>\n");
}

/// What somebody should look at comes first.
fn alert(html: &mut Html, sessions: &[Arc<Entry>]) {
    const SHOWN: usize = 5;
    let mut alarming = sessions.iter().filter(|entry| entry.is_alarming()).peekable();
    if alarming.peek().is_none() {
        return;
    }
    html.markup("<section class=\"alert\" aria-labelledby=\"changed\"><h2 id=\"changed\">");
    html.markup("<span aria-hidden=\"true\">\u{26a0} </span>Certificates that changed</h2><ul>\n");
    for entry in alarming.by_ref().take(SHOWN) {
        html.markup("<li><a href=\"/sessions/").text(entry.number).markup("\">");
        domains(html, entry);
        html.markup("</a>: ");
        if let Some(change) = &entry.change {
            html.text(change.changes).markup(". <a href=\"/ledger/");
            html.text(key_to_hex(&change.key))
                .markup("\">What it showed before</a>");
        }
        html.markup("</li>\n");
    }
    let more = alarming.count();
    if more > 0 {
        html.markup("<li>and ").text(more).markup(" more, in the table</li>\n");
    }
    html.markup(
        "</ul><p>Such a change can be a mistake, or somebody in between. Ask the domain's operator by another ",
    );
    html.markup("way, and <a href=\"/ledger\">acknowledge the key</a> if it is right.</p></section>\n");
}

fn list(html: &mut Html, sessions: &[Arc<Entry>], after: u64) {
    let mut behind = sessions.iter().filter(|entry| entry.number > after).peekable();
    if behind.peek().is_none() {
        html.markup("<p class=\"empty\">No connections are open.</p>\n");
        return;
    }
    let columns = [
        "Connection",
        "Encrypted",
        "Authenticated by",
        "Certificate",
        "Change",
        "Since",
    ];
    let shown: Vec<_> = behind.by_ref().take(PAGE).collect();
    table(html, "Open connections, the oldest first", &columns, |html| {
        shown.iter().for_each(|entry| row(html, entry));
    });
    if let (Some(_), Some(last)) = (behind.peek(), shown.last()) {
        html.markup("<p><a href=\"/?after=")
            .text(last.number)
            .markup("\">The next ones</a></p>\n");
    }
}

fn row(html: &mut Html, entry: &Entry) {
    html.markup("<tr role=\"row\">");
    row_header(html, |html| {
        html.markup("<a href=\"/sessions/").text(entry.number).markup("\">");
        domains(html, entry);
        html.markup("</a><span class=\"aside\">")
            .markup(direction(entry.session_type))
            .markup("</span>");
    });
    cell(html, "Encrypted", |html| encrypted(html, entry));
    cell(html, "Authenticated by", |html| authenticated(html, entry));
    cell(html, "Certificate", |html| certificate(html, entry));
    cell(html, "Change", |html| match &entry.change {
        Some(assessment) => change(html, entry, assessment),
        None => {
            html.markup("<span class=\"aside\">not compared</span>");
        }
    });
    cell(html, "Since", |html| {
        time(html, entry.since.as_secs());
    });
    html.markup("</tr>\n");
}

/// Who is at the other end, and which domain of ours that is to.
pub(super) fn domains(html: &mut Html, entry: &Entry) {
    match (entry.remote_domain(), entry.session_type) {
        (Some(remote), _) => html.text(remote),
        (None, SessionType::C2s) => html.markup("a client"),
        (None, _) => html.markup("an unknown server"),
    };
    if let (Some(local), SessionType::C2s | SessionType::S2sIn | SessionType::S2sOut) =
        (entry.local_domain(), entry.session_type)
    {
        html.markup(" \u{2013} ").text(local);
    }
}

pub(super) fn direction(session_type: SessionType) -> &'static str {
    match session_type {
        SessionType::C2s => "client, inbound",
        SessionType::C2sOut => "as a client, outbound",
        SessionType::S2sIn => "server, inbound",
        SessionType::S2sOut => "server, outbound",
        _ => "another kind",
    }
}

pub(super) fn encrypted(html: &mut Html, entry: &Entry) {
    match entry.report.as_ref().map(|report| report.tls()) {
        None => badge(html, State::Plain, "not set up yet"),
        Some(None) => badge(html, State::Bad, "NOT encrypted"),
        Some(Some(tls)) => {
            let weak = !tls.forward_secret || tls.keys_revealed;
            badge(html, if weak { State::Warning } else { State::Good }, tls.version);
            html.markup("<span class=\"aside\">")
                .text(&tls.cipher_suite_name)
                .markup("</span>");
        }
    }
}

pub(super) fn authenticated(html: &mut Html, entry: &Entry) {
    match entry.authenticated.first() {
        Some(proof) => badge(html, State::Good, &proof.by),
        None => badge(html, State::Bad, "NOT authenticated"),
    }
    if entry.authenticated.len() > 1 {
        html.markup("<span class=\"aside\">and ")
            .text(entry.authenticated.len() - 1)
            .markup(" more pairs</span>");
    }
    if let Some(proof) = entry.accepted.first() {
        html.markup("<span class=\"aside\">it knows us by ")
            .text(&proof.by)
            .markup("</span>");
    }
}

fn certificate(html: &mut Html, entry: &Entry) {
    let leaf = entry.report.as_ref().and_then(|report| report.certificates().next());
    match leaf {
        None => {
            html.markup("<span class=\"aside\">none</span>");
        }
        Some(Err(error)) => {
            html.markup("unreadable: ").text(error);
        }
        Some(Ok(facts)) => {
            html.markup("<span class=\"name\">")
                .text(&facts.subject)
                .markup("</span> ");
            lifetime(html, &facts);
        }
    }
}

pub(super) fn lifetime(html: &mut Html, facts: &CertificateFacts) {
    let now = i64::try_from(io::now().wall.as_secs()).unwrap_or(i64::MAX);
    let left = facts.not_after.saturating_sub(now);
    let span = Span(left.unsigned_abs());
    match left {
        ..0 => badge(html, State::Bad, format_args!("expired {span} ago")),
        0..SOON => badge(html, State::Warning, format_args!("expires in {span}")),
        _ => {
            html.markup("<span class=\"aside\">expires in ")
                .text(span)
                .markup("</span>");
        }
    }
}

pub(super) fn change(html: &mut Html, entry: &Entry, assessment: &Assessment) {
    if entry.is_alarming() {
        badge(html, State::Warning, assessment.reaction);
        html.markup(" ");
    }
    html.text(assessment.changes);
    if entry.acknowledged {
        html.markup("<span class=\"aside\">acknowledged since</span>");
    }
}
