use crate::error::{ApiMisuse, Error, NotAsked, PeerMisbehaved};
use crate::message::{Answer, VerifyAnswer, VerifyRequest};
use crate::pair::{Method, Pair};
use crate::roles::verdict::{Finding, StreamNumber, Verdict, VerificationFailure, VerifyTask};
use crate::settings::Settings;
use std::time::Instant;
use xmpp_stream::SmallStr;
use xmpp_tls_core::{Domain, deadline};

/// The receiving server's other half, on a stream that it opened to an authoritative server: asks
/// `db:verify` and makes [`Verdict`]s of the answers (XEP-0220 sections 2.1.2 and 2.2.2).
///
/// ```text
///   ask(task) --> open question --valid-----> Verdict(Valid)
///                       |--------invalid----> Verdict(Invalid)
///                       |--------error------> Verdict(Failed)
///                       |--------deadline---> Verdict(Failed), and the answer may still come
///                       '--------end--------> Verdict(Failed)
///   any answer without its open question: refused, nothing changes
/// ```
///
/// A question that ran out of time keeps its place until its answer comes: the same question, asked anew
/// for another claim, must not be answered by it.
///
/// ```
/// use std::time::Instant;
/// use xmpp_dialback::{NotAsked, Settings, StreamNumber, VerifyRequest, VerifyTask, Verifying};
///
/// // A stream to task.domain() was opened, and is encrypted.
/// fn ask(task: VerifyTask, now: Instant) -> Result<VerifyRequest, Box<NotAsked>> {
///     let mut verifying = Verifying::new(StreamNumber(8), task.domain().clone(), true, Settings::default());
///     verifying.ask(task, now)
/// }
/// ```
#[derive(Debug)]
pub struct Verifying {
    stream: StreamNumber,
    domain: Domain,
    encrypted: bool,
    settings: Settings,
    questions: Vec<Question>,
}

#[derive(Debug)]
struct Question {
    pair: Pair,
    id: SmallStr,
    /// Until it ran out of time.
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    task: VerifyTask,
    deadline: Instant,
}

/// What a caller found when it compared the certificates of two streams (XEP-0344 section 2.6).
///
/// ```
/// use xmpp_dialback::CertificateComparison;
///
/// let comparison = CertificateComparison { identical: true, names_domain: false };
/// assert!(!comparison.proves());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateComparison {
    /// The authoritative server presented the very certificate, octet by octet, that the originating one
    /// did, and both proved possession of its key.
    pub identical: bool,
    /// The certificate names the claimed domain.
    pub names_domain: bool,
}

impl CertificateComparison {
    /// Whether nobody need be asked.
    ///
    /// ```
    /// # use xmpp_dialback::*;
    /// assert!(CertificateComparison { identical: true, names_domain: true }.proves());
    /// ```
    pub fn proves(self) -> bool {
        self.identical && self.names_domain
    }
}

