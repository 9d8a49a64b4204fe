//! OpenSSL's errors, in words that an operator can act on.

use openssl::error::ErrorStack;
use openssl::ssl::Error;
use xmpp_tls::starttls::TlsVersion;
use xmpp_tls::tls::{Alert, TlsError};

/// `ERR_LIB_SSL`: reason codes mean something within their library only.
const LIBRARY: i32 = 20;

// Reasons of that library; these numbers are part of its interface and do not change.
const ALERTS: i32 = 1000;
const NO_SHARED_CIPHER: i32 = 193;
const NO_APPLICATION_PROTOCOL: i32 = 235;
const UNSAFE_LEGACY_RENEGOTIATION_DISABLED: i32 = 338;
const INAPPROPRIATE_FALLBACK: i32 = 373;

/// Why a connection failed, with a peer whose hello said `offered`.
pub(crate) fn of_connection(error: &Error, offered: Option<TlsVersion>, lowest: TlsVersion) -> TlsError {
    let Some(stack) = error.ssl_error() else {
        return TlsError::PeerMisbehaved(error.to_string());
    };
    let reason = stack
        .errors()
        .iter()
        .find(|error| error.library_code() == LIBRARY)
        .map(|error| error.reason_code());
    if let Some(alert) = reason.and_then(alert) {
        return TlsError::AlertReceived(alert);
    }
    if let Some(offered) = offered.filter(|offered| *offered < lowest) {
        return too_old(offered, lowest);
    }
    match reason {
        Some(NO_SHARED_CIPHER) => TlsError::PeerIncompatible(
            "no cipher suite in common: the peer offers none that is allowed here and fits our certificate (old peers \
             need one with an RSA key, and some have no forward secrecy, which the policy may only prefer then)"
                .to_owned(),
        ),
        Some(NO_APPLICATION_PROTOCOL) => TlsError::PeerIncompatible("no common ALPN protocol".to_owned()),
        Some(UNSAFE_LEGACY_RENEGOTIATION_DISABLED) => TlsError::PeerIncompatible(
            "the peer does not know secure renegotiation (RFC 5746), without which others could speak in our name"
                .to_owned(),
        ),
        Some(INAPPROPRIATE_FALLBACK) => TlsError::PeerMisbehaved(
            "the peer came back with a lower version than it knows (RFC 7507): somebody may have broken its first attempt"
                .to_owned(),
        ),
        _ => TlsError::PeerMisbehaved(reasons(stack)),
    }
}

/// A received alert is a reason too: its number, counted from [`ALERTS`].
fn alert(reason: i32) -> Option<Alert> {
    reason.checked_sub(ALERTS)?.try_into().ok().map(Alert)
}

/// The peer's newest version is below the policy's lowest.
pub(crate) fn too_old(offered: TlsVersion, lowest: TlsVersion) -> TlsError {
    TlsError::PeerIncompatible(format!(
        "the peer offers only {offered}, and the policy accepts {lowest} and later"
    ))
}

/// What went wrong on our side.
pub(crate) fn of_setup(stack: &ErrorStack) -> TlsError {
    TlsError::Misconfigured(format!("OpenSSL: {}", reasons(stack)))
}

fn reasons(stack: &ErrorStack) -> String {
    let reasons: Vec<_> = stack.errors().iter().filter_map(|error| error.reason()).collect();
    match reasons.as_slice() {
        [] => stack.to_string(),
        reasons => reasons.join(", "),
    }
}
