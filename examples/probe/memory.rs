//! What was seen before, in a file.

use std::path::Path;
use std::sync::Arc;
use xmpp_tls::io;
use xmpp_tls::ledger::{Assessment, Ledger, LedgerError, Reaction, RedbStore};

/// The ledger in `file`, which is begun if there is none.
pub(crate) fn open(file: &Path) -> Result<Arc<Ledger>, LedgerError> {
    let store = match file.exists() {
        true => RedbStore::open(file)?,
        false => {
            let store = RedbStore::create(file)?;
            eprintln!("{} begins here: everything is seen for the first time", file.display());
            store
        }
    };
    Ok(Arc::new(Ledger::new(store)))
}

/// Accepts what was shown; whether there was anything.
pub(crate) fn acknowledge(ledger: &Ledger, found: &Assessment) -> Result<bool, LedgerError> {
    match &found.shown {
        Some(shown) => ledger.acknowledge(&found.key, &shown.spki_sha256, "probe --acknowledge", io::now().wall),
        None => Ok(false),
    }
}

/// Whether somebody should look at it.
pub(crate) fn is_alarming(found: Option<&Assessment>) -> bool {
    found.is_some_and(|found| found.reaction > Reaction::Inform)
}
