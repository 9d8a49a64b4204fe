use crate::codec::{ClearStream, Heard, Role, STARTTLS, Step, poll, unexpected};
use crate::error::{Error, PeerMisbehaved, Phase, Refusal};
use crate::plaintext::PlaintextStream;
use crate::token::{ClearOffer, UpgradeToken};
use std::borrow::Cow;
use std::time::{Duration, Instant};
use xmpp_stream::{Element, Features, Limits, StreamHeader, Version};
use xmpp_tls_core::{Domain, Engine, Output, Side, StreamKind, deadline, ns};

/// The initiating entity's side of STARTTLS (RFC 6120 section 5.4).
///
/// It asks for TLS whether or not the peer offers it (RFC 7590 section 3.1): an offer missing from the
/// features may have been stripped, and proves nothing.
///
/// ```text
///   Start --header--> Header --<stream>--> Features --<features/>--> Proceed --<proceed/>--> Done
///                        |                                             ^
///                        +---- version below 1.0: no features come ----+
/// ```
///
/// ```
/// use std::time::Instant;
/// use xmpp_starttls::{Initiator, InitiatorEvent};
/// use xmpp_tls_core::{Engine, Output};
///
/// let now = Instant::now();
/// let mut initiator = Initiator::client("example.org".parse()?, now);
/// let Output::Transmit(header) = initiator.poll_output()? else { unreachable!() };
/// assert!(header.starts_with(b"<?xml version='1.0'?><stream:stream"));
///
/// initiator.handle_input(now, b"<stream:stream xmlns='jabber:client' id='1' version='1.0'
///     xmlns:stream='http://etherx.jabber.org/streams'><stream:features/>")?;
/// // ... poll, write, read: <starttls/> goes out although nothing was offered ...
/// # let mut sent = Vec::new();
/// # loop { match initiator.poll_output()? {
/// #     Output::Transmit(bytes) => sent.extend_from_slice(&bytes),
/// #     Output::Event(_) => {}
/// #     Output::WantsInput(_) => break,
/// # } }
/// # assert_eq!(sent, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
/// initiator.handle_input(now, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")?;
/// let Output::Event(InitiatorEvent::Upgrade(token)) = initiator.poll_output()? else { unreachable!() };
/// assert!(!token.offered());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Initiator {
    clear: ClearStream,
    state: State,
    kind: StreamKind,
    to: Domain,
    from: Option<Domain>,
    language: Cow<'static, str>,
    strict_whitespace: bool,
    plaintext_allowed: bool,
    /// Kept only for a [`PlaintextStream`].
    peer_header: Option<StreamHeader>,
    /// What every header of ours declares.
    declared: StreamHeader,
}

#[derive(Debug)]
enum State {
    Start,
    Header,
    Features,
    /// Features without STARTTLS under a policy that allows going on in clear.
    Plaintext(Element),
    Proceed {
        offer: ClearOffer,
    },
    /// The token or the stream was handed over.
    Done,
}

/// What an [`Initiator`] reports. Everything but the token is unauthenticated and forgotten after the
/// switch (RFC 6120 section 5.4.3.3).
#[derive(Debug)]
#[non_exhaustive]
pub enum InitiatorEvent {
    /// The peer's header, as anybody on the path may have written it.
    Opened(StreamHeader),
    /// The peer's features, likewise.
    Features(Features),
    /// `<proceed/>` came and nothing behind it: start TLS now.
    Upgrade(UpgradeToken),
    /// TLS is not offered and
    /// [`dangerous_allow_plaintext`](Initiator::dangerous_allow_plaintext) was called.
    Plaintext(Box<PlaintextStream>),
}

impl Initiator {
    /// How long the negotiation may take unless [`with_timeout`](Self::with_timeout) says otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// A client that connects to `to`. Its own address cannot be given: before TLS anybody could read
    /// it (RFC 6120 section 4.7.1).
    pub fn client(to: Domain, now: Instant) -> Self {
        Self::new(StreamKind::ClientToServer, to, None, now)
    }

