//! Everything that gives up encryption, authentication or a version without known attacks, in one place that
//! a reviewer can search for. What only weakens them is no type of its own, and is among the
//! [warnings](crate::policy::Policy::warnings) of a policy.
//!
//! Each type here can be made in one way only, whose name says what is given up; [`OldVersion`] gives up nothing by
//! itself. Below the facade, where there is no policy, methods whose names begin with `dangerous_` do the same.
//!
//! | what | where it counts | what is given up |
//! |---|---|---|
//! | [`PlaintextAccepted::anybody_may_read_and_change_the_stream`] | [`EncryptionPolicy::Opportunistic`](crate::policy::EncryptionPolicy::Opportunistic) | encryption, wherever somebody removes the offer of TLS |
//! | [`UnverifiedPeerAccepted::anybody_may_be_the_peer`] | [`AuthenticationPolicy::Recorded`](crate::policy::AuthenticationPolicy::Recorded) | who the server is |
//! | [`PlaintextDialbackAccepted::whoever_forges_dns_may_be_any_server`] | [`ServerAuthentication::PlaintextDialback`](crate::policy::ServerAuthentication::PlaintextDialback) | encryption between servers, and who they are |
//! | [`OldVersionsAccepted::known_attacks_apply_down_to`] | [`MinimumVersion::Old`](crate::policy::MinimumVersion::Old), [`Policy::statement_2014`](crate::policy::Policy::statement_2014) | versions without known attacks |
//! | `WeakenedPolicy`, by reading one (feature `serde`) | a configuration file | any of the four above |
//! | [`KeysRevealed::whoever_has_the_log_reads_everything`] | `with_key_log` of [`RustlsConnector`](crate::tls::rustls::RustlsConnector::with_key_log) and [`RustlsAcceptor`](crate::tls::rustls::RustlsAcceptor::with_key_log) | the secrets of every session |
//! | [`Initiator::dangerous_allow_plaintext`](crate::starttls::Initiator::dangerous_allow_plaintext) | `xmpp-starttls` | encryption, where TLS is not offered |
//! | [`Responder::dangerous_offer_plaintext`](crate::starttls::Responder::dangerous_offer_plaintext) | `xmpp-starttls` | encryption, for peers that do not ask for TLS |
//! | `Settings::dangerous_allow_clear` | `xmpp-dialback` | encryption between servers, and who they are |
//! | `DialbackSecret::dangerous_of_any_length` | `xmpp-dialback` | that keys of dialback cannot be guessed |

use std::fmt;
use std::sync::Arc;
use xmpp_starttls::TlsVersion;

/// A stream may go on in clear text where TLS is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaintextAccepted(());

impl PlaintextAccepted {
    /// Anybody on the path can then read and change everything, passwords included, and need only
    /// remove the offer of TLS to get there.
    pub fn anybody_may_read_and_change_the_stream() -> Self {
        PlaintextAccepted(())
    }
}

/// TLS versions that RFC 8996 and RFC 7568 forbid may be negotiated, by an engine that speaks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldVersionsAccepted(OldVersion);

impl OldVersionsAccepted {
    /// Attacks on these versions are known and practical: whoever is on the path may be able to read and
    /// change the stream, and can bring two newer peers down to the lowest version that both accept here.
    pub fn known_attacks_apply_down_to(lowest: OldVersion) -> Self {
        OldVersionsAccepted(lowest)
    }

    /// The lowest version accepted.
    pub fn lowest(self) -> OldVersion {
        self.0
    }
}

/// A TLS version below 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OldVersion {
    /// SSL 3.0, forbidden by RFC 7568. SSL 2.0 is not spoken by anything here (RFC 6176).
    Ssl30,
    /// TLS 1.0, forbidden by RFC 8996.
    Tls10,
    /// TLS 1.1, forbidden by RFC 8996.
    Tls11,
}

impl OldVersion {
    /// As a version.
    pub fn version(self) -> TlsVersion {
        match self {
            OldVersion::Ssl30 => TlsVersion::SSL_3_0,
            OldVersion::Tls10 => TlsVersion::TLS_1_0,
            OldVersion::Tls11 => TlsVersion::TLS_1_1,
        }
    }
}

/// A policy read from a file that may weaken it: all that takes a value of this module otherwise.
///
/// ```
/// use xmpp_tls::danger::WeakenedPolicy;
/// use xmpp_tls::policy::Policy;
///
/// let file = r#"{ "minimum-version": "TLS 1.0" }"#;
/// assert!(serde_json::from_str::<Policy>(file).is_err());
/// let policy = serde_json::from_str::<WeakenedPolicy>(file)?.into_policy();
/// for warning in policy.warnings() {
///     eprintln!("{warning}");
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[cfg(feature = "serde")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeakenedPolicy(crate::policy::Policy);

#[cfg(feature = "serde")]
impl WeakenedPolicy {
    pub(crate) fn read(policy: crate::policy::Policy) -> Self {
        WeakenedPolicy(policy)
    }

    /// The policy, to look at.
    pub fn policy(&self) -> &crate::policy::Policy {
        &self.0
    }

    /// The policy, to use.
    pub fn into_policy(self) -> crate::policy::Policy {
        self.0
    }
}

/// A stream may go on although the server's certificate is not good for the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnverifiedPeerAccepted(());

impl UnverifiedPeerAccepted {
    /// Anybody on the path can then be the server. For tools that inspect and never log in.
    pub fn anybody_may_be_the_peer() -> Self {
        UnverifiedPeerAccepted(())
    }
}

/// Another server may be authenticated by dialback (XEP-0220) on a stream without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaintextDialbackAccepted(());

impl PlaintextDialbackAccepted {
    /// Whoever can forge an answer of DNS or sits on the path can then be any server, and everybody on the path
    /// reads what the servers say.
    pub fn whoever_forges_dns_may_be_any_server() -> Self {
        PlaintextDialbackAccepted(())
    }
}

/// The secrets of TLS sessions are handed out, in the format that Wireshark reads (`SSLKEYLOGFILE`).
///
/// No environment variable switches this on: where the lines go is the program's to say. Every report of such a
/// connection warns.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use xmpp_tls::danger::KeysRevealed;
/// use xmpp_tls::tls::rustls::{CryptoProvider, RustlsConnector};
///
/// # fn example(provider: Arc<CryptoProvider>) -> RustlsConnector {
/// let lines = Arc::new(Mutex::new(Vec::new()));
/// let log = KeysRevealed::whoever_has_the_log_reads_everything(move |line| {
///     if let Ok(mut lines) = lines.lock() {
///         lines.push(line.to_owned());
///     }
/// });
/// RustlsConnector::new(provider).with_key_log(log)
/// # }
/// ```
#[derive(Clone)]
pub struct KeysRevealed(Arc<dyn Fn(&str) + Send + Sync>);

impl KeysRevealed {
    /// Whoever has both what went over the network and these lines, each without a line break, reads and has read
    /// everything, passwords included.
    pub fn whoever_has_the_log_reads_everything(write_line: impl Fn(&str) + Send + Sync + 'static) -> Self {
        KeysRevealed(Arc::new(write_line))
    }

    pub(crate) fn reveal(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        (self.0)(&format!("{label} {} {}", hex(client_random), hex(secret)));
    }
}

impl fmt::Debug for KeysRevealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeysRevealed").finish_non_exhaustive()
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
