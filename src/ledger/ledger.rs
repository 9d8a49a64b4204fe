use super::{Assessment, ChangePolicy, Key, LedgerError, LedgerErrorKind, LedgerStore, Reaction, Record, Sighting};
use crate::security::SecurityReport;
use pki_types::UnixTime;
use std::fmt;
use std::sync::Arc;

/// How often a record that somebody else changes meanwhile is judged anew.
const ATTEMPTS: usize = 8;
/// Records read at once.
const PAGE: usize = 256;

/// A ledger over a [`LedgerStore`], for programs that may wait for a disk; copies share the store.
///
/// Reading takes microseconds. A write, which a first sight, a change, and once an hour a certificate that is known
/// needs, takes as long as the store needs to make it durable: milliseconds on a disk.
#[derive(Debug, Clone)]
pub struct Ledger {
    store: Arc<dyn LedgerStore>,
    policy: ChangePolicy,
}

impl Ledger {
    /// Over this store, with the default [`ChangePolicy`].
    pub fn new(store: impl LedgerStore + 'static) -> Self {
        Self::from_store(Arc::new(store))
    }

    /// The same over a store that is shared, or chosen when the program runs.
    pub fn from_store(store: Arc<dyn LedgerStore>) -> Self {
        Ledger {
            store,
            policy: ChangePolicy::default(),
        }
    }

    /// Another policy.
    #[must_use]
    pub fn with_policy(mut self, policy: ChangePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The policy.
    pub fn policy(&self) -> &ChangePolicy {
        &self.policy
    }

    /// Compares a sighting with what is known, and writes it down. What cannot be written is judged all the same:
    /// [`Assessment::not_recorded`] says why it could not.
    ///
    /// # Errors
    /// What is known cannot be read, so that there is nothing to compare with.
    pub fn observe(&self, sighting: &Sighting, now: UnixTime) -> Result<Assessment, LedgerError> {
        let mut attempts = 0;
        loop {
            let before = self.store.read(sighting.key())?;
            let judgement = self.policy.judge(before, sighting, now);
            let mut assessment = judgement.assessment;
            let Some(update) = judgement.update else {
                return Ok(assessment);
            };
            let written = self
                .store
                .replace(sighting.key(), assessment.before.as_ref(), Some(&update));
            attempts += 1;
            match written {
                Ok(true) => return Ok(assessment),
                Ok(false) if attempts < ATTEMPTS => {}
                Ok(false) => {
                    assessment.not_recorded = Some(LedgerErrorKind::Contended.into());
                    return Ok(assessment);
                }
                Err(error) => {
                    assessment.not_recorded = Some(error);
                    return Ok(assessment);
                }
            }
        }
    }

    /// What to do about a connection, to be asked when [`Event::Secured`](crate::session::Event::Secured) or
    /// [`Event::Plaintext`](crate::session::Event::Plaintext) comes, before anything is said on it.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn decide(&self, report: &SecurityReport, now: UnixTime) -> Result<Decision, Refusal> {
        let observed = Sighting::of(report).map(|sighting| self.observe(&sighting, now));
        Decision::of(observed, &self.policy)
    }

