use crate::config::{Opened, Protection};
use crate::error::{ApiMisuse, Bound, Error, NotAsked, PeerMisbehaved};
use crate::message::{Answer, VerifyAnswer, VerifyRequest};
use crate::pair::{Method, Pair};
use crate::roles::verdict::{Finding, IdMaker, StreamNumber, Verdict, VerificationFailure, VerifyTask};
use crate::settings::Settings;
use std::collections::VecDeque;
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
/// A question that ran out of time leaves its place to others, and is remembered until its answer comes: the
/// same question, asked anew for another claim, must not be answered by it. As many are remembered as may be
/// open. Once more have been left without an answer, questions about streams whose `id` the peer made, which
/// therefore may not be the only ones with it, are asked on another stream.
///
/// ```
/// use std::time::Instant;
/// use xmpp_dialback::*;
/// use xmpp_tls_core::StreamId;
///
/// let now = Instant::now();
/// let id = StreamId::from_random([7; 16] /* from a CSPRNG, really */);
/// let mut receiving = Receiving::new(Accepted::new(StreamNumber(1), &id, Protection::Tls));
/// let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
/// let claim = ResultRequest { pair, key: PresentedKey::new("c0ffee")? };
/// let Received::Verify(task) = receiving.handle_request(claim, Facts::served(), now)? else { panic!() };
///
/// // A stream to that domain was opened, and is encrypted.
/// let opened = Opened::new(StreamNumber(2), task.domain().clone(), "6f8b23", Protection::Tls);
/// let mut verifying = Verifying::new(&opened);
/// let question = verifying.ask(task, now)?; // to be sent there
/// assert_eq!(question.id.as_str(), id.to_string());
/// assert_eq!(verifying.deadline(), Some(now + Limits::default().answer_within));
///
/// let answer = VerifyAnswer { pair: question.pair, id: question.id, answer: Answer::Valid };
/// let verdict = verifying.handle_answer(answer.clone())?;
/// assert_eq!(verdict.finding(), &Finding::Valid(Method::Dialback));
/// assert!(verifying.handle_answer(answer).is_err()); // once
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Verifying {
    stream: StreamNumber,
    domain: Domain,
    protection: Protection,
    settings: Settings,
    questions: Vec<Question>,
    /// What questions were about that ran out of time: their answers may still come.
    unanswered: VecDeque<(Pair, SmallStr)>,
    /// There were more of them than are remembered.
    forgot: bool,
}

#[derive(Debug)]
struct Question {
    task: VerifyTask,
    deadline: Instant,
}

/// What a caller found when it compared the certificate of the stream that made a claim with the one that
/// the authoritative server showed on the stream that we opened to it (XEP-0344 section 2.6). On both TLS
/// has to have proved possession of the key.
///
/// ```
/// use xmpp_dialback::CertificateComparison;
///
/// /// As DER, and whether it names `VerifyTask::domain`.
/// fn compare(claimant: &[u8], authoritative: &[u8], names_domain: bool) -> CertificateComparison {
///     match (claimant == authoritative, names_domain) {
///         (true, true) => CertificateComparison::SameAndNamesDomain,
///         (true, false) => CertificateComparison::SameForAnotherName,
///         (false, _) => CertificateComparison::Different,
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateComparison {
    /// Neither the certificate nor its key is the same, or one of them showed none.
    Different,
    /// The certificate or its key is the same, but the certificate does not name the claimed domain.
    SameForAnotherName,
    /// The certificate or its key is the same, and the certificate names the claimed domain. It need not be
    /// trusted.
    SameAndNamesDomain,
}

impl Verifying {
    /// For a stream that we opened. Only questions about its target are asked there.
    pub fn new(stream: &Opened) -> Self {
        Verifying {
            stream: stream.number,
            domain: stream.target.clone(),
            protection: stream.protection,
            settings: stream.settings,
            questions: Vec::new(),
            unanswered: VecDeque::new(),
            forgot: false,
        }
    }

    /// Asks. The request is to be sent on this stream.
    ///
    /// # Errors
    ///
    /// [`NotAsked`], which gives the task back, if the stream was opened to another domain
    /// ([`ApiMisuse::WrongDomain`]), is the one that made the claim ([`ApiMisuse::SameStream`]), is in clear
    /// where that is not allowed ([`ApiMisuse::StreamInClear`]), has the same question open or without an
    /// answer so far ([`ApiMisuse::AlreadyAsked`]), or too many of them ([`Error::Limit`]). After the latter
    /// two another stream to the domain will do.
    pub fn ask(&mut self, task: VerifyTask, now: Instant) -> Result<VerifyRequest, Box<NotAsked>> {
        if let Err(error) = self.check(&task) {
            return Err(Box::new(NotAsked { task, error }));
        }
        let request = task.request();
        let deadline = deadline(now, self.settings.limits().answer_within);
        self.questions.push(Question { task, deadline });
        Ok(request)
    }

