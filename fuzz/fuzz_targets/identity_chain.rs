//! Any chain to any anchor, with every signature good: no panic, no endless work, and a verdict that
//! holds together. The first octet chooses purpose, policy and sources; then come the certificates, each
//! behind its length in two octets. The last is the anchor.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pki_types::{AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, UnixTime, alg_id};
use std::cell::Cell;
use std::time::Duration;
use xmpp_identity::external::{ClientLogin, Mapping, ServerLogin};
use xmpp_identity::{
    ChainStatus, DomainAnchors, IdentityVerifier, PeerServerUsage, Pin, Pins, PresentedIds, Purpose, ReferenceIds,
    trust_anchor,
};
use xmpp_tls_core::{Domain, StreamKind};

thread_local! {
    static CHECKED: Cell<usize> = const { Cell::new(0) };
}

/// Finds every signature good, so that what lies behind signatures is reached.
#[derive(Debug)]
struct Credulous(AlgorithmIdentifier, AlgorithmIdentifier);

impl SignatureVerificationAlgorithm for Credulous {
    fn verify_signature(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        CHECKED.with(|checked| checked.set(checked.get() + 1));
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.1
    }
}

static P256: Credulous = Credulous(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256);
static RSA: Credulous = Credulous(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256);
static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 2] = [&P256, &RSA];

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, mut rest)) = bytes.split_first() else { return };
    let mut chain: Vec<CertificateDer<'_>> = Vec::new();
    while let Some((length, behind)) = rest.split_at_checked(2) {
        let length = usize::from(length[0]) << 8 | usize::from(length[1]);
        let (certificate, behind) = behind.split_at(length.min(behind.len()));
        chain.push(certificate.into());
        rest = behind;
    }
    let anchor = chain.pop().and_then(|der| trust_anchor(&der).ok());
    let domain: Domain = "im.example.com".parse().expect("a domain");
    let (purpose, kind) = match choice & 3 {
        0 => (Purpose::Server, StreamKind::ClientToServer),
        1 => (Purpose::Server, StreamKind::ServerToServer),
        2 => (Purpose::ClientToServer, StreamKind::ClientToServer),
        _ => (Purpose::PeerServer, StreamKind::ServerToServer),
    };
    let usage = match choice >> 2 & 3 {
        0 => PeerServerUsage::ServerAuth,
        1 => PeerServerUsage::Either,
        2 => PeerServerUsage::ClientAuth,
        _ => PeerServerUsage::Ignore,
    };
    let mut verifier = IdentityVerifier::new(anchor.clone(), &ALGORITHMS).with_peer_server_usage(usage);
    if choice & 16 != 0
        && let Some(pin) = chain.first().and_then(|leaf| Pin::key_of(leaf).ok())
    {
        verifier = verifier.with_source(Pins::new().pin(domain.clone(), [pin]));
    }
    if choice & 32 != 0 {
        verifier = verifier.with_source(DomainAnchors::new().anchor(domain.clone(), anchor));
    }
    let seconds = if choice & 64 != 0 { 1_798_761_600 } else { 7_000_000_000 };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let references = ReferenceIds::new(&domain, kind);

    CHECKED.with(|checked| checked.set(0));
    let verdict = verifier.verify(&chain, &references, purpose, now);
    let checked = CHECKED.with(Cell::get);
    assert!(checked <= 500, "{checked} signatures");

    let tricks = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let text = verdict.to_string();
    assert!(!text.chars().any(tricks), "{text:?}");
    match verdict.check() {
        Ok(found) => {
            assert!(verdict.chain.is_trusted() && verdict.identity.matched() == Some(found));
            assert!(!chain.is_empty());
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.chars().any(tricks) && text.len() < 10_000, "{text:?}");
            assert!(!verdict.is_authenticated());
        }
    }
    // The same question has the same answer.
    assert_eq!(verifier.verify(&chain, &references, purpose, now), verdict);

    let status = verifier.verify_chain(&chain, purpose, now);
    assert_eq!(chain.is_empty(), status == ChainStatus::NoCertificate);
    let presented = chain.first().and_then(|leaf| PresentedIds::from_certificate(leaf).ok()).unwrap_or_default();
    let login = ClientLogin { domain: &domain, status: &status, presented: &presented, mapping: Mapping::None };
    assert!(status.is_trusted() || !login.offers_external());
    let server = ServerLogin { from: Some(&domain) };
    let decided = server.decide(None, |_| verdict.clone());
    assert_eq!(decided.is_ok(), server.offers_external(&verdict));
});
