//! One world, and what may happen in it.

mod ours;
mod theirs;

use crate::network::{Inbound, OURS, Outbound, THEIRS, keys, owner_of};
use std::collections::HashSet;
use std::ops::AddAssign;
use std::time::Duration;
use xmpp_dialback::{
    Authoritative, Limits, Method, Pair, PresentedKey, Settings, Step, StreamNumber, Verdict, VerificationFailure,
    VerifyTask,
};
use xmpp_tls_core::Domain;
use xmpp_tls_testkit::Clock;
use xmpp_tls_testkit::cuts::Rng;

/// What happened, to see that enough of it did.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) honest_authenticated: u64,
    pub(crate) attacker_authenticated: u64,
    pub(crate) by_same_certificate: u64,
    pub(crate) forged_claims: u64,
    pub(crate) forged_answers_refused: u64,
    pub(crate) genuine_refusals: u64,
    pub(crate) misrouted_tasks: u64,
    pub(crate) misrouted_verdicts: u64,
    pub(crate) misdirected_claims: u64,
    pub(crate) claims_of_ours_believed: u64,
    pub(crate) timeouts: u64,
    pub(crate) lost: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.honest_authenticated += other.honest_authenticated;
        self.attacker_authenticated += other.attacker_authenticated;
        self.by_same_certificate += other.by_same_certificate;
        self.forged_claims += other.forged_claims;
        self.forged_answers_refused += other.forged_answers_refused;
        self.genuine_refusals += other.genuine_refusals;
        self.misrouted_tasks += other.misrouted_tasks;
        self.misrouted_verdicts += other.misrouted_verdicts;
        self.misdirected_claims += other.misdirected_claims;
        self.claims_of_ours_believed += other.claims_of_ours_believed;
        self.timeouts += other.timeouts;
        self.lost += other.lost;
    }
}

pub(crate) struct World {
    seed: u64,
    rng: Rng,
    clock: Clock,
    settings: Settings,
    next_number: u64,
    ours: Authoritative,
    theirs: [Authoritative; 2],
    inbound: Vec<Inbound>,
    outbound: Vec<Outbound>,
    tasks: Vec<VerifyTask>,
    verdicts: Vec<Verdict>,
    /// What the owner of a domain confirmed, on a stream that we opened to that domain.
    confirmed: HashSet<(String, Pair)>,
    /// Every id that was ever used: the attacker knows them all.
    ids: Vec<String>,
    /// Keys that the attacker was sent as a receiving server.
    learnt: Vec<PresentedKey>,
    tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut limits = Limits::default();
        limits.pending_claims = 4;
        limits.failed_claims = 6;
        limits.pairs = 6;
        limits.open_questions = 6;
        limits.answer_within = Duration::from_secs(30);
        limits.verify_within = Duration::from_secs(40);
        let secret = xmpp_dialback::DialbackSecret::new(&[33; 32]).unwrap();
        World {
            seed,
            rng: Rng::new(seed),
            clock: Clock::new(),
            settings: Settings::default().with_limits(limits),
            next_number: 0,
            ours: Authoritative::stateless(secret.into()),
            theirs: keys(),
            inbound: Vec::new(),
            outbound: Vec::new(),
            tasks: Vec::new(),
            verdicts: Vec::new(),
            confirmed: HashSet::new(),
            ids: Vec::new(),
            learnt: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) fn tally(self) -> Tally {
        self.tally
    }

    pub(crate) fn step(&mut self) {
        match self.rng.below(44) {
            0..4 => self.honest_claim(),
            4..11 => self.attack_inbound(),
            11..18 => self.deliver_inbound(),
            18..25 => self.dispatch(),
            25..29 => self.answer_outbound(),
            29..33 => self.deliver_outbound(),
            33..37 => self.bring_home(),
            37 => self.lose(),
            38 => self.pass_time(),
            39 => self.end_stream(),
            _ => self.our_claim(),
        }
    }

