//! The streams of a federation in a registry: who is at the other end, what the ledger says, and what is counted.

mod common;

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::mpsc::Receiver;
use xmpp_tls::dialback::DialbackSecret;
use xmpp_tls::discovery::{Answer, DnsSecurity, LookupError, SrvRecord};
use xmpp_tls::federation::FederationConfig;
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::io::tokio::{Federation, Notice};
use xmpp_tls::io::{self, Memory, Resolver};
use xmpp_tls::ledger::{ChangePolicy, Ledger, MemoryStore};
use xmpp_tls::registry::{Entry, Links, Registry};
use xmpp_tls::roots;
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig};
use xmpp_tls::tls::rustls::{RustlsAcceptor, RustlsConnector, signature_algorithms};
use xmpp_tls_testkit::{Issued, LeafSpec, TestCa};

#[derive(Clone, Default)]
struct Zone(Arc<Mutex<BTreeMap<String, SocketAddr>>>);

#[async_trait]
impl Resolver for Zone {
    async fn srv(&self, name: &str) -> Result<Answer<SrvRecord>, LookupError> {
        let found = self.0.lock().unwrap().get(name).copied();
        let records = found.map(|address| SrvRecord::new(0, 0, address.port(), "localhost."));
        Ok(Answer::new(records.into_iter().collect(), DnsSecurity::Insecure))
    }

    async fn addresses(&self, _host: &str) -> Result<Answer<IpAddr>, LookupError> {
        Ok(Answer::new(vec![IpAddr::from([127, 0, 0, 1])], DnsSecurity::Insecure))
    }
}

struct World {
    ca: TestCa,
    zone: Zone,
}

struct Server {
    federation: Federation,
    notices: Receiver<Notice>,
    links: Links,
    registry: Registry,
}

impl World {
    fn new() -> Self {
        World {
            ca: TestCa::valid_now("Test CA"),
            zone: Zone::default(),
        }
    }

    fn good(&self, domain: &str) -> Issued {
        self.ca.issue(LeafSpec::for_domain(domain))
    }

    async fn serve(&self, domain: &str, certificate: Issued, ledger: Ledger) -> Server {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anchors = roots::from_pem(self.ca.anchor_pem().as_bytes()).unwrap();
        let verifier = IdentityVerifier::new(anchors, signature_algorithms(&provider));
        let acceptor = RustlsAcceptor::new(provider.clone())
            .with_certificate(domain.parse().unwrap(), certificate.chain.clone(), certificate.key())
            .unwrap();
        let connector = RustlsConnector::new(provider).with_certificates_of(&acceptor);
        let client = ClientConfig::new(connector, verifier.clone());
        let server = ServerConfig::new(acceptor).with_verifier(verifier);
        let secret = DialbackSecret::generate(|octets| octets.fill(domain.as_bytes()[0]));
        let config = FederationConfig::new(Arc::new(client), Arc::new(server), secret.into());
        let memory = Memory::default().with_ledger(Arc::new(ledger));
        let (federation, notices) = Federation::with_memory(config, Arc::new(self.zone.clone()), memory);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = format!("_xmpp-server._tcp.{domain}.");
        self.zone.0.lock().unwrap().insert(name, listener.local_addr().unwrap());
        tokio::spawn(federation.clone().serve(listener, Mode::StartTls));
        let registry = Registry::default();
        Server {
            federation,
            notices,
            links: Links::new(registry.clone()),
            registry,
        }
    }
}

impl Server {
    fn send(&self, from: &str, to: &str) {
        self.federation.send(common::network::message(from, to)).unwrap();
    }

    /// Tells the registry until this holds of a notice.
    async fn until(&mut self, holds: impl Fn(&Notice) -> bool) {
        loop {
            let notice = self.notices.recv().await.expect("a notice");
            self.links.notice(&notice, io::now().wall);
            if holds(&notice) {
                return;
            }
        }
    }

    fn only(&self) -> Arc<Entry> {
        let all = self.registry.snapshot();
        assert_eq!(all.len(), 1, "{all:#?}");
        all[0].clone()
    }

    fn assert_counted(&self, line: &str) {
        let text = self.registry.prometheus();
        assert!(
            text.lines().any(|counted| counted == format!("xmpp_tls_{line}")),
            "{text}"
        );
    }
}

fn ledger() -> Ledger {
    Ledger::new(MemoryStore::default())
}

fn names(entry: &Entry) -> [Option<String>; 2] {
    [entry.local_domain(), entry.remote_domain()].map(|domain| domain.map(|domain| domain.to_string()))
}

