use crate::certificate::text::List;
use crate::names::presented::{IgnoreReason, IgnoredId, PresentedId};
use crate::names::reference::ReferenceId;
use crate::path::chain_error::ChainError;
use std::fmt;
use xmpp_tls_core::Domain;

/// Why bytes could not be read as a certificate, or its names not as names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum CertificateError {
    /// Not the DER of an X.509 certificate.
    #[error("not a DER-encoded X.509 certificate (RFC 5280 section 4.1)")]
    NotACertificate,
    /// An extension is there twice, so that readers could disagree about it.
    #[error("the certificate has an extension twice (RFC 5280 section 4.2)")]
    DuplicateExtension,
    /// The subjectAltName extension is no list of names.
    #[error("the certificate's subjectAltName is not a list of names (RFC 5280 section 4.2.1.6)")]
    BadSubjectAltName,
    /// More names than are looked at.
    #[error("the certificate has more than {limit} names")]
    TooManyNames {
        /// How many are allowed.
        limit: usize,
    },
    /// No revocation list that can be used.
    #[error("not a complete CRL of version 2: {0}")]
    BadRevocationList(String),
    /// Cannot serve as a trust anchor.
    #[error("the certificate cannot serve as a trust anchor: {0}")]
    BadAnchor(String),
}

/// Why a peer is not authenticated by its certificate. The text is made for the operator who reads
/// one line of a log: whom it is about, what was found, what to do. There is nothing more in a
/// [`source`](std::error::Error::source).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum IdentityError {
    /// The chain is not trusted.
    Chain {
        /// Whose certificate was needed; `None` if the peer had not said yet.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::certificate::text::boxed_domain"))]
        domain: Option<Box<Domain>>,
        /// What is wrong with it.
        error: Box<ChainError>,
        /// The name is wrong as well.
        name: Option<Box<IdentityError>>,
    },
    /// The certificate belongs to somebody else.
    Name {
        /// Whose certificate was needed.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::certificate::text::boxed_domain"))]
        domain: Option<Box<Domain>>,
        /// Any one of these would have done.
        expected: Vec<ReferenceId>,
        /// What the certificate says.
        presented: Vec<PresentedId>,
        /// What it says and does not count.
        ignored: Vec<IgnoredId>,
    },
    /// The names in the certificate cannot be read.
    Unreadable {
        /// Whose certificate was needed.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::certificate::text::boxed_domain"))]
        domain: Option<Box<Domain>>,
        /// Why not.
        error: CertificateError,
    },
    /// The peer showed no certificate.
    NoCertificate {
        /// Whose certificate was needed.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::certificate::text::boxed_domain"))]
        domain: Option<Box<Domain>>,
    },
    /// The chain is trusted, but the peer has not said who it is, so no name was checked.
    NotChecked,
}

impl IdentityError {
    /// The certificate names somebody else, or nobody.
    pub fn is_name_mismatch(&self) -> bool {
        matches!(
            self,
            IdentityError::Name { .. } | IdentityError::Chain { name: Some(_), .. }
        )
    }

    /// A certificate of the path has expired.
    pub fn is_expired(&self) -> bool {
        self.chain().is_some_and(ChainError::is_expired)
    }

    /// There is no path to a trust anchor: the issuer is unknown, or the certificate is self-signed.
    pub fn is_untrusted(&self) -> bool {
        self.chain().is_some_and(ChainError::is_untrusted)
    }

    /// The certificate is self-signed and not a trust anchor.
    pub fn is_self_signed(&self) -> bool {
        self.chain().is_some_and(ChainError::is_self_signed)
    }

    /// A certificate of the path is not valid yet.
    pub fn is_not_yet_valid(&self) -> bool {
        self.chain().is_some_and(ChainError::is_not_yet_valid)
    }

    /// A certificate of the path is revoked.
    pub fn is_revoked(&self) -> bool {
        self.chain().is_some_and(ChainError::is_revoked)
    }

    /// A pin or another source that speaks for the domain contradicts.
    pub fn is_refused(&self) -> bool {
        self.chain().is_some_and(ChainError::is_refused)
    }

    /// A certificate of the path may not be used for this.
    pub fn is_wrong_purpose(&self) -> bool {
        self.chain().is_some_and(ChainError::is_wrong_purpose)
    }

    /// The peer showed no certificate.
    pub fn is_no_certificate(&self) -> bool {
        matches!(self, IdentityError::NoCertificate { .. })
    }

    /// What is wrong with the chain, if that is the error.
    pub fn chain(&self) -> Option<&ChainError> {
        match self {
            IdentityError::Chain { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Without a source: everything is in the text already.
impl std::error::Error for IdentityError {}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdentityError::Chain { domain, error, name } => {
                let domain = name_of(domain.as_deref());
                write!(f, "{domain} is not authenticated: {error}")?;
                if let Some(name) = name {
                    write!(f, "; besides, the ")?;
                    finding(f, name)?;
                }
                write!(f, ". {}", error.remedy(domain))
            }
            IdentityError::Name { domain, .. } => {
                let domain = name_of(domain.as_deref());
                finding(f, self)?;
                write!(
                    f,
                    ". Ask the operator of {domain} to add it: host names found through SRV or CNAME records do not count"
                )
            }
            IdentityError::Unreadable { domain, .. } => {
                write!(f, "{} is not authenticated: its ", name_of(domain.as_deref()))?;
                finding(f, self)
            }
            IdentityError::NoCertificate { domain } => {
                write!(
                    f,
                    "{} is not authenticated: it showed no certificate",
                    name_of(domain.as_deref())
                )
            }
            IdentityError::NotChecked => {
                f.write_str("the peer has not said who it is, so its certificate was not compared with a name")
            }
        }
    }
}

fn name_of(domain: Option<&Domain>) -> &str {
    domain.map_or("the peer", Domain::as_str)
}

/// `certificate is for a, b; needed c, as DNS-ID, SRV-ID or XmppAddr`.
fn finding(f: &mut fmt::Formatter<'_>, error: &IdentityError) -> fmt::Result {
    if let IdentityError::Unreadable { error, .. } = error {
        return write!(f, "certificate cannot be read: {error}");
    }
    let IdentityError::Name {
        domain,
        expected,
        presented,
        ignored,
    } = error
    else {
        return write!(f, "{error}");
    };
    let mut names: Vec<String> = Vec::new();
    for id in presented {
        let text = id.to_string();
        let name = text.split_once(' ').map_or(text.as_str(), |(_, name)| name);
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() {
        f.write_str("certificate names nobody")?;
    } else {
        write!(f, "certificate is for {}", List(&names))?;
    }
    let name = name_of(domain.as_deref());
    let is_other = |id: &&ReferenceId| id.domain().is_some_and(|of| Some(of) != domain.as_deref());
    match expected
        .iter()
        .filter(|id| !is_other(id))
        .map(ReferenceId::label)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => write!(f, "; needed {name}, and no kind of identifier is accepted")?,
        [only] => write!(f, "; needed {name}, as {only}")?,
        [first @ .., last] => write!(f, "; needed {name}, as {} or {last}", first.join(", "))?,
    }
    for other in expected.iter().filter(is_other) {
        write!(f, ", or {other}")?;
    }
    let telling: Vec<_> = ignored
        .iter()
        .filter(|id| id.reason != IgnoreReason::NotAnIdentity)
        .collect();
    if telling.is_empty() {
        Ok(())
    } else {
        write!(f, "; ignored: {}", List(&telling))
    }
}
