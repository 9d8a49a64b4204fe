//! What honest servers and the attacker do.

use super::World;
use crate::network::{ATTACKER, Inbound, OURS, THEIRS, owner_of};
use std::collections::VecDeque;
use xmpp_dialback::{
    Accepted, Answer, DialbackCondition, DialbackStream, Message, Opened, Pair, PresentedKey, Protection, ResultAnswer,
    ResultRequest, StreamNumber, Support, VerifyAnswer, VerifyRequest,
};
use xmpp_tls_core::StreamId;

impl World {
    /// A stream that its other end opened to us, or for an attacker sometimes one that we opened to it for
    /// both directions: it then chose the id, and takes one that somebody else has.
    pub(super) fn open_inbound(&mut self, owner: usize) -> usize {
        // Numbers should be given once. Ours are not always.
        let number = match self.inbound.is_empty() || !self.one_in(6) {
            true => self.number(),
            false => self.inbound[self.rng.below(self.inbound.len())].stream.number(),
        };
        let mut octets = [0; 16];
        self.rng.fill(&mut octets);
        let mut id = StreamId::from_random(octets).to_string();
        let mut stream = DialbackStream::accepted(
            Accepted::new(number, &StreamId::from_random(octets), Protection::Tls).with_settings(self.settings),
        );
        if owner == ATTACKER && !self.ids.is_empty() && self.one_in(3) {
            id = self.rng_id();
            let target = self.pick(&THEIRS[ATTACKER]).clone();
            stream = DialbackStream::opened(
                Opened::new(number, target, &id, Protection::Tls)
                    .with_support(Support::DialbackAndErrors)
                    .with_settings(self.settings),
            );
            stream.enable_bidi().unwrap();
            let pair = Pair::new(self.our_domain(), THEIRS[ATTACKER][0].clone());
            let _ = stream.ask(pair, &mut self.ours, self.clock.now());
        } else if owner == ATTACKER && self.one_in(2) {
            stream.enable_bidi().unwrap();
        }
        self.ids.push(id.clone());
        let theirs = (owner != ATTACKER).then(|| {
            let (support, target) = (Support::DialbackAndErrors, OURS[0].clone());
            DialbackStream::opened(
                Opened::new(StreamNumber(0), target, &id, Protection::Tls)
                    .with_support(support)
                    .with_settings(self.settings),
            )
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

    pub(super) fn inbound_of(&mut self, honest: bool) -> usize {
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

    pub(super) fn honest_claim(&mut self) {
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

    pub(super) fn attack_inbound(&mut self) {
        let index = self.inbound_of(false);
        let message = self.forged();
        if let Message::ResultRequest(request) = &message
            && owner_of(&request.pair.originating) != Some(ATTACKER)
        {
            self.tally.forged_claims += 1;
        }
        self.inbound[index].to_us.push_back(message);
    }

    pub(super) fn rng_id(&mut self) -> String {
        match self.ids.len() {
            0 => "none".to_owned(),
            _ => {
                let index = self.rng.below(self.ids.len());
                self.ids[index].clone()
            }
        }
    }

    pub(super) fn any_key(&mut self) -> PresentedKey {
        match self.learnt.len() {
            known if known > 0 && self.one_in(2) => self.learnt[self.rng.below(known)].clone(),
            _ => PresentedKey::new("c0ffee").unwrap(),
        }
    }

    /// Anything that an attacker can say.
    pub(super) fn forged(&mut self) -> Message {
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

    pub(super) fn any_answer(&mut self) -> Answer {
        match self.rng.below(6) {
            0 => Answer::Invalid,
            1 => Answer::Error(DialbackCondition::ITEM_NOT_FOUND),
            _ => Answer::Valid,
        }
    }

    /// The other end of one of our streams says something.
    pub(super) fn answer_outbound(&mut self) {
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
    pub(super) fn note(&mut self, index: usize, answer: &VerifyAnswer) {
        if answer.answer == Answer::Valid && answer.pair.originating == self.outbound[index].domain {
            self.confirmed.insert((answer.id.to_string(), answer.pair.clone()));
        }
    }
}
