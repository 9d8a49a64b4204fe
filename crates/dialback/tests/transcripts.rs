//! Whole dialbacks, message by message: `tests/vectors/transcripts.toml`.

mod common;

use common::{authoritative, domain, load, message, opened, pair, secret, text};
use serde::Deserialize;
use xmpp_dialback::{
    Accepted, Authoritative, Certificate, DialbackSecret, DialbackStream, Facts, Message, Opened, Outcome, Protection,
    Settings, Step, StreamNumber, Support,
};
use xmpp_tls_testkit::Clock;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    #[allow(dead_code, reason = "for readers of the table")]
    clause: String,
    secret: String,
    asked_secret: Option<String>,
    #[serde(default = "yes")]
    asked_serves_the_domain: bool,
    stream_id: String,
    originating: String,
    receiving: String,
    #[serde(default = "yes")]
    receiving_is_served: bool,
    #[serde(default)]
    certificate_proves: bool,
    step_1: String,
    step_2: Option<String>,
    step_3: Option<String>,
    step_4: String,
    #[serde(default)]
    closes: bool,
}

#[derive(Deserialize)]
struct Cases {
    dialback: Vec<Case>,
}

fn yes() -> bool {
    true
}

fn knowing(secret: &str) -> Authoritative {
    Authoritative::stateless(DialbackSecret::dangerous_of_any_length(secret.as_bytes()).into())
}

/// Our own ids are longer than those of the examples. A bidirectional stream that we opened has the peer's.
fn with_id(number: u64, target: &str, id: &str) -> DialbackStream {
    let target = domain(target);
    let mut stream = DialbackStream::opened(
        Opened::new(StreamNumber(number), target, id, Protection::Tls).with_support(Support::DialbackAndErrors),
    );
    stream.enable_bidi().unwrap();
    stream
}

fn same(case: &Case, found: impl Into<Message>, expected: &str) {
    assert_eq!(text(found), text(message(expected)), "{}", case.id);
}

#[test]
fn db_10_to_db_61_every_transcript_of_the_xeps() {
    let cases = load::<Cases>("transcripts.toml").dialback;
    assert_eq!(cases.len(), 8);
    for case in &cases {
        let now = Clock::new().now();
        let pair = pair(&case.originating, &case.receiving);
        let mut originating = with_id(1, &case.receiving, &case.stream_id);
        let request = originating.ask(pair.clone(), &mut knowing(&case.secret), now).unwrap();
        same(case, request, &case.step_1);

        let mut receiving = with_id(2, "elsewhere.example", &case.stream_id);
        let mut facts = Facts::default();
        facts.served = case.receiving_is_served;
        if case.certificate_proves {
            facts.certificate = Certificate::ProvesDomain;
        }
        let mut step = receiving
            .handle(message(&case.step_1), facts, &mut authoritative(9), now)
            .unwrap();
        if let (Some(step_2), Some(step_3)) = (&case.step_2, &case.step_3) {
            let Step::Verify(task) = step else {
                panic!("{}", case.id)
            };
            let mut to_authoritative = opened(3, &case.originating);
            same(case, to_authoritative.verify(task, now).unwrap(), step_2);

            let mut asked = knowing(case.asked_secret.as_ref().unwrap_or(&case.secret));
            let Message::VerifyRequest(request) = message(step_2) else {
                panic!("{}", case.id)
            };
            same(case, asked.answer(&request, case.asked_serves_the_domain, now), step_3);

            let answer = to_authoritative.handle(message(step_3), Facts::default(), &mut authoritative(9), now);
            let Ok(Step::Verdict(verdict)) = answer else {
                panic!("{}", case.id)
            };
            step = receiving.conclude(verdict, now).unwrap();
        }
        let (answer, closes) = match step {
            Step::Decided(decision) => (decision.answer, decision.closes_stream),
            other => panic!("{}: {other:?}", case.id),
        };
        same(case, answer, &case.step_4);
        assert_eq!(closes, case.closes, "{}", case.id);

        let last = originating.handle(message(&case.step_4), Facts::default(), &mut authoritative(9), now);
        let Ok(Step::Outcome(outcome)) = last else {
            panic!("{}", case.id)
        };
        let believed = case.step_4.contains("type='valid'");
        assert_eq!(
            outcome == Outcome::Verified { pair: pair.clone() },
            believed,
            "{}",
            case.id
        );
        assert_eq!(receiving.admits(&pair).is_ok(), believed, "{}", case.id);
        assert_eq!(originating.may_send(&pair), believed, "{}", case.id);
    }
}

