use super::wire::{Arrival, Wire};
use crate::clock::Clock;
use crate::drive::{self, Step};
use std::fmt::{self, Debug};
use std::time::Instant;
use xmpp_tls_core::Engine;

type Reaction<E> = Box<dyn FnMut(&mut E, &<E as Engine>::Event)>;

/// One side of a [`Pair`](super::Pair).
pub struct End<E: Engine> {
    /// The engine, for its verbs and getters. Call [`drive`](super::Pair::drive) after a verb.
    pub engine: E,
    /// The events it has emitted and the test has not taken.
    pub events: Vec<E::Event>,
    /// The error that ended it. Its direction of the connection is closed then, as a driver does.
    pub error: Option<E::Error>,
    /// Every byte it has ever written, before anybody tampered with it.
    pub wrote: Vec<u8>,
    /// In how many writes.
    pub writes: usize,
    pub(super) deadline: Option<Instant>,
    reaction: Option<Reaction<E>>,
}

impl<E: Engine> End<E>
where
    E::Error: Debug,
{
    pub(super) fn new(engine: E) -> Self {
        End {
            engine,
            events: Vec::new(),
            error: None,
            wrote: Vec::new(),
            writes: 0,
            deadline: None,
            reaction: None,
        }
    }

    /// Answers events at once: `reaction` sees each event before the engine takes its next step, and
    /// may call verbs. The events are kept as well.
    pub fn react(&mut self, reaction: impl FnMut(&mut E, &E::Event) + 'static) {
        self.reaction = Some(Box::new(reaction));
    }

    /// Takes the events emitted so far.
    pub fn take_events(&mut self) -> Vec<E::Event> {
        std::mem::take(&mut self.events)
    }

    /// Polls until the engine wants input; true if it did anything.
    pub(super) fn settle(&mut self, out: &mut Wire, clock: &Clock) -> bool {
        if self.error.is_some() {
            return false;
        }
        let mut busy = false;
        let (wrote, events, reaction) = (&mut self.wrote, &mut self.events, &mut self.reaction);
        let writes = &mut self.writes;
        let rest = drive::settle(&mut self.engine, |engine, step| {
            busy = true;
            match step {
                Step::Transmit(bytes) => {
                    *writes += 1;
                    wrote.extend_from_slice(&bytes);
                    out.write(&bytes);
                }
                Step::Event(event) => {
                    if let Some(reaction) = reaction {
                        reaction(engine, &event);
                    }
                    events.push(event);
                }
            }
        });
        match rest {
            Ok(deadline) => self.deadline = deadline,
            Err(error) => {
                self.fail(error, out, clock);
                busy = true;
            }
        }
        busy
    }

    /// Hands over what arrives next; true if something did.
    pub(super) fn receive(&mut self, input: &mut Wire, out: &mut Wire, clock: &Clock) -> bool {
        let Some(arrival) = input.next() else { return false };
        self.call(out, clock, |engine, now| match arrival {
            Arrival::Data(bytes) => engine.handle_input(now, &bytes),
            Arrival::Eof => engine.handle_eof(now),
        });
        true
    }

    /// Handles a timeout if one is due.
    pub(super) fn timeout(&mut self, out: &mut Wire, clock: &Clock) {
        if self.deadline.is_some_and(|deadline| deadline <= clock.now()) {
            let before = self.deadline;
            self.call(out, clock, E::handle_timeout);
            self.settle(out, clock);
            assert!(
                self.deadline.is_none() || self.deadline != before,
                "handle_timeout at its deadline changes nothing: a loop would spin"
            );
        }
    }

    fn call(&mut self, out: &mut Wire, clock: &Clock, handle: impl FnOnce(&mut E, Instant) -> Result<(), E::Error>) {
        if self.error.is_some() {
            return;
        }
        if let Err(error) = handle(&mut self.engine, clock.now()) {
            self.fail(error, out, clock);
        }
    }

    fn fail(&mut self, error: E::Error, out: &mut Wire, clock: &Clock) {
        drive::assert_poisoned(&mut self.engine, clock.now(), &error);
        self.deadline = None;
        self.error = Some(error);
        out.close();
    }
}

impl<E: Engine> Debug for End<E>
where
    E::Error: Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End")
            .field("events", &self.events.len())
            .field("error", &self.error)
            .field("wrote", &self.wrote.len())
            .finish_non_exhaustive()
    }
}
