//! Drives one engine and writes down everything it does.

use crate::clock::Clock;
use crate::cuts;
use crate::drive::{self, Step};
use std::fmt::{self, Debug, Write as _};
use std::time::{Duration, Instant};
use xmpp_tls_core::Engine;

/// What an engine did, in order. Bytes transmitted in direct succession are one entry, so that how an
/// engine portions its output makes no difference.
///
/// Its `Display` is what tests compare: `> "bytes"`, `* event`, `! error` and, if the engine waits
/// with a deadline, `~ 30s` (counted from the start).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    entries: Vec<Entry>,
    deadline: Option<Duration>,
}

/// One thing an engine did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Bytes for the peer.
    Transmit(Vec<u8>),
    /// An event, as the test describes it.
    Event(String),
    /// The error that ended it, in its `Debug` form.
    Error(String),
}

impl Trace {
    /// Everything the engine did.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The deadline of the last wait, counted from the start of the clock.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// All bytes for the peer, joined.
    pub fn transmitted(&self) -> Vec<u8> {
        let bytes = self.entries.iter().filter_map(|entry| match entry {
            Entry::Transmit(bytes) => Some(&bytes[..]),
            _ => None,
        });
        bytes.collect::<Vec<_>>().concat()
    }

    /// The events alone.
    pub fn events(&self) -> Vec<&str> {
        let events = self.entries.iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event.as_str()),
            _ => None,
        });
        events.collect()
    }

    /// The error, if it ended with one.
    pub fn error(&self) -> Option<&str> {
        match self.entries.last() {
            Some(Entry::Error(error)) => Some(error),
            _ => None,
        }
    }

    fn transmit(&mut self, new: &[u8]) {
        match self.entries.last_mut() {
            Some(Entry::Transmit(bytes)) => bytes.extend_from_slice(new),
            _ => self.entries.push(Entry::Transmit(new.to_vec())),
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            match entry {
                Entry::Transmit(bytes) => writeln!(f, "> \"{}\"", bytes.escape_ascii())?,
                Entry::Event(event) => writeln!(f, "* {event}")?,
                Entry::Error(error) => writeln!(f, "! {error}")?,
            }
        }
        match self.deadline {
            Some(deadline) => writeln!(f, "~ {deadline:?}"),
            None => Ok(()),
        }
    }
}

/// Drives an engine by hand. Every call settles the engine: it is polled until it wants input.
///
/// `on_event` describes each event for the trace, and may call the engine's verbs in answer to it.
///
/// The engine contract is checked on the way: no empty transmission, no endless polling, and after an
/// error every call returns the same error.
pub struct Tracer<'e, E, F> {
    engine: &'e mut E,
    on_event: F,
    clock: Clock,
    trace: Trace,
}

impl<E, F> Debug for Tracer<'_, E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer")
            .field("trace", &self.trace)
            .finish_non_exhaustive()
    }
}

impl<'e, E, F> Tracer<'e, E, F>
where
    E: Engine,
    E::Error: Debug,
    F: FnMut(&mut E, E::Event) -> String,
{
    /// Takes an engine and lets it do what it does unasked.
    pub fn new(engine: &'e mut E, clock: Clock, on_event: F) -> Self {
        let mut tracer = Tracer {
            engine,
            on_event,
            clock,
            trace: Trace::default(),
        };
        tracer.settle();
        tracer
    }

    /// Hands over bytes of the peer.
    pub fn input(&mut self, data: &[u8]) {
        self.call(|engine, now| engine.handle_input(now, data));
    }

    /// The peer closes its direction.
    pub fn eof(&mut self) {
        self.call(E::handle_eof);
    }

    /// Lets time pass. Deadlines on the way are honoured, each at its own time.
    pub fn advance(&mut self, by: Duration) {
        let end = self.clock.now() + by;
        let due = |tracer: &Self| tracer.instant_of_deadline().filter(|deadline| *deadline <= end);
        let mut last = None;
        while let Some(deadline) = due(self) {
            assert_ne!(
                last,
                Some(deadline),
                "handle_timeout at its deadline changes nothing: a loop would spin"
            );
            last = Some(deadline);
            self.clock.advance_to(deadline);
            self.call(E::handle_timeout);
        }
        self.clock.advance_to(end);
    }

    /// Polls again, after verbs called on the engine from outside.
    pub fn settle(&mut self) {
        if self.trace.error().is_some() {
            return;
        }
        let (trace, on_event) = (&mut self.trace, &mut self.on_event);
        let rest = drive::settle(self.engine, |engine, step| match step {
            Step::Transmit(bytes) => trace.transmit(&bytes),
            Step::Event(event) => trace.entries.push(Entry::Event(on_event(engine, event))),
        });
        match rest {
            Ok(deadline) => self.trace.deadline = deadline.map(|deadline| self.clock.offset(deadline)),
            Err(error) => self.fail(&error),
        }
    }

    /// The engine, for its verbs and getters. Call [`settle`](Self::settle) after a verb.
    pub fn engine(&mut self) -> &mut E {
        self.engine
    }

    /// What has been written down so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What was written down.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    fn call(&mut self, handle: impl FnOnce(&mut E, Instant) -> Result<(), E::Error>) {
        if self.trace.error().is_some() {
            return;
        }
        match handle(self.engine, self.clock.now()) {
            Ok(()) => self.settle(),
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &E::Error) {
        self.trace.deadline = None;
        self.trace.entries.push(Entry::Error(format!("{error:?}")));
        drive::assert_poisoned(self.engine, self.clock.now(), error);
    }

    fn instant_of_deadline(&self) -> Option<Instant> {
        let start = self.clock.now() - self.clock.elapsed();
        self.trace.deadline.map(|offset| start + offset)
    }
}

