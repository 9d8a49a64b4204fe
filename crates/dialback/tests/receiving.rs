//! The receiving server (XEP-0220 sections 2.1.2 and 2.2.1, XEP-0344).

mod common;

use common::{
    PROVED, SECOND, SERVED, accepted, accepted_with, authoritative, claim, error, id, opened, pair, result, task, text,
    verified,
};
use std::time::Instant;
use xmpp_dialback::{
    Accepted, Admitted, Answer, ApiMisuse, Certificate, CertificateComparison, DialbackCondition, DialbackStream,
    Error, Facts, Limits, Message, Method, NotAuthenticated, Opened, Pair, PeerMisbehaved, PresentedKey, Protection,
    ResultRequest, Settings, Step, StreamNumber, Verdict, VerificationFailure, VerifyTask,
};
use xmpp_tls_testkit::Clock;

fn hear(stream: &mut DialbackStream, pair: &Pair, facts: Facts, now: Instant) -> Result<Step, Error> {
    stream.handle(claim(pair).into(), facts, &mut authoritative(9), now)
}

/// The verdict by the answer of the server that the task names.
fn verdict(task: VerifyTask, answer: Answer, now: Instant) -> Verdict {
    let mut stream = opened(200, task.domain().as_str());
    let request = stream.verify(task, now).unwrap();
    let message = verified(&request.pair, &request.id, answer).into();
    match stream.handle(message, Facts::default(), &mut authoritative(9), now) {
        Ok(Step::Verdict(verdict)) => verdict,
        other => panic!("{other:?}"),
    }
}

fn sent(step: Result<Step, Error>) -> String {
    match step {
        Ok(Step::Decided(decision)) if !decision.closes_stream => text(decision.answer),
        other => panic!("{other:?}"),
    }
}

fn sent_again(step: Result<Step, Error>) -> String {
    match step {
        Ok(Step::Send(message)) => text(message),
        other => panic!("{other:?}"),
    }
}

fn sent_and_closed(step: Result<Step, Error>) -> String {
    match step {
        Ok(Step::Decided(decision)) if decision.closes_stream => text(decision.answer),
        other => panic!("{other:?}"),
    }
}

fn by(stream: &DialbackStream, pair: &Pair) -> Option<Method> {
    match stream.admits(pair) {
        Ok(Admitted::Authenticated(authenticated)) => Some(authenticated.by()),
        Ok(other) => panic!("{pair}: {other:?}"),
        Err(_) => None,
    }
}

#[test]
fn db_25_db_29_db_34_a_claim_is_verified_elsewhere_and_then_valid() {
    let now = Clock::new().now();
    let (mut stream, pair) = (accepted(1), pair("a.example", "b.example"));
    let task = task(&mut stream, &pair, now);
    assert_eq!((task.domain(), task.stream()), (&pair.originating, StreamNumber(1)));
    assert_eq!(by(&stream, &pair), None);

    let mut to_authoritative = opened(2, "a.example");
    let request = to_authoritative.verify(task, now).unwrap();
    // The id is the one that we gave the stream where the claim was made.
    assert_eq!(request.id, *id(1).to_string());
    let written = text(request.clone());
    assert!(
        written.contains("from='b.example' to='a.example'") && written.contains(">c0ffee<"),
        "{written}"
    );

    let answer = verified(&pair, &request.id, Answer::Valid).into();
    let Ok(Step::Verdict(verdict)) = to_authoritative.handle(answer, Facts::default(), &mut authoritative(9), now)
    else {
        panic!()
    };
    assert_eq!(verdict.stream(), StreamNumber(1));
    assert_eq!(by(&stream, &pair), None);
    let answer = sent(stream.conclude(verdict, now));
    assert_eq!(answer, text(result(&pair, Answer::Valid)));
    assert_eq!(by(&stream, &pair), Some(Method::Dialback));
    let table: Vec<_> = stream.authenticated().collect();
    assert_eq!((table.len(), table[0].pair(), table[0].since()), (1, &pair, now));
}

