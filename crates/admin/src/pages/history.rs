//! Attempts to connect, those that failed first.

use super::{PAGE, State, Tab, badge, cell, row_header, table, time};
use crate::Admin;
use crate::html::Html;
use crate::request::{Reply, Request};
use xmpp_tls::history::{Attempt, Outcome};
use xmpp_tls::session::Mode;
use xmpp_tls::{Domain, Side};

pub(super) fn page(admin: &Admin, request: &Request) -> Reply {
    let all = request.query("all").is_some();
    let wanted = request.query("domain").unwrap_or_default().trim();
    super::page("Failures", Some(Tab::Failures), |html| {
        let Some(history) = admin.history() else {
            html.markup("<p class=\"empty\">This server keeps no history.</p>\n");
            return;
        };
        filter(html, wanted, all);
        let domain: Option<Domain> = match wanted {
            "" => None,
            text => match text.parse() {
                Ok(domain) => Some(domain),
                Err(_) => {
                    html.markup("<p class=\"empty\">")
                        .text(wanted)
                        .markup(" is no domain.</p>\n");
                    return;
                }
            },
        };
        let attempts: Box<dyn Iterator<Item = &Attempt>> = match &domain {
            Some(domain) => Box::new(history.of(domain)),
            None => Box::new(history.iter()),
        };
        let shown: Vec<_> = attempts
            .filter(|attempt| all || !attempt.is_success())
            .take(PAGE)
            .collect();
        if shown.is_empty() {
            html.markup("<p class=\"empty\">Nothing failed, as far as is remembered.</p>\n");
            return;
        }
        let columns = ["Domain", "When", "Where", "Outcome", "Why"];
        table(html, "Attempts, the newest first", &columns, |html| {
            shown.iter().for_each(|attempt| row(html, attempt));
        });
        if shown.len() == PAGE {
            html.markup(
                "<p>Older ones are <a href=\"/api/history?all=1\">in the JSON</a>, or shown for one domain.</p>\n",
            );
        }
        html.markup("<p class=\"aside\">")
            .text(history.forgotten())
            .markup(" attempts are forgotten already.</p>\n");
    })
}

fn filter(html: &mut Html, domain: &str, all: bool) {
    html.markup("<form class=\"filter\" method=\"get\" action=\"/history\"><p><label for=\"domain\">Domain</label> ")
        .markup("<input id=\"domain\" name=\"domain\" value=\"")
        .text(domain)
        .markup("\" autocapitalize=\"none\" autocomplete=\"off\" spellcheck=\"false\"></p>\n<p><label>")
        .markup("<input type=\"checkbox\" name=\"all\" value=\"1\"")
        .markup(if all { " checked" } else { "" })
        .markup("> also those that succeeded</label></p>\n<p><button>Show</button></p></form>\n");
}

fn row(html: &mut Html, attempt: &Attempt) {
    html.markup("<tr role=\"row\">");
    row_header(html, |html| {
        match &attempt.domain {
            Some(domain) => html.text(domain),
            None => html.markup("unknown"),
        };
        html.markup("<span class=\"aside\">")
            .text(attempt.kind)
            .markup(match attempt.side {
                Side::Initiating => ", outbound</span>",
                Side::Receiving => ", inbound</span>",
            });
    });
    cell(html, "When", |html| {
        time(html, attempt.began.as_secs());
        html.markup("<span class=\"aside\">took ")
            .text(attempt.took.as_millis())
            .markup(" ms</span>");
    });
    cell(html, "Where", |html| {
        match &attempt.endpoint {
            Some(endpoint) => html.text(endpoint),
            None => html.markup("\u{2013}"),
        };
        html.markup(match attempt.mode {
            Mode::DirectTls => "<span class=\"aside\">direct TLS</span>",
            _ => "",
        });
    });
    match &attempt.outcome {
        Outcome::Failed {
            stage, code, reason, ..
        } => {
            cell(html, "Outcome", |html| {
                badge(html, State::Bad, code);
                html.markup("<span class=\"aside\">while ")
                    .text(stage)
                    .markup("</span>");
            });
            cell(html, "Why", |html| {
                html.text(reason);
            });
        }
        Outcome::Succeeded {
            authenticated, version, ..
        } => {
            cell(html, "Outcome", |html| match version {
                Some(version) => badge(html, State::Good, version),
                None => badge(html, State::Bad, "NOT encrypted"),
            });
            cell(html, "Why", |html| match authenticated {
                true => badge(html, State::Good, "authenticated"),
                false => badge(html, State::Warning, "not authenticated"),
            });
        }
        _ => cell(html, "Outcome", |html| {
            html.markup("\u{2013}");
        }),
    }
    html.markup("</tr>\n");
}
