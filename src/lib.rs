//! Every XMPP stream encrypted and authenticated: STARTTLS and direct TLS, the server verified by
//! RFC 6120 and RFC 9525 (the successor of RFC 6125), and a report of what protects the connection.
//!
//! This crate joins the layers below it ([`stream`], [`starttls`], [`identity`]) with TLS by rustls. It
//! is sans-IO: a [`Session`](session::Session) takes bytes and time and gives bytes and events, and the
//! drivers of [`io`] are the only part that knows sockets and clocks.
//!
//! ```text
//!   your client or server
//!          |
//!     io: tokio, futures, blocking         clocks and sockets, nowhere else
//!          |
//!     federation: between servers          EXTERNAL and dialback, joined to sessions
//!          |
//!     session ---- policy, danger, ledger  one engine from the first octet to the last
//!      |    |  \
//!      |    |   tls -> rustls              the seam to TLS libraries
//!      |   identity                        who is the peer?
//!    starttls                              the clear part, both roles
//!      |
//!    stream                                the XML codec
//! ```
//!
//! # What it is not
//!
//! No XMPP client or server. For clients it ends where SASL begins, between servers ([`federation`]) where a pair of
//! domains is authenticated: the logins of users, stanzas and routing are the application's. Nothing but the drivers
//! of [`io`] dials anybody, and no process-wide default is read: crypto provider, trust anchors, randomness and time
//! are arguments.
//!
//! # A client in a few lines
//!
#![cfg_attr(
    all(feature = "tokio", feature = "native-roots", feature = "ring"),
    doc = "```no_run"
)]
#![cfg_attr(
    not(all(feature = "tokio", feature = "native-roots", feature = "ring")),
    doc = "```ignore"
)]
//! use std::sync::Arc;
//! use xmpp_tls::session::ClientConfig;
//! use xmpp_tls::tls::rustls::ring;
//! use xmpp_tls::{Domain, io, roots};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = Arc::new(ring::default_provider());
//! let config = Arc::new(ClientConfig::rustls(provider, roots::native()?));
//! let stream = io::tokio::connect(config, "example.org".parse::<Domain>()?).await?;
//! println!("{}", stream.report());
//! # Ok(()) }
//! ```
//!
//! The README has a server too, and the manifest for both.
//!
//! # The loop, without a runtime
//!
//! What every driver does with a session; `peer` stands for a socket.
//!
//! ```
//! use xmpp_tls::session::{Event, Session};
//! use xmpp_tls::{Engine, Error, Output};
//!
//! fn run(session: &mut Session, peer: &mut impl Peer) -> Result<(), Error> {
//!     loop {
//!         match session.poll_output()? {
//!             Output::Transmit(bytes) => peer.write(&bytes),
//!             Output::Event(Event::Secured(report)) => println!("{report}"),
//!             Output::Event(Event::Closed(_)) => return Ok(()),
//!             Output::Event(_) => {} // Opened, Features, Element: the application's
//!             Output::WantsInput(deadline) => match peer.read_until(deadline) {
//!                 Read::Data(now, data) => session.handle_input(now, &data)?,
//!                 Read::End(now) => session.handle_eof(now)?,
//!                 Read::Nothing(now) => session.handle_timeout(now)?,
//!             },
//!         }
//!     }
//! }
//! # use std::time::Instant;
//! # enum Read { Data(Instant, Vec<u8>), End(Instant), Nothing(Instant) }
//! # trait Peer { fn write(&mut self, bytes: &[u8]); fn read_until(&mut self, deadline: Option<Instant>) -> Read; }
//! ```
//!
//! # Logging in
//!
//! SASL is the application's. What it needs from here: the mechanisms in
//! [`Features`](stream::Features), [`channel_binding`] to tie the login to this connection, and
//! [`Session::restart`](session::Session::restart) after success, or
//! [`Session::authentication_complete`](session::Session::authentication_complete) where the stream is not begun anew.
//!
//! # Security
//!
//! The [`Policy`](policy::Policy) is strict by default, and everything weaker takes a value of
//! [`danger`]. [`manual`] says what this stops and what it does not, why each default is what it is, and
//! which test proves which clause.
//!
//! A certificate can be valid and somebody else's all the same: a [`ledger`] says what changed since last time.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `futures` (default) | [`io`]'s driver for any async runtime |
//! | `tokio` | [`io`]'s driver for tokio |
//! | `hickory` | `io::hickory`: a resolver for SRV records; with DNSSEC if a provider is enabled |
//! | `ring`, `aws-lc-rs` | make that provider available from rustls; you pass it in |
//! | `native-roots` | `roots::native`: the trust anchors of the system |
//! | `serde` | reports, policies and ledgers as data, `Element::deserialize` |
//! | `ledger-redb` | `ledger::RedbStore`: what domains showed before, in one durable file; needs Rust 1.90 |
//!
//! Features add modules and implementations, and change nothing of what a program does that uses none of those. One
//! pair does more together than each alone: with `hickory`, a provider's feature gives hickory-resolver the means to
//! validate, so that a resolver of yours that was told to validate does so, and answers are
//! [`Secure`](discovery::DnsSecurity::Secure) or [`Bogus`](discovery::LookupError::Bogus) that would be
//! [`Insecure`](discovery::DnsSecurity::Insecure) otherwise. With both providers' features it validates by ring. TLS
//! takes the provider that it is given, whatever is enabled.
//!
//! # Public dependencies
//!
//! Types and traits of these crates are part of this interface. An incompatible version of one (`2.0` behind `1.4`,
//! `0.24` behind `0.23`) is an incompatible one of ours:
//!
//! | crate | where | feature |
//! |---|---|---|
//! | bytes 1 | [`Output`], [`tls::TlsEngine`], [`Bytes`] | |
//! | rustls-pki-types 1 | certificates, keys and times everywhere; [`pki_types`] | |
//! | rustls 0.23 | [`tls::rustls`] and [`identity::rustls`] | |
//! | quick-xml 0.42 | through [`stream`]: `Element::reader`, and the error of `Element::deserialize` | (`serde`) |
//! | futures 0.3 | the sockets of `io::futures` | `futures` |
//! | tokio 1, tokio-util 0.7 | sockets in `io::tokio`: `TokioStream` is on `Compat<TcpStream>` | `tokio` |
//! | hickory-resolver 0.26 | `io::hickory`, which re-exports it | `hickory` |
//! | serde 1 | `Serialize` and `Deserialize` of policies and reports | `serde` |
//!
//! async-trait is seen in what implements `io::Resolver` and the timers, and only as the standard library's types that
//! it writes: any version will do. Of all other dependencies nothing is seen, and new versions of them are none of ours:
//! rustls-webpki, x509-parser, idna, memchr, rustls-native-certs, thiserror.
// docs.rs builds with nightly, and then shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod channel_binding;
pub mod danger;
pub mod discovery;
mod error;
pub mod federation;
pub mod history;
pub mod io;
pub mod ledger;
pub mod manual;
pub mod policy;
pub mod registry;
pub mod roots;
pub mod security;
pub mod session;
mod time;
pub mod tls;

pub use bytes::Bytes;
pub use error::{Error, ErrorKind, HeaderProblem, Phase};
pub use pki_types;
pub use time::Now;
pub use xmpp_dialback as dialback;
pub use xmpp_identity as identity;
pub use xmpp_starttls as starttls;
pub use xmpp_stream as stream;
pub use xmpp_tls_core::{
    Domain, DomainError, Engine, Output, Side, StreamCondition, StreamId, StreamKind, deadline, ns,
};

/// The README's code compiles.
#[cfg(all(doctest, feature = "tokio", feature = "native-roots", feature = "ring"))]
#[doc = include_str!("../README.md")]
struct Readme;