    /// A server for `from` that connects to the server for `to`.
    pub fn server(from: Domain, to: Domain, now: Instant) -> Self {
        Self::new(StreamKind::ServerToServer, to, Some(from), now)
    }

    fn new(kind: StreamKind, to: Domain, from: Option<Domain>, now: Instant) -> Self {
        Initiator {
            clear: ClearStream::new(
                kind,
                Limits::before_authentication(),
                deadline(now, Self::DEFAULT_TIMEOUT),
            ),
            state: State::Start,
            kind,
            to,
            from,
            language: Cow::Borrowed("en"),
            strict_whitespace: false,
            plaintext_allowed: false,
            peer_header: None,
            declared: StreamHeader::new(),
        }
    }

    /// How long all of it may take, from now on.
    pub fn with_timeout(mut self, now: Instant, budget: Duration) -> Self {
        self.clear.set_deadline(deadline(now, budget));
        self
    }

    /// Other limits than [`Limits::before_authentication`].
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.clear.decoder.set_limits(limits);
        self
    }

    /// The `xml:lang` of the header (RFC 6120 section 4.7.4), `en` by default.
    pub fn with_language(mut self, language: impl Into<String>) -> Self {
        self.language = Cow::Owned(language.into());
        self
    }

    /// Declares a prefix on our header, as servers do for dialback (XEP-0220 section 2.4).
    pub fn with_declaration(mut self, prefix: impl Into<String>, namespace: impl Into<String>) -> Self {
        self.declared = self.declared.with_declaration(prefix, namespace);
        self
    }

    /// Refuses white space between `<starttls/>` and `<proceed/>`, which RFC 6120 section 5.3.3
    /// forbids. By default it is dropped: it cannot reach anything behind the switch.
    pub fn with_strict_whitespace(mut self) -> Self {
        self.strict_whitespace = true;
        self
    }

    /// Goes on in clear text when the peer offers no TLS. Anybody on the path can make it so.
    pub fn dangerous_allow_plaintext(mut self) -> Self {
        self.plaintext_allowed = true;
        self
    }

    fn phase(&self) -> Phase {
        match self.state {
            State::Start | State::Header => Phase::Header,
            State::Features | State::Plaintext(_) => Phase::Features,
            State::Proceed { .. } => Phase::Proceed,
            State::Done => Phase::Upgraded,
        }
    }

    fn header(&self) -> StreamHeader {
        let header = self.declared.clone().with_to(&self.to).with_lang(&*self.language);
        match &self.from {
            Some(from) => header.with_from(from),
            None => header,
        }
    }

    fn ask_for_tls(&mut self, offer: ClearOffer) {
        self.clear.write(STARTTLS);
        self.state = State::Proceed { offer };
    }

    fn listen(&mut self) -> Result<Step<InitiatorEvent>, Error> {
        match self.clear.hear(self.phase())? {
            Some(heard) => self.act(heard),
            None => Ok(self.clear.wait()),
        }
    }

    fn act(&mut self, heard: Heard) -> Result<Step<InitiatorEvent>, Error> {
        let phase = self.phase();
        match (&self.state, heard) {
            (State::Header, Heard::Header(header)) => {
                if header.version.is_some_and(|version| version >= Version::V1_0) {
                    self.state = State::Features;
                } else {
                    // STLS-42: no features will come; RFC 7590 section 3.1 still wants TLS tried.
                    self.ask_for_tls(ClearOffer::default());
                }
                self.peer_header = self.plaintext_allowed.then(|| header.clone());
                Ok(Step::Event(InitiatorEvent::Opened(header)))
            }
            (State::Features, Heard::Whitespace) => Ok(Step::Again),
            (State::Features, Heard::Element(element)) => {
                let Some(features) = Features::from_element(&element) else {
                    return Err(unexpected(phase, &element));
                };
                let offer = ClearOffer::of(&features);
                if offer.starttls.is_some() || !self.plaintext_allowed {
                    self.ask_for_tls(offer);
                } else {
                    self.state = State::Plaintext(element);
                }
                Ok(Step::Event(InitiatorEvent::Features(features)))
            }
            (State::Proceed { .. }, Heard::Whitespace) => match self.strict_whitespace {
                true => Err(Error::PeerMisbehaved {
                    phase,
                    what: PeerMisbehaved::WhitespaceBeforeProceed,
                }),
                false => Ok(Step::Again),
            },
            (State::Proceed { offer }, Heard::Element(element)) if element.is(ns::TLS, "proceed") => {
                let token = UpgradeToken::new(self.kind, Side::Initiating, Some(self.to.clone()), offer.clone());
                self.state = State::Done;
                self.after_switch()?;
                Ok(Step::Event(InitiatorEvent::Upgrade(token)))
            }
            (State::Proceed { .. }, Heard::Element(element)) if element.is(ns::TLS, "failure") => Err(Error::Refused {
                phase,
                refusal: Refusal::TlsFailure,
            }),
            (State::Proceed { .. }, Heard::Element(element)) => Err(unexpected(phase, &element)),
            // The decoder reports one header, first, and nothing before it.
            (State::Header, Heard::Element(_) | Heard::Whitespace)
            | (State::Features | State::Proceed { .. }, Heard::Header(_))
            | (State::Start | State::Plaintext(_) | State::Done, _) => {
                Err(Error::ApiMisuse("the decoder reported events out of order"))
            }
        }
    }

    fn go_on_in_clear(&mut self, first: Element) -> InitiatorEvent {
        let clear = self.clear.replace();
        InitiatorEvent::Plaintext(Box::new(PlaintextStream {
            kind: self.kind,
            header: self.peer_header.take().unwrap_or_default(),
            first,
            decoder: clear.decoder,
            encoder: clear.encoder,
        }))
    }

    /// Clear text behind `<proceed/>` cannot be the peer's: it speaks only after our ClientHello.
    fn after_switch(&self) -> Result<Step<InitiatorEvent>, Error> {
        self.clear
            .after_switch(|octets| PeerMisbehaved::DataAfterProceed { octets })
    }
}

