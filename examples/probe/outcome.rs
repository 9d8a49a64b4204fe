//! What a probe found, as an exit status.

use std::process::ExitCode;
use xmpp_tls::security::SecurityReport;
use xmpp_tls::starttls::{self, Refusal};
use xmpp_tls::tls::TlsError;
use xmpp_tls::{ErrorKind, Phase, StreamCondition, StreamKind, io};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    Secure = 0,
    Usage = 2,
    NotAuthenticated = 3,
    NotEncrypted = 4,
    Unreachable = 5,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        ExitCode::from(outcome as u8)
    }
}

impl Outcome {
    pub(crate) fn of_report(report: &SecurityReport) -> Self {
        match (report.is_encrypted(), report.is_authenticated()) {
            (true, true) => Outcome::Secure,
            (true, false) => Outcome::NotAuthenticated,
            (false, _) => Outcome::NotEncrypted,
        }
    }

    /// Not encrypted if an XMPP server answered and TLS failed, unreachable if none did.
    pub(crate) fn of_error(error: &io::Error) -> Self {
        let io::Error::Session(error) = error else {
            return Outcome::Unreachable;
        };
        match error.kind() {
            ErrorKind::Identity(_) => Outcome::NotAuthenticated,
            ErrorKind::Starttls(error) if error.phase() == Some(starttls::Phase::Header) => Outcome::Unreachable,
            ErrorKind::Tls(TlsError::NotTls { .. }) => Outcome::Unreachable,
            ErrorKind::Starttls(_) | ErrorKind::Tls(_) | ErrorKind::Policy(_) => Outcome::NotEncrypted,
            ErrorKind::TimedOut if error.phase() == Phase::Tls => Outcome::NotEncrypted,
            _ => Outcome::Unreachable,
        }
    }
}

/// A server that is asked for the wrong kind of stream says so in words that few understand.
pub(crate) fn hint(error: &io::Error, asked: StreamKind) -> Option<&'static str> {
    let io::Error::Session(error) = error else { return None };
    let condition = match error.kind() {
        ErrorKind::Starttls(starttls::Error::Refused {
            refusal: Refusal::StreamError(refused),
            ..
        }) => Some(refused.condition),
        ErrorKind::StreamError(refused) => Some(refused.condition),
        _ => error.stream_condition(),
    };
    (condition == Some(StreamCondition::INVALID_NAMESPACE)).then_some(match asked {
        StreamKind::ServerToServer => "This looks like a port for clients: leave --s2s out.",
        StreamKind::ClientToServer => "This looks like a port for servers: add --s2s.",
    })
}
