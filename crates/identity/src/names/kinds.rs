use std::ops::BitOr;

/// A set of identifier kinds, for [`ReferenceIds::with_accepted`](crate::ReferenceIds::with_accepted).
///
/// ```
/// use xmpp_identity::IdKinds;
///
/// let kinds = IdKinds::DNS | IdKinds::SRV;
/// assert!(kinds.contains(IdKinds::SRV) && !kinds.contains(IdKinds::XMPP_ADDR));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdKinds(u8);

impl IdKinds {
    /// DNS-ID (dNSName).
    pub const DNS: IdKinds = IdKinds(1);
    /// SRV-ID (SRVName, RFC 4985).
    pub const SRV: IdKinds = IdKinds(2);
    /// XmppAddr (RFC 6120 section 13.7.1.4), which RFC 6120 keeps for old certificates.
    pub const XMPP_ADDR: IdKinds = IdKinds(4);
    /// IP-ID (iPAddress).
    pub const IP: IdKinds = IdKinds(8);
    /// None of them.
    pub const NONE: IdKinds = IdKinds(0);
    /// All of them, the default of [`ReferenceIds`](crate::ReferenceIds).
    pub const ALL: IdKinds = IdKinds(15);

    /// Whether all of `kinds` are in this set.
    pub const fn contains(self, kinds: IdKinds) -> bool {
        self.0 & kinds.0 == kinds.0
    }
}

impl BitOr for IdKinds {
    type Output = IdKinds;

    fn bitor(self, other: IdKinds) -> IdKinds {
        IdKinds(self.0 | other.0)
    }
}
