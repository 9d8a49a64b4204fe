//! Path validation (RFC 5280 section 6, RFC 6120 section 13.7.2): webpki builds and checks the path;
//! here is what it leaves open.

pub(crate) mod anchors;
pub(crate) mod chain_error;
pub(crate) mod constraints;
pub(crate) mod floor;
pub(crate) mod purpose;
pub(crate) mod report;
pub(crate) mod revocation;

use crate::certificate::algorithms;
use crate::certificate::der;
use crate::certificate::text::distinguished_name;
use crate::certificate::{Certificate, Signature};
use crate::limits::{Limits, MAX_PATHS};
use crate::path::anchors::{Anchors, Imposed};
use crate::path::chain_error::ChainError;
use crate::path::constraints::{NameConstraints, PathConstraints};
use crate::path::floor::{Floor, Strength};
use crate::path::purpose::{Usage, UsageException};
use crate::path::report::Report;
use crate::path::revocation::{Revocation, RevocationStatus, seconds};
use crate::verdict::ChainStatus;
use pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::cell::RefCell;
use webpki::{EndEntityCert, VerifiedPath};

/// What a path is checked against.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) anchors: &'a Anchors,
    pub(crate) algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    pub(crate) limits: &'a Limits,
    pub(crate) revocation: &'a Revocation,
    pub(crate) usage: Usage,
    pub(crate) floor: Floor,
    pub(crate) now: UnixTime,
}

/// Validates a chain, leaf first.
pub(crate) fn verify(rules: Rules<'_>, chain: &[CertificateDer<'_>]) -> ChainStatus {
    let Some((leaf_der, others)) = chain.split_first() else {
        return ChainStatus::NoCertificate;
    };
    let result = within_limits(chain, rules.limits).and_then(|()| {
        let leaf = Certificate::parse(leaf_der).map_err(|error| malformed(error.to_string()))?;
        match own_anchor(rules, &leaf) {
            OwnAnchor::No => build(rules, chain, &leaf, others),
            OwnAnchor::SelfSigned(finding) => Err(at_time(&leaf, rules.now, Some(finding))),
            OwnAnchor::Yes => itself(&leaf, rules, distinguished_name(leaf.subject), false),
        }
    });
    result.unwrap_or_else(ChainStatus::Untrusted)
}

