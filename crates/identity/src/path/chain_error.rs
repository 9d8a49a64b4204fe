use crate::certificate::text::List;
use crate::certificate::time;

/// Why a certificate chain is not trusted. Names in the text are taken from certificates and were
/// made safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
        /// What it would have to allow: `serverAuth`, `clientAuth`, `serverAuth or clientAuth`.
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
    /// A certificate of the path is on a revocation list.
    #[error("the certificate of {subject} is revoked")]
    Revoked {
        /// Whose certificate; the leaf's or an issuer's.
        subject: String,
    },
    /// No revocation list covers a certificate of the path, and the policy demands one.
    #[error("no revocation list of {issuer} is at hand")]
    RevocationUnknown {
        /// Whose list is missing.
        issuer: String,
    },
    /// A revocation list is out of date, and the policy demands a current one.
    #[error("a revocation list for the chain is out of date since {}", time::text(*next_update))]
    RevocationListExpired {
        /// When there should have been a new one, in seconds since 1970.
        next_update: i64,
    },
    /// A source of trust that speaks for the domain says that this is not the domain's certificate.
    #[error("refused by {by}: {reason}")]
    Refused {
        /// Which source: `pins`.
        by: String,
        /// What it says.
        reason: String,
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

    /// A certificate of the path is not valid yet.
    pub fn is_not_yet_valid(&self) -> bool {
        self.all().any(|error| matches!(error, ChainError::NotYetValid { .. }))
    }

    /// A certificate of the path is revoked.
    pub fn is_revoked(&self) -> bool {
        self.all().any(|error| matches!(error, ChainError::Revoked { .. }))
    }

    /// A pin or another source that speaks for the domain contradicts.
    pub fn is_refused(&self) -> bool {
        self.all().any(|error| matches!(error, ChainError::Refused { .. }))
    }

    /// A key or a signature of the path is below the floor, and that was found before anything else.
    pub fn is_weak(&self) -> bool {
        matches!(
            self,
            ChainError::WeakKey { .. } | ChainError::SignatureAlgorithm { weak: true, .. }
        )
    }

    /// A certificate of the path may not be used for this.
    pub fn is_wrong_purpose(&self) -> bool {
        self.all().any(|error| {
            matches!(
                error,
                ChainError::WrongPurpose { .. } | ChainError::WrongKeyUsage { .. }
            )
        })
    }

    /// What somebody can do about it.
    pub(crate) fn remedy(&self, domain: &str) -> String {
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
            ChainError::RevocationUnknown { .. } | ChainError::RevocationListExpired { .. } => {
                "Get a current revocation list of that CA here".to_owned()
            }
            ChainError::Refused { .. } => format!(
                "If the operator of {domain} confirms the change, by another way than this connection, update it here; \
                 otherwise somebody may be intercepting it"
            ),
            _ => format!("Ask the operator of {domain} for a new certificate"),
        }
    }
}
