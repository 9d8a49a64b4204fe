use std::fmt;
use xmpp_stream::StreamError;
use xmpp_tls_core::StreamCondition;

/// Which step of the negotiation was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for the peer's stream header.
    Header,
    /// Waiting for the owner to accept or refuse the opened stream.
    Decision,
    /// Waiting for `<stream:features/>`.
    Features,
    /// `<starttls/>` was sent; waiting for `<proceed/>` or `<failure/>`.
    Proceed,
    /// Features were sent; waiting for `<starttls/>`.
    Starttls,
    /// `<proceed/>` was sent or received: only TLS may follow.
    Upgraded,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Header => "waiting for the stream header",
            Phase::Decision => "deciding on the opened stream",
            Phase::Features => "waiting for stream features",
            Phase::Proceed => "waiting for <proceed/>",
            Phase::Starttls => "waiting for <starttls/>",
            Phase::Upgraded => "switching to TLS",
        })
    }
}

/// Why STARTTLS was not negotiated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke the protocol, or somebody between did.
    #[error("while {phase}: {what}")]
    PeerMisbehaved {
        /// Where in the negotiation.
        phase: Phase,
        /// How.
        what: PeerMisbehaved,
    },
    /// The peer said no.
    #[error("while {phase}: {refusal}")]
    Refused {
        /// Where in the negotiation.
        phase: Phase,
        /// With which words.
        refusal: Refusal,
    },
    /// What the peer sent is not an XMPP stream, or exceeds a limit.
    #[error("while {phase}: {error}")]
    Stream {
        /// Where in the negotiation.
        phase: Phase,
        /// What the decoder found.
        error: xmpp_stream::Error,
    },
    /// The peer said nothing in time.
    #[error("timed out while {phase}{}", if *phase == Phase::Header { ": perhaps this is no XMPP port, or one for direct TLS" } else { "" })]
    TimedOut {
        /// Where in the negotiation.
        phase: Phase,
    },
    /// The connection ended.
    #[error("the connection ended while {phase}{}", if *phase == Phase::Header { ": perhaps this port wants direct TLS" } else { "" })]
    ConnectionEnded {
        /// Where in the negotiation.
        phase: Phase,
    },
    /// The peer did not offer STARTTLS, or somebody on the path removed the offer. It was asked all the
    /// same (RFC 7590 section 3.1), in vain.
    #[error("STARTTLS is not offered; it was asked for all the same, but {outcome}")]
    NotOffered {
        /// What came of asking.
        outcome: Box<Error>,
    },
    /// The owner of a [`Responder`](crate::Responder) refused the stream.
    #[error("we refused the stream: {condition}")]
    WeRefused {
        /// What the peer was told.
        condition: StreamCondition,
    },
    /// The engine was used in a way its documentation rules out.
    #[error("misuse: {0}")]
    ApiMisuse(&'static str),
}

