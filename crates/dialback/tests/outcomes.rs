//! What whoever joins dialback to streams is told: each claim ends with one outcome, in both roles.

mod common;

use common::{PROVED, SECOND, SERVED, accepted, accepted_with, authoritative, claim, id, opened, pair, task, verified};
use std::time::Instant;
use xmpp_dialback::{
    Accepted, Answer, ApiMisuse, Bound, Decision, DialbackCondition, DialbackStream, Error, Facts, Limits, Method,
    NotAsked, Outcome, Pair, Protection, Refusal, Rejection, Settings, Step, StreamNumber, Verdict,
    VerificationFailure, VerifyTask,
};
use xmpp_tls_testkit::Clock;

fn decided(step: Result<Step, Error>) -> Decision {
    match step {
        Ok(Step::Decided(decision)) => *decision,
        other => panic!("{other:?}"),
    }
}

fn hear(stream: &mut DialbackStream, pair: &Pair, facts: Facts, now: Instant) -> Result<Step, Error> {
    stream.handle(claim(pair).into(), facts, &mut authoritative(9), now)
}

fn verdict(task: VerifyTask, answer: Answer, now: Instant) -> Verdict {
    let mut asking = opened(200, task.domain().as_str());
    let request = asking.verify(task, now).unwrap();
    let message = verified(&request.pair, &request.id, answer).into();
    match asking.handle(message, Facts::default(), &mut authoritative(9), now) {
        Ok(Step::Verdict(verdict)) => verdict,
        other => panic!("{other:?}"),
    }
}

fn rejected(pair: &Pair, why: Rejection) -> Outcome {
    let pair = pair.clone();
    Outcome::Rejected { pair, why }
}

#[test]
fn what_is_authenticated_by_what_and_since_when() {
    let mut clock = Clock::new();
    let mut stream = accepted(1);
    let [by_dialback, by_certificate, pending] =
        ["a.example", "a2.example", "a3.example"].map(|from| pair(from, "b.example"));
    let first = task(&mut stream, &by_dialback, clock.now());
    assert_eq!(stream.authentication(&by_dialback), None);
    clock.advance(5 * SECOND);
    let verdict = verdict(first, Answer::Valid, clock.now());
    let decision = decided(stream.conclude(verdict, clock.now()));
    let entry = stream.authentication(&by_dialback).unwrap();
    assert_eq!((entry.by(), entry.since()), (Method::Dialback, clock.now()));
    assert_eq!(decision.outcome, Outcome::Authenticated(entry.clone()));
    assert_eq!(decision.outcome.pair(), &by_dialback);

    clock.advance(SECOND);
    let decision = decided(hear(&mut stream, &by_certificate, PROVED, clock.now()));
    let entry = stream.authentication(&by_certificate).unwrap();
    assert_eq!((entry.by(), entry.since()), (Method::Certificate, clock.now()));
    assert_eq!(decision.outcome, Outcome::Authenticated(entry.clone()));

    let _pending = task(&mut stream, &pending, clock.now());
    assert!(stream.pending().eq([&pending]));
    let pairs: Vec<_> = stream.authenticated().map(|entry| entry.pair()).collect();
    assert_eq!(pairs.len(), 2);
    assert!(pairs.contains(&&by_dialback) && pairs.contains(&&by_certificate));
    // What was told before is told again, and is no new outcome.
    assert!(matches!(
        hear(&mut stream, &by_dialback, SERVED, clock.now()),
        Ok(Step::Send(_))
    ));
}

#[test]
fn every_rejection_says_why() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    let clear = || DialbackStream::accepted(Accepted::new(StreamNumber(1), &id(1), Protection::Clear));
    let mut limits = Limits::default();
    limits.pending_claims = 0;
    for (mut stream, facts, why) in [
        (accepted(1), Facts::default(), Rejection::NotServed),
        (clear(), SERVED, Rejection::InClear),
        (
            accepted_with(1, Settings::default().requiring_certificates()),
            SERVED,
            Rejection::NoCertificate,
        ),
        (
            accepted_with(1, Settings::default().with_limits(limits)),
            SERVED,
            Rejection::TooMany,
        ),
    ] {
        let decision = decided(hear(&mut stream, &pair, facts, now));
        assert_eq!(decision.answer.answer, Answer::Error(why.condition()));
        assert_eq!(decision.outcome, rejected(&pair, why));
        assert!(!decision.closes_stream);
    }
    // With the authoritative server's own condition, which the peer is not told.
    let mut stream = accepted(1);
    let task = task(&mut stream, &pair, now);
    let gone = DialbackCondition::from_name("gone");
    let verdict = verdict(task, Answer::Error(gone.clone()), now);
    let decision = decided(stream.conclude(verdict, now));
    let why = Rejection::Failed(VerificationFailure::Refused(gone));
    assert_eq!(decision.outcome, rejected(&pair, why));
    let told = Answer::Error(DialbackCondition::REMOTE_SERVER_NOT_FOUND);
    assert_eq!(decision.answer.answer, told);
}

