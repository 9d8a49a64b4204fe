//! A server with three streams to others, one that it accepted, one that it opened for stanzas and one for verification,
//! and whatever the peers, the clock and the application do to them: no panic, no endless polling, errors poison;
//! a stanza is taken from an authenticated pair alone, a pair is authenticated by a certificate that is good for it
//! or by a verdict that came home, and a verdict is good only if somebody said so on the stream that we opened.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use xmpp_dialback::Finding;
use xmpp_tls::federation::{
    DialbackSecret, Event, FederationConfig, Incoming, Method, Outgoing, Pair, Verdict, VerificationFailure, VerifyTask,
};
use xmpp_tls::identity::{IdentityVerifier, trust_anchor};
use xmpp_tls::policy::{Policy, ServerAuthentication};
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig};
use xmpp_tls::stream::Element;
use xmpp_tls::{Engine, Error, Now, Output, StreamKind};
use xmpp_tls_testkit::ca::test_time;
use xmpp_tls_testkit::leak::find;
use xmpp_tls_testkit::{Clock, Issued, LeafSpec, TestCa};

#[path = "../../tests/common/fake_tls.rs"]
#[allow(dead_code, unreachable_pub)]
mod fake_tls;
#[path = "support/server_talk.rs"]
#[allow(unreachable_pub)]
mod server_talk;
use fake_tls::{CLIENT_HELLO, CLOSE_NOTIFY, FakeAcceptor, FakeConnector, SERVER_HELLO};
use server_talk::{Addresses, OURS, PEER, Say, domain, xml};

#[derive(Arbitrary, Debug)]
struct Input {
    direct_tls: bool,
    bidi: bool,
    good_certificate: bool,
    servers: Servers,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Servers {
    Certificate,
    CertificateOrDialback,
    DialbackOverTls,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Which {
    Accepted,
    Opened,
    Verification,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// What a peer of good will says until features and proofs are next.
    Begin(Which),
    Say(Which, Say),
    /// Bytes of the peer's own making.
    Bytes(Which, Vec<u8>),
    Eof(Which),
    Close(Which),
    Wait(u8),
    /// We claim a further pair.
    Claim {
        from: u8,
        to: u8,
    },
    /// We send, or try to.
    Send(Which, Addresses),
    /// A claim of the peer's cannot be verified.
    GiveUp,
}

struct World {
    verifier: IdentityVerifier,
    good: Issued,
    bad: Issued,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let ca = TestCa::new("root");
    let algorithms = rustls::crypto::ring::default_provider()
        .signature_verification_algorithms
        .all;
    World {
        verifier: IdentityVerifier::new(vec![trust_anchor(ca.anchor()).expect("an anchor")], algorithms),
        good: ca.issue(LeafSpec::for_domain(PEER)),
        bad: ca.issue(LeafSpec::for_domain(PEER).self_signed()),
    }
});

fn config(input: &Input) -> Arc<FederationConfig> {
    let mut policy = Policy::default();
    policy.servers = match input.servers {
        Servers::Certificate => ServerAuthentication::Certificate,
        Servers::CertificateOrDialback => ServerAuthentication::CertificateOrDialback,
        Servers::DialbackOverTls => ServerAuthentication::DialbackOverTls,
    };
    let chain = if input.good_certificate {
        &WORLD.good.chain
    } else {
        &WORLD.bad.chain
    };
    let connector = FakeConnector {
        peer_chain: chain.clone(),
    };
    let client = ClientConfig::new(connector, WORLD.verifier.clone()).with_policy(policy.clone());
    let acceptor = FakeAcceptor::new(&[OURS]).with_peer_chain(chain.clone());
    let server = ServerConfig::new(acceptor)
        .with_verifier(WORLD.verifier.clone())
        .with_policy(policy);
    let secret = DialbackSecret::generate(|octets| octets.fill(7));
    let config = FederationConfig::new(Arc::new(client), Arc::new(server), secret.into());
    Arc::new(if input.bidi { config.with_bidi() } else { config })
}

/// One stream: what it heard and wrote, and what it reported.
struct Stream<E> {
    engine: E,
    heard: Vec<u8>,
    wrote: Vec<u8>,
    secured: bool,
    accepted: BTreeSet<Pair>,
    authenticated: BTreeSet<Pair>,
    error: Option<String>,
}

trait Link: Engine<Event = Event, Error = Error> {
    const ACCEPTED: bool;
}

impl Link for Incoming {
    const ACCEPTED: bool = true;
}

impl Link for Outgoing {
    const ACCEPTED: bool = false;
}

const ENOUGH: usize = 100_000;

/// What concerns other streams, and what has to be true of it.
struct Facts {
    good_certificate: bool,
    bidi: bool,
    certificates_count: bool,
    dialback_counts: bool,
    claims: Vec<VerifyTask>,
    verdicts: Vec<Verdict>,
    /// Found valid, on the stream for verification.
    confirmed: BTreeSet<Pair>,
}

impl<E: Link> Stream<E> {
    fn new(engine: E) -> Self {
        Stream {
            engine,
            heard: Vec::new(),
            wrote: Vec::new(),
            secured: false,
            accepted: BTreeSet::new(),
            authenticated: BTreeSet::new(),
            error: None,
        }
    }

