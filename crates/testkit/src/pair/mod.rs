//! Two engines joined in memory.

mod end;
mod wire;

pub use end::End;
pub use wire::{Chunking, Wire};

use crate::clock::Clock;
use crate::cuts::Rng;
use std::fmt::Debug;
use std::time::Duration;
use xmpp_tls_core::Engine;

/// Two engines that talk to each other in memory, under a virtual clock: no socket, no thread, no
/// sleep. The wire between them records, and can be made hostile.
///
/// ```
/// # use xmpp_tls_testkit::toy::Lines;
/// use std::time::Duration;
/// use xmpp_tls_testkit::{Clock, Pair};
///
/// let clock = Clock::new();
/// let mut pair = Pair::new(Lines::greeting("hello"), Lines::impatient(clock.now()), clock);
/// pair.drive();
/// assert_eq!(pair.b.events, ["hello"]);
/// assert_eq!(pair.a.events, ["ok"]);
///
/// pair.a_to_b.replace("secret", "XXXXXX");       // an attacker on the wire
/// pair.a.engine.say("a secret");
/// pair.drive();
/// assert_eq!(pair.b.events.last().unwrap(), "a XXXXXX");
/// assert!(pair.a.wrote.ends_with(b"a secret\n")); // what was written, for leak tests
///
/// pair.advance(Duration::from_secs(31));
/// assert_eq!(pair.b.error.as_deref(), Some("silence"));
/// ```
#[derive(Debug)]
pub struct Pair<A: Engine, B: Engine>
where
    A::Error: Debug,
    B::Error: Debug,
{
    /// One side, usually the initiating entity.
    pub a: End<A>,
    /// The other side.
    pub b: End<B>,
    /// What `a` writes on its way to `b`.
    pub a_to_b: Wire,
    /// What `b` writes on its way to `a`.
    pub b_to_a: Wire,
    clock: Clock,
}

/// Two engines that exchange more chunks than this never come to rest.
const MAX_ROUNDS: usize = 10_000_000;

impl<A: Engine, B: Engine> Pair<A, B>
where
    A::Error: Debug,
    B::Error: Debug,
{
    /// Joins two engines made at `clock`'s time. Nothing happens before [`drive`](Pair::drive).
    pub fn new(a: A, b: B, clock: Clock) -> Self {
        Pair {
            a: End::new(a),
            b: End::new(b),
            a_to_b: Wire::new(),
            b_to_a: Wire::new(),
            clock,
        }
    }

    /// Delivers so many bytes at a time, in both directions.
    pub fn chunk_size(mut self, size: usize) -> Self {
        self.a_to_b.chunks(Chunking::Fixed(size));
        self.b_to_a.chunks(Chunking::Fixed(size));
        self
    }

    /// Delivers chunks of random size up to `most`, in both directions.
    pub fn random_chunks(mut self, seed: u64, most: usize) -> Self {
        self.a_to_b.chunks(Chunking::Random(Rng::new(seed), most));
        self.b_to_a.chunks(Chunking::Random(Rng::new(!seed), most));
        self
    }

    /// Lets both sides talk until nothing moves any more, without time passing.
    ///
    /// # Panics
    ///
    /// If they never come to rest.
    pub fn drive(&mut self) {
        let Pair {
            a,
            b,
            a_to_b,
            b_to_a,
            clock,
        } = self;
        for _ in 0..MAX_ROUNDS {
            let mut busy = a.settle(a_to_b, clock);
            busy |= b.receive(a_to_b, b_to_a, clock);
            busy |= b.settle(b_to_a, clock);
            busy |= a.receive(b_to_a, a_to_b, clock);
            if !busy {
                return;
            }
        }
        panic!("the two engines do not come to rest");
    }

    /// Lets time pass: deadlines on the way are honoured, each at its own time, and both sides talk
    /// after each.
    pub fn advance(&mut self, by: Duration) {
        let end = self.clock.now() + by;
        self.drive();
        while let Some(deadline) = [self.a.deadline, self.b.deadline]
            .into_iter()
            .flatten()
            .min()
            .filter(|due| *due <= end)
        {
            self.clock.advance_to(deadline);
            self.a.timeout(&mut self.a_to_b, &self.clock);
            self.b.timeout(&mut self.b_to_a, &self.clock);
            self.drive();
        }
        self.clock.advance_to(end);
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Panics if one side failed.
    pub fn assert_no_error(&self) {
        assert!(self.a.error.is_none(), "side a failed: {:?}", self.a.error);
        assert!(self.b.error.is_none(), "side b failed: {:?}", self.b.error);
    }
}
