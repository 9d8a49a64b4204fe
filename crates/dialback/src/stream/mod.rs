pub(crate) mod step;

use crate::config::{Accepted, Opened, Protection};
use crate::error::{ApiMisuse, Error, NotAsked, PeerMisbehaved};
use crate::keys::key::check_id;
use crate::message::{Message, ResultRequest, VerifyRequest};
use crate::pair::{Authenticated, NotAuthenticated, Pair};
use crate::roles::authoritative::Authoritative;
use crate::roles::originating::{Covers, Originating};
use crate::roles::receiving::{Facts, Receiving};
use crate::roles::verdict::{IdMaker, StreamNumber, Verdict, VerificationFailure, VerifyTask};
use crate::roles::verifying::{CertificateComparison, Verifying};
use crate::settings::Settings;
use crate::stream::step::{Admitted, Ended, Step};
use std::time::Instant;
use xmpp_stream::SmallStr;
use xmpp_tls_core::{Domain, Side};

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
/// restarted is a new one: make a new value, and everything is forgotten, also the verdicts under way.
///
/// # To whom it may be used for sending
///
/// | | we opened it | the peer opened it |
/// |---|---|---|
/// | without bidi | to its target; to others as [`cover`](DialbackStream::cover) says; each pair once the peer believes it | to nobody |
/// | with bidi | as without, and to others that the peer proved on it | to what the peer proved on it, and nobody else: the inverse of a proved pair at once, others of our domains once the peer believes them |
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
/// let target = pair.receiving.clone();
/// let opened = Opened::new(StreamNumber(1), target, &id.to_string(), Protection::Tls);
/// let mut ours = DialbackStream::opened(opened.with_support(Support::DialbackAndErrors));
/// let question = ours.ask(pair.clone(), &mut capulet, now)?; // to be sent
/// assert!(!ours.may_send(&pair));
///
/// // At montague.example, where the certificate of the stream proves what is claimed:
/// let secret = DialbackSecret::generate(|octets| octets.fill(8 /* from a CSPRNG, really */));
/// let mut montague = Authoritative::stateless(secret.into());
/// let mut theirs = DialbackStream::accepted(Accepted::new(StreamNumber(1), &id, Protection::Tls));
/// let facts = Facts::served().with_certificate(Certificate::ProvesDomain);
/// let Step::Decided(decision) = theirs.handle(question.into(), facts, &mut montague, now)? else { panic!() };
/// assert!(theirs.admits(&pair).is_ok());
/// let entry = theirs.authentication(&pair).expect("it is authenticated");
/// assert_eq!((entry.by(), entry.since()), (Method::Certificate, now));
///
/// // At capulet.example:
/// let answer = decision.answer.into();
/// let Step::Outcome(outcome) = ours.handle(answer, Facts::default(), &mut capulet, now)? else { panic!() };
/// assert_eq!(outcome, Outcome::Verified { pair: pair.clone() });
/// assert!(ours.may_send(&pair));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DialbackStream {
    number: StreamNumber,
    side: Side,
    /// For whom we opened it.
    target: Option<Domain>,
    id: SmallStr,
    protection: Protection,
    settings: Settings,
    bidi: bool,
    originating: Option<Originating>,
    receiving: Option<Receiving>,
    verifying: Option<Verifying>,
}

impl DialbackStream {
    /// A stream that we opened.
    pub fn opened(stream: Opened) -> Self {
        DialbackStream {
            number: stream.number,
            side: Side::Initiating,
            target: Some(stream.target.clone()),
            id: stream.id.clone(),
            protection: stream.protection,
            settings: stream.settings,
            bidi: false,
            receiving: None,
            verifying: Some(Verifying::new(&stream)),
            originating: Some(Originating::new(stream)),
        }
    }

