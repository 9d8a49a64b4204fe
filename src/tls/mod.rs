//! The seam to a TLS library: bytes in, bytes out, and the facts of the handshake.
//!
//! [`rustls`] is the implementation that comes with this crate. Another one implements
//! [`TlsConnector`], [`TlsAcceptor`] and [`TlsEngine`]; sessions know only these.

mod alert;
mod check;
pub mod own;
mod resumption;
pub mod rustls;

pub use alert::Alert;
pub use check::{KeptIdentity, PeerCheck};
pub use resumption::ResumptionScope;

use crate::policy::{ForwardSecrecy, MinimumVersion};
use bytes::BytesMut;
use pki_types::{CertificateDer, UnixTime};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use xmpp_identity::IdentityError;
use xmpp_starttls::{TlsFacts, TlsVersion};
use xmpp_tls_core::{Domain, StreamKind};

/// One TLS connection in memory.
///
/// After every call that takes input, also one that failed, [`write_tls`](Self::write_tls) must be
/// called: the peer may be owed a handshake message or an alert.
pub trait TlsEngine: Send + fmt::Debug {
    /// Takes all of `ciphertext` and appends what it decrypts to `plaintext`.
    ///
    /// # Errors
    ///
    /// The handshake or a record failed; the connection is over.
    fn read_tls(&mut self, ciphertext: &[u8], plaintext: &mut BytesMut) -> Result<(), TlsError>;

    /// Appends what the peer must be sent.
    ///
    /// # Errors
    ///
    /// The TLS library failed.
    fn write_tls(&mut self, ciphertext: &mut BytesMut) -> Result<(), TlsError>;

    /// Encrypts `plaintext`. Only in [`TlsState::Open`], or [`TlsState::PeerClosed`] for the last words.
    ///
    /// # Errors
    ///
    /// [`TlsError::NotOpen`] before the handshake is done and after [`close`](Self::close).
    fn write(&mut self, plaintext: &[u8]) -> Result<(), TlsError>;

    /// Queues `close_notify`; nothing can be written afterwards.
    fn close(&mut self);

    /// How far it is.
    fn state(&self) -> TlsState;

    /// What the handshake ended in, taken once; `None` in [`TlsState::Handshaking`].
    fn take_session(&mut self) -> Option<TlsSession>;

    /// Whether another connection may resume this session. Not before it is said, and never again once it was
    /// taken back, whatever was kept until then (RFC 6120 section 4.9.3.16). Sessions say so behind the gate and take it
    /// back where [`Resumption`](crate::policy::Resumption) says; a fatal alert is the engine's to act on. Engines that keep nothing have
    /// nothing to do.
    fn allow_resumption(&mut self, allowed: bool);
}

/// How far a [`TlsEngine`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsState {
    /// The handshake is not finished: nothing is proved yet, and nothing may be decrypted. An engine
    /// leaves this state only when the peer has proved possession of its key, if it showed a
    /// certificate; a `close_notify` before that is an error.
    Handshaking,
    /// Both ends proved what they had to and can write.
    Open,
    /// The peer sent `close_notify`.
    PeerClosed,
}

/// What a finished handshake established.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TlsSession {
    /// Version and cipher suite.
    pub facts: TlsFacts,
    /// The suite's IANA name.
    pub cipher_suite: String,
    /// The group or method of key exchange, such as `X25519`; `None` if the library does not tell.
    pub key_exchange: Option<String>,
    /// Whether a later theft of the long-term key leaves this session secret.
    pub forward_secret: bool,
    /// The ALPN protocol (RFC 7301) both agreed on.
    pub alpn: Option<Vec<u8>>,
    /// Whether an earlier session was resumed: then no certificate was shown this time.
    pub resumed: bool,
    /// Whether the secrets of the session were handed out, through
    /// [`danger::KeysRevealed`](crate::danger::KeysRevealed).
    pub keys_revealed: bool,
    /// Whether the handshake took another round trip, because the server did not like the client's first key share
    /// (HelloRetryRequest, RFC 8446 section 4.1.4).
    pub retried: bool,
    /// The server name (SNI) that the client asked for: what it sent, or what came.
    pub server_name: Option<String>,
    /// What the peer signed the handshake with, by its IANA name (`ecdsa_secp256r1_sha256`); `None` if it signed nothing,
    /// or the library does not tell.
    pub signature_scheme: Option<Cow<'static, str>>,
    /// Whether the server asked for a certificate of ours; `None` if the library does not tell.
    pub certificate_requested: Option<bool>,
    /// What the peer showed, leaf first.
    pub peer_chain: Vec<CertificateDer<'static>>,
    /// The 32 octets of `tls-exporter` (RFC 9266 section 2): label `EXPORTER-Channel-Binding`, an empty context.
    /// Before TLS 1.3 only with an extended master secret; `None` where it is not defined or not told.
    pub exporter: Option<Exporter>,
    /// The first Finished of the handshake (RFC 5929 section 3); never on TLS 1.3.
    pub unique: Option<Vec<u8>>,
    /// The domain of ours whose certificate we showed; the stream must be for the same.
    pub local_domain: Option<Domain>,
    /// What we showed.
    pub local_certificate: Option<Arc<CertificateDer<'static>>>,
}

