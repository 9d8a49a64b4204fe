//! What both directions share: a session with dialback joined to it.

use super::config::FederationConfig;
use super::event::{AuthenticatedPair, Event, Refusal, Rejection};
use super::worth::Worth;
use crate::error::{Error, ErrorKind};
use crate::ledger::Sighting;
use crate::security::Tried;
use crate::session::{self, Session, Target};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use xmpp_dialback::{
    Admitted, Answer, Certificate, Decision, DialbackCondition, DialbackStream, Facts, Message, Method,
    NotAuthenticated, Outcome as Answered, Pair, Protection, ResultAnswer, Step, StreamNumber, Verdict,
};
use xmpp_stream::{Element, StreamError, StreamHeader};
use xmpp_tls_core::{Domain, Engine, Output, Side, StreamCondition};

/// Methods of authentication that are remembered of one stream.
const MAX_TRIED: usize = 16;

pub(super) struct Core {
    pub(super) config: Arc<FederationConfig>,
    pub(super) session: Session,
    pub(super) number: StreamNumber,
    /// From the peer's header on.
    pub(super) dialback: Option<DialbackStream>,
    /// The pair of ours that SASL EXTERNAL proved, on a stream that we opened.
    pub(super) external: Option<AuthenticatedPair>,
    /// The stream is used in both directions (XEP-0288).
    pub(super) bidi: bool,
    pub(super) now: Instant,
    /// In both directions: the peer's domains that took our word, and whose policies have of this stream what they
    /// want of who sends to us.
    may_answer: BTreeSet<Domain>,
    /// The same on a stream that the peer opened: its domains whose policies have of it what we want of whom we send to.
    may_hear: BTreeSet<Domain>,
    /// Claims of the peer's that came to nothing.
    rejections: usize,
    tried: Vec<Tried>,
    events: VecDeque<Event>,
}

/// Buffers hold what others say to each other: they are not shown.
impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("number", &self.number)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// What a session did that concerns its direction.
pub(super) enum Heard {
    Opened(StreamHeader),
    Features(xmpp_stream::Features),
    Element(Element),
}

