//! What domains showed, and the form that acknowledges it.

use super::{PAGE, State, Tab, badge, cell, fact, names, row_header, table, text_fact, time};
use crate::Admin;
use crate::acknowledge::{Denied, acknowledge, key_of_hex, key_to_hex};
use crate::html::Html;
use crate::request::{Reply, Request};
use hyper::{StatusCode, header};
use xmpp_tls::ledger::{Key, Known, Ledger, LedgerError, Record, Voucher};
use xmpp_tls::{Side, StreamKind};

/// A page of records, and where the next one begins.
pub(crate) type Page = (Vec<(Key, Record)>, Option<Key>);

/// Records from behind a key on: all, or those with certificates that wait for an operator.
pub(crate) fn records(ledger: &Ledger, request: &Request) -> Result<Page, LedgerError> {
    let all = request.query("all").is_some();
    let after = request.query("after").and_then(key_of_hex);
    let mut shown: Vec<(Key, Record)> = Vec::new();
    for entry in ledger.records_after(after) {
        let (key, record) = entry?;
        if !all && record.pending().next().is_none() {
            continue;
        }
        if shown.len() == PAGE {
            let next = shown.last().map(|(key, _)| key.clone());
            return Ok((shown, next));
        }
        shown.push((key, record));
    }
    Ok((shown, None))
}

pub(super) fn list(admin: &Admin, request: &Request) -> Reply {
    let all = request.query("all").is_some();
    super::page("Certificates", Some(Tab::Ledger), |html| {
        let Some(ledger) = &admin.ledger else {
            html.markup("<p class=\"empty\">This server keeps no ledger of certificates.</p>\n");
            return;
        };
        html.markup(match all {
            true => "<p>All that is known. <a href=\"/ledger\">Only what waits for you</a></p>\n",
            false => "<p>What waits for somebody to look at it. <a href=\"/ledger?all=1\">All that is known</a></p>\n",
        });
        let (shown, next) = match records(ledger, request) {
            Ok(page) => page,
            Err(error) => {
                html.markup("<p class=\"alert\" role=\"alert\">")
                    .text(error)
                    .markup("</p>\n");
                return;
            }
        };
        if shown.is_empty() {
            html.markup(match all {
                true => "<p class=\"empty\">Nothing is known yet.</p>\n",
                false => "<p class=\"empty\">Nothing waits.</p>\n",
            });
            return;
        }
        let columns = ["Domain", "Known", "Waiting", "First seen", "Last seen"];
        table(html, "Domains, in alphabetical order", &columns, |html| {
            shown.iter().for_each(|(key, record)| row(html, key, record));
        });
        if let Some(next) = next {
            html.markup("<p><a href=\"/ledger?")
                .markup(if all { "all=1&amp;" } else { "" })
                .markup("after=")
                .text(key_to_hex(&next))
                .markup("\">The next ones</a></p>\n");
        }
    })
}

fn row(html: &mut Html, key: &Key, record: &Record) {
    html.markup("<tr role=\"row\">");
    row_header(html, |html| {
        html.markup("<a href=\"/ledger/")
            .text(key_to_hex(key))
            .markup("\">")
            .text(key.remote())
            .markup("</a>");
        html.markup("<span class=\"aside\">");
        which(html, key);
        html.markup("</span>");
    });
    cell(html, "Known", |html| {
        html.text(record.known().count());
    });
    cell(html, "Waiting", |html| match record.pending().count() {
        0 => {
            html.markup("0");
        }
        waiting => badge(html, State::Warning, waiting),
    });
    cell(html, "First seen", |html| {
        time(html, record.first_seen);
    });
    cell(html, "Last seen", |html| {
        time(html, record.last_seen);
    });
    html.markup("</tr>\n");
}

fn which(html: &mut Html, key: &Key) {
    html.markup(match (key.kind(), key.side()) {
        (StreamKind::ClientToServer, Side::Initiating) => "as a client, outbound",
        (StreamKind::ClientToServer, Side::Receiving) => "client, inbound",
        (StreamKind::ServerToServer, Side::Initiating) => "server, outbound",
        (StreamKind::ServerToServer, Side::Receiving) => "server, inbound",
    });
    if let Some(local) = key.local() {
        html.markup(", our ").text(local);
    }
}

