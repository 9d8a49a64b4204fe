//! The same as data.

use crate::Admin;
use crate::acknowledge::{acknowledge, key_to_hex};
use crate::pages::{PAGE, records};
use crate::request::{Reply, Request};
use hyper::StatusCode;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use xmpp_tls::Domain;
use xmpp_tls::history::Attempt;
use xmpp_tls::ledger::{Key, Record, Snapshot};
use xmpp_tls::registry::Entry;

#[derive(Serialize)]
struct Sessions<'a> {
    sessions: Vec<&'a Entry>,
    next: Option<u64>,
}

pub(crate) fn sessions(admin: &Admin, request: &Request) -> Reply {
    let after = request
        .query("after")
        .and_then(|number| number.parse().ok())
        .unwrap_or(0u64);
    let all = admin.registry.snapshot();
    let mut behind = all.iter().map(Arc::as_ref).filter(|entry| entry.number > after);
    let sessions: Vec<_> = behind.by_ref().take(PAGE).collect();
    let next = sessions
        .last()
        .map(|entry| entry.number)
        .filter(|_| behind.next().is_some());
    Reply::json(&Sessions { sessions, next })
}

pub(crate) fn session(admin: &Admin, number: u64) -> Option<Reply> {
    Some(Reply::json(admin.registry.get(number)?.as_ref()))
}

#[derive(Serialize)]
struct History<'a> {
    attempts: Vec<&'a Attempt>,
    forgotten: u64,
}

/// Those that failed, or all: as many as are kept, which are bounded.
pub(crate) fn history(admin: &Admin, request: &Request) -> Reply {
    let Some(history) = admin.history() else {
        return Reply::json(&History {
            attempts: Vec::new(),
            forgotten: 0,
        });
    };
    let mut attempts: Vec<_> = match request.query("domain") {
        None => history.iter().collect(),
        Some(text) => match text.parse::<Domain>() {
            Ok(domain) => history.of(&domain).collect(),
            Err(_) => return Reply::plain(StatusCode::BAD_REQUEST, "that is no domain"),
        },
    };
    if request.query("all").is_none() {
        attempts.retain(|attempt| !attempt.is_success());
    }
    let forgotten = history.forgotten();
    Reply::json(&History { attempts, forgotten })
}

#[derive(Serialize)]
struct Records {
    ledger: Snapshot,
    /// In the order of the records.
    keys: Vec<String>,
    waiting: Vec<Waiting>,
    next: Option<String>,
}

/// What it takes to acknowledge a certificate.
#[derive(Serialize)]
struct Waiting {
    domain: String,
    key: String,
    spki_sha256: String,
    changes: String,
}

fn waiting((key, record): &(Key, Record)) -> impl Iterator<Item = Waiting> {
    record.pending().map(|known| Waiting {
        domain: key.remote().to_string(),
        key: key_to_hex(key),
        spki_sha256: known.leaf.spki_sha256_hex(),
        changes: known.pending.to_string(),
    })
}

/// What waits for an operator, unless it is asked for everything.
pub(crate) fn ledger(admin: &Admin, request: &Request) -> Reply {
    let page = match &admin.ledger {
        None => {
            return Reply::json(&Records {
                ledger: Snapshot::default(),
                keys: Vec::new(),
                waiting: Vec::new(),
                next: None,
            });
        }
        Some(ledger) => records(ledger, request),
    };
    match page {
        Ok((records, next)) => Reply::json(&Records {
            keys: records.iter().map(|(key, _)| key_to_hex(key)).collect(),
            waiting: records.iter().flat_map(waiting).collect(),
            ledger: records.into_iter().collect(),
            next: next.as_ref().map(key_to_hex),
        }),
        Err(error) => Reply::plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

pub(crate) fn record(admin: &Admin, key: Key) -> Option<Reply> {
    match admin.ledger.as_ref()?.record(&key) {
        Ok(Some(record)) => Some(Reply::json(&Snapshot::from_iter([(key, record)]))),
        Ok(None) => None,
        Err(error) => Some(Reply::plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())),
    }
}

pub(crate) fn acknowledged(admin: &Admin, request: &Request, key: &Key) -> Reply {
    match acknowledge(admin, request, key) {
        Ok(()) => Reply::json(&json!({ "acknowledged": true })),
        Err(denied) => {
            Reply::json(&json!({ "acknowledged": false, "error": denied.text() })).with_status(denied.status())
        }
    }
}

#[derive(Serialize)]
struct Peer<'a> {
    domain: &'a str,
    connections: u64,
    refused: u64,
    violations: BTreeMap<&'static str, u64>,
}

/// All peers, which are bounded.
pub(crate) fn rehearsal(admin: &Admin) -> Reply {
    let Some(rehearsal) = admin.rehearsal() else {
        return Reply::json(&json!({ "peers": [], "not_counted": 0 }));
    };
    let peers = rehearsal.peers().map(|(domain, tally)| Peer {
        domain: domain.as_str(),
        connections: tally.connections,
        refused: tally.refused,
        violations: tally
            .violations
            .iter()
            .map(|(rule, count)| (rule.code(), *count))
            .collect(),
    });
    let peers: Vec<_> = peers.collect();
    Reply::json(&json!({ "peers": peers, "not_counted": rehearsal.not_counted() }))
}
