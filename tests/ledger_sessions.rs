//! A ledger beside real sessions: a change is told before anything is said, and nothing else depends on it.

mod common;

use common::{DOMAIN, World, domain, element};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use xmpp_tls::danger::{PlaintextAccepted, UnverifiedPeerAccepted};
use xmpp_tls::identity::{IdentityVerifier, Pin, Pins, Purpose, ReferenceIds};
use xmpp_tls::ledger::{
    AuthenticatedBy, CertificateLedger, Change, ChangePolicy, Decision, Key, Leaf, Ledger, LedgerError,
    LedgerErrorKind, LedgerStore, MemoryStore, Reaction, Record, Refusal, Sighting, Voucher,
};
use xmpp_tls::pki_types::UnixTime;
use xmpp_tls::policy::{AuthenticationPolicy, EncryptionPolicy, Policy, Resumption};
use xmpp_tls::security::SecurityReport;
use xmpp_tls::session::{ClientConfig, Event, Mode, ServerConfig, Session, Target};
use xmpp_tls::{ErrorKind, Now, Side, StreamKind, roots};
use xmpp_tls_testkit::ca::{TEST_TIME, test_time};
use xmpp_tls_testkit::{CaSpec, Issued, LeafSpec, Pair, TestCa};

const DAY: u64 = 86_400;

fn day(day: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(TEST_TIME + day * DAY))
}

/// A domain, and the public authorities that its clients trust.
struct Internet {
    world: World,
    authority: TestCa,
    other: TestCa,
}

/// What a client saw, in the order in which it happened.
#[derive(Debug, Default, PartialEq)]
struct Log(Vec<String>);

impl Internet {
    fn new() -> Self {
        let authority = |name: &str| {
            let root = TestCa::root(CaSpec::new(name).organization(name), TEST_TIME);
            root.intermediate(CaSpec::new("R10").organization(name))
        };
        Internet {
            world: World::new(),
            authority: authority("Example CA"),
            other: authority("Other CA"),
        }
    }

    /// Valid for 90 days from this day on.
    fn leaf(&self, from: u64) -> LeafSpec {
        LeafSpec::for_domain(DOMAIN).validity(TEST_TIME + from * DAY, TEST_TIME + (from + 90) * DAY)
    }

    fn client(&self) -> ClientConfig {
        let pem = self.authority.anchor_pem() + &self.other.anchor_pem();
        ClientConfig::rustls(self.world.provider.clone(), roots::from_pem(pem.as_bytes()).unwrap())
    }

    fn now(&self, wall: UnixTime) -> Now {
        Now {
            instant: self.world.clock.now(),
            wall,
        }
    }

    /// A client that asks the ledger when it is secured, and logs in where it may.
    fn connect(&self, ledger: &Ledger, server: &Issued, wall: UnixTime) -> (Log, Pair<Session, Session>) {
        let client = Session::client(Arc::new(self.client()), Target::new(domain(DOMAIN)), self.now(wall)).unwrap();
        let server = Arc::new(self.world.server_config(server));
        let server = Session::server(server, Mode::StartTls, self.now(wall)).unwrap();
        let mut pair = Pair::new(client, server, self.world.clock);
        pair.b.react(common::offer_login);
        let log = Rc::new(RefCell::new(Log::default()));
        let (seen, ledger) = (log.clone(), ledger.clone());
        let mut refused = false;
        pair.a.react(move |session, event| {
            let entry = match event {
                Event::Secured(report) => match ledger.decide(report, wall) {
                    Ok(Decision::Compared(found)) => format!("{:?}: {:?}", found.reaction, found.changes),
                    Ok(other) => format!("{other:?}"),
                    Err(refusal) => {
                        refused = true;
                        format!("refused: {refusal}")
                    }
                },
                Event::Features(_) if !refused => {
                    session
                        .send(&element(
                            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AGEAYg==</auth>",
                        ))
                        .unwrap();
                    "logs in".to_owned()
                }
                _ => return,
            };
            seen.borrow_mut().0.push(entry);
        });
        pair.drive();
        pair.assert_no_error();
        pair.a.react(|_, _| {});
        let log = Rc::into_inner(log).unwrap().into_inner();
        (log, pair)
    }

