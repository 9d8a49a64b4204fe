//! What must hold before a stream counts as secured.

mod evaluation;
#[cfg(feature = "serde")]
mod file;
mod overrides;
mod schedule;
mod settings;

pub use evaluation::{Evaluation, Finding, Outcome, PolicyViolation, Rule};
pub use overrides::{Overrides, Peer, Scope};
pub use schedule::{Rehearsal, Schedule, Tally};
pub use settings::{Difference, Value};
pub use xmpp_identity::Floor;

use crate::danger;
use std::fmt;
use std::time::Duration;
use xmpp_starttls::TlsVersion;
use xmpp_stream::Limits;
use xmpp_tls_core::StreamKind;

/// What must hold before a stream counts as secured, and how long each step may take.
///
/// The default requires TLS 1.2 or later and a certificate that is good for the domain. Everything
/// weaker needs a value of the [`danger`] module, so it can be found by searching for that word.
///
/// ```
/// use xmpp_tls::policy::{MinimumVersion, Policy};
///
/// let mut policy = Policy::default();
/// policy.minimum_version = MinimumVersion::Tls13;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Whether a stream may go on without TLS. Required by default (RFC 7590, RFC 9325 section 3.2).
    pub encryption: EncryptionPolicy,
    /// Whether the server's certificate must be good. Required by default (RFC 7590 section 3.4).
    pub authentication: AuthenticationPolicy,
    /// What becomes of a stream to another server whose certificate is not good, where authentication is required.
    /// By default it is left to dialback (RFC 7590 section 3.4, XEP-0220), which does not tell us who the peer is.
    pub servers: ServerAuthentication,
    /// The lowest TLS version. 1.2 by default: RFC 8996 forbids what is older.
    pub minimum_version: MinimumVersion,
    /// Whether the key exchange must be forward secret. Required by default (RFC 9325 section 4.1).
    pub forward_secrecy: ForwardSecrecy,
    /// The least that the keys and signatures of the peer's certification path must be: RSA keys of 2048 bits,
    /// curves and hashes of 256 by default (RFC 9325 section 4.5). Less is never accepted, whatever is set here.
    pub keys: Floor,
    /// Whether TLS sessions may be resumed. Off by default: a resumed session shows no certificate, so that
    /// one that was replaced meanwhile goes unseen.
    pub resumption: Resumption,
    /// How long after a full handshake its session may be resumed, over however many resumptions: a day by default.
    /// More than [`Resumption::LONGEST`] counts as that.
    pub resumption_lifetime: Duration,
    /// Whether white space behind `<starttls/>` is dropped instead of ending the stream, on the
    /// receiving side. Off by default: RFC 6120 section 5.3.3 forbids it, although it can do no harm.
    ///
    /// COMPAT: clients based on go-xmpp and sslscan 2.0 send a line break there.
    pub whitespace_behind_starttls: bool,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// What a peer may make us hold before it has authenticated.
    pub limits_before_authentication: Limits,
    /// The same afterwards, from [`Session::restart`](crate::session::Session::restart) or
    /// [`Session::authentication_complete`](crate::session::Session::authentication_complete) on.
    pub limits_after_authentication: Limits,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            encryption: EncryptionPolicy::Required,
            authentication: AuthenticationPolicy::Required,
            servers: ServerAuthentication::default(),
            minimum_version: MinimumVersion::default(),
            forward_secrecy: ForwardSecrecy::default(),
            keys: Floor::default(),
            resumption: Resumption::default(),
            resumption_lifetime: Duration::from_secs(86_400),
            whitespace_behind_starttls: false,
            timeouts: Timeouts::default(),
            limits_before_authentication: Limits::before_authentication(),
            limits_after_authentication: Limits::after_authentication(),
        }
    }
}

impl Policy {
    /// What this policy gives up against the default, each a line for a log.
    pub fn warnings(&self) -> Vec<PolicyWarning> {
        let encryption = matches!(self.encryption, EncryptionPolicy::Opportunistic(_));
        let authentication = matches!(self.authentication, AuthenticationPolicy::Recorded(_));
        let dialback = match self.servers {
            ServerAuthentication::PlaintextDialback(_) => Some(PolicyWarning::PlaintextDialback),
            ServerAuthentication::Certificate
            | ServerAuthentication::CertificateOrDialback
            | ServerAuthentication::DialbackOverTls => None,
        };
        let old = match self.minimum_version {
            MinimumVersion::Old(accepted) => Some(PolicyWarning::OldVersions(accepted.lowest())),
            MinimumVersion::Tls12 | MinimumVersion::Tls13 => None,
        };
        let forward_secrecy = match self.forward_secrecy {
            ForwardSecrecy::Required => None,
            ForwardSecrecy::Preferred => Some(PolicyWarning::NoForwardSecrecy),
        };
        let unbounded = self.is_unbounded().then_some(PolicyWarning::Unbounded);
        encryption
            .then_some(PolicyWarning::Plaintext)
            .into_iter()
            .chain(authentication.then_some(PolicyWarning::UnverifiedPeer))
            .chain(dialback)
            .chain(old)
            .chain(forward_secrecy)
            .chain(unbounded)
            .collect()
    }

