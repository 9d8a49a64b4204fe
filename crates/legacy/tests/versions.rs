//! Whole sessions at each version, by STARTTLS and direct TLS, in both roles: what each side's report says.

mod common;

use common::peer::OldPeer;
use common::{DOMAIN, World, down_to};
use xmpp_tls::channel_binding::ChannelBinding;
use xmpp_tls::danger::OldVersion;
use xmpp_tls::policy::{ForwardSecrecy, Policy, PolicyWarning};
use xmpp_tls::security::{TlsStart, Warning};
use xmpp_tls::session::{Closed, Event, Mode, Session};
use xmpp_tls::starttls::TlsVersion;
use xmpp_tls_testkit::Pair;

const BOTH: [Mode; 2] = [Mode::StartTls, Mode::DirectTls];
const OLD: [(OldVersion, TlsVersion); 2] = [
    (OldVersion::Tls11, TlsVersion::TLS_1_1),
    (OldVersion::Tls10, TlsVersion::TLS_1_0),
];

fn assert_open(pair: &Pair<Session, Session>) {
    pair.assert_no_error();
    assert!(
        matches!(
            pair.a.events.as_slice(),
            [Event::Secured(_), Event::Opened(_), Event::Features(_)]
        ),
        "{:?}",
        pair.a.events
    );
}

