//! What is refused, with which alert, and in which words; and what a policy lets pass and records.

mod common;

use common::peer::OldPeer;
use common::{DOMAIN, World, domain, down_to, words};
use std::sync::Arc;
use xmpp_tls::danger::{OldVersion, UnverifiedPeerAccepted};
use xmpp_tls::policy::{AuthenticationPolicy, ForwardSecrecy, Policy};
use xmpp_tls::security::{Authentication, Warning};
use xmpp_tls::session::{Mode, Session, Target};
use xmpp_tls::starttls::TlsVersion;
use xmpp_tls::tls::TlsAcceptor;
use xmpp_tls::tls::rustls::RustlsAcceptor;
use xmpp_tls::{Engine, Output};
use xmpp_tls_legacy::LegacyAcceptor;
use xmpp_tls_testkit::{KeyKind, LeafSpec, Pair, TestCa};

const VERSIONS: [TlsVersion; 4] = [
    TlsVersion::TLS_1_0,
    TlsVersion::TLS_1_1,
    TlsVersion::TLS_1_2,
    TlsVersion::TLS_1_3,
];

fn rsa(name: &str) -> LeafSpec {
    LeafSpec::for_domain(name).key(KeyKind::Rsa2048)
}

#[test]
fn a_wrong_certificate_is_refused_with_an_alert_and_words() {
    let world = World::new();
    let strangers = TestCa::new("Strangers' CA");
    let cases = [
        (
            world.ca.issue(rsa("wrong.example")),
            "wrong.example",
            "certificate unknown",
        ),
        (world.ca.issue(rsa(DOMAIN).expired()), "expired", "certificate unknown"),
        (strangers.issue(rsa(DOMAIN)), "no trust anchor", "unknown ca"),
        (world.ca.issue(rsa(DOMAIN).self_signed()), "self-signed", "unknown ca"),
    ];
    for version in VERSIONS {
        for (issued, why, alert) in &cases {
            let server = world.server_of(OldPeer::server(version, issued), down_to(OldVersion::Tls10));
            let pair = world.run(world.legacy_client(down_to(OldVersion::Tls10)), server, Mode::StartTls);
            let error = words(&pair.a.error);
            assert!(error.contains(why), "{version}: {error}");
            assert!(pair.a.events.is_empty(), "{version}, {why}: {:?}", pair.a.events);
            // In TLS 1.3 the server may have believed itself done; the alert comes all the same.
            let told = words(&pair.b.error);
            assert!(told.contains(alert), "{version}, {why}: {told}");
        }
    }
}

#[test]
fn under_a_recording_policy_the_verdict_is_in_the_report() {
    let world = World::new();
    let issued = world.ca.issue(rsa("wrong.example"));
    for version in VERSIONS {
        let mut policy = down_to(OldVersion::Tls10);
        policy.authentication = AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
        let server = world.server_of(OldPeer::server(version, &issued), down_to(OldVersion::Tls10));
        let pair = world.run(world.legacy_client(policy), server, Mode::StartTls);
        pair.assert_no_error();
        let report = pair.a.engine.report().unwrap();
        assert!(!report.is_authenticated());
        assert!(report.warnings().contains(&Warning::NotAuthenticated));
        let Authentication::Rejected { error, .. } = report.authentication() else {
            panic!("{report}")
        };
        assert!(error.to_string().contains("wrong.example"), "{error}");
        assert_eq!(report.tls().unwrap().peer_chain, issued.chain);
    }
}

#[test]
fn a_chain_with_an_intermediate_is_judged_as_it_was_sent() {
    let world = World::new();
    let intermediate = world.ca.intermediate(xmpp_tls_testkit::CaSpec::new("Intermediate"));
    let mut issued = intermediate.issue(rsa(DOMAIN));
    let run = |issued: &xmpp_tls_testkit::Issued| {
        let server = world.server_of(OldPeer::server(TlsVersion::TLS_1_0, issued), down_to(OldVersion::Tls10));
        world.run(world.legacy_client(down_to(OldVersion::Tls10)), server, Mode::StartTls)
    };
    // A certificate in between that has nothing to do with the path.
    let stray = TestCa::new("stray").issue(rsa("stray.example")).chain[0].clone();
    issued.chain.insert(1, stray);
    let pair = run(&issued);
    pair.assert_no_error();
    let report = pair.a.engine.report().unwrap();
    assert!(report.is_authenticated());
    assert_eq!(report.tls().unwrap().peer_chain, issued.chain);

    issued.chain.truncate(1);
    let error = words(&run(&issued).a.error);
    assert!(error.contains("intermediate certificate is missing"), "{error}");
}

