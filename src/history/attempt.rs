use crate::error::{ErrorKind, Phase};
use crate::io::{self, Endpoint};
use crate::security::{SecurityReport, redacted};
use crate::session::{Mode, Target};
use crate::time::Now;
use pki_types::UnixTime;
use std::fmt;
use std::time::{Duration, Instant};
use xmpp_tls_core::{Domain, Side, StreamKind};

/// Octets of a reason that are kept.
const MAX_REASON: usize = 512;

/// One attempt to set up a stream, and what came of it. With the feature `serde` it serialises.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The domain wanted, or the one that a server says to be that connected to us; where a client connected, ours. As
    /// far as it is known.
    pub domain: Option<Domain>,
    /// Which kind of stream.
    pub kind: StreamKind,
    /// Our side of it.
    pub side: Side,
    /// How TLS was to begin.
    pub mode: Mode,
    /// Where to; `None` on the receiving side, and where nothing was found.
    pub endpoint: Option<Endpoint>,
    /// When it began.
    pub began: UnixTime,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an [`Attempt`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The stream is set up.
    #[non_exhaustive]
    Succeeded {
        /// Inside TLS.
        encrypted: bool,
        /// The peer proved who it is.
        authenticated: bool,
        /// `TLS 1.3`.
        version: Option<String>,
    },
    /// It is not.
    #[non_exhaustive]
    Failed {
        /// How far it got.
        stage: Stage,
        /// What failed, a name that does not change: `unreachable`, `tls`, `identity`.
        code: &'static str,
        /// Why, in words. At most 512 octets.
        reason: String,
    },
}

/// How far an attempt got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Looking for where to connect.
    Discovery,
    /// Connecting.
    Connecting,
    /// Setting up the stream.
    Stream(Phase),
    /// It was given up, and nobody said where.
    Unknown,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stage::Discovery => f.write_str("looking for the server"),
            Stage::Connecting => f.write_str("connecting"),
            Stage::Stream(phase) => phase.fmt(f),
            Stage::Unknown => f.write_str("somewhere"),
        }
    }
}

/// An attempt that is under way. It is no record until its end is told.
#[derive(Debug, Clone)]
#[must_use = "what came of it is to be told"]
pub struct Running {
    attempt: Attempt,
    since: Instant,
}

impl Attempt {
    /// An attempt to connect begins, at one endpoint if it is known already.
    pub fn begin(target: &Target, endpoint: Option<&Endpoint>, now: Now) -> Running {
        let domain = Some(target.domain().clone());
        Self::running(domain, (target.kind(), Side::Initiating, target.mode()), endpoint, now)
    }

    /// A connection was accepted.
    pub fn accepted(kind: StreamKind, mode: Mode, now: Now) -> Running {
        Self::running(None, (kind, Side::Receiving, mode), None, now)
    }

    fn running(
        domain: Option<Domain>,
        (kind, side, mode): (StreamKind, Side, Mode),
        endpoint: Option<&Endpoint>,
        now: Now,
    ) -> Running {
        Running {
            since: now.instant,
            attempt: Attempt {
                domain,
                kind,
                side,
                mode,
                endpoint: endpoint.cloned(),
                began: now.wall,
                took: Duration::ZERO,
                outcome: failure(Stage::Unknown, "abandoned", "it was given up"),
            },
        }
    }

    /// The same line as by `Display`, without network addresses, and without the localparts of addresses of users: for
    /// logs that others read.
    pub fn redacted(&self) -> impl fmt::Display + use<> {
        redacted(&self.to_string()).into_owned()
    }

    /// Whether the stream was set up.
    pub fn is_success(&self) -> bool {
        match self.outcome {
            Outcome::Succeeded { .. } => true,
            Outcome::Failed { .. } => false,
        }
    }
}

impl Running {
    /// The stream is set up.
    pub fn succeeded(self, report: &SecurityReport, now: Instant) -> Attempt {
        let outcome = Outcome::Succeeded {
            encrypted: report.is_encrypted(),
            authenticated: report.is_authenticated(),
            version: report.tls().map(|tls| tls.version.to_string()),
        };
        self.ended(report.remote_domain().or(report.domain()), outcome, now)
    }

    /// It failed. Where several endpoints were tried, each is an attempt of its own with an error of its own:
    /// [`io::Error::NoneWorked`] is the sum of them.
    pub fn failed(self, error: &io::Error, now: Instant) -> Attempt {
        let (stage, code) = match error {
            io::Error::Unreachable { .. } => (Stage::Connecting, "unreachable"),
            io::Error::Transport { phase, .. } => (Stage::Stream(*phase), "transport"),
            io::Error::Discovery(_) => (Stage::Discovery, "discovery"),
            io::Error::NoneWorked { .. } => (Stage::Connecting, "none-worked"),
            io::Error::Closed(_) => (Stage::Stream(Phase::Features), "closed"),
            io::Error::Ledger(_) => (Stage::Stream(Phase::Tls), "ledger"),
            io::Error::Session(error) => (Stage::Stream(error.phase()), code_of(error.kind())),
        };
        let domain = match error {
            io::Error::Transport { domain, .. } => domain.as_ref(),
            io::Error::Session(error) => error.domain(),
            _ => None,
        };
        self.ended(domain, failure(stage, code, &error.to_string()), now)
    }

