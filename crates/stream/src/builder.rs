use crate::element::{Element, scope_of};
use crate::encoder::write_in;
use crate::error::{Error, Unwritable, quote};
use crate::escape::{self, legal};
use crate::scanner::chars::is_ncname;
use bytes::{BufMut, BytesMut};
use std::fmt;
use xmpp_tls_core::{StreamKind, ns};

/// Builds an [`Element`]. What XML cannot carry is refused, the rest escaped where it must be.
///
/// Elements are written without prefixes; only the stream namespace has one, `stream`. Children in
/// the namespace of their parent inherit it.
///
/// ```
/// use xmpp_stream::ElementBuilder;
///
/// let message = ElementBuilder::new("jabber:client", "message")
///     .attribute("to", "romeo@example.net")
///     .child(ElementBuilder::new("jabber:client", "body").text("1 < 2"))
///     .child(ElementBuilder::new("urn:xmpp:receipts", "request"))
///     .build()?;
/// assert_eq!(
///     message.as_str(),
///     "<message to='romeo@example.net'><body>1 &lt; 2</body><request xmlns='urn:xmpp:receipts'/></message>",
/// );
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
#[derive(Clone)]
pub struct ElementBuilder {
    namespace: String,
    name: String,
    prefix: Option<String>,
    attributes: Vec<(String, String)>,
    content: Vec<Content>,
}

#[derive(Clone)]
enum Content {
    Text(String),
    Built(ElementBuilder),
    Ready(Element),
}

/// What [`ElementBuilder::child`] takes: an [`ElementBuilder`] or a complete [`Element`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let ready = Element::parse(ClientToServer, "<body>Hi</body>")?;
/// let built = ElementBuilder::new("urn:xmpp:receipts", "request");
/// let message = ElementBuilder::new(ns::CLIENT, "message").child(&ready).child(built).build()?;
/// assert_eq!(message.as_str(), "<message><body>Hi</body><request xmlns='urn:xmpp:receipts'/></message>");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Child(Content);

/// Without values and texts, which may be passwords.
impl fmt::Debug for ElementBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.attributes.iter().map(|(name, _)| name).collect();
        f.debug_struct("ElementBuilder")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .field("attributes", &names)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Text(text) => f.debug_struct("Text").field("octets", &text.len()).finish(),
            Content::Built(builder) => builder.fmt(f),
            Content::Ready(element) => element.fmt(f),
        }
    }
}

impl From<ElementBuilder> for Child {
    fn from(builder: ElementBuilder) -> Self {
        Child(Content::Built(builder))
    }
}

impl From<Element> for Child {
    fn from(element: Element) -> Self {
        Child(Content::Ready(element))
    }
}

impl From<&Element> for Child {
    fn from(element: &Element) -> Self {
        Child(Content::Ready(element.clone()))
    }
}

