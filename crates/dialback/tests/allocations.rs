//! A key costs no allocation, and the memory of a stream is bounded whatever its peer says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is a failed test")]

use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use xmpp_dialback::{
    Authoritative, DialbackSecret, DialbackSecrets, DialbackStream, Facts, Pair, PresentedKey, ResultRequest, Settings,
    StreamNumber,
};
use xmpp_tls_core::{Domain, StreamId};
use xmpp_tls_testkit::{Clock, alloc_counter};

xmpp_tls_testkit::count_allocations!();

/// What is counted is of the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_key_costs_no_allocation() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let secret = DialbackSecret::new(&[7; 32]).unwrap();
    let secrets = DialbackSecrets::from(secret.clone()).changed_to(DialbackSecret::new(&[8; 32]).unwrap());
    for (receiving, id) in [("b.example", "id".to_owned()), (&"b.".repeat(60), "x".repeat(500))] {
        let (receiving, originating): (Domain, Domain) = (
            format!("{receiving}.example").replace("..", ".").parse().unwrap(),
            "a.example".parse().unwrap(),
        );
        let key = secret.key(&receiving, &originating, &id).unwrap();
        let presented = PresentedKey::from(key);
        let counted = alloc_counter::measure_least(ALLOCATOR, 50, || {
            let key = secret.key(&receiving, &originating, &id).unwrap();
            assert!(key.matches(&presented) && secrets.verify(&receiving, &originating, &id, &presented));
        });
        assert_eq!(counted.count, 0, "{counted:?}");
    }
}

/// Claims without end, each of another domain: what is kept of them has an end.
#[test]
fn db_45_a_peer_s_claims_fill_no_memory() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Clock::new().now();
    let claims = |stream: &mut DialbackStream, from: usize, count: usize| {
        let secret = DialbackSecret::new(&[7; 32]).unwrap();
        let mut keys = Authoritative::stateless(secret.into());
        for n in from..from + count {
            claim(stream, &mut keys, n, now);
        }
    };
    let mut stream = DialbackStream::accepted(
        StreamNumber(1),
        &StreamId::from_random([1; 16]),
        true,
        Settings::default(),
    );
    claims(&mut stream, 0, 100);
    let region = alloc_counter::stats_alloc::Region::new(ALLOCATOR);
    claims(&mut stream, 100, 20_000);
    let stats = region.change();
    let kept = stats.bytes_allocated as isize - stats.bytes_deallocated as isize;
    // The harness keeps a little, too.
    assert!(kept < 50_000, "{kept} octets of 20,000 claims");
    assert_eq!(stream.authenticated().count(), 0);
}

fn claim(stream: &mut DialbackStream, keys: &mut Authoritative, n: usize, now: Instant) {
    let originating = format!("d{n:05}.example").parse().unwrap();
    let request = ResultRequest {
        pair: Pair::new(originating, "b.example".parse().unwrap()),
        key: PresentedKey::new("c0ffee").unwrap(),
    };
    let facts = Facts {
        served: true,
        ..Facts::default()
    };
    stream.handle(request.into(), facts, keys, now).unwrap();
}