/// V-27b: capulet.lit opens a stream to montague.lit, which then claims its rooms on the same one. Keys are
/// of the old kind, 40 digits, which only their maker has to understand.
#[test]
fn bidi_07_bidi_09_v_27b_the_transcript_of_xep_0288() {
    let now = Clock::new().now();
    let id = "b5cd769b1dc292c6f6557fe76cabc4d112333f9a";
    let served = common::SERVED;
    let keep = &mut authoritative(1);

    // At montague.lit, which verifies the claim with capulet.lit elsewhere.
    let mut montague = with_id(1, "capulet.lit", id);
    let request = message(
        "<db:result from='capulet.lit' to='montague.lit'>\n  e3f5cf21f12749ef2cf59269bc0118f35bc46b26</db:result>",
    );
    let Ok(Step::Verify(task)) = montague.handle(request, served, keep, now) else {
        panic!()
    };
    let mut to_capulet = opened(2, "capulet.lit");
    let question = Message::from(to_capulet.verify(task, now).unwrap());
    assert!(text(question).contains(">e3f5cf21f12749ef2cf59269bc0118f35bc46b26<"));
    let yes = format!("<db:verify from='capulet.lit' to='montague.lit' id='{id}' type='valid'/>");
    let Ok(Step::Verdict(verdict)) = to_capulet.handle(message(&yes), Facts::default(), keep, now) else {
        panic!()
    };
    let Ok(Step::Decided(decision)) = montague.conclude(verdict, now) else {
        panic!()
    };
    assert_eq!(
        text(decision.answer),
        text(message(
            "<db:result from='montague.lit' to='capulet.lit' type='valid'/>"
        ))
    );
    assert!(montague.admits(&pair("capulet.lit", "montague.lit")).is_ok());

    // At capulet.lit.
    let mut capulet = with_id(3, "montague.lit", id);
    let rooms = pair("conference.montague.lit", "capulet.lit");
    let request = message(
        "<db:result from='conference.montague.lit' to='capulet.lit'>\n     1bac3ef56fed987cfe098c9785c654a5476ed765</db:result>",
    );
    let Ok(Step::Verify(task)) = capulet.handle(request, served, keep, now) else {
        panic!()
    };
    let mut to_rooms = opened(4, "conference.montague.lit");
    let question = to_rooms.verify(task, now).unwrap();
    let yes = common::verified(&rooms, &question.id, xmpp_dialback::Answer::Valid).into();
    let Ok(Step::Verdict(verdict)) = to_rooms.handle(yes, Facts::default(), keep, now) else {
        panic!()
    };
    let Ok(Step::Decided(decision)) = capulet.conclude(verdict, now) else {
        panic!()
    };
    let expected = "<db:result from='capulet.lit' to='conference.montague.lit' type='valid'/>";
    assert_eq!(text(decision.answer), text(message(expected)));
}

/// Two servers that verify each other at the same time: questions are answered on streams that are not
/// authenticated yet, or both would wait for ever.
#[test]
fn db_26_mutual_dialbacks_at_the_same_time() {
    let now = Clock::new().now();
    let names = ["a.example", "b.example"];
    let mut keys = [1, 2].map(|octet| Authoritative::stateless(secret(octet).into()));
    let settings = Settings::default();
    // Server n opens a stream to the other one, which accepts it; the id is the acceptor's.
    let id = |n: usize| common::id(n as u8 + 1);
    let mut outgoing = [0, 1].map(|n| {
        let (number, target) = (StreamNumber(10), domain(names[1 - n]));
        DialbackStream::opened(
            Opened::new(number, target, &id(n).to_string(), Protection::Tls)
                .with_support(Support::Dialback)
                .with_settings(settings),
        )
    });
    let mut incoming = [0, 1].map(|n| {
        DialbackStream::accepted(Accepted::new(StreamNumber(20), &id(1 - n), Protection::Tls).with_settings(settings))
    });
    let pairs = [pair(names[0], names[1]), pair(names[1], names[0])];

    let claims = [0, 1].map(|n| Message::from(outgoing[n].ask(pairs[n].clone(), &mut keys[n], now).unwrap()));
    let mut questions = Vec::new();
    for (n, claim) in claims.into_iter().enumerate() {
        let other = 1 - n;
        let step = incoming[other].handle(claim, common::SERVED, &mut keys[other], now);
        let Ok(Step::Verify(task)) = step else { panic!() };
        // On the stream that it opened for its own claim.
        questions.push(Message::from(outgoing[other].verify(task, now).unwrap()));
    }
    for (n, question) in questions.into_iter().enumerate() {
        let other = 1 - n;
        let Ok(Step::Send(answer)) = incoming[n].handle(question, common::SERVED, &mut keys[n], now) else {
            panic!()
        };
        let step = outgoing[other].handle(answer, Facts::default(), &mut keys[other], now);
        let Ok(Step::Verdict(verdict)) = step else { panic!() };
        let Ok(Step::Decided(decision)) = incoming[other].conclude(verdict, now) else {
            panic!()
        };
        let step = outgoing[n].handle(decision.answer.into(), Facts::default(), &mut keys[n], now);
        assert!(matches!(step, Ok(Step::Outcome(Outcome::Verified { .. }))));
    }
    for n in [0, 1] {
        assert!(outgoing[n].may_send(&pairs[n]) && incoming[1 - n].admits(&pairs[n]).is_ok());
    }
}
