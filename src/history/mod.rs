//! Every connection attempt, the failed ones too, as one record: when, to whom, where, how far it got, how long it
//! took, and why it ended. For operators who ask why a server cannot be reached.
//!
//! A [`History`] reads no clock and opens nothing: whoever connects tells it. Around each attempt on one endpoint
//! goes an [`Attempt::begin`] before, and [`Running::succeeded`] or [`Running::failed`] behind:
//!
//! ```
//! # #[cfg(feature = "tokio")]
//! # async fn example(
//! #     config: std::sync::Arc<xmpp_tls::session::ClientConfig>,
//! #     history: &mut xmpp_tls::history::History,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use xmpp_tls::history::Attempt;
//! use xmpp_tls::io::{self, Endpoint};
//! use xmpp_tls::session::Target;
//!
//! let target = Target::new("example.org".parse()?);
//! let endpoint = Endpoint::new("xmpp.example.org", 5222);
//! let running = Attempt::begin(&target, Some(&endpoint), io::now());
//! let outcome = io::tokio::connect_to(&endpoint, config, target).await;
//! history.record(match &outcome {
//!     Ok(stream) => running.succeeded(stream.report(), io::now().instant),
//!     Err(error) => running.failed(error, io::now().instant),
//! });
//! for attempt in history.of(&"example.org".parse()?) {
//!     println!("{attempt}");
//! }
//! # Ok(()) }
//! ```
//!
//! A driver that tries several endpoints does the same around each of them, and around its discovery with no endpoint,
//! so that each of them is a record of its own and none is only in the error of the last. An attempt that is given up
//! in the middle is told by [`Running::abandoned`].
//!
//! Records are bounded in number, in all and of one domain, and each in size; the oldest go first. A domain that
//! fails all the time does not push out the others.

mod attempt;

pub use attempt::{Attempt, Outcome, Running, Stage};

use std::collections::{BTreeMap, VecDeque};
use xmpp_tls_core::Domain;

/// Attempts, the newest last, bounded.
#[derive(Debug, Clone)]
pub struct History {
    attempts: BTreeMap<u64, Attempt>,
    by_domain: BTreeMap<Option<Domain>, VecDeque<u64>>,
    next: u64,
    limit: usize,
    limit_of_one: usize,
}

impl Default for History {
    fn default() -> Self {
        Self::with_limits(Self::DEFAULT_LIMIT, Self::DEFAULT_LIMIT_OF_ONE)
    }
}

impl History {
    /// Attempts that are kept unless told otherwise.
    pub const DEFAULT_LIMIT: usize = 10_000;
    /// Attempts of one domain that are kept unless told otherwise.
    pub const DEFAULT_LIMIT_OF_ONE: usize = 32;

    /// With so many attempts in all, and so many of one domain; at least one.
    pub fn with_limits(all: usize, of_one: usize) -> Self {
        History {
            attempts: BTreeMap::new(),
            by_domain: BTreeMap::new(),
            next: 0,
            limit: all.max(1),
            limit_of_one: of_one.max(1),
        }
    }

    /// Adds an attempt, in place of the oldest one if there is no room.
    pub fn record(&mut self, attempt: Attempt) {
        let own = self.by_domain.get(&attempt.domain);
        let crowded = own
            .filter(|own| own.len() >= self.limit_of_one)
            .and_then(|own| own.front().copied());
        let full = || {
            self.attempts
                .keys()
                .next()
                .copied()
                .filter(|_| self.attempts.len() >= self.limit)
        };
        if let Some(oldest) = crowded.or_else(full) {
            self.forget(oldest);
        }
        let number = self.next;
        self.next += 1;
        self.by_domain
            .entry(attempt.domain.clone())
            .or_default()
            .push_back(number);
        self.attempts.insert(number, attempt);
    }

    fn forget(&mut self, number: u64) {
        let Some(attempt) = self.attempts.remove(&number) else {
            return;
        };
        if let Some(own) = self.by_domain.get_mut(&attempt.domain) {
            own.retain(|other| *other != number);
            if own.is_empty() {
                self.by_domain.remove(&attempt.domain);
            }
        }
    }

    /// Every attempt, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.values().rev()
    }

    /// The attempts to reach a domain, or those of its clients on a server; the newest first.
    pub fn of(&self, domain: &Domain) -> impl Iterator<Item = &Attempt> {
        let own = self.by_domain.get(&Some(domain.clone()));
        let numbers = own.into_iter().flat_map(|own| own.iter().rev());
        numbers.filter_map(|number| self.attempts.get(number))
    }

    /// How many attempts failed since the last that did not, of those that are kept.
    pub fn failures_in_a_row(&self, domain: &Domain) -> usize {
        self.of(domain).take_while(|attempt| !attempt.is_success()).count()
    }

    /// How many attempts are kept.
    pub fn len(&self) -> usize {
        self.attempts.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }

    /// How many attempts are not kept any more.
    pub fn forgotten(&self) -> u64 {
        self.next
            .saturating_sub(u64::try_from(self.attempts.len()).unwrap_or(u64::MAX))
    }
}
