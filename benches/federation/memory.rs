//! Streams without a network, one after the other, all of them kept.

use crate::servers::{HUB, Servers, domain, message, pair, peer};
use crate::{ALLOCATOR, held};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_tls::federation::{Event, FederationConfig, Incoming, Outgoing};
use xmpp_tls::session::Mode;
use xmpp_tls::{Engine, Error, Now, Output};
use xmpp_tls_testkit::alloc_counter::stats_alloc::Region;

pub(crate) struct Run {
    pub(crate) took: Duration,
    /// Bytes of the heap in the ends that opened, and in those that accepted.
    pub(crate) opened: usize,
    pub(crate) accepted: usize,
}

pub(crate) fn run(sessions: usize) -> Run {
    let Servers { hub, peers } = Servers::new(sessions);
    let (hub, peers) = (Arc::new(hub), Arc::new(peers));
    let region = Region::new(ALLOCATOR);
    let mut opened = Vec::with_capacity(sessions);
    let mut accepted = Vec::with_capacity(sessions);
    let begin = Instant::now();
    for number in 0..sessions {
        let (out, inc) = verified(&hub, &peers, &peer(number));
        opened.push(out);
        accepted.push(inc);
    }
    let took = begin.elapsed();
    let both = held(&region);
    drop(opened);
    let accepted_alone = held(&region);
    let stanzas = accepted.iter().map(|inc| inc.authenticated().count()).sum::<usize>();
    assert_eq!(stanzas, sessions);
    Run {
        took,
        opened: both - accepted_alone,
        accepted: accepted_alone,
    }
}

/// A stream from `from` to the hub whose pair is verified, and one stanza over it.
fn verified(hub: &Arc<FederationConfig>, peers: &Arc<FederationConfig>, from: &str) -> (Outgoing, Incoming) {
    let now = xmpp_tls::io::now();
    let mut out = Outgoing::new(peers.clone(), pair(from, HUB), Mode::StartTls, now).expect("a stream");
    let mut inc = Incoming::new(hub.clone(), Mode::StartTls, now).expect("a stream");
    let events = pump(&mut out, &mut inc, now);
    let task = events.into_iter().find_map(|event| match event {
        Event::Verify(task) => Some(task),
        _ => None,
    });

    let ask = Outgoing::for_verification(hub.clone(), domain(HUB), domain(from), Mode::StartTls, now);
    let mut ask = ask.expect("a stream");
    let mut answer = Incoming::new(peers.clone(), Mode::StartTls, now).expect("a stream");
    ask.verify(task.expect("a claim"), None, now.instant).expect("room");
    let verdict = pump(&mut ask, &mut answer, now)
        .into_iter()
        .find_map(|event| match event {
            Event::Verdict(verdict) => Some(verdict),
            _ => None,
        });

    inc.conclude(verdict.expect("a verdict"), now.instant)
        .expect("an open stream");
    pump(&mut out, &mut inc, now);
    out.send(&message(from)).expect("an accepted pair");
    let came = pump(&mut out, &mut inc, now);
    assert!(matches!(came[..], [Event::Stanza(_)]));
    (out, inc)
}

/// Moves what both ends have to say, and returns what they report.
fn pump(out: &mut Outgoing, inc: &mut Incoming, now: Now) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let (to_inc, to_out) = (drain(out, &mut events), drain(inc, &mut events));
        if to_inc.is_empty() && to_out.is_empty() {
            return events;
        }
        inc.handle_input(now.instant, &to_inc).expect("a good peer");
        out.handle_input(now.instant, &to_out).expect("a good peer");
    }
}

fn drain(end: &mut impl Engine<Event = Event, Error = Error>, events: &mut Vec<Event>) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        match end.poll_output().expect("a good peer") {
            Output::Transmit(more) => bytes.extend_from_slice(&more),
            Output::Event(event) => events.push(event),
            Output::WantsInput(_) => return bytes,
        }
    }
}
