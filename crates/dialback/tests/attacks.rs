//! What an attacker tries with streams, questions and verdicts, and does not get.

mod common;

use common::{PROVED, SECOND, accepted, authoritative, claim, opened, pair, result, task, verified};
use std::time::Instant;
use xmpp_dialback::{
    Answer, ApiMisuse, DialbackStream, Error, Facts, NotAsked, Pair, PeerMisbehaved, Step, Verdict,
    VerificationFailure, VerifyTask,
};
use xmpp_tls_testkit::Clock;

/// The peer's answer to a claim of ours.
fn believe(stream: &mut DialbackStream, pair: &Pair, now: Instant) -> Result<Step, Error> {
    let message = result(pair, Answer::Valid).into();
    stream.handle(message, Facts::default(), &mut authoritative(1), now)
}

fn prove(stream: &mut DialbackStream, pair: &Pair, now: Instant) {
    stream
        .handle(claim(pair).into(), PROVED, &mut authoritative(1), now)
        .unwrap();
}

/// The authoritative server confirms the claim.
fn confirmed(task: VerifyTask, now: Instant) -> Verdict {
    let mut asking = opened(200, task.domain().as_str());
    let request = asking.verify(task, now).unwrap();
    let message = verified(&request.pair, &request.id, Answer::Valid).into();
    match asking.handle(message, Facts::default(), &mut authoritative(1), now) {
        Ok(Step::Verdict(verdict)) => verdict,
        other => panic!("{other:?}"),
    }
}

fn accepted_bidi(number: u64) -> DialbackStream {
    let mut stream = accepted(number);
    stream.enable_bidi().unwrap();
    stream
}

/// Whoever connects could have what is meant for any domain: he offers bidi and calls valid what he is asked.
#[test]
fn a_peer_that_proved_nothing_is_sent_nothing() {
    let now = Clock::new().now();
    for state in ["silent", "pending", "refused"] {
        let mut stream = accepted_bidi(9);
        let claimed = pair("victim.example", "us.example");
        if state != "silent" {
            let task = task(&mut stream, &claimed, now);
            if state == "refused" {
                stream
                    .conclude(task.fail(VerificationFailure::NoConnection), now)
                    .unwrap();
            }
        }
        for ours in ["us.example", "rooms.us.example"] {
            let to_victim = pair(ours, "victim.example");
            let asked = stream.ask(to_victim.clone(), &mut authoritative(1), now);
            assert!(
                matches!(asked, Err(Error::ApiMisuse(ApiMisuse::TargetUnproved { .. }))),
                "{state}: {asked:?}"
            );
            assert!(believe(&mut stream, &to_victim, now).is_err(), "{state}");
            assert!(!stream.may_send(&to_victim), "{state}");
        }
    }
}

/// A peer that proved its own domain learns no key for another one, and is sent nothing for it.
#[test]
fn a_peer_that_proved_its_domain_is_sent_nothing_for_another() {
    let now = Clock::new().now();
    let mut stream = accepted_bidi(9);
    prove(&mut stream, &pair("evil.example", "us.example"), now);
    for victim in ["victim.example", "sub.evil.example", "xevil.example"] {
        let to_victim = pair("us.example", victim);
        let asked = stream.ask(to_victim.clone(), &mut authoritative(1), now);
        assert!(matches!(asked, Err(Error::ApiMisuse(ApiMisuse::TargetUnproved { .. }))));
        assert!(believe(&mut stream, &to_victim, now).is_err());
        assert!(!stream.may_send(&to_victim));
    }
    // What it proved is answered, and further domains of ours may speak to it once it believes them.
    assert!(stream.may_send(&pair("us.example", "evil.example")));
    let further = pair("rooms.us.example", "evil.example");
    assert!(!stream.may_send(&further));
    stream.ask(further.clone(), &mut authoritative(1), now).unwrap();
    believe(&mut stream, &further, now).unwrap();
    assert!(stream.may_send(&further));
}

