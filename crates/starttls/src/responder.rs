use crate::codec::{ClearStream, FEATURES, Heard, PROCEED, Role, Step, poll, unexpected};
use crate::error::{Error, PeerMisbehaved, Phase};
use crate::plaintext::PlaintextStream;
use crate::token::{ClearOffer, UpgradeToken};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use xmpp_stream::{Element, FeaturesBuilder, Limits, StartTls, StreamHeader, Version};
use xmpp_tls_core::{Domain, Engine, Output, Side, StreamCondition, StreamId, StreamKind, deadline, ns};

/// The receiving entity's side of STARTTLS (RFC 6120 section 5.4), in two phases: it shows what the
/// peer asked for, and sends nothing until its owner accepts or refuses.
///
/// ```text
///   Header --<stream>--> Decision --accept--> Starttls --<starttls/>--> Proceed --> Done
///                           |
///                           +------refuse---> stream error
/// ```
///
/// ```
/// use std::time::Instant;
/// use xmpp_starttls::{Responder, ResponderEvent};
/// use xmpp_tls_core::{Engine, Output, StreamId, StreamKind};
///
/// let now = Instant::now();
/// let id = StreamId::from_random([7; 16]); // from a CSPRNG
/// let mut responder = Responder::new(StreamKind::ClientToServer, id, now);
/// responder.handle_input(now, b"<stream:stream to='example.org' version='1.0' xmlns='jabber:client'
///     xmlns:stream='http://etherx.jabber.org/streams'>")?;
///
/// let Output::Event(ResponderEvent::Opened(opened)) = responder.poll_output()? else { unreachable!() };
/// assert_eq!(opened.header.to.as_deref(), Some("example.org"));
/// responder.accept(&"example.org".parse()?)?;
///
/// let Output::Transmit(bytes) = responder.poll_output()? else { unreachable!() };
/// assert!(bytes.ends_with(b"<required/></starttls></stream:features>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Responder {
    clear: ClearStream,
    state: State,
    kind: StreamKind,
    id: StreamId,
    /// `None`: [`ENGLISH`].
    languages: Option<Vec<String>>,
    to: Option<Domain>,
    peer_header: StreamHeader,
    whitespace_behind_starttls: bool,
    /// What else to offer in clear; `None`: TLS is required.
    plaintext_features: Option<FeaturesBuilder>,
    /// What every header of ours declares.
    declared: StreamHeader,
}

static ENGLISH: LazyLock<Vec<String>> = LazyLock::new(|| vec!["en".to_owned()]);

#[derive(Debug)]
enum State {
    Header,
    Decision,
    Refused(StreamCondition),
    Starttls,
    /// `<proceed/>` is on its way.
    Proceed,
    Plaintext(Element),
    /// The token or the stream was handed over.
    Done,
}

/// What a [`Responder`] reports. Everything but the token is unauthenticated and forgotten after the
/// switch (RFC 6120 section 5.4.3.3).
#[derive(Debug)]
#[non_exhaustive]
pub enum ResponderEvent {
    /// The peer opened a stream; nothing was answered yet. Call [`Responder::accept`] or
    /// [`Responder::refuse`].
    Opened(Opened),
    /// `<proceed/>` was sent and nothing came behind `<starttls/>`: start TLS now.
    Upgrade(UpgradeToken),
    /// The peer goes on without TLS, which
    /// [`dangerous_offer_plaintext`](Responder::dangerous_offer_plaintext) made possible.
    Plaintext(Box<PlaintextStream>),
}

/// A stream that the peer opened, as anybody on the path may have written it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Opened {
    /// The peer's header: `to` is the domain it wants, `from` what it claims to be.
    pub header: StreamHeader,
}

