//! Whether the certificate authenticates the peer.

use xmpp_identity::{ChainStatus, IdentityError, IdentityMatch, IdentityStatus, TrustStep, Verdict};

/// Whether the peer is authenticated on this connection.
///
/// The receiving side of a client's connection does not authenticate its peer here: clients log in
/// with SASL, inside the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication {
    /// By a certificate with a trusted chain and an identity of the domain; the handshake proved
    /// possession of its key.
    Certificate {
        /// Which identifier of the certificate matched which expectation.
        matched: IdentityMatch,
        /// The state of the chain, with the trust anchor.
        chain: ChainStatus,
    },
    /// A certificate was shown and is not good for the domain.
    Rejected {
        /// Both facts, chain and identity.
        verdict: Verdict,
        /// What is wrong, in words.
        error: Box<IdentityError>,
    },
    /// Nothing was shown or asked for.
    NotAsked,
}

impl Authentication {
    /// With what each source of trust said.
    pub(super) fn by(verdict: Option<Verdict>) -> (Self, Vec<TrustStep>) {
        let Some(verdict) = verdict else {
            return (Authentication::NotAsked, Vec::new());
        };
        if let Err(error) = verdict.check() {
            let (error, trust) = (Box::new(error), verdict.trust.clone());
            return (Authentication::Rejected { verdict, error }, trust);
        }
        let Verdict {
            chain, identity, trust, ..
        } = verdict;
        match identity {
            IdentityStatus::Matched(matched) => (Authentication::Certificate { matched, chain }, trust),
            // Not what was checked: nobody is authenticated.
            _ => (Authentication::NotAsked, trust),
        }
    }
}
