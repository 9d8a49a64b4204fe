//! What may come on which stream, in which state: all of it (DB-42, DB-43, XEP-0288).

mod common;

use common::{SERVED, accepted, authoritative, claim, id, opened, pair, result, task, verified};
use std::collections::BTreeMap;
use std::time::Instant;
use xmpp_dialback::{
    Accepted, Admitted, Answer, ApiMisuse, Covers, DialbackStream, Error, Facts, Message, Opened, Outcome, Pair,
    PeerMisbehaved, PresentedKey, Protection, Settings, Step, StreamNumber, Support, VerifyRequest,
};
use xmpp_tls_core::Side;
use xmpp_tls_testkit::Clock;

const KINDS: [&str; 4] = ["result", "result valid", "verify", "verify valid"];
const STATES: [&str; 4] = ["fresh", "asked", "answered", "given up"];

fn the_pair() -> Pair {
    pair("a.example", "b.example")
}

fn message(kind: &str, id: &str, now: Instant) -> Message {
    let pair = the_pair();
    match kind {
        "result" => claim(&pair).into(),
        "result valid" => result(&pair, Answer::Valid).into(),
        "verify" => {
            let key: PresentedKey = authoritative(1).key(&pair, "id", now).unwrap().into();
            let id = "id".into();
            VerifyRequest { pair, id, key }.into()
        }
        "verify valid" => verified(&pair, id, Answer::Valid).into(),
        other => panic!("{other}"),
    }
}

/// What a stream made of a message.
fn name(step: &Result<Step, Error>) -> &'static str {
    match step {
        Ok(Step::Verify(_)) => "to verify",
        Ok(Step::Send(Message::VerifyAnswer(answer))) if answer.answer == Answer::Valid => "confirmed",
        Ok(Step::Outcome(Outcome::Verified { .. })) => "believed",
        Ok(Step::Verdict(_)) => "verdict",
        Ok(Step::Nothing) => "nothing",
        Err(Error::PeerMisbehaved(PeerMisbehaved::WrongDirection { .. })) => "wrong direction",
        Err(Error::PeerMisbehaved(
            PeerMisbehaved::UnsolicitedResult { .. } | PeerMisbehaved::UnsolicitedVerify { .. },
        )) => "unsolicited",
        Err(Error::PeerMisbehaved(PeerMisbehaved::AfterClose { .. })) => "after close",
        other => panic!("{other:?}"),
    }
}

/// A stream on which everything that can be asked was asked, and the id of the verification.
fn stream(direction: &str, state: &str, now: Instant) -> (DialbackStream, String) {
    let mut stream = match direction {
        "opened" | "opened bidi" => opened(9, "a.example"),
        _ => accepted(9),
    };
    if direction.ends_with("bidi") {
        stream.enable_bidi().unwrap();
    }
    let (pair, mut ours) = (the_pair(), authoritative(1));
    let id = id(1).to_string();
    // Whom we ask has to be the pair's receiving server.
    if stream.side() == Side::Initiating {
        stream.cover(pair.receiving.clone(), Covers::Certificate).unwrap();
    } else if stream.is_bidi() && (state == "asked" || state == "answered") {
        let proof = claim(&pair.inverse()).into();
        stream.handle(proof, common::PROVED, &mut ours, now).unwrap();
    }
    if state != "fresh" {
        let _ = stream.ask(pair.clone(), &mut ours, now);
        let _ = stream.verify(task(&mut accepted(1), &pair, now), now);
        let _ = stream.handle(message("result", &id, now), SERVED, &mut ours, now);
    }
    if state == "answered" {
        for kind in ["result valid", "verify valid"] {
            let _ = stream.handle(message(kind, &id, now), Facts::default(), &mut ours, now);
        }
    }
    if state == "given up" {
        let _ = stream.handle(result(&pair, Answer::Invalid).into(), Facts::default(), &mut ours, now);
        let _ = stream.handle(
            verified(&pair, &id, Answer::Invalid).into(),
            Facts::default(),
            &mut ours,
            now,
        );
        let victim = common::pair("victim.example", "b.example");
        if let Ok(Step::Verify(task)) = stream.handle(claim(&victim).into(), SERVED, &mut ours, now) {
            let mut elsewhere = opened(10, "victim.example");
            let id = elsewhere.verify(task, now).unwrap().id;
            let answer = verified(&victim, &id, Answer::Invalid).into();
            let Ok(Step::Verdict(verdict)) = elsewhere.handle(answer, Facts::default(), &mut ours, now) else {
                panic!()
            };
            assert!(matches!(stream.conclude(verdict, now), Ok(Step::Decided(decision)) if decision.closes_stream));
        }
    }
    (stream, id)
}

