//! The originating server (XEP-0220 sections 2.1.1 and 2.2).

mod common;

use common::{SECOND, SERVED, answer, authoritative, domain, error, opened, opened_with, pair, result};
use std::time::Instant;
use xmpp_dialback::{
    Answer, ApiMisuse, Bound, Certificate, Covers, DialbackCondition, DialbackStream, Error, Facts, IdError, Limits,
    Message, Opened, Originating, Outcome, Pair, PeerMisbehaved, Protection, Refusal, Settings, Step, StreamNumber,
    Support, VerificationFailure,
};
use xmpp_tls_testkit::Clock;

fn hear(stream: &mut DialbackStream, pair: &Pair, answer: Answer, now: Instant) -> Result<Outcome, Error> {
    let message = result(pair, answer).into();
    match stream.handle(message, Facts::default(), &mut authoritative(1), now)? {
        Step::Outcome(outcome) => Ok(outcome),
        other => panic!("{other:?}"),
    }
}

fn ask(stream: &mut DialbackStream, pair: &Pair, now: Instant) -> Result<Message, Error> {
    stream.ask(pair.clone(), &mut authoritative(1), now).map(Message::from)
}

fn refused(pair: &Pair, why: Refusal) -> Outcome {
    let pair = pair.clone();
    Outcome::Refused { pair, why }
}

#[test]
fn db_10_db_11_the_request_has_the_key_for_the_id_of_this_stream() {
    let now = Clock::new().now();
    let pair = pair("capulet.example", "montague.example");
    for id in ["before-tls", "behind-tls"] {
        let target = pair.receiving.clone();
        let mut stream =
            Originating::new(Opened::new(StreamNumber(1), target, id, Protection::Tls).with_support(Support::Dialback));
        let mut ours = authoritative(1);
        let request = stream.ask(pair.clone(), &mut ours, now).unwrap();
        let expected = ours.key(&pair, id, now).unwrap();
        assert_eq!(request.key.as_str(), expected.as_str());
        let element = Message::from(request).to_element().unwrap();
        assert_eq!(element.attribute("from").as_deref(), Some("capulet.example"));
        assert_eq!(element.attribute("to").as_deref(), Some("montague.example"));
        assert_eq!(element.attribute("type"), None);
    }
}

#[test]
fn db_13_db_18_a_pair_may_be_used_once_it_is_valid_and_not_before() {
    let now = Clock::new().now();
    let (mut stream, pair) = (opened(1, "b.example"), pair("a.example", "b.example"));
    assert!(!stream.may_send(&pair));
    ask(&mut stream, &pair, now).unwrap();
    assert!(!stream.may_send(&pair));
    let verified = Outcome::Verified { pair: pair.clone() };
    assert_eq!(hear(&mut stream, &pair, Answer::Valid, now), Ok(verified));
    assert!(stream.may_send(&pair));
    assert!(!stream.may_send(&pair.inverse()));
}

#[test]
fn db_14_db_26_db_70_many_pairs_at_once_in_any_order() {
    let now = Clock::new().now();
    let mut stream = opened_with(1, "b.example", Support::Dialback, Settings::default());
    let pairs = ["a.example", "a2.example", "a3.example"].map(|from| pair(from, "b.example"));
    for pair in &pairs {
        ask(&mut stream, pair, now).unwrap();
    }
    for index in [2, 0, 1] {
        hear(&mut stream, &pairs[index], Answer::Valid, now).unwrap();
        assert!(stream.may_send(&pairs[index]));
    }
}

#[test]
fn db_15_a_question_has_a_deadline_behind_which_its_answer_is_none() {
    let mut clock = Clock::new();
    let (mut stream, pair) = (opened(1, "b.example"), pair("a.example", "b.example"));
    ask(&mut stream, &pair, clock.now()).unwrap();
    assert_eq!(stream.deadline(), Some(clock.now() + 30 * SECOND));
    clock.advance(29 * SECOND);
    assert!(stream.handle_timeout(clock.now()).is_none());
    clock.advance(SECOND);
    let Some(Step::Outcome(outcome)) = stream.handle_timeout(clock.now()) else {
        panic!()
    };
    assert_eq!(outcome, refused(&pair, Refusal::TimedOut));
    assert!(stream.handle_timeout(clock.now()).is_none() && stream.deadline().is_none());
    let late = hear(&mut stream, &pair, Answer::Valid, clock.now());
    assert!(matches!(
        late,
        Err(Error::PeerMisbehaved(PeerMisbehaved::UnsolicitedResult { .. }))
    ));
    assert!(!stream.may_send(&pair));
}

