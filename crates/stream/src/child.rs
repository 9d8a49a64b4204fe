use crate::element::{Element, find_attribute};
use crate::escape;
use crate::scanner::tag::Attribute as RawAttribute;
use crate::tree::{self, Attributes, Node};
use crate::walk::{Attribute, AttributeIter};
use std::borrow::Cow;
use std::fmt;
use xmpp_tls_core::ns;

/// An element within an [`Element`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
/// let body = message.children().next().unwrap();
/// assert_eq!((body.name(), body.text().as_ref()), ("body", "Hi"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct ChildElement<'a> {
    element: &'a Element,
    /// The whole element as text, so that it is checked only once that it is.
    xml: &'a str,
    index: u32,
}

impl<'a> ChildElement<'a> {
    pub(crate) fn root(element: &'a Element) -> Self {
        ChildElement {
            element,
            xml: element.as_str(),
            index: 0,
        }
    }

    fn node(&self) -> Option<&'a Node> {
        self.element.nodes().get(self.index as usize)
    }

    fn name_end(&self) -> usize {
        self.node().map_or(self.xml.len(), |node| node.name.end())
    }

    fn slice(&self, (start, end): (u32, u32)) -> &'a str {
        self.xml.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The local name.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
    /// let body = message.children().next().unwrap();
    /// assert_eq!(body.name(), "body");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn name(&self) -> &'a str {
        self.node().map_or("", |node| self.slice(node.name.local_range()))
    }

    /// The namespace; empty if there is none.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
    /// let body = message.children().next().unwrap();
    /// assert_eq!(body.namespace(), ns::CLIENT);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn namespace(&self) -> &'a str {
        self.node()
            .map_or("", |node| node.namespace.text(self.xml, self.element.scope()))
    }

    /// Whether this is its expanded name.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
    /// let body = message.children().next().unwrap();
    /// assert!(body.is(ns::CLIENT, "body"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name() == name && self.namespace() == namespace
    }

    /// The value of an attribute in no namespace; see [`Element::attribute`].
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
    /// let body = message.children().next().unwrap();
    /// assert_eq!(body.attribute("a").as_deref(), Some("1"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        find_attribute(self.xml.as_bytes(), self.name_end(), "", name)
    }

    /// The value of an attribute in a namespace; see [`Element::attribute_in`].
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
    /// let body = message.children().next().unwrap();
    /// assert_eq!(body.attribute_in(ns::XML, "lang").as_deref(), Some("en"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn attribute_in(&self, namespace: &str, name: &str) -> Option<Cow<'a, str>> {
        if namespace.is_empty() {
            return self.attribute(name);
        }
        let wanted = |attribute: &Attribute<'a>| {
            let prefix = attribute.prefix();
            !prefix.is_empty() && attribute.name() == name && self.namespace_of(prefix).as_deref() == Some(namespace)
        };
        self.attributes().find(wanted).map(|attribute| attribute.value())
    }

    /// The namespace that a prefix stands for here: in the innermost element that declares it.
    fn namespace_of(&self, prefix: &str) -> Option<Cow<'a, str>> {
        let (bytes, nodes) = (self.xml.as_bytes(), self.element.nodes());
        // In document order an element comes behind those that it is in, whose descendants end behind it.
        let inside = nodes.get(..=self.index as usize)?.iter().rev();
        let outer = |(back, node): &(usize, &'a Node)| *back == 0 || node.next > self.index;
        for (_, node) in inside.enumerate().filter(outer) {
            let declares =
                |a: &RawAttribute| a.declares && a.name.has_prefix() && a.name.local(bytes) == prefix.as_bytes();
            if let Some(declaration) = Attributes::new(bytes, node.name.end()).find(declares) {
                return Some(escape::attribute(self.slice(declaration.value)));
            }
        }
        match prefix {
            "xml" => Some(Cow::Borrowed(ns::XML)),
            _ => self.element.scope().namespace(prefix).map(Cow::Borrowed),
        }
    }

    /// `xml:lang` of this element.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
    /// let body = message.children().next().unwrap();
    /// assert_eq!(body.lang().as_deref(), Some("en"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn lang(&self) -> Option<Cow<'a, str>> {
        find_attribute(self.xml.as_bytes(), self.name_end(), "xml", "lang")
    }

    /// The attributes of this element that declare no namespaces.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
    /// let body = message.children().next().unwrap();
    /// assert_eq!(body.attributes().count(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn attributes(&self) -> AttributeIter<'a> {
        AttributeIter::new(self.xml, self.name_end())
    }

    /// The character data directly in this element; see [`Element::text`].
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
    /// let body = message.children().next().unwrap();
    /// assert_eq!(body.text(), "Hi");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn text(&self) -> Cow<'a, str> {
        let mut text = Cow::Borrowed("");
        let Some(node) = self.node() else { return text };
        let mut position = node.content;
        for child in self.children().filter_map(|child| child.node()) {
            tree::add_text(self.slice((position, child.start)), &mut text);
            position = child.end;
        }
        tree::add_text(self.slice((position, node.content_end)), &mut text);
        text
    }

    /// The child elements, in document order.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
    /// let body = message.children().next().unwrap();
    /// assert_eq!(body.children().count(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn children(&self) -> Children<'a> {
        let end = self.node().map_or(0, |node| node.next);
        Children {
            element: self.element,
            xml: self.xml,
            index: self.index + 1,
            end,
        }
    }

    /// Exactly what was received. Not self-contained: prefixes and the default namespace may be
    /// declared further out.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
    /// let body = message.children().next().unwrap();
    /// assert_eq!(body.as_str(), "<body xml:lang='en' a='1'>Hi<b/></body>");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn as_str(&self) -> &'a str {
        self.node().map_or("", |node| self.slice((node.start, node.end)))
    }
}

/// Without its content, as [`Element`].
impl fmt::Debug for ChildElement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildElement")
            .field("namespace", &self.namespace())
            .field("name", &self.name())
            .field("octets", &self.as_str().len())
            .finish()
    }
}

/// The iterator of [`Element::children`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let message = Element::parse(ClientToServer, "<message><body xml:lang='en' a='1'>Hi<b/></body></message>")?;
/// let body = message.children().next().unwrap();
/// assert_eq!(message.children().map(|child| child.name()).collect::<Vec<_>>(), ["body"]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Children<'a> {
    element: &'a Element,
    xml: &'a str,
    index: u32,
    end: u32,
}

impl fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = ChildElement<'a>;

    fn next(&mut self) -> Option<ChildElement<'a>> {
        if self.index >= self.end {
            return None;
        }
        let child = ChildElement {
            element: self.element,
            xml: self.xml,
            index: self.index,
        };
        self.index = child.node()?.next;
        Some(child)
    }
}
