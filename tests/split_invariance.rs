//! Whole streams of the specifications, cut at every place: one trace. TLS is a fake that always says
//! the same, so that everything a session writes and reports can be compared.

mod common;

use common::fake_tls::{BAD_RECORD, CLIENT_HELLO, CLOSE_NOTIFY, FakeAcceptor, FakeConnector, SERVER_HELLO};
use common::{World, element, name};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Instant;
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::session::{ClientConfig, Event, Mode, ServerConfig, Session, Target};
use xmpp_tls::{Domain, Engine, Now, Output, roots};
use xmpp_tls_testkit::{LeafSpec, SplitCheck};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transcript {
    id: String,
    #[allow(dead_code, reason = "for readers of the table")]
    source: String,
    kind: String,
    to: String,
    from: String,
    receiving: [String; 2],
    initiating: [String; 2],
}

#[derive(Debug, Deserialize)]
struct Table {
    transcript: Vec<Transcript>,
}

fn transcripts() -> Vec<Transcript> {
    let table: Table = toml::from_str(include_str!("vectors/transcripts.toml")).unwrap();
    assert_eq!(table.transcript.len(), 7);
    table.transcript
}

fn initiating(transcript: &Transcript, world: &World, now: Instant) -> Session {
    let to: Domain = transcript.to.parse().unwrap();
    let issued = world.ca.issue(LeafSpec::for_domain(&transcript.to));
    let anchors = roots::from_pem(world.ca.anchor_pem().as_bytes()).unwrap();
    let algorithms = rustls::crypto::ring::default_provider()
        .signature_verification_algorithms
        .all;
    let connector = FakeConnector {
        peer_chain: issued.chain.clone(),
    };
    let config = Arc::new(ClientConfig::new(connector, IdentityVerifier::new(anchors, algorithms)));
    let target = match transcript.kind.as_str() {
        "c2s" => Target::new(to),
        _ => Target::new(to).from_server(transcript.from.parse().unwrap()),
    };
    Session::client(
        config,
        target,
        Now {
            instant: now,
            ..world.now()
        },
    )
    .unwrap()
}

fn receiving(transcript: &Transcript, world: &World, now: Instant) -> Session {
    let config = Arc::new(ServerConfig::new(FakeAcceptor::new(&[&transcript.to])));
    Session::server(
        config,
        Mode::StartTls,
        Now {
            instant: now,
            ..world.now()
        },
    )
    .unwrap()
}

/// An application that restarts when SASL is done, on its side of it.
fn react(session: &mut Session, event: Event) -> String {
    if let Event::Element(heard) = &event {
        match heard.name() {
            "success" => session.restart(Instant::now()).unwrap(),
            "auth" if heard.attribute("mechanism").as_deref() == Some("EXTERNAL") => succeed(session),
            "response" => succeed(session),
            _ => {}
        }
    }
    name(&event)
}

fn succeed(session: &mut Session) {
    session
        .send(&element("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"))
        .unwrap();
    session.restart(Instant::now()).unwrap();
}

/// Brings a session to where TLS begins.
fn through_clear(mut session: Session, clear: &str, now: Instant) -> Session {
    session.handle_input(now, clear.as_bytes()).unwrap();
    while !matches!(session.poll_output().unwrap(), Output::WantsInput(_)) {}
    session
}

#[test]
fn the_initiating_side_gives_one_trace_however_the_peer_is_cut() {
    let world = World::new();
    for transcript in transcripts() {
        let [clear, inside] = &transcript.receiving;
        let trace = SplitCheck::new(clear)
            .random_cuts(100)
            .assert(|now| initiating(&transcript, &world, now), react);
        assert_eq!(trace.error(), None, "{}: {trace}", transcript.id);
        assert!(
            trace.transmitted().ends_with(CLIENT_HELLO),
            "{}: {trace}",
            transcript.id
        );

        let input = [SERVER_HELLO, inside.as_bytes(), &[CLOSE_NOTIFY]].concat();
        let make = |now| through_clear(initiating(&transcript, &world, now), clear, now);
        let trace = SplitCheck::new(&input).random_cuts(1000).assert(make, react);
        assert!(
            trace.events()[0].starts_with("secured, authenticated true"),
            "{}: {trace}",
            transcript.id
        );
        assert!(trace.events().len() >= 4, "{}: {trace}", transcript.id);
        if inside.trim_end().ends_with("</stream:stream>") || inside.trim_end().ends_with("</stream>") {
            assert_eq!(trace.error(), None, "{}: {trace}", transcript.id);
            assert_eq!(
                trace.events().last(),
                Some(&"closed Properly"),
                "{}: {trace}",
                transcript.id
            );
        } else {
            assert!(
                trace.error().is_some(),
                "{}: a stream cut off is no proper end",
                transcript.id
            );
        }
    }
}

#[test]
fn the_receiving_side_gives_one_trace_however_the_peer_is_cut() {
    let world = World::new();
    for transcript in transcripts().iter().filter(|transcript| transcript.kind == "c2s") {
        let [clear, inside] = &transcript.initiating;
        let trace = SplitCheck::new(clear)
            .random_cuts(1000)
            .assert(|now| receiving(transcript, &world, now), react);
        assert_eq!(trace.error(), None, "{}: {trace}", transcript.id);
        assert!(
            trace
                .transmitted()
                .ends_with(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        );

        let input = [CLIENT_HELLO, inside.as_bytes(), &[CLOSE_NOTIFY]].concat();
        let make = |now| through_clear(receiving(transcript, &world, now), clear, now);
        let trace = SplitCheck::new(&input).random_cuts(1000).assert(make, react);
        assert_eq!(
            trace.events()[0],
            "secured, authenticated false",
            "{}: {trace}",
            transcript.id
        );
        let opened = trace
            .events()
            .iter()
            .filter(|event| event.starts_with("opened"))
            .count();
        assert_eq!(
            opened,
            inside.matches("<stream:stream").count(),
            "{}: {trace}",
            transcript.id
        );
    }
}

/// What came in front of a record that is wrong is reported in front of the error.
#[test]
fn a_bad_record_hides_nothing_that_came_before_it_at_any_cut() {
    let world = World::new();
    for transcript in transcripts() {
        let [clear, inside] = &transcript.receiving;
        let ends = ["</stream:features>", "</features>"].into_iter();
        let end = ends
            .filter_map(|tag| Some(inside.find(tag)? + tag.len()))
            .min()
            .unwrap();
        let first = &inside[..end];
        let input = [SERVER_HELLO, first.as_bytes(), b"<message/>", &[BAD_RECORD]].concat();
        let make = |now| through_clear(initiating(&transcript, &world, now), clear, now);
        let trace = SplitCheck::new(&input).random_cuts(100).assert(make, react);
        assert!(
            trace.events().iter().any(|event| event.contains("<message/>")),
            "{}: {trace}",
            transcript.id
        );
        assert!(
            trace.error().is_some_and(|error| error.contains("bad record")),
            "{}: {trace}",
            transcript.id
        );

        // Right behind the handshake: secured, then broken.
        let input = [SERVER_HELLO, &[BAD_RECORD]].concat();
        let trace = SplitCheck::new(&input).random_cuts(10).assert(make, react);
        assert_eq!(trace.events(), ["secured, authenticated true"], "{}", transcript.id);
    }
}
