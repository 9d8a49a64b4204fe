use crate::element::Element;
use crate::escape;
use crate::scanner::find::find1;
use crate::scanner::namespaces::{Namespaces, NsRef, Scope};
use crate::scanner::tag::Attribute as RawAttribute;
use crate::tree::{self, Attributes};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use xmpp_tls_core::ns;

/// Reads an [`Element`] from start to end, without building anything: the fastest way to look at
/// all of it. It allocates only for text that has to be changed (references in it), and if more
/// than eight namespace declarations are in scope.
///
/// ```
/// use xmpp_stream::{Element, Node};
/// use xmpp_tls_core::StreamKind;
///
/// let xml = "<message to='a@b'><body>1 &lt; 2</body><request xmlns='urn:xmpp:receipts'/></message>";
/// let message = Element::parse(StreamKind::ClientToServer, xml)?;
/// let mut shown = String::new();
/// for node in message.walk() {
///     match node {
///         Node::Start(tag) => {
///             shown += &format!("({{{}}}{}", tag.namespace(), tag.name());
///             for attribute in tag.attributes() {
///                 shown += &format!(" {}={}", attribute.name(), attribute.value());
///             }
///         }
///         Node::Text(text) => shown += &format!(" {text:?}"),
///         Node::End => shown += ")",
///     }
/// }
/// assert_eq!(
///     shown,
///     "({jabber:client}message to=a@b({jabber:client}body \"1 < 2\")({urn:xmpp:receipts}request))",
/// );
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
pub struct Walk<'a> {
    xml: &'a str,
    scope: &'a Scope,
    position: usize,
    depth: u32,
    /// The last start tag was that of an empty element, whose end comes next.
    empty: bool,
    declared: Namespaces,
}

/// What [`Walk`] finds.
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let message = Element::parse(ClientToServer, "<message>Hi</message>")?;
/// let mut walk = message.walk();
/// assert!(matches!(walk.next(), Some(Node::Start(tag)) if tag.name() == "message"));
/// assert!(matches!(walk.next(), Some(Node::Text(text)) if text == "Hi"));
/// assert!(matches!(walk.next(), Some(Node::End)) && walk.next().is_none());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "a box would be an allocation for each tag")]
pub enum Node<'a> {
    /// A start tag.
    Start(Tag<'a>),
    /// Character data, references resolved and line ends normalised. Around CDATA sections one text
    /// comes in several pieces.
    Text(Cow<'a, str>),
    /// An end tag, or the end of an empty element.
    End,
}

/// A start tag.
///
/// ```
/// use xmpp_stream::{Element, Node};
/// use xmpp_tls_core::StreamKind;
///
/// let iq = Element::parse(StreamKind::ClientToServer, "<iq type='get' id='1'/>")?;
/// let Some(Node::Start(tag)) = iq.walk().next() else { panic!() };
/// assert!(tag.is("jabber:client", "iq"));
/// assert_eq!(tag.attribute("type").as_deref(), Some("get"));
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
#[derive(Clone)]
pub struct Tag<'a> {
    name: crate::scanner::tag::Name,
    namespace: Resolved<'a>,
    attributes: AttributeIter<'a>,
}

/// A namespace; the text of those with references in them is made once and shared.
#[derive(Clone, Debug)]
enum Resolved<'a> {
    Borrowed(&'a str),
    Shared(Arc<str>),
}

impl<'a> Resolved<'a> {
    fn as_str(&self) -> &str {
        match self {
            Resolved::Borrowed(text) => text,
            Resolved::Shared(text) => text,
        }
    }

    fn into_cow(self) -> Cow<'a, str> {
        match self {
            Resolved::Borrowed(text) => Cow::Borrowed(text),
            Resolved::Shared(text) => Cow::Owned(text.as_ref().to_owned()),
        }
    }
}

/// An attribute of a start tag that declares no namespace.
///
/// ```
/// use xmpp_stream::Element;
/// use xmpp_tls_core::StreamKind;
///
/// let iq = Element::parse(StreamKind::ClientToServer, "<iq xml:lang='de' id='1&amp;2'/>")?;
/// let shown: Vec<_> = iq.attributes().map(|a| format!("{:?} {} {}", a.prefix(), a.name(), a.value())).collect();
/// assert_eq!(shown, ["\"xml\" lang de", "\"\" id 1&2"]);
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Attribute<'a> {
    xml: &'a str,
    raw: RawAttribute,
}

