use crate::element::Element;
use crate::error::{Error, HeaderError, Place, quote};
use crate::header::StreamHeader;
use crate::limits::Limits;
use crate::scanner::input::Frontier;
use crate::scanner::{Scanner, Token};
use bytes::{Buf, BytesMut};
use std::fmt;

/// Bytes from the peer in, stream events out (RFC 6120 sections 4 and 11).
///
/// Lazy: [`next_event`](StreamDecoder::next_event) reads exactly one event and never looks at what is
/// behind it. That matters where the meaning of the bytes changes in the middle, as behind
/// `<proceed/>`.
///
/// The result does not depend on how the input is cut, and the cost is linear in its length.
///
/// ```
/// use xmpp_stream::{Limits, StreamDecoder, StreamEvent};
///
/// let mut decoder = StreamDecoder::new(Limits::before_authentication());
/// decoder.push(b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='example.org' \
///     xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><presence/><messa");
///
/// let Some(StreamEvent::Open(header)) = decoder.next_event()? else { panic!() };
/// assert_eq!(header.to.as_deref(), Some("example.org"));
/// let Some(StreamEvent::Element(presence)) = decoder.next_event()? else { panic!() };
/// assert!(presence.is("jabber:client", "presence"));
/// assert!(decoder.next_event()?.is_none()); // more is needed
///
/// decoder.push(b"ge><body>Hi</body></message></stream:stream>");
/// let Some(StreamEvent::Element(message)) = decoder.next_event()? else { panic!() };
/// assert_eq!(message.children().next().unwrap().text(), "Hi");
/// assert!(matches!(decoder.next_event()?, Some(StreamEvent::Close)));
/// decoder.finish()?;
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
pub struct StreamDecoder {
    buffer: BytesMut,
    frontier: Frontier,
    scanner: Scanner,
    /// How many bytes the buffer held at most since it was made.
    most: usize,
    /// The root element was an empty one: after `Open` comes `Close`.
    close_pending: bool,
    closed: bool,
    /// White space here still belongs to the stream before a restart.
    restarting: bool,
    failed: Option<Error>,
}

/// Without what is in the buffer, which may be a password.
impl fmt::Debug for StreamDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamDecoder")
            .field("unread", &self.unread())
            .field("place", &self.scanner.place())
            .field("offset", &self.scanner.offset(self.scanner.position()))
            .field("closed", &self.closed)
            .field("failed", &self.failed)
            .field("limits", self.scanner.limits())
            .finish_non_exhaustive()
    }
}

/// What there is to return.
enum Found {
    Nothing,
    Token(Token),
    /// See [`StreamDecoder::failed`].
    Failed,
}

/// The size up to which a buffer is kept: several reads of the usual sizes.
const KEPT: usize = 32 * 1024;

/// What [`StreamDecoder::next_event`] found.
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
/// let mut decoder = StreamDecoder::new(Limits::before_authentication());
/// decoder.push(HEADER);
/// decoder.push(b" <presence/></stream:stream>");
/// assert!(matches!(decoder.next_event()?, Some(StreamEvent::Open(_))));
/// assert!(matches!(decoder.next_event()?, Some(StreamEvent::Whitespace)));
/// assert!(matches!(decoder.next_event()?, Some(StreamEvent::Element(_))));
/// assert!(matches!(decoder.next_event()?, Some(StreamEvent::Close)));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StreamEvent {
    /// The stream header (RFC 6120 section 4.2).
    Open(StreamHeader),
    /// A complete, validated first-level element.
    Element(Element),
    /// One octet of white space between first-level elements: keepalive (RFC 6120 section 4.6.1) or
    /// layout. One event for each octet, so that events do not depend on how the input is cut.
    Whitespace,
    /// The closing tag of the stream (RFC 6120 section 4.4). Whatever follows is ignored.
    Close,
}

impl StreamDecoder {
    /// At the start of a stream.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let decoder = StreamDecoder::new(Limits::before_authentication());
    /// assert_eq!(decoder.unread(), 0);
    /// ```
    pub fn new(limits: Limits) -> Self {
        StreamDecoder {
            buffer: BytesMut::new(),
            frontier: Frontier::default(),
            scanner: Scanner::new(limits),
            most: 0,
            close_pending: false,
            closed: false,
            restarting: false,
            failed: None,
        }
    }

