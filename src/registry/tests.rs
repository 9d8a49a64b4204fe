use super::*;
use std::future::Future as _;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

fn at(second: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(second))
}

fn accept(registry: &Registry) -> Registered {
    registry.register(StreamKind::ClientToServer, Side::Receiving, at(7))
}

fn names(update: Option<Update>) -> String {
    match update {
        Some(Update::Opened(entry)) => format!("opened {}", entry.number),
        Some(Update::Changed(entry)) => format!("changed {}", entry.number),
        Some(Update::Closed(entry)) => format!("closed {}", entry.number),
        Some(Update::Lagged(lost)) => format!("lagged {lost}"),
        None => "nothing".to_owned(),
    }
}

#[test]
fn a_session_is_listed_until_its_handle_is_dropped_and_a_snapshot_stays() {
    let registry = Registry::default();
    let (first, second) = (accept(&registry), accept(&registry));
    first.authenticated(Mechanism::sasl("PLAIN"));
    let before = registry.snapshot();
    let same = registry.clone();
    drop(first);
    assert_eq!(same.len(), 1);
    assert!(registry.get(second.number()).is_some());
    assert_eq!(before.len(), 2);
    assert!(before[0].is_authenticated() && !before[0].is_encrypted());
    assert_eq!(
        before[0].to_string(),
        "1 (c2s): not set up yet, authenticated by SASL PLAIN"
    );
    drop(second);
    assert!(registry.is_empty());
    let third = accept(&registry);
    assert_eq!(third.number(), 3, "no number is given twice");
}

#[test]
fn what_is_beyond_the_limit_is_let_be_and_counted() {
    let registry = Registry::with_limit(2);
    let sessions: Vec<_> = (0..5).map(|_| accept(&registry)).collect();
    sessions
        .iter()
        .for_each(|session| session.authenticated(Mechanism::External));
    assert_eq!(registry.len(), 2);
    let text = registry.prometheus();
    assert!(text.contains("\nxmpp_tls_not_listed_total 3\n"), "{text}");
    assert!(
        text.contains("authenticated_total{type=\"c2s\",mechanism=\"EXTERNAL\"} 2\n"),
        "{text}"
    );
    drop(sessions);
    assert!(registry.is_empty());
}

#[test]
fn proofs_of_one_session_are_bounded_and_none_counts_twice() {
    let registry = Registry::default();
    let session = registry.register(StreamKind::ServerToServer, Side::Receiving, at(0));
    for _ in 0..2 {
        for number in 0..Entry::MAX_PROOFS {
            let pair = xmpp_dialback::Pair::new(
                format!("a{number}.example").parse().unwrap(),
                "b.example".parse().unwrap(),
            );
            session.authenticated(Proof {
                pair: Some(pair),
                by: Mechanism::Dialback,
            });
        }
    }
    session.authenticated(Mechanism::External);
    let entry = registry.get(session.number()).unwrap();
    assert_eq!((entry.authenticated.len(), entry.more_proofs), (Entry::MAX_PROOFS, 1));
    let text = registry.prometheus();
    let line = format!("{{type=\"s2sin\",mechanism=\"dialback\"}} {}\n", Entry::MAX_PROOFS);
    assert!(text.contains(&line), "{text}");
}

#[test]
fn mechanisms_without_end_become_other() {
    let registry = Registry::default();
    let session = accept(&registry);
    for number in 0..200 {
        session.authenticated(Mechanism::sasl(&format!("X-{number}")));
    }
    session.authenticated(Mechanism::sasl("not a name\"}"));
    let text = registry.prometheus();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("xmpp_tls_authenticated_total{"));
    assert_eq!(lines.count(), 65);
    assert!(text.contains("{type=\"c2s\",mechanism=\"other\"} 137\n"), "{text}");
}

#[test]
fn a_subscriber_gets_what_happens_in_order() {
    let registry = Registry::default();
    let early = accept(&registry);
    let mut updates = registry.subscribe();
    let session = accept(&registry);
    session.authenticated(Mechanism::External);
    session.authenticated(Mechanism::External);
    drop(early);
    for expected in ["opened 2", "changed 2", "closed 1", "nothing"] {
        assert_eq!(names(updates.try_next()), expected);
    }
}

#[test]
fn a_slow_subscriber_is_told_how_much_it_lost_and_holds_up_nobody() {
    let registry = Registry::default();
    let mut slow = registry.subscribe_with(3);
    let mut quick = registry.subscribe();
    let sessions: Vec<_> = (0..10).map(|_| accept(&registry)).collect();
    for expected in ["lagged 7", "opened 8", "opened 9", "opened 10", "nothing"] {
        assert_eq!(names(slow.try_next()), expected);
    }
    assert_eq!(names(quick.try_next()), "opened 1");
    drop(quick);
    drop(sessions);
    assert_eq!(names(slow.try_next()), "lagged 7");
}

/// Asks the registry the moment it is woken, as a waker may.
struct Curious(Registry, AtomicUsize);

impl Wake for Curious {
    fn wake(self: Arc<Self>) {
        let _there = self.0.len();
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn waiting_ends_with_an_update_and_with_the_registry() {
    let registry = Registry::default();
    let other = Registry::default();
    let curious = Arc::new(Curious(registry.clone(), AtomicUsize::new(0)));
    let waker = curious.clone().into();
    let mut context = Context::from_waker(&waker);

    let mut updates = registry.subscribe();
    assert!(pin!(updates.next()).poll(&mut context).is_pending());
    let session = accept(&registry);
    assert_eq!(curious.1.load(Ordering::Relaxed), 1);
    assert!(matches!(
        pin!(updates.next()).poll(&mut context),
        Poll::Ready(Some(Update::Opened(_)))
    ));
    drop(session);

    let mut updates = other.subscribe();
    assert!(pin!(updates.next()).poll(&mut context).is_pending());
    drop(other);
    assert_eq!(curious.1.load(Ordering::Relaxed), 2);
    assert!(matches!(pin!(updates.next()).poll(&mut context), Poll::Ready(None)));
}
