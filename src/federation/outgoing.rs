use super::config::FederationConfig;
use super::core::{Core, Heard};
use super::event::{AuthenticatedPair, Event, Refusal};
use super::external;
use super::worth::{Worth, certificates_count};
use crate::error::{Error, ErrorKind, Phase};
use crate::ledger::Sighting;
use crate::policy::PolicyViolation;
use crate::security::{SecurityReport, Tried};
use crate::session::{Mode, Session, Target};
use crate::time::Now;
use pki_types::CertificateDer;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use xmpp_dialback::{Covers, DialbackStream, Method, Opened, Pair, StreamNumber, Support, Verdict, VerifyTask, bidi};
use xmpp_stream::{Element, Features, StreamError, StreamHeader};
use xmpp_tls_core::{Domain, Engine, Output, StreamKind, deadline, ns};

/// A stream that we open to another server, from its first octet to its last, without I/O.
///
/// It secures the stream, proves us by SASL EXTERNAL or dialback, and then takes stanzas. One that is
/// [`for_verification`](Self::for_verification) proves nothing and only asks about claims.
///
/// What it may say to a server depends on [`ClientConfig::policy`](crate::session::ClientConfig::policy).
pub struct Outgoing {
    pub(super) core: Core,
    pub(super) pair: Pair,
    pub(super) state: State,
    header: Option<StreamHeader>,
    /// Until when the peer has to take our proof.
    proof_until: Option<Instant>,
    /// Asked before the stream was ready.
    pub(super) tasks: Vec<(VerifyTask, Option<CertificateDer<'static>>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// For this only: claims of others are verified on it.
    Verifying { ready: bool },
    /// Until the features.
    Opening,
    /// `<auth/>` was sent.
    External,
    /// EXTERNAL succeeded, and the stream begins anew.
    Restarting,
    /// `db:result` was sent.
    Dialback,
    /// Settled, one way or the other.
    Settled,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("pair", &self.pair)
            .field("state", &self.state)
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// A stream for stanzas from `pair.originating`, one of our domains, to `pair.receiving`.
    ///
    /// # Errors
    ///
    /// `pair.originating` is not ours, or the TLS library cannot do what the policy asks.
    pub fn new(config: Arc<FederationConfig>, pair: Pair, mode: Mode, now: Now) -> Result<Self, Error> {
        Self::open(config, pair, State::Opening, mode, now)
    }

    /// A stream on which the server for `domain` is asked whether claims to be it are true. `local` is the domain of
    /// ours that asks.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn for_verification(
        config: Arc<FederationConfig>,
        local: Domain,
        domain: Domain,
        mode: Mode,
        now: Now,
    ) -> Result<Self, Error> {
        Self::open(
            config,
            Pair::new(local, domain),
            State::Verifying { ready: false },
            mode,
            now,
        )
    }

    fn open(config: Arc<FederationConfig>, pair: Pair, state: State, mode: Mode, now: Now) -> Result<Self, Error> {
        if !config.serves(&pair.originating) {
            let kind = ErrorKind::ApiMisuse("the stream is not from a domain that is served here");
            return Err(Error::new(Some(pair.originating), Phase::Starttls, kind));
        }
        let target = Target::new(pair.receiving.clone()).from_server(pair.originating.clone());
        let target = match mode {
            Mode::StartTls => target,
            Mode::DirectTls => target.direct_tls(),
        };
        let session = Session::client(config.client.clone(), target, now)?;
        Ok(Outgoing {
            core: Core::new(config, session, now.instant),
            pair,
            state,
            header: None,
            proof_until: None,
            tasks: Vec::new(),
        })
    }

    /// Sends a stanza of a pair that was [`Accepted`](Event::Accepted).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotAuthenticated`] for any other pair; otherwise as [`Session::send`].
    pub fn send(&mut self, stanza: &Element) -> Result<(), Error> {
        self.core.send(stanza)
    }

    /// Proves a further pair on this stream, by dialback: another domain of ours, or another domain of the peer's.
    /// [`Event::Accepted`] or [`Event::Refused`] answers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Dialback`] if the stream cannot carry that pair; otherwise as [`Session::send`].
    pub fn claim(&mut self, pair: Pair, now: Instant) -> Result<(), Error> {
        self.core.now = self.core.now.max(now);
        let further = pair.receiving != self.pair.receiving;
        let worth = match further {
            true => self.worth_for(&pair),
            // The gate has let it through.
            false => Worth::Protected,
        };
        if worth == Worth::TooLittle {
            return Err(self
                .core
                .session
                .error(ErrorKind::Policy(PolicyViolation::Unauthenticated)));
        }
        let Some(dialback) = &mut self.core.dialback else {
            return Err(self
                .core
                .session
                .error(ErrorKind::ApiMisuse("the stream is not open yet")));
        };
        if worth == Worth::Proved {
            // What cannot be covered is refused right below, with the reason.
            drop(dialback.cover(pair.receiving.clone(), Covers::Certificate));
        }
        let asked = self.core.config.with_keys(|keys| dialback.ask(pair, keys, now));
        match asked {
            Ok(request) => self.core.session.send_dialback(&request.into()),
            Err(error) => Err(self.core.session.error(ErrorKind::Dialback(Box::new(error)))),
        }
    }

