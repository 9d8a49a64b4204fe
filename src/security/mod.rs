//! What protects a connection: encrypted? authenticated, by what? which TLS, which certificate?

#[cfg(feature = "serde")]
mod json;
mod text;

use crate::channel_binding::ChannelBinding;
use crate::discovery::Candidate;
use crate::session::Role;
use crate::tls::{Exporter, TlsSession};
use pki_types::CertificateDer;
use std::sync::{Arc, OnceLock};
use xmpp_identity::{
    CertificateError, CertificateFacts, ChainStatus, IdentityError, IdentityMatch, IdentityStatus, TrustStep, Verdict,
};
use xmpp_starttls::{CipherSuite, TlsVersion};
use xmpp_tls_core::{Domain, Side, StreamKind};

/// What protects one connection, as the session established it (RFC 7590 section 3.6).
///
/// Its [`Display`](std::fmt::Display) is for people; with the feature `serde` it serialises. It never
/// holds a secret.
#[derive(Debug, Clone)]
pub struct SecurityReport {
    kind: StreamKind,
    side: Side,
    domain: Option<Domain>,
    initiating_domain: Option<Domain>,
    endpoint: Option<Candidate>,
    tls: Option<TlsReport>,
    authentication: Authentication,
    trust: Vec<TrustStep>,
    awaits_dialback: bool,
    bindings: Bindings,
}

/// The TLS session of a connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TlsReport {
    /// How it began.
    pub start: TlsStart,
    /// The protocol version.
    pub version: TlsVersion,
    /// The cipher suite's IANA code.
    pub cipher_suite: CipherSuite,
    /// The cipher suite's IANA name.
    pub cipher_suite_name: String,
    /// The group or method of key exchange; `None` if the TLS library does not tell.
    pub key_exchange: Option<String>,
    /// Whether a later theft of the long-term key leaves this session secret.
    pub forward_secret: bool,
    /// The ALPN protocol agreed on.
    pub alpn: Option<String>,
    /// Whether an earlier TLS session was resumed.
    pub resumed: bool,
    /// Whether the secrets of the session were handed out.
    pub keys_revealed: bool,
    /// The server name (SNI) that a client asked us for.
    pub server_name: Option<String>,
    /// What the peer showed, leaf first, as DER.
    pub peer_chain: Vec<CertificateDer<'static>>,
}

/// How TLS began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsStart {
    /// By STARTTLS.
    StartTls {
        /// Whether the peer offered it; otherwise it was tried all the same, and somebody may have
        /// removed the offer.
        offered: bool,
    },
    /// With the first octet (XEP-0368).
    DirectTls,
}

/// Whether the peer is authenticated on this connection.
///
/// The receiving side of a client's connection does not authenticate its peer here: clients log in
/// with SASL, inside the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication {
    /// By a certificate with a trusted chain and an identity of the domain; the handshake proved
    /// possession of its key.
    Certificate {
        /// Which identifier of the certificate matched which expectation.
        matched: IdentityMatch,
        /// The state of the chain, with the trust anchor.
        chain: ChainStatus,
    },
    /// A certificate was shown and is not good for the domain.
    Rejected {
        /// Both facts, chain and identity.
        verdict: Verdict,
        /// What is wrong, in words.
        error: Box<IdentityError>,
    },
    /// Nothing was shown or asked for.
    NotAsked,
}

impl Authentication {
    /// With what each source of trust said.
    fn by(verdict: Option<Verdict>) -> (Self, Vec<TrustStep>) {
        let Some(verdict) = verdict else {
            return (Authentication::NotAsked, Vec::new());
        };
        if let Err(error) = verdict.check() {
            let (error, trust) = (Box::new(error), verdict.trust.clone());
            return (Authentication::Rejected { verdict, error }, trust);
        }
        let Verdict {
            chain, identity, trust, ..
        } = verdict;
        match identity {
            IdentityStatus::Matched(matched) => (Authentication::Certificate { matched, chain }, trust),
            // Not what was checked: nobody is authenticated.
            _ => (Authentication::NotAsked, trust),
        }
    }
}

/// What is weaker about a connection than it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// There is no TLS.
    NotEncrypted,
    /// A TLS version with known attacks was negotiated, which
    /// [`danger::OldVersionsAccepted`](crate::danger::OldVersionsAccepted) allowed.
    OldVersion(TlsVersion),
    /// Whoever steals the server's key later can read what was recorded.
    NotForwardSecret,
    /// A certificate was shown that is not good for the domain.
    NotAuthenticated,
    /// Whoever has the log of keys reads everything, which
    /// [`danger::KeysRevealed`](crate::danger::KeysRevealed) allowed.
    KeysRevealed,
}

