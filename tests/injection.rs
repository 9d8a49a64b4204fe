//! Clear text put on the wire around the switch to TLS, at the level of sessions (failures 1 and 2 of
//! others): whole or cut, it is never part of what follows.

mod common;

use common::{World, element};
use xmpp_tls::session::{Closed, Event, Mode, Session};
use xmpp_tls::starttls::{self, PeerMisbehaved};
use xmpp_tls::tls::TlsError;
use xmpp_tls::{Engine, ErrorKind, Output, ns};
use xmpp_tls_testkit::{cuts, leak};

const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const INJECTED: &str = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
    <mechanism>PLAIN</mechanism></mechanisms></stream:features>";

#[test]
fn inj_02_what_somebody_puts_behind_proceed_ends_the_session() {
    let world = World::new();
    for injected in [INJECTED, " ", "\n", "<", "\x16\x03\x01", "\x00"] {
        let mut pair = world.good_pair(Mode::StartTls);
        pair.b_to_a.replace(PROCEED, &format!("{PROCEED}{injected}"));
        pair.drive();
        let error = pair
            .a
            .error
            .as_ref()
            .unwrap_or_else(|| panic!("{injected:?} was accepted"));
        assert_eq!(
            error.kind(),
            &ErrorKind::Starttls(starttls::Error::PeerMisbehaved {
                phase: starttls::Phase::Upgraded,
                what: PeerMisbehaved::DataAfterProceed { octets: injected.len() },
            })
        );
        assert!(pair.a.events.is_empty(), "{injected:?}: {:?}", pair.a.events);
        assert!(pair.a.wrote.ends_with(STARTTLS.as_bytes()), "no ClientHello, no XML");
    }
}

#[test]
fn inj_01_what_somebody_puts_behind_starttls_ends_the_session_unanswered() {
    let world = World::new();
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>";
    let header = "<stream:stream to='example.org' version='1.0' xmlns='jabber:client' \
        xmlns:stream='http://etherx.jabber.org/streams'>";
    for injected in [auth, header, " ", STARTTLS] {
        let mut pair = world.good_pair(Mode::StartTls);
        pair.a_to_b.replace(STARTTLS, &format!("{STARTTLS}{injected}"));
        pair.drive();
        let error = pair
            .b
            .error
            .as_ref()
            .unwrap_or_else(|| panic!("{injected:?} was accepted"));
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Starttls(starttls::Error::PeerMisbehaved {
                    what: PeerMisbehaved::DataAfterStarttls { octets },
                    ..
                }) if *octets == injected.len()
            ),
            "{injected:?}: {error}"
        );
        assert!(pair.b.events.is_empty(), "{injected:?}: {:?}", pair.b.events);
        assert!(
            leak::find(&pair.b.wrote, b"<proceed").is_none(),
            "{injected:?} was answered"
        );
    }
}

#[test]
fn injected_clear_text_is_refused_at_every_cut() {
    let world = World::new();
    let clear = format!(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>\
         <stream:features>{STARTTLS}</stream:features>{PROCEED}{INJECTED}"
    );
    for [first, second] in cuts::single(clear.as_bytes()) {
        let mut session = world.client(world.client_config(), Mode::StartTls);
        let mut error = None;
        for chunk in [first, second] {
            if session.handle_input(world.clock.now(), chunk).is_err() {
                break;
            }
            loop {
                match session.poll_output() {
                    Ok(Output::WantsInput(_)) => break,
                    Ok(Output::Transmit(_)) => {}
                    Ok(Output::Event(event)) => panic!("{event:?}"),
                    Err(failed) => {
                        error = Some(failed);
                        break;
                    }
                }
            }
        }
        // Behind the switch it reaches TLS, which it is not.
        match error.as_ref().map(xmpp_tls::Error::kind) {
            Some(ErrorKind::Starttls(starttls::Error::PeerMisbehaved { .. })) => {}
            Some(ErrorKind::Tls(TlsError::NotTls { first: b'<' })) => {}
            other => panic!("cut at {}: {other:?}", first.len()),
        }
    }
}

