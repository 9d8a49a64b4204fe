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
//! # Joining it to streams
//!
//! One [`DialbackStream`] for each XML stream between servers, made when the last header before stanzas is
//! there (behind TLS, and behind SASL if there was any), and dropped with the stream:
//!
//! | what happens | what to call | what comes of it |
//! |---|---|---|
//! | a stream that we opened is ready | [`DialbackStream::opened`]\([`Opened`]) | |
//! | one that we accepted is ready | [`DialbackStream::accepted`]\([`Accepted`]) | |
//! | ... and its peer was authenticated by SASL EXTERNAL | [`authenticated_by_external`](DialbackStream::authenticated_by_external) | |
//! | `<bidi/>` was sent or received ([`bidi`]) | [`enable_bidi`](DialbackStream::enable_bidi) | |
//! | stanzas wait for a pair | [`ask`](DialbackStream::ask) | a [`Message`] to send, later an [`Outcome`] |
//! | ... and the target is not the stream's own | [`cover`](DialbackStream::cover) first | |
//! | an element came, [`Message::from_element`] reads it | [`handle`](DialbackStream::handle) with [`Facts`] | a [`Step`] |
//! | [`Step::Verify`]: a claim needs its server | on a stream to [`VerifyTask::domain`]: [`verify`](DialbackStream::verify) | a [`Message`] to send |
//! | ... but our certificate check already proved it | on the claim's stream: [`accept_by_certificate`](DialbackStream::accept_by_certificate) | a [`Step`] |
//! | ... but both streams showed one certificate | on the other stream: [`same_certificate`](DialbackStream::same_certificate) | a [`Verdict`] |
//! | ... but nobody can be asked | [`VerifyTask::fail`] | a [`Verdict`] |
//! | [`Step::Verdict`], or one of these | on the stream [`Verdict::stream`]: [`conclude`](DialbackStream::conclude) | a [`Step`] |
//! | [`Step::Decided`]: the peer's claim is decided | send [`Decision::answer`], close if it says so | an [`Outcome`] |
//! | [`Step::Outcome`]: a claim of ours is | send or bounce what waits | |
//! | time is up | [`handle_timeout`](DialbackStream::handle_timeout) until `None`, at [`deadline`](DialbackStream::deadline) | a [`Step`] |
//! | a stanza came | [`admits`](DialbackStream::admits) for its [`Pair::of_stanza`] | [`Admitted`], or a stream error |
//! | a stanza is to be sent | [`may_send`](DialbackStream::may_send) | |
//! | who is authenticated, how, since when | [`authentication`](DialbackStream::authentication), [`authenticated`](DialbackStream::authenticated); for claims of ours [`verified`](DialbackStream::verified) | [`Authenticated`] |
//! | the stream ended or is restarted | [`end`](DialbackStream::end) | [`Ended`] |
//!
//! Beside that it declares `db` on every header between servers ([`Support::declare`]), offers
//! [`Support::feature`] and reads the peer's ([`Support::of`]), and lets both dialback elements and
//! `<bidi/>` through while nothing is authenticated yet.
//!
//! # What makes a pair authenticated
//!
//! Exactly two things: a [`Verdict`] that dialback found it valid, or the caller's word that the
//! certificate of this stream proves the domain (XEP-0344, or SASL EXTERNAL before). A good verdict is made in one place,
//! [`Verifying`], which belongs to a stream that we opened to that very domain, and only out of an
//! answer to a question that was asked there. It counts once, for the one claim that caused it, on the one
//! [`DialbackStream`] value where it was made. An answer from another stream, for another pair, with another
//! `id`, or that nobody asked for therefore has no way to a pair, and neither has a verdict of an earlier
//! stream, of whatever number.
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
mod config;
mod error;
mod feature;
mod keys;
mod message;
mod outcome;
mod pair;
mod roles;
#[doc = include_str!("rows.md")]
pub mod rows {}
mod settings;
mod stream;

pub use condition::DialbackCondition;
pub use config::{Accepted, Opened, Protection};
pub use error::{ApiMisuse, Bound, Error, IdError, MessageError, NotAsked, PeerMisbehaved, WeakSecret};
pub use feature::Support;
pub use keys::key::{DialbackKey, PresentedKey};
pub use keys::secret::{DialbackSecret, DialbackSecrets};
pub use message::{Answer, Kind, Message, ResultAnswer, ResultRequest, VerifyAnswer, VerifyRequest};
pub use outcome::{Decision, Outcome, Refusal, Rejection};
pub use pair::{Authenticated, Method, NotAuthenticated, Pair};
pub use roles::authoritative::Authoritative;
pub use roles::originating::{Covers, Originating};
pub use roles::receiving::{Certificate, Facts, Received, Receiving};
pub use roles::verdict::{Finding, StreamNumber, Verdict, VerificationFailure, VerifyTask};
pub use roles::verifying::{CertificateComparison, Verifying};
pub use settings::{Limits, Requirement, Settings};
pub use stream::DialbackStream;
pub use stream::step::{Admitted, Ended, Step};
