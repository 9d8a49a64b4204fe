//! Path validation (RFC 5280 section 6, RFC 6120 section 13.7.2): webpki builds and checks the path;
//! here is what it leaves open, and the translation of its findings.

use crate::algorithms;
use crate::certificate::{Certificate, Signature};
use crate::constraints::NameConstraints;
use crate::der;
use crate::error::ChainError;
use crate::limits::{MAX_CHAIN, MAX_CHAIN_OCTETS};
use crate::purpose::Purpose;
use crate::text::distinguished_name;
use crate::verdict::ChainStatus;
use crate::verifier::Trust;
use pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, VerifiedPath};

pub(crate) fn verify(trust: &Trust, chain: &[CertificateDer<'_>], purpose: Purpose, now: UnixTime) -> ChainStatus {
    let Some((leaf_der, others)) = chain.split_first() else {
        return ChainStatus::NoCertificate;
    };
    let result = within_limits(chain).and_then(|()| {
        let leaf = Certificate::parse(leaf_der).map_err(|error| malformed(error.to_string()))?;
        let candidate = EndEntityCert::try_from(leaf_der).map_err(|error| malformed(error.to_string()))?;
        match own_anchor(trust, &leaf) {
            OwnAnchor::No => {}
            OwnAnchor::SelfSigned(finding) => return Err(at_time(&leaf, now, Some(finding))),
            OwnAnchor::Yes => {
                let finding = unfit(&leaf).or_else(|| wrong_purpose(&leaf, purpose));
                return match at_time_if(&leaf, now, finding) {
                    Some(error) => Err(error),
                    None => Ok(ChainStatus::Trusted {
                        anchor: distinguished_name(leaf.subject),
                        path_len: 1,
                        constraints: NameConstraints::default(),
                    }),
                };
            }
        }
        let report = Report {
            trust,
            chain,
            leaf: &leaf,
            purpose,
        };
        let build =
            |time| candidate.verify_for_usage(trust.algorithms, &trust.anchors, others, time, purpose, None, None);
        match build(now) {
            Ok(path) => match unfit(&leaf) {
                Some(error) => Err(error),
                None => trusted(&path),
            },
            // Whether there is a path at all is told as well: try again while the culprit was valid.
            Err(webpki::Error::CertExpired { not_after, .. }) => Err(ChainError::Expired {
                subject: report.subject_of(|(_, end)| end == seconds(not_after)),
                not_after: seconds(not_after),
                also: build(not_after).err().and_then(|error| report.besides(error)),
            }),
            Err(webpki::Error::CertNotValidYet { not_before, .. }) => Err(ChainError::NotYetValid {
                subject: report.subject_of(|(start, _)| start == seconds(not_before)),
                not_before: seconds(not_before),
                also: build(not_before).err().and_then(|error| report.besides(error)),
            }),
            Err(error) => Err(report.explain(error)),
        }
    });
    result.unwrap_or_else(ChainStatus::Untrusted)
}

fn within_limits(chain: &[CertificateDer<'_>]) -> Result<(), ChainError> {
    let octets = chain
        .iter()
        .map(|certificate| certificate.len())
        .fold(0usize, usize::saturating_add);
    for (what, found, limit) in [
        ("certificates", chain.len(), MAX_CHAIN),
        ("octets", octets, MAX_CHAIN_OCTETS),
    ] {
        if found > limit {
            return Err(ChainError::LimitExceeded { what, found, limit });
        }
    }
    Ok(())
}

fn trusted(path: &VerifiedPath<'_>) -> Result<ChainStatus, ChainError> {
    let bad = |_| malformed("unreadable name constraints".to_owned());
    let mut constraints = NameConstraints::default();
    if let Some(contents) = &path.anchor().name_constraints {
        constraints.add(contents).map_err(bad)?;
    }
    for issuer in path.intermediate_certificates() {
        let der = issuer.der();
        let issuer = Certificate::parse(&der).map_err(|error| malformed(error.to_string()))?;
        if let Some(extension) = issuer.name_constraints {
            let contents = der::only(extension, der::SEQUENCE).map_err(bad)?;
            constraints.add(contents).map_err(bad)?;
        }
    }
    Ok(ChainStatus::Trusted {
        anchor: distinguished_name(&path.anchor().subject),
        path_len: path.intermediate_certificates().count() + 2,
        constraints,
    })
}

/// What a certificate that names itself as its issuer turns out to be. Told apart before any path is
/// built: path building refuses a CA certificate as a leaf even where it is itself the anchor.
enum OwnAnchor {
    /// Issued by somebody else, or by another key of the same name.
    No,
    /// Signed by its own key, and trusted as it is.
    Yes,
    /// Signed by its own key, as far as can be told, and not trusted.
    SelfSigned(ChainError),
}

fn own_anchor(trust: &Trust, leaf: &Certificate<'_>) -> OwnAnchor {
    if leaf.issuer != leaf.subject {
        return OwnAnchor::No;
    }
    let anchor = trust
        .anchors
        .iter()
        .find(|anchor| anchor.subject.as_ref() == leaf.subject && anchor.subject_public_key_info.as_ref() == leaf.spki);
    match (leaf.signed_by(leaf.spki, trust.algorithms), anchor) {
        (Signature::Bad, _) => OwnAnchor::No,
        (Signature::Good, Some(anchor)) if anchor.name_constraints.is_none() => OwnAnchor::Yes,
        (_, Some(_)) => OwnAnchor::No, // path building applies the constraints, or names the algorithm
        (_, None) => OwnAnchor::SelfSigned(ChainError::SelfSigned {
            subject: distinguished_name(leaf.subject),
        }),
    }
}

/// What the leaf may not be although a path exists (RFC 9325 section 4.5, RFC 8446 section 4.4.2.2).
fn unfit(leaf: &Certificate<'_>) -> Option<ChainError> {
    let subject = || distinguished_name(leaf.subject);
    let Ok((algorithm, key)) = leaf.public_key() else {
        return Some(malformed("unreadable public key".to_owned()));
    };
    let key = algorithms::key(algorithm, key);
    if key.weak {
        return Some(ChainError::WeakKey {
            subject: subject(),
            key: key.name,
        });
    }
    if !leaf.may_sign() {
        return Some(ChainError::WrongKeyUsage { subject: subject() });
    }
    None
}

fn wrong_purpose(certificate: &Certificate<'_>, purpose: Purpose) -> Option<ChainError> {
    match certificate.key_purposes()? {
        Ok(listed) if purpose.accepts(&listed) => None,
        Ok(listed) => Some(ChainError::WrongPurpose {
            subject: distinguished_name(certificate.subject),
            needed: purpose.needed(),
            allowed: listed.into_iter().map(algorithms::purpose).collect(),
        }),
        Err(_) => Some(malformed("unreadable extendedKeyUsage".to_owned())),
    }
}

/// The finding, as it looks at this time: outside the validity, that comes first.
fn at_time_if(leaf: &Certificate<'_>, now: UnixTime, finding: Option<ChainError>) -> Option<ChainError> {
    let Ok((not_before, not_after)) = leaf.validity() else {
        return Some(malformed("unreadable validity".to_owned()));
    };
    let now = seconds(now);
    let subject = || distinguished_name(leaf.subject);
    if now > not_after {
        return Some(ChainError::Expired {
            subject: subject(),
            not_after,
            also: finding.map(Box::new),
        });
    }
    if now < not_before {
        return Some(ChainError::NotYetValid {
            subject: subject(),
            not_before,
            also: finding.map(Box::new),
        });
    }
    finding
}

fn at_time(leaf: &Certificate<'_>, now: UnixTime, finding: Option<ChainError>) -> ChainError {
    at_time_if(leaf, now, finding).unwrap_or_else(|| malformed("unreadable certificate".to_owned()))
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn malformed(detail: String) -> ChainError {
    ChainError::Malformed { detail }
}

/// Puts names and numbers to what path building found.
struct Report<'a> {
    trust: &'a Trust,
    chain: &'a [CertificateDer<'a>],
    leaf: &'a Certificate<'a>,
    purpose: Purpose,
}

impl<'a> Report<'a> {
    fn certificates(&self) -> impl Iterator<Item = Certificate<'a>> {
        self.chain.iter().filter_map(|der| Certificate::parse(der).ok())
    }

    /// The first certificate whose validity is meant; the leaf if none is.
    fn subject_of(&self, meant: impl Fn((i64, i64)) -> bool) -> String {
        let found = self
            .certificates()
            .find(|certificate| certificate.validity().is_ok_and(&meant));
        distinguished_name(found.as_ref().unwrap_or(self.leaf).subject)
    }

    /// A second finding beside one about time; about time again adds nothing.
    fn besides(&self, error: webpki::Error) -> Option<Box<ChainError>> {
        match error {
            webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. } => None,
            error => Some(Box::new(self.explain(error))),
        }
    }

    fn explain(&self, error: webpki::Error) -> ChainError {
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
                .find_map(|certificate| wrong_purpose(&certificate, self.purpose))
                .unwrap_or_else(|| malformed(error.to_string())),
            Error::CaUsedAsEndEntity => ChainError::CaAsEndEntity { subject: subject() },
            Error::EndEntityUsedAsCa => ChainError::EndEntityAsCa,
            Error::PathLenConstraintViolated | Error::MaximumPathDepthExceeded => ChainError::PathTooLong,
            Error::NameConstraintViolation => ChainError::NameConstraint { subject: subject() },
            Error::InvalidSignatureForPublicKey
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => self.signature(),
            other => malformed(other.to_string()),
        }
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
        for certificate in self.certificates() {
            let subject = distinguished_name(certificate.subject);
            let in_chain = self.certificates().filter(|other| other.subject == certificate.issuer);
            let in_anchors = self
                .trust
                .anchors
                .iter()
                .filter(|anchor| anchor.subject.as_ref() == certificate.issuer);
            let spkis: Vec<&[u8]> = in_chain
                .map(|issuer| issuer.spki)
                .chain(in_anchors.map(|anchor| anchor.subject_public_key_info.as_ref()))
                .take(MAX_CHAIN)
                .collect();
            if let Some(key) = spkis.iter().find_map(|spki| weak_key(spki)) {
                return ChainError::WeakKey {
                    subject: distinguished_name(certificate.issuer),
                    key,
                };
            }
            let checked: Vec<Signature> = spkis
                .iter()
                .map(|spki| certificate.signed_by(spki, self.trust.algorithms))
                .collect();
            if checked.is_empty() || checked.contains(&Signature::Good) {
                continue;
            }
            if checked.contains(&Signature::Bad) {
                return ChainError::BadSignature {
                    subject,
                    issuer: distinguished_name(certificate.issuer),
                };
            }
            let (algorithm, weak) = algorithms::signature(certificate.signature_algorithm());
            return ChainError::SignatureAlgorithm {
                subject,
                algorithm,
                weak,
            };
        }
        malformed("a signature in the chain cannot be verified".to_owned())
    }
}

fn weak_key(spki: &[u8]) -> Option<String> {
    let (algorithm, key) = crate::certificate::key_of(spki).ok()?;
    let key = algorithms::key(algorithm, key);
    key.weak.then_some(key.name)
}
