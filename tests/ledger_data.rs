//! A ledger as data: there and back between stores, policies in files, and exports that somebody made up.

#[path = "common/ledger.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
mod ledger;

use ledger::{Folder, key, leaf, seen_at, sighting};
use serde_json::{Value, json};
use std::time::Duration;
use xmpp_tls::ledger::{
    ChangePolicy, Key, Leaf, Ledger, LedgerErrorKind, LedgerStore, MemoryStore, Reaction, Record, RedbStore, Sighting,
    Snapshot, Voucher,
};
use xmpp_tls::pki_types::UnixTime;
use xmpp_tls::{Side, StreamKind};

/// Records of every kind: acknowledged, waiting, superseded, of servers, inbound.
fn filled(ledger: &Ledger) {
    for number in 0..600 {
        ledger.observe(&sighting(number, b'a'), seen_at()).unwrap();
    }
    for number in 0..20 {
        ledger.observe(&sighting(number, b'b'), seen_at()).unwrap();
    }
    let spki = leaf(3, b'b').spki_sha256;
    assert!(
        ledger
            .acknowledge(&key(3), &spki, "ops@bücher.example", seen_at())
            .unwrap()
    );
    let local = Some("our.example".parse().unwrap());
    let inbound = Key::new(
        StreamKind::ServerToServer,
        Side::Receiving,
        local,
        "bücher.example".parse().unwrap(),
    );
    let shown = Sighting::from_parts(inbound, true, Some(leaf(7, b'c')), Voucher::Dane).unwrap();
    ledger.observe(&shown, seen_at()).unwrap();
}

fn all(ledger: &Ledger) -> Vec<(Key, Record)> {
    ledger.records().collect::<Result<_, _>>().unwrap()
}

fn json(ledger: &Ledger) -> String {
    serde_json::to_string(&ledger.export().unwrap()).unwrap()
}

#[test]
fn an_export_is_imported_as_it_was_into_any_store() {
    let folder = Folder::new();
    let original = Ledger::new(RedbStore::create(folder.file()).unwrap());
    filled(&original);
    let text = json(&original);
    let second = folder.path().join("second");
    for copy in [
        Ledger::new(MemoryStore::default()),
        Ledger::new(RedbStore::create(&second).unwrap()),
    ] {
        let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
        assert_eq!(snapshot.records().len(), 601);
        let done = copy.import(&snapshot, seen_at()).unwrap();
        assert_eq!((done.added, done.kept), (601, 0));
        assert_eq!(all(&copy), all(&original));
        assert_eq!(json(&copy), text);
        // What is known stays as it is.
        copy.forget(&key(3)).unwrap();
        copy.observe(&sighting(4, b'd'), seen_at()).unwrap();
        let four = copy.record(&key(4)).unwrap();
        let done = copy.import(&snapshot, seen_at()).unwrap();
        assert_eq!((done.added, done.kept), (1, 600));
        assert_eq!(copy.record(&key(4)).unwrap(), four);
        assert!(copy.record(&key(3)).unwrap().unwrap().is_acknowledged());
    }
    drop(RedbStore::open(&second).unwrap());
}

fn valid() -> Value {
    let ledger = Ledger::new(MemoryStore::default());
    for letter in [b'a', b'b'] {
        ledger.observe(&sighting(1, letter), seen_at()).unwrap();
    }
    ledger
        .acknowledge(&key(1), &leaf(1, b'a').spki_sha256, "ops", seen_at())
        .unwrap();
    serde_json::to_value(ledger.export().unwrap()).unwrap()
}

