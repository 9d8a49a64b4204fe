//! The XML stream of a session: over TLS behind the gate, or in clear where danger allows it.

use crate::error::{ErrorKind, Phase};
use crate::policy::Timeouts;
use crate::session::Closed;
use crate::session::gate::Secured;
use crate::session::role::Protection;
use crate::tls::{TlsEngine, TlsState};
use bytes::BytesMut;
use std::time::{Duration, Instant};
use xmpp_dialback::Message;
use xmpp_stream::{Element, Limits, StreamDecoder, StreamEncoder, StreamError, StreamEvent, StreamHeader, Version};
use xmpp_tls_core::{Side, StreamCondition, deadline, ns};

const UNAUTHENTICATED: &str = "the other server is not authenticated: nothing but dialback may be sent to it";
/// The size up to which a buffer is kept.
const KEPT: usize = 4096;
const STARTTLS_FAILURE: &[u8] = b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

pub(super) struct OpenStream {
    side: Side,
    transport: Transport,
    decoder: StreamDecoder,
    encoder: StreamEncoder,
    state: State,
    /// Until when the peer has to do what `state` waits for.
    deadline: Option<Instant>,
    /// The client has logged in, or need not.
    authenticated: bool,
    /// Nobody vouches for the peer yet, and only dialback can change that.
    awaits_dialback: bool,
    /// TLS failed behind what is still to be read.
    broken: Option<ErrorKind>,
    /// How long a peer may take to close.
    patience: Duration,
    header_sent: bool,
    /// What the peer says is dropped.
    deaf: bool,
    /// Text on its way into TLS.
    text: BytesMut,
}

enum Transport {
    Tls(Box<dyn TlsEngine>),
    Clear,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Our header comes first: we are the initiating side.
    Begin(Box<StreamHeader>),
    AwaitHeader,
    /// Open, on the initiating side: the peer has not said yet what it offers.
    AwaitFeatures,
    Open,
    /// Our closing tag was sent, the peer's not yet seen.
    Closing,
    /// Both closing tags were seen; only `close_notify` is missing.
    AwaitCloseNotify,
}

/// One step of the stream.
pub(super) enum Heard {
    /// The peer's header.
    Header(StreamHeader),
    Element(Element),
    Closed(Closed),
    /// The state changed; look again.
    Again,
    Nothing(Option<Instant>),
}

impl OpenStream {
    /// A stream that begins inside TLS; `header` is ours if we speak first.
    pub(super) fn inside_tls(
        side: Side,
        secured: Secured,
        header: Option<StreamHeader>,
        limits: Limits,
        timeouts: &Timeouts,
        now: Instant,
    ) -> Self {
        let (mut decoder, encoder) = secured.stream.into_codec(limits);
        decoder.push(&secured.plaintext);
        OpenStream {
            side,
            transport: Transport::Tls(secured.tls),
            decoder,
            encoder,
            state: header.map_or(State::AwaitHeader, |header| State::Begin(Box::new(header))),
            deadline: Some(deadline(now, timeouts.header)),
            authenticated: false,
            awaits_dialback: secured.report.awaits_dialback(),
            broken: secured.broken,
            patience: timeouts.close,
            header_sent: false,
            deaf: false,
            text: BytesMut::new(),
        }
    }

