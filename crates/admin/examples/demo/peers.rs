//! The server, and those that it talks to.

use crate::watch::Watch;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::Receiver;
use xmpp_tls::discovery::{Answer, DnsSecurity, LookupError, SrvRecord};
use xmpp_tls::federation::{DialbackSecret, FederationConfig};
use xmpp_tls::identity::{CertificateFacts, IdentityVerifier};
use xmpp_tls::io::tokio::{Federation, Notice};
use xmpp_tls::io::{self, Endpoint, Memory, Resolver};
use xmpp_tls::ledger::{Key, Leaf, Sighting, Voucher};
use xmpp_tls::pki_types::UnixTime;
use xmpp_tls::registry::Mechanism;
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig};
use xmpp_tls::stream::{Element, ElementBuilder};
use xmpp_tls::tls::rustls::{RustlsAcceptor, RustlsConnector, signature_algorithms};
use xmpp_tls::{Domain, Side, StreamKind, ns, roots};
use xmpp_tls_testkit::{CaSpec, Issued, LeafSpec, TestCa};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

const OWN: &str = "capulet.example";
/// What should never be seen as anything but text.
const HOSTILE: &str = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">";
/// Peers that take stanzas of ours in the end.
pub(crate) const STREAMS: usize = 4;
/// Clients that are logged in.
pub(crate) const CLIENTS: usize = 1;
/// Peers that do not: one is down, one has no TLS, one refuses with words of its own.
pub(crate) const FAILING: usize = 3;

pub(crate) struct Peers {
    pub(crate) notices: Receiver<Notice>,
    /// Their streams end with them.
    _federations: Vec<Federation>,
}

/// What the DNS would say.
struct Zone(BTreeMap<String, SocketAddr>);

#[async_trait]
impl Resolver for Zone {
    async fn srv(&self, name: &str) -> Result<Answer<SrvRecord>, LookupError> {
        let found = self.0.get(name);
        let records = found.map(|address| SrvRecord::new(0, 0, address.port(), "localhost."));
        Ok(Answer::new(records.into_iter().collect(), DnsSecurity::Insecure))
    }

    async fn addresses(&self, _host: &str) -> Result<Answer<IpAddr>, LookupError> {
        Ok(Answer::new(vec![IpAddr::from([127, 0, 0, 1])], DnsSecurity::Insecure))
    }
}

impl Peers {
    pub(crate) async fn start(watch: &Watch) -> Result<Self, Failure> {
        let own: Domain = OWN.parse()?;
        let ca = TestCa::valid_now("Demonstration CA");
        let leaf = |domain: &str| LeafSpec::for_domain(domain).cn(domain);
        let certificates = [
            (OWN, ca.issue(leaf(OWN))),
            ("good.example", ca.issue(leaf("good.example"))),
            (
                "selfsigned.example",
                ca.issue(leaf("selfsigned.example").cn(HOSTILE).self_signed()),
            ),
            ("changed.example", ca.issue(leaf("changed.example"))),
            ("many-names.example", ca.issue(many_names("many-names.example"))),
        ];
        remember_another(watch, &own, &"changed.example".parse()?, io::now().wall)?;

        let mut zone = BTreeMap::new();
        let mut listeners = Vec::new();
        for (domain, _) in &certificates {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            zone.insert(format!("_xmpp-server._tcp.{domain}."), listener.local_addr()?);
            listeners.push(listener);
        }
        let down = TcpListener::bind("127.0.0.1:0").await?;
        let failing = [
            ("down.example", down.local_addr()?),
            ("without-tls.example", scripted("<stream:features/>".to_owned()).await?),
            ("hostile.example", scripted(stream_error(HOSTILE)).await?),
        ];
        drop(down);
        for (domain, address) in failing {
            zone.insert(format!("_xmpp-server._tcp.{domain}."), address);
        }

        let zone = Arc::new(Zone(zone));
        let mut servers = Vec::new();
        for ((domain, issued), listener) in certificates.iter().zip(listeners) {
            let config = configure(&domain.parse()?, issued, &ca)?;
            let memory = match *domain {
                OWN => watch.memory(),
                _ => Memory::default(),
            };
            let (federation, notices) = Federation::with_memory(config, zone.clone(), memory);
            tokio::spawn(federation.clone().serve(listener, Mode::StartTls));
            servers.push((federation, notices));
        }
        let (ours, notices) = servers.remove(0);
        let mut federations = vec![ours.clone()];
        for (federation, mut theirs) in servers {
            federations.push(federation);
            tokio::spawn(async move { while theirs.recv().await.is_some() {} });
        }
        let others = certificates.iter().skip(1).map(|(domain, _)| *domain);
        for domain in others.chain(failing.iter().map(|(domain, _)| *domain)) {
            ours.send(greeting(&own, domain)?)?;
        }
        client(watch, &certificates[0].1, &ca).await?;
        Ok(Peers {
            notices,
            _federations: federations,
        })
    }
}

