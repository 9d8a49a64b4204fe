//! A session of either role, under any sequence of what a peer, the clock and the application can do: no
//! panic, no endless polling, errors poison, nothing counts as secured without TLS, and nothing of the
//! application leaves before that, or ever to another server that nobody vouches for.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use xmpp_tls::identity::{IdentityVerifier, trust_anchor};
use xmpp_tls::session::{ClientConfig, Event, Mode, ServerConfig, Session, Target};
use xmpp_tls::stream::{Element, Limits, StreamDecoder, StreamEvent};
use xmpp_tls::{Engine, Now, Output, StreamKind, ns};
use xmpp_tls_testkit::ca::test_time;
use xmpp_tls_testkit::leak::find;
use xmpp_tls_testkit::{Clock, Issued, LeafSpec, TestCa};

#[path = "../../tests/common/fake_tls.rs"]
#[allow(dead_code, unreachable_pub)]
mod fake_tls;
use fake_tls::{CLIENT_HELLO, CLOSE_NOTIFY, FakeAcceptor, FakeConnector, SERVER_HELLO};

#[derive(Arbitrary, Debug)]
struct Input {
    client: bool,
    direct_tls: bool,
    server_to_server: bool,
    bad_certificate: bool,
    /// How far a peer of good will takes it before the steps begin: deep states are hard to guess.
    good_will: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// Bytes of the peer's own making.
    Bytes(Vec<u8>),
    /// What a peer of good will says, as far as it goes.
    Say(Say),
    Eof,
    Wait(u8),
    Timeout,
    Poll(u8),
    Send,
    Keepalive,
    Restart,
    Close,
}

#[derive(Arbitrary, Debug)]
enum Say {
    Header,
    Features,
    StartTls,
    Proceed,
    Hello,
    Success,
    Element,
    Error,
    Closing,
    CloseNotify,
}

/// What a peer of good will says, from the first octet to an open stream behind SASL.
fn good_will(client: bool, direct_tls: bool) -> Vec<Say> {
    use Say::{Features, Header, Hello, Proceed, StartTls, Success};
    match (client, direct_tls) {
        (true, false) => vec![Header, Features, Proceed, Hello, Header, Features, Success],
        (true, true) => vec![Hello, Header, Features, Success],
        (false, false) => vec![Header, StartTls, Hello, Header],
        (false, true) => vec![Hello, Header],
    }
}

const SECRET: &str = "the-secret-of-the-application";

struct World {
    verifier: IdentityVerifier,
    good: Issued,
    bad: Issued,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let ca = TestCa::new("root");
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    World {
        verifier: IdentityVerifier::new(vec![trust_anchor(ca.anchor()).expect("an anchor")], algorithms),
        good: ca.issue(LeafSpec::for_domain("example.org")),
        bad: ca.issue(LeafSpec::for_domain("wrong.example")),
    }
});

fn session(input: &Input, now: Now) -> Session {
    let mode = if input.direct_tls { Mode::DirectTls } else { Mode::StartTls };
    if !input.client {
        let config = ServerConfig::new(FakeAcceptor::new(&["example.org"]));
        return Session::server(Arc::new(config), mode, now).expect("a server session");
    }
    let issued = if input.bad_certificate { &WORLD.bad } else { &WORLD.good };
    let connector = FakeConnector { peer_chain: issued.chain.clone() };
    let config = ClientConfig::new(connector, WORLD.verifier.clone());
    // An address of its own makes the header inside TLS differ from the one in clear.
    let mut target = Target::new("example.org".parse().expect("a domain")).with_account(format!("{SECRET}@example.org"));
    if input.direct_tls {
        target = target.direct_tls();
    }
    if input.server_to_server {
        target = target.from_server("a.example".parse().expect("a domain"));
    }
    Session::client(Arc::new(config), target, now).expect("a client session")
}

/// The session, what it heard and what it wrote.
struct Run {
    session: Session,
    clock: Clock,
    client: bool,
    bad_certificate: bool,
    /// Another server with a bad certificate: the policy leaves it to dialback, which never happens here.
    nobody: bool,
    heard: Vec<u8>,
    wrote: Vec<u8>,
    secured: bool,
    error: Option<String>,
}

