use crate::child::{ChildElement, Children};
use crate::error::Error;
use crate::limits::Limits;
use crate::scanner::input::Frontier;
use crate::scanner::namespaces::{NsRef, Scope};
use crate::scanner::{Head, Scanner, Token};
use crate::tree::{self, Attributes, Node};
use crate::walk::{AttributeIter, Walk};
use bytes::Bytes;
use quick_xml::name::{Namespace, PrefixDeclaration};
use quick_xml::reader::NsReader;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};
use xmpp_tls_core::{StreamKind, ns};

/// A complete first-level element of a stream: a stanza, or a step of some negotiation.
///
/// It was validated when it was made, and it is the bytes as they were received ([`as_bytes`]),
/// together with the namespaces that the stream header had declared. Cloning it copies neither. To
/// hand it on to another stream give it to [`StreamEncoder::element`], which knows what to declare
/// anew there.
///
/// The bytes are a slice of the buffer that they were received in, which lives as long as the last
/// element in it; [`detach`](Element::detach) what is to be kept for long.
///
/// [`as_bytes`]: Element::as_bytes
/// [`StreamEncoder::element`]: crate::StreamEncoder::element
///
/// ```
/// use xmpp_stream::Element;
/// use xmpp_tls_core::StreamKind;
///
/// let message = Element::parse(
///     StreamKind::ClientToServer,
///     "<message to='romeo@example.net'><body>Art thou not <![CDATA[Romeo]]>, &amp; a Montague?</body></message>",
/// )?;
/// assert!(message.is_stanza());
/// assert_eq!(message.attribute("to").as_deref(), Some("romeo@example.net"));
/// let body = message.children().find(|child| child.is("jabber:client", "body")).unwrap();
/// assert_eq!(body.text(), "Art thou not Romeo, & a Montague?");
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
pub struct Element {
    bytes: Bytes,
    scope: Arc<Scope>,
    head: Head,
    tree: OnceLock<Box<[Node]>>,
}

impl Element {
    pub(crate) fn new(bytes: Bytes, scope: Arc<Scope>, head: Option<Head>) -> Self {
        let head = head.unwrap_or_else(|| Head {
            name: Default::default(),
            namespace: NsRef::None,
            content: 0,
            declares_default: false,
            inherited: 0,
            elements: 1,
            prefixed_content: false,
        });
        Element {
            bytes,
            scope,
            head,
            tree: OnceLock::new(),
        }
    }

    /// Reads and validates exactly one element as it would stand on a stream of this kind: without
    /// prefix it is in the content namespace, and the prefix `stream` is declared. There is no limit
    /// on its size; use a [`StreamDecoder`](crate::StreamDecoder) for input from a peer.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or with what stands before or behind it.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert!(Element::parse(ClientToServer, "<presence/>").is_ok());
    /// assert!(Element::parse(ClientToServer, "<presence/><presence/>").is_err());
    /// ```
    pub fn parse(kind: StreamKind, xml: impl Into<Bytes>) -> Result<Element, Error> {
        Self::parse_in(scope_of(kind), xml.into())
    }

    pub(crate) fn parse_in(scope: Arc<Scope>, bytes: Bytes) -> Result<Element, Error> {
        let mut frontier = Frontier::default();
        frontier.extend(&bytes);
        let end = frontier.checked();
        let mut scanner = Scanner::in_stream(Limits::unlimited(), scope.clone());
        let not_one = |found, position: usize| {
            Err(Error::NotOneElement {
                found,
                offset: position as u64,
            })
        };
        let fault = |position: usize| frontier.fault(None, position as u64);
        match scanner.scan(bytes.get(..end).unwrap_or_default())? {
            Some(Token::Element) if scanner.position() == bytes.len() => {
                let head = scanner.take_head();
                Ok(Element::new(bytes, scope, head))
            }
            Some(Token::Element) => not_one("something behind it", scanner.position()),
            Some(Token::Whitespace) => not_one("white space in front of it", 0),
            Some(Token::Close | Token::Header { .. }) => not_one("a closing tag", 0),
            None => match fault(end) {
                Some(error) => Err(error),
                None => not_one("its beginning, or nothing", bytes.len()),
            },
        }
    }

