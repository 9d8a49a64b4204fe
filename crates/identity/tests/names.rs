//! The tables in tests/vectors/identity: names in certificates and what they match.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use serde::Deserialize;
use support::{Ca, dns, general_names, hex, leaf_params, references, tlv, verify};
use xmpp_identity::{CertificateError, IdKinds, IgnoreReason, PresentedIds, ReferenceIds};
use xmpp_tls_core::StreamKind;

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    what: String,
    clause: String,
    names: Vec<String>,
    domain: String,
    stream: String,
    accept: Option<Vec<String>>,
    srv_wildcards: Option<bool>,
    secure_target: Option<String>,
    #[serde(rename = "match")]
    matched: Option<String>,
    presented: Option<String>,
    ignored: usize,
}

impl Case {
    fn references(&self) -> ReferenceIds {
        let kind = match self.stream.as_str() {
            "c2s" => StreamKind::ClientToServer,
            "s2s" => StreamKind::ServerToServer,
            other => panic!("{}: stream {other}", self.id),
        };
        let mut references = references(&self.domain, kind);
        if let Some(host) = &self.secure_target {
            references = references.with_secure_target(&host.parse().unwrap());
        }
        if self.srv_wildcards == Some(false) {
            references = references.without_srv_wildcards();
        }
        let Some(kinds) = &self.accept else { return references };
        let mut accepted: Vec<IdKinds> = Vec::new();
        for kind in kinds {
            accepted.push(match kind.as_str() {
                "DNS" => IdKinds::DNS,
                "SRV" => IdKinds::SRV,
                "XMPP_ADDR" => IdKinds::XMPP_ADDR,
                "IP" => IdKinds::IP,
                other => panic!("{}: kind {other}", self.id),
            });
        }
        match accepted.into_iter().reduce(|a, b| a | b) {
            Some(kinds) => references.with_accepted(kinds),
            // Kinds that exclude each other leave nothing.
            None => references.with_accepted(IdKinds::DNS).with_accepted(IdKinds::IP),
        }
    }
}

fn table() -> Vec<Case> {
    let path = format!("{}/../../tests/vectors/identity/names.toml", env!("CARGO_MANIFEST_DIR"));
    toml::from_str::<Table>(&std::fs::read_to_string(path).unwrap())
        .unwrap()
        .case
}

/// Rows of names.toml: ID-05, ID-06, ID-10, ID-14, IDM-01 to IDM-15, CERT-14, V-20 to V-23.
#[test]
fn every_row_of_the_table() {
    let cases = table();
    assert!(cases.len() >= 90, "{}", cases.len());
    for case in &cases {
        let names: Vec<Vec<u8>> = case.names.iter().map(|name| hex(name)).collect();
        let presented = PresentedIds::from_subject_alt_name(&general_names(&names)).unwrap();
        let found = case.references().matches(&presented);
        let context = format!("{} ({}; {}): {presented:?}", case.id, case.what, case.clause);
        assert_eq!(
            found.as_ref().map(|found| found.reference.to_string()),
            case.matched,
            "{context}"
        );
        if case.presented.is_some() {
            assert_eq!(
                found.map(|found| found.presented.to_string()),
                case.presented,
                "{context}"
            );
        }
        assert_eq!(presented.ignored().len(), case.ignored, "{context}");
        assert_eq!(presented.iter().count() + case.ignored, names.len(), "{context}");
    }
}

/// The same rows through whole certificates and the verifier: the two readers of names agree.
#[test]
fn every_row_in_a_certificate() {
    let ca = Ca::root("Table CA");
    let verifier = ca.verifier();
    for case in table() {
        let names: Vec<Vec<u8>> = case.names.iter().map(|name| hex(name)).collect();
        let chain = [ca.leaf(&names)];
        let verdict = verifier.verify(
            &chain,
            &case.references(),
            xmpp_identity::Purpose::Server,
            support::now(),
        );
        assert!(verdict.chain.is_trusted(), "{}: {}", case.id, verdict.chain);
        let found = verdict.identity.matched().map(|found| found.reference.to_string());
        assert_eq!(found, case.matched, "{} ({})", case.id, case.what);
        assert_eq!(verdict.is_authenticated(), case.matched.is_some(), "{}", case.id);
    }
}

/// ID-09: the common name is no identity, whether or not there are other names; tricky subjects neither.
#[test]
fn id_09_the_common_name_never_counts() {
    let ca = Ca::root("CN CA");
    for (cn, names) in [
        ("im.example.com", vec![]),
        ("im.example.com", vec![dns("other.example.com")]),
        ("x, CN=im.example.com", vec![]),
        ("im.example.com\0", vec![]),
    ] {
        let chain = [ca.leaf_with(leaf_params(cn, &names))];
        let verdict = verify(&ca.verifier(), &chain, "im.example.com");
        assert!(verdict.chain.is_trusted());
        assert!(verdict.identity.matched().is_none(), "{cn:?}");
        assert!(verdict.check().unwrap_err().is_name_mismatch());
    }
}

