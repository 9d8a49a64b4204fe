use crate::config::{Opened, Protection};
use crate::error::{ApiMisuse, Bound, Error, PeerMisbehaved};
use crate::message::{Answer, ResultAnswer, ResultRequest};
use crate::outcome::{Outcome, Refusal};
use crate::pair::Pair;
use crate::roles::authoritative::Authoritative;
use crate::settings::{Requirement, Settings};
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
/// # Other targets than that of the stream
///
/// Whoever is asked to believe a pair learns a key for it and is sent its stanzas. So a second target on one
/// stream (XEP-0220 section 2.6.2) takes two things: the peer advertised dialback errors, as the XEP has it;
/// and, as that is only what the peer says of itself, the caller stated by [`cover`](Originating::cover) how
/// it knows that the peer is that target's server too, or the peer proved it on this stream (XEP-0288).
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
/// let opened = Opened::new(StreamNumber(1), pair.receiving.clone(), "D60000229F", Protection::Tls);
/// let mut originating = Originating::new(opened);
/// let request = originating.ask(pair.clone(), &mut authoritative, now)?; // to be sent
/// assert_eq!(request.key.as_str(), authoritative.key(&pair, "D60000229F", now)?.as_str());
/// assert!(!originating.may_send(&pair));
/// assert_eq!(originating.deadline(), Some(now + Limits::default().answer_within));
///
/// let answer = ResultAnswer { pair: pair.clone(), answer: Answer::Valid };
/// let outcome = originating.handle_answer(answer.clone(), now)?;
/// assert_eq!(outcome, Outcome::Verified { pair: pair.clone() });
/// assert!(originating.may_send(&pair));
/// assert!(originating.verified().eq([(&pair, now)]));
/// assert!(originating.handle_answer(answer, now).is_err()); // once
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Originating {
    id: SmallStr,
    protection: Protection,
    settings: Settings,
    targets: Targets,
    questions: Vec<Question>,
    verified: BTreeMap<Pair, Instant>,
    given_up: bool,
}

/// For which domains the peer may be asked to believe a pair.
#[derive(Debug)]
enum Targets {
    /// We opened the stream to the first of these, and the caller vouches for the others.
    Opened {
        target: Domain,
        covered: Vec<Domain>,
        errors: bool,
    },
    /// The peer opened it: for what it proved, and nothing else (XEP-0288 section 2.2).
    Proved,
}

#[derive(Debug)]
struct Question {
    pair: Pair,
    deadline: Instant,
}

/// How a caller knows that the peer of a stream that we opened serves another domain too.
///
/// ```
/// use xmpp_dialback::*;
///
/// let opened = Opened::new(StreamNumber(1), "a.example".parse()?, "id", Protection::Tls)
///     .with_support(Support::DialbackAndErrors);
/// let mut stream = DialbackStream::opened(opened);
/// stream.cover("rooms.a.example".parse()?, Covers::Certificate)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Covers {
    /// The certificate that the peer showed is valid now, by a path that policy trusts, and names the
    /// domain (RFC 7712 section 4.4.2).
    Certificate,
    /// DNS leads to the same host name and port, or to the same address and port, for the domain as for the
    /// one that the stream was opened to (XEP-0220 section 2.6.2). Without DNSSEC this is no more than a
    /// stream of its own would prove by its addresses, which is what dialback rests on.
    Address,
}

impl Originating {
    /// For a stream that we opened.
    pub fn new(stream: Opened) -> Self {
        let targets = Targets::Opened {
            target: stream.target,
            covered: Vec::new(),
            errors: stream.support.errors(),
        };
        Self::with_targets(targets, stream.id, stream.protection, stream.settings)
    }

    /// For a stream that the peer opened, for both directions.
    pub(crate) fn back(id: SmallStr, protection: Protection, settings: Settings) -> Self {
        Self::with_targets(Targets::Proved, id, protection, settings)
    }

    fn with_targets(targets: Targets, id: SmallStr, protection: Protection, settings: Settings) -> Self {
        Originating {
            id,
            protection,
            settings,
            targets,
            questions: Vec::new(),
            verified: BTreeMap::new(),
            given_up: false,
        }
    }