#[test]
fn db_26_other_pairs_go_on_while_one_is_pending() {
    let now = Clock::new().now();
    let mut stream = accepted(1);
    let [first, second] = ["a.example", "a2.example"].map(|from| pair(from, "b.example"));
    let slow = task(&mut stream, &first, now);
    let quick = task(&mut stream, &second, now);
    sent(stream.conclude(verdict(quick, Answer::Valid, now), now));
    assert_eq!(
        (by(&stream, &first), by(&stream, &second)),
        (None, Some(Method::Dialback))
    );
    sent(stream.conclude(verdict(slow, Answer::Valid, now), now));
    assert_eq!(by(&stream, &first), Some(Method::Dialback));
}

#[test]
fn db_27_db_61_a_domain_that_is_not_served_is_not_found_and_the_stream_goes_on() {
    let now = Clock::new().now();
    let mut stream = accepted(1);
    let unknown = pair("a.example", "unknown.example");
    let answer = sent(hear(&mut stream, &unknown, Facts::default(), now));
    assert_eq!(answer, text(result(&unknown, error(DialbackCondition::ITEM_NOT_FOUND))));
    assert!(answer.contains("from='unknown.example'"));
    // Also with a certificate, which says nothing about what is served here.
    let facts = Facts::default().with_certificate(Certificate::ProvesDomain);
    assert_eq!(sent(hear(&mut stream, &unknown, facts, now)), answer);
    assert_eq!(by(&stream, &unknown), None);
    let _task = task(&mut stream, &pair("a.example", "b.example"), now);
}

#[test]
fn db_32_a_verdict_that_nobody_waits_for_is_dropped() {
    let mut clock = Clock::new();
    let (mut stream, pair) = (accepted(1), pair("a.example", "b.example"));
    let late = verdict(task(&mut stream, &pair, clock.now()), Answer::Valid, clock.now());
    clock.advance(60 * SECOND);
    assert!(stream.handle_timeout(clock.now()).is_some());
    assert!(matches!(stream.conclude(late, clock.now()), Ok(Step::Nothing)));
    assert_eq!(by(&stream, &pair), None);
    // Also not for the next claim of the same pair, which may have another key.
    let late = verdict(task(&mut stream, &pair, clock.now()), Answer::Valid, clock.now());
    clock.advance(60 * SECOND);
    assert!(stream.handle_timeout(clock.now()).is_some());
    let _next = task(&mut stream, &pair, clock.now());
    assert!(matches!(stream.conclude(late, clock.now()), Ok(Step::Nothing)));
    assert_eq!(by(&stream, &pair), None);
}

#[test]
fn db_33_db_37_db_62_to_db_64_db_68_what_the_originating_server_is_told_of_a_failure() {
    let now = Clock::new().now();
    for (failure, condition) in [
        (VerificationFailure::NoConnection, "remote-connection-failed"),
        (VerificationFailure::NotServed, "remote-server-not-found"),
        (
            VerificationFailure::Refused(DialbackCondition::ITEM_NOT_FOUND),
            "remote-server-not-found",
        ),
        (
            VerificationFailure::Refused(DialbackCondition::from_name("gone")),
            "remote-server-not-found",
        ),
        (VerificationFailure::StreamEnded, "remote-server-timeout"),
        (VerificationFailure::TimedOut, "remote-server-timeout"),
        (VerificationFailure::Unprotected, "not-acceptable"),
        (VerificationFailure::Busy, "resource-constraint"),
    ] {
        let (mut stream, pair) = (accepted(1), pair("a.example", "b.example"));
        let verdict = task(&mut stream, &pair, now).fail(failure.clone());
        let expected = text(result(&pair, error(DialbackCondition::from_name(condition))));
        assert_eq!(sent(stream.conclude(verdict, now)), expected, "{failure}");
        assert_eq!(by(&stream, &pair), None);
        // The stream goes on, and the pair may be claimed again.
        let _again = task(&mut stream, &pair, now);
    }
}

