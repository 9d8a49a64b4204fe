//! Which certificate a server shows.

use crate::tls::TlsError;
use crate::tls::own::{self, Problem};
use ::rustls::Error;
use ::rustls::SignatureScheme;
use ::rustls::client::ResolvesClientCert;
use ::rustls::crypto::CryptoProvider;
use ::rustls::server::{ClientHello, ResolvesServerCert};
use ::rustls::sign::CertifiedKey;
use pki_types::pem::{self, PemObject};
use pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use xmpp_tls_core::Domain;

/// Certificates with their keys, by domain: what a server shows from one moment on.
#[derive(Debug, Clone)]
pub struct Certificates {
    provider: Arc<CryptoProvider>,
    by_domain: BTreeMap<Domain, Served>,
}

/// What is shown for one domain.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) certified: Arc<CertifiedKey>,
    /// Its first certificate, to be held by every connection that showed it.
    pub(super) leaf: Option<Arc<CertificateDer<'static>>>,
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
        let wrong = |what: &str| TlsError::Misconfigured(format!("certificate or key for {domain}: {what}"));
        if chain.is_empty() {
            return Err(wrong("there is no certificate (if it came from a file: is that PEM?)"));
        }
        let certified = CertifiedKey::from_der(chain, key, &self.provider).map_err(|error| match error {
            Error::InconsistentKeys(_) => wrong("the key is not the one of the first certificate"),
            Error::InvalidCertificate(problem) => wrong(&format!(
                "the first certificate cannot be used ({problem:?}); it must be of X.509 version 3"
            )),
            other => wrong(&other.to_string()),
        })?;
        let leaf = certified.cert.first().cloned().map(Arc::new);
        let certified = Arc::new(certified);
        self.by_domain.insert(domain, Served { certified, leaf });
        Ok(self)
    }

    /// The same from PEM texts: `chain` has the leaf first, `key` is PKCS #8, SEC 1 or PKCS #1.
    ///
    /// # Errors
    ///
    /// [`TlsError::Misconfigured`] also if either is no PEM text.
    pub fn with_pem(self, domain: Domain, chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let wrong = |what: &str, error: pem::Error| {
            TlsError::Misconfigured(format!("{what} for {domain}: {error} (PEM is needed)"))
        };
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| wrong("certificate chain", error))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong("private key", error))?;
        self.with(domain, chain, key)
    }

    /// The domains there are certificates for.
    pub fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.by_domain.keys()
    }

    /// What clients will find wrong with them; see [`own`](crate::tls::own).
    pub fn problems(&self, now: UnixTime) -> Vec<(Domain, Problem)> {
        let checked = self.by_domain.iter().flat_map(|(domain, served)| {
            let problems = own::check(domain, &served.certified.cert, now);
            problems.into_iter().map(|problem| (domain.clone(), problem))
        });
        checked.collect()
    }

    pub(super) fn serves(&self, domain: &Domain) -> bool {
        self.by_domain.contains_key(domain)
    }

    pub(super) fn of(&self, domain: &Domain) -> Option<&Served> {
        self.by_domain.get(domain)
    }

    pub(super) fn sole(&self) -> Option<(&Domain, &Served)> {
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
    chosen: OnceLock<(Domain, Served)>,
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

    /// The domain whose certificate was shown, and the certificate with its key.
    pub(super) fn shown(&self) -> Option<&(Domain, Served)> {
        self.chosen.get()
    }

    /// The server name that a client was refused for.
    pub(super) fn refused(&self) -> Option<Option<String>> {
        self.refused.get().cloned()
    }

    fn choose(&self, server_name: Option<&str>) -> Option<(&Domain, &Served)> {
        let of = |domain: &Domain| self.certificates.by_domain.get_key_value(domain);
        let named = server_name.and_then(|name| of(&name.parse().ok()?));
        named.or_else(|| match (&self.domain, server_name) {
            (Some(domain), _) => of(domain),
            // Direct TLS: RFC 9325 section 3.7 wants a name that means nothing here refused.
            (None, Some(_)) => None,
            (None, None) => self.certificates.sole(),
        })
    }
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Called once a connection: neither cell is ever set twice.
        let Some((domain, served)) = self.choose(hello.server_name()) else {
            let _ = self.refused.set(hello.server_name().map(str::to_owned));
            return None;
        };
        let _ = self.chosen.set((domain.clone(), served.clone()));
        Some(served.certified.clone())
    }
}

/// What we show as a client, to a server that asks. It remembers whether it was shown, which rustls does not tell.
#[derive(Debug)]
pub(super) struct Presenter {
    served: Served,
    asked: AtomicBool,
    shows: AtomicBool,
}

impl Presenter {
    pub(super) fn new(served: Served) -> Self {
        Presenter {
            served,
            asked: AtomicBool::new(false),
            shows: AtomicBool::new(false),
        }
    }

    /// Whether the server wanted a certificate.
    pub(super) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The certificate, if the server wanted one that it can check.
    pub(super) fn shown(&self) -> Option<&Arc<CertificateDer<'static>>> {
        self.served.leaf.as_ref().filter(|_| self.shows.load(Ordering::Relaxed))
    }
}

impl ResolvesClientCert for Presenter {
    fn resolve(&self, _authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.served.certified.key.choose_scheme(schemes)?;
        self.shows.store(true, Ordering::Relaxed);
        Some(self.served.certified.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