    fn report(&self, config: ClientConfig, target: Target, server: ServerConfig) -> Arc<SecurityReport> {
        let mode = target.mode();
        let client = Session::client(Arc::new(config), target, self.now(test_time())).unwrap();
        let server = Session::server(Arc::new(server), mode, self.now(test_time())).unwrap();
        let mut pair = Pair::new(client, server, self.world.clock);
        pair.drive();
        pair.a.engine.report().unwrap().clone()
    }
}

fn heard_a_login(pair: &Pair<Session, Session>) -> bool {
    pair.b.events.iter().any(|event| matches!(event, Event::Element(_)))
}

fn key() -> Key {
    Key::new(StreamKind::ClientToServer, Side::Initiating, None, domain(DOMAIN))
}

/// Failure 29: somebody between, with valid certificates, as at jabber.ru in 2023.
#[test]
fn an_interception_with_a_valid_certificate_is_told_before_login_and_refused_where_policy_says_so() {
    let internet = Internet::new();
    let real = internet.authority.issue(internet.leaf(0));
    for (authority, what) in [
        (&internet.other, "{IssuerAndKeyChanged, KeyChangedEarly}"),
        (&internet.authority, "{KeyChangedEarly}"),
    ] {
        let between = authority.issue(internet.leaf(18));
        let lenient = Ledger::new(MemoryStore::default());
        let strict = Ledger::new(MemoryStore::default()).with_policy(ChangePolicy::strict());
        for ledger in [&lenient, &strict] {
            let (log, pair) = internet.connect(ledger, &real, day(1));
            assert_eq!(log.0, ["Inform: {FirstSeen}", "logs in"]);
            assert!(heard_a_login(&pair));
        }
        let (log, pair) = internet.connect(&lenient, &between, day(20));
        assert_eq!(log.0, [format!("Warn: {what}"), "logs in".to_owned()]);
        assert!(
            pair.a.engine.report().unwrap().is_authenticated(),
            "the chain is as good as the real one"
        );
        for _ in 0..2 {
            let (log, pair) = internet.connect(&strict, &between, day(20));
            assert_eq!(log.0.len(), 1, "{log:?}");
            assert!(
                log.0[0].starts_with("refused: example.org (c2s, outbound): REFUSED: a new key"),
                "{log:?}"
            );
            assert!(!heard_a_login(&pair), "the password went to somebody else");
        }
        // The real server is still itself.
        for ledger in [&lenient, &strict] {
            let (log, _) = internet.connect(ledger, &real, day(21));
            assert_eq!(log.0, ["Inform: {Unchanged}", "logs in"]);
        }
    }
}

#[test]
fn a_normal_renewal_stays_calm() {
    let internet = Internet::new();
    let ledger = Ledger::new(MemoryStore::default()).with_policy(ChangePolicy::strict());
    let first = internet.authority.issue(internet.leaf(0));
    let same_key = internet.authority.issue(internet.leaf(61).same_key_as(&first));
    let intermediate = CaSpec::new("R11").organization("Example CA");
    let new_key = internet.authority.intermediate(intermediate).issue(internet.leaf(122));
    for (certificate, at, expected) in [
        (&first, 1, "Inform: {FirstSeen}"),
        (&first, 60, "Inform: {Unchanged}"),
        (&same_key, 61, "Inform: {Renewed}"),
        (&new_key, 122, "Inform: {KeyRotated}"),
    ] {
        let (log, pair) = internet.connect(&ledger, certificate, day(at));
        assert_eq!(log.0, [expected, "logs in"], "day {at}");
        assert!(heard_a_login(&pair));
    }
}

#[test]
fn what_is_remembered_never_makes_a_failed_check_good() {
    let internet = Internet::new();
    let bad = internet.authority.issue(LeafSpec::for_domain(DOMAIN).self_signed());
    let mut recorded = Policy::default();
    recorded.authentication = AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
    let config = internet.client().with_policy(recorded);
    let server = || internet.world.server_config(&bad);
    let report = internet.report(config.clone(), Target::new(domain(DOMAIN)), server());
    let ledger = Ledger::new(MemoryStore::default());
    let Ok(Decision::Compared(first)) = ledger.decide(&report, test_time()) else {
        panic!()
    };
    assert_eq!(
        (first.voucher, first.changes.gravest()),
        (Voucher::Nobody, Some(Change::FirstSeen))
    );
    let spki = first.shown.unwrap().spki_sha256;
    assert!(ledger.acknowledge(&key(), &spki, "ops", test_time()).unwrap());

    let report = internet.report(config, Target::new(domain(DOMAIN)), server());
    let Ok(Decision::Compared(again)) = ledger.decide(&report, test_time()) else {
        panic!()
    };
    assert_eq!(again.reaction, Reaction::Inform);
    assert!(!report.is_authenticated() && !Policy::default().evaluate(&report).is_satisfied());
    // And a session that requires a good certificate fails as ever.
    let client = internet.world.client(internet.client(), Mode::StartTls);
    let mut pair = Pair::new(
        client,
        internet.world.server(server(), Mode::StartTls),
        internet.world.clock,
    );
    pair.drive();
    assert!(matches!(
        pair.a.error.as_ref().unwrap().kind(),
        ErrorKind::Tls(_) | ErrorKind::Identity(_)
    ));
}

