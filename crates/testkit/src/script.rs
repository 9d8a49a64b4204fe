//! A scripted peer.

use crate::clock::Clock;
use crate::leak::find;
use crate::trace::{Trace, Tracer};
use std::fmt::{self, Debug};
use std::time::Duration;
use xmpp_tls_core::Engine;

/// Plays the peer of an engine: sends this, expects that.
///
/// Everything the engine writes must be expected, in order; what is left over at the end is a
/// failure, unless the script says [`ignore_rest`](Script::ignore_rest).
///
/// ```
/// # use xmpp_tls_testkit::toy::Lines;
/// use xmpp_tls_testkit::Script;
///
/// let mut engine = Lines::greeting("hello");
/// let trace = Script::new()
///     .expect("hello\n")
///     .send("one\nt")
///     .expect("ok\n")
///     .silence()
///     .send("wo\n")
///     .expect_until("\n")
///     .eof()
///     .run(&mut engine, |_engine, line| line);
/// assert_eq!(trace.events(), ["one", "two"]);
/// ```
#[derive(Debug, Default)]
pub struct Script {
    steps: Vec<Step>,
    ignore_rest: bool,
}

/// How many bytes of what the engine wrote a step takes, or why it is not content.
type Check = Box<dyn Fn(&[u8]) -> Result<usize, String>>;

enum Step {
    Send(Vec<u8>),
    Expect(String, Check),
    Eof,
    Advance(Duration),
}

impl Script {
    /// A script without steps.
    pub fn new() -> Self {
        Script::default()
    }

    /// Sends bytes to the engine.
    pub fn send(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Send(bytes.into()));
        self
    }

    /// Closes the peer's direction.
    pub fn eof(mut self) -> Self {
        self.steps.push(Step::Eof);
        self
    }

    /// Lets time pass; deadlines of the engine on the way are honoured.
    pub fn advance(mut self, by: Duration) -> Self {
        self.steps.push(Step::Advance(by));
        self
    }

    /// Expects exactly these bytes next.
    pub fn expect(self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let what = format!("\"{}\"", bytes.escape_ascii());
        self.check(what, move |written| match written.starts_with(&bytes) {
            true => Ok(bytes.len()),
            false => Err("something else was written".to_owned()),
        })
    }

    /// Expects and takes everything up to and including `marker`.
    pub fn expect_until(self, marker: impl Into<Vec<u8>>) -> Self {
        let marker = marker.into();
        let what = format!("bytes up to \"{}\"", marker.escape_ascii());
        self.check(what, move |written| match find(written, &marker) {
            Some(at) => Ok(at + marker.len()),
            None => Err("it does not appear".to_owned()),
        })
    }

    /// Expects what `matches` accepts: it is shown everything written and not yet expected, and says
    /// how many of those bytes it takes.
    pub fn expect_where(self, what: &str, matches: impl Fn(&[u8]) -> Option<usize> + 'static) -> Self {
        self.check(what.to_owned(), move |written| {
            matches(written).ok_or_else(|| "it is not".to_owned())
        })
    }

    /// Expects that the engine has written nothing more.
    pub fn silence(self) -> Self {
        self.check("silence".to_owned(), |written| match written.is_empty() {
            true => Ok(0),
            false => Err("it writes".to_owned()),
        })
    }

    /// What the engine writes beyond the last expectation does not matter.
    pub fn ignore_rest(mut self) -> Self {
        self.ignore_rest = true;
        self
    }

    /// Plays the script.
    ///
    /// `on_event` describes an event for the trace and may call verbs of the engine.
    ///
    /// # Panics
    ///
    /// At the first step that does not come true, with the step, what the engine wrote, and everything
    /// it did up to there.
    pub fn run<E>(self, engine: &mut E, on_event: impl FnMut(&mut E, E::Event) -> String) -> Trace
    where
        E: Engine,
        E::Error: Debug,
    {
        let mut tracer = Tracer::new(engine, Clock::new(), on_event);
        let mut taken = 0;
        let mut steps = self.steps;
        if !self.ignore_rest {
            steps.extend(Script::new().silence().steps);
        }
        let shown: Vec<String> = steps.iter().map(|step| format!("{step:?}")).collect();
        for (index, step) in steps.into_iter().enumerate() {
            let problem = match step {
                Step::Send(_) if tracer.trace().error().is_some() => Some("the engine has already failed".to_owned()),
                Step::Send(bytes) => {
                    tracer.input(&bytes);
                    None
                }
                Step::Eof => {
                    tracer.eof();
                    None
                }
                Step::Advance(by) => {
                    tracer.advance(by);
                    None
                }
                Step::Expect(_, check) => match check(&tracer.trace().transmitted()[taken..]) {
                    Ok(count) => {
                        taken += count;
                        None
                    }
                    Err(problem) => Some(problem),
                },
            };
            if let Some(problem) = problem {
                let written = tracer.trace().transmitted();
                panic!(
                    "step {} of the script, {}: {problem}\nnot yet expected: \"{}\"\nthe engine so far:\n{}",
                    index + 1,
                    shown[index],
                    written[taken..].escape_ascii(),
                    tracer.trace()
                );
            }
        }
        tracer.into_trace()
    }

    fn check(mut self, what: String, check: impl Fn(&[u8]) -> Result<usize, String> + 'static) -> Self {
        self.steps.push(Step::Expect(what, Box::new(check)));
        self
    }
}

impl Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Send(bytes) => write!(f, "send \"{}\"", bytes.escape_ascii()),
            Step::Expect(what, _) => write!(f, "expect {what}"),
            Step::Eof => f.write_str("end of input"),
            Step::Advance(by) => write!(f, "advance {by:?}"),
        }
    }
}