    /// What this stream is worth for another domain of the peer's, by our policy for that one.
    fn worth_for(&self, pair: &Pair) -> Worth {
        let target = Target::new(pair.receiving.clone()).from_server(pair.originating.clone());
        let policy = self.core.config.client.policy_for(&target);
        Worth::of(&self.core.session, policy, &pair.receiving, self.core.now)
    }

    /// Brings the verdict on a claim that the peer made on this stream ([`Event::Verify`]), where both directions are
    /// used (XEP-0288).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Dialback`] if it is another stream's; otherwise as [`Session::send`].
    pub fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<(), Error> {
        self.core.conclude(verdict, now)
    }

    /// Closes the stream; see [`Session::close`].
    ///
    /// # Errors
    ///
    /// As for [`Session::close`].
    pub fn close(&mut self, now: Instant) -> Result<(), Error> {
        self.core.session.close(now)
    }

    /// Closes the stream with an error; see [`Session::close_with`].
    ///
    /// # Errors
    ///
    /// As for [`Session::close`].
    pub fn close_with(&mut self, error: &StreamError, now: Instant) -> Result<(), Error> {
        self.core.session.close_with(error, now)
    }

    /// What protects the stream, from [`Event::Secured`] on.
    pub fn report(&self) -> Option<&Arc<SecurityReport>> {
        self.core.session.report()
    }

    /// The methods of authentication that were tried on this stream, in order, for a
    /// [`View`](crate::security::View) of the report: the 16 latest.
    pub fn tried(&self) -> &[Tried] {
        self.core.tried()
    }

    /// The pair that the stream was opened for.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Whether it was opened only to have claims verified.
    pub fn is_for_verification(&self) -> bool {
        matches!(self.state, State::Verifying { .. })
    }

    /// The number of this stream.
    pub fn number(&self) -> StreamNumber {
        self.core.number
    }

    /// Whether stanzas of this pair may be sent.
    pub fn may_send(&self, pair: &Pair) -> bool {
        self.core.may_send(pair)
    }

    /// Whether the peer may send stanzas too (XEP-0288).
    pub fn is_bidi(&self) -> bool {
        self.core.bidi
    }

    /// When the peer's last octets came.
    pub fn last_heard(&self) -> Instant {
        self.core.session.last_heard()
    }