#[test]
fn a_resumed_session_is_no_sighting() {
    let internet = Internet::new();
    let mut allowed = Policy::default();
    allowed.resumption = Resumption::Allowed;
    let config = internet.client().with_policy(allowed.clone());
    let server = internet
        .world
        .server_config(&internet.authority.issue(internet.leaf(0)))
        .with_policy(allowed);
    let report = || internet.report(config.clone(), Target::new(domain(DOMAIN)), server.clone());
    let (first, second) = (report(), report());
    assert!(second.tls().unwrap().resumed);

    let ledger = Ledger::new(MemoryStore::default());
    ledger.decide(&second, day(1)).unwrap();
    assert_eq!(ledger.record(&key()).unwrap(), None, "first seen in a resumed session");
    ledger.decide(&first, day(1)).unwrap();
    let known = ledger.record(&key()).unwrap();
    let Ok(Decision::Compared(found)) = ledger.decide(&second, day(2)) else {
        panic!()
    };
    assert_eq!(found.changes.gravest(), Some(Change::Unchanged));
    assert_eq!(ledger.record(&key()).unwrap(), known, "seen again in a resumed session");
}

/// PIN-11: a `from` alone is not written down.
#[test]
fn what_an_inbound_peer_claims_is_not_written_down() {
    let internet = Internet::new();
    let server = internet
        .world
        .server_config(&internet.authority.issue(internet.leaf(0)));
    let pair = {
        let mut pair = internet.world.pair(internet.client(), server, Mode::StartTls);
        pair.drive();
        pair
    };
    let report = pair.b.engine.report().unwrap();
    let ledger = Ledger::new(MemoryStore::default());
    assert!(Sighting::of(report).is_none());
    assert!(matches!(ledger.decide(report, test_time()), Ok(Decision::NotYet)));
    assert_eq!(ledger.records().count(), 0);

    let peer = domain("peer.example");
    let verify = |names: LeafSpec| {
        let algorithms = xmpp_tls::tls::rustls::signature_algorithms(&internet.world.provider);
        let anchors = roots::from_pem(internet.authority.anchor_pem().as_bytes()).unwrap();
        let references = ReferenceIds::new(&peer, StreamKind::ServerToServer);
        let chain = internet.authority.issue(names).chain;
        IdentityVerifier::new(anchors, algorithms).verify(&chain, &references, Purpose::Server, test_time())
    };
    let proved = verify(LeafSpec::for_domain("peer.example"));
    assert!(proved.is_authenticated(), "{proved}");
    let sighting = Sighting::by_certificate(report, &proved).unwrap();
    assert_eq!(
        (sighting.key().remote(), sighting.key().side()),
        (&peer, Side::Receiving)
    );
    assert_eq!(sighting.authenticated_by(), AuthenticatedBy::Certificate);
    assert_eq!(
        Sighting::by_certificate(report, &verify(LeafSpec::for_domain("other.example"))),
        None
    );
    let by_dialback = Sighting::by_dialback(report, peer.clone()).unwrap();
    assert_eq!(by_dialback.authenticated_by(), AuthenticatedBy::Dialback);
    let claim = Key::new(StreamKind::ServerToServer, Side::Receiving, None, peer);
    assert_eq!(
        Sighting::from_parts(claim, true, Some(Leaf::default()), Voucher::Nobody),
        None
    );
    // Outbound, dialback says nothing about the peer.
    let ours = pair.a.engine.report().unwrap();
    assert_eq!(Sighting::by_dialback(ours, domain("peer.example")), None);
    assert_eq!(Sighting::by_certificate(ours, &proved), None);
}

