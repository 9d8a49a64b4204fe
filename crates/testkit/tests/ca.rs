//! What the test CA issues is what it says: read back by another parser, judged by another verifier.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test is a panic")]

use pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use xmpp_tls_testkit::ca::{san, test_time};
use xmpp_tls_testkit::{CaSpec, Eku, Issued, KeyKind, LeafSpec, TEST_TIME, TestCa};

fn verify(issued: &Issued, anchor: &CertificateDer<'_>, now: UnixTime) -> Result<(), webpki::Error> {
    let leaf = EndEntityCert::try_from(issued.leaf())?;
    let anchors = [anchor_from_trusted_cert(anchor)?];
    let usage = KeyUsage::server_auth();
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &issued.chain[1..],
        now,
        usage,
        None,
        None,
    )?;
    Ok(())
}

fn parse(issued: &Issued) -> X509Certificate<'_> {
    X509Certificate::from_der(issued.leaf()).unwrap().1
}

#[test]
fn good_certificates_verify_whatever_the_key() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa2048] {
        let root = TestCa::root(CaSpec::new("root").key(kind), TEST_TIME);
        let issued = root.issue(LeafSpec::for_domain("example.org").key(kind));
        assert_eq!(verify(&issued, root.anchor(), test_time()), Ok(()), "{kind:?}");
    }
}

#[test]
fn names_are_written_as_their_rfcs_say() {
    let spec = LeafSpec::new()
        .dns("example.org")
        .srv("_xmpp-server", "example.org")
        .xmpp_addr("bücher.example")
        .ip("192.0.2.1".parse().unwrap())
        .cn("example.org");
    let issued = TestCa::new("root").issue(spec);
    let certificate = parse(&issued);
    let names = &certificate
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .general_names;
    let GeneralName::OtherName(oid, srv) = &names[1] else {
        panic!("{names:?}")
    };
    assert_eq!(oid.to_id_string(), "1.3.6.1.5.5.7.8.7");
    assert_eq!(
        *srv,
        san::tlv(0xa0, &san::tlv(san::IA5_STRING, b"_xmpp-server.example.org"))
    );
    let GeneralName::OtherName(oid, jid) = &names[2] else {
        panic!("{names:?}")
    };
    assert_eq!(oid.to_id_string(), "1.3.6.1.5.5.7.8.5");
    assert_eq!(
        *jid,
        san::tlv(0xa0, &san::tlv(san::UTF8_STRING, "bücher.example".as_bytes()))
    );
    assert_eq!(names[0], GeneralName::DNSName("example.org"));
    assert_eq!(names[3], GeneralName::IPAddress(&[192, 0, 2, 1]));
    assert_eq!(certificate.subject().to_string(), "O=xmpp-tls test, CN=example.org");
}

#[test]
fn bad_certificates_are_bad_in_the_way_they_say() {
    let root = TestCa::new("root");
    let judge = |spec: LeafSpec| verify(&root.issue(spec.dns("example.org")), root.anchor(), test_time());
    assert!(matches!(
        judge(LeafSpec::new().expired()),
        Err(webpki::Error::CertExpired { .. })
    ));
    assert!(matches!(
        judge(LeafSpec::new().not_yet_valid()),
        Err(webpki::Error::CertNotValidYet { .. })
    ));
    assert_eq!(judge(LeafSpec::new().self_signed()), Err(webpki::Error::UnknownIssuer));
    assert_eq!(
        judge(LeafSpec::new().self_signed().ca_true()),
        Err(webpki::Error::CaUsedAsEndEntity)
    );
    for (eku, good) in [
        (Eku::Server, true),
        (Eku::None, true),
        (Eku::Client, false),
        (Eku::Other, false),
    ] {
        assert_eq!(judge(LeafSpec::new().eku(eku)).is_ok(), good, "{eku:?}");
    }
    let unknown = LeafSpec::new().extension(&[1, 3, 6, 1, 4, 1, 99999, 1], true, vec![5, 0]);
    assert_eq!(judge(unknown), Err(webpki::Error::UnsupportedCriticalExtension));
    let broken = root.issue(LeafSpec::for_domain("example.org")).with_broken_signature();
    assert_eq!(
        verify(&broken, root.anchor(), test_time()),
        Err(webpki::Error::InvalidSignatureForPublicKey)
    );
    let other = TestCa::new("other");
    let foreign = other.issue(LeafSpec::for_domain("example.org"));
    assert_eq!(
        verify(&foreign, root.anchor(), test_time()),
        Err(webpki::Error::UnknownIssuer)
    );
}