impl Verifying {
    /// For a stream that we opened to `domain`, at the addresses that DNS gave for it.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let proved = Facts { served: true, certificate: Certificate::ProvesDomain };
    /// # let id = StreamId::from_random([1; 16]);
    /// # let mut receiving = Receiving::new(StreamNumber(1), &id, true, Settings::default());
    /// # let Received::Verify(task) = receiving.handle_request(claim, facts, now)? else { panic!() };
    /// # let domain = task.domain().clone();
    /// # let mut verifying = Verifying::new(StreamNumber(2), domain, true, Settings::default());
    /// assert_eq!(verifying.ask(task, now)?.pair, pair);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(stream: StreamNumber, domain: Domain, encrypted: bool, settings: Settings) -> Self {
        Verifying {
            stream,
            domain,
            encrypted,
            settings,
            questions: Vec::new(),
        }
    }

    /// Asks. The request is to be sent on this stream.
    ///
    /// # Errors
    ///
    /// [`NotAsked`], which gives the task back, if the stream was opened to another domain, is the one
    /// that made the claim, is in clear where that is not allowed, or has the same or too many questions
    /// open.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let proved = Facts { served: true, certificate: Certificate::ProvesDomain };
    /// # let id = StreamId::from_random([1; 16]);
    /// # let mut receiving = Receiving::new(StreamNumber(1), &id, true, Settings::default());
    /// # let Received::Verify(task) = receiving.handle_request(claim, facts, now)? else { panic!() };
    /// # let domain = task.domain().clone();
    /// # let mut verifying = Verifying::new(StreamNumber(2), domain, true, Settings::default());
    /// let elsewhere = "attacker.example".parse()?;
    /// let mut wrong = Verifying::new(StreamNumber(3), elsewhere, true, Settings::default());
    /// let refused = wrong.ask(task, now).unwrap_err();
    /// assert!(verifying.ask(refused.task, now).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ask(&mut self, task: VerifyTask, now: Instant) -> Result<VerifyRequest, Box<NotAsked>> {
        if let Err(error) = self.check(&task) {
            return Err(Box::new(NotAsked { task, error }));
        }
        let request = task.request();
        let deadline = deadline(now, self.settings.limits().answer_within);
        self.questions.push(Question {
            pair: request.pair.clone(),
            id: request.id.clone(),
            waiting: Some(Waiting { task, deadline }),
        });
        Ok(request)
    }

    fn check(&self, task: &VerifyTask) -> Result<(), Error> {
        self.check_stream(task)?;
        if self.find(task.pair(), task.id()).is_some() {
            let pair = task.pair().clone().into();
            return Err(ApiMisuse::AlreadyAsked { pair }.into());
        }
        match self.settings.limits().open_questions {
            max if self.questions.len() >= max => Err(Error::Limit {
                what: "open verifications",
                max,
            }),
            _ => Ok(()),
        }
    }

    /// Whether answers on this stream can say anything about the task.
    fn check_stream(&self, task: &VerifyTask) -> Result<(), Error> {
        if task.domain() != &self.domain {
            let (expected, found) = (task.domain().clone(), self.domain.clone());
            return Err(ApiMisuse::WrongDomain { expected, found }.into());
        }
        if task.stream() == self.stream {
            return Err(ApiMisuse::SameStream { stream: self.stream }.into());
        }
        match self.settings.allows(self.encrypted) {
            true => Ok(()),
            false => Err(ApiMisuse::StreamInClear.into()),
        }
    }

    /// The shortcut of XEP-0344 section 2.6: this stream showed the same certificate as the one that made
    /// the claim, and it names the domain, so the same server is at both ends and nobody need be asked.
    /// This is never stronger than dialback.
    ///
    /// # Errors
    ///
    /// The task, to be asked about, if the comparison proves nothing or the stream is not the right one.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let proved = Facts { served: true, certificate: Certificate::ProvesDomain };
    /// # let id = StreamId::from_random([1; 16]);
    /// # let mut receiving = Receiving::new(StreamNumber(1), &id, true, Settings::default());
    /// # let Received::Verify(task) = receiving.handle_request(claim, facts, now)? else { panic!() };
    /// # let domain = task.domain().clone();
    /// # let mut verifying = Verifying::new(StreamNumber(2), domain, true, Settings::default());
    /// let comparison = CertificateComparison { identical: true, names_domain: false };
    /// let task = verifying.same_certificate(task, comparison).unwrap_err();
    /// assert!(verifying.ask(task, now).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn same_certificate(&self, task: VerifyTask, comparison: CertificateComparison) -> Result<Verdict, VerifyTask> {
        match self.encrypted && comparison.proves() && self.check_stream(&task).is_ok() {
            true => Ok(task.conclude(Finding::Valid(Method::SameCertificate))),
            false => Err(task),
        }
    }

    /// `db:verify` with a `type` came on this stream.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::UnsolicitedVerify`] if it answers no open question: of this pair, with this `id`,
    /// on this stream.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let proved = Facts { served: true, certificate: Certificate::ProvesDomain };
    /// # let id = StreamId::from_random([1; 16]);
    /// # let mut receiving = Receiving::new(StreamNumber(1), &id, true, Settings::default());
    /// # let Received::Verify(task) = receiving.handle_request(claim, facts, now)? else { panic!() };
    /// # let domain = task.domain().clone();
    /// # let mut verifying = Verifying::new(StreamNumber(2), domain, true, Settings::default());
    /// let question = verifying.ask(task, now)?;
    /// let answer = VerifyAnswer { pair: question.pair, id: question.id, answer: Answer::Valid };
    /// let verdict = verifying.handle_answer(answer.clone())?;
    /// assert_eq!(verdict.finding(), &Finding::Valid(Method::Dialback));
    /// assert!(verifying.handle_answer(answer).is_err()); // once
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle_answer(&mut self, answer: VerifyAnswer) -> Result<Verdict, Error> {
        let question = self.find(&answer.pair, &answer.id);
        let Some(waiting) = question.and_then(|index| self.questions.remove(index).waiting) else {
            return Err(PeerMisbehaved::UnsolicitedVerify {
                pair: answer.pair.into(),
                id: answer.id,
                domain: self.domain.clone(),
                pending: self.questions.len(),
            }
            .into());
        };
        let finding = match answer.answer {
            Answer::Valid => Finding::Valid(Method::Dialback),
            Answer::Invalid => Finding::Invalid,
            Answer::Error(condition) => Finding::Failed(VerificationFailure::Refused(condition)),
        };
        Ok(waiting.task.conclude(finding))
    }

    fn find(&self, pair: &Pair, id: &str) -> Option<usize> {
        self.questions
            .iter()
            .position(|question| question.id == *id && question.pair == *pair)
    }

    /// When a question runs out of time.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let proved = Facts { served: true, certificate: Certificate::ProvesDomain };
    /// # let id = StreamId::from_random([1; 16]);
    /// # let mut receiving = Receiving::new(StreamNumber(1), &id, true, Settings::default());
    /// # let Received::Verify(task) = receiving.handle_request(claim, facts, now)? else { panic!() };
    /// # let domain = task.domain().clone();
    /// # let mut verifying = Verifying::new(StreamNumber(2), domain, true, Settings::default());
    /// let question = verifying.ask(task, now)?;
    /// assert_eq!(verifying.deadline(), Some(now + Limits::default().answer_within));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        let waiting = self.questions.iter().filter_map(|question| question.waiting.as_ref());
        waiting.map(|waiting| waiting.deadline).min()
    }

    /// One question that ran out of time; call it until there is none.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let proved = Facts { served: true, certificate: Certificate::ProvesDomain };
    /// # let id = StreamId::from_random([1; 16]);
    /// # let mut receiving = Receiving::new(StreamNumber(1), &id, true, Settings::default());
    /// # let Received::Verify(task) = receiving.handle_request(claim, facts, now)? else { panic!() };
    /// # let domain = task.domain().clone();
    /// # let mut verifying = Verifying::new(StreamNumber(2), domain, true, Settings::default());
    /// let question = verifying.ask(task, now)?;
    /// let verdict = verifying.handle_timeout(verifying.deadline().unwrap()).unwrap();
    /// assert_eq!(verdict.finding(), &Finding::Failed(VerificationFailure::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Verdict> {
        let late = |waiting: &mut Waiting| waiting.deadline <= now;
        let waiting = self.questions.iter_mut().find_map(|q| q.waiting.take_if(late))?;
        Some(waiting.task.fail(VerificationFailure::TimedOut))
    }

    /// The stream ended: what became of its open questions, each with the same failure, which is
    /// [`VerificationFailure::NotServed`] for the stream error `host-unknown`.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # use xmpp_tls_core::StreamId;
    /// # let now = Instant::now();
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let proved = Facts { served: true, certificate: Certificate::ProvesDomain };
    /// # let id = StreamId::from_random([1; 16]);
    /// # let mut receiving = Receiving::new(StreamNumber(1), &id, true, Settings::default());
    /// # let Received::Verify(task) = receiving.handle_request(claim, facts, now)? else { panic!() };
    /// # let domain = task.domain().clone();
    /// # let mut verifying = Verifying::new(StreamNumber(2), domain, true, Settings::default());
    /// let question = verifying.ask(task, now)?;
    /// let verdicts = verifying.end(&VerificationFailure::NotServed);
    /// assert_eq!(verdicts[0].finding(), &Finding::Failed(VerificationFailure::NotServed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end(self, failure: &VerificationFailure) -> Vec<Verdict> {
        let waiting = self.questions.into_iter().filter_map(|question| question.waiting);
        waiting.map(|waiting| waiting.task.fail(failure.clone())).collect()
    }
}
