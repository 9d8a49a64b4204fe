//! What protects a connection: encrypted? authenticated, by what? which TLS, which certificate?
//!
//! [`SecurityReport`] has what the session established. [`SecurityReport::view`] shows it, with the time and what a ledger says:
//! as text for people, as a line for a log, as data.
//!
#![doc = include_str!("schema.md")]

mod authentication;
mod bindings;
#[cfg(feature = "serde")]
mod json;
mod layout;
mod line;
mod redact;
mod summary;
mod text;
mod tls;
mod tried;
mod view;
mod warning;

pub use authentication::Authentication;
pub(crate) use redact::redacted;
pub use summary::Summary;
pub use text::Text;
pub use tls::{ClientCertificate, Handshake, TlsReport, TlsStart};
pub use tried::Tried;
pub use view::View;
pub use warning::Warning;

use crate::channel_binding::ChannelBinding;
use crate::discovery::Candidate;
use crate::session::Role;
use crate::tls::TlsSession;
use bindings::Bindings;
use pki_types::CertificateDer;
use std::sync::OnceLock;
use xmpp_identity::{CertificateError, CertificateFacts, TrustStep, Verdict};
use xmpp_starttls::ClearOffer;
use xmpp_tls_core::{Domain, Side, StreamKind};

/// The version of reports as data: the field `schema`. It changes where a field goes or means something else, and not
/// where one is added.
pub const SCHEMA: u32 = 1;

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
    clear_offer: Option<ClearOffer>,
    tls: Option<TlsReport>,
    /// Known with the peer's header, which comes when the report is in use already.
    stream_id: OnceLock<String>,
    authentication: Authentication,
    trust: Vec<TrustStep>,
    awaits_dialback: bool,
    bindings: Bindings,
}

impl SecurityReport {
    pub(crate) fn of_tls(
        role: &Role,
        (start, clear_offer): (TlsStart, Option<ClearOffer>),
        mut session: TlsSession,
        verdict: Option<Verdict>,
    ) -> Self {
        let (authentication, trust) = Authentication::by(verdict);
        let client_certificate = ClientCertificate::of(role, &session);
        SecurityReport {
            bindings: Bindings::new(role.side(), &mut session),
            clear_offer,
            tls: Some(TlsReport::new(start, client_certificate, session)),
            authentication,
            trust,
            ..Self::of_plaintext(role, None)
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

    /// The stream inside TLS has begun. Said once by the session; those that follow after a login have other ids.
    pub(crate) fn opened(&self, id: impl ToString) {
        if self.tls.is_some() {
            self.stream_id.get_or_init(|| tls::excerpt(id.to_string()));
        }
    }

    pub(crate) fn of_plaintext(role: &Role, clear_offer: Option<ClearOffer>) -> Self {
        SecurityReport {
            kind: role.kind(),
            side: role.side(),
            domain: role.domain().cloned(),
            initiating_domain: role.initiating_domain().cloned(),
            endpoint: role.endpoint().cloned(),
            clear_offer,
            tls: None,
            stream_id: OnceLock::new(),
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

    /// What the receiving side offered before TLS; ours, where that is us. `None` where TLS was direct, and for a peer
    /// that went on in clear without having been offered anything. Anybody on the path may have written it.
    pub fn clear_offer(&self) -> Option<&ClearOffer> {
        self.clear_offer.as_ref()
    }

    /// The `id` of the first stream inside TLS (RFC 6120 section 4.7.3), by which the logs of both sides can be put side by
    /// side. `None` before the header of the receiving side, and in clear.
    pub fn stream_id(&self) -> Option<&str> {
        self.stream_id.get().map(String::as_str)
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
        self.bindings.get(self.side, self.peer_certificate())
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

    /// Encrypted, authenticated, or both, in one word.
    pub fn summary(&self) -> Summary {
        Summary::of(self.is_encrypted(), self.is_authenticated(), self.awaits_dialback)
    }

    /// What is weaker about this connection than it should be, as far as can be said without knowing the time. Empty where
    /// nothing is.
    pub fn warnings(&self) -> Vec<Warning> {
        let leaf = self.certificates().next().and_then(Result::ok);
        self.lasting_warnings(leaf.as_ref())
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
