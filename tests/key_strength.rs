//! What a policy demands of keys and signatures: in the handshake, for one peer only, and asked beforehand.

mod common;

use common::fake_tls::{FakeConnector, SERVER_HELLO};
use common::{DOMAIN, World, domain};
use std::sync::Arc;
use xmpp_tls::danger::{PlaintextAccepted, PlaintextDialbackAccepted, UnverifiedPeerAccepted};
use xmpp_tls::policy::{
    AuthenticationPolicy, EncryptionPolicy, Evaluation, Outcome, Overrides, Policy, PolicyViolation, Rule, Scope,
    ServerAuthentication,
};
use xmpp_tls::security::SecurityReport;
use xmpp_tls::session::{ClientConfig, Mode, Session, Target};
use xmpp_tls::tls::TlsError;
use xmpp_tls::{Engine, Error, ErrorKind, Output};
use xmpp_tls_testkit::{Issued, KeyKind, LeafSpec};

/// More than the test CA's keys have, which are on P-256.
fn demanding() -> Policy {
    let mut policy = Policy::default();
    policy.keys.curve_bits = 384;
    policy
}

#[test]
fn tlsp_20_a_weaker_key_than_is_demanded_ends_the_handshake() {
    for mode in [Mode::StartTls, Mode::DirectTls] {
        let world = World::new();
        let client = world.client_config().with_policy(demanding());
        let mut pair = world.pair(client, world.server_config(&world.good_certificate()), mode);
        pair.drive();
        let error = pair.a.error.as_ref().unwrap();
        assert!(matches!(error.kind(), ErrorKind::Tls(TlsError::CertificateRejected(_))));
        assert!(error.to_string().contains("too weak: ECDSA P-256"), "{error}");
        // The server gets an alert, and not just the end of the connection.
        let told = pair.b.error.as_ref().unwrap();
        assert!(
            matches!(told.kind(), ErrorKind::Tls(TlsError::AlertReceived(_))),
            "{told}"
        );
    }
}

#[test]
fn a_demand_for_one_peer_is_for_no_other() {
    for (peer, fails) in [(DOMAIN, true), ("other.example", false)] {
        let world = World::new();
        let mut client = world.client_config();
        client.overrides = Overrides::new().with(Scope::all().peer(peer.parse().unwrap()), demanding());
        let mut pair = world.pair(client, world.server_config(&world.good_certificate()), Mode::StartTls);
        pair.drive();
        assert_eq!(pair.a.error.is_some(), fails, "{peer}");
    }
}

/// Which of today's connections would a stricter policy refuse?
#[test]
fn a_stricter_demand_can_be_rehearsed() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    pair.drive();
    let report = pair.a.engine.report().unwrap();
    for (bits, violated) in [
        ((2048, 256, 256), None),
        ((4096, 384, 256), Some("an elliptic curve key")),
        ((2048, 256, 512), Some("a signature's hash")),
    ] {
        let mut policy = Policy::default();
        (policy.keys.rsa_bits, policy.keys.curve_bits, policy.keys.hash_bits) = bits;
        let evaluation = policy.evaluate(report);
        let outcome = &evaluation
            .findings()
            .iter()
            .find(|finding| finding.rule == Rule::KeyStrength)
            .unwrap()
            .outcome;
        match (outcome, violated) {
            (Outcome::Met, None) => {}
            (Outcome::Violated(PolicyViolation::KeyStrength { what, bits: 256, .. }), Some(expected)) => {
                assert_eq!(*what, expected)
            }
            other => panic!("{other:?}"),
        }
    }
    // The receiving side of a client's stream sees no certificate.
    let server = pair.b.engine.report().unwrap();
    assert!(demanding().evaluate(server).is_satisfied());
}

/// Who may be authenticated by what, under which encryption.
fn levels() -> Vec<Policy> {
    use ServerAuthentication::{Certificate, CertificateOrDialback, DialbackOverTls, PlaintextDialback};
    let plaintext = PlaintextDialback(PlaintextDialbackAccepted::whoever_forges_dns_may_be_any_server());
    let mut all = Vec::new();
    for servers in [Certificate, CertificateOrDialback, DialbackOverTls, plaintext] {
        for recorded in [false, true] {
            let mut policy = Policy::default();
            policy.servers = servers;
            if servers == plaintext {
                policy.encryption =
                    EncryptionPolicy::Opportunistic(PlaintextAccepted::anybody_may_read_and_change_the_stream());
            }
            if recorded {
                policy.authentication =
                    AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
            }
            all.push(policy);
        }
    }
    all
}