    fn poll(&mut self, facts: &mut Facts) {
        for _ in 0..ENOUGH {
            match self.engine.poll_output() {
                Ok(Output::Transmit(bytes)) => {
                    assert!(self.error.is_none() && !bytes.is_empty());
                    self.wrote.extend_from_slice(&bytes);
                }
                Ok(Output::Event(event)) => {
                    assert!(self.error.is_none());
                    self.event(event, facts);
                }
                Ok(Output::WantsInput(_)) => return,
                Err(error) => {
                    let error = error.to_string();
                    assert!(self.error.as_ref().is_none_or(|earlier| *earlier == error));
                    self.error = Some(error);
                    return;
                }
            }
        }
        panic!("it never comes to rest");
    }

    fn event(&mut self, event: Event, facts: &mut Facts) {
        match event {
            Event::Secured(_) => {
                let hello = if E::ACCEPTED { CLIENT_HELLO } else { SERVER_HELLO };
                assert!(find(&self.heard, hello).is_some(), "secured without TLS");
                assert!(!std::mem::replace(&mut self.secured, true), "secured twice");
                return;
            }
            Event::Plaintext(_) => panic!("went on without TLS"),
            Event::Closed(_) => return,
            _ => assert!(self.secured, "{event:?} before TLS"),
        }
        match event {
            Event::Accepted(known) => {
                assert_eq!(known.pair.originating.as_str(), OURS);
                let said = match known.by {
                    Method::External => facts.certificates_count && find(&self.heard, b"success").is_some(),
                    _ => facts.dialback_counts && find(&self.heard, b"valid").is_some(),
                };
                assert!(said, "accepted {known} by nobody");
                self.accepted.insert(known.pair);
            }
            Event::Authenticated(known) => {
                assert_eq!(known.pair.receiving.as_str(), OURS);
                let proved = facts.good_certificate && known.pair.originating.as_str() == PEER;
                match known.by {
                    Method::External => assert!(E::ACCEPTED && proved && facts.certificates_count, "{known}"),
                    Method::Certificate => assert!(proved && facts.certificates_count, "{known}"),
                    _ => assert!(
                        facts.dialback_counts && facts.confirmed.contains(&known.pair),
                        "{known}"
                    ),
                }
                self.authenticated.insert(known.pair);
            }
            Event::Stanza(stanza) => {
                let pair = Pair::of_stanza(&stanza).expect("addresses");
                // The other direction of a stream that we opened (XEP-0288), if it takes both.
                let back = !E::ACCEPTED && facts.bidi && self.accepted.contains(&pair.inverse());
                assert!(
                    back || self.authenticated.contains(&pair),
                    "a stanza of {pair}, which nobody proved"
                );
            }
            Event::Verify(task) => facts.claims.push(task),
            Event::Verdict(verdict) => {
                if matches!(verdict.finding(), Finding::Valid(_)) {
                    facts.confirmed.insert(verdict.pair().clone());
                }
                facts.verdicts.push(verdict);
            }
            _ => {}
        }
    }

    fn input(&mut self, bytes: &[u8], clock: Clock) {
        self.heard.extend_from_slice(bytes);
        drop(self.engine.handle_input(clock.now(), bytes));
    }

    fn say(&mut self, say: &Say, clock: Clock) {
        let text = match say {
            Say::Hello => return self.input(if E::ACCEPTED { CLIENT_HELLO } else { SERVER_HELLO }, clock),
            Say::CloseNotify => return self.input(&[CLOSE_NOTIFY], clock),
            say => xml(say, &self.last_id()),
        };
        self.input(text.as_bytes(), clock);
    }

    /// The id in the last `db:verify` that we wrote.
    fn last_id(&self) -> String {
        let wrote = String::from_utf8_lossy(&self.wrote);
        let asked = wrote
            .rsplit_once("<db:verify")
            .map(|(_, asked)| asked.to_owned())
            .unwrap_or_default();
        asked
            .split("id='")
            .nth(1)
            .and_then(|id| id.split('\'').next())
            .unwrap_or("one")
            .to_owned()
    }

