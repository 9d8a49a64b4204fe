//! What STARTTLS costs: the clear exchange alone, beside a bare rustls handshake and whole sessions.
//!
//! `cargo bench --bench starttls` prints times as ratios of interleaved runs, because absolute times of
//! one machine say nothing on another, and counts allocations and reallocations, which are exact.
//! `-- --only SUBJECT COUNT` runs one subject so many times and nothing else: `benches/instructions.sh`
//! counts instructions with it. Nothing here passes or fails.

#[path = "support/loopback.rs"]
mod loopback;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/ratio.rs"]
mod ratio;

use memory::Subjects;
use xmpp_tls_testkit::alloc_counter;

xmpp_tls_testkit::count_allocations!();

const ROUNDS: usize = 201;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let subjects = Subjects::new();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--only", name, count] => {
            let count = count.parse().expect("a number");
            let (_, work) = subjects
                .all()
                .into_iter()
                .find(|(known, _)| known == name)
                .expect("a subject");
            (0..count).for_each(|_| work());
        }
        [] => report(&subjects),
        _ => eprintln!("usage: starttls [--only exchange|handshake|session|session-direct COUNT]"),
    }
}

fn report(subjects: &Subjects) {
    let all = subjects.all();
    println!(
        "{:<16} {:>12} {:>14} {:>12} {:>8}",
        "both sides", "median µs", "of handshake", "allocations", "bytes"
    );
    let works: Vec<&dyn Fn()> = all.iter().map(|(_, work)| &**work).collect();
    let times = ratio::interleave(&works, ROUNDS);
    let handshake = all
        .iter()
        .position(|(name, _)| *name == "handshake")
        .expect("it is one of them");
    for (index, (name, work)) in all.iter().enumerate() {
        let counted = alloc_counter::measure_least(ALLOCATOR, 20, work);
        println!(
            "{name:<16} {:>12.2} {:>13.2}% {:>12} {:>8}",
            ratio::median(&times[index]) * 1e6,
            ratio::median_of_ratios(&times[index], &times[handshake]) * 100.0,
            counted.count,
            counted.bytes,
        );
    }

    println!("\n{:<16} {:>12} {:>14}", "loopback", "median ms", "of bare TLS");
    let connections = loopback::Connections::new(subjects.world());
    let all = connections.all();
    let works: Vec<&dyn Fn()> = all.iter().map(|(_, work)| &**work).collect();
    let times = ratio::interleave(&works, ROUNDS);
    for (index, (name, _)) in all.iter().enumerate() {
        println!(
            "{name:<16} {:>12.3} {:>13.2}%",
            ratio::median(&times[index]) * 1e3,
            ratio::median_of_ratios(&times[index], &times[0]) * 100.0,
        );
    }
}