    /// The property of sending. It does not go away while the stream lives, and is looked at now and then.
    pub(crate) fn check_sending(&self) {
        for inbound in &self.inbound {
            for (from, to) in OURS
                .iter()
                .flat_map(|from| THEIRS.iter().flatten().map(move |to| (from, to)))
            {
                if owner_of(to) != Some(inbound.owner) {
                    let pair = Pair::new(from.clone(), to.clone());
                    let sent = inbound.stream.may_send(&pair);
                    assert!(!sent, "seed {}: {pair} on {inbound:?}", self.seed);
                }
            }
        }
    }

    /// The property of being believed.
    pub(crate) fn check(&self) {
        for inbound in &self.inbound {
            for entry in inbound.stream.authenticated() {
                let (pair, seed) = (entry.pair(), self.seed);
                let owner = owner_of(&pair.originating);
                assert_eq!(owner, Some(inbound.owner), "seed {seed}: {entry:?} on {inbound:?}");
                if entry.by() == Method::Dialback {
                    let claim = (inbound.id.clone(), pair.clone());
                    assert!(self.confirmed.contains(&claim), "seed {seed}: {entry:?} on {inbound:?}");
                }
                assert!(OURS.contains(&pair.receiving), "seed {seed}: {entry:?}");
            }
        }
    }

    fn number(&mut self) -> StreamNumber {
        self.next_number += 1;
        StreamNumber(self.next_number)
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.rng.below(of.len())]
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.rng.below(n) == 0
    }

    fn our_domain(&mut self) -> Domain {
        self.pick(&*OURS).clone()
    }

    fn any_domain(&mut self) -> Domain {
        let owner = self.rng.below(3);
        self.pick(&THEIRS[owner]).clone()
    }

    /// A message vanishes, or all that is behind a place.
    fn lose(&mut self) {
        let queues = self.inbound.iter_mut().map(|inbound| &mut inbound.to_us);
        let mut queues: Vec<_> = queues
            .chain(self.outbound.iter_mut().map(|outbound| &mut outbound.to_us))
            .collect();
        if queues.is_empty() {
            return;
        }
        let which = self.rng.below(queues.len());
        let queue = &mut queues[which];
        let before = queue.len();
        match self.rng.below(2) {
            0 => drop(queue.pop_front()),
            _ => queue.truncate(self.rng.below(before + 1)),
        }
        self.tally.lost += (before - queue.len()) as u64;
    }

    fn pass_time(&mut self) {
        self.clock.advance(Duration::from_secs(self.rng.below(40) as u64));
        let now = self.clock.now();
        for index in (0..self.outbound.len()).rev() {
            while let Some(step) = self.outbound[index].stream.handle_timeout(now) {
                self.tally.timeouts += 1;
                let Step::Verdict(verdict) = step else {
                    panic!("seed {}: {step:?}", self.seed)
                };
                self.verdicts.push(verdict);
            }
        }
        for index in (0..self.inbound.len()).rev() {
            if let Some(theirs) = &mut self.inbound[index].theirs {
                while theirs.handle_timeout(now).is_some() {}
            }
            let number = self.inbound[index].stream.number();
            // It may be closed for too many claims in vain.
            while self
                .inbound
                .get(index)
                .is_some_and(|inbound| inbound.stream.number() == number)
            {
                let Some(step) = self.inbound[index].stream.handle_timeout(now) else {
                    break;
                };
                self.tally.timeouts += 1;
                self.act(index, step);
            }
        }
    }

    fn end_stream(&mut self) {
        if !self.outbound.is_empty() && self.one_in(2) {
            let outbound = self.outbound.swap_remove(self.rng.below(self.outbound.len()));
            self.verdicts
                .extend(outbound.stream.end(&VerificationFailure::StreamEnded).verdicts);
        } else if !self.inbound.is_empty() {
            let inbound = self.inbound.swap_remove(self.rng.below(self.inbound.len()));
            self.verdicts
                .extend(inbound.stream.end(&VerificationFailure::StreamEnded).verdicts);
        }
    }
}
