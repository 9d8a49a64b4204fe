use crate::message::Kind;
use crate::pair::Pair;
use crate::roles::verdict::{StreamNumber, VerifyTask};
use std::fmt;
use xmpp_stream::SmallStr;
use xmpp_tls_core::{Domain, DomainError, Side, StreamCondition};

/// What went wrong, by whose fault. None of them changes the state of what returned it: nothing was
/// authenticated, and the stream can go on unless [`stream_condition`](Error::stream_condition) says
/// that it should be closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A dialback element that cannot be read.
    #[error("unreadable dialback element: {0}")]
    Message(#[from] MessageError),
    /// The peer said what it was not asked, or what has no place on this stream.
    #[error("{0}")]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// The caller asked for what cannot be, or may not.
    #[error("{0}")]
    ApiMisuse(#[from] ApiMisuse),
    /// Our own bound is reached.
    #[error("already {max} {what}, which is the limit")]
    Limit {
        /// What there are too many of.
        what: Bound,
        /// How many there may be.
        max: usize,
    },
    /// The `id` of the stream is none that a key can be made for.
    #[error("no dialback on a stream with this id: {0}")]
    Id(#[from] IdError),
}

impl Error {
    /// The stream error to close the stream with; `None` if there is no need to.
    ///
    /// ```
    /// use xmpp_dialback::{Error, MessageError};
    /// use xmpp_tls_core::StreamCondition;
    ///
    /// let error = Error::from(MessageError::NoAttribute { element: "result", attribute: "from" });
    /// assert_eq!(error.stream_condition(), Some(StreamCondition::IMPROPER_ADDRESSING));
    /// ```
    pub fn stream_condition(&self) -> Option<StreamCondition> {
        match self {
            Error::Message(error) => Some(error.stream_condition()),
            // XEP-0220 section 2.2 has them ignored; the caller may do more, and should write a log.
            Error::PeerMisbehaved(_) => None,
            Error::ApiMisuse(_) | Error::Limit { .. } | Error::Id(_) => None,
        }
    }
}

/// What there is a bound on ([`Limits`](crate::Limits), [`Authoritative::stateful`](crate::Authoritative::stateful)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bound {
    /// Claims of ours on one stream that are not answered yet.
    OpenQuestions,
    /// Pairs that one stream is used for.
    Pairs,
    /// Further targets that the caller vouched for on one stream.
    Targets,
    /// Verifications on one stream that are not answered yet.
    OpenVerifications,
    /// Verifications on one stream whose time ran out: no more about claims made on streams that we opened
    /// are asked there, because a late answer could be about another of these.
    UnansweredVerifications,
    /// Keys that a stateful authoritative server remembers.
    RememberedKeys,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bound::OpenQuestions => "open questions on this stream",
            Bound::Pairs => "pairs on this stream",
            Bound::Targets => "further targets on this stream",
            Bound::OpenVerifications => "open verifications on this stream",
            Bound::UnansweredVerifications => "verifications without an answer on this stream",
            Bound::RememberedKeys => "keys that are remembered",
        })
    }
}

/// Why a dialback element cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Neither `result` nor `verify`.
    #[error("expected <result/> or <verify/>, found {name:?}")]
    UnknownElement {
        /// Its local name, its first 16 characters.
        name: String,
    },
    /// An attribute that must be there is not.
    #[error("expected the attribute {attribute:?} in <{element}/>, found none")]
    NoAttribute {
        /// In which element.
        element: &'static str,
        /// Which one.
        attribute: &'static str,
    },
    /// `from` or `to` is not a domain.
    #[error("expected a domain in the attribute {attribute:?} of <{element}/>: {found}")]
    NoDomain {
        /// In which element.
        element: &'static str,
        /// Which one.
        attribute: &'static str,
        /// What is wrong with it.
        found: DomainError,
    },
    /// A `type` that nobody defined.
    #[error("expected the type \"valid\", \"invalid\", \"error\" or none, found {found:?}")]
    UnknownType {
        /// What it is, its first 16 characters.
        found: String,
    },
    /// The `id` is longer than any that is kept.
    #[error("expected an id of at most 1023 octets, found {octets}")]
    IdTooLong {
        /// How many octets it has.
        octets: usize,
    },
    /// A request without a key.
    #[error("expected a key, found none")]
    NoKey,
    /// A key longer than any that is kept.
    #[error("expected a key of at most 1024 octets, found {octets}")]
    KeyTooLong {
        /// How many octets it has.
        octets: usize,
    },
}

impl MessageError {
    /// The stream error to close the stream with.
    ///
    /// ```
    /// use xmpp_dialback::MessageError;
    /// use xmpp_tls_core::StreamCondition;
    ///
    /// assert_eq!(MessageError::NoKey.stream_condition(), StreamCondition::BAD_FORMAT);
    /// ```
    pub fn stream_condition(&self) -> StreamCondition {
        match self {
            MessageError::UnknownElement { .. } => StreamCondition::UNSUPPORTED_STANZA_TYPE,
            MessageError::NoAttribute {
                attribute: "from" | "to",
                ..
            }
            | MessageError::NoDomain { .. } => StreamCondition::IMPROPER_ADDRESSING,
            MessageError::NoAttribute { .. } | MessageError::UnknownType { .. } | MessageError::NoKey => {
                StreamCondition::BAD_FORMAT
            }
            MessageError::IdTooLong { .. } | MessageError::KeyTooLong { .. } => StreamCondition::POLICY_VIOLATION,
        }
    }
}

