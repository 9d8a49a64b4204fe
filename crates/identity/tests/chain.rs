//! Path validation and the verdict, with certificates made on the spot.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use pki_types::UnixTime;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose as Eku, GeneralSubtree, IsCa, Issuer, KeyPair,
    NameConstraints, date_time_ymd,
};
use std::time::Duration;
use support::*;
use xmpp_identity::{
    CertificateError, ChainError, ChainStatus, IdentityError, IdentityStatus, IgnoreReason, Limits, PeerServerUsage,
    Purpose, UsageException, Verdict, trust_anchor,
};
use xmpp_tls_core::StreamKind;

fn untrusted(verdict: &Verdict) -> &ChainError {
    match &verdict.chain {
        ChainStatus::Untrusted(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn cert_01_a_good_chain_authenticates() {
    let root = Ca::root("Good Root");
    let sub = root.sub(ca_params("Good Issuer"));
    let chain = [sub.leaf(&[dns("im.example.com")]), sub.der.clone()];
    let verdict = verify(&root.verifier(), &chain, "im.example.com");
    assert!(verdict.is_authenticated());
    let ChainStatus::Trusted {
        anchor,
        path_len,
        constraints,
        ..
    } = &verdict.chain
    else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        (anchor.as_str(), *path_len, constraints.is_empty()),
        ("CN=Good Root", 3, true)
    );
    assert_eq!(
        verdict.to_string(),
        "im.example.com: trusted, by CN=Good Root; matched: DNS-ID im.example.com"
    );
    // The order of what follows the leaf does not matter, nor does what does not belong.
    let chain = [
        chain[0].clone(),
        Ca::root("Other").der,
        root.der.clone(),
        vec![1, 2, 3].into(),
        sub.der.clone(),
    ];
    assert!(verify(&root.verifier(), &chain, "im.example.com").is_authenticated());
}

#[test]
fn id_12_the_wrong_name_is_an_error_that_says_what_to_do() {
    let root = Ca::root("Root");
    let verdict = verify(
        &root.verifier(),
        &[root.leaf(&[dns("xmpp.example.org")])],
        "example.org",
    );
    assert!(verdict.chain.is_trusted());
    let error = verdict.check().unwrap_err();
    assert!(error.is_name_mismatch() && !error.is_untrusted() && !error.is_expired());
    assert_eq!(
        error.to_string(),
        "certificate is for xmpp.example.org; needed example.org, as DNS-ID, SRV-ID or XmppAddr. \
         Ask the operator of example.org to add it: host names found through SRV or CNAME records do not count"
    );
    let IdentityError::Name {
        expected, presented, ..
    } = error
    else {
        panic!()
    };
    assert_eq!((expected.len(), presented.len()), (3, 1));
}

#[test]
fn cert_01_unknown_ca_and_self_signed_are_told_apart() {
    let (root, other) = (Ca::root("Root"), Ca::root("Somebody Else"));
    let sub = other.sub(ca_params("Their Issuer"));
    let chain = [sub.leaf(&[dns("im.example.com")]), sub.der.clone()];
    let verdict = verify(&root.verifier(), &chain, "im.example.com");
    assert_eq!(
        untrusted(&verdict),
        &ChainError::UnknownIssuer {
            issuer: "CN=Somebody Else".into()
        }
    );
    assert!(verdict.identity.matched().is_some(), "the two facts are independent");
    let error = verdict.check().unwrap_err();
    assert!(error.is_untrusted() && !error.is_self_signed() && !error.is_name_mismatch());

    // Row 19: self-signed with the right name is not authenticated.
    for is_ca in [
        IsCa::ExplicitNoCa,
        IsCa::NoCa,
        IsCa::Ca(BasicConstraints::Unconstrained),
    ] {
        let mut params = leaf_params("im.example.com", &[dns("im.example.com")]);
        params.is_ca = is_ca;
        let leaf = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
        let verdict = verify(&root.verifier(), &[leaf], "im.example.com");
        assert_eq!(
            untrusted(&verdict),
            &ChainError::SelfSigned {
                subject: "CN=im.example.com".into()
            }
        );
        assert!(verdict.identity.matched().is_some());
        let error = verdict.check().unwrap_err();
        assert!(error.is_self_signed() && error.is_untrusted());
        assert_eq!(
            error.to_string(),
            "im.example.com is not authenticated: the certificate of CN=im.example.com is self-signed and not among \
             the trust anchors. Ask the operator of im.example.com for a certificate of a trusted CA, or pin this one here"
        );
    }
}

/// Row 50: a self-signed certificate that is itself a trust anchor, CA or not.
#[test]
fn cert_02_a_self_signed_anchor_is_trusted_as_itself() {
    for is_ca in [
        IsCa::ExplicitNoCa,
        IsCa::NoCa,
        IsCa::Ca(BasicConstraints::Unconstrained),
    ] {
        let mut params = leaf_params("im.example.com", &[dns("im.example.com")]);
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let leaf = params.self_signed(&key).unwrap().der().clone();
        let own = verifier([trust_anchor(&leaf).unwrap()]);
        let verdict = verify(&own, &[leaf], "im.example.com");
        assert!(verdict.is_authenticated(), "{verdict}");
        assert!(matches!(verdict.chain, ChainStatus::Trusted { path_len: 1, .. }));

        // Another certificate of that name, by another key, is not.
        let other = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
        assert!(!verify(&own, &[other], "im.example.com").is_authenticated());

        // Nor one that merely says it is self-signed: same names and key, another signature.
        let forger = Issuer::new(params.clone(), KeyPair::generate().unwrap());
        let forged = params.signed_by(&key, &forger).unwrap().der().clone();
        assert!(!verify(&own, &[forged], "im.example.com").is_authenticated());

        // Purpose and validity count for it as well.
        params.extended_key_usages = vec![Eku::ClientAuth];
        params.not_after = date_time_ymd(2026, 12, 31);
        let renewed = params.self_signed(&key).unwrap().der().clone();
        let verdict = verify(&own, &[renewed], "im.example.com");
        let ChainError::Expired { also: Some(also), .. } = untrusted(&verdict) else {
            panic!("{verdict:?}")
        };
        assert!(matches!(**also, ChainError::WrongPurpose { .. }), "{also:?}");
    }
}

#[test]
fn cert_01_validity_is_judged_at_the_given_time() {
    let root = Ca::root("Root");
    let mut params = leaf_params("leaf", &[dns("im.example.com")]);
    params.not_before = date_time_ymd(2027, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 2);
    let chain = [root.leaf_with(params)];
    let references = references("im.example.com", StreamKind::ClientToServer);
    let at = |seconds: u64| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        root.verifier().verify(&chain, &references, Purpose::Server, time)
    };
    assert!(at(NOW).is_authenticated());
    assert!(at(NOW + 86_400).is_authenticated(), "the last second still counts");
    let verdict = at(NOW + 86_401);
    assert!(verdict.check().unwrap_err().is_expired());
    assert_eq!(
        untrusted(&verdict).to_string(),
        "the certificate of CN=leaf expired on 2027-01-02 00:00:00 UTC"
    );
    let verdict = at(NOW - 1);
    assert_eq!(
        untrusted(&verdict),
        &ChainError::NotYetValid {
            subject: "CN=leaf".into(),
            not_before: NOW as i64,
            also: None
        }
    );
    assert!(verdict.identity.matched().is_some());
}

/// Expired and not trusted anyway: both are told, with the wrong name as the third.
#[test]
fn all_that_is_wrong_is_reported() {
    let (root, other) = (Ca::root("Root"), Ca::root("Somebody Else"));
    let mut params = leaf_params("leaf", &[dns("xmpp.example.org")]);
    params.not_after = date_time_ymd(2026, 12, 31);
    let verdict = verify(&root.verifier(), &[other.leaf_with(params.clone())], "example.org");
    let error = verdict.check().unwrap_err();
    assert!(error.is_expired() && error.is_untrusted() && error.is_name_mismatch() && !error.is_self_signed());
    assert_eq!(
        error.to_string(),
        "example.org is not authenticated: the certificate of CN=leaf expired on 2026-12-31 00:00:00 UTC; besides, \
         no trust anchor for issuer CN=Somebody Else, or an intermediate certificate is missing; besides, the \
         certificate is for xmpp.example.org; needed example.org, as DNS-ID, SRV-ID or XmppAddr. The operator of \
         example.org must renew it; if the date looks right, check the clock here"
    );

    let own = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    let error = verify(&root.verifier(), &[own], "example.org").check().unwrap_err();
    assert!(error.is_expired() && error.is_self_signed() && error.is_name_mismatch());
}

#[test]
fn an_expired_issuer_is_named() {
    let root = Ca::root("Root");
    let mut params = ca_params("Old Issuer");
    params.not_after = date_time_ymd(2026, 1, 1);
    let sub = root.sub(params);
    let verdict = verify(
        &root.verifier(),
        &[sub.leaf(&[dns("a.example")]), sub.der.clone()],
        "a.example",
    );
    let ChainError::Expired { subject, also, .. } = untrusted(&verdict) else {
        panic!("{verdict:?}")
    };
    assert_eq!((subject.as_str(), also), ("CN=Old Issuer", &None));
}

/// Row 27: one path ends in an expired root, another does not.
#[test]
fn a_cross_signed_chain_takes_the_path_that_is_valid() {
    let new_root = Ca::root("New Root");
    let mut old = ca_params("Old Root");
    old.not_after = date_time_ymd(2026, 1, 1);
    let old_root = Ca::root_with(old);
    let key = KeyPair::generate().unwrap();
    let params = ca_params("Issuer");
    let by_old = params.signed_by(&key, &old_root.issuer).unwrap().der().clone();
    let by_new = params.signed_by(&key, &new_root.issuer).unwrap().der().clone();
    let issuer = Issuer::new(params, key);
    let leaf = leaf_params("leaf", &[dns("a.example")]);
    let leaf = leaf
        .signed_by(&KeyPair::generate().unwrap(), &issuer)
        .unwrap()
        .der()
        .clone();
    for chain in [
        vec![leaf.clone(), by_old.clone(), old_root.der.clone(), by_new.clone()],
        vec![leaf.clone(), by_new.clone(), by_old.clone(), old_root.der.clone()],
    ] {
        assert!(verify(&new_root.verifier(), &chain, "a.example").is_authenticated());
    }
    let verdict = verify(&new_root.verifier(), &[leaf, by_old, old_root.der.clone()], "a.example");
    assert!(!verdict.is_authenticated());
}

/// Row 22: a leaf that issues, a CA that identifies, a path longer than its CA allows.
#[test]
fn cert_02_ca_and_leaf_are_not_exchanged() {
    let root = Ca::root("Root");
    let false_ca = root.sub(leaf_params("Leaf", &[dns("evil.example")]));
    let chain = [false_ca.leaf(&[dns("a.example")]), false_ca.der.clone()];
    assert_eq!(
        untrusted(&verify(&root.verifier(), &chain, "a.example")),
        &ChainError::EndEntityAsCa
    );

    let mut params = leaf_params("Leaf", &[dns("a.example")]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let verdict = verify(&root.verifier(), &[root.leaf_with(params)], "a.example");
    assert_eq!(
        untrusted(&verdict),
        &ChainError::CaAsEndEntity {
            subject: "CN=Leaf".into()
        }
    );

    let mut params = ca_params("Last Issuer");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let last = root.sub(params);
    let beyond = last.sub(ca_params("Beyond"));
    let chain = [beyond.leaf(&[dns("a.example")]), beyond.der.clone(), last.der.clone()];
    assert_eq!(
        untrusted(&verify(&root.verifier(), &chain, "a.example")),
        &ChainError::PathTooLong
    );
}

#[test]
fn cert_01_a_signature_by_another_key_of_the_same_name() {
    let (root, impostor) = (Ca::root("Root"), Ca::root("Root"));
    let verdict = verify(&root.verifier(), &[impostor.leaf(&[dns("a.example")])], "a.example");
    let expected = ChainError::BadSignature {
        subject: "CN=leaf".into(),
        issuer: "CN=Root".into(),
    };
    assert_eq!(untrusted(&verdict), &expected);
}

/// EKU-01, EKU-09, EKU-10, EXTC-11 (row 26): who may use which certificate, and the same for issuers.
#[test]
fn eku_09_purposes() {
    let root = Ca::root("Root");
    let any = Eku::Any;
    let xmpp = Eku::Other(vec![1, 3, 6, 1, 5, 5, 7, 8, 5]);
    // (what the certificate lists, [Server, ClientToServer, PeerServer])
    let table: [(Vec<Eku>, [bool; 3]); 8] = [
        (vec![], [true, true, true]),
        (vec![Eku::ServerAuth], [true, false, true]),
        (vec![Eku::ClientAuth], [false, true, false]),
        (vec![Eku::ServerAuth, Eku::ClientAuth], [true, true, true]),
        (vec![any], [true, true, true]),
        (vec![Eku::EmailProtection], [false, false, false]),
        (vec![xmpp], [false, true, false]),
        (vec![Eku::EmailProtection, Eku::ServerAuth], [true, false, true]),
    ];
    for (listed, expected) in &table {
        let mut leaf = leaf_params("leaf", &[dns("a.example")]);
        leaf.extended_key_usages = listed.clone();
        let mut issuer = ca_params("Issuer");
        issuer.extended_key_usages = listed.clone();
        let sub = root.sub(issuer);
        let by_leaf = vec![root.leaf_with(leaf)];
        let by_issuer = vec![sub.leaf(&[dns("a.example")]), sub.der.clone()];
        for (chain, whose) in [(by_leaf, "CN=leaf"), (by_issuer, "CN=Issuer")] {
            let purposes = [Purpose::Server, Purpose::ClientToServer, Purpose::PeerServer];
            for (purpose, expected) in purposes.into_iter().zip(expected) {
                match root.verifier().verify_chain(&chain, purpose, now()) {
                    ChainStatus::Trusted { .. } => assert!(expected, "{listed:?} {whose} {purpose:?}"),
                    ChainStatus::Untrusted(ChainError::WrongPurpose { subject, .. }) => {
                        assert!(!expected && subject == whose, "{listed:?} {subject} {purpose:?}");
                    }
                    other => panic!("{listed:?} {purpose:?}: {other:?}"),
                }
            }
        }
    }
    let mut leaf = leaf_params("leaf", &[dns("a.example")]);
    leaf.extended_key_usages = vec![Eku::ClientAuth, Eku::Other(vec![1, 3, 6, 1, 4, 1, 311, 10, 3, 4])];
    let verdict = verify(&root.verifier(), &[root.leaf_with(leaf)], "a.example");
    assert_eq!(
        untrusted(&verdict).to_string(),
        "the certificate of CN=leaf may be used for clientAuth, 1.3.6.1.4.1.311.10.3.4 only, not for serverAuth"
    );
}

/// EKU-09: four modes for a server that dialled, and the concession in the verdict.
#[test]
fn eku_09_modes_for_a_server_that_dialled() {
    use PeerServerUsage as Mode;
    use UsageException::{ClientAuthOnly, Neither, ServerAuthOnly};
    let root = Ca::root("Root");
    // (what the certificate lists, the concession, [accepted with ServerAuth, Either, ClientAuth, Ignore])
    let table: [(Vec<Eku>, Option<UsageException>, [bool; 4]); 6] = [
        (vec![], None, [true, true, true, true]),
        (vec![Eku::ServerAuth], Some(ServerAuthOnly), [true, true, false, true]),
        (vec![Eku::ClientAuth], Some(ClientAuthOnly), [false, true, true, true]),
        (vec![Eku::ServerAuth, Eku::ClientAuth], None, [true, true, true, true]),
        (vec![Eku::Any], None, [true, true, true, true]),
        (vec![Eku::EmailProtection], Some(Neither), [false, false, false, true]),
    ];
    for (listed, exception, expected) in table {
        let mut params = leaf_params("leaf", &[dns("a.example")]);
        params.extended_key_usages = listed.clone();
        let chain = [root.leaf_with(params)];
        let references = references("a.example", StreamKind::ServerToServer);
        for (mode, expected) in [Mode::ServerAuth, Mode::Either, Mode::ClientAuth, Mode::Ignore]
            .into_iter()
            .zip(expected)
        {
            let verifier = root.verifier().with_peer_server_usage(mode);
            let verdict = verifier.verify(&chain, &references, Purpose::PeerServer, now());
            assert_eq!(verdict.is_authenticated(), expected, "{listed:?} {mode:?}: {verdict}");
            if expected {
                assert_eq!(verdict.exception(), exception, "{listed:?} {mode:?}");
            } else {
                assert!(verdict.check().unwrap_err().is_wrong_purpose());
            }
            // The mode is about them alone.
            let as_client = verifier.verify(&chain, &references, Purpose::Server, now());
            assert_eq!(as_client.exception(), None);
            if listed == [Eku::ClientAuth] || listed == [Eku::EmailProtection] {
                assert!(!as_client.is_authenticated());
            }
        }
    }
    let mut params = leaf_params("leaf", &[dns("a.example")]);
    params.extended_key_usages = vec![Eku::ServerAuth];
    let status = root
        .verifier()
        .verify_chain(&[root.leaf_with(params)], Purpose::PeerServer, now());
    assert_eq!(
        status.to_string(),
        "trusted, by CN=Root (allows serverAuth only, accepted from a server that dialled)"
    );
}

fn constrained(permitted: &[&str], excluded: &[&str]) -> CertificateParams {
    let subtrees = |names: &[&str]| {
        names
            .iter()
            .map(|name| GeneralSubtree::DnsName((*name).into()))
            .collect()
    };
    let mut params = ca_params("Constrained CA");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: subtrees(permitted),
        excluded_subtrees: subtrees(excluded),
    });
    params
}

