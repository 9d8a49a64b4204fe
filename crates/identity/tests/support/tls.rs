//! Two ends of TLS in memory.

use pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::client::ClientConnection;
use rustls::crypto::CryptoProvider;
use rustls::server::ServerConnection;
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, Connection, ServerConfig};
use std::sync::Arc;
use xmpp_identity::rustls::{ClientVerifier, ServerVerifier};

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[derive(Debug)]
struct Clock(UnixTime);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// Shows this chain and signs with this key, whether they belong together or not.
#[derive(Debug)]
pub struct Shown(pub Arc<CertifiedKey>);

impl Shown {
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Arc<Shown> {
        let key = provider().key_provider.load_private_key(key).unwrap();
        Arc::new(Shown(Arc::new(CertifiedKey::new(chain, key))))
    }
}

impl rustls::server::ResolvesServerCert for Shown {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

impl rustls::client::ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

type Versions = &'static [&'static rustls::SupportedProtocolVersion];
pub static TLS12: Versions = &[&rustls::version::TLS12];
pub static TLS13: Versions = &[&rustls::version::TLS13];

/// A client that verifies with this, and shows a certificate if it has one.
pub fn client_config(
    verifier: &Arc<ServerVerifier>,
    shown: Option<Arc<Shown>>,
    versions: Versions,
    now: UnixTime,
) -> ClientConfig {
    let builder = ClientConfig::builder_with_details(provider(), Arc::new(Clock(now)))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone());
    let mut config = match shown {
        Some(shown) => builder.with_client_cert_resolver(shown),
        None => builder.with_no_client_auth(),
    };
    verifier.prepare(&mut config);
    config
}

/// A server that shows this, and asks for a certificate if it verifies any.
pub fn server_config(
    verifier: Option<&Arc<ClientVerifier>>,
    shown: Arc<Shown>,
    versions: Versions,
    now: UnixTime,
) -> ServerConfig {
    let builder = ServerConfig::builder_with_details(provider(), Arc::new(Clock(now)))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(shown);
    if let Some(verifier) = verifier {
        verifier.prepare(&mut config);
    }
    config
}

pub struct Ends {
    pub client: Connection,
    pub server: Connection,
    pub client_error: Option<rustls::Error>,
    pub server_error: Option<rustls::Error>,
}

impl Ends {
    pub fn new(client: Arc<ClientConfig>, server: Arc<ServerConfig>, name: &str) -> Ends {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        Ends {
            client: ClientConnection::new(client, name).unwrap().into(),
            server: ServerConnection::new(server).unwrap().into(),
            client_error: None,
            server_error: None,
        }
    }

    /// Carries bytes both ways until there are none, alerts included.
    pub fn run(mut self) -> Ends {
        loop {
            let forth = carry(&mut self.client, &mut self.server, &mut self.server_error);
            let back = carry(&mut self.server, &mut self.client, &mut self.client_error);
            if !forth && !back {
                return self;
            }
        }
    }

    pub fn is_open(&self) -> bool {
        self.client_error.is_none()
            && self.server_error.is_none()
            && !self.client.is_handshaking()
            && !self.server.is_handshaking()
    }
}

fn carry(from: &mut Connection, to: &mut Connection, error: &mut Option<rustls::Error>) -> bool {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() && error.is_none() {
        to.read_tls(&mut rest).unwrap();
        *error = to.process_new_packets().err();
    }
    !bytes.is_empty()
}
