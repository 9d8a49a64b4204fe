use super::encoding::{decode, encode};
use super::{Key, LedgerError, LedgerErrorKind, LedgerStore, Record};
use redb::{Builder, TableDefinition};
use redb::{Database, ReadOnlyTable, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _};
use std::fs::{File, OpenOptions};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::{fmt, fs};

/// Records by [`Key::to_bytes`].
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The entry of `META` that says how the rest is to be read.
const SCHEMA: &str = "schema";
const VERSION: u64 = 1;
/// Memory for pages. More than this is read again from the file, which the system keeps in memory as a rule.
const CACHE_OCTETS: usize = 64 << 20;

/// Records in one file, durably, by the embedded database redb. For one process at a time.
///
/// When a write returns, the file has been told to the disk (`fsync`): it survives the end of the process and of the
/// system at any moment. The file is checked from end to end when it is opened, so that damage is an error then and
/// never a wrong answer later. Nothing is ever begun anew by itself: [`open`](Self::open) takes a file that is there,
/// [`create`](Self::create) one that is not.
///
/// A record takes about 250 octets for a domain with one certificate, and at the limits 20 KiB.
///
/// ```no_run
/// use xmpp_tls::ledger::{Ledger, LedgerErrorKind, RedbStore};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = "/var/lib/example/certificates.redb";
/// let store = match RedbStore::open(path) {
///     // Whoever removed the file had everything forgotten: somebody is to know that it begins anew.
///     Err(error) if matches!(error.kind(), LedgerErrorKind::Missing) => {
///         eprintln!("{path} begins here: every certificate is seen for the first time");
///         RedbStore::create(path)?
///     }
///     opened => opened?,
/// };
/// let ledger = Ledger::new(store);
/// # Ok(()) }
/// ```
pub struct RedbStore {
    path: PathBuf,
    limit: u64,
    /// `None` after a write that failed: the next call opens the file again.
    open: RwLock<Option<Open>>,
}

type View = ReadOnlyTable<&'static [u8], &'static [u8]>;
type Records<'a> = redb::Table<'a, &'static [u8], &'static [u8]>;

/// The open file, and what the last commit left, for reading without waiting for a write. `None` only while it is
/// dropped.
struct Open(Option<(View, Database)>);

impl Open {
    fn view(&self) -> Result<&View, LedgerErrorKind> {
        self.0.as_ref().map(|(view, _)| view).ok_or(LedgerErrorKind::Contended)
    }

    fn database(&self) -> Result<&Database, LedgerErrorKind> {
        self.0
            .as_ref()
            .map(|(_, database)| database)
            .ok_or(LedgerErrorKind::Contended)
    }

    fn renew_view(&mut self) -> Result<(), LedgerErrorKind> {
        if let Some((view, database)) = &mut self.0 {
            *view = view_of(database)?;
        }
        Ok(())
    }
}

/// Closing writes too, and the file may be another by then.
impl Drop for Open {
    fn drop(&mut self) {
        let open = self.0.take();
        drop(guarded(|| {
            drop(open);
            Ok(())
        }));
    }
}

impl RedbStore {
    /// Records it holds unless told otherwise.
    pub const DEFAULT_LIMIT: u64 = 200_000;

