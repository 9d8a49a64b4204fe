//! Streams to other servers: by what they may be authenticated, and what is exchanged while nobody vouches for them.

mod common;

use common::fake_tls::{FakeConnector, SERVER_HELLO};
use common::{DOMAIN, World, domain};
use std::sync::Arc;
use xmpp_tls::danger::{PlaintextAccepted, PlaintextDialbackAccepted};
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::policy::{EncryptionPolicy, Outcome, Policy, PolicyViolation, PolicyWarning, Rule, ServerAuthentication};
use xmpp_tls::security::Warning;
use xmpp_tls::session::{ClientConfig, Event, Mode, Session, Target};
use xmpp_tls::stream::Element;
use xmpp_tls::{Engine, ErrorKind, Output, StreamCondition, StreamKind, roots};
use xmpp_tls_testkit::LeafSpec;

const HEADER: &str = "<stream:stream from='example.org' id='1' version='1.0' xmlns='jabber:server' \
    xmlns:db='jabber:server:dialback' xmlns:stream='http://etherx.jabber.org/streams'>";
const FEATURES: &str = "<stream:features><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>";
const ANSWER: &str = "<db:result from='example.org' to='example.net' type='valid'/>";
const MESSAGE: &str = "<message from='juliet@example.org' to='romeo@example.net'><body>hi</body></message>";

fn policy(servers: ServerAuthentication) -> Policy {
    let mut policy = Policy::default();
    policy.servers = servers;
    // One means nothing without the other.
    if let ServerAuthentication::PlaintextDialback(_) = servers {
        policy.encryption =
            EncryptionPolicy::Opportunistic(PlaintextAccepted::anybody_may_read_and_change_the_stream());
    }
    policy
}

fn element(xml: &str) -> Element {
    Element::parse(StreamKind::ServerToServer, xml.to_owned()).unwrap()
}

fn dialback() -> Element {
    element("<result xmlns='jabber:server:dialback' from='example.net' to='example.org'>key</result>")
}

/// A session to another server whose certificate is for `name`.
struct Outbound {
    world: World,
    session: Session,
    events: Vec<Event>,
    wrote: Vec<u8>,
    error: Option<xmpp_tls::Error>,
}

impl Outbound {
    fn new(policy: Policy, name: &str, direct: bool) -> Self {
        let world = World::new();
        let peer_chain = world.ca.issue(LeafSpec::for_domain(name)).chain;
        let anchors = roots::from_pem(world.ca.anchor_pem().as_bytes()).unwrap();
        let verifier = IdentityVerifier::new(anchors, xmpp_tls::tls::rustls::signature_algorithms(&world.provider));
        let config = ClientConfig::new(FakeConnector { peer_chain }, verifier).with_policy(policy);
        let target = Target::new(domain(DOMAIN)).from_server(domain("example.net"));
        let target = if direct { target.direct_tls() } else { target };
        let session = Session::client(Arc::new(config), target, world.now()).unwrap();
        let mut outbound = Outbound {
            world,
            session,
            events: Vec::new(),
            wrote: Vec::new(),
            error: None,
        };
        outbound.settle();
        outbound
    }

    fn hears(mut self, inputs: &[&[u8]]) -> Self {
        for input in inputs {
            if self.error.is_none() {
                self.session.handle_input(self.world.clock.now(), input).unwrap();
                self.settle();
            }
        }
        self
    }

    /// As far as the features inside TLS.
    fn opened(servers: ServerAuthentication, name: &str) -> Self {
        Outbound::new(policy(servers), name, true).hears(&[SERVER_HELLO, HEADER.as_bytes(), FEATURES.as_bytes()])
    }

    fn settle(&mut self) {
        loop {
            match self.session.poll_output() {
                Ok(Output::Transmit(bytes)) => self.wrote.extend_from_slice(&bytes),
                Ok(Output::Event(event)) => self.events.push(event),
                Ok(Output::WantsInput(_)) => return,
                Err(error) => return self.error = Some(error),
            }
        }
    }
}