/// A handshake under a policy: what was reported, or why there was nothing to report.
fn handshake(world: &World, issued: &Issued, target: &Target, policy: &Policy) -> Result<Arc<SecurityReport>, Error> {
    let connector = FakeConnector {
        peer_chain: issued.chain.clone(),
    };
    let verifier = world.client_config().verifier;
    let config = ClientConfig::new(connector, verifier).with_policy(policy.clone());
    let mut session = Session::client(Arc::new(config), target.clone(), world.now()).unwrap();
    session.handle_input(world.clock.now(), SERVER_HELLO).unwrap();
    loop {
        match session.poll_output()? {
            Output::Transmit(_) => {}
            Output::Event(_) | Output::WantsInput(_) => return Ok(session.report().unwrap().clone()),
        }
    }
}

/// Rules with what they found, without the particulars: a verifier tells more of a chain than a report's numbers do.
fn found(evaluation: &Evaluation) -> Vec<(Rule, &'static str)> {
    let finding = evaluation.findings().iter().map(|finding| {
        let outcome = match finding.outcome {
            Outcome::Met => "met",
            Outcome::NotDemanded => "not demanded",
            Outcome::AwaitsDialback => "awaits dialback",
            Outcome::Violated(_) => "violated",
            _ => "an outcome the tests do not know",
        };
        (finding.rule, outcome)
    });
    finding.collect()
}

/// What a policy demands of keys is the same question for those who enforce it and for those who rehearse it: every
/// kind of stream, every level, every demand, good and bad names.
#[test]
fn a_demand_is_rehearsed_as_it_is_enforced() {
    let world = World::new();
    let mut lax = Policy::default();
    lax.authentication = AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
    let targets = [
        Target::new(domain(DOMAIN)).direct_tls(),
        Target::new(domain(DOMAIN))
            .direct_tls()
            .from_server(domain("example.net")),
    ];
    let demands = [
        (2048, 256, 256),
        (3072, 256, 256),
        (2048, 384, 256),
        (2048, 256, 384),
        (2048, 521, 512),
    ];
    let (mut refused, mut accepted, mut weak) = (0, 0, 0);
    for name in [DOMAIN, "other.example"] {
        for key in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Ed25519] {
            let issued = world.ca.issue(LeafSpec::for_domain(name).key(key));
            for target in &targets {
                let today = handshake(&world, &issued, target, &lax).unwrap();
                for mut policy in levels() {
                    for bits in demands {
                        (policy.keys.rsa_bits, policy.keys.curve_bits, policy.keys.hash_bits) = bits;
                        let rehearsed = policy.evaluate(&today);
                        let context = format!("{name} {key:?} {} {bits:?}\n{policy}\n{rehearsed}", target.kind());
                        match handshake(&world, &issued, target, &policy) {
                            Ok(report) => {
                                assert!(rehearsed.is_satisfied(), "{context}");
                                assert_eq!(found(&rehearsed), found(&policy.evaluate(&report)), "{context}");
                                assert_eq!(rehearsed.awaits_dialback(), report.awaits_dialback(), "{context}");
                                accepted += 1;
                            }
                            Err(error) => {
                                assert!(error.identity().is_some(), "{error}");
                                assert!(!rehearsed.is_satisfied(), "{error}\n{context}");
                                let for_weakness = error.to_string().contains("too weak");
                                let by_strength = found(&rehearsed).contains(&(Rule::KeyStrength, "violated"));
                                assert_eq!(for_weakness, by_strength, "{error}\n{context}");
                                refused += 1;
                                weak += usize::from(for_weakness);
                            }
                        }
                    }
                }
            }
        }
    }
    // Whoever made all of them pass or fail would be noticed.
    assert_eq!((accepted, refused, weak), (475, 165, 130));
}
