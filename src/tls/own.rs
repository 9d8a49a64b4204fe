//! What is wrong with a certificate of ours, before a peer finds it out.

use pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use xmpp_identity::{CertificateError, CertificateFacts, ReferenceIds};
use xmpp_tls_core::{Domain, StreamKind};

/// A certificate that ends within this time is reported: automatic renewal has failed by then.
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
    /// A certificate is not followed by its issuer's.
    #[error("certificate {number} of the chain is not signed by the next one: put each issuer behind what it signed")]
    WrongOrder {
        /// Its place in the chain, from 1.
        number: usize,
    },
}

/// Everything that is wrong with `chain`, leaf first, as what a server for `domain` shows at the time `now`.
///
/// Whether clients trust the issuer is not known here.
pub fn check(domain: &Domain, chain: &[CertificateDer<'_>], now: UnixTime) -> Vec<Problem> {
    let facts: Result<Vec<_>, _> = chain.iter().map(CertificateFacts::from_der).collect();
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return vec![Problem::Unreadable(error)],
    };
    let (Some(leaf), Some(der)) = (facts.first(), chain.first()) else {
        return vec![Problem::Unreadable(CertificateError::NotACertificate)];
    };
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
    problems
}

fn validity(leaf: &CertificateFacts, now: UnixTime) -> Option<Problem> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
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
    (left < SOON.as_secs()).then(|| Problem::ExpiresSoon {
        at: leaf.not_after_text(),
        days: left / 86_400,
    })
}
