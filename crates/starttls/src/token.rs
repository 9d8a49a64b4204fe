use std::fmt;
use xmpp_stream::{Features, Limits, Node, StartTls, StreamDecoder, StreamEncoder};
use xmpp_tls_core::{Domain, Side, StreamKind, ns};

/// Leave to start TLS, given when `<proceed/>` was sent or received and no byte followed it.
///
/// It cannot be cloned and does one thing: with the [`TlsFacts`] of a finished handshake it becomes a
/// [`SecuredStream`].
///
/// ```compile_fail
/// fn restart_in_clear(token: xmpp_starttls::UpgradeToken) -> xmpp_starttls::SecuredStream {
///     token.secured() // no facts, no stream
/// }
/// ```
#[must_use = "TLS must be started now, or the connection dropped"]
#[derive(Debug)]
pub struct UpgradeToken {
    kind: StreamKind,
    side: Side,
    to: Option<Domain>,
    offer: ClearOffer,
}

/// What the receiving entity offered in clear. Anybody on the path may have written it: it is for reports, and
/// decides nothing behind the switch (RFC 6120 section 5.4.3.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClearOffer {
    /// STARTTLS; `None`: it was not offered.
    pub starttls: Option<StartTls>,
    /// SASL mechanisms, which whoever uses them here shows to everybody on the path: at most 16, each cut after 32
    /// characters (RFC 4422 section 3.1 allows 20 octets), and nothing in them ends a line.
    pub mechanisms: Vec<String>,
}

impl ClearOffer {
    /// What the peer's features say.
    pub fn of(features: &Features) -> Self {
        let fit = |name: String| name.chars().take(32).flat_map(char::escape_debug).collect();
        // Most servers offer none in clear, and to see that needs no tree.
        let mut nodes = features.as_element().walk();
        let offers = nodes.any(|node| matches!(node, Node::Start(tag) if tag.is(ns::SASL, "mechanisms")));
        let mechanisms = offers.then(|| features.mechanisms().take(16).map(fit).collect());
        ClearOffer {
            starttls: features.starttls(),
            mechanisms: mechanisms.unwrap_or_default(),
        }
    }
}

impl UpgradeToken {
    pub(crate) fn new(kind: StreamKind, side: Side, to: Option<Domain>, offer: ClearOffer) -> Self {
        UpgradeToken { kind, side, to, offer }
    }

    /// Which kind of stream.
    pub fn kind(&self) -> StreamKind {
        self.kind
    }

    /// Our side of it: the initiating entity is the TLS client (RFC 6120 section 5.4.3.1).
    pub fn side(&self) -> Side {
        self.side
    }

    /// The domain the stream was opened to: the name to verify on the initiating side, and the one
    /// that chooses the certificate on the receiving side (RFC 6120 section 5.4.3.1, point 4).
    pub fn to(&self) -> Option<&Domain> {
        self.to.as_ref()
    }

    /// Whether the receiving entity advertised STARTTLS. `false` means it was tried all the same
    /// (RFC 7590 section 3.1), and that somebody may have stripped the offer.
    pub fn offered(&self) -> bool {
        self.offer.starttls.is_some()
    }

    /// What the receiving entity offered in clear; our own offer on the receiving side.
    pub fn clear_offer(&self) -> &ClearOffer {
        &self.offer
    }

    /// Spends the token: the TLS handshake over this connection is finished and these are its facts.
    pub fn secured(self, facts: TlsFacts) -> SecuredStream {
        SecuredStream {
            kind: self.kind,
            side: self.side,
            facts,
        }
    }
}

/// A stream that begins anew inside TLS. Nothing from before TLS is in it (RFC 6120 section 5.4.3.3).
#[must_use]
#[derive(Debug)]
pub struct SecuredStream {
    kind: StreamKind,
    side: Side,
    facts: TlsFacts,
}

impl SecuredStream {
    /// A stream over direct TLS (XEP-0368), where the handshake came first.
    pub fn direct_tls(kind: StreamKind, side: Side, facts: TlsFacts) -> Self {
        SecuredStream { kind, side, facts }
    }

    /// Which kind of stream.
    pub fn kind(&self) -> StreamKind {
        self.kind
    }

    /// Our side of it.
    pub fn side(&self) -> Side {
        self.side
    }

    /// What protects it.
    pub fn facts(&self) -> TlsFacts {
        self.facts
    }

    /// A new decoder and a new encoder for what is spoken inside TLS.
    pub fn into_codec(self, limits: Limits) -> (StreamDecoder, StreamEncoder) {
        (StreamDecoder::new(limits), StreamEncoder::new(self.kind))
    }
}

