//! What a login can be bound to, over real handshakes.

mod common;

use common::{DOMAIN, World, domain};
use sha2::{Digest, Sha256, Sha384};
use std::sync::Arc;
use xmpp_tls::channel_binding::ChannelBinding;
use xmpp_tls::session::{Mode, ServerConfig, Session};
use xmpp_tls::tls::rustls::RustlsAcceptor;
use xmpp_tls_testkit::ca::{CaSpec, KeyKind, test_time};
use xmpp_tls_testkit::{Issued, LeafSpec, Pair, TestCa};

fn connect(world: &World, issued: &Issued, tls_1_2_only: bool) -> Pair<Session, Session> {
    let mut provider = rustls::crypto::ring::default_provider();
    if tls_1_2_only {
        provider.cipher_suites.retain(|suite| suite.tls13().is_none());
    }
    let acceptor = RustlsAcceptor::new(Arc::new(provider))
        .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
        .unwrap();
    let mut pair = world.pair(world.client_config(), ServerConfig::new(acceptor), Mode::StartTls);
    pair.drive();
    pair.assert_no_error();
    pair
}

fn bindings(session: &Session) -> Vec<ChannelBinding> {
    session.report().unwrap().channel_bindings().to_vec()
}

/// CB-01, CB-06: both ends know the same 32 octets, and no other connection does.
#[test]
fn cb_01_the_exporter_is_the_same_on_both_ends_and_new_on_each_connection() {
    let world = World::new();
    let issued = world.good_certificate();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let pair = connect(&world, &issued, false);
        let (client, server) = (bindings(&pair.a.engine), bindings(&pair.b.engine));
        assert_eq!(client, server);
        let [
            exporter @ ChannelBinding::TlsExporter(data),
            ChannelBinding::TlsServerEndPoint(_),
        ] = &*client
        else {
            panic!("{client:?}")
        };
        assert_eq!(exporter.data(), data);
        assert!(!seen.contains(data) && *data != [0; 32]);
        seen.push(*data);
    }
}

/// CB-03, CB-04, CB-08: rustls does not tell whether the master secret was extended, nor what Finished was.
#[test]
fn cb_03_tls_1_2_leaves_the_end_point() {
    let world = World::new();
    let pair = connect(&world, &world.good_certificate(), true);
    let client = bindings(&pair.a.engine);
    assert_eq!(client, bindings(&pair.b.engine));
    assert!(matches!(&*client, [ChannelBinding::TlsServerEndPoint(_)]), "{client:?}");
}

/// CB-09, CB-10: by the hash of the signature on the certificate, and not at all where that has none.
#[test]
fn cb_09_the_end_point_is_hashed_as_the_certificate_is_signed() {
    for (kind, expected) in [
        (KeyKind::P256, Some(32)),
        (KeyKind::P384, Some(48)),
        (KeyKind::Ed25519, None),
    ] {
        let mut world = World::new();
        let now = test_time().as_secs();
        world.ca = TestCa::root(CaSpec::new("Test CA").key(kind), now);
        let issued = world.ca.issue(LeafSpec::for_domain(DOMAIN));
        let pair = connect(&world, &issued, false);
        let client = bindings(&pair.a.engine);
        assert_eq!(client, bindings(&pair.b.engine));
        let leaf = issued.leaf();
        let end_point = client.iter().find_map(|binding| match binding {
            ChannelBinding::TlsServerEndPoint(data) => Some(data.clone()),
            _ => None,
        });
        let hashed = expected.map(|length| match length {
            32 => Sha256::digest(leaf).to_vec(),
            _ => Sha384::digest(leaf).to_vec(),
        });
        assert_eq!(end_point, hashed, "{kind:?}");
    }
}

/// The exporter is computed when it is asked for. A report that outlives its session keeps what it was asked for before,
/// and cannot compute it afterwards.
#[test]
fn a_report_knows_the_exporter_as_long_as_its_session_lives() {
    let world = World::new();
    let pair = connect(&world, &world.good_certificate(), false);
    let asked = pair.a.engine.report().unwrap().clone();
    let known = asked.channel_bindings().to_vec();
    let never_asked = pair.b.engine.report().unwrap().clone();
    drop(pair);
    assert_eq!(asked.channel_bindings(), known);
    assert!(matches!(known.first(), Some(ChannelBinding::TlsExporter(_))));
    assert!(matches!(
        never_asked.channel_bindings(),
        [ChannelBinding::TlsServerEndPoint(_)]
    ));
}
