//! A TLS library that protects nothing and always says the same: sessions over it are deterministic, so
//! that whole transcripts can be cut at every place. The handshake is one record each way.

use bytes::{Buf, BytesMut};
use pki_types::CertificateDer;
use std::collections::BTreeSet;
use std::sync::Mutex;
use xmpp_tls::Domain;
use xmpp_tls::policy::MinimumVersion;
use xmpp_tls::starttls::{CipherSuite, TlsFacts, TlsVersion};
use xmpp_tls::tls::{
    ClientHandshake, ServerHandshake, TlsAcceptor, TlsConnector, TlsEngine, TlsError, TlsSession, TlsState,
};

pub const CLIENT_HELLO: &[u8] = b"\x16[client hello]";
pub const SERVER_HELLO: &[u8] = b"\x16[server hello]";
/// Ends TLS in either direction.
pub const CLOSE_NOTIFY: u8 = 0x15;

/// A connector that shows the session this chain.
#[derive(Debug)]
pub struct FakeConnector {
    pub peer_chain: Vec<CertificateDer<'static>>,
}

/// Ends TLS with an error.
pub const BAD_RECORD: u8 = 0x17;

#[derive(Debug)]
pub struct FakeAcceptor {
    domains: BTreeSet<Domain>,
    counter: Mutex<u8>,
    /// What those who connect show.
    peer_chain: Vec<CertificateDer<'static>>,
}

impl FakeAcceptor {
    pub fn new(domains: &[&str]) -> Self {
        FakeAcceptor {
            domains: domains.iter().map(|text| text.parse().unwrap()).collect(),
            counter: Mutex::new(0),
            peer_chain: Vec::new(),
        }
    }

    pub fn with_peer_chain(mut self, chain: Vec<CertificateDer<'static>>) -> Self {
        self.peer_chain = chain;
        self
    }
}

impl TlsConnector for FakeConnector {
    fn supports(&self, _: MinimumVersion) -> Result<(), TlsError> {
        Ok(())
    }

    fn connect(&self, handshake: ClientHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        // Like a library that leaves the certificate to the session.
        drop(handshake);
        Ok(Box::new(FakeTls {
            chain: self.peer_chain.clone(),
            ..FakeTls::new(SERVER_HELLO, CLIENT_HELLO, b"")
        }))
    }
}

impl TlsAcceptor for FakeAcceptor {
    fn supports(&self, _: MinimumVersion) -> Result<(), TlsError> {
        Ok(())
    }

    fn accept(&self, _handshake: ServerHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        Ok(Box::new(FakeTls {
            chain: self.peer_chain.clone(),
            ..FakeTls::new(CLIENT_HELLO, b"", SERVER_HELLO)
        }))
    }

    fn serves(&self, domain: &Domain) -> bool {
        self.domains.contains(domain)
    }

    fn sole_domain(&self) -> Option<Domain> {
        self.domains.first().filter(|_| self.domains.len() == 1).cloned()
    }

    fn fill_random(&self, buffer: &mut [u8]) -> Result<(), TlsError> {
        let mut counter = self.counter.lock().unwrap();
        *counter += 1;
        buffer.fill(*counter);
        Ok(())
    }
}

#[derive(Debug)]
struct FakeTls {
    expected: &'static [u8],
    answer: &'static [u8],
    incoming: BytesMut,
    outgoing: BytesMut,
    state: TlsState,
    closed: bool,
    chain: Vec<CertificateDer<'static>>,
}

impl FakeTls {
    fn new(expected: &'static [u8], first: &'static [u8], answer: &'static [u8]) -> Self {
        FakeTls {
            expected,
            answer,
            incoming: BytesMut::new(),
            outgoing: BytesMut::from(first),
            state: TlsState::Handshaking,
            closed: false,
            chain: Vec::new(),
        }
    }
}

impl TlsEngine for FakeTls {
    fn read_tls(&mut self, ciphertext: &[u8], plaintext: &mut BytesMut) -> Result<(), TlsError> {
        self.incoming.extend_from_slice(ciphertext);
        if self.state == TlsState::Handshaking {
            let seen = self.incoming.len().min(self.expected.len());
            if self.incoming[..seen] != self.expected[..seen] {
                return Err(TlsError::NotTls {
                    first: self.incoming[0],
                });
            }
            if seen < self.expected.len() {
                return Ok(());
            }
            self.incoming.advance(seen);
            self.outgoing.extend_from_slice(self.answer);
            self.state = TlsState::Open;
        }
        if self.state == TlsState::Open {
            let special = |octet: &u8| matches!(*octet, CLOSE_NOTIFY | BAD_RECORD);
            let end = self.incoming.iter().position(special);
            let record = end.map(|at| self.incoming[at]);
            plaintext.extend_from_slice(&self.incoming[..end.unwrap_or(self.incoming.len())]);
            self.incoming.clear();
            match record {
                Some(CLOSE_NOTIFY) => self.state = TlsState::PeerClosed,
                Some(_) => return Err(TlsError::PeerMisbehaved("a bad record".to_owned())),
                None => {}
            }
        }
        Ok(())
    }

    fn write_tls(&mut self, ciphertext: &mut BytesMut) -> Result<(), TlsError> {
        ciphertext.extend_from_slice(&self.outgoing.split());
        Ok(())
    }

    fn write(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        if self.closed || self.state == TlsState::Handshaking {
            return Err(TlsError::NotOpen);
        }
        self.outgoing.extend_from_slice(plaintext);
        Ok(())
    }

    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.outgoing.extend_from_slice(&[CLOSE_NOTIFY]);
        }
    }

    fn state(&self) -> TlsState {
        self.state
    }

    fn take_session(&mut self) -> Option<TlsSession> {
        let facts = TlsFacts::new(TlsVersion::TLS_1_3, CipherSuite(0x1301)).unwrap();
        let mut session = TlsSession::new(facts, "TLS_AES_128_GCM_SHA256");
        session.forward_secret = true;
        session.peer_chain = self.chain.clone();
        Some(session)
    }

    fn allow_resumption(&mut self, _: bool) {}
}