#[test]
fn db_16_the_end_of_the_stream_answers_every_open_question() {
    let now = Clock::new().now();
    let mut stream = opened(1, "b.example");
    let pairs = ["a.example", "a2.example", "a3.example"].map(|from| pair(from, "b.example"));
    for pair in &pairs {
        ask(&mut stream, pair, now).unwrap();
    }
    hear(&mut stream, &pairs[0], Answer::Valid, now).unwrap();
    let ended = stream.end(&VerificationFailure::StreamEnded);
    let expected = [1, 2].map(|index: usize| refused(&pairs[index], Refusal::StreamEnded));
    assert_eq!(ended.outcomes, expected);
    assert_eq!(Refusal::StreamEnded.bounce_with(), "remote-server-timeout");
}

/// Security rows 9 and 13 (CVE-2012-3525 and its siblings).
#[test]
fn db_17_db_40_an_answer_without_its_question_is_refused() {
    let now = Clock::new().now();
    let mut stream = opened(1, "b.example");
    let asked = pair("a.example", "b.example");
    let unasked = |stream: &mut DialbackStream, pair: &Pair| {
        let before = stream.deadline();
        let refused = hear(stream, pair, Answer::Valid, now).unwrap_err();
        let Error::PeerMisbehaved(PeerMisbehaved::UnsolicitedResult { pair: found, .. }) = &refused else {
            panic!("{refused}")
        };
        assert_eq!((&**found, stream.deadline()), (pair, before));
        assert!(!stream.may_send(pair));
        // It can be ignored and the stream go on.
        assert_eq!(refused.stream_condition(), None);
    };
    unasked(&mut stream, &asked);
    ask(&mut stream, &asked, now).unwrap();
    for (from, to) in [
        ("b.example", "a.example"),
        ("a.example", "c.example"),
        ("c.example", "b.example"),
        ("xa.example", "b.example"),
        ("a.exampl", "b.example"),
        ("a.example.evil", "b.example"),
        ("victim.example", "b.example"),
    ] {
        unasked(&mut stream, &pair(from, to));
    }
    // It was asked, but elsewhere.
    unasked(&mut opened(2, "b.example"), &asked);
    // Once.
    hear(&mut stream, &pair("A.EXAMPLE.", "b.example"), Answer::Valid, now).unwrap();
    let replayed = hear(&mut stream, &asked, Answer::Invalid, now);
    assert!(replayed.is_err() && stream.may_send(&asked));
}

#[test]
fn db_19_invalid_ends_the_use_of_the_stream() {
    let now = Clock::new().now();
    let mut stream = opened(1, "b.example");
    let [first, second, third] = ["a.example", "a2.example", "a3.example"].map(|from| pair(from, "b.example"));
    ask(&mut stream, &first, now).unwrap();
    ask(&mut stream, &second, now).unwrap();
    hear(&mut stream, &first, Answer::Valid, now).unwrap();
    let outcome = hear(&mut stream, &second, Answer::Invalid, now).unwrap();
    assert_eq!(outcome, refused(&second, Refusal::Invalid));
    assert!(Refusal::Invalid.ends_stream() && !Refusal::Invalid.try_another_connection());
    assert_eq!(Refusal::Invalid.bounce_with(), "internal-server-error");
    assert!(!stream.may_send(&second) && !stream.may_send(&first));
    let more = ask(&mut stream, &third, now).unwrap_err();
    assert_eq!(more, Error::ApiMisuse(ApiMisuse::StreamGivenUp));
}

#[test]
fn db_20_db_60_an_error_is_about_one_pair() {
    let now = Clock::new().now();
    let mut stream = opened(1, "b.example");
    let [first, second] = ["a.example", "a2.example"].map(|from| pair(from, "b.example"));
    ask(&mut stream, &first, now).unwrap();
    ask(&mut stream, &second, now).unwrap();
    let gone = answer("gone");
    let outcome = hear(&mut stream, &first, gone.clone(), now).unwrap();
    let Answer::Error(condition) = gone else { panic!() };
    let why = Refusal::Error(condition);
    assert_eq!(why.bounce_with(), "remote-server-timeout");
    assert!(!why.ends_stream());
    assert_eq!(outcome, refused(&first, why));
    hear(&mut stream, &second, Answer::Valid, now).unwrap();
    assert!(stream.may_send(&second) && !stream.may_send(&first));
    // And it may be asked again.
    ask(&mut stream, &first, now).unwrap();
}

