use crate::condition::DialbackCondition;
use crate::error::{ApiMisuse, Error, PeerMisbehaved};
use crate::feature::Support;
use crate::message::{Answer, ResultAnswer, ResultRequest};
use crate::pair::Pair;
use crate::roles::authoritative::Authoritative;
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::time::Instant;
use xmpp_stream::SmallStr;
use xmpp_tls_core::{Domain, deadline};

/// The originating server on one stream: asks to be believed, pair by pair (XEP-0220 sections 2.1.1 and
/// 2.2).
///
/// ```text
///   ask(pair) --> open --valid-----> Verified, until the stream ends
///                  |-----invalid---> Refused, and nothing more can be asked
///                  |-----error-----> Refused
///                  |-----deadline--> Refused
///                  '-----end-------> Refused
///   any answer about a pair that is not open: refused, nothing changes
/// ```
///
/// Stanzas of a pair wait until [`may_send`](Originating::may_send).
///
/// ```
/// use std::time::Instant;
/// use xmpp_dialback::*;
///
/// let now = Instant::now();
/// let secret = DialbackSecret::generate(|octets| octets.fill(7 /* from a CSPRNG, really */));
/// let mut authoritative = Authoritative::stateless(secret.into());
/// let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
///
/// // The id is the one of the response header that came behind TLS.
/// let mut originating =
///     Originating::new(pair.receiving.clone(), "D60000229F", Support::Dialback, true, Settings::default());
/// let request = originating.ask(pair.clone(), &mut authoritative, now)?;
/// assert!(!originating.may_send(&pair));
/// let outcome = originating.handle_answer(ResultAnswer { pair: pair.clone(), answer: Answer::Valid }, now)?;
/// assert_eq!(outcome, Outcome::Verified { pair: pair.clone() });
/// assert!(originating.may_send(&pair));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Originating {
    id: SmallStr,
    encrypted: bool,
    settings: Settings,
    /// Where the peer does not know dialback errors.
    only_target: Option<Domain>,
    questions: Vec<Question>,
    verified: BTreeMap<Pair, Instant>,
    given_up: bool,
}

#[derive(Debug)]
struct Question {
    pair: Pair,
    deadline: Instant,
}

/// What became of a question.
///
/// ```
/// use xmpp_dialback::{DialbackCondition, Outcome, Pair, Refusal};
///
/// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
/// let why = Refusal::Error(DialbackCondition::ITEM_NOT_FOUND);
/// assert_eq!(why.bounce_with(), "remote-server-timeout");
/// let outcome = Outcome::Refused { pair, why };
/// # Ok::<(), xmpp_tls_core::DomainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiving server believes it: what waits for this pair can be sent.
    Verified {
        /// Which one.
        pair: Pair,
    },
    /// It does not: what waits for this pair goes back to its senders.
    Refused {
        /// Which one.
        pair: Pair,
        /// Why.
        why: Refusal,
    },
}

/// Why a pair cannot be used.
///
/// ```
/// use xmpp_dialback::Refusal;
///
/// assert_eq!(Refusal::Invalid.bounce_with(), "internal-server-error");
/// assert!(Refusal::Invalid.ends_stream());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The authoritative server does not know the key. The peer closes the stream.
    #[error("the authoritative server called the dialback key invalid: do all our servers share one secret?")]
    Invalid,
    /// It could not be found out. The stream goes on for other pairs.
    #[error("dialback failed with {0}")]
    Error(DialbackCondition),
    /// The peer did not answer in time.
    #[error("the peer did not answer a dialback request in time")]
    TimedOut,
    /// The stream ended.
    #[error("the stream ended before the peer answered a dialback request")]
    StreamEnded,
}

