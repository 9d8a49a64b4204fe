use super::{Change, Changes, Voucher};
use std::fmt;

/// What to do about a [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Reaction {
    /// A line in a log; the certificate counts as known from now on.
    Inform,
    /// Somebody should look at it; the connection goes on, and it is said again each time until it is acknowledged.
    Warn,
    /// The connection ends before anything is said on it, until it is acknowledged.
    Refuse,
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reaction::Inform => "information",
            Reaction::Warn => "WARNING",
            Reaction::Refuse => "REFUSED",
        })
    }
}

/// What to do about each [`Change`], as plain data.
///
/// By default nothing is refused: a change alone is no proof of an attack, and RFC 9525 section 6.6 advises against
/// limiting later connections to the one certificate that was seen. [`ChangePolicy::strict`] is for those who would
/// rather be cut off than intercepted.
///
/// With the feature `serde` it reads from a table such as
///
/// ```toml
/// key-changed-early = "refuse"
/// issuer-and-key-changed = "refuse"
/// calmed-by-posh = false
/// ```
///
/// where what is left out is as in the default, and an unknown name is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case", default, deny_unknown_fields))]
#[non_exhaustive]
pub struct ChangePolicy {
    /// Nothing was known of the domain. Information by default.
    pub first_seen: Reaction,
    /// Another certificate for the same key. Information by default.
    pub renewed: Reaction,
    /// The same for another authority. Information by default: the key says that it is the same peer.
    pub reissued: Reaction,
    /// A new key at the time of renewal. Information by default.
    pub key_rotated: Reaction,
    /// Other names. A warning by default.
    pub names_changed: Reaction,
    /// A pin or DANE is gone. A warning by default.
    pub trust_lowered: Reaction,
    /// A new key before its time. A warning by default.
    pub key_changed_early: Reaction,
    /// A new key of another authority. A warning by default.
    pub issuer_and_key_changed: Reaction,
    /// The certificate is not good any more. A warning by default.
    pub authentication_lost: Reaction,
    /// No TLS any more. A warning by default.
    pub encryption_lost: Reaction,
    /// Whether another certificate is only information where TLSA records vouch for it. Yes by default.
    pub calmed_by_dane: bool,
    /// The same for POSH, which whoever can get a certificate for the domain can forge. Yes by default.
    pub calmed_by_posh: bool,
    /// The same for pins. Yes by default.
    pub calmed_by_pin: bool,
    /// The ledger cannot be read, so that nothing can be compared. A warning by default.
    pub unavailable: Reaction,
}

impl Default for ChangePolicy {
    fn default() -> Self {
        ChangePolicy {
            first_seen: Reaction::Inform,
            renewed: Reaction::Inform,
            reissued: Reaction::Inform,
            key_rotated: Reaction::Inform,
            names_changed: Reaction::Warn,
            trust_lowered: Reaction::Warn,
            key_changed_early: Reaction::Warn,
            issuer_and_key_changed: Reaction::Warn,
            authentication_lost: Reaction::Warn,
            encryption_lost: Reaction::Warn,
            calmed_by_dane: true,
            calmed_by_posh: true,
            calmed_by_pin: true,
            unavailable: Reaction::Warn,
        }
    }
}

impl ChangePolicy {
    /// Refuses a key that changes before its time or to another authority, every loss of trust, authentication or
    /// encryption, and to go on without the ledger. POSH does not calm it.
    pub fn strict() -> Self {
        ChangePolicy {
            trust_lowered: Reaction::Refuse,
            key_changed_early: Reaction::Refuse,
            issuer_and_key_changed: Reaction::Refuse,
            authentication_lost: Reaction::Refuse,
            encryption_lost: Reaction::Refuse,
            unavailable: Reaction::Refuse,
            calmed_by_posh: false,
            ..ChangePolicy::default()
        }
    }

    /// What to do about one change.
    pub fn reaction(&self, change: Change) -> Reaction {
        match change {
            Change::Unchanged => Reaction::Inform,
            Change::Renewed => self.renewed,
            Change::Reissued => self.reissued,
            Change::KeyRotated => self.key_rotated,
            Change::FirstSeen => self.first_seen,
            Change::NamesChanged => self.names_changed,
            Change::TrustLowered => self.trust_lowered,
            Change::KeyChangedEarly => self.key_changed_early,
            Change::IssuerAndKeyChanged => self.issuer_and_key_changed,
            Change::AuthenticationLost => self.authentication_lost,
            Change::EncryptionLost => self.encryption_lost,
        }
    }

    /// What to do about all of them: what the gravest reaction says.
    pub fn reaction_to(&self, changes: Changes, voucher: Voucher) -> Reaction {
        let reactions = changes.iter().map(|change| self.calmed(change, voucher));
        reactions.max().unwrap_or(Reaction::Inform)
    }

    /// Of these changes, those that keep a certificate from counting as known.
    pub(super) fn pending(&self, changes: Changes, voucher: Voucher) -> Changes {
        changes.only(|change| change.is_of_certificate() && self.calmed(change, voucher) > Reaction::Inform)
    }

    fn calmed(&self, change: Change, voucher: Voucher) -> Reaction {
        let calm = match voucher {
            Voucher::Dane => self.calmed_by_dane,
            Voucher::Posh => self.calmed_by_posh,
            Voucher::Pin => self.calmed_by_pin,
            Voucher::Nobody | Voucher::Anchors | Voucher::Source | Voucher::DomainAnchors => false,
        };
        match calm && change.is_of_certificate() {
            true => Reaction::Inform,
            false => self.reaction(change),
        }
    }
}
