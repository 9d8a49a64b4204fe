use crate::engine::{Engine, Role};
use crate::probe::Probe;
use crate::router::Router;
use crate::{context, error};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{AlpnError, NameType, SniError, Ssl, SslAlert, SslRef};
use openssl::x509::X509;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use xmpp_tls::danger::OldVersion;
use xmpp_tls::pki_types::{CertificateDer, PrivateKeyDer};
use xmpp_tls::policy::MinimumVersion;
use xmpp_tls::tls::{ServerHandshake, TlsAcceptor, TlsEngine, TlsError};
use xmpp_tls::{Domain, StreamKind};

/// Serves old peers by OpenSSL where the policy names a version below TLS 1.2 ([`MinimumVersion::Old`]), and leaves
/// everybody else to the acceptor it wraps.
///
/// Which domains are served is up to the wrapped acceptor. Old peers need a certificate here as well, and many of them
/// one with an RSA key, while new ones may go on with ECDSA:
///
/// ```
/// # fn example(provider: std::sync::Arc<xmpp_tls::tls::rustls::CryptoProvider>,
/// #     modern: (Vec<xmpp_tls::pki_types::CertificateDer<'static>>, xmpp_tls::pki_types::PrivateKeyDer<'static>),
/// #     rsa: (Vec<xmpp_tls::pki_types::CertificateDer<'static>>, xmpp_tls::pki_types::PrivateKeyDer<'static>))
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use xmpp_tls::tls::rustls::RustlsAcceptor;
/// use xmpp_tls_legacy::LegacyAcceptor;
///
/// let inner = RustlsAcceptor::new(provider).with_certificate("example.org".parse()?, modern.0, modern.1)?;
/// let acceptor = LegacyAcceptor::new(inner).with_certificate("example.org".parse()?, rsa.0, rsa.1)?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct LegacyAcceptor {
    inner: Arc<dyn TlsAcceptor>,
    old: Arc<OldSide>,
}

/// What old peers are served with.
#[derive(Debug, Clone, Default)]
pub(crate) struct OldSide {
    certificates: BTreeMap<Domain, Certified>,
    probe: Arc<Probe>,
}

#[derive(Clone)]
struct Certified {
    leaf: X509,
    rest: Vec<X509>,
    key: PKey<Private>,
}

impl fmt::Debug for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certified")
            .field("subject", &self.leaf.subject_name())
            .finish_non_exhaustive()
    }
}

impl LegacyAcceptor {
    /// Around the acceptor for everybody but old peers, such as
    /// [`RustlsAcceptor`](xmpp_tls::tls::rustls::RustlsAcceptor).
    pub fn new(inner: impl TlsAcceptor + 'static) -> Self {
        LegacyAcceptor {
            inner: Arc::new(inner),
            old: Arc::default(),
        }
    }

    /// Shows old peers that ask for `domain` this chain, leaf first, and proves possession by the leaf's private key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Misconfigured`] if OpenSSL cannot read them, or the key is not the leaf's.
    pub fn with_certificate(
        mut self,
        domain: Domain,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let unusable = |what: String| TlsError::Misconfigured(format!("certificate or key for {domain}: {what}"));
        let mut chain = chain
            .iter()
            .map(|certificate| X509::from_der(certificate))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|stack| unusable(stack.to_string()))?;
        if chain.is_empty() {
            return Err(unusable("no certificate".to_owned()));
        }
        let leaf = chain.remove(0);
        let key = PKey::private_key_from_der(key.secret_der()).map_err(|stack| unusable(stack.to_string()))?;
        let fits = leaf
            .public_key()
            .map_err(|stack| unusable(stack.to_string()))?
            .public_eq(&key);
        if !fits {
            return Err(unusable("the key is not the one of the certificate".to_owned()));
        }
        let certified = Certified { leaf, rest: chain, key };
        Arc::make_mut(&mut self.old).certificates.insert(domain, certified);
        Ok(self)
    }
}

impl TlsAcceptor for LegacyAcceptor {
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError> {
        match minimum_version {
            MinimumVersion::Old(accepted) => {
                self.old.probe.supports(accepted.lowest())?;
                self.inner.supports(MinimumVersion::Tls12)
            }
            newer => self.inner.supports(newer),
        }
    }

    fn accept(&self, handshake: ServerHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        let MinimumVersion::Old(accepted) = handshake.minimum_version else {
            return self.inner.accept(handshake);
        };
        self.old.probe.supports(accepted.lowest())?;
        Ok(Box::new(Router::new(
            self.inner.clone(),
            self.old.clone(),
            handshake,
            accepted.lowest(),
        )))
    }

    fn serves(&self, domain: &Domain) -> bool {
        self.inner.serves(domain)
    }