/// IDM-11: a wildcard in an SRV-ID counts by default and can be refused.
#[test]
fn idm_11_srv_wildcards_can_be_refused() {
    let names = general_names(&[support::srv("_xmpp-server.*.example.net")]);
    let presented = PresentedIds::from_subject_alt_name(&names).unwrap();
    let references = references("chat.example.net", StreamKind::ServerToServer);
    assert!(references.matches(&presented).is_some());
    assert!(references.clone().without_srv_wildcards().matches(&presented).is_none());
    let plain = general_names(&[support::srv("_xmpp-server.chat.example.net")]);
    let plain = PresentedIds::from_subject_alt_name(&plain).unwrap();
    assert!(references.without_srv_wildcards().matches(&plain).is_some());
}

/// ID-01: reference identifiers are the same whatever a certificate says; IP literals have no others.
#[test]
fn id_01_references_come_from_the_domain_alone() {
    let of = |domain, kind| {
        references(domain, kind)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("Bücher.example", StreamKind::ServerToServer),
        [
            "DNS-ID xn--bcher-kva.example",
            "SRV-ID _xmpp-server.xn--bcher-kva.example",
            "XmppAddr bücher.example"
        ]
    );
    assert_eq!(of("[2001:db8::1]", StreamKind::ClientToServer), ["IP-ID 2001:db8::1"]);
    assert_eq!(of("192.0.2.1", StreamKind::ServerToServer), ["IP-ID 192.0.2.1"]);
}

/// Row 28 of the failures others had: thousands of names cost nothing.
#[test]
fn the_number_of_names_is_bounded() {
    let at_limit = vec![dns("a.example"); 512];
    assert_eq!(
        PresentedIds::from_subject_alt_name(&general_names(&at_limit))
            .unwrap()
            .iter()
            .count(),
        512
    );
    let beyond = vec![dns("a.example"); 513];
    let error = PresentedIds::from_subject_alt_name(&general_names(&beyond)).unwrap_err();
    assert_eq!(error, CertificateError::TooManyNames { limit: 512 });
}

/// A list that cannot be read has no names at all, not those before the damage.
#[test]
fn a_damaged_list_is_an_error() {
    let good = dns("im.example.com");
    for bad in [
        [&good[..], &[0x82, 0x7f, b'x']].concat(),
        [&good[..], &[0x82, 0x81, 0x01, b'x']].concat(),
        [&good[..], &[0x9f, 0x81, 0x01, 0x00]].concat(),
    ] {
        let extension = tlv(0x30, &bad);
        assert_eq!(
            PresentedIds::from_subject_alt_name(&extension),
            Err(CertificateError::BadSubjectAltName)
        );
    }
    for bad in [vec![], vec![0x31, 0], [tlv(0x30, &good), vec![0]].concat()] {
        assert_eq!(
            PresentedIds::from_subject_alt_name(&bad),
            Err(CertificateError::BadSubjectAltName)
        );
    }
    assert!(PresentedIds::from_subject_alt_name(&[0x30, 0]).unwrap().is_empty());
}

/// What is ignored is listed, safe to show, with its reason.
#[test]
fn ignored_names_say_why() {
    let presented = PresentedIds::from_subject_alt_name(&general_names(&[
        dns("im.example.com\0.evil"),
        dns("a\u{202e}b\n.example"),
        tlv(0x81, b"juliet@im.example.com"),
        tlv(0x87, &[1, 2, 3]),
        tlv(0x89, b"?"),
        dns(&"a".repeat(5000)),
        support::xmpp_addr(&"a".repeat(3072)),
    ]))
    .unwrap();
    let shown: Vec<String> = presented.ignored().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown[0],
        "dNSName im.example.com\\0.evil (not a valid name: contains NUL or another control character)"
    );
    assert!(shown[1].starts_with("dNSName 0x61e280ae620a"), "{}", shown[1]);
    assert_eq!(
        shown[2],
        "rfc822Name juliet@im.example.com (never identifies an XMPP entity)"
    );
    assert_eq!(
        shown[3],
        "iPAddress 0x010203 (badly encoded: an address has 4 or 16 octets)"
    );
    assert_eq!(presented.ignored()[4].reason, IgnoreReason::NotAnIdentity);
    assert!(shown[5].len() < 400, "{}", shown[5].len());
    assert!(shown[6].contains("3071"), "{}", shown[6]);
    assert!(presented.is_empty());
}