    /// Keeps bytes from the peer; nothing is parsed yet. Take all events before pushing more: only
    /// then is what is held bounded by the [`Limits`].
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(HEADER);
    /// assert_eq!(decoder.unread(), HEADER.len());
    /// assert!(decoder.next_event()?.is_some());
    /// assert_eq!(decoder.unread(), 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn push(&mut self, data: &[u8]) {
        if !self.closed && self.failed.is_none() {
            self.buffer.extend_from_slice(data);
            self.most = self.most.max(self.buffer.len());
        }
    }

    /// The same for bytes that something else, such as TLS, appends by itself: they are not copied once more.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push_with(|buffer| buffer.extend_from_slice(HEADER));
    /// assert!(matches!(decoder.next_event()?, Some(StreamEvent::Open(_))));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn push_with<R>(&mut self, append: impl FnOnce(&mut BytesMut) -> R) -> R {
        if self.closed || self.failed.is_some() {
            return append(&mut BytesMut::new());
        }
        // What is there already was checked, and is out of reach.
        if self.buffer.is_empty() {
            let result = append(&mut self.buffer);
            self.most = self.most.max(self.buffer.len());
            return result;
        }
        let mut fresh = BytesMut::new();
        let result = append(&mut fresh);
        self.push(&fresh);
        result
    }

    /// Reads one event; `None` if more input is needed (or the stream is closed).
    ///
    /// # Errors
    ///
    /// What is wrong with the input up to where the event would have been complete. The decoder then
    /// returns the same error for ever.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(HEADER);
    /// assert!(matches!(decoder.next_event(), Ok(Some(StreamEvent::Open(_)))));
    /// assert!(matches!(decoder.next_event(), Ok(None))); // more is needed
    /// decoder.push(b"<!-- no -->");
    /// assert!(matches!(decoder.next_event(), Err(Error::Restricted { .. })));
    /// ```
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<StreamEvent>, Error> {
        match self.advance() {
            // The usual answer where input comes in small pieces: it must not cost the room of an event.
            Found::Nothing => Ok(None),
            Found::Token(token) => self.returned(token),
            Found::Failed => self.failed.clone().map_or(Ok(None), Err),
        }
    }

    fn returned(&mut self, token: Token) -> Result<Option<StreamEvent>, Error> {
        match self.take(token) {
            Ok(event) => Ok(Some(event)),
            Err(error) => {
                self.fail(error.clone());
                Err(error)
            }
        }
    }

    #[cold]
    fn fail(&mut self, error: Error) -> Found {
        self.failed = Some(error);
        self.buffer = BytesMut::new();
        Found::Failed
    }

    fn advance(&mut self) -> Found {
        if self.failed.is_some() {
            return Found::Failed;
        }
        if self.close_pending {
            self.close_pending = false;
            return Found::Token(Token::Close);
        }
        if self.closed {
            return Found::Nothing;
        }
        if self.restarting {
            self.skip_whitespace();
            self.restarting = self.buffer.is_empty();
        }
        self.frontier.extend(&self.buffer);
        let (max, limit) = self.scanner.item_limit();
        let end = self.frontier.checked().min(max);
        if end < self.scanner.position() {
            // The limits were lowered in the middle of an element.
            return self.fail(Error::Limit { limit, max });
        }
        match self.scanner.scan(self.buffer.get(..end).unwrap_or_default()) {
            Err(error) => self.fail(error),
            Ok(Some(token)) => Found::Token(token),
            Ok(None) if end == max => self.fail(Error::Limit { limit, max }),
            Ok(None) if self.frontier.is_faultless() => Found::Nothing,
            Ok(None) => {
                let offset = self.scanner.offset(end);
                let document = if offset == end as u64 {
                    self.buffer.get(..end)
                } else {
                    None
                };
                match self.frontier.fault(document, offset) {
                    Some(error) => self.fail(error),
                    None => Found::Nothing,
                }
            }
        }
    }

    /// Turns what the scanner found into an event and goes on behind it.
    fn take(&mut self, token: Token) -> Result<StreamEvent, Error> {
        let length = self.scanner.position();
        let event = match token {
            Token::Whitespace => StreamEvent::Whitespace,
            Token::Close => self.close(),
            Token::Element => {
                let bytes = self.buffer.split_to(length).freeze();
                let scope = self.scanner.scope().clone();
                let head = self.scanner.take_head();
                self.frontier.advance(length);
                self.scanner.next_item();
                self.release();
                return Ok(StreamEvent::Element(Element::new(bytes, scope, head)));
            }
            Token::Header { empty } => {
                self.close_pending = empty;
                StreamEvent::Open(self.header(length)?)
            }
        };
        if self.closed {
            // Nothing is kept, and what was checked of it says nothing about a stream that may follow.
            self.frontier = Frontier::default();
        } else {
            self.buffer.advance(length.min(self.buffer.len()));
            self.frontier.advance(length);
        }
        self.scanner.next_item();
        Ok(event)
    }

    /// A buffer that a large element made large is not kept for the small ones that follow: streams
    /// are idle most of the time. What it still holds is little then, or it is used on.
    fn release(&mut self) {
        if self.most > KEPT && self.buffer.len() < KEPT / 4 {
            self.buffer = BytesMut::from(self.buffer.as_ref());
            self.most = self.buffer.len();
        }
    }

    fn close(&mut self) -> StreamEvent {
        self.closed = true;
        self.buffer = BytesMut::new();
        StreamEvent::Close
    }

    fn header(&self, length: usize) -> Result<StreamHeader, Error> {
        let bytes = self.buffer.get(..length).unwrap_or_default();
        let mut header = StreamHeader::from_scope(self.scanner.scope());
        for attribute in self.scanner.attributes() {
            match attribute.name.whole(bytes) {
                b"to" => header.to = Some(attribute.text(bytes).into()),
                b"from" => header.from = Some(attribute.text(bytes).into()),
                b"id" => header.id = Some(attribute.text(bytes).into()),
                b"version" => {
                    let version = attribute.text(bytes);
                    let wrong = |_| {
                        Error::Header(HeaderError::Version {
                            found: quote(version.as_bytes()),
                        })
                    };
                    header.version = Some(version.parse().map_err(wrong)?);
                }
                _ => {}
            }
        }
        Ok(header)
    }

    /// Call it when the transport has ended: `Ok` only if the stream was closed before.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if it was not, which may be an attack (RFC 6120 section 4.4), or the
    /// error that stopped the decoder.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(HEADER);
    /// decoder.next_event()?;
    /// assert!(matches!(decoder.finish(), Err(Error::Truncated { .. })));
    /// decoder.push(b"</stream:stream>");
    /// decoder.next_event()?;
    /// assert!(decoder.finish().is_ok());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn finish(&self) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.closed {
            return Ok(());
        }
        let place = match self.scanner.place() {
            Place::BetweenElements if !self.buffer.is_empty() => Place::Element,
            Place::BeforeHeader if self.frontier.checked() < self.buffer.len() => Place::Header,
            place => place,
        };
        Err(Error::Truncated {
            within: place,
            offset: self.scanner.offset(self.buffer.len()),
        })
    }

    /// How many pushed bytes are not part of a returned event. Behind the last event before a
    /// change of layers (`<proceed/>`), anything but 0 is an injection.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(HEADER);
    /// decoder.push(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><presence/>");
    /// decoder.next_event()?;
    /// decoder.next_event()?; // <proceed/>
    /// assert_eq!(decoder.unread(), 11); // injected
    /// # Ok::<(), Error>(())
    /// ```
    pub fn unread(&self) -> usize {
        self.buffer.len()
    }

    /// Drops the white space in front of what is unread, and says how much that was. For peers that
    /// end every element with a line break, also where RFC 6120 section 5.3.3 forbids it.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(HEADER);
    /// decoder.push(b"<presence/>\r\n");
    /// decoder.next_event()?;
    /// decoder.next_event()?;
    /// assert_eq!((decoder.skip_whitespace(), decoder.unread()), (2, 0));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn skip_whitespace(&mut self) -> usize {
        let length = self
            .buffer
            .iter()
            .take_while(|octet| matches!(octet, b' ' | b'\t' | b'\r' | b'\n'))
            .count();
        self.buffer.advance(length);
        self.frontier.advance(length);
        length
    }

    /// A stream restart (RFC 6120 section 4.3.3): a new document begins with the next unread byte
    /// that is not white space, which belongs to the stream before. Everything else is forgotten, but
    /// for an error that has stopped the decoder.
    ///
    /// COMPAT: clients based on go-xmpp end `<auth/>` with a line break, in spite of RFC 6120 section
    /// 6.3.5, and an XML declaration behind it would not be the first thing of its document.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(HEADER);
    /// decoder.next_event()?;
    /// decoder.restart(Limits::after_authentication());
    /// decoder.push(b"<?xml version='1.0'?>");
    /// decoder.push(HEADER);
    /// assert!(matches!(decoder.next_event()?, Some(StreamEvent::Open(_))));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn restart(&mut self, limits: Limits) {
        let strict = self.scanner.strict_prefixes();
        self.scanner = Scanner::new(limits);
        self.scanner.set_strict_prefixes(strict);
        self.close_pending = false;
        self.closed = false;
        self.restarting = true;
    }

    /// Changes the limits from here on.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(HEADER);
    /// decoder.set_limits(Limits::after_authentication());
    /// assert_eq!(decoder.limits(), &Limits::after_authentication());
    /// ```
    pub fn set_limits(&mut self, limits: Limits) {
        self.scanner.set_limits(limits);
    }

    /// Whether to refuse prefixes that RFC 6120 section 4.8.5 lets one refuse, with
    /// `bad-namespace-prefix`: any but `stream` (or none) on the stream header, and any on stanzas.
    /// Off by default: prefixes have no meaning, and peers exist that use others.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(HEADER);
    /// decoder.set_strict_prefixes(true);
    /// decoder.push(b"<x:presence xmlns:x='jabber:client'/>");
    /// decoder.next_event()?;
    /// assert!(matches!(decoder.next_event(), Err(Error::Header(HeaderError::Prefix { .. }))));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn set_strict_prefixes(&mut self, strict: bool) {
        self.scanner.set_strict_prefixes(strict);
    }

    /// The limits in force.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let decoder = StreamDecoder::new(Limits::before_authentication());
    /// assert_eq!(decoder.limits().depth, 16);
    /// ```
    pub fn limits(&self) -> &Limits {
        self.scanner.limits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By counting what is done, not how long it takes: no byte is read twice (but for the at most
    /// three of a code point that is cut), so the work grows with the input and with the number of
    /// pieces, and never with their product.
    #[test]
    fn xml_20_work_is_linear_however_the_input_is_cut() {
        let header = "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>";
        let families = [
            ("<a x='", "é", "'/>"),
            ("<a>", "text ", "</a>"),
            ("<a>", "&amp;", "</a>"),
            ("<a>", "]]", "</a>"),
            ("<a><![CDATA[", "]] >", "]]></a>"),
            ("<a", " ", "/>"),
            ("<", "a", "/>"),
            ("<a>&#", "0", "65;</a>"),
            ("", "<a/>", ""),
            ("", " ", ""),
        ];
        for (start, repeated, end) in families {
            for chunk in [1, 64, 4096] {
                let work = |times: usize| {
                    let input = [header, start, &repeated.repeat(times), end].concat();
                    let mut decoder = StreamDecoder::new(Limits::unlimited());
                    for piece in input.as_bytes().chunks(chunk) {
                        decoder.push(piece);
                        while decoder.next_event().expect("valid").is_some() {}
                    }
                    decoder.scanner.steps + decoder.frontier.examined
                };
                let (small, large) = (work(1000), work(16_000));
                assert!(
                    large < small * 17,
                    "{start}{repeated}.. in pieces of {chunk}: {small}, 16 times as long {large}"
                );
            }
        }
    }
}
