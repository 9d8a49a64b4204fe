//! The TLS session of a connection, and what was offered before it.

use crate::session::Role;
use crate::tls::TlsSession;
use pki_types::CertificateDer;
use std::borrow::Cow;
use xmpp_starttls::{CipherSuite, TlsVersion};
use xmpp_tls_core::{Side, StreamKind};

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
    /// Whether the server asked for another round trip (HelloRetryRequest, RFC 8446 section 4.1.4).
    pub retried: bool,
    /// The server name (SNI, RFC 6066 section 3) that the initiating side sent.
    pub server_name: Option<String>,
    /// What the peer signed the handshake with, by its IANA name; `None` if it signed nothing or the TLS library does not
    /// tell, as on the receiving side.
    pub signature_scheme: Option<Cow<'static, str>>,
    /// Whether the initiating side was asked for a certificate, and showed one.
    pub client_certificate: ClientCertificate,
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

/// How the keys of a TLS session were agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Handshake {
    /// A full handshake.
    Full,
    /// A full handshake with another round trip, because the server did not like the client's first key share.
    Retried,
    /// An earlier session was resumed, and no certificate was shown.
    Resumed,
}

impl Handshake {
    /// A name that does not change: `full`, `retried`, `resumed`.
    pub fn code(self) -> &'static str {
        match self {
            Handshake::Full => "full",
            Handshake::Retried => "retried",
            Handshake::Resumed => "resumed",
        }
    }
}

/// Whether the initiating side was asked for a certificate, and showed one (RFC 8446 section 4.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientCertificate {
    /// It was not asked for.
    NotAsked,
    /// It was asked for, and none was shown.
    NotShown,
    /// One was shown. On the receiving side [`Authentication`](super::Authentication) says what it is worth; on the
    /// initiating side it is the peer who knows.
    Shown,
    /// None was shown, and the TLS library does not tell whether one was asked for.
    Unknown,
}

impl ClientCertificate {
    /// A name that does not change: `not-asked`, `not-shown`, `shown`, `unknown`.
    pub fn code(self) -> &'static str {
        match self {
            ClientCertificate::NotAsked => "not-asked",
            ClientCertificate::NotShown => "not-shown",
            ClientCertificate::Shown => "shown",
            ClientCertificate::Unknown => "unknown",
        }
    }

    pub(super) fn of(role: &Role, session: &TlsSession) -> Self {
        let (asked, shown) = match (role.side(), role.kind()) {
            (Side::Initiating, _) => (session.certificate_requested, session.local_certificate.is_some()),
            // `ServerHandshake::ask_certificate`: other servers are asked, and clients log in by SASL.
            (Side::Receiving, kind) => (Some(kind == StreamKind::ServerToServer), !session.peer_chain.is_empty()),
        };
        match (asked, shown) {
            (_, true) => ClientCertificate::Shown,
            (Some(true), false) => ClientCertificate::NotShown,
            (Some(false), false) => ClientCertificate::NotAsked,
            (None, false) => ClientCertificate::Unknown,
        }
    }
}

impl TlsReport {
    /// Without what [`Bindings`](super::bindings::Bindings) took.
    pub(super) fn new(start: TlsStart, client_certificate: ClientCertificate, session: TlsSession) -> Self {
        TlsReport {
            client_certificate,
            start,
            version: session.facts.version(),
            cipher_suite: session.facts.cipher_suite(),
            cipher_suite_name: session.cipher_suite,
            key_exchange: session.key_exchange,
            forward_secret: session.forward_secret,
            alpn: session.alpn.map(|alpn| excerpt(String::from_utf8_lossy(&alpn))),
            resumed: session.resumed,
            keys_revealed: session.keys_revealed,
            retried: session.retried,
            server_name: session.server_name.map(excerpt),
            signature_scheme: session.signature_scheme,
            peer_chain: session.peer_chain,
        }
    }

    /// How the keys were agreed on.
    pub fn handshake(&self) -> Handshake {
        match (self.resumed, self.retried) {
            (true, _) => Handshake::Resumed,
            (false, true) => Handshake::Retried,
            (false, false) => Handshake::Full,
        }
    }
}

/// What a peer wrote, cut and made fit for a line: a domain name has 253 characters at most.
pub(super) fn excerpt<'a>(text: impl Into<Cow<'a, str>>) -> String {
    let text = text.into();
    if text.len() <= 256 && text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return text.into_owned();
    }
    text.chars().take(256).flat_map(char::escape_debug).collect()
}
