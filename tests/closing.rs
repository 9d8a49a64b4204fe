//! How streams end: properly, cut off, or in an error that the peer is told.

mod common;

use common::{DOMAIN, World, element};
use xmpp_tls::session::{Closed, Event, Mode, Session};
use xmpp_tls::stream::Element;
use xmpp_tls::{ErrorKind, Phase, StreamKind};
use xmpp_tls_testkit::Pair;

fn open(world: &World) -> Pair<Session, Session> {
    let mut pair = world.good_pair(Mode::StartTls);
    pair.drive();
    pair.assert_no_error();
    pair
}

#[test]
fn close_01_to_06_both_sides_see_a_proper_end() {
    let world = World::new();
    let mut pair = open(&world);
    pair.a.engine.send(&element("<presence type='unavailable'/>")).unwrap();
    pair.a.engine.close().unwrap();
    // CLOSE-02: nothing behind the closing tag.
    assert!(pair.a.engine.send(&element("<presence/>")).is_err());
    pair.drive();
    pair.assert_no_error();
    assert!(
        matches!(pair.a.events.last(), Some(Event::Closed(Closed::Properly))),
        "{:?}",
        pair.a.events
    );
    assert!(
        matches!(pair.b.events.last(), Some(Event::Closed(Closed::Properly))),
        "{:?}",
        pair.b.events
    );
    assert!(
        pair.b
            .events
            .iter()
            .any(|event| matches!(event, Event::Element(presence) if presence.name() == "presence"))
    );
}

#[test]
fn both_sides_may_close_at_once() {
    let world = World::new();
    let mut pair = open(&world);
    pair.a.engine.close().unwrap();
    pair.b.engine.close().unwrap();
    pair.drive();
    pair.assert_no_error();
    assert!(matches!(pair.a.events.last(), Some(Event::Closed(Closed::Properly))));
    assert!(matches!(pair.b.events.last(), Some(Event::Closed(Closed::Properly))));
}

#[test]
fn what_the_peer_still_says_is_reported_until_its_closing_tag() {
    let world = World::new();
    let mut pair = open(&world);
    pair.a.engine.close().unwrap();
    pair.b
        .engine
        .send(&element("<message><body>one more</body></message>"))
        .unwrap();
    pair.drive();
    let count = pair
        .a
        .events
        .iter()
        .filter(|event| matches!(event, Event::Element(_)))
        .count();
    assert_eq!(count, 1, "{:?}", pair.a.events);
}

/// Row CLOSE-05: three ends, three results.
#[test]
fn close_05_a_connection_cut_off_is_not_a_proper_end() {
    let world = World::new();
    let mut pair = open(&world);
    pair.b_to_a.close();
    pair.drive();
    let error = pair.a.error.as_ref().unwrap();
    assert_eq!(
        (error.phase(), error.kind()),
        (Phase::Open, &ErrorKind::Truncated { close_notify: false })
    );
    assert!(error.to_string().contains("may be cut off"));
}

#[test]
fn dos_08_an_oversized_element_is_refused_with_its_condition() {
    let world = World::new();
    let mut pair = open(&world);
    let body = "x".repeat(2_000_000);
    let huge = Element::parse(
        StreamKind::ClientToServer,
        format!("<message><body>{body}</body></message>"),
    );
    let huge = huge.unwrap_or_else(|error| panic!("{error}"));
    pair.a.engine.send(&huge).unwrap();
    pair.drive();
    let error = pair.b.error.as_ref().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Stream(_)), "{error}");
    let heard = pair.a.error.as_ref().unwrap().to_string();
    assert!(heard.contains("policy-violation"), "{heard}");
}

/// Failure 44 of others: an identity cannot change within a connection.
#[test]
fn another_domain_after_a_restart_is_refused() {
    let world = World::new();
    let mut acceptor = xmpp_tls::tls::rustls::RustlsAcceptor::new(world.provider.clone());
    for name in [DOMAIN, "other.example"] {
        let issued = world.ca.issue(xmpp_tls_testkit::LeafSpec::for_domain(name));
        acceptor = acceptor
            .with_certificate(common::domain(name), issued.chain.clone(), issued.key())
            .unwrap();
    }
    let config = xmpp_tls::session::ServerConfig::new(acceptor);
    // In clear the header says example.org; inside TLS the same client says other.example.
    let mut pair = world.pair(world.client_config(), config, Mode::StartTls);
    pair.a_to_b.replace("to='example.org'", "to='other.example'");
    pair.drive();
    // The client saw a certificate for other.example and is gone; the server never opened the stream.
    assert!(
        pair.a
            .error
            .as_ref()
            .unwrap()
            .identity()
            .is_some_and(|error| error.is_name_mismatch())
    );
    assert!(pair.b.events.is_empty(), "{:?}", pair.b.events);
}
