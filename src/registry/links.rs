use super::{Registered, Registry};
use crate::federation::StreamNumber;
use crate::io::Error;
use crate::io::tokio::{LinkInfo, LinkPurpose, Notice};
use crate::ledger::{Assessment, Decision, Refusal};
use crate::session::Closed;
use pki_types::UnixTime;
use std::collections::BTreeMap;
use std::sync::Arc;
use xmpp_tls_core::{Side, StreamKind};

/// The streams of a [`Federation`](crate::io::tokio::Federation) in a [`Registry`], by its notices.
///
/// Where the federation has a ledger in its [`Memory`](crate::io::Memory), what that says is told to the registry too. A
/// stream that the ledger refused is listed for the moment that it takes to count it.
///
/// ```no_run
/// use xmpp_tls::io::{self, tokio::Notice};
/// use xmpp_tls::registry::{Links, Registry};
///
/// # async fn example(mut notices: tokio::sync::mpsc::Receiver<Notice>, registry: &Registry) {
/// let mut links = Links::new(registry.clone());
/// while let Some(notice) = notices.recv().await {
///     links.notice(&notice, io::now().wall);
///     // and whatever else there is to do about it
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Links {
    registry: Registry,
    open: BTreeMap<StreamNumber, Registered>,
}

impl Links {
    /// Of one federation: the numbers of another are others.
    pub fn new(registry: Registry) -> Self {
        Links {
            registry,
            open: BTreeMap::new(),
        }
    }

    /// Tells the registry what a notice says about a stream.
    pub fn notice(&mut self, notice: &Notice, now: UnixTime) {
        match notice {
            Notice::Secured(link) => self.secured(link, now),
            Notice::Accepted { link, pair } => {
                if let Some(session) = self.open.get(link) {
                    session.accepted(pair);
                }
            }
            Notice::Authenticated { link, pair, decision } => {
                if let Some(session) = self.open.get(link) {
                    session.authenticated(pair);
                    compared(session, decision.as_ref());
                }
            }
            Notice::Ended {
                link, purpose, outcome, ..
            } => self.ended(link.as_deref(), *purpose, outcome, now),
            Notice::Stanza { .. } | Notice::Undelivered { .. } | Notice::Refused { .. } | Notice::Rejected { .. } => {}
        }
    }

    /// What a ledger that the federation does not have says about the certificate of a stream.
    pub fn assessed(&self, link: StreamNumber, assessment: impl Into<Arc<Assessment>>) {
        if let Some(session) = self.open.get(&link) {
            session.assessed(assessment);
        }
    }

    fn secured(&mut self, link: &LinkInfo, now: UnixTime) {
        let Some(report) = &link.report else { return };
        let session = self.open.entry(link.number).or_insert_with(|| {
            let side = report.side();
            self.registry.register(StreamKind::ServerToServer, side, now)
        });
        session.secured(report.clone());
        // What was proved meanwhile is told again, and no news then.
        link.authenticated.iter().for_each(|pair| session.authenticated(pair));
        link.accepted.iter().for_each(|pair| session.accepted(pair));
        compared(session, link.decision.as_ref());
    }

    fn ended(&mut self, link: Option<&LinkInfo>, purpose: LinkPurpose, outcome: &Result<Closed, Error>, now: UnixTime) {
        let open = link.and_then(|link| self.open.remove(&link.number));
        if let Err(Error::Ledger(refusal)) = outcome
            && let Refusal::Changed(assessment) = &**refusal
        {
            let side = match purpose {
                LinkPurpose::Accepted => Side::Receiving,
                LinkPurpose::Stanzas | LinkPurpose::Verification => Side::Initiating,
            };
            // It ended before anything was told about it.
            let session = open.unwrap_or_else(|| self.registry.register(StreamKind::ServerToServer, side, now));
            session.assessed((**assessment).clone());
        }
    }
}

fn compared(session: &Registered, decision: Option<&Decision>) {
    if let Some(assessment) = decision.and_then(Decision::assessment) {
        session.assessed(assessment.clone());
    }
}
