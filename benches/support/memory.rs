//! Both ends in memory, on one thread.

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConnection, RootCertStore, ServerConnection};
use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Instant;
use xmpp_starttls::{Initiator, InitiatorEvent, Responder, ResponderEvent};
use xmpp_tls::session::{ClientConfig, Event, Mode, ServerConfig, Session, Target};
use xmpp_tls::tls::rustls::{CryptoProvider, RustlsAcceptor};
use xmpp_tls::{Domain, Engine, Now, Output, StreamKind, roots};
use xmpp_tls_core::StreamId;
use xmpp_tls_testkit::{CaSpec, Issued, LeafSpec, TestCa};

/// A chain of three, ECDSA P-256: root, intermediate, leaf.
pub(crate) struct World {
    pub(crate) domain: Domain,
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) bare_client: Arc<rustls::ClientConfig>,
    pub(crate) bare_server: Arc<rustls::ServerConfig>,
}

impl World {
    fn new() -> Self {
        let domain: Domain = "example.org".parse().unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let root = TestCa::valid_now("Bench root");
        let issued = root
            .intermediate(CaSpec::new("Bench intermediate"))
            .issue(LeafSpec::for_domain("example.org"));
        let anchors = roots::from_pem(root.anchor_pem().as_bytes()).unwrap();
        let acceptor = RustlsAcceptor::new(provider.clone())
            .with_certificate(domain.clone(), issued.chain.clone(), issued.key())
            .unwrap();
        World {
            bare_client: bare_client(&provider, root.anchor()),
            bare_server: bare_server(&provider, &issued),
            client: Arc::new(ClientConfig::rustls(provider.clone(), anchors)),
            server: Arc::new(ServerConfig::new(acceptor)),
            domain,
        }
    }
}

/// rustls as it comes, without resumption: a full handshake every time.
fn bare_client(provider: &Arc<CryptoProvider>, anchor: &CertificateDer<'static>) -> Arc<rustls::ClientConfig> {
    let mut anchors = RootCertStore::empty();
    anchors.add(anchor.clone()).unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(anchors)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

fn bare_server(provider: &Arc<CryptoProvider>, issued: &Issued) -> Arc<rustls::ServerConfig> {
    let mut config = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(issued.chain.clone(), issued.key())
        .unwrap();
    config.send_tls13_tickets = 0;
    Arc::new(config)
}

/// A name and what to run.
pub(crate) type Subject<'a> = (&'static str, Box<dyn Fn() + 'a>);

pub(crate) struct Subjects {
    world: World,
    now: Now,
}

impl Subjects {
    pub(crate) fn new() -> Self {
        let wall = rustls::time_provider::DefaultTimeProvider.current_time().unwrap();
        Subjects {
            world: World::new(),
            now: Now {
                instant: Instant::now(),
                wall,
            },
        }
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    pub(crate) fn all(&self) -> Vec<Subject<'_>> {
        vec![
            ("exchange", Box::new(|| self.exchange())),
            ("handshake", Box::new(|| self.handshake())),
            ("session", Box::new(|| self.sessions(Mode::StartTls))),
            ("session-direct", Box::new(|| self.sessions(Mode::DirectTls))),
        ]
    }

    /// From nothing to a token on either side.
    fn exchange(&self) {
        let now = self.now.instant;
        let mut initiator = Initiator::client(self.world.domain.clone(), now);
        let mut responder = Responder::new(StreamKind::ClientToServer, StreamId::from_random([7; 16]), now);
        let (mut ours, mut theirs) = (None, None);
        while ours.is_none() || theirs.is_none() {
            loop {
                match initiator.poll_output().unwrap() {
                    Output::Transmit(bytes) => responder.handle_input(now, &bytes).unwrap(),
                    Output::Event(InitiatorEvent::Upgrade(token)) => break ours = Some(token),
                    Output::Event(_) => {}
                    Output::WantsInput(_) => break,
                }
            }
            loop {
                match responder.poll_output().unwrap() {
                    Output::Transmit(bytes) => initiator.handle_input(now, &bytes).unwrap(),
                    Output::Event(ResponderEvent::Opened(_)) => responder.accept(&self.world.domain).unwrap(),
                    Output::Event(ResponderEvent::Upgrade(token)) => break theirs = Some(token),
                    Output::Event(_) => {}
                    Output::WantsInput(_) => break,
                }
            }
        }
        let _ = black_box((ours, theirs));
    }

    fn handshake(&self) {
        let _ = black_box(self.open_bare());
    }

    /// Two ends of bare rustls behind their handshake.
    pub(crate) fn open_bare(&self) -> (ClientConnection, ServerConnection) {
        let name = ServerName::try_from("example.org").unwrap();
        let mut client = ClientConnection::new(self.world.bare_client.clone(), name).unwrap();
        let mut server = ServerConnection::new(self.world.bare_server.clone()).unwrap();
        let mut wire = Vec::with_capacity(4096);
        while client.is_handshaking() || server.is_handshaking() {
            wire.clear();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            carry(&wire, |piece| server.read_tls(piece).unwrap());
            server.process_new_packets().unwrap();
            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            carry(&wire, |piece| client.read_tls(piece).unwrap());
            client.process_new_packets().unwrap();
        }
        let _ = black_box((client.writer().flush(), server.reader().read(&mut [0; 1])));
        (client, server)
    }

    fn sessions(&self, mode: Mode) {
        let (client, _) = black_box(self.open_sessions(mode));
        black_box(client.report());
    }

    /// Two sessions, as far as the server's header inside TLS.
    pub(crate) fn open_sessions(&self, mode: Mode) -> (Session, Session) {
        let target = Target::new(self.world.domain.clone());
        let target = if mode == Mode::DirectTls {
            target.direct_tls()
        } else {
            target
        };
        let mut client = Session::client(self.world.client.clone(), target, self.now).unwrap();
        let mut server = Session::server(self.world.server.clone(), mode, self.now).unwrap();
        loop {
            if self.settle(&mut client, &mut server) {
                break;
            }
            self.settle(&mut server, &mut client);
        }
        (client, server)
    }

    /// Hands what `from` writes to `to` until `from` rests; whether its stream was opened.
    pub(crate) fn settle(&self, from: &mut Session, to: &mut Session) -> bool {
        loop {
            match from.poll_output().unwrap() {
                Output::Transmit(bytes) => to.handle_input(self.now.instant, &bytes).unwrap(),
                Output::Event(Event::Opened(_)) => return true,
                Output::Event(_) => {}
                Output::WantsInput(_) => return false,
            }
        }
    }
}

pub(crate) fn carry(mut bytes: &[u8], mut read: impl FnMut(&mut &[u8]) -> usize) {
    while !bytes.is_empty() {
        read(&mut bytes);
    }
}
