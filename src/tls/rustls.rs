//! TLS 1.2 and 1.3 by [rustls](https://docs.rs/rustls/0.23). The only file that names it.
//!
//! Provider, trust anchors and keys are arguments; nothing is taken from a process-wide default.
//! Resumption, early data and session tickets are off: a resumed session would show an old certificate.

use super::{
    ClientHandshake, PeerCheck, ServerHandshake, TlsAcceptor, TlsConnector, TlsEngine, TlsError, TlsSession, TlsState,
};
use crate::policy::MinimumVersion;
use ::rustls::client::Resumption;
use ::rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use ::rustls::sign::CertifiedKey;
use ::rustls::time_provider::TimeProvider;
use ::rustls::version::{TLS12, TLS13};
use ::rustls::{
    AlertDescription, ClientConfig, ClientConnection, Connection, HandshakeKind, InvalidMessage, ProtocolVersion,
    ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use bytes::{BufMut, BytesMut};
use pki_types::{CertificateDer, PrivateKeyDer, ServerName, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::sync::{Arc, OnceLock};
use xmpp_identity::IdentityVerifier;
use xmpp_identity::rustls::AskingVerifier;
use xmpp_starttls::{CipherSuite, TlsFacts, TlsVersion};
use xmpp_tls_core::Domain;

pub use ::rustls::crypto::CryptoProvider;
#[cfg(feature = "aws-lc-rs")]
pub use ::rustls::crypto::aws_lc_rs;
#[cfg(feature = "ring")]
pub use ::rustls::crypto::ring;

/// The signature algorithms of a provider, for an [`IdentityVerifier`].
pub fn signature_algorithms(provider: &CryptoProvider) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    provider.signature_verification_algorithms.all
}

impl crate::session::ClientConfig {
    /// The default policy over rustls, trusting these anchors (see [`roots`](crate::roots)).
    pub fn rustls(provider: Arc<CryptoProvider>, anchors: Vec<TrustAnchor<'static>>) -> Self {
        let verifier = IdentityVerifier::new(anchors, signature_algorithms(&provider));
        crate::session::ClientConfig::new(RustlsConnector::new(provider), verifier)
    }
}

/// Starts rustls clients.
#[derive(Debug, Clone)]
pub struct RustlsConnector {
    provider: Arc<CryptoProvider>,
}

impl RustlsConnector {
    /// With this provider, for example `rustls::crypto::ring::default_provider()`.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        RustlsConnector { provider }
    }
}

impl TlsConnector for RustlsConnector {
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError> {
        versions(minimum_version).map(drop)
    }

    fn connect(&self, handshake: ClientHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        let name = match handshake.domain.ip() {
            Some(ip) => ServerName::IpAddress(ip.into()),
            None => ServerName::try_from(handshake.domain.to_ascii().to_owned())
                .map_err(|error| TlsError::Misconfigured(format!("{}: {error}", handshake.domain)))?,
        };
        let check = handshake.check;
        // The check keeps the verdict, for the session to ask about whatever the TLS library.
        let asked = check.clone();
        let verifier = AskingVerifier::new(&self.provider, move |chain: &[CertificateDer<'_>]| {
            match asked.verify(chain).check() {
                Err(error) if asked.enforce() => Err(error),
                Ok(_) | Err(_) => Ok(()),
            }
        });
        let clock = Arc::new(FixedClock(check.now()));
        let mut config = ClientConfig::builder_with_details(self.provider.clone(), clock)
            .with_protocol_versions(versions(handshake.minimum_version)?)
            .map_err(|error| TlsError::Misconfigured(error.to_string()))?
            .dangerous() // rustls' word for a verifier of our own; this one always proves possession
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = handshake.alpn.iter().map(|kind| kind.alpn().to_vec()).collect();
        let connection = ClientConnection::new(Arc::new(config), name).map_err(error_from_rustls)?;
        Ok(Box::new(Engine::new(connection.into(), Role::Client { check })))
    }
}

/// Certificates by domain, and the servers that show them.
///
/// ```
/// # fn example(provider: std::sync::Arc<xmpp_tls::tls::rustls::CryptoProvider>,
/// #     chain: Vec<pki_types::CertificateDer<'static>>, key: pki_types::PrivateKeyDer<'static>)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use xmpp_tls::tls::rustls::RustlsAcceptor;
///
/// let acceptor = RustlsAcceptor::new(provider).with_certificate("example.org".parse()?, chain, key)?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RustlsAcceptor {
    provider: Arc<CryptoProvider>,
    certificates: Arc<BTreeMap<Domain, Arc<CertifiedKey>>>,
}

impl RustlsAcceptor {
    /// Serves no domain yet.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        RustlsAcceptor {
            provider,
            certificates: Arc::default(),
        }
    }

    /// Serves `domain` with this chain, leaf first, and the leaf's private key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Misconfigured`] if the key is unusable or not the leaf's.
    pub fn with_certificate(
        mut self,
        domain: Domain,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let certified = CertifiedKey::from_der(chain, key, &self.provider)
            .map_err(|error| TlsError::Misconfigured(format!("certificate or key for {domain}: {error}")))?;
        Arc::make_mut(&mut self.certificates).insert(domain, Arc::new(certified));
        Ok(self)
    }
}