/// Keying material of a connection (RFC 5705, RFC 8446 section 7.5), computed when somebody asks for it: few logins are
/// bound to it, and it costs more than all else that a session does behind a handshake.
#[derive(Clone)]
pub struct Exporter(Arc<dyn Fn() -> Option<[u8; 32]> + Send + Sync>);

impl Exporter {
    /// Computed by this function, as long as the connection is there. It is asked at most once for a report, and must
    /// not hold the connection: reports outlive it.
    pub fn new(compute: impl Fn() -> Option<[u8; 32]> + Send + Sync + 'static) -> Self {
        Exporter(Arc::new(compute))
    }

    pub(crate) fn compute(&self) -> Option<[u8; 32]> {
        (self.0)()
    }
}

/// What was computed already.
impl From<[u8; 32]> for Exporter {
    fn from(material: [u8; 32]) -> Self {
        Exporter::new(move || Some(material))
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

impl TlsSession {
    /// A session with these facts; everything else is unknown until its field is set.
    pub fn new(facts: TlsFacts, cipher_suite: impl Into<String>) -> Self {
        TlsSession {
            facts,
            cipher_suite: cipher_suite.into(),
            key_exchange: None,
            forward_secret: false,
            alpn: None,
            resumed: false,
            keys_revealed: false,
            retried: false,
            server_name: None,
            signature_scheme: None,
            certificate_requested: None,
            peer_chain: Vec::new(),
            exporter: None,
            unique: None,
            local_domain: None,
            local_certificate: None,
        }
    }
}

/// Starts TLS as a client.
pub trait TlsConnector: Send + Sync + fmt::Debug {
    /// Whether the library speaks what a policy asks for. Sessions ask before they say anything.
    ///
    /// # Errors
    ///
    /// [`TlsError::UnsupportedByEngine`] if it does not.
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError>;

    /// A new engine, its ClientHello ready to be written.
    ///
    /// # Errors
    ///
    /// The library cannot do what is asked of it.
    fn connect(&self, handshake: ClientHandshake) -> Result<Box<dyn TlsEngine>, TlsError>;
}

/// What a TLS client is to do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientHandshake {
    /// The domain we want to reach: the SNI, in A-label form (XEP-0368, RFC 7590 section 3.5).
    pub domain: Domain,
    /// Whose certificate we show if the server asks for one: our own, where we are a server ourselves (XEP-0178
    /// section 3). Without one for this domain, none is shown.
    pub local_domain: Option<Domain>,
    /// Offered by ALPN; direct TLS offers the stream kind's identifier, STARTTLS nothing.
    pub alpn: Option<StreamKind>,
    /// The lowest version to negotiate.
    pub minimum_version: MinimumVersion,
    /// Whether only key exchanges with forward secrecy may be offered.
    pub forward_secrecy: ForwardSecrecy,
    /// Ask this about the server's certificate.
    pub check: PeerCheck,
}

impl ClientHandshake {
    /// A handshake for a stream to `domain`, by STARTTLS and under the default policy.
    pub fn new(domain: Domain, check: PeerCheck) -> Self {
        ClientHandshake {
            domain,
            local_domain: None,
            alpn: None,
            minimum_version: MinimumVersion::default(),
            forward_secrecy: ForwardSecrecy::default(),
            check,
        }
    }
}

/// Starts TLS as a server.
pub trait TlsAcceptor: Send + Sync + fmt::Debug {
    /// Whether the library speaks what a policy asks for. Sessions ask before they say anything.
    ///
    /// # Errors
    ///
    /// [`TlsError::UnsupportedByEngine`] if it does not.
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError>;

    /// A new engine that waits for a ClientHello.
    ///
    /// # Errors
    ///
    /// The library cannot do what is asked of it.
    fn accept(&self, handshake: ServerHandshake) -> Result<Box<dyn TlsEngine>, TlsError>;

    /// Whether there is a certificate for `domain`.
    fn serves(&self, domain: &Domain) -> bool;

