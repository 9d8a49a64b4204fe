//! Who is asked: OpenSSL for old peers under a policy that names old versions, the wrapped backend for all others.

mod common;

use bytes::BytesMut;
use common::peer::OldPeer;
use common::{World, domain, down_to, words};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use xmpp_tls::danger::OldVersion;
use xmpp_tls::policy::{MinimumVersion, Policy};
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig, Session, Target};
use xmpp_tls::starttls::TlsVersion;
use xmpp_tls::tls::rustls::RustlsConnector;
use xmpp_tls::tls::{ClientHandshake, ServerHandshake, TlsAcceptor, TlsConnector, TlsEngine, TlsError};
use xmpp_tls::{Domain, Engine, Output};
use xmpp_tls_legacy::{LegacyAcceptor, LegacyConnector};

/// Counts what reaches the wrapped backend.
#[derive(Debug, Clone)]
struct Counted<T> {
    inner: T,
    count: Arc<AtomicUsize>,
}

impl<T> Counted<T> {
    fn new(inner: T) -> Self {
        Counted {
            inner,
            count: Arc::default(),
        }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl<T: TlsConnector> TlsConnector for Counted<T> {
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError> {
        self.inner.supports(minimum_version)
    }

    fn connect(&self, handshake: ClientHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.inner.connect(handshake)
    }
}

impl<T: TlsAcceptor> TlsAcceptor for Counted<T> {
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError> {
        self.inner.supports(minimum_version)
    }

    fn accept(&self, handshake: ServerHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.inner.accept(handshake)
    }

    fn serves(&self, domain: &Domain) -> bool {
        self.inner.serves(domain)
    }

    fn sole_domain(&self) -> Option<Domain> {
        self.inner.sole_domain()
    }

    fn fill_random(&self, buffer: &mut [u8]) -> Result<(), TlsError> {
        self.inner.fill_random(buffer)
    }
}

fn counted_acceptor(world: &World) -> (Counted<impl TlsAcceptor + Clone + 'static>, LegacyAcceptor) {
    let issued = world.rsa_certificate();
    let inner = Counted::new(world.rustls_acceptor(&issued));
    let acceptor = LegacyAcceptor::new(inner.clone())
        .with_certificate(domain(common::DOMAIN), issued.chain.clone(), issued.key())
        .unwrap();
    (inner, acceptor)
}

#[test]
fn a_server_routes_by_the_version_in_the_clienthello() {
    for (version, wrapped) in [
        (TlsVersion::TLS_1_0, 0),
        (TlsVersion::TLS_1_1, 0),
        (TlsVersion::TLS_1_2, 1),
        (TlsVersion::TLS_1_3, 1),
    ] {
        let world = World::new();
        let (inner, acceptor) = counted_acceptor(&world);
        let client = world.client_of(OldPeer::client(version), down_to(OldVersion::Tls10));
        let server = world.server_of(acceptor, down_to(OldVersion::Tls10));
        let pair = world.run(client, server, Mode::DirectTls);
        pair.assert_no_error();
        assert_eq!(pair.b.engine.report().unwrap().tls().unwrap().version, version);
        assert_eq!(inner.count(), wrapped, "{version}");
    }
}

#[test]
fn cve_2013_6169_a_server_under_the_default_policy_never_reaches_openssl() {
    for (version, refused) in [
        (TlsVersion::TLS_1_0, true),
        (TlsVersion::TLS_1_1, true),
        (TlsVersion::TLS_1_2, false),
    ] {
        let world = World::new();
        let (inner, acceptor) = counted_acceptor(&world);
        let client = world.client_of(OldPeer::client(version), down_to(OldVersion::Tls10));
        let pair = world.run(client, world.server_of(acceptor, Policy::default()), Mode::StartTls);
        assert_eq!(inner.count(), 1, "{version}");
        assert_eq!(pair.b.error.is_some(), refused, "{version}");
        if refused {
            let told = words(&pair.a.error);
            assert!(told.contains("alert"), "{told}");
        }
    }
}

#[test]
fn a_client_asks_openssl_under_a_policy_with_old_versions_and_else_never() {
    let modern = Policy::modern();
    for (policy, wrapped) in [(Policy::default(), 1), (modern, 1), (down_to(OldVersion::Tls11), 0)] {
        let world = World::new();
        let inner = Counted::new(RustlsConnector::new(world.provider.clone()));
        let client = world.client_of(LegacyConnector::new(inner.clone()), policy);
        let server = world.server_of(world.rustls_acceptor(&world.rsa_certificate()), Policy::default());
        let pair = world.run(client, server, Mode::StartTls);
        pair.assert_no_error();
        assert_eq!(inner.count(), wrapped);
    }
}

#[test]
fn cve_2013_6169_a_client_under_the_default_policy_refuses_old_servers() {
    for version in [TlsVersion::TLS_1_0, TlsVersion::TLS_1_1] {
        let world = World::new();
        let peer = OldPeer::server(version, &world.rsa_certificate());
        let server = world.server_of(peer, down_to(OldVersion::Tls10));
        let pair = world.run(world.legacy_client(Policy::default()), server, Mode::StartTls);
        assert!(
            pair.a.error.is_some() && pair.a.events.is_empty(),
            "{:?}",
            pair.a.events
        );
    }
}

#[test]
fn rustls_alone_refuses_a_policy_with_old_versions() {
    let world = World::new();
    let config = world.client_of(RustlsConnector::new(world.provider.clone()), down_to(OldVersion::Tls10));
    let target = Target::new(domain(common::DOMAIN));
    let error = Session::client(Arc::new(config), target, world.now()).unwrap_err();
    assert!(error.to_string().contains("xmpp-tls-legacy"), "{error}");
}

#[cfg(not(feature = "sslv3"))]
#[test]
fn ssl_3_0_is_refused_at_once_where_the_linked_openssl_has_none() {
    let world = World::new();
    let policy = down_to(OldVersion::Ssl30);
    let target = Target::new(domain(common::DOMAIN));
    let client = world.legacy_client(policy.clone());
    let client = Session::client(Arc::new(client), target, world.now()).unwrap_err();
    let server = world.legacy_server(policy);
    let server = Session::server(Arc::new(server), Mode::StartTls, world.now()).unwrap_err();
    for error in [client, server] {
        let error = error.to_string();
        assert!(
            error.contains("the linked OpenSSL does not speak SSL 3.0") && error.contains("feature `sslv3`"),
            "{error}"
        );
    }
}

#[cfg(feature = "sslv3")]
#[test]
fn seed_03_ssl_3_0_works_in_both_roles_and_warns() {
    use xmpp_tls::security::Warning;
    let world = World::new();
    let policy = down_to(OldVersion::Ssl30);
    let warning = [Warning::OldVersion(TlsVersion::SSL_3_0)];
    let peer = OldPeer::client(TlsVersion::SSL_3_0);
    let pair = world.run(
        world.client_of(peer, policy.clone()),
        world.legacy_server(policy.clone()),
        Mode::StartTls,
    );
    pair.assert_no_error();
    assert_eq!(pair.b.engine.report().unwrap().warnings(), warning);
    let mut peer = OldPeer::server(TlsVersion::SSL_3_0, &world.rsa_certificate());
    peer.dh_bits = Some(2048);
    let pair = world.run(
        world.legacy_client(policy.clone()),
        world.server_of(peer, policy),
        Mode::StartTls,
    );
    pair.assert_no_error();
    assert_eq!(pair.a.engine.report().unwrap().warnings(), warning);
}

/// What a server does with these first octets by direct TLS: what it writes, and how it ends.
fn first_octets(world: &World, config: ServerConfig, octets: &[u8]) -> (Vec<u8>, String) {
    let mut session = world.server(config, Mode::DirectTls);
    session.handle_input(world.clock.now(), octets).unwrap();
    let mut wrote = Vec::new();
    loop {
        match session.poll_output() {
            Ok(Output::Transmit(bytes)) => wrote.extend_from_slice(&bytes),
            Ok(Output::Event(event)) => panic!("{event:?}"),
            Ok(Output::WantsInput(_)) => return (wrote, String::new()),
            Err(error) => return (wrote, error.to_string()),
        }
    }
}

#[test]
fn tlsp_02_a_hello_of_ssl_3_0_is_refused_with_its_alert_where_the_minimum_is_tls_1_0() {
    let world = World::new();
    let mut hello = vec![22, 3, 0, 0, 45, 1, 0, 0, 41, 3, 0];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let (wrote, error) = first_octets(&world, world.legacy_server(down_to(OldVersion::Tls10)), &hello);
    assert!(error.contains("the peer offers only SSL 3.0"), "{error}");
    assert_eq!(wrote, [21, 3, 0, 0, 2, 2, 70], "protocol_version");
}

/// A CLIENT-HELLO of SSL 2.0 that asks for `version`, with one suite and a challenge.
fn ssl_2_hello(version: u16) -> Vec<u8> {
    let [major, minor] = version.to_be_bytes();
    let mut hello = vec![0x80, 28, 1, major, minor, 0, 3, 0, 0, 0, 16, 0, 0, 0x2f];
    hello.extend([7; 16]);
    hello
}

#[test]
fn tlsp_01_hellos_of_ssl_2_0_are_refused_by_both_engines_and_not_answered() {
    let world = World::new();
    for version in [0x0002, 0x0300, 0x0301, 0x0303] {
        let hello = ssl_2_hello(version);
        let (wrote, error) = first_octets(&world, world.legacy_server(down_to(OldVersion::Tls10)), &hello);
        assert!(error.contains("SSL 2.0") && error.contains("RFC 6176"), "{error}");
        assert_eq!(wrote, b"", "{version:#06x}");

        for config in [
            world.legacy_server(Policy::default()),
            ServerConfig::new(world.rustls_acceptor(&world.rsa_certificate())),
        ] {
            let (wrote, error) = first_octets(&world, config, &hello);
            assert!(error.contains("not TLS (first octet 0x80)"), "{error}");
            assert_eq!(wrote, b"", "{version:#06x}");
        }
    }
}

#[test]
fn what_is_not_tls_gets_the_words_of_the_wrapped_engine() {
    let world = World::new();
    let (_, error) = first_octets(&world, world.legacy_server(down_to(OldVersion::Tls10)), b"<?xml");
    assert!(error.contains("looks like XML"), "{error}");
}

/// A connector that reaches a server which answers our ClientHello with these octets.
fn answered_by(world: &World, answer: &[u8]) -> String {
    let config: ClientConfig = world.legacy_client(down_to(OldVersion::Tls10));
    let mut session = world.client(config, Mode::DirectTls);
    let mut answer = Some(answer);
    let mut wrote = BytesMut::new();
    loop {
        match session.poll_output() {
            Ok(Output::Transmit(bytes)) => wrote.extend_from_slice(&bytes),
            Ok(Output::Event(event)) => panic!("{event:?}"),
            Ok(Output::WantsInput(_)) => match answer.take() {
                Some(answer) => session.handle_input(world.clock.now(), answer).unwrap(),
                None => panic!("no end, {} octets written", wrote.len()),
            },
            Err(error) => return error.to_string(),
        }
    }
}

#[test]
fn a_client_says_what_the_server_speaks_instead_of_tls() {
    let world = World::new();
    let error = answered_by(&world, b"<?xml");
    assert!(error.contains("looks like XML"), "{error}");
    let error = answered_by(&world, &[21, 3, 1, 0, 2, 2, 70]);
    assert!(error.contains("the alert protocol_version"), "{error}");
    // SERVER-HELLO of SSL 2.0
    let error = answered_by(&world, &[0x80, 30, 4, 0, 1, 0, 2]);
    assert!(error.contains("not TLS (first octet 0x80)"), "{error}");
}