    fn sole_domain(&self) -> Option<Domain> {
        self.inner.sole_domain()
    }

    fn fill_random(&self, buffer: &mut [u8]) -> Result<(), TlsError> {
        self.inner.fill_random(buffer)
    }
}

impl OldSide {
    /// An OpenSSL server for one old peer.
    pub(crate) fn accept(
        self: &Arc<Self>,
        handshake: ServerHandshake,
        lowest: OldVersion,
    ) -> Result<Box<dyn TlsEngine>, TlsError> {
        let (ssl, role) = self
            .server(handshake, lowest)
            .map_err(|stack| error::of_setup(&stack))?;
        Ok(Box::new(Engine::start(ssl, role, lowest)?))
    }

    fn server(self: &Arc<Self>, handshake: ServerHandshake, lowest: OldVersion) -> Result<(Ssl, Role), ErrorStack> {
        let mut context = context::builder(lowest, handshake.forward_secrecy)?;
        let dh = context::diffie_hellman()?;
        context.set_tmp_dh(&dh)?;
        let kind = handshake.kind;
        context.set_alpn_select_callback(move |_, offered| ours(kind, offered).ok_or(AlpnError::ALERT_FATAL));
        let choice = Arc::new(Choice {
            old: self.clone(),
            domain: handshake.domain,
            server_name: OnceLock::new(),
            found: OnceLock::new(),
        });
        let asked = choice.clone();
        // OpenSSL calls it for every hello, with a server name in it or without.
        context.set_servername_callback(move |ssl, alert| asked.choose(ssl, alert));
        let mut ssl = Ssl::new(&context.build())?;
        ssl.set_accept_state();
        Ok((ssl, Role::Server { choice }))
    }
}

/// Our protocol among those offered, each of which has its length in front (RFC 7301 section 3.1).
fn ours(kind: StreamKind, mut offered: &[u8]) -> Option<&[u8]> {
    while let Some((&length, rest)) = offered.split_first() {
        let (protocol, others) = rest.split_at_checked(length.into())?;
        if protocol == kind.alpn() {
            return Some(protocol);
        }
        offered = others;
    }
    None
}

/// Chooses by the stream's `to` where there was a header before TLS (RFC 6120 section 5.4.3.1, point 4), else by SNI.
#[derive(Debug)]
pub(crate) struct Choice {
    old: Arc<OldSide>,
    domain: Option<Domain>,
    /// What the client asked for.
    server_name: OnceLock<String>,
    /// Whether there was a certificate.
    found: OnceLock<bool>,
}

impl Choice {
    fn choose(&self, ssl: &mut SslRef, alert: &mut SslAlert) -> Result<(), SniError> {
        // One that is no text is a name all the same, and nobody's here.
        let name = ssl
            .servername_raw(NameType::HOST_NAME)
            .map(|name| String::from_utf8_lossy(name).into_owned());
        let certified = self.certified(name.as_deref());
        // Called once a connection: neither cell is ever set twice.
        let _ = self.found.set(certified.is_some());
        if let Some(name) = name {
            let _ = self.server_name.set(name);
        }
        let shown = certified.map(|certified| certified.show(ssl));
        match shown {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => {
                *alert = SslAlert::INTERNAL_ERROR;
                Err(SniError::ALERT_FATAL)
            }
            None => {
                *alert = SslAlert::UNRECOGNIZED_NAME;
                Err(SniError::ALERT_FATAL)
            }
        }
    }

    fn certified(&self, server_name: Option<&str>) -> Option<&Certified> {
        let certificates = &self.old.certificates;
        match (&self.domain, server_name) {
            (Some(domain), _) => certificates.get(domain),
            (None, Some(name)) => certificates.get(&name.parse::<Domain>().ok()?),
            (None, None) => certificates.values().next().filter(|_| certificates.len() == 1),
        }
    }

    pub(crate) fn server_name(&self) -> Option<String> {
        self.server_name.get().cloned()
    }

    /// Why the handshake could not go on, if it was for the lack of a certificate.
    pub(crate) fn refusal(&self) -> Option<TlsError> {
        if *self.found.get()? {
            return None;
        }
        Some(match &self.domain {
            // The domain is served, or the stream would not have come this far.
            Some(domain) => TlsError::Misconfigured(format!(
                "an old client came for {domain}, and LegacyAcceptor has no certificate for it"
            )),
            None => TlsError::UnknownServerName {
                name: self.server_name(),
            },
        })
    }
}

impl Certified {
    fn show(&self, ssl: &mut SslRef) -> Result<(), ErrorStack> {
        ssl.set_certificate(&self.leaf)?;
        ssl.set_private_key(&self.key)?;
        for certificate in &self.rest {
            ssl.add_chain_cert(certificate.clone())?;
        }
        Ok(())
    }
}
