//! A policy for some peers only.

mod common;

use common::{DOMAIN, World, domain};
use std::sync::Arc;
use xmpp_tls::policy::{Overrides, Policy, PolicyViolation, Scope};
use xmpp_tls::session::{Mode, ServerConfig, Session, Target};
use xmpp_tls::tls::TlsError;
use xmpp_tls::tls::rustls::RustlsAcceptor;
use xmpp_tls::{ErrorKind, Side, StreamKind};
use xmpp_tls_testkit::Pair;

/// A server that speaks nothing newer than TLS 1.2.
fn old_server(world: &World) -> Session {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.retain(|suite| suite.tls13().is_none());
    let issued = world.good_certificate();
    let acceptor = RustlsAcceptor::new(Arc::new(provider))
        .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
        .unwrap();
    world.server(ServerConfig::new(acceptor), Mode::StartTls)
}

#[test]
fn an_override_applies_to_its_peers_and_to_nobody_else() {
    for (scope, refused) in [
        (Scope::all().peer(DOMAIN.parse().unwrap()), true),
        (Scope::all().kind(StreamKind::ClientToServer), true),
        (Scope::all().side(Side::Receiving), false),
        (Scope::all().peer("*.example.org".parse().unwrap()), false),
    ] {
        let world = World::new();
        let mut config = world.client_config();
        config.overrides = Overrides::new().with(scope.clone(), Policy::modern());
        let client = Session::client(Arc::new(config), Target::new(domain(DOMAIN)), world.now()).unwrap();
        let mut pair = Pair::new(client, old_server(&world), world.clock);
        pair.drive();
        let error = pair.a.error.as_ref().map(|error| error.kind().clone());
        match error {
            None => assert!(!refused, "{scope:?}"),
            Some(
                ErrorKind::Tls(TlsError::AlertReceived(_) | TlsError::PeerIncompatible(_))
                | ErrorKind::Policy(PolicyViolation::Version { .. }),
            ) => assert!(refused, "{scope:?}"),
            Some(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_server_holds_its_clients_to_an_override() {
    let world = World::new();
    let mut server = world.server_config(&world.good_certificate());
    let mut policy = Policy::default();
    policy.timeouts.authentication = std::time::Duration::from_secs(7);
    server.overrides = Overrides::new().with(Scope::all().kind(StreamKind::ClientToServer), policy);
    let mut pair = world.pair(world.client_config(), server, Mode::StartTls);
    pair.drive();
    pair.assert_no_error();
    let due = world.clock.now() + std::time::Duration::from_secs(7);
    assert_eq!(pair.b.engine.deadline(), Some(due));
}
