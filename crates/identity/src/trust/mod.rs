//! Sources of trust: who may say that a certificate is a domain's.

pub(crate) mod pins;

use crate::path::purpose::Purpose;
use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::fmt;
use xmpp_tls_core::Domain;

/// What a [`TrustSource`] is asked: is this chain, leaf first, the domain's?
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TrustQuestion<'a> {
    /// Whose certificate is needed.
    pub domain: &'a Domain,
    /// What the peer showed; not empty, and within the limits.
    pub chain: &'a [CertificateDer<'a>],
    /// What it must be good for.
    pub purpose: Purpose,
    /// The wall clock.
    pub now: UnixTime,
}

/// What a [`TrustSource`] says.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TrustAnswer {
    /// It knows nothing about this domain. The next source is asked, at last the verifier's trust anchors.
    Silent,
    /// What it knows holds, and is not enough: the next source decides. Pins besides PKIX, and the
    /// TLSA usages PKIX-TA and PKIX-EE, are of this kind.
    Also {
        /// What holds.
        reason: String,
    },
    /// The leaf is the domain's own certificate, whoever issued it and whatever names it carries:
    /// pins, TLSA usage DANE-EE, POSH. No further source is asked.
    Certificate {
        /// What says so.
        reason: String,
        /// Whether its validity does not matter either (DANE-EE: RFC 7671 section 5.1).
        ignore_validity: bool,
    },
    /// Only paths to these anchors count for the domain, and the name is checked: anchors that the
    /// administrator gave it, TLSA usage DANE-TA. No further source is asked.
    Anchors {
        /// Why them.
        reason: String,
        /// Where paths may end.
        anchors: Vec<TrustAnchor<'static>>,
    },
    /// It speaks for the domain, and this is not the domain's certificate. Final.
    Refused {
        /// Why not.
        reason: String,
    },
}

/// Something besides the trust anchors that knows which certificates are whose.
///
/// Sources are asked in the order they were given ([`IdentityVerifier::with_source`]), before the
/// trust anchors, once the domain is known. [`Pins`] and [`DomainAnchors`] are sources; DANE and POSH are
/// made so: what had to be fetched is fetched before, and the answer is given without waiting.
///
/// ```
/// use std::collections::BTreeMap;
/// use xmpp_identity::{Domain, Pin, TrustAnswer, TrustQuestion, TrustSource};
///
/// /// TLSA records of usage DANE-EE for keys (`3 1 1`, RFC 7671 section 5.1), proved by DNSSEC.
/// #[derive(Debug)]
/// struct Dane(BTreeMap<Domain, Vec<[u8; 32]>>);
///
/// impl TrustSource for Dane {
///     fn name(&self) -> &str {
///         "DANE"
///     }
///
///     fn ask(&self, question: &TrustQuestion<'_>) -> TrustAnswer {
///         let Some(keys) = self.0.get(question.domain) else { return TrustAnswer::Silent };
///         let shown = question.chain.first().and_then(|leaf| Pin::key_of(leaf).ok());
///         match shown {
///             Some(Pin::Key(key)) if keys.contains(&key) => TrustAnswer::Certificate {
///                 reason: "TLSA 3 1 1".to_owned(),
///                 ignore_validity: true,
///             },
///             _ => TrustAnswer::Refused { reason: "none of its TLSA records matches".to_owned() },
///         }
///     }
/// }
/// ```
///
/// [`IdentityVerifier::with_source`]: crate::IdentityVerifier::with_source
/// [`Pins`]: crate::Pins
/// [`DomainAnchors`]: crate::DomainAnchors
pub trait TrustSource: Send + Sync + fmt::Debug {
    /// What it is called in verdicts: `pins`, `DANE`.
    fn name(&self) -> &str;

    /// Its answer.
    fn ask(&self, question: &TrustQuestion<'_>) -> TrustAnswer;

    /// Whether it never decides for a peer, and only against one: then it is asked before all that may decide,
    /// so that none of them can keep it from being heard.
    fn only_restricts(&self) -> bool {
        false
    }
}

/// What one source of trust contributed to a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TrustStep {
    /// The source's name; `trust anchors` for those of the verifier.
    pub source: String,
    /// What it meant for the verdict.
    pub effect: TrustEffect,
    /// Its reason, in words.
    pub reason: String,
}

/// What an answer of a source of trust meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum TrustEffect {
    /// Nothing known about the domain.
    Silent,
    /// It holds, and another source decides.
    Also,
    /// It decided; what it decided is in the verdict.
    Decided,
    /// It refused.
    Refused,
}

impl TrustEffect {
    /// A name that does not change, for logs and monitoring.
    pub fn code(self) -> &'static str {
        match self {
            TrustEffect::Silent => "silent",
            TrustEffect::Also => "also",
            TrustEffect::Decided => "decided",
            TrustEffect::Refused => "refused",
        }
    }
}

/// `pins: key sha256:8b5a… is pinned for example.org`.
impl fmt::Display for TrustStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}