/// What a peer said without being asked, or in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// `db:result` with a `type` for a pair that nobody asked about on this stream (CVE-2012-3525 and its
    /// siblings; XEP-0220 section 3.1).
    #[error("an answer about {pair} came, which was not asked on this stream; {pending} other questions are open")]
    UnsolicitedResult {
        /// Which one.
        pair: Box<Pair>,
        /// How many questions are open.
        pending: usize,
    },
    /// `db:verify` with a `type` that answers no question asked on this stream.
    #[error(
        "a verification of {pair} with the id {id:?} came, which was not asked on this stream to {domain}; \
         {pending} other questions are open"
    )]
    UnsolicitedVerify {
        /// About which pair.
        pair: Box<Pair>,
        /// With which `id`.
        id: SmallStr,
        /// Whose answers are expected here.
        domain: Domain,
        /// How many questions are open.
        pending: usize,
    },
    /// A message that streams of this direction do not carry.
    #[error(
        "{found} came on a stream where we are the {side}{}",
        if *.bidi { ", used in both directions" } else { "" }
    )]
    WrongDirection {
        /// What came.
        found: Kind,
        /// Which end of the stream is ours.
        side: Side,
        /// Whether XEP-0288 was negotiated.
        bidi: bool,
    },
    /// The peer asked for more although it was told that the stream is being closed.
    #[error("{found} came after the stream was given up")]
    AfterClose {
        /// What came.
        found: Kind,
    },
}

/// What a caller must not do. The state that forbids it can be seen beforehand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// The stream is in clear, and nothing allowed that.
    #[error("dialback on a stream in clear, where encryption is required")]
    StreamInClear,
    /// The pair is being asked about already.
    #[error("{pair} was asked about on this stream already")]
    AlreadyAsked {
        /// Which one.
        pair: Box<Pair>,
    },
    /// A second target on one stream to a server that does not support dialback errors (XEP-0220
    /// section 2.6.2).
    #[error("{found} on a stream that was opened to {expected}: the peer does not advertise dialback errors")]
    TargetMultiplexing {
        /// For whom the stream was opened.
        expected: Domain,
        /// Who was asked for.
        found: Domain,
    },
    /// A second target on one stream, of which neither the caller said
    /// ([`DialbackStream::cover`](crate::DialbackStream::cover)) nor the peer proved that it is the peer's; or
    /// any target that the peer did not prove, on a stream that it opened. It would be sent a key, and then
    /// the stanzas, of somebody else.
    #[error("nothing shows that the peer of this stream is {target}")]
    TargetUnproved {
        /// Who was asked for.
        target: Domain,
    },
    /// Where certificates are required, other words do not count.
    #[error("the peer's certificate has to prove that it is {target}")]
    CertificateRequired {
        /// Who was vouched for.
        target: Domain,
    },
    /// One end answered `invalid`, and the stream will be closed (XEP-0220 sections 2.1.1 and 2.2.1).
    #[error("the stream was given up: a claim on it was answered \"invalid\"")]
    StreamGivenUp,
    /// The stream is one that the peer opened, and is not used in both directions.
    #[error("nothing can be asked on a stream that the peer opened")]
    NotOurStream,
    /// The stream is one that we opened, and not used in both directions: the peer claims nothing there, and
    /// never authenticates by SASL.
    #[error("the peer proves nothing on a stream that we opened")]
    NotTheirStream,
    /// The verification belongs on a stream to another domain.
    #[error("a verification for {expected} on a stream that was opened to {found}")]
    WrongDomain {
        /// Who has to be asked.
        expected: Domain,
        /// For whom the stream was opened.
        found: Domain,
    },
    /// A claim would be verified on the stream that made it (XEP-0288 section 2.2).
    #[error("a claim made on {stream} cannot be verified on the same stream")]
    SameStream {
        /// Which one.
        stream: StreamNumber,
    },
    /// A verdict about a claim of another stream.
    #[error("a verdict about a claim of {expected} was given to {found}")]
    WrongStream {
        /// Where it belongs.
        expected: StreamNumber,
        /// Where it was given.
        found: StreamNumber,
    },
    /// `<bidi/>` before TLS (XEP-0288 section 2.1).
    #[error("<bidi/> on a stream in clear")]
    BidiInClear,
}

/// Why a stream `id` is none that a dialback key can be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// There is none. A key for it would be the same for every such stream.
    #[error("it is empty")]
    Empty,
    /// White space or control characters, which could make one field of the key look like two.
    #[error("it has white space or control characters")]
    Space,
    /// Longer than any that is kept.
    #[error("it has {octets} octets, at most 1023 are allowed")]
    TooLong {
        /// How many octets it has.
        octets: usize,
    },
}

/// A secret that is too short (CVE-2016-1232).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a dialback secret of {octets} octets is too short: at least 32, from a cryptographically secure generator")]
pub struct WeakSecret {
    /// How many octets it has.
    pub octets: usize,
}

/// A task that was not taken, and why: it is not lost.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct NotAsked {
    /// Ask on another stream, or end it with [`VerifyTask::fail`].
    pub task: VerifyTask,
    /// Why not here.
    pub error: Error,
}

impl NotAsked {
    /// For who keeps tasks until a stream is ready, and could not keep this one.
    pub fn new(task: VerifyTask, error: Error) -> Self {
        NotAsked { task, error }
    }
}