impl Responder {
    /// How long the negotiation may take unless [`with_timeout`](Self::with_timeout) says otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// Waits for a stream of the given kind; `id` identifies our direction until TLS replaces it.
    pub fn new(kind: StreamKind, id: StreamId, now: Instant) -> Self {
        Responder {
            clear: ClearStream::new(
                kind,
                Limits::before_authentication(),
                deadline(now, Self::DEFAULT_TIMEOUT),
            ),
            state: State::Header,
            kind,
            id,
            languages: None,
            to: None,
            peer_header: StreamHeader::default(),
            whitespace_behind_starttls: false,
            plaintext_features: None,
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

    /// The languages we speak, the default first (RFC 6120 section 4.7.4); `en` unless set.
    pub fn with_languages(mut self, languages: Vec<String>) -> Self {
        self.languages = Some(languages);
        self
    }

    /// Declares a prefix on our header, as servers do for dialback (XEP-0220 section 2.4).
    pub fn with_declaration(mut self, prefix: impl Into<String>, namespace: impl Into<String>) -> Self {
        self.declared = self.declared.with_declaration(prefix, namespace);
        self
    }

    /// Drops white space behind `<starttls/>` instead of ending the stream. White space cannot inject
    /// anything, and none of it ever reaches TLS; RFC 6120 section 5.3.3 forbids it all the same, and
    /// off is the default.
    ///
    /// COMPAT: clients based on go-xmpp and sslscan 2.0 end `<starttls/>` with a line break. Where
    /// it arrives in a segment of its own, whoever starts TLS has to drop it too.
    pub fn with_whitespace_behind_starttls(mut self) -> Self {
        self.whitespace_behind_starttls = true;
        self
    }

    /// Makes TLS optional and offers `features` beside it in clear text. Anybody on the path can then
    /// read and change the stream, and keep the peer from using TLS.
    pub fn dangerous_offer_plaintext(mut self, features: FeaturesBuilder) -> Self {
        self.plaintext_features = Some(features);
        self
    }

    /// Serves the stream as `from`, one of our own domains: sends our header and the features.
    ///
    /// # Errors
    ///
    /// [`Error::ApiMisuse`] unless [`ResponderEvent::Opened`] was reported last.
    pub fn accept(&mut self, from: &Domain) -> Result<(), Error> {
        self.decide()?;
        // Built first: nothing is written if it cannot be.
        let others = match &self.plaintext_features {
            None => None,
            Some(others) => {
                let features = others.clone().starttls(false).build();
                Some(features.map_err(|_| Error::ApiMisuse("a feature cannot be written as XML"))?)
            }
        };
        self.to = Some(from.clone());
        self.clear.write_header(&self.response(Some(from)));
        if self.peer_header.version.is_some_and(|version| version >= Version::V1_0) {
            match others {
                None => self.clear.write(FEATURES),
                Some(features) => self.clear.write_element(features.as_element()),
            }
        }
        self.state = State::Starttls;
        Ok(())
    }

    /// Tells the peer why not, for example [`StreamCondition::HOST_UNKNOWN`], and ends the stream.
    ///
    /// # Errors
    ///
    /// [`Error::ApiMisuse`] unless [`ResponderEvent::Opened`] was reported last.
    pub fn refuse(&mut self, condition: StreamCondition) -> Result<(), Error> {
        self.decide()?;
        self.state = State::Refused(condition);
        Ok(())
    }

    fn response(&self, from: Option<&Domain>) -> StreamHeader {
        let languages = self.languages.as_ref().unwrap_or_else(|| &*ENGLISH);
        let response = self.peer_header.response(self.kind, from, &self.id, languages);
        let declared = self.declared.declarations();
        declared.fold(response, |header, (prefix, namespace)| {
            header.with_declaration(prefix, namespace)
        })
    }

    fn decide(&self) -> Result<(), Error> {
        self.clear.check()?;
        match self.state {
            State::Decision => Ok(()),
            _ => Err(Error::ApiMisuse(
                "accept and refuse answer ResponderEvent::Opened, once",
            )),
        }
    }

    fn phase(&self) -> Phase {
        match self.state {
            State::Header => Phase::Header,
            State::Decision | State::Refused(_) => Phase::Decision,
            State::Starttls | State::Plaintext(_) => Phase::Starttls,
            State::Proceed | State::Done => Phase::Upgraded,
        }
    }

    fn act(&mut self, heard: Heard) -> Result<Step<ResponderEvent>, Error> {
        let phase = self.phase();
        match (&self.state, heard) {
            (State::Header, Heard::Header(header)) => {
                self.peer_header = match self.plaintext_features {
                    Some(_) => header.clone(),
                    None => what_a_response_depends_on(&header),
                };
                self.state = State::Decision;
                Ok(Step::Event(ResponderEvent::Opened(Opened { header })))
            }
            (State::Starttls, Heard::Whitespace) => Ok(Step::Again),
            (State::Starttls, Heard::Element(element)) if element.is(ns::TLS, "starttls") => {
                if self.whitespace_behind_starttls {
                    self.clear.decoder.skip_whitespace();
                }
                self.after_switch()?;
                self.clear.write(PROCEED);
                self.state = State::Proceed;
                Ok(Step::Again)
            }
            (State::Starttls, Heard::Element(element)) => match self.plaintext_features {
                Some(_) => {
                    self.state = State::Plaintext(element);
                    Ok(Step::Again)
                }
                None => Err(unexpected(phase, &element)),
            },
            // The decoder reports one header, first, and nothing before it.
            (State::Header, Heard::Element(_) | Heard::Whitespace)
            | (State::Starttls, Heard::Header(_))
            | (State::Decision | State::Refused(_) | State::Proceed | State::Plaintext(_) | State::Done, _) => {
                Err(Error::ApiMisuse("the decoder reported events out of order"))
            }
        }
    }

    fn go_on_in_clear(&mut self, first: Element) -> ResponderEvent {
        let clear = self.clear.replace();
        ResponderEvent::Plaintext(Box::new(PlaintextStream {
            kind: self.kind,
            header: std::mem::take(&mut self.peer_header),
            first,
            decoder: clear.decoder,
            encoder: clear.encoder,
        }))
    }

    /// Clear text behind `<starttls/>` is never the peer's: it has to wait for `<proceed/>`.
    fn after_switch(&self) -> Result<Step<ResponderEvent>, Error> {
        self.clear
            .after_switch(|octets| PeerMisbehaved::DataAfterStarttls { octets })
    }
}

/// The event takes the rest with it: nothing else outlives it under a policy that requires TLS.
fn what_a_response_depends_on(header: &StreamHeader) -> StreamHeader {
    let mut kept = StreamHeader::default();
    kept.from.clone_from(&header.from);
    kept.lang.clone_from(&header.lang);
    kept.version = header.version;
    kept
}

impl Role for Responder {
    type Event = ResponderEvent;
    const SIDE: Side = Side::Receiving;

    fn clear(&mut self) -> &mut ClearStream {
        &mut self.clear
    }

    fn step(&mut self) -> Result<Step<ResponderEvent>, Error> {
        match &self.state {
            State::Header | State::Starttls => match self.clear.hear(self.phase())? {
                Some(heard) => self.act(heard),
                None => Ok(self.clear.wait()),
            },
            // Nothing more is read until the owner has decided.
            State::Decision => self.clear.pause(Phase::Decision),
            State::Refused(condition) => Err(Error::WeRefused { condition: *condition }),
            State::Plaintext(first) => {
                let first = first.clone();
                self.state = State::Done;
                Ok(Step::Event(self.go_on_in_clear(first)))
            }
            State::Proceed => {
                self.after_switch()?;
                self.state = State::Done;
                let mut starttls = StartTls::default();
                starttls.required = self.plaintext_features.is_none();
                Ok(Step::Event(ResponderEvent::Upgrade(UpgradeToken::new(
                    self.kind,
                    Side::Receiving,
                    self.to.clone(),
                    ClearOffer {
                        starttls: Some(starttls),
                        mechanisms: Vec::new(),
                    },
                ))))
            }
            State::Done => self.after_switch(),
        }
    }

    /// RFC 6120 section 4.9.1.3: `from` may be empty, and a bad `to` is never echoed.
    fn apology(&self) -> StreamHeader {
        self.response(None)
    }
}

impl Engine for Responder {
    type Event = ResponderEvent;
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

    fn poll_output(&mut self) -> Result<Output<ResponderEvent>, Error> {
        poll(self)
    }
}
