//! Streams to authoritative servers, and these themselves (XEP-0220 section 2.2.2).

mod common;

use common::{
    SECOND, SERVED, accepted, authoritative, domain, error, id, opened, opened_with, pair, task, text, verified,
};
use std::time::Instant;
use xmpp_dialback::{
    Answer, ApiMisuse, DialbackCondition, DialbackStream, Error, Facts, Finding, Limits, Method, NotAsked, Opened,
    Pair, PeerMisbehaved, PresentedKey, Protection, Settings, Step, StreamNumber, Support, Verdict,
    VerificationFailure, VerifyRequest,
};
use xmpp_tls_testkit::Clock;

fn hear(stream: &mut DialbackStream, pair: &Pair, id: &str, answer: Answer, now: Instant) -> Result<Verdict, Error> {
    let message = verified(pair, id, answer).into();
    match stream.handle(message, Facts::default(), &mut authoritative(1), now)? {
        Step::Verdict(verdict) => Ok(verdict),
        other => panic!("{other:?}"),
    }
}

/// Asks about a claim made on a stream with this number, whose id follows from it.
fn ask(stream: &mut DialbackStream, made_on: u64, pair: &Pair, now: Instant) -> Result<VerifyRequest, Box<NotAsked>> {
    stream.verify(task(&mut accepted(made_on), pair, now), now)
}

#[test]
fn db_31_every_answer_to_its_question() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    for (answer, finding) in [
        (Answer::Valid, Finding::Valid(Method::Dialback)),
        (Answer::Invalid, Finding::Invalid),
        (
            error(DialbackCondition::ITEM_NOT_FOUND),
            Finding::Failed(VerificationFailure::Refused(DialbackCondition::ITEM_NOT_FOUND)),
        ),
    ] {
        let mut stream = opened(9, "a.example");
        let request = ask(&mut stream, 1, &pair, now).unwrap();
        let verdict = hear(&mut stream, &pair, &request.id, answer, now).unwrap();
        assert_eq!((verdict.finding(), verdict.pair()), (&finding, &pair));
        assert_eq!(verdict.stream(), StreamNumber(1));
    }
}

/// Security rows 9, 13 and 14.
#[test]
fn db_31_db_41_an_answer_without_its_question_is_refused() {
    let now = Clock::new().now();
    let asked = pair("a.example", "b.example");
    let mut stream = opened(9, "a.example");
    let request = ask(&mut stream, 1, &asked, now).unwrap();
    let unasked = |stream: &mut DialbackStream, pair: &Pair, id: &str| {
        let refused = hear(stream, pair, id, Answer::Valid, now).unwrap_err();
        let unsolicited = matches!(refused, Error::PeerMisbehaved(PeerMisbehaved::UnsolicitedVerify { .. }));
        assert!(unsolicited, "{refused}");
        assert_eq!(refused.stream_condition(), None);
    };
    for (from, to) in [
        ("b.example", "a.example"),
        ("a.example", "c.example"),
        ("victim.example", "b.example"),
        ("xa.example", "b.example"),
        ("a.example", "b.exampl"),
    ] {
        unasked(&mut stream, &pair(from, to), &request.id);
    }
    let upper = id(0xab).to_string().to_uppercase();
    for other in ["", "x", &id(2).to_string(), &request.id[1..], &upper] {
        unasked(&mut stream, &asked, other);
    }
    // It was asked, but on another stream to the same domain.
    unasked(&mut opened(10, "a.example"), &asked, &request.id);
    // Once.
    let _verdict = hear(&mut stream, &asked, &request.id, Answer::Valid, now).unwrap();
    unasked(&mut stream, &asked, &request.id);
}