#[test]
fn a_report_says_who_vouched_and_who_speaks() {
    let internet = Internet::new();
    let issued = internet.authority.issue(internet.leaf(0));
    let pin = Pin::key_of(issued.leaf()).unwrap();
    let pinned = |pins: Pins| {
        let mut config = internet.client();
        config.verifier = config.verifier.with_source(pins.pin(domain(DOMAIN), [pin]));
        config
    };
    for (config, expected) in [
        (internet.client(), Voucher::Anchors),
        (pinned(Pins::new()), Voucher::Pin),
        (pinned(Pins::besides_pkix()), Voucher::Pin),
    ] {
        let report = internet.report(
            config,
            Target::new(domain(DOMAIN)),
            internet.world.server_config(&issued),
        );
        let sighting = Sighting::of(&report).unwrap();
        assert_eq!(sighting.voucher(), expected, "{:?}", report.trust());
        assert_eq!(*sighting.key(), key());
        let leaf = sighting.leaf().unwrap();
        assert_eq!(Pin::Key(leaf.spki_sha256), pin);
        assert_eq!(leaf.issuer_organization.as_deref(), Some("Example CA"));
        assert_eq!(leaf.names, ["dns:example.org"]);
        assert!(leaf.issuer_key.is_some() && leaf.key_bits == 256);
    }
}

#[test]
fn an_unencrypted_stream_where_there_was_tls_is_a_loss() {
    let internet = Internet::new();
    let ledger = Ledger::new(MemoryStore::default()).with_policy(ChangePolicy::strict());
    let issued = internet.authority.issue(internet.leaf(0));
    internet.connect(&ledger, &issued, day(1));
    let mut opportunistic = Policy::default();
    opportunistic.encryption =
        EncryptionPolicy::Opportunistic(PlaintextAccepted::anybody_may_read_and_change_the_stream());
    let config = internet.client().with_policy(opportunistic);
    let mut session = internet.world.client(config, Mode::StartTls);
    let plain = "<stream:stream from='example.org' id='1' version='1.0' xmlns='jabber:client' \
        xmlns:stream='http://etherx.jabber.org/streams'><stream:features/>";
    let report = loop {
        use xmpp_tls::{Engine as _, Output};
        match session.poll_output().unwrap() {
            Output::Event(Event::Plaintext(report)) => break report,
            Output::Event(_) | Output::Transmit(_) => {}
            Output::WantsInput(_) => session
                .handle_input(internet.world.clock.now(), plain.as_bytes())
                .unwrap(),
        }
    };
    let Err(Refusal::Changed(found)) = ledger.decide(&report, day(2)) else {
        panic!()
    };
    let expected = [Change::EncryptionLost, Change::AuthenticationLost];
    assert_eq!(found.changes.iter().collect::<Vec<_>>(), expected);
}

/// A store that cannot be read.
#[derive(Debug)]
struct Broken;

impl Broken {
    fn error<T>(&self) -> Result<T, LedgerError> {
        Err(LedgerErrorKind::Store("the database is down".to_owned()).into())
    }
}

impl LedgerStore for Broken {
    fn read(&self, _: &Key) -> Result<Option<Record>, LedgerError> {
        self.error()
    }

    fn replace(&self, _: &Key, _: Option<&Record>, _: Option<&Record>) -> Result<bool, LedgerError> {
        self.error()
    }

    fn page(&self, _: Option<&Key>, _: usize) -> Result<Vec<(Key, Record)>, LedgerError> {
        self.error()
    }

    fn len(&self) -> Result<u64, LedgerError> {
        self.error()
    }
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let internet = Internet::new();
    let server = internet
        .world
        .server_config(&internet.authority.issue(internet.leaf(0)));
    let report = internet.report(internet.client(), Target::new(domain(DOMAIN)), server);
    let lenient = Ledger::new(Broken);
    assert!(matches!(
        lenient.decide(&report, test_time()),
        Ok(Decision::NotCompared(_))
    ));
    let strict: Arc<dyn CertificateLedger> = Arc::new(Ledger::new(Broken).with_policy(ChangePolicy::strict()));
    let Err(refusal) = strict.decide(&report, test_time()).await else {
        panic!()
    };
    assert!(refusal.to_string().contains("the database is down"), "{refusal}");
    assert!(lenient.export().is_err() && lenient.records().next().unwrap().is_err());
}
