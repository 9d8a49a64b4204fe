use crate::federation::AuthenticatedPair;
use crate::ledger::{Assessment, Reaction};
use crate::security::SecurityReport;
use pki_types::UnixTime;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use xmpp_dialback::{Method, Pair};
use xmpp_tls_core::{Domain, Side, StreamKind};

/// What is known of one session. With the feature `serde` it serialises.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// Its number in this registry. None is given twice.
    pub number: u64,
    /// Which kind of stream, and who opened it.
    pub session_type: SessionType,
    /// When it was opened or accepted.
    pub since: UnixTime,
    /// What protects it; `None` until TLS is up.
    pub report: Option<Arc<SecurityReport>>,
    /// By what the peer proved who it is. At most [`Entry::MAX_PROOFS`].
    pub authenticated: Vec<Proof>,
    /// Which proofs of ours the peer took. At most [`Entry::MAX_PROOFS`].
    pub accepted: Vec<Proof>,
    /// How many proofs more there are in both directions.
    pub more_proofs: u64,
    /// What the ledger says about the certificate; `None` if it was not asked.
    pub change: Option<Arc<Assessment>>,
    /// Whether an operator has accepted the certificate since.
    pub acknowledged: bool,
}

impl Entry {
    /// Proofs that are kept in each direction.
    pub const MAX_PROOFS: usize = 32;

    pub(super) fn new(number: u64, session_type: SessionType, since: UnixTime) -> Self {
        Entry {
            number,
            session_type,
            since,
            report: None,
            authenticated: Vec::new(),
            accepted: Vec::new(),
            more_proofs: 0,
            change: None,
            acknowledged: false,
        }
    }

    /// Whether the ledger warns of the certificate, and nobody has accepted it.
    pub fn is_alarming(&self) -> bool {
        let change = self.change.as_ref();
        !self.acknowledged && change.is_some_and(|change| change.reaction > Reaction::Inform)
    }

    /// Our domain on it.
    pub fn local_domain(&self) -> Option<&Domain> {
        self.report.as_ref().and_then(|report| report.local_domain())
    }

    /// The peer's domain, which on streams that it opened is a claim until it [is authenticated](Self::authenticated).
    /// `None` for clients.
    pub fn remote_domain(&self) -> Option<&Domain> {
        self.report.as_ref().and_then(|report| report.remote_domain())
    }

    /// Whether TLS encrypts it.
    pub fn is_encrypted(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report.is_encrypted())
    }

    /// Whether the peer proved who it is.
    pub fn is_authenticated(&self) -> bool {
        !self.authenticated.is_empty()
    }

    /// Adds a proof; whether it was not known yet.
    pub(super) fn prove(&mut self, by_peer: bool, proof: Proof) -> bool {
        let proofs = match by_peer {
            true => &mut self.authenticated,
            false => &mut self.accepted,
        };
        if proofs.contains(&proof) {
            return false;
        }
        match proofs.len() < Self::MAX_PROOFS {
            true => proofs.push(proof),
            false => self.more_proofs = self.more_proofs.saturating_add(1),
        }
        true
    }
}

/// `7 (s2sout): a.example to b.example, TLS 1.3, TLS_AES_256_GCM_SHA384, authenticated by certificate`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): ", self.number, self.session_type)?;
        match (self.local_domain(), self.remote_domain(), self.session_type.side()) {
            (Some(local), Some(remote), Side::Initiating) => write!(f, "{local} to {remote}, ")?,
            (Some(local), Some(remote), Side::Receiving) => write!(f, "{remote} to {local}, ")?,
            (None, Some(domain), _) | (Some(domain), None, _) => write!(f, "{domain}, ")?,
            (None, None, _) => {}
        }
        match self.report.as_ref().map(|report| report.tls()) {
            None => f.write_str("not set up yet")?,
            Some(None) => f.write_str("NOT encrypted")?,
            Some(Some(tls)) => write!(f, "{}, {}", tls.version, tls.cipher_suite_name)?,
        }
        match self.authenticated.first() {
            Some(proof) => write!(f, ", authenticated by {}", proof.by)?,
            None => f.write_str(", not authenticated")?,
        }
        match &self.change {
            Some(change) => write!(f, "; {}: {}", change.reaction, change.changes),
            None => Ok(()),
        }
    }
}

/// Which kind of stream a session is, and who opened it. The names are those that Prosody has for the first three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SessionType {
    /// A client connected to us.
    C2s,
    /// We connected to a server, as a client.
    C2sOut,
    /// A server connected to us.
    S2sIn,
    /// We connected to a server, as a server.
    S2sOut,
}