fn plaintext_dialback() -> ServerAuthentication {
    ServerAuthentication::PlaintextDialback(PlaintextDialbackAccepted::whoever_forges_dns_may_be_any_server())
}

#[test]
fn db_87_every_level_with_a_good_and_a_bad_certificate() {
    use ServerAuthentication::{Certificate, CertificateOrDialback, DialbackOverTls};
    for (level, name, secured, awaits) in [
        (Certificate, DOMAIN, true, false),
        (Certificate, "other.example", false, false),
        (CertificateOrDialback, DOMAIN, true, false),
        (CertificateOrDialback, "other.example", true, true),
        (DialbackOverTls, DOMAIN, true, true),
        (DialbackOverTls, "other.example", true, true),
        (plaintext_dialback(), DOMAIN, true, false),
        (plaintext_dialback(), "other.example", true, true),
    ] {
        let outbound = Outbound::opened(level, name);
        let Some(report) = outbound.session.report() else {
            assert!(!secured, "{level:?} {name}");
            assert!(outbound.events.is_empty(), "{:?}", outbound.events);
            assert!(matches!(outbound.error.unwrap().kind(), ErrorKind::Identity(_)));
            continue;
        };
        assert!(secured && report.is_encrypted(), "{level:?} {name}");
        assert_eq!(report.awaits_dialback(), awaits, "{level:?} {name}");
        // Dialback allowed is not dialback done: the certificate alone says whether the peer is authenticated.
        assert_eq!(report.is_authenticated(), name == DOMAIN, "{level:?} {name}");
        assert_eq!(report.warnings().contains(&Warning::NotAuthenticated), name != DOMAIN);
        assert_eq!(
            report
                .to_string()
                .contains("dialback      is allowed, for the peer to verify us"),
            awaits,
            "{report}"
        );
        let json = serde_json::to_value(&**report).unwrap();
        assert_eq!(json["awaits_dialback"], awaits);
        assert_eq!(json["authenticated"], name == DOMAIN);
    }
}

#[test]
fn pol_04_only_dialback_is_exchanged_with_a_server_that_nobody_vouches_for() {
    let mut outbound = Outbound::opened(ServerAuthentication::default(), "other.example");
    assert!(matches!(
        outbound.events.as_slice(),
        [Event::Secured(_), Event::Opened(_), Event::Features(_)]
    ));
    let now = outbound.world.clock.now();
    let before = outbound.wrote.len();
    for attempt in [outbound.session.send(&element(MESSAGE)), outbound.session.restart(now)] {
        assert!(attempt.unwrap_err().to_string().contains("nothing but dialback"));
    }
    outbound.settle();
    assert_eq!(outbound.wrote.len(), before, "nothing was written");
    outbound.session.send(&dialback()).unwrap();
    let mut outbound = outbound.hears(&[ANSWER.as_bytes()]);
    assert!(outbound.wrote.len() > before);
    assert!(matches!(outbound.events.last(), Some(Event::Element(answer)) if answer.name() == "result"));

    // The application knows what the answer means. It makes the stream usable, and the report no better.
    outbound.session.authentication_complete().unwrap();
    outbound.session.send(&element(MESSAGE)).unwrap();
    let outbound = outbound.hears(&[MESSAGE.as_bytes()]);
    assert!(matches!(outbound.events.last(), Some(Event::Element(message)) if message.name() == "message"));
    assert!(!outbound.session.report().unwrap().is_authenticated());
}

#[test]
fn a_stanza_from_a_server_that_nobody_vouches_for_ends_the_stream() {
    let outbound = Outbound::opened(ServerAuthentication::default(), "other.example").hears(&[MESSAGE.as_bytes()]);
    let error = outbound.error.unwrap();
    assert_eq!(*error.kind(), ErrorKind::Policy(PolicyViolation::Unauthenticated));
    assert_eq!(error.stream_condition(), Some(StreamCondition::NOT_AUTHORIZED));
    assert!(!outbound.events.iter().any(|event| matches!(event, Event::Element(_))));
    assert!(String::from_utf8_lossy(&outbound.wrote).contains("<not-authorized"));

    let good = Outbound::opened(ServerAuthentication::default(), DOMAIN).hears(&[MESSAGE.as_bytes()]);
    assert!(matches!(good.events.last(), Some(Event::Element(_))));
}

