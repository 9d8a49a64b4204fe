use super::config::FederationConfig;
use super::core::{Core, Heard};
use super::event::{AuthenticatedPair, Event};
use super::external::{self, Request};
use super::worth::{Worth, certificates_count};
use crate::error::{Error, ErrorKind};
use crate::ledger::Sighting;
use crate::security::{SecurityReport, Tried};
use crate::session::{Mode, Session};
use crate::time::Now;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use xmpp_dialback::{Accepted, DialbackStream, Method, Pair, StreamNumber, Support, Verdict, bidi};
use xmpp_identity::external::{InitialResponse, ServerLogin};
use xmpp_identity::{ChainStatus, Verdict as CertificateVerdict};
use xmpp_stream::{Element, Features, StreamError, StreamHeader, Version};
use xmpp_tls_core::{Domain, Engine, Output, StreamCondition, StreamKind, ns};

/// A peer that fails so often to log in is refused (RFC 6120 section 6.4.5).
const MAX_FAILURES: u8 = 3;

/// A stream that another server opened to us, from its first octet to its last, without I/O.
///
/// It secures the stream, offers what the policy has, and reports stanzas of those pairs alone that were
/// [`Authenticated`](Event::Authenticated). Anything else ends the stream.
pub struct Incoming {
    core: Core,
    /// What SASL EXTERNAL proved.
    external: Option<AuthenticatedPair>,
    /// An `<auth/>` without an initial response was answered with a challenge.
    challenged: bool,
    failures: u8,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

impl Incoming {
    /// A connection came in on the port for servers.
    ///
    /// # Errors
    ///
    /// As for [`Session::peer_server`].
    pub fn new(config: Arc<FederationConfig>, mode: Mode, now: Now) -> Result<Self, Error> {
        let session = Session::peer_server(config.server.clone(), mode, now)?;
        Ok(Incoming {
            core: Core::new(config, session, now.instant),
            external: None,
            challenged: false,
            failures: 0,
        })
    }

    /// Brings the verdict on a claim of this stream ([`Event::Verify`]).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Dialback`] if it is another stream's; otherwise as [`Session::send`].
    pub fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<(), Error> {
        self.core.conclude(verdict, now)
    }

    /// Sends a stanza to a server that wanted the stream for both directions (XEP-0288) and proved itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotAuthenticated`] for any other pair; otherwise as [`Session::send`].
    pub fn send(&mut self, stanza: &Element) -> Result<(), Error> {
        self.core.send(stanza)
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

    /// The pairs whose stanzas are taken from this stream.
    pub fn authenticated(&self) -> impl Iterator<Item = AuthenticatedPair> + '_ {
        self.core.authenticated()
    }

    /// What a [`CertificateLedger`](crate::ledger::CertificateLedger) is to be told of a pair of the peer's that is
    /// authenticated `by` this.
    ///
    /// To ask it before the peer is told that its proof was taken, ask when [`Event::Secured`] comes, by
    /// [`Method::External`], for the pair of the report's domains, and before [`conclude`](Self::conclude) with a verdict
    /// that is valid, by [`Method::Dialback`]; and for what is left when [`Event::Authenticated`] comes. `None` if the
    /// certificate proves nothing.
    pub fn sighting(&self, pair: &Pair, by: Method) -> Option<Sighting> {
        self.core.sighting(pair, by)
    }

    /// The number of this stream, by which verdicts find it.
    pub fn number(&self) -> StreamNumber {
        self.core.number
    }

    /// Whether stanzas of this pair may be sent.
    pub fn may_send(&self, pair: &Pair) -> bool {
        self.core.may_send(pair)
    }

    /// Whether we may send stanzas too (XEP-0288).
    pub fn is_bidi(&self) -> bool {
        self.core.bidi
    }