    /// As [`Incoming::sighting`](super::Incoming::sighting), of a further pair that the peer proved on this stream, where
    /// both directions are used (XEP-0288). The domain that the stream was opened to is in the report from the beginning.
    pub fn sighting(&self, pair: &Pair, by: Method) -> Option<Sighting> {
        self.core.sighting(pair, by)
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn session(&self) -> &Session {
        &self.core.session
    }

    fn react(&mut self, heard: Heard) -> Result<(), Error> {
        match heard {
            Heard::Opened(header) => {
                let proof = self.policy().timeouts.authentication;
                self.proof_until.get_or_insert(deadline(self.core.now, proof));
                let has_features = header
                    .version
                    .is_some_and(|version| version >= xmpp_stream::Version::V1_0);
                self.header = Some(header);
                match has_features {
                    true => Ok(()),
                    false => self.negotiate(None),
                }
            }
            Heard::Features(features) => match self.state {
                State::Opening | State::Restarting | State::Verifying { ready: false } => {
                    self.negotiate(Some(&features))
                }
                State::External | State::Dialback | State::Settled | State::Verifying { ready: true } => {
                    self.core.session.fail(ErrorKind::unexpected(features.as_element()));
                    Ok(())
                }
            },
            Heard::Element(element) => match (element.namespace(), self.state) {
                (ns::DIALBACK, _) => self.heard_dialback(&element),
                (ns::SASL, State::External) => self.heard_sasl(&element),
                _ if element.is_stanza() => {
                    self.core.handle_stanza(element);
                    Ok(())
                }
                _ => {
                    self.core.session.fail(ErrorKind::unexpected(&element));
                    Ok(())
                }
            },
        }
    }

    /// The features are there, or none will come.
    fn negotiate(&mut self, features: Option<&Features>) -> Result<(), Error> {
        let Some(header) = &self.header else { return Ok(()) };
        let id = header.id.as_deref().unwrap_or_default();
        let opened = Opened::new(
            self.core.number,
            self.pair.receiving.clone(),
            id,
            self.core.protection(),
        )
        .with_support(Support::of(header, features))
        .with_settings(self.core.config.dialback(self.policy()));
        let mut dialback = DialbackStream::opened(opened);
        if self.core.bidi && dialback.enable_bidi().is_err() {
            self.core.bidi = false;
        }
        self.core.dialback = Some(dialback);
        match self.state {
            State::Verifying { .. } => {
                self.state = State::Verifying { ready: true };
                self.proof_until = None;
            }
            State::Opening => self.prove(features)?,
            State::Restarting => {
                self.settle();
                let proved = AuthenticatedPair::new(self.pair.clone(), Method::External, self.core.now);
                self.core.external = Some(proved.clone());
                self.core.accepted(proved)?;
            }
            State::External | State::Dialback | State::Settled => {}
        }
        self.ask_what_waits();
        Ok(())
    }

    fn prove(&mut self, features: Option<&Features>) -> Result<(), Error> {
        let mut why_not = "the peer does not offer it";
        if let Some(features) = features {
            self.ask_for_bidi(features)?;
            let offered = features.mechanisms().any(|mechanism| mechanism == external::MECHANISM);
            // RFC 6120 section 13.9.5: only to a server that has proved itself.
            let proved = self
                .core
                .session
                .report()
                .is_some_and(|report| report.is_authenticated());
            if offered && proved && certificates_count(self.policy()) {
                self.state = State::External;
                return self.core.send_built(external::auth(&self.pair.originating));
            }
            why_not = match (offered, proved) {
                (false, _) => why_not,
                (true, false) => "the peer has not proved itself",
                (true, true) => "our policy leaves it to dialback",
            };
        }
        self.fall_back(Refusal::NotOffered, why_not)
    }

    fn ask_for_bidi(&mut self, features: &Features) -> Result<(), Error> {
        let Some(dialback) = &mut self.core.dialback else {
            return Ok(());
        };
        if self.core.config.bidi && bidi::is_offered(features) && dialback.enable_bidi().is_ok() {
            self.core.bidi = true;
            return self.core.send_built(bidi::request().build());
        }
        Ok(())
    }

    /// Certificates did not do. Dialback, if the policy has it.
    fn fall_back(&mut self, refusal: Refusal, why_not: &str) -> Result<(), Error> {
        self.core
            .note_tried(self.pair.clone(), Method::External, Some(why_not.to_owned()));
        if self.policy().may_use_dialback(StreamKind::ServerToServer) {
            self.state = State::Dialback;
            return self.claim(self.pair.clone(), self.core.now).inspect_err(|error| {
                self.core.session.fail(error.kind().clone());
            });
        }
        self.settle();
        let pair = self.pair.clone();
        self.core.push(Event::Refused { pair, why: refusal });
        self.core.session.close(self.core.now)
    }

    fn heard_sasl(&mut self, element: &Element) -> Result<(), Error> {
        match element.name() {
            "success" => {
                self.state = State::Restarting;
                self.core.session.restart(self.core.now)
            }
            "challenge" => self.core.send_built(external::response(&self.pair.originating)),
            "failure" => {
                let condition = external::condition(element);
                let why_not = format!("the peer refused our certificate ({condition})");
                self.fall_back(Refusal::External { condition }, &why_not)
            }
            _ => {
                self.core.session.fail(ErrorKind::unexpected(element));
                Ok(())
            }
        }
    }

    fn heard_dialback(&mut self, element: &Element) -> Result<(), Error> {
        self.core.handle_dialback(element)?;
        let asked = |dialback: &DialbackStream| dialback.asked().any(|asked| *asked == self.pair);
        // Whatever the answer about our pair was: others may follow.
        if self.state == State::Dialback && !self.core.dialback.as_ref().is_some_and(asked) {
            self.settle();
            self.ask_what_waits();
        }
        Ok(())
    }

    fn settle(&mut self) {
        self.state = State::Settled;
        self.proof_until = None;
    }

    fn policy(&self) -> &crate::policy::Policy {
        self.core.session.policy()
    }
}

impl Engine for Outgoing {
    type Event = Event;
    type Error = Error;

    fn handle_input(&mut self, now: Instant, data: &[u8]) -> Result<(), Error> {
        self.core.now = self.core.now.max(now);
        self.core.session.handle_input(now, data)
    }

    fn handle_eof(&mut self, now: Instant) -> Result<(), Error> {
        self.core.now = self.core.now.max(now);
        self.core.session.handle_eof(now)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.core.handle_timeout(now)?;
        if self.proof_until.is_some_and(|until| now >= until) {
            self.proof_until = None;
            self.core.session.fail(ErrorKind::TimedOut);
        }
        Ok(())
    }

    fn poll_output(&mut self) -> Result<Output<Event>, Error> {
        loop {
            match self.core.poll()? {
                Ok(Output::WantsInput(until)) => {
                    return Ok(Output::WantsInput(until.into_iter().chain(self.proof_until).min()));
                }
                Ok(output) => return Ok(output),
                Err(heard) => self.react(heard)?,
            }
        }
    }
}
