use crate::config::{Accepted, Protection};
use crate::error::{ApiMisuse, Bound, Error, NotAsked, PeerMisbehaved};
use crate::message::{Answer, Kind, ResultAnswer, ResultRequest};
use crate::outcome::{Decision, Outcome, Rejection};
use crate::pair::{Authenticated, Method, NotAuthenticated, Pair};
use crate::roles::verdict::{ClaimToken, Finding, IdMaker, StreamNumber, Verdict, VerificationFailure, VerifyTask};
use crate::settings::{Requirement, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use xmpp_stream::SmallStr;
use xmpp_tls_core::{Domain, deadline};

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
/// let mut receiving = Receiving::new(Accepted::new(StreamNumber(1), &id, Protection::Tls));
///
/// let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
/// let request = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
/// let Received::Verify(task) = receiving.handle_request(request, Facts::served(), now)? else { panic!() };
/// assert!(receiving.admits(&pair).is_err());
/// assert!(receiving.pending().eq([&pair]));
/// assert_eq!(receiving.deadline(), Some(now + Limits::default().verify_within));
///
/// // Nobody could be asked at capulet.example, and the peer is told.
/// let verdict = task.fail(VerificationFailure::NoConnection);
/// let Received::Decided(decision) = receiving.conclude(verdict, now)? else { panic!() };
/// let condition = DialbackCondition::REMOTE_CONNECTION_FAILED;
/// assert_eq!(decision.answer, ResultAnswer { pair, answer: Answer::Error(condition) });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Receiving {
    stream: StreamNumber,
    /// Of this value and no other one, whatever number it was given.
    identity: Arc<()>,
    id: SmallStr,
    id_maker: IdMaker,
    protection: Protection,
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
/// let facts = Facts::served().with_certificate(Certificate::ProvesDomain);
/// assert!(facts.served && !Facts::default().served);
/// assert_eq!(Facts::served().certificate, Certificate::ProvesNothing);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The domain that the request is for ([`Message::to`](crate::Message::to)) is one of ours.
    pub served: bool,
    /// What the certificate of this stream says about the domain that is claimed in *this* request.
    pub certificate: Certificate,
}

impl Facts {
    /// The request is for one of our domains, and no certificate proves anything.
    pub const fn served() -> Self {
        Facts {
            served: true,
            certificate: Certificate::ProvesNothing,
        }
    }

    /// With what the certificate of this stream says about the domain that is claimed.
    pub const fn with_certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }
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

/// What to do about a request or a verdict. Whoever takes it has to do each of these, so that there will be
/// no other ones without notice.
///
/// ```
/// use xmpp_dialback::{Received, ResultAnswer};
///
/// fn answer(received: Received) -> Option<ResultAnswer> {
///     match received {
///         Received::Decided(decision) => Some(decision.answer),
///         Received::Again(answer) => Some(answer),
///         Received::Verify(_) | Received::Nothing => None,
///     }
/// }
/// ```
#[derive(Debug)]
pub enum Received {
    /// Have this verified on a stream to its domain.
    Verify(VerifyTask),
    /// A claim is decided: send the answer, and close the stream if the decision says so.
    Decided(Box<Decision>),
    /// Send this, which the peer was told before.
    Again(ResultAnswer),
    /// Nothing: the claim is being verified already, or nobody waits for the verdict any more.
    Nothing,
}

impl Receiving {
    /// For a stream that the peer opened.
    pub fn new(stream: Accepted) -> Self {
        let Accepted {
            number,
            id,
            protection,
            settings,
        } = stream;
        Self::with_id(number, id, IdMaker::Us, protection, settings)
    }

