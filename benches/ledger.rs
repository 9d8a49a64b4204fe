//! What a ledger of 100,000 domains costs: to open it, and to ask it about one, beside the handshake it is asked for.
//!
//! `cargo bench --bench ledger`. Every subject is another domain each time. Nothing here passes or fails.

#[path = "support/memory.rs"]
#[allow(dead_code, reason = "another bench uses the rest")]
mod memory;
#[path = "support/ratio.rs"]
mod ratio;
#[path = "../tests/common/ledger.rs"]
#[allow(dead_code, unreachable_pub, reason = "tests use the rest")]
mod sightings;

use memory::Subjects;
use sightings::{Folder, key, next_random, seen_at, sighting};
use std::cell::Cell;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
use xmpp_tls::ledger::{ChangePolicy, Key, Ledger, LedgerStore as _, MemoryStore, Record, RedbStore, Sighting};

xmpp_tls_testkit::count_allocations!();

const DOMAINS: u32 = 100_000;
const BUSY: usize = 1000;
const OPENINGS: usize = 31;
const ROUNDS: usize = 201;

fn main() {
    let folder = Folder::new();
    let records = records();
    let store = RedbStore::create(folder.file()).expect("a new file");
    let begin = Instant::now();
    store.add(&records).expect("room");
    println!(
        "{:<34} {:>10.1} ms",
        "written in one step",
        begin.elapsed().as_secs_f64() * 1e3
    );
    durable_write(store, &folder);
    let size = fs::metadata(folder.file()).expect("a file").len();
    println!("{:<34} {:>10.1} MB", "file", size as f64 / 1e6);
    opening("opened, median", &folder.file(), None);
    let killed = folder.path().join("killed");
    opening(
        "opened after kill -9, median",
        &folder.path().join("copy"),
        Some(&killed),
    );
    answers(&folder, &records);
}

fn records() -> Vec<(Key, Record)> {
    let ledger = Ledger::new(MemoryStore::default());
    for number in 0..DOMAINS {
        ledger.observe(&sighting(number, b'a'), seen_at()).expect("memory");
    }
    ledger.records().collect::<Result<_, _>>().expect("memory")
}

/// One first sight after the other, each told to the disk; then the file as a killed process leaves it.
fn durable_write(store: RedbStore, folder: &Folder) {
    let ledger = Ledger::new(store);
    let mut times = Vec::new();
    for number in DOMAINS..DOMAINS + 100 {
        let sighting = sighting(number, b'a');
        let begin = Instant::now();
        let found = ledger.observe(&sighting, seen_at()).expect("a ledger");
        times.push(begin.elapsed().as_secs_f64());
        assert!(found.not_recorded.is_none(), "{found}");
    }
    println!(
        "{:<34} {:>10.2} ms",
        "a first sight, durable, median",
        ratio::median(&times) * 1e3
    );
    fs::copy(folder.file(), folder.path().join("killed")).expect("room");
}

fn opening(name: &str, file: &Path, fresh_copy_of: Option<&Path>) {
    let times: Vec<f64> = (0..OPENINGS)
        .map(|_| {
            if let Some(original) = fresh_copy_of {
                fs::copy(original, file).expect("room");
            }
            let begin = Instant::now();
            let store = RedbStore::open(file).expect("a ledger");
            let time = begin.elapsed().as_secs_f64();
            assert_eq!(store.len().expect("a ledger"), u64::from(DOMAINS) + 100);
            time
        })
        .collect();
    println!("{name:<34} {:>10.1} ms", ratio::median(&times) * 1e3);
}

fn answers(folder: &Folder, records: &[(Key, Record)]) {
    let ledger = Ledger::new(RedbStore::open(folder.file()).expect("a ledger"));
    let store = RedbStore::open(folder.path().join("copy")).expect("a ledger");
    let subjects = Subjects::new();
    let all = subjects.all();
    let (_, handshake) = all
        .iter()
        .find(|(name, _)| *name == "handshake")
        .expect("it is one of them");
    let random = Cell::new(1);
    let any = || {
        random.set(next_random(random.get()));
        u32::try_from(random.get() % u64::from(DOMAINS)).expect("a small number")
    };
    let known: Vec<Sighting> = (0..DOMAINS).map(|number| sighting(number, b'a')).collect();
    let changed: Vec<Sighting> = (0..DOMAINS).map(|number| sighting(number, b'x').resumed()).collect();
    let at = |list: &[Sighting]| list[any() as usize].clone();
    let policy = ChangePolicy::default();
    let key_of: Vec<Key> = (0..DOMAINS).map(key).collect();
    let look_up = || drop(black_box(store.read(&key_of[any() as usize]).expect("a ledger")));
    let classify = || {
        let (_, record) = &records[any() as usize];
        black_box(xmpp_tls::ledger::classify(Some(record), &changed[0], seen_at()));
    };
    let judge = || {
        let number = any() as usize;
        drop(black_box(policy.judge(
            Some(records[number].1.clone()),
            &changed[number],
            seen_at(),
        )));
    };
    let unchanged = || drop(black_box(ledger.observe(&at(&known), seen_at()).expect("a ledger")));
    let alarming = || drop(black_box(ledger.observe(&at(&changed), seen_at()).expect("a ledger")));
    let busy = || drop(black_box(store.read(&key_of[any() as usize % BUSY]).expect("a ledger")));
    let works: [(&str, &dyn Fn()); 7] = [
        ("bare handshake, both sides", &**handshake),
        ("look-up", &look_up),
        ("look-up, of 1,000 busy domains", &busy),
        ("classification", &classify),
        ("judgement of a change", &judge),
        ("answer: unchanged", &unchanged),
        ("answer: another key and authority", &alarming),
    ];
    let times = ratio::interleave(&works.map(|(_, work)| work), ROUNDS);
    println!(
        "\n{:<34} {:>10} {:>14}",
        "one domain of 100,000, any", "median µs", "of handshake"
    );
    for (index, (name, _)) in works.iter().enumerate() {
        println!(
            "{name:<34} {:>10.2} {:>13.2}%",
            ratio::median(&times[index]) * 1e6,
            ratio::median_of_ratios(&times[index], &times[0]) * 100.0
        );
    }
}
