//! Sources of trust besides the trust anchors: pins, anchors of a domain, and the seam for others.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use pki_types::CertificateDer;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use support::*;
use xmpp_identity::{
    ChainError, ChainStatus, DomainAnchors, IdentityStatus, Pin, Pins, ReferenceId, TrustAnswer, TrustEffect,
    TrustQuestion, TrustSource, Verdict,
};
use xmpp_tls_core::Domain;

fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

fn refused(verdict: &Verdict) -> String {
    let error = verdict.check().unwrap_err();
    assert!(error.is_refused() && !error.is_untrusted(), "{error}");
    match &verdict.chain {
        ChainStatus::Untrusted(error @ ChainError::Refused { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn self_signed(params: &CertificateParams, key: &KeyPair) -> CertificateDer<'static> {
    params.self_signed(key).unwrap().der().clone()
}

/// Every type of key that the signing library can make; RSA comes from the fixtures of the other tests.
fn keys() -> [(&'static str, KeyPair, KeyPair); 3] {
    let of = |algorithm| KeyPair::generate_for(algorithm).unwrap();
    [
        (
            "P-256",
            of(&rcgen::PKCS_ECDSA_P256_SHA256),
            of(&rcgen::PKCS_ECDSA_P256_SHA256),
        ),
        (
            "P-384",
            of(&rcgen::PKCS_ECDSA_P384_SHA384),
            of(&rcgen::PKCS_ECDSA_P384_SHA384),
        ),
        ("Ed25519", of(&rcgen::PKCS_ED25519), of(&rcgen::PKCS_ED25519)),
    ]
}

/// Row 30: a pin fails when it is wrong, for every type of key, whatever a CA says.
#[test]
fn a_wrong_pin_is_a_hard_error_for_every_type_of_key() {
    let root = Ca::root("Root");
    let params = leaf_params("leaf", &[dns("a.example")]);
    for (kind, right, wrong) in keys() {
        let (shown, pinned) = (
            root.leaf_for(params.clone(), &right),
            root.leaf_for(params.clone(), &wrong),
        );
        for pin in [Pin::key_of(&pinned).unwrap(), Pin::certificate(&pinned)] {
            for pins in [Pins::new(), Pins::besides_pkix()] {
                let verifier = root.verifier().with_source(pins.pin(domain("a.example"), [pin]));
                let verdict = verify(&verifier, std::slice::from_ref(&shown), "a.example");
                refused(&verdict);
                assert_eq!(verdict.trust.last().unwrap().effect, TrustEffect::Refused);
                let verdict = verify(&verifier, std::slice::from_ref(&pinned), "a.example");
                assert!(verdict.is_authenticated(), "{kind}: {verdict}");
                // Other domains have no pins, so nothing changes for them.
                let other = root.leaf_for(leaf_params("leaf", &[dns("b.example")]), &right);
                let verdict = verify(&verifier, &[other], "b.example");
                assert!(verdict.is_authenticated());
                assert_eq!(verdict.trust.first().unwrap().effect, TrustEffect::Silent);
            }
        }
    }
    for (shown, pinned) in [("rsa2048", "rsa3072"), ("rsa3072", "rsa2048")] {
        let root = verifier([xmpp_identity::trust_anchor(&fixture("root")).unwrap()]);
        let pins = Pins::new().pin(domain("im.example.com"), [Pin::key_of(&fixture(pinned)).unwrap()]);
        let pinned_verifier = root.with_source(pins);
        refused(&verify(&pinned_verifier, &[fixture(shown)], "im.example.com"));
        assert!(verify(&pinned_verifier, &[fixture(pinned)], "im.example.com").is_authenticated());
    }
}

#[test]
fn what_a_wrong_pin_says() {
    let root = Ca::root("Root");
    let (shown, pinned) = (root.leaf(&[dns("a.example")]), root.leaf(&[dns("a.example")]));
    let (shown_pin, pinned_pin) = (Pin::key_of(&shown).unwrap(), Pin::key_of(&pinned).unwrap());
    let one = Pins::new().pin(domain("a.example"), [pinned_pin]);
    let verdict = verify(
        &root.verifier().with_source(one),
        std::slice::from_ref(&shown),
        "a.example",
    );
    assert_eq!(
        verdict.check().unwrap_err().to_string(),
        format!(
            "a.example is not authenticated: refused by pins: a.example has {shown_pin}; pinned is {pinned_pin}. If the \
             operator of a.example confirms the change, by another way than this connection, update it here; otherwise \
             somebody may be intercepting it"
        )
    );
    // The next key may be pinned before it is used.
    let two = Pins::new().pin(domain("a.example"), [pinned_pin, shown_pin]);
    assert!(verify(&root.verifier().with_source(two), &[shown], "a.example").is_authenticated());
}

/// Row 50: a self-signed certificate that is pinned needs no CA, no name and no danger switch, be it
/// marked as a CA's or not. It must be valid, and another one does not do.
#[test]
fn row_50_a_pinned_self_signed_certificate_is_good_as_itself() {
    let stranger = Ca::root("Root");
    for is_ca in [
        IsCa::NoCa,
        IsCa::ExplicitNoCa,
        IsCa::Ca(BasicConstraints::Unconstrained),
    ] {
        for names in [vec![dns("a.example")], vec![]] {
            let key = KeyPair::generate().unwrap();
            let mut params = leaf_params("a.example", &names);
            params.is_ca = is_ca;
            let der = self_signed(&params, &key);
            let pins = Pins::new().pin(domain("a.example"), [Pin::key_of(&der).unwrap()]);
            let verifier = stranger.verifier().with_source(pins);
            let verdict = verify(&verifier, std::slice::from_ref(&der), "a.example");
            assert!(verdict.is_authenticated(), "{verdict}");
            assert!(matches!(verdict.chain, ChainStatus::Trusted { path_len: 1, .. }));
            let found = verdict.identity.matched().unwrap();
            if names.is_empty() {
                assert!(matches!(&found.reference, ReferenceId::Bound { by, .. } if by == "pins"));
                assert_eq!(
                    verdict.to_string(),
                    format!(
                        "a.example: trusted, by pins; matched: pins a.example by sha256:{}",
                        Pin::certificate(&der).hex()
                    )
                );
            } else {
                assert_eq!(found.to_string(), "DNS-ID a.example");
            }
            // For another domain it is a stranger's.
            assert!(
                verify(&verifier, std::slice::from_ref(&der), "b.example")
                    .check()
                    .unwrap_err()
                    .is_self_signed()
            );
            // Pins that come on top of PKIX do not replace it.
            let besides = Pins::besides_pkix().pin(domain("a.example"), [Pin::key_of(&der).unwrap()]);
            let verdict = verify(&stranger.verifier().with_source(besides), &[der], "a.example");
            assert!(verdict.check().unwrap_err().is_self_signed());

            params.not_after = date_time_ymd(2026, 12, 31);
            let expired = self_signed(&params, &key);
            let verdict = verify(&verifier, &[expired], "a.example");
            assert!(verdict.check().unwrap_err().is_expired(), "{verdict}");
        }
    }
}

/// CERT-09: anchors that were given to a domain exclude the public ones.
#[test]
fn cert_09_anchors_of_a_domain_exclude_the_public_ones() {
    let (public, private) = (Ca::root("Public"), Ca::root("Private"));
    let own = DomainAnchors::new().anchor(domain("a.example"), [private.anchor()]);
    let verifier = public.verifier().with_source(own);
    let a = |ca: &Ca| verify(&verifier, &[ca.leaf(&[dns("a.example")])], "a.example");
    assert!(a(&private).is_authenticated());
    assert!(a(&public).check().unwrap_err().is_untrusted());
    assert_eq!(
        a(&private).trust.last().unwrap().to_string(),
        "anchors of the domain: a.example has trust anchors of its own"
    );
    let b = |ca: &Ca| verify(&verifier, &[ca.leaf(&[dns("b.example")])], "b.example");
    assert!(b(&public).is_authenticated());
    assert!(b(&private).check().unwrap_err().is_untrusted());
    // The name is checked as ever.
    let verdict = verify(&verifier, &[private.leaf(&[dns("x.example")])], "a.example");
    assert!(verdict.check().unwrap_err().is_name_mismatch());
    // No anchors at all: nobody is trusted.
    let none = DomainAnchors::new().anchor(domain("a.example"), []);
    let verifier = public.verifier().with_source(none);
    assert!(!verify(&verifier, &[public.leaf(&[dns("a.example")])], "a.example").is_authenticated());
}

/// A source that says what it is told.
#[derive(Debug)]
struct Fixed(&'static str, TrustAnswer);

impl TrustSource for Fixed {
    fn name(&self) -> &str {
        self.0
    }

    fn ask(&self, question: &TrustQuestion<'_>) -> TrustAnswer {
        assert!(!question.chain.is_empty());
        self.1.clone()
    }
}

/// The first source that speaks decides; what came before it leaves its reason.
#[test]
fn sources_are_asked_in_order_and_leave_their_reasons() {
    let (public, other) = (Ca::root("Public"), Ca::root("Other"));
    let silent = || Fixed("POSH", TrustAnswer::Silent);
    let also = || {
        Fixed(
            "PKIX-EE",
            TrustAnswer::Also {
                reason: "matches".into(),
            },
        )
    };
    let refuses = || {
        Fixed(
            "DANE",
            TrustAnswer::Refused {
                reason: "no record matches".into(),
            },
        )
    };
    let anchors = || {
        let (reason, anchors) = ("DANE-TA".into(), vec![other.anchor()]);
        Fixed("DANE", TrustAnswer::Anchors { reason, anchors })
    };
    let leaf = public.leaf(&[dns("a.example")]);
    let steps = |verdict: &Verdict| verdict.trust.iter().map(ToString::to_string).collect::<Vec<_>>();

    let verdict = verify(
        &public.verifier().with_source(silent()).with_source(also()),
        std::slice::from_ref(&leaf),
        "a.example",
    );
    assert!(verdict.is_authenticated());
    assert_eq!(
        steps(&verdict),
        [
            "POSH: nothing known about the domain",
            "PKIX-EE: matches",
            "trust anchors: no other source decided"
        ]
    );
    let verdict = verify(
        &public.verifier().with_source(also()).with_source(refuses()),
        std::slice::from_ref(&leaf),
        "a.example",
    );
    assert_eq!(refused(&verdict), "refused by DANE: no record matches");
    assert_eq!(steps(&verdict).len(), 2);
    let verdict = verify(
        &public.verifier().with_source(anchors()).with_source(refuses()),
        &[leaf],
        "a.example",
    );
    assert!(
        verdict.check().unwrap_err().is_untrusted(),
        "the anchors decided, nobody else was asked"
    );
    let verdict = verify(
        &public.verifier().with_source(anchors()),
        &[other.leaf(&[dns("a.example")])],
        "a.example",
    );
    assert!(verdict.is_authenticated());
    assert!(
        verify(&public.verifier().with_source(refuses()), &[], "a.example")
            .trust
            .is_empty()
    );
}

/// DANE-EE: neither issuer nor name nor validity matter (RFC 7671 section 5.1); the key must still be good.
#[test]
fn a_source_can_vouch_for_an_expired_certificate() {
    let vouching = |ignore_validity| {
        let reason = "a secure TLSA record matches".into();
        Fixed(
            "DANE",
            TrustAnswer::Certificate {
                reason,
                ignore_validity,
            },
        )
    };
    let mut params = leaf_params("x", &[dns("x.example")]);
    params.not_after = date_time_ymd(2026, 1, 1);
    let expired = self_signed(&params, &KeyPair::generate().unwrap());
    let root = Ca::root("Root");
    for ignore_validity in [true, false] {
        let verifier = root.verifier().with_source(vouching(ignore_validity));
        let verdict = verify(&verifier, std::slice::from_ref(&expired), "a.example");
        assert_eq!(verdict.is_authenticated(), ignore_validity, "{verdict}");
        assert!(matches!(verdict.identity, IdentityStatus::Matched(_)));
        for bad in [fixture("encipherment_only"), fixture("rsa1024"), vec![0x30, 0].into()] {
            let verdict = verify(&verifier, &[bad], "a.example");
            assert!(!verdict.is_authenticated(), "{verdict}");
        }
    }
}

/// A chain beyond the limits is not shown to anybody.
#[test]
fn sources_are_not_asked_about_endless_chains() {
    let root = Ca::root("Root");
    let leaf = root.leaf(&[dns("a.example")]);
    let pins = Pins::new().pin(domain("a.example"), [Pin::certificate(&leaf)]);
    let verdict = verify(&root.verifier().with_source(pins), &vec![leaf; 11], "a.example");
    assert!(matches!(
        &verdict.chain,
        ChainStatus::Untrusted(ChainError::LimitExceeded { .. })
    ));
}
