//! The switch to TLS octet by octet: `tests/vectors/starttls.toml`, at every cut.

use serde::Deserialize;
use std::time::Instant;
use xmpp_starttls::{Error, Initiator, InitiatorEvent, PeerMisbehaved, Phase, Refusal, Responder, ResponderEvent};
use xmpp_tls_core::{Engine, Output, StreamId, StreamKind};
use xmpp_tls_testkit::cuts;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    to: String,
    #[serde(default = "yes")]
    asked: bool,
    input: String,
    #[serde(default)]
    hex: String,
    outcome: String,
    leftover: Option<usize>,
    #[allow(dead_code, reason = "for readers of the table")]
    clause: String,
}

#[derive(Debug, Deserialize)]
struct Table {
    case: Vec<Case>,
}

fn yes() -> bool {
    true
}

const PEER_HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
    id='x' version='1.0'>";
const OFFER: &[u8] = b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";
const CLIENT_HEADER: &[u8] = b"<stream:stream to='example.org' version='1.0' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'>";
const PROCEED: &[u8] = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// What was written behind the preliminaries.
    wrote: Vec<u8>,
    upgraded: bool,
    error: Option<Error>,
}

fn drain<E: Engine<Error = Error>>(
    engine: &mut E,
    outcome: &mut Outcome,
    mut on_event: impl FnMut(&mut E, E::Event) -> bool,
) {
    loop {
        match engine.poll_output() {
            Ok(Output::Transmit(bytes)) => outcome.wrote.extend_from_slice(&bytes),
            Ok(Output::Event(event)) => outcome.upgraded |= on_event(engine, event),
            Ok(Output::WantsInput(_)) => return,
            Err(error) => {
                // Poisoned: the same error for ever, whatever is called.
                assert_eq!(engine.poll_output().err(), Some(error.clone()));
                assert_eq!(engine.handle_input(Instant::now(), b"x").err(), Some(error.clone()));
                outcome.error = Some(error);
                return;
            }
        }
    }
}

fn run(case: &Case, chunks: &[&[u8]]) -> Outcome {
    let now = Instant::now();
    let mut outcome = Outcome {
        wrote: Vec::new(),
        upgraded: false,
        error: None,
    };
    match case.to.as_str() {
        "initiator" => {
            let mut engine = Initiator::client("example.org".parse().unwrap(), now);
            let on_event = |_: &mut Initiator, event| matches!(event, InitiatorEvent::Upgrade(_));
            engine.handle_input(now, PEER_HEADER).unwrap();
            if case.asked {
                engine.handle_input(now, OFFER).unwrap();
            }
            drain(&mut engine, &mut outcome, on_event);
            outcome.wrote.clear();
            feed(&mut engine, chunks, &mut outcome, on_event);
        }
        "responder" => {
            let mut engine = Responder::new(StreamKind::ClientToServer, StreamId::from_random([7; 16]), now);
            let on_event = |engine: &mut Responder, event| match event {
                ResponderEvent::Opened(_) => {
                    engine.accept(&"example.org".parse().unwrap()).unwrap();
                    false
                }
                event => matches!(event, ResponderEvent::Upgrade(_)),
            };
            engine.handle_input(now, CLIENT_HEADER).unwrap();
            drain(&mut engine, &mut outcome, on_event);
            outcome.wrote.clear();
            feed(&mut engine, chunks, &mut outcome, on_event);
        }
        other => panic!("case {}: who is {other:?}?", case.id),
    }
    outcome
}

fn feed<E: Engine<Error = Error>>(
    engine: &mut E,
    chunks: &[&[u8]],
    outcome: &mut Outcome,
    mut on_event: impl FnMut(&mut E, E::Event) -> bool,
) {
    for chunk in chunks {
        if outcome.error.is_some() {
            return;
        }
        engine.handle_input(Instant::now(), chunk).unwrap();
        drain(engine, outcome, &mut on_event);
    }
}