    /// A new file, readable by its owner only.
    ///
    /// # Errors
    /// There is a file already, or it cannot be written.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, LedgerError> {
        let path = path.into();
        let at = |kind| LedgerError::new(Some(&path), kind);
        new_file(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => at(LedgerErrorKind::NoFolder),
            _ => at(error.into()),
        })?;
        let made = initialise(&path).and_then(|open| {
            // The name of the file is durable only with its folder.
            sync_folder(&path)?;
            Ok(open)
        });
        match made {
            Ok(open) => Ok(Self::with(path, open)),
            Err(kind) => {
                // It is ours and nothing is in it. If it cannot be removed, `open` will say what it is.
                if !matches!(kind, LedgerErrorKind::InUse) {
                    drop(fs::remove_file(&path));
                }
                Err(at(kind))
            }
        }
    }

    /// A file that [`create`](Self::create) made.
    ///
    /// # Errors
    /// It is not there, is in use, cannot be written, is damaged, or comes from a newer version. It is left as it is.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, LedgerError> {
        let path = path.into();
        match open_file(&path) {
            Ok(open) => Ok(Self::with(path, open)),
            Err(kind) => Err(LedgerError::new(Some(&path), kind)),
        }
    }

    fn with(path: PathBuf, open: Open) -> Self {
        RedbStore {
            path,
            limit: Self::DEFAULT_LIMIT,
            open: RwLock::new(Some(open)),
        }
    }

    /// Another limit for the number of records.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, kind: LedgerErrorKind) -> LedgerError {
        LedgerError::new(Some(&self.path), kind)
    }

    /// Does something with the open file, opening it again if a write failed before.
    fn with_open<T>(&self, work: impl FnOnce(&Open) -> Result<T, LedgerErrorKind>) -> Result<T, LedgerError> {
        let guard = self.opened().map_err(|kind| self.error(kind))?;
        match guard.as_ref() {
            Some(open) => guarded(|| work(open)).map_err(|kind| self.error(kind)),
            // Another thread's write failed in this moment.
            None => Err(self.error(LedgerErrorKind::Contended)),
        }
    }

    fn opened(&self) -> Result<RwLockReadGuard<'_, Option<Open>>, LedgerErrorKind> {
        {
            let guard = self.open.read().unwrap_or_else(PoisonError::into_inner);
            if guard.is_some() {
                return Ok(guard);
            }
        }
        let mut guard = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if guard.is_none() {
            *guard = Some(open_file(&self.path)?);
        }
        drop(guard);
        Ok(self.open.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the table in one durable step, or not at all if `work` says that there is nothing to do.
    fn write(&self, work: impl FnOnce(&mut Records<'_>) -> Result<u64, LedgerErrorKind>) -> Result<u64, LedgerError> {
        let written = self.with_open(|open| {
            let mut transaction = open.database()?.begin_write().map_err(kind_of)?;
            // With one phase a damaged last write is taken for one that was cut off, and what it held is gone without
            // a word.
            transaction.set_two_phase_commit(true);
            let done = work(&mut transaction.open_table(RECORDS).map_err(kind_of)?)?;
            if done > 0 {
                transaction.commit().map_err(kind_of)?;
            }
            Ok(done)
        });
        let failed = match &written {
            Ok(0) => return written,
            Ok(_) => false,
            Err(error) => match error.kind() {
                LedgerErrorKind::Full { .. } | LedgerErrorKind::Contended => return written,
                _ => true,
            },
        };
        let mut guard = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // redb does nothing more after a write that failed, until the file is opened again.
        let usable = guard
            .as_mut()
            .is_some_and(|open| !failed && guarded(|| open.renew_view()).is_ok());
        if !usable {
            *guard = None;
        }
        written
    }

    /// One change, within a write. Whether there was one to make.
    fn put(
        &self,
        table: &mut Records<'_>,
        key: &Key,
        old: Option<&Record>,
        new: Option<&Record>,
    ) -> Result<bool, LedgerErrorKind> {
        let key = key.to_bytes();
        let current = read_bytes(
            table
                .get(key.as_slice())
                .map_err(kind_of)?
                .map(|bytes| bytes.value().to_vec()),
        )?;
        if current.as_ref() != old {
            return Ok(false);
        }
        match new {
            Some(_) if old.is_none() && table.len().map_err(kind_of)? >= self.limit => {
                return Err(LedgerErrorKind::Full { limit: self.limit });
            }
            Some(record) => drop(
                table
                    .insert(key.as_slice(), encode(record).as_slice())
                    .map_err(kind_of)?,
            ),
            None => drop(table.remove(key.as_slice()).map_err(kind_of)?),
        }
        Ok(true)
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore")
            .field("path", &self.path)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl LedgerStore for RedbStore {
    fn read(&self, key: &Key) -> Result<Option<Record>, LedgerError> {
        self.with_open(|open| {
            let found = open.view()?.get(key.to_bytes().as_slice()).map_err(kind_of)?;
            read_bytes(found.as_ref().map(|bytes| bytes.value()))
        })
    }

    fn replace(&self, key: &Key, old: Option<&Record>, new: Option<&Record>) -> Result<bool, LedgerError> {
        let written = self.write(|table| self.put(table, key, old, new).map(u64::from))?;
        Ok(written > 0)
    }

    /// All or none, in one write.
    fn add(&self, records: &[(Key, Record)]) -> Result<u64, LedgerError> {
        self.write(|table| {
            let mut added = 0;
            for (key, record) in records {
                added += u64::from(self.put(table, key, None, Some(record))?);
            }
            Ok(added)
        })
    }

    fn page(&self, after: Option<&Key>, limit: usize) -> Result<Vec<(Key, Record)>, LedgerError> {
        let after = after.map(Key::to_bytes);
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        self.with_open(|open| {
            let range = open.view()?.range::<&[u8]>((from, Bound::Unbounded)).map_err(kind_of)?;
            let mut page = Vec::new();
            for entry in range.take(limit) {
                let (key, record) = entry.map_err(kind_of)?;
                let key = Key::from_bytes(key.value());
                let entry = key.zip(read_bytes(Some(record.value()))?);
                page.push(entry.ok_or_else(|| LedgerErrorKind::Corrupt("a key cannot be read".to_owned()))?);
            }
            Ok(page)
        })
    }

    fn len(&self) -> Result<u64, LedgerError> {
        self.with_open(|open| open.view()?.len().map_err(kind_of))
    }
}

/// redb takes a file for what it wrote once it has checked it, and panics where somebody, or the disk, changes it
/// afterwards. That is an error like the others.
fn guarded<T>(work: impl FnOnce() -> Result<T, LedgerErrorKind>) -> Result<T, LedgerErrorKind> {
    let changed = || LedgerErrorKind::Corrupt("it was changed while it was open".to_owned());
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(changed()))
}

fn read_bytes(bytes: Option<impl AsRef<[u8]>>) -> Result<Option<Record>, LedgerErrorKind> {
    let unreadable = || LedgerErrorKind::Corrupt("a record cannot be read".to_owned());
    bytes
        .map(|bytes| decode(bytes.as_ref()).ok_or_else(unreadable))
        .transpose()
}

fn new_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // It tells whom the system talks to.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.sync_all()
}

fn sync_folder(path: &Path) -> Result<(), LedgerErrorKind> {
    // Elsewhere a folder cannot be opened, and needs no telling.
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all())?;
    }
    Ok(())
}