#[test]
fn db_31_answers_may_come_in_another_order() {
    let now = Clock::new().now();
    let mut stream = opened(9, "a.example");
    let pair = pair("a.example", "b.example");
    let first = ask(&mut stream, 1, &pair, now).unwrap();
    let second = ask(&mut stream, 2, &pair, now).unwrap();
    let verdict = hear(&mut stream, &pair, &second.id, Answer::Valid, now).unwrap();
    assert_eq!(
        (verdict.stream(), verdict.finding()),
        (StreamNumber(2), &Finding::Valid(Method::Dialback))
    );
    let verdict = hear(&mut stream, &pair, &first.id, Answer::Invalid, now).unwrap();
    assert_eq!(
        (verdict.stream(), verdict.finding()),
        (StreamNumber(1), &Finding::Invalid)
    );
}

#[test]
fn db_29_db_41_the_stream_is_one_that_we_opened_to_that_domain() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    for other in ["attacker.example", "b.example", "sub.a.example", "xa.example"] {
        let NotAsked { task, error, .. } = *ask(&mut opened(9, other), 1, &pair, now).unwrap_err();
        let (expected, found) = (domain("a.example"), domain(other));
        assert_eq!(error, Error::ApiMisuse(ApiMisuse::WrongDomain { expected, found }));
        // The task is not lost.
        assert!(opened(9, "A.example.").verify(task, now).is_ok());
    }
    let refused = ask(&mut accepted(9), 1, &pair, now).unwrap_err();
    assert_eq!(refused.error, Error::ApiMisuse(ApiMisuse::NotOurStream));
}

#[test]
fn bidi_05_never_on_the_stream_that_made_the_claim() {
    let now = Clock::new().now();
    let mut stream = opened(9, "a.example");
    stream.enable_bidi().unwrap();
    let pair = pair("a.example", "b.example");
    let task = task(&mut stream, &pair, now);
    let NotAsked { task, error, .. } = *stream.verify(task, now).unwrap_err();
    let stream = StreamNumber(9);
    assert_eq!(error, Error::ApiMisuse(ApiMisuse::SameStream { stream }));
    assert!(opened(10, "a.example").verify(task, now).is_ok());
}

/// Security row 17.
#[test]
fn db_30_the_verification_stream_obeys_the_same_rules() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    let clear = |settings| {
        let target = pair.originating.clone();
        DialbackStream::opened(
            Opened::new(StreamNumber(9), target, "id", Protection::Clear)
                .with_support(Support::Dialback)
                .with_settings(settings),
        )
    };
    for settings in [Settings::default(), Settings::default().requiring_certificates()] {
        let refused = ask(&mut clear(settings), 1, &pair, now).unwrap_err();
        assert_eq!(refused.error, Error::ApiMisuse(ApiMisuse::StreamInClear));
    }
    assert!(ask(&mut clear(Settings::default().dangerous_allow_clear()), 1, &pair, now).is_ok());
}

#[test]
fn one_question_at_a_time_for_each_claim_and_a_bound_on_all() {
    let now = Clock::new().now();
    let mut limits = Limits::default();
    limits.open_questions = 2;
    let settings = Settings::default().with_limits(limits);
    let mut stream = opened_with(9, "a.example", Support::Dialback, settings);
    let pair = pair("a.example", "b.example");
    ask(&mut stream, 1, &pair, now).unwrap();
    let again = ask(&mut stream, 1, &pair, now).unwrap_err();
    assert_eq!(
        again.error,
        Error::ApiMisuse(ApiMisuse::AlreadyAsked {
            pair: pair.clone().into(),
        })
    );
    ask(&mut stream, 2, &pair, now).unwrap();
    let too_many = ask(&mut stream, 3, &pair, now).unwrap_err();
    assert!(matches!(too_many.error, Error::Limit { max: 2, .. }));
    assert_eq!(too_many.task.fail(VerificationFailure::Busy).stream(), StreamNumber(3));
}

