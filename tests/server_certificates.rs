//! Which certificate a server shows, and how it is replaced while connections come and go.

mod common;

use common::{World, domain};
use std::sync::Arc;
use xmpp_tls::session::{Mode, ServerConfig, Session, Target};
use xmpp_tls::tls::TlsError;
use xmpp_tls::tls::rustls::{Certificates, RustlsAcceptor};
use xmpp_tls_testkit::{Issued, LeafSpec, Pair};

fn certificates(world: &World, issued: &[(&str, &Issued)]) -> Certificates {
    issued
        .iter()
        .fold(Certificates::new(world.provider.clone()), |set, (name, issued)| {
            set.with(domain(name), issued.chain.clone(), issued.key()).unwrap()
        })
}

/// The certificate that a client for `name` is shown, as the server's chain has it.
fn shown(world: &World, acceptor: &RustlsAcceptor, name: &str, mode: Mode) -> Option<Vec<u8>> {
    let mut pair = connect(world, acceptor, name, mode);
    pair.drive();
    let report = pair.a.engine.report()?;
    Some(report.tls()?.peer_chain.first()?.to_vec())
}

fn connect(world: &World, acceptor: &RustlsAcceptor, name: &str, mode: Mode) -> Pair<Session, Session> {
    let target = Target::new(domain(name));
    let target = if mode == Mode::DirectTls {
        target.direct_tls()
    } else {
        target
    };
    let client = Session::client(Arc::new(world.client_config()), target, world.now()).unwrap();
    let server = world.server(ServerConfig::new(acceptor.clone()), mode);
    Pair::new(client, server, world.clock)
}

#[test]
fn each_domain_has_its_own_certificate_in_both_modes() {
    let world = World::new();
    let a = world.ca.issue(LeafSpec::for_domain("a.example"));
    let b = world.ca.issue(LeafSpec::for_domain("b.example"));
    let acceptor = RustlsAcceptor::new(world.provider.clone());
    acceptor.reload(certificates(&world, &[("a.example", &a), ("b.example", &b)]));
    for mode in [Mode::StartTls, Mode::DirectTls] {
        for (name, issued) in [("a.example", &a), ("b.example", &b)] {
            assert_eq!(
                shown(&world, &acceptor, name, mode).as_deref(),
                issued.chain.first().map(|leaf| leaf.as_ref()),
                "{name} {mode:?}"
            );
        }
    }
}

#[test]
fn a_reload_is_for_all_clones_and_leaves_running_sessions_alone() {
    let world = World::new();
    let (old, new) = (world.good_certificate(), world.good_certificate());
    let acceptor = RustlsAcceptor::new(world.provider.clone());
    acceptor.reload(certificates(&world, &[(common::DOMAIN, &old)]));
    let clone = acceptor.clone();

    // One session is open, one is in the middle of its handshake.
    let mut open = connect(&world, &acceptor, common::DOMAIN, Mode::StartTls);
    open.drive();
    let mut half = connect(&world, &acceptor, common::DOMAIN, Mode::DirectTls);
    half.b_to_a.hold();
    half.drive();

    let before = acceptor.reload(certificates(&world, &[(common::DOMAIN, &new)]));
    assert!(before.domains().eq([&domain(common::DOMAIN)]));
    half.b_to_a.release();
    half.drive();
    half.assert_no_error();
    let leaf = half.a.engine.report().unwrap().tls().unwrap().peer_chain[0].to_vec();
    assert_eq!(leaf, old.chain[0].as_ref(), "one handshake, one set of certificates");
    open.a.engine.send_keepalive().unwrap();
    open.drive();
    open.assert_no_error();
    let now = shown(&world, &clone, common::DOMAIN, Mode::StartTls);
    assert_eq!(now.as_deref(), new.chain.first().map(|leaf| leaf.as_ref()));
}

#[test]
fn a_key_of_another_certificate_never_gets_as_far_as_a_reload() {
    let world = World::new();
    let (one, other) = (world.good_certificate(), world.good_certificate());
    let wrong = Certificates::new(world.provider.clone()).with(domain("a.example"), one.chain.clone(), other.key());
    let Err(TlsError::Misconfigured(reason)) = wrong else {
        panic!("{wrong:?}")
    };
    assert!(reason.contains("certificate or key for a.example"), "{reason}");
}

/// Connections from several threads while the certificate is swapped: none fails, none gets a mix.
#[test]
fn connections_never_fail_while_certificates_are_swapped() {
    let world = World::new();
    let issued: Vec<Issued> = (0..2).map(|_| world.good_certificate()).collect();
    let acceptor = RustlsAcceptor::new(world.provider.clone());
    acceptor.reload(certificates(&world, &[(common::DOMAIN, &issued[0])]));
    let leaves: Vec<_> = issued.iter().map(|issued| issued.chain[0].to_vec()).collect();
    std::thread::scope(|scope| {
        let connections: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let leaf = shown(&world, &acceptor, common::DOMAIN, Mode::StartTls).unwrap();
                        assert!(leaves.contains(&leaf));
                    }
                })
            })
            .collect();
        let mut swaps = 0;
        while connections.iter().any(|connection| !connection.is_finished()) {
            swaps += 1;
            acceptor.reload(certificates(&world, &[(common::DOMAIN, &issued[swaps % 2])]));
            std::thread::yield_now();
        }
        assert!(swaps > 1);
    });
}
