//! Names and sizes of keys and signature algorithms, from their AlgorithmIdentifier.

use crate::certificate::der::{self, NotDer, Reader};
use crate::names::name::ON_XMPP_ADDR;
use crate::path::purpose::{ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH, SERVER_AUTH};
use std::borrow::Cow;

const RSA_PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const EC: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";

/// (object identifier, name, bits of the hash that is signed; none if the algorithm has none of its own to choose)
const SIGNATURES: &[(&[u8], &str, Option<usize>)] = &[
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", "ecdsa-with-SHA256", Some(256)),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", "ecdsa-with-SHA384", Some(384)),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", "ecdsa-with-SHA512", Some(512)),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b",
        "sha256WithRSAEncryption",
        Some(256),
    ),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c",
        "sha384WithRSAEncryption",
        Some(384),
    ),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d",
        "sha512WithRSAEncryption",
        Some(512),
    ),
    (b"\x2b\x65\x70", "Ed25519", None),
    (b"\x2b\x65\x71", "Ed448", None),
    (b"\x60\x86\x48\x01\x65\x03\x04\x03\x11", "ML-DSA-44", None),
    (b"\x60\x86\x48\x01\x65\x03\x04\x03\x12", "ML-DSA-65", None),
    (b"\x60\x86\x48\x01\x65\x03\x04\x03\x13", "ML-DSA-87", None),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05",
        "sha1WithRSAEncryption",
        Some(160),
    ),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04",
        "md5WithRSAEncryption",
        Some(128),
    ),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02",
        "md2WithRSAEncryption",
        Some(128),
    ),
    (b"\x2a\x86\x48\xce\x3d\x04\x01", "ecdsa-with-SHA1", Some(160)),
    (b"\x2a\x86\x48\xce\x38\x04\x03", "dsa-with-SHA1", Some(160)),
];

const HASHES: &[(&[u8], &str, usize)] = &[
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", "SHA-256", 256),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x02", "SHA-384", 384),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x03", "SHA-512", 512),
];

const CURVES: &[(&[u8], &str, usize)] = &[
    (b"\x2a\x86\x48\xce\x3d\x03\x01\x07", "ECDSA P-256", 256),
    (b"\x2b\x81\x04\x00\x22", "ECDSA P-384", 384),
    (b"\x2b\x81\x04\x00\x23", "ECDSA P-521", 521),
    (b"\x2b\x81\x04\x00\x0a", "ECDSA secp256k1", 256),
    (b"\x2b\x81\x04\x00\x21", "ECDSA P-224", 224),
    (b"\x2a\x86\x48\xce\x3d\x03\x01\x01", "ECDSA P-192", 192),
    (b"\x2b\x24\x03\x03\x02\x08\x01\x01\x07", "ECDSA brainpoolP256r1", 256),
    (b"\x2b\x24\x03\x03\x02\x08\x01\x01\x0b", "ECDSA brainpoolP384r1", 384),
    (b"\x2b\x24\x03\x03\x02\x08\x01\x01\x0d", "ECDSA brainpoolP512r1", 512),
];

const PURPOSES: &[(&[u8], &str)] = &[
    (SERVER_AUTH, "serverAuth"),
    (CLIENT_AUTH, "clientAuth"),
    (ANY_EXTENDED_KEY_USAGE, "anyExtendedKeyUsage"),
    (ON_XMPP_ADDR, "id-on-xmppAddr"),
    (b"\x2b\x06\x01\x05\x05\x07\x03\x03", "codeSigning"),
    (b"\x2b\x06\x01\x05\x05\x07\x03\x04", "emailProtection"),
    (b"\x2b\x06\x01\x05\x05\x07\x03\x08", "timeStamping"),
    (b"\x2b\x06\x01\x05\x05\x07\x03\x09", "OCSPSigning"),
];

/// Kind and size of a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// `RSA 2048`, `ECDSA P-256`, `Ed25519`, or a dotted object identifier.
    pub(crate) name: Cow<'static, str>,
    /// 0 if unknown.
    pub(crate) bits: usize,
    /// What its bits count for.
    pub(crate) kind: KeyKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    Curve,
    /// Unknown here, or on an unknown curve: the algorithms that the caller gave decide.
    Other,
}

