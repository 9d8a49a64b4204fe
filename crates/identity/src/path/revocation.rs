//! Revocation by CRL (RFC 5280 section 5, RFC 6120 section 13.7.2). The lists are the caller's data:
//! nothing is fetched here.

use crate::error::CertificateError;
use pki_types::UnixTime;
use std::fmt;
use std::sync::Arc;
use webpki::{
    CertRevocationList, ExpirationPolicy, OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder,
    UnknownStatusPolicy,
};

/// Whether and how certificates are looked up in revocation lists. The default is not at all: that
/// needs lists, and only the caller can get them.
///
/// ```
/// # use xmpp_identity::{CertificateError, IdentityVerifier};
/// use xmpp_identity::Revocation;
///
/// # fn example(verifier: IdentityVerifier, lists: Vec<Vec<u8>>) -> Result<IdentityVerifier, CertificateError> {
/// // Lists in DER, fetched before. What none of them covers passes, and the verdict says so.
/// let verifier = verifier.with_revocation(Revocation::soft(&lists)?);
/// # Ok(verifier) }
/// ```
#[derive(Clone, Default)]
pub struct Revocation {
    mode: Mode,
    lists: Arc<[CertRevocationList<'static>]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mode {
    #[default]
    Off,
    Soft,
    Hard,
}

/// What was found out about revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum RevocationStatus {
    /// Nothing was looked up.
    #[default]
    NotChecked,
    /// Every certificate of the path is covered by a current list, and none is on it.
    Good,
    /// A list is missing or out of date, which [`Revocation::soft`] lets pass; none of the
    /// certificates is on a list that there is.
    Unknown,
}

impl RevocationStatus {
    /// A name that does not change, for logs and monitoring.
    pub fn code(self) -> &'static str {
        match self {
            RevocationStatus::NotChecked => "not-checked",
            RevocationStatus::Good => "good",
            RevocationStatus::Unknown => "unknown",
        }
    }
}

impl fmt::Display for RevocationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RevocationStatus::NotChecked => "revocation not checked",
            RevocationStatus::Good => "not revoked",
            RevocationStatus::Unknown => "revocation unknown",
        })
    }
}

impl Revocation {
    /// Refuses what is on one of these lists. A certificate that no list covers, or only one that is
    /// out of date, passes, and the verdict says so.
    ///
    /// # Errors
    /// If one of them is no complete, direct CRL of version 2 with nextUpdate.
    pub fn soft<D: AsRef<[u8]>>(lists: impl IntoIterator<Item = D>) -> Result<Self, CertificateError> {
        Self::with(Mode::Soft, lists)
    }

    /// Accepts only paths of which every certificate is covered by a current list and is not on it.
    /// Trust anchors are not looked up, nor is a certificate that is trusted as itself.
    ///
    /// # Errors
    /// If one of them is no complete, direct CRL of version 2 with nextUpdate.
    pub fn hard<D: AsRef<[u8]>>(lists: impl IntoIterator<Item = D>) -> Result<Self, CertificateError> {
        Self::with(Mode::Hard, lists)
    }

    fn with<D: AsRef<[u8]>>(mode: Mode, lists: impl IntoIterator<Item = D>) -> Result<Self, CertificateError> {
        let lists = lists
            .into_iter()
            .map(|der| OwnedCertRevocationList::from_der(der.as_ref()).map(CertRevocationList::from))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| CertificateError::BadRevocationList(error.to_string()))?;
        Ok(Revocation {
            mode,
            lists: lists.into(),
        })
    }

    /// Runs path building, once or, where only the soft rules let a path pass, twice: so that a
    /// verdict can tell `Good` from `Unknown`.
    pub(crate) fn run<T>(
        &self,
        build: impl Fn(Option<webpki::RevocationOptions<'_>>) -> Result<T, webpki::Error>,
    ) -> Result<(T, RevocationStatus), webpki::Error> {
        let lists: Vec<&CertRevocationList<'_>> = self.lists.iter().collect();
        let options = |status, expiration| {
            RevocationOptionsBuilder::new(&lists).map(|builder| {
                builder
                    .with_depth(RevocationCheckDepth::Chain)
                    .with_status_policy(status)
                    .with_expiration_policy(expiration)
                    .build()
            })
        };
        let strict = options(UnknownStatusPolicy::Deny, ExpirationPolicy::Enforce);
        match (self.mode, strict) {
            (Mode::Off, _) => build(None).map(|path| (path, RevocationStatus::NotChecked)),
            // No list at all: that is unknown, which the modes see differently.
            (Mode::Soft, Err(_)) => build(None).map(|path| (path, RevocationStatus::Unknown)),
            (Mode::Hard, Err(_)) => build(None).and(Err(webpki::Error::UnknownRevocationStatus)),
            (Mode::Hard, Ok(strict)) => build(Some(strict)).map(|path| (path, RevocationStatus::Good)),
            (Mode::Soft, Ok(strict)) => match build(Some(strict)) {
                Err(webpki::Error::UnknownRevocationStatus | webpki::Error::CrlExpired { .. }) => {
                    let lax = options(UnknownStatusPolicy::Allow, ExpirationPolicy::Ignore).ok();
                    build(lax).map(|path| (path, RevocationStatus::Unknown))
                }
                result => result.map(|path| (path, RevocationStatus::Good)),
            },
        }
    }

    /// Whether a certificate with this issuer and serial number is on a list; to name the culprit.
    pub(crate) fn lists(&self, issuer: &[u8], serial: &[u8]) -> bool {
        self.lists
            .iter()
            .any(|list| list.issuer() == issuer && matches!(list.find_serial(serial), Ok(Some(_))))
    }

    /// Whether there is a list by this issuer.
    pub(crate) fn covers(&self, issuer: &[u8]) -> bool {
        self.lists.iter().any(|list| list.issuer() == issuer)
    }
}

impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation")
            .field("mode", &self.mode)
            .field("lists", &self.lists.len())
            .finish()
    }
}

/// Seconds since 1970, for messages.
pub(crate) fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
