//! One world, and what may happen in it.

use crate::network::{ATTACKER, Inbound, OURS, Outbound, THEIRS, keys, owner_of};
use std::collections::{HashSet, VecDeque};
use std::ops::AddAssign;
use std::time::Duration;
use xmpp_dialback::{
    Answer, Authoritative, Certificate, CertificateComparison, DialbackCondition, DialbackStream, Error, Facts, Limits,
    Message, Method, Pair, PresentedKey, ResultAnswer, ResultRequest, Settings, Step, StreamNumber, Support, Verdict,
    VerificationFailure, VerifyAnswer, VerifyRequest, VerifyTask,
};
use xmpp_tls_core::{Domain, StreamId};
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
        let limits = Limits {
            pending_claims: 4,
            failed_claims: 6,
            pairs: 6,
            open_questions: 6,
            answer_within: Duration::from_secs(30),
            verify_within: Duration::from_secs(40),
        };
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
        match self.rng.below(40) {
            0..4 => self.honest_claim(),
            4..11 => self.attack_inbound(),
            11..18 => self.deliver_inbound(),
            18..25 => self.dispatch(),
            25..29 => self.answer_outbound(),
            29..33 => self.deliver_outbound(),
            33..37 => self.bring_home(),
            37 => self.lose(),
            38 => self.pass_time(),
            _ => self.end_stream(),
        }
    }

    /// The property.
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

    /// A stream that its other end opened to us, or for an attacker sometimes one that we opened to it for
    /// both directions: it then chose the id, and takes one that somebody else has.
    fn open_inbound(&mut self, owner: usize) -> usize {
        let number = self.number();
        let mut octets = [0; 16];
        self.rng.fill(&mut octets);
        let mut id = StreamId::from_random(octets).to_string();
        let mut stream = DialbackStream::accepted(number, &StreamId::from_random(octets), true, self.settings);
        if owner == ATTACKER && !self.ids.is_empty() && self.one_in(3) {
            id = self.rng_id();
            let target = self.pick(&THEIRS[ATTACKER]).clone();
            stream = DialbackStream::opened(number, target, &id, Support::DialbackAndErrors, true, self.settings);
            stream.enable_bidi().unwrap();
            let pair = Pair::new(self.our_domain(), THEIRS[ATTACKER][0].clone());
            let _ = stream.ask(pair, &mut self.ours, self.clock.now());
        }
        self.ids.push(id.clone());
        let theirs = (owner != ATTACKER).then(|| {
            let (support, target) = (Support::DialbackAndErrors, OURS[0].clone());
            DialbackStream::opened(StreamNumber(0), target, &id, support, true, self.settings)
        });
        self.inbound.push(Inbound {
            stream,
            owner,
            id,
            theirs,
            to_us: VecDeque::new(),
        });
        self.inbound.len() - 1
    }

    fn inbound_of(&mut self, honest: bool) -> usize {
        let fits = |inbound: &Inbound| (inbound.owner != ATTACKER) == honest;
        let candidates: Vec<_> = (0..self.inbound.len())
            .filter(|&index| fits(&self.inbound[index]))
            .collect();
        if candidates.is_empty() || candidates.len() < 3 && self.one_in(3) {
            let owner = match honest {
                true => self.rng.below(2),
                false => ATTACKER,
            };
            return self.open_inbound(owner);
        }
        *self.pick(&candidates)
    }

    fn honest_claim(&mut self) {
        let index = self.inbound_of(true);
        let owner = self.inbound[index].owner;
        let pair = Pair::new(self.pick(&THEIRS[owner]).clone(), self.our_domain());
        let inbound = &mut self.inbound[index];
        let theirs = inbound.theirs.as_mut().unwrap();
        if let Ok(request) = theirs.ask(pair, &mut self.theirs[owner], self.clock.now()) {
            inbound.to_us.push_back(request.into());
        }
        // It also asks the attacker to believe it, who so learns a key for an id of his choice.
        if self.one_in(2) {
            let (from, to) = (self.pick(&THEIRS[owner]).clone(), self.pick(&THEIRS[ATTACKER]).clone());
            let id = self.rng_id();
            if let Ok(key) = self.theirs[owner].key(&Pair::new(from, to), &id, self.clock.now()) {
                self.learnt.push(key.into());
            }
        }
    }

    fn attack_inbound(&mut self) {
        let index = self.inbound_of(false);
        let message = self.forged();
        if let Message::ResultRequest(request) = &message
            && owner_of(&request.pair.originating) != Some(ATTACKER)
        {
            self.tally.forged_claims += 1;
        }
        self.inbound[index].to_us.push_back(message);
    }

    fn rng_id(&mut self) -> String {
        match self.ids.len() {
            0 => "none".to_owned(),
            _ => {
                let index = self.rng.below(self.ids.len());
                self.ids[index].clone()
            }
        }
    }

    fn any_key(&mut self) -> PresentedKey {
        match self.learnt.len() {
            known if known > 0 && self.one_in(2) => self.learnt[self.rng.below(known)].clone(),
            _ => PresentedKey::new("c0ffee").unwrap(),
        }
    }

    /// Anything that an attacker can say.
    fn forged(&mut self) -> Message {
        let pair = match self.rng.below(12) {
            0 => Pair::new(self.our_domain(), self.any_domain()),
            _ => Pair::new(self.any_domain(), self.our_domain()),
        };
        let id = self.rng_id().as_str().into();
        match self.rng.below(8) {
            0..5 => ResultRequest {
                pair,
                key: self.any_key(),
            }
            .into(),
            5 => ResultAnswer {
                pair,
                answer: self.any_answer(),
            }
            .into(),
            6 => VerifyAnswer {
                pair,
                id,
                answer: self.any_answer(),
            }
            .into(),
            _ => VerifyRequest {
                pair,
                id,
                key: self.any_key(),
            }
            .into(),
        }
    }

    fn any_answer(&mut self) -> Answer {
        match self.rng.below(6) {
            0 => Answer::Invalid,
            1 => Answer::Error(DialbackCondition::ITEM_NOT_FOUND),
            _ => Answer::Valid,
        }
    }

    /// True facts: a certificate proves the domains of its owner at most.
    fn facts(&mut self, message: &Message, owner: usize) -> Facts {
        let names = owner_of(&message.pair().originating) == Some(owner);
        Facts {
            served: OURS.contains(message.to()),
            certificate: match names && self.one_in(10) {
                true => Certificate::ProvesDomain,
                false => Certificate::ProvesNothing,
            },
        }
    }

    fn deliver_inbound(&mut self) {
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
    fn over_the_wire(&mut self, message: Message) -> Message {
        match self.one_in(50) {
            true => Message::from_element(&message.to_element().unwrap()).unwrap().unwrap(),
            false => message,
        }
    }

    /// What our side of an inbound stream wants.
    fn act(&mut self, index: usize, step: Step) {
        match step {
            Step::Verify(task) => self.tasks.push(task),
            Step::Verdict(verdict) => self.verdicts.push(verdict),
            Step::Send(Message::ResultAnswer(answer)) => self.count(index, &answer, false),
            Step::SendAndClose(Message::ResultAnswer(answer)) => {
                self.count(index, &answer, true);
                self.inbound.swap_remove(index);
            }
            Step::Send(_) | Step::SendAndClose(_) | Step::Outcome(_) | Step::Nothing => {}
        }
    }

    fn count(&mut self, index: usize, answer: &ResultAnswer, closes: bool) {
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
    fn dispatch(&mut self) {
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
                    stream: DialbackStream::opened(number, domain.clone(), &id, support, true, self.settings),
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

    fn ask_on(&mut self, index: usize, task: VerifyTask) {
        let (owner, domain) = (self.outbound[index].owner, self.outbound[index].domain.clone());
        // The certificates of the two streams are identical if they are of one party; it names its domains.
        let claimant = self
            .inbound
            .iter()
            .find(|inbound| inbound.stream.number() == task.stream());
        let comparison = CertificateComparison {
            identical: claimant.is_some_and(|inbound| inbound.owner == owner),
            names_domain: owner_of(task.domain()) == Some(owner),
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

    fn misroute(&mut self, task: VerifyTask) {
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

    /// The other end of one of our streams says something.
    fn answer_outbound(&mut self) {
        if self.outbound.is_empty() {
            return;
        }
        let index = self.rng.below(self.outbound.len());
        let owner = self.outbound[index].owner;
        if owner == ATTACKER && self.one_in(3) {
            let forged = self.forged();
            // Among all that it says may be what it was asked.
            if let Message::VerifyAnswer(answer) = &forged {
                self.note(index, answer);
            }
            self.outbound[index].to_us.push_back(forged);
            return;
        }
        if self.outbound[index].asked.is_empty() {
            return;
        }
        let which = self.rng.below(self.outbound[index].asked.len());
        let request = self.outbound[index].asked.swap_remove(which);
        let answer = match owner {
            ATTACKER => VerifyAnswer {
                pair: request.pair,
                id: request.id,
                answer: self.any_answer(),
            },
            _ => {
                let served = THEIRS[owner].contains(&request.pair.originating);
                self.theirs[owner].answer(&request, served, self.clock.now())
            }
        };
        self.note(index, &answer);
        self.outbound[index].to_us.push_back(answer.into());
    }

    /// The other end of a stream that we opened says this there.
    fn note(&mut self, index: usize, answer: &VerifyAnswer) {
        if answer.answer == Answer::Valid && answer.pair.originating == self.outbound[index].domain {
            self.confirmed.insert((answer.id.to_string(), answer.pair.clone()));
        }
    }

    fn deliver_outbound(&mut self) {
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
    fn bring_home(&mut self) {
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
