use super::{Registered, Registry};
use crate::federation::StreamNumber;
use crate::io::tokio::{LinkInfo, Notice};
use crate::ledger::Assessment;
use pki_types::UnixTime;
use std::collections::BTreeMap;
use std::sync::Arc;
use xmpp_tls_core::StreamKind;

/// The streams of a [`Federation`](crate::io::tokio::Federation) in a [`Registry`], by its notices.
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
            Notice::Authenticated { link, pair } => {
                if let Some(session) = self.open.get(link) {
                    session.authenticated(pair);
                }
            }
            Notice::Ended { link: Some(link), .. } => drop(self.open.remove(&link.number)),
            Notice::Stanza { .. }
            | Notice::Undelivered { .. }
            | Notice::Refused { .. }
            | Notice::Rejected { .. }
            | Notice::Ended { link: None, .. } => {}
        }
    }

    /// What the ledger says about the certificate of a stream.
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
    }
}
