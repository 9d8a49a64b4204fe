//! A CA, sessions over it, and pairs of them in memory.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod peer;

use std::sync::Arc;
use xmpp_tls::danger::{OldVersion, OldVersionsAccepted};
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::policy::{MinimumVersion, Policy};
use xmpp_tls::session::{ClientConfig, Event, Mode, ServerConfig, Session, Target};
use xmpp_tls::stream::Features;
use xmpp_tls::tls::rustls::{CryptoProvider, RustlsAcceptor, RustlsConnector, ring, signature_algorithms};
use xmpp_tls::tls::{TlsAcceptor, TlsConnector};
use xmpp_tls::{Domain, Now, roots};
use xmpp_tls_legacy::{LegacyAcceptor, LegacyConnector};
use xmpp_tls_testkit::ca::test_time;
use xmpp_tls_testkit::{Clock, Issued, KeyKind, LeafSpec, Pair, TestCa};

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
            provider: Arc::new(ring::default_provider()),
        }
    }

    pub fn now(&self) -> Now {
        Now {
            instant: self.clock.now(),
            wall: test_time(),
        }
    }

    pub fn verifier(&self) -> IdentityVerifier {
        let anchors = roots::from_pem(self.ca.anchor_pem().as_bytes()).unwrap();
        IdentityVerifier::new(anchors, signature_algorithms(&self.provider))
    }

    /// A certificate for [`DOMAIN`] that old peers can use.
    pub fn rsa_certificate(&self) -> Issued {
        self.ca.issue(LeafSpec::for_domain(DOMAIN).key(KeyKind::Rsa2048))
    }

    pub fn client_of(&self, connector: impl TlsConnector + 'static, policy: Policy) -> ClientConfig {
        ClientConfig::new(connector, self.verifier()).with_policy(policy)
    }

    /// A client of this crate.
    pub fn legacy_client(&self, policy: Policy) -> ClientConfig {
        let connector = LegacyConnector::new(RustlsConnector::new(self.provider.clone()));
        self.client_of(connector, policy)
    }

    pub fn rustls_acceptor(&self, issued: &Issued) -> RustlsAcceptor {
        RustlsAcceptor::new(self.provider.clone())
            .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
            .unwrap()
    }

    pub fn legacy_acceptor(&self, issued: &Issued) -> LegacyAcceptor {
        LegacyAcceptor::new(self.rustls_acceptor(issued))
            .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
            .unwrap()
    }

    /// A server of this crate.
    pub fn legacy_server(&self, policy: Policy) -> ServerConfig {
        self.server_of(self.legacy_acceptor(&self.rsa_certificate()), policy)
    }

    pub fn server_of(&self, acceptor: impl TlsAcceptor + 'static, policy: Policy) -> ServerConfig {
        ServerConfig::new(acceptor).with_policy(policy)
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

    /// Both sides, come to rest.
    pub fn run(&self, client: ClientConfig, server: ServerConfig, mode: Mode) -> Pair<Session, Session> {
        let mut pair = Pair::new(self.client(client, mode), self.server(server, mode), self.clock);
        pair.b.react(offer_login);
        pair.drive();
        pair
    }
}

/// A policy for old peers; everything else is the default.
pub fn down_to(lowest: OldVersion) -> Policy {
    let mut policy = Policy::default();
    let accepted = OldVersionsAccepted::known_attacks_apply_down_to(lowest);
    policy.minimum_version = MinimumVersion::Old(accepted);
    policy
}

/// A server that offers SASL as soon as a stream is open.
pub fn offer_login(session: &mut Session, event: &Event) {
    if let Event::Opened(_) = event {
        let features = Features::builder().mechanisms(["PLAIN"]).build().unwrap();
        session.send(features.as_element()).unwrap();
    }
}

pub fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

/// What ended a side, in words.
pub fn words(error: &Option<xmpp_tls::Error>) -> String {
    error.as_ref().map(ToString::to_string).unwrap_or_default()
}
