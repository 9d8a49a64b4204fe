//! Which certificate a server shows, and how it is replaced while connections come and go.

mod common;

use common::{World, domain};
use pki_types::CertificateDer;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use xmpp_tls::danger::UnverifiedPeerAccepted;
use xmpp_tls::policy::{AuthenticationPolicy, MinimumVersion};
use xmpp_tls::session::{Closed, Event, Mode, ServerConfig, Session, Target};
use xmpp_tls::tls::rustls::{Certificates, RustlsAcceptor, RustlsConnector};
use xmpp_tls::tls::{ClientHandshake, TlsConnector, TlsEngine, TlsError, own};
use xmpp_tls::{ErrorKind, HeaderProblem};
use xmpp_tls_testkit::ca::{CaSpec, Eku, test_time};
use xmpp_tls_testkit::{Issued, LeafSpec, Pair, TestCa};

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

/// 300 connections from four threads while the certificate is swapped 50 times: none fails, none gets a mix of chain
/// and key, those that were there before live on, and what cannot be shown changes nothing.
#[test]
fn connections_never_fail_while_certificates_are_swapped() {
    const CONNECTIONS: usize = 300;
    const SWAPS: usize = 50;
    let world = World::new();
    // Each chain has an issuer of its own, so that a mix of two would be none.
    let issued: Vec<Issued> = (0..4)
        .map(|number| {
            let issuer = world.ca.intermediate(CaSpec::new(&format!("Issuer {number}")));
            issuer.issue(LeafSpec::for_domain(common::DOMAIN))
        })
        .collect();
    let acceptor = RustlsAcceptor::new(world.provider.clone());
    acceptor.reload(certificates(&world, &[(common::DOMAIN, &issued[0])]));
    let mut before: Vec<_> = [Mode::StartTls, Mode::DirectTls]
        .into_iter()
        .map(|mode| connect(&world, &acceptor, common::DOMAIN, mode))
        .collect();
    before.iter_mut().for_each(Pair::drive);

    let (begun, swapped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seen = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (world, acceptor, issued) = (&world, &acceptor, &issued);
            let (begun, swapped, seen) = (&begun, &swapped, &seen);
            scope.spawn(move || {
                let mode = [Mode::StartTls, Mode::DirectTls][thread % 2];
                loop {
                    let number = begun.fetch_add(1, Ordering::Relaxed);
                    if number >= CONNECTIONS {
                        return;
                    }
                    let mut pair = connect(world, acceptor, common::DOMAIN, mode);
                    if number % (CONNECTIONS / SWAPS) == 0 {
                        let next = swapped.fetch_add(1, Ordering::Relaxed) + 1;
                        acceptor.reload(certificates(world, &[(common::DOMAIN, &issued[next % issued.len()])]));
                        let mixed = Certificates::new(world.provider.clone()).with(
                            domain(common::DOMAIN),
                            issued[0].chain.clone(),
                            issued[1].key(),
                        );
                        assert!(mixed.is_err(), "and so there is nothing to reload");
                    }
                    pair.drive();
                    pair.assert_no_error();
                    let [ours, theirs] = [&pair.a, &pair.b].map(|end| end.engine.report().unwrap().clone());
                    assert!(ours.is_authenticated());
                    let chain = &ours.tls().unwrap().peer_chain;
                    let whose = issued.iter().position(|issued| issued.chain == *chain);
                    seen.lock().unwrap().insert(whose.expect("not a mix of two chains"));
                    assert_eq!(ours.channel_bindings(), theirs.channel_bindings());
                }
            });
        }
    });
    assert_eq!(swapped.into_inner(), SWAPS);
    assert_eq!(
        seen.into_inner().unwrap().len(),
        issued.len(),
        "each was shown for a while"
    );
    for pair in &mut before {
        pair.a.engine.send_keepalive().unwrap();
        pair.b.engine.close(world.clock.now()).unwrap();
        pair.drive();
        pair.assert_no_error();
        assert!(matches!(pair.a.events.last(), Some(Event::Closed(Closed::Properly))));
    }
}

