//! Silence in every phase, under a virtual clock: each has its own budget, and an error that names it.

mod common;

use common::{World, element};
use std::time::Duration;
use xmpp_tls::session::{Closed, Event, Mode};
use xmpp_tls::{Engine, ErrorKind, Output, Phase, starttls};

const BUDGET: Duration = Duration::from_secs(30);
const ALMOST: Duration = Duration::from_millis(29_999);
const REST: Duration = Duration::from_millis(1);

/// Failures 7 and 40 of others.
#[test]
fn silence_in_clear_ends_starttls() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    pair.b_to_a.hold();
    pair.advance(ALMOST);
    pair.assert_no_error();
    pair.advance(REST);
    let error = pair.a.error.unwrap();
    assert_eq!(error.phase(), Phase::Starttls);
    assert_eq!(
        error.kind(),
        &ErrorKind::Starttls(starttls::Error::TimedOut {
            phase: starttls::Phase::Header
        })
    );
}

#[test]
fn silence_in_the_handshake_ends_it_on_both_sides() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::DirectTls);
    pair.b_to_a.hold();
    pair.advance(BUDGET);
    for error in [pair.a.error.unwrap(), pair.b.error.unwrap()] {
        assert_eq!((error.phase(), error.kind()), (Phase::Tls, &ErrorKind::TimedOut));
    }
}

#[test]
fn the_handshake_has_a_budget_of_its_own() {
    // 29 s of STARTTLS and 29 s of handshake: together more than either may take.
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    pair.b_to_a.hold();
    pair.advance(Duration::from_secs(29));
    pair.a_to_b.hold();
    pair.b_to_a.release();
    pair.drive();
    pair.a_to_b.release();
    pair.b_to_a.hold();
    pair.drive();
    // <proceed/> and the handshake wait at the server.
    pair.b_to_a.release();
    pair.drive();
    pair.assert_no_error();
    assert!(matches!(pair.a.events.first(), Some(Event::Secured(_))));

    let mut session = world.client(world.client_config(), Mode::StartTls);
    let later = world.clock.now() + Duration::from_secs(29);
    let clear =
        b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>\
        <stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>\
        <proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    session.handle_input(later, clear).unwrap();
    while !matches!(session.poll_output().unwrap(), Output::WantsInput(_)) {}
    assert_eq!(session.deadline(), Some(later + BUDGET));
}

/// A client that does not log in does not keep its place.
#[test]
fn a_client_that_does_not_log_in_is_left() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    pair.drive();
    pair.advance(Duration::from_secs(60));
    let error = pair.b.error.as_ref().unwrap();
    assert_eq!(
        (error.phase(), error.kind()),
        (Phase::Authentication, &ErrorKind::TimedOut)
    );
    assert!(pair.a.error.as_ref().unwrap().to_string().contains("policy-violation"));
}

#[test]
fn silence_inside_tls_before_the_header_ends_the_session_with_a_stream_error() {
    let world = World::new();
    let client = world.client(world.client_config(), Mode::DirectTls);
    let mut server = world.server(world.server_config(&world.good_certificate()), Mode::DirectTls);
    let mut client = client;
    let now = world.clock.now();
    let mut told = Vec::new();
    // A server that finishes the handshake and then says nothing: its answer to the header is dropped.
    let mut secured = false;
    for _ in 0..10 {
        while let Ok(Output::Transmit(bytes)) = client.poll_output() {
            server.handle_input(now, &bytes).unwrap();
        }
        loop {
            match server.poll_output().unwrap() {
                Output::Transmit(bytes) if !secured => client.handle_input(now, &bytes).unwrap(),
                Output::Transmit(_) => {}
                Output::Event(event) => secured |= matches!(event, Event::Secured(_)),
                Output::WantsInput(_) => break,
            }
        }
        if let Ok(Output::Event(event)) = client.poll_output() {
            assert!(matches!(event, Event::Secured(_)));
        }
    }
    client.handle_timeout(now + BUDGET).unwrap();
    let error = loop {
        match client.poll_output() {
            Ok(Output::Transmit(bytes)) => told.push(bytes),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!((error.phase(), error.kind()), (Phase::Header, &ErrorKind::TimedOut));
    assert_eq!(told.len(), 1, "the stream error and close_notify, in one write");
    server.handle_input(now, &told[0]).unwrap();
    let heard = loop {
        match server.poll_output() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(heard.to_string().contains("connection-timeout"), "{heard}");
}

/// Failure 40 of others: a server that opens its stream, and never says what it offers.
#[test]
fn features_are_due_in_the_time_of_the_header() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    pair.b.react(|_, _| {});
    pair.drive();
    assert!(matches!(pair.a.events.last(), Some(Event::Opened(_))));
    assert_eq!(pair.a.engine.deadline(), Some(world.clock.now() + BUDGET));
    // Keepalives are no features.
    pair.advance(ALMOST);
    pair.b.engine.send_keepalive().unwrap();
    pair.drive();
    pair.assert_no_error();
    pair.advance(REST);
    let error = pair.a.error.as_ref().unwrap();
    assert_eq!((error.phase(), error.kind()), (Phase::Features, &ErrorKind::TimedOut));
    assert!(
        pair.b
            .error
            .as_ref()
            .unwrap()
            .to_string()
            .contains("connection-timeout")
    );
}

#[test]
fn an_open_stream_may_be_silent_for_ever() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    pair.drive();
    let now = world.clock.now();
    pair.b.engine.restart(now).unwrap();
    pair.a.engine.restart(now).unwrap();
    pair.drive();
    pair.advance(Duration::from_secs(1_000_000));
    pair.assert_no_error();
    assert_eq!(pair.a.engine.deadline(), None);
}

/// SASL2 and dialback do not begin the stream anew.
#[test]
fn a_login_without_a_restart_ends_its_time_and_raises_the_limits() {
    let world = World::new();
    let mut server = world.server_config(&world.good_certificate());
    server.policy.limits_before_authentication.element_bytes = 10_000;
    server.policy.limits_after_authentication.element_bytes = 20_000;
    let mut pair = world.pair(world.client_config(), server, Mode::StartTls);
    pair.drive();
    let login = pair.b.engine.deadline();
    assert!(login.is_some());
    let heard = pair.b.engine.last_heard();
    pair.advance(Duration::from_secs(1));
    pair.a.engine.send_keepalive().unwrap();
    pair.drive();
    assert_eq!(pair.b.engine.last_heard(), heard + Duration::from_secs(1));
    pair.b.engine.authentication_complete().unwrap();
    pair.advance(Duration::from_secs(1_000_000));
    assert_eq!(pair.b.engine.deadline(), None);
    let text = "x".repeat(15_000);
    let message = element(&format!("<message xmlns='jabber:client'><body>{text}</body></message>"));
    pair.a.engine.send(&message).unwrap();
    pair.drive();
    pair.assert_no_error();
    assert!(matches!(pair.b.events.last(), Some(Event::Element(_))));
}

#[test]
fn close_03_a_peer_that_does_not_answer_the_closing_tag_is_left() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    pair.drive();
    pair.a_to_b.hold();
    pair.a.engine.close(world.clock.now()).unwrap();
    pair.advance(Duration::from_secs(5));
    assert!(matches!(pair.a.events.last(), Some(Event::Closed(Closed::Unanswered))));
}