#[test]
fn db_35_the_first_invalid_pair_ends_the_stream() {
    let now = Clock::new().now();
    let (mut stream, pair) = (accepted(1), pair("a.example", "b.example"));
    let other = common::pair("a2.example", "b.example");
    let task = task(&mut stream, &pair, now);
    let pending = common::task(&mut stream, &other, now);
    let answer = sent_and_closed(stream.conclude(verdict(task, Answer::Invalid, now), now));
    assert_eq!(answer, text(result(&pair, Answer::Invalid)));
    // Nothing more is taken, and what was pending counts no more.
    assert!(matches!(
        hear(&mut stream, &pair, PROVED, now),
        Err(Error::PeerMisbehaved(PeerMisbehaved::AfterClose { .. }))
    ));
    assert!(matches!(
        stream.conclude(verdict(pending, Answer::Valid, now), now),
        Ok(Step::Nothing)
    ));
    assert_eq!((by(&stream, &pair), by(&stream, &other)), (None, None));
}

#[test]
fn db_36_db_67_beside_a_valid_pair_an_invalid_one_is_forbidden() {
    let now = Clock::new().now();
    let mut stream = accepted(1);
    let [good, bad] = ["a.example", "victim.example"].map(|from| pair(from, "b.example"));
    let first = task(&mut stream, &good, now);
    sent(stream.conclude(verdict(first, Answer::Valid, now), now));
    let second = task(&mut stream, &bad, now);
    let answer = sent(stream.conclude(verdict(second, Answer::Invalid, now), now));
    assert_eq!(answer, text(result(&bad, error(DialbackCondition::FORBIDDEN))));
    assert_eq!((by(&stream, &good), by(&stream, &bad)), (Some(Method::Dialback), None));
}

#[test]
fn db_38_what_a_stanza_is_told_whose_pair_is_not_authenticated() {
    let now = Clock::new().now();
    let mut stream = accepted(1);
    let known = pair("a.example", "b.example");
    hear(&mut stream, &known, PROVED, now).unwrap();
    for (from, to, condition) in [
        ("a.example", "c.example", "host-unknown"),
        ("victim.example", "b.example", "invalid-from"),
        ("b.example", "a.example", "invalid-from"),
        ("sub.a.example", "b.example", "invalid-from"),
    ] {
        let refused: NotAuthenticated = stream.admits(&pair(from, to)).unwrap_err();
        assert_eq!(refused.stream_condition().name(), condition, "{refused}");
    }
    assert!(stream.admits(&pair("A.example.", "b.EXAMPLE")).is_ok());
}

#[test]
fn db_44_a_repeated_claim_changes_nothing() {
    let now = Clock::new().now();
    let (mut stream, pair) = (accepted(1), pair("a.example", "b.example"));
    let first = task(&mut stream, &pair, now);
    let other_key = ResultRequest {
        pair: pair.clone(),
        key: PresentedKey::new("deadbeef").unwrap(),
    };
    for request in [claim(&pair), other_key] {
        let step = stream.handle(request.into(), SERVED, &mut authoritative(9), now);
        assert!(matches!(step, Ok(Step::Nothing)), "{step:?}");
    }
    sent(stream.conclude(verdict(first, Answer::Valid, now), now));
    // Once it is valid it stays so, and nobody is asked again.
    let again = sent_again(hear(&mut stream, &pair, SERVED, now));
    assert_eq!(again, text(result(&pair, Answer::Valid)));
    assert_eq!(stream.authenticated().count(), 1);
}

