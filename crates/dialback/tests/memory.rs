//! The memory of a stream is bounded whatever its peer says. A binary of its own: allocations are counted for
//! the whole process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is a failed test")]

use std::time::Instant;
use xmpp_dialback::{
    Accepted, Authoritative, DialbackSecret, DialbackStream, Facts, Pair, PresentedKey, Protection, ResultRequest,
    StreamNumber,
};
use xmpp_tls_core::StreamId;
use xmpp_tls_testkit::{Clock, alloc_counter};

xmpp_tls_testkit::count_allocations!();

/// Claims without end, each of another domain: what is kept of them has an end.
#[test]
fn db_45_a_peer_s_claims_fill_no_memory() {
    let now = Clock::new().now();
    let claims = |stream: &mut DialbackStream, from: usize, count: usize| {
        let secret = DialbackSecret::new(&[7; 32]).unwrap();
        let mut keys = Authoritative::stateless(secret.into());
        for n in from..from + count {
            claim(stream, &mut keys, n, now);
        }
    };
    let mut stream = DialbackStream::accepted(Accepted::new(
        StreamNumber(1),
        &StreamId::from_random([1; 16]),
        Protection::Tls,
    ));
    claims(&mut stream, 0, 100);
    let region = alloc_counter::stats_alloc::Region::new(ALLOCATOR);
    claims(&mut stream, 100, 20_000);
    let stats = region.change();
    let kept = stats.bytes_allocated as isize - stats.bytes_deallocated as isize;
    assert!(kept < 50_000, "{kept} octets of 20,000 claims");
    assert_eq!(stream.authenticated().count(), 0);
}

fn claim(stream: &mut DialbackStream, keys: &mut Authoritative, n: usize, now: Instant) {
    let originating = format!("d{n:05}.example").parse().unwrap();
    let request = ResultRequest {
        pair: Pair::new(originating, "b.example".parse().unwrap()),
        key: PresentedKey::new("c0ffee").unwrap(),
    };
    let facts = Facts::served();
    stream.handle(request.into(), facts, keys, now).unwrap();
}
