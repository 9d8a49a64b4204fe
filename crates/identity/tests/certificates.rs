//! Certificates that other tools made: read, described and verified.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use base64::Engine as _;
use pki_types::CertificateDer;
use serde::Deserialize;
use support::*;
use xmpp_identity::{CertificateFacts, ChainError, ChainStatus, Pin, Pins, PresentedIds, Verdict, trust_anchor};
use xmpp_tls_core::StreamKind;

#[derive(Deserialize)]
struct Table {
    certificate: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    key: String,
    signature: String,
    sha256: String,
    spki_sha256: String,
    matches: bool,
    der: String,
}

fn table() -> Vec<(Row, CertificateDer<'static>)> {
    let path = format!(
        "{}/../../tests/vectors/identity/certificates.toml",
        env!("CARGO_MANIFEST_DIR")
    );
    let table: Table = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let decode = |row: &Row| {
        let text: String = row.der.split_whitespace().collect();
        base64::engine::general_purpose::STANDARD.decode(text).unwrap().into()
    };
    table
        .certificate
        .into_iter()
        .map(|row| {
            let der = decode(&row);
            (row, der)
        })
        .collect()
}

/// V-24: facts of six certificates with five kinds of signature, and whom they match.
#[test]
fn v_24_facts_and_names() {
    let rows = table();
    assert_eq!(rows.len(), 6);
    for (row, der) in rows {
        let facts = CertificateFacts::from_der(&der).unwrap();
        assert_eq!(facts.key_type, row.key, "{}", row.id);
        assert_eq!(facts.signature_algorithm, row.signature, "{}", row.id);
        assert_eq!(facts.sha256_hex(), row.sha256, "{}", row.id);
        assert_eq!(facts.spki_sha256_hex(), row.spki_sha256, "{}", row.id);
        assert_eq!(facts.subject, "CN=im.example.com");
        assert!(facts.self_signed && !facts.is_ca);
        assert_eq!(
            facts.extended_key_usage.as_deref(),
            Some(&["serverAuth".to_owned()][..])
        );

        let presented = PresentedIds::from_certificate(&der).unwrap();
        for kind in [StreamKind::ClientToServer, StreamKind::ServerToServer] {
            assert_eq!(
                references("im.example.com", kind).matches(&presented).is_some(),
                row.matches,
                "{}",
                row.id
            );
            assert!(references("bücher.example", kind).matches(&presented).is_none());
        }
        if !row.matches {
            assert!(presented.ignored().len() >= 11, "{presented:?}");
        }
    }
}

/// V-24: trusted as themselves where the signature can be trusted, by pinning them.
#[test]
fn v_24_as_their_own_anchors() {
    for (row, der) in table() {
        let verdict = verify(
            &verifier([trust_anchor(&der).unwrap()]),
            std::slice::from_ref(&der),
            "im.example.com",
        );
        match row.id.as_str() {
            "V-24-K3" => assert_eq!(
                verdict.chain,
                ChainStatus::Untrusted(ChainError::SignatureAlgorithm {
                    subject: "CN=im.example.com".into(),
                    algorithm: "sha1WithRSAEncryption".into(),
                    weak: true
                })
            ),
            "V-24-K6" => assert!(verdict.chain.is_trusted() && verdict.check().unwrap_err().is_name_mismatch()),
            _ => assert!(verdict.is_authenticated(), "{}: {verdict}", row.id),
        }
        let stranger = verify(&Ca::root("Other").verifier(), &[der], "im.example.com");
        assert!(stranger.check().unwrap_err().is_self_signed(), "{}", row.id);
    }
}

fn openssl() -> xmpp_identity::IdentityVerifier {
    verifier([trust_anchor(&fixture("root")).unwrap()])
}

