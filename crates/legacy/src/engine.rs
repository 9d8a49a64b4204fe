//! One OpenSSL connection in memory.

use crate::error;
use crate::facts::{self, EphemeralKey};
use crate::server::Choice;
use crate::verify::{self, Rejection};
use bytes::{Buf, BufMut, BytesMut};
use openssl::ssl::{Error, ErrorCode, NameType, Ssl, SslStream, SslVersion};
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use xmpp_tls::danger::OldVersion;
use xmpp_tls::starttls::TlsVersion;
use xmpp_tls::tls::{TlsEngine, TlsError, TlsSession, TlsState};

/// What lies between OpenSSL and the session above: two buffers, no socket.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl Wire {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.incoming.extend_from_slice(bytes);
    }

    pub(crate) fn take(&mut self) -> BytesMut {
        self.outgoing.split()
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() {
            // Not the end: more may come.
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let octets = buffer.len().min(self.incoming.len());
        for (to, from) in buffer.iter_mut().zip(&self.incoming) {
            *to = *from;
        }
        self.incoming.advance(octets);
        Ok(octets)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) enum Role {
    Client { rejection: Rejection },
    Server { choice: Arc<Choice> },
}

pub(crate) struct Engine {
    stream: SslStream<Wire>,
    role: Role,
    lowest: TlsVersion,
    /// The first octets that came, up to the version in the peer's hello.
    hello: Vec<u8>,
    ephemeral: Option<EphemeralKey>,
    handshaking: bool,
    /// OpenSSL must not be called again after an error, and would only have another one to tell.
    failure: Option<TlsError>,
    peer_closed: bool,
    closed: bool,
    session_taken: bool,
}

/// The buffers are not shown, and what OpenSSL has to say about itself is of no use.
impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("role", &self.role)
            .field("state", &self.state())
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// `ssl` knows its side. A client's hello is written at once.
    pub(crate) fn start(ssl: Ssl, role: Role, lowest: OldVersion) -> Result<Self, TlsError> {
        let stream = SslStream::new(ssl, Wire::default()).map_err(|stack| error::of_setup(&stack))?;
        let mut engine = Engine {
            stream,
            role,
            lowest: lowest.version(),
            hello: Vec::new(),
            ephemeral: None,
            handshaking: true,
            failure: None,
            peer_closed: false,
            closed: false,
            session_taken: false,
        };
        match engine.stream.do_handshake() {
            Err(error) if error.code() == ErrorCode::WANT_READ => Ok(engine),
            Err(error) => Err(TlsError::Misconfigured(format!("OpenSSL: {error}"))),
            Ok(()) => Err(TlsError::Misconfigured("OpenSSL shook hands with nobody".to_owned())),
        }
    }

    fn advance(&mut self, plaintext: &mut BytesMut) -> Result<(), TlsError> {
        if self.handshaking {
            let step = self.stream.do_handshake();
            self.note_ephemeral_key()?;
            match step {
                Ok(()) => self.handshaking = false,
                Err(error) if error.code() == ErrorCode::WANT_READ => return Ok(()),
                Err(error) => return Err(self.error(&error)),
            }
        }
        let mut buffer = [0; 4096];
        loop {
            match self.stream.ssl_read(&mut buffer) {
                Ok(octets) => plaintext.put_slice(buffer.get(..octets).unwrap_or_default()),
                Err(error) if error.code() == ErrorCode::WANT_READ => return Ok(()),
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => {
                    self.peer_closed = true;
                    return Ok(());
                }
                Err(error) => return Err(self.error(&error)),
            }
        }
    }

    /// Keeps what OpenSSL forgets: a server's own key is gone once the client's has come.
    fn note_ephemeral_key(&mut self) -> Result<(), TlsError> {
        if self.ephemeral.is_some() {
            return Ok(());
        }
        let ssl = self.stream.ssl();
        self.ephemeral = match self.role {
            Role::Client { .. } => ssl.peer_tmp_key().ok().map(|key| EphemeralKey::of(&key)),
            Role::Server { .. } => ssl.tmp_key().ok().map(|key| EphemeralKey::of(&key)),
        };
        match self.ephemeral.as_ref().and_then(|key| key.dh_bits) {
            Some(bits) if bits < 2048 => {
                self.end_unencrypted(71); // insufficient_security
                Err(TlsError::PeerIncompatible(format!(
                    "the peer's Diffie-Hellman group has {bits} bits, at least 2048 are needed (RFC 9325 section 4.5)"
                )))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Ends a handshake with this alert in place of whatever OpenSSL had to answer. In clear, which is right up to TLS
    /// 1.2, as our ChangeCipherSpec is among what is dropped; groups this weak do not exist in TLS 1.3.
    fn end_unencrypted(&mut self, alert: u8) {
        let minor = match self.stream.ssl().version2() {
            Some(SslVersion::SSL3) => 0,
            Some(SslVersion::TLS1) => 1,
            Some(SslVersion::TLS1_1) => 2,
            _ => 3,
        };
        let outgoing = &mut self.stream.get_mut().outgoing;
        outgoing.clear();
        outgoing.put_slice(&[21, 3, minor, 0, 2, 2, alert]);
    }

    fn error(&self, error: &Error) -> TlsError {
        match &self.role {
            Role::Client { rejection } => {
                if let Some(rejection) = rejection.get() {
                    return TlsError::CertificateRejected(Box::new(rejection.clone()));
                }
            }
            Role::Server { choice } => {
                if let Some(refusal) = choice.refusal() {
                    return refusal;
                }
            }
        }
        error::of_connection(error, self.offered(), self.lowest)
    }

    /// The version in the hello of the peer, if a hello is what it began with.
    fn offered(&self) -> Option<TlsVersion> {
        match *self.hello.as_slice() {
            [22, 3, _, _, _, 1 | 2, _, _, _, major, minor] => Some(TlsVersion(u16::from_be_bytes([major, minor]))),
            _ => None,
        }
    }

    fn remember_hello(&mut self, ciphertext: &[u8]) {
        let missing = 11_usize.saturating_sub(self.hello.len());
        self.hello.extend(ciphertext.iter().take(missing));
    }
}

impl TlsEngine for Engine {
    fn read_tls(&mut self, ciphertext: &[u8], plaintext: &mut BytesMut) -> Result<(), TlsError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if let (true, Some(&first)) = (self.hello.is_empty(), ciphertext.first()) {
            // The record types of TLS (RFC 5246 section 6.2.1). OpenSSL would only say "wrong version number".
            if !(20..=23).contains(&first) {
                self.failure = Some(TlsError::NotTls { first });
                return Err(TlsError::NotTls { first });
            }
        }
        self.remember_hello(ciphertext);
        if ciphertext.is_empty() || self.peer_closed {
            return Ok(());
        }
        self.stream.get_mut().feed(ciphertext);
        self.advance(plaintext)
            .inspect_err(|failure| self.failure = Some(failure.clone()))
    }

    fn write_tls(&mut self, ciphertext: &mut BytesMut) -> Result<(), TlsError> {
        ciphertext.unsplit(self.stream.get_mut().take());
        Ok(())
    }

    fn write(&mut self, mut plaintext: &[u8]) -> Result<(), TlsError> {
        if self.closed || self.handshaking || self.failure.is_some() {
            return Err(TlsError::NotOpen);
        }
        while !plaintext.is_empty() {
            let written = self
                .stream
                .ssl_write(plaintext)
                .map_err(|error| TlsError::Misconfigured(format!("writing to memory failed: {error}")))?;
            plaintext = plaintext.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            if !self.handshaking && self.failure.is_none() {
                // The first half of it: what the peer answers is read as everything else. It can fail only if memory
                // is out, and then nothing is sent.
                let _ = self.stream.shutdown();
            }
        }
    }

    fn state(&self) -> TlsState {
        match (self.handshaking, self.peer_closed) {
            (true, _) => TlsState::Handshaking,
            (false, false) => TlsState::Open,
            (false, true) => TlsState::PeerClosed,
        }
    }

    fn take_session(&mut self) -> Option<TlsSession> {
        if self.session_taken || self.handshaking {
            return None;
        }
        let ssl = self.stream.ssl();
        let mut session = facts::session(ssl, self.ephemeral.as_ref())?;
        match &self.role {
            Role::Client { .. } => {
                session.peer_chain = verify::sent(ssl);
                session.server_name = ssl.servername(NameType::HOST_NAME).map(str::to_owned);
            }
            Role::Server { choice } => {
                session.server_name = choice.server_name();
                session.local_certificate = ssl.certificate().and_then(|leaf| verify::der(leaf).ok()).map(Arc::new);
            }
        }
        self.session_taken = true;
        Some(session)
    }

    /// Nothing is ever kept.
    fn allow_resumption(&mut self, _: bool) {}
}