/// Describes a key from its algorithm and bits; anything unreadable is described, never an error.
pub(crate) fn key(algorithm: &[u8], key: &[u8]) -> Key {
    let Ok((id, parameters)) = split(algorithm) else {
        return Key {
            name: "unreadable".into(),
            bits: 0,
            kind: KeyKind::Other,
        };
    };
    match id {
        RSA | RSA_PSS => {
            let bits = rsa_bits(key).unwrap_or(0);
            Key {
                name: match bits {
                    2048 => "RSA 2048".into(),
                    4096 => "RSA 4096".into(),
                    _ => format!("RSA {bits}").into(),
                },
                bits,
                kind: KeyKind::Rsa,
            }
        }
        EC => {
            let curve = parameters
                .and_then(|curve| der::only(curve, der::OID).ok())
                .unwrap_or_default();
            match CURVES.iter().find(|(id, ..)| *id == curve) {
                Some((_, name, bits)) => Key {
                    name: (*name).into(),
                    bits: *bits,
                    kind: KeyKind::Curve,
                },
                None => Key {
                    name: format!("ECDSA on curve {}", dotted(curve)).into(),
                    bits: 0,
                    kind: KeyKind::Other,
                },
            }
        }
        b"\x2b\x65\x70" => Key {
            name: "Ed25519".into(),
            bits: 256,
            kind: KeyKind::Curve,
        },
        b"\x2b\x65\x71" => Key {
            name: "Ed448".into(),
            bits: 456,
            kind: KeyKind::Curve,
        },
        _ => match SIGNATURES.iter().find(|(known, ..)| *known == id) {
            Some((_, name, _)) => Key {
                name: (*name).into(),
                bits: 0,
                kind: KeyKind::Other,
            },
            None => Key {
                name: dotted(id).into(),
                bits: 0,
                kind: KeyKind::Other,
            },
        },
    }
}

/// The name of a signature algorithm, and how many bits the hash has that is signed, as far as that is known.
pub(crate) fn signature(algorithm: &[u8]) -> (Cow<'static, str>, Option<usize>) {
    let Ok((id, parameters)) = split(algorithm) else {
        return ("unreadable".into(), None);
    };
    if id == RSA_PSS {
        let hash = parameters.and_then(|parameters| pss_hash(parameters).ok().flatten());
        // Without parameters it is SHA-1 (RFC 4055 section 3.1).
        return match hash {
            None => ("RSASSA-PSS SHA-1".into(), Some(160)),
            Some(id) => match HASHES.iter().find(|(known, ..)| *known == id) {
                Some((_, name, bits)) => (format!("RSASSA-PSS {name}").into(), Some(*bits)),
                None => (format!("RSASSA-PSS {}", dotted(id)).into(), None),
            },
        };
    }
    match SIGNATURES.iter().find(|(known, ..)| *known == id) {
        Some((_, name, hash)) => ((*name).into(), *hash),
        None => (dotted(id).into(), None),
    }
}

/// The name of a key purpose.
pub(crate) fn purpose(id: &[u8]) -> String {
    match PURPOSES.iter().find(|(known, _)| *known == id) {
        Some((_, name)) => (*name).to_owned(),
        None => dotted(id),
    }
}

/// Object identifier and parameters of an AlgorithmIdentifier.
fn split(algorithm: &[u8]) -> Result<(&[u8], Option<&[u8]>), NotDer> {
    let mut fields = Reader::new(algorithm);
    let id = fields.expect(der::OID)?.value;
    let parameters = fields.next()?.map(|parameters| parameters.whole);
    fields.end()?;
    Ok((id, parameters))
}

fn rsa_bits(key: &[u8]) -> Result<usize, NotDer> {
    let mut numbers = Reader::new(der::only(key, der::SEQUENCE)?);
    let modulus = numbers.expect(der::INTEGER)?.value;
    let start = modulus.iter().position(|&octet| octet != 0).ok_or(NotDer)?;
    let significant = modulus.get(start..).ok_or(NotDer)?;
    let top = significant.first().ok_or(NotDer)?;
    Ok(significant.len() * 8 - usize::try_from(top.leading_zeros()).map_err(|_| NotDer)?)
}

fn pss_hash(parameters: &[u8]) -> Result<Option<&[u8]>, NotDer> {
    let mut fields = Reader::new(der::only(parameters, der::SEQUENCE)?);
    match fields.optional(der::constructed(0))? {
        Some(hash) => split(der::only(hash.value, der::SEQUENCE)?).map(|(id, _)| Some(id)),
        None => Ok(None),
    }
}

/// `1.3.6.1.5.5.7.3.1`.
pub(crate) fn dotted(id: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut arc = 0u64;
    for &octet in id.iter().take(64) {
        arc = arc.saturating_mul(128).saturating_add(u64::from(octet & 0x7f));
        if octet & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (arc / 40).min(2);
                arcs.push(first.to_string());
                arc -= first * 40;
            }
            arcs.push(arc.to_string());
            arc = 0;
        }
    }
    arcs.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers_are_written_with_dots() {
        assert_eq!(dotted(SERVER_AUTH), "1.3.6.1.5.5.7.3.1");
        assert_eq!(
            dotted(b"\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x04"),
            "1.3.6.1.4.1.311.10.3.4"
        );
        assert_eq!(dotted(b"\x88\x37\x01"), "2.999.1");
        assert_eq!(dotted(&[0xff; 80]), "");
        dotted(&[&[0xff; 30][..], &[0x7f]].concat());
    }

    #[test]
    fn what_cannot_be_read_is_described_and_not_trusted() {
        let none = key(
            &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0],
            b"\x30\x03\x02\x01\x00",
        );
        assert_eq!((none.kind, none.bits), (KeyKind::Rsa, 0));
        assert_eq!(key(b"", b"").name, "unreadable");
        assert_eq!(signature(b"\x06\x02\x2a\x03"), ("1.2.3".into(), None));
    }
}
