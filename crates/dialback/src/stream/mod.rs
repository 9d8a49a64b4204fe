pub(crate) mod step;

use crate::error::{ApiMisuse, Error, NotAsked, PeerMisbehaved};
use crate::feature::Support;
use crate::keys::key::check_id;
use crate::message::{Message, ResultRequest, VerifyRequest};
use crate::pair::{Authenticated, NotAuthenticated, Pair};
use crate::roles::authoritative::Authoritative;
use crate::roles::originating::Originating;
use crate::roles::receiving::{Facts, Receiving};
use crate::roles::verdict::{StreamNumber, Verdict, VerificationFailure, VerifyTask};
use crate::roles::verifying::{CertificateComparison, Verifying};
use crate::settings::Settings;
use crate::stream::step::{Admitted, Ended, Step};
use std::time::Instant;
use xmpp_stream::SmallStr;
use xmpp_tls_core::{Domain, Side, StreamId};

/// All of dialback on one stream: which message may come on it, and to which role it goes.
///
/// | came | we opened it | the peer opened it |
/// |---|---|---|
/// | `db:result` with a key | only with bidi: a claim | a claim |
/// | `db:result` with an answer | to our question | only with bidi: to our question |
/// | `db:verify` with a key | only with bidi: answered | answered |
/// | `db:verify` with an answer | to our question | never |
///
/// What is not in the table is refused, and so is every answer without its question. A stream that is
/// restarted is a new one: make a new value, and everything is forgotten.
///
/// ```
/// use std::time::Instant;
/// use xmpp_dialback::*;
/// use xmpp_tls_core::StreamId;
///
/// let now = Instant::now();
/// let secret = DialbackSecret::generate(|octets| octets.fill(7 /* from a CSPRNG, really */));
/// let mut capulet = Authoritative::stateless(secret.into());
/// let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
/// let id = StreamId::from_random([7; 16] /* from a CSPRNG, really */);
///
/// let mut ours = DialbackStream::opened(
///     StreamNumber(1), pair.receiving.clone(), &id.to_string(), Support::DialbackAndErrors, true, Settings::default(),
/// );
/// let question = ours.ask(pair.clone(), &mut capulet, now)?; // to be sent
///
/// // At montague.example:
/// # let mut montague = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(8)).into());
/// let mut theirs = DialbackStream::accepted(StreamNumber(1), &id, true, Settings::default());
/// let facts = Facts { served: true, certificate: Certificate::ProvesDomain };
/// let Step::Send(answer) = theirs.handle(question.into(), facts, &mut montague, now)? else { panic!() };
/// assert!(theirs.admits(&pair).is_ok());
///
/// let Step::Outcome(outcome) = ours.handle(answer, Facts::default(), &mut capulet, now)? else { panic!() };
/// assert_eq!(outcome, Outcome::Verified { pair });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DialbackStream {
    number: StreamNumber,
    side: Side,
    /// For whom we opened it.
    target: Option<Domain>,
    id: SmallStr,
    encrypted: bool,
    settings: Settings,
    bidi: bool,
    originating: Option<Originating>,
    receiving: Option<Receiving>,
    verifying: Option<Verifying>,
}

