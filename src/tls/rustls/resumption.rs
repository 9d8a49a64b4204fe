//! What is kept of TLS 1.3 sessions, and for whom. Neither store looks at the system clock or grows without
//! end. TLS 1.2 is never resumed: it would go on with the keys of the earlier session.

use super::certificates::{Chooser, Served};
use super::signed::Signed;
use crate::tls::{KeptIdentity, PeerCheck, ResumptionScope};
use ::rustls::NamedGroup;
use ::rustls::client::{
    ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue, danger::ServerCertVerifier,
};
use ::rustls::server::StoresServerSessions;
use ::rustls::sign::CertifiedKey;
use pki_types::{CertificateDer, ServerName, UnixTime};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use xmpp_tls_core::Domain;

/// Sessions kept as a client. What is beyond pushes out the oldest. Each has a ticket (a server may make it 64 KiB) and
/// the chain twice, once by rustls, of which [`PeerCheck::keep`] bounds the size.
const MOST_OF_SERVERS: usize = 1024;
/// Sessions kept as a server: some 100 octets each, of which a client chooses the server name at most.
const MOST_OF_CLIENTS: usize = 4096;
/// How long one ticket of a server is good for: what rustls tells clients.
const LIFETIME: Duration = Duration::from_secs(86_400);

/// A writer that panicked has inserted or removed a whole entry or nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A verifier for one connection at a time, and what it asks: rustls resumes with the verifier of the earlier
/// connection only.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) check: Arc<Mutex<Option<PeerCheck>>>,
    pub(super) verifier: Arc<dyn ServerCertVerifier>,
    pub(super) signed: Signed,
}

