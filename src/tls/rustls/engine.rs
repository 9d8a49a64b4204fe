//! One rustls connection behind the seam.

use super::certificates::{Chooser, Presenter};
use super::error::{from_rustls, too_old};
use super::resumption::{Asking, ClientKeeper, ServerTickets};
use crate::tls::{Exporter, PeerCheck, TlsEngine, TlsError, TlsSession, TlsState};
use ::rustls::{Connection, HandshakeKind, ProtocolVersion};
use bytes::{BufMut, BytesMut};
use std::io::{self, BufRead};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use xmpp_starttls::{CipherSuite, TlsFacts, TlsVersion};

/// An alert as every version writes it (RFC 2246 section 7.2, RFC 8446 section 6).
const ALERT: u8 = 21;
const FATAL: u8 = 2;
const PROTOCOL_VERSION: u8 = 70;

#[derive(Debug)]
pub(super) enum Role {
    Client {
        /// Gone with the handshake, unless the session may be kept.
        check: Option<PeerCheck>,
        asking: Asking,
        keeper: Option<ClientKeeper>,
        presenter: Option<Arc<Presenter>>,
        /// The SNI sent.
        server_name: Option<String>,
    },
    Server {
        chooser: Arc<Chooser>,
        tickets: Option<Arc<ServerTickets>>,
    },
}

#[derive(Debug)]
pub(super) struct Engine {
    /// Shared with the exporter, which looks at it when somebody asks, and does not keep it alive.
    connection: Arc<Mutex<Connection>>,
    role: Role,
    /// The client speaks a version older than rustls, and is still to be told.
    refused: Option<TlsVersion>,
    /// The first octets that came, as far as the version in the peer's hello.
    opening: Opening,
    peer_closed: bool,
    closed: bool,
    session_taken: bool,
    keys_revealed: bool,
    /// Whether the session may be resumed; `None`: that was not said yet.
    resumable: Option<bool>,
}

/// A record header (5 octets), a handshake header (4), and the version that a hello names (2): a peer that
/// speaks TLS 1.2 or later says 1.2 there (RFC 8446 section 4.1.2).
#[derive(Debug, Default)]
struct Opening {
    octets: [u8; 11],
    length: usize,
}

impl Opening {
    fn take(&mut self, data: &[u8]) {
        for (place, octet) in self.octets.iter_mut().skip(self.length).zip(data) {
            *place = *octet;
            self.length += 1;
        }
    }

    fn first(&self) -> Option<u8> {
        self.octets.first().copied().filter(|_| self.length > 0)
    }

    /// The version in the peer's hello.
    fn version(&self) -> Option<TlsVersion> {
        match self.octets {
            [22, 3, _, _, _, 1 | 2, _, _, _, major, minor] if self.length == self.octets.len() => {
                Some(TlsVersion(u16::from_be_bytes([major, minor])))
            }
            _ => None,
        }
    }
}

/// rustls leaves nothing half done that a panic could show: it has no panics but for bugs.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn drain(connection: &mut Connection, plaintext: &mut BytesMut) {
    let mut reader = connection.reader();
    while let Ok(chunk) = reader.fill_buf() {
        if chunk.is_empty() {
            break;
        }
        plaintext.put_slice(chunk);
        let octets = chunk.len();
        reader.consume(octets);
    }
}

/// `tls-exporter` (RFC 9266). The context is empty and not absent: before TLS 1.3 that makes a difference (RFC 5705
/// section 4).
fn exporter(connection: &Arc<Mutex<Connection>>) -> Exporter {
    let connection = Arc::downgrade(connection);
    Exporter::new(move || {
        let connection = connection.upgrade()?;
        let connection = lock(&connection);
        connection
            .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))
            .ok()
    })
}

impl Engine {
    pub(super) fn new(mut connection: Connection, role: Role, keys_revealed: bool) -> Self {
        // The session above bounds what it writes; rustls' own bound would lose data silently.
        connection.set_buffer_limit(None);
        Engine {
            connection: Arc::new(Mutex::new(connection)),
            role,
            refused: None,
            opening: Opening::default(),
            peer_closed: false,
            closed: false,
            session_taken: false,
            keys_revealed,
            resumable: None,
        }
    }

    fn error(&self, error: ::rustls::Error) -> TlsError {
        match (&error, &self.role) {
            (::rustls::Error::InvalidCertificate(_), Role::Client { check: Some(check), .. }) if check.enforce() => {
                if let Some(rejection) = check.rejection() {
                    return TlsError::CertificateRejected(Box::new(rejection));
                }
            }
            (::rustls::Error::General(_), Role::Server { chooser, .. }) => {
                if let Some(name) = chooser.refused() {
                    return TlsError::UnknownServerName { name };
                }
            }
            _ => {}
        }
        from_rustls(error, self.opening.version())
    }
}

