use crate::presented::{IgnoreReason, IgnoredId, PresentedId};
use crate::reference::ReferenceId;
use crate::text::List;
use crate::time;
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
    /// Cannot serve as a trust anchor.
    #[error("the certificate cannot serve as a trust anchor: {0}")]
    BadAnchor(String),
}

/// Why a certificate chain is not trusted. Names in the text are taken from certificates and were
/// made safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// Signed by its own key, and not itself a trust anchor.
    #[error("the certificate of {subject} is self-signed and not among the trust anchors")]
    SelfSigned {
        /// Whose certificate.
        subject: String,
    },
    /// The chain leads to an issuer that is neither in the chain nor a trust anchor.
    #[error("no trust anchor for issuer {issuer}, or an intermediate certificate is missing")]
    UnknownIssuer {
        /// The issuer where the chain ends.
        issuer: String,
    },
    /// A certificate's validity is over.
    #[error("the certificate of {subject} expired on {}{}", time::text(*not_after), also_text(also.as_deref()))]
    Expired {
        /// Whose certificate; the leaf's or an issuer's.
        subject: String,
        /// Its last second, since 1970.
        not_after: i64,
        /// What would be wrong even if it had not expired.
        also: Option<Box<ChainError>>,
    },
    /// A certificate's validity has not begun.
    #[error("the certificate of {subject} is not valid before {}{}", time::text(*not_before), also_text(also.as_deref()))]
    NotYetValid {
        /// Whose certificate; the leaf's or an issuer's.
        subject: String,
        /// Its first second, since 1970.
        not_before: i64,
        /// What would be wrong even if it were valid already.
        also: Option<Box<ChainError>>,
    },
    /// Its extendedKeyUsage allows other uses only.
    #[error(
        "the certificate of {subject} may be used for {} only, not for {needed}",
        List(allowed)
    )]
    WrongPurpose {
        /// Whose certificate; the leaf's or an issuer's.
        subject: String,
        /// What it would have to allow: `serverAuth` or `clientAuth`.
        needed: &'static str,
        /// What it allows.
        allowed: Vec<String>,
    },
    /// Its keyUsage does not allow the signatures that TLS needs.
    #[error("the keyUsage of the certificate of {subject} lacks digitalSignature")]
    WrongKeyUsage {
        /// Whose certificate.
        subject: String,
    },
    /// A CA's certificate is shown as that of a peer.
    #[error("the certificate of {subject} is a CA certificate and cannot identify a peer")]
    CaAsEndEntity {
        /// Whose certificate.
        subject: String,
    },
    /// A certificate that is no CA's has issued another.
    #[error("an issuer in the chain is not a CA")]
    EndEntityAsCa,
    /// A CA's path length constraint is exceeded, or the path is too deep.
    #[error("the chain is longer than its CAs or the verifier allow")]
    PathTooLong,
    /// The chain is larger than a verifier looks at.
    #[error("the chain has {found} {what}, at most {limit} are looked at")]
    LimitExceeded {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A name of the certificate lies outside what an issuer may vouch for.
    #[error("a name in the certificate of {subject} is outside the name constraints of an issuer")]
    NameConstraint {
        /// Whose certificate.
        subject: String,
    },
    /// A signature in the chain is wrong: forged, damaged, or made by another key of the same name.
    #[error("the signature on the certificate of {subject} was not made by its issuer {issuer}")]
    BadSignature {
        /// Whose certificate.
        subject: String,
        /// Who should have signed it.
        issuer: String,
    },
    /// Signed with an algorithm that is too weak or not supported.
    #[error("the certificate of {subject} is signed with {algorithm}, which is {}", if *weak { "too weak" } else { "not supported" })]
    SignatureAlgorithm {
        /// Whose certificate.
        subject: String,
        /// `sha1WithRSAEncryption`, or the like.
        algorithm: String,
        /// Known to be weak; otherwise merely unknown.
        weak: bool,
    },
    /// The key is too small.
    #[error("the key of {subject} is too weak: {key}")]
    WeakKey {
        /// Whose key.
        subject: String,
        /// `RSA 1024`.
        key: String,
    },
    /// Something in the path cannot be read, or must be understood and is not.
    #[error("a certificate in the chain is malformed or uses an unsupported feature: {detail}")]
    Malformed {
        /// What the reader says.
        detail: String,
    },
}