    /// A stream that goes on in clear.
    /// A client has until `login` to log in.
    pub(super) fn in_clear(
        side: Side,
        decoder: StreamDecoder,
        encoder: StreamEncoder,
        timeouts: &Timeouts,
        login: Option<Instant>,
        awaits_dialback: bool,
    ) -> Self {
        OpenStream {
            side,
            transport: Transport::Clear,
            decoder,
            encoder,
            state: State::Open,
            deadline: login,
            authenticated: false,
            awaits_dialback,
            broken: None,
            patience: timeouts.close,
            header_sent: true,
            deaf: false,
            text: BytesMut::new(),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.state {
            State::Begin(_) | State::AwaitHeader => Phase::Header,
            State::AwaitFeatures => Phase::Features,
            State::Open if self.deadline.is_some() => Phase::Authentication,
            State::Open => Phase::Open,
            State::Closing | State::AwaitCloseNotify => Phase::Closing,
        }
    }

    /// Whether what is to be written next belongs into the same segment as what was written last: the
    /// end of the handshake and our header, for which the peer waits.
    pub(super) fn begins(&self) -> bool {
        matches!(self.state, State::Begin(_))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn protection(&self) -> Protection {
        match self.transport {
            Transport::Tls(_) => Protection::Tls,
            Transport::Clear => Protection::None,
        }
    }

    /// Takes what came. A failure of TLS is kept until everything in front of it was reported.
    pub(super) fn handle_input(&mut self, data: &[u8], outgoing: &mut BytesMut) {
        match &mut self.transport {
            _ if self.broken.is_some() => {}
            Transport::Clear => self.decoder.push(data),
            Transport::Tls(tls) => {
                let read = self.decoder.push_with(|plaintext| tls.read_tls(data, plaintext));
                // Also after an error: the peer is owed an alert.
                let read = tls.write_tls(outgoing).and(read);
                self.broken = read.err().map(ErrorKind::from);
            }
        }
    }

    /// One step at the time `now`; `ended`: the transport will bring nothing more.
    pub(super) fn step(&mut self, now: Instant, ended: bool, outgoing: &mut BytesMut) -> Result<Heard, ErrorKind> {
        if let State::Begin(header) = &self.state {
            let header = header.clone();
            self.state = State::AwaitHeader;
            self.write_header(&header, outgoing)?;
            return Ok(Heard::Again);
        }
        match self.decoder.next_event()? {
            // We were closed before it came, and so nobody asks who it is, and whether it may speak.
            Some(StreamEvent::Open(_)) if self.state == State::Closing => {
                self.deaf = true;
                Ok(Heard::Again)
            }
            Some(StreamEvent::Element(element)) if self.deaf && StreamError::from_element(&element).is_none() => {
                Ok(Heard::Again)
            }
            Some(StreamEvent::Open(header)) => Ok(Heard::Header(header)),
            Some(StreamEvent::Element(element)) => match StreamError::from_element(&element) {
                Some(error) => Err(ErrorKind::StreamError(Box::new(error))),
                None => {
                    if self.state == State::AwaitFeatures && element.is(ns::STREAM, "features") {
                        self.state = State::Open;
                        self.deadline = None;
                    }
                    Ok(Heard::Element(element))
                }
            },
            Some(StreamEvent::Close) => self.peer_closed(now, outgoing),
            Some(StreamEvent::Whitespace) => Ok(Heard::Again),
            Some(_) => Err(ErrorKind::ApiMisuse(
                "the decoder reported an event that sessions do not know",
            )),
            None => self.idle(now, ended),
        }
    }

    /// The receiving side: the peer's header was good. Answers with ours, and gives the client until
    /// `login` to log in.
    pub(super) fn answer(
        &mut self,
        response: &StreamHeader,
        login: Instant,
        outgoing: &mut BytesMut,
    ) -> Result<(), ErrorKind> {
        self.state = State::Open;
        self.deadline = (!self.authenticated).then_some(login);
        self.write_header(response, outgoing)
    }

    /// The initiating side: the peer's header was good. Its features are due in what is left of the
    /// header's time, unless it speaks a version that has none (RFC 6120 section 4.7.5).
    pub(super) fn answered(&mut self, header: &StreamHeader) {
        if header.version.is_some_and(|version| version >= Version::V1_0) {
            self.state = State::AwaitFeatures;
        } else {
            self.state = State::Open;
            self.deadline = None;
        }
    }

    /// Whatever a peer says that nobody vouches for, besides what may change that.
    pub(super) fn must_not_hear(&self, element: &Element) -> bool {
        self.awaits_dialback && !self.is_negotiation(element)
    }

    /// What is exchanged while nobody vouches for the peer: offers, dialback and the wish for both directions. With
    /// SASL EXTERNAL a server that we accepted may try to prove itself; to one that we opened a stream to and that has
    /// not, we do not (RFC 6120 section 13.9.5).
    fn is_negotiation(&self, element: &Element) -> bool {
        match element.namespace() {
            ns::DIALBACK => true,
            ns::SASL => self.side == Side::Receiving,
            ns::STREAM => element.name() == "features",
            ns::BIDI => element.name() == "bidi",
            _ => false,
        }
    }

    /// Who the peer is has become known, and whether nobody vouches for it.
    pub(super) fn leave_to_dialback(&mut self, awaits: bool) {
        self.awaits_dialback = awaits;
    }

    pub(super) fn send(&mut self, element: &Element, outgoing: &mut BytesMut) -> Result<(), ErrorKind> {
        self.writable()?;
        if self.awaits_dialback && !self.is_negotiation(element) {
            return Err(ErrorKind::ApiMisuse(UNAUTHENTICATED));
        }
        self.encoder.element(element, &mut self.text);
        self.flush(outgoing)
    }

    pub(super) fn send_dialback(&mut self, message: &Message, outgoing: &mut BytesMut) -> Result<(), ErrorKind> {
        self.writable()?;
        message.write(&mut self.encoder, &mut self.text)?;
        self.flush(outgoing)
    }

    pub(super) fn keepalive(&mut self, outgoing: &mut BytesMut) -> Result<(), ErrorKind> {
        self.writable()?;
        self.text.extend_from_slice(b" ");
        self.flush(outgoing)
    }

    pub(super) fn restart(
        &mut self,
        header: Option<StreamHeader>,
        limits: Limits,
        deadline: Instant,
    ) -> Result<(), ErrorKind> {
        self.writable()?;
        // What SASL proves here is who we are.
        if self.awaits_dialback {
            return Err(ErrorKind::ApiMisuse(UNAUTHENTICATED));
        }
        self.decoder.restart(limits);
        self.header_sent = false;
        self.authenticated = true;
        self.deadline = Some(deadline);
        self.state = header.map_or(State::AwaitHeader, |header| State::Begin(Box::new(header)));
        Ok(())
    }

    /// The login is over, and the stream goes on as it is.
    pub(super) fn authenticated(&mut self, limits: Limits) -> Result<(), ErrorKind> {
        self.writable()?;
        self.decoder.set_limits(limits);
        self.authenticated = true;
        self.awaits_dialback = false;
        if self.state == State::Open {
            self.deadline = None;
        }
        Ok(())
    }

    pub(super) fn close_with(
        &mut self,
        error: Option<&StreamError>,
        apology: &StreamHeader,
        now: Instant,
        outgoing: &mut BytesMut,
    ) -> Result<(), ErrorKind> {
        if error.is_some() {
            // RFC 6120 section 4.9.3.16, whether or not there is still somebody to be told.
            self.never_resume();
        }
        if matches!(self.state, State::Closing | State::AwaitCloseNotify) {
            return Ok(());
        }
        self.introduce(apology);
        if let Some(error) = error {
            self.encoder.error(error, &mut self.text);
        }
        self.encoder.close(&mut self.text);
        self.state = State::Closing;
        self.deadline = Some(deadline(now, self.patience));
        self.flush(outgoing)
    }

    /// Tells the peer why the stream ends, behind our header if that was not sent yet
    /// (RFC 6120 section 4.9.1.2), and closes TLS.
    pub(super) fn tell(
        &mut self,
        condition: StreamCondition,
        apology: &StreamHeader,
        outgoing: &mut BytesMut,
    ) -> Result<(), ErrorKind> {
        if matches!(self.state, State::Closing | State::AwaitCloseNotify) {
            return Ok(());
        }
        self.introduce(apology);
        self.encoder.error(&StreamError::new(condition), &mut self.text);
        self.say_goodbye(outgoing)
    }

    /// Our header, if it was not sent: nothing can be said without one.
    fn introduce(&mut self, apology: &StreamHeader) {
        if !self.header_sent {
            self.encoder.open(apology, &mut self.text);
            self.header_sent = true;
        }
    }

    /// `<starttls/>` where it is not offered: `<failure/>` and the end of the stream
    /// (RFC 6120 section 5.4.2.2).
    pub(super) fn refuse_starttls(&mut self, outgoing: &mut BytesMut) -> Result<(), ErrorKind> {
        if self.writable().is_ok() {
            self.text.extend_from_slice(STARTTLS_FAILURE);
        }
        self.say_goodbye(outgoing)
    }

    /// Our closing tag, unless it was sent, and `close_notify`.
    pub(super) fn say_goodbye(&mut self, outgoing: &mut BytesMut) -> Result<(), ErrorKind> {
        if self.header_sent && self.state != State::Closing {
            self.encoder.close(&mut self.text);
        }
        self.flush(outgoing)?;
        if let Transport::Tls(tls) = &mut self.transport {
            tls.close();
            tls.write_tls(outgoing)?;
        }
        Ok(())
    }

    /// The security context ends with this connection.
    pub(super) fn never_resume(&mut self) {
        match &mut self.transport {
            Transport::Tls(tls) => tls.allow_resumption(false),
            Transport::Clear => {}
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.writable().is_ok()
    }

    fn writable(&self) -> Result<(), ErrorKind> {
        match self.state {
            State::AwaitFeatures | State::Open => Ok(()),
            State::Begin(_) | State::AwaitHeader => Err(ErrorKind::ApiMisuse("the stream is not open yet")),
            State::Closing | State::AwaitCloseNotify => Err(ErrorKind::ApiMisuse("the stream was closed")),
        }
    }

    fn write_header(&mut self, header: &StreamHeader, outgoing: &mut BytesMut) -> Result<(), ErrorKind> {
        self.encoder.open(header, &mut self.text);
        self.header_sent = true;
        self.flush(outgoing)
    }

    fn flush(&mut self, outgoing: &mut BytesMut) -> Result<(), ErrorKind> {
        match &mut self.transport {
            Transport::Clear => outgoing.extend_from_slice(&self.text),
            Transport::Tls(tls) => {
                tls.write(&self.text)?;
                tls.write_tls(outgoing)?;
            }
        }
        self.text.clear();
        if self.text.capacity() > KEPT {
            // Streams are idle most of the time: what one large element needed is not kept for the small ones.
            self.text = BytesMut::new();
        }
        Ok(())
    }

    /// The peer's closing tag: answer it, then close TLS (RFC 6120 section 4.4).
    fn peer_closed(&mut self, now: Instant, outgoing: &mut BytesMut) -> Result<Heard, ErrorKind> {
        self.say_goodbye(outgoing)?;
        if self.state != State::Closing {
            self.deadline = None;
        }
        self.state = State::AwaitCloseNotify;
        self.deadline.get_or_insert(deadline(now, self.patience));
        Ok(match self.transport {
            Transport::Clear => Heard::Closed(Closed::Properly),
            Transport::Tls(_) => Heard::Again,
        })
    }

    /// Nothing more to read: is that fine?
    fn idle(&mut self, now: Instant, ended: bool) -> Result<Heard, ErrorKind> {
        let close_notify = match &self.transport {
            Transport::Tls(tls) => tls.state() == TlsState::PeerClosed,
            Transport::Clear => false,
        };
        let late = self.deadline.is_some_and(|deadline| now >= deadline);
        match (self.broken.take(), &self.state) {
            (Some(_), State::AwaitCloseNotify) => return Ok(Heard::Closed(Closed::WithoutCloseNotify)),
            (Some(kind), _) => return Err(kind),
            (None, _) => {}
        }
        match self.state {
            State::AwaitCloseNotify if close_notify => Ok(Heard::Closed(Closed::Properly)),
            State::AwaitCloseNotify if ended || late => Ok(Heard::Closed(Closed::WithoutCloseNotify)),
            _ if close_notify || ended => Err(ErrorKind::Truncated {
                close_notify_missing: matches!(self.transport, Transport::Tls(_)) && !close_notify,
            }),
            State::Closing if late => Ok(Heard::Closed(Closed::Unanswered)),
            State::Closing | State::AwaitCloseNotify => Ok(Heard::Nothing(self.deadline)),
            State::Begin(_) | State::AwaitHeader | State::AwaitFeatures | State::Open if late => {
                Err(ErrorKind::TimedOut)
            }
            State::Begin(_) | State::AwaitHeader | State::AwaitFeatures | State::Open => {
                Ok(Heard::Nothing(self.deadline))
            }
        }
    }
}
