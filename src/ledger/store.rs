use super::{Key, LedgerError, LedgerErrorKind, Record};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where the records of a [`Ledger`](super::Ledger) are.
///
/// It needs no transactions of its caller: a record is read, judged, and replaced if it is still the same.
pub trait LedgerStore: Send + Sync + fmt::Debug {
    /// The record of a key.
    ///
    /// # Errors
    /// The store cannot be read. "Nothing is known" is `Ok(None)`, and never stands for a failure.
    fn read(&self, key: &Key) -> Result<Option<Record>, LedgerError>;

    /// Puts `new` in place of `old`, or removes it where `new` is `None`. When it returns it is there to stay, also
    /// if the process or the system ends now. `Ok(false)`: the record is not `old` any more, and nothing was done.
    ///
    /// # Errors
    /// The store cannot be written, or is full. Nothing was changed then.
    fn replace(&self, key: &Key, old: Option<&Record>, new: Option<&Record>) -> Result<bool, LedgerError>;

    /// Adds the records of keys that have none; returns how many that were. Unless a store does better, one after
    /// the other.
    ///
    /// # Errors
    /// The store cannot be written, or has no room.
    fn add(&self, records: &[(Key, Record)]) -> Result<u64, LedgerError> {
        let mut added = 0;
        for (key, record) in records {
            added += u64::from(self.replace(key, None, Some(record))?);
        }
        Ok(added)
    }

    /// Up to `limit` records behind `after`, in the order of [`Key::to_bytes`]; from the first one for `None`.
    ///
    /// # Errors
    /// The store cannot be read.
    fn page(&self, after: Option<&Key>, limit: usize) -> Result<Vec<(Key, Record)>, LedgerError>;

    /// How many records there are.
    ///
    /// # Errors
    /// The store cannot be read.
    fn len(&self) -> Result<u64, LedgerError>;

    /// Whether there is none.
    ///
    /// # Errors
    /// The store cannot be read.
    fn is_empty(&self) -> Result<bool, LedgerError> {
        self.len().map(|len| len == 0)
    }
}

/// Records in memory: gone with the process. For tests, and for programs that keep them by
/// `Ledger::export` (feature `serde`).
pub struct MemoryStore {
    records: Mutex<BTreeMap<Vec<u8>, (Key, Record)>>,
    limit: usize,
}

impl MemoryStore {
    /// Records it holds unless told otherwise.
    pub const DEFAULT_LIMIT: usize = 100_000;

    /// Empty, for so many records.
    pub fn with_limit(limit: usize) -> Self {
        MemoryStore {
            records: Mutex::default(),
            limit,
        }
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, (Key, Record)>> {
        // Nothing is half done where a panic could come.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("records", &self.records().len())
            .field("limit", &self.limit)
            .finish()
    }
}

impl LedgerStore for MemoryStore {
    fn read(&self, key: &Key) -> Result<Option<Record>, LedgerError> {
        Ok(self.records().get(&key.to_bytes()).map(|(_, record)| record.clone()))
    }

    fn replace(&self, key: &Key, old: Option<&Record>, new: Option<&Record>) -> Result<bool, LedgerError> {
        let bytes = key.to_bytes();
        let mut records = self.records();
        if records.get(&bytes).map(|(_, record)| record) != old {
            return Ok(false);
        }
        match new {
            Some(_) if old.is_none() && records.len() >= self.limit => {
                let limit = u64::try_from(self.limit).unwrap_or(u64::MAX);
                return Err(LedgerErrorKind::Full { limit }.into());
            }
            Some(record) => drop(records.insert(bytes, (key.clone(), record.clone()))),
            None => drop(records.remove(&bytes)),
        }
        Ok(true)
    }

    fn page(&self, after: Option<&Key>, limit: usize) -> Result<Vec<(Key, Record)>, LedgerError> {
        let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.to_bytes()));
        let records = self.records();
        Ok(records
            .range((from, Bound::Unbounded))
            .take(limit)
            .map(|(_, entry)| entry.clone())
            .collect())
    }

    fn len(&self) -> Result<u64, LedgerError> {
        Ok(u64::try_from(self.records().len()).unwrap_or(u64::MAX))
    }
}
