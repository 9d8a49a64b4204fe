//! What another server says on one stream and what becomes of it, however it is cut: `tests/vectors/federation.toml`.
//! TLS is a fake that always says the same, so that everything can be compared.

mod common;

use common::World;
use common::fake_tls::{CLIENT_HELLO, CLOSE_NOTIFY, FakeAcceptor, FakeConnector, SERVER_HELLO};
use common::network::{line, pair};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_tls::dialback::{DialbackSecret, VerificationFailure};
use xmpp_tls::federation::{Event, FederationConfig, Incoming, Outgoing, VerifyTask};
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::policy::{Policy, ServerAuthentication};
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig};
use xmpp_tls::tls::rustls::signature_algorithms;
use xmpp_tls::{Engine, Error, Now, Output, roots};
use xmpp_tls_testkit::leak::find;
use xmpp_tls_testkit::trace::Tracer;
use xmpp_tls_testkit::{Clock, Eku, Issued, LeafSpec, SplitCheck, Trace, cuts};

const OURS: &str = "ours.example";
const PEER: &str = "peer.example";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    words: BTreeMap<String, String>,
    case: Vec<Case>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    stream: Stream,
    #[serde(default)]
    certificate: Certificate,
    #[serde(default)]
    servers: Servers,
    #[serde(default)]
    bidi: bool,
    says: Vec<String>,
    waits: Option<u64>,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    writes: Vec<String>,
    #[serde(default)]
    never_writes: Vec<String>,
    error: Option<String>,
    #[serde(default)]
    cut_everywhere: bool,
}

#[derive(Debug, Default, Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Stream {
    #[default]
    Accepted,
    Opened,
    Verification,
}

#[derive(Debug, Default, Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Certificate {
    #[default]
    Good,
    SelfSigned,
    ForClients,
}

#[derive(Debug, Default, Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Servers {
    Certificate,
    #[default]
    CertificateOrDialback,
    DialbackOverTls,
}

struct Setting {
    world: World,
    verifier: IdentityVerifier,
    good: Issued,
    self_signed: Issued,
    for_clients: Issued,
}

impl Setting {
    fn new() -> Self {
        let world = World::new();
        let anchors = roots::from_pem(world.ca.anchor_pem().as_bytes()).unwrap();
        let verifier = IdentityVerifier::new(anchors, signature_algorithms(&world.provider));
        let spec = || LeafSpec::for_domain(PEER);
        Setting {
            good: world.ca.issue(spec()),
            self_signed: world.ca.issue(spec().self_signed()),
            for_clients: world.ca.issue(spec().eku(Eku::Client)),
            world,
            verifier,
        }
    }

    /// Everything anew, so that ids and numbers are the same each time.
    fn config(&self, case: &Case) -> Arc<FederationConfig> {
        let chain = match case.certificate {
            Certificate::Good => &self.good.chain,
            Certificate::SelfSigned => &self.self_signed.chain,
            Certificate::ForClients => &self.for_clients.chain,
        };
        let mut policy = Policy::default();
        policy.servers = match case.servers {
            Servers::Certificate => ServerAuthentication::Certificate,
            Servers::CertificateOrDialback => ServerAuthentication::CertificateOrDialback,
            Servers::DialbackOverTls => ServerAuthentication::DialbackOverTls,
        };
        let connector = FakeConnector {
            peer_chain: chain.clone(),
        };
        let acceptor = FakeAcceptor::new(&[OURS]).with_peer_chain(chain.clone());
        let client = ClientConfig::new(connector, self.verifier.clone()).with_policy(policy.clone());
        let server = ServerConfig::new(acceptor)
            .with_verifier(self.verifier.clone())
            .with_policy(policy);
        let secret = DialbackSecret::generate(|octets| octets.fill(7));
        let config = FederationConfig::new(Arc::new(client), Arc::new(server), secret.into());
        Arc::new(if case.bidi { config.with_bidi() } else { config })
    }

    fn now(&self, instant: Instant) -> Now {
        Now {
            instant,
            ..self.world.now()
        }
    }

    fn incoming(&self, case: &Case, now: Instant) -> Incoming {
        Incoming::new(self.config(case), Mode::DirectTls, self.now(now)).unwrap()
    }

    fn opened(&self, case: &Case, now: Instant) -> Outgoing {
        Outgoing::new(self.config(case), pair(OURS, PEER), Mode::DirectTls, self.now(now)).unwrap()
    }

    /// It is to verify a claim of the peer's already.
    fn verification(&self, case: &Case, claim: &[u8], now: Instant) -> Outgoing {
        let (config, mode) = (self.config(case), Mode::DirectTls);
        let (ours, peer) = (OURS.parse().unwrap(), PEER.parse().unwrap());
        let task = self.task(claim, now);
        let mut link = Outgoing::for_verification(config, ours, peer, mode, self.now(now)).unwrap();
        link.verify(task, None, now).unwrap();
        link
    }

    /// A claim on the second stream of a server: which is not the one that asks.
    fn task(&self, claim: &[u8], now: Instant) -> VerifyTask {
        let config = self.config(&Case {
            certificate: Certificate::SelfSigned,
            ..Case::default()
        });
        let stream = || Incoming::new(config.clone(), Mode::DirectTls, self.now(now)).unwrap();
        let (_first, mut link) = (stream(), stream());
        link.handle_input(now, claim).unwrap();
        loop {
            match link.poll_output().unwrap() {
                Output::Event(Event::Verify(task)) => return task,
                Output::WantsInput(_) => panic!("no claim"),
                _ => {}
            }
        }
    }
}