#[test]
fn the_first_of_all_deadlines_and_what_ran_out_of_time() {
    let mut clock = Clock::new();
    let start = clock.now();
    let mut stream = opened(1, "b.example");
    stream.enable_bidi().unwrap();
    let (ours, theirs) = (pair("a.example", "b.example"), pair("b.example", "a.example"));
    assert_eq!(stream.deadline(), None);
    let _claimed = task(&mut stream, &theirs, clock.now());
    assert_eq!(stream.deadline(), Some(start + 60 * SECOND));
    clock.advance(20 * SECOND);
    stream.ask(ours.clone(), &mut authoritative(1), clock.now()).unwrap();
    assert!(stream.asked().eq([&ours]));
    assert_eq!(stream.deadline(), Some(start + 50 * SECOND));
    clock.advance(5 * SECOND);
    let elsewhere = task(&mut accepted(7), &theirs, start);
    stream.verify(elsewhere, start).unwrap();
    assert_eq!(stream.deadline(), Some(start + 30 * SECOND));

    clock.advance(35 * SECOND);
    let mut steps: Vec<_> = std::iter::from_fn(|| stream.handle_timeout(clock.now())).collect();
    assert_eq!((steps.len(), stream.deadline()), (3, None));
    let Some(Step::Verdict(verdict)) = steps.pop() else {
        panic!()
    };
    assert_eq!(verdict.stream(), StreamNumber(7));
    let late = Rejection::Failed(VerificationFailure::TimedOut);
    assert_eq!(decided(Ok(steps.pop().unwrap())).outcome, rejected(&theirs, late));
    let Some(Step::Outcome(outcome)) = steps.pop() else {
        panic!()
    };
    let why = Refusal::TimedOut;
    assert_eq!(outcome, Outcome::Refused { pair: ours, why });
}

#[test]
fn what_a_stream_leaves_behind_in_both_roles() {
    let now = Clock::new().now();
    let mut stream = opened(1, "b.example");
    stream.enable_bidi().unwrap();
    let (ours, theirs) = (pair("a.example", "b.example"), pair("b.example", "a.example"));
    stream.ask(ours.clone(), &mut authoritative(1), now).unwrap();
    let _task = task(&mut stream, &theirs, now);
    let why = Refusal::StreamEnded;
    let refused = Outcome::Refused { pair: ours, why };
    let ended = stream.end(&VerificationFailure::StreamEnded);
    assert_eq!(ended.outcomes, [refused, rejected(&theirs, Rejection::StreamEnded)]);
}

/// What is pending when a stream is given up ends with the stream, and with nothing before.
#[test]
fn claims_on_a_stream_that_is_given_up_end_with_it() {
    let mut clock = Clock::new();
    let mut stream = accepted(1);
    let [bad, other] = ["bad.example", "a.example"].map(|from| pair(from, "b.example"));
    let forged = task(&mut stream, &bad, clock.now());
    let pending = task(&mut stream, &other, clock.now());
    let decision = decided(stream.conclude(verdict(forged, Answer::Invalid, clock.now()), clock.now()));
    assert_eq!(decision.outcome, rejected(&bad, Rejection::Invalid));
    assert!(decision.closes_stream && decision.answer.answer == Answer::Invalid);
    assert_eq!((stream.pending().count(), stream.deadline()), (0, None));
    clock.advance(60 * SECOND);
    assert!(stream.handle_timeout(clock.now()).is_none());
    let late = stream.accept_by_certificate(pending, clock.now());
    assert!(matches!(late, Ok(Step::Nothing)) && stream.admits(&other).is_err());
    let ended = stream.end(&VerificationFailure::StreamEnded);
    assert_eq!(ended.outcomes, [rejected(&other, Rejection::StreamEnded)]);
}