fn initialise(path: &Path) -> Result<Open, LedgerErrorKind> {
    let database = builder(CACHE_OCTETS).create(path).map_err(kind_of)?;
    let transaction = database.begin_write().map_err(kind_of)?;
    transaction.open_table(RECORDS).map_err(kind_of)?;
    transaction
        .open_table(META)
        .map_err(kind_of)?
        .insert(SCHEMA, VERSION)
        .map_err(kind_of)?;
    transaction.commit().map_err(kind_of)?;
    ready(database)
}

fn open_file(path: &Path) -> Result<Open, LedgerErrorKind> {
    guarded(|| open_with_cache(path, CACHE_OCTETS))
}

fn open_with_cache(path: &Path, cache: usize) -> Result<Open, LedgerErrorKind> {
    let mut builder = builder(cache);
    builder.set_check_integrity_on_open(true);
    let database = builder.open(path).map_err(kind_of)?;
    let schema = {
        let transaction = database.begin_read().map_err(kind_of)?;
        let meta = transaction.open_table(META).map_err(kind_of)?;
        meta.get(SCHEMA).map_err(kind_of)?.map(|version| version.value())
    };
    match schema {
        Some(VERSION) => ready(database),
        Some(found) => Err(LedgerErrorKind::Schema { found, known: VERSION }),
        None => Err(LedgerErrorKind::Corrupt(
            "it does not say which schema it has".to_owned(),
        )),
    }
}

fn builder(cache: usize) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(cache);
    builder
}

fn ready(database: Database) -> Result<Open, LedgerErrorKind> {
    Ok(Open(Some((view_of(&database)?, database))))
}

fn view_of(database: &Database) -> Result<View, LedgerErrorKind> {
    let transaction = database.begin_read().map_err(kind_of)?;
    transaction.open_table(RECORDS).map_err(kind_of)
}

fn kind_of(error: impl Into<redb::Error>) -> LedgerErrorKind {
    match error.into() {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => LedgerErrorKind::InUse,
        redb::Error::Io(error) => error.into(),
        error @ (redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. }) => LedgerErrorKind::Corrupt(error.to_string()),
        error => LedgerErrorKind::Store(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki_types::UnixTime;
    use xmpp_tls_core::{Side, StreamKind};

    #[test]
    fn a_file_that_is_changed_while_it_is_open_is_an_error() {
        let path = std::env::temp_dir().join(format!("xmpp-tls-changed-{}.redb", std::process::id()));
        drop(fs::remove_file(&path));
        let records: Vec<(Key, Record)> = (0..200)
            .map(|number| {
                let remote = format!("a{number}.example").parse().unwrap();
                let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(number));
                let key = Key::new(StreamKind::ClientToServer, Side::Initiating, None, remote);
                (key, Record::new(now))
            })
            .collect();
        let store = RedbStore::create(&path).unwrap();
        assert_eq!(store.add(&records).unwrap(), 200);
        drop(store);
        // Without a cache, so that every page is read when it is needed.
        let store = RedbStore::with(path.clone(), open_with_cache(&path, 0).unwrap());
        assert_eq!(store.len().unwrap(), 200);
        let mut bytes = fs::read(&path).unwrap();
        bytes[4096..].fill(0xa5);
        fs::write(&path, bytes).unwrap();
        for (key, record) in &records {
            match store.read(key) {
                Ok(read) => assert_eq!(read.as_ref(), Some(record)),
                Err(error) => assert!(matches!(error.kind(), LedgerErrorKind::Corrupt(_)), "{error}"),
            }
        }
        assert!(store.read(&records[0].0).is_err());
        drop(store);
        fs::remove_file(&path).unwrap();
    }
}