    /// What in this policy does not fit together, and what to do about it. Sessions refuse such a policy
    /// ([`ErrorKind::ApiMisuse`](crate::ErrorKind::ApiMisuse)), and so does reading it from a file.
    ///
    /// ```
    /// use xmpp_tls::danger::PlaintextDialbackAccepted;
    /// use xmpp_tls::policy::{Policy, ServerAuthentication};
    ///
    /// let mut policy = Policy::default();
    /// let accepted = PlaintextDialbackAccepted::whoever_forges_dns_may_be_any_server();
    /// policy.servers = ServerAuthentication::PlaintextDialback(accepted);
    /// assert!(policy.conflict().is_some_and(|text| text.contains("EncryptionPolicy::Opportunistic")));
    /// ```
    pub fn conflict(&self) -> Option<&'static str> {
        match (self.servers, self.encryption) {
            (ServerAuthentication::PlaintextDialback(_), EncryptionPolicy::Required) => Some(
                "the policy accepts dialback without TLS (servers: plaintext-dialback) and requires TLS (encryption: \
                 required); set EncryptionPolicy::Opportunistic as well, or ServerAuthentication::CertificateOrDialback",
            ),
            (ServerAuthentication::PlaintextDialback(_), EncryptionPolicy::Opportunistic(_))
            | (
                ServerAuthentication::Certificate
                | ServerAuthentication::CertificateOrDialback
                | ServerAuthentication::DialbackOverTls,
                EncryptionPolicy::Required | EncryptionPolicy::Opportunistic(_),
            ) => None,
        }
    }

    /// Whether a peer that has not logged in may make us hold or wait for much.
    fn is_unbounded(&self) -> bool {
        const LONGEST: Duration = Duration::from_secs(3600);
        const LARGEST: usize = 16 * 1024 * 1024;
        let Timeouts {
            overall,
            connect,
            starttls,
            tls,
            header,
            authentication,
            write,
            close,
        } = self.timeouts;
        let limits = &self.limits_before_authentication;
        let times = [overall, connect, starttls, tls, header, authentication, write, close];
        times.into_iter().any(|time| time > LONGEST) || limits.header_bytes > LARGEST || limits.element_bytes > LARGEST
    }

    /// TLS 1.3 and nothing older; otherwise the default. For peers that are all known to be recent: RFC 9325
    /// section 3.1.1 still asks a public service for TLS 1.2.
    pub fn modern() -> Self {
        Policy {
            minimum_version: MinimumVersion::Tls13,
            ..Policy::default()
        }
    }

    /// What the statement of 2014 literally asks for, old deployed software included: the latest version is
    /// preferred, older ones are negotiated down to the one accepted, forward secrecy is preferred, encryption
    /// is required. RFC 8996, RFC 7568 and RFC 9325 forbid most of it by now; the default is what the
    /// statement's aims have become.
    pub fn statement_2014(accepted: danger::OldVersionsAccepted) -> Self {
        Policy {
            minimum_version: MinimumVersion::Old(accepted),
            forward_secrecy: ForwardSecrecy::Preferred,
            ..Policy::default()
        }
    }
}

/// What a [`Policy`] gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyWarning {
    /// Streams may go on in clear.
    Plaintext,
    /// Anybody may be the peer.
    UnverifiedPeer,
    /// Servers may be authenticated by dialback without TLS.
    PlaintextDialback,
    /// Versions with known attacks may be negotiated.
    OldVersions(danger::OldVersion),
    /// Sessions may be without forward secrecy.
    NoForwardSecrecy,
    /// A peer that has not logged in may take more than 16 MiB of memory or an hour of waiting.
    Unbounded,
}

impl fmt::Display for PolicyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyWarning::Plaintext => f.write_str("streams may go on in clear: anybody on the path can make it so"),
            PolicyWarning::UnverifiedPeer => {
                f.write_str("certificates are not enforced: anybody on the path can be the peer")
            }
            PolicyWarning::PlaintextDialback => {
                f.write_str("dialback is accepted without TLS: whoever forges DNS can be any server")
            }
            PolicyWarning::OldVersions(lowest) => write!(
                f,
                "versions down to {} are accepted, which RFC 8996 and RFC 7568 forbid: known attacks apply",
                lowest.version()
            ),
            PolicyWarning::NoForwardSecrecy => {
                f.write_str("forward secrecy is not required: who gets a key later may read what was recorded before")
            }
            PolicyWarning::Unbounded => {
                f.write_str("a peer that has not logged in may take more than 16 MiB of memory or an hour of waiting")
            }
        }
    }
}

