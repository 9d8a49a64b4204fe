//! A CA, sessions over it, and pairs of them in memory.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod altered;
pub mod fake_tls;
pub mod ledger;
pub mod network;
pub mod reports;
pub mod servers;
pub mod tcp;

use rustls::crypto::CryptoProvider;
use std::sync::Arc;
use xmpp_tls::session::{ClientConfig, Event, Mode, ServerConfig, Session, Target};
use xmpp_tls::stream::{Element, Features};
use xmpp_tls::tls::rustls::RustlsAcceptor;
use xmpp_tls::{Domain, Now, StreamKind, roots};
use xmpp_tls_testkit::ca::test_time;
use xmpp_tls_testkit::{Clock, Issued, LeafSpec, Pair, TestCa};

pub const DOMAIN: &str = "example.org";

pub struct World {
    pub ca: TestCa,
    pub clock: Clock,
    pub provider: Arc<CryptoProvider>,
}

impl World {
    pub fn new() -> Self {
        World {
            ca: TestCa::new("Test CA"),
            clock: Clock::new(),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
        }
    }

    pub fn now(&self) -> Now {
        Now {
            instant: self.clock.now(),
            wall: test_time(),
        }
    }

    pub fn client_config(&self) -> ClientConfig {
        let anchors = roots::from_pem(self.ca.anchor_pem().as_bytes()).unwrap();
        ClientConfig::rustls(self.provider.clone(), anchors)
    }

    /// A server for [`DOMAIN`] with this certificate.
    pub fn server_config(&self, issued: &Issued) -> ServerConfig {
        let acceptor = RustlsAcceptor::new(self.provider.clone())
            .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
            .unwrap();
        ServerConfig::new(acceptor)
    }

    pub fn good_certificate(&self) -> Issued {
        self.ca.issue(LeafSpec::for_domain(DOMAIN))
    }

    pub fn client(&self, config: ClientConfig, mode: Mode) -> Session {
        let target = Target::new(domain(DOMAIN));
        let target = match mode {
            Mode::StartTls => target,
            Mode::DirectTls => target.direct_tls(),
            _ => panic!("a mode the tests do not know"),
        };
        Session::client(Arc::new(config), target, self.now()).unwrap()
    }

    pub fn server(&self, config: ServerConfig, mode: Mode) -> Session {
        Session::server(Arc::new(config), mode, self.now()).unwrap()
    }

    pub fn pair(&self, client: ClientConfig, server: ServerConfig, mode: Mode) -> Pair<Session, Session> {
        let mut pair = Pair::new(self.client(client, mode), self.server(server, mode), self.clock);
        pair.b.react(offer_login);
        pair
    }

    /// Everything good on both sides.
    pub fn good_pair(&self, mode: Mode) -> Pair<Session, Session> {
        self.pair(self.client_config(), self.server_config(&self.good_certificate()), mode)
    }
}

/// A server that offers SASL as soon as a stream is open.
pub fn offer_login(session: &mut Session, event: &Event) {
    if let Event::Opened(_) = event {
        session.send(&login_features()).unwrap();
    }
}

pub fn login_features() -> Element {
    element(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>\
         </mechanisms></stream:features>",
    )
}

pub fn empty_features() -> Element {
    Features::builder().build().unwrap().as_element().clone()
}

pub fn element(xml: &str) -> Element {
    Element::parse(StreamKind::ClientToServer, xml.to_owned()).unwrap()
}

pub fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

/// One word an event, for comparing whole runs.
pub fn name(event: &Event) -> String {
    match event {
        Event::Secured(report) => format!("secured, authenticated {}", report.is_authenticated()),
        Event::Plaintext(_) => "plaintext".to_owned(),
        Event::Opened(header) => format!("opened by {:?} id {:?}", header.from, header.id),
        Event::Features(features) => format!("features {:?}", features.mechanisms().collect::<Vec<_>>()),
        Event::Element(element) => format!("element {}", String::from_utf8_lossy(element.as_bytes())),
        Event::Closed(how) => format!("closed {how:?}"),
        _ => "an event the tests do not know".to_owned(),
    }
}
