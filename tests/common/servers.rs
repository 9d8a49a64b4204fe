//! Servers over loopback sockets, each with its drivers, and who talks to them in its own words.

use super::network::{message, stanza};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use xmpp_tls::dialback::DialbackSecret;
use xmpp_tls::discovery::{Answer, DnsSecurity, LookupError, SrvRecord};
use xmpp_tls::federation::FederationConfig;
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::io::now;
use xmpp_tls::io::tokio::{Federation, Notice, Undeliverable};
use xmpp_tls::io::{Memory, Resolver};
use xmpp_tls::policy::{Overrides, Policy};
use xmpp_tls::session::{ClientConfig, Event, Mode, ServerConfig, Session, Target};
use xmpp_tls::tls::rustls::{RustlsAcceptor, RustlsConnector, signature_algorithms};
use xmpp_tls::{Engine, Output, roots};
use xmpp_tls_testkit::{Issued, LeafSpec, TestCa};

/// How long a test waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where each domain is; a domain that is not here has an address where nobody listens, and one that ends in `tarpit`
/// has no answer ever.
#[derive(Clone)]
pub struct Zone(pub Arc<Mutex<BTreeMap<String, SocketAddr>>>);

#[async_trait]
impl Resolver for Zone {
    async fn srv(&self, name: &str) -> Result<Answer<SrvRecord>, LookupError> {
        if name.ends_with("tarpit.") {
            std::future::pending::<()>().await;
        }
        let found = self.0.lock().unwrap().get(name).copied();
        let records = found.map(|address| SrvRecord::new(0, 0, address.port(), "localhost."));
        Ok(Answer::new(records.into_iter().collect(), DnsSecurity::Insecure))
    }

    async fn addresses(&self, _host: &str) -> Result<Answer<IpAddr>, LookupError> {
        Ok(Answer::new(vec![IpAddr::from([127, 0, 0, 1])], DnsSecurity::Insecure))
    }
}

pub struct World {
    pub ca: TestCa,
    pub zone: Zone,
    pub bidi: bool,
    /// Of who accepts, and of who opens.
    pub overrides: Overrides,
}

pub struct Server {
    pub federation: Federation,
    pub notices: Receiver<Notice>,
}

impl World {
    pub fn new() -> Self {
        World {
            ca: TestCa::valid_now("Test CA"),
            zone: Zone(Arc::default()),
            bidi: false,
            overrides: Overrides::new(),
        }
    }

    pub fn config(&self, domains: &[&str], certificate: &Issued, policy: &Policy) -> FederationConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anchors = roots::from_pem(self.ca.anchor_pem().as_bytes()).unwrap();
        let verifier = IdentityVerifier::new(anchors, signature_algorithms(&provider));
        let mut acceptor = RustlsAcceptor::new(provider.clone());
        for domain in domains {
            let (chain, key) = (certificate.chain.clone(), certificate.key());
            acceptor = acceptor.with_certificate(domain.parse().unwrap(), chain, key).unwrap();
        }
        let connector = RustlsConnector::new(provider).with_certificates_of(&acceptor);
        let client = ClientConfig::new(connector, verifier.clone())
            .with_policy(policy.clone())
            .with_overrides(self.overrides.clone());
        let server = ServerConfig::new(acceptor)
            .with_verifier(verifier)
            .with_policy(policy.clone())
            .with_overrides(self.overrides.clone());
        let secret = DialbackSecret::generate(|octets| octets.fill(domains[0].as_bytes()[0]));
        let config = FederationConfig::new(Arc::new(client), Arc::new(server), secret.into());
        match self.bidi {
            true => config.with_bidi(),
            false => config,
        }
    }

    pub async fn serve(&self, domains: &[&str], certificate: Issued, policy: Policy) -> Server {
        self.serve_with(domains, certificate, policy, Memory::default()).await
    }

    pub async fn serve_with(&self, domains: &[&str], certificate: Issued, policy: Policy, memory: Memory) -> Server {
        let config = self.config(domains, &certificate, &policy);
        let (federation, notices) = Federation::with_memory(config, Arc::new(self.zone.clone()), memory);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for domain in domains {
            let name = format!("_xmpp-server._tcp.{domain}.");
            self.zone.0.lock().unwrap().insert(name, listener.local_addr().unwrap());
        }
        tokio::spawn(federation.clone().serve(listener, Mode::StartTls));
        Server { federation, notices }
    }

    pub async fn good(&self, domain: &str) -> Server {
        let certificate = self.ca.issue(LeafSpec::for_domain(domain));
        self.serve(&[domain], certificate, Policy::default()).await
    }

    pub async fn self_signed(&self, domain: &str) -> Server {
        let certificate = self.ca.issue(LeafSpec::for_domain(domain).self_signed());
        self.serve(&[domain], certificate, Policy::default()).await
    }
}

impl Server {
    pub fn send(&self, from: &str, to: &str) {
        self.federation.send(message(from, to)).unwrap();
    }

