//! The parts of a certificate (RFC 5280 section 4.1) that identity needs, borrowed from its DER.

pub(crate) mod algorithms;
pub(crate) mod der;
pub(crate) mod end_point;
pub(crate) mod facts;
pub(crate) mod text;
pub(crate) mod time;

use self::der::{NotDer, Reader};
use crate::error::CertificateError;
use pki_types::SignatureVerificationAlgorithm;

const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];

/// A certificate taken apart. Names and algorithms are the contents of their SEQUENCE, as trust
/// anchors and algorithm identifiers hold them.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    tbs: &'a [u8],
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
    /// Contents of the serial number, its sign octet included.
    pub(crate) serial: &'a [u8],
    pub(crate) issuer: &'a [u8],
    validity: &'a [u8],
    pub(crate) subject: &'a [u8],
    /// Contents of the SubjectPublicKeyInfo, and the whole of it: what pins are made of.
    pub(crate) spki: &'a [u8],
    pub(crate) spki_der: &'a [u8],
    /// Values of the extensions, the contents of their OCTET STRING.
    pub(crate) subject_alt_name: Option<&'a [u8]>,
    pub(crate) name_constraints: Option<&'a [u8]>,
    key_usage: Option<&'a [u8]>,
    extended_key_usage: Option<&'a [u8]>,
}

/// What checking a signature came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    Good,
    Bad,
    /// No algorithm for this signature and key is among those configured.
    Unsupported,
}

impl<'a> Certificate<'a> {
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, CertificateError> {
        Self::read(der).map_err(|NotDer| CertificateError::NotACertificate)?
    }

    /// The outer error is for bytes that are no certificate, the inner for a certificate that breaks rules.
    fn read(der: &'a [u8]) -> Result<Result<Self, CertificateError>, NotDer> {
        let mut outer = Reader::new(der::only(der, der::SEQUENCE)?);
        let tbs = outer.expect(der::SEQUENCE)?;
        let signature_algorithm = outer.expect(der::SEQUENCE)?.value;
        let signature = der::octet_bits(outer.expect(der::BIT_STRING)?.value)?;
        outer.end()?;

        let mut fields = Reader::new(tbs.value);
        fields.optional(der::constructed(0))?; // version
        let serial = fields.expect(der::INTEGER)?.value;
        fields.expect(der::SEQUENCE)?; // signature algorithm, again
        let issuer = fields.expect(der::SEQUENCE)?.value;
        let validity = fields.expect(der::SEQUENCE)?.value;
        let subject = fields.expect(der::SEQUENCE)?.value;
        let spki = fields.expect(der::SEQUENCE)?;
        fields.optional(der::context(1))?; // issuer and subject unique identifiers
        fields.optional(der::context(2))?;
        let extensions = fields.optional(der::constructed(3))?;
        fields.end()?;

        let mut certificate = Certificate {
            tbs: tbs.whole,
            signature_algorithm,
            signature,
            serial,
            issuer,
            validity,
            subject,
            spki: spki.value,
            spki_der: spki.whole,
            subject_alt_name: None,
            name_constraints: None,
            key_usage: None,
            extended_key_usage: None,
        };
        let Some(extensions) = extensions else {
            return Ok(Ok(certificate));
        };
        let mut list = Reader::new(der::only(extensions.value, der::SEQUENCE)?);
        while let Some(extension) = list.next()? {
            if extension.tag != der::SEQUENCE {
                return Err(NotDer);
            }
            let mut parts = Reader::new(extension.value);
            let id = parts.expect(der::OID)?.value;
            parts.optional(der::BOOLEAN)?; // critical
            let value = parts.expect(der::OCTET_STRING)?.value;
            parts.end()?;
            let slot = match id {
                SUBJECT_ALT_NAME => &mut certificate.subject_alt_name,
                NAME_CONSTRAINTS => &mut certificate.name_constraints,
                KEY_USAGE => &mut certificate.key_usage,
                EXTENDED_KEY_USAGE => &mut certificate.extended_key_usage,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Ok(Err(CertificateError::DuplicateExtension));
            }
        }
        Ok(Ok(certificate))
    }

    /// notBefore and notAfter in seconds since 1970.
    pub(crate) fn validity(&self) -> Result<(i64, i64), NotDer> {
        let mut times = Reader::new(self.validity);
        let not_before = time::parse(times.next()?.ok_or(NotDer)?)?;
        let not_after = time::parse(times.next()?.ok_or(NotDer)?)?;
        times.end()?;
        Ok((not_before, not_after))
    }

    /// The object identifiers in extendedKeyUsage; `None` if there is no such extension.
    pub(crate) fn key_purposes(&self) -> Option<Result<Vec<&'a [u8]>, NotDer>> {
        let value = self.extended_key_usage?;
        let list = || {
            let mut list = Reader::new(der::only(value, der::SEQUENCE)?);
            let mut purposes = Vec::new();
            while let Some(purpose) = list.next()? {
                if purpose.tag != der::OID || purposes.len() >= 64 {
                    return Err(NotDer);
                }
                purposes.push(purpose.value);
            }
            Ok(purposes)
        };
        Some(list())
    }

    /// Whether keyUsage, if present, allows signatures: TLS 1.3 and every ECDHE suite need it
    /// (RFC 8446 section 4.4.2.2).
    pub(crate) fn may_sign(&self) -> bool {
        let Some(value) = self.key_usage else { return true };
        matches!(der::only(value, der::BIT_STRING), Ok([_, bits, ..]) if bits & 0x80 != 0)
    }

    /// Algorithm (contents of the AlgorithmIdentifier) and bits of the subject's key.
    pub(crate) fn public_key(&self) -> Result<(&'a [u8], &'a [u8]), NotDer> {
        key_of(self.spki)
    }

    /// The contents of the AlgorithmIdentifier the certificate is signed with.
    pub(crate) fn signature_algorithm(&self) -> &'a [u8] {
        self.signature_algorithm
    }

    /// Whether the key in `spki` (contents of a SubjectPublicKeyInfo) signed this certificate.
    pub(crate) fn signed_by(&self, spki: &[u8], algorithms: &[&dyn SignatureVerificationAlgorithm]) -> Signature {
        let Ok((key_algorithm, key)) = key_of(spki) else {
            return Signature::Unsupported;
        };
        let mut found = Signature::Unsupported;
        for algorithm in algorithms {
            if algorithm.signature_alg_id().as_ref() == self.signature_algorithm
                && algorithm.public_key_alg_id().as_ref() == key_algorithm
            {
                if algorithm.verify_signature(key, self.tbs, self.signature).is_ok() {
                    return Signature::Good;
                }
                found = Signature::Bad;
            }
        }
        found
    }
}

pub(crate) fn key_of(spki: &[u8]) -> Result<(&[u8], &[u8]), NotDer> {
    let mut fields = Reader::new(spki);
    let algorithm = fields.expect(der::SEQUENCE)?.value;
    let key = der::octet_bits(fields.expect(der::BIT_STRING)?.value)?;
    fields.end()?;
    Ok((algorithm, key))
}
