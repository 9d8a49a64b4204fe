//! Reports that say the same each time: all keys are the one RSA key that does not change, and its signatures are
//! deterministic. What still differs from run to run is the id of a stream.

use super::network::Network;
use super::{DOMAIN, World, domain};
use std::sync::Arc;
use std::time::Duration;
use xmpp_tls::danger::{PlaintextAccepted, UnverifiedPeerAccepted};
use xmpp_tls::discovery::{Answer, DnsSecurity, SrvRecord, plan};
use xmpp_tls::ledger::{Assessment, Key, Leaf, Ledger, MemoryStore, Sighting, Voucher};
use xmpp_tls::pki_types::UnixTime;
use xmpp_tls::policy::{AuthenticationPolicy, EncryptionPolicy, Policy, Resumption};
use xmpp_tls::security::{SecurityReport, Tried, View};
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig, Session, Target};
use xmpp_tls::tls::rustls::RustlsAcceptor;
use xmpp_tls::{Engine as _, Output, Side, StreamKind};
use xmpp_tls_testkit::ca::{TEST_TIME, san, test_time};
use xmpp_tls_testkit::{CaSpec, Eku, KeyKind, LeafSpec, Pair, TestCa};

const DAY: u64 = 86_400;

/// A report with what its view is given.
pub struct Case {
    pub name: &'static str,
    pub report: Arc<SecurityReport>,
    pub tried: Vec<Tried>,
    pub change: Option<Assessment>,
    pub now: UnixTime,
}

impl Case {
    fn new(name: &'static str, report: &Arc<SecurityReport>) -> Self {
        Case {
            name,
            report: report.clone(),
            tried: Vec::new(),
            change: None,
            now: test_time(),
        }
    }

    pub fn view(&self) -> View<'_> {
        let view = self.report.view().at(self.now).with_tried(&self.tried);
        match &self.change {
            Some(found) => view.with_change(found),
            None => view,
        }
    }
}

pub fn all() -> Vec<Case> {
    let mut all = vec![good(), self_signed(), resumed(), plaintext(), changed()];
    all.extend(left_to_dialback());
    all
}

fn root() -> TestCa {
    TestCa::root(CaSpec::new("Test CA").key(KeyKind::Rsa2048), TEST_TIME)
}

fn world() -> World {
    World {
        ca: root(),
        ..World::new()
    }
}

/// As a public CA issues them, for several services of the domain.
fn leaf() -> LeafSpec {
    let names = [
        "*.example.org",
        "conference.example.org",
        "upload.example.org",
        "xn--mnchen-3ya.example.org",
    ];
    let uri = |uri: &str| san::tlv(0x86, uri.as_bytes());
    // RFC 5280 sections 4.2.2.1 and 4.2.1.13.
    let ocsp = [
        san::tlv(0x06, b"\x2b\x06\x01\x05\x05\x07\x30\x01"),
        uri("http://ocsp.example.net/a"),
    ]
    .concat();
    let crl = san::tlv(0xa0, &san::tlv(0xa0, &uri("http://crl.example.net/1.crl\n")));
    let within = |der: &[u8]| san::tlv(0x30, &san::tlv(0x30, der));
    let leaf = LeafSpec::for_domain(DOMAIN)
        .key(KeyKind::Rsa2048)
        .eku(Eku::Server)
        .extension(&[1, 3, 6, 1, 5, 5, 7, 1, 1], false, within(&ocsp))
        .extension(&[2, 5, 29, 31], false, within(&crl));
    names.into_iter().fold(leaf, LeafSpec::dns).srv("_xmpp-client", DOMAIN)
}

fn secured(world: &World, client: ClientConfig, server: ServerConfig) -> (Arc<SecurityReport>, Pair<Session, Session>) {
    let client = Session::client(Arc::new(client), target(), world.now()).unwrap();
    let mut pair = Pair::new(client, world.server(server, Mode::StartTls), world.clock);
    pair.b.react(super::offer_login);
    pair.drive();
    pair.assert_no_error();
    (pair.a.engine.report().unwrap().clone(), pair)
}

/// As the DNS names it, which nobody vouches for.
fn target() -> Target {
    let target = Target::new(domain(DOMAIN));
    let records = vec![SrvRecord::new(5, 0, 5222, "xmpp.example.org.")];
    let answer = |records| Ok(Answer::new(records, DnsSecurity::Insecure));
    let found = plan(&target, answer(records), answer(Vec::new()), &mut || 0).unwrap();
    target.at(found.into_iter().next().unwrap())
}

