//! What is wrong with a certificate of ours, before a peer finds it out.

use pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use xmpp_identity::{CertificateError, CertificateFacts, ReferenceIds};
use xmpp_tls_core::{Domain, StreamKind};

/// A certificate that ends within this time is reported, and one that lives shorter within the last third
/// of its life: automatic renewal has failed by then.
pub const SOON: Duration = Duration::from_secs(14 * 86_400);

/// What a peer will find wrong, or soon will.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no certificate, or one that cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Unreadable(CertificateError),
    /// It does not name the domain as clients expect it (RFC 9525).
    #[error("the certificate is not for {domain} but for {presented}: clients will refuse it")]
    WrongName {
        /// The domain served.
        domain: Domain,
        /// What it names.
        presented: String,
    },
    /// Its time is over.
    #[error("the certificate expired at {at}: clients will refuse it")]
    Expired {
        /// When.
        at: String,
    },
    /// Its time has not come, or our clock is wrong.
    #[error("the certificate is valid from {at} only: clients will refuse it until then")]
    NotYetValid {
        /// When.
        at: String,
    },
    /// It ends within [`SOON`].
    #[error("the certificate expires at {at}, in {days} days: renew it")]
    ExpiresSoon {
        /// When.
        at: String,
        /// Whole days left.
        days: u64,
    },
    /// It is for other uses than TLS servers (RFC 5280 section 4.2.1.12).
    #[error("the certificate is for {listed} and not for servers (serverAuth): clients will refuse it")]
    NotForServers {
        /// What extendedKeyUsage lists.
        listed: String,
    },
    /// Nobody but ourselves vouches for it.
    #[error("the certificate is signed by itself: only who pins it will accept it")]
    SelfSigned,
    /// The leaf stands alone, so that clients that do not know its issuer find no path.
    #[error("the chain has no certificate of the issuer ({issuer}): unless that is a root, clients will find no path")]
    NoIntermediate {
        /// Who signed the leaf.
        issuer: String,
    },
    /// The names do not link a certificate to the one behind it.
    #[error("certificate {number} of the chain is not issued by the next one: put each issuer behind what it issued")]
    WrongOrder {
        /// Its place in the chain, from 1.
        number: usize,
    },
    /// A certificate behind the leaf is out of its time.
    #[error(
        "certificate {number} of the chain is valid from {from} until {until} only: get a newer chain of the issuer"
    )]
    IssuerNotValid {
        /// Its place in the chain, from 1.
        number: usize,
        /// Since when.
        from: String,
        /// Until when.
        until: String,
    },
    /// A key or a signature is below the floor (RFC 9325 section 4.5, RFC 9155).
    #[error("certificate {number} of the chain has {weakness}, which is too weak: clients will refuse it")]
    Weak {
        /// Its place in the chain, from 1.
        number: usize,
        /// The key or the algorithm: `RSA 1024`.
        weakness: String,
    },
}

/// What peers will find wrong with `chain`, leaf first, when a server for `domain` shows it at the time `now`.
///
/// Whether they trust the issuer is not known here, and signatures are not verified.
pub fn check(domain: &Domain, chain: &[CertificateDer<'_>], now: UnixTime) -> Vec<Problem> {
    let facts: Result<Vec<_>, _> = chain.iter().map(CertificateFacts::from_der).collect();
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return vec![Problem::Unreadable(error)],
    };
    let (Some(leaf), Some(der)) = (facts.first(), chain.first()) else {
        return vec![Problem::Unreadable(CertificateError::NotACertificate)];
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let mut problems = Vec::new();
    let references = ReferenceIds::new(domain, StreamKind::ClientToServer);
    if !matches!(references.find_in(der), Ok(Some(_))) {
        let names: Vec<&str> = [&leaf.dns, &leaf.srv, &leaf.xmpp_addr]
            .into_iter()
            .flatten()
            .map(|name| &**name)
            .collect();
        let presented = if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join(", ")
        };
        problems.push(Problem::WrongName {
            domain: domain.clone(),
            presented,
        });
    }
    problems.extend(validity(leaf, now));
    if let Some(listed) = &leaf.extended_key_usage
        && !listed.iter().any(|purpose| purpose == "serverAuth")
    {
        problems.push(Problem::NotForServers {
            listed: listed.join(", "),
        });
    }
    if leaf.self_signed {
        problems.push(Problem::SelfSigned);
    } else if facts.len() == 1 {
        problems.push(Problem::NoIntermediate {
            issuer: leaf.issuer.clone(),
        });
    }
    let broken = facts
        .windows(2)
        .position(|pair| matches!(pair, [below, above] if below.issuer != above.subject));
    problems.extend(broken.map(|index| Problem::WrongOrder { number: index + 1 }));
    for (number, certificate) in (1..).zip(&facts) {
        if number > 1 && !(certificate.not_before..=certificate.not_after).contains(&now) {
            problems.push(Problem::IssuerNotValid {
                number,
                from: certificate.not_before_text(),
                until: certificate.not_after_text(),
            });
        }
        problems.extend(weaknesses(certificate).map(|weakness| Problem::Weak { number, weakness }));
    }
    problems
}

fn weaknesses(certificate: &CertificateFacts) -> impl Iterator<Item = String> {
    let key = certificate.weak_key.then(|| certificate.key_type.clone());
    // Nobody asks who signed a root.
    let signed = certificate.weak_signature && !certificate.self_signed;
    let signature = signed.then(|| certificate.signature_algorithm.clone());
    key.into_iter().chain(signature)
}

fn validity(leaf: &CertificateFacts, now: i64) -> Option<Problem> {
    let left = leaf.not_after.saturating_sub(now);
    if left < 0 {
        return Some(Problem::Expired {
            at: leaf.not_after_text(),
        });
    }
    if now < leaf.not_before {
        return Some(Problem::NotYetValid {
            at: leaf.not_before_text(),
        });
    }
    let left = left.unsigned_abs();
    let lifetime = leaf.not_after.saturating_sub(leaf.not_before).unsigned_abs();
    let soon = SOON.as_secs().min(lifetime / 3);
    (left < soon).then(|| Problem::ExpiresSoon {
        at: leaf.not_after_text(),
        days: left / 86_400,
    })
}
