//! Possession: the signature of the handshake, checked with the bare public key.

use crate::certificate::Certificate;
use ::rustls::client::danger::HandshakeSignatureValid;
use ::rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use ::rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved};
use pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

/// Checks the signature of a TLS 1.3 handshake with the bare public key of a certificate: for verifiers
/// that must not stop at certificates which rustls' own parser refuses.
///
/// # Errors
/// If the peer does not hold the key, or its algorithm is none of these.
pub fn verify_tls13_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    verify_tls13_signature_with_raw_key(message, &key(certificate)?, signed, algorithms)
}

/// The same for TLS 1.2, for which rustls itself has it only with a certificate that it can read.
///
/// # Errors
/// If the peer does not hold the key, or its algorithm is none of these.
pub fn verify_tls12_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let spki = key(certificate)?;
    let key = webpki::RawPublicKeyEntity::try_from(&spki).map_err(|_| bad_encoding())?;
    let Some((_, candidates)) = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme) else {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    };
    // A scheme of TLS 1.2 names the hash and not the curve: one of several algorithms fits the key.
    for algorithm in *candidates {
        match key.verify_signature(*algorithm, message, signed.signature()) {
            Ok(()) => return Ok(HandshakeSignatureValid::assertion()),
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => break,
        }
    }
    Err(CertificateError::BadSignature.into())
}

fn key<'a>(certificate: &'a CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'a>, Error> {
    let certificate = Certificate::parse(certificate).map_err(|_| bad_encoding())?;
    Ok(SubjectPublicKeyInfoDer::from(certificate.spki_der))
}

fn bad_encoding() -> Error {
    CertificateError::BadEncoding.into()
}

/// The part of a verifier of rustls that is the same for all: it proves possession, always.
macro_rules! proves_possession {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &::pki_types::CertificateDer<'_>,
            signed: &::rustls::DigitallySignedStruct,
        ) -> Result<::rustls::client::danger::HandshakeSignatureValid, ::rustls::Error> {
            $crate::rustls::verify_tls12_signature(message, certificate, signed, &self.algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &::pki_types::CertificateDer<'_>,
            signed: &::rustls::DigitallySignedStruct,
        ) -> Result<::rustls::client::danger::HandshakeSignatureValid, ::rustls::Error> {
            $crate::rustls::verify_tls13_signature(message, certificate, signed, &self.algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<::rustls::SignatureScheme> {
            self.algorithms.supported_schemes()
        }
    };
}

pub(super) use proves_possession;
