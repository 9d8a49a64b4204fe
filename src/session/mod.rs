//! Sessions: one engine from the first octet of a connection to a secured stream, and on.
//!
//! ```text
//!              STARTTLS                              direct TLS
//!   Negotiating --Upgrade--> Handshaking <------------- start
//!       |                        | handshake done: the gate
//!       | danger only            v
//!       v                     Secured --> header --> Opened --> elements --> closing
//!   Plaintext                            ^              |
//!                                        +-- restart ---+  (after SASL)
//! ```

mod client;
mod config;
mod gate;
mod negotiation;
mod role;
mod server;
mod stream;

pub use client::Target;
pub use config::{ClientConfig, Mode, ServerConfig};
use role::Protection;
pub(crate) use role::Role;

use crate::error::{Error, ErrorKind, Phase};
use crate::policy::{Floor, Policy, PolicyViolation};
use crate::security::{SecurityReport, TlsStart};
use crate::time::Now;
use crate::tls::{PeerCheck, TlsEngine, TlsError, TlsState};
use bytes::{Bytes, BytesMut};
use negotiation::{Negotiated, Negotiation};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use stream::{Heard, OpenStream};
use xmpp_dialback::Message;
use xmpp_identity::Verdict;
use xmpp_starttls::{ClearOffer, PlaintextStream, SecuredStream, UpgradeToken};
use xmpp_stream::{Element, Features, StreamError, StreamHeader};
use xmpp_tls_core::{Domain, Engine, Output, Side, StreamId, deadline, ns};

/// One connection, from its first octet to its last, without I/O.
///
/// Made by [`Session::client`] or [`Session::server`]; driven by the loop of [`Engine`], or by a
/// driver of [`io`](crate::io).
///
/// Under the default policy [`Event::Secured`] comes before anything the application can send leaves,
/// and before anything the peer said inside TLS is reported.
pub struct Session {
    role: Role,
    clock: Now,
    /// The latest time the session was told.
    now: Instant,
    last_heard: Instant,
    state: State,
    outgoing: BytesMut,
    events: VecDeque<Event>,
    ended: bool,
    starttls_deadline: Instant,
    report: Option<Arc<SecurityReport>>,
    /// The report of a stream whose peer has not said yet who it is.
    unnamed: Option<Arc<SecurityReport>>,
    failure: Option<Error>,
}

/// Buffers hold what was said inside TLS, passwords included: they are not shown.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("kind", &self.role.kind())
            .field("side", &self.role.side())
            .field("domain", &self.role.domain())
            .field("phase", &self.phase())
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

enum State {
    Negotiating(Box<Negotiation>),
    Handshaking(Box<Handshake>),
    /// Direct TLS has not begun.
    Starting,
    /// The gate is deciding.
    Finishing,
    Streaming(Box<OpenStream>),
    Finished,
}

struct Handshake {
    /// `None`: direct TLS.
    token: Option<UpgradeToken>,
    tls: Box<dyn TlsEngine>,
    /// What is asked about the peer's certificate; `None`: nothing.
    check: Option<PeerCheck>,
    plaintext: BytesMut,
    /// TLS failed; reported once what came before it is dealt with.
    broken: Option<ErrorKind>,
    deadline: Instant,
    /// White space may still come in front of the first octet of TLS, to be dropped.
    whitespace: bool,
}

impl Handshake {
    /// Takes what came. A failure is kept: what came before it may have finished the handshake.
    fn handle_input(&mut self, data: &[u8], outgoing: &mut BytesMut) {
        if self.broken.is_some() {
            return;
        }
        let data = self.tls_part_of(data);
        let read = self.tls.read_tls(data, &mut self.plaintext);
        // Also after an error: the peer is owed an alert.
        let read = self.tls.write_tls(outgoing).and(read);
        let early = self.tls.state() == TlsState::Handshaking && !self.plaintext.is_empty();
        self.broken = read.err().or(early.then_some(TlsError::EarlyData)).map(ErrorKind::from);
    }

    /// See [`Policy::whitespace_behind_starttls`](crate::policy::Policy::whitespace_behind_starttls).
    fn tls_part_of<'d>(&mut self, data: &'d [u8]) -> &'d [u8] {
        let xml_space = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
        let behind = data.iter().position(|octet| !xml_space(octet)).unwrap_or(data.len());
        let tls = if self.whitespace {
            data.get(behind..).unwrap_or_default()
        } else {
            data
        };
        self.whitespace &= tls.is_empty();
        tls
    }
}

