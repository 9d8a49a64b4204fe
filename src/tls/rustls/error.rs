//! What rustls says, in words that an operator can act on.

use crate::tls::{Alert, TlsError};
use ::rustls::{Error, InvalidMessage, PeerIncompatible};
use xmpp_starttls::TlsVersion;

/// `spoken` is the version that the peer's hello names, as far as it came.
pub(super) fn from_rustls(error: Error, spoken: Option<TlsVersion>) -> TlsError {
    match error {
        Error::AlertReceived(alert) => TlsError::AlertReceived(Alert(alert.into())),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            TlsError::PeerMisbehaved("a record of no known type: the peer does not speak TLS here".to_owned())
        }
        Error::PeerIncompatible(reason) => TlsError::PeerIncompatible(incompatible(reason, spoken)),
        Error::NoApplicationProtocol => TlsError::PeerIncompatible("no common ALPN protocol".to_owned()),
        Error::General(reason) => TlsError::Misconfigured(reason),
        Error::FailedToGetRandomBytes => TlsError::NoRandomness,
        ours @ (Error::FailedToGetCurrentTime | Error::EncryptError | Error::InconsistentKeys(_)) => {
            TlsError::Misconfigured(ours.to_string())
        }
        other => TlsError::PeerMisbehaved(other.to_string()),
    }
}

fn incompatible(reason: PeerIncompatible, spoken: Option<TlsVersion>) -> String {
    use PeerIncompatible as P;
    match reason {
        P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled
        | P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired => match spoken {
            Some(version) if version < TlsVersion::TLS_1_2 => too_old(version),
            Some(version) => format!("it speaks at most {version}, which the policy does not allow"),
            None => "it speaks no version that the policy allows".to_owned(),
        },
        P::NoCipherSuitesInCommon => {
            "no cipher suite in common: ours have ephemeral key exchange and authenticated encryption (RFC 9325)"
                .to_owned()
        }
        P::NoKxGroupsInCommon | P::NamedGroupsExtensionRequired | P::KeyShareExtensionRequired => {
            "no group for the key exchange in common".to_owned()
        }
        P::NoSignatureSchemesInCommon
        | P::SignatureAlgorithmsExtensionRequired
        | P::NoCertificateRequestSignatureSchemesInCommon => {
            "no signature algorithm in common: it may accept nothing newer than SHA-1, or not the kind of our key"
                .to_owned()
        }
        P::ExtendedMasterSecretExtensionRequired => "it does not do extended master secrets (RFC 7627)".to_owned(),
        other => format!("{other:?}"),
    }
}

pub(super) fn too_old(version: TlsVersion) -> String {
    format!("it speaks at most {version}, this engine TLS 1.2 and later: the peer must be updated")
}
