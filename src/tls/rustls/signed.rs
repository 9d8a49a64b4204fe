//! What a server signed its handshake with: rustls tells only its verifier.

use ::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use ::rustls::{DigitallySignedStruct, Error, SignatureScheme};
use pki_types::{CertificateDer, ServerName, UnixTime};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

/// The scheme of the last handshake that was signed; 0, which is none: there was no such handshake.
#[derive(Debug, Clone, Default)]
pub(super) struct Signed(Arc<AtomicU16>);

impl Signed {
    /// By its name in the registry "TLS SignatureScheme".
    pub(super) fn scheme(&self) -> Option<Cow<'static, str>> {
        let code = self.0.load(Ordering::Relaxed);
        let name = match SignatureScheme::from(code) {
            SignatureScheme::RSA_PKCS1_SHA256 => "rsa_pkcs1_sha256",
            SignatureScheme::RSA_PKCS1_SHA384 => "rsa_pkcs1_sha384",
            SignatureScheme::RSA_PKCS1_SHA512 => "rsa_pkcs1_sha512",
            SignatureScheme::ECDSA_NISTP256_SHA256 => "ecdsa_secp256r1_sha256",
            SignatureScheme::ECDSA_NISTP384_SHA384 => "ecdsa_secp384r1_sha384",
            SignatureScheme::ECDSA_NISTP521_SHA512 => "ecdsa_secp521r1_sha512",
            SignatureScheme::RSA_PSS_SHA256 => "rsa_pss_rsae_sha256",
            SignatureScheme::RSA_PSS_SHA384 => "rsa_pss_rsae_sha384",
            SignatureScheme::RSA_PSS_SHA512 => "rsa_pss_rsae_sha512",
            SignatureScheme::ED25519 => "ed25519",
            _ => return (code != 0).then(|| format!("{code:#06x}").into()),
        };
        Some(name.into())
    }
}

/// A verifier, and what it was asked about.
#[derive(Debug)]
pub(super) struct Noting<V> {
    pub(super) inner: V,
    pub(super) signed: Signed,
}

impl<V> Noting<V> {
    fn note(&self, signed: &DigitallySignedStruct) {
        self.signed.0.store(u16::from(signed.scheme), Ordering::Relaxed);
    }
}

impl<V: ServerCertVerifier> ServerCertVerifier for Noting<V> {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.inner
            .verify_server_cert(leaf, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.note(signed);
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.note(signed);
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