/// Every kind of name that the openssl command line can write.
#[test]
fn openssl_with_every_kind_of_name() {
    let leaf = fixture("every_name");
    let presented = PresentedIds::from_certificate(&leaf).unwrap();
    let mut shown: Vec<String> = presented.iter().map(ToString::to_string).collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            "DNS-ID *.im.example.com",
            "DNS-ID im.example.com",
            "IP-ID 192.0.2.1",
            "IP-ID 2001:db8::1",
            "SRV-ID _xmpp-client.im.example.com",
            "SRV-ID _xmpp-server.im.example.com",
            "XmppAddr im.example.com",
        ]
    );
    assert_eq!(
        presented.ignored().len(),
        5,
        "URI, e-mail, registered ID, UPN, directory name"
    );
    for (domain, expected) in [
        ("im.example.com", true),
        ("chat.im.example.com", true),
        ("192.0.2.1", true),
        ("[2001:db8::1]", true),
        ("example.com", false),
    ] {
        assert_eq!(
            verify(&openssl(), std::slice::from_ref(&leaf), domain).is_authenticated(),
            expected,
            "{domain}"
        );
    }
    let facts = CertificateFacts::from_der(&leaf).unwrap();
    assert_eq!(facts.issuer, "O=Test, CN=Test Root");
    assert_eq!(
        facts.srv,
        ["_xmpp-client.im.example.com", "_xmpp-server.im.example.com"]
    );
    assert_eq!(
        (
            facts.dns.len(),
            facts.xmpp_addr.len(),
            facts.ip.len(),
            facts.ignored.len()
        ),
        (2, 1, 2, 5)
    );
    assert!(!facts.self_signed);
}

/// certtool has a special word for XmppAddr and no IA5String for SRVName: the one counts, the other does not.
#[test]
fn certtool_with_its_kinds_of_names() {
    let leaf = fixture("certtool");
    let presented = PresentedIds::from_certificate(&leaf).unwrap();
    let shown: Vec<String> = presented.iter().map(ToString::to_string).collect();
    for expected in [
        "DNS-ID im.example.com",
        "DNS-ID xn--bcher-kva.example",
        "XmppAddr im.example.com",
        "XmppAddr juliet@im.example.com",
        "IP-ID 192.0.2.1",
    ] {
        assert!(shown.iter().any(|id| id == expected), "{expected}: {shown:?}");
    }
    let srv = presented.ignored().iter().find(|id| id.kind == "SRVName").unwrap();
    assert!(srv.to_string().contains("not an IA5String"), "{srv}");
    assert!(verify(&openssl(), std::slice::from_ref(&leaf), "bücher.example").is_authenticated());
}

/// CERT-03: an empty subject with a critical subjectAltName is legal and what public CAs issue now.
#[test]
fn cert_03_an_empty_subject_is_accepted() {
    assert!(verify(&openssl(), &[fixture("empty_subject")], "im.example.com").is_authenticated());
    assert_eq!(
        CertificateFacts::from_der(&fixture("empty_subject")).unwrap().subject,
        "(empty name)"
    );
}

/// CERT-04: a CA without digitalSignature (the root here) is accepted. CERT-06: no OCSP address is needed.
#[test]
fn cert_04_and_06_what_is_not_enforced() {
    for good in ["every_name", "p384", "rsa3072"] {
        assert!(
            verify(&openssl(), &[fixture(good)], "im.example.com").is_authenticated(),
            "{good}"
        );
    }
}

