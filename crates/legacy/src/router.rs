//! Whom a server's peer is served by, decided by the first octets of its hello.

use crate::error;
use crate::server::OldSide;
use bytes::BytesMut;
use std::sync::Arc;
use xmpp_tls::danger::OldVersion;
use xmpp_tls::policy::MinimumVersion;
use xmpp_tls::starttls::TlsVersion;
use xmpp_tls::tls::{ServerHandshake, TlsAcceptor, TlsEngine, TlsError, TlsSession, TlsState};

/// A server's engine before it is known which one it is.
#[derive(Debug)]
pub(crate) enum Router {
    /// The hello has not come far enough.
    Waiting(Box<Waiting>),
    Decided(Box<dyn TlsEngine>),
    Refused {
        error: TlsError,
        /// Still to be written.
        alert: Vec<u8>,
    },
}

#[derive(Debug)]
pub(crate) struct Waiting {
    inner: Arc<dyn TlsAcceptor>,
    old: Arc<OldSide>,
    handshake: ServerHandshake,
    lowest: OldVersion,
    begin: BytesMut,
}

impl Router {
    pub(crate) fn new(
        inner: Arc<dyn TlsAcceptor>,
        old: Arc<OldSide>,
        handshake: ServerHandshake,
        lowest: OldVersion,
    ) -> Self {
        Router::Waiting(Box::new(Waiting {
            inner,
            old,
            handshake,
            lowest,
            begin: BytesMut::new(),
        }))
    }
}

impl Waiting {
    /// The engine for what came so far; `None`: not enough came.
    fn decide(&self) -> Result<Option<Box<dyn TlsEngine>>, TlsError> {
        match peek(&self.begin) {
            Peek::More => Ok(None),
            Peek::Old(offered) if offered < self.lowest.version() => Err(error::too_old(offered, self.lowest.version())),
            Peek::Old(_) => self.old.accept(self.handshake.clone(), self.lowest).map(Some),
            Peek::Other => {
                let mut handshake = self.handshake.clone();
                handshake.minimum_version = MinimumVersion::Tls12;
                self.inner.accept(handshake).map(Some)
            }
            Peek::SslV2 => Err(TlsError::PeerIncompatible(
                "the peer sent a hello in the format of SSL 2.0, which RFC 6176 forbids: SSL 2.0 must be switched off there"
                    .to_owned(),
            )),
        }
    }