    /// The caller's word that the peer serves another domain too, to be said before a pair with that target
    /// is [asked](Originating::ask) about. It is judged by nobody else.
    ///
    /// # Errors
    ///
    /// [`ApiMisuse::NotOurStream`] where the peer opened it, which has to prove what it serves,
    /// [`ApiMisuse::StreamInClear`] for [`Covers::Certificate`] without TLS, where nobody proved possession
    /// of it, [`ApiMisuse::CertificateRequired`] for anything less where certificates are
    /// [required](Settings::requiring_certificates), and [`Error::Limit`] for more than
    /// [`Limits::pairs`](crate::Limits::pairs).
    pub fn cover(&mut self, domain: Domain, by: Covers) -> Result<(), Error> {
        let Targets::Opened { covered, .. } = &mut self.targets else {
            return Err(ApiMisuse::NotOurStream.into());
        };
        match (by, self.protection, self.settings.requirement()) {
            (Covers::Certificate, Protection::Clear, _) => return Err(ApiMisuse::StreamInClear.into()),
            (Covers::Address, _, Requirement::Certificate) => {
                return Err(ApiMisuse::CertificateRequired { target: domain }.into());
            }
            (Covers::Certificate, Protection::Tls, _) | (Covers::Address, _, _) => {}
        }
        if covered.contains(&domain) {
            return Ok(());
        }
        let max = self.settings.limits().pairs;
        if covered.len() >= max {
            let what = Bound::Targets;
            return Err(Error::Limit { what, max });
        }
        covered.push(domain);
        Ok(())
    }

    /// Asks to be believed. The request is to be sent on this stream.
    ///
    /// # Errors
    ///
    /// What keeps this pair from being asked about here: [`ApiMisuse::StreamGivenUp`],
    /// [`ApiMisuse::StreamInClear`], [`ApiMisuse::AlreadyAsked`], [`ApiMisuse::TargetMultiplexing`],
    /// [`ApiMisuse::TargetUnproved`], [`Error::Id`] or [`Error::Limit`]. Nothing was asked then.
    pub fn ask(&mut self, pair: Pair, authoritative: &mut Authoritative, now: Instant) -> Result<ResultRequest, Error> {
        self.ask_where(pair, false, authoritative, now)
    }

    /// `proved`: the peer proved on this stream that it speaks for the target.
    pub(crate) fn ask_where(
        &mut self,
        pair: Pair,
        proved: bool,
        authoritative: &mut Authoritative,
        now: Instant,
    ) -> Result<ResultRequest, Error> {
        if self.given_up {
            return Err(ApiMisuse::StreamGivenUp.into());
        }
        if !self.settings.allows(self.protection) {
            return Err(ApiMisuse::StreamInClear.into());
        }
        if self.find(&pair).is_some() || self.verified.contains_key(&pair) {
            let pair = pair.into();
            return Err(ApiMisuse::AlreadyAsked { pair }.into());
        }
        self.check_target(&pair.receiving, proved)?;
        let limits = self.settings.limits();
        let counts = [
            (Bound::OpenQuestions, self.questions.len(), limits.open_questions),
            (Bound::Pairs, self.questions.len() + self.verified.len(), limits.pairs),
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

    fn check_target(&self, found: &Domain, proved: bool) -> Result<(), ApiMisuse> {
        let unproved = || ApiMisuse::TargetUnproved { target: found.clone() };
        match &self.targets {
            Targets::Opened { target, .. } if target == found => Ok(()),
            Targets::Opened { covered, .. } if !proved && !covered.contains(found) => Err(unproved()),
            Targets::Opened {
                target, errors: false, ..
            } => Err(ApiMisuse::TargetMultiplexing {
                expected: target.clone(),
                found: found.clone(),
            }),
            // XEP-0288 section 2.2: whoever asks for bidi supports dialback errors.
            Targets::Opened { errors: true, .. } => Ok(()),
            Targets::Proved if proved => Ok(()),
            Targets::Proved => Err(unproved()),
        }
    }

    /// `db:result` with a `type` came on this stream.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::UnsolicitedResult`] if no question about this pair is open here.
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
    pub fn may_send(&self, pair: &Pair) -> bool {
        !self.given_up && self.verified.contains_key(pair)
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// The pairs that the peer believes, and since when.
    pub fn verified(&self) -> impl Iterator<Item = (&Pair, Instant)> {
        let verified = self.verified.iter().filter(|_| !self.given_up);
        verified.map(|(pair, since)| (pair, *since))
    }

    /// The pairs that the peer was asked to believe, and did not answer about so far.
    pub fn asked(&self) -> impl Iterator<Item = &Pair> {
        self.questions.iter().map(|question| &question.pair)
    }

    /// When a question runs out of time.
    pub fn deadline(&self) -> Option<Instant> {
        self.questions.iter().map(|question| question.deadline).min()
    }

    /// One question that ran out of time; call it until there is none.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Outcome> {
        let index = self.questions.iter().position(|question| question.deadline <= now)?;
        let pair = self.questions.remove(index).pair;
        let why = Refusal::TimedOut;
        Some(Outcome::Refused { pair, why })
    }

    /// The stream ended: what became of its open questions.
    pub fn end(self) -> Vec<Outcome> {
        let pairs = self.questions.into_iter().map(|question| question.pair);
        let refused = |pair| Outcome::Refused {
            pair,
            why: Refusal::StreamEnded,
        };
        pairs.map(refused).collect()
    }
}
