use crate::condition::DialbackCondition;
use crate::keys::key::PresentedKey;
use crate::message::VerifyRequest;
use crate::pair::{Method, Pair};
use std::fmt;
use xmpp_stream::SmallStr;
use xmpp_tls_core::Domain;

/// What the caller calls a stream. It must use a number once: verdicts are taken home by it.
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
/// opened to it, and give the task to [`Verifying::ask`](crate::Verifying::ask) there.
///
/// It can be spent once, on that or on [`fail`](VerifyTask::fail).
///
/// ```
/// use xmpp_dialback::{VerificationFailure, Verdict, VerifyTask};
///
/// fn could_not_connect(task: VerifyTask) -> Verdict {
///     task.fail(VerificationFailure::NoConnection)
/// }
/// ```
#[derive(Debug)]
#[must_use = "a claim waits for it"]
pub struct VerifyTask(Box<Task>);

/// Apart, so that a task that is handed to and fro is small.
#[derive(Debug)]
struct Task {
    stream: StreamNumber,
    serial: u64,
    pair: Pair,
    id: SmallStr,
    key: PresentedKey,
}

impl VerifyTask {
    pub(crate) fn new(stream: StreamNumber, serial: u64, pair: Pair, id: SmallStr, key: PresentedKey) -> Self {
        VerifyTask(Box::new(Task {
            stream,
            serial,
            pair,
            id,
            key,
        }))
    }

    /// Whose authoritative server has to be asked.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Step::Verify(task) = stream.handle(claim.into(), facts, &mut keys, now)? else { panic!() };
    /// assert_eq!(task.domain(), &pair.originating);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn domain(&self) -> &Domain {
        &self.0.pair.originating
    }

    /// What was claimed.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Step::Verify(task) = stream.handle(claim.into(), facts, &mut keys, now)? else { panic!() };
    /// assert_eq!(task.pair(), &pair);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pair(&self) -> &Pair {
        &self.0.pair
    }

    /// On which stream. The question must be asked on another one.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Step::Verify(task) = stream.handle(claim.into(), facts, &mut keys, now)? else { panic!() };
    /// assert_eq!(task.stream(), stream.number());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream(&self) -> StreamNumber {
        self.0.stream
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// Nobody could be asked, or gave an answer.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Step::Verify(task) = stream.handle(claim.into(), facts, &mut keys, now)? else { panic!() };
    /// let verdict = task.fail(VerificationFailure::NoConnection);
    /// let Step::Send(answer) = stream.conclude(verdict, now)? else { panic!() };
    /// assert!(answer.to_element()?.as_str().contains("remote-connection-failed"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fail(self, failure: VerificationFailure) -> Verdict {
        self.conclude(Finding::Failed(failure))
    }

    pub(crate) fn conclude(self, finding: Finding) -> Verdict {
        Verdict {
            stream: self.0.stream,
            serial: self.0.serial,
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
/// [`Verifying`](crate::Verifying) and by nothing else, and it can be spent once.
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
    pub(crate) serial: u64,
    pub(crate) pair: Pair,
    pub(crate) finding: Finding,
}

impl Verdict {
    /// Where the claim was made.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Step::Verify(task) = stream.handle(claim.into(), facts, &mut keys, now)? else { panic!() };
    /// let verdict = task.fail(VerificationFailure::TimedOut);
    /// assert_eq!(verdict.stream(), stream.number());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream(&self) -> StreamNumber {
        self.stream
    }

    /// What was claimed.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Step::Verify(task) = stream.handle(claim.into(), facts, &mut keys, now)? else { panic!() };
    /// let verdict = task.fail(VerificationFailure::TimedOut);
    /// assert_eq!(verdict.pair(), &pair);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// What was found.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Step::Verify(task) = stream.handle(claim.into(), facts, &mut keys, now)? else { panic!() };
    /// let verdict = task.fail(VerificationFailure::TimedOut);
    /// assert_eq!(verdict.finding(), &Finding::Failed(VerificationFailure::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```
    /// # use xmpp_dialback::*;
    /// assert_eq!(VerificationFailure::TimedOut.condition(), DialbackCondition::REMOTE_SERVER_TIMEOUT);
    /// ```
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
