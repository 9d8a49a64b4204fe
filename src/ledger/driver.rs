use super::{Assessment, ChangePolicy, Decision, Ledger, LedgerError, Refusal, Sighting};
use crate::security::SecurityReport;
use async_trait::async_trait;
use pki_types::UnixTime;
use std::fmt;

/// A ledger that has to be waited for: what a driver asks.
///
/// [`Ledger`] is one. Its reads take microseconds and are done where it is called; a program with one thread for
/// many connections, and a disk that stalls, wraps it in what its runtime has for such work. A ledger of your own,
/// on a database over the network, reads the record, gives it to [`ChangePolicy::judge`], and writes what that
/// wants written, if the record is still the one that was judged:
///
/// ```
/// use xmpp_tls::ledger::{Assessment, CertificateLedger, ChangePolicy, Key, LedgerError, Record, Sighting};
/// # use pki_types::UnixTime;
///
/// #[derive(Debug)]
/// struct Remote { policy: ChangePolicy }
///
/// #[async_trait::async_trait]
/// impl CertificateLedger for Remote {
///     fn policy(&self) -> &ChangePolicy {
///         &self.policy
///     }
///
///     async fn observe(&self, sighting: &Sighting, now: UnixTime) -> Result<Assessment, LedgerError> {
///         loop {
///             let (before, version) = self.fetch(sighting.key()).await?;
///             let judgement = self.policy.judge(before, sighting, now);
///             let Some(update) = &judgement.update else { return Ok(judgement.assessment) };
///             if self.put(sighting.key(), update, version).await? {
///                 return Ok(judgement.assessment);
///             }
///         }
///     }
/// }
/// # impl Remote {
/// #     async fn fetch(&self, _: &Key) -> Result<(Option<Record>, u64), LedgerError> { Ok((None, 0)) }
/// #     async fn put(&self, _: &Key, _: &Record, _: u64) -> Result<bool, LedgerError> { Ok(true) }
/// # }
/// ```
#[async_trait]
pub trait CertificateLedger: Send + Sync + fmt::Debug {
    /// The policy.
    fn policy(&self) -> &ChangePolicy;

    /// Compares a sighting with what is known, and writes it down.
    ///
    /// # Errors
    /// What is known cannot be read, so that there is nothing to compare with.
    async fn observe(&self, sighting: &Sighting, now: UnixTime) -> Result<Assessment, LedgerError>;

    /// What to do about a connection: [`Ledger::decide`].
    ///
    /// # Errors
    /// The connection is to be closed.
    async fn decide(&self, report: &SecurityReport, now: UnixTime) -> Result<Decision, Refusal> {
        let observed = match Sighting::of(report) {
            Some(sighting) => Some(self.observe(&sighting, now).await),
            None => None,
        };
        Decision::of(observed, self.policy())
    }
}

#[async_trait]
impl CertificateLedger for Ledger {
    fn policy(&self) -> &ChangePolicy {
        Ledger::policy(self)
    }

    async fn observe(&self, sighting: &Sighting, now: UnixTime) -> Result<Assessment, LedgerError> {
        Ledger::observe(self, sighting, now)
    }
}
