//! Who is the XMPP peer? Certificate identity and certification path by RFC 6120 section 13.7, for both
//! directions of both kinds of stream. Where that section cites RFC 6125, this crate follows RFC 9525,
//! which obsoletes it and is stricter: a common name never counts.
//!
//! The question has two halves, and this crate keeps them apart:
//!
//! - **Is the chain trusted?** [`ChainStatus`]: path validation (RFC 5280 section 6) to the given
//!   anchors at a given time, for a [`Purpose`].
//! - **Does the certificate name the peer?** [`IdentityStatus`]: [`ReferenceIds`], built from the XMPP
//!   domain alone, are compared with [`PresentedIds`], read from the certificate alone.
//!
//! [`IdentityVerifier`] answers both and returns a [`Verdict`]; [`Verdict::check`] gives the identity
//! that matched, or an [`IdentityError`] that an operator can act on. [`CertificateFacts`] describes
//! a certificate for a report.
//!
//! Besides the trust anchors there are other [sources of trust](TrustSource): [`Pins`] and
//! [`DomainAnchors`], and what applications add (DANE, POSH). They are asked in order, and the verdict
//! holds what each of them said. [`Revocation`] lists are the caller's.
//!
//! That the peer holds the private key is TLS's to prove: a verdict counts only once the handshake is
//! complete. There is no I/O here, no clock and no cryptography: signature algorithms are an argument.
//! The module `rustls`, with the feature of that name, has verifiers for that library which see to it.
//! [`external`] says who may log in by a certificate (SASL EXTERNAL).
//!
//! Which test proves which rule is in [`conformance`].
//!
//! # Verifying
//!
//! What is needed besides are trust anchors and a provider's signature algorithms. This takes them from
//! rustls, as most programs do; there is no need to use it for more.
//!
//! ```
//! # use std::error::Error;
//! use std::time::SystemTime;
//! use xmpp_identity::pki_types::{CertificateDer, UnixTime};
//! use xmpp_identity::{IdentityVerifier, Purpose, ReferenceIds, StreamKind, trust_anchor};
//!
//! /// Judges what a server showed, leaf first, to a client that wanted this domain.
//! fn judge(domain: &str, chain: &[CertificateDer<'_>], ca: &CertificateDer<'_>) -> Result<(), Box<dyn Error>> {
//!     let provider = rustls::crypto::ring::default_provider();
//!     let verifier = IdentityVerifier::new([trust_anchor(ca)?], provider.signature_verification_algorithms.all);
//!     let references = ReferenceIds::new(&domain.parse()?, StreamKind::ClientToServer);
//!     let now = UnixTime::since_unix_epoch(SystemTime::UNIX_EPOCH.elapsed()?);
//!     match verifier.verify(chain, &references, Purpose::Server, now).check() {
//!         Ok(found) => println!("{found}"),   // DNS-ID example.org
//!         Err(error) => println!("{error}"),  // certificate is for xmpp.example.org; needed example.org, ...
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Pinning
//!
//! A [`Pin`] is the SHA-256 of a key (its DER SubjectPublicKeyInfo, whatever its type) or of a
//! certificate. For a domain that has pins one of them must match, and no CA heals a mismatch. By
//! default a pin stands in for a CA, so that a self-signed certificate needs nothing switched off; with
//! [`Pins::besides_pkix`] chain and name must be good as well.
//!
//! ```
//! use xmpp_identity::pki_types::CertificateDer;
//! use xmpp_identity::{IdentityVerifier, Pin, Pins};
//!
//! # fn example(verifier: IdentityVerifier, certificate: &CertificateDer<'_>, next_key: [u8; 32])
//! # -> Result<IdentityVerifier, Box<dyn std::error::Error>> {
//! // The key in use, and one that is kept ready to replace it: a domain with one pin can be locked out.
//! let pins = Pins::new().pin("example.org".parse()?, [Pin::key_of(certificate)?, Pin::Key(next_key)]);
//! let verifier = verifier.with_source(pins);
//! # Ok(verifier) }
//! ```
//!
//! `openssl x509 -in FILE -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum` says what
//! [`Pin::Key`] holds, as [`CertificateFacts::spki_sha256_hex`] does.
//!
//! # Features
//! - `rustls`: verifiers to plug into rustls, for both sides.
//! - `serde`: facts, identifiers, verdicts and errors implement `Serialize`.

// docs.rs builds with nightly, and then shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod certificate;
mod error;
mod limits;
mod names;
mod path;
mod trust;
mod verdict;
mod verifier;

pub mod conformance;
pub mod external;
#[cfg(feature = "rustls")]
pub mod rustls;

pub use certificate::end_point::server_end_point;
pub use certificate::facts::CertificateFacts;
pub use error::{CertificateError, IdentityError};
pub use limits::Limits;
pub use names::kinds::IdKinds;
pub use names::presented::{IgnoreReason, IgnoredId, PresentedId, PresentedIds};
pub use names::reference::{FoundId, IdentityMatch, ReferenceId, ReferenceIds};
pub use path::chain_error::ChainError;
pub use path::constraints::NameConstraints;
pub use path::floor::{Floor, Strength};
pub use path::purpose::{PeerServerUsage, Purpose, UsageException};
pub use path::revocation::{Revocation, RevocationStatus};
pub use pki_types;
pub use trust::pins::{DomainAnchors, Pin, Pins};
pub use trust::{TrustAnswer, TrustEffect, TrustQuestion, TrustSource, TrustStep};
pub use verdict::{ChainStatus, IdentityStatus, Verdict};
pub use verifier::{IdentityVerifier, trust_anchor};
pub use xmpp_tls_core::{Domain, DomainError, StreamKind};

/// The README's code compiles.
#[cfg(all(doctest, feature = "rustls"))]
#[doc = include_str!("../README.md")]
struct Readme;