#[test]
fn seed_03_old_servers_are_reached_and_the_report_warns() {
    for (lowest, version) in OLD {
        for mode in BOTH {
            let world = World::new();
            let issued = world.rsa_certificate();
            let server = world.server_of(OldPeer::server(version, &issued), down_to(lowest));
            let pair = world.run(world.legacy_client(down_to(OldVersion::Tls10)), server, mode);
            assert_open(&pair);
            let report = pair.a.engine.report().unwrap();
            let tls = report.tls().unwrap();
            assert_eq!(tls.version, version);
            assert_eq!(report.warnings(), [Warning::OldVersion(version)]);
            assert!(report.is_authenticated());
            assert!(tls.forward_secret && !tls.resumed);
            assert_eq!(tls.cipher_suite_name, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA");
            assert_eq!(tls.cipher_suite.0, 0xc014);
            assert_eq!(tls.key_exchange.as_deref(), Some("secp256r1"));
            assert_eq!(tls.peer_chain, issued.chain);
            assert_eq!(tls.server_name.as_deref(), Some("example.org"), "RPT-11: what was sent");
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
            // D368-07: the peer was asked for the domain.
            let asked = &pair.b.engine.report().unwrap().tls().unwrap().server_name;
            assert_eq!(asked.as_deref(), Some(DOMAIN));
        }
    }
}

#[test]
fn seed_03_old_clients_are_served_and_the_report_warns() {
    for (lowest, version) in OLD {
        for mode in BOTH {
            let world = World::new();
            let client = world.client_of(OldPeer::client(version), down_to(lowest));
            let pair = world.run(client, world.legacy_server(down_to(OldVersion::Tls10)), mode);
            assert_open(&pair);
            let report = pair.b.engine.report().unwrap();
            let tls = report.tls().unwrap();
            assert_eq!(tls.version, version);
            assert_eq!(report.warnings(), [Warning::OldVersion(version)]);
            assert!(tls.forward_secret && !tls.resumed);
            assert_eq!(tls.cipher_suite_name, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA");
            assert_eq!(tls.key_exchange.as_deref(), Some("secp256r1"));
            assert_eq!(tls.server_name.as_deref(), Some(DOMAIN));
            assert_eq!(tls.alpn.as_deref(), (mode == Mode::DirectTls).then_some("xmpp-client"));
        }
    }
}

#[test]
fn tlsp_06_newer_servers_get_the_newest_version_all_the_same() {
    for (version, name) in [
        (TlsVersion::TLS_1_2, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        (TlsVersion::TLS_1_3, "TLS_AES_256_GCM_SHA384"),
    ] {
        for mode in BOTH {
            let world = World::new();
            let peer = OldPeer::server(version, &world.rsa_certificate());
            let client = world.legacy_client(down_to(OldVersion::Tls10));
            let pair = world.run(client, world.server_of(peer, Policy::default()), mode);
            assert_open(&pair);
            let report = pair.a.engine.report().unwrap();
            assert_eq!(report.tls().unwrap().version, version);
            assert_eq!(report.tls().unwrap().cipher_suite_name, name);
            assert_eq!(report.tls().unwrap().key_exchange.as_deref(), Some("secp256r1"));
            assert_eq!(report.warnings(), []);
        }
    }
}

#[test]
fn a_client_of_ours_and_a_server_of_ours_meet_at_tls_1_3() {
    // OpenSSL on one side, rustls behind the router on the other.
    for mode in BOTH {
        let world = World::new();
        let client = world.legacy_client(down_to(OldVersion::Tls10));
        let pair = world.run(client, world.legacy_server(down_to(OldVersion::Tls10)), mode);
        assert_open(&pair);
        for end in [&pair.a, &pair.b] {
            let report = end.engine.report().unwrap();
            assert_eq!(report.tls().unwrap().version, TlsVersion::TLS_1_3);
            assert_eq!(report.warnings(), []);
        }
    }
}

#[test]
fn building_the_policy_warns() {
    assert_eq!(
        down_to(OldVersion::Tls10).warnings(),
        [PolicyWarning::OldVersions(OldVersion::Tls10)]
    );
}

#[test]
fn elements_travel_both_ways_in_pieces_and_the_session_ends_properly() {
    let world = World::new();
    let mut policy = down_to(OldVersion::Tls10);
    policy.limits_before_authentication = policy.limits_after_authentication.clone();
    let client = world.client_of(OldPeer::client(TlsVersion::TLS_1_0), policy);
    let server = world.legacy_server(down_to(OldVersion::Tls10));
    let mut pair = Pair::new(
        world.client(client, Mode::StartTls),
        world.server(server, Mode::StartTls),
        world.clock,
    )
    .random_chunks(11, 700);
    pair.b.react(common::offer_login);
    pair.drive();
    let body = "x".repeat(40_000);
    let message = format!("<message><body>{body}</body></message>");
    let message = xmpp_tls::stream::Element::parse(xmpp_tls::StreamKind::ClientToServer, message).unwrap();
    for _ in 0..3 {
        pair.b.engine.send(&message).unwrap();
    }
    pair.drive();
    let received = |event: &&Event| matches!(event, Event::Element(element) if element.as_bytes().len() > 40_000);
    assert_eq!(pair.a.events.iter().filter(received).count(), 3);
    pair.b.engine.close(world.clock.now()).unwrap();
    pair.drive();
    pair.assert_no_error();
    // Each has the other's closing tag and close_notify.
    for end in [&pair.a, &pair.b] {
        let last = end.events.last();
        assert!(matches!(last, Some(Event::Closed(Closed::Properly))), "{last:?}");
    }
}

#[test]
fn every_cut_of_the_handshake_gives_the_same_session() {
    for size in [1, 2, 5, 11, 64] {
        let world = World::new();
        let client = world.client_of(OldPeer::client(TlsVersion::TLS_1_1), down_to(OldVersion::Tls11));
        let server = world.legacy_server(down_to(OldVersion::Tls11));
        let mut pair = Pair::new(
            world.client(client, Mode::StartTls),
            world.server(server, Mode::StartTls),
            world.clock,
        )
        .chunk_size(size);
        pair.b.react(common::offer_login);
        pair.drive();
        assert_open(&pair);
        assert_eq!(
            pair.b.engine.report().unwrap().tls().unwrap().version,
            TlsVersion::TLS_1_1,
            "in pieces of {size}"
        );
    }
}

#[test]
fn seed_06_plain_rsa_is_offered_where_forward_secrecy_is_preferred_only() {
    let world = World::new();
    let mandatory = OldPeer::server(TlsVersion::TLS_1_0, &world.rsa_certificate()).suites("AES128-SHA");
    let server = || world.server_of(mandatory.clone(), down_to(OldVersion::Tls10));
    let mut policy = down_to(OldVersion::Tls10);
    policy.forward_secrecy = ForwardSecrecy::Preferred;
    let pair = world.run(world.legacy_client(policy), server(), Mode::StartTls);
    assert_open(&pair);
    let report = pair.a.engine.report().unwrap();
    let tls = report.tls().unwrap();
    assert_eq!(tls.cipher_suite_name, "TLS_RSA_WITH_AES_128_CBC_SHA", "TLSP-10");
    assert_eq!((tls.forward_secret, tls.key_exchange.as_deref()), (false, Some("RSA")));
    assert_eq!(
        report.warnings(),
        [Warning::OldVersion(TlsVersion::TLS_1_0), Warning::NotForwardSecret]
    );

    let pair = world.run(
        world.legacy_client(down_to(OldVersion::Tls10)),
        server(),
        Mode::StartTls,
    );
    let error = common::words(&pair.a.error);
    assert!(error.contains("the alert handshake_failure"), "{error}");
    assert!(pair.a.events.is_empty(), "{:?}", pair.a.events);
}

#[test]
fn seed_06_the_server_prefers_forward_secrecy_and_can_require_it() {
    let world = World::new();
    let mut preferred = down_to(OldVersion::Tls10);
    preferred.forward_secrecy = ForwardSecrecy::Preferred;
    let client = |suites| {
        let peer = OldPeer::client(TlsVersion::TLS_1_0).suites(suites);
        world.client_of(peer, down_to(OldVersion::Tls10))
    };
    // The client would rather have the suite without.
    let pair = world.run(
        client("AES128-SHA:ECDHE-RSA-AES128-SHA"),
        world.legacy_server(preferred.clone()),
        Mode::StartTls,
    );
    assert_open(&pair);
    let tls = pair.b.engine.report().unwrap().tls().unwrap().clone();
    assert_eq!(tls.cipher_suite_name, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA");
    assert!(tls.forward_secret);

    let pair = world.run(client("AES128-SHA"), world.legacy_server(preferred), Mode::StartTls);
    assert_open(&pair);
    let report = pair.b.engine.report().unwrap();
    assert_eq!(report.tls().unwrap().cipher_suite_name, "TLS_RSA_WITH_AES_128_CBC_SHA");
    assert!(report.warnings().contains(&Warning::NotForwardSecret));

    let pair = world.run(
        client("AES128-SHA"),
        world.legacy_server(down_to(OldVersion::Tls10)),
        Mode::StartTls,
    );
    let error = common::words(&pair.b.error);
    assert!(error.contains("no cipher suite in common"), "{error}");
}

#[test]
fn tlsp_21_ephemeral_diffie_hellman_takes_2048_bits() {
    let world = World::new();
    let server = |bits| {
        let mut peer = OldPeer::server(TlsVersion::TLS_1_0, &world.rsa_certificate()).suites("DHE-RSA-AES128-SHA");
        peer.dh_bits = Some(bits);
        world.server_of(peer, down_to(OldVersion::Tls10))
    };
    let client = || world.legacy_client(down_to(OldVersion::Tls10));
    let pair = world.run(client(), server(2048), Mode::StartTls);
    assert_open(&pair);
    let tls = pair.a.engine.report().unwrap().tls().unwrap().clone();
    assert_eq!(tls.key_exchange.as_deref(), Some("DHE with 2048 bits"));
    assert!(tls.forward_secret);

    let pair = world.run(client(), server(1024), Mode::StartTls);
    let error = common::words(&pair.a.error);
    assert!(error.contains("1024 bits, at least 2048"), "{error}");
    let told = common::words(&pair.b.error);
    assert!(told.contains("insufficient security"), "{told}");

    // As server, ours has that size.
    let peer = OldPeer::client(TlsVersion::TLS_1_0).suites("DHE-RSA-AES128-SHA");
    let client = world.client_of(peer, down_to(OldVersion::Tls10));
    let pair = world.run(client, world.legacy_server(down_to(OldVersion::Tls10)), Mode::StartTls);
    assert_open(&pair);
    let tls = pair.b.engine.report().unwrap().tls().unwrap().clone();
    assert_eq!(tls.key_exchange.as_deref(), Some("DHE with 2048 bits"));
}

/// CB-01, CB-06: OpenSSL here and rustls there know the same octets.
#[test]
fn cb_01_channel_bindings_agree_with_rustls() {
    let world = World::new();
    let client = world.legacy_client(down_to(OldVersion::Tls10));
    let pair = world.run(client, world.legacy_server(down_to(OldVersion::Tls10)), Mode::StartTls);
    assert_open(&pair);
    let [client, server] = [&pair.a, &pair.b].map(|end| end.engine.report().unwrap());
    assert_eq!(client.tls().unwrap().version, TlsVersion::TLS_1_3);
    assert_eq!(client.channel_bindings(), server.channel_bindings());
    assert!(matches!(
        client.channel_bindings(),
        [ChannelBinding::TlsExporter(_), ChannelBinding::TlsServerEndPoint(_)]
    ));
}

/// CB-03, CB-08: before TLS 1.3 the exporter takes an extended master secret, which OpenSSL has; `tls-unique` is the
/// first Finished, of 12 octets, and another one on each connection.
#[test]
fn cb_08_old_versions_have_tls_unique() {
    let mut seen = Vec::new();
    for version in [TlsVersion::TLS_1_0, TlsVersion::TLS_1_1] {
        let world = World::new();
        let client = world.client_of(OldPeer::client(version), down_to(OldVersion::Tls10));
        let pair = world.run(client, world.legacy_server(down_to(OldVersion::Tls10)), Mode::StartTls);
        assert_open(&pair);
        let bindings = pair.b.engine.report().unwrap().channel_bindings().to_vec();
        let unique = bindings.iter().find_map(|binding| match binding {
            ChannelBinding::TlsUnique(data) => Some(data.clone()),
            _ => None,
        });
        let unique = unique.unwrap();
        assert_eq!(unique.len(), 12);
        assert!(!seen.contains(&unique));
        seen.push(unique);
    }
}
