//! STARTTLS for XMPP (RFC 6120 section 5, RFC 7590), both roles, with no TLS library in sight.
//!
//! [`Initiator`] and [`Responder`] speak the clear part of a stream: header, features, `<starttls/>`,
//! `<proceed/>`. They end with an [`UpgradeToken`], which can only be spent together with the facts of
//! a finished TLS handshake: a stream restarted without TLS does not compile.
//!
//! ```text
//!   Initiator                                   Responder
//!   header            ------------------>       Opened  -> accept(..) | refuse(..)
//!   Opened            <------------------       header, features
//!   Features
//!   <starttls/>       ------------------>
//!                     <------------------       <proceed/>
//!   Upgrade(token)                              Upgrade(token)
//!        token.secured(facts)  ----  TLS  ----  token.secured(facts)
//! ```
//!
//! Both are [`Engine`](xmpp_tls_core::Engine)s: bytes and time in, bytes and events out. Whatever a
//! peer omits, strips, injects or delays ends in an [`Error`] that names it; nothing falls back to
//! clear text unless a `dangerous_` method allowed it beforehand.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod codec;
mod error;
mod initiator;
mod plaintext;
mod responder;
mod token;

pub use error::{Error, PeerMisbehaved, Phase, Refusal};
pub use initiator::{Initiator, InitiatorEvent};
pub use plaintext::PlaintextStream;
pub use responder::{Opened, Responder, ResponderEvent};
pub use token::{CipherSuite, ClearOffer, NotEncrypted, SecuredStream, TlsFacts, TlsVersion, UpgradeToken};