/// What a TLS library negotiated: the least that must be known before a stream counts as encrypted.
///
/// ```
/// use xmpp_starttls::{CipherSuite, TlsFacts, TlsVersion};
///
/// assert!(TlsFacts::new(TlsVersion::TLS_1_3, CipherSuite(0x1302)).is_ok());
/// // TLS_RSA_WITH_NULL_SHA256 authenticates and encrypts nothing.
/// assert!(TlsFacts::new(TlsVersion::TLS_1_2, CipherSuite(0x003b)).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsFacts {
    version: TlsVersion,
    cipher_suite: CipherSuite,
}

impl TlsFacts {
    /// # Errors
    ///
    /// [`NotEncrypted`] for suites without encryption, and for versions that are none of SSL 3.0 to
    /// TLS 1.3 (RFC 6176 ended SSL 2.0).
    pub fn new(version: TlsVersion, cipher_suite: CipherSuite) -> Result<Self, NotEncrypted> {
        let known = (TlsVersion::SSL_3_0..=TlsVersion::TLS_1_3).contains(&version);
        if !known || cipher_suite.encrypts_nothing() {
            return Err(NotEncrypted { version, cipher_suite });
        }
        Ok(TlsFacts { version, cipher_suite })
    }

    /// The negotiated version.
    pub fn version(self) -> TlsVersion {
        self.version
    }

    /// The negotiated cipher suite.
    pub fn cipher_suite(self) -> CipherSuite {
        self.cipher_suite
    }
}

/// A TLS session that would protect nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{version} with cipher suite {cipher_suite} does not encrypt")]
pub struct NotEncrypted {
    /// The version it has.
    pub version: TlsVersion,
    /// The suite it has.
    pub cipher_suite: CipherSuite,
}

/// A TLS protocol version by its code on the wire (RFC 8446 section 4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TlsVersion(pub u16);

impl TlsVersion {
    /// SSL 3.0, prohibited by RFC 7568.
    pub const SSL_3_0: TlsVersion = TlsVersion(0x0300);
    /// TLS 1.0, prohibited by RFC 8996.
    pub const TLS_1_0: TlsVersion = TlsVersion(0x0301);
    /// TLS 1.1, prohibited by RFC 8996.
    pub const TLS_1_1: TlsVersion = TlsVersion(0x0302);
    /// TLS 1.2 (RFC 5246).
    pub const TLS_1_2: TlsVersion = TlsVersion(0x0303);
    /// TLS 1.3 (RFC 8446).
    pub const TLS_1_3: TlsVersion = TlsVersion(0x0304);
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            TlsVersion::SSL_3_0 => f.write_str("SSL 3.0"),
            TlsVersion::TLS_1_0 => f.write_str("TLS 1.0"),
            TlsVersion::TLS_1_1 => f.write_str("TLS 1.1"),
            TlsVersion::TLS_1_2 => f.write_str("TLS 1.2"),
            TlsVersion::TLS_1_3 => f.write_str("TLS 1.3"),
            TlsVersion(other) => write!(f, "TLS version {other:#06x}"),
        }
    }
}

/// A cipher suite by its IANA code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CipherSuite(pub u16);

impl CipherSuite {
    /// The suites of the IANA registry whose encryption is NULL, and the two values that are no suites
    /// (RFC 5746, RFC 7507).
    fn encrypts_nothing(self) -> bool {
        matches!(
            self.0,
            0x0000..=0x0002
                | 0x002c..=0x002e
                | 0x003b
                | 0x00ff
                | 0x5600
                | 0x00b0 | 0x00b1 | 0x00b4 | 0x00b5 | 0x00b8 | 0x00b9
                | 0xc001 | 0xc006 | 0xc00b | 0xc010 | 0xc015
                | 0xc039..=0xc03b
                | 0xc0b4 | 0xc0b5
        )
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tlsp_12_a_session_without_encryption_secures_nothing() {
        for suite in [0x0000, 0x0001, 0x0002, 0x003b, 0xc006, 0xc010, 0xc0b4] {
            assert!(
                TlsFacts::new(TlsVersion::TLS_1_3, CipherSuite(suite)).is_err(),
                "{suite:#06x}"
            );
        }
        for suite in [0x002f, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc030, 0xcca9] {
            assert!(
                TlsFacts::new(TlsVersion::TLS_1_2, CipherSuite(suite)).is_ok(),
                "{suite:#06x}"
            );
        }
    }

    #[test]
    fn tlsp_01_ssl_2_is_no_version() {
        for version in [0x0002, 0x0305, 0xfefd, 0] {
            assert!(
                TlsFacts::new(TlsVersion(version), CipherSuite(0x002f)).is_err(),
                "{version:#06x}"
            );
        }
    }
}