    /// A session failed that no driver of ours drives.
    pub fn failed_session(self, error: &crate::Error, now: Instant) -> Attempt {
        self.failed(&io::Error::Session(error.clone()), now)
    }

    /// The stream is set up, and was closed because of what the ledger says.
    pub fn refused(self, refusal: &crate::ledger::Refusal, now: Instant) -> Attempt {
        self.ended(
            None,
            failure(Stage::Stream(Phase::Tls), "ledger", &refusal.to_string()),
            now,
        )
    }

    /// It was given up before anything came of it.
    pub fn abandoned(self, now: Instant) -> Attempt {
        let outcome = self.attempt.outcome.clone();
        self.ended(None, outcome, now)
    }

    fn ended(self, domain: Option<&Domain>, outcome: Outcome, now: Instant) -> Attempt {
        let mut attempt = self.attempt;
        attempt.took = now.saturating_duration_since(self.since);
        attempt.domain = attempt.domain.or_else(|| domain.cloned());
        attempt.outcome = outcome;
        attempt
    }
}

fn failure(stage: Stage, code: &'static str, reason: &str) -> Outcome {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = reason.get(..end).unwrap_or_default().to_owned();
    Outcome::Failed { stage, code, reason }
}

fn code_of(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Starttls(_) => "starttls",
        ErrorKind::Tls(crate::tls::TlsError::CertificateRejected(_)) | ErrorKind::Identity(_) => "identity",
        ErrorKind::Tls(_) => "tls",
        ErrorKind::Policy(_) => "policy",
        ErrorKind::StarttlsNotOffered => "starttls-not-offered",
        ErrorKind::Stream(_) => "stream",
        ErrorKind::Header(_) => "header",
        ErrorKind::StreamError(_) => "stream-error",
        ErrorKind::NotAuthenticated(_) => "not-authenticated",
        ErrorKind::Dialback(_) => "dialback",
        ErrorKind::Unexpected { .. } => "unexpected",
        ErrorKind::TimedOut => "timed-out",
        ErrorKind::Truncated { .. } => "truncated",
        ErrorKind::ApiMisuse(_) => "api-misuse",
    }
}

/// One line: to whom, where, how long it took, and what came of it.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.domain {
            Some(domain) => write!(f, "{domain} ({}", self.kind)?,
            None => write!(f, "unknown domain ({}", self.kind)?,
        }
        if self.side == Side::Receiving {
            f.write_str(", inbound")?;
        }
        f.write_str(")")?;
        if let Some(endpoint) = &self.endpoint {
            write!(f, " at {endpoint}")?;
        }
        write!(f, ", {} ms: ", self.took.as_millis())?;
        match &self.outcome {
            Outcome::Succeeded {
                authenticated, version, ..
            } => {
                f.write_str(version.as_deref().unwrap_or("NOT encrypted"))?;
                f.write_str(if *authenticated {
                    ", authenticated"
                } else {
                    ", not authenticated"
                })
            }
            Outcome::Failed { code, reason, .. } => write!(f, "failed ({code}): {reason}"),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Attempt {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("domain", &self.domain.as_ref().map(Domain::as_str))?;
        map.serialize_entry("kind", &self.kind.to_string())?;
        map.serialize_entry("inbound", &(self.side == Side::Receiving))?;
        map.serialize_entry("direct_tls", &(self.mode == Mode::DirectTls))?;
        map.serialize_entry("endpoint", &self.endpoint.as_ref().map(Endpoint::to_string))?;
        map.serialize_entry("began", &self.began.as_secs())?;
        map.serialize_entry("seconds", &self.took.as_secs_f64())?;
        map.serialize_entry("succeeded", &self.is_success())?;
        match &self.outcome {
            Outcome::Succeeded {
                encrypted,
                authenticated,
                version,
            } => {
                map.serialize_entry("encrypted", encrypted)?;
                map.serialize_entry("authenticated", authenticated)?;
                map.serialize_entry("version", version)?;
            }
            Outcome::Failed { stage, code, reason } => {
                map.serialize_entry("stage", &stage.to_string())?;
                map.serialize_entry("code", code)?;
                map.serialize_entry("reason", reason)?;
            }
        }
        map.end()
    }
}
