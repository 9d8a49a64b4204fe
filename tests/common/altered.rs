//! A client over a TLS library whose handshakes end in what a test wants.

use super::fake_tls::{FakeConnector, SERVER_HELLO};
use super::{DOMAIN, World, domain};
use bytes::BytesMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::policy::{MinimumVersion, Policy};
use xmpp_tls::session::{ClientConfig, Event, Session, Target};
use xmpp_tls::tls::{ClientHandshake, TlsConnector, TlsEngine, TlsError, TlsSession, TlsState};
use xmpp_tls::{Engine, ErrorKind, Output, roots};
use xmpp_tls_testkit::LeafSpec;

/// A library whose handshakes end in what a test wants.
#[derive(Debug)]
pub struct Altered<T> {
    inner: T,
    alter: fn(&mut TlsSession),
    /// How often it was allowed to keep a session.
    allowed: Arc<AtomicUsize>,
}

impl TlsConnector for Altered<FakeConnector> {
    fn supports(&self, _: MinimumVersion) -> Result<(), TlsError> {
        Ok(())
    }

    fn connect(&self, handshake: ClientHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        let inner = self.inner.connect(handshake)?;
        Ok(Box::new(Altered {
            inner,
            alter: self.alter,
            allowed: self.allowed.clone(),
        }))
    }
}

impl TlsEngine for Altered<Box<dyn TlsEngine>> {
    fn read_tls(&mut self, ciphertext: &[u8], plaintext: &mut BytesMut) -> Result<(), TlsError> {
        self.inner.read_tls(ciphertext, plaintext)
    }

    fn write_tls(&mut self, ciphertext: &mut BytesMut) -> Result<(), TlsError> {
        self.inner.write_tls(ciphertext)
    }

    fn write(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        self.inner.write(plaintext)
    }

    fn close(&mut self) {
        self.inner.close();
    }

    fn state(&self) -> TlsState {
        self.inner.state()
    }

    fn take_session(&mut self) -> Option<TlsSession> {
        let mut session = self.inner.take_session()?;
        (self.alter)(&mut session);
        Some(session)
    }

    fn allow_resumption(&mut self, allowed: bool) {
        self.allowed.fetch_add(usize::from(allowed), Ordering::Relaxed);
        self.inner.allow_resumption(allowed);
    }
}

/// The events and the error of a client by direct TLS whose handshake ended like this.
pub fn run(alter: fn(&mut TlsSession)) -> (Vec<Event>, Option<ErrorKind>) {
    let (events, error, _) = run_under(Policy::default(), alter);
    (events, error)
}

/// Also how often the engine was allowed to keep the session.
pub fn run_under(policy: Policy, alter: fn(&mut TlsSession)) -> (Vec<Event>, Option<ErrorKind>, usize) {
    let world = World::new();
    let peer_chain = world.ca.issue(LeafSpec::for_domain(DOMAIN)).chain;
    let anchors = roots::from_pem(world.ca.anchor_pem().as_bytes()).unwrap();
    let verifier = IdentityVerifier::new(anchors, xmpp_tls::tls::rustls::signature_algorithms(&world.provider));
    let allowed = Arc::new(AtomicUsize::new(0));
    let connector = Altered {
        inner: FakeConnector { peer_chain },
        alter,
        allowed: allowed.clone(),
    };
    let config = Arc::new(ClientConfig::new(connector, verifier).with_policy(policy));
    let mut session = Session::client(config, Target::new(domain(DOMAIN)).direct_tls(), world.now()).unwrap();
    let header = "<stream:stream from='example.org' id='1' version='1.0' xmlns='jabber:client' \
        xmlns:stream='http://etherx.jabber.org/streams'>";
    let mut events = Vec::new();
    let mut input = [SERVER_HELLO, header.as_bytes()].into_iter();
    loop {
        match session.poll_output() {
            Ok(Output::Transmit(_)) => {}
            Ok(Output::Event(event)) => events.push(event),
            Ok(Output::WantsInput(_)) => match input.next() {
                Some(data) => session.handle_input(world.clock.now(), data).unwrap(),
                None => return (events, None, allowed.load(Ordering::Relaxed)),
            },
            Err(error) => return (events, Some(error.kind().clone()), allowed.load(Ordering::Relaxed)),
        }
    }
}
