//! Who is asked about claims, and which claims wait for that.

use super::mailbox::{Address, Order};
use crate::federation::{Pair, StreamNumber, Verdict, VerificationFailure, VerifyTask};
use pki_types::CertificateDer;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Servers that are asked at a time: a stranger's claims must not make us connect to everybody.
const ASKED: usize = 1024;
/// Claims that wait until one of those has answered.
const WAITING: usize = 16 * 1024;

/// A claim, and the certificate that was shown on its stream.
pub(super) struct Claim {
    pub(super) task: VerifyTask,
    pub(super) shown: Option<CertificateDer<'static>>,
    pub(super) since: Instant,
}

impl Claim {
    /// Which domain of ours asks, and which domain is asked.
    fn asks(&self) -> Pair {
        Pair::new(self.task.pair().receiving.clone(), self.task.domain().clone())
    }

    pub(super) fn fail(self, why: VerificationFailure) -> Verdict {
        self.task.fail(why)
    }
}

#[derive(Default)]
pub(super) struct Asking {
    asked: BTreeMap<Pair, Asked>,
    /// Oldest first.
    waiting: VecDeque<Claim>,
}

struct Asked {
    address: Address,
    /// Claims without an answer, by the stream that waits for it.
    open: BTreeMap<StreamNumber, usize>,
}

impl Asking {
    /// Has a claim verified; `open` makes a stream. What there is no room for waits, and what cannot wait either
    /// comes to the verdict here.
    pub(super) fn verify(&mut self, claim: Claim, open: &dyn Fn(Pair) -> Address) -> Option<Verdict> {
        let asks = claim.asks();
        if self.asked.get(&asks).is_some_and(|asked| asked.address.has_ended()) {
            self.asked.remove(&asks);
        }
        match self.asked.contains_key(&asks) || self.make_room() {
            true => self.ask(asks, claim, open),
            false if self.waiting.len() < WAITING => {
                self.waiting.push_back(claim);
                None
            }
            false => Some(claim.fail(VerificationFailure::Busy)),
        }
    }

    /// Asks about what waits, as far as there is room now, and not about what waited longer than `patience`.
    pub(super) fn go_on(&mut self, patience: Duration, now: Instant, open: &dyn Fn(Pair) -> Address) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        while !self.waiting.is_empty() && self.make_room() {
            let Some(claim) = self.waiting.pop_front() else { break };
            verdicts.extend(match now.saturating_duration_since(claim.since) < patience {
                true => self.ask(claim.asks(), claim, open),
                false => Some(claim.fail(VerificationFailure::TimedOut)),
            });
        }
        verdicts
    }

    /// The server at the other end of the stream for `asks` has answered.
    pub(super) fn answered(&mut self, asks: &Pair, stream: StreamNumber) {
        let open = self.asked.get_mut(asks).map(|asked| &mut asked.open);
        if let Some(open) = open
            && let Some(count) = open.get_mut(&stream)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&stream);
            }
        }
    }

    /// A stream has ended: what it claimed takes no place from others.
    pub(super) fn forget(&mut self, stream: StreamNumber) {
        self.waiting.retain(|claim| claim.task.stream() != stream);
        self.asked.retain(|_, asked| {
            let was_waited_for = asked.open.remove(&stream).is_some();
            let is_needed = !was_waited_for || !asked.open.is_empty();
            if !is_needed {
                drop(asked.address.order(Order::Close(None)));
            }
            is_needed
        });
    }

    pub(super) fn retire(&mut self, asks: &Pair, address: &Address) {
        if self.asked.get(asks).is_some_and(|asked| asked.address.is(address)) {
            self.asked.remove(asks);
        }
    }

    fn ask(&mut self, asks: Pair, claim: Claim, open: &dyn Fn(Pair) -> Address) -> Option<Verdict> {
        let stream = claim.task.stream();
        let asked = self.asked.entry(asks.clone()).or_insert_with(|| Asked {
            address: open(asks),
            open: BTreeMap::new(),
        });
        match asked.address.order(Order::Verify(claim.task, claim.shown)) {
            Ok(()) => {
                *asked.open.entry(stream).or_default() += 1;
                None
            }
            // It ended this very moment, or is asked too much; the peer may claim again.
            Err(refused) => match *refused {
                Order::Verify(task, _) => Some(task.fail(VerificationFailure::Busy)),
                Order::Conclude(_) | Order::Close(_) => None,
            },
        }
    }

    /// Whether one more can be asked. A stream that has answered everything gives way.
    fn make_room(&mut self) -> bool {
        if self.asked.len() < ASKED {
            return true;
        }
        let idle = self.asked.iter().find(|(_, asked)| asked.open.is_empty());
        let Some(asks) = idle.map(|(asks, _)| asks.clone()) else {
            return false;
        };
        if let Some(asked) = self.asked.remove(&asks) {
            drop(asked.address.order(Order::Close(None)));
        }
        true
    }
}