    /// A stream that the peer opened.
    pub fn accepted(stream: Accepted) -> Self {
        DialbackStream {
            number: stream.number,
            side: Side::Receiving,
            target: None,
            id: stream.id.clone(),
            protection: stream.protection,
            settings: stream.settings,
            bidi: false,
            originating: None,
            receiving: Some(Receiving::new(stream)),
            verifying: None,
        }
    }

    /// Both directions from now on: `<bidi/>` was sent or received, behind TLS (XEP-0288). Either end may
    /// claim domains then, and is sent what it proved.
    ///
    /// On a stream that we opened the peer claims domains with an `id` that itself made, and that therefore
    /// says nothing about the key being new: if claims are to withstand somebody who saw an old key, the
    /// authoritative server has to be [stateful](Authoritative::stateful).
    ///
    /// # Errors
    ///
    /// [`ApiMisuse::BidiInClear`], and [`Error::Id`] if the stream has no `id` that keys can be made for.
    ///
    /// ```
    /// use std::time::Instant;
    /// use xmpp_dialback::*;
    /// use xmpp_tls_core::StreamId;
    ///
    /// let now = Instant::now();
    /// let secret = DialbackSecret::generate(|octets| octets.fill(7 /* from a CSPRNG, really */));
    /// let mut keys = Authoritative::stateless(secret.into());
    /// let id = StreamId::from_random([7; 16] /* from a CSPRNG, really */);
    /// let mut stream = DialbackStream::accepted(Accepted::new(StreamNumber(1), &id, Protection::Tls));
    /// stream.enable_bidi()?;
    ///
    /// // The peer proved nothing so far, and is sent nothing.
    /// let theirs = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
    /// assert!(!stream.may_send(&theirs.inverse()));
    /// assert!(stream.ask(theirs.inverse(), &mut keys, now).is_err());
    ///
    /// let claim = ResultRequest { pair: theirs.clone(), key: PresentedKey::new("c0ffee")? };
    /// let proved = Facts::served().with_certificate(Certificate::ProvesDomain);
    /// stream.handle(claim.into(), proved, &mut keys, now)?;
    /// assert!(stream.may_send(&theirs.inverse()));
    ///
    /// // Another domain of ours wants to speak to it.
    /// let rooms = Pair::new("rooms.montague.example".parse()?, "capulet.example".parse()?);
    /// assert!(stream.ask(rooms, &mut keys, now).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enable_bidi(&mut self) -> Result<(), Error> {
        let protection = match self.protection {
            Protection::Tls => self.protection,
            Protection::Clear => return Err(ApiMisuse::BidiInClear.into()),
        };
        check_id(&self.id)?;
        self.bidi = true;
        let (number, id, settings) = (self.number, &self.id, self.settings);
        self.receiving
            .get_or_insert_with(|| Receiving::with_id(number, id.clone(), IdMaker::Peer, protection, settings));
        self.originating
            .get_or_insert_with(|| Originating::back(id.clone(), protection, settings));
        Ok(())
    }

    /// What the caller calls it.
    pub fn number(&self) -> StreamNumber {
        self.number
    }

    /// Which end is ours.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Whether it is used in both directions.
    pub fn is_bidi(&self) -> bool {
        self.bidi
    }

    /// The caller's word that the peer serves another domain too: see [`Originating::cover`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn cover(&mut self, domain: Domain, by: Covers) -> Result<(), Error> {
        match (&mut self.originating, self.side) {
            (Some(originating), Side::Initiating) => originating.cover(domain, by),
            (_, Side::Receiving) | (None, _) => Err(ApiMisuse::NotOurStream.into()),
        }
    }

    /// Asks to be believed: see [`Originating::ask`]. On a stream that the peer opened, and with bidi, only
    /// for a target that the peer proved on it.
    ///
    /// # Errors
    ///
    /// As there, and [`ApiMisuse::NotOurStream`] without bidi.
    pub fn ask(&mut self, pair: Pair, authoritative: &mut Authoritative, now: Instant) -> Result<ResultRequest, Error> {
        let receiving = self.receiving.as_ref();
        let proved = receiving.is_some_and(|receiving| receiving.has_proved(&pair.receiving));
        match &mut self.originating {
            Some(originating) => originating.ask_where(pair, proved, authoritative, now),
            None => Err(ApiMisuse::NotOurStream.into()),
        }
    }

    /// Asks the authoritative server that this stream was opened to: see [`Verifying::ask`]. Never on a
    /// stream that the peer opened.
    ///
    /// # Errors
    ///
    /// As there, and [`ApiMisuse::NotOurStream`].
    ///
    /// ```
    /// use std::time::Instant;
    /// use xmpp_dialback::*;
    ///
    /// /// A claim that some stream found, on a stream that was opened to its domain.
    /// fn ask(asking: &mut DialbackStream, task: VerifyTask, now: Instant) -> Result<Message, VerifyTask> {
    ///     match asking.verify(task, now) {
    ///         Ok(question) => Ok(question.into()), // to be sent
    ///         Err(refused) => Err(refused.task),   // for another stream
    ///     }
    /// }
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

    /// The caller's word that this stream, which was opened to the claimed domain, showed the certificate of
    /// the stream that made the claim: see [`Verifying::same_certificate`].
    ///
    /// # Errors
    ///
    /// The task, to be asked about.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// /// The certificates of `asking` and of the stream `task.stream()` were compared. A verdict goes to
    /// /// that stream, a task is asked about.
    /// fn shorten(asking: &DialbackStream, task: VerifyTask) -> Result<Verdict, VerifyTask> {
    ///     asking.same_certificate(task, CertificateComparison::SameAndNamesDomain)
    /// }
    /// ```
    pub fn same_certificate(&self, task: VerifyTask, comparison: CertificateComparison) -> Result<Verdict, VerifyTask> {
        match &self.verifying {
            Some(verifying) => verifying.same_certificate(task, comparison),
            None => Err(task),
        }
    }

    /// The caller's word that the certificate of this stream, which made the claim, proves its domain: see
    /// [`Receiving::accept_by_certificate`].
    ///
    /// # Errors
    ///
    /// As there, and [`ApiMisuse::NotTheirStream`] where no claims can come.
    pub fn accept_by_certificate(&mut self, task: VerifyTask, now: Instant) -> Result<Step, Box<NotAsked>> {
        match &mut self.receiving {
            Some(receiving) => receiving.accept_by_certificate(task, now).map(Step::from),
            None => {
                let error = ApiMisuse::NotTheirStream.into();
                Err(Box::new(NotAsked { task, error }))
            }
        }
    }

    /// The peer was authenticated by SASL EXTERNAL on this stream: see
    /// [`Receiving::authenticated_by_external`].
    ///
    /// # Errors
    ///
    /// As there, and [`ApiMisuse::NotTheirStream`] where we are who authenticates by SASL.
    pub fn authenticated_by_external(&mut self, pair: Pair, now: Instant) -> Result<(), Error> {
        match &mut self.receiving {
            Some(receiving) if self.side == Side::Receiving => receiving.authenticated_by_external(pair, now),
            Some(_) | None => Err(ApiMisuse::NotTheirStream.into()),
        }
    }

    /// A message came on this stream. `facts` are about its [`to`](Message::to) and, for a claim, about
    /// the domain that it claims; answers need none.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`], which changed nothing.
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
    pub fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<Step, Error> {
        match &mut self.receiving {
            Some(receiving) => receiving.conclude(verdict, now).map(Step::from),
            None => {
                let (expected, found) = (verdict.stream(), self.number);
                Err(ApiMisuse::WrongStream { expected, found }.into())
            }
        }
    }

    /// Whether a stanza of this pair may be accepted from this stream.
    ///
    /// # Errors
    ///
    /// [`NotAuthenticated`], which knows the stream error.
    pub fn admits(&self, pair: &Pair) -> Result<Admitted<'_>, NotAuthenticated> {
        let by_claim = self.receiving.as_ref().map(|receiving| receiving.admits(pair));
        match by_claim {
            Some(Ok(authenticated)) => Ok(Admitted::Authenticated(authenticated)),
            // XEP-0288 section 2.2: only the inverse of what was verified, and here only of the domain that
            // the stream was opened to.
            _ if self.bidi && self.target.as_ref() == Some(&pair.originating) && self.may_send(&pair.inverse()) => {
                Ok(Admitted::OpenedByUs)
            }
            Some(Err(error)) => Err(error),
            None => Err(NotAuthenticated::From { pair: pair.clone() }),
        }
    }

    /// Whether the peer proved this pair on this stream, by which method and since when.
    pub fn authentication(&self, pair: &Pair) -> Option<&Authenticated> {
        self.receiving
            .as_ref()
            .and_then(|receiving| receiving.authentication(pair))
    }

    /// The pairs that the peer proved on this stream.
    pub fn authenticated(&self) -> impl Iterator<Item = &Authenticated> {
        self.receiving.iter().flat_map(Receiving::authenticated)
    }

    /// The peer's claims that are being verified.
    pub fn pending(&self) -> impl Iterator<Item = &Pair> {
        self.receiving.iter().flat_map(Receiving::pending)
    }

    /// Whether a stanza of this pair may be sent on this stream: the peer believes the pair, or the
    /// stream is bidirectional, the peer opened it and proved the inverse. Never on a stream that either
    /// end gave up.
    pub fn may_send(&self, pair: &Pair) -> bool {
        let originating = self.originating.as_ref().filter(|_| !self.is_given_up());
        let Some(originating) = originating else { return false };
        let proved = || self.bidi && self.side == Side::Receiving && self.authentication(&pair.inverse()).is_some();
        originating.may_send(pair) || proved()
    }

    fn is_given_up(&self) -> bool {
        self.originating.as_ref().is_some_and(Originating::is_given_up)
            || self.receiving.as_ref().is_some_and(Receiving::is_given_up)
    }

    /// The pairs of ours that the peer believes, and since when.
    pub fn verified(&self) -> impl Iterator<Item = (&Pair, Instant)> {
        self.originating.iter().flat_map(Originating::verified)
    }

    /// The pairs of ours that the peer was asked to believe, and did not answer about so far.
    pub fn asked(&self) -> impl Iterator<Item = &Pair> {
        self.originating.iter().flat_map(Originating::asked)
    }

    /// When [`handle_timeout`](DialbackStream::handle_timeout) has something to do: the first of all
    /// deadlines, in every role.
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
    /// use std::time::Instant;
    /// use xmpp_dialback::*;
    ///
    /// let now = Instant::now();
    /// let secret = DialbackSecret::generate(|octets| octets.fill(7 /* from a CSPRNG, really */));
    /// let mut keys = Authoritative::stateless(secret.into());
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// let opened = Opened::new(StreamNumber(1), pair.receiving.clone(), "id", Protection::Tls);
    /// let mut stream = DialbackStream::opened(opened);
    ///
    /// stream.ask(pair, &mut keys, now)?;
    /// let deadline = stream.deadline().expect("a question is open");
    /// assert_eq!(deadline, now + Limits::default().answer_within);
    /// assert!(stream.handle_timeout(now).is_none());
    /// let Some(Step::Outcome(Outcome::Refused { why, .. })) = stream.handle_timeout(deadline) else { panic!() };
    /// assert_eq!(why, Refusal::TimedOut);
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

    /// The stream ended, or is restarted. `failure` is what its open verifications end with:
    /// [`VerificationFailure::NotServed`] for the stream error `host-unknown`.
    pub fn end(self, failure: &VerificationFailure) -> Ended {
        let mut outcomes = self.originating.map(Originating::end).unwrap_or_default();
        outcomes.extend(self.receiving.map(Receiving::end).unwrap_or_default());
        Ended {
            outcomes,
            verdicts: self.verifying.map(|v| v.end(failure)).unwrap_or_default(),
        }
    }
}