    /// The local name.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert_eq!(message.name(), "message");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn name(&self) -> &str {
        utf8(self.head.name.local(&self.bytes))
    }

    /// The namespace; empty if there is none.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert_eq!(message.namespace(), ns::CLIENT);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn namespace(&self) -> &str {
        utf8(self.head.namespace.bytes(&self.bytes, &self.scope))
    }

    /// Whether this is its expanded name.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert!(message.is(ns::CLIENT, "message"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.head.name.local(&self.bytes) == name.as_bytes()
            && self.head.namespace.bytes(&self.bytes, &self.scope) == namespace.as_bytes()
    }

    /// NS-10 of RFC 6120 section 4.1: `message`, `presence` or `iq` in a content namespace.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert!(message.is_stanza());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is_stanza(&self) -> bool {
        matches!(self.name(), "message" | "presence" | "iq") && is_content_namespace(self.namespace())
    }

    /// The value of an attribute in no namespace, as XML 1.0 section 3.3.3 wants it: references
    /// resolved, line ends and tabs turned into spaces.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert_eq!(message.attribute("to").as_deref(), Some("a"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        self.find_attribute("", name)
    }

    /// The value of an attribute in a namespace, whatever its prefix is; for an empty namespace
    /// [`attribute`](Element::attribute).
    ///
    /// ```
    /// use xmpp_stream::Element;
    /// use xmpp_tls_core::StreamKind;
    ///
    /// let xml = "<message to='a' xmlns:x='urn:x' x:to='b'/>";
    /// let message = Element::parse(StreamKind::ClientToServer, xml)?;
    /// assert_eq!(message.attribute_in("urn:x", "to").as_deref(), Some("b"));
    /// assert_eq!(message.attribute_in("", "to").as_deref(), Some("a"));
    /// # Ok::<(), xmpp_stream::Error>(())
    /// ```
    pub fn attribute_in(&self, namespace: &str, name: &str) -> Option<Cow<'_, str>> {
        if namespace.is_empty() || self.attributes().any(|a| !a.prefix().is_empty() && a.name() == name) {
            return self.root().attribute_in(namespace, name);
        }
        None
    }

    /// `xml:lang` of this element. Where it is absent, [`stream_lang`](Element::stream_lang) holds.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert_eq!(message.lang().as_deref(), Some("en"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn lang(&self) -> Option<Cow<'_, str>> {
        self.find_attribute("xml", "lang")
    }

    /// The default language that the stream header gave (RFC 6120 section 4.7.4).
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(b"<stream xmlns='http://etherx.jabber.org/streams' xml:lang='de'><presence xmlns='jabber:client'/>");
    /// decoder.next_event()?;
    /// let Some(StreamEvent::Element(presence)) = decoder.next_event()? else { panic!() };
    /// assert_eq!((presence.lang(), presence.stream_lang()), (None, Some("de")));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn stream_lang(&self) -> Option<&str> {
        self.scope.lang.as_deref()
    }

    /// The character data directly in this element (not that of its children), references
    /// resolved, CDATA sections included, line ends normalised.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert_eq!(message.text(), "!");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn text(&self) -> Cow<'_, str> {
        self.root().text()
    }

    /// The child elements, in document order.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert_eq!(message.children().count(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn children(&self) -> Children<'_> {
        self.root().children()
    }

    /// Everything in this element in document order, itself included.
    ///
    /// ```
    /// use xmpp_stream::{Element, Node};
    /// use xmpp_tls_core::StreamKind;
    ///
    /// let element = Element::parse(StreamKind::ClientToServer, "<message><body>a</body><body>b</body></message>")?;
    /// let text: String = element.walk().filter_map(|node| match node {
    ///     Node::Text(text) => Some(text),
    ///     _ => None,
    /// }).collect();
    /// assert_eq!(text, "ab");
    /// # Ok::<(), xmpp_stream::Error>(())
    /// ```
    pub fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }

    /// The attributes of this element that declare no namespaces.
    ///
    /// ```
    /// use xmpp_stream::Element;
    /// use xmpp_tls_core::StreamKind;
    ///
    /// let iq = Element::parse(StreamKind::ClientToServer, "<iq type='set' id='1'/>")?;
    /// let names: Vec<_> = iq.attributes().map(|attribute| attribute.name()).collect();
    /// assert_eq!(names, ["type", "id"]);
    /// # Ok::<(), xmpp_stream::Error>(())
    /// ```
    pub fn attributes(&self) -> AttributeIter<'_> {
        AttributeIter::new(self.start_tag(), self.head.name.end())
    }

    /// This element as the root of the tree that [`children`](Element::children) walks. The tree is
    /// made on first use and kept; it holds positions only.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert_eq!(message.root().as_str(), message.as_str());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn root(&self) -> ChildElement<'_> {
        ChildElement::root(self)
    }

    /// Exactly what was received.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert!(message.as_bytes().starts_with(b"<message"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// [`as_bytes`](Element::as_bytes) as text.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert!(message.as_str().ends_with("</message>"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn as_str(&self) -> &str {
        utf8(&self.bytes)
    }

    /// A copy in memory of its own, independent of the buffer that the element was received in.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'><body>Hi</body>!</message>")?;
    /// assert_eq!(message.detach().as_bytes(), message.as_bytes());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn detach(&self) -> Element {
        Element {
            bytes: Bytes::copy_from_slice(&self.bytes),
            scope: self.scope.clone(),
            head: self.head.clone(),
            tree: OnceLock::new(),
        }
    }

    /// A `quick_xml` reader over the element, which already knows the namespaces that the stream
    /// header declared. (`quick_xml` compares namespaces as they are written, without resolving
    /// references in them.)
    ///
    /// ```
    /// use quick_xml::events::Event;
    /// use quick_xml::name::{Namespace, ResolveResult};
    /// use xmpp_stream::Element;
    /// use xmpp_tls_core::{StreamKind, ns};
    ///
    /// let features = Element::parse(StreamKind::ClientToServer, "<stream:features/>")?;
    /// let mut reader = features.reader();
    /// let (namespace, event) = reader.read_resolved_event()?;
    /// assert_eq!(namespace, ResolveResult::Bound(Namespace(ns::STREAM)));
    /// assert!(matches!(event, Event::Empty(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reader(&self) -> NsReader<&[u8]> {
        let mut reader = NsReader::from_str(self.as_str());
        let resolver = reader.resolver_mut();
        // Our own limits were applied when the element was made.
        resolver.set_max_namespace_bindings(usize::MAX);
        for (prefix, namespace) in self.scope.declarations.iter() {
            let prefix = match &**prefix {
                "" => PrefixDeclaration::Default,
                prefix => PrefixDeclaration::Named(prefix),
            };
            // Fails only for reserved prefixes, which the header was not allowed to declare.
            let _ = resolver.add(prefix, Namespace(namespace));
        }
        reader
    }

    /// By octets: that they are text is looked at only in what is found.
    fn find_attribute(&self, prefix: &str, name: &str) -> Option<Cow<'_, str>> {
        find_attribute(&self.bytes, self.head.name.end(), prefix, name)
    }

    /// Only as much of the text as attributes are in: to check that all of it is text would make the
    /// cost of looking one up depend on the size of the element.
    fn start_tag(&self) -> &str {
        utf8(self.bytes.get(..self.head.content as usize).unwrap_or_default())
    }

    /// Reads the element into a type of yours, by `serde` (with the feature `serde`).
    ///
    /// `quick_xml` does it: attributes are fields named `@name`, text is `$text`, and namespaces are
    /// not looked at, so look at them first.
    ///
    /// # Errors
    ///
    /// What keeps the element from being that type.
    ///
    /// ```
    /// use xmpp_stream::Element;
    /// use xmpp_tls_core::StreamKind;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Message {
    ///     #[serde(rename = "@to")]
    ///     to: String,
    ///     body: String,
    /// }
    ///
    /// let xml = "<message to='romeo@example.net'><body>1 &lt; 2</body></message>";
    /// let element = Element::parse(StreamKind::ClientToServer, xml)?;
    /// let message: Message = element.deserialize()?;
    /// assert_eq!((message.to.as_str(), message.body.as_str()), ("romeo@example.net", "1 < 2"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn deserialize<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, quick_xml::DeError> {
        quick_xml::de::from_str(self.as_str())
    }

    pub(crate) fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        self.tree
            .get_or_init(|| tree::build(&self.bytes, &self.scope, self.head.elements))
    }
}

