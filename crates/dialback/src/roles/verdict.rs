use crate::condition::DialbackCondition;
use crate::keys::key::PresentedKey;
use crate::message::VerifyRequest;
use crate::pair::{Method, Pair};
use std::fmt;
use std::sync::Arc;
use xmpp_stream::SmallStr;
use xmpp_tls_core::Domain;

/// What whoever made a stream calls it: verdicts are taken home by it. If a number is given twice, verdicts of
/// the earlier stream are refused by the later one all the same, as ones that nobody waits for.
///
/// ```
/// assert_eq!(xmpp_dialback::StreamNumber(7).to_string(), "stream 7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamNumber(pub u64);

impl fmt::Display for StreamNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream {}", self.0)
    }
}

/// A claim that has to be verified: open a stream to [`domain`](VerifyTask::domain), or take one that was
/// opened to it, and give the task to [`DialbackStream::verify`](crate::DialbackStream::verify) there.
///
/// It can be spent once: on that, on [`fail`](VerifyTask::fail), or on the caller's word about certificates
/// ([`accept_by_certificate`](crate::DialbackStream::accept_by_certificate),
/// [`same_certificate`](crate::DialbackStream::same_certificate)).
///
/// ```
/// use std::time::Instant;
/// use xmpp_dialback::*;
///
/// /// A stream to `task.domain()` is there, or could not be had.
/// fn ask(task: VerifyTask, stream: Option<&mut DialbackStream>, now: Instant) -> Result<VerifyRequest, Verdict> {
///     match stream {
///         Some(stream) => stream.verify(task, now).map_err(|refused| refused.task.fail(VerificationFailure::Busy)),
///         None => Err(task.fail(VerificationFailure::NoConnection)),
///     }
/// }
/// ```
#[derive(Debug)]
#[must_use = "a claim waits for it"]
pub struct VerifyTask(Box<Task>);

/// Apart, so that a task that is handed to and fro is small.
#[derive(Debug)]
struct Task {
    stream: StreamNumber,
    token: ClaimToken,
    pair: Pair,
    id: SmallStr,
    id_maker: IdMaker,
    key: PresentedKey,
}

/// One claim on one stream. Two of them are the same only if the stream is the same value: numbers and ids
/// can come again, on a later connection or of the peer's choice.
#[derive(Debug)]
pub(crate) struct ClaimToken {
    /// Compared as a pointer. A token that is kept keeps the address taken.
    pub(crate) stream: Arc<()>,
    pub(crate) serial: u64,
}

/// Who made the id of a stream: only of our own ones do we know that there is no other stream with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdMaker {
    Us,
    Peer,
}

impl VerifyTask {
    pub(crate) fn new(
        stream: StreamNumber,
        token: ClaimToken,
        pair: Pair,
        (id, id_maker): (SmallStr, IdMaker),
        key: PresentedKey,
    ) -> Self {
        VerifyTask(Box::new(Task {
            stream,
            token,
            pair,
            id,
            id_maker,
            key,
        }))
    }

    pub(crate) fn token(&self) -> &ClaimToken {
        &self.0.token
    }

    pub(crate) fn id_maker(&self) -> IdMaker {
        self.0.id_maker
    }

    /// Whose authoritative server has to be asked.
    pub fn domain(&self) -> &Domain {
        &self.0.pair.originating
    }

    /// What was claimed.
    pub fn pair(&self) -> &Pair {
        &self.0.pair
    }

    /// On which stream. The question must be asked on another one.
    pub fn stream(&self) -> StreamNumber {
        self.0.stream
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// Nobody could be asked, or gave an answer.
    pub fn fail(self, failure: VerificationFailure) -> Verdict {
        self.conclude(Finding::Failed(failure))
    }

    pub(crate) fn conclude(self, finding: Finding) -> Verdict {
        Verdict {
            stream: self.0.stream,
            token: self.0.token,
            pair: self.0.pair,
            finding,
        }
    }

    pub(crate) fn request(&self) -> VerifyRequest {
        VerifyRequest {
            pair: self.0.pair.clone(),
            id: self.0.id.clone(),
            key: self.0.key.clone(),
        }
    }
}

/// What became of a [`VerifyTask`], for the stream where the claim was made. A good one is made by
/// [`Verifying`](crate::Verifying) and by nothing else, and it can be spent once: on the stream, and for the
/// claim, that caused the question, and on no later one that looks like it.
///
/// ```
/// use std::time::Instant;
/// use xmpp_dialback::{DialbackStream, Error, Step, Verdict};
///
/// fn bring_home(stream: &mut DialbackStream, verdict: Verdict, now: Instant) -> Result<Step, Error> {
///     assert_eq!(stream.number(), verdict.stream());
///     stream.conclude(verdict, now)
/// }
/// ```
#[derive(Debug)]
#[must_use = "a claim waits for it"]
pub struct Verdict {
    pub(crate) stream: StreamNumber,
    pub(crate) token: ClaimToken,
    pub(crate) pair: Pair,
    pub(crate) finding: Finding,
}

impl Verdict {
    /// Where the claim was made.
    pub fn stream(&self) -> StreamNumber {
        self.stream
    }

    /// What was claimed.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// What was found.
    pub fn finding(&self) -> &Finding {
        &self.finding
    }
}

/// What was found about a claim.
///
/// ```
/// use xmpp_dialback::{Finding, VerificationFailure};
///
/// let finding = Finding::Failed(VerificationFailure::TimedOut);
/// assert_ne!(finding, Finding::Invalid);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// It is true.
    Valid(Method),
    /// It is not.
    Invalid,
    /// Nobody knows.
    Failed(VerificationFailure),
}

/// Why nothing was found about a claim.
///
/// ```
/// use xmpp_dialback::{DialbackCondition, VerificationFailure};
///
/// // What the peer is told, by the table of XEP-0220 section 2.5.
/// let told = VerificationFailure::NoConnection.condition();
/// assert_eq!(told, DialbackCondition::REMOTE_CONNECTION_FAILED);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerificationFailure {
    /// No connection to the authoritative server could be made, or its name not be resolved.
    #[error("no connection to the authoritative server")]
    NoConnection,
    /// It does not serve the domain: stream error `host-unknown`.
    #[error("the server that should be authoritative does not serve the domain")]
    NotServed,
    /// It answered with a dialback error.
    #[error("the authoritative server answered with the error {0}")]
    Refused(DialbackCondition),
    /// It closed the stream.
    #[error("the authoritative server closed the stream without an answer")]
    StreamEnded,
    /// It did not answer in time.
    #[error("the authoritative server did not answer in time")]
    TimedOut,
    /// The stream to it is not protected as policy wants it: it has no TLS, or not the right certificate.
    #[error("the stream to the authoritative server is not protected well enough")]
    Unprotected,
    /// Too much is going on to ask.
    #[error("too many verifications are under way")]
    Busy,
}

impl VerificationFailure {
    /// What the originating server is told.
    pub fn condition(&self) -> DialbackCondition {
        match self {
            VerificationFailure::NoConnection => DialbackCondition::REMOTE_CONNECTION_FAILED,
            VerificationFailure::NotServed | VerificationFailure::Refused(_) => {
                DialbackCondition::REMOTE_SERVER_NOT_FOUND
            }
            VerificationFailure::StreamEnded | VerificationFailure::TimedOut => {
                DialbackCondition::REMOTE_SERVER_TIMEOUT
            }
            VerificationFailure::Unprotected => DialbackCondition::NOT_ACCEPTABLE,
            VerificationFailure::Busy => DialbackCondition::RESOURCE_CONSTRAINT,
        }
    }
}
