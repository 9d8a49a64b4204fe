//! What is kept of TLS 1.3 sessions, and for whom. Neither store looks at the system clock or grows without
//! end. TLS 1.2 is never resumed: it would go on with the keys of the earlier session.

use super::certificates::Chooser;
use crate::tls::{KeptIdentity, PeerCheck, ResumptionScope};
use ::rustls::NamedGroup;
use ::rustls::client::{
    ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue, danger::ServerCertVerifier,
};
use ::rustls::server::StoresServerSessions;
use ::rustls::sign::CertifiedKey;
use pki_types::{CertificateDer, ServerName, UnixTime};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use xmpp_tls_core::Domain;

/// Sessions kept of either side. What is beyond pushes out the oldest.
const MOST: usize = 4096;
/// How long a server may be resumed: what rustls tells clients (RFC 8446 section 4.6.1 allows a week).
const LIFETIME: Duration = Duration::from_secs(86_400);

/// A writer that panicked has inserted or removed a whole entry or nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A verifier for one connection at a time, and what it asks: rustls resumes with the verifier of the earlier
/// connection only.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) check: Arc<Mutex<PeerCheck>>,
    pub(super) verifier: Arc<dyn ServerCertVerifier>,
}

/// A session of a connection that has ended, on the initiating side.
struct Kept {
    ticket: Tls13ClientSessionValue,
    identity: KeptIdentity,
    asking: Asking,
    age: u64,
}

/// What all clones of a connector share: one session a scope.
#[derive(Clone, Default)]
pub(super) struct ClientSessions(Arc<Mutex<(BTreeMap<ResumptionScope, Kept>, u64)>>);

impl fmt::Debug for ClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSessions").finish_non_exhaustive()
    }
}

impl ClientSessions {
    /// What a connection is to resume. It is taken out: a ticket that is used twice would show an observer that
    /// both connections are the same client's (RFC 8446 appendix C.4).
    pub(super) fn take(&self, check: &PeerCheck) -> Option<Resumable> {
        let kept = lock(&self.0).0.remove(check.resumption()?)?;
        if !check.may_resume(&kept.identity) {
            return None;
        }
        *lock(&kept.asking.check) = check.clone();
        Some(Resumable {
            offered: kept.ticket,
            asking: kept.asking,
        })
    }

    fn put(&self, scope: ResumptionScope, mut kept: Kept) {
        let (sessions, age) = &mut *lock(&self.0);
        *age += 1;
        kept.age = *age;
        sessions.insert(scope, kept);
        if sessions.len() > MOST {
            let oldest = sessions.iter().min_by_key(|(_, kept)| kept.age);
            let oldest = oldest.map(|(scope, _)| scope.clone());
            oldest.and_then(|scope| sessions.remove(&scope));
        }
    }
}

pub(super) struct Resumable {
    pub(super) offered: Tls13ClientSessionValue,
    pub(super) asking: Asking,
}

/// What one connection may resume, and what it may be resumed by.
pub(super) struct ClientTickets {
    offered: Mutex<Option<Tls13ClientSessionValue>>,
    latest: Mutex<Option<Tls13ClientSessionValue>>,
}

impl ClientTickets {
    pub(super) fn new(offered: Option<Tls13ClientSessionValue>) -> Self {
        ClientTickets {
            offered: Mutex::new(offered),
            latest: Mutex::new(None),
        }
    }
}

impl fmt::Debug for ClientTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTickets").finish_non_exhaustive()
    }
}

impl ClientSessionStore for ClientTickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        *lock(&self.latest) = Some(ticket);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        lock(&self.offered).take()
    }
}

/// Keeps the session of one connection once that has ended: only then nobody else uses its verifier.
pub(super) struct ClientKeeper {
    pub(super) sessions: ClientSessions,
    pub(super) tickets: Arc<ClientTickets>,
    pub(super) asking: Asking,
}

impl fmt::Debug for ClientKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKeeper").finish_non_exhaustive()
    }
}

impl ClientKeeper {
    pub(super) fn keep(&self, check: &PeerCheck, chain: &[CertificateDer<'_>]) {
        let Some(ticket) = lock(&self.tickets.latest).take() else {
            return;
        };
        if let (Some(scope), Some(identity)) = (check.resumption(), check.keep(chain)) {
            let kept = Kept {
                ticket,
                identity,
                asking: self.asking.clone(),
                age: 0,
            };
            self.sessions.put(scope.clone(), kept);
        }
    }
}

/// What all clones of an acceptor share.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerSessions(Arc<Mutex<ByTicket>>);

#[derive(Debug, Default)]
struct ByTicket {
    sessions: BTreeMap<Vec<u8>, Issued>,
    /// The tickets in the order of their making, those that are spent among them.
    order: VecDeque<Vec<u8>>,
}

/// A session of the receiving side.
#[derive(Clone)]
struct Issued {
    scope: ResumptionScope,
    domain: Domain,
    /// What was shown. Weak: keys that were replaced go, and cannot be mistaken for others.
    shown: Weak<CertifiedKey>,
    until: UnixTime,
    secrets: Vec<u8>,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// The tickets of one connection. They are good for nothing before the session says so.
#[derive(Debug)]
pub(super) struct ServerTickets {
    sessions: ServerSessions,
    chooser: Arc<Chooser>,
    scope: ResumptionScope,
    now: UnixTime,
    issued: Mutex<Vec<(Vec<u8>, Issued)>>,
}

impl ServerTickets {
    pub(super) fn new(sessions: ServerSessions, chooser: Arc<Chooser>, scope: ResumptionScope, now: UnixTime) -> Self {
        ServerTickets {
            sessions,
            chooser,
            scope,
            now,
            issued: Mutex::default(),
        }
    }

    pub(super) fn allow(&self, allowed: bool) {
        let ByTicket { sessions, order } = &mut *lock(&self.sessions.0);
        for (ticket, issued) in &*lock(&self.issued) {
            if !allowed {
                sessions.remove(ticket);
            } else if sessions.insert(ticket.clone(), issued.clone()).is_none() {
                order.push_back(ticket.clone());
            }
        }
        while order.len() > MOST {
            let oldest = order.pop_front();
            oldest.and_then(|ticket| sessions.remove(&ticket));
        }
    }
}

impl StoresServerSessions for ServerTickets {
    fn put(&self, ticket: Vec<u8>, secrets: Vec<u8>) -> bool {
        let Some((domain, shown)) = self.chooser.shown() else {
            return false;
        };
        let issued = Issued {
            scope: self.scope.clone(),
            domain: domain.clone(),
            shown: Arc::downgrade(shown),
            until: UnixTime::since_unix_epoch(Duration::from_secs(self.now.as_secs()).saturating_add(LIFETIME)),
            secrets,
        };
        lock(&self.issued).push((ticket, issued));
        true
    }

    /// TLS 1.2 asks here.
    fn get(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (domain, shown) = self.chooser.shown()?;
        let ByTicket { sessions, .. } = &mut *lock(&self.sessions.0);
        let issued = sessions.get(ticket)?;
        let same = issued.scope == self.scope
            && issued.domain == *domain
            && issued.shown.ptr_eq(&Arc::downgrade(shown))
            && self.now < issued.until;
        // The ticket of another scope is left alone: nobody may spend what is not theirs.
        if !same {
            return None;
        }
        sessions.remove(ticket).map(|issued| issued.secrets)
    }

    /// Asked for session ids of TLS 1.2 only.
    fn can_cache(&self) -> bool {
        false
    }
}
