//! What a policy demands of keys and signatures: in the handshake, for one peer only, and asked beforehand.

mod common;

use common::{DOMAIN, World};
use xmpp_tls::ErrorKind;
use xmpp_tls::policy::{Outcome, Overrides, Policy, PolicyViolation, Rule, Scope};
use xmpp_tls::session::Mode;
use xmpp_tls::tls::TlsError;

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