/// IDM-16, row 49: dNSName constraints hold for SRVName and XmppAddr too, wherever in the path they are.
#[test]
fn idm_16_name_constraints_hold_for_every_kind_of_name() {
    let root = Ca::root("Root");
    let sub = root.sub(constrained(&["corp.example"], &["secret.corp.example"]));
    let anchored = Ca::root_with(constrained(&["corp.example"], &["secret.corp.example"]));
    let below = sub.sub(ca_params("Below"));
    // (names, domain, authenticated); a dNSName outside fails the path, the other kinds fail the name
    let table: [(Vec<Vec<u8>>, &str, bool); 9] = [
        (vec![dns("im.corp.example")], "im.corp.example", true),
        (vec![srv("_xmpp-client.im.corp.example")], "im.corp.example", true),
        (vec![xmpp_addr("im.corp.example")], "im.corp.example", true),
        (vec![srv("_xmpp-client.victim.example")], "victim.example", false),
        (vec![xmpp_addr("victim.example")], "victim.example", false),
        (vec![xmpp_addr("secret.corp.example")], "secret.corp.example", false),
        (
            vec![srv("_xmpp-client.*.secret.corp.example")],
            "a.secret.corp.example",
            false,
        ),
        (
            vec![xmpp_addr("victim.example"), dns("im.corp.example")],
            "victim.example",
            false,
        ),
        (
            vec![xmpp_addr("victim.example"), dns("im.corp.example")],
            "im.corp.example",
            true,
        ),
    ];
    for (names, domain, authenticated) in &table {
        for (verifier, chain) in [
            (root.verifier(), vec![sub.leaf(names), sub.der.clone()]),
            (
                root.verifier(),
                vec![below.leaf(names), below.der.clone(), sub.der.clone()],
            ),
            (anchored.verifier(), vec![anchored.leaf(names)]),
        ] {
            let verdict = verify(&verifier, &chain, domain);
            assert!(verdict.chain.is_trusted(), "{domain}: {verdict}");
            assert_eq!(verdict.is_authenticated(), *authenticated, "{domain}: {verdict:?}");
            if let IdentityStatus::Mismatch { ignored, .. } = &verdict.identity {
                assert_eq!(ignored[0].reason, IgnoreReason::OutsideNameConstraints);
            }
            // Without constraints the same names do count.
            let free = Ca::root("Free");
            assert!(verify(&free.verifier(), &[free.leaf(names)], domain).is_authenticated());
        }
    }
    let verdict = verify(
        &root.verifier(),
        &[sub.leaf(&[dns("victim.example")]), sub.der.clone()],
        "victim.example",
    );
    assert!(matches!(untrusted(&verdict), ChainError::NameConstraint { .. }));
    let chain = [sub.leaf(&[xmpp_addr("victim.example")]), sub.der.clone()];
    assert_eq!(
        verify(&root.verifier(), &chain, "victim.example")
            .check()
            .unwrap_err()
            .to_string(),
        "certificate names nobody; needed victim.example, as DNS-ID, SRV-ID or XmppAddr; ignored: XmppAddr \
         victim.example (outside the name constraints of its issuer). Ask the operator of victim.example to add it: \
         host names found through SRV or CNAME records do not count"
    );
}