/// The attributes of a start tag, in document order, namespace declarations left out.
///
/// ```
/// use xmpp_stream::Element;
/// use xmpp_tls_core::StreamKind;
///
/// let iq = Element::parse(StreamKind::ClientToServer, "<iq xmlns='jabber:client' id='1' to='a'/>")?;
/// assert_eq!(iq.attributes().count(), 2);
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
#[derive(Clone)]
pub struct AttributeIter<'a> {
    xml: &'a str,
    /// The first ones, if they were found before.
    found: [RawAttribute; FOUND],
    next: usize,
    count: usize,
    /// Behind them.
    raw: Attributes<'a>,
}

/// Most tags have no more attributes than these.
const FOUND: usize = 6;

impl<'a> Walk<'a> {
    pub(crate) fn new(element: &'a Element) -> Self {
        Walk {
            xml: element.as_str(),
            scope: element.scope(),
            position: 0,
            depth: 0,
            empty: false,
            declared: Namespaces::default(),
        }
    }

    /// The namespace that a prefix stands for where the walk is: in the start tag that was returned
    /// last, or behind the end that was. The empty prefix is the default namespace.
    ///
    /// ```
    /// use xmpp_stream::Element;
    /// use xmpp_tls_core::StreamKind;
    ///
    /// let xml = "<message xmlns:a='urn:a'/>";
    /// let message = Element::parse(StreamKind::ClientToServer, xml)?;
    /// let mut walk = message.walk();
    /// walk.next();
    /// assert_eq!(walk.namespace_of("a").as_deref(), Some("urn:a"));
    /// assert_eq!(walk.namespace_of("").as_deref(), Some("jabber:client"));
    /// assert_eq!(walk.namespace_of("b"), None);
    /// # Ok::<(), xmpp_stream::Error>(())
    /// ```
    pub fn namespace_of(&mut self, prefix: &str) -> Option<Cow<'a, str>> {
        self.resolve(prefix).map(Resolved::into_cow)
    }

    #[inline]
    fn resolve(&mut self, prefix: &str) -> Option<Resolved<'a>> {
        Some(
            match self.declared.find(prefix.as_bytes(), self.xml.as_bytes(), self.scope)? {
                NsRef::Owned(text) => Resolved::Shared(text),
                NsRef::Bytes(start, end) => Resolved::Borrowed(utf8_of(self.xml, (start, end))),
                NsRef::Scope(index) => {
                    let declaration = self.scope.declarations.get(index as usize);
                    Resolved::Borrowed(declaration.map_or("", |(_, namespace)| namespace))
                }
                NsRef::Xml => Resolved::Borrowed(ns::XML),
                NsRef::None => Resolved::Borrowed(""),
            },
        )
    }

    fn start(&mut self) -> Node<'a> {
        let bytes = self.xml.as_bytes();
        let name = tree::qualified_name(bytes, self.position + 1);
        let mut attributes = AttributeIter::new(self.xml, name.end());
        let mut raw = attributes.raw.clone();
        while let Some(attribute) = raw.next() {
            if attribute.declares {
                self.declared.redeclare(&attribute, bytes, self.depth);
            } else if let Some(free) = attributes.found.get_mut(attributes.count) {
                *free = attribute;
                attributes.count += 1;
                attributes.raw = raw.clone();
            }
        }
        (self.position, self.empty) = raw.end();
        self.depth += 1;
        let prefix = utf8_of(self.xml, name.prefix_range());
        Node::Start(Tag {
            name,
            namespace: self.resolve(prefix).unwrap_or(Resolved::Borrowed("")),
            attributes,
        })
    }

    fn end(&mut self) -> Node<'a> {
        self.depth -= 1;
        self.declared.leave(self.depth);
        if self.depth == 0 {
            self.position = self.xml.len();
        }
        Node::End
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Node<'a>;

    #[inline]
    fn next(&mut self) -> Option<Node<'a>> {
        if self.empty {
            self.empty = false;
            return Some(self.end());
        }
        let bytes = self.xml.as_bytes();
        loop {
            let rest = bytes.get(self.position..)?;
            match rest {
                [] => return None,
                [b'<', b'/', ..] => {
                    self.position = find1(bytes, self.position, b'>')? + 1;
                    return Some(self.end());
                }
                [b'<', b'!', ..] => {
                    let start = self.position;
                    self.position = tree::cdata_end(bytes, start);
                    let content = self.xml.get(start..self.position).and_then(tree::cdata_content);
                    match content.unwrap_or_default() {
                        "" => continue,
                        content => return Some(Node::Text(escape::cdata(content))),
                    }
                }
                [b'<', ..] => return Some(self.start()),
                _ => {
                    let start = self.position;
                    self.position = find1(bytes, start, b'<')?;
                    return Some(Node::Text(escape::text(self.xml.get(start..self.position)?)));
                }
            }
        }
    }
}

