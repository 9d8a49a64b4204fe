use crate::policy::PolicyViolation;
use crate::tls::TlsError;
use std::fmt;
use xmpp_dialback::NotAuthenticated;
use xmpp_identity::IdentityError;
use xmpp_stream::{Element, StreamError};
use xmpp_tls_core::{Domain, StreamCondition};

/// Which step of a session was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// STARTTLS, in clear.
    Starttls,
    /// The TLS handshake.
    Tls,
    /// Inside TLS, waiting for the peer's stream header.
    Header,
    /// The stream is open, and the receiving entity has not said what it offers yet.
    Features,
    /// The stream is open, and the peer has not proved itself yet.
    Authentication,
    /// The stream is open.
    Open,
    /// The stream is being closed.
    Closing,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Starttls => "negotiating STARTTLS",
            Phase::Tls => "the TLS handshake",
            Phase::Header => "waiting for the stream header",
            Phase::Features => "waiting for the stream features",
            Phase::Authentication => "waiting for the peer to prove itself",
            Phase::Open => "the stream was open",
            Phase::Closing => "closing the stream",
        })
    }
}

/// Why a session ended before both sides wanted it to: where it stood, and what happened.
///
/// Its one line of text names the domain, the finding and, where there is one, the remedy.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    domain: Option<Domain>,
    phase: Phase,
    kind: ErrorKind,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(domain) = self.domain() {
            write!(f, "{domain}: ")?;
        }
        write!(f, "{}: {}", self.0.phase, self.0.kind)
    }
}

/// The same line: a `main` that returns the error shows it this way.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The kind itself is in our text already.
        std::error::Error::source(&self.0.kind)
    }
}

