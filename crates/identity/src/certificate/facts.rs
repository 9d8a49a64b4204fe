use crate::certificate::Certificate;
use crate::certificate::algorithms;
use crate::certificate::text::{self, hex};
use crate::certificate::time;
use crate::error::CertificateError;
use crate::names::presented::{IgnoreReason, IgnoredId, PresentedId, PresentedIds};
use crate::path::floor::Floor;
use pki_types::{CertificateDer, UnixTime};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_OCSP;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// What a report says about one certificate. Descriptive only: nothing here decides anything.
///
/// Texts from the certificate are bounded and safe to show. With the feature `serde` it serialises,
/// fingerprints as hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CertificateFacts {
    /// `CN=im.example.org, O=Example`.
    pub subject: String,
    /// Who signed it, in the same form.
    pub issuer: String,
    /// The issuer's organization, as far as it is named: most CAs sign with several keys in turn, each under a
    /// name of its own, and this is what stays.
    pub issuer_organization: Option<String>,
    /// Which key of the issuer signed it: the authorityKeyIdentifier (RFC 5280 section 4.2.1.1) in hexadecimal.
    pub issuer_key: Option<String>,
    /// Serial number in hexadecimal.
    pub serial: String,
    /// First second of its validity, since 1970.
    pub not_before: i64,
    /// Last second of its validity, since 1970.
    pub not_after: i64,
    /// Host names, wildcards as they are.
    pub dns: Vec<String>,
    /// Services: `_xmpp-client.im.example.org`.
    pub srv: Vec<String>,
    /// Domains and users as JIDs.
    pub xmpp_addr: Vec<String>,
    /// Addresses.
    pub ip: Vec<IpAddr>,
    /// Names that do not count, with reasons.
    pub ignored: Vec<IgnoredId>,
    /// `ECDSA P-256`, `RSA 2048`, `Ed25519`.
    pub key_type: String,
    /// Size of the key; 0 if unknown.
    pub key_bits: usize,
    /// Whether the key is below the floor: RSA under 2048 bits, a curve under 256 (RFC 9325 section 4.5).
    pub weak_key: bool,
    /// `ecdsa-with-SHA256`.
    pub signature_algorithm: String,
    /// Whether that algorithm vouches for nothing any more: MD5, SHA-1 (RFC 9155).
    pub weak_signature: bool,
    /// What extendedKeyUsage lists: `serverAuth`; `None` without that extension.
    pub extended_key_usage: Option<Vec<String>>,
    /// Where its issuer answers whether it is revoked (authorityInfoAccess, RFC 5280 section 4.2.2.1): at most 4. Nothing is
    /// fetched.
    pub ocsp: Vec<String>,
    /// Where its issuer's revocation lists are (cRLDistributionPoints, RFC 5280 section 4.2.1.13): at most 4. Nothing is
    /// fetched; see [`Revocation`](crate::Revocation).
    pub crl: Vec<String>,
    /// Whether it is a CA's.
    pub is_ca: bool,
    /// Whether it names itself as its issuer. Who really signed it is for the verdict to say.
    pub self_signed: bool,
    /// SHA-256 of the certificate.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_hex"))]
    pub sha256: [u8; 32],
    /// SHA-256 of the SubjectPublicKeyInfo; the same after a renewal with the same key.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_hex"))]
    pub spki_sha256: [u8; 32],
}