/// What a session reports.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// TLS is up and satisfies the policy: this is what protects the stream.
    Secured(Arc<SecurityReport>),
    /// The stream goes on without TLS, which only [`danger`](crate::danger) makes possible.
    Plaintext(Arc<SecurityReport>),
    /// The stream is open: this is the peer's header. Reported again after each restart.
    Opened(StreamHeader),
    /// The features that the receiving entity offers; log in next.
    Features(Features),
    /// Any other first-level element.
    Element(Element),
    /// The stream is closed; drop the transport.
    Closed(Closed),
}

/// How a stream ended that both sides wanted to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// Closing tags and, inside TLS, `close_notify` both ways.
    Properly,
    /// Closing tags both ways, then the connection ended without `close_notify`. Nothing is missing:
    /// the peer's closing tag came inside TLS.
    WithoutCloseNotify,
    /// The peer did not answer our closing tag in time.
    Unanswered,
}

impl Session {
    /// What protects the stream, from [`Event::Secured`] (or [`Event::Plaintext`]) on.
    pub fn report(&self) -> Option<&Arc<SecurityReport>> {
        self.report.as_ref()
    }

    /// Sends an element. Possible once [`Event::Opened`] was reported.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ApiMisuse`] before the stream is open and after [`close`](Self::close), which does
    /// no harm. The error that ended the session earlier.
    pub fn send(&mut self, element: &Element) -> Result<(), Error> {
        self.with_stream(|stream, outgoing| stream.send(element, outgoing))
    }

    /// Sends an element of dialback, with the prefix that our header declared.
    pub(crate) fn send_dialback(&mut self, message: &Message) -> Result<(), Error> {
        self.with_stream(|stream, outgoing| stream.send_dialback(message, outgoing))
    }

