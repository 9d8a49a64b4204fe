//! The identity verifier alone: is this chain good for this domain, and why not?
//!
//! `cargo run --example verify_certificate -- DOMAIN CHAIN.pem CA.pem`; without arguments it judges two
//! certificates that it makes itself.

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, UnixTime};
use std::error::Error;
use std::time::SystemTime;
use xmpp_identity::{CertificateFacts, IdentityVerifier, Purpose, ReferenceIds};
use xmpp_tls::{Domain, StreamKind, roots};
use xmpp_tls_testkit::{LeafSpec, TestCa};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [domain, chain, ca] => judge(domain, &std::fs::read(chain)?, &std::fs::read(ca)?),
        [] => {
            let ca = TestCa::valid_now("Example CA");
            let chain = ca.issue(LeafSpec::for_domain("example.org")).chain_pem();
            judge("example.org", chain.as_bytes(), ca.anchor_pem().as_bytes())?;
            judge("example.net", chain.as_bytes(), ca.anchor_pem().as_bytes())
        }
        _ => Err("usage: verify_certificate [DOMAIN CHAIN.pem CA.pem]".into()),
    }
}

fn judge(domain: &str, chain: &[u8], ca: &[u8]) -> Result<(), Box<dyn Error>> {
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>()?;
    let domain: Domain = domain.parse()?;
    // What is expected is known before the certificate is looked at.
    let references = ReferenceIds::new(&domain, StreamKind::ClientToServer);
    let algorithms = rustls::crypto::ring::default_provider()
        .signature_verification_algorithms
        .all;
    let verifier = IdentityVerifier::new(roots::from_pem(ca)?, algorithms);
    let now = UnixTime::since_unix_epoch(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?);

    if let Some(leaf) = chain.first() {
        let facts = CertificateFacts::from_der(leaf)?;
        println!(
            "{} for {:?}, valid until {}",
            facts.subject,
            facts.dns,
            facts.not_after_text()
        );
    }
    match verifier.verify(&chain, &references, Purpose::Server, now).check() {
        Ok(matched) => println!("good for {domain}: {matched}"),
        Err(error) => println!("not good for {domain}: {error}"),
    }
    Ok(())
}