#[test]
fn db_46_db_69_only_resource_constraint_is_worth_another_connection() {
    for condition in DialbackCondition::ALL {
        let why = Refusal::Error(condition.clone());
        let expected = *condition == DialbackCondition::RESOURCE_CONSTRAINT;
        assert_eq!(why.try_another_connection(), expected, "{condition}");
    }
    assert!(!Refusal::TimedOut.try_another_connection() && !Refusal::StreamEnded.try_another_connection());
}

#[test]
fn db_71_db_73_a_second_target_needs_dialback_errors_and_something_that_proves_it() {
    let now = Clock::new().now();
    let other = pair("a.example", "c.example");
    for (support, fine) in [
        (Support::NotAdvertised, false),
        (Support::Dialback, false),
        (Support::DialbackAndErrors, true),
    ] {
        let mut stream = opened_with(1, "b.example", support, Settings::default());
        ask(&mut stream, &pair("a.example", "B.example."), now).unwrap();
        // What the peer advertises is not enough.
        let target = other.receiving.clone();
        let unproved = Error::ApiMisuse(ApiMisuse::TargetUnproved { target });
        assert_eq!(ask(&mut stream, &other, now).unwrap_err(), unproved);
        stream.cover(domain("C.example."), Covers::Certificate).unwrap();
        let asked = ask(&mut stream, &other, now);
        assert_eq!(asked.is_ok(), fine, "{support:?}");
        if let Err(refused) = asked {
            let (expected, found) = (domain("b.example"), domain("c.example"));
            let misuse = ApiMisuse::TargetMultiplexing { expected, found };
            assert_eq!(refused, Error::ApiMisuse(misuse));
        }
    }
}

#[test]
fn db_72_db_73_what_a_caller_may_say_about_a_second_target() {
    let target = domain("c.example");
    let stream = |protection, settings: Settings| {
        let opened = Opened::new(StreamNumber(1), domain("b.example"), "id", protection);
        DialbackStream::opened(opened.with_settings(settings))
    };
    let in_clear = Error::ApiMisuse(ApiMisuse::StreamInClear);
    let not_enough = Error::ApiMisuse(ApiMisuse::CertificateRequired { target: target.clone() });
    let default = Settings::default();
    let strict = default.requiring_certificates();
    let clear = default.dangerous_allow_clear();
    for (protection, settings, by, expected) in [
        (Protection::Tls, default, Covers::Certificate, Ok(())),
        (Protection::Tls, default, Covers::Address, Ok(())),
        (Protection::Tls, strict, Covers::Certificate, Ok(())),
        (Protection::Tls, strict, Covers::Address, Err(not_enough)),
        (Protection::Clear, clear, Covers::Certificate, Err(in_clear)),
        (Protection::Clear, clear, Covers::Address, Ok(())),
    ] {
        let said = stream(protection, settings).cover(target.clone(), by);
        assert_eq!(said, expected, "{protection:?}, {settings:?}, {by:?}");
    }
    // A stream that the peer opened is its own to prove things on.
    let mut theirs = common::accepted(1);
    let not_ours = Err(Error::ApiMisuse(ApiMisuse::NotOurStream));
    assert_eq!(theirs.cover(target.clone(), Covers::Certificate), not_ours);
    theirs.enable_bidi().unwrap();
    assert_eq!(theirs.cover(target.clone(), Covers::Certificate), not_ours);

    let mut limits = Limits::default();
    limits.pairs = 1;
    let mut bounded = stream(Protection::Tls, default.with_limits(limits));
    for _ in 0..2 {
        bounded.cover(target.clone(), Covers::Address).unwrap();
    }
    let what = Bound::Targets;
    let refused = bounded.cover(domain("d.example"), Covers::Address);
    assert_eq!(refused, Err(Error::Limit { what, max: 1 }));
}

/// With bidi the peer may prove the other target itself.
#[test]
fn db_71_a_second_target_that_the_peer_proved() {
    let now = Clock::new().now();
    let mut stream = opened(1, "b.example");
    stream.enable_bidi().unwrap();
    let other = pair("a.example", "c.example");
    let proof = common::claim(&other.inverse()).into();
    assert!(ask(&mut stream, &other, now).is_err());
    stream
        .handle(proof, common::PROVED, &mut authoritative(1), now)
        .unwrap();
    ask(&mut stream, &other, now).unwrap();
    hear(&mut stream, &other, Answer::Valid, now).unwrap();
    assert!(stream.may_send(&other));
}

#[test]
fn db_75_a_restart_forgets_every_pair() {
    let now = Clock::new().now();
    let (mut stream, pair) = (opened(1, "b.example"), pair("a.example", "b.example"));
    ask(&mut stream, &pair, now).unwrap();
    hear(&mut stream, &pair, Answer::Valid, now).unwrap();
    stream.end(&VerificationFailure::StreamEnded);
    assert!(!opened(2, "b.example").may_send(&pair));
}