/// Whether a stream may go on without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum EncryptionPolicy {
    /// Nothing but the negotiation of TLS is ever said in clear. A peer that does not offer TLS is
    /// asked for it all the same (RFC 7590 section 3.1).
    #[default]
    Required,
    /// TLS is used where it is offered. Anybody on the path can keep it from being offered.
    Opportunistic(danger::PlaintextAccepted),
}

/// Whether the server's certificate must be good for the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AuthenticationPolicy {
    /// A bad certificate ends the handshake.
    #[default]
    Required,
    /// A bad certificate is recorded in the report and the stream goes on, encrypted to somebody.
    Recorded(danger::UnverifiedPeerAccepted),
}

/// By what servers authenticate each other, and so what becomes of a stream whose certificate is not good.
///
/// Dialback proves the server that opened a stream to the one that accepted it (XEP-0220 section 1). On a stream
/// that we opened it lets the peer verify *us*: who the *peer* is, only its certificate tells. A stream that is
/// left to dialback is therefore encrypted to somebody unknown, who may sit on the path or have forged the DNS, and
/// stays so: [`SecurityReport::awaits_dialback`](crate::security::SecurityReport::awaits_dialback) says it, and the
/// report does not call it authenticated unless the certificate is good. Nothing but dialback is sent or taken in
/// until [`Session::authentication_complete`](crate::session::Session::authentication_complete) is called, by which
/// that peer is accepted as it is. [`Certificate`](Self::Certificate) refuses it instead.
///
/// On a stream that we accepted, the peer is who it claims to be by its certificate or by dialback, and nothing of it
/// is taken in before. [`federation`](crate::federation) does dialback and SASL EXTERNAL by this setting; a
/// [`Session`](crate::session::Session) alone does neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ServerAuthentication {
    /// By its certificate alone. A bad one ends the handshake.
    Certificate,
    /// By its certificate, and where that is not good, a stream inside TLS is left to dialback.
    #[default]
    CertificateOrDialback,
    /// Every stream inside TLS is left to dialback, whatever certificate is shown.
    DialbackOverTls,
    /// As [`CertificateOrDialback`](Self::CertificateOrDialback), and by dialback on streams that
    /// [`EncryptionPolicy::Opportunistic`] lets go on without TLS. Without that one it is refused
    /// ([`Policy::conflict`]).
    PlaintextDialback(danger::PlaintextDialbackAccepted),
}

impl Policy {
    /// Whether a bad certificate must end the handshake.
    pub(crate) fn enforces_certificate(&self, kind: StreamKind) -> bool {
        match (self.authentication, kind, self.servers) {
            (AuthenticationPolicy::Recorded(_), _, _) => false,
            (AuthenticationPolicy::Required, StreamKind::ClientToServer, _)
            | (AuthenticationPolicy::Required, StreamKind::ServerToServer, ServerAuthentication::Certificate) => true,
            (
                AuthenticationPolicy::Required,
                StreamKind::ServerToServer,
                ServerAuthentication::CertificateOrDialback
                | ServerAuthentication::DialbackOverTls
                | ServerAuthentication::PlaintextDialback(_),
            ) => false,
        }
    }

    /// Whether servers may authenticate each other by dialback, so that streams declare it.
    pub(crate) fn may_use_dialback(&self, kind: StreamKind) -> bool {
        match (kind, self.servers) {
            (StreamKind::ClientToServer, _) | (StreamKind::ServerToServer, ServerAuthentication::Certificate) => false,
            (
                StreamKind::ServerToServer,
                ServerAuthentication::CertificateOrDialback
                | ServerAuthentication::DialbackOverTls
                | ServerAuthentication::PlaintextDialback(_),
            ) => true,
        }
    }

    /// Whether a stream may go on without TLS: between servers only if somebody could be authenticated there.
    pub(crate) fn allows_plaintext(&self, kind: StreamKind) -> bool {
        match (self.encryption, kind, self.servers, self.authentication) {
            (EncryptionPolicy::Required, ..) => false,
            (EncryptionPolicy::Opportunistic(_), StreamKind::ClientToServer, ..)
            | (EncryptionPolicy::Opportunistic(_), StreamKind::ServerToServer, _, AuthenticationPolicy::Recorded(_)) => {
                true
            }
            (
                EncryptionPolicy::Opportunistic(_),
                StreamKind::ServerToServer,
                servers,
                AuthenticationPolicy::Required,
            ) => {
                matches!(servers, ServerAuthentication::PlaintextDialback(_))
            }
        }
    }
}