fn also_text(also: Option<&ChainError>) -> String {
    also.map(|error| format!("; besides, {error}")).unwrap_or_default()
}

impl ChainError {
    /// This finding and what was found besides.
    fn all(&self) -> impl Iterator<Item = &ChainError> {
        let also = match self {
            ChainError::Expired { also, .. } | ChainError::NotYetValid { also, .. } => also.as_deref(),
            _ => None,
        };
        std::iter::once(self).chain(also)
    }

    /// A certificate of the path has expired.
    pub fn is_expired(&self) -> bool {
        self.all().any(|error| matches!(error, ChainError::Expired { .. }))
    }

    /// There is no path to a trust anchor: the issuer is unknown, or the certificate is self-signed.
    pub fn is_untrusted(&self) -> bool {
        self.all()
            .any(|error| matches!(error, ChainError::SelfSigned { .. } | ChainError::UnknownIssuer { .. }))
    }

    /// The certificate is self-signed and not a trust anchor.
    pub fn is_self_signed(&self) -> bool {
        self.all().any(|error| matches!(error, ChainError::SelfSigned { .. }))
    }

    /// What somebody can do about it.
    fn remedy(&self, domain: &str) -> String {
        match self {
            ChainError::Expired { .. } => {
                format!("The operator of {domain} must renew it; if the date looks right, check the clock here")
            }
            ChainError::NotYetValid { .. } => "Check the clocks on both sides".to_owned(),
            ChainError::SelfSigned { .. } => {
                format!("Ask the operator of {domain} for a certificate of a trusted CA, or pin this one here")
            }
            ChainError::UnknownIssuer { .. } => format!(
                "Ask the operator of {domain} to send the complete chain; if it is a private CA, add its root certificate here"
            ),
            ChainError::WrongPurpose { needed, .. } => {
                format!("Ask the operator of {domain} for a certificate that allows {needed}")
            }
            _ => format!("Ask the operator of {domain} for a new certificate"),
        }
    }
}

/// Why a peer is not authenticated by its certificate. The text is made for the operator who reads
/// one line of a log: whom it is about, what was found, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// The chain is not trusted.
    Chain {
        /// Whose certificate was needed; `None` if the peer had not said yet.
        domain: Option<Box<Domain>>,
        /// What is wrong with it.
        error: Box<ChainError>,
        /// The name is wrong as well.
        name: Option<Box<IdentityError>>,
    },
    /// The certificate belongs to somebody else.
    Name {
        /// Whose certificate was needed.
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
        domain: Option<Box<Domain>>,
        /// Why not.
        error: CertificateError,
    },
    /// The peer showed no certificate.
    NoCertificate {
        /// Whose certificate was needed.
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

    /// What is wrong with the chain, if that is the error.
    pub fn chain(&self) -> Option<&ChainError> {
        match self {
            IdentityError::Chain { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl std::error::Error for IdentityError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            IdentityError::Unreadable { error, .. } => Some(error),
            _ => None, // the chain's error is already in the text
        }
    }
}

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
                write!(
                    f,
                    "{} is not authenticated: its certificate cannot be read",
                    name_of(domain.as_deref())
                )
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
    let domain = name_of(domain.as_deref());
    match expected.iter().map(ReferenceId::label).collect::<Vec<_>>().as_slice() {
        [] => write!(f, "; needed {domain}, and no kind of identifier is accepted")?,
        [only] => write!(f, "; needed {domain}, as {only}")?,
        [first @ .., last] => write!(f, "; needed {domain}, as {} or {last}", first.join(", "))?,
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