impl TlsAcceptor for RustlsAcceptor {
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError> {
        versions(minimum_version).map(drop)
    }

    fn accept(&self, handshake: ServerHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        let chooser = Arc::new(Chooser {
            certificates: self.certificates.clone(),
            domain: handshake.domain,
            chosen: OnceLock::new(),
            refused: OnceLock::new(),
        });
        let mut config = ServerConfig::builder_with_details(self.provider.clone(), Arc::new(FixedClock(handshake.now)))
            .with_protocol_versions(versions(handshake.minimum_version)?)
            .map_err(|error| TlsError::Misconfigured(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(chooser.clone());
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![handshake.kind.alpn().to_vec()];
        let connection = ServerConnection::new(Arc::new(config)).map_err(error_from_rustls)?;
        Ok(Box::new(Engine::new(connection.into(), Role::Server { chooser })))
    }

    fn serves(&self, domain: &Domain) -> bool {
        self.certificates.contains_key(domain)
    }

    fn sole_domain(&self) -> Option<&Domain> {
        let mut domains = self.certificates.keys();
        domains.next().filter(|_| domains.next().is_none())
    }

    fn fill_random(&self, buffer: &mut [u8]) -> Result<(), TlsError> {
        self.provider
            .secure_random
            .fill(buffer)
            .map_err(|_| TlsError::NoRandomness)
    }
}

fn versions(minimum: MinimumVersion) -> Result<&'static [&'static SupportedProtocolVersion], TlsError> {
    static LATEST: [&SupportedProtocolVersion; 1] = [&TLS13];
    static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    match minimum {
        MinimumVersion::Tls13 => Ok(&LATEST),
        MinimumVersion::Tls12 => Ok(&BOTH),
        MinimumVersion::Old(accepted) => Err(TlsError::UnsupportedByEngine {
            engine: "rustls",
            version: accepted.lowest().version(),
            remedy: "raise the minimum to TLS 1.2, or use the engine of xmpp-tls-legacy",
        }),
    }
}

/// The time the session was given: rustls would read the system clock otherwise.
#[derive(Debug)]
struct FixedClock(UnixTime);

impl TimeProvider for FixedClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// Chooses by the stream's `to` where there was a header before TLS (RFC 6120 section 5.4.3.1, point 4),
/// else by SNI, and remembers what was shown, which rustls does not tell afterwards.
#[derive(Debug)]
struct Chooser {
    certificates: Arc<BTreeMap<Domain, Arc<CertifiedKey>>>,
    domain: Option<Domain>,
    chosen: OnceLock<CertificateDer<'static>>,
    /// The server name for which there is no certificate.
    refused: OnceLock<Option<String>>,
}

impl Chooser {
    fn choose(&self, server_name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        match (&self.domain, server_name) {
            (Some(domain), _) => self.certificates.get(domain),
            (None, Some(name)) => self.certificates.get(&name.parse::<Domain>().ok()?),
            (None, None) => self
                .certificates
                .values()
                .next()
                .filter(|_| self.certificates.len() == 1),
        }
    }
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Called once a connection: neither cell is ever set twice.
        let Some(certified) = self.choose(hello.server_name()) else {
            let _ = self.refused.set(hello.server_name().map(str::to_owned));
            return None;
        };
        if let Some(leaf) = certified.cert.first() {
            let _ = self.chosen.set(leaf.clone());
        }
        Some(certified.clone())
    }
}

#[derive(Debug)]
enum Role {
    Client { check: PeerCheck },
    Server { chooser: Arc<Chooser> },
}

#[derive(Debug)]
struct Engine {
    connection: Connection,
    role: Role,
    seen_input: bool,
    peer_closed: bool,
    closed: bool,
    session_taken: bool,
}

impl Engine {
    fn new(mut connection: Connection, role: Role) -> Self {
        // The session above bounds what it writes; rustls' own bound would lose data silently.
        connection.set_buffer_limit(None);
        Engine {
            connection,
            role,
            seen_input: false,
            peer_closed: false,
            closed: false,
            session_taken: false,
        }
    }

    fn drain(&mut self, plaintext: &mut BytesMut) {
        let mut reader = self.connection.reader();
        while let Ok(chunk) = reader.fill_buf() {
            if chunk.is_empty() {
                break;
            }
            plaintext.put_slice(chunk);
            let octets = chunk.len();
            reader.consume(octets);
        }
    }

    fn error(&self, error: ::rustls::Error) -> TlsError {
        match (&error, &self.role) {
            (::rustls::Error::InvalidCertificate(_), Role::Client { check }) if check.enforce() => {
                if let Some(rejection) = check.rejection() {
                    return TlsError::CertificateRejected(Box::new(rejection));
                }
            }
            (::rustls::Error::General(_), Role::Server { chooser }) => {
                if let Some(name) = chooser.refused.get() {
                    return TlsError::UnknownServerName { name: name.clone() };
                }
            }
            _ => {}
        }
        error_from_rustls(error)
    }
}