/// Proves that it makes no difference how an input is cut into chunks.
///
/// The input is fed whole, then cut once at every place, then byte by byte, then at random places,
/// each time to a fresh engine; every run must give the same [`Trace`].
///
/// ```
/// # use xmpp_tls_testkit::toy::Lines;
/// use xmpp_tls_testkit::SplitCheck;
///
/// // `Lines` reports every line it reads and answers "ok\n".
/// let trace = SplitCheck::new(b"one\ntwo\n").assert(|_now| Lines::default(), |_, line| line);
/// assert_eq!(trace.to_string(), "* one\n> \"ok\\n\"\n* two\n> \"ok\\n\"\n");
/// ```
#[derive(Debug, Clone)]
pub struct SplitCheck<'i> {
    input: &'i [u8],
    eof: bool,
    random_cuts: usize,
    seed: u64,
}

impl<'i> SplitCheck<'i> {
    /// A check with every single cut and 1,000 random ones.
    pub fn new(input: &'i (impl AsRef<[u8]> + ?Sized)) -> Self {
        SplitCheck {
            input: input.as_ref(),
            eof: false,
            random_cuts: 1000,
            seed: 1,
        }
    }

    /// Ends every run with the end of input.
    pub fn then_eof(mut self) -> Self {
        self.eof = true;
        self
    }

    /// Sets the number of random cuts.
    pub fn random_cuts(mut self, count: usize) -> Self {
        self.random_cuts = count;
        self
    }

    /// Sets the seed of the random cuts. A failure names it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Runs the check and returns the one trace.
    ///
    /// `make` makes an engine at the given time; `on_event` describes an event and may react to it.
    /// Both must do the same in every run.
    ///
    /// # Panics
    ///
    /// If two runs differ; the message says where the input was cut and how to cut it so again.
    pub fn assert<E>(
        &self,
        mut make: impl FnMut(Instant) -> E,
        mut on_event: impl FnMut(&mut E, E::Event) -> String,
    ) -> Trace
    where
        E: Engine,
        E::Error: Debug,
    {
        let clock = Clock::new();
        let mut run = |chunks: &[&[u8]]| {
            let mut engine = make(clock.now());
            let mut tracer = Tracer::new(&mut engine, clock, &mut on_event);
            for chunk in chunks {
                tracer.input(chunk);
            }
            if self.eof {
                tracer.eof();
            }
            tracer.into_trace()
        };
        let whole = run(&[self.input]);
        let mut compare = |how: &dyn Fn() -> String, chunks: &[&[u8]]| {
            let cut = run(chunks);
            assert!(
                cut == whole,
                "{}\nwhole:\n{whole}\ncut:\n{cut}\nchunks: {}",
                how(),
                show(chunks)
            );
        };
        for chunks in cuts::single(self.input) {
            compare(
                &|| format!("cut once, at byte {}, the outcome is another", chunks[0].len()),
                &chunks,
            );
        }
        compare(
            &|| "byte by byte the outcome is another".to_owned(),
            &cuts::bytewise(self.input),
        );
        for (index, chunks) in cuts::random(self.input, self.seed, self.random_cuts).enumerate() {
            let how = || format!("random cut {index} of seed {}: the outcome is another", self.seed);
            compare(&how, &chunks);
        }
        whole
    }
}

/// [`SplitCheck`] with its defaults.
pub fn assert_split_invariant<E>(
    input: &[u8],
    make: impl FnMut(Instant) -> E,
    on_event: impl FnMut(&mut E, E::Event) -> String,
) -> Trace
where
    E: Engine,
    E::Error: Debug,
{
    SplitCheck::new(input).assert(make, on_event)
}

fn show(chunks: &[&[u8]]) -> String {
    let mut text = String::new();
    for chunk in chunks {
        let _ = write!(text, "[{}]", chunk.escape_ascii());
    }
    text
}