impl Asking {
    /// What the peer signed its last full handshake with.
    pub(super) fn scheme(&self) -> Option<Cow<'static, str>> {
        self.signed.scheme()
    }

    /// No handshake will ask again.
    pub(super) fn forget(&self) {
        *lock(&self.check) = None;
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").finish_non_exhaustive()
    }
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
        *lock(&kept.asking.check) = Some(check.clone());
        Some(Resumable {
            offered: kept.ticket,
            asking: kept.asking,
        })
    }

    fn put(&self, scope: ResumptionScope, mut kept: Kept, now: UnixTime) {
        let (sessions, age) = &mut *lock(&self.0);
        *age += 1;
        kept.age = *age;
        sessions.retain(|_, kept| now < kept.identity.until());
        sessions.insert(scope, kept);
        if sessions.len() > MOST_OF_SERVERS {
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
            self.sessions.put(scope.clone(), kept, check.now());
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

impl ByTicket {
    /// What is spent or over goes: nothing can use it, and it holds secrets. Of the rest the oldest gives way.
    fn keep(&mut self, ticket: &[u8], issued: &Issued, now: UnixTime) {
        if self.sessions.insert(ticket.to_vec(), issued.clone()).is_none() {
            self.order.push_back(ticket.to_vec());
        }
        while let Some(oldest) = self.order.front() {
            let good = self.sessions.get(oldest).is_some_and(|issued| now < issued.until);
            if good && self.order.len() <= MOST_OF_CLIENTS {
                break;
            }
            self.sessions.remove(oldest);
            self.order.pop_front();
        }
    }

    /// The ticket of others is left alone: nobody may spend what is not theirs.
    fn take(&mut self, ticket: &[u8], now: UnixTime, is_theirs: impl Fn(&Issued) -> bool) -> Option<Issued> {
        let issued = self.sessions.get(ticket)?;
        let over = now >= issued.until;
        // A clock that was set back tells nothing about how long ago it was.
        let good = !over && issued.full <= now && is_theirs(issued);
        if !over && !good {
            return None;
        }
        self.sessions.remove(ticket).filter(|_| good)
    }
}

/// A session of the receiving side.
#[derive(Clone)]
struct Issued {
    scope: ResumptionScope,
    domain: Domain,
    /// What was shown. Weak: keys that were replaced go, and cannot be mistaken for others.
    shown: Weak<CertifiedKey>,
    /// When the handshake was that it rests on, over however many resumptions.
    full: UnixTime,
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
    /// When the full handshake was of what this connection resumed.
    resumed: Mutex<Option<UnixTime>>,
    issued: Mutex<Vec<(Vec<u8>, Issued)>>,
}

impl ServerTickets {
    pub(super) fn new(sessions: ServerSessions, chooser: Arc<Chooser>, scope: ResumptionScope, now: UnixTime) -> Self {
        ServerTickets {
            sessions,
            chooser,
            scope,
            now,
            resumed: Mutex::default(),
            issued: Mutex::default(),
        }
    }

    pub(super) fn allow(&self, allowed: bool) {
        let mut kept = lock(&self.sessions.0);
        for (ticket, issued) in &*lock(&self.issued) {
            match allowed {
                true => kept.keep(ticket, issued, self.now),
                false => drop(kept.sessions.remove(ticket)),
            }
        }
    }
}

impl StoresServerSessions for ServerTickets {
    fn put(&self, ticket: Vec<u8>, secrets: Vec<u8>) -> bool {
        let Some((domain, Served { certified, .. })) = self.chooser.shown() else {
            return false;
        };
        let full = lock(&self.resumed).unwrap_or(self.now);
        let ticket_ends = UnixTime::since_unix_epoch(Duration::from_secs(self.now.as_secs()).saturating_add(LIFETIME));
        let issued = Issued {
            scope: self.scope.clone(),
            domain: domain.clone(),
            shown: Arc::downgrade(certified),
            full,
            until: self.scope.until(full).min(ticket_ends),
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
        let (domain, Served { certified, .. }) = self.chooser.shown()?;
        let issued = lock(&self.sessions.0).take(ticket, self.now, |issued| {
            issued.scope == self.scope && issued.domain == *domain && issued.shown.ptr_eq(&Arc::downgrade(certified))
        })?;
        // Of several tickets rustls may take more than the one it resumes.
        let mut resumed = lock(&self.resumed);
        *resumed = Some(resumed.map_or(issued.full, |earlier| earlier.min(issued.full)));
        Some(issued.secrets)
    }

    /// Asked for session ids of TLS 1.2 only.
    fn can_cache(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{self, Policy};
    use xmpp_tls_core::{Side, StreamKind};

    fn at(second: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(second))
    }

    fn issued(until: u64) -> Issued {
        let policy = Policy {
            resumption: policy::Resumption::Allowed,
            ..Policy::default()
        };
        let stream = (StreamKind::ClientToServer, Side::Receiving);
        Issued {
            scope: ResumptionScope::new(&policy, stream, true, None, None).unwrap(),
            domain: "example.org".parse().unwrap(),
            shown: Weak::new(),
            full: at(10),
            until: at(until),
            secrets: vec![1; 48],
        }
    }

    #[test]
    fn what_is_over_goes_with_its_secrets_when_another_is_kept_or_when_it_is_met() {
        let mut kept = ByTicket::default();
        kept.keep(b"first", &issued(20), at(10));
        kept.keep(b"second", &issued(30), at(15));
        assert_eq!((kept.sessions.len(), kept.order.len()), (2, 2));
        kept.keep(b"third", &issued(40), at(20));
        assert!(!kept.sessions.contains_key(b"first".as_slice()));
        assert_eq!((kept.sessions.len(), kept.order.len()), (2, 2));
        // Also by who could not have used it.
        assert!(kept.take(b"second", at(30), |_| false).is_none());
        assert!(!kept.sessions.contains_key(b"second".as_slice()));
        // What is good stays for whom it is for.
        assert!(kept.take(b"third", at(30), |_| false).is_none());
        assert!(kept.take(b"third", at(9), |_| true).is_none(), "before its handshake");
        assert!(kept.take(b"third", at(30), |_| true).is_some());
        assert!(kept.take(b"third", at(30), |_| true).is_none());
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut kept = ByTicket::default();
        for number in 0..=MOST_OF_CLIENTS {
            kept.keep(&number.to_be_bytes(), &issued(20), at(10));
        }
        assert_eq!(
            (kept.sessions.len(), kept.order.len()),
            (MOST_OF_CLIENTS, MOST_OF_CLIENTS)
        );
        assert!(!kept.sessions.contains_key(0_usize.to_be_bytes().as_slice()));
    }
}