/// IDM-16: the anchor's own constraints hold for it when it is shown as a leaf.
#[test]
fn idm_16_a_constrained_anchor_is_not_exempt() {
    let mut params = constrained(&["corp.example"], &[]);
    params.custom_extensions = leaf_params("", &[xmpp_addr("victim.example")]).custom_extensions;
    let own = Ca::root_with(params);
    let verdict = verify(&own.verifier(), std::slice::from_ref(&own.der), "victim.example");
    assert!(!verdict.is_authenticated(), "{verdict}");
}

/// IDM-16: a name that the CAs of the first path may not vouch for counts if those of another may.
#[test]
fn idm_16_a_name_counts_by_any_valid_path() {
    let (narrow, wide) = (
        Ca::root_with(constrained(&["corp.example"], &[])),
        Ca::root("Wide Root"),
    );
    let key = KeyPair::generate().unwrap();
    let params = ca_params("Issuer");
    let by_narrow = params.signed_by(&key, &narrow.issuer).unwrap().der().clone();
    let by_wide = params.signed_by(&key, &wide.issuer).unwrap().der().clone();
    let issuer = Issuer::new(params, key);
    let names = [xmpp_addr("victim.example")];
    let leaf = leaf_params("leaf", &names)
        .signed_by(&KeyPair::generate().unwrap(), &issuer)
        .unwrap()
        .der()
        .clone();
    let both = verifier([narrow.anchor(), wide.anchor()]);
    for chain in [
        [leaf.clone(), by_narrow.clone(), by_wide.clone()],
        [leaf.clone(), by_wide.clone(), by_narrow.clone()],
    ] {
        assert!(verify(&both, &chain, "victim.example").is_authenticated());
        assert!(!verify(&narrow.verifier(), &chain, "victim.example").is_authenticated());
    }
}