/// What was proved counts no more on a stream that is given up.
#[test]
fn nothing_is_sent_on_a_stream_that_was_given_up() {
    let now = Clock::new().now();
    let (proved, ours) = (pair("a.example", "us.example"), pair("us.example", "a.example"));
    let mut stream = accepted_bidi(9);
    prove(&mut stream, &proved, now);
    let further = pair("rooms.us.example", "a.example");
    stream.ask(further.clone(), &mut authoritative(1), now).unwrap();
    assert!(stream.may_send(&ours));
    let invalid = result(&further, Answer::Invalid).into();
    stream
        .handle(invalid, Facts::default(), &mut authoritative(1), now)
        .unwrap();
    assert!(!stream.may_send(&ours) && !stream.may_send(&further));

    let mut opened = opened(9, "a.example");
    opened.enable_bidi().unwrap();
    opened.ask(ours.clone(), &mut authoritative(1), now).unwrap();
    believe(&mut opened, &ours, now).unwrap();
    assert!(opened.may_send(&ours));
    let forged = task(&mut opened, &pair("victim.example", "us.example"), now);
    let mut asking = common::opened(200, "victim.example");
    let request = asking.verify(forged, now).unwrap();
    let invalid = verified(&request.pair, &request.id, Answer::Invalid).into();
    let Ok(Step::Verdict(verdict)) = asking.handle(invalid, Facts::default(), &mut authoritative(1), now) else {
        panic!()
    };
    opened.conclude(verdict, now).unwrap();
    assert!(!opened.may_send(&ours));
}

/// `<errors/>` is what the peer says of itself. A key for another target would make it that target's peer, on
/// a stream whose id it chose.
#[test]
fn a_stream_to_one_domain_is_none_to_another_because_its_peer_says_so() {
    let now = Clock::new().now();
    for bidi in [false, true] {
        let mut stream = opened(9, "evil.example");
        if bidi {
            stream.enable_bidi().unwrap();
        }
        let to_victim = pair("us.example", "victim.example");
        let asked = stream.ask(to_victim.clone(), &mut authoritative(1), now);
        assert!(matches!(asked, Err(Error::ApiMisuse(ApiMisuse::TargetUnproved { .. }))));
        assert!(believe(&mut stream, &to_victim, now).is_err());
        assert!(!stream.may_send(&to_victim));
    }
}

#[test]
fn a_verdict_counts_on_its_own_stream_only() {
    let now = Clock::new().now();
    let pair = pair("victim.example", "us.example");
    let (mut honest, mut forged) = (accepted(1), accepted(2));
    let verdict = confirmed(task(&mut honest, &pair, now), now);
    let _pending = task(&mut forged, &pair, now);
    assert!(matches!(
        forged.conclude(verdict, now),
        Err(Error::ApiMisuse(ApiMisuse::WrongStream { .. }))
    ));
    assert!(forged.admits(&pair).is_err() && honest.admits(&pair).is_err());
}

/// The caller gives a number twice, or a stream is restarted under the same one: the claims on it are others,
/// also where everything else of them is the same.
#[test]
fn a_verdict_of_an_earlier_connection_counts_no_more() {
    let now = Clock::new().now();
    let pair = pair("victim.example", "us.example");
    let mut earlier = accepted(1);
    let verdict = confirmed(task(&mut earlier, &pair, now), now);
    drop(earlier);
    let mut later = accepted(1);
    let _pending = task(&mut later, &pair, now);
    assert_eq!(verdict.stream(), later.number());
    assert!(matches!(later.conclude(verdict, now), Ok(Step::Nothing)));
    assert!(later.admits(&pair).is_err());
}

/// The same pair, the same stream: the earlier question was about another key.
#[test]
fn a_verdict_about_an_earlier_question_counts_no_more() {
    let mut clock = Clock::new();
    let (mut stream, pair) = (accepted(1), pair("victim.example", "us.example"));
    let earlier = confirmed(task(&mut stream, &pair, clock.now()), clock.now());
    clock.advance(60 * SECOND);
    assert!(stream.handle_timeout(clock.now()).is_some());
    let later = task(&mut stream, &pair, clock.now());
    assert!(matches!(stream.conclude(earlier, clock.now()), Ok(Step::Nothing)));
    assert!(stream.admits(&pair).is_err());
    stream.conclude(confirmed(later, clock.now()), clock.now()).unwrap();
    assert!(stream.admits(&pair).is_ok());
}

