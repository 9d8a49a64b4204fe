//! What is weaker about a connection than it should be.

use super::{Authentication, SecurityReport, TlsReport};
use crate::ledger::{Assessment, Change, Reaction};
use pki_types::UnixTime;
use std::fmt;
use std::time::Duration;
use xmpp_identity::{CertificateFacts, ChainStatus, UsageException};
use xmpp_starttls::TlsVersion;
use xmpp_tls_core::Side;

const DAY: i64 = 86_400;

/// What is weaker about a connection than it should be.
///
/// Its [`Display`](fmt::Display) is the sentence, [`code`](Self::code) the name for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// There is no TLS.
    NotEncrypted,
    /// The peer did not offer STARTTLS in clear; somebody may have taken the offer out (RFC 7590 section 3.1).
    StarttlsNotOffered,
    /// The peer takes logins in clear, from clients that do not insist on TLS as this one does.
    MechanismsInClear,
    /// A TLS version with known attacks was negotiated, which
    /// [`danger::OldVersionsAccepted`](crate::danger::OldVersionsAccepted) allowed.
    OldVersion(TlsVersion),
    /// Whoever steals the server's key later can read what was recorded.
    NotForwardSecret,
    /// A certificate was shown that is not good for the domain.
    NotAuthenticated,
    /// The certificate is not good for the domain, and dialback found that the peer is (XEP-0220): whoever forges the DNS
    /// can be it.
    DialbackAlone,
    /// The key of the certificate is below the floor (RFC 9325 section 4.5).
    WeakKey,
    /// The certificate is signed with a hash that vouches for nothing (RFC 9155).
    WeakSignature,
    /// A server that dialled has a certificate that RFC 5280 section 4.2.1.12 would have refused for that.
    UsageException(UsageException),
    /// The certificate's validity ends within the time that was asked about.
    ExpiresSoon {
        /// Whole days that are left.
        days: u32,
    },
    /// The certificate's validity is over, or has not begun.
    NotValidNow,
    /// Another certificate than the ledger knows, and its policy wants somebody to look at it.
    CertificateChanged(Change),
    /// What the ledger knows of the domain was better protected.
    WeakerThanBefore(Change),
    /// Whoever has the log of keys reads everything, which
    /// [`danger::KeysRevealed`](crate::danger::KeysRevealed) allowed.
    KeysRevealed,
}

impl Warning {
    /// A name that does not change, for logs and monitoring.
    pub fn code(self) -> &'static str {
        match self {
            Warning::NotEncrypted => "not-encrypted",
            Warning::StarttlsNotOffered => "starttls-not-offered",
            Warning::MechanismsInClear => "mechanisms-in-clear",
            Warning::OldVersion(_) => "old-version",
            Warning::NotForwardSecret => "not-forward-secret",
            Warning::NotAuthenticated => "not-authenticated",
            Warning::DialbackAlone => "dialback-alone",
            Warning::WeakKey => "weak-key",
            Warning::WeakSignature => "weak-signature",
            Warning::UsageException(_) => "usage-exception",
            Warning::ExpiresSoon { .. } => "expires-soon",
            Warning::NotValidNow => "not-valid-now",
            Warning::CertificateChanged(_) => "certificate-changed",
            Warning::WeakerThanBefore(_) => "weaker-than-before",
            Warning::KeysRevealed => "keys-revealed",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::NotEncrypted => f.write_str("everybody on the path can read and change this stream"),
            Warning::StarttlsNotOffered => {
                f.write_str("STARTTLS was not offered: somebody may have taken the offer out")
            }
            Warning::MechanismsInClear => f.write_str("the peer offers logins without TLS"),
            Warning::OldVersion(version) => write!(f, "{version} has known attacks (RFC 8996, RFC 7568)"),
            Warning::NotForwardSecret => f.write_str("whoever steals the server's key can read what was recorded"),
            Warning::NotAuthenticated => f.write_str("the peer may be anybody"),
            Warning::DialbackAlone => f.write_str("by dialback alone: whoever forges the DNS can be the peer"),
            Warning::WeakKey => f.write_str("the certificate's key is too short (RFC 9325 section 4.5)"),
            Warning::WeakSignature => f.write_str("the certificate is signed with a broken hash (RFC 9155)"),
            Warning::UsageException(exception) => write!(f, "the certificate {exception}"),
            Warning::ExpiresSoon { days: 0 } => f.write_str("the certificate ends within a day"),
            Warning::ExpiresSoon { days: 1 } => f.write_str("the certificate ends in 1 day"),
            Warning::ExpiresSoon { days } => write!(f, "the certificate ends in {days} days"),
            Warning::NotValidNow => f.write_str("the certificate is not valid at this time"),
            Warning::CertificateChanged(change) => write!(f, "the certificate changed: {change}"),
            Warning::WeakerThanBefore(change) => write!(f, "weaker than before: {change}"),
            Warning::KeysRevealed => f.write_str("whoever has the log of keys reads everything"),
        }
    }
}

