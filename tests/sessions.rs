//! Two sessions in memory, over real rustls: what each side reports when everything is good.

mod common;

use common::{DOMAIN, World, domain, element, name};
use std::collections::BTreeSet;
use std::sync::Arc;
use xmpp_tls::policy::MinimumVersion;
use xmpp_tls::security::{Authentication, TlsStart};
use xmpp_tls::session::ServerConfig;
use xmpp_tls::session::{ClientConfig, Event, Mode, Session, Target};
use xmpp_tls::starttls::TlsVersion;
use xmpp_tls::tls::rustls::RustlsAcceptor;
use xmpp_tls_testkit::{LeafSpec, Pair};

#[test]
fn a_client_and_a_server_are_secured_by_starttls_and_direct_tls_in_both_versions() {
    for mode in [Mode::StartTls, Mode::DirectTls] {
        for minimum in [MinimumVersion::Tls12, MinimumVersion::Tls13] {
            let world = World::new();
            let mut client = world.client_config();
            client.policy.minimum_version = minimum;
            let mut pair = world.pair(client, world.server_config(&world.good_certificate()), mode);
            pair.drive();
            pair.assert_no_error();

            let names: Vec<_> = pair.a.events.iter().map(name).collect();
            assert_eq!(names.len(), 3, "{names:?}");
            assert_eq!(names[0], "secured, authenticated true");
            assert!(names[1].starts_with("opened by Some(\"example.org\")"), "{names:?}");
            assert_eq!(names[2], "features [\"PLAIN\"]");

            let report = pair.a.engine.report().unwrap();
            let tls = report.tls().unwrap();
            assert_eq!(tls.version, TlsVersion::TLS_1_3, "TLSP-06: the latest is preferred");
            assert!(tls.forward_secret && !tls.resumed);
            assert!(
                tls.cipher_suite_name.starts_with("TLS_AES_"),
                "{}",
                tls.cipher_suite_name
            );
            match mode {
                Mode::StartTls => {
                    assert_eq!(tls.start, TlsStart::StartTls { offered: true });
                    assert_eq!(tls.alpn, None);
                }
                Mode::DirectTls => {
                    assert_eq!(tls.start, TlsStart::DirectTls);
                    assert_eq!(tls.alpn.as_deref(), Some("xmpp-client"), "D368-09");
                }
                _ => panic!("a mode the tests do not know"),
            }
            let Authentication::Certificate { matched, .. } = report.authentication() else {
                panic!("{report}")
            };
            assert_eq!(matched.reference.to_string(), "DNS-ID example.org");

            // D368-07: the server name is the domain, by STARTTLS too.
            let server = pair.b.engine.report().unwrap();
            assert_eq!(server.tls().unwrap().server_name.as_deref(), Some(DOMAIN));
            assert_eq!(*server.authentication(), Authentication::NotAsked);
        }
    }
}

#[test]
fn tls_1_2_is_spoken_with_peers_that_know_nothing_newer() {
    let world = World::new();
    let mut old = rustls::crypto::ring::default_provider();
    old.cipher_suites.retain(|suite| suite.tls13().is_none());
    let issued = world.good_certificate();
    let acceptor = RustlsAcceptor::new(Arc::new(old))
        .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
        .unwrap();
    let mut pair = world.pair(world.client_config(), ServerConfig::new(acceptor), Mode::StartTls);
    pair.drive();
    pair.assert_no_error();
    let report = pair.a.engine.report().unwrap();
    assert_eq!(report.tls().unwrap().version, TlsVersion::TLS_1_2);
    assert!(report.tls().unwrap().cipher_suite_name.starts_with("TLS_ECDHE_"));
}

#[test]
fn strm_17_every_header_of_a_server_has_a_new_id() {
    let world = World::new();
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        let mut pair = world.good_pair(Mode::StartTls);
        pair.drive();
        pair.a.engine.restart(world.clock.now()).unwrap();
        pair.b.engine.restart(world.clock.now()).unwrap();
        pair.drive();
        pair.assert_no_error();
        let clear = String::from_utf8_lossy(&pair.b.wrote).into_owned();
        ids.insert(
            clear
                .split("id='")
                .nth(1)
                .unwrap()
                .split('\'')
                .next()
                .unwrap()
                .to_owned(),
        );
        for event in &pair.a.events {
            if let Event::Opened(header) = event {
                ids.insert(header.id.as_deref().unwrap().to_owned());
            }
        }
    }
    assert_eq!(ids.len(), 9, "{ids:?}");
    assert!(ids.iter().all(|id| id.len() == 32));
}

