//! What a server pays for many others: streams whose pairs are verified by dialback, in memory and over loopback
//! sockets. `cargo bench --bench federation` takes a few minutes and 13,000 file descriptors (`ulimit -n`). Nothing here
//! passes or fails; growth is linear where the columns for one session stay the same.

mod loopback;
mod memory;
mod servers;

use std::time::Duration;
use xmpp_tls_testkit::alloc_counter::stats_alloc::Region;

xmpp_tls_testkit::count_allocations!();

fn main() {
    println!("In memory: one thread does both ends, and those of the streams for verification");
    println!(
        "{:>10} {:>12} {:>14} {:>14}",
        "sessions", "pairs/s", "heap opened", "heap accepted"
    );
    for sessions in [1_000, 3_000, 10_000] {
        let run = memory::run(sessions);
        let rate = per_second(sessions, run.took);
        let (opened, accepted) = (run.opened / sessions, run.accepted / sessions);
        println!("{sessions:>10} {rate:>12.0} {opened:>14} {accepted:>14}");
    }
    println!("\nOver loopback sockets: both servers in this process, a stream each way for each pair");
    println!("{:>10} {:>12} {:>14}", "sessions", "pairs/s", "heap of both");
    for sessions in [500, 1_000, 2_000] {
        let run = loopback::run(sessions);
        println!(
            "{sessions:>10} {:>12.0} {:>14}",
            per_second(sessions, run.took),
            run.heap / sessions
        );
    }
}

fn per_second(sessions: usize, took: Duration) -> f64 {
    let sessions = u32::try_from(sessions).unwrap_or(u32::MAX);
    f64::from(sessions) / took.as_secs_f64()
}

/// The heap that is held more than when `region` began.
fn held(region: &Region<'_, std::alloc::System>) -> usize {
    let change = region.change();
    change.bytes_allocated.saturating_sub(change.bytes_deallocated)
}