impl SessionType {
    /// All of them.
    pub const ALL: &'static [SessionType] = &[
        SessionType::C2s,
        SessionType::C2sOut,
        SessionType::S2sIn,
        SessionType::S2sOut,
    ];

    /// Of this kind, with this side ours.
    pub fn of(kind: StreamKind, side: Side) -> Self {
        match (kind, side) {
            (StreamKind::ClientToServer, Side::Receiving) => SessionType::C2s,
            (StreamKind::ClientToServer, Side::Initiating) => SessionType::C2sOut,
            (StreamKind::ServerToServer, Side::Receiving) => SessionType::S2sIn,
            (StreamKind::ServerToServer, Side::Initiating) => SessionType::S2sOut,
        }
    }

    /// Which kind of stream.
    pub fn kind(self) -> StreamKind {
        match self {
            SessionType::C2s | SessionType::C2sOut => StreamKind::ClientToServer,
            SessionType::S2sIn | SessionType::S2sOut => StreamKind::ServerToServer,
        }
    }

    /// Our side of it.
    pub fn side(self) -> Side {
        match self {
            SessionType::C2s | SessionType::S2sIn => Side::Receiving,
            SessionType::C2sOut | SessionType::S2sOut => Side::Initiating,
        }
    }

    /// A name that does not change, for logs and monitoring: `c2s`, `c2sout`, `s2sin`, `s2sout`.
    pub fn code(self) -> &'static str {
        match self {
            SessionType::C2s => "c2s",
            SessionType::C2sOut => "c2sout",
            SessionType::S2sIn => "s2sin",
            SessionType::S2sOut => "s2sout",
        }
    }
}

impl fmt::Display for SessionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// By what one side of a session proved who it is, and for which pair of domains.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proof {
    /// Between servers, the pair whose stanzas may be sent; `None` where it is the whole session.
    pub pair: Option<Pair>,
    /// By what.
    pub by: Mechanism,
}

impl From<Mechanism> for Proof {
    fn from(by: Mechanism) -> Self {
        Proof { pair: None, by }
    }
}

impl From<&AuthenticatedPair> for Proof {
    fn from(known: &AuthenticatedPair) -> Self {
        Proof {
            pair: Some(known.pair.clone()),
            by: known.by.into(),
        }
    }
}

/// By what somebody proved who it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// The certificate of the session.
    Certificate,
    /// SASL EXTERNAL, with the certificate (XEP-0178).
    External,
    /// Dialback (XEP-0220), also where it was cut short by the same certificate (XEP-0344 section 2.6).
    Dialback,
    /// Another SASL mechanism, made by [`Mechanism::sasl`].
    #[non_exhaustive]
    Sasl(Cow<'static, str>),
}

impl Mechanism {
    /// The SASL mechanism of this name. What is no name of one (RFC 4422 section 3.1: up to 20 of `A-Z`, `0-9`, `-` and
    /// `_`) becomes `other`, as applications tend to take the name from the peer.
    ///
    /// ```
    /// use xmpp_tls::registry::Mechanism;
    ///
    /// assert_eq!(Mechanism::sasl("EXTERNAL"), Mechanism::External);
    /// assert_eq!(Mechanism::sasl("SCRAM-SHA-256").label(), "SCRAM-SHA-256");
    /// assert_eq!(Mechanism::sasl("drop table").label(), "other");
    /// ```
    pub fn sasl(name: &str) -> Self {
        let allowed = |octet: u8| octet.is_ascii_uppercase() || octet.is_ascii_digit() || matches!(octet, b'-' | b'_');
        match name {
            "EXTERNAL" => Mechanism::External,
            name if (1..=20).contains(&name.len()) && name.bytes().all(allowed) => {
                Mechanism::Sasl(Cow::Owned(name.to_owned()))
            }
            _ => Mechanism::Sasl(Cow::Borrowed("other")),
        }
    }

    /// The name that monitoring has for it.
    pub fn label(&self) -> &str {
        match self {
            Mechanism::Certificate => "certificate",
            Mechanism::External => "EXTERNAL",
            Mechanism::Dialback => "dialback",
            Mechanism::Sasl(name) => name,
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mechanism::Certificate => f.write_str("certificate"),
            Mechanism::External => f.write_str("SASL EXTERNAL"),
            Mechanism::Dialback => f.write_str("dialback"),
            Mechanism::Sasl(name) => write!(f, "SASL {name}"),
        }
    }
}

impl From<Method> for Mechanism {
    fn from(method: Method) -> Self {
        match method {
            Method::External => Mechanism::External,
            Method::Certificate => Mechanism::Certificate,
            Method::Dialback | Method::SameCertificate => Mechanism::Dialback,
            // No stronger than it was said to be.
            _ => Mechanism::Dialback,
        }
    }
}
