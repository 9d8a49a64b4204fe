//! An attacker, and no pair authenticated that its authoritative server did not confirm, nor a stream used for
//! sending to anybody but its peer.
//!
//! Each run is a world of honest servers, an attacker with domains of its own and our server, driven by
//! a seed: streams open and end, messages are lost, answers to different streams overtake each other,
//! time passes, and our own side misroutes what it can. `cargo test` runs 20,000 of them;
//!
//! ```sh
//! cargo test --release -p xmpp-dialback --test simulation -- --ignored --nocapture
//! ```
//!
//! runs a million. `SIMULATION_RUNS` and `SIMULATION_SEED` change that, also to repeat a run that failed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod network;
mod world;

use world::{Tally, World};

/// Each run follows from its seed, so that it does not matter which thread takes it.
fn simulate(first: u64, runs: u64) -> Tally {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| scope.spawn(move || simulate_one_in(threads, first + worker, first + runs)))
            .collect();
        for worker in workers {
            // What it found is printed by the thread itself.
            tally += worker.join().expect("the property holds");
        }
    });
    tally
}

fn simulate_one_in(stride: u64, first: u64, end: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in (first..end).step_by(stride as usize) {
        let mut world = World::new(seed);
        for step in 1..=90 {
            world.step();
            world.check();
            if step % 9 == 0 {
                world.check_sending();
            }
        }
        tally += world.tally();
    }
    tally
}

fn number(variable: &str, default: u64) -> u64 {
    #[allow(
        clippy::disallowed_methods,
        reason = "how many and which runs is not behaviour of the library"
    )]
    let set = std::env::var(variable);
    set.ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Nothing is proved by worlds in which nothing happens.
fn judge(tally: &Tally, runs: u64) {
    let often = |count: u64, what: &str| assert!(count > runs / 20, "{what}: {count} in {runs} runs; {tally:?}");
    often(tally.honest_authenticated, "honest pairs authenticated");
    often(
        tally.attacker_authenticated,
        "pairs of the attacker's own domains authenticated",
    );
    often(tally.by_same_certificate, "pairs authenticated by the same certificate");
    often(tally.forged_claims, "claims of others' domains");
    often(tally.forged_answers_refused, "forged answers refused");
    often(tally.genuine_refusals, "claims called invalid");
    often(tally.misrouted_tasks, "tasks on wrong streams refused");
    often(tally.misrouted_verdicts, "verdicts for wrong streams refused");
    often(
        tally.misdirected_claims,
        "claims of ours to somebody else's domain refused",
    );
    often(
        tally.claims_of_ours_believed,
        "claims of ours that the attacker believes",
    );
    often(tally.timeouts, "timeouts");
    often(tally.lost, "messages lost");
}

#[test]
fn no_pair_is_authenticated_that_its_server_did_not_confirm() {
    let runs = number("SIMULATION_RUNS", 20_000);
    judge(&simulate(number("SIMULATION_SEED", 0), runs), runs);
}

#[test]
#[ignore = "a million runs: in --release"]
fn no_pair_is_authenticated_in_a_million_runs() {
    let runs = number("SIMULATION_RUNS", 1_000_000);
    let tally = simulate(number("SIMULATION_SEED", 1 << 32), runs);
    println!("{runs} runs: {tally:#?}");
    judge(&tally, runs);
}
