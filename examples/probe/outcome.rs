//! What a probe found, as an exit status.

use std::process::ExitCode;
use xmpp_tls::security::SecurityReport;
use xmpp_tls::starttls::{self, Refusal};
use xmpp_tls::tls::TlsError;
use xmpp_tls::{Error, ErrorKind, Phase, StreamCondition, StreamKind, io};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Secure = 0,
    Usage = 2,
    NotAuthenticated = 3,
    NotEncrypted = 4,
    Unreachable = 5,
    Changed = 6,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        ExitCode::from(outcome as u8)
    }
}

impl Outcome {
    pub(crate) fn says(self) -> &'static str {
        match self {
            Outcome::Secure => "secure",
            Outcome::Usage => "wrong arguments",
            Outcome::NotAuthenticated => "NOT AUTHENTICATED",
            Outcome::NotEncrypted => "NOT ENCRYPTED",
            Outcome::Unreachable => "unreachable",
            Outcome::Changed => "CHANGED",
        }
    }

    /// In a log.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Outcome::Secure => "secure",
            Outcome::Usage => "usage",
            Outcome::NotAuthenticated => "not-authenticated",
            Outcome::NotEncrypted => "not-encrypted",
            Outcome::Unreachable => "unreachable",
            Outcome::Changed => "changed",
        }
    }

    pub(crate) fn of_report(report: &SecurityReport) -> Self {
        match (report.is_encrypted(), report.is_authenticated()) {
            (true, true) => Outcome::Secure,
            (true, false) => Outcome::NotAuthenticated,
            (false, _) => Outcome::NotEncrypted,
        }
    }

    /// Not encrypted if an XMPP server answered and TLS failed, unreachable if none did.
    pub(crate) fn of_error(error: &io::Error) -> Self {
        let error = match error {
            io::Error::Session(error) => error,
            // The best that any of them was.
            io::Error::NoneWorked { attempts, .. } => {
                let outcomes = attempts.iter().map(|(_, error)| Outcome::of_error(error));
                return outcomes
                    .min_by_key(|outcome| *outcome as u8)
                    .unwrap_or(Outcome::Unreachable);
            }
            _ => return Outcome::Unreachable,
        };
        match error.kind() {
            ErrorKind::Identity(_) => Outcome::NotAuthenticated,
            ErrorKind::Starttls(error) if error.phase() == Some(starttls::Phase::Header) => Outcome::Unreachable,
            _ if refusal(error) == Some(StreamCondition::HOST_UNKNOWN) => Outcome::Unreachable,
            // Nobody spoke XMPP yet: perhaps the port wants STARTTLS.
            ErrorKind::Tls(TlsError::NotTls { .. } | TlsError::HandshakeCutOff { direct: true }) => {
                Outcome::Unreachable
            }
            ErrorKind::Starttls(_) | ErrorKind::Tls(_) | ErrorKind::Policy(_) => Outcome::NotEncrypted,
            ErrorKind::TimedOut if error.phase() == Phase::Tls => Outcome::NotEncrypted,
            _ => Outcome::Unreachable,
        }
    }
}

/// What helps where the error itself cannot know.
pub(crate) fn hint(error: &io::Error, asked: StreamKind) -> Option<&'static str> {
    let io::Error::Session(error) = error else { return None };
    let condition = refusal(error).or(error.stream_condition());
    match asked {
        _ if condition == Some(StreamCondition::HOST_UNKNOWN) => {
            Some("There is an XMPP server, but for other domains.")
        }
        _ if condition != Some(StreamCondition::INVALID_NAMESPACE) => None,
        StreamKind::ServerToServer => Some("This looks like a port for clients: leave --s2s out."),
        StreamKind::ClientToServer => Some("This looks like a port for servers: add --s2s."),
    }
}

/// The stream error with which the server refused.
fn refusal(error: &Error) -> Option<StreamCondition> {
    match error.kind() {
        ErrorKind::Starttls(starttls::Error::Refused {
            refusal: Refusal::StreamError(refused),
            ..
        })
        | ErrorKind::StreamError(refused) => Some(refused.condition),
        _ => None,
    }
}
