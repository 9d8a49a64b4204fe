//! Every provider works with every other, and none is picked from a process-wide default.

mod common;

use bytes::BytesMut;
use common::World;
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use std::sync::Arc;
use xmpp_tls::identity::ReferenceIds;
use xmpp_tls::policy::{MinimumVersion, Policy};
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig, Session, Target};
use xmpp_tls::tls::rustls::{RustlsAcceptor, RustlsConnector};
use xmpp_tls::tls::{ClientHandshake, PeerCheck, ServerHandshake, TlsAcceptor, TlsConnector, TlsError, TlsState};
use xmpp_tls::{ErrorKind, StreamKind};

#[test]
fn ring_and_aws_lc_rs_are_both_compiled_in_and_neither_is_the_default() {
    for client in [ring::default_provider, aws_lc_rs::default_provider] {
        for server in [ring::default_provider, aws_lc_rs::default_provider] {
            let mut world = World::new();
            world.provider = Arc::new(server());
            let config = world.server_config(&world.good_certificate());
            world.provider = Arc::new(client());
            let mut pair = world.pair(world.client_config(), config, Mode::StartTls);
            pair.drive();
            pair.assert_no_error();
            assert!(pair.a.engine.report().unwrap().is_authenticated());
        }
    }
    assert!(
        CryptoProvider::get_default().is_none(),
        "somebody installed a process-wide provider"
    );
}

/// What an engine says that it supports is what its sessions have: under this policy not one would begin.
#[test]
fn a_provider_without_tls_1_3_supports_no_policy_that_demands_it() {
    let mut world = World::new();
    let mut old = ring::default_provider();
    old.cipher_suites.retain(|suite| suite.tls13().is_none());
    world.provider = Arc::new(old);
    let connector = RustlsConnector::new(world.provider.clone());
    let acceptor = RustlsAcceptor::new(world.provider.clone());
    for answer in [
        connector.supports(MinimumVersion::Tls13),
        acceptor.supports(MinimumVersion::Tls13),
    ] {
        let error = answer.unwrap_err();
        assert!(matches!(error, TlsError::UnsupportedByEngine { .. }), "{error}");
        assert!(
            error.to_string().contains("TLS 1.3, which the policy asks for"),
            "{error}"
        );
    }
    assert!(connector.supports(MinimumVersion::Tls12).is_ok() && acceptor.supports(MinimumVersion::Tls12).is_ok());

    // By STARTTLS it would fail in the middle otherwise.
    let client: ClientConfig = world.client_config().with_policy(Policy::modern());
    let target = Target::new(common::domain(common::DOMAIN));
    let error = Session::client(Arc::new(client), target, world.now()).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Tls(TlsError::UnsupportedByEngine { .. })),
        "{error}"
    );
    let server = ServerConfig::new(acceptor).with_policy(Policy::modern());
    assert!(Session::server(Arc::new(server), Mode::StartTls, world.now()).is_err());
    // And a provider with nothing supports nothing.
    let mut nothing = ring::default_provider();
    nothing.cipher_suites.clear();
    assert!(
        RustlsConnector::new(Arc::new(nothing))
            .supports(MinimumVersion::Tls12)
            .is_err()
    );
}

/// Whoever writes an engine tests it without a session.
#[test]
fn an_engine_works_without_a_session() {
    let world = World::new();
    let issued = world.good_certificate();
    let wanted = common::domain(common::DOMAIN);
    let now = world.now().wall;
    let references = ReferenceIds::new(&wanted, StreamKind::ClientToServer);
    let check = PeerCheck::new(world.client_config().verifier, references, now);
    let mut client = RustlsConnector::new(world.provider.clone())
        .connect(ClientHandshake::new(wanted.clone(), check))
        .unwrap();
    let mut server = RustlsAcceptor::new(world.provider.clone())
        .with_certificate(wanted, issued.chain.clone(), issued.key())
        .unwrap()
        .accept(ServerHandshake::new(StreamKind::ClientToServer, now))
        .unwrap();
    let (mut flight, mut plaintext) = (BytesMut::new(), BytesMut::new());
    while client.state() == TlsState::Handshaking || server.state() == TlsState::Handshaking {
        client.write_tls(&mut flight).unwrap();
        server.read_tls(&flight.split(), &mut plaintext).unwrap();
        server.write_tls(&mut flight).unwrap();
        client.read_tls(&flight.split(), &mut plaintext).unwrap();
    }
    assert_eq!(client.take_session().unwrap().peer_chain, issued.chain);
}