/// How a peer broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// Bytes came behind `<proceed/>`, before TLS could have begun: a response injection
    /// (RFC 7457 section 2.2, RFC 6120 section 5.4.2.3).
    #[error("{octets} octets of clear text behind <proceed/>: injected by somebody on the path, connection dropped")]
    DataAfterProceed {
        /// How many.
        octets: usize,
    },
    /// Bytes came behind `<starttls/>`, before `<proceed/>`: a command injection (CVE-2011-0411,
    /// RFC 7457 section 2.2, RFC 6120 section 5.3.3).
    #[error("{octets} octets of clear text behind <starttls/>: injected by somebody on the path, connection dropped")]
    DataAfterStarttls {
        /// How many.
        octets: usize,
    },
    /// TLS began where the XML stream must: one side speaks direct TLS, the other STARTTLS.
    #[error(
        "TLS came where the XML stream must begin (first octet {first:#04x}): one side of this port speaks direct TLS, \
         the other STARTTLS"
    )]
    TlsBeforeStream {
        /// The first octet that came, a record type of TLS (RFC 8446 section 5.1).
        first: u8,
    },
    /// `<proceed/>` or `<failure/>` although no `<starttls/>` was sent.
    #[error("<{name}/> came although no <starttls/> was sent")]
    Unsolicited {
        /// Which of the two.
        name: String,
    },
    /// White space between `<starttls/>` and `<proceed/>` (RFC 6120 section 5.3.3), refused only when
    /// asked to be strict.
    #[error("white space between <starttls/> and <proceed/>, which RFC 6120 section 5.3.3 forbids")]
    WhitespaceBeforeProceed,
    /// A stanza before TLS under a policy that requires TLS.
    #[error("a <{name}/> stanza came before TLS, which is required here")]
    StanzaBeforeTls {
        /// Its name.
        name: String,
    },
    /// SASL before TLS under a policy that requires TLS.
    #[error("<{name}/> of SASL came before TLS, which is required here")]
    SaslBeforeTls {
        /// Its name.
        name: String,
    },
    /// Any other element that the phase does not allow.
    #[error("<{name}/> of the namespace {namespace:?} is not allowed here")]
    UnexpectedElement {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// How a peer said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// `<failure/>` in answer to `<starttls/>` (RFC 6120 section 5.4.2.2).
    #[error("the peer answered <starttls/> with <failure/>: it cannot do TLS now, try again later or ask its operator")]
    TlsFailure,
    /// A stream error. Before TLS its text proves nothing about who wrote it.
    #[error("the peer closed the stream: {0} (in clear, where anybody may have said it)")]
    StreamError(Box<StreamError>),
    /// `</stream:stream>`.
    #[error("the peer closed the stream")]
    StreamClosed,
}

impl Error {
    /// The stream error that the peer is told, where XML is still spoken. `None`: the connection
    /// is just dropped, as RFC 6120 asks once `<starttls/>` has been sent (sections 5.3.3 and 5.4.3.2).
    pub fn stream_condition(&self) -> Option<StreamCondition> {
        match self {
            Error::PeerMisbehaved { phase, what } => match (phase, what) {
                (Phase::Proceed | Phase::Upgraded, _) => None,
                (
                    _,
                    PeerMisbehaved::DataAfterProceed { .. }
                    | PeerMisbehaved::DataAfterStarttls { .. }
                    | PeerMisbehaved::TlsBeforeStream { .. },
                ) => None,
                (_, PeerMisbehaved::StanzaBeforeTls { .. }) => Some(StreamCondition::NOT_AUTHORIZED),
                (_, PeerMisbehaved::SaslBeforeTls { .. }) => Some(StreamCondition::POLICY_VIOLATION),
                (_, PeerMisbehaved::WhitespaceBeforeProceed) => None,
                (_, PeerMisbehaved::Unsolicited { .. } | PeerMisbehaved::UnexpectedElement { .. }) => {
                    Some(StreamCondition::UNSUPPORTED_STANZA_TYPE)
                }
            },
            Error::Stream {
                phase: Phase::Proceed | Phase::Upgraded,
                ..
            } => None,
            Error::Stream { error, .. } => error.stream_condition(),
            Error::TimedOut {
                phase: Phase::Proceed | Phase::Upgraded,
            } => None,
            Error::TimedOut { phase: Phase::Decision } => Some(StreamCondition::INTERNAL_SERVER_ERROR),
            Error::TimedOut { phase: Phase::Features } => Some(StreamCondition::CONNECTION_TIMEOUT),
            Error::TimedOut { .. } => Some(StreamCondition::POLICY_VIOLATION),
            Error::WeRefused { condition } => Some(*condition),
            Error::NotOffered { outcome } => outcome.stream_condition(),
            Error::Refused { .. } | Error::ConnectionEnded { .. } | Error::ApiMisuse(_) => None,
        }
    }

    /// Where the negotiation stood, if it had begun.
    pub fn phase(&self) -> Option<Phase> {
        match self {
            Error::PeerMisbehaved { phase, .. }
            | Error::Refused { phase, .. }
            | Error::Stream { phase, .. }
            | Error::TimedOut { phase }
            | Error::ConnectionEnded { phase } => Some(*phase),
            Error::WeRefused { .. } => Some(Phase::Decision),
            Error::NotOffered { outcome } => outcome.phase(),
            Error::ApiMisuse(_) => None,
        }
    }
}
