//! What a server does for its page: it tells what happens to registry, ledger, history and rehearsal.

use crate::peers::{CLIENTS, FAILING, Failure, Peers, STREAMS};
use std::sync::{Arc, Mutex, PoisonError};
use xmpp_tls::history::{Attempt, History};
use xmpp_tls::io;
use xmpp_tls::io::tokio::{LinkInfo, LinkPurpose, Notice};
use xmpp_tls::ledger::{Decision, Ledger};
use xmpp_tls::policy::{Policy, Rehearsal, ServerAuthentication};
use xmpp_tls::registry::{Links, Registry};
use xmpp_tls::session::Target;

pub(crate) struct Watch {
    pub(crate) registry: Registry,
    pub(crate) history: Arc<Mutex<History>>,
    pub(crate) ledger: Ledger,
    pub(crate) rehearsal: Arc<Mutex<Rehearsal>>,
}

impl Watch {
    /// Until the server ends. `ready` is called once, when everything that this demonstration shows is there.
    pub(crate) async fn follow(&self, mut peers: Peers, ready: impl FnOnce()) -> Result<(), Failure> {
        let mut ready = Some(ready);
        let mut links = Links::new(self.registry.clone());
        let mut failed = 0;
        while let Some(notice) = peers.notices.recv().await {
            links.notice(&notice, io::now().wall);
            match &notice {
                Notice::Secured(link) => self.compare(link, &links),
                Notice::Ended {
                    opened_to: Some(domain),
                    outcome,
                    ..
                } => {
                    failed += 1;
                    let running = Attempt::begin(
                        &Target::new(domain.clone()).from_server(peers.own.clone()),
                        None,
                        peers.began,
                    );
                    let now = io::now().instant;
                    self.history
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .record(match outcome {
                            Err(error) => running.failed(error, now),
                            Ok(_) => running.abandoned(now),
                        });
                }
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

    /// Before anything is sent a server that refuses changes would ask. This one only tells.
    fn compare(&self, link: &LinkInfo, links: &Links) {
        let (Some(report), LinkPurpose::Stanzas) = (&link.report, link.purpose) else {
            return;
        };
        if let Ok(Decision::Compared(assessment)) = self.ledger.decide(report, io::now().wall) {
            links.assessed(link.number, *assessment);
        }
        if let Some(domain) = report.domain() {
            let mut stricter = Policy::modern();
            stricter.servers = ServerAuthentication::Certificate;
            let mut rehearsal = self.rehearsal.lock().unwrap_or_else(PoisonError::into_inner);
            rehearsal.record(domain, &stricter.evaluate(report));
        }
    }
}