fn read(value: &Value) -> Result<Snapshot, String> {
    // As text: a `Value` has no order of its own.
    let records = &value["records"];
    let text = format!(
        r#"{{"format": {}, "version": {}, "records": {records}}}"#,
        value["format"], value["version"]
    );
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

#[test]
fn what_is_made_up_is_refused_with_a_reason() {
    assert!(read(&valid()).is_ok());
    let long = "a".repeat(Leaf::MAX_TEXT_OCTETS + 1);
    let names: Vec<String> = (0..40).map(|number| format!("dns:{number:02}")).collect();
    let large = vec![format!("dns:a{}", "a".repeat(600)), format!("dns:b{}", "b".repeat(600))];
    let records = "/records/0";
    let known = "/records/0/certificates/0";
    let cases = [
        ("/format", json!("something else"), "xmpp-tls certificate ledger"),
        ("/version", json!(2), "version 2 is not known"),
        ("/records", json!({}), "a list"),
        (&format!("{records}/kind"), json!("c2c"), "is no kind"),
        (&format!("{records}/side"), json!("both"), "is no side"),
        (&format!("{records}/remote"), json!("a b"), "not a valid domain"),
        (&format!("{records}/remote"), json!("x".repeat(1024)), "1023 octets"),
        (&format!("{records}/local"), json!(""), "must not be empty"),
        (&format!("{records}/first_seen"), json!(u64::MAX), "out of order"),
        (&format!("{records}/last_seen"), json!(0), "out of order"),
        (&format!("{records}/last_seen"), json!(-1), "invalid value"),
        (&format!("{records}/surprise"), json!(1), "unknown field"),
        (&format!("{known}/surprise"), json!(1), "unknown field"),
        (&format!("{known}/sha256"), json!("00"), "is no SHA-256"),
        (&format!("{known}/sha256"), json!("g".repeat(64)), "is no SHA-256"),
        (&format!("{known}/sha256"), json!("0".repeat(65)), "64 octets"),
        (&format!("{known}/spki_sha256"), json!(null), "a text"),
        (&format!("{known}/issuer"), json!(long), "256 octets"),
        (&format!("{known}/issuer_key"), json!(long), "256 octets"),
        (&format!("{known}/names"), json!(names), "32 entries"),
        (&format!("{known}/names"), json!(large), "too many"),
        (&format!("{known}/names"), json!(["dns:b", "dns:a"]), "not sorted"),
        (&format!("{known}/names"), json!(["dns:a", "dns:a"]), "given twice"),
        (&format!("{known}/voucher"), json!("everybody"), "is no voucher"),
        (&format!("{known}/pending"), json!(["unheard-of"]), "is no change"),
        (
            &format!("{known}/pending"),
            json!(["encryption-lost"]),
            "no certificate waits",
        ),
        (
            &format!("{known}/acknowledged"),
            json!({"by": long, "at": 0}),
            "256 octets",
        ),
        (
            &format!("{known}/acknowledged"),
            json!({"by": "", "at": u64::MAX}),
            "beyond all times",
        ),
        (&format!("{known}/more_names"), json!(1u64 << 32), "invalid value"),
    ];
    for (place, value, reason) in cases {
        let mut changed = valid();
        match changed.pointer_mut(place) {
            Some(there) => *there = value,
            None => {
                let (parent, field) = place.rsplit_once('/').unwrap();
                changed.pointer_mut(parent).unwrap()[field] = value;
            }
        }
        let error = read(&changed).expect_err(place);
        assert!(error.contains(reason), "{place}: {error}");
        assert!(error.len() < 600, "{place}: {error}");
    }

    let mut twice = valid();
    let first = twice["records"][0]["certificates"][0].clone();
    twice["records"][0]["certificates"]
        .as_array_mut()
        .unwrap()
        .push(first.clone());
    assert!(read(&twice).unwrap_err().contains("given twice"));
    for (pending, count) in [(json!([]), 9), (json!(["key-changed-early"]), 5)] {
        let many: Vec<Value> = (0..count)
            .map(|number| {
                let mut known = first.clone();
                known["sha256"] = json!(format!("{number:064x}"));
                known["pending"] = pending.clone();
                known
            })
            .collect();
        let mut crowded = valid();
        crowded["records"][0]["certificates"] = json!(many);
        assert!(read(&crowded).unwrap_err().contains("too many certificates"), "{count}");
    }
}

#[test]
fn the_head_comes_first_and_nothing_behind_the_records() {
    let format = r#""format": "xmpp-tls certificate ledger""#;
    for (text, reason) in [
        (r#"{"version": 1}"#.to_owned(), "\"format\" must stand where"),
        (format!("{{{format}}}"), "missing field `version`"),
        (
            format!(r#"{{{format}, "records": []}}"#),
            "\"version\" must stand where",
        ),
        (format!(r#"{{{format}, "version": 1}}"#), "missing field `records`"),
        (
            format!(r#"{{{format}, "version": 1, "records": [], "more": 1}}"#),
            "nothing comes behind",
        ),
        ("[]".to_owned(), "an export of a certificate ledger"),
        ("[".repeat(100_000), "an export of a certificate ledger"),
        (
            format!(r#"{{{format}, "version": 1, "records": {}"#, "[".repeat(100_000)),
            "a text of at most 8 octets",
        ),
    ] {
        let error = serde_json::from_str::<Snapshot>(&text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text:.80}: {error}");
    }
}

#[test]
fn times_to_come_become_now() {
    let later = UnixTime::since_unix_epoch(Duration::from_secs(seen_at().as_secs() - 1000));
    let snapshot = read(&valid()).unwrap();
    let ledger = Ledger::new(MemoryStore::default());
    ledger.import(&snapshot, later).unwrap();
    let record = ledger.record(&key(1)).unwrap().unwrap();
    let times = record.certificates.iter().flat_map(|known| {
        let accepted = known.acknowledged.as_ref().map(|operator| operator.at);
        [known.first_seen, known.last_seen].into_iter().chain(accepted)
    });
    assert!(
        times
            .chain([record.first_seen, record.last_seen])
            .all(|time| time == later.as_secs())
    );
}

/// What is there already is never forgotten to make room.
#[test]
fn a_full_store_keeps_what_it_has_and_says_so() {
    let folder = Folder::new();
    let memory = || Box::new(MemoryStore::with_limit(3)) as Box<dyn LedgerStore>;
    let file = Box::new(RedbStore::create(folder.file()).unwrap().with_limit(3)) as Box<dyn LedgerStore>;
    for store in [memory(), file] {
        let ledger = Ledger::from_store(store.into());
        for number in 0..3 {
            assert!(
                ledger
                    .observe(&sighting(number, b'a'), seen_at())
                    .unwrap()
                    .not_recorded
                    .is_none()
            );
        }
        let found = ledger.observe(&sighting(3, b'a'), seen_at()).unwrap();
        let error = found.not_recorded.unwrap();
        assert!(matches!(error.kind(), LedgerErrorKind::Full { limit: 3 }), "{error}");
        assert!(error.to_string().contains("prune it"), "{error}");
        // A change of what is known has room.
        assert!(
            ledger
                .observe(&sighting(1, b'b'), seen_at())
                .unwrap()
                .not_recorded
                .is_none()
        );
        assert_eq!(ledger.records().count(), 3);

        ledger
            .acknowledge(&key(1), &leaf(1, b'a').spki_sha256, "ops", seen_at())
            .unwrap();
        let later = UnixTime::since_unix_epoch(Duration::from_secs(seen_at().as_secs() + 1));
        assert_eq!(ledger.prune(seen_at()).unwrap(), 0);
        assert_eq!(ledger.prune(later).unwrap(), 2, "an operator accepted the third");
        assert!(ledger.forget(&key(1)).unwrap() && !ledger.forget(&key(1)).unwrap());
        assert_eq!(ledger.records().count(), 0);
    }
}

/// PIN-09, PIN-11: whatever a domain shows, its record stays small, and what waits never drives out what is known.
#[test]
fn a_record_is_bounded() {
    let ledger = Ledger::new(MemoryStore::default());
    let shown = |number: u8, voucher| {
        let mut leaf = leaf(1, number);
        leaf.names = (0..500).map(|name| format!("dns:{name:060}")).collect();
        leaf.issuer = "ü".repeat(500);
        Sighting::from_parts(key(1), true, Some(leaf), voucher).unwrap()
    };
    for number in 0..=255 {
        let voucher = if number % 2 == 0 {
            Voucher::Pin
        } else {
            Voucher::Anchors
        };
        ledger.observe(&shown(number, voucher), seen_at()).unwrap();
    }
    let record = ledger.record(&key(1)).unwrap().unwrap();
    assert_eq!(record.known().count(), Record::MAX_KNOWN);
    assert_eq!(record.pending().count(), Record::MAX_PENDING);
    for known in &record.certificates {
        assert!(known.leaf.names.len() <= Leaf::MAX_NAMES && known.leaf.issuer.len() <= Leaf::MAX_TEXT_OCTETS);
        assert!(known.leaf.names.iter().map(String::len).sum::<usize>() <= Leaf::MAX_NAMES_OCTETS);
        assert_eq!(known.leaf.names.len() + known.leaf.more_names as usize, 500);
    }
    assert!(serde_json::to_string(&ledger.export().unwrap()).unwrap().len() < 30_000);
}

/// A busy domain costs one write an hour.
#[test]
fn what_is_known_is_written_down_once_an_hour() {
    let ledger = Ledger::new(MemoryStore::default());
    let at = |minutes: u64| UnixTime::since_unix_epoch(Duration::from_secs(seen_at().as_secs() + minutes * 60));
    for minute in 0..=150 {
        ledger.observe(&sighting(1, b'a'), at(minute)).unwrap();
    }
    let record = ledger.record(&key(1)).unwrap().unwrap();
    assert_eq!((record.count, record.first_seen), (3, at(0).as_secs()));
    assert_eq!(record.last_seen, at(120).as_secs());
    // A clock that is set back makes nothing older.
    ledger.observe(&sighting(1, b'a'), at(0)).unwrap();
    assert_eq!(ledger.record(&key(1)).unwrap().unwrap(), record);
}

#[test]
fn a_policy_is_read_from_a_file() {
    let text = "key-changed-early = \"refuse\"\nunavailable = \"refuse\"\ncalmed-by-posh = false\n";
    let policy: ChangePolicy = toml::from_str(text).unwrap();
    assert_eq!(policy.key_changed_early, Reaction::Refuse);
    assert_eq!(policy.renewed, Reaction::Inform);
    assert!(!policy.calmed_by_posh && policy.calmed_by_dane);
    assert_eq!(toml::from_str::<ChangePolicy>("").unwrap(), ChangePolicy::default());
    for strict in [ChangePolicy::strict(), ChangePolicy::default()] {
        assert_eq!(
            toml::from_str::<ChangePolicy>(&toml::to_string(&strict).unwrap()).unwrap(),
            strict
        );
    }
    for bad in ["key-changed = \"refuse\"", "renewed = \"ignore\"", "renewed = 1"] {
        assert!(toml::from_str::<ChangePolicy>(bad).is_err(), "{bad}");
    }
}

/// What an operator accepted years ago is no reason to forget what is in use.
#[test]
fn what_was_replaced_goes_first() {
    let ledger = Ledger::new(MemoryStore::default());
    for number in 0..20u8 {
        let days = u64::from(number) * 85;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seen_at().as_secs() + days * 86_400));
        let mut shown = leaf(1, number);
        let lifetime = shown.not_after - shown.not_before;
        shown.not_before = i64::try_from(now.as_secs()).unwrap();
        shown.not_after = shown.not_before + lifetime;
        let spki = shown.spki_sha256;
        let shown = Sighting::from_parts(key(1), true, Some(shown), Voucher::Anchors).unwrap();
        let first = ledger.observe(&shown, now).unwrap();
        assert_eq!(first.reaction, Reaction::Inform, "{number}: {first}");
        assert!(
            !ledger.observe(&shown, now).unwrap().is_new,
            "{number} was forgotten at once"
        );
        if number < 12 {
            assert!(ledger.acknowledge(&key(1), &spki, "ops", now).unwrap());
        }
    }
}