#[test]
fn db_33_a_question_ends_with_its_deadline_or_its_stream() {
    let mut clock = Clock::new();
    let mut stream = opened(9, "a.example");
    let pair = pair("a.example", "b.example");
    let request = ask(&mut stream, 1, &pair, clock.now()).unwrap();
    clock.advance(10 * SECOND);
    ask(&mut stream, 2, &pair, clock.now()).unwrap();
    assert_eq!(stream.deadline(), Some(clock.now() + 20 * SECOND));
    clock.advance(20 * SECOND);
    let Some(Step::Verdict(verdict)) = stream.handle_timeout(clock.now()) else {
        panic!()
    };
    let timed_out = Finding::Failed(VerificationFailure::TimedOut);
    assert_eq!((verdict.stream(), verdict.finding()), (StreamNumber(1), &timed_out));
    assert!(stream.handle_timeout(clock.now()).is_none());
    assert!(hear(&mut stream, &pair, &request.id, Answer::Valid, clock.now()).is_err());
    let verdicts = stream.end(&VerificationFailure::NotServed).verdicts;
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].stream(), StreamNumber(2));
    assert_eq!(verdicts[0].finding(), &Finding::Failed(VerificationFailure::NotServed));
}

/// The late answer to one claim's question must not be taken for the answer to another's.
#[test]
fn a_late_answer_is_for_nobody() {
    let mut clock = Clock::new();
    let mut stream = opened(9, "a.example");
    let pair = pair("a.example", "b.example");
    let request = ask(&mut stream, 1, &pair, clock.now()).unwrap();
    clock.advance(30 * SECOND);
    assert!(stream.handle_timeout(clock.now()).is_some());
    let NotAsked { task, error, .. } = *ask(&mut stream, 1, &pair, clock.now()).unwrap_err();
    assert_eq!(
        error,
        Error::ApiMisuse(ApiMisuse::AlreadyAsked {
            pair: pair.clone().into(),
        })
    );
    assert!(hear(&mut stream, &pair, &request.id, Answer::Valid, clock.now()).is_err());
    // Its answer came: now it can be asked, and answered.
    stream.verify(task, clock.now()).unwrap();
    assert!(hear(&mut stream, &pair, &request.id, Answer::Valid, clock.now()).is_ok());
}

fn answer(request: &VerifyRequest, facts: Facts, now: Instant) -> String {
    let message = request.clone().into();
    match accepted(9).handle(message, facts, &mut authoritative(1), now) {
        Ok(Step::Send(message)) => text(message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn db_50_the_authoritative_server_answers_valid_or_invalid() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    let request = |key: PresentedKey, id: &str| VerifyRequest {
        pair: pair.clone(),
        id: id.into(),
        key,
    };
    let key: PresentedKey = authoritative(1).key(&pair, "id", now).unwrap().into();
    let valid = answer(&request(key.clone(), "id"), SERVED, now);
    assert_eq!(valid, text(verified(&pair, "id", Answer::Valid)));
    assert!(
        valid.contains("from='a.example' to='b.example' id='id' type='valid'"),
        "{valid}"
    );
    let other_id = answer(&request(key, "id2"), SERVED, now);
    assert_eq!(other_id, text(verified(&pair, "id2", Answer::Invalid)));
    // Security row 12: a key for another receiving server.
    let for_another = authoritative(1)
        .key(&common::pair("a.example", "attacker.example"), "id", now)
        .unwrap();
    let replayed = answer(&request(for_another.into(), "id"), SERVED, now);
    assert_eq!(replayed, text(verified(&pair, "id", Answer::Invalid)));
}

#[test]
fn db_51_db_61_a_domain_that_is_not_served_is_not_found() {
    let now = Clock::new().now();
    let pair = pair("unknown.example", "b.example");
    let key = authoritative(1).key(&pair, "id", now).unwrap().into();
    let request = VerifyRequest {
        pair: pair.clone(),
        id: "id".into(),
        key,
    };
    let found = answer(&request, Facts::default(), now);
    assert_eq!(
        found,
        text(verified(&pair, "id", error(DialbackCondition::ITEM_NOT_FOUND)))
    );
    assert!(found.contains("from='unknown.example'"));
}