/// What clients would find out is said before they do.
#[test]
fn a_server_knows_what_is_wrong_with_its_own_certificates() {
    let world = World::new();
    let problems = |spec: LeafSpec, intermediate: bool| -> Vec<String> {
        let ca = match intermediate {
            true => world.ca.intermediate(CaSpec::new("Issuing CA")),
            false => TestCa::new("Test CA"),
        };
        let issued = ca.issue(spec);
        let set = certificates(&world, &[(common::DOMAIN, &issued)]);
        let found = set.problems(test_time()).into_iter();
        found.map(|(_, problem)| problem.to_string()).collect()
    };
    let named = || LeafSpec::for_domain(common::DOMAIN);
    assert_eq!(problems(named(), true), [""; 0]);
    let now = test_time().as_secs();
    // Certificates that live for six days only are renewed every few of them.
    assert_eq!(
        problems(named().validity(now - 3 * 86_400, now + 3 * 86_400), true),
        [""; 0]
    );
    for (spec, intermediate, expected) in [
        (
            LeafSpec::for_domain("other.example"),
            true,
            "not for example.org but for other.example",
        ),
        (LeafSpec::new().cn(common::DOMAIN), true, "but for nobody"),
        (named().expired(), true, "expired at"),
        (named().not_yet_valid(), true, "valid from"),
        (
            named().validity(now - 30 * 86_400, now + 3 * 86_400 + 5),
            true,
            "in 3 days: renew it",
        ),
        (
            named().validity(now - 5 * 86_400, now + 86_400 + 5),
            true,
            "in 1 days: renew it",
        ),
        (named().eku(Eku::Client), true, "is for clientAuth and not for servers"),
        (
            named(),
            false,
            "no certificate of the issuer (O=xmpp-tls test, CN=Test CA)",
        ),
    ] {
        let found = problems(spec, intermediate);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(expected), "{found:?}");
    }
    let alone = named().self_signed();
    assert!(
        problems(alone, false)
            .iter()
            .any(|problem| problem.contains("signed by itself"))
    );

    let issued = world.ca.intermediate(CaSpec::new("Issuing CA")).issue(named());
    let disordered = [
        issued.chain[0].clone(),
        world.ca.anchor().clone(),
        issued.chain[1].clone(),
    ];
    let found = own::check(&domain(common::DOMAIN), &disordered, test_time());
    assert_eq!(found, [own::Problem::WrongOrder { number: 1 }]);

    let issued = world
        .ca
        .intermediate(CaSpec::new("Old CA").validity(1_000_000_000, 1_100_000_000))
        .issue(named());
    let found = own::check(&domain(common::DOMAIN), &issued.chain, test_time());
    assert!(
        matches!(&found[..], [own::Problem::IssuerNotValid { number: 2, until, .. }] if until.starts_with("2004-11-09")),
        "{found:?}"
    );

    for (file, weakness) in [("rsa1024", "RSA 1024"), ("sha1", "ecdsa-with-SHA1")] {
        let path = format!(
            "{}/crates/identity/tests/fixtures/{file}.der",
            env!("CARGO_MANIFEST_DIR")
        );
        let chain = [CertificateDer::from(std::fs::read(path).unwrap())];
        let found = own::check(&domain(common::DOMAIN), &chain, test_time());
        let weak = own::Problem::Weak {
            number: 1,
            weakness: weakness.to_owned(),
        };
        assert!(found.contains(&weak), "{found:?}");
    }

    assert!(matches!(
        own::check(&domain(common::DOMAIN), &[], test_time())[..],
        [own::Problem::Unreadable(_)]
    ));
}

