use crate::certificate::Certificate;
use crate::certificate::text::hex;
use crate::error::CertificateError;
use crate::trust::{TrustAnswer, TrustQuestion, TrustSource};
use pki_types::{CertificateDer, TrustAnchor};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use xmpp_tls_core::Domain;

/// What a pinned certificate is recognised by. All kinds of keys are pinned the same way: what is
/// hashed is DER, and nothing in it is interpreted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pin {
    /// SHA-256 of the SubjectPublicKeyInfo: survives a renewal with the same key.
    Key([u8; 32]),
    /// SHA-256 of the certificate: exactly this one.
    Certificate([u8; 32]),
}

impl Pin {
    /// Pins the key of a certificate.
    ///
    /// # Errors
    /// If the bytes are no certificate.
    pub fn key_of(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        Certificate::parse(certificate).map(|certificate| Pin::of_spki(certificate.spki_der))
    }

    /// Pins a certificate.
    pub fn certificate(certificate: &CertificateDer<'_>) -> Self {
        Pin::Certificate(Sha256::digest(certificate).into())
    }

    fn of_spki(spki: &[u8]) -> Self {
        Pin::Key(Sha256::digest(spki).into())
    }

    /// The hash in hexadecimal.
    pub fn hex(&self) -> String {
        match self {
            Pin::Key(hash) | Pin::Certificate(hash) => hex(hash),
        }
    }

    fn is_of(&self, certificate: &CertificateDer<'_>) -> bool {
        match self {
            Pin::Key(_) => Pin::key_of(certificate).is_ok_and(|pin| pin == *self),
            Pin::Certificate(_) => Pin::certificate(certificate) == *self,
        }
    }
}

/// `key sha256:8b5a…` or `certificate sha256:9dcd…`.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pin::Key(hash) => write!(f, "key sha256:{}", hex(hash)),
            Pin::Certificate(hash) => write!(f, "certificate sha256:{}", hex(hash)),
        }
    }
}

/// Pins by domain, as a source of trust.
///
/// For a domain that has pins, one of them must match the certificate that the peer shows; if none
/// does, that is an error that no CA can heal. For other domains it has nothing to say. Pin the next
/// key as well before changing keys.
///
/// ```
/// use xmpp_identity::{Pin, Pins};
///
/// let pins = Pins::new().pin("example.org".parse()?, [Pin::Key([0; 32]), Pin::Key([1; 32])]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Pins {
    by_domain: BTreeMap<Domain, Vec<Pin>>,
    besides: bool,
}

impl Pins {
    /// Pins that stand in for a CA: a certificate that is pinned for a domain is the domain's, whoever
    /// issued it and whatever names it carries, as an administrator has said so. Self-signed
    /// certificates work, marked as a CA's or not. It must be valid in time and fit for its purpose.
    pub fn new() -> Self {
        Self::default()
    }

    /// Pins that must hold besides everything else: chain and name are checked as without them.
    pub fn besides_pkix() -> Self {
        Pins {
            by_domain: BTreeMap::new(),
            besides: true,
        }
    }

    /// Adds pins for a domain.
    #[must_use]
    pub fn pin(mut self, domain: Domain, pins: impl IntoIterator<Item = Pin>) -> Self {
        self.by_domain.entry(domain).or_default().extend(pins);
        self
    }
}

impl TrustSource for Pins {
    fn name(&self) -> &str {
        "pins"
    }

    fn only_restricts(&self) -> bool {
        self.besides
    }

    fn ask(&self, question: &TrustQuestion<'_>) -> TrustAnswer {
        let (Some(pins), Some(leaf)) = (self.by_domain.get(question.domain), question.chain.first()) else {
            return TrustAnswer::Silent;
        };
        match (pins.iter().find(|pin| pin.is_of(leaf)), self.besides) {
            (Some(pin), false) => TrustAnswer::Certificate {
                reason: format!("{pin} is pinned for {}", question.domain),
                ignore_validity: false,
            },
            (Some(pin), true) => TrustAnswer::Also {
                reason: format!("{pin} is pinned for {}", question.domain),
            },
            (None, _) => TrustAnswer::Refused {
                reason: match (Pin::key_of(leaf), pins.as_slice()) {
                    (Err(error), _) => error.to_string(),
                    (Ok(shown), [only]) => format!("{} has {shown}; pinned is {only}", question.domain),
                    (Ok(shown), many) => {
                        format!("{} has {shown}; pinned are {} others", question.domain, many.len())
                    }
                },
            },
        }
    }
}

/// Trust anchors by domain, as a source of trust.
///
/// For a domain that has anchors of its own, only paths to these count and the public ones do not
/// (RFC 6120 section 13.6). For other domains it has nothing to say.
///
/// ```
/// # use xmpp_identity::pki_types::CertificateDer;
/// use xmpp_identity::{DomainAnchors, IdentityVerifier, trust_anchor};
///
/// # fn example(verifier: IdentityVerifier, our_ca: &CertificateDer<'_>) -> Result<(), Box<dyn std::error::Error>> {
/// let anchors = DomainAnchors::new().anchor("intranet.example.org".parse()?, [trust_anchor(our_ca)?]);
/// let verifier = verifier.with_source(anchors);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct DomainAnchors {
    by_domain: BTreeMap<Domain, Vec<TrustAnchor<'static>>>,
}

impl DomainAnchors {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds anchors for a domain.
    #[must_use]
    pub fn anchor(mut self, domain: Domain, anchors: impl IntoIterator<Item = TrustAnchor<'static>>) -> Self {
        self.by_domain.entry(domain).or_default().extend(anchors);
        self
    }
}

impl TrustSource for DomainAnchors {
    fn name(&self) -> &str {
        "anchors of the domain"
    }

    fn ask(&self, question: &TrustQuestion<'_>) -> TrustAnswer {
        match self.by_domain.get(question.domain) {
            Some(anchors) => TrustAnswer::Anchors {
                reason: format!("{} has trust anchors of its own", question.domain),
                anchors: anchors.clone(),
            },
            None => TrustAnswer::Silent,
        }
    }
}