/// IDM-17: constraints on SRVNames, in an anchor where they are applied, in an intermediate where path
/// building takes them for a prohibition.
#[test]
fn idm_17_srv_constraints_of_an_anchor() {
    let mut params = ca_params("Services Only");
    let constraint = tlv(0x30, &tlv(0xa0, &tlv(0x30, &srv("_xmpp-server.corp.example"))));
    params
        .custom_extensions
        .push(rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 30], constraint));
    let anchor = Ca::root_with(params.clone());
    let root = Ca::root("Root");
    let sub = root.sub(params);
    for (name, domain, authenticated) in [
        (srv("_xmpp-server.corp.example"), "corp.example", true),
        (srv("_xmpp-server.im.corp.example"), "im.corp.example", true),
        (srv("_xmpp-server.victim.example"), "victim.example", false),
        (dns("other.example"), "other.example", true),
    ] {
        let references = references(domain, StreamKind::ServerToServer);
        let leaf = anchor.leaf(std::slice::from_ref(&name));
        let verdict = anchor.verifier().verify(&[leaf], &references, Purpose::Server, now());
        assert_eq!(verdict.is_authenticated(), authenticated, "{domain}: {verdict:?}");
        let chain = [sub.leaf(std::slice::from_ref(&name)), sub.der.clone()];
        let verdict = root.verifier().verify(&chain, &references, Purpose::Server, now());
        assert_eq!(
            verdict.is_authenticated(),
            domain == "other.example",
            "{domain}: {verdict:?}"
        );
    }
}

