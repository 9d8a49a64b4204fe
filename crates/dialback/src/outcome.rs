use crate::condition::DialbackCondition;
use crate::message::{Answer, ResultAnswer};
use crate::pair::{Authenticated, Pair};
use crate::roles::verdict::VerificationFailure;

/// What became of a pair on one stream: of a claim of ours, or of one of the peer's. Each claim ends with
/// exactly one of these.
///
/// ```
/// use xmpp_dialback::Outcome;
///
/// fn log(outcome: &Outcome) -> String {
///     match outcome {
///         Outcome::Verified { pair } => format!("the peer believes {pair}"),
///         Outcome::Refused { pair, why } => format!("the peer does not believe {pair}: {why}"),
///         Outcome::Authenticated(entry) => format!("{} by {}", entry.pair(), entry.by()),
///         Outcome::Rejected { pair, why } => format!("{pair} is not authenticated: {why}"),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// We are the originating server, and the receiving one believes it: what waits for this pair can be
    /// sent.
    Verified {
        /// Which one.
        pair: Pair,
    },
    /// We are the originating server, and the receiving one does not believe it: what waits for this pair
    /// goes back to its senders.
    Refused {
        /// Which one.
        pair: Pair,
        /// Why.
        why: Refusal,
    },
    /// We are the receiving server, and the peer proved it: stanzas of this pair are admitted.
    Authenticated(Authenticated),
    /// We are the receiving server, and the peer did not prove it.
    Rejected {
        /// Which one.
        pair: Pair,
        /// Why.
        why: Rejection,
    },
}

impl Outcome {
    /// About which pair.
    ///
    /// ```
    /// use xmpp_dialback::{Outcome, Pair};
    ///
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// assert_eq!(Outcome::Verified { pair: pair.clone() }.pair(), &pair);
    /// # Ok::<(), xmpp_tls_core::DomainError>(())
    /// ```
    pub fn pair(&self) -> &Pair {
        match self {
            Outcome::Verified { pair } | Outcome::Refused { pair, .. } | Outcome::Rejected { pair, .. } => pair,
            Outcome::Authenticated(authenticated) => authenticated.pair(),
        }
    }
}

/// Why a pair of ours cannot be used.
///
/// ```
/// use xmpp_dialback::{DialbackCondition, Refusal};
///
/// assert_eq!(Refusal::Invalid.bounce_with(), "internal-server-error");
/// assert!(Refusal::Invalid.ends_stream());
/// assert_eq!(Refusal::TimedOut.bounce_with(), "remote-server-timeout");
/// assert!(Refusal::Error(DialbackCondition::RESOURCE_CONSTRAINT).try_another_connection());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The authoritative server does not know the key. The peer closes the stream.
    #[error("the authoritative server called the dialback key invalid: do all our servers share one secret?")]
    Invalid,
    /// It could not be found out. The stream goes on for other pairs.
    #[error("dialback failed with {0}")]
    Error(DialbackCondition),
    /// The peer did not answer in time.
    #[error("the peer did not answer a dialback request in time")]
    TimedOut,
    /// The stream ended.
    #[error("the stream ended before the peer answered a dialback request")]
    StreamEnded,
}

impl Refusal {
    /// The stanza error to send back what waits with (XEP-0220 section 2.1.1).
    pub fn bounce_with(&self) -> &'static str {
        match self {
            Refusal::Invalid => "internal-server-error",
            Refusal::Error(_) | Refusal::TimedOut | Refusal::StreamEnded => "remote-server-timeout",
        }
    }

    /// Whether the stream is of no more use.
    pub fn ends_stream(&self) -> bool {
        match self {
            Refusal::Invalid | Refusal::StreamEnded => true,
            Refusal::Error(_) | Refusal::TimedOut => false,
        }
    }

    /// Whether another connection may do better, once (XEP-0220 section 2.5, `resource-constraint`).
    pub fn try_another_connection(&self) -> bool {
        match self {
            Refusal::Error(condition) => *condition == DialbackCondition::RESOURCE_CONSTRAINT,
            Refusal::Invalid | Refusal::TimedOut | Refusal::StreamEnded => false,
        }
    }
}

/// Why a pair that the peer claimed is not authenticated.
///
/// ```
/// use xmpp_dialback::{DialbackCondition, Rejection, VerificationFailure};
///
/// let late = Rejection::Failed(VerificationFailure::TimedOut);
/// assert_eq!(late.condition(), DialbackCondition::REMOTE_SERVER_TIMEOUT);
/// assert_eq!(Rejection::NotServed.condition(), DialbackCondition::ITEM_NOT_FOUND);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The authoritative server called the key invalid: somebody else made the claim. Worth a line in a log
    /// (XEP-0220 section 2.2.1).
    #[error("the authoritative server called the dialback key invalid")]
    Invalid,
    /// Nobody could say: with the authoritative server's error condition, after its time, or without a
    /// connection.
    #[error("{0}")]
    Failed(VerificationFailure),
    /// The pair's receiving domain is none of ours.
    #[error("the domain that it is for is not served here")]
    NotServed,
    /// The stream has no TLS, and encryption is required.
    #[error("TLS is required before dialback")]
    InClear,
    /// Only a certificate that proves the domain would do, and there is none.
    #[error("a certificate that proves the domain is required")]
    NoCertificate,
    /// The stream has too many pairs or claims already.
    #[error("too many pairs on one stream")]
    TooMany,
    /// The stream ended before anybody could say.
    #[error("the stream ended before the claim was verified")]
    StreamEnded,
}

impl Rejection {
    /// What the peer is told where the stream goes on (XEP-0220 section 2.5).
    pub fn condition(&self) -> DialbackCondition {
        match self {
            Rejection::Invalid => DialbackCondition::FORBIDDEN,
            Rejection::Failed(failure) => failure.condition(),
            Rejection::NotServed => DialbackCondition::ITEM_NOT_FOUND,
            Rejection::InClear => DialbackCondition::POLICY_VIOLATION,
            Rejection::NoCertificate => DialbackCondition::NOT_AUTHORIZED,
            Rejection::TooMany => DialbackCondition::RESOURCE_CONSTRAINT,
            Rejection::StreamEnded => DialbackCondition::UNDEFINED_CONDITION,
        }
    }
}

/// A claim of the peer's is decided.
///
/// ```
/// use xmpp_dialback::{Decision, Message};
///
/// fn act(decision: Decision) -> (Message, bool) {
///     println!("{:?}", decision.outcome);
///     (decision.answer.into(), decision.closes_stream)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// To be sent on the stream of the claim: step 4.
    pub answer: ResultAnswer,
    /// [`Outcome::Authenticated`] or [`Outcome::Rejected`].
    pub outcome: Outcome,
    /// The stream is to be closed behind the answer, and nothing counts on it any more (XEP-0220 section
    /// 2.2.1).
    pub closes_stream: bool,
}

impl Decision {
    pub(crate) fn closing(pair: Pair, answer: Answer, why: Rejection) -> Self {
        Decision {
            answer: ResultAnswer {
                pair: pair.clone(),
                answer,
            },
            outcome: Outcome::Rejected { pair, why },
            closes_stream: true,
        }
    }
}
