//! What verifying a certificate costs beside others: `cargo run --release` in this folder.
//!
//! Decoding and matching names for 1, 10 and 100 of them, the last one being the right one, beside
//! webpki (parse and name check), x509-parser (full parse and walk) and OpenSSL (`d2i_X509` and `X509_check_host`);
//! path verification of a chain of three beside bare webpki. Subjects take turns and what counts is
//! the ratio, as absolute times of one machine say nothing on another. Allocations are exact.
//! Nothing here passes or fails.

mod certificates;
mod turns;

use certificates::{Chain, DOMAIN};
use foreign_types::ForeignType as _;
use openssl::x509::X509;
use pki_types::{CertificateDer, ServerName, UnixTime};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;
use std::time::Duration;
use turns::{Subject, compare};
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use xmpp_identity::{IdentityVerifier, PresentedIds, Purpose, ReferenceIds, trust_anchor};
use xmpp_tls_core::StreamKind;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let references = ReferenceIds::new(&DOMAIN.parse().expect("a domain"), StreamKind::ClientToServer);
    let name = ServerName::try_from(DOMAIN).expect("a name");
    for names in [1, 10, 100] {
        let chain = Chain::new(names);
        let leaf = &chain.presented[0];
        compare(
            &format!("decode and match, {names} names"),
            &[
                Subject::new("webpki", 2000, || {
                    let parsed = EndEntityCert::try_from(black_box(leaf)).expect("a certificate");
                    assert!(parsed.verify_is_valid_for_subject_name(&name).is_ok());
                }),
                Subject::new("this crate", 2000, || {
                    assert!(references.find_in(black_box(leaf)).expect("a certificate").is_some());
                }),
                Subject::new("this crate, all names", 500, || {
                    let presented = PresentedIds::from_certificate(black_box(leaf)).expect("a certificate");
                    assert!(references.matches(&presented).is_some());
                }),
                Subject::new("x509-parser", 500, || assert!(by_x509_parser(black_box(leaf)))),
                Subject::new("OpenSSL", 20, || assert!(by_openssl(black_box(leaf)))),
            ],
        );
        let chain = Chain::without_the_domain(names);
        let leaf = &chain.presented[0];
        compare(
            &format!("the same, none matches, {names} names"),
            &[
                Subject::new("webpki", 500, || {
                    let parsed = EndEntityCert::try_from(black_box(leaf)).expect("a certificate");
                    assert!(parsed.verify_is_valid_for_subject_name(&name).is_err());
                }),
                Subject::new("this crate", 500, || {
                    assert!(references.find_in(black_box(leaf)).expect("a certificate").is_none());
                }),
            ],
        );
    }

    let chain = Chain::new(1);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_798_761_600));
    let anchors = [trust_anchor(&chain.root).expect("an anchor")];
    let verifier = IdentityVerifier::new(anchors.clone(), webpki::ALL_VERIFICATION_ALGS);
    compare(
        "path of three",
        &[
            Subject::new("webpki", 20, || {
                let leaf = EndEntityCert::try_from(black_box(&chain.presented[0])).expect("a certificate");
                let usage = KeyUsage::server_auth();
                let algorithms = webpki::ALL_VERIFICATION_ALGS;
                let others = &chain.presented[1..];
                let path = leaf.verify_for_usage(algorithms, &anchors, others, now, usage, None, None);
                assert!(path.is_ok());
            }),
            Subject::new("this crate", 20, || {
                assert!(verifier.verify_chain(black_box(&chain.presented), Purpose::Server, now).is_trusted());
            }),
            Subject::new("this crate, whole verdict", 20, || {
                let verdict = verifier.verify(black_box(&chain.presented), &references, Purpose::Server, now);
                assert!(verdict.is_authenticated());
            }),
        ],
    );
}

fn by_x509_parser(leaf: &CertificateDer<'_>) -> bool {
    let (_, parsed) = X509Certificate::from_der(leaf).expect("a certificate");
    let Ok(Some(extension)) = parsed.subject_alternative_name() else { return false };
    let mut names = extension.value.general_names.iter();
    names.any(|name| matches!(name, GeneralName::DNSName(name) if name.eq_ignore_ascii_case(DOMAIN)))
}

fn by_openssl(leaf: &CertificateDer<'_>) -> bool {
    let parsed = X509::from_der(leaf).expect("a certificate");
    // SAFETY: the certificate outlives the call, the name is DOMAIN.len() octets long, and no peer name is asked for.
    1 == unsafe {
        openssl_sys::X509_check_host(parsed.as_ptr(), DOMAIN.as_ptr().cast(), DOMAIN.len(), 0, std::ptr::null_mut())
    }
}