#[test]
fn a_pair_is_asked_about_once() {
    let now = Clock::new().now();
    let (mut stream, pair) = (opened(1, "b.example"), pair("a.example", "b.example"));
    let again = Error::ApiMisuse(ApiMisuse::AlreadyAsked {
        pair: pair.clone().into(),
    });
    ask(&mut stream, &pair, now).unwrap();
    assert_eq!(ask(&mut stream, &pair, now).unwrap_err(), again);
    hear(&mut stream, &pair, Answer::Valid, now).unwrap();
    assert_eq!(ask(&mut stream, &pair, now).unwrap_err(), again);
}

#[test]
fn db_81_nothing_is_asked_in_clear_unless_that_is_allowed() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    let stream = |settings| {
        let target = pair.receiving.clone();
        DialbackStream::opened(
            Opened::new(StreamNumber(1), target, "id", Protection::Clear)
                .with_support(Support::Dialback)
                .with_settings(settings),
        )
    };
    for settings in [Settings::default(), Settings::default().requiring_certificates()] {
        let refused = ask(&mut stream(settings), &pair, now).unwrap_err();
        assert_eq!(refused, Error::ApiMisuse(ApiMisuse::StreamInClear));
    }
    assert!(ask(&mut stream(Settings::default().dangerous_allow_clear()), &pair, now).is_ok());
}

#[test]
fn a_stream_without_an_id_that_keys_can_be_made_for() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    for (id, why) in [("", IdError::Empty), ("x y", IdError::Space)] {
        let target = pair.receiving.clone();
        let settings = Settings::default();
        let mut stream = DialbackStream::opened(
            Opened::new(StreamNumber(1), target, id, Protection::Tls)
                .with_support(Support::Dialback)
                .with_settings(settings),
        );
        assert_eq!(ask(&mut stream, &pair, now).unwrap_err(), Error::Id(why));
        assert_eq!(stream.enable_bidi(), Err(Error::Id(why)));
        // Nothing was asked, so nothing can be answered.
        assert!(hear(&mut stream, &pair, Answer::Valid, now).is_err());
    }
}

#[test]
fn open_questions_and_pairs_are_bounded() {
    let now = Clock::new().now();
    let mut limits = Limits::default();
    limits.open_questions = 3;
    limits.pairs = 5;
    let settings = Settings::default().with_limits(limits);
    let mut stream = opened_with(1, "b.example", Support::Dialback, settings);
    let pairs: Vec<_> = (0..6).map(|n| pair(&format!("a{n}.example"), "b.example")).collect();
    for pair in &pairs[..3] {
        ask(&mut stream, pair, now).unwrap();
    }
    assert!(matches!(
        ask(&mut stream, &pairs[3], now),
        Err(Error::Limit { max: 3, .. })
    ));
    for pair in &pairs[..3] {
        hear(&mut stream, pair, Answer::Valid, now).unwrap();
    }
    ask(&mut stream, &pairs[3], now).unwrap();
    ask(&mut stream, &pairs[4], now).unwrap();
    assert!(matches!(
        ask(&mut stream, &pairs[5], now),
        Err(Error::Limit { max: 5, .. })
    ));
}

/// A receiving server may answer whatever it bases that on: the originating one expects nothing.
#[test]
fn db_12_an_answer_counts_without_a_callback() {
    let now = Clock::new().now();
    let (mut ours, pair) = (opened(1, "b.example"), pair("a.example", "b.example"));
    let request = ask(&mut ours, &pair, now).unwrap();
    let mut theirs = common::accepted(1);
    let facts = SERVED.with_certificate(Certificate::ProvesDomain);
    let Ok(Step::Decided(decision)) = theirs.handle(request, facts, &mut authoritative(2), now) else {
        panic!()
    };
    let step = ours
        .handle(decision.answer.into(), Facts::default(), &mut authoritative(1), now)
        .unwrap();
    assert!(matches!(step, Step::Outcome(Outcome::Verified { .. })));
}

#[test]
fn every_condition_refuses() {
    let now = Clock::new().now();
    for condition in DialbackCondition::ALL {
        let (mut stream, pair) = (opened(1, "b.example"), pair("a.example", "b.example"));
        ask(&mut stream, &pair, now).unwrap();
        hear(&mut stream, &pair, error(condition.clone()), now).unwrap();
        assert!(!stream.may_send(&pair), "{condition}");
    }
}
