use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the ledger cannot do what it is asked to. Its one line names the file, what is wrong, and what to do.
#[derive(Clone, thiserror::Error)]
#[error("certificate ledger{}: {kind}", path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default())]
pub struct LedgerError {
    path: Option<Arc<PathBuf>>,
    kind: LedgerErrorKind,
}

/// Its text: a `main` that returns the error shows it this way.
impl fmt::Debug for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerError({self})")
    }
}

/// What is wrong.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerErrorKind {
    /// There is no such file.
    #[error("there is no such file: correct the path, or create a new ledger where there never was one")]
    Missing,
    /// A ledger is to be created in a folder that there is not.
    #[error("its folder does not exist: create that first, or correct the path")]
    NoFolder,
    /// A ledger is to be created where there is something already.
    #[error("there is something already: open it instead, or move it away")]
    Exists,
    /// Another process, or another part of this one, has it open.
    #[error("it is open elsewhere: only one process at a time may use it, so end the other one")]
    InUse,
    /// It cannot be written, or not even read.
    #[error("access is denied ({0}): let this user write the file, and mount its file system for writing")]
    Denied(Arc<io::Error>),
    /// There is no room for it to grow.
    #[error("no room to write ({0}): free some; what was written before is safe")]
    NoSpace(Arc<io::Error>),
    /// What is in the file is not what was written to it.
    #[error(
        "the file is damaged or no ledger ({0}): restore it from a copy, or create a new one elsewhere and import an \
         export; it was not replaced"
    )]
    Corrupt(String),
    /// A newer version of this library wrote it.
    #[error("it has schema {found}, and this version knows up to {known}: use the newer version that wrote it")]
    Schema {
        /// What it has.
        found: u64,
        /// What is known.
        known: u64,
    },
    /// It has as many records as it may.
    #[error(
        "it is full with {limit} records: prune it, or open it with a larger limit; nothing is forgotten to make room"
    )]
    Full {
        /// How many.
        limit: u64,
    },
    /// The system failed otherwise.
    #[error("the system says: {0}")]
    Io(Arc<io::Error>),
    /// The record changed again and again while it was being written.
    #[error("the record is changed by somebody else all the time: try again")]
    Contended,
    /// A store of the application's own failed.
    #[error("{0}")]
    Store(String),
}

impl LedgerError {
    /// An error of a store. `path` is the file it is about, if there is one.
    pub fn new(path: Option<&Path>, kind: LedgerErrorKind) -> Self {
        LedgerError {
            path: path.map(|path| Arc::new(path.to_owned())),
            kind,
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> &LedgerErrorKind {
        &self.kind
    }

    /// The file it is about.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_ref().map(|path| path.as_path())
    }
}

impl From<LedgerErrorKind> for LedgerError {
    fn from(kind: LedgerErrorKind) -> Self {
        LedgerError { path: None, kind }
    }
}

impl From<io::Error> for LedgerErrorKind {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound => LedgerErrorKind::Missing,
            ErrorKind::AlreadyExists => LedgerErrorKind::Exists,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => LedgerErrorKind::Denied(Arc::new(error)),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                LedgerErrorKind::NoSpace(Arc::new(error))
            }
            // What a file is called that ends where it should not, or holds something else.
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData => LedgerErrorKind::Corrupt(error.to_string()),
            _ => LedgerErrorKind::Io(Arc::new(error)),
        }
    }
}