#[test]
fn what_is_no_certificate_or_no_key_is_named() {
    let world = World::new();
    let (one, other) = (world.good_certificate(), world.good_certificate());
    let (chain, key) = (one.chain_pem(), one.key_pem());
    let set = || Certificates::new(world.provider.clone());
    assert!(
        set()
            .with_pem(domain("a.example"), chain.as_bytes(), key.as_bytes())
            .is_ok()
    );
    for (chain, key, expected) in [
        (one.chain[0].as_ref(), key.as_bytes(), "is that PEM?"),
        (key.as_bytes(), key.as_bytes(), "there is no certificate"),
        (chain.as_bytes(), chain.as_bytes(), "private key for a.example"),
        (
            chain.as_bytes(),
            other.key_pem().as_bytes(),
            "the key is not the one of the first certificate",
        ),
    ] {
        let error = set().with_pem(domain("a.example"), chain, key).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// Asks for another name by SNI, whatever the stream is for; for an address there is no SNI.
#[derive(Debug)]
struct OtherName(RustlsConnector, &'static str);

impl TlsConnector for OtherName {
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError> {
        self.0.supports(minimum_version)
    }

    fn connect(&self, mut handshake: ClientHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        handshake.domain = domain(self.1);
        self.0.connect(handshake)
    }
}

#[test]
fn stls_23_without_a_server_name_the_stream_to_chooses_the_certificate() {
    let world = World::new();
    let issued: Vec<_> = ["a.example", "b.example", "c.example"]
        .map(|name| (name, world.ca.issue(LeafSpec::for_domain(name))))
        .into();
    let served: Vec<_> = issued.iter().map(|(name, issued)| (*name, issued)).collect();
    let acceptor = RustlsAcceptor::new(world.provider.clone());
    acceptor.reload(certificates(&world, &served));
    for name in ["a.example", "b.example", "c.example"] {
        let mut config = world.client_config();
        config.connector = Arc::new(OtherName(RustlsConnector::new(world.provider.clone()), "127.0.0.1"));
        let client = Session::client(Arc::new(config), Target::new(domain(name)), world.now()).unwrap();
        let server = world.server(ServerConfig::new(acceptor.clone()), Mode::StartTls);
        let mut pair = Pair::new(client, server, world.clock);
        pair.drive();
        pair.assert_no_error();
        assert!(pair.a.engine.report().unwrap().is_authenticated());
        let server = pair.b.engine.report().unwrap();
        assert_eq!(
            (server.domain(), &server.tls().unwrap().server_name),
            (Some(&domain(name)), &None)
        );
    }
}

/// Whatever a client asks for where, and whenever certificates are replaced: a stream is for the domain whose
/// certificate was shown.
#[test]
fn the_certificate_of_one_domain_never_carries_a_stream_for_another() {
    let world = World::new();
    let a = world.ca.issue(LeafSpec::for_domain("a.example"));
    let b = world.ca.issue(LeafSpec::for_domain("b.example"));
    for (mode, reload) in [
        (Mode::StartTls, false),
        (Mode::DirectTls, false),
        (Mode::DirectTls, true),
    ] {
        let acceptor = RustlsAcceptor::new(world.provider.clone());
        let both = certificates(&world, &[("a.example", &a), ("b.example", &b)]);
        let only_a = certificates(&world, &[("a.example", &a)]);
        acceptor.reload(if reload { only_a } else { both });
        let mut config = world.client_config();
        config.connector = Arc::new(OtherName(RustlsConnector::new(world.provider.clone()), "a.example"));
        config.policy.authentication =
            AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
        let target = Target::new(domain("b.example"));
        let target = if mode == Mode::DirectTls {
            target.direct_tls()
        } else {
            target
        };
        let client = Session::client(Arc::new(config), target, world.now()).unwrap();
        let mut pair = Pair::new(
            client,
            world.server(ServerConfig::new(acceptor.clone()), mode),
            world.clock,
        );
        if reload {
            pair.b_to_a.hold();
            pair.drive();
            acceptor.reload(certificates(&world, &[("b.example", &b)]));
            pair.b_to_a.release();
        }
        pair.drive();
        let report = pair.b.engine.report().unwrap();
        assert_eq!(report.domain(), Some(&domain("a.example")), "{mode:?} {reload}");
        let error = pair.b.error.as_ref().unwrap();
        assert!(
            matches!(error.kind(), ErrorKind::Header(HeaderProblem::Changed { .. })),
            "{error}"
        );
        assert!(!pair.b.events.iter().any(|event| matches!(event, Event::Opened(_))));
    }
}