impl Refusal {
    /// The stanza error to send back what waits with (XEP-0220 section 2.1.1).
    ///
    /// ```
    /// # use xmpp_dialback::*;
    /// assert_eq!(Refusal::TimedOut.bounce_with(), "remote-server-timeout");
    /// ```
    pub fn bounce_with(&self) -> &'static str {
        match self {
            Refusal::Invalid => "internal-server-error",
            Refusal::Error(_) | Refusal::TimedOut | Refusal::StreamEnded => "remote-server-timeout",
        }
    }

    /// Whether the stream is of no more use.
    ///
    /// ```
    /// # use xmpp_dialback::*;
    /// assert!(!Refusal::TimedOut.ends_stream());
    /// ```
    pub fn ends_stream(&self) -> bool {
        match self {
            Refusal::Invalid | Refusal::StreamEnded => true,
            Refusal::Error(_) | Refusal::TimedOut => false,
        }
    }

    /// Whether another connection may do better, once (XEP-0220 section 2.5, `resource-constraint`).
    ///
    /// ```
    /// # use xmpp_dialback::*;
    /// assert!(Refusal::Error(DialbackCondition::RESOURCE_CONSTRAINT).try_another_connection());
    /// ```
    pub fn try_another_connection(&self) -> bool {
        match self {
            Refusal::Error(condition) => *condition == DialbackCondition::RESOURCE_CONSTRAINT,
            Refusal::Invalid | Refusal::TimedOut | Refusal::StreamEnded => false,
        }
    }
}