impl Warning {
    /// A name that does not change, for logs and monitoring.
    pub fn code(self) -> &'static str {
        match self {
            Warning::NotEncrypted => "not-encrypted",
            Warning::OldVersion(_) => "old-version",
            Warning::NotForwardSecret => "not-forward-secret",
            Warning::NotAuthenticated => "not-authenticated",
            Warning::KeysRevealed => "keys-revealed",
        }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Warning::NotEncrypted => f.write_str("everybody on the path can read and change this stream"),
            Warning::OldVersion(version) => write!(f, "{version} has known attacks (RFC 8996, RFC 7568)"),
            Warning::NotForwardSecret => f.write_str("whoever steals the server's key can read what was recorded"),
            Warning::NotAuthenticated => f.write_str("the peer may be anybody"),
            Warning::KeysRevealed => f.write_str("whoever has the log of keys reads everything"),
        }
    }
}

impl SecurityReport {
    pub(crate) fn of_tls(role: &Role, start: TlsStart, mut session: TlsSession, verdict: Option<Verdict>) -> Self {
        let (authentication, trust) = Authentication::by(verdict);
        SecurityReport {
            bindings: Bindings::new(role.side(), &mut session),
            kind: role.kind(),
            side: role.side(),
            domain: role.domain().cloned(),
            initiating_domain: role.initiating_domain().cloned(),
            endpoint: role.endpoint().cloned(),
            tls: Some(TlsReport {
                start,
                version: session.facts.version(),
                cipher_suite: session.facts.cipher_suite(),
                cipher_suite_name: session.cipher_suite,
                key_exchange: session.key_exchange,
                forward_secret: session.forward_secret,
                alpn: session.alpn.map(|alpn| String::from_utf8_lossy(&alpn).into_owned()),
                resumed: session.resumed,
                keys_revealed: session.keys_revealed,
                server_name: session.server_name,
                peer_chain: session.peer_chain,
            }),
            authentication,
            trust,
            awaits_dialback: false,
        }
    }

    /// The peer has said which domain it is, and `verdict` is about that one. Said by the gate.
    pub(crate) fn named(&mut self, role: &Role, verdict: Option<Verdict>) {
        self.domain = role.domain().cloned();
        self.initiating_domain = role.initiating_domain().cloned();
        (self.authentication, self.trust) = Authentication::by(verdict);
    }

    /// The policy leaves the peer to dialback. Said by the gate.
    pub(crate) fn left_to_dialback(&mut self, awaits: bool) {
        self.awaits_dialback = awaits;
    }

    pub(crate) fn of_plaintext(role: &Role) -> Self {
        SecurityReport {
            kind: role.kind(),
            side: role.side(),
            domain: role.domain().cloned(),
            initiating_domain: role.initiating_domain().cloned(),
            endpoint: role.endpoint().cloned(),
            tls: None,
            authentication: Authentication::NotAsked,
            trust: Vec::new(),
            awaits_dialback: false,
            bindings: Bindings::default(),
        }
    }

    /// Which kind of stream.
    pub fn kind(&self) -> StreamKind {
        self.kind
    }

    /// Our side of it.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The domain that the receiving side serves: the one wanted, or ours.
    pub fn domain(&self) -> Option<&Domain> {
        self.domain.as_ref()
    }

    /// The domain that the initiating side serves, where it is a server: ours, or the one that the peer claims to be.
    /// A claim is proved where [`is_authenticated`](Self::is_authenticated) says so.
    pub fn initiating_domain(&self) -> Option<&Domain> {
        self.initiating_domain.as_ref()
    }

    /// Our domain on this stream; `None` for a client.
    pub fn local_domain(&self) -> Option<&Domain> {
        match self.side {
            Side::Initiating => self.initiating_domain(),
            Side::Receiving => self.domain(),
        }
    }

    /// The peer's domain on this stream: the one wanted, or the one claimed; `None` where the peer is a client.
    pub fn remote_domain(&self) -> Option<&Domain> {
        match self.side {
            Side::Initiating => self.domain(),
            Side::Receiving => self.initiating_domain(),
        }
    }

