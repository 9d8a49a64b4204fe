use crate::message::Message;
use crate::outcome::{Decision, Outcome};
use crate::pair::Authenticated;
use crate::roles::receiving::Received;
use crate::roles::verdict::{Verdict, VerifyTask};

/// What to do next. Whoever takes it has to do each of these, so that there will be no other ones without
/// notice.
///
/// ```
/// use xmpp_dialback::{Message, Step};
///
/// /// What to write to the stream, and whether to close it behind.
/// fn to_write(step: Step) -> (Option<Message>, bool) {
///     match step {
///         Step::Send(message) => (Some(message), false),
///         Step::Decided(decision) => (Some(decision.answer.into()), decision.closes_stream),
///         Step::Verify(_) | Step::Verdict(_) | Step::Outcome(_) | Step::Nothing => (None, false),
///     }
/// }
/// ```
#[derive(Debug)]
pub enum Step {
    /// Write this to this stream. Nothing changed.
    Send(Message),
    /// A claim of the peer's is decided: write the answer to this stream, note the outcome, and close the
    /// stream if the decision says so.
    Decided(Box<Decision>),
    /// Have a claim verified: on a stream to [`VerifyTask::domain`].
    Verify(VerifyTask),
    /// Give this to [`DialbackStream::conclude`](crate::DialbackStream::conclude) of the stream
    /// [`Verdict::stream`], or drop it if that stream is gone.
    Verdict(Verdict),
    /// A claim of ours was answered, or will not be.
    Outcome(Outcome),
    /// Nothing.
    Nothing,
}

/// Why a stanza is accepted.
///
/// ```
/// use xmpp_dialback::{Admitted, Method};
///
/// fn method(admitted: Admitted<'_>) -> Option<Method> {
///     match admitted {
///         Admitted::Authenticated(pair) => Some(pair.by()),
///         Admitted::OpenedByUs => None,
///         _ => None,
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admitted<'a> {
    /// The peer proved the pair.
    Authenticated(&'a Authenticated),
    /// It comes back on a bidirectional stream (XEP-0288) from the domain that we opened it to, for a domain
    /// of ours that the peer believes. What is known about the peer is what was found out when the stream
    /// was opened.
    OpenedByUs,
}

/// What a stream leaves behind.
///
/// ```
/// use xmpp_dialback::*;
/// use xmpp_tls_core::StreamId;
///
/// let id = StreamId::from_random([7; 16] /* from a CSPRNG, really */);
/// let stream = DialbackStream::accepted(Accepted::new(StreamNumber(1), &id, Protection::Tls));
/// let ended = stream.end(&VerificationFailure::StreamEnded);
/// assert!(ended.outcomes.is_empty() && ended.verdicts.is_empty());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// Of claims that were open: what waits for pairs of ours goes back or to another stream.
    pub outcomes: Vec<Outcome>,
    /// Of claims on other streams, for those.
    pub verdicts: Vec<Verdict>,
}

impl From<Received> for Step {
    fn from(received: Received) -> Self {
        match received {
            Received::Verify(task) => Step::Verify(task),
            Received::Decided(decision) => Step::Decided(decision),
            Received::Again(answer) => Step::Send(answer.into()),
            Received::Nothing => Step::Nothing,
        }
    }
}