impl CertificateFacts {
    /// Reads a certificate, of any version and however odd.
    ///
    /// # Errors
    /// If the bytes are no certificate.
    pub fn from_der(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let parsed = Certificate::parse(certificate)?;
        let (rest, x509) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::NotACertificate)?;
        if !rest.is_empty() {
            return Err(CertificateError::NotACertificate);
        }
        let (signature_algorithm, hash) = algorithms::signature(parsed.signature_algorithm());
        let floor = Floor::default();
        let mut facts = CertificateFacts {
            subject: text::distinguished_name(parsed.subject),
            issuer: text::distinguished_name(parsed.issuer),
            issuer_organization: organization(&x509),
            issuer_key: issuer_key(&x509),
            serial: short_hex(x509.raw_serial()),
            not_before: x509.validity().not_before.timestamp(),
            not_after: x509.validity().not_after.timestamp(),
            dns: Vec::new(),
            srv: Vec::new(),
            xmpp_addr: Vec::new(),
            ip: Vec::new(),
            ignored: Vec::new(),
            key_type: String::new(),
            key_bits: 0,
            weak_key: false,
            signature_algorithm: signature_algorithm.into_owned(),
            weak_signature: !floor.bears_hash(hash),
            extended_key_usage: parsed.key_purposes().map(|listed| {
                listed
                    .unwrap_or_default()
                    .into_iter()
                    .map(algorithms::purpose)
                    .collect()
            }),
            ocsp: ocsp(&x509),
            crl: crl(&x509),
            is_ca: x509.is_ca(),
            self_signed: parsed.issuer == parsed.subject,
            sha256: Sha256::digest(certificate).into(),
            spki_sha256: Sha256::digest(x509.public_key().raw).into(),
        };
        if let Ok((algorithm, key)) = parsed.public_key() {
            let key = algorithms::key(algorithm, key);
            facts.weak_key = !floor.bears_key(&key);
            facts.key_type = key.name.into_owned();
            facts.key_bits = key.bits;
        }
        match PresentedIds::from_certificate(certificate) {
            Ok(names) => facts.take_names(names),
            Err(error) => facts.ignored.push(IgnoredId {
                kind: "subjectAltName",
                value: error.to_string(),
                reason: IgnoreReason::Encoding("the extension cannot be read"),
            }),
        }
        Ok(facts)
    }

    fn take_names(&mut self, names: PresentedIds) {
        let (ids, ignored) = names.into_parts();
        self.ignored = ignored;
        for id in ids {
            match id {
                PresentedId::Dns(name) => self.dns.push(name),
                PresentedId::Srv { service, name } => self.srv.push(format!("{service}.{name}")),
                PresentedId::XmppAddr(jid) => self.xmpp_addr.push(text::escaped(&jid)),
                PresentedId::Ip(address) => self.ip.push(address),
                PresentedId::Certificate(_) => {} // not in a certificate
            }
        }
    }

    /// `2026-11-22 16:13:29 UTC`.
    pub fn not_before_text(&self) -> String {
        time::text(self.not_before)
    }

    /// `2027-02-20 16:13:29 UTC`.
    pub fn not_after_text(&self) -> String {
        time::text(self.not_after)
    }

    /// Whole days until its validity ends, rounded down: 0 on the last day, negative behind it.
    pub fn days_left(&self, now: UnixTime) -> i64 {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        self.not_after.saturating_sub(now).div_euclid(86_400)
    }

    /// Whether extendedKeyUsage lists serverAuth and nothing else that lets it authenticate a TLS client: what public CAs
    /// issue since 2026.
    pub fn is_server_auth_only(&self) -> bool {
        let Some(listed) = &self.extended_key_usage else {
            return false;
        };
        let lists = |name: &str| listed.iter().any(|usage| usage == name);
        lists("serverAuth") && !lists("clientAuth") && !lists("anyExtendedKeyUsage")
    }

    /// [`sha256`](CertificateFacts::sha256) in hexadecimal.
    pub fn sha256_hex(&self) -> String {
        hex(&self.sha256)
    }

    /// [`spki_sha256`](CertificateFacts::spki_sha256) in hexadecimal.
    pub fn spki_sha256_hex(&self) -> String {
        hex(&self.spki_sha256)
    }
}

fn organization(certificate: &X509Certificate<'_>) -> Option<String> {
    let named = certificate.issuer().iter_organization().next()?;
    named.as_str().ok().map(text::escaped)
}

fn issuer_key(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(named) => named.key_identifier.as_ref(),
            _ => None,
        })
        .map(|identifier| short_hex(identifier.0))
}

/// Pointers that are kept of each kind.
const MAX_POINTERS: usize = 4;

fn ocsp(certificate: &X509Certificate<'_>) -> Vec<String> {
    let accesses = parsed(certificate).filter_map(|extension| match extension {
        ParsedExtension::AuthorityInfoAccess(access) => Some(&access.accessdescs),
        _ => None,
    });
    let responders = accesses
        .flatten()
        .filter(|access| access.access_method == OID_PKIX_ACCESS_DESCRIPTOR_OCSP);
    let pointers = responders.filter_map(|access| uri(&access.access_location));
    pointers.take(MAX_POINTERS).collect()
}

fn crl(certificate: &X509Certificate<'_>) -> Vec<String> {
    let points = parsed(certificate).filter_map(|extension| match extension {
        ParsedExtension::CRLDistributionPoints(points) => Some(&points.points),
        _ => None,
    });
    let names = points.flatten().filter_map(|point| match &point.distribution_point {
        Some(DistributionPointName::FullName(names)) => Some(names),
        _ => None,
    });
    names.flatten().filter_map(uri).take(MAX_POINTERS).collect()
}

fn parsed<'a>(certificate: &'a X509Certificate<'_>) -> impl Iterator<Item = &'a ParsedExtension<'a>> {
    let extensions = certificate.extensions().iter();
    extensions.map(|extension| extension.parsed_extension())
}

fn uri(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(uri) => Some(text::escaped(uri)),
        _ => None,
    }
}

/// Identifiers have 20 octets, rarely 32; a certificate may say anything.
fn short_hex(octets: &[u8]) -> String {
    hex(octets.get(..64).unwrap_or(octets))
}

#[cfg(feature = "serde")]
fn as_hex<S: serde::Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(bytes))
}