    /// What each source of trust said about the peer's certificate, in the order they were asked; the last one
    /// decided ([`Verdict::trust`](crate::identity::Verdict)). Empty where nothing was asked.
    pub fn trust(&self) -> &[TrustStep] {
        &self.trust
    }

    /// The endpoint that the DNS named and whether DNSSEC vouches for it, where the connection was made by such a
    /// search ([`Target::at`](crate::session::Target::at)). What authenticates the peer does not rest on it.
    pub fn endpoint(&self) -> Option<&Candidate> {
        self.endpoint.as_ref()
    }

    /// The TLS session; `None`: the stream is in clear.
    pub fn tls(&self) -> Option<&TlsReport> {
        self.tls.as_ref()
    }

    /// Whether the peer is authenticated, and by what.
    pub fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// Whether the policy leaves the stream to dialback (XEP-0220), by which this server may verify us. That is
    /// no authentication: it only says why the stream was not refused.
    pub fn awaits_dialback(&self) -> bool {
        self.awaits_dialback
    }

    /// What a login on this connection can be bound to it by, the strongest first; see
    /// [`channel_binding`](crate::channel_binding). They are computed when this is called first, and without
    /// `tls-exporter` if the session is gone by then.
    pub fn channel_bindings(&self) -> &[ChannelBinding] {
        let peer = self.tls.as_ref().and_then(|tls| tls.peer_chain.first());
        self.bindings.known.get_or_init(|| {
            // The server's certificate is the peer's or ours, depending on the side.
            let server = match self.side {
                Side::Initiating => peer,
                Side::Receiving => self.bindings.ours.as_deref(),
            };
            self.bindings.compute(server)
        })
    }

    /// Whether TLS encrypts the stream.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether the peer proved that it is the domain.
    pub fn is_authenticated(&self) -> bool {
        match self.authentication {
            Authentication::Certificate { .. } => self.is_encrypted(),
            Authentication::Rejected { .. } | Authentication::NotAsked => false,
        }
    }

    /// What is weaker about this connection than it should be. Empty where nothing is.
    pub fn warnings(&self) -> Vec<Warning> {
        let Some(tls) = &self.tls else {
            return vec![Warning::NotEncrypted];
        };
        let old = (tls.version < TlsVersion::TLS_1_2).then_some(Warning::OldVersion(tls.version));
        let stolen = (!tls.forward_secret).then_some(Warning::NotForwardSecret);
        let unverified = matches!(self.authentication, Authentication::Rejected { .. });
        old.into_iter()
            .chain(stolen)
            .chain(unverified.then_some(Warning::NotAuthenticated))
            .chain(tls.keys_revealed.then_some(Warning::KeysRevealed))
            .collect()
    }

    /// The certificate that the peer showed, of whose key it proved possession.
    pub fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.tls.as_ref()?.peer_chain.first()
    }

    /// The facts of each certificate the peer showed, leaf first. They are read anew from the DER at
    /// each call.
    pub fn certificates(&self) -> impl Iterator<Item = Result<CertificateFacts, CertificateError>> + '_ {
        let chain = self.tls.as_ref().map_or(&[][..], |tls| &tls.peer_chain);
        chain.iter().map(CertificateFacts::from_der)
    }
}

/// What channel bindings are made of, and those that were made.
#[derive(Debug, Clone, Default)]
struct Bindings {
    exporter: Option<Exporter>,
    unique: Option<Vec<u8>>,
    /// The certificate that we showed.
    ours: Option<Arc<CertificateDer<'static>>>,
    known: OnceLock<Vec<ChannelBinding>>,
}

impl Bindings {
    fn new(side: Side, session: &mut TlsSession) -> Self {
        let unique = session.unique.take();
        Bindings {
            exporter: session.exporter.take(),
            unique: unique.filter(|_| session.facts.version() < TlsVersion::TLS_1_3),
            ours: session.local_certificate.take().filter(|_| side == Side::Receiving),
            known: OnceLock::new(),
        }
    }

    fn compute(&self, server: Option<&CertificateDer<'_>>) -> Vec<ChannelBinding> {
        let exporter = self.exporter.as_ref().and_then(Exporter::compute);
        exporter
            .map(ChannelBinding::TlsExporter)
            .into_iter()
            .chain(self.unique.clone().map(ChannelBinding::TlsUnique))
            .chain(
                server
                    .and_then(xmpp_identity::server_end_point)
                    .map(ChannelBinding::TlsServerEndPoint),
            )
            .collect()
    }
}