fn proofs(entry: &Entry) -> [Vec<String>; 2] {
    [&entry.authenticated, &entry.accepted].map(|proofs| proofs.iter().map(|proof| proof.by.to_string()).collect())
}

#[tokio::test]
async fn a_stream_is_listed_on_both_sides_with_what_is_proved_and_compared() {
    let world = World::new();
    let mut a = world.serve("a.example", world.good("a.example"), ledger()).await;
    let mut b = world.serve("b.example", world.good("b.example"), ledger()).await;
    a.send("a.example", "b.example");
    b.until(|notice| matches!(notice, Notice::Stanza { .. })).await;
    a.until(|notice| matches!(notice, Notice::Accepted { .. })).await;

    let (out, inc) = (a.only(), b.only());
    let domains = ["a.example", "b.example"].map(|domain| Some(domain.to_owned()));
    assert_eq!((out.session_type.code(), names(&out)), ("s2sout", domains.clone()));
    let [first, second] = domains;
    assert_eq!((inc.session_type.code(), names(&inc)), ("s2sin", [second, first]));
    assert_eq!(
        proofs(&out),
        [vec!["certificate".to_owned()], vec!["SASL EXTERNAL".to_owned()]]
    );
    assert_eq!(proofs(&inc), [vec!["SASL EXTERNAL".to_owned()], vec![]]);
    for (server, entry) in [(&a, &out), (&b, &inc)] {
        assert!(entry.is_encrypted() && entry.is_authenticated());
        assert!(entry.change.as_ref().is_some_and(|change| change.is_new));
        let code = entry.session_type.code();
        let line = format!("changes_total{{type=\"{code}\",change=\"first-seen\",reaction=\"inform\"}} 1");
        server.assert_counted(&line);
    }

    a.federation.close();
    for server in [&mut a, &mut b] {
        server.until(|notice| matches!(notice, Notice::Ended { .. })).await;
        assert!(server.registry.is_empty());
        let text = server.registry.prometheus();
        let counted: Vec<_> = text.lines().filter(|line| line.contains("changes_total{")).collect();
        assert!(matches!(*counted, [once] if once.ends_with(" 1")), "{text}");
    }
}

#[tokio::test]
async fn what_the_ledger_says_after_dialback_is_counted_when_the_stream_ends() {
    let world = World::new();
    let own = world.ca.issue(LeafSpec::for_domain("a.example").self_signed());
    let mut a = world.serve("a.example", own, ledger()).await;
    let mut b = world.serve("b.example", world.good("b.example"), ledger()).await;
    a.send("a.example", "b.example");
    b.until(|notice| matches!(notice, Notice::Stanza { .. })).await;
    let inc = b.registry.snapshot();
    let inc = inc.iter().find(|entry| entry.session_type.code() == "s2sin").unwrap();
    assert_eq!(proofs(inc), [vec!["dialback".to_owned()], vec![]]);
    assert!(inc.change.is_none());
    a.until(|notice| matches!(notice, Notice::Accepted { .. })).await;
    a.federation.close();
    let ours = |notice: &Notice| matches!(notice, Notice::Ended { opened_to: None, .. });
    b.until(ours).await;
    b.assert_counted("changes_total{type=\"s2sin\",change=\"first-seen\",reaction=\"inform\"} 1");
}

#[tokio::test]
async fn a_stream_that_the_ledger_refuses_is_counted_and_not_listed() {
    let world = World::new();
    let strict = ledger().with_policy(ChangePolicy::strict());
    let mut a = world.serve("a.example", world.good("a.example"), strict).await;
    let mut first = world.serve("b.example", world.good("b.example"), ledger()).await;
    a.send("a.example", "b.example");
    first.until(|notice| matches!(notice, Notice::Stanza { .. })).await;
    first.send("b.example", "a.example");
    a.until(|notice| matches!(notice, Notice::Stanza { .. })).await;
    first.federation.close();
    while !a.federation.links().is_empty() {
        a.until(|notice| matches!(notice, Notice::Ended { .. })).await;
    }

    // The same domain, with a new key before its time.
    let second = world.serve("b.example", world.good("b.example"), ledger()).await;
    a.send("a.example", "b.example");
    second.send("b.example", "a.example");
    for _ in 0..2 {
        a.until(|notice| matches!(notice, Notice::Ended { outcome: Err(_), .. }))
            .await;
    }
    assert!(a.registry.is_empty());
    for code in ["s2sin", "s2sout"] {
        let text = a.registry.prometheus();
        let refused = text.lines().find(|line| {
            line.starts_with(&format!("xmpp_tls_changes_total{{type=\"{code}\"")) && line.contains("\"refuse\"} 1")
        });
        assert!(refused.is_some(), "{code}: {text}");
    }
}
