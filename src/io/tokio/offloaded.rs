use crate::ledger::{Assessment, CertificateLedger, ChangePolicy, Ledger, LedgerError, LedgerErrorKind, Sighting};
use async_trait::async_trait;
use pki_types::UnixTime;
use tokio::task::spawn_blocking;

/// A [`Ledger`] that waits for its disk on threads for that, and not on those that drive connections.
///
/// A [`Ledger`] in a [`Memory`](crate::io::Memory) answers on the thread that asks, and where something is to be written
/// down waits there until it is durable: for each domain that is new or changed, and otherwise once an hour. For a client
/// that is right. A server of many peers puts this around it.
///
/// ```no_run
/// use std::sync::Arc;
/// use xmpp_tls::io::Memory;
/// use xmpp_tls::io::tokio::OffloadedLedger;
/// use xmpp_tls::ledger::{Ledger, RedbStore};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let ledger = Ledger::new(RedbStore::open("certificates.redb")?);
/// let memory = Memory::default().with_ledger(Arc::new(OffloadedLedger::new(ledger)));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct OffloadedLedger(Ledger);

impl OffloadedLedger {
    /// Asks this ledger.
    pub fn new(ledger: Ledger) -> Self {
        OffloadedLedger(ledger)
    }
}

#[async_trait]
impl CertificateLedger for OffloadedLedger {
    fn policy(&self) -> &ChangePolicy {
        self.0.policy()
    }

    async fn observe(&self, sighting: &Sighting, now: UnixTime) -> Result<Assessment, LedgerError> {
        let (ledger, sighting) = (self.0.clone(), sighting.clone());
        let observed = spawn_blocking(move || ledger.observe(&sighting, now)).await;
        observed.unwrap_or_else(|gone| Err(LedgerErrorKind::Store(gone.to_string()).into()))
    }
}
