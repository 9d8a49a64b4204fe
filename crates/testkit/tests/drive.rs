//! The driving tools find what they are there to find.

#![allow(clippy::panic, clippy::expect_used, reason = "a failed test is a panic")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use xmpp_tls_core::{Engine, Output};
use xmpp_tls_testkit::toy::Lines;
use xmpp_tls_testkit::trace::{Entry, Tracer};
use xmpp_tls_testkit::{Clock, Pair, Script, SplitCheck};

/// The message of the panic that `work` must end in.
fn complaint<T>(work: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(_) => panic!("nothing was found"),
        Err(panic) => match panic.downcast_ref::<String>() {
            Some(message) => message.clone(),
            None => (*panic.downcast_ref::<&str>().expect("a message")).to_owned(),
        },
    }
}

fn show(_: &mut Lines, line: String) -> String {
    line
}

#[test]
fn a_trace_joins_transmissions_and_ends_with_the_error() {
    let trace = SplitCheck::new("one\nok\nbad\nnever\n").assert(|_| Lines::default(), show);
    assert_eq!(trace.to_string(), "* one\n> \"ok\\n\"\n* ok\n* bad\n! \"bad line\"\n");
    assert_eq!(trace.error(), Some("\"bad line\""));
    assert_eq!(trace.transmitted(), b"ok\n");

    let mut engine = Lines::default();
    let mut tracer = Tracer::new(&mut engine, Clock::new(), show);
    tracer.engine().say("a");
    tracer.engine().say("b");
    tracer.settle();
    assert_eq!(tracer.trace().entries(), [Entry::Transmit(b"a\nb\n".to_vec())]);
}

#[test]
fn a_split_check_ends_with_eof_and_keeps_deadlines() {
    let trace = SplitCheck::new("one\ntw").then_eof().assert(|_| Lines::default(), show);
    assert_eq!(trace.error(), Some("\"end of input within a line\""));
    let trace = SplitCheck::new("one\n").assert(Lines::impatient, show);
    assert_eq!(trace.deadline(), Some(Duration::from_secs(30)));
}

#[test]
fn a_split_check_finds_an_engine_that_forgets() {
    let message = complaint(|| SplitCheck::new("one\n").assert(|_| Lines::forgetful(), show));
    assert!(
        message.starts_with("cut once, at byte 1, the outcome is another"),
        "{message}"
    );
    assert!(message.contains("chunks: [o][ne\\n]"), "{message}");
}

#[test]
fn time_passes_only_by_advance_and_stops_at_each_deadline() {
    let clock = Clock::new();
    let mut engine = Lines::impatient(clock.now());
    let mut tracer = Tracer::new(&mut engine, clock, show);
    tracer.advance(Duration::from_secs(29));
    tracer.input(b"still here\n");
    tracer.advance(Duration::from_secs(29));
    assert_eq!(tracer.trace().error(), None);
    tracer.advance(Duration::from_secs(2));
    assert_eq!(tracer.trace().error(), Some("\"silence\""));
}

#[test]
fn a_script_says_what_was_expected_and_what_came() {
    let script = Script::new().send("one\n").expect("yes\n");
    let message = complaint(|| script.run(&mut Lines::default(), show));
    assert!(
        message.starts_with("step 2 of the script, expect \"yes\\n\": something else was written"),
        "{message}"
    );
    assert!(message.contains("not yet expected: \"ok\\n\""), "{message}");

    let unexpected = complaint(|| Script::new().send("one\n").run(&mut Lines::default(), show));
    assert!(unexpected.contains("expect silence"), "{unexpected}");
    let late = complaint(|| {
        Script::new()
            .send("bad\n")
            .send("x")
            .ignore_rest()
            .run(&mut Lines::default(), show)
    });
    assert!(late.contains("the engine has already failed"), "{late}");
    let missing = complaint(|| {
        Script::new()
            .send("one\n")
            .expect_until("!")
            .run(&mut Lines::default(), show)
    });
    assert!(missing.contains("it does not appear"), "{missing}");
}