fn name(error: &Error) -> &'static str {
    match error {
        Error::PeerMisbehaved { what, .. } => match what {
            PeerMisbehaved::DataAfterProceed { .. } => "DataAfterProceed",
            PeerMisbehaved::DataAfterStarttls { .. } => "DataAfterStarttls",
            PeerMisbehaved::Unsolicited { .. } => "Unsolicited",
            PeerMisbehaved::StanzaBeforeTls { .. } => "StanzaBeforeTls",
            PeerMisbehaved::SaslBeforeTls { .. } => "SaslBeforeTls",
            PeerMisbehaved::UnexpectedElement { .. } => "UnexpectedElement",
            _ => "another misbehaviour",
        },
        Error::Refused {
            refusal: Refusal::TlsFailure,
            ..
        } => "TlsFailure",
        _ => "another error",
    }
}

/// Rows INJ-01, INJ-02, INJ-03, INJ-08, STLS-09, STLS-11, STLS-16, STLS-17, STLS-38, STLS-39; failures
/// 1, 2, 3 and 7 of others.
#[test]
fn every_case_ends_as_the_table_says_at_every_cut() {
    let table: Table = toml::from_str(include_str!("vectors/starttls.toml")).unwrap();
    assert!(table.case.len() >= 20);
    for case in &table.case {
        let mut input = case.input.clone().into_bytes();
        input.extend(
            (0..case.hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&case.hex[at..at + 2], 16).unwrap()),
        );

        let whole = run(case, &[&input]);
        match (case.outcome.as_str(), &whole.error) {
            ("upgrade", None) => assert!(whole.upgraded, "case {}: no upgrade", case.id),
            ("upgrade", Some(error)) => panic!("case {}: {error}", case.id),
            (expected, Some(error)) => {
                assert_eq!(name(error), expected, "case {}: {error}", case.id);
                assert!(!whole.upgraded, "case {}: upgraded in spite of {error}", case.id);
            }
            (expected, None) => panic!("case {}: {expected} was not noticed", case.id),
        }
        if let Some(leftover) = case.leftover {
            let error = whole.error.as_ref().unwrap().to_string();
            assert!(
                error.contains(&format!("{leftover} octets of clear text behind")),
                "case {}: {error}",
                case.id
            );
            // Nothing is answered: XML is over.
            assert!(whole.wrote.is_empty(), "case {}", case.id);
        }

        let random = cuts::random(&input, 1, 1000);
        for chunks in cuts::single(&input).map(Vec::from).chain(random) {
            let cut = run(case, &chunks);
            match case.leftover {
                None => assert_eq!(cut, whole, "case {}: {chunks:?}", case.id),
                // Cut behind the switch, the engine has gone over before the rest arrives. It must
                // still be refused, with the same error about what is left.
                Some(_) => {
                    assert_eq!(
                        cut.error.as_ref().map(name),
                        whole.error.as_ref().map(name),
                        "case {}",
                        case.id
                    );
                    assert!(
                        cut.wrote.is_empty() || cut.wrote == PROCEED,
                        "case {}: {chunks:?}",
                        case.id
                    );
                }
            }
        }
    }
}

#[test]
fn stls_33p_white_space_before_proceed_is_refused_on_request() {
    let now = Instant::now();
    let mut engine = Initiator::client("example.org".parse().unwrap(), now).with_strict_whitespace();
    let mut outcome = Outcome {
        wrote: Vec::new(),
        upgraded: false,
        error: None,
    };
    let input = [PEER_HEADER, OFFER, b" ", PROCEED].concat();
    feed(&mut engine, &[&input], &mut outcome, |_, event| {
        matches!(event, InitiatorEvent::Upgrade(_))
    });
    assert_eq!(
        outcome.error,
        Some(Error::PeerMisbehaved {
            phase: Phase::Proceed,
            what: PeerMisbehaved::WhitespaceBeforeProceed
        })
    );
    assert!(!outcome.upgraded);
}
