use crate::condition::DialbackCondition;
use crate::error::{ApiMisuse, Error, PeerMisbehaved};
use crate::message::{Answer, Kind, ResultAnswer, ResultRequest};
use crate::pair::{Authenticated, Method, NotAuthenticated, Pair};
use crate::roles::verdict::{Finding, StreamNumber, Verdict, VerificationFailure, VerifyTask};
use crate::settings::{Requirement, Settings};
use std::collections::BTreeMap;
use std::time::Instant;
use xmpp_stream::SmallStr;
use xmpp_tls_core::{StreamId, deadline};

/// The receiving server on one stream: takes claims, has them verified and knows which pairs are
/// authenticated (XEP-0220 sections 2.1.1 and 2.2.1).
///
/// ```text
///   request --+-- certificate proves it ----------> authenticated, "valid"
///             |-- not served, in clear, too many -> "error"
///             '-- Verify(task) --> pending --Valid-----> authenticated, "valid"
///                                     |-----Invalid---> "invalid" and close, or "error"
///                                     |-----Failed----> "error"
///                                     '-----deadline--> "error"
///   request, pending already: nothing;  authenticated already: "valid"
///   verdict that nobody waits for: nothing
/// ```
///
/// ```
/// use std::time::Instant;
/// use xmpp_dialback::*;
/// use xmpp_tls_core::StreamId;
///
/// let now = Instant::now();
/// let id = StreamId::from_random([7; 16] /* from a CSPRNG, really */);
/// let mut receiving = Receiving::new(StreamNumber(1), &id, true, Settings::default());
///
/// let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
/// let request = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
/// let facts = Facts { served: true, certificate: Certificate::ProvesNothing };
/// let Received::Verify(task) = receiving.handle_request(request, facts, now)? else { panic!() };
/// assert_eq!(task.domain().as_str(), "capulet.example");
/// assert!(receiving.admits(&pair).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Receiving {
    stream: StreamNumber,
    id: SmallStr,
    encrypted: bool,
    settings: Settings,
    next_serial: u64,
    claims: Vec<Claim>,
    authenticated: BTreeMap<Pair, Authenticated>,
    failed: usize,
    given_up: bool,
}

#[derive(Debug)]
struct Claim {
    serial: u64,
    pair: Pair,
    deadline: Instant,
}

/// What the caller knows when a request comes. By default it knows nothing, and nothing is proved.
///
/// ```
/// use xmpp_dialback::{Certificate, Facts};
///
/// assert_eq!(Facts::default(), Facts { served: false, certificate: Certificate::ProvesNothing });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// The domain that the request is for ([`Message::to`](crate::Message::to)) is one of ours.
    pub served: bool,
    /// What the certificate of this stream says about the domain that is claimed in *this* request.
    pub certificate: Certificate,
}

/// What the peer's certificate says about one domain (XEP-0344 section 2.5). To be found out for each
/// request anew: the next one may claim another domain.
///
/// ```
/// assert_eq!(xmpp_dialback::Certificate::default(), xmpp_dialback::Certificate::ProvesNothing);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Certificate {
    /// There is none, it is not trusted, or it does not name the domain.
    #[default]
    ProvesNothing,
    /// It is valid now, by a path that policy trusts, and names the domain.
    ProvesDomain,
}

/// What to do about a request or a verdict.
///
/// ```
/// use xmpp_dialback::{Received, ResultAnswer};
///
/// fn answer(received: Received) -> Option<ResultAnswer> {
///     match received {
///         Received::Answer(answer) | Received::AnswerAndClose(answer) => Some(answer),
///         Received::Verify(_) | Received::Nothing => None,
///     }
/// }
/// ```
#[derive(Debug)]
pub enum Received {
    /// Have this verified on a stream to its domain.
    Verify(VerifyTask),
    /// Send this.
    Answer(ResultAnswer),
    /// Send this and close the stream.
    AnswerAndClose(ResultAnswer),
    /// Nothing: the claim is being verified already, or nobody waits for the verdict any more.
    Nothing,
}