impl ElementBuilder {
    /// An element with this expanded name (an empty namespace is none).
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(ElementBuilder::new(ns::CLIENT, "presence").build()?.as_str(), "<presence/>");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        ElementBuilder {
            namespace: namespace.into(),
            name: name.into(),
            prefix: None,
            attributes: Vec::new(),
            content: Vec::new(),
        }
    }

    /// Writes this element with a prefix that it declares itself: for old peers that know `db:result`
    /// by its prefix. Never needed for correctness.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let result = ElementBuilder::new(ns::DIALBACK, "result").prefix("db").build()?;
    /// assert_eq!(result.as_str(), "<db:result xmlns:db='jabber:server:dialback'/>");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Adds an attribute in no namespace, or `xml:lang`.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let iq = ElementBuilder::new(ns::CLIENT, "iq").attribute("id", "it's").build()?;
    /// assert_eq!(iq.as_str(), "<iq id='it&apos;s'/>");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// Adds a child element. A complete one brings its own namespaces along.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let ping = ElementBuilder::new("urn:xmpp:ping", "ping");
    /// let iq = ElementBuilder::new(ns::CLIENT, "iq").child(ping).build()?;
    /// assert_eq!(iq.as_str(), "<iq><ping xmlns='urn:xmpp:ping'/></iq>");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn child(mut self, child: impl Into<Child>) -> Self {
        self.content.push(child.into().0);
        self
    }

    /// Adds character data.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let body = ElementBuilder::new(ns::CLIENT, "body").text("a & b").build()?;
    /// assert_eq!(body.as_str(), "<body>a &amp; b</body>");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content.push(Content::Text(text.into()));
        self
    }

    /// The element.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] for a name that is none, an attribute given twice, or a character that
    /// XML excludes.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert!(ElementBuilder::new(ns::CLIENT, "no name").build().is_err());
    /// assert!(ElementBuilder::new(ns::CLIENT, "body").text("\0").build().is_err());
    /// ```
    pub fn build(&self) -> Result<Element, Error> {
        let kind = match self.namespace.as_str() {
            ns::SERVER => StreamKind::ServerToServer,
            _ => StreamKind::ClientToServer,
        };
        let mut out = BytesMut::new();
        self.write(kind.content_namespace(), &mut out)?;
        Element::parse_in(scope_of(kind), out.freeze())
    }

    /// Writes the element where `default` is the default namespace.
    fn write(&self, default: &str, out: &mut BytesMut) -> Result<(), Error> {
        let name = |name: &str| match is_ncname(name) {
            true => Ok(()),
            false => Err(Error::Unwritable(Unwritable::Name {
                name: quote(name.as_bytes()),
            })),
        };
        name(&self.name)?;
        if matches!(self.namespace.as_str(), ns::XML | ns::XMLNS) {
            let namespace = self.namespace.clone();
            return Err(Error::Unwritable(Unwritable::Namespace { namespace }));
        }
        let prefix = match &self.prefix {
            Some(prefix) => Some(prefix.as_str()),
            None if self.namespace == ns::STREAM => Some("stream"),
            None => None,
        };
        out.put_u8(b'<');
        put_name(prefix, &self.name, out);
        let mut inner = default;
        match prefix {
            // Where streams are, this prefix is declared.
            Some("stream") if self.namespace == ns::STREAM => {}
            Some(prefix) => {
                name(prefix)?;
                if self.namespace.is_empty() || matches!(prefix, "xml" | "xmlns" | "stream") {
                    return Err(Error::Unwritable(Unwritable::Name {
                        name: quote(prefix.as_bytes()),
                    }));
                }
                out.put_slice(b" xmlns:");
                out.put_slice(prefix.as_bytes());
                legal(&self.namespace, escape::write_value(&self.namespace, out))?;
            }
            None if self.namespace == default => {}
            None => {
                inner = &self.namespace;
                out.put_slice(b" xmlns");
                legal(&self.namespace, escape::write_value(&self.namespace, out))?;
            }
        }
        for (index, (attribute, value)) in self.attributes.iter().enumerate() {
            if attribute != "xml:lang" {
                name(attribute)?;
            }
            let earlier = self.attributes.get(..index).unwrap_or_default();
            if attribute == "xmlns" || earlier.iter().any(|(other, _)| other == attribute) {
                let name = quote(attribute.as_bytes());
                return Err(Error::Unwritable(Unwritable::DuplicateAttribute { name }));
            }
            out.put_u8(b' ');
            out.put_slice(attribute.as_bytes());
            legal(value, escape::write_value(value, out))?;
        }
        if self.content.is_empty() {
            out.put_slice(b"/>");
            return Ok(());
        }
        out.put_u8(b'>');
        for content in &self.content {
            match content {
                Content::Text(text) => legal(text, escape::write_text(text, out))?,
                Content::Built(builder) => builder.write(inner, out)?,
                Content::Ready(element) => write_in(element, inner, out),
            }
        }
        out.put_slice(b"</");
        put_name(prefix, &self.name, out);
        out.put_u8(b'>');
        Ok(())
    }
}

fn put_name(prefix: Option<&str>, name: &str, out: &mut BytesMut) {
    if let Some(prefix) = prefix {
        out.put_slice(prefix.as_bytes());
        out.put_u8(b':');
    }
    out.put_slice(name.as_bytes());
}
