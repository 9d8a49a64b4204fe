use crate::error::{CertificateError, IdentityError};
use crate::names::presented::{IgnoredId, PresentedId};
use crate::names::reference::{IdentityMatch, ReferenceId};
use crate::path::chain_error::ChainError;
use crate::path::constraints::NameConstraints;
use crate::path::floor::Strength;
use crate::path::purpose::{Purpose, UsageException};
use crate::path::revocation::RevocationStatus;
use crate::trust::TrustStep;
use std::fmt;
use xmpp_tls_core::Domain;

/// Whether a chain leads to a trust anchor. Says nothing about whose certificate it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum ChainStatus {
    /// A path to a trust anchor is valid in every respect.
    #[non_exhaustive]
    Trusted {
        /// The subject of the trust anchor.
        anchor: String,
        /// Certificates on the path, leaf and anchor included; 1 if the leaf is itself the anchor.
        path_len: usize,
        /// Which names the CAs of the path may vouch for.
        constraints: NameConstraints,
        /// What the leaf was found fit for.
        purpose: Purpose,
        /// A concession that was made to the leaf about its purpose.
        exception: Option<UsageException>,
        /// What was found out about revocation.
        revocation: RevocationStatus,
        /// What the keys and signatures of the path are worth.
        strength: Strength,
    },
    /// It is not, and why.
    Untrusted(ChainError),
    /// The peer showed no certificate.
    NoCertificate,
}

impl ChainStatus {
    /// Whether it is [`Trusted`](ChainStatus::Trusted).
    pub fn is_trusted(&self) -> bool {
        matches!(self, ChainStatus::Trusted { .. })
    }
}

impl fmt::Display for ChainStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChainStatus::Trusted {
                anchor,
                exception,
                revocation,
                ..
            } => {
                write!(f, "trusted, by {anchor}")?;
                if let Some(exception) = exception {
                    write!(f, " ({exception})")?;
                }
                match revocation {
                    RevocationStatus::NotChecked => Ok(()),
                    checked => write!(f, ", {checked}"),
                }
            }
            ChainStatus::Untrusted(error) => write!(f, "not trusted: {error}"),
            ChainStatus::NoCertificate => f.write_str("no certificate"),
        }
    }
}

/// Whether a certificate names the expected domain. Says nothing about who issued it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum IdentityStatus {
    /// It does, and how.
    Matched(IdentityMatch),
    /// It does not.
    Mismatch {
        /// Any one of these would have done.
        expected: Vec<ReferenceId>,
        /// What the certificate says.
        presented: Vec<PresentedId>,
        /// What it says and does not count.
        ignored: Vec<IgnoredId>,
    },
    /// Its names cannot be read.
    Unreadable(CertificateError),
    /// Nothing was compared: there is no certificate, or no domain was claimed yet.
    NotChecked,
}

impl IdentityStatus {
    /// The match, if there is one.
    pub fn matched(&self) -> Option<&IdentityMatch> {
        match self {
            IdentityStatus::Matched(found) => Some(found),
            _ => None,
        }
    }
}

impl fmt::Display for IdentityStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdentityStatus::Matched(found) => write!(f, "matched: {found}"),
            IdentityStatus::Mismatch { .. } => f.write_str("the certificate is for somebody else"),
            IdentityStatus::Unreadable(error) => write!(f, "not readable: {error}"),
            IdentityStatus::NotChecked => f.write_str("not checked"),
        }
    }
}

/// What a certificate chain proves about a peer, as two facts: is it trusted, and does it name the
/// peer. Possession of the key is a third, and TLS proves it: a verdict counts only once the
/// handshake is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Verdict {
    /// Is the chain trusted?
    pub chain: ChainStatus,
    /// Does the certificate name the peer?
    pub identity: IdentityStatus,
    /// The domain it is about, once one is known.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::certificate::text::maybe_domain"))]
    pub domain: Option<Domain>,
    /// What each source of trust said, in the order they were asked; the last one decided. Empty as
    /// long as no domain is known, or if there was nothing to ask about.
    pub trust: Vec<TrustStep>,
}

impl Verdict {
    /// A verdict before the peer has said who it is: never authenticated.
    pub fn unnamed(chain: ChainStatus) -> Self {
        Verdict {
            chain,
            identity: IdentityStatus::NotChecked,
            domain: None,
            trust: Vec::new(),
        }
    }

    /// A concession that was made to the certificate about its purpose.
    pub fn exception(&self) -> Option<UsageException> {
        match &self.chain {
            ChainStatus::Trusted { exception, .. } => *exception,
            ChainStatus::Untrusted(_) | ChainStatus::NoCertificate => None,
        }
    }

    /// Both facts hold.
    pub fn is_authenticated(&self) -> bool {
        self.check().is_ok()
    }

    /// The identity that was validated, or why there is none.
    ///
    /// # Errors
    /// If one of the two facts does not hold; the error says everything that is known to be wrong.
    pub fn check(&self) -> Result<&IdentityMatch, IdentityError> {
        let domain = self.domain.clone().map(Box::new);
        match (&self.chain, &self.identity) {
            (ChainStatus::Trusted { .. }, IdentityStatus::Matched(found)) => Ok(found),
            (ChainStatus::NoCertificate, _) => Err(IdentityError::NoCertificate { domain }),
            (ChainStatus::Untrusted(error), _) => {
                let name = self.name_error().map(Box::new);
                Err(IdentityError::Chain {
                    domain,
                    error: Box::new(error.clone()),
                    name,
                })
            }
            (ChainStatus::Trusted { .. }, _) => Err(self.name_error().unwrap_or(IdentityError::NotChecked)),
        }
    }

    fn name_error(&self) -> Option<IdentityError> {
        let domain = self.domain.clone().map(Box::new);
        match &self.identity {
            IdentityStatus::Matched(_) | IdentityStatus::NotChecked => None,
            IdentityStatus::Mismatch {
                expected,
                presented,
                ignored,
            } => Some(IdentityError::Name {
                domain,
                expected: expected.clone(),
                presented: presented.clone(),
                ignored: ignored.clone(),
            }),
            IdentityStatus::Unreadable(error) => Some(IdentityError::Unreadable {
                domain,
                error: error.clone(),
            }),
        }
    }
}

/// `example.org: trusted, by CN=Example CA; matched: DNS-ID example.org`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(domain) = &self.domain {
            write!(f, "{domain}: ")?;
        }
        write!(f, "{}; {}", self.chain, self.identity)
    }
}