impl DialbackStream {
    /// A stream that we opened to `target`, whose response header had this `id`.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let settings = Settings::default();
    /// # let mut stream =
    /// #     DialbackStream::opened(StreamNumber(1), pair.receiving.clone(), "id", Support::Dialback, true, settings);
    /// assert_eq!(stream.side(), xmpp_tls_core::Side::Initiating);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn opened(
        number: StreamNumber,
        target: Domain,
        id: &str,
        support: Support,
        encrypted: bool,
        settings: Settings,
    ) -> Self {
        DialbackStream {
            number,
            side: Side::Initiating,
            id: id.into(),
            encrypted,
            settings,
            bidi: false,
            originating: Some(Originating::new(target.clone(), id, support, encrypted, settings)),
            receiving: None,
            verifying: Some(Verifying::new(number, target.clone(), encrypted, settings)),
            target: Some(target),
        }
    }

    /// A stream that the peer opened, in whose response header we wrote this `id`. An `id` in the peer's
    /// header, empty or not, means nothing (RFC 6120 section 4.7.3).
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// assert_eq!(stream.side(), xmpp_tls_core::Side::Receiving);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accepted(number: StreamNumber, id: &StreamId, encrypted: bool, settings: Settings) -> Self {
        DialbackStream {
            number,
            side: Side::Receiving,
            target: None,
            id: id.to_string().into(),
            encrypted,
            settings,
            bidi: false,
            originating: None,
            receiving: Some(Receiving::new(number, id, encrypted, settings)),
            verifying: None,
        }
    }

    /// Both directions from now on: `<bidi/>` was sent or received, behind TLS (XEP-0288). Either end may
    /// claim domains then. On a stream that we opened the peer claims them with an `id` that itself made:
    /// if its claims are to withstand somebody who saw an old key, the authoritative server has to be
    /// [stateful](Authoritative::stateful).
    ///
    /// # Errors
    ///
    /// [`ApiMisuse::BidiInClear`], and [`Error::Id`] if the stream has no `id` that keys can be made for.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// assert!(stream.ask(pair.inverse(), &mut keys, now).is_err());
    /// stream.enable_bidi()?;
    /// assert!(stream.ask(pair.inverse(), &mut keys, now).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enable_bidi(&mut self) -> Result<(), Error> {
        if !self.encrypted {
            return Err(ApiMisuse::BidiInClear.into());
        }
        check_id(&self.id)?;
        self.bidi = true;
        let (number, id, encrypted, settings) = (self.number, &self.id, self.encrypted, self.settings);
        self.receiving
            .get_or_insert_with(|| Receiving::with_id(number, id.clone(), encrypted, settings));
        // XEP-0288 section 2.2: whoever asks for this supports dialback errors, and any target can follow.
        self.originating
            .get_or_insert_with(|| Originating::to_any_target(None, id.clone(), encrypted, settings));
        Ok(())
    }

    /// What the caller calls it.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// assert_eq!(stream.number(), StreamNumber(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn number(&self) -> StreamNumber {
        self.number
    }

    /// Which end is ours.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// assert_eq!(stream.side(), xmpp_tls_core::Side::Receiving);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn side(&self) -> Side {
        self.side
    }

    /// Whether it is used in both directions.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// assert!(!stream.is_bidi());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_bidi(&self) -> bool {
        self.bidi
    }

    /// Asks to be believed: see [`Originating::ask`].
    ///
    /// # Errors
    ///
    /// As there, and [`ApiMisuse::NotOurStream`].
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let settings = Settings::default();
    /// # let mut stream =
    /// #     DialbackStream::opened(StreamNumber(1), pair.receiving.clone(), "id", Support::Dialback, true, settings);
    /// let request = stream.ask(pair.clone(), &mut keys, now)?;
    /// assert_eq!(request.pair, pair);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ask(&mut self, pair: Pair, authoritative: &mut Authoritative, now: Instant) -> Result<ResultRequest, Error> {
        match &mut self.originating {
            Some(originating) => originating.ask(pair, authoritative, now),
            None => Err(ApiMisuse::NotOurStream.into()),
        }
    }

    /// Asks the authoritative server that this stream was opened to: see [`Verifying::ask`].
    ///
    /// # Errors
    ///
    /// As there, and [`ApiMisuse::NotOurStream`].
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Step::Verify(task) = stream.handle(claim.into(), facts, &mut keys, now)? else { panic!() };
    /// let mut asking =
    ///     DialbackStream::opened(StreamNumber(2), task.domain().clone(), "id", Support::Dialback, true, Settings::default());
    /// let question = asking.verify(task, now)?;
    /// assert_eq!(question.pair, pair);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(&mut self, task: VerifyTask, now: Instant) -> Result<VerifyRequest, Box<NotAsked>> {
        match &mut self.verifying {
            Some(verifying) => verifying.ask(task, now),
            None => {
                let error = ApiMisuse::NotOurStream.into();
                Err(Box::new(NotAsked { task, error }))
            }
        }
    }

    /// The shortcut of [`Verifying::same_certificate`].
    ///
    /// # Errors
    ///
    /// The task, to be asked about.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Step::Verify(task) = stream.handle(claim.into(), facts, &mut keys, now)? else { panic!() };
    /// let asking =
    ///     DialbackStream::opened(StreamNumber(2), task.domain().clone(), "id", Support::Dialback, true, Settings::default());
    /// let comparison = CertificateComparison { identical: true, names_domain: true };
    /// let verdict = asking.same_certificate(task, comparison).expect("it names a.example");
    /// assert_eq!(verdict.finding(), &Finding::Valid(Method::SameCertificate));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn same_certificate(&self, task: VerifyTask, comparison: CertificateComparison) -> Result<Verdict, VerifyTask> {
        match &self.verifying {
            Some(verifying) => verifying.same_certificate(task, comparison),
            None => Err(task),
        }
    }

    /// A message came on this stream. `facts` are about its [`to`](Message::to) and, for a claim, about
    /// the domain that it claims; answers need none.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`], which changed nothing.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let step = stream.handle(claim.into(), facts, &mut keys, now)?;
    /// assert!(matches!(step, Step::Verify(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle(
        &mut self,
        message: Message,
        facts: Facts,
        authoritative: &mut Authoritative,
        now: Instant,
    ) -> Result<Step, Error> {
        let found = message.kind();
        match (message, &mut self.originating, &mut self.receiving, &mut self.verifying) {
            (Message::ResultRequest(request), _, Some(receiving), _) => {
                receiving.handle_request(request, facts, now).map(Step::from)
            }
            (Message::ResultAnswer(answer), Some(originating), _, _) => {
                originating.handle_answer(answer, now).map(Step::Outcome)
            }
            (Message::VerifyAnswer(answer), _, _, Some(verifying)) => {
                verifying.handle_answer(answer).map(Step::Verdict)
            }
            (Message::VerifyRequest(request), _, Some(_), _) => {
                let answer = authoritative.answer(&request, facts.served, now);
                Ok(Step::Send(answer.into()))
            }
            (Message::ResultRequest(_) | Message::VerifyRequest(_), _, None, _)
            | (Message::ResultAnswer(_), None, _, _)
            | (Message::VerifyAnswer(_), _, _, None) => {
                let (side, bidi) = (self.side, self.bidi);
                Err(PeerMisbehaved::WrongDirection { found, side, bidi }.into())
            }
        }
    }

    /// What became of a task of this stream: see [`Receiving::conclude`].
    ///
    /// # Errors
    ///
    /// [`ApiMisuse::WrongStream`].
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Step::Verify(task) = stream.handle(claim.into(), facts, &mut keys, now)? else { panic!() };
    /// let step = stream.conclude(task.fail(VerificationFailure::TimedOut), now)?;
    /// assert!(matches!(step, Step::Send(_))); // the peer is told
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<Step, Error> {
        match &mut self.receiving {
            Some(receiving) => receiving.conclude(verdict, now).map(Step::from),
            None => {
                let (expected, found) = (verdict.stream, self.number);
                Err(ApiMisuse::WrongStream { expected, found }.into())
            }
        }
    }

    /// Whether a stanza of this pair may be accepted from this stream.
    ///
    /// # Errors
    ///
    /// [`NotAuthenticated`], which knows the stream error.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// assert!(stream.admits(&pair).is_err());
    /// let proved = Facts { served: true, certificate: Certificate::ProvesDomain };
    /// stream.handle(claim.into(), proved, &mut keys, now)?;
    /// assert!(stream.admits(&pair).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn admits(&self, pair: &Pair) -> Result<Admitted<'_>, NotAuthenticated> {
        let by_claim = self.receiving.as_ref().map(|receiving| receiving.admits(pair));
        match by_claim {
            Some(Ok(authenticated)) => Ok(Admitted::Authenticated(authenticated)),
            // XEP-0288 section 2.2: only the inverse of what was verified, and here only of the domain that
            // the stream was opened to.
            _ if self.bidi
                && self.target.as_ref() == Some(&pair.originating)
                && self.originating.as_ref().is_some_and(|o| o.may_send(&pair.inverse())) =>
            {
                Ok(Admitted::OpenedByUs)
            }
            Some(Err(error)) => Err(error),
            None => Err(NotAuthenticated::From { pair: pair.clone() }),
        }
    }

    /// Whether a stanza of this pair may be sent on this stream: the peer believes the pair, or the
    /// stream is bidirectional, the peer opened it and proved the inverse.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let settings = Settings::default();
    /// # let mut stream =
    /// #     DialbackStream::opened(StreamNumber(1), pair.receiving.clone(), "id", Support::Dialback, true, settings);
    /// stream.ask(pair.clone(), &mut keys, now)?;
    /// assert!(!stream.may_send(&pair));
    /// let answer = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
    /// stream.handle(answer.into(), Facts::default(), &mut keys, now)?;
    /// assert!(stream.may_send(&pair));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn may_send(&self, pair: &Pair) -> bool {
        let believed = |originating: &Originating| originating.may_send(pair);
        let proved = |receiving: &Receiving| receiving.admits(&pair.inverse()).is_ok();
        self.originating.as_ref().is_some_and(believed)
            || self.bidi && self.side == Side::Receiving && self.receiving.as_ref().is_some_and(proved)
    }

    /// The pairs that the peer proved on this stream.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let mut stream = DialbackStream::accepted(StreamNumber(1), &StreamId::from_random([1; 16]), true, Settings::default());
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let proved = Facts { served: true, certificate: Certificate::ProvesDomain };
    /// stream.handle(claim.into(), proved, &mut keys, now)?;
    /// assert_eq!(stream.authenticated().count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn authenticated(&self) -> impl Iterator<Item = &Authenticated> {
        self.receiving.iter().flat_map(Receiving::authenticated)
    }

    /// When [`handle_timeout`](DialbackStream::handle_timeout) has something to do.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let settings = Settings::default();
    /// # let mut stream =
    /// #     DialbackStream::opened(StreamNumber(1), pair.receiving.clone(), "id", Support::Dialback, true, settings);
    /// stream.ask(pair.clone(), &mut keys, now)?;
    /// let deadline = stream.deadline().unwrap();
    /// assert_eq!(deadline, now + settings.limits().answer_within);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.originating.as_ref().and_then(Originating::deadline),
            self.receiving.as_ref().and_then(Receiving::deadline),
            self.verifying.as_ref().and_then(Verifying::deadline),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// What to do about one thing that ran out of time; call it until there is none.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let settings = Settings::default();
    /// # let mut stream =
    /// #     DialbackStream::opened(StreamNumber(1), pair.receiving.clone(), "id", Support::Dialback, true, settings);
    /// stream.ask(pair.clone(), &mut keys, now)?;
    /// let deadline = stream.deadline().unwrap();
    /// assert_eq!(deadline, now + settings.limits().answer_within);
    /// assert!(stream.handle_timeout(now).is_none());
    /// assert!(matches!(stream.handle_timeout(deadline), Some(Step::Outcome(Outcome::Refused { .. }))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Step> {
        let originating = self.originating.as_mut().and_then(|o| o.handle_timeout(now));
        if let Some(outcome) = originating {
            return Some(Step::Outcome(outcome));
        }
        let receiving = self.receiving.as_mut().and_then(|r| r.handle_timeout(now));
        if let Some(received) = receiving {
            return Some(received.into());
        }
        let verifying = self.verifying.as_mut().and_then(|v| v.handle_timeout(now));
        verifying.map(Step::Verdict)
    }

    /// The stream ended, or is restarted. `failure` is what its open verifications end with.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let settings = Settings::default();
    /// # let mut stream =
    /// #     DialbackStream::opened(StreamNumber(1), pair.receiving.clone(), "id", Support::Dialback, true, settings);
    /// stream.ask(pair.clone(), &mut keys, now)?;
    /// let ended = stream.end(&VerificationFailure::StreamEnded);
    /// assert_eq!(ended.outcomes, [Outcome::Refused { pair, why: Refusal::StreamEnded }]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end(self, failure: &VerificationFailure) -> Ended {
        Ended {
            outcomes: self.originating.map(Originating::end).unwrap_or_default(),
            verdicts: self.verifying.map(|v| v.end(failure)).unwrap_or_default(),
        }
    }
}