/// The leaf alone, where somebody who may has said that it is the domain's. Whether path building
/// could read it (version 1, unknown critical extensions) does not matter then.
pub(crate) fn verify_itself(
    rules: Rules<'_>,
    chain: &[CertificateDer<'_>],
    by: &str,
    ignore_validity: bool,
) -> ChainStatus {
    let Some(leaf) = chain.first() else {
        return ChainStatus::NoCertificate;
    };
    Certificate::parse(leaf)
        .map_err(|error| malformed(error.to_string()))
        .and_then(|leaf| itself(&leaf, rules, by.to_owned(), ignore_validity))
        .unwrap_or_else(ChainStatus::Untrusted)
}

fn itself(
    leaf: &Certificate<'_>,
    rules: Rules<'_>,
    anchor: String,
    ignore_validity: bool,
) -> Result<ChainStatus, ChainError> {
    let finding = unfit(leaf, rules.floor).or_else(|| wrong_purpose(leaf, rules.usage));
    let finding = if ignore_validity {
        finding
    } else {
        at_time_if(leaf, rules.now, finding)
    };
    match finding {
        Some(error) => Err(error),
        None => Ok(ChainStatus::Trusted {
            anchor,
            path_len: 1,
            constraints: NameConstraints::default(),
            purpose: rules.usage.purpose,
            exception: exception(leaf, rules.usage),
            revocation: RevocationStatus::NotChecked,
            strength: Strength::of_leaf(leaf),
        }),
    }
}

fn build(
    rules: Rules<'_>,
    chain: &[CertificateDer<'_>],
    leaf: &Certificate<'_>,
    others: &[CertificateDer<'_>],
) -> Result<ChainStatus, ChainError> {
    let Some(leaf_der) = chain.first() else {
        return Ok(ChainStatus::NoCertificate);
    };
    let report = Report { rules, chain, leaf };
    let candidate = EndEntityCert::try_from(leaf_der).map_err(|error| malformed(error.to_string()))?;
    let anchors = rules.anchors.as_slice();
    let search = |time, accept: &dyn Fn(&VerifiedPath<'_>) -> Result<(), webpki::Error>| {
        rules.revocation.run(|lists| {
            candidate.verify_for_usage(
                rules.algorithms,
                anchors,
                others,
                time,
                rules.usage,
                lists,
                Some(accept),
            )
        })
    };
    let strong = |path: &VerifiedPath<'_>| rules.floor.holds(leaf, path);
    let build = |time| search(time, &strong);
    match build(rules.now) {
        Ok((path, revocation)) => {
            if let Some(error) = unfit(leaf, rules.floor) {
                return Err(error);
            }
            let mut constraints = vec![imposed(rules, &path)?];
            if constraints.iter().all(|path| !path.is_empty()) {
                // A name that these CAs may not vouch for may still count by another path.
                let more = RefCell::new(Vec::new());
                let collect = |path: &VerifiedPath<'_>| {
                    strong(path)?;
                    let mut more = more.borrow_mut();
                    if more.len() < MAX_PATHS {
                        more.extend(imposed(rules, path));
                        return Err(webpki::Error::UnknownIssuer); // go on
                    }
                    Ok(())
                };
                // What it comes to does not matter: one path is enough, and there is one.
                let _ = search(rules.now, &collect);
                constraints.extend(more.into_inner());
                constraints.dedup();
            }
            Ok(ChainStatus::Trusted {
                anchor: rules.anchors.name_of(path.anchor()),
                path_len: path.intermediate_certificates().count() + 2,
                constraints: NameConstraints::of_paths(constraints),
                purpose: rules.usage.purpose,
                exception: exception(leaf, rules.usage),
                revocation,
                strength: Strength::of_path(leaf, &path),
            })
        }
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
}

fn within_limits(chain: &[CertificateDer<'_>], limits: &Limits) -> Result<(), ChainError> {
    let octets = chain
        .iter()
        .map(|certificate| certificate.len())
        .fold(0usize, usize::saturating_add);
    for (what, found, limit) in [
        ("certificates", chain.len(), limits.certificates),
        ("octets", octets, limits.octets),
    ] {
        if found > limit {
            return Err(ChainError::LimitExceeded { what, found, limit });
        }
    }
    Ok(())
}

/// The limits alone, for those who look at a chain before its path is built.
pub(crate) fn check_limits(chain: &[CertificateDer<'_>], limits: &Limits) -> Result<(), ChainError> {
    within_limits(chain, limits)
}

/// What the CAs of a path impose on names, the anchor's included.
fn imposed(rules: Rules<'_>, path: &VerifiedPath<'_>) -> Result<PathConstraints, ChainError> {
    let bad = || malformed("unreadable name constraints".to_owned());
    let mut constraints = PathConstraints::default();
    match rules.anchors.imposed_by(path.anchor()) {
        Imposed::Nothing => {}
        Imposed::Names(names) => constraints.extend(names),
        Imposed::Unreadable => return Err(bad()),
    }
    for issuer in path.intermediate_certificates() {
        let der = issuer.der();
        let issuer = Certificate::parse(&der).map_err(|error| malformed(error.to_string()))?;
        if let Some(extension) = issuer.name_constraints {
            let contents = der::only(extension, der::SEQUENCE).map_err(|_| bad())?;
            constraints.add(contents, rules.limits.subtrees).map_err(|_| bad())?;
        }
    }
    Ok(constraints)
}

/// What was conceded to the leaf about its purpose.
fn exception(leaf: &Certificate<'_>, usage: Usage) -> Option<UsageException> {
    leaf.key_purposes()?.ok().and_then(|listed| usage.exception(&listed))
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

fn own_anchor(rules: Rules<'_>, leaf: &Certificate<'_>) -> OwnAnchor {
    if leaf.issuer != leaf.subject {
        return OwnAnchor::No;
    }
    let anchor =
        rules.anchors.as_slice().iter().find(|anchor| {
            anchor.subject.as_ref() == leaf.subject && anchor.subject_public_key_info.as_ref() == leaf.spki
        });
    match (leaf.signed_by(leaf.spki, rules.algorithms), anchor) {
        (Signature::Bad, _) => OwnAnchor::No,
        (Signature::Good, Some(anchor)) if matches!(rules.anchors.imposed_by(anchor), Imposed::Nothing) => {
            OwnAnchor::Yes
        }
        (_, Some(_)) => OwnAnchor::No, // path building applies the constraints, or names the algorithm
        (_, None) => OwnAnchor::SelfSigned(ChainError::SelfSigned {
            subject: distinguished_name(leaf.subject),
        }),
    }
}

/// What the leaf may not be although a path exists (RFC 9325 section 4.5, RFC 8446 section 4.4.2.2).
fn unfit(leaf: &Certificate<'_>, floor: Floor) -> Option<ChainError> {
    let subject = || distinguished_name(leaf.subject);
    let Ok((algorithm, key)) = leaf.public_key() else {
        return Some(malformed("unreadable public key".to_owned()));
    };
    let key = algorithms::key(algorithm, key);
    if !floor.bears_key(&key) {
        return Some(ChainError::WeakKey {
            subject: subject(),
            key: key.name.into_owned(),
        });
    }
    if !leaf.may_sign() {
        return Some(ChainError::WrongKeyUsage { subject: subject() });
    }
    None
}

pub(crate) fn wrong_purpose(certificate: &Certificate<'_>, usage: Usage) -> Option<ChainError> {
    match certificate.key_purposes()? {
        Ok(listed) if usage.accepts(&listed) => None,
        Ok(listed) => Some(ChainError::WrongPurpose {
            subject: distinguished_name(certificate.subject),
            needed: usage.needed(),
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

pub(crate) fn malformed(detail: String) -> ChainError {
    ChainError::Malformed { detail }
}
