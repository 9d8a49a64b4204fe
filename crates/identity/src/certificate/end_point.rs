use crate::certificate::Certificate;
use crate::certificate::algorithms;
use pki_types::CertificateDer;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The data of the channel binding `tls-server-end-point` (RFC 5929 section 4.1): the hash of the server's
/// certificate, by the hash of the signature on it, and SHA-256 in place of MD5 and SHA-1.
///
/// `None` where it is not defined: the signature algorithm has no hash of its own (Ed25519, Ed448, ML-DSA) or
/// is unknown, or the bytes are no certificate.
pub fn server_end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let parsed = Certificate::parse(certificate).ok()?;
    let (name, _) = algorithms::signature(parsed.signature_algorithm());
    match &*name {
        "ecdsa-with-SHA256"
        | "sha256WithRSAEncryption"
        | "RSASSA-PSS SHA-256"
        | "sha1WithRSAEncryption"
        | "md5WithRSAEncryption"
        | "ecdsa-with-SHA1"
        | "dsa-with-SHA1"
        | "RSASSA-PSS SHA-1" => Some(Sha256::digest(certificate).to_vec()),
        "ecdsa-with-SHA384" | "sha384WithRSAEncryption" | "RSASSA-PSS SHA-384" => {
            Some(Sha384::digest(certificate).to_vec())
        }
        "ecdsa-with-SHA512" | "sha512WithRSAEncryption" | "RSASSA-PSS SHA-512" => {
            Some(Sha512::digest(certificate).to_vec())
        }
        _ => None,
    }
}
