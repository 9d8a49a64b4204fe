//! A TLS library of another maker: speaks one version, with the suites it is told, and checks nothing. It is what old
//! peers are in these tests, and shares no code with the crate under test.

use bytes::{Buf, BytesMut};
use openssl::dh::Dh;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    ErrorCode, NameType, Ssl, SslContextBuilder, SslMethod, SslOptions, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use std::fmt;
use std::io::{self, Read, Write};
use xmpp_tls::Domain;
use xmpp_tls::policy::MinimumVersion;
use xmpp_tls::starttls::{CipherSuite, TlsFacts, TlsVersion};
use xmpp_tls::tls::{
    ClientHandshake, ServerHandshake, TlsAcceptor, TlsConnector, TlsEngine, TlsError, TlsSession, TlsState,
};
use xmpp_tls_testkit::Issued;

/// What an old peer is like.
#[derive(Clone)]
pub struct OldPeer {
    pub version: TlsVersion,
    pub suites: &'static str,
    pub dh_bits: Option<u32>,
    pub certificate: Option<(Vec<X509>, PKey<Private>)>,
}

impl fmt::Debug for OldPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OldPeer({})", self.version)
    }
}

impl OldPeer {
    pub fn client(version: TlsVersion) -> Self {
        OldPeer {
            version,
            suites: "ALL:!aNULL",
            dh_bits: None,
            certificate: None,
        }
    }

    pub fn server(version: TlsVersion, issued: &Issued) -> Self {
        let chain = issued.chain.iter().map(|der| X509::from_der(der).unwrap()).collect();
        let key = PKey::private_key_from_der(issued.key().secret_der()).unwrap();
        OldPeer {
            certificate: Some((chain, key)),
            ..OldPeer::client(version)
        }
    }

    pub fn suites(mut self, suites: &'static str) -> Self {
        self.suites = suites;
        self
    }

    fn context(&self) -> SslContextBuilder {
        let version = Some(match self.version {
            TlsVersion::SSL_3_0 => SslVersion::SSL3,
            TlsVersion::TLS_1_0 => SslVersion::TLS1,
            TlsVersion::TLS_1_1 => SslVersion::TLS1_1,
            TlsVersion::TLS_1_2 => SslVersion::TLS1_2,
            _ => SslVersion::TLS1_3,
        });
        let mut context = SslContextBuilder::new(SslMethod::tls()).unwrap();
        context.set_security_level(0);
        context.set_min_proto_version(version).unwrap();
        context.set_max_proto_version(version).unwrap();
        context.set_options(SslOptions::NO_TICKET);
        context.set_cipher_list(self.suites).unwrap();
        context.set_verify(SslVerifyMode::NONE);
        if let Some((chain, key)) = &self.certificate {
            context.set_certificate(&chain[0]).unwrap();
            context.set_private_key(key).unwrap();
            for above in &chain[1..] {
                context.add_extra_chain_cert(above.clone()).unwrap();
            }
        }
        match self.dh_bits {
            Some(1024) => context.set_tmp_dh(&Dh::get_1024_160().unwrap()).unwrap(),
            Some(_) => context.set_tmp_dh(&Dh::get_2048_256().unwrap()).unwrap(),
            None => {}
        }
        context
    }

    fn engine(ssl: Ssl, server: bool) -> Box<dyn TlsEngine> {
        let mut engine = Engine {
            stream: SslStream::new(ssl, Memory::default()).unwrap(),
            server,
            done: false,
            closed: false,
        };
        let _ = engine.stream.do_handshake();
        Box::new(engine)
    }
}

impl TlsConnector for OldPeer {
    fn supports(&self, _: MinimumVersion) -> Result<(), TlsError> {
        Ok(())
    }

    fn connect(&self, handshake: ClientHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        let mut context = self.context();
        if let Some(kind) = handshake.alpn {
            let offer = [&[kind.alpn().len() as u8], kind.alpn()].concat();
            context.set_alpn_protos(&offer).unwrap();
        }
        let mut ssl = Ssl::new(&context.build()).unwrap();
        ssl.set_hostname(handshake.domain.to_ascii()).unwrap();
        ssl.set_connect_state();
        Ok(OldPeer::engine(ssl, false))
    }
}

