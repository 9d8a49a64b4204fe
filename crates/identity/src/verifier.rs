use crate::certificate::Certificate;
use crate::error::CertificateError;
use crate::name;
use crate::path;
use crate::presented::{IgnoreReason, IgnoredId, Names, PresentedId, PresentedIds};
use crate::purpose::Purpose;
use crate::reference::{IdentityMatch, ReferenceIds};
use crate::verdict::{ChainStatus, IdentityStatus, Verdict};
use pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use std::fmt;
use std::sync::Arc;

/// Reads a certificate as a trust anchor for [`IdentityVerifier::new`].
///
/// # Errors
/// If it is no certificate.
pub fn trust_anchor(certificate: &CertificateDer<'_>) -> Result<TrustAnchor<'static>, CertificateError> {
    webpki::anchor_from_trusted_cert(certificate)
        .map(|anchor| anchor.to_owned())
        .map_err(|error| CertificateError::BadAnchor(error.to_string()))
}

/// Verifies certificate chains and identities (RFC 6120 section 13.7.2). Cheap to clone.
///
/// Trust anchors, signature algorithms and the time are arguments; there is no default for any of
/// them, no global state and no clock.
///
/// For a peer whose domain is known before the handshake, [`verify`](IdentityVerifier::verify) does
/// it all. A server that accepts connections from other servers learns the domain only from the
/// stream header after TLS: it takes [`verify_chain`](IdentityVerifier::verify_chain) during the
/// handshake, keeps the chain, and [`conclude`](IdentityVerifier::conclude)s for each claimed domain.
///
/// ```
/// # use pki_types::{CertificateDer, UnixTime};
/// # fn example(root: CertificateDer<'_>, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Box<dyn std::error::Error>> {
/// use xmpp_identity::{IdentityVerifier, Purpose, ReferenceIds, trust_anchor};
/// use xmpp_tls_core::StreamKind;
///
/// let verifier = IdentityVerifier::new([trust_anchor(&root)?], webpki::ALL_VERIFICATION_ALGS);
/// let references = ReferenceIds::new(&"example.org".parse()?, StreamKind::ClientToServer);
/// let verdict = verifier.verify(chain, &references, Purpose::Server, now);
/// println!("{}", verdict.check()?); // DNS-ID example.org
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct IdentityVerifier {
    inner: Arc<Trust>,
}

/// What a verifier relies on.
pub(crate) struct Trust {
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    pub(crate) algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
}

impl IdentityVerifier {
    /// A verifier that trusts these anchors and no others, and these algorithms for signatures on
    /// certificates: those of a TLS provider, for example `webpki::ALL_VERIFICATION_ALGS`.
    pub fn new(
        anchors: impl IntoIterator<Item = TrustAnchor<'static>>,
        algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    ) -> Self {
        IdentityVerifier {
            inner: Arc::new(Trust {
                anchors: anchors.into_iter().collect(),
                algorithms,
            }),
        }
    }

    /// Verifies a chain, leaf first, and that the leaf names the expected domain.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        references: &ReferenceIds,
        purpose: Purpose,
        now: UnixTime,
    ) -> Verdict {
        self.conclude(chain, self.verify_chain(chain, purpose, now), references)
    }

    /// Verifies a chain, leaf first; the other certificates may come in any order. An empty chain is
    /// [`ChainStatus::NoCertificate`].
    pub fn verify_chain(&self, chain: &[CertificateDer<'_>], purpose: Purpose, now: UnixTime) -> ChainStatus {
        path::verify(&self.inner, chain, purpose, now)
    }

    /// Compares the leaf's names with the expected ones. `status` is what
    /// [`verify_chain`](IdentityVerifier::verify_chain) said about this same chain: names that a CA of
    /// the path may not vouch for do not match.
    pub fn verify_identity(
        &self,
        chain: &[CertificateDer<'_>],
        status: &ChainStatus,
        references: &ReferenceIds,
    ) -> IdentityStatus {
        let Some(leaf) = chain.first() else {
            return IdentityStatus::NotChecked;
        };
        match find(leaf, status, references) {
            Ok(Some(found)) => IdentityStatus::Matched(found),
            Ok(None) => mismatch(leaf, references),
            Err(error) => IdentityStatus::Unreadable(error),
        }
    }

    /// Compares the leaf's names with the expected ones and combines both facts.
    pub fn conclude(&self, chain: &[CertificateDer<'_>], status: ChainStatus, references: &ReferenceIds) -> Verdict {
        let identity = self.verify_identity(chain, &status, references);
        Verdict {
            chain: status,
            identity,
            domain: Some(references.domain().clone()),
        }
    }
}

impl fmt::Debug for IdentityVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityVerifier")
            .field("anchors", &self.inner.anchors.len())
            .field("algorithms", &self.inner.algorithms.len())
            .finish()
    }
}

/// The first name of the certificate that matches and that its path may vouch for. Copies nothing
/// until it is found.
fn find(
    leaf: &CertificateDer<'_>,
    status: &ChainStatus,
    references: &ReferenceIds,
) -> Result<Option<IdentityMatch>, CertificateError> {
    let Some(extension) = Certificate::parse(leaf)?.subject_alt_name else {
        return Ok(None);
    };
    for encoded in Names::new(extension)? {
        let (tag, value) = encoded?;
        let Ok(presented) = name::decode(tag, value) else {
            continue;
        };
        if let Some(reference) = references.find(presented)
            && may_vouch(status, reference.constrained_name())
        {
            return Ok(Some(IdentityMatch {
                reference: reference.clone(),
                presented: presented.into(),
            }));
        }
    }
    Ok(None)
}

fn may_vouch(status: &ChainStatus, name: Option<&str>) -> bool {
    match (status, name) {
        (ChainStatus::Trusted { constraints, .. }, Some(name)) => constraints.admit(name),
        // Addresses are constrained by path validation itself; without a path nothing is vouched for.
        (ChainStatus::Trusted { .. }, None) | (ChainStatus::Untrusted(_) | ChainStatus::NoCertificate, _) => true,
    }
}

/// Everything the certificate says, for the error. What matched and is listed here all the same was
/// outside the name constraints.
fn mismatch(leaf: &CertificateDer<'_>, references: &ReferenceIds) -> IdentityStatus {
    let (ids, mut ignored) = match PresentedIds::from_certificate(leaf) {
        Ok(presented) => presented.into_parts(),
        Err(error) => return IdentityStatus::Unreadable(error),
    };
    let (outside, presented): (Vec<PresentedId>, Vec<PresentedId>) =
        ids.into_iter().partition(|id| references.find(id.as_name()).is_some());
    ignored.extend(outside.into_iter().map(|id| {
        let text = id.to_string();
        IgnoredId {
            kind: id.kind(),
            value: text.split_once(' ').map_or(text.clone(), |(_, name)| name.to_owned()),
            reason: IgnoreReason::OutsideNameConstraints,
        }
    }));
    IdentityStatus::Mismatch {
        expected: references.iter().cloned().collect(),
        presented,
        ignored,
    }
}
