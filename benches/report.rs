//! What the report of a connection costs to build and to show, beside the handshake that it is about.
//!
//! `cargo bench --bench report`. A chain of three, ECDSA P-256, of which the peer sends two. Nothing here passes or
//! fails.

#[path = "support/memory.rs"]
#[allow(dead_code, reason = "another bench uses the rest")]
mod memory;
#[path = "support/ratio.rs"]
mod ratio;

use memory::Subjects;
use std::hint::black_box;
use xmpp_tls::ledger::{Ledger, MemoryStore, Sighting};
use xmpp_tls::pki_types::UnixTime;
use xmpp_tls::session::Mode;

const ROUNDS: usize = 201;

fn main() {
    let subjects = Subjects::new();
    let all = subjects.all();
    let (_, handshake) = all
        .iter()
        .find(|(name, _)| *name == "handshake")
        .expect("it is one of them");
    let (client, _server) = subjects.open_sessions(Mode::StartTls);
    let report = client.report().expect("a secured session");
    let now = UnixTime::now();
    let ledger = Ledger::new(MemoryStore::default());
    let sighting = Sighting::of(report).expect("a client's report");
    let found = ledger.observe(&sighting, now).expect("memory");
    let view = report.view().at(now).with_change(&found);
    let warnings = || drop(black_box(view.warnings()));
    let text = || drop(black_box(view.text().to_string()));
    let narrow = || drop(black_box(view.text().width(80).coloured().to_string()));
    let redacted = view.clone().redacted();
    let hidden = || drop(black_box(redacted.text().to_string()));
    let line = || drop(black_box(view.line().to_string()));
    let json = || drop(black_box(serde_json::to_string(&view).expect("data")));
    let works: [(&str, &dyn Fn()); 7] = [
        ("bare handshake, both sides", &**handshake),
        ("warnings", &warnings),
        ("text", &text),
        ("text, 80 columns, coloured", &narrow),
        ("text, redacted", &hidden),
        ("line for a log", &line),
        ("JSON", &json),
    ];
    let times = ratio::interleave(&works.map(|(_, work)| work), ROUNDS);
    println!("{:<34} {:>10} {:>14}", "of one report", "median µs", "of handshake");
    for (index, (name, _)) in works.iter().enumerate() {
        println!(
            "{name:<34} {:>10.2} {:>13.2}%",
            ratio::median(&times[index]) * 1e6,
            ratio::median_of_ratios(&times[index], &times[0]) * 100.0
        );
    }
}