    /// The only domain served, if it is the only one: what a peer means that names none.
    fn sole_domain(&self) -> Option<Domain>;

    /// Fills `buffer` from a cryptographically secure generator; stream ids come from it.
    ///
    /// # Errors
    ///
    /// [`TlsError::NoRandomness`] if the generator failed.
    fn fill_random(&self, buffer: &mut [u8]) -> Result<(), TlsError>;
}

/// What a TLS server is to do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerHandshake {
    /// The domain the stream was opened to; direct TLS learns it by SNI.
    pub domain: Option<Domain>,
    /// Which ALPN identifier is ours.
    pub kind: StreamKind,
    /// Whether the peer is asked for a certificate. Any that it holds the key of will do here, and none as well: what
    /// it is worth is not known before the peer has said who it is.
    pub ask_certificate: bool,
    /// The lowest version to negotiate.
    pub minimum_version: MinimumVersion,
    /// Whether only key exchanges with forward secrecy may be accepted.
    pub forward_secrecy: ForwardSecrecy,
    /// What the session is bound to, and until when ([`ResumptionScope::until`]); `None`: it must be a full handshake, of
    /// which nothing is kept.
    pub resumption: Option<ResumptionScope>,
    /// The wall clock.
    pub now: UnixTime,
}

impl ServerHandshake {
    /// A handshake for whichever of our domains the client means, at the time `now` and under the default policy.
    pub fn new(kind: StreamKind, now: UnixTime) -> Self {
        ServerHandshake {
            domain: None,
            kind,
            ask_certificate: false,
            minimum_version: MinimumVersion::default(),
            forward_secrecy: ForwardSecrecy::default(),
            resumption: None,
            now,
        }
    }
}

/// Why TLS failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The server's certificate is not good for the domain; the handshake was ended with an alert.
    #[error(transparent)]
    CertificateRejected(#[from] Box<IdentityError>),
    /// The peer sent an alert (RFC 8446 section 6).
    #[error("the peer ended TLS with the alert {0}{hint}", hint = .0.hint())]
    AlertReceived(Alert),
    /// The peer cannot do what we require.
    #[error("the peer's TLS does not fit ours: {0}")]
    PeerIncompatible(String),
    /// The peer, or somebody between, broke the TLS protocol.
    #[error("TLS failed: {0}")]
    PeerMisbehaved(String),
    /// The peer does not speak TLS where it must begin.
    #[error("what came is not TLS (first octet {first:#04x}){}", hint(*.first))]
    NotTls {
        /// The first octet that came.
        first: u8,
    },
    /// The transport ended in the middle of the handshake.
    #[error(
        "the connection ended in the middle of the handshake: {}",
        if *direct { "perhaps this port wants STARTTLS, or the peer refuses our TLS without saying why" } else { "the peer may refuse our TLS without saying why" }
    )]
    HandshakeCutOff {
        /// Whether it was direct TLS.
        direct: bool,
    },
    /// A client asked for a server name that we have no certificate for (RFC 6066 section 3).
    #[error("a client asked for {}, for which there is no certificate here", name.as_deref().unwrap_or("no server name"))]
    UnknownServerName {
        /// What it asked for by SNI; `None`: nothing, and more than one domain is served.
        name: Option<String>,
    },
    /// An engine decrypted something before the handshake was done: early data, which could be a
    /// replay (RFC 8446 section 8).
    #[error("data came before the handshake was done")]
    EarlyData,
    /// Nothing can be written now.
    #[error("the TLS session is not open")]
    NotOpen,
    /// The session protects nothing.
    #[error(transparent)]
    NotEncrypted(#[from] xmpp_starttls::NotEncrypted),
    /// The policy names a version that this engine does not speak.
    #[error("{engine} does not speak {version}, which the policy asks for: {remedy}")]
    UnsupportedByEngine {
        /// Which engine.
        engine: &'static str,
        /// The version asked for.
        version: TlsVersion,
        /// What to do.
        remedy: &'static str,
    },
    /// Our own configuration cannot work.
    #[error("TLS is misconfigured: {0}")]
    Misconfigured(String),
    /// The random generator failed.
    #[error("the random generator failed")]
    NoRandomness,
}

fn hint(first: u8) -> &'static str {
    match first {
        b'<' => {
            ": it looks like XML or HTML, so this port wants STARTTLS or is no XMPP port, or clear text was injected"
        }
        128.. => ": it may be the hello of SSL 2.0, which RFC 6176 forbids",
        b'H' => ": it looks like HTTP, so a web server or a proxy answers on this port",
        _ => "",
    }
}
