//! CERT-05, CERT-13: what is too weak is refused whatever the algorithms that were given would verify.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use pki_types::{AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use rcgen::{PublicKeyData, SignatureAlgorithm};
use support::*;
use xmpp_identity::{ChainError, ChainStatus, Floor, IdentityVerifier, Verdict, trust_anchor};

/// Finds every signature of its kind good, as an algorithm for old keys or hashes would.
#[derive(Debug)]
struct Credulous(AlgorithmIdentifier, AlgorithmIdentifier);

impl SignatureVerificationAlgorithm for Credulous {
    fn verify_signature(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.1
    }
}

const ECDSA_SHA1: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(b"\x06\x07\x2a\x86\x48\xce\x3d\x04\x01");
static P256: Credulous = Credulous(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256);
static SHA1: Credulous = Credulous(alg_id::ECDSA_P256, ECDSA_SHA1);
static RSA: Credulous = Credulous(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256);
/// No such thing exists; it lets a test CA with an RSA key sign without one.
static MIXED: Credulous = Credulous(alg_id::RSA_ENCRYPTION, alg_id::ECDSA_SHA256);
static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 4] = [&P256, &SHA1, &RSA, &MIXED];

fn judge(anchor: &CertificateDer<'_>, chain: &[CertificateDer<'_>], domain: &str) -> Verdict {
    let verifier = IdentityVerifier::new([trust_anchor(anchor).unwrap()], &ALGORITHMS);
    verify(&verifier, chain, domain)
}

#[test]
fn cert_05_a_weak_signature_is_refused_whatever_verifies_it() {
    let verdict = judge(&fixture("root"), &[fixture("sha1")], "im.example.com");
    let expected = ChainError::SignatureAlgorithm {
        subject: "CN=im.example.com".into(),
        algorithm: "ecdsa-with-SHA1".into(),
        weak: true,
    };
    assert_eq!(verdict.chain, ChainStatus::Untrusted(expected));
}

/// A public key that nobody here holds.
struct Foreign(Vec<u8>);

impl PublicKeyData for Foreign {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

#[test]
fn cert_13_a_weak_issuer_is_refused_and_another_path_taken() {
    let weak = |subject: &str| ChainError::WeakKey {
        subject: subject.into(),
        key: "RSA 1024".into(),
    };
    let verdict = judge(&fixture("small_root"), &[fixture("small_leaf")], "im.example.com");
    assert_eq!(verdict.chain, ChainStatus::Untrusted(weak("CN=Small Root")));

    // An intermediate CA with a small key, and one of the same name with a good key.
    let root = Ca::root("Root");
    let strong = root.sub(ca_params("Issuer"));
    let mut modulus = tlv(0x02, &[&[0u8, 0x80][..], &[1; 127]].concat());
    modulus.extend(tlv(0x02, &[1, 0, 1]));
    let key = Foreign(tlv(0x30, &modulus));
    let small = ca_params("Issuer").signed_by(&key, &root.issuer).unwrap().der().clone();
    let leaf = strong.leaf(&[dns("a.example")]);
    let verdict = judge(&root.der, &[leaf.clone(), small.clone()], "a.example");
    assert_eq!(verdict.chain, ChainStatus::Untrusted(weak("CN=Issuer")));
    for chain in [
        [leaf.clone(), small.clone(), strong.der.clone()],
        [leaf.clone(), strong.der.clone(), small.clone()],
    ] {
        assert!(judge(&root.der, &chain, "a.example").is_authenticated());
    }
}

/// What a caller demands is raised above the default and never below it; what a path is worth is told.
#[test]
fn cert_13_the_floor_can_be_raised_and_not_lowered() {
    let root = Ca::root("Root");
    let leaf = root.leaf(&[dns("a.example")]);
    let judge = |change: fn(&mut Floor)| {
        let mut floor = Floor::default();
        change(&mut floor);
        let verifier = IdentityVerifier::new([trust_anchor(&root.der).unwrap()], &ALGORITHMS).with_floor(floor);
        verify(&verifier, std::slice::from_ref(&leaf), "a.example").chain
    };
    let ChainStatus::Trusted { strength, .. } = judge(|_| {}) else {
        panic!("a good chain")
    };
    assert_eq!(
        (strength.rsa_bits, strength.curve_bits, strength.hash_bits),
        (None, Some(256), Some(256))
    );
    assert!(judge(|floor| floor.rsa_bits = 8192).is_trusted(), "there is no RSA key");
    assert!(matches!(
        judge(|floor| floor.curve_bits = 257),
        ChainStatus::Untrusted(ChainError::WeakKey { key, .. }) if key == "ECDSA P-256"
    ));
    assert!(matches!(
        judge(|floor| floor.hash_bits = 384),
        ChainStatus::Untrusted(ChainError::SignatureAlgorithm { weak: true, .. })
    ));

    let mut none = Floor::default();
    (none.rsa_bits, none.curve_bits, none.hash_bits) = (0, 0, 0);
    let verifier = IdentityVerifier::new([trust_anchor(&fixture("small_root")).unwrap()], &ALGORITHMS).with_floor(none);
    let verdict = verify(&verifier, &[fixture("small_leaf")], "im.example.com");
    assert!(
        matches!(verdict.chain, ChainStatus::Untrusted(ChainError::WeakKey { .. })),
        "{:?}",
        verdict.chain
    );
}