#[test]
fn a_server_shows_its_intermediate_to_old_clients() {
    let world = World::new();
    let issued = world
        .ca
        .intermediate(xmpp_tls_testkit::CaSpec::new("Intermediate"))
        .issue(rsa(DOMAIN));
    let client = world.client_of(OldPeer::client(TlsVersion::TLS_1_0), down_to(OldVersion::Tls10));
    let server = world.server_of(world.legacy_acceptor(&issued), down_to(OldVersion::Tls10));
    let pair = world.run(client, server, Mode::StartTls);
    pair.assert_no_error();
    assert_eq!(pair.a.engine.report().unwrap().tls().unwrap().peer_chain, issued.chain);
}

#[test]
fn seed_03_a_version_below_the_minimum_is_named() {
    let expected = "the peer offers only TLS 1.0, and the policy accepts TLS 1.1 and later";
    let world = World::new();
    let client = world.client_of(OldPeer::client(TlsVersion::TLS_1_0), down_to(OldVersion::Tls10));
    let pair = world.run(client, world.legacy_server(down_to(OldVersion::Tls11)), Mode::StartTls);
    let error = words(&pair.b.error);
    assert!(error.contains(expected), "{error}");
    let told = words(&pair.a.error);
    assert!(told.contains("protocol version"), "{told}");

    // A ServerHello as it comes from a server that ignores our list of versions: TLS 1.0 with AES128-SHA.
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    let mut session = world.client(world.legacy_client(down_to(OldVersion::Tls11)), Mode::DirectTls);
    assert!(matches!(session.poll_output(), Ok(Output::Transmit(_))));
    assert!(matches!(session.poll_output(), Ok(Output::WantsInput(_))));
    session.handle_input(world.clock.now(), &hello).unwrap();
    let Ok(Output::Transmit(alert)) = session.poll_output() else {
        panic!("no alert")
    };
    assert!(
        matches!(alert[..], [21, 3, _, 0, 2, 2, 70]),
        "protocol_version, not {alert:?}"
    );
    let error = session.poll_output().unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn stls_23_the_certificate_is_chosen_by_the_streams_to_or_by_sni() {
    for mode in [Mode::StartTls, Mode::DirectTls] {
        let world = World::new();
        let mut inner = RustlsAcceptor::new(world.provider.clone());
        let mut certificates = Vec::new();
        for name in ["a.example", DOMAIN, "z.example"] {
            let issued = world.ca.issue(rsa(name));
            inner = inner
                .with_certificate(domain(name), issued.chain.clone(), issued.key())
                .unwrap();
            certificates.push((name, issued));
        }
        let mut acceptor = LegacyAcceptor::new(inner);
        for (name, issued) in certificates {
            acceptor = acceptor
                .with_certificate(domain(name), issued.chain.clone(), issued.key())
                .unwrap();
        }
        let client = world.client_of(OldPeer::client(TlsVersion::TLS_1_0), down_to(OldVersion::Tls10));
        let pair = world.run(client, world.server_of(acceptor, down_to(OldVersion::Tls10)), mode);
        pair.assert_no_error();
        assert!(pair.a.engine.report().unwrap().is_authenticated());
    }
}

#[test]
fn without_a_certificate_for_the_name_an_old_client_is_told_so() {
    let world = World::new();
    let served = world.ca.issue(rsa("a.example"));
    let acceptor = LegacyAcceptor::new(world.rustls_acceptor(&world.rsa_certificate()))
        .with_certificate(domain("a.example"), served.chain.clone(), served.key())
        .unwrap();
    let run = |mode| {
        let client = world.client_of(OldPeer::client(TlsVersion::TLS_1_0), down_to(OldVersion::Tls10));
        world.run(
            client,
            world.server_of(acceptor.clone(), down_to(OldVersion::Tls10)),
            mode,
        )
    };
    let pair = run(Mode::DirectTls);
    let error = words(&pair.b.error);
    assert!(error.contains("asked for example.org"), "{error}");
    let told = words(&pair.a.error);
    assert!(told.contains("unrecognized name"), "{told}");
    // By STARTTLS the wrapped acceptor has said that the domain is served.
    let error = words(&run(Mode::StartTls).b.error);
    assert!(
        error.contains("LegacyAcceptor has no certificate") && error.contains(DOMAIN),
        "{error}"
    );
}

#[test]
fn d368_13_a_client_that_offers_another_protocol_is_refused() {
    let world = World::new();
    let target = Target::new(domain(DOMAIN))
        .from_server(domain("example.net"))
        .direct_tls();
    let config = world.client_of(OldPeer::client(TlsVersion::TLS_1_0), down_to(OldVersion::Tls10));
    let client = Session::client(Arc::new(config), target, world.now()).unwrap();
    let server = world.server(world.legacy_server(down_to(OldVersion::Tls10)), Mode::DirectTls);
    let mut pair = Pair::new(client, server, world.clock);
    pair.drive();
    let error = words(&pair.b.error);
    assert!(error.contains("no common ALPN protocol"), "{error}");
    let told = words(&pair.a.error);
    assert!(told.contains("no application protocol"), "{told}");
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused_at_once() {
    let world = World::new();
    let acceptor = LegacyAcceptor::new(world.rustls_acceptor(&world.rsa_certificate()));
    let other = world.ca.issue(LeafSpec::for_domain(DOMAIN));
    let error = acceptor
        .clone()
        .with_certificate(domain(DOMAIN), world.rsa_certificate().chain.clone(), other.key())
        .unwrap_err();
    assert!(error.to_string().contains("the key is not the one"), "{error}");
    let error = acceptor
        .clone()
        .with_certificate(domain(DOMAIN), Vec::new(), other.key())
        .unwrap_err();
    assert!(error.to_string().contains("no certificate"), "{error}");
    assert!(acceptor.serves(&domain(DOMAIN)), "the wrapped acceptor's say");
}

/// The suites in our ClientHello, by their codes.
fn offered(policy: Policy) -> Vec<u16> {
    let world = World::new();
    let mut session = world.client(world.legacy_client(policy), Mode::DirectTls);
    let Ok(Output::Transmit(hello)) = session.poll_output() else {
        panic!("no ClientHello")
    };
    // record (5), handshake (4), version (2), random (32), session id, suites
    let session_id = usize::from(hello[43]);
    let suites = &hello[44 + session_id..];
    let octets = usize::from(u16::from_be_bytes([suites[0], suites[1]]));
    // Then the compression methods: null alone (TLSP-30).
    assert_eq!(suites[2 + octets..4 + octets], [1, 0]);
    suites[2..2 + octets]
        .chunks(2)
        .map(|code| u16::from_be_bytes([code[0], code[1]]))
        .collect()
}

#[test]
fn tlsp_12_exactly_these_suites_are_offered() {
    const EPHEMERAL: [u16; 25] = [
        0x1302, 0x1303, 0x1301, // TLS 1.3
        0xc02c, 0xc030, 0xc02b, 0xc02f, 0xcca9, 0xcca8, // ECDHE, AEAD
        0xc024, 0xc028, 0xc023, 0xc027, 0xc00a, 0xc014, 0xc009, 0xc013, // ECDHE, CBC
        0x009f, 0x009e, 0xccaa, 0x006b, 0x0067, 0x0039, 0x0033, // DHE
        0x00ff, // renegotiation_info, no suite (RFC 5746)
    ];
    const STATIC: [u16; 6] = [0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f];
    let sorted = |codes: &[u16]| {
        let mut codes = codes.to_vec();
        codes.sort_unstable();
        codes
    };
    let required = down_to(OldVersion::Tls10);
    assert_eq!(sorted(&offered(required.clone())), sorted(&EPHEMERAL));

    let mut preferred = required;
    preferred.forward_secrecy = ForwardSecrecy::Preferred;
    let offered = offered(preferred);
    assert_eq!(sorted(&offered), sorted(&[&EPHEMERAL[..], &STATIC].concat()));
    // TLSP-14: what has forward secrecy comes first.
    let last = offered.iter().rposition(|code| EPHEMERAL[..24].contains(code));
    let first = offered.iter().position(|code| STATIC.contains(code));
    assert!(last < first, "{offered:#06x?}");
}