impl SecurityReport {
    /// What needs neither time nor memory.
    pub(super) fn lasting_warnings(&self, leaf: Option<&CertificateFacts>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let mut warn = |applies: bool, warning| {
            if applies {
                warnings.push(warning);
            }
        };
        let tls = self.tls.as_ref();
        warn(tls.is_none(), Warning::NotEncrypted);
        if let Some(offer) = self.clear_offer().filter(|_| self.side == Side::Initiating) {
            warn(offer.starttls.is_none(), Warning::StarttlsNotOffered);
            warn(!offer.mechanisms.is_empty(), Warning::MechanismsInClear);
        }
        if let Some(TlsReport {
            version,
            forward_secret,
            ..
        }) = tls
        {
            warn(*version < TlsVersion::TLS_1_2, Warning::OldVersion(*version));
            warn(!forward_secret, Warning::NotForwardSecret);
        }
        match &self.authentication {
            Authentication::Rejected { .. } => warn(tls.is_some(), Warning::NotAuthenticated),
            Authentication::Certificate {
                chain:
                    ChainStatus::Trusted {
                        exception: Some(exception),
                        ..
                    },
                ..
            } => warn(true, Warning::UsageException(*exception)),
            Authentication::Certificate { .. } | Authentication::NotAsked => {}
        }
        if let Some(leaf) = leaf {
            warn(leaf.weak_key, Warning::WeakKey);
            // Who signs for himself is believed for other reasons than that signature.
            warn(leaf.weak_signature && !leaf.self_signed, Warning::WeakSignature);
        }
        warn(tls.is_some_and(|tls| tls.keys_revealed), Warning::KeysRevealed);
        warnings
    }
}

/// What the time says of a certificate.
pub(super) fn of_validity(leaf: &CertificateFacts, now: UnixTime, expiring_within: Duration) -> Option<Warning> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let left = leaf.not_after.saturating_sub(now);
    if left < 0 || now < leaf.not_before {
        return Some(Warning::NotValidNow);
    }
    let threshold = i64::try_from(expiring_within.as_secs()).unwrap_or(i64::MAX);
    let days = u32::try_from(left / DAY).unwrap_or(u32::MAX);
    (left < threshold).then_some(Warning::ExpiresSoon { days })
}

/// What a ledger's policy wants somebody to look at: the gravest change of the certificate, and the gravest loss.
pub(super) fn of_changes(found: &Assessment) -> impl Iterator<Item = Warning> {
    let alarming = found.reaction > Reaction::Inform;
    let first = |is_meant: fn(Change) -> bool| found.changes.iter().find(|change| alarming && is_meant(*change));
    let certificate = first(|change| match change {
        Change::Renewed
        | Change::Reissued
        | Change::KeyRotated
        | Change::NamesChanged
        | Change::KeyChangedEarly
        | Change::IssuerAndKeyChanged => true,
        Change::Unchanged
        | Change::FirstSeen
        | Change::TrustLowered
        | Change::AuthenticationLost
        | Change::EncryptionLost => false,
    });
    let loss = first(|change| match change {
        Change::TrustLowered | Change::AuthenticationLost | Change::EncryptionLost => true,
        Change::Unchanged
        | Change::FirstSeen
        | Change::Renewed
        | Change::Reissued
        | Change::KeyRotated
        | Change::NamesChanged
        | Change::KeyChangedEarly
        | Change::IssuerAndKeyChanged => false,
    });
    let certificate = certificate.map(Warning::CertificateChanged);
    certificate.into_iter().chain(loss.map(Warning::WeakerThanBefore))
}
