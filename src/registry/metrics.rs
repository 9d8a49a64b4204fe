//! What is counted, with labels that cannot grow without end.

use super::exposition::{Exposition, Kind};
use super::{Entry, Mechanism, SessionType};
use crate::ledger::{Assessment, Reaction};
use crate::security::{Authentication, SecurityReport};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use xmpp_identity::{ChainStatus, IdentityStatus, Verdict};
use xmpp_starttls::TlsVersion;

/// Suites and mechanisms that are told apart, each.
const MAX_NAMES: usize = 64;
/// What the rest is called.
const OTHER: &str = "other";

/// Everything that was counted since the registry is there.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    registered: Family<0>,
    encrypted: Family<2>,
    plaintext: Family<0>,
    checked: Family<2>,
    authenticated: Family<1>,
    accepted: Family<1>,
    changes: Family<2>,
    not_listed: u64,
    ciphers: Names,
    mechanisms: Names,
}

/// One counter for each type of session and each set of further labels.
#[derive(Debug, Clone)]
struct Family<const N: usize>(BTreeMap<(SessionType, [Arc<str>; N]), u64>);

impl<const N: usize> Default for Family<N> {
    fn default() -> Self {
        Family(BTreeMap::new())
    }
}

impl<const N: usize> Family<N> {
    fn count(&mut self, session_type: SessionType, labels: [Arc<str>; N]) {
        let count = self.0.entry((session_type, labels)).or_default();
        *count = count.saturating_add(1);
    }

    fn write(&self, text: &mut Exposition, name: &'static str, names: [&str; N], help: &str) {
        text.family(name, Kind::Counter, help);
        for ((session_type, values), count) in &self.0 {
            let further = names.iter().zip(values).map(|(name, value)| (*name, &**value));
            let labels: Vec<_> = std::iter::once(("type", session_type.code())).chain(further).collect();
            text.sample(&labels, *count);
        }
    }
}

/// Names that are told apart, up to a limit.
#[derive(Debug, Clone, Default)]
struct Names(BTreeSet<Arc<str>>);

impl Names {
    fn label(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        if self.0.len() >= MAX_NAMES {
            return OTHER.into();
        }
        let name: Arc<str> = name.into();
        self.0.insert(name.clone());
        name
    }
}

impl Counters {
    pub(super) fn registered(&mut self, session_type: SessionType) {
        self.registered.count(session_type, []);
    }

    pub(super) fn not_listed(&mut self) {
        self.not_listed = self.not_listed.saturating_add(1);
    }

    pub(super) fn secured(&mut self, session_type: SessionType, report: &SecurityReport) {
        match report.tls() {
            Some(tls) => {
                let labels = [protocol(tls.version).into(), self.ciphers.label(&tls.cipher_suite_name)];
                self.encrypted.count(session_type, labels);
            }
            None => self.plaintext.count(session_type, []),
        }
        if let Some(labels) = checked(report.authentication()) {
            self.checked.count(session_type, labels.map(Arc::from));
        }
    }

    pub(super) fn authenticated(&mut self, session_type: SessionType, by: &Mechanism) {
        let label = self.mechanisms.label(by.label());
        self.authenticated.count(session_type, [label]);
    }

    pub(super) fn accepted(&mut self, session_type: SessionType, by: &Mechanism) {
        let label = self.mechanisms.label(by.label());
        self.accepted.count(session_type, [label]);
    }

    pub(super) fn assessed(&mut self, session_type: SessionType, assessment: &Assessment) {
        if let Some(change) = assessment.changes.gravest() {
            let labels = [change.code(), reaction(assessment.reaction)];
            self.changes.count(session_type, labels.map(Arc::from));
        }
    }

    pub(super) fn write(&self, text: &mut Exposition) {
        let Counters {
            registered,
            encrypted,
            plaintext,
            checked,
            authenticated,
            accepted,
            changes,
            not_listed,
            ciphers: _,
            mechanisms: _,
        } = self;
        registered.write(
            text,
            "xmpp_tls_registered_total",
            [],
            "Sessions that were opened or accepted",
        );
        let names = ["protocol", "cipher"];
        encrypted.write(text, "xmpp_tls_encrypted_total", names, "Encrypted sessions");
        plaintext.write(text, "xmpp_tls_plaintext_total", [], "Sessions without TLS");
        let names = ["chain", "identity"];
        checked.write(text, "xmpp_tls_checked_total", names, "Certificate validation results");
        let names = ["mechanism"];
        authenticated.write(
            text,
            "xmpp_tls_authenticated_total",
            names,
            "Peers that proved who they are",
        );
        accepted.write(text, "xmpp_tls_accepted_total", names, "Peers that took our proof");
        let names = ["change", "reaction"];
        changes.write(
            text,
            "xmpp_tls_changes_total",
            names,
            "Certificates by what changed about them",
        );
        text.family(
            "xmpp_tls_not_listed_total",
            Kind::Counter,
            "Sessions beyond the limit of the registry",
        );
        text.sample(&[], *not_listed);
    }
}

/// How many sessions there are of each type and state. Every combination has its line, so that none comes and goes.
pub(super) fn connections(text: &mut Exposition, sessions: &[Arc<Entry>]) {
    let mut counts = BTreeMap::new();
    for session in sessions {
        let state = (session.session_type, session.is_encrypted(), session.is_authenticated());
        *counts.entry(state).or_insert(0) += 1;
    }
    text.family("xmpp_tls_connections", Kind::Gauge, "Sessions that are open");
    for session_type in SessionType::ALL {
        for (encrypted, authenticated) in [(true, true), (true, false), (false, true), (false, false)] {
            let labels = [
                ("type", session_type.code()),
                ("encrypted", word(encrypted)),
                ("authenticated", word(authenticated)),
            ];
            let count = counts.get(&(*session_type, encrypted, authenticated));
            text.sample(&labels, count.copied().unwrap_or(0));
        }
    }
}

fn word(is_so: bool) -> &'static str {
    match is_so {
        true => "true",
        false => "false",
    }
}

/// As OpenSSL calls them, and thereby Prosody.
fn protocol(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::TLS_1_3 => "TLSv1.3",
        TlsVersion::TLS_1_2 => "TLSv1.2",
        TlsVersion::TLS_1_1 => "TLSv1.1",
        TlsVersion::TLS_1_0 => "TLSv1",
        TlsVersion::SSL_3_0 => "SSLv3",
        _ => OTHER,
    }
}

/// `None` where there was no certificate to check.
fn checked(authentication: &Authentication) -> Option<[&'static str; 2]> {
    match authentication {
        Authentication::Certificate { .. } => Some(["valid", "valid"]),
        Authentication::Rejected { verdict, .. } => of_verdict(verdict),
        Authentication::NotAsked => None,
    }
}

fn of_verdict(verdict: &Verdict) -> Option<[&'static str; 2]> {
    let chain = match verdict.chain {
        ChainStatus::Trusted { .. } => "valid",
        ChainStatus::Untrusted(_) => "invalid",
        _ => return None, // NoCertificate
    };
    let identity = match verdict.identity {
        IdentityStatus::Matched(_) => "valid",
        IdentityStatus::Mismatch { .. } | IdentityStatus::Unreadable(_) => "invalid",
        _ => "unknown", // NotChecked
    };
    Some([chain, identity])
}

fn reaction(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Inform => "inform",
        Reaction::Warn => "warn",
        Reaction::Refuse => "refuse",
    }
}
