use std::fmt;

/// What differs between what a domain shows and what it showed before. The order is that of their gravity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Change {
    /// A certificate that is known here.
    Unchanged,
    /// Another certificate of the same authority for the same key.
    Renewed,
    /// Another authority certifies the same key: whoever has it is the same as before.
    Reissued,
    /// Another key, of the same authority, at the time at which certificates are renewed.
    KeyRotated,
    /// Nothing is known of this domain yet.
    FirstSeen,
    /// The certificate is for other names than those before.
    NamesChanged,
    /// What vouches for the domain is weaker than before: a pin or DANE is gone.
    TrustLowered,
    /// Another key long before the certificates known here end.
    KeyChangedEarly,
    /// Another key, and another authority certifies it.
    IssuerAndKeyChanged,
    /// The domain's certificate was good before, and this one is not.
    AuthenticationLost,
    /// There was TLS before, and now there is none.
    EncryptionLost,
}

impl Change {
    /// All of them, the least grave first.
    pub const ALL: &'static [Change] = &[
        Change::Unchanged,
        Change::Renewed,
        Change::Reissued,
        Change::KeyRotated,
        Change::FirstSeen,
        Change::NamesChanged,
        Change::TrustLowered,
        Change::KeyChangedEarly,
        Change::IssuerAndKeyChanged,
        Change::AuthenticationLost,
        Change::EncryptionLost,
    ];

    /// A name that does not change, for logs and monitoring, and the one in a policy.
    pub fn code(self) -> &'static str {
        match self {
            Change::Unchanged => "unchanged",
            Change::Renewed => "renewed",
            Change::Reissued => "reissued",
            Change::KeyRotated => "key-rotated",
            Change::FirstSeen => "first-seen",
            Change::NamesChanged => "names-changed",
            Change::TrustLowered => "trust-lowered",
            Change::KeyChangedEarly => "key-changed-early",
            Change::IssuerAndKeyChanged => "issuer-and-key-changed",
            Change::AuthenticationLost => "authentication-lost",
            Change::EncryptionLost => "encryption-lost",
        }
    }

    /// Whether it is about the certificate, which somebody can vouch for and an operator acknowledge. The others
    /// are about this connection.
    pub(super) fn is_of_certificate(self) -> bool {
        match self {
            Change::Renewed
            | Change::Reissued
            | Change::KeyRotated
            | Change::FirstSeen
            | Change::NamesChanged
            | Change::KeyChangedEarly
            | Change::IssuerAndKeyChanged => true,
            Change::Unchanged | Change::TrustLowered | Change::AuthenticationLost | Change::EncryptionLost => false,
        }
    }

    fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Change::Unchanged => "the certificate is known",
            Change::Renewed => "renewed with the same key",
            Change::Reissued => "the same key, certified by another authority",
            Change::KeyRotated => "a new key of the same authority, as the old certificate ends",
            Change::FirstSeen => "seen for the first time",
            Change::NamesChanged => "the certificate is for other names than before",
            Change::TrustLowered => "what vouched for the domain before does so no more",
            Change::KeyChangedEarly => "a new key although the old certificate is good for long",
            Change::IssuerAndKeyChanged => "a new key, certified by another authority",
            Change::AuthenticationLost => "the certificate was good before and is not now",
            Change::EncryptionLost => "there was TLS before and there is none now",
        })
    }
}

/// Everything that changed at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Changes(u16);

impl Changes {
    /// No change.
    pub const NONE: Changes = Changes(0);

    /// Whether this change is one of them.
    pub fn contains(self, change: Change) -> bool {
        self.0 & change.bit() != 0
    }

    /// The gravest.
    pub fn gravest(self) -> Option<Change> {
        self.iter().next()
    }

    /// Each of them, the gravest first.
    pub fn iter(self) -> impl Iterator<Item = Change> {
        Change::ALL
            .iter()
            .copied()
            .rev()
            .filter(move |change| self.contains(*change))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    pub(super) fn add(&mut self, change: Change) {
        self.0 |= change.bit();
    }

    pub(super) fn and(self, other: Changes) -> Changes {
        Changes(self.0 | other.0)
    }

    pub(super) fn only(self, keep: impl Fn(Change) -> bool) -> Changes {
        self.iter().filter(|change| keep(*change)).collect()
    }

    /// As a number, for stores.
    #[cfg(feature = "ledger-redb")]
    pub(super) fn bits(self) -> u16 {
        self.0
    }

    #[cfg(feature = "ledger-redb")]
    pub(super) fn from_bits(bits: u16) -> Option<Self> {
        let known = Change::ALL.iter().fold(0, |bits, change| bits | change.bit());
        (bits & !known == 0).then_some(Changes(bits))
    }
}

impl FromIterator<Change> for Changes {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        let mut set = Changes::NONE;
        changes.into_iter().for_each(|change| set.add(change));
        set
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The sentences, the gravest first.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, change) in self.iter().enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{change}")?;
        }
        Ok(())
    }
}