/// Two lists of names in one certificate: readers could disagree about which one counts.
#[test]
fn a_second_list_of_names_is_an_error() {
    let mut params = leaf_params("leaf", &[dns("a.example")]);
    params
        .custom_extensions
        .extend(leaf_params("leaf", &[dns("b.example")]).custom_extensions);
    let ca = Ca::root("Root");
    let leaf = ca.leaf_with(params);
    assert_eq!(
        PresentedIds::from_certificate(&leaf),
        Err(CertificateError::DuplicateExtension)
    );
    assert!(!verify(&ca.verifier(), &[leaf], "a.example").is_authenticated());
}

/// Octets behind a certificate, outside or inside its outermost SEQUENCE.
#[test]
fn octets_behind_a_certificate_are_an_error() {
    let leaf = Ca::root("Root").leaf(&[dns("a.example")]);
    let outside = [&leaf[..], &[0x05, 0x00]].concat();
    let inside = tlv(0x30, &[&leaf[4..], &[0x05, 0x00]].concat());
    assert_eq!(leaf[..2], [0x30, 0x82]);
    for bad in [outside, inside] {
        assert_eq!(
            PresentedIds::from_certificate(&bad.into()),
            Err(CertificateError::NotACertificate)
        );
    }
}

/// An XmppAddr may hold characters that turn the direction of a line; shown, they are escaped.
#[test]
fn presented_identifiers_are_safe_to_show() {
    let names = general_names(&[
        support::xmpp_addr("evil\u{202e}.example"),
        support::xmpp_addr(&"a".repeat(3000)),
    ]);
    let presented = PresentedIds::from_subject_alt_name(&names).unwrap();
    let shown: Vec<String> = presented.iter().map(ToString::to_string).collect();
    assert_eq!(shown[0], "XmppAddr evil\\u{202e}.example");
    assert!(shown[1].len() < 250);
}

/// ID-05, ID-06: the target of an SRV record counts if DNSSEC proved it, and only then.
#[test]
fn id_06_a_secure_srv_target_counts() {
    let ca = Ca::root("Root");
    let chain = [ca.leaf(&[dns("xmpp.hoster.example")])];
    let plain = references("example.org", StreamKind::ClientToServer);
    let secure = plain
        .clone()
        .with_secure_target(&"xmpp.hoster.example".parse().unwrap());
    let verify = |references| {
        ca.verifier()
            .verify(&chain, references, xmpp_identity::Purpose::Server, support::now())
    };
    assert!(verify(&plain).check().unwrap_err().is_name_mismatch());
    let verdict = verify(&secure);
    assert_eq!(verdict.check().unwrap().to_string(), "DNS-ID xmpp.hoster.example");
    assert_eq!(verdict.domain.unwrap().as_str(), "example.org");
    let other = [ca.leaf(&[dns("other.example")])];
    let error = ca
        .verifier()
        .verify(&other, &secure, xmpp_identity::Purpose::Server, support::now());
    assert!(error.check().unwrap_err().to_string().starts_with(
        "certificate is for other.example; needed example.org, as DNS-ID, SRV-ID or XmppAddr, or DNS-ID xmpp.hoster.example."
    ));
    // An SRV-ID or XmppAddr of the target is not what RFC 7673 admits.
    let chain = [ca.leaf(&[
        support::srv("_xmpp-client.xmpp.hoster.example"),
        support::xmpp_addr("xmpp.hoster.example"),
    ])];
    assert!(
        !ca.verifier()
            .verify(&chain, &secure, xmpp_identity::Purpose::Server, support::now())
            .is_authenticated()
    );
}

/// The reader that copies nothing finds what the other one finds.
#[test]
fn both_readers_of_names_agree() {
    let ca = Ca::root("Table CA");
    for case in table() {
        let names: Vec<Vec<u8>> = case.names.iter().map(|name| hex(name)).collect();
        let leaf = ca.leaf(&names);
        let references = case.references();
        let found = references.find_in(&leaf).unwrap();
        assert_eq!(
            found.map(|found| found.reference().to_string()),
            case.matched,
            "{}",
            case.id
        );
        assert_eq!(
            found.map(|found| found.to_match()),
            references.matches(&PresentedIds::from_certificate(&leaf).unwrap()),
            "{}",
            case.id
        );
    }
    let damaged = ca.leaf(&[dns("a.example"), dns("b.example"), vec![0x82, 0x7f, b'x']]);
    assert!(
        references("a.example", StreamKind::ClientToServer)
            .find_in(&damaged)
            .is_err()
    );
}