/// Claims whose questions are never answered take no place from others.
#[test]
fn questions_without_answers_leave_their_places() {
    let mut clock = Clock::new();
    let mut stream = opened(900, "slow.example");
    let receiving = |n: usize| pair("slow.example", &format!("us{n}.example"));
    for round in 0..4 {
        for n in 0..128 {
            let claim = task(&mut accepted(1), &receiving(round * 128 + n), clock.now());
            stream.verify(claim, clock.now()).unwrap();
        }
        let one_more = task(&mut accepted(1), &receiving(9999), clock.now());
        assert!(matches!(
            stream.verify(one_more, clock.now()).unwrap_err().error,
            Error::Limit { max: 128, .. }
        ));
        clock.advance(30 * SECOND);
        let mut ended = 0;
        while stream.handle_timeout(clock.now()).is_some() {
            ended += 1;
        }
        assert_eq!((ended, stream.deadline()), (128, None));
    }
    let mut claimed_on = accepted(1);
    let honest = receiving(7777);
    let request = stream
        .verify(task(&mut claimed_on, &honest, clock.now()), clock.now())
        .unwrap();
    let message = verified(&request.pair, &request.id, Answer::Valid).into();
    let Ok(Step::Verdict(verdict)) = stream.handle(message, Facts::default(), &mut authoritative(1), clock.now())
    else {
        panic!()
    };
    claimed_on.conclude(verdict, clock.now()).unwrap();
    assert!(claimed_on.admits(&honest).is_ok());
}

/// Two streams that we opened, with the id that an attacker took from one for the other: the late answer about
/// the honest claim must not be taken for one about his.
#[test]
fn a_late_answer_is_for_no_other_stream_with_the_same_id() {
    let mut clock = Clock::new();
    let pair = pair("rooms.victim.example", "us.example");
    let bidi = |number| {
        let id = common::id(1).to_string();
        let mut stream = common::opened_with_id(number, "any.example", &id);
        stream.enable_bidi().unwrap();
        stream
    };
    for forgotten in [false, true] {
        let mut asking = opened(900, "rooms.victim.example");
        let question = asking
            .verify(task(&mut bidi(1), &pair, clock.now()), clock.now())
            .unwrap();
        let receiving = |n: usize| common::pair("rooms.victim.example", &format!("us{n}.example"));
        // So many further ones without an answer that the first of them is forgotten.
        for n in 0..128 * usize::from(forgotten) {
            let further = task(&mut accepted(2), &receiving(n), clock.now());
            if n == 127 {
                clock.advance(30 * SECOND);
                while asking.handle_timeout(clock.now()).is_some() {}
            }
            asking.verify(further, clock.now()).unwrap();
        }
        clock.advance(30 * SECOND);
        while asking.handle_timeout(clock.now()).is_some() {}

        let mut forging = bidi(3);
        let forged = task(&mut forging, &pair, clock.now());
        let NotAsked { error, .. } = *asking.verify(forged, clock.now()).unwrap_err();
        let expected = match forgotten {
            false => matches!(error, Error::ApiMisuse(ApiMisuse::AlreadyAsked { .. })),
            true => matches!(error, Error::Limit { .. }),
        };
        assert!(expected, "{error}");
        let late = verified(&pair, &question.id, Answer::Valid).into();
        let late = asking.handle(late, Facts::default(), &mut authoritative(1), clock.now());
        assert!(matches!(
            late,
            Err(Error::PeerMisbehaved(PeerMisbehaved::UnsolicitedVerify { .. }))
        ));
        // A stream of its own can be asked.
        let again = task(&mut bidi(4), &pair, clock.now());
        assert!(opened(901, "rooms.victim.example").verify(again, clock.now()).is_ok());
    }
}