    /// When the peer's last octets came.
    pub fn last_heard(&self) -> Instant {
        self.core.session.last_heard()
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn session(&self) -> &Session {
        &self.core.session
    }

    fn react(&mut self, heard: Heard) -> Result<(), Error> {
        match heard {
            Heard::Opened(header) => self.opened(&header),
            // Only the receiving entity offers.
            Heard::Features(features) => {
                self.core.session.fail(ErrorKind::unexpected(features.as_element()));
                Ok(())
            }
            Heard::Element(element) => match element.namespace() {
                ns::DIALBACK => self.core.handle_dialback(&element),
                ns::SASL => self.heard_sasl(&element),
                _ if bidi::is_request(&element) => {
                    self.use_both_directions();
                    Ok(())
                }
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

    fn opened(&mut self, header: &StreamHeader) -> Result<(), Error> {
        if let Some(id) = self.core.session.stream_id() {
            let settings = self.core.config.dialback(self.core.session.policy());
            let accepted = Accepted::new(self.core.number, id, self.core.protection()).with_settings(settings);
            let mut dialback = DialbackStream::accepted(accepted);
            self.core.bidi = self.core.bidi && dialback.enable_bidi().is_ok();
            if let Some(external) = &self.external {
                let proved = dialback.authenticated_by_external(external.pair.clone(), external.since);
                proved.map_err(|error| self.core.session.error(ErrorKind::Dialback(Box::new(error))))?;
                let external = external.clone();
                self.core.authenticated_as(&external.pair);
                self.core.push(Event::Authenticated(external));
            }
            self.core.dialback = Some(dialback);
        }
        // In clear they went out with our header.
        let wants_features = header.version.is_some_and(|version| version >= Version::V1_0);
        match wants_features && self.core.is_encrypted() {
            true => self.offer(),
            false => Ok(()),
        }
    }

    fn offer(&mut self) -> Result<(), Error> {
        let mut features = Features::builder();
        if self.external.is_none() {
            if self.offers_external() {
                features = features.mechanisms([external::MECHANISM]);
            }
            if self.core.config.bidi {
                features = features.feature(bidi::feature());
            }
        }
        if self.core.session.policy().may_use_dialback(StreamKind::ServerToServer) {
            features = features.feature(Support::feature());
        }
        match features.build() {
            Ok(features) => self.core.session.send(features.as_element()),
            Err(error) => Err(self.core.session.error(error.into())),
        }
    }

    /// The peer's domain, as its header has it.
    fn from(&self) -> Option<Domain> {
        self.core.session.report()?.initiating_domain().cloned()
    }

    fn offers_external(&self) -> bool {
        let Some(from) = self.from() else { return false };
        let verdict = self.core.session.verdict_on(&from, self.core.now);
        let login = ServerLogin { from: Some(&from) };
        certificates_count(self.core.session.policy()) && verdict.is_some_and(|verdict| login.offers_external(&verdict))
    }

    fn heard_sasl(&mut self, element: &Element) -> Result<(), Error> {
        let response = match Request::read(element) {
            Request::Auth(InitialResponse::Absent) => {
                self.challenged = true;
                return self.core.send_built(external::challenge());
            }
            Request::Auth(response) => response,
            Request::Response(response) if std::mem::take(&mut self.challenged) => response,
            Request::Response(_) => return self.refuse("malformed-request"),
            Request::Bad(condition) => return self.refuse(condition),
        };
        // Once, and before anything else was proved: the stream begins anew, and forgets.
        let begun = self.core.authenticated().next().is_some();
        if begun || !certificates_count(self.core.session.policy()) {
            return self.refuse("not-authorized");
        }
        // Without `from` nobody has asked the policy for the domain yet.
        let Some(from) = self.from().filter(|from| self.core.worth_for(from) == Worth::Proved) else {
            return self.refuse("not-authorized");
        };
        let login = ServerLogin { from: Some(&from) };
        let (session, now) = (&self.core.session, self.core.now);
        let verify = |domain: &Domain| {
            let verdict = session.verdict_on(domain, now);
            verdict.unwrap_or_else(|| CertificateVerdict::unnamed(ChainStatus::NoCertificate))
        };
        match (
            login.decide(response.authzid(), verify),
            session.local_domain().cloned(),
        ) {
            (Ok(domain), Some(local)) => self.log_in(Pair::new(domain, local)),
            (Ok(_), None) => self.refuse("not-authorized"),
            (Err(refusal), _) => self.refuse(refusal.failure.condition()),
        }
    }

    fn log_in(&mut self, pair: Pair) -> Result<(), Error> {
        self.core.send_built(external::success())?;
        self.core.session.restart(self.core.now)?;
        self.core.note_tried(pair.clone(), Method::External, None);
        self.external = Some(AuthenticatedPair::new(pair, Method::External, self.core.now));
        Ok(())
    }

    /// Dialback may follow, where the policy has it (XEP-0178 section 3, step 11).
    fn refuse(&mut self, condition: &str) -> Result<(), Error> {
        self.failures += 1;
        if let (Some(from), Some(local)) = (self.from(), self.core.session.local_domain().cloned()) {
            let why = format!("we refused it ({condition})");
            self.core
                .note_tried(Pair::new(from, local), Method::External, Some(why));
        }
        self.core.send_built(external::failure(condition))?;
        let may_go_on = self.core.session.policy().may_use_dialback(StreamKind::ServerToServer);
        match may_go_on && self.failures < MAX_FAILURES {
            true => Ok(()),
            false => {
                let error = StreamError::new(StreamCondition::POLICY_VIOLATION);
                self.core.session.close_with(&error, self.core.now)
            }
        }
    }

    /// XEP-0288 section 2.2: before anything is proved, and where it was offered. Otherwise it means nothing.
    fn use_both_directions(&mut self) {
        let in_time = self.external.is_none() && self.core.authenticated().next().is_none();
        if let Some(dialback) = self.core.dialback.as_mut().filter(|_| in_time && self.core.config.bidi) {
            self.core.bidi = dialback.enable_bidi().is_ok();
        }
    }
}

impl Engine for Incoming {
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
        self.core.handle_timeout(now)
    }

    fn poll_output(&mut self) -> Result<Output<Event>, Error> {
        loop {
            match self.core.poll()? {
                Ok(output) => return Ok(output),
                Err(heard) => self.react(heard)?,
            }
        }
    }
}