#[test]
fn intermediates_carry_their_constraints() {
    let root = TestCa::new("root");
    let intermediate = root.intermediate(CaSpec::new("int").path_len(0).permit_dns("corp.example"));
    let good = intermediate.issue(LeafSpec::for_domain("im.corp.example"));
    assert_eq!(intermediate.anchor(), root.certificate());
    assert_eq!(verify(&good, root.anchor(), test_time()), Ok(()));
    assert_eq!(
        verify(&good.without_intermediates(), root.anchor(), test_time()),
        Err(webpki::Error::UnknownIssuer)
    );
    let outside = intermediate.issue(LeafSpec::for_domain("victim.example"));
    assert_eq!(
        verify(&outside, root.anchor(), test_time()),
        Err(webpki::Error::NameConstraintViolation)
    );
    let below = intermediate.intermediate(CaSpec::new("int 2"));
    let deep = below.issue(LeafSpec::for_domain("im.corp.example"));
    assert_eq!(deep.chain.len(), 3);
    assert_eq!(
        verify(&deep, root.anchor(), test_time()),
        Err(webpki::Error::PathLenConstraintViolated)
    );
    let impostor = root
        .intermediate(CaSpec::new("no ca").not_a_ca())
        .issue(LeafSpec::for_domain("a.example"));
    assert_eq!(
        verify(&impostor, root.anchor(), test_time()),
        Err(webpki::Error::EndEntityUsedAsCa)
    );
}

#[test]
fn a_renewal_can_keep_its_key() {
    let root = TestCa::new("root");
    let first = root.issue(LeafSpec::for_domain("example.org"));
    let renewed = root.issue(LeafSpec::for_domain("example.org").same_key_as(&first));
    let replaced = root.issue(LeafSpec::for_domain("example.org"));
    assert_ne!(first.leaf(), renewed.leaf());
    assert_eq!(parse(&first).public_key().raw, parse(&renewed).public_key().raw);
    assert_ne!(parse(&first).public_key().raw, parse(&replaced).public_key().raw);
    assert_ne!(parse(&first).raw_serial(), parse(&renewed).raw_serial());
}

#[test]
fn a_ca_can_live_now() {
    let root = TestCa::valid_now("root");
    let issued = root.issue(LeafSpec::for_domain("example.org"));
    let now = UnixTime::since_unix_epoch(Duration::from_secs(root.now()));
    assert_eq!(verify(&issued, root.anchor(), now), Ok(()));
}

#[test]
fn pem_holds_the_whole_chain_and_the_key() {
    let intermediate = TestCa::new("root").intermediate(CaSpec::new("int"));
    let issued = intermediate.issue(LeafSpec::for_domain("example.org"));
    let chain = pem::parse_many(issued.chain_pem()).unwrap();
    assert_eq!(
        chain
            .iter()
            .map(|block| block.contents().to_vec().into())
            .collect::<Vec<CertificateDer<'_>>>(),
        issued.chain
    );
    let key = pem::parse(issued.key_pem()).unwrap();
    assert_eq!((key.tag(), key.contents()), ("PRIVATE KEY", issued.key.secret_der()));
    assert_eq!(
        pem::parse(intermediate.anchor_pem()).unwrap().contents(),
        &intermediate.anchor()[..]
    );
}

#[test]
fn hostile_names_of_any_length_are_well_formed_der() {
    for length in [0, 1, 127, 128, 255, 256, 5000] {
        let issued = TestCa::new("root").issue(LeafSpec::new().dns(vec![b'a'; length]));
        let certificate = parse(&issued);
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        let GeneralName::DNSName(name) = names.value.general_names[0] else {
            panic!()
        };
        assert_eq!(name.len(), length);
    }
    let issued = TestCa::new("root").issue(LeafSpec::new().dns("a.example\0.evil.example"));
    assert!(format!("{:?}", parse(&issued).subject_alternative_name()).contains("evil"));
}