impl Role for Initiator {
    type Event = InitiatorEvent;
    const SIDE: Side = Side::Initiating;

    fn clear(&mut self) -> &mut ClearStream {
        &mut self.clear
    }

    fn step(&mut self) -> Result<Step<InitiatorEvent>, Error> {
        match &self.state {
            State::Start => {
                self.clear.write_header(&self.header());
                self.state = State::Header;
                Ok(Step::Again)
            }
            State::Plaintext(first) => {
                let first = first.clone();
                self.state = State::Done;
                Ok(Step::Event(self.go_on_in_clear(first)))
            }
            State::Done => self.after_switch(),
            State::Proceed { offer } if offer.starttls.is_none() => self.listen().map_err(|error| match error {
                Error::ApiMisuse(_) => error,
                // Behind <proceed/> it no longer matters what was offered.
                _ if matches!(self.state, State::Done) => error,
                _ => Error::NotOffered {
                    outcome: Box::new(error),
                },
            }),
            State::Header | State::Features | State::Proceed { .. } => self.listen(),
        }
    }

    fn apology(&self) -> StreamHeader {
        self.header()
    }
}

impl Engine for Initiator {
    type Event = InitiatorEvent;
    type Error = Error;

    fn handle_input(&mut self, now: Instant, data: &[u8]) -> Result<(), Error> {
        self.clear.handle_input(now, data)
    }

    fn handle_eof(&mut self, _now: Instant) -> Result<(), Error> {
        self.clear.handle_eof()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.clear.handle_timeout(now)
    }

    fn poll_output(&mut self) -> Result<Output<InitiatorEvent>, Error> {
        poll(self)
    }
}
