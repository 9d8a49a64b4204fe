use super::Target;
use crate::policy::{Overrides, Policy};
use crate::tls::{TlsAcceptor, TlsConnector};
use std::sync::Arc;
use xmpp_identity::IdentityVerifier;
use xmpp_stream::{Features, FeaturesBuilder};
use xmpp_tls_core::Side;

/// How a connection gets its TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// A stream header in clear, then STARTTLS (RFC 6120 section 5).
    #[default]
    StartTls,
    /// TLS from the first octet, with ALPN (XEP-0368).
    DirectTls,
}

/// Everything the initiating side of connections has in common; share it by [`Arc`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// What must hold.
    pub policy: Policy,
    /// What must hold instead for some connections.
    pub overrides: Overrides,
    /// The TLS library.
    pub connector: Arc<dyn TlsConnector>,
    /// Trust anchors and signature algorithms.
    pub verifier: IdentityVerifier,
    /// The `xml:lang` of our headers (RFC 6120 section 4.7.4).
    pub language: String,
}

impl ClientConfig {
    /// The default [`Policy`] over any TLS library. For rustls there is
    /// [`ClientConfig::rustls`](crate::session::ClientConfig::rustls).
    pub fn new(connector: impl TlsConnector + 'static, verifier: IdentityVerifier) -> Self {
        ClientConfig {
            policy: Policy::default(),
            overrides: Overrides::new(),
            connector: Arc::new(connector),
            verifier,
            language: "en".to_owned(),
        }
    }

    /// Another policy.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Other policies for some connections.
    pub fn with_overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// The policy for connections to `target`.
    pub fn policy_for(&self, target: &Target) -> &Policy {
        self.overrides
            .find(target.kind(), Side::Initiating, Some(target.domain()))
            .map_or(&self.policy, |policy| policy)
    }
}

/// Everything the receiving side of connections has in common; share it by [`Arc`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// What must hold.
    pub policy: Policy,
    /// What must hold instead for some connections.
    pub overrides: Overrides,
    /// The TLS library, with the certificates of the domains served.
    pub acceptor: Arc<dyn TlsAcceptor>,
    /// What other servers' certificates are judged by ([`Session::peer_server`](crate::session::Session::peer_server));
    /// clients' are not asked for.
    pub verifier: Option<IdentityVerifier>,
    /// The languages we speak, the default first (RFC 6120 section 4.7.4).
    pub languages: Vec<String>,
    /// What is offered beside STARTTLS to peers that do without, under
    /// [`EncryptionPolicy::Opportunistic`](crate::policy::EncryptionPolicy::Opportunistic) only.
    pub plaintext_features: FeaturesBuilder,
}

impl ServerConfig {
    /// Judges other servers by `verifier`, which streams from other servers need.
    pub fn with_verifier(mut self, verifier: IdentityVerifier) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// The default [`Policy`] for the domains that `acceptor` has certificates for.
    pub fn new(acceptor: impl TlsAcceptor + 'static) -> Self {
        ServerConfig {
            policy: Policy::default(),
            overrides: Overrides::new(),
            acceptor: Arc::new(acceptor),
            verifier: None,
            languages: vec!["en".to_owned()],
            plaintext_features: Features::builder(),
        }
    }

    /// Another policy.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Other policies for some connections.
    pub fn with_overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }
}
