//! What our server does, with mistakes.

use super::World;
use crate::network::{ATTACKER, OURS, Outbound, THEIRS, owner_of};
use std::collections::VecDeque;
use xmpp_dialback::{
    Answer, ApiMisuse, Certificate, CertificateComparison, DialbackStream, Error, Facts, Message, Method, Opened,
    Outcome, Pair, Protection, ResultAnswer, Step, Support, VerificationFailure, VerifyAnswer, VerifyTask,
};

impl World {
    /// True facts: a certificate proves the domains of its owner at most.
    pub(super) fn facts(&mut self, message: &Message, owner: usize) -> Facts {
        let names = owner_of(&message.pair().originating) == Some(owner);
        let mut facts = Facts::default();
        facts.served = OURS.contains(message.to());
        if names && self.one_in(10) {
            facts.certificate = Certificate::ProvesDomain;
        }
        facts
    }

    pub(super) fn deliver_inbound(&mut self) {
        if self.inbound.is_empty() {
            return;
        }
        let index = self.rng.below(self.inbound.len());
        let Some(message) = self.inbound[index].to_us.pop_front() else {
            return;
        };
        let message = self.over_the_wire(message);
        let facts = self.facts(&message, self.inbound[index].owner);
        let step = self.inbound[index]
            .stream
            .handle(message, facts, &mut self.ours, self.clock.now());
        match step {
            Ok(step) => self.act(index, step),
            Err(Error::PeerMisbehaved(_)) => self.tally.forged_answers_refused += 1,
            Err(other) => panic!("seed {}: {other}", self.seed),
        }
    }

    /// Sometimes as XML.
    pub(super) fn over_the_wire(&mut self, message: Message) -> Message {
        match self.one_in(50) {
            true => Message::from_element(&message.to_element().unwrap()).unwrap().unwrap(),
            false => message,
        }
    }

    /// What our side of an inbound stream wants.
    pub(super) fn act(&mut self, index: usize, step: Step) {
        match step {
            Step::Verify(task) => self.tasks.push(task),
            Step::Verdict(verdict) => self.verdicts.push(verdict),
            Step::Send(Message::ResultAnswer(answer)) => self.count(index, &answer, false),
            Step::Decided(decision) => {
                self.count(index, &decision.answer, decision.closes_stream);
                if decision.closes_stream {
                    self.inbound.swap_remove(index);
                }
            }
            Step::Outcome(Outcome::Verified { .. }) => self.tally.claims_of_ours_believed += 1,
            Step::Send(_) | Step::Outcome(_) | Step::Nothing => {}
        }
    }

    pub(super) fn count(&mut self, index: usize, answer: &ResultAnswer, closes: bool) {
        let inbound = &mut self.inbound[index];
        let entry = inbound
            .stream
            .authenticated()
            .find(|entry| *entry.pair() == answer.pair);
        match (&answer.answer, entry) {
            (Answer::Valid, Some(entry)) => {
                let count = match (entry.by(), inbound.owner) {
                    (Method::SameCertificate, _) => &mut self.tally.by_same_certificate,
                    (_, ATTACKER) => &mut self.tally.attacker_authenticated,
                    _ => &mut self.tally.honest_authenticated,
                };
                *count += 1;
            }
            (Answer::Valid, None) => panic!("seed {}: {answer:?} without an entry", self.seed),
            (Answer::Invalid | Answer::Error(_), Some(_)) => panic!("seed {}: {answer:?}", self.seed),
            (Answer::Invalid, None) => {
                assert!(closes, "seed {}", self.seed);
                self.tally.genuine_refusals += 1;
            }
            (Answer::Error(_), None) => {}
        }
        if let Some(theirs) = &mut inbound.theirs {
            let message = answer.clone().into();
            let _ = theirs.handle(
                message,
                Facts::default(),
                &mut self.theirs[inbound.owner],
                self.clock.now(),
            );
        }
    }

    /// Our side has a task done: on the right stream, a new one, or by mistake on any other.
    pub(super) fn dispatch(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        let task = self.tasks.swap_remove(self.rng.below(self.tasks.len()));
        if self.one_in(12) {
            self.verdicts.push(task.fail(VerificationFailure::NoConnection));
            return;
        }
        if self.one_in(4) {
            return self.misroute(task);
        }
        let right = self
            .outbound
            .iter()
            .position(|outbound| outbound.domain == *task.domain());
        let index = match right {
            Some(index) if !self.one_in(6) => index,
            _ => {
                let (number, domain) = (self.number(), task.domain().clone());
                let owner = owner_of(&domain).unwrap_or(ATTACKER);
                let support = Support::DialbackAndErrors;
                let id = self.rng_id();
                self.outbound.push(Outbound {
                    stream: DialbackStream::opened(
                        Opened::new(number, domain.clone(), &id, Protection::Tls)
                            .with_support(support)
                            .with_settings(self.settings),
                    ),
                    domain,
                    owner,
                    asked: Vec::new(),
                    to_us: VecDeque::new(),
                });
                self.outbound.len() - 1
            }
        };
        self.ask_on(index, task);
    }

