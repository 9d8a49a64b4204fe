use crate::error::IdentityError;
use crate::path::chain_error::ChainError;
use ::rustls::{CertificateError, Error, OtherError};
use std::sync::Arc;

/// A finding as an error of rustls: the one whose alert (RFC 8446 section 6.2) fits it.
pub fn certificate_error(error: IdentityError) -> Error {
    Error::InvalidCertificate(match error.chain() {
        Some(_) if error.is_expired() => CertificateError::Expired,
        Some(_) if error.is_not_yet_valid() => CertificateError::NotValidYet,
        Some(_) if error.is_untrusted() => CertificateError::UnknownIssuer,
        Some(ChainError::Revoked { .. }) => CertificateError::Revoked,
        Some(ChainError::RevocationUnknown { .. }) => CertificateError::UnknownRevocationStatus,
        Some(ChainError::RevocationListExpired { .. }) => CertificateError::ExpiredRevocationList,
        Some(ChainError::WrongPurpose { .. } | ChainError::WrongKeyUsage { .. }) => CertificateError::InvalidPurpose,
        Some(ChainError::Refused { .. }) => CertificateError::ApplicationVerificationFailure,
        Some(ChainError::BadSignature { .. }) => CertificateError::BadSignature,
        Some(_) => CertificateError::Other(OtherError(Arc::new(error))),
        None if error.is_name_mismatch() => CertificateError::NotValidForName,
        None => CertificateError::Other(OtherError(Arc::new(error))),
    })
}