#[test]
fn a_script_plays_time_and_end_of_input() {
    let mut engine = Lines::impatient(Clock::new().now());
    let trace = Script::new()
        .send("one\n")
        .expect_where("an answer", |bytes| Some(bytes.len()))
        .eof()
        .run(&mut engine, show);
    assert_eq!(trace.error(), None);
    let trace = Script::new().send("tw").eof().run(&mut Lines::default(), show);
    assert_eq!(trace.error(), Some("\"end of input within a line\""));
}

#[test]
fn a_pair_gives_the_same_whatever_the_chunks() {
    let run = |shape: fn(Pair<Lines, Lines>) -> Pair<Lines, Lines>| {
        let hello = Lines::greeting("hello");
        let mut pair = shape(Pair::new(hello, Lines::default(), Clock::new()));
        // A reaction sees the event before the next step.
        pair.b.react(|engine, line| {
            if line == "hello" {
                engine.say("welcome")
            }
        });
        pair.drive();
        pair.assert_no_error();
        (pair.a.take_events(), pair.b.take_events(), pair.a.wrote, pair.b.wrote)
    };
    let whole = run(|pair| pair);
    assert_eq!(whole.0, ["ok", "welcome"]);
    assert_eq!(whole.1, ["hello", "ok"]);
    assert_eq!(whole.3, b"ok\nwelcome\n");
    assert_eq!(run(|pair| pair.chunk_size(1)), whole);
    assert_eq!(run(|pair| pair.random_chunks(4, 3)), whole);
}

#[test]
fn a_pair_can_be_attacked() {
    let make = || {
        let mut pair = Pair::new(Lines::default(), Lines::default(), Clock::new());
        pair.a.engine.say("secret one secret");
        pair
    };
    let mut pair = make();
    pair.a_to_b.replace("secret", "x");
    pair.a_to_b.inject(b"first\n");
    pair.drive();
    assert_eq!(pair.b.events, ["first", "x one x"]);
    assert_eq!(pair.a.wrote, b"secret one secret\n");

    let mut pair = make();
    pair.a_to_b.cut_after(3);
    pair.drive();
    assert_eq!(pair.b.error.as_deref(), Some("end of input within a line"));
    assert_eq!(pair.a_to_b.delivered(), 3);

    let mut pair = make();
    pair.a_to_b.close();
    pair.drive();
    assert_eq!((pair.b.events.len(), &pair.b.error), (1, &None));
}

#[test]
fn a_failed_side_closes_and_a_silent_one_runs_into_the_deadline() {
    let clock = Clock::new();
    let mut pair = Pair::new(Lines::default(), Lines::impatient(clock.now()), clock);
    pair.a.engine.say("one");
    pair.a_to_b.hold();
    pair.advance(Duration::from_secs(60));
    assert_eq!(pair.b.error.as_deref(), Some("silence"));
    assert_eq!(pair.clock().elapsed(), Duration::from_secs(60));

    let mut pair = Pair::new(Lines::default(), Lines::default(), Clock::new());
    pair.a.engine.say("bad");
    pair.b.engine.say("half a li"); // with its line end
    pair.b_to_a.cut_after(4);
    pair.drive();
    assert_eq!(pair.b.error.as_deref(), Some("bad line"));
    assert_eq!(pair.a.error.as_deref(), Some("end of input within a line"));
}

/// Breaks the engine contract in the way it is told.
struct Broken {
    how: &'static str,
    calls: u32,
}

impl Engine for Broken {
    type Event = ();
    type Error = u32;
    fn handle_input(&mut self, _: Instant, _: &[u8]) -> Result<(), u32> {
        Ok(())
    }
    fn handle_eof(&mut self, _: Instant) -> Result<(), u32> {
        Ok(())
    }
    fn handle_timeout(&mut self, _: Instant) -> Result<(), u32> {
        Ok(())
    }
    fn poll_output(&mut self) -> Result<Output<()>, u32> {
        self.calls += 1;
        match self.how {
            "endless" => Ok(Output::Event(())),
            "empty" => Ok(Output::Transmit(Default::default())),
            _ => Err(self.calls),
        }
    }
}

#[test]
fn engines_that_break_the_contract_are_found() {
    let run = |how| complaint(|| Script::new().run(&mut Broken { how, calls: 0 }, |_, ()| String::new()));
    assert!(run("endless").contains("did not come to rest"));
    assert!(run("empty").contains("transmits nothing"));
    assert!(run("another error each time").contains("must return the same error"));
}
