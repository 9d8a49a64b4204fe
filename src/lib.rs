//! Every XMPP stream encrypted and authenticated: STARTTLS and direct TLS, verified by RFC 6125/9525,
//! with a report of what protects the connection. Sans-IO, for any runtime.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod danger;
mod error;
pub mod io;
pub mod policy;
pub mod roots;
pub mod security;
pub mod session;
mod time;
pub mod tls;

pub use error::{Error, ErrorKind, HeaderProblem, Phase, PolicyViolation};
pub use time::Now;
pub use xmpp_identity as identity;
pub use xmpp_starttls as starttls;
pub use xmpp_stream as stream;
pub use xmpp_tls_core::{self as core, Domain, DomainError, Engine, Output, Side, StreamCondition, StreamKind};
