//! Whom a policy that is tried out would refuse.

use super::{PAGE, State, Tab, badge, cell, row_header, table};
use crate::Admin;
use crate::request::Reply;
use std::cmp::Reverse;

pub(super) fn page(admin: &Admin) -> Reply {
    super::page("Rehearsal", Some(Tab::Rehearsal), |html| {
        let Some(rehearsal) = admin.rehearsal() else {
            html.markup("<p class=\"empty\">No policy is tried out on this server.</p>\n");
            return;
        };
        let mut peers: Vec<_> = rehearsal.peers().collect();
        let refused = peers.iter().filter(|(_, tally)| tally.refused > 0).count();
        html.markup("<p>Connections go on as before. The policy that is tried out would have refused some of ")
            .text(refused)
            .markup(" of ")
            .text(peers.len())
            .markup(" peers.</p>\n");
        peers.retain(|(_, tally)| tally.refused > 0);
        peers.sort_by_key(|(domain, tally)| (Reverse(tally.refused), *domain));
        if !peers.is_empty() {
            let columns = ["Peer", "Would be refused", "Because of"];
            table(
                html,
                "Peers that would be refused, the most often first",
                &columns,
                |html| {
                    for (domain, tally) in peers.iter().take(PAGE) {
                        html.markup("<tr role=\"row\">");
                        row_header(html, |html| {
                            html.text(domain);
                        });
                        cell(html, "Would be refused", |html| {
                            let all = tally.refused == tally.connections;
                            let state = if all { State::Bad } else { State::Warning };
                            let (refused, connections) = (tally.refused, tally.connections);
                            badge(html, state, format_args!("{refused} of {connections}"));
                        });
                        cell(html, "Because of", |html| {
                            for (rule, count) in &tally.violations {
                                html.text(rule.code()).markup(" (").text(count).markup(") ");
                            }
                        });
                        html.markup("</tr>\n");
                    }
                },
            );
        }
        if peers.len() > PAGE {
            html.markup("<p><a href=\"/api/rehearsal\">All of them as JSON</a></p>\n");
        }
        if rehearsal.not_counted() > 0 {
            html.markup("<p>")
                .text(rehearsal.not_counted())
                .markup(" connections of other peers were not counted.</p>\n");
        }
    })
}