fn recorded() -> Policy {
    let mut policy = Policy::default();
    policy.authentication = AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
    policy
}

pub fn good() -> Case {
    let world = world();
    let intermediate = world
        .ca
        .intermediate(CaSpec::new("Test intermediate").key(KeyKind::Rsa2048));
    let server = world.server_config(&intermediate.issue(leaf()));
    Case::new("good", &secured(&world, world.client_config(), server).0)
}

fn self_signed() -> Case {
    let world = world();
    let server = world.server_config(&world.ca.issue(leaf().xmpp_addr("juliet@example.org").self_signed()));
    let client = world.client_config().with_policy(recorded());
    Case {
        // Eight days before its end.
        now: UnixTime::since_unix_epoch(Duration::from_secs(TEST_TIME + 52 * DAY)),
        ..Case::new("self-signed", &secured(&world, client, server).0)
    }
}

fn resumed() -> Case {
    let world = world();
    let mut policy = Policy::default();
    policy.resumption = Resumption::Allowed;
    let issued = world.ca.issue(leaf());
    let acceptor = RustlsAcceptor::new(world.provider.clone())
        .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
        .unwrap();
    let server = ServerConfig::new(acceptor).with_policy(policy.clone());
    let client = world.client_config().with_policy(policy);
    drop(secured(&world, client.clone(), server.clone()));
    let (report, _) = secured(&world, client, server);
    assert!(report.tls().unwrap().resumed);
    Case::new("resumed", &report)
}

fn plaintext() -> Case {
    let world = world();
    let mut policy = Policy::default();
    policy.encryption = EncryptionPolicy::Opportunistic(PlaintextAccepted::anybody_may_read_and_change_the_stream());
    let config = Arc::new(world.client_config().with_policy(policy));
    let mut client = Session::client(config, Target::new(domain(DOMAIN)), world.now()).unwrap();
    let server = "<stream:stream from='example.org' id='1' version='1.0' xmlns='jabber:client' \
        xmlns:stream='http://etherx.jabber.org/streams'><stream:features>\
        <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>\
        <mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>";
    client.handle_input(world.clock.now(), server.as_bytes()).unwrap();
    while !matches!(client.poll_output().unwrap(), Output::WantsInput(_)) {}
    Case::new("plaintext", client.report().unwrap())
}

/// Both sides of a stream from a server whose certificate proves nothing, after dialback.
fn left_to_dialback() -> [Case; 2] {
    let mut network = Network::new();
    network.ca = root();
    let server = |domain| LeafSpec::for_domain(domain).key(KeyKind::Rsa2048);
    for issued in [
        ("a.example", network.ca.issue(server("a.example").self_signed())),
        ("b.example", network.ca.issue(server("b.example"))),
    ] {
        network.server(issued.0, issued.1, |_| {});
    }
    let link = network.open("a.example", "b.example");
    let link = &network.links[link];
    [
        Case {
            tried: link.inc.tried().to_vec(),
            ..Case::new("left-to-dialback", link.inc.report().unwrap())
        },
        Case {
            tried: link.out.tried().to_vec(),
            ..Case::new("accepted-by-dialback", link.out.report().unwrap())
        },
    ]
}

/// The ledger knows another key, of another authority, that is good for long.
fn changed() -> Case {
    let case = good();
    let key = Key::new(StreamKind::ClientToServer, Side::Initiating, None, domain(DOMAIN));
    let mut known = Leaf::default();
    (known.sha256, known.spki_sha256) = ([0x5e; 32], [0x5e; 32]);
    known.issuer = "CN=R11, O=Example CA".to_owned();
    known.issuer_organization = Some("Example CA".to_owned());
    known.names = vec![format!("dns:{DOMAIN}")];
    known.key_type = "ECDSA P-256".to_owned();
    known.not_after = i64::try_from(TEST_TIME + 80 * DAY).unwrap();
    let before = Sighting::from_parts(key, true, Some(known), Voucher::Anchors).unwrap();
    let ledger = Ledger::new(MemoryStore::default());
    let earlier = UnixTime::since_unix_epoch(Duration::from_secs(TEST_TIME - 2 * DAY));
    ledger.observe(&before, earlier).unwrap();
    let sighting = Sighting::of(&case.report).unwrap();
    Case {
        name: "changed",
        change: Some(ledger.observe(&sighting, test_time()).unwrap()),
        ..case
    }
}
