//! What a server does for its page: its federation remembers, and its notices go to the registry and the rehearsal.

use crate::peers::{CLIENTS, FAILING, Failure, Peers, STREAMS};
use std::sync::{Arc, Mutex, PoisonError};
use xmpp_tls::history::History;
use xmpp_tls::io::tokio::{LinkInfo, LinkPurpose, Notice};
use xmpp_tls::io::{self, Memory};
use xmpp_tls::ledger::Ledger;
use xmpp_tls::policy::{Policy, Rehearsal, ServerAuthentication};
use xmpp_tls::registry::{Links, Registry};

pub(crate) struct Watch {
    pub(crate) registry: Registry,
    pub(crate) history: Arc<Mutex<History>>,
    pub(crate) ledger: Ledger,
    pub(crate) rehearsal: Arc<Mutex<Rehearsal>>,
}

impl Watch {
    pub(crate) fn memory(&self) -> Memory {
        Memory::default()
            .with_ledger(Arc::new(self.ledger.clone()))
            .with_history(self.history.clone())
    }

    /// Until the server ends. `ready` is called once, when everything that this demonstration shows is there.
    pub(crate) async fn follow(&self, mut peers: Peers, ready: impl FnOnce()) -> Result<(), Failure> {
        let mut ready = Some(ready);
        let mut links = Links::new(self.registry.clone());
        let mut failed = 0;
        while let Some(notice) = peers.notices.recv().await {
            links.notice(&notice, io::now().wall);
            match &notice {
                Notice::Secured(link) => self.rehearse(link),
                Notice::Ended { opened_to: Some(_), .. } => failed += 1,
                _ => {}
            }
            let proved = self.registry.snapshot();
            let proved = proved.iter().filter(|entry| !entry.accepted.is_empty()).count();
            if proved == STREAMS && failed >= FAILING && self.registry.len() >= STREAMS + CLIENTS {
                ready.take().into_iter().for_each(|ready| ready());
            }
        }
        Ok(())
    }

    /// What a stricter policy would have said.
    fn rehearse(&self, link: &LinkInfo) {
        let (Some(report), LinkPurpose::Stanzas) = (&link.report, link.purpose) else {
            return;
        };
        if let Some(domain) = report.domain() {
            let mut stricter = Policy::modern();
            stricter.servers = ServerAuthentication::Certificate;
            let mut rehearsal = self.rehearsal.lock().unwrap_or_else(PoisonError::into_inner);
            rehearsal.record(domain, &stricter.evaluate(report));
        }
    }
}