    /// What is known of a key.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn record(&self, key: &Key) -> Result<Option<Record>, LedgerError> {
        self.store.read(key)
    }

    /// Everything that is known, in the order of the domains, read as the iterator goes on.
    pub fn records(&self) -> impl Iterator<Item = Result<(Key, Record), LedgerError>> + '_ {
        self.records_after(None)
    }

    /// The same from behind a key on, which need not be there: how a list is shown page by page.
    pub fn records_after(&self, after: Option<Key>) -> impl Iterator<Item = Result<(Key, Record), LedgerError>> + '_ {
        let mut page = Vec::new().into_iter();
        let mut last = after;
        let mut done = false;
        std::iter::from_fn(move || {
            if page.len() == 0 && !done {
                match self.store.page(last.as_ref(), PAGE) {
                    Ok(next) => page = next.into_iter(),
                    Err(error) => {
                        done = true;
                        return Some(Err(error));
                    }
                }
            }
            let Some((key, record)) = page.next() else {
                done = true;
                return None;
            };
            last = Some(key.clone());
            Some(Ok((key, record)))
        })
    }

    /// Accepts the certificates with this key, as an operator's decision: it is durable when this returns.
    /// `false`: no certificate with it was seen.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn acknowledge(&self, key: &Key, spki_sha256: &[u8; 32], by: &str, now: UnixTime) -> Result<bool, LedgerError> {
        self.change(key, |record| {
            let mut record = record.clone();
            record.acknowledge(spki_sha256, by, now).then_some(Some(record))
        })
    }

    /// Forgets a key: what it shows next is seen for the first time. For a domain that gave up TLS on purpose, and
    /// for one that is gone. Whether there was anything to forget.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn forget(&self, key: &Key) -> Result<bool, LedgerError> {
        self.change(key, |_| Some(None))
    }

    /// Forgets what was not seen since `before` and no operator acknowledged; returns how many records that were.
    ///
    /// # Errors
    /// The store cannot be read or written. What was forgotten until then stays so.
    pub fn prune(&self, before: UnixTime) -> Result<u64, LedgerError> {
        let old = |record: &Record| record.last_seen < before.as_secs() && !record.is_acknowledged();
        let mut pruned = 0;
        for entry in self.records() {
            let (key, record) = entry?;
            if old(&record) && self.change(&key, |record| old(record).then_some(None))? {
                pruned += 1;
            }
        }
        Ok(pruned)
    }

    #[cfg(feature = "serde")]
    pub(super) fn add(&self, records: &[(Key, Record)]) -> Result<u64, LedgerError> {
        self.store.add(records)
    }

    /// Changes a record; the inner `None` removes it, the outer one leaves it.
    fn change(&self, key: &Key, change: impl Fn(&Record) -> Option<Option<Record>>) -> Result<bool, LedgerError> {
        for _ in 0..ATTEMPTS {
            let Some(before) = self.store.read(key)? else {
                return Ok(false);
            };
            let Some(after) = change(&before) else { return Ok(false) };
            if self.store.replace(key, Some(&before), after.as_ref())? {
                return Ok(true);
            }
        }
        Err(LedgerErrorKind::Contended.into())
    }
}

/// What a ledger says about a connection that may go on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Decision {
    /// It is compared with what is known.
    Compared(Box<Assessment>),
    /// It was not, because the ledger cannot be read, and the policy takes that
    /// ([`ChangePolicy::unavailable`]).
    NotCompared(LedgerError),
    /// There is nothing to compare yet: who the peer is that connected to us is not proved.
    NotYet,
}

impl Decision {
    /// What changed, where it was compared.
    pub fn assessment(&self) -> Option<&Assessment> {
        match self {
            Decision::Compared(assessment) => Some(assessment),
            Decision::NotCompared(_) | Decision::NotYet => None,
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decision::Compared(assessment) => assessment.fmt(f),
            Decision::NotCompared(error) => write!(f, "not compared with what was seen before: {error}"),
            Decision::NotYet => f.write_str("nothing to compare: the peer has not proved who it is"),
        }
    }
}

/// Why a connection is to be closed before anything is said on it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// What changed is what the policy refuses.
    #[error("{0}")]
    Changed(Box<Assessment>),
    /// The ledger cannot be read, and the policy refuses to go on without it.
    #[error("refused by policy, as nothing can be compared: {0}")]
    Unavailable(LedgerError),
}

impl Decision {
    /// What follows from what was observed. For a [`CertificateLedger`](super::CertificateLedger) of your own.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn of(observed: Option<Result<Assessment, LedgerError>>, policy: &ChangePolicy) -> Result<Self, Refusal> {
        match observed {
            None => Ok(Decision::NotYet),
            Some(Ok(assessment)) if assessment.is_refused() => Err(Refusal::Changed(Box::new(assessment))),
            Some(Ok(assessment)) => Ok(Decision::Compared(Box::new(assessment))),
            Some(Err(error)) => match policy.unavailable {
                Reaction::Refuse => Err(Refusal::Unavailable(error)),
                Reaction::Inform | Reaction::Warn => Ok(Decision::NotCompared(error)),
            },
        }
    }
}
