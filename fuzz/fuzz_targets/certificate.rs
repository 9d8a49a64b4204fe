//! Any certificate from a peer: no panic, and nothing that a good CA did not sign is believed.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pki_types::CertificateDer;
use std::sync::LazyLock;
use xmpp_tls::StreamKind;
use xmpp_tls::identity::{CertificateFacts, IdentityVerifier, PresentedIds, Purpose, ReferenceIds, trust_anchor};
use xmpp_tls_testkit::ca::test_time;
use xmpp_tls_testkit::{LeafSpec, TestCa};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// A whole certificate.
    Raw(&'a [u8]),
    /// A good certificate with some bytes changed.
    Changed(Vec<(u16, u8)>),
    /// A whole chain, the last certificate believed, so that a path can be found at all.
    Chain(Vec<Vec<u8>>),
    /// The value of a subjectAltName extension.
    Names(&'a [u8]),
}

struct World {
    verifier: IdentityVerifier,
    good: CertificateDer<'static>,
    references: Vec<ReferenceIds>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let ca = TestCa::new("root");
    let domain = "example.org".parse().expect("a domain");
    let names = LeafSpec::for_domain("example.org").srv("_xmpp-client", "example.org").xmpp_addr("example.org");
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    World {
        verifier: IdentityVerifier::new(vec![trust_anchor(ca.anchor()).expect("an anchor")], algorithms),
        good: ca.issue(names).leaf().clone(),
        references: [StreamKind::ClientToServer, StreamKind::ServerToServer]
            .map(|kind| ReferenceIds::new(&domain, kind))
            .to_vec(),
    }
});

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Raw(der) => examine(&CertificateDer::from(der)),
        Input::Changed(changes) => {
            let mut der = WORLD.good.to_vec();
            for (at, value) in changes {
                let length = der.len();
                der[usize::from(at) % length] = value;
            }
            examine(&CertificateDer::from(der));
        }
        Input::Chain(chain) => {
            let chain: Vec<CertificateDer<'_>> = chain.into_iter().map(CertificateDer::from).collect();
            let anchors: Vec<_> = chain.last().and_then(|last| trust_anchor(last).ok()).into_iter().collect();
            let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
            let verifier = IdentityVerifier::new(anchors, algorithms);
            for references in &WORLD.references {
                let verdict = verifier.verify(&chain, references, Purpose::Server, test_time());
                assert_eq!(verdict.check().is_ok(), verdict.is_authenticated());
                assert!(!verdict.is_authenticated() || verdict.chain.is_trusted());
            }
        }
        Input::Names(value) => {
            if let Ok(presented) = PresentedIds::from_subject_alt_name(value) {
                for references in &WORLD.references {
                    let _ = references.matches(&presented);
                }
                let _ = (presented.is_empty(), presented.ignored().len());
            }
        }
    }
});

fn examine(certificate: &CertificateDer<'_>) {
    if let Ok(facts) = CertificateFacts::from_der(certificate) {
        let _ = (format!("{facts:?}"), facts.not_before_text(), facts.not_after_text(), facts.sha256_hex());
    }
    let chain = [certificate.clone()];
    for references in &WORLD.references {
        let verdict = WORLD.verifier.verify(&chain, references, Purpose::Server, test_time());
        let _ = format!("{verdict:?}");
        match verdict.check() {
            Ok(_) => assert_eq!(certificate, &WORLD.good, "believed, but nobody signed it"),
            Err(error) => drop(error.to_string()),
        }
    }
}