    /// Up to where features and proofs are next.
    fn begin(&mut self, direct_tls: bool, clock: Clock, facts: &mut Facts) {
        let starttls: &[Say] = match (direct_tls, E::ACCEPTED) {
            (true, _) => &[],
            (false, true) => &[Say::Header, Say::StartTls],
            (false, false) => &[
                Say::Header,
                Say::Features {
                    external: false,
                    bidi: false,
                    dialback: false,
                },
                Say::Proceed,
            ],
        };
        for say in starttls.iter().chain(&[Say::Hello, Say::Header]) {
            self.say(say, clock);
            self.poll(facts);
        }
    }
}

/// The same for whichever stream it is.
macro_rules! on {
    ($which:expr, $streams:expr, $stream:ident => $do:expr) => {
        match $which {
            Which::Accepted => {
                let $stream = &mut $streams.0;
                $do
            }
            Which::Opened => {
                let $stream = &mut $streams.1;
                $do
            }
            Which::Verification => {
                let $stream = &mut $streams.2;
                $do
            }
        }
    };
}

fuzz_target!(|input: Input| {
    let mut clock = Clock::new();
    let now = Now {
        instant: clock.now(),
        wall: test_time(),
    };
    let mode = if input.direct_tls {
        Mode::DirectTls
    } else {
        Mode::StartTls
    };
    let config = config(&input);
    let ours = || OURS.parse().expect("a domain");
    let peer = || PEER.parse().expect("a domain");
    let mut streams = (
        Stream::new(Incoming::new(config.clone(), mode, now).expect("a stream")),
        Stream::new(Outgoing::new(config.clone(), Pair::new(ours(), peer()), mode, now).expect("a stream")),
        Stream::new(Outgoing::for_verification(config, ours(), peer(), mode, now).expect("a stream")),
    );
    let mut facts = Facts {
        good_certificate: input.good_certificate,
        bidi: input.bidi,
        certificates_count: !matches!(input.servers, Servers::DialbackOverTls),
        dialback_counts: !matches!(input.servers, Servers::Certificate),
        claims: Vec::new(),
        verdicts: Vec::new(),
        confirmed: BTreeSet::new(),
    };
    settle(&mut streams, &mut facts, clock);
    for step in &input.steps {
        match step {
            Step::Begin(which) => on!(which, streams, stream => stream.begin(input.direct_tls, clock, &mut facts)),
            Step::Say(which, say) => on!(which, streams, stream => stream.say(say, clock)),
            Step::Bytes(which, bytes) => on!(which, streams, stream => stream.input(bytes, clock)),
            Step::Eof(which) => on!(which, streams, stream => drop(stream.engine.handle_eof(clock.now()))),
            Step::Close(which) => on!(which, streams, stream => drop(stream.engine.close(clock.now()))),
            Step::Wait(seconds) => {
                clock.advance(Duration::from_secs(u64::from(*seconds)));
                for which in [Which::Accepted, Which::Opened, Which::Verification] {
                    on!(which, streams, stream => drop(stream.engine.handle_timeout(clock.now())));
                }
            }
            Step::Claim { from, to } => {
                let pair = Pair::new(
                    domain(*from).parse().expect("a domain"),
                    domain(*to).parse().expect("a domain"),
                );
                drop(streams.1.engine.claim(pair, clock.now()));
            }
            Step::Send(which, addresses) => {
                let element =
                    Element::parse(StreamKind::ServerToServer, xml(&Say::Stanza(*addresses), "")).expect("a stanza");
                let pair = Pair::of_stanza(&element).expect("addresses");
                on!(which, streams, stream => {
                    let back = facts.bidi && stream.authenticated.contains(&pair.inverse());
                    let sent = stream.engine.send(&element).is_ok();
                    assert!(!sent || back || stream.accepted.contains(&pair), "sent to nobody: {pair}");
                });
            }
            Step::GiveUp => {
                if let Some(task) = facts.claims.pop() {
                    facts.verdicts.push(task.fail(VerificationFailure::NoConnection));
                }
            }
        }
        settle(&mut streams, &mut facts, clock);
    }
    if streams.0.error.is_some() {
        streams.0.input(b"<presence/>", clock);
        settle(&mut streams, &mut facts, clock);
    }
});

/// What an application does with claims and verdicts, until nothing is left to do.
fn settle(streams: &mut (Stream<Incoming>, Stream<Outgoing>, Stream<Outgoing>), facts: &mut Facts, clock: Clock) {
    for _ in 0..ENOUGH {
        streams.0.poll(facts);
        streams.1.poll(facts);
        let confirmed = facts.confirmed.len();
        assert_eq!(streams.0.error.is_some(), streams.0.engine.poll_output().is_err());
        streams.2.poll(facts);
        if facts.confirmed.len() > confirmed {
            assert!(find(&streams.2.heard, SERVER_HELLO).is_some(), "a verdict without TLS");
        }
        if facts.verdicts.is_empty() && facts.claims.iter().all(|task| task.domain().as_str() != PEER) {
            return;
        }
        for verdict in std::mem::take(&mut facts.verdicts) {
            drop(match verdict.stream() == streams.0.engine.number() {
                true => streams.0.engine.conclude(verdict, clock.now()),
                false => streams.1.engine.conclude(verdict, clock.now()),
            });
        }
        let (asked, others) = std::mem::take(&mut facts.claims)
            .into_iter()
            .partition(|task| task.domain().as_str() == PEER);
        facts.claims = others;
        let shown = if facts.good_certificate {
            &WORLD.good.chain[0]
        } else {
            &WORLD.bad.chain[0]
        };
        for task in Vec::<VerifyTask>::into_iter(asked) {
            if let Err(refused) = streams.2.engine.verify(task, Some(shown), clock.now()) {
                facts.verdicts.push(refused.task.fail(VerificationFailure::Busy));
            }
        }
    }
    panic!("claims without end");
}