/// Every kind of stream, every state, every message: 64 entries, none left out.
#[test]
fn db_40_to_db_43_everything_that_can_come_in_every_state() {
    let now = Clock::new().now();
    // In each row: result, result valid, verify, verify valid.
    let table = [
        (
            "opened",
            "fresh",
            ["wrong direction", "unsolicited", "wrong direction", "unsolicited"],
        ),
        (
            "opened",
            "asked",
            ["wrong direction", "believed", "wrong direction", "verdict"],
        ),
        (
            "opened",
            "answered",
            ["wrong direction", "unsolicited", "wrong direction", "unsolicited"],
        ),
        (
            "opened",
            "given up",
            ["wrong direction", "unsolicited", "wrong direction", "unsolicited"],
        ),
        (
            "opened bidi",
            "fresh",
            ["to verify", "unsolicited", "confirmed", "unsolicited"],
        ),
        ("opened bidi", "asked", ["nothing", "believed", "confirmed", "verdict"]),
        (
            "opened bidi",
            "answered",
            ["nothing", "unsolicited", "confirmed", "unsolicited"],
        ),
        (
            "opened bidi",
            "given up",
            ["after close", "unsolicited", "confirmed", "unsolicited"],
        ),
        (
            "accepted",
            "fresh",
            ["to verify", "wrong direction", "confirmed", "wrong direction"],
        ),
        (
            "accepted",
            "asked",
            ["nothing", "wrong direction", "confirmed", "wrong direction"],
        ),
        (
            "accepted",
            "answered",
            ["nothing", "wrong direction", "confirmed", "wrong direction"],
        ),
        (
            "accepted",
            "given up",
            ["after close", "wrong direction", "confirmed", "wrong direction"],
        ),
        (
            "accepted bidi",
            "fresh",
            ["to verify", "unsolicited", "confirmed", "wrong direction"],
        ),
        (
            "accepted bidi",
            "asked",
            ["nothing", "believed", "confirmed", "wrong direction"],
        ),
        (
            "accepted bidi",
            "answered",
            ["nothing", "unsolicited", "confirmed", "wrong direction"],
        ),
        (
            "accepted bidi",
            "given up",
            ["after close", "unsolicited", "confirmed", "wrong direction"],
        ),
    ];
    let mut entries = BTreeMap::new();
    for (direction, state, expected) in table {
        for (kind, expected) in KINDS.into_iter().zip(expected) {
            let (mut stream, id) = stream(direction, state, now);
            let before: Vec<_> = stream.authenticated().cloned().collect();
            let step = stream.handle(message(kind, &id, now), SERVED, &mut authoritative(1), now);
            assert_eq!(name(&step), expected, "{direction}, {state}: {kind}");
            assert!(stream.authenticated().eq(&before), "{direction}, {state}: {kind}");
            assert!(stream.admits(&the_pair()).is_err(), "{direction}, {state}: {kind}");
            assert!(entries.insert((direction, state, kind), ()).is_none());
        }
    }
    assert_eq!(entries.len(), 4 * STATES.len() * KINDS.len());
}

#[test]
fn db_42_what_is_in_the_wrong_direction_says_so() {
    let now = Clock::new().now();
    let mut stream = accepted(9);
    let refused = stream.handle(message("result valid", "", now), SERVED, &mut authoritative(1), now);
    let text = refused.unwrap_err().to_string();
    assert_eq!(
        text,
        "<db:result/> with an answer came on a stream where we are the receiving entity"
    );
}

#[test]
fn nothing_can_be_asked_on_a_stream_that_the_peer_opened() {
    let now = Clock::new().now();
    let refused = accepted(9).ask(the_pair(), &mut authoritative(1), now).unwrap_err();
    assert_eq!(refused, Error::ApiMisuse(ApiMisuse::NotOurStream));
}

#[test]
fn bidi_02_never_before_tls() {
    let settings = Settings::default().dangerous_allow_clear();
    let mut one =
        DialbackStream::accepted(Accepted::new(StreamNumber(1), &id(1), Protection::Clear).with_settings(settings));
    let target = common::domain("b.example");
    let mut other = DialbackStream::opened(
        Opened::new(StreamNumber(2), target, "id", Protection::Clear)
            .with_support(Support::Dialback)
            .with_settings(settings),
    );
    for stream in [&mut one, &mut other] {
        assert_eq!(stream.enable_bidi(), Err(Error::ApiMisuse(ApiMisuse::BidiInClear)));
        assert!(!stream.is_bidi());
    }
}

