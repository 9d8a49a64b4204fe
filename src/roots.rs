//! Trust anchors for a [`ClientConfig`](crate::session::ClientConfig).

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, TrustAnchor};
use std::fmt;
use xmpp_identity::CertificateError;

/// Why there are no trust anchors.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// The text is not PEM.
    #[error("not PEM text: {0}")]
    Pem(String),
    /// A certificate in it cannot be a trust anchor.
    #[error("certificate number {number}: {error}")]
    Certificate {
        /// Its place in the text, from 1.
        number: usize,
        /// Why not.
        error: CertificateError,
    },
    /// No certificate was found, so that nobody could be trusted.
    #[error("no trust anchors found: {0}")]
    None(String),
}

/// Its text: a `main` that returns the error shows it this way.
impl fmt::Debug for RootsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootsError({self})")
    }
}

/// The certificates of a PEM text, for example a private CA's.
///
/// # Errors
///
/// The text is not PEM, holds no certificate, or one that cannot be a trust anchor.
pub fn from_pem(pem: &[u8]) -> Result<Vec<TrustAnchor<'static>>, RootsError> {
    let mut anchors = Vec::new();
    for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let certificate = certificate.map_err(|error| RootsError::Pem(error.to_string()))?;
        let anchor = xmpp_identity::trust_anchor(&certificate).map_err(|error| RootsError::Certificate {
            number: index + 1,
            error,
        })?;
        anchors.push(anchor);
    }
    if anchors.is_empty() {
        // What DER begins with: a SEQUENCE.
        let reason = match pem.first() {
            Some(0x30) => "this looks like DER, and PEM is needed: openssl x509 -inform der turns one into the other",
            _ => "the PEM text holds no certificate",
        };
        return Err(RootsError::None(reason.to_owned()));
    }
    Ok(anchors)
}

/// The trust anchors of the system. Certificates that cannot be one are left out, as other programs do.
///
/// # Errors
///
/// None was found.
#[cfg(feature = "native-roots")]
pub fn native() -> Result<Vec<TrustAnchor<'static>>, RootsError> {
    let found = rustls_native_certs::load_native_certs();
    let anchors: Vec<_> = found
        .certs
        .iter()
        .filter_map(|der| xmpp_identity::trust_anchor(der).ok())
        .collect();
    if anchors.is_empty() {
        let reasons: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        return Err(RootsError::None(reasons.join("; ")));
    }
    Ok(anchors)
}