#[test]
fn elements_travel_both_ways_and_across_restarts() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls).random_chunks(7, 900);
    pair.drive();
    pair.a
        .engine
        .send(&element(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AA==</auth>",
        ))
        .unwrap();
    pair.drive();
    pair.b
        .engine
        .send(&element("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"))
        .unwrap();
    pair.b.engine.restart(world.clock.now()).unwrap();
    pair.drive();
    assert!(matches!(pair.a.events.last(), Some(Event::Element(success)) if success.name() == "success"));
    pair.a.engine.restart(world.clock.now()).unwrap();
    pair.drive();
    pair.a
        .engine
        .send(&element(
            "<message to='romeo@example.org'><body>¡hola &amp; adiós!</body></message>",
        ))
        .unwrap();
    pair.drive();
    pair.assert_no_error();
    let Some(Event::Element(message)) = pair.b.events.last() else {
        panic!("{:?}", pair.b.events)
    };
    assert_eq!(message.children().next().unwrap().text(), "¡hola & adiós!");
}

#[test]
fn a_server_opens_a_verified_stream_to_another() {
    let world = World::new();
    // An SRV-ID for servers, none for clients.
    let issued = world.ca.issue(LeafSpec::new().srv("_xmpp-server", DOMAIN));
    let target = Target::new(domain(DOMAIN))
        .from_server(domain("example.net"))
        .direct_tls();
    let config = world.client_config();
    let client = Session::client(Arc::new(config), target, world.now()).unwrap();
    // The receiving side of this library is for clients: its ALPN refuses servers.
    let mut pair = Pair::new(
        client,
        world.server(world.server_config(&issued), Mode::DirectTls),
        world.clock,
    );
    pair.drive();
    assert!(
        pair.a
            .error
            .as_ref()
            .unwrap()
            .to_string()
            .contains("no_application_protocol"),
        "D368-13"
    );
}

#[test]
fn an_idn_domain_works_in_both_forms() {
    let world = World::new();
    let issued = world.ca.issue(LeafSpec::new().dns("xn--bcher-kva.example"));
    let acceptor = RustlsAcceptor::new(world.provider.clone())
        .with_certificate(domain("bücher.example"), issued.chain.clone(), issued.key())
        .unwrap();
    for mode in [Mode::StartTls, Mode::DirectTls] {
        let target = Target::new(domain("Bücher.example"));
        let target = if mode == Mode::DirectTls {
            target.direct_tls()
        } else {
            target
        };
        let client = Session::client(Arc::new(world.client_config()), target, world.now()).unwrap();
        let mut pair = Pair::new(
            client,
            world.server(ServerConfig::new(acceptor.clone()), mode),
            world.clock,
        );
        pair.drive();
        pair.assert_no_error();
        assert!(pair.a.engine.report().unwrap().is_authenticated());
        let server = pair.b.engine.report().unwrap();
        assert_eq!(
            server.tls().unwrap().server_name.as_deref(),
            Some("xn--bcher-kva.example")
        );
    }
}

#[test]
fn the_last_flight_of_the_handshake_and_our_header_leave_together() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    pair.drive();
    // Clear: header, <starttls/>. TLS: ClientHello, then Finished with the header.
    assert_eq!(
        pair.a.writes, 4,
        "a write of its own for the header would wait for a delayed acknowledgement"
    );
}

#[test]
fn a_session_cannot_be_used_before_it_is_open() {
    let world = World::new();
    let config: ClientConfig = world.client_config();
    let mut session = world.client(config, Mode::StartTls);
    let message = element("<message/>");
    for attempt in [
        session.send(&message),
        session.send_keepalive(),
        session.restart(world.clock.now()),
        session.close(world.clock.now()),
    ] {
        assert!(attempt.unwrap_err().to_string().contains("misuse"));
    }
    assert!(session.report().is_none());
}