fn reason(chain: &[CertificateDer<'_>]) -> ChainError {
    match verify(&openssl(), chain, "im.example.com").chain {
        ChainStatus::Untrusted(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn cert_05_a_sha1_signature_is_refused() {
    assert_eq!(
        reason(&[fixture("sha1")]).to_string(),
        "the certificate of CN=im.example.com is signed with ecdsa-with-SHA1, which is too weak"
    );
}

#[test]
fn cert_12_key_usage_must_allow_signatures() {
    assert!(matches!(
        reason(&[fixture("encipherment_only")]),
        ChainError::WrongKeyUsage { .. }
    ));
}

#[test]
fn cert_13_small_rsa_keys_are_refused() {
    let expected = |subject: &str| ChainError::WeakKey {
        subject: subject.into(),
        key: "RSA 1024".into(),
    };
    assert_eq!(reason(&[fixture("rsa1024")]), expected("CN=im.example.com"));
    let small_root = verifier([trust_anchor(&fixture("small_root")).unwrap()]);
    let verdict = verify(&small_root, &[fixture("small_leaf")], "im.example.com");
    assert_eq!(verdict.chain, ChainStatus::Untrusted(expected("CN=Small Root")));
}

/// A verdict, not an accident, for what path building cannot read; the most useful one.
#[test]
fn odd_certificates_end_in_a_verdict() {
    assert!(matches!(
        reason(&[fixture("critical_extension")]),
        ChainError::Malformed { .. }
    ));
    assert!(matches!(reason(&[fixture("v1")]), ChainError::SelfSigned { .. }));
    for odd in ["critical_extension", "v1"] {
        assert_eq!(
            CertificateFacts::from_der(&fixture(odd)).unwrap().subject,
            "CN=im.example.com"
        );
    }
}

/// Pinned, they are good all the same: whoever pins them need not care what path building reads.
#[test]
fn odd_certificates_can_be_pinned() {
    for odd in ["critical_extension", "v1", "self_signed_ca"] {
        let der = fixture(odd);
        for pin in [Pin::key_of(&der).unwrap(), Pin::certificate(&der)] {
            let pins = Pins::new().pin("im.example.com".parse().unwrap(), [pin]);
            let verdict = verify(
                &openssl().with_source(pins),
                std::slice::from_ref(&der),
                "im.example.com",
            );
            assert!(verdict.is_authenticated(), "{odd}: {verdict}");
        }
    }
}

/// Row 50, with what `openssl req -x509` makes when nothing else is said: a CA certificate as a leaf.
#[test]
fn cert_02_the_default_self_signed_certificate_can_be_an_anchor() {
    let own = fixture("self_signed_ca");
    assert!(matches!(
        reason(std::slice::from_ref(&own)),
        ChainError::SelfSigned { .. }
    ));
    let verdict = verify(&verifier([trust_anchor(&own).unwrap()]), &[own], "im.example.com");
    assert!(verdict.is_authenticated(), "{verdict}");
}

#[test]
fn facts_have_both_kinds_of_times_and_serialise() {
    let facts = CertificateFacts::from_der(&fixture("certtool")).unwrap();
    assert_eq!(facts.not_before, 1_767_225_600);
    assert_eq!(facts.not_before_text(), "2026-01-01 00:00:00 UTC");
    assert_eq!(facts.not_after_text(), "2099-12-31 23:59:59 UTC");
    assert_eq!((facts.serial.as_str(), facts.key_bits), ("63", 256));
    #[cfg(feature = "serde")]
    {
        let json = serde_json::to_value(&facts).unwrap();
        assert_eq!(json["sha256"], facts.sha256_hex());
        assert_eq!(json["dns"][0], "im.example.com");
        assert_eq!(json["not_before"], 1_767_225_600);
        assert_eq!(json["ip"][0], "192.0.2.1");
    }
}

/// Verdicts and errors are data too, for reports: domains as text, every finding with its name.
#[test]
fn verdicts_and_errors_serialise() {
    let good = verify(&openssl(), &[fixture("every_name")], "im.example.com");
    let json = serde_json::to_value(&good).unwrap();
    assert_eq!(json["domain"], "im.example.com");
    assert_eq!(json["chain"]["Trusted"]["anchor"], "O=Test, CN=Test Root");
    assert_eq!(json["chain"]["Trusted"]["revocation"], "NotChecked");
    assert!(json["identity"]["Matched"]["reference"].is_object());
    assert_eq!(json["trust"][0]["source"], "trust anchors");
    let bad = verify(&openssl(), &[fixture("v1")], "bücher.example");
    let json = serde_json::to_value(bad.check().unwrap_err()).unwrap();
    assert_eq!(json["Chain"]["domain"], "bücher.example");
    assert_eq!(json["Chain"]["error"]["SelfSigned"]["subject"], "CN=im.example.com");
    assert_eq!(json["Chain"]["name"]["Name"]["expected"][0]["Dns"], "bücher.example");
    let json = serde_json::to_value(Verdict::unnamed(ChainStatus::NoCertificate)).unwrap();
    assert!(json["domain"].is_null());
}
