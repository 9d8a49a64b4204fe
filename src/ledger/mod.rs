//! What each domain showed before, and what is different now.
//!
//! A valid certificate is no proof that nobody is in between: whoever sits on the path of a server can as a rule get
//! one for its domain, as happened to a large public server for months in 2023. What shows it is memory: the same
//! domain, a new key, long before its time. A ledger remembers what was seen for each [`Key`] (kind of stream,
//! direction, our domain, the other domain), and says for each connection what changed and what to do about it,
//! before anything is said on it.
//!
//! ```
//! # fn example(report: &xmpp_tls::security::SecurityReport, now: pki_types::UnixTime) {
//! use xmpp_tls::ledger::{ChangePolicy, Decision, Ledger, MemoryStore};
//!
//! let ledger = Ledger::new(MemoryStore::default()).with_policy(ChangePolicy::strict());
//! // When a session says Event::Secured(report), and before login:
//! match ledger.decide(report, now) {
//!     Ok(Decision::Compared(assessment)) if assessment.is_new => println!("{assessment}"),
//!     Ok(_) => {}
//!     Err(refusal) => println!("closed: {refusal}"), // and drop the connection
//! }
//! # }
//! ```
//!
//! With the feature `ledger-redb` there is `RedbStore`, which keeps the records in one file, durably. Stores of your
//! own implement [`LedgerStore`], or where they have to be waited for [`CertificateLedger`] (feature `futures`).
//!
//! # What changes are told apart
//!
//! | [`Change`] | what it means | by default |
//! |---|---|---|
//! | `Unchanged` | a certificate that is known | - |
//! | `FirstSeen` | the domain is not known | information |
//! | `Renewed` | another certificate for the same key | information |
//! | `Reissued` | the same, of another authority | information |
//! | `KeyRotated` | another key of the same authority, when a certificate is due for renewal | information |
//! | `NamesChanged` | the certificate is for other names | warning |
//! | `TrustLowered` | a pin or DANE is gone, or the certificate itself | warning |
//! | `KeyChangedEarly` | another key, and no certificate is due | warning |
//! | `IssuerAndKeyChanged` | another key of another authority | warning |
//! | `AuthenticationLost` | the certificate was good and this one is not | warning |
//! | `EncryptionLost` | there was TLS and there is none | warning |
//!
//! Several can hold at once; the gravest leads. A certificate is due with a third of its lifetime left, a half where
//! it lives no longer than ten days, and never with more than 30 days left; a day is added for schedules. What
//! DANE, POSH or a pin vouches for is information, unless [`ChangePolicy`] says otherwise.
//!
//! What was warned of or refused waits for an operator and is said again each time, until
//! [`Ledger::acknowledge`]; [`Assessment::is_new`] tells the first time from the rest. Everything else counts as
//! known from then on.
//!
//! # What a ledger does not do
//!
//! - It makes no failed check good. It is asked after the policy of the session, and can only say no.
//! - It knows nothing of the first time: an attacker who is there from the beginning, and at every sight, is what is
//!   known. DANE, a pin, or acknowledging the key by another way is what helps.
//! - It cannot tell an attacker with a certificate of the domain's own authority, who comes when the old one is due,
//!   from a rotation. Servers that keep their key, and
//!   [`ChangePolicy::key_rotated`] set to a warning, close that gap.
//! - It does not see who has the key itself, and not who only passes the traffic on.
//! - It remembers nothing that an inbound peer merely claims ([`Sighting::by_certificate`],
//!   [`Sighting::by_dialback`]), and nothing of resumed sessions, whose certificate is an earlier one: they are
//!   compared and not counted.
//! - It does not log in to the certificate transparency logs.
//!
//! Everything is bounded: certificates of a record, their texts, and the records of a store. A full store keeps what
//! it has and says so; nothing is forgotten to make room, as that would let anybody who can make us connect to many
//! domains make us forget one ([`Ledger::prune`]).
//!
//! # Joining it to a connection
//!
//! A session needs no ledger: its [`Event::Secured`](crate::session::Event::Secured) comes before anything that the
//! application can send leaves, so whoever takes that event asks [`Ledger::decide`] and, on an error, drops the
//! transport instead of going on. Drivers do so by themselves when given a `Memory` (feature `futures`); the refusal
//! names domain, change and remedy. On streams of other servers, ask [`Ledger::observe`] as soon as SASL EXTERNAL or
//! dialback has succeeded.

mod assessment;
#[cfg(feature = "serde")]
mod bounded;
mod change;
mod classify;
#[cfg(feature = "futures")]
mod driver;
#[cfg(feature = "ledger-redb")]
mod encoding;
mod error;
mod key;
mod leaf;
#[allow(clippy::module_inception, reason = "the type of that name")]
mod ledger;
mod limits;
mod policy;
mod record;
#[cfg(feature = "ledger-redb")]
mod redb;
mod sighting;
#[cfg(feature = "serde")]
mod snapshot;
mod store;

pub use assessment::{Assessment, Judgement};
pub use change::{Change, Changes};
pub use classify::classify;
#[cfg(feature = "futures")]
pub use driver::CertificateLedger;
pub use error::{LedgerError, LedgerErrorKind};
pub use key::Key;
pub use leaf::{Leaf, Voucher};
pub use ledger::{Decision, Ledger, Refusal};
pub use policy::{ChangePolicy, Reaction};
pub use record::{Acknowledgement, Known, Record};
#[cfg(feature = "ledger-redb")]
pub use redb::RedbStore;
pub use sighting::{AuthenticatedBy, Sighting};
#[cfg(feature = "serde")]
pub use snapshot::{Imported, Snapshot};
pub use store::{LedgerStore, MemoryStore};
