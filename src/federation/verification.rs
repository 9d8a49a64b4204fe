use crate::error::{Error, ErrorKind};
use xmpp_dialback::VerificationFailure;
use xmpp_tls_core::StreamCondition;

/// What a claim comes to whose authoritative server could not be asked for this reason (XEP-0220 section 2.5).
pub(crate) fn failure(error: &Error) -> VerificationFailure {
    match error.kind() {
        ErrorKind::StreamError(told) if told.name() == StreamCondition::HOST_UNKNOWN.name() => {
            VerificationFailure::NotServed
        }
        ErrorKind::TimedOut => VerificationFailure::TimedOut,
        ErrorKind::Starttls(_) | ErrorKind::Tls(_) | ErrorKind::Identity(_) | ErrorKind::Policy(_) => {
            VerificationFailure::Unprotected
        }
        _ => VerificationFailure::StreamEnded,
    }
}
