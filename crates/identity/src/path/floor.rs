//! The least that keys and signatures of a path must be (RFC 9325 section 4.5, RFC 9155), whatever the
//! algorithms that the caller gave would verify.

use crate::certificate::algorithms;
use crate::certificate::{Certificate, key_of};
use std::borrow::Cow;
use webpki::VerifiedPath;

/// What is wrong with the key in these contents of a SubjectPublicKeyInfo: `RSA 1024`.
pub(crate) fn weak_key(spki: &[u8]) -> Option<Cow<'static, str>> {
    let (algorithm, key) = key_of(spki).ok()?;
    let key = algorithms::key(algorithm, key);
    key.weak.then_some(key.name)
}

/// The algorithm of a certificate's signature, if it is too weak.
pub(crate) fn weak_signature(certificate: &Certificate<'_>) -> Option<Cow<'static, str>> {
    let (name, weak) = algorithms::signature(certificate.signature_algorithm());
    weak.then_some(name)
}

/// Refuses a path with a weak issuer or signature, so that another one is looked for. The leaf's own key
/// is not the path's matter. The error leads to the search for the culprit.
pub(crate) fn holds(leaf: &Certificate<'_>, path: &VerifiedPath<'_>) -> Result<(), webpki::Error> {
    let mut weak = weak_signature(leaf).is_some() || weak_key(&path.anchor().subject_public_key_info).is_some();
    for issuer in path.intermediate_certificates() {
        let der = issuer.der();
        weak |= Certificate::parse(&der).map_or(true, |issuer| {
            weak_signature(&issuer).is_some() || weak_key(issuer.spki).is_some()
        });
    }
    if weak {
        return Err(webpki::Error::InvalidSignatureForPublicKey);
    }
    Ok(())
}
