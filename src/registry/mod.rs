//! The sessions that are open now: what protects each, who is at the other end and by what that is known, and what
//! changed about its certificate. For the pages and the monitoring of a server that embeds it.
//!
//! A [`Registry`] reads no clock, opens nothing and waits for nobody: whoever has sessions tells it.
//!
//! ```
//! use xmpp_tls::registry::{Mechanism, Registry, Update};
//! use xmpp_tls::{Side, StreamKind};
//! # fn example(report: std::sync::Arc<xmpp_tls::security::SecurityReport>, now: pki_types::UnixTime) {
//!
//! let registry = Registry::default();
//! let mut updates = registry.subscribe();
//!
//! // For each connection that is accepted; it is off the list when the handle is dropped:
//! let session = registry.register(StreamKind::ClientToServer, Side::Receiving, now);
//! session.secured(report);                                       // at Event::Secured
//! session.authenticated(Mechanism::sasl("SCRAM-SHA-256-PLUS"));  // when the client has logged in
//!
//! for entry in registry.snapshot() {
//!     println!("{entry}");
//! }
//! while let Some(Update::Changed(entry)) = updates.try_next() {
//!     println!("changed: {entry}");
//! }
//! println!("{}", registry.prometheus()); // for GET /metrics
//! # }
//! ```
//!
//! A server on [`io::tokio::Federation`](crate::io) gives its notices to `Links`, and that is all.
//!
//! # What is counted
//!
//! [`Registry::prometheus`] writes these, named and labelled as those of Prosody are (`mod_s2s`, `mod_c2s`,
//! `mod_s2s_auth_certs`), so that what was drawn for the ones reads the others. `type` is [`SessionType`].
//!
//! | metric | labels | what it counts |
//! |---|---|---|
//! | `xmpp_tls_connections` (gauge) | `type`, `encrypted`, `authenticated` | sessions that are open; the latter two are `true` or `false` |
//! | `xmpp_tls_registered_total` | `type` | sessions that were ever registered |
//! | `xmpp_tls_encrypted_total` | `type`, `protocol`, `cipher` | sessions with TLS: `TLSv1.3`, and the suite's IANA name |
//! | `xmpp_tls_plaintext_total` | `type` | sessions that went on without TLS |
//! | `xmpp_tls_checked_total` | `type`, `chain`, `identity` | certificates that were judged; each `valid`, `invalid` or `unknown` |
//! | `xmpp_tls_authenticated_total` | `type`, `mechanism` | peers that proved who they are: `certificate`, `EXTERNAL`, `dialback`, or a SASL mechanism |
//! | `xmpp_tls_accepted_total` | `type`, `mechanism` | peers that took our proof |
//! | `xmpp_tls_changes_total` | `type`, `change`, `reaction` | what the ledger said: [`Change::code`](crate::ledger::Change::code); `inform`, `warn` or `refuse` |
//! | `xmpp_tls_not_listed_total` | | sessions beyond the limit, of which nothing is known |
//!
//! No label is a domain, and none grows without end: of suites and of mechanisms 64 are told apart, and the rest is
//! `other`.
//!
//! # Bounds
//!
//! Sessions beyond the limit are let be and counted; of the pairs of one session [`Entry::MAX_PROOFS`] are kept in
//! each direction. A subscriber that does not keep up loses the oldest updates and is told how many.

mod entry;
mod exposition;
mod handle;
#[cfg(feature = "serde")]
mod json;
#[cfg(feature = "tokio")]
mod links;
mod metrics;
mod subscription;

pub use entry::{Entry, Mechanism, Proof, SessionType};
pub use handle::Registered;
#[cfg(feature = "tokio")]
pub use links::Links;
pub use subscription::{Subscription, Update};

use crate::ledger::Key;
use exposition::Exposition;
use metrics::Counters;
use pki_types::UnixTime;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use subscription::Subscribers;
use xmpp_tls_core::{Side, StreamKind};

/// The sessions that are open. Clones are handles of the same.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Mutex<State>>,
}

struct State {
    sessions: BTreeMap<u64, Arc<Entry>>,
    next: u64,
    limit: usize,
    counters: Counters,
    subscribers: Subscribers,
}

