//! Server Dialback for XMPP (XEP-0220), all three roles, without I/O: how a server that is called
//! asks the servers of the domain that the caller claims, on a connection of its own.
//!
//! ```text
//!   originating server                receiving server                 authoritative server
//!   DialbackStream::ask
//!     ResultRequest(key)  ----1---->  handle -> Step::Verify(task)
//!                                     (open a stream to task.domain())
//!                                     verify(task)
//!                                       VerifyRequest(key, id)  --2-->  Authoritative::answer
//!                                     handle -> Step::Verdict  <--3--    VerifyAnswer
//!                                     conclude(verdict)
//!     handle -> Verified  <----4----    ResultAnswer
//! ```
//!
//! - [`DialbackSecret`], [`DialbackSecrets`] and [`DialbackKey`] are the keys of XEP-0185.
//! - [`Message`] is what travels, read from and written as stream elements; [`Support`] and [`bidi`]
//!   are the stream features around it.
//! - [`Originating`], [`Receiving`], [`Verifying`] and [`Authoritative`] are the state machines, and
//!   [`DialbackStream`] is all of them for one stream, with the rule of what may arrive where.
//! - [`rows`] says which rule is proved by which test.
//!
//! # What makes a pair authenticated
//!
//! Exactly two things: a [`Verdict`] that dialback found it valid, or the caller's word that the
//! certificate of this stream proves the domain (XEP-0344). A good verdict is made in one place,
//! [`Verifying`], which belongs to a stream that we opened to that very domain, and only out of an
//! answer to a question that was asked there. It counts once, for the one claim that caused it. An
//! answer from another stream, for another pair, with another `id`, or that nobody asked for
//! therefore has no way to a pair.
//!
//! # What it does not do
//!
//! Connect, encrypt, judge certificates, resolve names, read a clock or draw randomness: those are
//! facts, deadlines and octets that the caller brings. Dialback proves no more than that whoever
//! answers at the addresses of a domain, as the verification stream found them, agreed. Without
//! DNSSEC and TLS that is weak (XEP-0220 section 1.2).

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod bidi;
mod condition;
mod error;
mod feature;
mod keys;
mod message;
mod pair;
mod roles;
#[doc = include_str!("rows.md")]
pub mod rows {}
mod settings;
mod stream;

pub use condition::DialbackCondition;
pub use error::{ApiMisuse, Error, IdError, MessageError, NotAsked, PeerMisbehaved, WeakSecret};
pub use feature::Support;
pub use keys::key::{DialbackKey, PresentedKey};
pub use keys::secret::{DialbackSecret, DialbackSecrets};
pub use message::{Answer, Kind, Message, ResultAnswer, ResultRequest, VerifyAnswer, VerifyRequest};
pub use pair::{Authenticated, Method, NotAuthenticated, Pair};
pub use roles::authoritative::Authoritative;
pub use roles::originating::{Originating, Outcome, Refusal};
pub use roles::receiving::{Certificate, Facts, Received, Receiving};
pub use roles::verdict::{Finding, StreamNumber, Verdict, VerificationFailure, VerifyTask};
pub use roles::verifying::{CertificateComparison, Verifying};
pub use settings::{Limits, Requirement, Settings};
pub use stream::DialbackStream;
pub use stream::step::{Admitted, Ended, Step};
