//! The least that keys and signatures of a path must be (RFC 9325 section 4.5, RFC 9155), whatever the
//! algorithms that the caller gave would verify.

use crate::certificate::algorithms::{self, Key, KeyKind};
use crate::certificate::{Certificate, key_of};
use std::borrow::Cow;
use webpki::VerifiedPath;

/// The least that every key and signature of a certification path must be (RFC 9325 section 4.5, RFC 9155).
///
/// It can be raised, and not lowered: less than the default is never accepted. Kinds of keys and signatures that are
/// not measured in these numbers are left to the signature algorithms that a verifier was given.
///
/// ```
/// use xmpp_identity::Floor;
///
/// let mut floor = Floor::default();
/// floor.rsa_bits = 3072;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Floor {
    /// Of an RSA key. 2048 by default.
    pub rsa_bits: usize,
    /// Of the curve of an elliptic curve key. 256 by default.
    pub curve_bits: usize,
    /// Of the hash that is signed. 256 by default: SHA-1 is out.
    pub hash_bits: usize,
}

impl Default for Floor {
    fn default() -> Self {
        Floor {
            rsa_bits: 2048,
            curve_bits: 256,
            hash_bits: 256,
        }
    }
}

/// The least of each kind that a certification path rests on; `None`: there is none of the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Strength {
    /// Of the RSA keys, the trust anchor's included.
    pub rsa_bits: Option<usize>,
    /// Of the elliptic curve keys, the trust anchor's included.
    pub curve_bits: Option<usize>,
    /// Of the hashes that are signed.
    pub hash_bits: Option<usize>,
}

impl Floor {
    pub(crate) fn raised(self) -> Self {
        let least = Floor::default();
        Floor {
            rsa_bits: self.rsa_bits.max(least.rsa_bits),
            curve_bits: self.curve_bits.max(least.curve_bits),
            hash_bits: self.hash_bits.max(least.hash_bits),
        }
    }

    pub(crate) fn bears_key(self, key: &Key) -> bool {
        match key.kind {
            KeyKind::Rsa => key.bits >= self.rsa_bits,
            KeyKind::Curve => key.bits >= self.curve_bits,
            KeyKind::Other => true,
        }
    }

    pub(crate) fn bears_hash(self, bits: Option<usize>) -> bool {
        bits.is_none_or(|bits| bits >= self.hash_bits)
    }

    fn bears(self, strength: Strength) -> bool {
        let enough = |bits: Option<usize>, least| bits.is_none_or(|bits| bits >= least);
        enough(strength.rsa_bits, self.rsa_bits)
            && enough(strength.curve_bits, self.curve_bits)
            && enough(strength.hash_bits, self.hash_bits)
    }

    /// What is wrong with the key in these contents of a SubjectPublicKeyInfo: `RSA 1024`.
    pub(crate) fn weak_key(self, spki: &[u8]) -> Option<Cow<'static, str>> {
        let (algorithm, key) = key_of(spki).ok()?;
        let key = algorithms::key(algorithm, key);
        (!self.bears_key(&key)).then_some(key.name)
    }

    /// The algorithm of a certificate's signature, if it is too weak.
    pub(crate) fn weak_signature(self, certificate: &Certificate<'_>) -> Option<Cow<'static, str>> {
        let (name, hash) = algorithms::signature(certificate.signature_algorithm());
        (!self.bears_hash(hash)).then_some(name)
    }

    /// Refuses a path with a weak issuer or signature, so that another one is looked for. The leaf's own key
    /// is not the path's matter. The error leads to the search for the culprit.
    pub(crate) fn holds(self, leaf: &Certificate<'_>, path: &VerifiedPath<'_>) -> Result<(), webpki::Error> {
        let mut strength = Strength::default();
        strength
            .of_issuers(leaf, path)
            .ok_or(webpki::Error::InvalidSignatureForPublicKey)?;
        match self.bears(strength) {
            true => Ok(()),
            false => Err(webpki::Error::InvalidSignatureForPublicKey),
        }
    }
}

impl Strength {
    /// Of a leaf that is trusted by itself: nobody's signature counts.
    pub(crate) fn of_leaf(leaf: &Certificate<'_>) -> Self {
        let mut strength = Strength::default();
        strength.key(leaf.spki);
        strength
    }

    pub(crate) fn of_path(leaf: &Certificate<'_>, path: &VerifiedPath<'_>) -> Self {
        let mut strength = Strength::of_leaf(leaf);
        // A path with an issuer that cannot be read was refused before.
        let _ = strength.of_issuers(leaf, path);
        strength
    }

    /// `None` if an issuer cannot be read.
    fn of_issuers(&mut self, leaf: &Certificate<'_>, path: &VerifiedPath<'_>) -> Option<()> {
        self.signature(leaf);
        self.key(&path.anchor().subject_public_key_info);
        for issuer in path.intermediate_certificates() {
            let der = issuer.der();
            let issuer = Certificate::parse(&der).ok()?;
            self.signature(&issuer);
            self.key(issuer.spki);
        }
        Some(())
    }

    fn key(&mut self, spki: &[u8]) {
        let Ok((algorithm, key)) = key_of(spki) else { return };
        let key = algorithms::key(algorithm, key);
        match key.kind {
            KeyKind::Rsa => lower(&mut self.rsa_bits, key.bits),
            KeyKind::Curve => lower(&mut self.curve_bits, key.bits),
            KeyKind::Other => {}
        }
    }

    fn signature(&mut self, certificate: &Certificate<'_>) {
        let (_, hash) = algorithms::signature(certificate.signature_algorithm());
        if let Some(bits) = hash {
            lower(&mut self.hash_bits, bits);
        }
    }
}

fn lower(least: &mut Option<usize>, bits: usize) {
    *least = Some(least.map_or(bits, |least| least.min(bits)));
}