/// Without TLS it takes both words of `danger`: one for clear text, one for dialback on it.
#[test]
fn pol_06_plaintext_dialback_takes_danger_twice() {
    let clear = |servers| {
        let mut policy = policy(servers);
        policy.encryption =
            EncryptionPolicy::Opportunistic(PlaintextAccepted::anybody_may_read_and_change_the_stream());
        policy
    };
    for (policy, goes_on) in [
        (clear(plaintext_dialback()), true),
        (clear(ServerAuthentication::CertificateOrDialback), false),
        (clear(ServerAuthentication::DialbackOverTls), false),
        (clear(ServerAuthentication::Certificate), false),
    ] {
        let outbound = Outbound::new(policy.clone(), DOMAIN, false).hears(&[HEADER.as_bytes(), FEATURES.as_bytes()]);
        let wrote = String::from_utf8_lossy(&outbound.wrote).into_owned();
        // Otherwise TLS is asked for although it is not offered (RFC 7590 section 3.1).
        assert_eq!(wrote.contains("<starttls"), !goes_on, "{policy:?}");
        let Some(report) = outbound.session.report() else {
            assert!(!goes_on, "{policy:?}");
            continue;
        };
        assert!(report.to_string().contains("authenticated NO"), "{report}");
        assert!(goes_on && report.awaits_dialback() && !report.is_authenticated() && !report.is_encrypted());
        let mut session = outbound.session;
        assert!(session.send(&element(MESSAGE)).is_err());
        session.send(&dialback()).unwrap();
    }
    assert_eq!(
        policy(plaintext_dialback()).warnings(),
        [PolicyWarning::Plaintext, PolicyWarning::PlaintextDialback]
    );
}

/// Half of it would be TLS required, for whoever believes it is not; nothing is said on the network.
#[test]
fn pol_06_plaintext_dialback_where_tls_is_required_is_refused() {
    let mut half = policy(plaintext_dialback());
    half.encryption = EncryptionPolicy::Required;
    let world = World::new();
    let config = Arc::new(world.client_config().with_policy(half.clone()));
    for direct in [false, true] {
        let target = Target::new(domain(DOMAIN)).from_server(domain("example.net"));
        let target = if direct { target.direct_tls() } else { target };
        let error = Session::client(config.clone(), target, world.now()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ApiMisuse(_)), "{error}");
        assert!(
            error
                .to_string()
                .contains("set EncryptionPolicy::Opportunistic as well"),
            "{error}"
        );
    }
    let server = world.server_config(&world.good_certificate()).with_policy(half);
    let error = Session::server(Arc::new(server), Mode::StartTls, world.now()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ApiMisuse(_)), "{error}");
}

/// An operator sees before switching which servers have no good certificate.
#[test]
fn a_stricter_level_can_be_rehearsed() {
    let outbound = Outbound::opened(ServerAuthentication::default(), "other.example");
    let report = outbound.session.report().unwrap();
    let lenient = policy(ServerAuthentication::default()).evaluate(report);
    assert!(lenient.awaits_dialback() && lenient.is_satisfied());
    assert!(
        lenient.to_string().contains("authentication  not yet: by dialback"),
        "{lenient}"
    );
    let strict = policy(ServerAuthentication::Certificate).evaluate(report);
    assert!(!strict.awaits_dialback());
    let finding = strict.findings().last().unwrap();
    assert_eq!(finding.rule, Rule::Authentication);
    assert!(matches!(
        finding.outcome,
        Outcome::Violated(PolicyViolation::Authentication(_))
    ));
}