    /// Sends one space between elements, which keeps the connection alive (RFC 6120 section 4.6.1).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn send_keepalive(&mut self) -> Result<(), Error> {
        self.with_stream(|stream, outgoing| stream.keepalive(outgoing))
    }

    /// Begins the stream anew after SASL succeeded (RFC 6120 section 6.4.6): the receiving entity calls
    /// it behind sending `<success/>`, the initiating entity on receiving it. From now on the limits
    /// for an authenticated peer apply.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn restart(&mut self, now: Instant) -> Result<(), Error> {
        let limits = self.role.policy().limits_after_authentication.clone();
        let deadline = deadline(now, self.role.policy().timeouts.header);
        let Session { role, .. } = self;
        let header = match &self.state {
            State::Streaming(stream) => role.initial_header(stream.protection()),
            _ => None,
        };
        self.with_stream(|stream, _| stream.restart(header, limits, deadline))
    }

    /// Tells that authentication succeeded on a stream that is not begun anew for it: SASL2 (XEP-0388),
    /// Server Dialback (XEP-0220). The time for the login ends, and from now on the limits for an
    /// authenticated peer apply. [`restart`](Self::restart) does both by itself.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn authentication_complete(&mut self) -> Result<(), Error> {
        let limits = self.role.policy().limits_after_authentication.clone();
        self.with_stream(|stream, _| stream.authenticated(limits))
    }

    /// Closes the stream (RFC 6120 section 4.4): our closing tag now, then the peer's, then TLS.
    /// What the peer still sends is reported until [`Event::Closed`]. It can be closed before the peer's header came.
    ///
    /// # Errors
    ///
    /// TLS is not up yet, or the session has ended.
    pub fn close(&mut self, now: Instant) -> Result<(), Error> {
        self.end(None, now)
    }

    /// The `id` of the stream, which the receiving entity makes anew with each header (RFC 6120 section 4.7.3); known
    /// from [`Event::Opened`] on.
    pub fn stream_id(&self) -> Option<&StreamId> {
        self.role.stream_id()
    }

    /// The verdict on the certificate that the peer showed, as the one of `domain`, for another server that claims
    /// a further domain on this stream (XEP-0344 section 2.5). `None` before the peer is known, in clear, and where
    /// it is a client.
    pub fn verdict_on(&self, domain: &Domain, now: Instant) -> Option<Verdict> {
        self.verdict_under(self.role.policy().keys, domain, now)
    }

    /// The same, where a policy for that domain demands other keys.
    pub(crate) fn verdict_under(&self, keys: Floor, domain: &Domain, now: Instant) -> Option<Verdict> {
        let tls = self.report.as_ref()?.tls()?;
        self.role
            .verdict_on(&tls.peer_chain, keys, domain, self.clock.wall_at(now))
    }

    /// When the peer's last octets came, white space between elements included: a peer that has been
    /// silent for long may be gone (RFC 6120 section 4.6).
    pub fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// Closes the stream with an error, which tells the peer why (RFC 6120 section 4.9): `conflict`,
    /// `system-shutdown`, `reset`. Otherwise as [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// As for [`close`](Self::close).
    pub fn close_with(&mut self, error: &StreamError, now: Instant) -> Result<(), Error> {
        self.end(Some(error), now)
    }

    fn end(&mut self, error: Option<&StreamError>, now: Instant) -> Result<(), Error> {
        let apology = match &self.state {
            State::Streaming(stream) => self.role.apology(stream.protection()),
            _ => StreamHeader::new(),
        };
        self.with_stream(|stream, outgoing| stream.close_with(error, &apology, now, outgoing))
    }

    /// Until when the peer has to do what the session waits for. Drivers bound their writes by it too.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Negotiating(_) => Some(self.starttls_deadline),
            State::Handshaking(handshake) => Some(handshake.deadline),
            State::Streaming(stream) => stream.deadline(),
            State::Starting | State::Finishing | State::Finished => None,
        }
    }

    /// What must be written before anything else happens, without taking a step. For drivers that
    /// send while something else reads.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        match &mut self.state {
            State::Streaming(_) | State::Finished => self.take_outgoing(),
            State::Negotiating(_) | State::Starting | State::Handshaking(_) | State::Finishing => None,
        }
    }

    /// Until when a write has to bring something: within the time for what the session waits for, and
    /// otherwise within that for the transport to take an octet.
    pub(crate) fn write_deadline(&self, now: Instant) -> Instant {
        let timeouts = &self.role.policy().timeouts;
        let budget = match self.failure {
            Some(_) => timeouts.close,
            None => timeouts.write,
        };
        self.deadline().unwrap_or(deadline(now, budget))
    }

    /// How long the peer may take to say goodbye.
    pub(crate) fn patience(&self) -> Duration {
        self.role.policy().timeouts.close
    }

    /// Whether the stream is open, and not being closed.
    pub(crate) fn takes_more(&self) -> bool {
        match &self.state {
            State::Streaming(stream) => self.failure.is_none() && stream.is_open(),
            State::Negotiating(_) | State::Handshaking(_) | State::Starting | State::Finishing | State::Finished => {
                false
            }
        }
    }

    pub(crate) fn policy(&self) -> &Policy {
        self.role.policy()
    }

    /// The domain of ours that the stream is for.
    pub(crate) fn local_domain(&self) -> Option<&Domain> {
        match self.role.side() {
            Side::Initiating => self.role.initiating_domain(),
            Side::Receiving => self.role.domain(),
        }
    }

    /// What an error of the transport is about.
    pub(crate) fn place(&self) -> (Option<Domain>, Phase) {
        (self.role.domain().cloned(), self.phase())
    }

    fn new(role: Role, clock: Now, state: State) -> Self {
        let starttls_deadline = deadline(clock.instant, role.policy().timeouts.starttls);
        Session {
            role,
            clock,
            now: clock.instant,
            last_heard: clock.instant,
            state,
            outgoing: BytesMut::new(),
            events: VecDeque::new(),
            ended: false,
            starttls_deadline,
            report: None,
            unnamed: None,
            failure: None,
        }
    }

    fn with_stream(
        &mut self,
        verb: impl FnOnce(&mut OpenStream, &mut BytesMut) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        self.check()?;
        let done = match &mut self.state {
            State::Streaming(stream) => verb(stream, &mut self.outgoing),
            State::Negotiating(_) | State::Starting | State::Handshaking(_) | State::Finishing => {
                Err(ErrorKind::ApiMisuse("the stream is not open yet"))
            }
            State::Finished => Err(ErrorKind::ApiMisuse("the stream was closed")),
        };
        done.map_err(|kind| self.error(kind))
    }

    fn check(&self) -> Result<(), Error> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    fn phase(&self) -> Phase {
        match &self.state {
            State::Negotiating(_) => Phase::Starttls,
            State::Starting | State::Handshaking(_) | State::Finishing => Phase::Tls,
            State::Streaming(stream) => stream.phase(),
            State::Finished => Phase::Closing,
        }
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(self.role.domain().cloned(), self.phase(), kind)
    }

    /// Ends the session; while XML is spoken the peer is told why.
    pub(crate) fn fail(&mut self, kind: ErrorKind) {
        let error = self.error(kind);
        if let State::Streaming(stream) = &mut self.state {
            let farewell = match (error.stream_condition(), error.kind()) {
                (Some(condition), _) => {
                    stream.tell(condition, &self.role.apology(stream.protection()), &mut self.outgoing)
                }
                // RFC 6120 section 4.9.1.1: the peer's stream error is answered with a closing tag.
                (None, ErrorKind::StreamError(_)) => stream.say_goodbye(&mut self.outgoing),
                (None, ErrorKind::StarttlsNotOffered) => stream.refuse_starttls(&mut self.outgoing),
                (None, _) => Ok(()),
            };
            // The first failure is the one to report; the connection is dropped either way.
            drop(farewell);
            match error.kind() {
                // Of the transport: the TLS session is as good as before.
                ErrorKind::Truncated { .. } | ErrorKind::TimedOut => {}
                // RFC 6120 section 4.9.3.16 for `<reset/>`; whatever else went wrong begins anew as well.
                _ => stream.never_resume(),
            }
        }
        if matches!(self.state, State::Finishing) {
            // The gate said no: the end of our handshake would tell the peer yes.
            self.outgoing.clear();
        }
        self.failure = Some(error);
    }

    fn take_outgoing(&mut self) -> Option<Bytes> {
        // What ends a handshake leaves together with our header: two small segments would make the
        // peer wait for a delayed acknowledgement.
        let more_follows = match &self.state {
            State::Handshaking(handshake) => handshake.tls.state() != TlsState::Handshaking,
            State::Streaming(stream) => stream.begins(),
            State::Negotiating(_) | State::Starting | State::Finishing | State::Finished => false,
        };
        let hold = more_follows && self.failure.is_none();
        // The whole buffer: what is left of one would stay for as long as the stream is idle.
        (!hold && !self.outgoing.is_empty()).then(|| std::mem::take(&mut self.outgoing).freeze())
    }

    /// One step; `None`: the state changed, look again.
    fn step(&mut self) -> Result<Option<Output<Event>>, ErrorKind> {
        match &mut self.state {
            State::Negotiating(negotiation) => match negotiation.poll_output()? {
                Output::Transmit(bytes) => Ok(Some(Output::Transmit(bytes))),
                Output::WantsInput(deadline) => Ok(Some(Output::WantsInput(deadline))),
                Output::Event(Some(Negotiated::Opened(opened))) => {
                    let served = self.role.choose_domain(&opened.header);
                    negotiation.decide(served)?;
                    Ok(None)
                }
                Output::Event(Some(Negotiated::Upgrade(token))) => self.start_tls(Some(token)).map(|()| None),
                Output::Event(Some(Negotiated::Plaintext(stream))) => self.go_on_in_clear(*stream).map(Some),
                Output::Event(None) => Ok(None),
            },
            State::Handshaking(handshake) => {
                if handshake.tls.state() != TlsState::Handshaking {
                    return self.finish_handshake();
                }
                if let Some(kind) = handshake.broken.take() {
                    return Err(kind);
                }
                if self.ended {
                    return Err(ErrorKind::Tls(TlsError::HandshakeCutOff {
                        direct: handshake.token.is_none(),
                    }));
                }
                if self.now >= handshake.deadline {
                    return Err(ErrorKind::TimedOut);
                }
                Ok(Some(Output::WantsInput(Some(handshake.deadline))))
            }
            State::Streaming(stream) => match stream.step(self.now, self.ended, &mut self.outgoing)? {
                Heard::Again => Ok(None),
                Heard::Nothing(deadline) => Ok(Some(Output::WantsInput(deadline))),
                Heard::Header(header) => {
                    let response = self.role.answer_header(&header)?;
                    if let Some(unnamed) = self.unnamed.take() {
                        let secured = self.name_peer(unnamed)?;
                        self.events.push_back(secured);
                    }
                    if let Some(report) = &self.report {
                        match (self.role.stream_id(), &header.id) {
                            (Some(ours), _) => report.opened(ours),
                            (None, Some(theirs)) => report.opened(&**theirs),
                            (None, None) => {}
                        }
                    }
                    let State::Streaming(stream) = &mut self.state else {
                        return Ok(None);
                    };
                    match response {
                        Some(response) => {
                            let login = deadline(self.now, self.role.policy().timeouts.authentication);
                            stream.answer(&response, login, &mut self.outgoing)?;
                        }
                        None => stream.answered(&header),
                    }
                    // Our header goes out first: the peer waits for it, and the application may think.
                    self.events.push_back(Event::Opened(header));
                    Ok(None)
                }
                Heard::Element(element) if self.role.side() == Side::Receiving && element.is(ns::TLS, "starttls") => {
                    Err(ErrorKind::StarttlsNotOffered)
                }
                Heard::Element(element) if stream.must_not_hear(&element) => {
                    Err(ErrorKind::Policy(PolicyViolation::Unauthenticated))
                }
                Heard::Element(element) => Ok(Some(Output::Event(self.role.event(element)))),
                Heard::Closed(how) => {
                    self.state = State::Finished;
                    // Behind our own last words.
                    self.events.push_back(Event::Closed(how));
                    Ok(None)
                }
            },
            State::Starting | State::Finishing | State::Finished => Ok(Some(Output::WantsInput(None))),
        }
    }

    fn start_tls(&mut self, token: Option<UpgradeToken>) -> Result<(), ErrorKind> {
        let (mut tls, check) = self.role.start_tls(token.is_none(), self.clock.wall_at(self.now))?;
        tls.write_tls(&mut self.outgoing)?;
        let deadline = deadline(self.now, self.role.policy().timeouts.tls);
        let whitespace =
            token.is_some() && self.role.side() == Side::Receiving && self.role.policy().whitespace_behind_starttls;
        self.state = State::Handshaking(Box::new(Handshake {
            token,
            tls,
            check,
            plaintext: BytesMut::new(),
            broken: None,
            deadline,
            whitespace,
        }));
        Ok(())
    }

    /// The handshake is done: whether it is good enough is for the gate to say.
    fn finish_handshake(&mut self) -> Result<Option<Output<Event>>, ErrorKind> {
        let State::Handshaking(handshake) = std::mem::replace(&mut self.state, State::Finishing) else {
            return Err(ErrorKind::ApiMisuse("no handshake to finish"));
        };
        let Handshake {
            token,
            mut tls,
            check,
            plaintext,
            broken,
            ..
        } = *handshake;
        let Some(session) = tls.take_session() else {
            return Err(ErrorKind::Tls(TlsError::Misconfigured(
                "the TLS engine tells no facts".to_owned(),
            )));
        };
        // Asked again about the chain that the finished handshake has: whatever the engine did with the
        // answer before, this is the one that counts.
        let verdict = check.and_then(|check| match session.resumed {
            false => Some(check.settle(&session.peer_chain)),
            true => check.verdict_of_resumed(&session.peer_chain),
        });
        let (start, offer, stream) = match token {
            Some(token) => (
                TlsStart::StartTls {
                    offered: token.offered(),
                },
                Some(token.clear_offer().clone()),
                token.secured(session.facts),
            ),
            None => (
                TlsStart::DirectTls,
                None,
                SecuredStream::direct_tls(self.role.kind(), self.role.side(), session.facts),
            ),
        };
        self.role.learn_domain(&session);
        let unnamed = self.role.is_unnamed();
        let candidate = gate::Candidate {
            tls,
            stream,
            unnamed,
            report: SecurityReport::of_tls(&self.role, (start, offer), session, verdict),
            plaintext,
            broken,
        };
        let secured = gate::pass(self.role.policy(), candidate)?;
        let report = secured.report.clone();
        match unnamed {
            true => self.unnamed = Some(report.clone()),
            false => self.report = Some(report.clone()),
        }
        let limits = self.role.policy().limits_before_authentication.clone();
        let stream = OpenStream::inside_tls(
            self.role.side(),
            secured,
            self.role.initial_header(Protection::Tls),
            limits,
            &self.role.policy().timeouts,
            self.now,
        );
        self.state = State::Streaming(Box::new(stream));
        Ok((!unnamed).then_some(Output::Event(Event::Secured(report))))
    }

    /// The peer has said who it is: the gate asks once more.
    fn name_peer(&mut self, unnamed: Arc<SecurityReport>) -> Result<Event, ErrorKind> {
        let now = self.clock.wall_at(self.now);
        let chain = unnamed.tls().map_or(&[][..], |tls| &tls.peer_chain);
        let verdict = self
            .role
            .initiating_domain()
            .and_then(|claimed| self.role.verdict_on(chain, self.role.policy().keys, claimed, now));
        let report = gate::name(&self.role, Arc::unwrap_or_clone(unnamed), verdict)?;
        if let State::Streaming(stream) = &mut self.state {
            stream.leave_to_dialback(report.awaits_dialback());
        }
        self.report = Some(report.clone());
        Ok(Event::Secured(report))
    }

    fn go_on_in_clear(&mut self, stream: PlaintextStream) -> Result<Output<Event>, ErrorKind> {
        self.role.believe(&stream.header)?;
        let offer = Features::from_element(&stream.first).as_ref().map(ClearOffer::of);
        let mut report = SecurityReport::of_plaintext(&self.role, offer);
        report.left_to_dialback(self.role.policy().evaluate(&report).awaits_dialback());
        let report = Arc::new(report);
        self.report = Some(report.clone());
        self.events
            .extend([Event::Opened(stream.header), self.role.event(stream.first)]);
        let timeouts = &self.role.policy().timeouts;
        let login = deadline(self.now, timeouts.authentication);
        let login = (self.role.side() == Side::Receiving).then_some(login);
        let stream = OpenStream::in_clear(
            self.role.side(),
            stream.decoder,
            stream.encoder,
            timeouts,
            login,
            report.awaits_dialback(),
        );
        self.state = State::Streaming(Box::new(stream));
        Ok(Output::Event(Event::Plaintext(report)))
    }
}