    pub(super) fn ask_on(&mut self, index: usize, task: VerifyTask) {
        let (owner, domain) = (self.outbound[index].owner, self.outbound[index].domain.clone());
        // The certificates of the two streams are identical if they are of one party; it names its domains.
        // What is said about certificates is true, also where a number was given twice.
        let streams = self.inbound.iter();
        let mut claimants = streams
            .filter(|inbound| inbound.stream.number() == task.stream())
            .peekable();
        let identical = claimants.peek().is_some() && claimants.all(|inbound| inbound.owner == owner);
        let comparison = match (identical, owner_of(task.domain()) == Some(owner)) {
            (true, true) => CertificateComparison::SameAndNamesDomain,
            (true, false) => CertificateComparison::SameForAnotherName,
            (false, _) => CertificateComparison::Different,
        };
        let outbound = &mut self.outbound[index];
        let task = match self.rng.below(6) {
            0 => match outbound.stream.same_certificate(task, comparison) {
                Ok(verdict) => return self.verdicts.push(verdict),
                Err(task) => task,
            },
            _ => task,
        };
        match outbound.stream.verify(task, self.clock.now()) {
            Ok(request) => {
                // Whatever we ask, we ask its owner about.
                assert_eq!(request.pair.originating, domain, "seed {}", self.seed);
                outbound.asked.push(request);
            }
            Err(refused) => {
                self.tally.misrouted_tasks += u64::from(matches!(refused.error, Error::ApiMisuse(_)));
                self.tasks.push(refused.task);
            }
        }
    }

    pub(super) fn misroute(&mut self, task: VerifyTask) {
        if !self.outbound.is_empty() && self.one_in(2) {
            let index = self.rng.below(self.outbound.len());
            if self.outbound[index].domain == *task.domain() {
                return self.ask_on(index, task);
            }
            let outbound = &mut self.outbound[index];
            return match outbound.stream.verify(task, self.clock.now()) {
                // It must not be: whoever is there would be believed.
                Ok(request) => outbound.asked.push(request),
                Err(refused) => {
                    self.tally.misrouted_tasks += 1;
                    self.tasks.push(refused.task);
                }
            };
        }
        let Some(index) = (!self.inbound.is_empty()).then(|| self.rng.below(self.inbound.len())) else {
            return self.tasks.push(task);
        };
        match self.inbound[index].stream.verify(task, self.clock.now()) {
            // Only a stream that we opened can take it, and then its owner may say what it likes.
            Ok(request) => {
                let inbound = &mut self.inbound[index];
                let (pair, id) = (request.pair, request.id);
                if owner_of(&pair.originating) == Some(inbound.owner) {
                    self.confirmed.insert((id.to_string(), pair.clone()));
                }
                let answer = Answer::Valid;
                inbound.to_us.push_back(VerifyAnswer { pair, id, answer }.into());
            }
            Err(refused) => {
                self.tally.misrouted_tasks += 1;
                self.tasks.push(refused.task);
            }
        }
    }

    /// Our side wants to send to anybody on a stream to the attacker, which says yes.
    pub(super) fn our_claim(&mut self) {
        let index = self.inbound_of(false);
        let to = match self.one_in(2) {
            true => self.any_domain(),
            false => self.pick(&THEIRS[ATTACKER]).clone(),
        };
        let pair = Pair::new(self.our_domain(), to);
        let inbound = &mut self.inbound[index];
        match inbound.stream.ask(pair.clone(), &mut self.ours, self.clock.now()) {
            Ok(_) | Err(Error::ApiMisuse(ApiMisuse::AlreadyAsked { .. })) => {}
            Err(Error::ApiMisuse(ApiMisuse::TargetUnproved { .. })) => self.tally.misdirected_claims += 1,
            Err(_) => return,
        }
        if self.one_in(2) {
            let answer = Answer::Valid;
            self.inbound[index]
                .to_us
                .push_back(ResultAnswer { pair, answer }.into());
        }
    }

    pub(super) fn deliver_outbound(&mut self) {
        if self.outbound.is_empty() {
            return;
        }
        let index = self.rng.below(self.outbound.len());
        let Some(message) = self.outbound[index].to_us.pop_front() else {
            return;
        };
        let message = self.over_the_wire(message);
        let stream = &mut self.outbound[index].stream;
        match stream.handle(message, Facts::default(), &mut self.ours, self.clock.now()) {
            Ok(Step::Verdict(verdict)) => self.verdicts.push(verdict),
            Ok(other) => panic!("seed {}: {other:?}", self.seed),
            Err(Error::PeerMisbehaved(_)) => self.tally.forged_answers_refused += 1,
            Err(other) => panic!("seed {}: {other}", self.seed),
        }
    }

    /// Our side gives a verdict to the stream that waits for it, or by mistake to another.
    pub(super) fn bring_home(&mut self) {
        if self.verdicts.is_empty() || self.inbound.is_empty() {
            return;
        }
        let verdict = self.verdicts.swap_remove(self.rng.below(self.verdicts.len()));
        let right = self
            .inbound
            .iter()
            .position(|inbound| inbound.stream.number() == verdict.stream());
        let index = match right {
            Some(index) if !self.one_in(8) => index,
            _ => self.rng.below(self.inbound.len()),
        };
        match self.inbound[index].stream.conclude(verdict, self.clock.now()) {
            Ok(step) => self.act(index, step),
            Err(Error::ApiMisuse(_)) => self.tally.misrouted_verdicts += 1,
            Err(other) => panic!("seed {}: {other}", self.seed),
        }
    }
}
