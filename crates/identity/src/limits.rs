//! Bounds on what a peer can make us look at.

/// How much of what a peer shows is looked at. The defaults are generous against what public CAs issue
/// (100 names, chains of 3) and small against what costs (a TLS handshake message holds 64 KiB).
///
/// Signatures are bounded by path building itself: at most 100 are verified for one chain, and fewer
/// where the chain is shorter.
///
/// ```
/// let mut limits = xmpp_identity::Limits::default();
/// limits.names = 100;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Certificates in one presented chain, the leaf included.
    pub certificates: usize,
    /// Octets in one presented chain.
    pub octets: usize,
    /// Names in one subjectAltName.
    pub names: usize,
    /// Subtrees in the name constraints of one issuer.
    pub subtrees: usize,
}

impl Limits {
    pub(crate) const DEFAULT: Limits = Limits {
        certificates: 10,
        octets: 128 * 1024,
        names: 512,
        subtrees: 1024,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Issuer keys that are tried to explain a signature that failed.
pub(crate) const MAX_KEYS_TRIED: usize = 10;
/// Paths whose name constraints are compared when the first one forbids a name.
pub(crate) const MAX_PATHS: usize = 16;
/// Characters of a text from a certificate that are kept for display.
pub(crate) const MAX_TEXT: usize = 200;
/// Identifiers listed in one line of an error; the error itself holds all of them.
pub(crate) const MAX_LISTED: usize = 8;