impl TlsEngine for Engine {
    fn read_tls(&mut self, mut ciphertext: &[u8], plaintext: &mut BytesMut) -> Result<(), TlsError> {
        self.opening.take(ciphertext);
        match self.opening.first() {
            // The record types of TLS. Anything else never was TLS (RFC 8446 section 5.1).
            None | Some(20..=23) => {}
            Some(first) => return Err(TlsError::NotTls { first }),
        }
        if let (Role::Server { .. }, Some(version)) = (&self.role, self.opening.version())
            && version < TlsVersion::TLS_1_2
        {
            // rustls would look at extensions first, which such a peer lacks, and name those.
            self.refused = Some(version);
            return Err(TlsError::PeerIncompatible(too_old(version)));
        }
        // An empty read would make rustls believe that the transport ended, for ever.
        let mut connection = lock(&self.connection);
        while !ciphertext.is_empty() && !self.peer_closed {
            connection
                .read_tls(&mut ciphertext)
                .map_err(|error| TlsError::PeerMisbehaved(error.to_string()))?;
            let processed = connection.process_new_packets();
            // Undrained plaintext would stop rustls from reading.
            drain(&mut connection, plaintext);
            self.peer_closed = match processed {
                Ok(state) => state.peer_has_closed(),
                Err(error) => {
                    drop(connection);
                    // RFC 8446 section 6.2.
                    self.allow_resumption(false);
                    return Err(self.error(error));
                }
            };
        }
        Ok(())
    }

    fn write_tls(&mut self, ciphertext: &mut BytesMut) -> Result<(), TlsError> {
        if let Some(TlsVersion(version)) = self.refused.take() {
            let [major, minor] = version.to_be_bytes();
            ciphertext.extend_from_slice(&[ALERT, major, minor, 0, 2, FATAL, PROTOCOL_VERSION]);
            return Ok(());
        }
        let mut connection = lock(&self.connection);
        let mut writer = ciphertext.writer();
        while connection.wants_write() {
            connection
                .write_tls(&mut writer)
                .map_err(|error| TlsError::Misconfigured(format!("writing to memory failed: {error}")))?;
        }
        Ok(())
    }

    fn write(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        // rustls would buffer before the handshake is done, and drop silently after close_notify.
        let mut connection = lock(&self.connection);
        if self.closed || connection.is_handshaking() {
            return Err(TlsError::NotOpen);
        }
        io::Write::write_all(&mut connection.writer(), plaintext)
            .map_err(|error| TlsError::Misconfigured(format!("writing to memory failed: {error}")))
    }

    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            lock(&self.connection).send_close_notify();
        }
    }

    fn state(&self) -> TlsState {
        match (lock(&self.connection).is_handshaking(), self.peer_closed) {
            (true, _) => TlsState::Handshaking,
            (false, false) => TlsState::Open,
            (false, true) => TlsState::PeerClosed,
        }
    }

    fn take_session(&mut self) -> Option<TlsSession> {
        let connection = lock(&self.connection);
        if self.session_taken || connection.is_handshaking() {
            return None;
        }
        let version = match connection.protocol_version()? {
            ProtocolVersion::TLSv1_2 => TlsVersion::TLS_1_2,
            ProtocolVersion::TLSv1_3 => TlsVersion::TLS_1_3,
            other => TlsVersion(u16::from(other)),
        };
        let suite = connection.negotiated_cipher_suite()?.suite();
        let facts = TlsFacts::new(version, CipherSuite(u16::from(suite))).ok()?;
        let mut session = TlsSession::new(
            facts,
            suite.as_str().map_or_else(|| facts.cipher_suite().to_string(), iana),
        );
        session.key_exchange = connection
            .negotiated_key_exchange_group()
            .map(|group| format!("{:?}", group.name()));
        // rustls has no other key exchange than ephemeral Diffie-Hellman, in every suite it speaks.
        session.forward_secret = true;
        session.alpn = connection.alpn_protocol().map(<[u8]>::to_vec);
        session.resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
        session.retried = connection.handshake_kind() == Some(HandshakeKind::FullWithHelloRetryRequest);
        session.keys_revealed = self.keys_revealed;
        session.peer_chain = connection.peer_certificates().unwrap_or_default().to_vec();
        // RFC 9266 section 4.2 wants an extended master secret before TLS 1.3, which rustls does not tell.
        session.exporter = (version == TlsVersion::TLS_1_3).then(|| exporter(&self.connection));
        if let (Role::Server { chooser, .. }, Connection::Server(server)) = (&self.role, &*connection) {
            session.server_name = server.server_name().map(str::to_owned);
            if let Some((domain, served)) = chooser.shown() {
                session.local_domain = Some(domain.clone());
                session.local_certificate = served.leaf.clone();
            }
        }
        if let Role::Client {
            asking,
            presenter,
            server_name,
            ..
        } = &mut self.role
        {
            session.server_name = server_name.take();
            // Nobody signs a handshake that resumes another.
            session.signature_scheme = asking.scheme().filter(|_| !session.resumed);
            if let Some(presenter) = presenter {
                session.local_certificate = presenter.shown().cloned();
                session.certificate_requested = Some(presenter.asked());
            }
        }
        drop(connection);
        if let Role::Client {
            check,
            asking,
            keeper: None,
            ..
        } = &mut self.role
        {
            *check = None;
            asking.forget();
        }
        self.session_taken = true;
        Some(session)
    }

    fn allow_resumption(&mut self, allowed: bool) {
        let allowed = allowed && self.resumable != Some(false);
        self.resumable = Some(allowed);
        if let Role::Server {
            tickets: Some(tickets), ..
        } = &self.role
        {
            tickets.allow(allowed);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Role::Client {
            check: Some(check),
            keeper: Some(keeper),
            ..
        } = &self.role
            && self.resumable == Some(true)
        {
            keeper.keep(check, lock(&self.connection).peer_certificates().unwrap_or_default());
        }
    }
}

/// rustls writes `TLS13_AES_128_GCM_SHA256` where IANA has `TLS_AES_128_GCM_SHA256`.
fn iana(name: &str) -> String {
    name.replacen("TLS13_", "TLS_", 1)
}
