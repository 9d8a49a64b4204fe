//! How streams end: properly, cut off, or in an error that the peer is told.

mod common;

use common::fake_tls::{CLIENT_HELLO, FakeAcceptor, FakeConnector, SERVER_HELLO};
use common::{DOMAIN, World, domain, element};
use std::sync::Arc;
use std::time::Duration;
use xmpp_tls::danger::PlaintextAccepted;
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::policy::{EncryptionPolicy, Policy, ServerAuthentication};
use xmpp_tls::session::{Closed, Event, Mode, ServerConfig, Session, Target};
use xmpp_tls::stream::{Element, StreamError};
use xmpp_tls::tls::rustls::signature_algorithms;
use xmpp_tls::{Engine, ErrorKind, HeaderProblem, Output, Phase, StreamCondition, StreamKind, roots};
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
    pair.a.engine.close(world.clock.now()).unwrap();
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
fn a_stream_closed_with_an_error_ends_properly_for_the_one_and_in_that_error_for_the_other() {
    let world = World::new();
    let mut pair = open(&world);
    let why = StreamError::new(StreamCondition::CONFLICT).with_text("Replaced by a new login");
    pair.a.engine.close_with(&why, world.clock.now()).unwrap();
    assert!(pair.a.engine.send(&element("<presence/>")).is_err());
    pair.drive();
    assert_eq!(pair.a.error, None);
    assert!(
        matches!(pair.a.events.last(), Some(Event::Closed(Closed::Properly))),
        "{:?}",
        pair.a.events
    );
    match pair.b.error.as_ref().map(xmpp_tls::Error::kind) {
        Some(ErrorKind::StreamError(heard)) => assert_eq!(**heard, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_sides_may_close_at_once() {
    let world = World::new();
    let mut pair = open(&world);
    pair.a.engine.close(world.clock.now()).unwrap();
    pair.b.engine.close(world.clock.now()).unwrap();
    pair.drive();
    pair.assert_no_error();
    assert!(matches!(pair.a.events.last(), Some(Event::Closed(Closed::Properly))));
    assert!(matches!(pair.b.events.last(), Some(Event::Closed(Closed::Properly))));
}

#[test]
fn what_the_peer_still_says_is_reported_until_its_closing_tag() {
    let world = World::new();
    let mut pair = open(&world);
    pair.a.engine.close(world.clock.now()).unwrap();
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
        (
            Phase::Open,
            &ErrorKind::Truncated {
                close_notify_missing: true
            }
        )
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
    let config = ServerConfig::new(FakeAcceptor::new(&[DOMAIN, "other.example"]));
    let mut server = Session::server(Arc::new(config), Mode::StartTls, world.now()).unwrap();
    let header = |to: &str| {
        format!(
            "<stream:stream to='{to}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        )
    };
    let now = world.clock.now();
    let mut said = Vec::new();
    let mut hear = |server: &mut Session, text: &[u8]| {
        server.handle_input(now, text)?;
        loop {
            match server.poll_output()? {
                Output::Transmit(bytes) => said.extend_from_slice(&bytes),
                Output::Event(_) => {}
                Output::WantsInput(_) => return Ok::<(), xmpp_tls::Error>(()),
            }
        }
    };
    hear(&mut server, header(DOMAIN).as_bytes()).unwrap();
    hear(&mut server, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").unwrap();
    hear(&mut server, CLIENT_HELLO).unwrap();
    hear(&mut server, header(DOMAIN).as_bytes()).unwrap();
    server.restart(now).unwrap();
    let error = hear(&mut server, header("other.example").as_bytes()).unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Header(HeaderProblem::Changed { attribute: "to", .. })
        ),
        "{error}"
    );
    assert!(String::from_utf8_lossy(&said).contains("<host-unknown"));
}

/// A header without `to` inside TLS means nothing that was said in clear.
#[test]
fn the_domain_asked_for_in_clear_is_forgotten_inside_tls() {
    let world = World::new();
    let config = ServerConfig::new(FakeAcceptor::new(&[DOMAIN, "other.example"]));
    let mut server = Session::server(Arc::new(config), Mode::StartTls, world.now()).unwrap();
    let now = world.clock.now();
    for text in [
        &b"<stream:stream to='other.example' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"[..],
        b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        CLIENT_HELLO,
        b"<stream:stream version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
    ] {
        server.handle_input(now, text).unwrap();
        let failed = loop {
            match server.poll_output() {
                Ok(Output::WantsInput(_)) => break None,
                Ok(_) => {}
                Err(error) => break Some(error),
            }
        };
        if let Some(error) = failed {
            assert_eq!(error.kind(), &ErrorKind::Header(HeaderProblem::NoDomain));
            return;
        }
    }
    panic!("a header that names nobody was answered");
}

#[test]
fn a_server_that_calls_itself_otherwise_after_a_restart_is_left() {
    let world = World::new();
    let issued = world.good_certificate();
    let mut config = world.client_config();
    config.connector = Arc::new(FakeConnector {
        peer_chain: issued.chain.clone(),
    });
    let target = Target::new(domain(DOMAIN)).direct_tls();
    let mut client = Session::client(Arc::new(config), target, world.now()).unwrap();
    let now = world.clock.now();
    let header = |from: &str| {
        format!(
            "<stream:stream from='{from}' id='1' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        )
    };
    client
        .handle_input(now, &[SERVER_HELLO, header(DOMAIN).as_bytes()].concat())
        .unwrap();
    while !matches!(client.poll_output().unwrap(), Output::WantsInput(_)) {}
    client.restart(now).unwrap();
    client.handle_input(now, header("other.example").as_bytes()).unwrap();
    let error = loop {
        match client.poll_output() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(
        error.stream_condition(),
        Some(xmpp_tls::StreamCondition::INVALID_FROM),
        "{error}"
    );
}

/// The deadline for closing begins when we close, not when we last heard something.
#[test]
fn an_idle_stream_is_closed_as_patiently_as_a_busy_one() {
    let world = World::new();
    let mut pair = open(&world);
    pair.advance(Duration::from_secs(50));
    let now = pair.clock().now();
    pair.a.engine.close(now).unwrap();
    pair.drive();
    assert!(
        matches!(pair.a.events.last(), Some(Event::Closed(Closed::Properly))),
        "{:?}",
        pair.a.events
    );
}

/// In clear, which takes danger, streams end in the same order, and a client has as long to log in.
#[test]
fn in_clear_our_closing_tag_is_written_before_the_end_is_reported() {
    let world = World::new();
    let mut config = world.server_config(&world.good_certificate());
    config.policy.encryption =
        EncryptionPolicy::Opportunistic(PlaintextAccepted::anybody_may_read_and_change_the_stream());
    let mut server = world.server(config, Mode::StartTls);
    let now = world.clock.now();
    server
        .handle_input(
            now,
            b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' \
              version='1.0'><iq type='get' id='1'/>",
        )
        .unwrap();
    while !matches!(server.poll_output().unwrap(), Output::WantsInput(_)) {}
    let login = xmpp_tls::policy::Policy::default().timeouts.authentication;
    assert_eq!(server.deadline(), Some(now + login));
    server.handle_input(now, b"</stream:stream>").unwrap();
    let Output::Transmit(bytes) = server.poll_output().unwrap() else {
        panic!("the end was reported first")
    };
    assert_eq!(bytes, "</stream:stream>");
    let end = server.poll_output().unwrap();
    assert!(matches!(end, Output::Event(Event::Closed(Closed::Properly))), "{end:?}");
}

/// RFC 6120 section 4.9.1.2, and behind SASL: the side that closes has not seen the other's header yet.
#[test]
fn a_stream_can_be_closed_before_the_peer_s_header_came() {
    for why in [None, Some(StreamError::new(StreamCondition::POLICY_VIOLATION))] {
        let world = World::new();
        let mut pair = open(&world);
        let now = world.clock.now();
        pair.a.engine.restart(now).unwrap();
        pair.b.engine.restart(now).unwrap();
        // The server says no to what the client was logged in as.
        match &why {
            Some(why) => pair.b.engine.close_with(why, now).unwrap(),
            None => pair.b.engine.close(now).unwrap(),
        }
        pair.drive();
        assert_eq!(pair.b.error, None);
        assert!(matches!(pair.b.events.last(), Some(Event::Closed(Closed::Properly))));
        let heard = pair.a.error.as_ref().map(xmpp_tls::Error::kind);
        match (why, heard) {
            (Some(why), Some(ErrorKind::StreamError(heard))) => assert_eq!(**heard, why),
            (None, None) => assert!(matches!(pair.a.events.last(), Some(Event::Closed(Closed::Properly)))),
            (why, heard) => panic!("{why:?}, {heard:?}"),
        }
    }
}

/// Nobody asks any more who the peer is, and so nothing that it says is passed on.
#[test]
fn nothing_is_heard_of_a_peer_whose_header_comes_after_our_closing() {
    let world = World::new();
    let anchors = roots::from_pem(world.ca.anchor_pem().as_bytes()).unwrap();
    let verifier = IdentityVerifier::new(anchors, signature_algorithms(&world.provider));
    let mut policy = Policy::default();
    policy.servers = ServerAuthentication::Certificate;
    let config = ServerConfig::new(FakeAcceptor::new(&["b.example"]))
        .with_verifier(verifier)
        .with_policy(policy);
    let mut server = Session::peer_server(Arc::new(config), Mode::DirectTls, world.now()).unwrap();
    let now = world.clock.now();
    server.handle_input(now, CLIENT_HELLO).unwrap();
    while !matches!(server.poll_output().unwrap(), Output::WantsInput(_)) {}
    server.close(now).unwrap();
    let header = "<stream:stream from='a.example' to='b.example' version='1.0' xmlns='jabber:server' \
        xmlns:stream='http://etherx.jabber.org/streams'>";
    let message = "<message from='x@a.example' to='y@b.example'><body>hi</body></message>";
    server.handle_input(now, [header, message].concat().as_bytes()).unwrap();
    loop {
        match server.poll_output().unwrap() {
            Output::Event(Event::Element(element)) => panic!("{}", element.as_str()),
            Output::WantsInput(_) => break,
            _ => {}
        }
    }
}
