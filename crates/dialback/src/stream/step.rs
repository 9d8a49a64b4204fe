use crate::message::{Message, ResultAnswer};
use crate::pair::Authenticated;
use crate::roles::originating::Outcome;
use crate::roles::receiving::Received;
use crate::roles::verdict::{Verdict, VerifyTask};

/// What to do next.
///
/// ```
/// use xmpp_dialback::{Message, Step};
///
/// fn to_write(step: &Step) -> Option<&Message> {
///     match step {
///         Step::Send(message) | Step::SendAndClose(message) => Some(message),
///         Step::Verify(_) | Step::Verdict(_) | Step::Outcome(_) | Step::Nothing => None,
///     }
/// }
/// ```
#[derive(Debug)]
pub enum Step {
    /// Write this to this stream.
    Send(Message),
    /// Write this to this stream and close it.
    SendAndClose(Message),
    /// Have a claim verified: on a stream to [`VerifyTask::domain`].
    Verify(VerifyTask),
    /// Give this to [`DialbackStream::conclude`](crate::DialbackStream::conclude) of the stream
    /// [`Verdict::stream`], or drop it if that stream is gone.
    Verdict(Verdict),
    /// A question of ours was answered, or will not be.
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
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
/// # use xmpp_dialback::*;
/// # use xmpp_tls_core::StreamId;
/// let stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([7; 16]), true, Settings::default());
/// let ended = stream.end(&VerificationFailure::StreamEnded);
/// assert!(ended.outcomes.is_empty() && ended.verdicts.is_empty());
/// ```
#[derive(Debug)]
pub struct Ended {
    /// Of our claims: what waits for these pairs goes back or to another stream.
    pub outcomes: Vec<Outcome>,
    /// Of others' claims, for the streams that made them.
    pub verdicts: Vec<Verdict>,
}

impl From<Received> for Step {
    fn from(received: Received) -> Self {
        let message = |answer: ResultAnswer| answer.into();
        match received {
            Received::Verify(task) => Step::Verify(task),
            Received::Answer(answer) => Step::Send(message(answer)),
            Received::AnswerAndClose(answer) => Step::SendAndClose(message(answer)),
            Received::Nothing => Step::Nothing,
        }
    }
}