#[test]
fn bidi_04_bidi_06_the_receiving_entity_may_say_only_the_inverse_of_what_was_proved() {
    let now = Clock::new().now();
    let proved = the_pair();
    for bidi in [false, true] {
        let mut stream = accepted(9);
        if bidi {
            stream.enable_bidi().unwrap();
        }
        assert!(!stream.may_send(&proved.inverse()));
        stream
            .handle(claim(&proved).into(), common::PROVED, &mut authoritative(1), now)
            .unwrap();
        assert_eq!(stream.may_send(&proved.inverse()), bidi);
        assert!(!stream.may_send(&proved));
        assert!(!stream.may_send(&pair("b2.example", "a.example")));
        assert!(!stream.may_send(&pair("b.example", "a2.example")));
    }
}

#[test]
fn bidi_06_what_comes_back_on_a_stream_that_we_opened() {
    let now = Clock::new().now();
    let (asked, further) = (the_pair(), pair("a.example", "b2.example"));
    for bidi in [false, true] {
        let mut stream = opened(9, "b.example");
        let mut ours = authoritative(1);
        if bidi {
            stream.enable_bidi().unwrap();
        }
        stream.cover(further.receiving.clone(), Covers::Address).unwrap();
        for pair in [&asked, &further] {
            stream.ask(pair.clone(), &mut ours, now).unwrap();
            assert!(stream.admits(&pair.inverse()).is_err());
            stream
                .handle(result(pair, Answer::Valid).into(), Facts::default(), &mut ours, now)
                .unwrap();
        }
        let admitted = stream.admits(&asked.inverse());
        assert_eq!(admitted.ok(), bidi.then_some(Admitted::OpenedByUs));
        // A domain that the stream was not opened to has to be proved.
        assert!(stream.admits(&further.inverse()).is_err());
        assert!(stream.admits(&asked).is_err());
        assert_eq!(stream.authenticated().count(), 0);
    }
}

#[test]
fn bidi_07_the_receiving_entity_claims_its_other_domains_on_the_same_stream() {
    let now = Clock::new().now();
    let mut theirs = accepted(9);
    theirs.enable_bidi().unwrap();
    let claimed = pair("rooms.b.example", "a.example");
    // Only of a domain that the peer proved, and of another one once it did.
    for proof in ["a.example", "a2.example"] {
        let to = pair("b.example", proof);
        let refused = theirs.ask(to.clone(), &mut authoritative(2), now).unwrap_err();
        let target = to.receiving.clone();
        assert_eq!(refused, Error::ApiMisuse(ApiMisuse::TargetUnproved { target }));
        let proof = claim(&to.inverse()).into();
        theirs
            .handle(proof, common::PROVED, &mut authoritative(2), now)
            .unwrap();
    }
    let request = theirs.ask(claimed.clone(), &mut authoritative(2), now).unwrap();
    // Further targets: whoever asks for bidi understands dialback errors.
    theirs
        .ask(pair("b.example", "a2.example"), &mut authoritative(2), now)
        .unwrap();

    let mut ours = opened(9, "b.example");
    ours.enable_bidi().unwrap();
    let Ok(Step::Verify(task)) = ours.handle(request.into(), SERVED, &mut authoritative(1), now) else {
        panic!()
    };
    let mut to_rooms = opened(10, "rooms.b.example");
    let question = to_rooms.verify(task, now).unwrap();
    let answer = authoritative(2).answer(&question, true, now);
    assert_eq!(answer.answer, Answer::Valid);
    let Ok(Step::Verdict(verdict)) = to_rooms.handle(answer.into(), Facts::default(), &mut authoritative(1), now)
    else {
        panic!()
    };
    let Ok(Step::Decided(decision)) = ours.conclude(verdict, now) else {
        panic!()
    };
    assert!(matches!(ours.admits(&claimed), Ok(Admitted::Authenticated(_))));
    let step = theirs.handle(decision.answer.into(), Facts::default(), &mut authoritative(2), now);
    assert!(matches!(step, Ok(Step::Outcome(Outcome::Verified { .. }))));
    assert!(theirs.may_send(&claimed));
}