impl Default for Registry {
    fn default() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Registry")
            .field("sessions", &state.sessions.len())
            .field("limit", &state.limit)
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// Sessions that are listed unless told otherwise.
    pub const DEFAULT_LIMIT: usize = 100_000;
    /// What [`prometheus`](Self::prometheus) is served as.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// Empty, for so many sessions.
    pub fn with_limit(limit: usize) -> Self {
        let state = State {
            sessions: BTreeMap::new(),
            next: 1,
            limit,
            counters: Counters::default(),
            subscribers: Subscribers::default(),
        };
        Registry {
            shared: Arc::new(Mutex::new(state)),
        }
    }

    /// Lists a session that was opened or accepted at `since`, until what this returns is dropped.
    pub fn register(&self, kind: StreamKind, side: Side, since: UnixTime) -> Registered {
        let mut state = self.state();
        let number = state.next;
        state.next = state.next.saturating_add(1);
        let session_type = SessionType::of(kind, side);
        state.counters.registered(session_type);
        if state.sessions.len() < state.limit {
            let entry = Arc::new(Entry::new(number, session_type, since));
            state.sessions.insert(number, entry.clone());
            Self::tell(state, &Update::Opened(entry));
        } else {
            state.counters.not_listed();
            drop(state);
        }
        Registered::new(self.clone(), number)
    }

    /// What is known of every session now, the oldest first. What happens later does not change it.
    pub fn snapshot(&self) -> Vec<Arc<Entry>> {
        self.state().sessions.values().cloned().collect()
    }

    /// What is known of one session; `None` if it is not open, or not listed.
    pub fn get(&self, number: u64) -> Option<Arc<Entry>> {
        self.state().sessions.get(&number).cloned()
    }

    /// How many sessions are listed.
    pub fn len(&self) -> usize {
        self.state().sessions.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What happens from now on, as far as [`Subscription::DEFAULT_CAPACITY`] updates wait for being taken.
    pub fn subscribe(&self) -> Subscription {
        self.subscribe_with(Subscription::DEFAULT_CAPACITY)
    }

    /// The same with room for so many updates, at least one.
    pub fn subscribe_with(&self, capacity: usize) -> Subscription {
        self.state().subscribers.add(capacity)
    }

    /// Counters and gauges in the text format of Prometheus, version 0.0.4, to be served as
    /// [`CONTENT_TYPE`](Self::CONTENT_TYPE).
    pub fn prometheus(&self) -> String {
        // The sessions are read without holding up those that live.
        let (sessions, counters) = {
            let state = self.state();
            let sessions: Vec<_> = state.sessions.values().cloned().collect();
            (sessions, state.counters.clone())
        };
        let mut text = Exposition::default();
        metrics::connections(&mut text, &sessions);
        counters.write(&mut text);
        text.into_string()
    }

    /// An operator has accepted the key with this SHA-256 (SubjectPublicKeyInfo) in the ledger's record of `key`
    /// ([`Ledger::acknowledge`](crate::ledger::Ledger::acknowledge)): the sessions that it was shown on are calm again.
    pub fn acknowledged(&self, key: &Key, spki_sha256: &[u8; 32]) {
        let shows_it = |entry: &Entry| {
            let change = entry.change.as_ref().filter(|change| change.key == *key);
            let shown = change.and_then(|change| change.shown.as_ref());
            !entry.acknowledged && shown.is_some_and(|leaf| leaf.spki_sha256 == *spki_sha256)
        };
        let numbers: Vec<u64> = self
            .snapshot()
            .iter()
            .filter(|entry| shows_it(entry))
            .map(|entry| entry.number)
            .collect();
        for number in numbers {
            self.change(number, |entry, _| {
                entry.acknowledged |= shows_it(entry);
                entry.acknowledged
            });
        }
    }

    /// Changes what is known of a session, and tells the subscribers if that made a difference.
    fn change(&self, number: u64, change: impl FnOnce(&mut Entry, &mut Counters) -> bool) {
        let mut state = self.state();
        let State { sessions, counters, .. } = &mut *state;
        let Some(entry) = sessions.get_mut(&number) else {
            return;
        };
        if change(Arc::make_mut(entry), counters) {
            let update = Update::Changed(entry.clone());
            Self::tell(state, &update);
        }
    }

    fn remove(&self, number: u64) {
        let mut state = self.state();
        if let Some(entry) = state.sessions.remove(&number) {
            Self::tell(state, &Update::Closed(entry));
        }
    }

    fn tell(mut state: MutexGuard<'_, State>, update: &Update) {
        let wakers = state.subscribers.tell(update);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is half done where a panic could come.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