    /// A version that is too old is answered with `protocol_version`, which OpenSSL would not say to SSL 3.0 (RFC 7568
    /// section 3, RFC 8996 sections 4 and 5). SSL 2.0 would not understand an alert.
    fn alert(&self) -> Vec<u8> {
        match peek(&self.begin) {
            Peek::Old(offered) if offered < self.lowest.version() => {
                let [major, minor] = offered.0.to_be_bytes();
                vec![21, major, minor, 0, 2, 2, 70]
            }
            Peek::More | Peek::Old(_) | Peek::SslV2 | Peek::Other => Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peek {
    /// Not enough to tell.
    More,
    /// A ClientHello that offers nothing newer than TLS 1.1.
    Old(TlsVersion),
    /// A ClientHello in the format of SSL 2.0, whatever it asks for.
    SslV2,
    /// A newer ClientHello, or none at all: the wrapped engine has the words for it.
    Other,
}

/// Eleven octets decide: record header (5), handshake header (4), `client_version` (2). Whoever knows TLS 1.2 or later says
/// 0x0303 there (RFC 8446 section 4.1.2); the version of the record says nothing (RFC 7568 section 3).
fn peek(begin: &[u8]) -> Peek {
    match *begin {
        [] => Peek::More,
        [22, 3, _, high, low, 1, _, _, _, major, minor, ..] => {
            let version = TlsVersion(u16::from_be_bytes([major, minor]));
            // In a record shorter than this the version would be part of the next one: no program sends that.
            let whole = u16::from_be_bytes([high, low]) >= 6;
            match whole && version < TlsVersion::TLS_1_2 {
                true => Peek::Old(version),
                false => Peek::Other,
            }
        }
        [22] => Peek::More,
        [22, 3, ..] if begin.len() < 11 && begin.get(5).is_none_or(|kind| *kind == 1) => Peek::More,
        // Two octets of length, then the message type, 1 for CLIENT-HELLO.
        [length, _, 1, ..] if length & 0x80 != 0 => Peek::SslV2,
        [length] | [length, _] if length & 0x80 != 0 => Peek::More,
        [..] => Peek::Other,
    }
}

impl TlsEngine for Router {
    fn read_tls(&mut self, ciphertext: &[u8], plaintext: &mut BytesMut) -> Result<(), TlsError> {
        match self {
            Router::Decided(engine) => engine.read_tls(ciphertext, plaintext),
            Router::Refused { error, .. } => Err(error.clone()),
            Router::Waiting(waiting) => {
                waiting.begin.extend_from_slice(ciphertext);
                match waiting.decide() {
                    Ok(None) => Ok(()),
                    Ok(Some(mut engine)) => {
                        let read = engine.read_tls(&waiting.begin, plaintext);
                        *self = Router::Decided(engine);
                        read
                    }
                    Err(error) => {
                        let alert = waiting.alert();
                        *self = Router::Refused {
                            error: error.clone(),
                            alert,
                        };
                        Err(error)
                    }
                }
            }
        }
    }

    fn write_tls(&mut self, ciphertext: &mut BytesMut) -> Result<(), TlsError> {
        match self {
            Router::Decided(engine) => engine.write_tls(ciphertext),
            Router::Refused { alert, .. } => {
                ciphertext.extend_from_slice(&std::mem::take(alert));
                Ok(())
            }
            Router::Waiting(_) => Ok(()),
        }
    }

    fn write(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        match self {
            Router::Decided(engine) => engine.write(plaintext),
            Router::Waiting(_) | Router::Refused { .. } => Err(TlsError::NotOpen),
        }
    }

    fn close(&mut self) {
        match self {
            Router::Decided(engine) => engine.close(),
            Router::Waiting(_) | Router::Refused { .. } => {}
        }
    }

    fn state(&self) -> TlsState {
        match self {
            Router::Decided(engine) => engine.state(),
            Router::Waiting(_) | Router::Refused { .. } => TlsState::Handshaking,
        }
    }

    fn take_session(&mut self) -> Option<TlsSession> {
        match self {
            Router::Decided(engine) => engine.take_session(),
            Router::Waiting(_) | Router::Refused { .. } => None,
        }
    }

    fn allow_resumption(&mut self, allowed: bool) {
        match self {
            Router::Decided(engine) => engine.allow_resumption(allowed),
            Router::Waiting(_) | Router::Refused { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a ClientHello of this version, in a record of another.
    fn hello(version: u16) -> Vec<u8> {
        let [major, minor] = version.to_be_bytes();
        vec![22, 3, 1, 0, 0xb0, 1, 0, 0, 0xac, major, minor, 7, 7]
    }

    #[test]
    fn tlsp_02_the_version_of_the_hello_decides_and_not_that_of_the_record() {
        for (version, expected) in [
            (0x0300, Peek::Old(TlsVersion::SSL_3_0)),
            (0x0301, Peek::Old(TlsVersion::TLS_1_0)),
            (0x0302, Peek::Old(TlsVersion::TLS_1_1)),
            (0x0303, Peek::Other),
            (0x0304, Peek::Other),
        ] {
            let hello = hello(version);
            assert_eq!(peek(&hello), expected, "{version:#06x}");
            for cut in 0..11 {
                assert_eq!(peek(&hello[..cut]), Peek::More, "{version:#06x} cut at {cut}");
            }
        }
    }

    #[test]
    fn tlsp_01_a_hello_in_the_format_of_ssl_2_0_is_told_at_its_third_octet() {
        for version in [0x0002_u16, 0x0300, 0x0301, 0x0303] {
            let [major, minor] = version.to_be_bytes();
            let hello = [0x80, 0x2e, 1, major, minor, 0, 0x15];
            assert_eq!(peek(&hello[..1]), Peek::More);
            assert_eq!(peek(&hello[..2]), Peek::More);
            assert_eq!(peek(&hello[..3]), Peek::SslV2);
            assert_eq!(peek(&hello), Peek::SslV2);
        }
    }

    #[test]
    fn what_is_no_hello_goes_to_the_wrapped_engine_at_once() {
        for begin in [
            &b"<"[..],
            b"GET",
            &[21, 3, 1],
            &[22, 2],
            &[22, 3, 1, 0, 9, 2],
            &[0x80, 9, 4],
        ] {
            assert_eq!(peek(begin), Peek::Other, "{begin:?}");
        }
    }

    #[test]
    fn a_version_that_lies_in_another_record_is_not_read() {
        // A record of four octets, and the next one behind it.
        assert_eq!(peek(&[22, 3, 1, 0, 4, 1, 0, 0, 0xac, 2, 3, 1]), Peek::Other);
    }
}
