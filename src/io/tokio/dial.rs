//! One connection out of several addresses (RFC 8305, "Happy Eyeballs").

use futures::stream::{FuturesUnordered, StreamExt};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long an attempt stays the only one (RFC 8305 section 5: 250 milliseconds).
const HEAD_START: Duration = Duration::from_millis(250);

/// How many addresses are tried: a stranger's zone may list any number.
const MOST: usize = 32;

/// The first connection that succeeds. The addresses are tried in turn, the families alternating; the next one
/// as soon as one fails, or while one that has had its head start goes on.
pub(super) async fn dial<T, F>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    until: Instant,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = alternating(addresses).into_iter();
    let mut running = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        match waiting.next() {
            Some(address) => running.push(connect(address)),
            None if running.is_empty() => return Err(last),
            None => {}
        }
        let next = match waiting.len() {
            0 => until,
            _ => until.min(Instant::now() + HEAD_START),
        };
        match timeout_at(next, running.next()).await {
            Ok(Some(Ok(connection))) => return Ok(connection),
            Ok(Some(Err(error))) => last = error,
            Ok(None) => {}
            Err(late) if next == until => return Err(late.into()),
            Err(_) => {}
        }
    }
}

/// The families in turn, in the order they came (RFC 8305 section 4).
fn alternating(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let addresses: Vec<_> = addresses.into_iter().take(MOST).collect();
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::new();
    loop {
        match (first.next(), second.next()) {
            (None, None) => return ordered,
            (a, b) => ordered.extend(a.into_iter().chain(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use tokio::time::sleep;

    const A: &str = "192.0.2.1:1";
    const B: &str = "192.0.2.2:2";
    const C: &str = "[2001:db8::3]:3";

    /// Dials under a virtual clock; each address connects or fails after its milliseconds. What came out, when
    /// each was begun, and when it was over.
    async fn run(plan: &[(&str, u64, bool)]) -> (io::Result<SocketAddr>, Vec<(SocketAddr, u64)>, u64) {
        let begin = Instant::now();
        let begun = RefCell::new(Vec::new());
        let since = || u64::try_from(begin.elapsed().as_millis()).unwrap();
        let parsed: Vec<(SocketAddr, u64, bool)> = plan
            .iter()
            .map(|(address, after, works)| (address.parse().unwrap(), *after, *works))
            .collect();
        let until = begin + Duration::from_secs(30);
        let outcome = dial(parsed.iter().map(|(address, ..)| *address), until, |address| {
            begun.borrow_mut().push((address, since()));
            let found = parsed.iter().find(|(known, ..)| *known == address);
            let (_, after, works) = *found.unwrap();
            async move {
                sleep(Duration::from_millis(after)).await;
                match works {
                    true => Ok(address),
                    false => Err(io::ErrorKind::ConnectionRefused.into()),
                }
            }
        })
        .await;
        (outcome, begun.into_inner(), since())
    }

    #[tokio::test(start_paused = true)]
    async fn res_03_the_next_address_is_tried_at_once_when_one_fails() {
        let (outcome, begun, took) = run(&[(A, 10, false), (B, 10, true)]).await;
        assert_eq!(outcome.unwrap(), B.parse().unwrap());
        assert_eq!((begun[1].1, took), (10, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_swallows_packets_costs_its_head_start() {
        let (outcome, begun, took) = run(&[(A, 1_000_000, true), (B, 10, true)]).await;
        assert_eq!(outcome.unwrap(), B.parse().unwrap());
        assert_eq!((begun[1].1, took), (250, 260));
    }

    #[tokio::test(start_paused = true)]
    async fn the_slow_first_one_may_still_win() {
        let (outcome, ..) = run(&[(A, 300, true), (B, 100, true)]).await;
        assert_eq!(outcome.unwrap(), A.parse().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn the_families_alternate() {
        let (outcome, begun, _) = run(&[(A, 1, false), (B, 1, false), (C, 1, false)]).await;
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let order: Vec<_> = begun.iter().map(|(address, _)| address.port()).collect();
        assert_eq!(order, [1, 3, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_beyond_the_budget() {
        let (outcome, _, took) = run(&[(A, 1_000_000, true), (B, 1_000_000, true)]).await;
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(took, 30_000);
        let nowhere = dial([], Instant::now(), |_| async { Ok(()) }).await;
        assert_eq!(nowhere.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