/// What ended a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// STARTTLS was not negotiated. Nothing is retried in clear.
    #[error(transparent)]
    Starttls(#[from] xmpp_starttls::Error),
    /// TLS failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The peer's certificate does not make it the one it should be.
    #[error(transparent)]
    Identity(Box<IdentityError>),
    /// What was negotiated does not satisfy the policy.
    #[error("refused by policy: {0}")]
    Policy(PolicyViolation),
    /// The peer asked for STARTTLS where it was not offered: whether there is TLS is settled.
    #[error("the peer asked for STARTTLS on a stream on which it was not offered")]
    StarttlsNotOffered,
    /// What the peer sent is not an XMPP stream, or exceeds a limit.
    #[error(transparent)]
    Stream(#[from] xmpp_stream::Error),
    /// The peer's stream header does not fit.
    #[error("the peer's stream header does not fit: {0}")]
    Header(HeaderProblem),
    /// The peer closed the stream with an error.
    #[error("the peer closed the stream: {0}")]
    StreamError(Box<StreamError>),
    /// The peer said nothing in time.
    #[error("the peer said nothing in time")]
    TimedOut,
    /// The connection ended although the stream was not closed: something may be missing.
    #[error("the connection ended without {}", if *close_notify_missing { "a TLS close_notify: what came last may be cut off" } else { "</stream:stream>" })]
    Truncated {
        /// Not even TLS was closed properly: anybody on the path may have ended the connection. Never so
        /// where there is no TLS.
        close_notify_missing: bool,
    },
    /// Another server sent a stanza of a pair of domains that it has not proved, or we were to send one.
    #[error(transparent)]
    NotAuthenticated(Box<NotAuthenticated>),
    /// Another server's dialback cannot be read, or ours not be done.
    #[error(transparent)]
    Dialback(Box<xmpp_dialback::Error>),
    /// The peer sent an element that has no place where the stream stands.
    #[error("the peer sent <{name} xmlns={namespace:?}/>, which has no place here")]
    Unexpected {
        /// Its local name.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// The session was used in a way its documentation rules out.
    #[error("misuse: {0}")]
    ApiMisuse(&'static str),
}

/// What is wrong with a peer's stream header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderProblem {
    /// `to` is missing, and more than one domain is served.
    #[error("it does not say which domain it is for")]
    NoDomain,
    /// `to` names a domain that is not served.
    #[error("it is for {to:?}, which is not served here")]
    UnknownDomain {
        /// What it says.
        to: String,
    },
    /// `from` is no domain, on a stream between servers.
    #[error("it is from {from:?}, which is no domain")]
    NoServer {
        /// What it says.
        from: String,
    },
    /// `to` or `from` is not what it was before: an identity cannot change within a connection.
    #[error("{attribute} is {now:?} but was {before:?}")]
    Changed {
        /// Which attribute.
        attribute: &'static str,
        /// What it was.
        before: String,
        /// What it is.
        now: String,
    },
}

impl HeaderProblem {
    fn stream_condition(&self) -> StreamCondition {
        match self {
            HeaderProblem::NoDomain | HeaderProblem::UnknownDomain { .. } => StreamCondition::HOST_UNKNOWN,
            HeaderProblem::NoServer { .. } | HeaderProblem::Changed { attribute: "from", .. } => {
                StreamCondition::INVALID_FROM
            }
            HeaderProblem::Changed { .. } => StreamCondition::HOST_UNKNOWN,
        }
    }
}

impl ErrorKind {
    pub(crate) fn unexpected(element: &Element) -> Self {
        let excerpt = |text: &str| text.chars().take(64).collect();
        ErrorKind::Unexpected {
            name: excerpt(element.name()),
            namespace: excerpt(element.namespace()),
        }
    }
}

impl Error {
    pub(crate) fn new(domain: Option<Domain>, phase: Phase, kind: ErrorKind) -> Self {
        Error(Box::new(Inner { domain, phase, kind }))
    }

    /// The domain this is about, as far as it is known: the one wanted, or ours on the receiving side.
    pub fn domain(&self) -> Option<&Domain> {
        self.0.domain.as_ref()
    }

    /// Where the session stood.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// What happened.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The stream error the peer was told. `None` where XML is not spoken: a failure of TLS or of the
    /// certificate ends in a bare close (RFC 6120 section 5.4.3.2).
    pub fn stream_condition(&self) -> Option<StreamCondition> {
        match self.kind() {
            ErrorKind::Starttls(source) => source.stream_condition(),
            ErrorKind::Stream(source) => source.stream_condition(),
            ErrorKind::Header(problem) => Some(problem.stream_condition()),
            ErrorKind::NotAuthenticated(error) => Some(error.stream_condition()),
            ErrorKind::Dialback(error) => error.stream_condition(),
            ErrorKind::Unexpected { .. } => Some(StreamCondition::UNSUPPORTED_STANZA_TYPE),
            ErrorKind::TimedOut if matches!(self.phase(), Phase::Header | Phase::Features) => {
                Some(StreamCondition::CONNECTION_TIMEOUT)
            }
            ErrorKind::TimedOut if self.phase() == Phase::Authentication => Some(StreamCondition::POLICY_VIOLATION),
            // The gate's refusals come before there is a stream to tell them on, except of another server, which
            // says only in its header who it is.
            ErrorKind::Identity(_) | ErrorKind::Policy(PolicyViolation::Unauthenticated)
                if self.phase() != Phase::Tls =>
            {
                Some(StreamCondition::NOT_AUTHORIZED)
            }
            ErrorKind::Policy(_) if self.phase() != Phase::Tls => Some(StreamCondition::POLICY_VIOLATION),
            ErrorKind::TimedOut
            | ErrorKind::Tls(_)
            | ErrorKind::Identity(_)
            | ErrorKind::Policy(_)
            | ErrorKind::StarttlsNotOffered
            | ErrorKind::StreamError(_)
            | ErrorKind::Truncated { .. }
            | ErrorKind::ApiMisuse(_) => None,
        }
    }

    /// The verdict on the peer's certificate, if that is what failed.
    pub fn identity(&self) -> Option<&IdentityError> {
        match self.kind() {
            ErrorKind::Identity(error) | ErrorKind::Tls(TlsError::CertificateRejected(error)) => Some(error),
            _ => None,
        }
    }
}
