//! Which certificate a server shows.

use crate::tls::TlsError;
use ::rustls::crypto::CryptoProvider;
use ::rustls::server::{ClientHello, ResolvesServerCert};
use ::rustls::sign::CertifiedKey;
use pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use xmpp_tls_core::Domain;

/// Certificates with their keys, by domain: what a server shows from one moment on.
#[derive(Debug, Clone)]
pub struct Certificates {
    provider: Arc<CryptoProvider>,
    by_domain: BTreeMap<Domain, Arc<CertifiedKey>>,
}

impl Certificates {
    /// None yet.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        Certificates {
            provider,
            by_domain: BTreeMap::new(),
        }
    }

    /// Serves `domain` with this chain, leaf first, and the leaf's private key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Misconfigured`] if the key is unusable or not the leaf's.
    pub fn with(
        mut self,
        domain: Domain,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let certified = CertifiedKey::from_der(chain, key, &self.provider)
            .map_err(|error| TlsError::Misconfigured(format!("certificate or key for {domain}: {error}")))?;
        self.by_domain.insert(domain, Arc::new(certified));
        Ok(self)
    }

    /// The domains there are certificates for.
    pub fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.by_domain.keys()
    }

    pub(super) fn serves(&self, domain: &Domain) -> bool {
        self.by_domain.contains_key(domain)
    }

    pub(super) fn sole(&self) -> Option<(&Domain, &Arc<CertifiedKey>)> {
        let mut entries = self.by_domain.iter();
        entries.next().filter(|_| entries.next().is_none())
    }
}

/// What all clones of an acceptor share: each connection takes one whole set, and never a mix of two.
#[derive(Debug, Clone)]
pub(super) struct Current(Arc<RwLock<Arc<Certificates>>>);

impl Current {
    pub(super) fn new(certificates: Certificates) -> Self {
        Current(Arc::new(RwLock::new(Arc::new(certificates))))
    }

    /// A writer that panicked has replaced the whole set or nothing of it.
    pub(super) fn get(&self) -> Arc<Certificates> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, certificates: Certificates) -> Arc<Certificates> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, Arc::new(certificates))
    }
}

/// Chooses by SNI, and where there is none, or one that means nothing here, by the stream's `to` (RFC 6120
/// section 5.4.3.1, point 4). It remembers what was shown, which rustls does not tell afterwards.
#[derive(Debug)]
pub(super) struct Chooser {
    certificates: Arc<Certificates>,
    /// What the stream's `to` said, before STARTTLS.
    domain: Option<Domain>,
    chosen: OnceLock<CertificateDer<'static>>,
    /// The server name for which there is no certificate.
    refused: OnceLock<Option<String>>,
}

impl Chooser {
    pub(super) fn new(certificates: Arc<Certificates>, domain: Option<Domain>) -> Self {
        Chooser {
            certificates,
            domain,
            chosen: OnceLock::new(),
            refused: OnceLock::new(),
        }
    }

    pub(super) fn shown(&self) -> Option<CertificateDer<'static>> {
        self.chosen.get().cloned()
    }

    /// The server name that a client was refused for.
    pub(super) fn refused(&self) -> Option<Option<String>> {
        self.refused.get().cloned()
    }

    fn choose(&self, server_name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        let of = |domain: &Domain| self.certificates.by_domain.get(domain);
        let named = server_name.and_then(|name| of(&name.parse().ok()?));
        named.or_else(|| match (&self.domain, server_name) {
            (Some(domain), _) => of(domain),
            // Direct TLS: RFC 9325 section 3.7 wants a name that means nothing here refused.
            (None, Some(_)) => None,
            (None, None) => self.certificates.sole().map(|(_, certified)| certified),
        })
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