    fn check(&self, task: &VerifyTask) -> Result<(), Error> {
        self.check_stream(task)?;
        let (pair, id) = (task.pair(), task.id());
        if self.find(pair, id).is_some() || self.find_unanswered(pair, id).is_some() {
            let pair = pair.clone().into();
            return Err(ApiMisuse::AlreadyAsked { pair }.into());
        }
        let max = self.settings.limits().open_questions;
        let what = match (self.forgot, task.id_maker()) {
            (true, IdMaker::Peer) => Bound::UnansweredVerifications,
            _ if self.questions.len() >= max => Bound::OpenVerifications,
            _ => return Ok(()),
        };
        Err(Error::Limit { what, max })
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
        match self.settings.allows(self.protection) {
            true => Ok(()),
            false => Err(ApiMisuse::StreamInClear.into()),
        }
    }

    /// The shortcut of XEP-0344 section 2.6, by the caller's word: on this stream, which was opened to the
    /// claimed domain, the authoritative server showed the certificate, or another one of the same key, that
    /// the originating server showed on the stream of the claim, and it names the domain. So one server is at
    /// both ends and nobody need be asked. This is never stronger than dialback: it rests on DNS as that does.
    ///
    /// # Errors
    ///
    /// The task, to be asked about, if the comparison proves nothing or the stream is not the right one.
    pub fn same_certificate(&self, task: VerifyTask, comparison: CertificateComparison) -> Result<Verdict, VerifyTask> {
        let proved = comparison == CertificateComparison::SameAndNamesDomain;
        match proved && self.protection == Protection::Tls && self.check_stream(&task).is_ok() {
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
    pub fn handle_answer(&mut self, answer: VerifyAnswer) -> Result<Verdict, Error> {
        let Some(index) = self.find(&answer.pair, &answer.id) else {
            // Too late, and the question may be asked anew.
            if let Some(index) = self.find_unanswered(&answer.pair, &answer.id) {
                self.unanswered.remove(index);
            }
            return Err(PeerMisbehaved::UnsolicitedVerify {
                pair: answer.pair.into(),
                id: answer.id,
                domain: self.domain.clone(),
                pending: self.questions.len(),
            }
            .into());
        };
        let task = self.questions.remove(index).task;
        let finding = match answer.answer {
            Answer::Valid => Finding::Valid(Method::Dialback),
            Answer::Invalid => Finding::Invalid,
            Answer::Error(condition) => Finding::Failed(VerificationFailure::Refused(condition)),
        };
        Ok(task.conclude(finding))
    }

    fn find(&self, pair: &Pair, id: &str) -> Option<usize> {
        let mut tasks = self.questions.iter().map(|question| &question.task);
        tasks.position(|task| task.id() == id && task.pair() == pair)
    }

    fn find_unanswered(&self, pair: &Pair, id: &str) -> Option<usize> {
        self.unanswered
            .iter()
            .position(|(of_pair, of_id)| of_id == id && of_pair == pair)
    }

    /// When a question runs out of time.
    pub fn deadline(&self) -> Option<Instant> {
        self.questions.iter().map(|question| question.deadline).min()
    }

    /// One question that ran out of time; call it until there is none.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Verdict> {
        let index = self.questions.iter().position(|question| question.deadline <= now)?;
        let task = self.questions.remove(index).task;
        self.unanswered.push_back((task.pair().clone(), task.id().into()));
        if self.unanswered.len() > self.settings.limits().open_questions {
            self.unanswered.pop_front();
            self.forgot = true;
        }
        Some(task.fail(VerificationFailure::TimedOut))
    }

    /// The stream ended: what became of its open questions, each with the same failure, which is
    /// [`VerificationFailure::NotServed`] for the stream error `host-unknown`.
    pub fn end(self, failure: &VerificationFailure) -> Vec<Verdict> {
        let tasks = self.questions.into_iter().map(|question| question.task);
        tasks.map(|task| task.fail(failure.clone())).collect()
    }
}
