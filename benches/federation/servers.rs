//! One server with a good certificate, and one with as many domains as wanted, which no certificate proves.

use std::sync::Arc;
use xmpp_tls::dialback::DialbackSecret;
use xmpp_tls::federation::{FederationConfig, Pair};
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::session::{ClientConfig, ServerConfig};
use xmpp_tls::stream::Element;
use xmpp_tls::tls::rustls::{RustlsAcceptor, RustlsConnector, signature_algorithms};
use xmpp_tls::{Domain, StreamKind, roots};
use xmpp_tls_testkit::{Issued, LeafSpec, TestCa};

pub(crate) const HUB: &str = "hub.example";

pub(crate) struct Servers {
    pub(crate) hub: FederationConfig,
    pub(crate) peers: FederationConfig,
}

pub(crate) fn peer(number: usize) -> String {
    format!("d{number}.example")
}

impl Servers {
    pub(crate) fn new(peers: usize) -> Self {
        let ca = TestCa::valid_now("Bench CA");
        let good = ca.issue(LeafSpec::for_domain(HUB));
        let bad = ca.issue(LeafSpec::for_domain("d.example").self_signed());
        Servers {
            hub: config(&ca, &good, vec![HUB.to_owned()]),
            peers: config(&ca, &bad, (0..peers).map(peer).collect()),
        }
    }
}

fn config(ca: &TestCa, certificate: &Issued, domains: Vec<String>) -> FederationConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let anchors = roots::from_pem(ca.anchor_pem().as_bytes()).expect("an anchor");
    let verifier = IdentityVerifier::new(anchors, signature_algorithms(&provider));
    let mut acceptor = RustlsAcceptor::new(provider.clone());
    for domain in domains {
        acceptor = acceptor
            .with_certificate(
                domain.parse().expect("a domain"),
                certificate.chain.clone(),
                certificate.key(),
            )
            .expect("a certificate");
    }
    let connector = RustlsConnector::new(provider).with_certificates_of(&acceptor);
    let client = ClientConfig::new(connector, verifier.clone());
    let server = ServerConfig::new(acceptor).with_verifier(verifier);
    let secret = DialbackSecret::generate(|octets| octets.fill(7));
    FederationConfig::new(Arc::new(client), Arc::new(server), secret.into())
}

pub(crate) fn domain(text: &str) -> Domain {
    text.parse().expect("a domain")
}

pub(crate) fn pair(from: &str, to: &str) -> Pair {
    Pair::new(domain(from), domain(to))
}

pub(crate) fn message(from: &str) -> Element {
    let xml = format!("<message from='romeo@{from}' to='juliet@{HUB}'><body>hi</body></message>");
    Element::parse(StreamKind::ServerToServer, xml).expect("a message")
}