#[test]
fn db_45_db_69_pending_claims_and_pairs_are_bounded() {
    let now = Clock::new().now();
    let mut limits = Limits::default();
    limits.pending_claims = 2;
    limits.pairs = 4;
    let mut stream = accepted_with(1, Settings::default().with_limits(limits));
    let pair = |n: usize| pair(&format!("a{n}.example"), "b.example");
    let too_many = |n| text(result(&pair(n), error(DialbackCondition::RESOURCE_CONSTRAINT)));
    let tasks = [0, 1].map(|n| task(&mut stream, &pair(n), now));
    assert_eq!(sent(hear(&mut stream, &pair(2), SERVED, now)), too_many(2));
    for task in tasks {
        sent(stream.conclude(verdict(task, Answer::Valid, now), now));
    }
    for n in [2, 3] {
        sent(hear(&mut stream, &pair(n), PROVED, now));
    }
    for facts in [SERVED, PROVED] {
        assert_eq!(sent(hear(&mut stream, &pair(4), facts, now)), too_many(4));
    }
    assert_eq!(stream.authenticated().count(), 4);
}

/// Otherwise one true claim would be a licence to have us connect anywhere.
#[test]
fn db_45_claims_in_vain_are_bounded() {
    let now = Clock::new().now();
    let mut limits = Limits::default();
    limits.failed_claims = 5;
    let mut stream = accepted_with(1, Settings::default().with_limits(limits));
    let good = pair("attacker.example", "b.example");
    hear(&mut stream, &good, PROVED, now).unwrap();
    for n in 0..5 {
        let task = task(&mut stream, &pair(&format!("v{n}.example"), "b.example"), now);
        sent(stream.conclude(verdict(task, Answer::Invalid, now), now));
    }
    let last = task(&mut stream, &pair("last.example", "b.example"), now);
    sent_and_closed(stream.conclude(last.fail(VerificationFailure::NoConnection), now));
    assert_eq!(by(&stream, &good), None);
}

#[test]
fn db_64_a_claim_has_a_deadline() {
    let mut clock = Clock::new();
    let (mut stream, pair) = (accepted(1), pair("a.example", "b.example"));
    let _task = task(&mut stream, &pair, clock.now());
    assert_eq!(stream.deadline(), Some(clock.now() + 60 * SECOND));
    clock.advance(60 * SECOND);
    let step = stream.handle_timeout(clock.now()).unwrap();
    assert_eq!(
        sent(Ok(step)),
        text(result(&pair, error(DialbackCondition::REMOTE_SERVER_TIMEOUT)))
    );
    assert!(stream.deadline().is_none() && stream.handle_timeout(clock.now()).is_none());
}

#[test]
fn db_65_db_80_in_clear_nobody_is_asked_where_encryption_is_required() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    let clear = |settings| {
        DialbackStream::accepted(Accepted::new(StreamNumber(1), &id(1), Protection::Clear).with_settings(settings))
    };
    for settings in [Settings::default(), Settings::default().requiring_certificates()] {
        for facts in [SERVED, PROVED] {
            let mut stream = clear(settings);
            let answer = sent(hear(&mut stream, &pair, facts, now));
            assert_eq!(answer, text(result(&pair, error(DialbackCondition::POLICY_VIOLATION))));
            assert_eq!(by(&stream, &pair), None);
        }
    }
    let allowed = Settings::default().dangerous_allow_clear();
    assert!(matches!(
        hear(&mut clear(allowed), &pair, SERVED, now),
        Ok(Step::Verify(_))
    ));
    // A certificate is none without TLS.
    assert!(matches!(
        hear(&mut clear(allowed), &pair, PROVED, now),
        Ok(Step::Verify(_))
    ));
}

#[test]
fn db_66_db_87_where_a_certificate_is_required_nobody_is_asked() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    let settings = Settings::default().requiring_certificates();
    let answer = sent(hear(&mut accepted_with(1, settings), &pair, SERVED, now));
    assert_eq!(answer, text(result(&pair, error(DialbackCondition::NOT_AUTHORIZED))));
    let mut stream = accepted_with(1, settings);
    assert_eq!(
        sent(hear(&mut stream, &pair, PROVED, now)),
        text(result(&pair, Answer::Valid))
    );
    assert_eq!(by(&stream, &pair), Some(Method::Certificate));
}

