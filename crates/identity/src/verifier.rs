use crate::error::CertificateError;
use crate::limits::Limits;
use crate::names::presented::{IgnoreReason, IgnoredId, PresentedId, PresentedIds};
use crate::names::reference::{IdentityMatch, ReferenceId, ReferenceIds};
use crate::path::anchors::Anchors;
use crate::path::chain_error::ChainError;
use crate::path::floor::Floor;
use crate::path::purpose::{PeerServerUsage, Purpose, Usage};
use crate::path::revocation::Revocation;
use crate::path::{self, Rules};
use crate::trust::pins::Pin;
use crate::trust::{TrustAnswer, TrustEffect, TrustQuestion, TrustSource, TrustStep};
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
/// stream header after TLS: it keeps the chain and verifies it for each domain that is claimed;
/// [`verify_chain`](IdentityVerifier::verify_chain) says before that whether its trust anchors vouch for it.
///
/// ```
/// # use xmpp_identity::pki_types::{CertificateDer, UnixTime};
/// # fn example(root: CertificateDer<'_>, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Box<dyn std::error::Error>> {
/// use xmpp_identity::{IdentityVerifier, Purpose, ReferenceIds, StreamKind, trust_anchor};
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
    floor: Floor,
}

/// What a verifier relies on.
#[derive(Clone)]
struct Trust {
    anchors: Anchors,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    sources: Vec<Arc<dyn TrustSource>>,
    revocation: Revocation,
    peer_server: PeerServerUsage,
    limits: Limits,
}

/// Which sources there are decides; this is what they decided.
enum Decision {
    Public,
    Anchors(Anchors),
    Itself { by: String, ignore_validity: bool },
    Refused { by: String, reason: String },
}

impl IdentityVerifier {
    /// A verifier that trusts these anchors and no others, and these algorithms for signatures on
    /// certificates: those of a TLS provider, for example `webpki::ALL_VERIFICATION_ALGS`.
    pub fn new(
        anchors: impl IntoIterator<Item = TrustAnchor<'static>>,
        algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    ) -> Self {
        let limits = Limits::default();
        IdentityVerifier {
            inner: Arc::new(Trust {
                anchors: Anchors::new(anchors, &limits),
                algorithms,
                sources: Vec::new(),
                revocation: Revocation::default(),
                peer_server: PeerServerUsage::default(),
                limits,
            }),
            floor: Floor::default(),
        }
    }

    /// Asks this source of trust before the anchors, and after the sources that were added before it; sources
    /// that only restrict, such as [`Pins::besides_pkix`](crate::Pins::besides_pkix), come first.
    #[must_use]
    pub fn with_source(self, source: impl TrustSource + 'static) -> Self {
        self.with(|trust| {
            let deciding = trust.sources.iter().position(|source| !source.only_restricts());
            let place = deciding
                .filter(|_| source.only_restricts())
                .unwrap_or(trust.sources.len());
            trust.sources.insert(place, Arc::new(source));
        })
    }

    /// Looks certificates up in revocation lists.
    #[must_use]
    pub fn with_revocation(self, revocation: Revocation) -> Self {
        self.with(|trust| trust.revocation = revocation)
    }

    /// Which extendedKeyUsage authenticates a server that dialled us.
    #[must_use]
    pub fn with_peer_server_usage(self, usage: PeerServerUsage) -> Self {
        self.with(|trust| trust.peer_server = usage)
    }

