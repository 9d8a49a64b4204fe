//! Files that are not what was written: each is an error that says so, or what was written is all there. Nothing
//! panics, nothing is taken for an empty ledger, and the file is not replaced.

#[path = "common/ledger.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
mod ledger;

use ledger::{Folder, key, next_random, seen_at, sighting};
use std::fs;
use xmpp_tls::ledger::{Key, Ledger, LedgerError, LedgerErrorKind, Record, RedbStore};

const RECORDS: u32 = 60;

type All = Vec<(Key, Record)>;

fn all(ledger: &Ledger) -> Result<All, LedgerError> {
    ledger.records().collect()
}

/// A file with records, as it is after a proper end, as it is when its process is killed, and what is in it.
fn files(folder: &Folder) -> ([Vec<u8>; 2], All) {
    let ledger = Ledger::new(RedbStore::create(folder.file()).unwrap());
    for number in 0..RECORDS {
        let found = ledger.observe(&sighting(number, b'a'), seen_at()).unwrap();
        assert!(found.not_recorded.is_none());
    }
    let spki = sighting(7, b'a').leaf().unwrap().spki_sha256;
    assert!(ledger.acknowledge(&key(7), &spki, "ops", seen_at()).unwrap());
    let killed = fs::read(folder.file()).unwrap();
    let records = all(&ledger).unwrap();
    drop(ledger);
    ([fs::read(folder.file()).unwrap(), killed], records)
}

/// Opens a damaged file; what is wrong with it, if that is found.
fn open(folder: &Folder, bytes: &[u8], expected: &All, what: &str) -> Option<LedgerError> {
    fs::write(folder.file(), bytes).unwrap();
    let read = RedbStore::open(folder.file()).and_then(|store| all(&Ledger::new(store)));
    match read {
        Ok(records) => {
            assert!(records == *expected, "{what}: {} records, and no error", records.len());
            None
        }
        Err(error) => {
            let text = error.to_string();
            assert!(matches!(error.kind(), LedgerErrorKind::Corrupt(_)), "{what}: {error:?}");
            assert!(
                text.contains("certificates.redb") && text.contains("restore it from a copy"),
                "{text}"
            );
            Some(error)
        }
    }
}

#[test]
fn a_changed_octet_anywhere_is_found_or_does_no_harm() {
    let folder = Folder::new();
    let (files, expected) = files(&folder);
    for (file, state) in files.iter().zip(["closed", "killed"]) {
        assert!(open(&folder, file, &expected, state).is_none());
        let (mut at, mut found, mut random) = (0, 0, 30);
        while at < file.len() {
            let mut damaged = file.clone();
            random = next_random(random);
            damaged[at] ^= 1 << (random % 8);
            let error = open(&folder, &damaged, &expected, &format!("{state}, octet {at}"));
            if error.is_some() {
                found += 1;
                let left = fs::read(folder.file()).unwrap();
                assert_eq!(left.len(), damaged.len(), "the file was replaced");
            }
            // All of the head, and some of every page.
            at += if at < 512 {
                1
            } else {
                usize::try_from(random >> 16).unwrap() % 300 + 1
            };
        }
        assert!(found > 100, "{state}: only {found} were found");
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let folder = Folder::new();
    let (files, expected) = files(&folder);
    for (file, state) in files.iter().zip(["closed", "killed"]) {
        let lengths = (0..64).chain((64..file.len()).step_by(997)).chain([file.len() - 1]);
        for length in lengths {
            let error = open(
                &folder,
                &file[..length],
                &expected,
                &format!("{state}, cut to {length}"),
            );
            assert!(
                length > file.len() / 2 || error.is_some(),
                "{state}, cut to {length}: not found"
            );
        }
    }
}

#[test]
fn pages_that_are_overwritten_are_found_or_do_no_harm() {
    let folder = Folder::new();
    let (files, expected) = files(&folder);
    for (file, state) in files.iter().zip(["closed", "killed"]) {
        for page in 0..file.len() / 4096 {
            for filling in [0x00, 0xff] {
                let mut damaged = file.clone();
                damaged[page * 4096..(page + 1) * 4096].fill(filling);
                open(
                    &folder,
                    &damaged,
                    &expected,
                    &format!("{state}, page {page} of {filling:#x}"),
                );
            }
            // An earlier page in its place, whose own checksum is right.
            let mut damaged = file.clone();
            damaged.copy_within(0..4096, page * 4096);
            open(
                &folder,
                &damaged,
                &expected,
                &format!("{state}, page {page} of the first one"),
            );
        }
    }
}

#[test]
fn what_is_no_ledger_is_not_made_one() {
    let folder = Folder::new();
    let missing = RedbStore::open(folder.file()).unwrap_err();
    assert!(matches!(missing.kind(), LedgerErrorKind::Missing), "{missing}");
    assert!(
        missing.to_string().contains("correct the path, or create a new ledger"),
        "{missing}"
    );
    assert!(!folder.file().exists());
    let nowhere = RedbStore::create(folder.file().join("ledger")).unwrap_err();
    assert!(nowhere.to_string().contains("its folder does not exist"), "{nowhere}");
    for text in [&b""[..], b"not a database", &[0; 100_000]] {
        assert!(open(&folder, text, &Vec::new(), "no ledger").is_some());
        assert_eq!(fs::read(folder.file()).unwrap(), text, "it was changed");
        let exists = RedbStore::create(folder.file()).unwrap_err();
        assert!(matches!(exists.kind(), LedgerErrorKind::Exists), "{exists}");
        assert_eq!(fs::read(folder.file()).unwrap(), text, "it was changed");
    }
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let folder = Folder::new();
    drop(RedbStore::create(folder.file()).unwrap());
    {
        let database = redb::Database::open(folder.file()).unwrap();
        let transaction = database.begin_write().unwrap();
        let meta = redb::TableDefinition::<&str, u64>::new("meta");
        transaction.open_table(meta).unwrap().insert("schema", 2).unwrap();
        transaction.commit().unwrap();
    }
    let error = RedbStore::open(folder.file()).unwrap_err();
    assert!(
        matches!(error.kind(), LedgerErrorKind::Schema { found: 2, known: 1 }),
        "{error}"
    );
    assert!(error.to_string().contains("use the newer version"), "{error}");
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_and_not_an_unknown_domain() {
    let folder = Folder::new();
    drop(RedbStore::create(folder.file()).unwrap());
    {
        let database = redb::Database::open(folder.file()).unwrap();
        let transaction = database.begin_write().unwrap();
        let records = redb::TableDefinition::<&[u8], &[u8]>::new("records");
        let mut table = transaction.open_table(records).unwrap();
        table
            .insert(key(1).to_bytes().as_slice(), &b"\x02 of a later version"[..])
            .unwrap();
        drop(table);
        transaction.commit().unwrap();
    }
    let ledger = Ledger::new(RedbStore::open(folder.file()).unwrap());
    let error = ledger.observe(&sighting(1, b'a'), seen_at()).unwrap_err();
    assert!(matches!(error.kind(), LedgerErrorKind::Corrupt(_)), "{error}");
    assert!(all(&ledger).is_err());
}