impl fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("depth", &self.depth)
            .field("octets_left", &self.xml.len().saturating_sub(self.position))
            .finish()
    }
}

impl<'a> Tag<'a> {
    /// The local name.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'>Hi</message>")?;
    /// let Some(Node::Start(tag)) = message.walk().next() else { panic!() };
    /// assert_eq!(tag.name(), "message");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn name(&self) -> &'a str {
        utf8_of(self.attributes.xml, self.name.local_range())
    }

    /// The namespace; empty if there is none.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'>Hi</message>")?;
    /// let Some(Node::Start(tag)) = message.walk().next() else { panic!() };
    /// assert_eq!(tag.namespace(), ns::CLIENT);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn namespace(&self) -> &str {
        self.namespace.as_str()
    }

    /// Whether this is its expanded name.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'>Hi</message>")?;
    /// let Some(Node::Start(tag)) = message.walk().next() else { panic!() };
    /// assert!(tag.is(ns::CLIENT, "message"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name() == name && self.namespace() == namespace
    }

    /// The attributes.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'>Hi</message>")?;
    /// let Some(Node::Start(tag)) = message.walk().next() else { panic!() };
    /// assert_eq!(tag.attributes().count(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn attributes(&self) -> AttributeIter<'a> {
        self.attributes.clone()
    }

    /// The value of an attribute in no namespace.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'>Hi</message>")?;
    /// let Some(Node::Start(tag)) = message.walk().next() else { panic!() };
    /// assert_eq!(tag.attribute("to").as_deref(), Some("a"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        let wanted = |attribute: &Attribute<'_>| attribute.prefix().is_empty() && attribute.name() == name;
        self.attributes().find(wanted).map(|attribute| attribute.value())
    }
}

impl fmt::Debug for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tag")
            .field("namespace", &self.namespace())
            .field("name", &self.name())
            .field("attributes", &self.attributes)
            .finish()
    }
}

/// Without the text, which may be a password.
impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Start(tag) => f.debug_tuple("Start").field(tag).finish(),
            Node::Text(text) => f.debug_struct("Text").field("octets", &text.len()).finish(),
            Node::End => f.write_str("End"),
        }
    }
}

impl<'a> Attribute<'a> {
    /// The local name.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'>Hi</message>")?;
    /// let Some(Node::Start(tag)) = message.walk().next() else { panic!() };
    /// assert_eq!(tag.attributes().last().unwrap().name(), "lang");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn name(&self) -> &'a str {
        utf8_of(self.xml, self.raw.name.local_range())
    }

    /// The prefix, empty if there is none. Apart from `xml` it means nothing by itself: see
    /// [`Walk::namespace_of`] and [`Element::attribute_in`].
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'>Hi</message>")?;
    /// let Some(Node::Start(tag)) = message.walk().next() else { panic!() };
    /// assert_eq!(tag.attributes().last().unwrap().prefix(), "xml");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn prefix(&self) -> &'a str {
        utf8_of(self.xml, self.raw.name.prefix_range())
    }

    /// The value, as XML 1.0 section 3.3.3 wants it: references resolved, line ends and tabs turned
    /// into spaces.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message to='a' xml:lang='en'>Hi</message>")?;
    /// let Some(Node::Start(tag)) = message.walk().next() else { panic!() };
    /// assert_eq!(tag.attributes().last().unwrap().value(), "en");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn value(&self) -> Cow<'a, str> {
        escape::attribute(utf8_of(self.xml, self.raw.value))
    }
}

/// Without the value.
impl fmt::Debug for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attribute")
            .field("prefix", &self.prefix())
            .field("name", &self.name())
            .field("octets", &self.value().len())
            .finish()
    }
}

impl<'a> AttributeIter<'a> {
    /// `position` is behind the element's name.
    pub(crate) fn new(xml: &'a str, position: usize) -> Self {
        AttributeIter {
            xml,
            found: [RawAttribute::default(); FOUND],
            next: 0,
            count: 0,
            raw: Attributes::new(xml.as_bytes(), position),
        }
    }
}

impl fmt::Debug for AttributeIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> Iterator for AttributeIter<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Attribute<'a>> {
        if self.next < self.count {
            let raw = self.found.get(self.next).copied()?;
            self.next += 1;
            return Some(Attribute { xml: self.xml, raw });
        }
        loop {
            let raw = self.raw.next()?;
            if !raw.declares {
                return Some(Attribute { xml: self.xml, raw });
            }
        }
    }
}

/// Positions are those of characters: what is not is a fault of ours, and reads as nothing.
#[inline(always)]
fn utf8_of(xml: &str, (start, end): (u32, u32)) -> &str {
    xml.get(start as usize..end as usize).unwrap_or_default()
}