    /// How much of a chain is looked at.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        self.with(|trust| trust.limits = limits)
    }

    /// Demands at least so much of every key and signature. It costs nothing, so that one verifier serves peers
    /// of whom more is demanded.
    #[must_use]
    pub fn with_floor(mut self, floor: Floor) -> Self {
        self.floor = floor.raised();
        self
    }

    /// Whether both are clones of one verifier: what one says, the other says too.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) && self.floor == other.floor
    }

    fn with(mut self, change: impl FnOnce(&mut Trust)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// Verifies a chain, leaf first, and that the leaf names the expected domain; the other
    /// certificates may come in any order.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        references: &ReferenceIds,
        purpose: Purpose,
        now: UnixTime,
    ) -> Verdict {
        let mut trust = Vec::new();
        let (status, bound) = match self.decide(chain, references, purpose, now, &mut trust) {
            Ok(decision) => {
                let rules = self.rules(purpose, now);
                let bound = match &decision {
                    Decision::Itself { by, .. } => Some(by.clone()),
                    Decision::Public | Decision::Anchors(_) | Decision::Refused { .. } => None,
                };
                let status = match decision {
                    Decision::Public => path::verify(rules, chain),
                    Decision::Anchors(anchors) => path::verify(
                        Rules {
                            anchors: &anchors,
                            ..rules
                        },
                        chain,
                    ),
                    Decision::Itself { by, ignore_validity } => path::verify_itself(rules, chain, &by, ignore_validity),
                    Decision::Refused { by, reason } => ChainStatus::Untrusted(ChainError::Refused { by, reason }),
                };
                (status, bound)
            }
            Err(beyond_limits) => (ChainStatus::Untrusted(beyond_limits), None),
        };
        let identity = self.identity(chain, &status, references, bound);
        Verdict {
            chain: status,
            identity,
            domain: Some(references.domain().clone()),
            trust,
        }
    }

    /// Verifies a chain, leaf first, before a domain is known: against the anchors of this verifier
    /// alone. Other sources of trust are about domains, so this is not what [`verify`](Self::verify) will
    /// say. An empty chain is [`ChainStatus::NoCertificate`].
    pub fn verify_chain(&self, chain: &[CertificateDer<'_>], purpose: Purpose, now: UnixTime) -> ChainStatus {
        path::verify(self.rules(purpose, now), chain)
    }

    fn rules(&self, purpose: Purpose, now: UnixTime) -> Rules<'_> {
        Rules {
            anchors: &self.inner.anchors,
            algorithms: self.inner.algorithms,
            limits: &self.inner.limits,
            revocation: &self.inner.revocation,
            usage: Usage {
                purpose,
                peer_server: self.inner.peer_server,
            },
            floor: self.floor,
            now,
        }
    }

    /// Asks the sources of trust in order; the first that speaks for the domain decides, else the
    /// verifier's own anchors.
    fn decide(
        &self,
        chain: &[CertificateDer<'_>],
        references: &ReferenceIds,
        purpose: Purpose,
        now: UnixTime,
        steps: &mut Vec<TrustStep>,
    ) -> Result<Decision, ChainError> {
        if chain.is_empty() {
            return Ok(Decision::Public);
        }
        if !self.inner.sources.is_empty() {
            path::check_limits(chain, &self.inner.limits)?;
        }
        let domain = references.domain();
        let question = TrustQuestion {
            domain,
            chain,
            purpose,
            now,
        };
        for source in &self.inner.sources {
            let by = source.name().to_owned();
            let mut step = |effect, reason: &str| {
                steps.push(TrustStep {
                    source: by.clone(),
                    effect,
                    reason: reason.to_owned(),
                });
            };
            match source.ask(&question) {
                TrustAnswer::Silent => step(TrustEffect::Silent, "nothing known about the domain"),
                TrustAnswer::Also { reason } => step(TrustEffect::Also, &reason),
                TrustAnswer::Certificate {
                    reason,
                    ignore_validity,
                } => {
                    step(TrustEffect::Decided, &reason);
                    return Ok(Decision::Itself { by, ignore_validity });
                }
                TrustAnswer::Anchors { reason, anchors } => {
                    step(TrustEffect::Decided, &reason);
                    return Ok(Decision::Anchors(Anchors::new(anchors, &self.inner.limits)));
                }
                TrustAnswer::Refused { reason } => {
                    step(TrustEffect::Refused, &reason);
                    return Ok(Decision::Refused { by, reason });
                }
            }
        }
        steps.push(TrustStep {
            source: "trust anchors".to_owned(),
            effect: TrustEffect::Decided,
            reason: "no other source decided".to_owned(),
        });
        Ok(Decision::Public)
    }

    /// Compares the leaf's names with the expected ones: those that the path may vouch for, or, if
    /// there is no path, all of them, so that both facts are told.
    fn identity(
        &self,
        chain: &[CertificateDer<'_>],
        status: &ChainStatus,
        references: &ReferenceIds,
        bound: Option<String>,
    ) -> IdentityStatus {
        let Some(leaf) = chain.first() else {
            return IdentityStatus::NotChecked;
        };
        let limits = &self.inner.limits;
        let admitted = |reference: &ReferenceId| match status {
            ChainStatus::Trusted { constraints, .. } => reference.is_admitted(constraints),
            ChainStatus::Untrusted(_) | ChainStatus::NoCertificate => true,
        };
        match (references.find_admitted(leaf, limits, admitted), bound) {
            (Ok(Some(found)), _) => IdentityStatus::Matched(found.to_match()),
            (_, Some(by)) => IdentityStatus::Matched(IdentityMatch {
                reference: ReferenceId::Bound {
                    domain: references.domain().clone(),
                    by,
                },
                presented: PresentedId::Certificate(Pin::certificate(leaf).hex()),
            }),
            (Ok(None), None) => mismatch(leaf, references, limits),
            (Err(error), None) => IdentityStatus::Unreadable(error),
        }
    }
}

impl fmt::Debug for IdentityVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityVerifier")
            .field("anchors", &self.inner.anchors.as_slice().len())
            .field("algorithms", &self.inner.algorithms.len())
            .field("sources", &self.inner.sources)
            .field("revocation", &self.inner.revocation)
            .field("peer_server", &self.inner.peer_server)
            .finish_non_exhaustive()
    }
}

/// Everything the certificate says, for the error. What matched and is listed here all the same was
/// outside the name constraints.
fn mismatch(leaf: &CertificateDer<'_>, references: &ReferenceIds, limits: &Limits) -> IdentityStatus {
    let (ids, mut ignored) = match PresentedIds::read(leaf, limits) {
        Ok(presented) => presented.into_parts(),
        Err(error) => return IdentityStatus::Unreadable(error),
    };
    let (outside, presented): (Vec<PresentedId>, Vec<PresentedId>) = ids
        .into_iter()
        .partition(|id| id.as_name().is_some_and(|name| references.find(name).is_some()));
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