impl TlsAcceptor for OldPeer {
    fn supports(&self, _: MinimumVersion) -> Result<(), TlsError> {
        Ok(())
    }

    fn accept(&self, handshake: ServerHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        let mut context = self.context();
        context.set_alpn_select_callback(move |_, _| Ok(handshake.kind.alpn()));
        let mut ssl = Ssl::new(&context.build()).unwrap();
        ssl.set_accept_state();
        Ok(OldPeer::engine(ssl, true))
    }

    fn serves(&self, _: &Domain) -> bool {
        true
    }

    fn sole_domain(&self) -> Option<Domain> {
        None
    }

    fn fill_random(&self, buffer: &mut [u8]) -> Result<(), TlsError> {
        openssl::rand::rand_bytes(buffer).map_err(|_| TlsError::NoRandomness)
    }
}

#[derive(Debug, Default)]
struct Memory {
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = buffer.len().min(self.incoming.len());
        if octets == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.incoming.copy_to_slice(&mut buffer[..octets]);
        Ok(octets)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Engine {
    stream: SslStream<Memory>,
    server: bool,
    done: bool,
    closed: bool,
}

impl TlsEngine for Engine {
    fn read_tls(&mut self, ciphertext: &[u8], plaintext: &mut BytesMut) -> Result<(), TlsError> {
        self.stream.get_mut().incoming.extend_from_slice(ciphertext);
        if !self.done {
            match self.stream.do_handshake() {
                Ok(()) => self.done = true,
                Err(error) if error.code() == ErrorCode::WANT_READ => return Ok(()),
                Err(error) => return Err(TlsError::PeerMisbehaved(error.to_string())),
            }
        }
        let mut buffer = [0; 4096];
        loop {
            match self.stream.ssl_read(&mut buffer) {
                Ok(octets) => plaintext.extend_from_slice(&buffer[..octets]),
                Err(error) if error.code() == ErrorCode::WANT_READ => return Ok(()),
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => {
                    self.closed = true;
                    return Ok(());
                }
                Err(error) => return Err(TlsError::PeerMisbehaved(error.to_string())),
            }
        }
    }

    fn write_tls(&mut self, ciphertext: &mut BytesMut) -> Result<(), TlsError> {
        ciphertext.unsplit(self.stream.get_mut().outgoing.split());
        Ok(())
    }

    fn write(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        self.stream.write_all(plaintext).map_err(|_| TlsError::NotOpen)
    }

    fn close(&mut self) {
        let _ = self.stream.shutdown();
    }

    fn state(&self) -> TlsState {
        match (self.done, self.closed) {
            (false, _) => TlsState::Handshaking,
            (true, false) => TlsState::Open,
            (true, true) => TlsState::PeerClosed,
        }
    }

    fn take_session(&mut self) -> Option<TlsSession> {
        let ssl = self.stream.ssl();
        let version = match ssl.version2()? {
            SslVersion::SSL3 => TlsVersion::SSL_3_0,
            SslVersion::TLS1 => TlsVersion::TLS_1_0,
            SslVersion::TLS1_1 => TlsVersion::TLS_1_1,
            SslVersion::TLS1_2 => TlsVersion::TLS_1_2,
            _ => TlsVersion::TLS_1_3,
        };
        let suite = u16::from_be_bytes(ssl.current_cipher()?.protocol_id());
        let mut session = TlsSession::new(TlsFacts::new(version, CipherSuite(suite)).ok()?, "whatever");
        // The other side's facts are what is tested; this one must not stand in the way.
        session.forward_secret = true;
        session.alpn = ssl.selected_alpn_protocol().map(<[u8]>::to_vec);
        match self.server {
            true => session.server_name = ssl.servername(NameType::HOST_NAME).map(str::to_owned),
            false => {
                let chain = ssl.peer_cert_chain().into_iter().flatten();
                session.peer_chain = chain.map(|one| one.to_der().unwrap().into()).collect();
            }
        }
        Some(session)
    }

    fn allow_resumption(&mut self, _: bool) {}
}
