//! Streams between servers, cut at every place: one trace, whichever way a pair is authenticated.

mod common;

use common::World;
use common::fake_tls::{CLIENT_HELLO, CLOSE_NOTIFY, FakeAcceptor, FakeConnector, SERVER_HELLO};
use common::network::{line, pair};
use std::sync::Arc;
use std::time::Instant;
use xmpp_tls::dialback::{DialbackSecret, VerificationFailure};
use xmpp_tls::federation::{Event, FederationConfig, Incoming, Outgoing};
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig};
use xmpp_tls::tls::rustls::signature_algorithms;
use xmpp_tls::{Now, roots};
use xmpp_tls_testkit::{Issued, LeafSpec, SplitCheck};

/// What the peer says inside TLS, from the end of its handshake to the end of its stream.
fn says(hello: &[u8], parts: &[&str]) -> Vec<u8> {
    [hello, parts.concat().as_bytes(), b"</stream:stream>", &[CLOSE_NOTIFY]].concat()
}

const FROM_B: &str = "<stream:stream from='b.example' to='a.example' id='one' version='1.0' xmlns='jabber:server' \
    xmlns:db='jabber:server:dialback' xmlns:stream='http://etherx.jabber.org/streams'>";
const FROM_A: &str = "<stream:stream from='a.example' to='b.example' version='1.0' xmlns='jabber:server' \
    xmlns:db='jabber:server:dialback' xmlns:stream='http://etherx.jabber.org/streams'>";
const OFFER: &str = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
    <mechanism>EXTERNAL</mechanism></mechanisms><bidi xmlns='urn:xmpp:features:bidi'/>\
    <dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback></stream:features>";
const NOTHING_MORE: &str = "<stream:features/>";
const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const FAILURE: &str = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
const AUTH: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'/>";
const RESPONSE: &str = "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>YS5leGFtcGxl</response>";
const VALID: &str = "<db:result from='b.example' to='a.example' type='valid'/>";
const CLAIM: &str = "<db:result from='a.example' to='b.example'>c0ffee</db:result>";
const FROM_B_TO_A: &str = "<message from='x@b.example' to='y@a.example'><body>hi</body></message>";
const FROM_A_TO_B: &str = "<message from='y@a.example' to='x@b.example'><body>hi</body></message>";

struct Setting {
    world: World,
    verifier: IdentityVerifier,
}

impl Setting {
    fn new() -> Self {
        let world = World::new();
        let anchors = roots::from_pem(world.ca.anchor_pem().as_bytes()).unwrap();
        let verifier = IdentityVerifier::new(anchors, signature_algorithms(&world.provider));
        Setting { world, verifier }
    }

    /// Everything anew, so that ids and numbers are the same each time.
    fn config(&self, peer: &Issued, own: &str) -> Arc<FederationConfig> {
        let chain = peer.chain.clone();
        let connector = FakeConnector {
            peer_chain: chain.clone(),
        };
        let client = ClientConfig::new(connector, self.verifier.clone());
        let server =
            ServerConfig::new(FakeAcceptor::new(&[own]).with_peer_chain(chain)).with_verifier(self.verifier.clone());
        let secret = DialbackSecret::generate(|octets| octets.fill(7));
        Arc::new(FederationConfig::new(Arc::new(client), Arc::new(server), secret.into()).with_bidi())
    }

    fn now(&self, instant: Instant) -> Now {
        Now {
            instant,
            ..self.world.now()
        }
    }

    fn outgoing(&self, peer: &Issued, now: Instant) -> Outgoing {
        let config = self.config(peer, "a.example");
        Outgoing::new(config, pair("a.example", "b.example"), Mode::DirectTls, self.now(now)).unwrap()
    }

    fn incoming(&self, peer: &Issued, now: Instant) -> Incoming {
        Incoming::new(self.config(peer, "b.example"), Mode::DirectTls, self.now(now)).unwrap()
    }
}

#[test]
fn a_stream_that_we_open_has_one_trace_however_the_peer_is_cut() {
    let setting = Setting::new();
    let good = setting.world.ca.issue(LeafSpec::for_domain("b.example"));
    let bad = setting.world.ca.issue(LeafSpec::for_domain("b.example").self_signed());
    let by_external = [FROM_B, OFFER, SUCCESS, FROM_B, NOTHING_MORE, FROM_B_TO_A];
    let after_failure = [FROM_B, OFFER, FAILURE, VALID, FROM_B_TO_A];
    let by_dialback = [FROM_B, OFFER, VALID, FROM_B_TO_A];
    for (peer, parts, by) in [
        (&good, &by_external[..], "SASL EXTERNAL"),
        (&good, &after_failure[..], "dialback"),
        (&bad, &by_dialback[..], "dialback"),
    ] {
        let input = says(SERVER_HELLO, parts);
        let make = |now| setting.outgoing(peer, now);
        let trace = SplitCheck::new(&input)
            .random_cuts(200)
            .assert(make, |_, event| line(&event));
        let events = trace.events();
        assert_eq!(trace.error(), None, "{trace}");
        assert_eq!(
            events[1],
            format!("accepted a.example to b.example, by {by}"),
            "{trace}"
        );
        assert!(events[2].starts_with("stanza"), "{trace}");
        assert_eq!(events.last(), Some(&"closed Properly"), "{trace}");
    }
}

#[test]
fn a_stream_that_we_accept_has_one_trace_however_the_peer_is_cut() {
    let setting = Setting::new();
    let good = setting.world.ca.issue(LeafSpec::for_domain("a.example"));
    let bad = setting.world.ca.issue(LeafSpec::for_domain("a.example").self_signed());
    let by_external = [FROM_A, AUTH, RESPONSE, FROM_A, FROM_A_TO_B];
    let without_callback = [FROM_A, CLAIM, FROM_A_TO_B];
    let denied = [FROM_A, CLAIM];
    for (peer, parts, expected) in [
        (
            &good,
            &by_external[..],
            "authenticated a.example to b.example, by SASL EXTERNAL",
        ),
        (
            &good,
            &without_callback[..],
            "authenticated a.example to b.example, by certificate, without a callback",
        ),
        (&bad, &denied[..], "verify a.example to b.example"),
    ] {
        let input = says(CLIENT_HELLO, parts);
        let make = |now| setting.incoming(peer, now);
        // Nobody can be asked.
        let react = |link: &mut Incoming, event: Event| match event {
            Event::Verify(task) => {
                let text = format!("verify {}", task.pair());
                let verdict = task.fail(VerificationFailure::NoConnection);
                link.conclude(verdict, setting.world.clock.now()).unwrap();
                text
            }
            event => line(&event),
        };
        let trace = SplitCheck::new(&input).random_cuts(200).assert(make, react);
        let events = trace.events();
        assert_eq!(trace.error(), None, "{trace}");
        assert_eq!(events[1], expected, "{trace}");
        assert_eq!(events.last(), Some(&"closed Properly"), "{trace}");
    }
}
