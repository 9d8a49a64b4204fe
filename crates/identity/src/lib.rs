//! Who is the XMPP peer? Certificate identity and path of RFC 6120 section 13.7, with the matching
//! rules of RFC 9525 (which replaces RFC 6125), for both directions of both kinds of stream.
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
//! Besides the public CAs there are other [sources of trust](TrustSource): [`Pins`] and
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
//! # Features
//! - `rustls`: verifiers to plug into rustls, for both sides.
//! - `serde`: facts, identifiers, verdicts and errors implement `Serialize`.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod algorithms;
mod anchors;
mod certificate;
mod chain_error;
mod constraints;
mod der;
mod dns_name;
mod error;
mod facts;
mod floor;
mod kinds;
mod limits;
mod name;
mod path;
mod pins;
mod presented;
mod purpose;
mod reference;
mod report;
mod revocation;
mod text;
mod time;
mod trust;
mod verdict;
mod verifier;

pub mod conformance;
pub mod external;
#[cfg(feature = "rustls")]
pub mod rustls;

pub use chain_error::ChainError;
pub use constraints::NameConstraints;
pub use error::{CertificateError, IdentityError};
pub use facts::CertificateFacts;
pub use kinds::IdKinds;
pub use limits::Limits;
pub use pins::{DomainAnchors, Pin, Pins};
pub use pki_types;
pub use presented::{IgnoreReason, IgnoredId, PresentedId, PresentedIds};
pub use purpose::{PeerServerUsage, Purpose, UsageException};
pub use reference::{FoundId, IdentityMatch, ReferenceId, ReferenceIds};
pub use revocation::{Revocation, RevocationStatus};
pub use trust::{TrustAnswer, TrustEffect, TrustQuestion, TrustSource, TrustStep};
pub use verdict::{ChainStatus, IdentityStatus, Verdict};
pub use verifier::{IdentityVerifier, trust_anchor};
pub use xmpp_tls_core::{Domain, DomainError, StreamKind};
