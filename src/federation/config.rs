use crate::policy::{Policy, ServerAuthentication};
use crate::session::{ClientConfig, ServerConfig};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use xmpp_dialback::{Authoritative, DialbackSecrets, Limits, Settings, StreamNumber};
use xmpp_tls_core::{Domain, Side, StreamKind};

/// Everything the streams of one server to and from other servers have in common; share it by [`Arc`].
///
/// ```
/// # fn example(provider: std::sync::Arc<xmpp_tls::tls::rustls::CryptoProvider>, acceptor: xmpp_tls::tls::rustls::RustlsAcceptor,
/// #     verifier: xmpp_tls::identity::IdentityVerifier, fill: fn(&mut [u8; 32])) {
/// use std::sync::Arc;
/// use xmpp_tls::federation::{DialbackSecret, FederationConfig};
/// use xmpp_tls::session::{ClientConfig, ServerConfig};
/// use xmpp_tls::tls::rustls::RustlsConnector;
///
/// let connector = RustlsConnector::new(provider).with_certificates_of(&acceptor);
/// let client = ClientConfig::new(connector, verifier.clone());
/// let server = ServerConfig::new(acceptor).with_verifier(verifier);
/// // The same secret on every node of a cluster, from a cryptographically secure generator.
/// let secret = DialbackSecret::generate(fill);
/// let config = FederationConfig::new(Arc::new(client), Arc::new(server), secret.into());
/// # }
/// ```
#[derive(Debug)]
pub struct FederationConfig {
    pub(super) client: Arc<ClientConfig>,
    pub(super) server: Arc<ServerConfig>,
    pub(super) bidi: bool,
    limits: Limits,
    authoritative: Mutex<Authoritative>,
    streams: AtomicU64,
}

impl FederationConfig {
    /// `client` is for the streams we open and `server` for those we accept, each with its own policy: by what servers
    /// are authenticated is [`Policy::servers`]. Where the two differ, so does what is demanded of a peer in the two
    /// directions.
    /// Dialback keys are made of `secrets`, so that every node that has them can answer for them (XEP-0185).
    pub fn new(client: Arc<ClientConfig>, server: Arc<ServerConfig>, secrets: DialbackSecrets) -> Self {
        FederationConfig {
            client,
            server,
            bidi: false,
            limits: limits(),
            authoritative: Mutex::new(Authoritative::stateless(secrets)),
            streams: AtomicU64::new(0),
        }
    }

    /// Other keys than those of [`new`](Self::new), for example [`Authoritative::stateful`]: then a key counts only
    /// for a while after it was made here, and no other node can answer for it.
    pub fn with_keys_of(mut self, authoritative: Authoritative) -> Self {
        self.authoritative = Mutex::new(authoritative);
        self
    }

    /// Offers and asks for one stream in both directions (XEP-0288). Off by default.
    pub fn with_bidi(mut self) -> Self {
        self.bidi = true;
        self
    }

    /// How much dialback may go on at a time on one stream, and for how long.
    pub fn with_dialback_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether `domain` is one of ours.
    pub fn serves(&self, domain: &Domain) -> bool {
        self.server.acceptor.serves(domain)
    }

    /// The configuration of the streams that we open.
    pub fn client(&self) -> &Arc<ClientConfig> {
        &self.client
    }

    /// The configuration of the streams that we accept.
    pub fn server(&self) -> &Arc<ServerConfig> {
        &self.server
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn number(&self) -> StreamNumber {
        StreamNumber(self.streams.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn with_keys<T>(&self, work: impl FnOnce(&mut Authoritative) -> T) -> T {
        work(&mut self.authoritative.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What must hold of a server that serves `domain` and connects to us.
    pub(super) fn policy_for(&self, domain: &Domain) -> &Policy {
        self.server
            .overrides
            .find(StreamKind::ServerToServer, Side::Receiving, Some(domain))
            .map_or(&self.server.policy, |policy| policy)
    }

    pub(super) fn dialback(&self, policy: &Policy) -> Settings {
        let settings = Settings::default().with_limits(self.limits);
        match policy.servers {
            ServerAuthentication::Certificate => settings.requiring_certificates(),
            ServerAuthentication::CertificateOrDialback | ServerAuthentication::DialbackOverTls => settings,
            ServerAuthentication::PlaintextDialback(_) => settings.dangerous_allow_clear(),
        }
    }
}

/// Half of what dialback by itself lets wait: each claim can make us connect somewhere.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.pending_claims /= 2;
    limits
}