impl Core {
    pub(super) fn new(config: Arc<FederationConfig>, session: Session, now: Instant) -> Self {
        Core {
            number: config.number(),
            config,
            session,
            dialback: None,
            external: None,
            bidi: false,
            now,
            may_answer: BTreeSet::new(),
            may_hear: BTreeSet::new(),
            rejections: 0,
            tried: Vec::new(),
            events: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// For reports: the latest are kept.
    pub(super) fn note_tried(&mut self, pair: Pair, method: Method, failure: Option<String>) {
        if self.tried.len() >= MAX_TRIED {
            self.tried.remove(0);
        }
        self.tried.push(Tried::new(pair, method, failure));
    }

    pub(super) fn tried(&self) -> &[Tried] {
        &self.tried
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.session.report().is_some_and(|report| report.is_encrypted())
    }

    pub(super) fn protection(&self) -> Protection {
        match self.is_encrypted() {
            true => Protection::Tls,
            false => Protection::Clear,
        }
    }

    /// What came of a claim on this stream.
    pub(super) fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<(), Error> {
        self.now = self.now.max(now);
        let Some(dialback) = &mut self.dialback else {
            return Err(self.session.error(ErrorKind::ApiMisuse("the stream is not open yet")));
        };
        match dialback.conclude(verdict, now) {
            Ok(step) => self.take(step),
            Err(error) => Err(self.session.error(ErrorKind::Dialback(Box::new(error)))),
        }
    }

    /// The next output, or what the direction has to react to first.
    pub(super) fn poll(&mut self) -> Result<Result<Output<Event>, Heard>, Error> {
        loop {
            if let Some(bytes) = self.session.poll_transmit() {
                return Ok(Ok(Output::Transmit(bytes)));
            }
            if let Some(event) = self.events.pop_front() {
                return Ok(Ok(Output::Event(event)));
            }
            let event = match self.session.poll_output()? {
                Output::Transmit(bytes) => return Ok(Ok(Output::Transmit(bytes))),
                Output::WantsInput(until) => {
                    let dialback = self.dialback.as_ref().and_then(DialbackStream::deadline);
                    return Ok(Ok(Output::WantsInput(until.into_iter().chain(dialback).min())));
                }
                Output::Event(event) => event,
            };
            let heard = match event {
                session::Event::Secured(report) => return Ok(Ok(Output::Event(Event::Secured(report)))),
                session::Event::Plaintext(report) => return Ok(Ok(Output::Event(Event::Plaintext(report)))),
                session::Event::Closed(how) => return Ok(Ok(Output::Event(Event::Closed(how)))),
                session::Event::Opened(header) => Heard::Opened(header),
                session::Event::Features(features) => Heard::Features(features),
                session::Event::Element(element) => Heard::Element(element),
            };
            // What comes behind our closing tag changes nothing any more, however much it is.
            if self.session.takes_more() {
                return Ok(Err(heard));
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.now = self.now.max(now);
        self.session.handle_timeout(now)?;
        while let Some(step) = self.dialback.as_mut().and_then(|dialback| dialback.handle_timeout(now)) {
            // Otherwise nobody is left to be told.
            if self.session.takes_more() {
                self.take(step)?;
            }
        }
        Ok(())
    }

    /// A dialback element came.
    pub(super) fn handle_dialback(&mut self, element: &Element) -> Result<(), Error> {
        let message = match Message::from_element(element) {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(()),
            Err(error) => return self.dialback_failed(error.into()),
        };
        let facts = match &message {
            Message::ResultRequest(request) => match self.facts_about(&request.pair) {
                Some(facts) => facts,
                None => return self.reject(request.pair.clone()),
            },
            _ if self.config.serves(message.to()) => Facts::served(),
            _ => Facts::default(),
        };
        let Some(dialback) = &mut self.dialback else {
            return Ok(());
        };
        let now = self.now;
        let step = self.config.with_keys(|keys| dialback.handle(message, facts, keys, now));
        match step {
            Ok(step) => self.take(step),
            Err(error) => self.dialback_failed(error),
        }
    }

    /// What is known about a claim; `None` if the policy for the claimed domain does not allow for it here. What a
    /// claim cannot come to anything without is asked first: a path is not built for everybody.
    fn facts_about(&self, claim: &Pair) -> Option<Facts> {
        let known = self.dialback.as_ref().is_some_and(|dialback| {
            dialback.authentication(claim).is_some() || dialback.pending().any(|pending| pending == claim)
        });
        if !self.config.serves(&claim.receiving) {
            return Some(Facts::default());
        }
        // We would have to ask ourselves, and never came by this stream.
        if self.config.serves(&claim.originating) {
            return None;
        }
        if known {
            return Some(Facts::served());
        }
        match self.worth_for(&claim.originating) {
            Worth::TooLittle => None,
            Worth::Protected => Some(Facts::served()),
            Worth::Proved => Some(Facts::served().with_certificate(Certificate::ProvesDomain)),
        }
    }

    fn reject(&mut self, pair: Pair) -> Result<(), Error> {
        let answer = Answer::Error(DialbackCondition::POLICY_VIOLATION);
        let why = Rejection::Policy;
        self.session.send_dialback(
            &ResultAnswer {
                pair: pair.clone(),
                answer,
            }
            .into(),
        )?;
        self.rejected(pair, why)
    }

    /// A claim came to nothing. A peer that claims so often in vain is refused, as for failed logins
    /// (RFC 6120 section 6.4.5).
    fn rejected(&mut self, pair: Pair, why: Rejection) -> Result<(), Error> {
        self.note_tried(pair.clone(), Method::Dialback, Some(why.to_string()));
        self.push(Event::Rejected { pair, why });
        self.rejections += 1;
        match self.rejections > self.config.limits().failed_claims {
            true => {
                let error = StreamError::new(StreamCondition::POLICY_VIOLATION);
                self.session.close_with(&error, self.now)
            }
            false => Ok(()),
        }
    }

    /// What has no place here is ignored (XEP-0220 section 2.2), what is no dialback ends the stream.
    fn dialback_failed(&mut self, error: xmpp_dialback::Error) -> Result<(), Error> {
        if error.stream_condition().is_some() {
            self.session.fail(ErrorKind::Dialback(Box::new(error)));
        }
        Ok(())
    }

    /// Acts on what dialback came to.
    pub(super) fn take(&mut self, step: Step) -> Result<(), Error> {
        match step {
            Step::Send(message) => self.session.send_dialback(&message),
            Step::Decided(decision) => {
                let Decision {
                    answer,
                    outcome,
                    closes_stream,
                    ..
                } = *decision;
                self.session.send_dialback(&answer.into())?;
                self.note(outcome)?;
                match closes_stream {
                    true => self.session.close(self.now),
                    false => Ok(()),
                }
            }
            Step::Verify(task) => {
                self.push(Event::Verify(task));
                Ok(())
            }
            Step::Verdict(verdict) => {
                self.push(Event::Verdict(verdict));
                Ok(())
            }
            Step::Outcome(outcome) => self.note(outcome),
            Step::Nothing => Ok(()),
        }
    }

    fn note(&mut self, outcome: Answered) -> Result<(), Error> {
        match outcome {
            Answered::Verified { pair } => self.accepted(AuthenticatedPair::new(pair, Method::Dialback, self.now)),
            Answered::Refused { pair, why } => {
                let closes = why.ends_stream();
                self.note_tried(pair.clone(), Method::Dialback, Some(why.to_string()));
                let why = Refusal::Dialback(why);
                self.push(Event::Refused { pair, why });
                match closes {
                    true => self.session.close(self.now),
                    false => Ok(()),
                }
            }
            Answered::Authenticated(known) => {
                self.session.authentication_complete()?;
                self.authenticated_as(known.pair());
                self.note_tried(known.pair().clone(), known.by(), None);
                self.push(Event::Authenticated(AuthenticatedPair::from(&known)));
                Ok(())
            }
            Answered::Rejected { pair, why } => self.rejected(pair, Rejection::Dialback(why)),
        }
    }

    /// The peer proved a pair of its own, and wants to hear on this stream too, if that is agreed on.
    pub(super) fn authenticated_as(&mut self, pair: &Pair) {
        if self.bidi {
            let target = Target::new(pair.originating.clone()).from_server(pair.receiving.clone());
            let policy = self.config.client.policy_for(&target);
            if Worth::of(&self.session, policy, &pair.originating, self.now) != Worth::TooLittle {
                self.may_hear.insert(pair.originating.clone());
            }
        }
    }

    /// The peer took a pair of ours.
    pub(super) fn accepted(&mut self, pair: AuthenticatedPair) -> Result<(), Error> {
        self.session.authentication_complete()?;
        self.note_tried(pair.pair.clone(), pair.by, None);
        let peer = &pair.pair.receiving;
        if self.bidi && self.worth_for(peer) != Worth::TooLittle {
            self.may_answer.insert(peer.clone());
        }
        self.push(Event::Accepted(pair));
        Ok(())
    }

    /// A stanza came: it is reported if its pair is authenticated, and ends the stream otherwise.
    pub(super) fn handle_stanza(&mut self, element: Element) {
        match Pair::of_stanza(&element) {
            Ok(pair) => match self.admits(&pair) {
                Ok(()) => self.push(Event::Stanza(element)),
                Err(error) => self.session.fail(ErrorKind::NotAuthenticated(Box::new(error))),
            },
            Err(error) => self.session.fail(ErrorKind::Dialback(Box::new(error))),
        }
    }

    fn admits(&self, pair: &Pair) -> Result<(), NotAuthenticated> {
        let unknown = || NotAuthenticated::From { pair: pair.clone() };
        let known = match &self.dialback {
            _ if self.bidi && self.is_believed(&pair.inverse()) => Admitted::OpenedByUs,
            Some(dialback) => dialback.admits(pair)?,
            None => return Err(unknown()),
        };
        match known {
            Admitted::Authenticated(_) => Ok(()),
            // That somebody took our word says nothing of who it is.
            Admitted::OpenedByUs => self
                .may_answer
                .contains(&pair.originating)
                .then_some(())
                .ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }

    /// Whether stanzas of this pair of ours may be sent.
    pub(super) fn may_send(&self, pair: &Pair) -> bool {
        let Some(dialback) = &self.dialback else {
            return self.is_believed(pair);
        };
        let by_dialback = match dialback.side() {
            Side::Initiating => dialback.may_send(pair),
            Side::Receiving => dialback.may_send(pair) && self.may_hear.contains(&pair.receiving),
        };
        self.is_believed(pair) || by_dialback
    }

    /// Whether the peer took this pair of ours by SASL EXTERNAL.
    fn is_believed(&self, pair: &Pair) -> bool {
        self.external.as_ref().is_some_and(|external| external.pair == *pair)
    }

    pub(super) fn send(&mut self, stanza: &Element) -> Result<(), Error> {
        let pair = Pair::of_stanza(stanza).map_err(|error| self.session.error(ErrorKind::Dialback(Box::new(error))))?;
        match self.may_send(&pair) {
            true => self.session.send(stanza),
            false => {
                let unknown = NotAuthenticated::From { pair };
                Err(self.session.error(ErrorKind::NotAuthenticated(Box::new(unknown))))
            }
        }
    }

    pub(super) fn send_built(&mut self, element: Result<Element, xmpp_stream::Error>) -> Result<(), Error> {
        match element {
            Ok(element) => self.session.send(&element),
            Err(error) => Err(self.session.error(error.into())),
        }
    }

    /// The pairs that stanzas are taken from.
    pub(super) fn authenticated(&self) -> impl Iterator<Item = AuthenticatedPair> + '_ {
        let dialback = self.dialback.iter().flat_map(DialbackStream::authenticated);
        dialback.map(AuthenticatedPair::from)
    }

    /// By the policy for the claimed domain, as the proof itself was judged.
    pub(super) fn sighting(&self, pair: &Pair, by: Method) -> Option<Sighting> {
        let report = self.session.report()?;
        let verdict = match by {
            Method::External | Method::Certificate => {
                let keys = self.config.policy_for(&pair.originating).keys;
                let verdict = self.session.verdict_under(keys, &pair.originating, self.now)?;
                verdict.is_authenticated().then_some(Some(verdict))?
            }
            _ => None,
        };
        Some(Sighting::of_peer(report, pair, verdict.as_ref()))
    }

    /// What this stream is worth for a server that says to be `domain`.
    pub(super) fn worth_for(&self, domain: &Domain) -> Worth {
        Worth::of(&self.session, self.config.policy_for(domain), domain, self.now)
    }
}
