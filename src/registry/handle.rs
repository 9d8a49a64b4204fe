use super::{Mechanism, Proof, Registry};
use crate::ledger::Assessment;
use crate::security::SecurityReport;
use std::sync::Arc;
use xmpp_tls_core::Side;

/// A session in a [`Registry`], which is off it when this is dropped. It is told what happens to the session.
#[derive(Debug)]
#[must_use = "the session is off the registry when this is dropped"]
pub struct Registered {
    registry: Registry,
    number: u64,
}

impl Registered {
    pub(super) fn new(registry: Registry, number: u64) -> Self {
        Registered { registry, number }
    }

    /// The number of the session.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What protects it is known: [`Event::Secured`](crate::session::Event::Secured), and also
    /// [`Event::Plaintext`](crate::session::Event::Plaintext). On a session that we opened, a good certificate
    /// authenticates the peer with it; on others what authenticates is for [`authenticated`](Self::authenticated).
    pub fn secured(&self, report: impl Into<Arc<SecurityReport>>) {
        let report = report.into();
        let by_certificate = report.side() == Side::Initiating && report.is_authenticated();
        self.registry.change(self.number, |entry, counters| {
            let known = entry.report.as_ref();
            if known.is_some_and(|known| Arc::ptr_eq(known, &report)) {
                return false;
            }
            if known.is_none() {
                counters.secured(entry.session_type, &report);
            }
            entry.report = Some(report);
            let proof = Proof::from(Mechanism::Certificate);
            if by_certificate && entry.prove(true, proof) {
                counters.authenticated(entry.session_type, &Mechanism::Certificate);
            }
            true
        });
    }

    /// The peer proved who it is: an [`AuthenticatedPair`](crate::federation::AuthenticatedPair) of a server, or the
    /// mechanism by which a client logged in. What is known already is no news.
    pub fn authenticated(&self, proof: impl Into<Proof>) {
        let proof = proof.into();
        self.registry.change(self.number, |entry, counters| {
            let by = proof.by.clone();
            let is_new = entry.prove(true, proof);
            if is_new {
                counters.authenticated(entry.session_type, &by);
            }
            is_new
        });
    }

    /// The peer took our proof.
    pub fn accepted(&self, proof: impl Into<Proof>) {
        let proof = proof.into();
        self.registry.change(self.number, |entry, counters| {
            let by = proof.by.clone();
            let is_new = entry.prove(false, proof);
            if is_new {
                counters.accepted(entry.session_type, &by);
            }
            is_new
        });
    }

    /// What the ledger says about its certificate: of [`Decision::Compared`](crate::ledger::Decision::Compared), or of
    /// [`Ledger::observe`](crate::ledger::Ledger::observe).
    pub fn assessed(&self, assessment: impl Into<Arc<Assessment>>) {
        let assessment = assessment.into();
        self.registry.change(self.number, |entry, counters| {
            counters.assessed(entry.session_type, &assessment);
            entry.change = Some(assessment);
            entry.acknowledged = false;
            true
        });
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.remove(self.number);
    }
}
