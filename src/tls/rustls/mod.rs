//! TLS 1.2 and 1.3 by [rustls](https://docs.rs/rustls/0.23). The only folder that names it.
//!
//! Provider, trust anchors and keys are arguments; nothing is taken from a process-wide default.
//! There is no early data, and no resumption unless a policy allows it: a resumed session shows an old certificate.

mod certificates;
mod engine;
mod error;
mod key_log;
mod resumption;
mod signed;
mod templates;

pub use certificates::Certificates;

use super::own::Problem;
use super::{ClientHandshake, PeerCheck, ServerHandshake, TlsAcceptor, TlsConnector, TlsEngine, TlsError};
use crate::danger::KeysRevealed;
use crate::policy::MinimumVersion;
use ::rustls::client::{Resumption, Tls12Resumption};
use ::rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use certificates::{Chooser, Current, Presenter};
use engine::{Engine, Role};
use error::from_rustls;
use key_log::Revealing;
use pki_types::{CertificateDer, PrivateKeyDer, ServerName, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use resumption::{Asking, ClientKeeper, ClientSessions, ClientTickets, Resumable, ServerSessions, ServerTickets};
use signed::{Noting, Signed};
use std::sync::{Arc, Mutex, PoisonError};
use templates::{FixedClock, Templates};
use xmpp_identity::rustls::AskingVerifier;
use xmpp_identity::{IdentityError, IdentityVerifier};
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
///
/// Clones share the sessions that may be resumed.
#[derive(Debug, Clone)]
pub struct RustlsConnector {
    provider: Arc<CryptoProvider>,
    templates: Arc<Templates<ClientConfig>>,
    sessions: ClientSessions,
    certificates: Option<Current>,
    key_log: Option<KeysRevealed>,
}

impl RustlsConnector {
    /// With this provider, for example `rustls::crypto::ring::default_provider()`.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        RustlsConnector {
            templates: templates::clients(&provider),
            provider,
            sessions: ClientSessions::default(),
            certificates: None,
            key_log: None,
        }
    }

    /// Shows what `acceptor` shows, now and after each [`reload`](RustlsAcceptor::reload), to servers that ask for a
    /// certificate: a server authenticates to others as it does to its own clients (XEP-0178 section 3). Only
    /// streams of a server are asked for: a client never shows one.
    ///
    /// ```
    /// # fn example(provider: std::sync::Arc<xmpp_tls::tls::rustls::CryptoProvider>,
    /// #     acceptor: &xmpp_tls::tls::rustls::RustlsAcceptor) {
    /// use xmpp_tls::tls::rustls::RustlsConnector;
    ///
    /// let connector = RustlsConnector::new(provider).with_certificates_of(acceptor);
    /// # }
    /// ```
    pub fn with_certificates_of(mut self, acceptor: &RustlsAcceptor) -> Self {
        self.certificates = Some(acceptor.certificates.clone());
        self
    }

    /// Hands out the secrets of every session.
    pub fn with_key_log(mut self, log: KeysRevealed) -> Self {
        self.key_log = Some(log);
        self
    }

    fn verifier(&self, check: &PeerCheck) -> Asking {
        let asked = Arc::new(Mutex::new(Some(check.clone())));
        let slot = asked.clone();
        // The check keeps the verdict, for the session to ask about whatever the TLS library.
        let inner = AskingVerifier::new(&self.provider, move |chain: &[CertificateDer<'_>]| {
            let check = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
            check.map_or(Err(IdentityError::NotChecked), |check| check.judge(chain))
        });
        let signed = Signed::default();
        let verifier = Noting {
            inner,
            signed: signed.clone(),
        };
        Asking {
            check: asked,
            verifier: Arc::new(verifier),
            signed,
        }
    }
}

impl TlsConnector for RustlsConnector {
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError> {
        self.templates.supports(minimum_version)
    }

    fn connect(&self, handshake: ClientHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        let name = match handshake.domain.ip() {
            Some(ip) => ServerName::IpAddress(ip.into()),
            None => ServerName::try_from(handshake.domain.to_ascii().to_owned())
                .map_err(|error| TlsError::Misconfigured(format!("{}: {error}", handshake.domain)))?,
        };
        // No address is an SNI (RFC 6066 section 3).
        let server_name = match &name {
            ServerName::DnsName(name) => Some(name.as_ref().to_owned()),
            _ => None,
        };
        let check = handshake.check;
        let (offered, asking) = match self.sessions.take(&check) {
            Some(Resumable { offered, asking }) => (Some(offered), asking),
            None => (None, self.verifier(&check)),
        };
        let mut config = self.templates.of(handshake.minimum_version)?;
        config.time_provider = Arc::new(FixedClock(check.now()));
        // rustls' word for a verifier of our own; this one always proves possession.
        config.dangerous().set_certificate_verifier(asking.verifier.clone());
        if let Some(log) = &self.key_log {
            config.key_log = Arc::new(Revealing(log.clone()));
        }
        let keeper = check.resumption().is_some().then(|| {
            let tickets = Arc::new(ClientTickets::new(offered));
            config.resumption = Resumption::store(tickets.clone()).tls12_resumption(Tls12Resumption::Disabled);
            ClientKeeper {
                sessions: self.sessions.clone(),
                tickets,
                asking: asking.clone(),
            }
        });
        let presenter = handshake.local_domain.as_ref().and_then(|local| {
            let certificates = self.certificates.as_ref()?.get();
            Some(Arc::new(Presenter::new(certificates.of(local)?.clone())))
        });
        if let Some(presenter) = &presenter {
            config.client_auth_cert_resolver = presenter.clone();
        }
        config.alpn_protocols = handshake.alpn.iter().map(|kind| kind.alpn().to_vec()).collect();
        let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| from_rustls(error, None))?;
        Ok(Box::new(Engine::new(
            connection.into(),
            Role::Client {
                check: Some(check),
                asking,
                keeper,
                presenter,
                server_name,
            },
            self.key_log.is_some(),
        )))
    }
}

