//! Drivers: they move bytes between a [`Session`](crate::session::Session) and a transport, and are
//! the only part of this library that reads a clock or opens a socket.
//!
//! | module | for |
//! |---|---|
//! | [`blocking`] | `std::net`, one thread a connection |
//! | `futures` (feature `futures`) | any `AsyncRead + AsyncWrite`, any runtime, given its [`Timer`](futures::Timer) |
//! | `tokio` (feature `tokio`) | tokio's sockets and timer |

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "drivers are where clocks and sockets live"
)]

pub mod blocking;
mod error;
#[cfg(feature = "futures")]
pub mod futures;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use error::Error;

use crate::session::{Mode, Target};
use crate::time::Now;
use pki_types::UnixTime;
use std::time::{Instant, SystemTime};
use xmpp_tls_core::StreamKind;

/// How much is read at once: a TLS record fits.
const READ_OCTETS: usize = 17 * 1024;

/// How much of what the peer still says is read and dropped so that it can read our last words.
const LAST_WORDS_OCTETS: usize = 1 << 20;

/// The time of this system's clocks. A wall clock before 1970 counts as 1970, where no certificate
/// is valid.
pub fn now() -> Now {
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Now {
        instant: Instant::now(),
        wall: UnixTime::since_unix_epoch(since_1970),
    }
}

/// A host and a port to connect to, where the target's own do not serve (RFC 6120 section 3.2.3). It
/// never changes whom the certificate must name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// A name or an address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// This host and this port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Endpoint {
            host: host.into(),
            port,
        }
    }

    /// The domain itself at the port registered for the kind of stream: 5222 and 5269 for STARTTLS
    /// (RFC 6120 section 14.7), 5223 and 5270 by custom for direct TLS.
    pub fn default_for(target: &Target) -> Self {
        let host = match target.domain().ip() {
            Some(ip) => ip.to_string(),
            None => target.domain().to_ascii().to_owned(),
        };
        let port = match (target.kind(), target.mode()) {
            (StreamKind::ClientToServer, Mode::StartTls) => 5222,
            (StreamKind::ClientToServer, Mode::DirectTls) => 5223,
            (StreamKind::ServerToServer, Mode::StartTls) => 5269,
            (StreamKind::ServerToServer, Mode::DirectTls) => 5270,
        };
        Endpoint { host, port }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}