    pub(crate) fn with_id(
        stream: StreamNumber,
        id: SmallStr,
        id_maker: IdMaker,
        protection: Protection,
        settings: Settings,
    ) -> Self {
        Receiving {
            stream,
            identity: Arc::new(()),
            id,
            id_maker,
            protection,
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
    pub fn handle_request(&mut self, request: ResultRequest, facts: Facts, now: Instant) -> Result<Received, Error> {
        let ResultRequest { pair, key } = request;
        if self.given_up {
            let found = Kind::ResultRequest;
            return Err(PeerMisbehaved::AfterClose { found }.into());
        }
        let limits = *self.settings.limits();
        if !self.settings.allows(self.protection) {
            return Ok(rejected(pair, Rejection::InClear));
        }
        if !facts.served {
            return Ok(rejected(pair, Rejection::NotServed));
        }
        if self.authenticated.contains_key(&pair) {
            let answer = Answer::Valid;
            return Ok(Received::Again(ResultAnswer { pair, answer }));
        }
        // A second key must not replace the first one behind the back of a verification under way.
        if self.claims.iter().any(|claim| claim.pair == pair) {
            return Ok(Received::Nothing);
        }
        if self.claims.len() + self.authenticated.len() >= limits.pairs {
            return Ok(rejected(pair, Rejection::TooMany));
        }
        match (facts.certificate, self.protection, self.settings.requirement()) {
            (Certificate::ProvesDomain, Protection::Tls, _) => {
                return Ok(self.authenticate(pair, Method::Certificate, now));
            }
            (_, _, Requirement::Certificate) => return Ok(rejected(pair, Rejection::NoCertificate)),
            // Of a certificate without TLS nobody proved possession.
            (Certificate::ProvesDomain, Protection::Clear, _) | (Certificate::ProvesNothing, _, _) => {}
        }
        if self.claims.len() >= limits.pending_claims {
            return Ok(rejected(pair, Rejection::TooMany));
        }
        let serial = self.next_serial;
        self.next_serial += 1;
        self.claims.push(Claim {
            serial,
            pair: pair.clone(),
            deadline: deadline(now, limits.verify_within),
        });
        let token = ClaimToken {
            stream: Arc::clone(&self.identity),
            serial,
        };
        let id = (self.id.clone(), self.id_maker);
        Ok(Received::Verify(VerifyTask::new(self.stream, token, pair, id, key)))
    }

    /// What became of a task of this stream. A verdict that no claim waits for, because its time ran out or
    /// because the claim was made on an earlier stream under the same number, changes nothing (XEP-0220
    /// section 2.1.2).
    ///
    /// # Errors
    ///
    /// [`ApiMisuse::WrongStream`] if the task is another stream's.
    pub fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<Received, Error> {
        self.check_number(verdict.stream)?;
        let Some(pair) = self.take(&verdict.token, &verdict.pair) else {
            return Ok(Received::Nothing);
        };
        Ok(match verdict.finding {
            Finding::Valid(method) => self.authenticate(pair, method, now),
            // XEP-0220 section 2.2.1: the stream ends, unless it carries other pairs.
            Finding::Invalid if self.authenticated.is_empty() => {
                self.give_up();
                let decision = Decision::closing(pair, Answer::Invalid, Rejection::Invalid);
                Received::Decided(Box::new(decision))
            }
            Finding::Invalid => self.failed(pair, Rejection::Invalid),
            Finding::Failed(failure) => self.failed(pair, Rejection::Failed(failure)),
        })
    }

    /// Dialback without a callback (XEP-0344 section 2.4): the caller states that the certificate of *this*
    /// stream is valid now, by a path that policy trusts, and names [`VerifyTask::domain`]. The claim is
    /// then as good as SASL EXTERNAL, and nobody is asked.
    ///
    /// A caller that knows this when the claim comes says it in [`Facts::certificate`] instead, and has to
    /// where [certificates are required](Settings::requiring_certificates).
    ///
    /// # Errors
    ///
    /// [`NotAsked`], which gives the task back: with [`ApiMisuse::WrongStream`] if the task is another
    /// stream's, with [`ApiMisuse::StreamInClear`] without TLS, where nobody proved possession of a
    /// certificate.
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
    /// let claim = ResultRequest { pair: pair.clone(), key: PresentedKey::new("c0ffee")? };
    /// let Received::Verify(task) = receiving.handle_request(claim, Facts::served(), now)? else { panic!() };
    ///
    /// assert_eq!(task.domain().as_str(), "capulet.example"); // which the certificate names
    /// let Received::Decided(decision) = receiving.accept_by_certificate(task, now)? else { panic!() };
    /// assert_eq!(decision.answer.answer, Answer::Valid);
    /// assert_eq!(receiving.admits(&pair)?.by(), Method::Certificate);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept_by_certificate(&mut self, task: VerifyTask, now: Instant) -> Result<Received, Box<NotAsked>> {
        let checked = self.check_number(task.stream()).and_then(|()| match self.protection {
            Protection::Tls => Ok(()),
            Protection::Clear => Err(ApiMisuse::StreamInClear.into()),
        });
        if let Err(error) = checked {
            return Err(Box::new(NotAsked { task, error }));
        }
        Ok(match self.take(task.token(), task.pair()) {
            Some(pair) => self.authenticate(pair, Method::Certificate, now),
            None => Received::Nothing,
        })
    }

    /// The peer was authenticated by SASL EXTERNAL on this stream, for the domain that the pair originates
    /// from, and opened it to the one that receives (XEP-0178 section 3): it need not claim that pair. What
    /// else it claims, and with bidi what is sent to it, then go by the same table.
    ///
    /// # Errors
    ///
    /// [`ApiMisuse::StreamInClear`] without TLS, where nobody proved possession of a certificate,
    /// [`ApiMisuse::StreamGivenUp`], and [`Error::Limit`].
    ///
    /// ```
    /// use std::time::Instant;
    /// use xmpp_dialback::*;
    /// use xmpp_tls_core::StreamId;
    ///
    /// let now = Instant::now();
    /// let id = StreamId::from_random([7; 16] /* from a CSPRNG, really */);
    /// let mut stream = DialbackStream::accepted(Accepted::new(StreamNumber(1), &id, Protection::Tls));
    /// stream.enable_bidi()?;
    /// let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
    /// stream.authenticated_by_external(pair.clone(), now)?;
    /// assert!(stream.admits(&pair).is_ok() && stream.may_send(&pair.inverse()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn authenticated_by_external(&mut self, pair: Pair, now: Instant) -> Result<(), Error> {
        match self.protection {
            Protection::Clear => return Err(ApiMisuse::StreamInClear.into()),
            Protection::Tls if self.given_up => return Err(ApiMisuse::StreamGivenUp.into()),
            Protection::Tls => {}
        }
        let max = self.settings.limits().pairs;
        if self.claims.len() + self.authenticated.len() >= max {
            let what = Bound::Pairs;
            return Err(Error::Limit { what, max });
        }
        let entry = Authenticated::new(pair.clone(), Method::External, now);
        self.authenticated.insert(pair, entry);
        Ok(())
    }