#[test]
fn db_82_a_claim_is_accepted_by_the_certificate_of_its_stream() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    let mut stream = accepted(1);
    let claimed = task(&mut stream, &pair, now);
    let decision = decided(
        stream
            .accept_by_certificate(claimed, now)
            .map_err(|refused| refused.error),
    );
    assert_eq!(decision.answer.answer, Answer::Valid);
    assert_eq!(stream.authentication(&pair).unwrap().by(), Method::Certificate);

    // The certificate of another stream says nothing.
    let (mut one, mut other) = (accepted(1), accepted(2));
    let claimed = task(&mut one, &pair, now);
    let NotAsked {
        task: claimed, error, ..
    } = *other.accept_by_certificate(claimed, now).unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(ApiMisuse::WrongStream { .. })));
    // Nor does that of a later stream under the same number.
    let mut later = accepted(1);
    let _pending = task(&mut later, &pair, now);
    assert!(matches!(later.accept_by_certificate(claimed, now), Ok(Step::Nothing)));
    for stream in [&one, &other, &later] {
        assert_eq!(stream.authentication(&pair), None);
    }

    // Without TLS nobody proved possession of one.
    let settings = Settings::default().dangerous_allow_clear();
    let accepted = Accepted::new(StreamNumber(1), &id(1), Protection::Clear).with_settings(settings);
    let mut clear = DialbackStream::accepted(accepted);
    let claimed = task(&mut clear, &pair, now);
    let NotAsked { task, error, .. } = *clear.accept_by_certificate(claimed, now).unwrap_err();
    assert_eq!(error, Error::ApiMisuse(ApiMisuse::StreamInClear));
    // It can still be asked about.
    decided(clear.conclude(verdict(task, Answer::Valid, now), now));
    assert_eq!(clear.authentication(&pair).unwrap().by(), Method::Dialback);
    // A stream that carries no claims has none to accept.
    let claimed = common::task(&mut common::accepted(3), &pair, now);
    let refused = opened(4, "a.example").accept_by_certificate(claimed, now).unwrap_err();
    assert_eq!(refused.error, Error::ApiMisuse(ApiMisuse::NotTheirStream));
}

/// BIDI-06: by SASL the peer is who it was authenticated as, for the domain that it opened the stream to.
#[test]
fn bidi_06_what_sasl_external_authenticated_counts_as_proved() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    for bidi in [false, true] {
        let mut stream = accepted(1);
        if bidi {
            stream.enable_bidi().unwrap();
        }
        stream.authenticated_by_external(pair.clone(), now).unwrap();
        assert_eq!(stream.authentication(&pair).unwrap().by(), Method::External);
        assert_eq!(stream.may_send(&pair.inverse()), bidi);
        let further = common::pair("rooms.b.example", "a.example");
        assert_eq!(stream.ask(further, &mut authoritative(1), now).is_ok(), bidi);
        let victim = common::pair("b.example", "victim.example");
        assert!(stream.ask(victim.clone(), &mut authoritative(1), now).is_err() && !stream.may_send(&victim));
    }

    let settings = Settings::default().dangerous_allow_clear();
    let in_clear = Accepted::new(StreamNumber(1), &id(1), Protection::Clear).with_settings(settings);
    let mut given_up = accepted(1);
    let forged = task(&mut given_up, &pair, now);
    decided(given_up.conclude(verdict(forged, Answer::Invalid, now), now));
    let mut limits = Limits::default();
    limits.pairs = 0;
    let (what, max) = (Bound::Pairs, 0);
    let mut ours = opened(2, "a.example");
    ours.enable_bidi().unwrap();
    for (mut stream, expected) in [
        (DialbackStream::accepted(in_clear), ApiMisuse::StreamInClear.into()),
        (given_up, ApiMisuse::StreamGivenUp.into()),
        (ours, ApiMisuse::NotTheirStream.into()),
        (opened(2, "a.example"), ApiMisuse::NotTheirStream.into()),
        (
            accepted_with(1, Settings::default().with_limits(limits)),
            Error::Limit { what, max },
        ),
    ] {
        let refused = stream.authenticated_by_external(pair.clone(), now);
        assert_eq!(refused, Err(expected));
        assert_eq!(stream.authentication(&pair), None);
    }
}
