//! Bounds on what a peer can make us look at. Generous against what public CAs issue (100 names,
//! chains of 3) and small against what costs (a TLS handshake message holds 64 KiB).

/// Names in one subjectAltName.
pub(crate) const MAX_NAMES: usize = 512;
/// Certificates in one presented chain, the leaf included.
pub(crate) const MAX_CHAIN: usize = 10;
/// Octets in one presented chain.
pub(crate) const MAX_CHAIN_OCTETS: usize = 128 * 1024;
/// Subtrees in the name constraints of one path.
pub(crate) const MAX_SUBTREES: usize = 1024;
/// Characters of a text from a certificate that are kept for display.
pub(crate) const MAX_TEXT: usize = 200;
/// Identifiers listed in one line of an error; the error itself holds all of them.
pub(crate) const MAX_LISTED: usize = 8;