/// The lowest TLS version to negotiate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MinimumVersion {
    /// TLS 1.2 and later (RFC 9325 section 3.1.1).
    #[default]
    Tls12,
    /// TLS 1.3 and later.
    Tls13,
    /// Versions that are forbidden by now, for old deployed software. rustls speaks none of them: it takes
    /// another engine behind the seam of [`tls`](crate::tls).
    Old(danger::OldVersionsAccepted),
}

impl MinimumVersion {
    /// As a version.
    pub fn version(self) -> TlsVersion {
        match self {
            MinimumVersion::Tls12 => TlsVersion::TLS_1_2,
            MinimumVersion::Tls13 => TlsVersion::TLS_1_3,
            MinimumVersion::Old(accepted) => accepted.lowest().version(),
        }
    }
}

/// Whether a later theft of the long-term key must leave the session secret. It is judged by the key
/// exchange and never by the name of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ForwardSecrecy {
    /// A session without it is refused.
    #[default]
    Required,
    /// It is negotiated where the peer can, which the report tells. rustls knows nothing else.
    Preferred,
}

/// Whether TLS sessions may be resumed (RFC 8446 section 2.2, RFC 9325 section 3.4).
///
/// What is kept of a session is bound to everything that decided about it: domain, kind of stream, how TLS
/// began, who we said we are, every setting of the policy that concerns TLS or authentication, and the
/// verifier with its anchors and sources of trust. Whatever differs means a full handshake. On the initiating
/// side the certificate of the earlier session is judged again, and resumed is only what has the same verdict;
/// on the receiving side the certificate shown is part of what it is bound to. There is no early data.
///
/// A session is never resumed if either side ended the stream with an error, `<reset/>` among them (RFC 6120 section
/// 4.9.3.16), or if TLS, the stream or the policy failed behind the handshake. It may be if it was closed, dropped, cut
/// off ([`ErrorKind::Truncated`](crate::ErrorKind::Truncated)) or timed out
/// ([`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut)): there the transport failed, and TLS is as good as before.
///
/// However often it is resumed, after [`Policy::resumption_lifetime`] there is a full handshake. What is kept is bounded:
/// nothing of a peer that shows more than 16 KiB of certificates.
///
/// rustls resumes TLS 1.3 only, always with a fresh key exchange. It keeps 1024 sessions as a client and 4096 as a
/// server, the latest ones. Those whose time is over go when they are met or when others are kept, so the last ones stay
/// in memory for as long as nobody connects.
///
/// ```
/// use xmpp_tls::policy::{Policy, Resumption};
///
/// let mut policy = Policy::default();
/// policy.resumption = Resumption::Allowed;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Resumption {
    /// Every handshake is a full one.
    #[default]
    Off,
    /// A session may be kept, and resumed once.
    Allowed,
}

impl Resumption {
    /// The longest [`Policy::resumption_lifetime`]: 7 days (RFC 8446 section 4.6.1).
    pub const LONGEST: Duration = Duration::from_secs(7 * 86_400);
}

/// How long each step of setting up a stream may take. Each has its own budget, so that a slow peer
/// cannot hold a connection for the sum of them by stalling in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// All endpoints of a domain together, from the question for them to the open stream; used by
    /// `io::tokio::connect_by`. Each step at each endpoint has its own time besides.
    pub overall: Duration,
    /// TCP, including every address of the host; used by the drivers.
    pub connect: Duration,
    /// From the first octet of the stream header to `<proceed/>`.
    pub starttls: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the end of the handshake, or a restart, to the peer's stream header and, on the initiating
    /// side, its features.
    pub header: Duration,
    /// From the open stream to [`Session::restart`](crate::session::Session::restart) or
    /// [`Session::authentication_complete`](crate::session::Session::authentication_complete), on the
    /// receiving side: a client that does not log in is left.
    pub authentication: Duration,
    /// How long the transport may take no octet of what we write on an open stream; used by the drivers.
    pub write: Duration,
    /// From our closing tag to the peer's, then to its `close_notify`.
    pub close: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            overall: Duration::from_secs(180),
            connect: Duration::from_secs(30),
            starttls: Duration::from_secs(30),
            tls: Duration::from_secs(30),
            header: Duration::from_secs(30),
            authentication: Duration::from_secs(60),
            write: Duration::from_secs(60),
            close: Duration::from_secs(5),
        }
    }
}