#[test]
fn stls_29_nothing_said_in_clear_is_known_inside_tls() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    // Somebody on the path writes another header and other features.
    pair.b_to_a.replace(" from='example.org'", " from='evil.example'");
    pair.b_to_a.replace("<required/>", "");
    pair.drive();
    pair.assert_no_error();
    let headers: Vec<_> = pair
        .a
        .events
        .iter()
        .filter_map(|event| {
            if let Event::Opened(header) = event {
                Some(header)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(headers.len(), 1);
    assert_eq!(headers[0].from.as_deref(), Some("example.org"));
}

#[test]
fn pol_09_and_10_the_other_protocol_on_a_port_is_named_in_the_error() {
    let world = World::new();
    // XML where TLS must begin.
    let mut server = world.server(world.server_config(&world.good_certificate()), Mode::DirectTls);
    server
        .handle_input(world.clock.now(), b"<?xml version='1.0'?><stream:stream")
        .unwrap();
    let error = server.poll_output().unwrap_err().to_string();
    assert!(
        error.contains("looks like XML") && error.contains("STARTTLS"),
        "{error}"
    );
    let mut client = world.client(world.client_config(), Mode::DirectTls);
    client.handle_input(world.clock.now(), b"HTTP/1.1 400").unwrap();
    let (_, error) = said(&mut client);
    assert!(error.contains("looks like HTTP"), "{error}");

    // TLS where XML must begin: a client that began with its hello, a server that answers our header with
    // an alert. Nobody there would understand a stream error.
    let mut server = world.server(world.server_config(&world.good_certificate()), Mode::StartTls);
    let mut client = world.client(world.client_config(), Mode::StartTls);
    while !matches!(client.poll_output().unwrap(), Output::WantsInput(_)) {}
    for (session, tls) in [
        (&mut server, &b"\x16\x03\x01\x00\xf0\x01\x00\x00\xec\x03\x03"[..]),
        (&mut client, &b"\x15\x03\x01\x00\x02\x02\x46"[..]),
    ] {
        session.handle_input(world.clock.now(), tls).unwrap();
        let (written, error) = said(session);
        assert!(error.contains("direct TLS") && error.contains("STARTTLS"), "{error}");
        assert_eq!(written, b"");
    }
}

/// What a session writes, and why it fails.
fn said(session: &mut Session) -> (Vec<u8>, String) {
    let mut written = Vec::new();
    loop {
        match session.poll_output() {
            Ok(Output::Transmit(bytes)) => written.extend_from_slice(&bytes),
            Ok(Output::Event(event)) => panic!("{event:?}"),
            Ok(Output::WantsInput(_)) => panic!("nothing was noticed"),
            Err(error) => return (written, error.to_string()),
        }
    }
}

/// STLS-38: whoever asks for STARTTLS inside TLS is refused in its words, and the stream ends.
#[test]
fn stls_38_starttls_inside_tls_is_refused() {
    for mode in [Mode::StartTls, Mode::DirectTls] {
        let world = World::new();
        let mut pair = world.good_pair(mode);
        pair.drive();
        let starttls = element("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        pair.a.engine.send(&starttls).unwrap();
        pair.drive();
        assert_eq!(*pair.b.error.unwrap().kind(), ErrorKind::StarttlsNotOffered);
        let Some(Event::Element(failure)) = pair.a.events.iter().rev().nth(1) else {
            panic!("{:?}", pair.a.events)
        };
        assert!(failure.is(ns::TLS, "failure"), "{failure:?}");
        assert!(matches!(pair.a.events.last(), Some(Event::Closed(Closed::Properly))));
    }
}

/// COMPAT: whole, cut, or in a segment of its own, white space behind `<starttls/>` is dropped on request,
/// and nothing else is.
#[test]
fn white_space_behind_starttls_is_dropped_where_the_policy_says_so() {
    let world = World::new();
    let config = || {
        let mut config = world.server_config(&world.good_certificate());
        config.policy.whitespace_behind_starttls = true;
        config
    };
    for size in [1, 3, 4096] {
        let mut pair = world
            .pair(world.client_config(), config(), Mode::StartTls)
            .chunk_size(size);
        pair.a_to_b.replace(STARTTLS, &format!("{STARTTLS}\r\n"));
        pair.drive();
        pair.assert_no_error();
        assert!(pair.a.engine.report().unwrap().is_authenticated());
    }
    for injected in ["\n<auth/>", "\n\x16\x03\x01", "\u{a0}"] {
        let mut pair = world.pair(world.client_config(), config(), Mode::StartTls);
        pair.a_to_b.replace(STARTTLS, &format!("{STARTTLS}{injected}"));
        pair.drive();
        assert!(pair.b.error.is_some() && pair.b.events.is_empty(), "{injected:?}");
        assert!(
            leak::find(&pair.b.wrote, b"<proceed").is_none(),
            "{injected:?} was answered"
        );
    }
}
