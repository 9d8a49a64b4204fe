//! TLS 1.1, TLS 1.0 and SSL 3.0 for [`xmpp_tls`], by OpenSSL: for peers that know nothing newer and cannot be replaced.
//!
//! All three are forbidden today (RFC 8996, RFC 7568, RFC 9325 section 3.1.1), and whoever is on the path may be able to
//! read and change what they protect. So there is no way into this crate by accident: it takes this dependency, a
//! connector or an acceptor from here, and a policy with a
//! [`danger::OldVersionsAccepted`](xmpp_tls::danger::OldVersionsAccepted). Building the policy warns, and so does the
//! report of each connection that ended up below TLS 1.2.
//!
//! - [`LegacyConnector`] wraps the connector that is used otherwise. OpenSSL is asked only where the policy names an old
//!   version; every other connection is the wrapped connector's. A connection is never repeated at a lower version
//!   (RFC 9325 section 3.1.3).
//! - [`LegacyAcceptor`] wraps an acceptor. The first octets of a ClientHello decide: whoever offers TLS 1.2 or later is
//!   served by the wrapped acceptor, as if this crate did not exist, and only older peers by OpenSSL.
//!
//! SSL 2.0 is not spoken, and its ClientHello is refused also where it asks for something newer (RFC 6176).
//!
//! ```
//! use xmpp_tls::danger::{OldVersion, OldVersionsAccepted};
//! use xmpp_tls::policy::{MinimumVersion, Policy};
//! use xmpp_tls::session::ClientConfig;
//! use xmpp_tls::tls::rustls::RustlsConnector;
//! use xmpp_tls_legacy::LegacyConnector;
//!
//! # fn example(provider: std::sync::Arc<xmpp_tls::tls::rustls::CryptoProvider>,
//! #     verifier: xmpp_tls::identity::IdentityVerifier) -> ClientConfig {
//! let mut policy = Policy::default();
//! let tls_1_0 = OldVersionsAccepted::known_attacks_apply_down_to(OldVersion::Tls10);
//! policy.minimum_version = MinimumVersion::Old(tls_1_0);
//! let connector = LegacyConnector::new(RustlsConnector::new(provider));
//! ClientConfig::new(connector, verifier).with_policy(policy)
//! # }
//! ```
//!
//! Certificates are verified as everywhere in `xmpp-tls`, by the session's own question
//! ([`PeerCheck`](xmpp_tls::tls::PeerCheck)): OpenSSL proves possession of the key and decides nothing.
//!
//! # What is negotiated
//!
//! AES only: with GCM or, below TLS 1.2, CBC; ChaCha20 too from TLS 1.2 on. Ephemeral key exchange comes first, on P-256,
//! X25519, P-384 or a Diffie-Hellman group of at least 2048 bits. Plain RSA key exchange, and with it the mandatory suite of RFC
//! 6120 section 13.8, `TLS_RSA_WITH_AES_128_CBC_SHA`, comes last, and only where the policy does not require forward
//! secrecy. No suite without encryption or authentication, no export suite, no RC4, DES, 3DES or MD5 (RFC 7465, RFC 9325
//! section 4.1). No renegotiation, no compression, no tickets, no session cache.
//!
//! # Features
//!
//! - `sslv3`: builds and links an OpenSSL that has SSL 3.0. Without it the system's is linked, which hardly ever has:
//!   whether it does is found out at run time, and if not a policy that names SSL 3.0 is refused with
//!   [`TlsError::UnsupportedByEngine`](xmpp_tls::tls::TlsError::UnsupportedByEngine).
//!
//! OpenSSL 3.0 or later is needed.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod client;
mod context;
mod engine;
mod error;
mod facts;
mod probe;
mod router;
mod server;
mod verify;

pub use client::LegacyConnector;
pub use server::LegacyAcceptor;

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