/// IDM-16: constraints that cannot be read are no freedom, wherever they are.
#[test]
fn idm_16_unreadable_constraints_are_no_freedom() {
    let root = Ca::root("Root");
    let mut params = ca_params("Odd");
    let constraint = tlv(0x30, &tlv(0xa0, &tlv(0x30, &dns("*.corp.example"))));
    params
        .custom_extensions
        .push(rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 30], constraint));
    let (anchor, sub) = (Ca::root_with(params.clone()), root.sub(params));
    let names = [xmpp_addr("victim.example")];
    for (verifier, chain) in [
        (anchor.verifier(), vec![anchor.leaf(&names)]),
        (root.verifier(), vec![sub.leaf(&names), sub.der.clone()]),
    ] {
        let verdict = verify(&verifier, &chain, "victim.example");
        assert_eq!(
            untrusted(&verdict).to_string(),
            "a certificate in the chain is malformed or uses an unsupported feature: unreadable name constraints"
        );
    }
}

/// ID-04, EKU-12: a server that accepts a connection checks the chain first and the name when it is claimed.
#[test]
fn id_04_chain_first_name_later() {
    let root = Ca::root("Root");
    let mut params = leaf_params("leaf", &[dns("a.example"), dns("b.example")]);
    params.extended_key_usages = vec![Eku::ServerAuth];
    let chain = [root.leaf_with(params)];
    let verifier = root.verifier();
    let status = verifier.verify_chain(&chain, Purpose::PeerServer, now());
    assert!(status.is_trusted());
    assert!(!Verdict::unnamed(status.clone()).is_authenticated());
    assert_eq!(Verdict::unnamed(status.clone()).check(), Err(IdentityError::NotChecked));
    for (claimed, authenticated) in [("a.example", true), ("b.example", true), ("c.example", false)] {
        let claimed = references(claimed, StreamKind::ServerToServer);
        assert_eq!(
            verifier
                .verify(&chain, &claimed, Purpose::PeerServer, now())
                .is_authenticated(),
            authenticated
        );
    }
}