impl Originating {
    /// For a stream that was opened to `target`, whose response header had this `id`, behind TLS if there
    /// is TLS. Without `id` nothing can be asked, and each question says so.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let (target, settings) = (pair.receiving.clone(), Settings::default());
    /// # let mut originating = Originating::new(target, "id", Support::Dialback, true, settings);
    /// # let valid = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
    /// assert!(!originating.may_send(&pair));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(target: Domain, id: &str, support: Support, encrypted: bool, settings: Settings) -> Self {
        Self::to_any_target((!support.errors()).then_some(target), id.into(), encrypted, settings)
    }

    pub(crate) fn to_any_target(
        only_target: Option<Domain>,
        id: SmallStr,
        encrypted: bool,
        settings: Settings,
    ) -> Self {
        Originating {
            id,
            encrypted,
            settings,
            only_target,
            questions: Vec::new(),
            verified: BTreeMap::new(),
            given_up: false,
        }
    }

    /// Asks to be believed. The request is to be sent on this stream.
    ///
    /// # Errors
    ///
    /// What keeps this pair from being asked about here: see [`ApiMisuse`] and [`Error::Limit`].
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let (target, settings) = (pair.receiving.clone(), Settings::default());
    /// # let mut originating = Originating::new(target, "id", Support::Dialback, true, settings);
    /// # let valid = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
    /// let request = originating.ask(pair.clone(), &mut keys, now)?;
    /// assert_eq!(request.key.as_str(), keys.key(&pair, "id", now)?.as_str());
    /// let other = Pair::new(pair.originating.clone(), "c.example".parse()?);
    /// assert!(originating.ask(other, &mut keys, now).is_err()); // b.example does not know dialback errors
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ask(&mut self, pair: Pair, authoritative: &mut Authoritative, now: Instant) -> Result<ResultRequest, Error> {
        if self.given_up {
            return Err(ApiMisuse::StreamGivenUp.into());
        }
        if !self.settings.allows(self.encrypted) {
            return Err(ApiMisuse::StreamInClear.into());
        }
        if self.find(&pair).is_some() || self.verified.contains_key(&pair) {
            let pair = pair.into();
            return Err(ApiMisuse::AlreadyAsked { pair }.into());
        }
        if let Some(expected) = self.only_target.as_ref().filter(|target| **target != pair.receiving) {
            let (expected, found) = (expected.clone(), pair.receiving);
            return Err(ApiMisuse::TargetMultiplexing { expected, found }.into());
        }
        let limits = self.settings.limits();
        let counts = [
            ("open questions", self.questions.len(), limits.open_questions),
            ("pairs", self.questions.len() + self.verified.len(), limits.pairs),
        ];
        if let Some((what, _, max)) = counts.into_iter().find(|(_, count, max)| count >= max) {
            return Err(Error::Limit { what, max });
        }
        let key = authoritative.key(&pair, &self.id, now)?.into();
        let deadline = deadline(now, limits.answer_within);
        self.questions.push(Question {
            pair: pair.clone(),
            deadline,
        });
        Ok(ResultRequest { pair, key })
    }

    /// `db:result` with a `type` came on this stream.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::UnsolicitedResult`] if no question about this pair is open here.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let (target, settings) = (pair.receiving.clone(), Settings::default());
    /// # let mut originating = Originating::new(target, "id", Support::Dialback, true, settings);
    /// # let valid = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
    /// assert!(originating.handle_answer(valid.clone(), now).is_err()); // it was not asked
    /// originating.ask(pair.clone(), &mut keys, now)?;
    /// assert_eq!(originating.handle_answer(valid, now)?, Outcome::Verified { pair });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle_answer(&mut self, answer: ResultAnswer, now: Instant) -> Result<Outcome, Error> {
        let Some(index) = self.find(&answer.pair) else {
            return Err(PeerMisbehaved::UnsolicitedResult {
                pair: answer.pair.into(),
                pending: self.questions.len(),
            }
            .into());
        };
        let pair = self.questions.remove(index).pair;
        Ok(match answer.answer {
            Answer::Valid => {
                self.verified.insert(pair.clone(), now);
                Outcome::Verified { pair }
            }
            Answer::Invalid => {
                self.given_up = true;
                let why = Refusal::Invalid;
                Outcome::Refused { pair, why }
            }
            Answer::Error(condition) => {
                let why = Refusal::Error(condition);
                Outcome::Refused { pair, why }
            }
        })
    }

    fn find(&self, pair: &Pair) -> Option<usize> {
        self.questions.iter().position(|question| question.pair == *pair)
    }

    /// Whether stanzas of this pair may be sent on this stream: the peer believes it, and has not called
    /// another one invalid since.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let (target, settings) = (pair.receiving.clone(), Settings::default());
    /// # let mut originating = Originating::new(target, "id", Support::Dialback, true, settings);
    /// # let valid = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
    /// originating.ask(pair.clone(), &mut keys, now)?;
    /// originating.handle_answer(valid, now)?;
    /// assert!(originating.may_send(&pair));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn may_send(&self, pair: &Pair) -> bool {
        !self.given_up && self.verified.contains_key(pair)
    }

    /// The pairs that the peer believes, and since when.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let (target, settings) = (pair.receiving.clone(), Settings::default());
    /// # let mut originating = Originating::new(target, "id", Support::Dialback, true, settings);
    /// # let valid = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
    /// originating.ask(pair.clone(), &mut keys, now)?;
    /// originating.handle_answer(valid, now)?;
    /// assert!(originating.verified().eq([(&pair, now)]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verified(&self) -> impl Iterator<Item = (&Pair, Instant)> {
        self.verified.iter().map(|(pair, since)| (pair, *since))
    }

    /// When a question runs out of time.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let (target, settings) = (pair.receiving.clone(), Settings::default());
    /// # let mut originating = Originating::new(target, "id", Support::Dialback, true, settings);
    /// # let valid = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
    /// originating.ask(pair.clone(), &mut keys, now)?;
    /// assert_eq!(originating.deadline(), Some(now + settings.limits().answer_within));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.questions.iter().map(|question| question.deadline).min()
    }

    /// One question that ran out of time; call it until there is none.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let (target, settings) = (pair.receiving.clone(), Settings::default());
    /// # let mut originating = Originating::new(target, "id", Support::Dialback, true, settings);
    /// # let valid = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
    /// originating.ask(pair.clone(), &mut keys, now)?;
    /// let deadline = originating.deadline().unwrap();
    /// let why = Refusal::TimedOut;
    /// assert_eq!(originating.handle_timeout(deadline), Some(Outcome::Refused { pair, why }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Outcome> {
        let index = self.questions.iter().position(|question| question.deadline <= now)?;
        let pair = self.questions.remove(index).pair;
        let why = Refusal::TimedOut;
        Some(Outcome::Refused { pair, why })
    }

    /// The stream ended: what became of its open questions.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use xmpp_dialback::*;
    /// # let now = Instant::now();
    /// # let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let (target, settings) = (pair.receiving.clone(), Settings::default());
    /// # let mut originating = Originating::new(target, "id", Support::Dialback, true, settings);
    /// # let valid = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
    /// originating.ask(pair.clone(), &mut keys, now)?;
    /// let why = Refusal::StreamEnded;
    /// assert_eq!(originating.end(), [Outcome::Refused { pair, why }]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end(self) -> Vec<Outcome> {
        let pairs = self.questions.into_iter().map(|question| question.pair);
        let refused = |pair| Outcome::Refused {
            pair,
            why: Refusal::StreamEnded,
        };
        pairs.map(refused).collect()
    }
}