impl Receiving {
    /// For a stream whose response header had this `id`, which we made.
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
    /// assert_eq!(receiving.authenticated().count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(stream: StreamNumber, id: &StreamId, encrypted: bool, settings: Settings) -> Self {
        Self::with_id(stream, id.to_string().into(), encrypted, settings)
    }

    pub(crate) fn with_id(stream: StreamNumber, id: SmallStr, encrypted: bool, settings: Settings) -> Self {
        Receiving {
            stream,
            id,
            encrypted,
            settings,
            next_serial: 0,
            claims: Vec::new(),
            authenticated: BTreeMap::new(),
            failed: 0,
            given_up: false,
        }
    }

    /// `db:result` without `type` came on this stream.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::AfterClose`] if the stream was given up.
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
    /// let received = receiving.handle_request(claim, proved, now)?;
    /// assert!(matches!(received, Received::Answer(ResultAnswer { answer: Answer::Valid, .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle_request(&mut self, request: ResultRequest, facts: Facts, now: Instant) -> Result<Received, Error> {
        let ResultRequest { pair, key } = request;
        if self.given_up {
            let found = Kind::ResultRequest;
            return Err(PeerMisbehaved::AfterClose { found }.into());
        }
        let limits = *self.settings.limits();
        if !self.settings.allows(self.encrypted) {
            return Ok(error(pair, DialbackCondition::POLICY_VIOLATION));
        }
        if !facts.served {
            return Ok(error(pair, DialbackCondition::ITEM_NOT_FOUND));
        }
        if self.authenticated.contains_key(&pair) {
            return Ok(valid(pair));
        }
        // A second key must not replace the first one behind the back of a verification under way.
        if self.claims.iter().any(|claim| claim.pair == pair) {
            return Ok(Received::Nothing);
        }
        if self.claims.len() + self.authenticated.len() >= limits.pairs {
            return Ok(error(pair, DialbackCondition::RESOURCE_CONSTRAINT));
        }
        match (facts.certificate, self.settings.requirement()) {
            // Of a certificate without TLS nobody proved possession.
            (Certificate::ProvesDomain, _) if self.encrypted => {
                self.authenticate(pair.clone(), Method::Certificate, now);
                return Ok(valid(pair));
            }
            (Certificate::ProvesDomain | Certificate::ProvesNothing, Requirement::Certificate) => {
                return Ok(error(pair, DialbackCondition::NOT_AUTHORIZED));
            }
            (
                Certificate::ProvesDomain | Certificate::ProvesNothing,
                Requirement::Encryption | Requirement::Nothing,
            ) => {}
        }
        if self.claims.len() >= limits.pending_claims {
            return Ok(error(pair, DialbackCondition::RESOURCE_CONSTRAINT));
        }
        let serial = self.next_serial;
        self.next_serial += 1;
        self.claims.push(Claim {
            serial,
            pair: pair.clone(),
            deadline: deadline(now, limits.verify_within),
        });
        Ok(Received::Verify(VerifyTask::new(
            self.stream,
            serial,
            pair,
            self.id.clone(),
            key,
        )))
    }

    /// What became of a task of this stream. If nobody waits for it any more, nothing happens.
    ///
    /// # Errors
    ///
    /// [`ApiMisuse::WrongStream`] if the task is another stream's.
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
    /// let Received::Verify(task) = receiving.handle_request(claim, facts, now)? else { panic!() };
    /// let Received::Answer(answer) = receiving.conclude(task.fail(VerificationFailure::NoConnection), now)? else { panic!() };
    /// assert_eq!(answer.answer, Answer::Error(DialbackCondition::REMOTE_CONNECTION_FAILED));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<Received, Error> {
        if verdict.stream != self.stream {
            let (expected, found) = (verdict.stream, self.stream);
            return Err(ApiMisuse::WrongStream { expected, found }.into());
        }
        let waits = |claim: &Claim| claim.serial == verdict.serial && claim.pair == verdict.pair;
        let Some(index) = self.claims.iter().position(waits) else {
            return Ok(Received::Nothing);
        };
        let pair = self.claims.remove(index).pair;
        Ok(match verdict.finding {
            Finding::Valid(method) => {
                self.authenticate(pair.clone(), method, now);
                valid(pair)
            }
            // XEP-0220 section 2.2.1: the stream ends, unless it carries other pairs.
            Finding::Invalid if self.authenticated.is_empty() => {
                self.give_up();
                Received::AnswerAndClose(ResultAnswer {
                    pair,
                    answer: Answer::Invalid,
                })
            }
            Finding::Invalid => self.failed(pair, DialbackCondition::FORBIDDEN),
            Finding::Failed(failure) => self.failed(pair, failure.condition()),
        })
    }

    /// The only way into the table: from a certificate, or from the verdict that a claim of this stream
    /// was waiting for.
    fn authenticate(&mut self, pair: Pair, by: Method, now: Instant) {
        let entry = Authenticated::new(pair.clone(), by, now);
        self.authenticated.insert(pair, entry);
    }

    fn failed(&mut self, pair: Pair, condition: DialbackCondition) -> Received {
        self.failed += 1;
        let answer = ResultAnswer {
            pair,
            answer: Answer::Error(condition),
        };
        match self.failed > self.settings.limits().failed_claims {
            true => {
                self.give_up();
                Received::AnswerAndClose(answer)
            }
            false => Received::Answer(answer),
        }
    }

    fn give_up(&mut self) {
        self.given_up = true;
        self.claims.clear();
        self.authenticated.clear();
    }

    /// Whether a stanza of this pair may be accepted from this stream, and by what.
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
    /// # let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// # let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// # let facts = Facts { served: true, ..Facts::default() };
    /// # let proved = Facts { served: true, certificate: Certificate::ProvesDomain };
    /// # let id = StreamId::from_random([1; 16]);
    /// # let mut receiving = Receiving::new(StreamNumber(1), &id, true, Settings::default());
    /// receiving.handle_request(claim, proved, now)?;
    /// assert_eq!(receiving.admits(&pair)?.by(), Method::Certificate);
    /// assert!(receiving.admits(&pair.inverse()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn admits(&self, pair: &Pair) -> Result<&Authenticated, NotAuthenticated> {
        self.authenticated.get(pair).ok_or_else(|| {
            let pair = pair.clone();
            let known = |other: &Pair| other.originating == pair.originating;
            match self.authenticated.keys().any(known) {
                true => NotAuthenticated::To { pair },
                false => NotAuthenticated::From { pair },
            }
        })
    }

    /// The authenticated pairs of this stream.
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
    /// receiving.handle_request(claim, proved, now)?;
    /// assert_eq!(receiving.authenticated().count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn authenticated(&self) -> impl Iterator<Item = &Authenticated> {
        self.authenticated.values()
    }

    /// The claims that are being verified.
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
    /// receiving.handle_request(claim, facts, now)?;
    /// assert!(receiving.pending().eq([&pair]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pending(&self) -> impl Iterator<Item = &Pair> {
        self.claims.iter().map(|claim| &claim.pair)
    }

    /// When a claim runs out of time.
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
    /// receiving.handle_request(claim, facts, now)?;
    /// assert_eq!(receiving.deadline(), Some(now + Limits::default().verify_within));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.claims.iter().map(|claim| claim.deadline).min()
    }

    /// What to do about one claim that ran out of time; call it until there is none.
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
    /// receiving.handle_request(claim, facts, now)?;
    /// let deadline = receiving.deadline().unwrap();
    /// let Some(Received::Answer(answer)) = receiving.handle_timeout(deadline) else { panic!() };
    /// assert_eq!(answer.answer, Answer::Error(DialbackCondition::REMOTE_SERVER_TIMEOUT));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Received> {
        let index = self.claims.iter().position(|claim| claim.deadline <= now)?;
        let pair = self.claims.remove(index).pair;
        Some(self.failed(pair, VerificationFailure::TimedOut.condition()))
    }
}

fn valid(pair: Pair) -> Received {
    let answer = Answer::Valid;
    Received::Answer(ResultAnswer { pair, answer })
}

fn error(pair: Pair, condition: DialbackCondition) -> Received {
    let answer = Answer::Error(condition);
    Received::Answer(ResultAnswer { pair, answer })
}
