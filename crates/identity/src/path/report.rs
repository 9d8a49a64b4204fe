//! What path building found, told so that somebody can act on it: which certificate, which issuer.

use crate::certificate::algorithms;
use crate::certificate::text::distinguished_name;
use crate::certificate::{Certificate, Signature};
use crate::limits::MAX_KEYS_TRIED;
use crate::path::chain_error::ChainError;
use crate::path::revocation::seconds;
use crate::path::{Rules, malformed, wrong_purpose};
use pki_types::CertificateDer;

/// Puts names and numbers to what path building found.
pub(crate) struct Report<'a> {
    pub(crate) rules: Rules<'a>,
    pub(crate) chain: &'a [CertificateDer<'a>],
    pub(crate) leaf: &'a Certificate<'a>,
}

impl<'a> Report<'a> {
    fn certificates(&self) -> impl Iterator<Item = Certificate<'a>> {
        self.chain.iter().filter_map(|der| Certificate::parse(der).ok())
    }

    /// The first certificate whose validity is meant; the leaf if none is.
    pub(crate) fn subject_of(&self, meant: impl Fn((i64, i64)) -> bool) -> String {
        let found = self
            .certificates()
            .find(|certificate| certificate.validity().is_ok_and(&meant));
        distinguished_name(found.as_ref().unwrap_or(self.leaf).subject)
    }

    /// A second finding beside one about time; about time again adds nothing.
    pub(crate) fn besides(&self, error: webpki::Error) -> Option<Box<ChainError>> {
        match error {
            webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. } => None,
            error => Some(Box::new(self.explain(error))),
        }
    }

    pub(crate) fn explain(&self, error: webpki::Error) -> ChainError {
        use webpki::Error;
        let subject = || distinguished_name(self.leaf.subject);
        match error {
            Error::UnknownIssuer => ChainError::UnknownIssuer {
                issuer: self.last_issuer(),
            },
            Error::CertExpired { not_after, .. } => ChainError::Expired {
                subject: subject(),
                not_after: seconds(not_after),
                also: None,
            },
            Error::CertNotValidYet { not_before, .. } => ChainError::NotYetValid {
                subject: subject(),
                not_before: seconds(not_before),
                also: None,
            },
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => self
                .certificates()
                .find_map(|certificate| wrong_purpose(&certificate, self.rules.usage))
                .unwrap_or_else(|| malformed(error.to_string())),
            Error::CaUsedAsEndEntity => ChainError::CaAsEndEntity { subject: subject() },
            Error::EndEntityUsedAsCa => ChainError::EndEntityAsCa,
            Error::PathLenConstraintViolated | Error::MaximumPathDepthExceeded => ChainError::PathTooLong,
            Error::NameConstraintViolation => ChainError::NameConstraint { subject: subject() },
            Error::InvalidSignatureForPublicKey
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => self.signature(),
            Error::CertRevoked => ChainError::Revoked {
                subject: self.revoked(),
            },
            Error::UnknownRevocationStatus => ChainError::RevocationUnknown {
                issuer: self.without_list(),
            },
            Error::CrlExpired { next_update, .. } => ChainError::RevocationListExpired {
                next_update: seconds(next_update),
            },
            other => malformed(other.to_string()),
        }
    }

    /// The first certificate that is on a list; the leaf if none is found.
    fn revoked(&self) -> String {
        let lists = self.rules.revocation;
        let found = self
            .certificates()
            .find(|certificate| lists.lists(certificate.issuer, certificate.serial));
        distinguished_name(found.as_ref().unwrap_or(self.leaf).subject)
    }

    /// The first issuer that has no list at all.
    fn without_list(&self) -> String {
        let lists = self.rules.revocation;
        let found = self
            .certificates()
            .find(|certificate| !lists.covers(certificate.issuer));
        distinguished_name(found.as_ref().unwrap_or(self.leaf).issuer)
    }

    /// Where the presented chain ends.
    fn last_issuer(&self) -> String {
        let mut top = self.leaf.issuer;
        for _ in self.chain {
            match self
                .certificates()
                .find(|certificate| certificate.subject == top && certificate.issuer != top)
            {
                Some(next) => top = next.issuer,
                None => break,
            }
        }
        distinguished_name(top)
    }

    /// The first certificate that none of the keys of its issuer's name has signed, and why.
    fn signature(&self) -> ChainError {
        let mut impostor = None;
        for certificate in self.certificates() {
            let subject = distinguished_name(certificate.subject);
            let in_chain = self.certificates().filter(|other| other.subject == certificate.issuer);
            let in_anchors = self
                .rules
                .anchors
                .as_slice()
                .iter()
                .filter(|anchor| anchor.subject.as_ref() == certificate.issuer);
            let keys: Vec<(bool, &[u8])> = in_chain
                .map(|issuer| (false, issuer.spki))
                .chain(in_anchors.map(|anchor| (true, anchor.subject_public_key_info.as_ref())))
                .take(MAX_KEYS_TRIED)
                .collect();
            if let Some(key) = keys.iter().find_map(|(_, spki)| self.rules.floor.weak_key(spki)) {
                return ChainError::WeakKey {
                    subject: distinguished_name(certificate.issuer),
                    key: key.into_owned(),
                };
            }
            if certificate.issuer != certificate.subject
                && let Some(algorithm) = self.rules.floor.weak_signature(&certificate)
            {
                return ChainError::SignatureAlgorithm {
                    subject,
                    algorithm: algorithm.into_owned(),
                    weak: true,
                };
            }
            let checked: Vec<(bool, Signature)> = keys
                .iter()
                .map(|(trusted, spki)| (*trusted, certificate.signed_by(spki, self.rules.algorithms)))
                .collect();
            let issuer = distinguished_name(certificate.issuer);
            let bad = ChainError::BadSignature { subject, issuer };
            if checked.is_empty() {
                continue;
            }
            if checked.iter().any(|(_, found)| *found == Signature::Good) {
                // By a CA of the chain and not by the anchor of that name: told if nothing else is wrong.
                if checked.contains(&(true, Signature::Bad)) {
                    impostor.get_or_insert(bad);
                }
                continue;
            }
            if checked.iter().any(|(_, found)| *found == Signature::Bad) {
                return bad;
            }
            let subject = distinguished_name(certificate.subject);
            let (algorithm, hash) = algorithms::signature(certificate.signature_algorithm());
            let weak = !self.rules.floor.bears_hash(hash);
            return ChainError::SignatureAlgorithm {
                subject,
                algorithm: algorithm.into_owned(),
                weak,
            };
        }
        impostor.unwrap_or_else(|| malformed("a signature in the chain cannot be verified".to_owned()))
    }
}
