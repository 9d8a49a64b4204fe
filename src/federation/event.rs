use crate::security::SecurityReport;
use crate::session::Closed;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use xmpp_dialback::{Authenticated, Method, Pair, VerifyTask};
use xmpp_stream::Element;

/// What a stream between servers reports.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// TLS is up and satisfies the policy. On a stream that we accepted, the verdict is about the domain that the
    /// peer's header claims.
    Secured(Arc<SecurityReport>),
    /// The stream goes on without TLS, which only [`danger`](crate::danger) makes possible.
    Plaintext(Arc<SecurityReport>),
    /// The peer took our proof: stanzas of this pair may be sent to it.
    Accepted(AuthenticatedPair),
    /// The peer did not take it: no stanza of this pair may be sent on this stream.
    Refused {
        /// Which pair of ours.
        pair: Pair,
        /// Why.
        why: Refusal,
    },
    /// The peer proved itself: stanzas of this pair are taken from it.
    Authenticated(AuthenticatedPair),
    /// The peer did not prove itself: no stanza of this pair is taken from it.
    Rejected {
        /// Which pair of the peer's.
        pair: Pair,
        /// Why.
        why: Rejection,
    },
    /// The peer claims something that has to be verified: give it to
    /// [`Outgoing::verify`](super::Outgoing::verify) on a stream
    /// [`for_verification`](super::Outgoing::for_verification) from the claim's receiving domain to
    /// [`VerifyTask::domain`], and bring the verdict back by [`Incoming::conclude`](super::Incoming::conclude).
    Verify(VerifyTask),
    /// What came of a [`VerifyTask`]: it is for the stream [`Verdict::stream`](xmpp_dialback::Verdict::stream).
    Verdict(xmpp_dialback::Verdict),
    /// A stanza of an authenticated pair.
    Stanza(Element),
    /// The stream is closed; drop the transport.
    Closed(Closed),
}

/// A pair of domains that is authenticated on one stream. It ends with the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticatedPair {
    /// Which one: stanzas are from its originating to its receiving domain.
    pub pair: Pair,
    /// By what.
    pub by: Method,
    /// Since when.
    pub since: Instant,
}

/// `capulet.example to montague.example, by SASL EXTERNAL`.
impl fmt::Display for AuthenticatedPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, by {}", self.pair, self.by)
    }
}

impl AuthenticatedPair {
    pub(super) fn new(pair: Pair, by: Method, since: Instant) -> Self {
        AuthenticatedPair { pair, by, since }
    }
}

impl From<&Authenticated> for AuthenticatedPair {
    fn from(known: &Authenticated) -> Self {
        AuthenticatedPair::new(known.pair().clone(), known.by(), known.since())
    }
}

/// Why a peer did not take a pair of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Dialback came to nothing.
    #[error(transparent)]
    Dialback(#[from] xmpp_dialback::Refusal),
    /// SASL EXTERNAL failed, and our policy does not go on with dialback.
    #[error("the peer refused our certificate ({condition}), and our policy allows no dialback")]
    External {
        /// The condition in `<failure/>`.
        condition: String,
    },
    /// SASL EXTERNAL was not offered, and our policy does not go on with dialback.
    #[error("the peer does not offer SASL EXTERNAL, and our policy allows no dialback")]
    NotOffered,
}

/// Why a claim of a peer's came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Dialback did not prove it.
    #[error(transparent)]
    Dialback(#[from] xmpp_dialback::Rejection),
    /// The policy for the claimed domain demands more than this stream has, or the domain is ours.
    #[error("the policy for the claimed domain demands more than this stream has, or the domain is ours")]
    Policy,
}