#[test]
fn no_certificate_is_neither_trusted_nor_an_accident() {
    let root = Ca::root("Root");
    let verdict = verify(&root.verifier(), &[], "a.example");
    assert_eq!(
        (&verdict.chain, &verdict.identity),
        (&ChainStatus::NoCertificate, &IdentityStatus::NotChecked)
    );
    let error = verdict.check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.example is not authenticated: it showed no certificate"
    );
}

#[test]
fn bytes_that_are_no_certificate_and_chains_without_end() {
    let root = Ca::root("Root");
    let verdict = verify(&root.verifier(), &[vec![0x30, 0].into()], "a.example");
    assert!(matches!(untrusted(&verdict), ChainError::Malformed { .. }));
    assert!(matches!(verdict.identity, IdentityStatus::Unreadable(_)));
    assert!(!verdict.is_authenticated());

    let leaf = root.leaf(&[dns("a.example")]);
    let long = vec![leaf.clone(); 11];
    let verdict = verify(&root.verifier(), &long, "a.example");
    assert_eq!(
        untrusted(&verdict),
        &ChainError::LimitExceeded {
            what: "certificates",
            found: 11,
            limit: 10
        }
    );
    let large = [leaf, vec![0; 128 * 1024].into()];
    let verdict = verify(&root.verifier(), &large, "a.example");
    assert!(matches!(
        untrusted(&verdict),
        ChainError::LimitExceeded { what: "octets", .. }
    ));
}