/// Starts rustls servers, with a certificate for each domain served.
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
///
/// Clones share their certificates, [`reload`](Self::reload) on one of them is for all, and the sessions that may
/// be resumed.
#[derive(Debug, Clone)]
pub struct RustlsAcceptor {
    provider: Arc<CryptoProvider>,
    templates: Arc<Templates<ServerConfig>>,
    asking: Arc<Templates<ServerConfig>>,
    certificates: Current,
    sessions: ServerSessions,
    key_log: Option<KeysRevealed>,
}

impl RustlsAcceptor {
    /// Serves no domain yet.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        RustlsAcceptor {
            certificates: Current::new(Certificates::new(provider.clone())),
            templates: templates::servers(&provider),
            asking: templates::asking_servers(&provider),
            provider,
            sessions: ServerSessions::default(),
            key_log: None,
        }
    }

    /// Hands out the secrets of every session.
    pub fn with_key_log(mut self, log: KeysRevealed) -> Self {
        self.key_log = Some(log);
        self
    }

    /// Serves `domain` with this chain, leaf first, and the leaf's private key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Misconfigured`] if the key is unusable or not the leaf's.
    pub fn with_certificate(
        self,
        domain: Domain,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let certificates = Certificates::clone(&self.certificates.get()).with(domain, chain, key)?;
        Ok(RustlsAcceptor {
            certificates: Current::new(certificates),
            ..self
        })
    }

    /// The same from PEM texts: `chain` has the leaf first, `key` is PKCS #8, SEC 1 or PKCS #1.
    ///
    /// # Errors
    ///
    /// [`TlsError::Misconfigured`] also if either is no PEM text.
    pub fn with_pem(self, domain: Domain, chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let certificates = Certificates::clone(&self.certificates.get()).with_pem(domain, chain, key)?;
        Ok(RustlsAcceptor {
            certificates: Current::new(certificates),
            ..self
        })
    }

    /// What clients will find wrong with the certificates shown now; see [`own`](crate::tls::own).
    pub fn problems(&self, now: UnixTime) -> Vec<(Domain, Problem)> {
        self.certificates.get().problems(now)
    }

    /// Shows these certificates from now on, on this acceptor and all its clones, and gives back what was
    /// shown until now. It is one step: a connection sees the old ones or the new ones, and those that are
    /// secured already keep theirs. What is wrong with new certificates shows while the [`Certificates`] are
    /// made, so that nothing wrong is ever swapped in.
    ///
    /// ```
    /// # fn example(acceptor: &xmpp_tls::tls::rustls::RustlsAcceptor,
    /// #     provider: std::sync::Arc<xmpp_tls::tls::rustls::CryptoProvider>,
    /// #     chain: Vec<pki_types::CertificateDer<'static>>, key: pki_types::PrivateKeyDer<'static>)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// use xmpp_tls::tls::rustls::Certificates;
    ///
    /// acceptor.reload(Certificates::new(provider).with("example.org".parse()?, chain, key)?);
    /// # Ok(()) }
    /// ```
    pub fn reload(&self, certificates: Certificates) -> Arc<Certificates> {
        self.certificates.replace(certificates)
    }
}

impl TlsAcceptor for RustlsAcceptor {
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError> {
        self.templates.supports(minimum_version)
    }

    fn accept(&self, handshake: ServerHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        let chooser = Arc::new(Chooser::new(self.certificates.get(), handshake.domain));
        let templates = match handshake.ask_certificate {
            true => &self.asking,
            false => &self.templates,
        };
        let mut config = templates.of(handshake.minimum_version)?;
        config.time_provider = Arc::new(FixedClock(handshake.now));
        config.cert_resolver = chooser.clone();
        if let Some(log) = &self.key_log {
            config.key_log = Arc::new(Revealing(log.clone()));
        }
        let tickets = handshake.resumption.map(|scope| {
            let tickets = ServerTickets::new(self.sessions.clone(), chooser.clone(), scope, handshake.now);
            let tickets = Arc::new(tickets);
            config.session_storage = tickets.clone();
            config.send_tls13_tickets = 1;
            tickets
        });
        config.alpn_protocols = vec![handshake.kind.alpn().to_vec()];
        let connection = ServerConnection::new(Arc::new(config)).map_err(|error| from_rustls(error, None))?;
        Ok(Box::new(Engine::new(
            connection.into(),
            Role::Server { chooser, tickets },
            self.key_log.is_some(),
        )))
    }

    fn serves(&self, domain: &Domain) -> bool {
        self.certificates.get().serves(domain)
    }

    fn sole_domain(&self) -> Option<Domain> {
        self.certificates.get().sole().map(|(domain, _)| domain.clone())
    }

    fn fill_random(&self, buffer: &mut [u8]) -> Result<(), TlsError> {
        self.provider
            .secure_random
            .fill(buffer)
            .map_err(|_| TlsError::NoRandomness)
    }
}