/// What the peer says inside TLS, from the end of its handshake to the end of its stream.
fn octets(case: &Case, words: &BTreeMap<String, String>) -> Vec<u8> {
    let mut octets = match case.stream {
        Stream::Accepted => CLIENT_HELLO.to_vec(),
        Stream::Opened | Stream::Verification => SERVER_HELLO.to_vec(),
    };
    for part in &case.says {
        let xml = words.get(part).unwrap_or(part);
        assert!(xml.starts_with('<'), "{}: {part}?", case.what);
        octets.extend_from_slice(xml.as_bytes());
    }
    if case.waits.is_none() {
        octets.extend_from_slice(b"</stream:stream>");
        octets.push(CLOSE_NOTIFY);
    }
    octets
}

/// Runs it whole and octet by octet, or cut at every place.
fn run<E: Engine<Event = Event, Error = Error>>(
    case: &Case,
    input: &[u8],
    make: impl Fn(Instant) -> E,
    react: impl Fn(&mut E, Event, Instant) -> String,
) -> (Trace, Option<String>) {
    let once = |chunks: &[&[u8]]| {
        let clock = Clock::new();
        let mut engine = make(clock.now());
        let mut tracer = Tracer::new(&mut engine, clock, |engine, event| react(engine, event, clock.now()));
        for chunk in chunks {
            tracer.input(chunk);
        }
        tracer.advance(Duration::from_secs(case.waits.unwrap_or_default()));
        let trace = tracer.into_trace();
        let error = trace.error().map(|_| engine.poll_output().unwrap_err().to_string());
        (trace, error)
    };
    let whole = once(&[input]);
    assert_eq!(once(&cuts::bytewise(input)), whole, "{}: octet by octet", case.what);
    if case.cut_everywhere {
        let clock = Clock::new();
        SplitCheck::new(input)
            .random_cuts(200)
            .assert(&make, |engine, event| react(engine, event, clock.now()));
    }
    whole
}

/// Nobody can be asked.
fn accepted(link: &mut Incoming, event: Event, now: Instant) -> String {
    match event {
        Event::Verify(task) => {
            let text = format!("verify {}", task.pair());
            link.conclude(task.fail(VerificationFailure::NoConnection), now)
                .unwrap();
            text
        }
        event => text(&event),
    }
}

fn opened(link: &mut Outgoing, event: Event, now: Instant) -> String {
    match event {
        Event::Verify(task) => {
            let text = format!("verify {}", task.pair());
            link.conclude(task.fail(VerificationFailure::NoConnection), now)
                .unwrap();
            text
        }
        event => text(&event),
    }
}

fn text(event: &Event) -> String {
    match event {
        Event::Rejected { pair, why } => format!("rejected {pair}: {why}"),
        Event::Verdict(verdict) => format!("verdict on {}: {:?}", verdict.pair(), verdict.finding()),
        event => line(event),
    }
}

#[test]
fn what_another_server_says_comes_to_what_the_table_says() {
    let setting = Setting::new();
    let table: Table = toml::from_str(include_str!("vectors/federation.toml")).unwrap();
    let claim = [
        CLIENT_HELLO,
        table.words["header"].as_bytes(),
        table.words["claim"].as_bytes(),
    ]
    .concat();
    let mut failures = Vec::new();
    for case in &table.case {
        let input = octets(case, &table.words);
        let (trace, error) = match case.stream {
            Stream::Accepted => run(case, &input, |now| setting.incoming(case, now), accepted),
            Stream::Opened => run(case, &input, |now| setting.opened(case, now), opened),
            Stream::Verification => run(case, &input, |now| setting.verification(case, &claim, now), opened),
        };
        let found = check(case, &trace, error.as_deref());
        failures.extend(found.map(|found| format!("{}: {found}\n{error:?}\n{trace}", case.what)));
    }
    assert!(
        failures.is_empty(),
        "{} failed\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert_eq!(table.case.len(), 69);
}

/// What is not as it should be.
fn check(case: &Case, trace: &Trace, error: Option<&str>) -> Option<String> {
    let events = trace.events();
    // Each begins with TLS, and a good stream ends with its closing tag.
    let events: Vec<_> = events
        .iter()
        .filter(|event| !event.starts_with("secured") && !event.starts_with("closed Properly"))
        .collect();
    if events != case.events.iter().collect::<Vec<_>>() {
        return Some(format!("the events are {events:#?}"));
    }
    let mut rest = trace.transmitted();
    let whole = rest.clone();
    for part in &case.writes {
        match find(&rest, part.as_bytes()) {
            Some(at) => rest = rest.split_off(at + part.len()),
            None => return Some(format!("it does not write {part} there")),
        }
    }
    if let Some(part) = case
        .never_writes
        .iter()
        .find(|part| find(&whole, part.as_bytes()).is_some())
    {
        return Some(format!("it writes {part}"));
    }
    match (error, &case.error) {
        (None, None) => None,
        (Some(found), Some(expected)) if found.contains(expected.as_str()) => None,
        (found, expected) => Some(format!("the error is {found:?}, not {expected:?}")),
    }
}