impl Run {
    fn poll(&mut self, most: usize) {
        for _ in 0..most {
            match self.session.poll_output() {
                Ok(Output::Transmit(bytes)) => {
                    assert!(self.error.is_none() && !bytes.is_empty());
                    self.wrote.extend_from_slice(&bytes);
                    if !self.secured {
                        assert!(find(&self.wrote, SECRET.as_bytes()).is_none(), "the application spoke in clear");
                    }
                }
                Ok(Output::Event(event)) => {
                    assert!(self.error.is_none());
                    self.event(&event);
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
        assert!(most < ENOUGH, "it never comes to rest");
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Secured(report) => {
                let hello = if self.client { SERVER_HELLO } else { CLIENT_HELLO };
                assert!(find(&self.heard, hello).is_some(), "secured without TLS");
                assert!(!self.secured, "secured twice");
                let verified = self.client && !self.nobody;
                assert_eq!(report.is_authenticated(), verified, "only a server's certificate is verified here");
                assert_eq!(report.awaits_dialback(), self.nobody, "only another server is left to dialback");
                assert!(!(verified && self.bad_certificate), "secured with another name's certificate");
                self.secured = true;
            }
            Event::Plaintext(_) => panic!("went on without TLS"),
            Event::Opened(_) | Event::Features(_) | Event::Element(_) | Event::Closed(_) => {
                assert!(self.secured, "{event:?} before TLS");
                if let (Event::Element(element), true) = (event, self.nobody) {
                    assert_eq!(element.namespace(), ns::DIALBACK, "something else from nobody");
                }
            }
            _ => {}
        }
    }

    /// What left before our first octet of TLS is negotiation, and nothing else.
    fn check_clear(&self) {
        let hello = if self.client { CLIENT_HELLO } else { SERVER_HELLO };
        let clear = &self.wrote[..find(&self.wrote, hello).unwrap_or(self.wrote.len())];
        let mut decoder = StreamDecoder::new(Limits::unlimited());
        decoder.push(clear);
        while let Some(event) = decoder.next_event().expect("what we write is well-formed") {
            match event {
                StreamEvent::Open(_) | StreamEvent::Close => {}
                StreamEvent::Element(element) => {
                    let negotiation = ["features", "starttls", "proceed", "failure", "error"];
                    assert!(negotiation.contains(&element.name()), "{element:?} in clear");
                }
                other => panic!("{other:?} in clear"),
            }
        }
    }

    fn input(&mut self, bytes: &[u8]) {
        self.heard.extend_from_slice(bytes);
        let _ = self.session.handle_input(self.clock.now(), bytes);
    }

    fn say(&mut self, say: &Say, kind: StreamKind) {
        let text = match say {
            Say::Header => format!(
                "<?xml version='1.0'?><stream:stream xmlns='{}' xmlns:stream='http://etherx.jabber.org/streams' \
                 from='{}' to='{}' id='1' version='1.0'>",
                kind.content_namespace(),
                if self.client { "example.org" } else { "a.example" },
                if self.client { "a.example" } else { "example.org" },
            ),
            Say::Features => "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\
                <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>\
                </stream:features>"
                .to_owned(),
            Say::StartTls => "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".to_owned(),
            Say::Proceed => "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".to_owned(),
            Say::Hello => {
                let hello = if self.client { SERVER_HELLO } else { CLIENT_HELLO };
                return self.input(hello);
            }
            Say::Success => "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".to_owned(),
            Say::Element => "<message><body>hello</body></message>".to_owned(),
            Say::Error => {
                "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>".to_owned()
            }
            Say::Closing => "</stream:stream>".to_owned(),
            Say::CloseNotify => return self.input(&[CLOSE_NOTIFY]),
        };
        self.input(text.as_bytes());
    }
}

const ENOUGH: usize = 100_000;

fuzz_target!(|input: Input| {
    let clock = Clock::new();
    let now = Now { instant: clock.now(), wall: test_time() };
    let kind = match input.client && input.server_to_server {
        true => StreamKind::ServerToServer,
        false => StreamKind::ClientToServer,
    };
    let secret = Element::parse(kind, format!("<message><body>{SECRET}</body></message>")).expect("an element");
    let mut run = Run {
        session: session(&input, now),
        clock,
        client: input.client,
        bad_certificate: input.bad_certificate,
        nobody: input.client && input.server_to_server && input.bad_certificate,
        heard: Vec::new(),
        wrote: Vec::new(),
        secured: false,
        error: None,
    };
    run.poll(ENOUGH);
    for say in good_will(input.client, input.direct_tls).iter().take(usize::from(input.good_will % 9)) {
        run.say(say, kind);
        run.poll(ENOUGH);
    }
    for step in &input.steps {
        match step {
            Step::Bytes(bytes) => run.input(bytes),
            Step::Say(say) => {
                run.say(say, kind);
                run.poll(ENOUGH);
            }
            Step::Eof => drop(run.session.handle_eof(run.clock.now())),
            Step::Wait(seconds) => run.clock.advance(Duration::from_secs(u64::from(*seconds))),
            Step::Timeout => drop(run.session.handle_timeout(run.clock.now())),
            Step::Poll(most) => run.poll(usize::from(*most)),
            Step::Send => {
                let sent = run.session.send(&secret);
                assert!(!(run.nobody && sent.is_ok()), "the application spoke to nobody");
            }
            Step::Keepalive => drop(run.session.send_keepalive()),
            Step::Restart => drop(run.session.restart(run.clock.now())),
            Step::Close => drop(run.session.close(run.clock.now())),
        }
    }
    run.poll(ENOUGH);
    if run.error.is_some() {
        run.input(b"<presence/>");
        run.poll(ENOUGH);
    }
    run.check_clear();
});
