//! The identity verifier alone: is this chain good for this domain, and why not? Nothing here is used but
//! `xmpp-identity` and the signature algorithms of a provider.
//!
//! `cargo run --example verify_certificate -- example.org chain.pem ca.pem`

use std::error::Error;
use std::process::ExitCode;
use std::time::SystemTime;
use xmpp_identity::pki_types::pem::PemObject;
use xmpp_identity::pki_types::{CertificateDer, UnixTime};
use xmpp_identity::{CertificateFacts, IdentityVerifier, Purpose, ReferenceIds, StreamKind, trust_anchor};

const USAGE: &str = "usage: verify_certificate DOMAIN CHAIN.pem CA.pem
  Is the chain, leaf first, good for a client of the XMPP domain that trusts these CAs?
  Without arguments: two answers about a certificate for im.example.com that comes with this program.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [] => demonstrate(),
        [domain, chain, ca] if !domain.starts_with('-') => read(chain)
            .and_then(|chain| Ok((chain, read(ca)?)))
            .and_then(|(chain, cas)| judge(domain, &chain, &cas)),
        [option] if option == "--help" || option == "-h" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Whether the chain is good for the domain.
fn judge(domain: &str, chain: &[CertificateDer<'_>], cas: &[CertificateDer<'_>]) -> Result<bool, Box<dyn Error>> {
    // What is expected is settled before the certificate is looked at.
    let references = ReferenceIds::new(&domain.parse()?, StreamKind::ClientToServer);
    let anchors = cas.iter().map(trust_anchor).collect::<Result<Vec<_>, _>>()?;
    let provider = rustls::crypto::ring::default_provider();
    let verifier = IdentityVerifier::new(anchors, provider.signature_verification_algorithms.all);
    let now = UnixTime::since_unix_epoch(SystemTime::UNIX_EPOCH.elapsed()?);

    for certificate in chain {
        match CertificateFacts::from_der(certificate) {
            Ok(facts) => println!(
                "{}, by {}, until {}",
                facts.subject,
                facts.issuer,
                facts.not_after_text()
            ),
            Err(error) => println!("{error}"),
        }
    }
    match verifier.verify(chain, &references, Purpose::Server, now).check() {
        Ok(found) => println!("good for {domain}: {found}"),
        Err(error) => {
            println!("not good for {domain}: {error}");
            return Ok(false);
        }
    }
    Ok(true)
}

fn read(file: &str) -> Result<Vec<CertificateDer<'static>>, Box<dyn Error>> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| format!("{file}: {error}"))?;
    if found.is_empty() {
        return Err(format!("{file}: no certificate").into());
    }
    Ok(found)
}

fn demonstrate() -> Result<bool, Box<dyn Error>> {
    let leaf = include_bytes!("../crates/identity/tests/fixtures/every_name.der");
    let ca = include_bytes!("../crates/identity/tests/fixtures/root.der");
    let (chain, cas) = ([CertificateDer::from(&leaf[..])], [CertificateDer::from(&ca[..])]);
    Ok(judge("im.example.com", &chain, &cas)? && !judge("example.net", &chain, &cas)?)
}