impl Clone for Element {
    fn clone(&self) -> Self {
        // The tree is made again if it is needed: most clones are only handed on.
        Element {
            bytes: self.bytes.clone(),
            scope: self.scope.clone(),
            head: self.head.clone(),
            tree: OnceLock::new(),
        }
    }
}

/// Without its content, which may be a password: whoever wants that in a log asks for it.
impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Element")
            .field("namespace", &self.namespace())
            .field("name", &self.name())
            .field("octets", &self.bytes.len())
            .finish()
    }
}

pub(crate) fn is_content_namespace(namespace: &str) -> bool {
    namespace == ns::CLIENT || namespace == ns::SERVER
}

/// The context of a stream of this kind, the same one for all of them.
pub(crate) fn scope_of(kind: StreamKind) -> Arc<Scope> {
    static CLIENT: LazyLock<Arc<Scope>> = LazyLock::new(|| Scope::of_kind(StreamKind::ClientToServer));
    static SERVER: LazyLock<Arc<Scope>> = LazyLock::new(|| Scope::of_kind(StreamKind::ServerToServer));
    match kind {
        StreamKind::ClientToServer => CLIENT.clone(),
        StreamKind::ServerToServer => SERVER.clone(),
    }
}

/// The value of an attribute of the element whose name ends there.
pub(crate) fn find_attribute<'a>(xml: &'a [u8], name_end: usize, prefix: &str, name: &str) -> Option<Cow<'a, str>> {
    let (prefix, name) = (prefix.as_bytes(), name.as_bytes());
    Attributes::new(xml, name_end)
        .find(|a| a.name.local(xml) == name && a.name.prefix(xml) == prefix && !a.declares)
        .map(|attribute| attribute.text(xml))
}

/// The bytes were validated; slices of them are made at character boundaries only.
fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
