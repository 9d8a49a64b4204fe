//! What embedded-tls asks of a program: randomness, and the judgement of a certificate.

use digest::Digest;
use embedded_tls::blocking::{
    Aes128GcmSha256, CertificateEntryRef, CertificateRef, CertificateVerifyRef, CryptoProvider, Sha256, TlsError,
    TlsVerifier,
};
use embedded_tls::{CryptoRngCore, SignatureScheme};
use pki_types::{CertificateDer, UnixTime};
use rand_core::OsRng;
use std::time::SystemTime;
use webpki::EndEntityCert;
use xmpp_identity::{IdentityVerifier, Purpose, ReferenceIds, Verdict};

pub(crate) struct Provider(pub(crate) Checker);

impl CryptoProvider for Provider {
    type CipherSuite = Aes128GcmSha256;
    type Signature = [u8; 0]; // we have no certificate of our own

    fn rng(&mut self) -> impl CryptoRngCore {
        OsRng
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.0)
    }
}

pub(crate) struct Checker {
    verifier: IdentityVerifier,
    references: ReferenceIds,
    leaf: Option<CertificateDer<'static>>,
    /// What the server signs to prove that it has the key (RFC 8446 section 4.4.3).
    proof: Vec<u8>,
    verdict: Option<Verdict>,
}

impl Checker {
    pub(crate) fn new(verifier: IdentityVerifier, references: ReferenceIds) -> Self {
        Checker {
            verifier,
            references,
            leaf: None,
            proof: Vec::new(),
            verdict: None,
        }
    }

    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }
}

impl TlsVerifier<Aes128GcmSha256> for Checker {
    /// What is expected was decided before the handshake.
    fn set_hostname_verification(&mut self, _server_name: &str) -> Result<(), TlsError> {
        Ok(())
    }

    fn verify_certificate(&mut self, transcript: &Sha256, shown: CertificateRef<'_>) -> Result<(), TlsError> {
        let chain: Vec<CertificateDer<'_>> = shown
            .entries
            .iter()
            .map(|entry| match entry {
                CertificateEntryRef::X509(der) => Ok(CertificateDer::from(*der)),
                CertificateEntryRef::RawPublicKey(_) => Err(TlsError::InvalidCertificate),
            })
            .collect::<Result<_, _>>()?;
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_err(|_| TlsError::InternalError)?;
        let now = UnixTime::since_unix_epoch(since);
        let verdict = self.verifier.verify(&chain, &self.references, Purpose::Server, now);
        let good = verdict.check().map(drop).map_err(|_| TlsError::InvalidCertificate);
        self.verdict = Some(verdict);
        self.leaf = chain.first().map(|leaf| leaf.clone().into_owned());
        self.proof = [0x20; 64].to_vec();
        self.proof.extend_from_slice(b"TLS 1.3, server CertificateVerify\0");
        self.proof.extend_from_slice(&transcript.clone().finalize());
        good
    }

    fn verify_signature(&mut self, verify: CertificateVerifyRef<'_>) -> Result<(), TlsError> {
        // What the demonstration's server has; a real client looks the scheme up among those it offered.
        if verify.signature_scheme != SignatureScheme::EcdsaSecp256r1Sha256 {
            return Err(TlsError::InvalidSignatureScheme);
        }
        let leaf = self.leaf.as_ref().ok_or(TlsError::InvalidCertificate)?;
        let leaf = EndEntityCert::try_from(leaf).map_err(|_| TlsError::InvalidCertificate)?;
        leaf.verify_signature(webpki::ring::ECDSA_P256_SHA256, &self.proof, verify.signature)
            .map_err(|_| TlsError::InvalidSignature)
    }
}