#[test]
fn db_74_db_82_db_83_dna_01_a_certificate_proves_the_domains_that_it_names_and_no_other() {
    let now = Clock::new().now();
    let mut stream = accepted(1);
    let [named, also_named, not_named] =
        ["a.example", "rooms.a.example", "victim.example"].map(|from| pair(from, "b.example"));
    for pair in [&named, &also_named] {
        let answer = sent(hear(&mut stream, pair, PROVED, now));
        assert_eq!(answer, text(result(pair, Answer::Valid)));
        assert_eq!(by(&stream, pair), Some(Method::Certificate));
    }
    // The same stream, the same certificate, another domain: somebody has to be asked.
    assert!(matches!(
        hear(&mut stream, &not_named, SERVED, now),
        Ok(Step::Verify(_))
    ));
    assert_eq!(by(&stream, &not_named), None);
}

#[test]
fn db_84_the_same_certificate_at_the_addresses_of_the_domain() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    for comparison in [
        CertificateComparison::SameAndNamesDomain,
        CertificateComparison::SameForAnotherName,
        CertificateComparison::Different,
    ] {
        let proves = comparison == CertificateComparison::SameAndNamesDomain;
        let mut stream = accepted(1);
        let task = task(&mut stream, &pair, now);
        match opened(2, "a.example").same_certificate(task, comparison) {
            Ok(verdict) => {
                assert!(proves);
                sent(stream.conclude(verdict, now));
                assert_eq!(by(&stream, &pair), Some(Method::SameCertificate));
            }
            // It goes on with the question.
            Err(task) => {
                assert!(!proves);
                sent(stream.conclude(verdict(task, Answer::Valid, now), now));
                assert_eq!(by(&stream, &pair), Some(Method::Dialback));
            }
        }
    }
}

#[test]
fn db_84_the_same_certificate_on_a_stream_to_somebody_else_proves_nothing() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    let proof = CertificateComparison::SameAndNamesDomain;
    let claims = |stream: &DialbackStream| {
        stream
            .same_certificate(task(&mut accepted(1), &pair, now), proof)
            .is_ok()
    };
    assert!(claims(&opened(2, "a.example")));
    assert!(!claims(&opened(2, "attacker.example")));
    assert!(!claims(&opened(1, "a.example")), "the very stream that made the claim");
    assert!(!claims(&accepted(2)), "a stream that the peer opened");
    let clear = Settings::default().dangerous_allow_clear();
    let target = pair.originating.clone();
    let support = xmpp_dialback::Support::Dialback;
    let in_clear = DialbackStream::opened(
        Opened::new(StreamNumber(2), target, "id", Protection::Clear)
            .with_support(support)
            .with_settings(clear),
    );
    assert!(!claims(&in_clear));
}

#[test]
fn a_verdict_of_another_stream_is_refused() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    let (mut one, mut other) = (accepted(1), accepted(2));
    let for_one = verdict(task(&mut one, &pair, now), Answer::Valid, now);
    let _pending = task(&mut other, &pair, now);
    let refused = other.conclude(for_one, now).unwrap_err();
    let (expected, found) = (StreamNumber(1), StreamNumber(2));
    assert_eq!(refused, Error::ApiMisuse(ApiMisuse::WrongStream { expected, found }));
    assert_eq!((by(&one, &pair), by(&other, &pair)), (None, None));
}

/// Some servers write `id=''` into the header of the streams that they open.
#[test]
fn the_id_of_an_initiating_entity_is_not_looked_at() {
    let now = Clock::new().now();
    let mut stream = accepted(7);
    let task = task(&mut stream, &pair("a.example", "b.example"), now);
    let request = opened(8, "a.example").verify(task, now).unwrap();
    assert_eq!(
        Message::from(request).to_element().unwrap().attribute("id").as_deref(),
        Some("07070707070707070707070707070707")
    );
}

#[test]
fn db_75_authenticated_pairs_are_of_one_stream() {
    let now = Clock::new().now();
    let pair = pair("a.example", "b.example");
    let mut stream = accepted(1);
    hear(&mut stream, &pair, PROVED, now).unwrap();
    assert_eq!(by(&accepted(2), &pair), None);
}