fn configure(domain: &Domain, issued: &Issued, ca: &TestCa) -> Result<FederationConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (chain, key) = (issued.chain.clone(), issued.key());
    let acceptor = RustlsAcceptor::new(provider.clone()).with_certificate(domain.clone(), chain, key)?;
    let anchors = roots::from_pem(ca.anchor_pem().as_bytes())?;
    let verifier = IdentityVerifier::new(anchors, signature_algorithms(&provider));
    let connector = RustlsConnector::new(provider.clone()).with_certificates_of(&acceptor);
    let mut secret = [0; 32];
    provider.secure_random.fill(&mut secret).map_err(|_| "no randomness")?;
    Ok(FederationConfig::new(
        Arc::new(ClientConfig::new(connector, verifier.clone())),
        Arc::new(ServerConfig::new(acceptor).with_verifier(verifier)),
        DialbackSecret::new(&secret)?.into(),
    ))
}

/// The domain was seen before, with another key of another authority.
fn remember_another(watch: &Watch, own: &Domain, remote: &Domain, now: UnixTime) -> Result<(), Failure> {
    let week_ago = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs().saturating_sub(7 * 86_400)));
    let authority = TestCa::root(CaSpec::new("Earlier CA").organization("Earlier CA"), week_ago.as_secs());
    let issued = authority.issue(LeafSpec::for_domain(remote.as_str()));
    let leaf = Leaf::new(&CertificateFacts::from_der(&issued.chain[0])?);
    let key = Key::new(
        StreamKind::ServerToServer,
        Side::Initiating,
        Some(own.clone()),
        remote.clone(),
    );
    let sighting = Sighting::from_parts(key, true, Some(leaf), Voucher::Anchors).ok_or("a sighting")?;
    watch.ledger.observe(&sighting, week_ago)?;
    Ok(())
}

fn many_names(domain: &str) -> LeafSpec {
    (0..40).fold(LeafSpec::for_domain(domain).cn(domain), |leaf, number| {
        leaf.dns(format!(
            "a-rather-long-service-name-number-{number}.of-a-rather-long-subdomain.{domain}"
        ))
    })
}

fn greeting(own: &Domain, to: &str) -> Result<Element, Failure> {
    let message = ElementBuilder::new(ns::SERVER, "message")
        .attribute("from", own.as_str())
        .attribute("to", to)
        .child(ElementBuilder::new(ns::SERVER, "body").text("hello"));
    Ok(message.build()?)
}

fn stream_error(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{text}</text></stream:error></stream:stream>"
    )
}

/// A server that says this in clear to whoever opens a stream.
async fn scripted(behind_header: String) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let said = format!(
        "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
         xmlns:db='jabber:server:dialback' id='1' version='1.0'>{behind_header}"
    );
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut heard = [0; 4096];
            if socket.read(&mut heard).await.is_ok() && socket.write_all(said.as_bytes()).await.is_ok() {
                // What answers the features, if anything does: `<starttls/>` is refused.
                let _ = socket.read(&mut heard).await;
                let _ = socket
                    .write_all(b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")
                    .await;
            }
        }
    });
    Ok(address)
}

/// A client of ours, as if it had logged in.
async fn client(watch: &Watch, issued: &Issued, ca: &TestCa) -> Result<(), Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let own: Domain = OWN.parse()?;
    let (chain, key) = (issued.chain.clone(), issued.key());
    let acceptor = RustlsAcceptor::new(provider.clone()).with_certificate(own.clone(), chain, key)?;
    let server = Arc::new(ServerConfig::new(acceptor));
    let anchors = roots::from_pem(ca.anchor_pem().as_bytes())?;
    let config = Arc::new(ClientConfig::rustls(provider, anchors));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr()?.port());
    tokio::spawn(async move {
        let Ok(mut stream) = io::tokio::connect_to(&endpoint, config, own).await else {
            return;
        };
        while let Ok(Some(_)) = stream.next_event().await {}
    });
    let registry = watch.registry.clone();
    let (socket, _) = listener.accept().await?;
    let session = registry.register(StreamKind::ClientToServer, Side::Receiving, io::now().wall);
    let mut stream = io::tokio::accept(socket, server, Mode::StartTls).await?;
    session.secured(stream.report().clone());
    session.authenticated(Mechanism::sasl("SCRAM-SHA-256-PLUS"));
    tokio::spawn(async move {
        while let Ok(Some(_)) = stream.next_event().await {}
        drop(session);
    });
    Ok(())
}