    /// Waits until it has no streams any more.
    pub async fn is_alone(&mut self) {
        while !self.federation.links().is_empty() {
            self.first(|notice| matches!(notice, Notice::Ended { .. }).then_some(()))
                .await;
        }
    }

    /// The first notice that `wanted` makes something of.
    pub async fn first<T>(&mut self, mut wanted: impl FnMut(Notice) -> Option<T>) -> T {
        loop {
            let notice = timeout(PATIENCE, self.notices.recv()).await;
            let notice = notice.expect("a notice in time").expect("a notice");
            if let Some(found) = wanted(notice) {
                return found;
            }
        }
    }

    pub async fn stanza(&mut self) -> String {
        self.first(|notice| match notice {
            Notice::Stanza { stanza, .. } => Some(stanza.attribute("from").unwrap().into_owned()),
            Notice::Undelivered { why, .. } => panic!("{why}"),
            _ => None,
        })
        .await
    }

    pub async fn undelivered(&mut self) -> Undeliverable {
        self.first(|notice| match notice {
            Notice::Undelivered { why, .. } => Some(why),
            _ => None,
        })
        .await
    }
}

/// One end of a stream that says what it likes.
pub struct Raw {
    pub session: Session,
    pub socket: TcpStream,
    events: Vec<Event>,
}

impl World {
    /// Where the server of `domain` listens.
    pub fn listens(&self, domain: &str, listener: &TcpListener) {
        let name = format!("_xmpp-server._tcp.{domain}.");
        self.zone.0.lock().unwrap().insert(name, listener.local_addr().unwrap());
    }

    /// Opens a stream to `to`, says to be `from`, shows a certificate if there is one, and waits for the features.
    pub async fn raw_client(&self, from: &str, to: &str, shown: Option<&Issued>) -> Raw {
        let mut raw = self.raw_connection(from, to, shown).await;
        raw.until(|event| matches!(event, Event::Features(_)).then_some(()))
            .await
            .expect("features");
        raw
    }

    /// The same, with nothing said yet.
    pub async fn raw_connection(&self, from: &str, to: &str, shown: Option<&Issued>) -> Raw {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anchors = roots::from_pem(self.ca.anchor_pem().as_bytes()).unwrap();
        let verifier = IdentityVerifier::new(anchors, signature_algorithms(&provider));
        let mut connector = RustlsConnector::new(provider.clone());
        if let Some(shown) = shown {
            let acceptor = RustlsAcceptor::new(provider)
                .with_certificate(from.parse().unwrap(), shown.chain.clone(), shown.key())
                .unwrap();
            connector = connector.with_certificates_of(&acceptor);
        }
        let config = Arc::new(ClientConfig::new(connector, verifier));
        let target = Target::new(to.parse().unwrap()).from_server(from.parse().unwrap());
        let address = self.zone.0.lock().unwrap()[&format!("_xmpp-server._tcp.{to}.")];
        let session = Session::client(config, target, now()).unwrap();
        Raw::new(session, TcpStream::connect(address).await.unwrap())
    }
}

impl Raw {
    pub fn new(session: Session, socket: TcpStream) -> Self {
        socket.set_nodelay(true).unwrap();
        Raw {
            session,
            socket,
            events: Vec::new(),
        }
    }

    async fn write(&mut self) -> bool {
        loop {
            match self.session.poll_output() {
                Ok(Output::Transmit(bytes)) => {
                    if self.socket.write_all(&bytes).await.is_err() {
                        return false;
                    }
                }
                Ok(Output::Event(event)) => self.events.push(event),
                Ok(Output::WantsInput(_)) => return true,
                Err(_) => return false,
            }
        }
    }

    async fn read(&mut self) -> bool {
        let mut buffer = [0; 16384];
        match self.socket.read(&mut buffer).await {
            Ok(0) | Err(_) => false,
            Ok(octets) => self.session.handle_input(Instant::now(), &buffer[..octets]).is_ok(),
        }
    }

    /// The first event that `wanted` makes something of; `None` when the stream ends before.
    pub async fn until<T>(&mut self, mut wanted: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        loop {
            let is_alive = self.write().await;
            for event in self.events.drain(..) {
                if let Some(found) = wanted(&event) {
                    return Some(found);
                }
            }
            if !is_alive || !self.read().await {
                return None;
            }
        }
    }

    /// The first element of that name.
    pub async fn element(&mut self, name: &str) -> Option<()> {
        let is_it = |event: &Event| matches!(event, Event::Element(element) if element.name() == name).then_some(());
        self.until(is_it).await
    }

    pub async fn say(&mut self, xml: &str) {
        self.session.send(&stanza(xml)).unwrap();
        self.write().await;
    }

    /// Reads what comes, and says nothing more, until the stream ends.
    pub async fn ends(mut self) {
        self.until(|_| None::<()>).await;
    }
}
