//! Test tools of `xmpp-tls`: what the tests of several crates need, and nothing that ships.
//!
//! | module | what it does |
//! |---|---|
//! | [`ca`] | a test CA: leaf certificates good and bad, SRVName and XmppAddr included |
//! | [`cuts`] | an input cut at every place, and at seeded random places |
//! | [`trace`] | drives one engine and writes down what it did; proves split invariance |
//! | [`script`] | a scripted peer: send this, expect that |
//! | [`pair`] | two engines joined in memory, with a recording and hostile wire |
//! | [`clock`] | virtual time: nothing here sleeps |
//! | [`leak`] | looks for secrets in what went over the wire |
//! | [`toy`] | an engine to try the tools on |
//! | [`alloc_counter`] | counts allocations |
//!
//! A tool that finds something wrong panics with a message for the reader of a failed test.
//!
//! Unit tests inside `xmpp-tls-core` cannot use this crate: they would meet a second copy of the
//! types they test. Integration tests (`tests/`) can.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test is a panic"
)]

pub mod alloc_counter;
pub mod ca;
pub mod clock;
pub mod cuts;
mod drive;
pub mod leak;
pub mod pair;
pub mod script;
pub mod toy;
pub mod trace;

pub use ca::{CaSpec, Eku, Issued, KeyKind, LeafSpec, TEST_TIME, TestCa};
pub use clock::Clock;
pub use pair::Pair;
pub use script::Script;
pub use trace::{SplitCheck, Trace};