impl Engine for Session {
    type Event = Event;
    type Error = Error;

    fn handle_input(&mut self, now: Instant, data: &[u8]) -> Result<(), Error> {
        self.check()?;
        self.now = self.now.max(now);
        if data.is_empty() {
            return Ok(());
        }
        self.last_heard = self.now;
        match &mut self.state {
            State::Negotiating(negotiation) => {
                if let Err(source) = negotiation.handle_input(now, data) {
                    self.fail(source.into());
                }
            }
            State::Handshaking(handshake) => handshake.handle_input(data, &mut self.outgoing),
            State::Streaming(stream) => stream.handle_input(data, &mut self.outgoing),
            State::Starting | State::Finishing | State::Finished => {}
        }
        Ok(())
    }

    fn handle_eof(&mut self, now: Instant) -> Result<(), Error> {
        self.check()?;
        self.now = self.now.max(now);
        self.ended = true;
        match &mut self.state {
            State::Negotiating(negotiation) => negotiation.handle_eof(now).map_err(|source| self.error(source.into())),
            State::Starting | State::Handshaking(_) | State::Finishing | State::Streaming(_) | State::Finished => {
                Ok(())
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.check()?;
        self.now = self.now.max(now);
        match &mut self.state {
            State::Negotiating(negotiation) => negotiation
                .handle_timeout(now)
                .map_err(|source| self.error(source.into())),
            State::Starting | State::Handshaking(_) | State::Finishing | State::Streaming(_) | State::Finished => {
                Ok(())
            }
        }
    }

    fn poll_output(&mut self) -> Result<Output<Event>, Error> {
        loop {
            if let Some(bytes) = self.take_outgoing() {
                return Ok(Output::Transmit(bytes));
            }
            if let Some(event) = self.events.pop_front() {
                if self.events.is_empty() {
                    // Headers are rare, and their place is large.
                    self.events = VecDeque::new();
                }
                return Ok(Output::Event(event));
            }
            self.check()?;
            match self.step() {
                Ok(Some(output)) => return Ok(output),
                Ok(None) => {}
                Err(kind) => self.fail(kind),
            }
        }
    }
}