    fn check_number(&self, expected: StreamNumber) -> Result<(), Error> {
        let found = self.stream;
        match expected == found {
            true => Ok(()),
            false => Err(ApiMisuse::WrongStream { expected, found }.into()),
        }
    }

    /// The claim that waits for this, which waits no longer.
    fn take(&mut self, token: &ClaimToken, pair: &Pair) -> Option<Pair> {
        if self.given_up || !Arc::ptr_eq(&token.stream, &self.identity) {
            return None;
        }
        let waits = |claim: &Claim| claim.serial == token.serial && claim.pair == *pair;
        let index = self.claims.iter().position(waits)?;
        Some(self.claims.remove(index).pair)
    }

    /// The only way for a claim into the table: from a certificate, or from the verdict that a claim of this
    /// stream was waiting for.
    fn authenticate(&mut self, pair: Pair, by: Method, now: Instant) -> Received {
        let entry = Authenticated::new(pair.clone(), by, now);
        self.authenticated.insert(pair.clone(), entry.clone());
        let answer = Answer::Valid;
        Received::Decided(Box::new(Decision {
            answer: ResultAnswer { pair, answer },
            outcome: Outcome::Authenticated(entry),
            closes_stream: false,
        }))
    }

    fn failed(&mut self, pair: Pair, why: Rejection) -> Received {
        self.failed += 1;
        match self.failed > self.settings.limits().failed_claims {
            true => {
                self.give_up();
                let answer = Answer::Error(why.condition());
                Received::Decided(Box::new(Decision::closing(pair, answer, why)))
            }
            false => rejected(pair, why),
        }
    }

    fn give_up(&mut self) {
        self.given_up = true;
        self.authenticated.clear();
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// Whether the peer proved that it speaks for this domain, to any of ours.
    pub(crate) fn has_proved(&self, domain: &Domain) -> bool {
        self.authenticated.keys().any(|pair| pair.originating == *domain)
    }

    /// Whether a stanza of this pair may be accepted from this stream, and by what.
    ///
    /// # Errors
    ///
    /// [`NotAuthenticated`], which knows the stream error.
    pub fn admits(&self, pair: &Pair) -> Result<&Authenticated, NotAuthenticated> {
        self.authentication(pair).ok_or_else(|| {
            let pair = pair.clone();
            match self.has_proved(&pair.originating) {
                true => NotAuthenticated::To { pair },
                false => NotAuthenticated::From { pair },
            }
        })
    }

    /// Whether the peer proved this pair on this stream, by which method and since when.
    pub fn authentication(&self, pair: &Pair) -> Option<&Authenticated> {
        self.authenticated.get(pair)
    }

    /// The authenticated pairs of this stream.
    pub fn authenticated(&self) -> impl Iterator<Item = &Authenticated> {
        self.authenticated.values()
    }

    /// The claims that are being verified.
    pub fn pending(&self) -> impl Iterator<Item = &Pair> {
        self.waiting().map(|claim| &claim.pair)
    }

    /// Nobody waits on a stream that is being closed.
    fn waiting(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|_| !self.given_up)
    }

    /// When a claim runs out of time.
    pub fn deadline(&self) -> Option<Instant> {
        self.waiting().map(|claim| claim.deadline).min()
    }

    /// What to do about one claim that ran out of time; call it until there is none.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Received> {
        if self.given_up {
            return None;
        }
        let index = self.claims.iter().position(|claim| claim.deadline <= now)?;
        let pair = self.claims.remove(index).pair;
        Some(self.failed(pair, Rejection::Failed(VerificationFailure::TimedOut)))
    }

    /// The stream ended: what became of the claims that were being verified.
    pub fn end(self) -> Vec<Outcome> {
        let pairs = self.claims.into_iter().map(|claim| claim.pair);
        let rejected = |pair| Outcome::Rejected {
            pair,
            why: Rejection::StreamEnded,
        };
        pairs.map(rejected).collect()
    }
}

fn rejected(pair: Pair, why: Rejection) -> Received {
    let answer = Answer::Error(why.condition());
    Received::Decided(Box::new(Decision {
        answer: ResultAnswer {
            pair: pair.clone(),
            answer,
        },
        outcome: Outcome::Rejected { pair, why },
        closes_stream: false,
    }))
}
