//! Any export of a certificate ledger: no panic, every bound is kept, and what is read is written as it was read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pki_types::UnixTime;
use std::time::Duration;
use xmpp_tls::ledger::{ChangePolicy, Leaf, Ledger, MemoryStore, Record, Sighting, Snapshot};

fuzz_target!(|data: &[u8]| {
    let Ok(snapshot) = serde_json::from_slice::<Snapshot>(data) else { return };
    let written = serde_json::to_string(&snapshot).expect("text");
    assert_eq!(serde_json::from_str::<Snapshot>(&written).expect("our own text"), snapshot);

    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_767_225_600));
    let ledger = Ledger::new(MemoryStore::default()).with_policy(ChangePolicy::strict());
    let done = ledger.import(&snapshot, now).expect("memory");
    let records: Vec<_> = ledger.records().collect::<Result<_, _>>().expect("memory");
    assert_eq!(records.len() as u64, done.added);
    for (key, record) in records {
        assert!(record.known().count() <= Record::MAX_KNOWN && record.pending().count() <= Record::MAX_PENDING);
        for known in &record.certificates {
            let leaf = &known.leaf;
            assert!(leaf.names.len() <= Leaf::MAX_NAMES && leaf.issuer.len() <= Leaf::MAX_TEXT_OCTETS);
            assert!(leaf.names.iter().map(String::len).sum::<usize>() <= Leaf::MAX_NAMES_OCTETS);
            // What was imported is seen again, and once more with another key.
            let mut other = leaf.clone();
            other.sha256[0] ^= 1;
            other.spki_sha256[0] ^= 1;
            for shown in [leaf.clone(), other] {
                if let Some(sighting) = Sighting::from_parts(key.clone(), true, Some(shown), known.voucher) {
                    drop(ledger.observe(&sighting, now).expect("memory").to_string());
                }
            }
        }
    }
});
