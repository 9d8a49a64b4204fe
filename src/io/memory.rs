use crate::history::{Attempt, History};
#[cfg(feature = "tokio")]
use crate::ledger::LedgerErrorKind;
use crate::ledger::{CertificateLedger, Decision, Refusal, Sighting};
use crate::security::SecurityReport;
use pki_types::UnixTime;
use std::sync::{Arc, Mutex, PoisonError};

/// What a driver remembers of connections: which certificates were shown, and how attempts ended. Nothing by default.
/// Clones share it.
///
/// With a ledger each connection is compared with what is known when TLS is up, before anything else is said on it, and
/// one that the ledger refuses ends there ([`Error::Ledger`](super::Error::Ledger)).
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use xmpp_tls::history::History;
/// use xmpp_tls::io::Memory;
/// use xmpp_tls::ledger::{Ledger, MemoryStore};
///
/// let history = Arc::new(Mutex::new(History::default()));
/// let memory = Memory::default()
///     .with_ledger(Arc::new(Ledger::new(MemoryStore::default())))
///     .with_history(history.clone());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Memory {
    ledger: Option<Arc<dyn CertificateLedger>>,
    history: Option<Arc<Mutex<History>>>,
}

impl Memory {
    /// With a ledger of certificates. A [`Ledger`](crate::ledger::Ledger) is asked on the thread that drives the
    /// connection, which waits where something is written down; where that is too much, with the feature `tokio`,
    /// `io::tokio::OffloadedLedger` goes around it.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Arc<dyn CertificateLedger>) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// With a history of attempts.
    #[must_use]
    pub fn with_history(mut self, history: Arc<Mutex<History>>) -> Self {
        self.history = Some(history);
        self
    }

    /// What the ledger says about a connection that we opened and whose TLS is up; `None` without a ledger. Drivers
    /// ask this before they go on.
    ///
    /// # Errors
    ///
    /// The connection is to be closed.
    pub async fn decide(&self, report: &SecurityReport, now: UnixTime) -> Result<Option<Decision>, Refusal> {
        match &self.ledger {
            Some(ledger) => ledger.decide(report, now).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same of a server that connected to us and proved who it is; see
    /// [`Incoming::sighting`](crate::federation::Incoming::sighting).
    ///
    /// # Errors
    ///
    /// The connection is to be closed.
    pub async fn observe(&self, sighting: &Sighting, now: UnixTime) -> Result<Option<Decision>, Refusal> {
        match &self.ledger {
            Some(ledger) => {
                let observed = ledger.observe(sighting, now).await;
                Decision::of(Some(observed), ledger.policy()).map(Some)
            }
            None => Ok(None),
        }
    }

    /// What follows where the ledger does not answer.
    #[cfg(feature = "tokio")]
    pub(super) fn unanswered(&self) -> Result<Option<Decision>, Refusal> {
        let Some(ledger) = &self.ledger else { return Ok(None) };
        let error = LedgerErrorKind::Store("it does not answer in time".to_owned());
        Decision::of(Some(Err(error.into())), ledger.policy()).map(Some)
    }

    /// Adds an attempt to the history, if there is one.
    pub fn record(&self, attempt: impl FnOnce() -> Attempt) {
        if let Some(history) = &self.history {
            // Whoever panicked while holding it left it whole: each record is one call.
            history.lock().unwrap_or_else(PoisonError::into_inner).record(attempt());
        }
    }
}
