//! Drivers: they move bytes between a [`Session`](crate::session::Session) and a transport, and are
//! the only part of this library that reads a clock or opens a socket.
//!
//! | module | for |
//! |---|---|
//! | [`blocking`] | `std::net`, one thread a connection |
//! | `futures` (feature `futures`) | any `AsyncRead + AsyncWrite`, any runtime, given its [`Timer`](futures::Timer) |
//! | `tokio` (feature `tokio`) | tokio's sockets and timer; SRV records by a [`Resolver`]; what was there before by a [`Memory`] |
//! | `hickory` (feature `hickory`) | a [`Resolver`] |

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "drivers are where clocks and sockets live"
)]

pub mod blocking;
mod error;
#[cfg(feature = "futures")]
pub mod futures;
#[cfg(feature = "hickory")]
pub mod hickory;
#[cfg(feature = "futures")]
mod memory;
#[cfg(feature = "futures")]
mod resolver;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use crate::discovery::Endpoint;
pub use error::Error;
#[cfg(feature = "futures")]
pub use memory::Memory;
#[cfg(feature = "futures")]
pub use resolver::Resolver;

use crate::time::Now;
use pki_types::UnixTime;
use std::time::{Instant, SystemTime};

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