/// What one domain showed; `denied` is why an acknowledgement was not taken.
pub(super) fn page(admin: &Admin, key: &Key, denied: Option<Denied>) -> Option<Reply> {
    let record = admin.ledger.as_ref()?.record(key);
    let reply = super::page("Certificates of a domain", Some(Tab::Ledger), |html| {
        html.markup("<p class=\"lead\">")
            .text(key.remote())
            .markup("<span class=\"aside\">");
        which(html, key);
        html.markup("</span></p>\n");
        if let Some(denied) = denied {
            html.markup("<p class=\"alert\" role=\"alert\">")
                .text(denied.text())
                .markup("</p>\n");
        }
        match &record {
            Ok(Some(record)) => certificates(html, admin, key, record),
            Ok(None) => {
                html.markup("<p class=\"empty\">Nothing is known of it.</p>\n");
            }
            Err(error) => {
                html.markup("<p class=\"alert\" role=\"alert\">")
                    .text(error)
                    .markup("</p>\n");
            }
        }
    });
    let status = match (denied, &record) {
        (Some(denied), _) => denied.status(),
        (None, Ok(Some(_))) => StatusCode::OK,
        (None, Ok(None)) => StatusCode::NOT_FOUND,
        (None, Err(_)) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Some(reply.with_status(status))
}

fn certificates(html: &mut Html, admin: &Admin, key: &Key, record: &Record) {
    for known in record.pending() {
        html.markup("<section class=\"card waiting\"><h2>Waits to be acknowledged</h2>\n<p>");
        badge(html, State::Warning, known.pending);
        html.markup("</p>\n");
        certificate(html, known);
        match admin.token {
            Some(_) => form(html, key, known),
            None => {
                html.markup("<p>").text(Denied::NoToken.text()).markup(".</p>\n");
            }
        }
        html.markup("</section>\n");
    }
    for known in record.known() {
        html.markup("<section class=\"card\"><h2>")
            .markup(if known.superseded { "Known before" } else { "Known" })
            .markup("</h2>\n");
        certificate(html, known);
        html.markup("</section>\n");
    }
}

fn certificate(html: &mut Html, known: &Known) {
    let leaf = &known.leaf;
    html.markup("<dl class=\"facts\">\n");
    fact(html, "Names", |html| {
        names(html, &leaf.names);
        if leaf.more_names > 0 {
            html.markup("and ").text(leaf.more_names).markup(" more");
        }
    });
    text_fact(html, "Issuer", Some(&leaf.issuer));
    fact(html, "Valid", |html| {
        time(html, leaf.not_before);
        html.markup(" to ");
        time(html, leaf.not_after);
    });
    text_fact(html, "Key", Some(&leaf.key_type));
    text_fact(html, "SHA-256 of the key", Some(leaf.spki_sha256_hex()));
    fact(html, "Vouched for by", |html| {
        let state = match known.latest_voucher {
            Voucher::Nobody => State::Bad,
            _ => State::Plain,
        };
        badge(html, state, known.latest_voucher);
    });
    fact(html, "Seen", |html| {
        time(html, known.first_seen);
        html.markup(" to ");
        time(html, known.last_seen);
    });
    if let Some(acknowledged) = &known.acknowledged {
        fact(html, "Acknowledged", |html| {
            badge(html, State::Good, "acknowledged");
            html.markup(" by ").text(&acknowledged.by).markup(", ");
            time(html, acknowledged.at);
        });
    }
    html.markup("</dl>\n");
}

/// The identifiers have the key in them, as a page can have several forms.
fn form(html: &mut Html, key: &Key, known: &Known) {
    let spki = known.leaf.spki_sha256_hex();
    html.markup("<form method=\"post\" action=\"/ledger/")
        .text(key_to_hex(key))
        .markup("/acknowledge\">\n");
    html.markup("<p>Only when the domain's operator has told you by another way that this is their key.</p>\n");
    html.markup("<input type=\"hidden\" name=\"spki_sha256\" value=\"")
        .text(&spki)
        .markup("\">\n");
    html.markup("<p><label for=\"by-")
        .text(&spki)
        .markup("\">Your name</label> <input id=\"by-")
        .text(&spki);
    html.markup("\" name=\"by\" required maxlength=\"256\" autocomplete=\"off\"></p>\n");
    html.markup("<p><label for=\"token-")
        .text(&spki)
        .markup("\">Token</label> <input id=\"token-")
        .text(&spki);
    html.markup("\" name=\"token\" type=\"password\" required autocomplete=\"off\"></p>\n");
    html.markup("<p><button>Acknowledge this key</button></p></form>\n");
}

/// Takes an acknowledgement, and leads back to the domain.
pub(super) fn acknowledged(admin: &Admin, request: &Request, key: &Key) -> Reply {
    match acknowledge(admin, request, key) {
        Ok(()) => Reply::plain(StatusCode::SEE_OTHER, "acknowledged")
            .with_header(header::LOCATION, &format!("/ledger/{}", key_to_hex(key))),
        Err(denied) => page(admin, key, Some(denied)).unwrap_or_else(super::not_found),
    }
}
