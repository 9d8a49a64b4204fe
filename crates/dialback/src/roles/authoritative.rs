use crate::condition::DialbackCondition;
use crate::error::{Bound, Error};
use crate::keys::key::DialbackKey;
use crate::keys::secret::DialbackSecrets;
use crate::message::{Answer, VerifyAnswer, VerifyRequest};
use crate::pair::Pair;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use xmpp_tls_core::deadline;

/// The authoritative server: makes the keys of the originating one and answers for them (XEP-0220
/// sections 2.1.2 and 2.2.2).
///
/// [`stateless`](Authoritative::stateless), any server that knows the secret can answer for a key that any
/// other one made. [`stateful`](Authoritative::stateful), it answers only for keys that itself made, for a
/// while, so that a key that became known later is of no use.
///
/// ```
/// use std::time::Instant;
/// use xmpp_dialback::*;
///
/// let now = Instant::now();
/// let secret = DialbackSecret::generate(|octets| octets.fill(7 /* from a CSPRNG, really */));
/// let mut authoritative = Authoritative::stateless(secret.into());
/// let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
/// let key = authoritative.key(&pair, "D60000229F", now)?.into();
///
/// let request = VerifyRequest { pair, id: "D60000229F".into(), key };
/// let capulet_is_ours = true;
/// assert_eq!(authoritative.answer(&request, capulet_is_ours, now).answer, Answer::Valid);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Authoritative {
    secrets: DialbackSecrets,
    made: Option<Made>,
}

/// The keys made of late, by what they are for.
#[derive(Debug)]
struct Made {
    lifetime: Duration,
    max: usize,
    until: BTreeMap<Box<str>, Instant>,
    /// In the order in which they run out.
    order: VecDeque<(Instant, Box<str>)>,
}

impl Authoritative {
    /// Answers for every key of these secrets, whichever server made it.
    ///
    /// ```
    /// use std::time::Instant;
    /// use xmpp_dialback::*;
    ///
    /// let now = Instant::now();
    /// let secrets = DialbackSecrets::from(DialbackSecret::new(&[7; 32])?);
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// let key = Authoritative::stateless(secrets.clone()).key(&pair, "id", now)?.into();
    /// let request = VerifyRequest { pair, id: "id".into(), key };
    /// assert_eq!(Authoritative::stateless(secrets).answer(&request, true, now).answer, Answer::Valid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stateless(secrets: DialbackSecrets) -> Self {
        Authoritative { secrets, made: None }
    }

    /// Answers only for keys that this value made, for so long after. It remembers at most `max` of them
    /// and refuses to make more.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use xmpp_dialback::*;
    ///
    /// let now = Instant::now();
    /// let secrets = DialbackSecrets::from(DialbackSecret::new(&[7; 32])?);
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// let stateful = || Authoritative::stateful(secrets.clone(), Duration::from_secs(60), 10_000);
    /// let key = stateful().key(&pair, "id", now)?.into();
    /// let request = VerifyRequest { pair, id: "id".into(), key };
    /// assert_eq!(stateful().answer(&request, true, now).answer, Answer::Invalid); // another one made it
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stateful(secrets: DialbackSecrets, lifetime: Duration, max: usize) -> Self {
        let made = Made {
            lifetime,
            max,
            until: BTreeMap::new(),
            order: VecDeque::new(),
        };
        Authoritative {
            secrets,
            made: Some(made),
        }
    }

    /// The key for a pair on the stream that its receiving server gave this `id`.
    ///
    /// # Errors
    ///
    /// [`Error::Id`] for an `id` that no key is made for, [`Error::Limit`] if too many are remembered.
    ///
    /// ```
    /// use std::time::Instant;
    /// use xmpp_dialback::*;
    ///
    /// let now = Instant::now();
    /// let secrets = DialbackSecrets::from(DialbackSecret::new(&[7; 32])?);
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// let mut authoritative = Authoritative::stateless(secrets);
    /// assert!(authoritative.key(&pair, "id", now).is_ok() && authoritative.key(&pair, "", now).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key(&mut self, pair: &Pair, id: &str, now: Instant) -> Result<DialbackKey, Error> {
        let key = self.secrets.key(&pair.receiving, &pair.originating, id)?;
        if let Some(made) = &mut self.made {
            made.forget(now);
            if made.order.len() >= made.max {
                let max = made.max;
                let what = Bound::RememberedKeys;
                return Err(Error::Limit { what, max });
            }
            let (until, purpose) = (deadline(now, made.lifetime), purpose(pair, id));
            made.until.insert(purpose.clone(), until);
            made.order.push_back((until, purpose));
        }
        Ok(key)
    }

    /// Answers `db:verify`. `served` says whether the pair's originating domain, to which the request is
    /// addressed, is one of ours.
    ///
    /// ```
    /// use std::time::Instant;
    /// use xmpp_dialback::*;
    ///
    /// let now = Instant::now();
    /// let secrets = DialbackSecrets::from(DialbackSecret::new(&[7; 32])?);
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// let request = VerifyRequest { pair, id: "id".into(), key: PresentedKey::new("c0ffee")? };
    /// let mut authoritative = Authoritative::stateless(secrets);
    /// assert_eq!(authoritative.answer(&request, true, now).answer, Answer::Invalid);
    /// let not_served = Answer::Error(DialbackCondition::ITEM_NOT_FOUND);
    /// assert_eq!(authoritative.answer(&request, false, now).answer, not_served);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn answer(&mut self, request: &VerifyRequest, served: bool, now: Instant) -> VerifyAnswer {
        let pair = &request.pair;
        let answer = match served {
            false => Answer::Error(DialbackCondition::ITEM_NOT_FOUND),
            true => {
                let known = match &mut self.made {
                    None => true,
                    Some(made) => {
                        made.forget(now);
                        made.until.contains_key(&purpose(pair, &request.id))
                    }
                };
                let genuine = self
                    .secrets
                    .verify(&pair.receiving, &pair.originating, &request.id, &request.key);
                match known && genuine {
                    true => Answer::Valid,
                    false => Answer::Invalid,
                }
            }
        };
        VerifyAnswer {
            pair: pair.clone(),
            id: request.id.clone(),
            answer,
        }
    }
}

impl Made {
    fn forget(&mut self, now: Instant) {
        while let Some((_, purpose)) = self.order.front().filter(|(until, _)| *until <= now) {
            // Made once more since, it lives longer.
            if self.until.get(purpose).is_some_and(|until| *until <= now) {
                self.until.remove(purpose);
            }
            self.order.pop_front();
        }
    }
}

/// No two of them are alike: domains have no spaces, and ids with spaces have no keys.
fn purpose(pair: &Pair, id: &str) -> Box<str> {
    format!("{} {} {id}", pair.receiving, pair.originating).into()
}