/// Row 28: the limits are the caller's to choose.
#[test]
fn limits_can_be_lowered() {
    let root = Ca::root("Root");
    let mut limits = Limits::default();
    limits.names = 1;
    let two = [root.leaf(&[dns("a.example"), dns("b.example")])];
    let verdict = verify(&root.verifier().with_limits(limits), &two, "a.example");
    assert_eq!(
        verdict.identity,
        IdentityStatus::Unreadable(CertificateError::TooManyNames { limit: 1 })
    );
    let mut limits = Limits::default();
    limits.certificates = 0;
    let verdict = verify(&root.verifier().with_limits(limits), &two, "a.example");
    assert!(matches!(
        untrusted(&verdict),
        ChainError::LimitExceeded { found: 1, .. }
    ));
}

/// Row 28: however a chain is made, only so many signatures are checked.
#[test]
fn the_number_of_signatures_is_bounded() {
    #[derive(Debug)]
    struct Counting;
    static CHECKED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    impl pki_types::SignatureVerificationAlgorithm for Counting {
        fn verify_signature(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), pki_types::InvalidSignature> {
            CHECKED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Err(pki_types::InvalidSignature)
        }
        fn public_key_alg_id(&self) -> pki_types::AlgorithmIdentifier {
            webpki::ring::ECDSA_P256_SHA256.public_key_alg_id()
        }
        fn signature_alg_id(&self) -> pki_types::AlgorithmIdentifier {
            webpki::ring::ECDSA_P256_SHA256.signature_alg_id()
        }
    }
    let roots: Vec<Ca> = (0..200).map(|_| Ca::root("Same Name")).collect();
    let issuers: Vec<Ca> = (0..9).map(|_| roots[0].sub(ca_params("Same Name"))).collect();
    let mut chain = vec![issuers[0].leaf(&[dns("a.example")])];
    chain.extend(issuers.iter().map(|issuer| issuer.der.clone()));
    let verifier = xmpp_identity::IdentityVerifier::new(roots.iter().map(Ca::anchor), &[&Counting]);
    assert!(!verify(&verifier, &chain, "a.example").is_authenticated());
    let checked = CHECKED.load(std::sync::atomic::Ordering::Relaxed);
    assert!((1..=300).contains(&checked), "{checked}");
}

/// Cutting or changing any octet of a certificate never panics and never authenticates by accident.
#[test]
fn damaged_certificates_are_harmless() {
    let root = Ca::root("Root");
    let leaf = root.leaf(&[dns("a.example"), srv("_xmpp-client.a.example"), xmpp_addr("a.example")]);
    let verifier = root.verifier();
    for cut in 0..leaf.len() {
        assert!(!verify(&verifier, &[leaf[..cut].to_vec().into()], "a.example").is_authenticated());
    }
    for at in 0..leaf.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut damaged = leaf.to_vec();
            damaged[at] ^= change;
            let verdict = verify(&verifier, &[damaged.clone().into()], "a.example");
            assert!(!verdict.is_authenticated(), "octet {at} ^ {change:#x}");
            let _ = xmpp_identity::CertificateFacts::from_der(&damaged.into());
        }
    }
}
