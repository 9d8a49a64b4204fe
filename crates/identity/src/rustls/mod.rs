//! Certificate verifiers to plug into [rustls](https://docs.rs/rustls/0.23), on both sides of a
//! connection. With the feature `rustls`; no crypto provider comes with it, that one is an argument.
//!
//! Each comes in two flavours. A *strict* one fails the handshake on a bad verdict, so that the peer
//! gets the alert that says why. A *recording* one lets the handshake complete and the verdict be asked
//! for afterwards, when the stream header has told who the peer claims to be, or where a stream goes
//! on without authentication.
//!
//! Both prove possession of the private key, always. That check uses the bare public key, so that a
//! certificate that rustls' own parser would refuse (version 1, unknown critical extensions) ends in a
//! verdict too and not in a dead handshake. A verdict counts only once the handshake is complete, so
//! it is given in exchange for the connection.
//!
//! ```
//! # use std::sync::Arc;
//! # use rustls::crypto::CryptoProvider;
//! # use xmpp_identity::IdentityVerifier;
//! use xmpp_identity::rustls::ServerVerifier;
//! use xmpp_identity::{ReferenceIds, StreamKind};
//!
//! # fn example(provider: Arc<CryptoProvider>, verifier: IdentityVerifier) -> Result<(), Box<dyn std::error::Error>> {
//! let references = ReferenceIds::new(&"example.org".parse()?, StreamKind::ClientToServer);
//! let verifier = Arc::new(ServerVerifier::strict(verifier, references, &provider));
//! let mut config = rustls::ClientConfig::builder_with_provider(provider)
//!     .with_safe_default_protocol_versions()?
//!     .dangerous() // rustls' word for any verifier that is not its own
//!     .with_custom_certificate_verifier(verifier.clone())
//!     .with_no_client_auth();
//! verifier.prepare(&mut config);
//! # Ok(()) }
//! ```

mod alert;
mod asking;
mod client;
mod server;
mod signature;

pub use alert::certificate_error;
pub use asking::AskingVerifier;
pub use client::ClientVerifier;
pub use server::ServerVerifier;
pub use signature::{verify_tls12_signature, verify_tls13_signature};

use ::rustls::{CommonState, HandshakeKind};

/// Why there is no verdict about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unproved {
    /// The handshake is not complete: the peer has not proved that it holds its key.
    #[error("the handshake is not complete, so the peer has not proved anything")]
    Handshaking,
    /// The connection resumes an earlier one: no certificate was shown this time, and this verifier
    /// does not allow that.
    #[error("the TLS session was resumed, so no certificate was shown")]
    Resumed,
    /// This verifier has not seen the certificate of that connection.
    #[error("the connection was not verified by this verifier")]
    NotSeen,
}

/// Whether possession is proved, and by a handshake of this kind.
fn complete(connection: &CommonState, allow_resumption: bool) -> Result<(), Unproved> {
    if connection.is_handshaking() {
        return Err(Unproved::Handshaking);
    }
    match connection.handshake_kind() {
        None => Err(Unproved::Handshaking),
        Some(HandshakeKind::Resumed) if !allow_resumption => Err(Unproved::Resumed),
        Some(_) => Ok(()),
    }
}
