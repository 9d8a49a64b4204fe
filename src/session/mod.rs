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
mod handshake;
mod negotiation;
mod role;
mod server;
mod steps;
mod stream;

pub use client::Target;
pub use config::{ClientConfig, Mode, ServerConfig};
pub(crate) use role::Role;

use crate::error::{Error, ErrorKind, Phase};
use crate::policy::{Floor, Policy};
use crate::security::SecurityReport;
use crate::time::Now;
use bytes::{Bytes, BytesMut};
use handshake::Handshake;
use negotiation::Negotiation;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use stream::OpenStream;
use xmpp_dialback::Message;
use xmpp_identity::Verdict;
use xmpp_stream::{Element, Features, StreamError, StreamHeader};
use xmpp_tls_core::{Domain, Engine, Output, Side, StreamId, deadline};

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