impl TlsEngine for Engine {
    fn read_tls(&mut self, mut ciphertext: &[u8], plaintext: &mut BytesMut) -> Result<(), TlsError> {
        if let (false, Some(&first)) = (self.seen_input, ciphertext.first()) {
            // 20..=23: the record types of TLS. Anything else never was TLS (RFC 8446 section 5.1).
            if !(20..=23).contains(&first) {
                return Err(TlsError::NotTls { first });
            }
            self.seen_input = true;
        }
        // An empty read would make rustls believe that the transport ended, for ever.
        while !ciphertext.is_empty() && !self.peer_closed {
            self.connection
                .read_tls(&mut ciphertext)
                .map_err(|error| TlsError::PeerMisbehaved(error.to_string()))?;
            let processed = self.connection.process_new_packets();
            // Undrained plaintext would stop rustls from reading.
            self.drain(plaintext);
            self.peer_closed = processed.map_err(|error| self.error(error))?.peer_has_closed();
        }
        Ok(())
    }

    fn write_tls(&mut self, ciphertext: &mut BytesMut) -> Result<(), TlsError> {
        let mut writer = ciphertext.writer();
        while self.connection.wants_write() {
            self.connection
                .write_tls(&mut writer)
                .map_err(|error| TlsError::Misconfigured(format!("writing to memory failed: {error}")))?;
        }
        Ok(())
    }

    fn write(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        // rustls would buffer before the handshake is done, and drop silently after close_notify.
        if self.closed || self.connection.is_handshaking() {
            return Err(TlsError::NotOpen);
        }
        io::Write::write_all(&mut self.connection.writer(), plaintext)
            .map_err(|error| TlsError::Misconfigured(format!("writing to memory failed: {error}")))
    }

    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.connection.send_close_notify();
        }
    }

    fn state(&self) -> TlsState {
        match (self.connection.is_handshaking(), self.peer_closed) {
            (true, _) => TlsState::Handshaking,
            (false, false) => TlsState::Open,
            (false, true) => TlsState::PeerClosed,
        }
    }

    fn take_session(&mut self) -> Option<TlsSession> {
        if self.session_taken || self.connection.is_handshaking() {
            return None;
        }
        let version = match self.connection.protocol_version()? {
            ProtocolVersion::TLSv1_2 => TlsVersion::TLS_1_2,
            ProtocolVersion::TLSv1_3 => TlsVersion::TLS_1_3,
            other => TlsVersion(u16::from(other)),
        };
        let suite = self.connection.negotiated_cipher_suite()?.suite();
        let facts = TlsFacts::new(version, CipherSuite(u16::from(suite))).ok()?;
        let mut session = TlsSession::new(
            facts,
            suite.as_str().map_or_else(|| facts.cipher_suite().to_string(), iana),
        );
        session.key_exchange = self
            .connection
            .negotiated_key_exchange_group()
            .map(|group| format!("{:?}", group.name()));
        // rustls has no other key exchange than ephemeral Diffie-Hellman, in every suite it speaks.
        session.forward_secret = true;
        session.alpn = self.connection.alpn_protocol().map(<[u8]>::to_vec);
        session.resumed = self.connection.handshake_kind() == Some(HandshakeKind::Resumed);
        session.peer_chain = self.connection.peer_certificates().unwrap_or_default().to_vec();
        if let (Role::Server { chooser }, Connection::Server(server)) = (&self.role, &self.connection) {
            session.server_name = server.server_name().map(str::to_owned);
            session.local_certificate = chooser.chosen.get().cloned();
        }
        self.session_taken = true;
        Some(session)
    }
}

/// rustls writes `TLS13_AES_128_GCM_SHA256` where IANA has `TLS_AES_128_GCM_SHA256`.
fn iana(name: &str) -> String {
    name.replacen("TLS13_", "TLS_", 1)
}

fn error_from_rustls(error: ::rustls::Error) -> TlsError {
    use ::rustls::Error as E;
    match error {
        E::AlertReceived(alert) => TlsError::AlertReceived(alert_name(alert)),
        E::InvalidMessage(InvalidMessage::InvalidContentType) => {
            TlsError::PeerMisbehaved("a record of no known type: the peer does not speak TLS here".to_owned())
        }
        E::PeerIncompatible(reason) => TlsError::PeerIncompatible(format!("{reason:?}")),
        E::NoApplicationProtocol => TlsError::PeerIncompatible("no common ALPN protocol".to_owned()),
        E::General(reason) => TlsError::Misconfigured(reason),
        E::FailedToGetRandomBytes => TlsError::NoRandomness,
        ours @ (E::FailedToGetCurrentTime | E::EncryptError | E::InconsistentKeys(_)) => {
            TlsError::Misconfigured(ours.to_string())
        }
        other => TlsError::PeerMisbehaved(other.to_string()),
    }
}

fn alert_name(alert: AlertDescription) -> String {
    alert.as_str().map_or_else(|| format!("{alert:?}"), str::to_owned)
}
