use crate::element::Element;
use crate::encoder::{put_attribute, write_in};
use crate::error::{Error, Unwritable, quote};
use crate::escape::{self, legal};
use crate::scanner::chars::is_ncname;
use crate::scanner::tag::hash_bit;
use crate::tree::Attributes;
use bytes::{BufMut, BytesMut};
use std::fmt;
use xmpp_tls_core::ns;

/// Writes one element straight into a buffer, without allocating; see
/// [`StreamEncoder::write`](crate::StreamEncoder::write).
///
/// Attributes come before content. What XML cannot carry is refused, the rest escaped where it must
/// be; end tags write themselves.
///
/// ```
/// use bytes::BytesMut;
/// use xmpp_stream::StreamEncoder;
/// use xmpp_tls_core::StreamKind;
///
/// let mut out = BytesMut::new();
/// StreamEncoder::new(StreamKind::ClientToServer).write("jabber:client", "message", &mut out, |message| {
///     message.attribute("to", "romeo@example.net")?.attribute("xml:lang", "en")?;
///     message.child("jabber:client", "body", |body| body.text("1 < 2").map(drop))?;
///     message.child("urn:xmpp:receipts", "request", |_| Ok(()))?;
///     Ok(())
/// })?;
/// assert_eq!(
///     out,
///     "<message to='romeo@example.net' xml:lang='en'><body>1 &lt; 2</body>\
///      <request xmlns='urn:xmpp:receipts'/></message>",
/// );
/// # Ok::<(), xmpp_stream::Error>(())
/// ```
pub struct ElementWriter<'o> {
    out: &'o mut BytesMut,
    /// The default namespace inside.
    default: &'o str,
    /// Where the attributes start.
    attributes: usize,
    /// The start tag is not finished yet.
    open: bool,
    /// One bit for the names of attributes that are there, by a hash.
    seen: u64,
}

/// Without what was written.
impl fmt::Debug for ElementWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElementWriter")
            .field("octets_in_buffer", &self.out.len())
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl ElementWriter<'_> {
    /// Writes an attribute in no namespace, or `xml:lang`.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] if the name is none, is there already or comes too late, or the value
    /// has a character that XML excludes.
    ///
    /// ```
    /// # use xmpp_stream::{StreamEncoder, Error};
    /// # let mut out = bytes::BytesMut::new();
    /// let mut encoder = StreamEncoder::new(xmpp_tls_core::StreamKind::ClientToServer);
    /// let twice = encoder.write("jabber:client", "iq", &mut out, |iq| {
    ///     iq.attribute("id", "1")?.attribute("id", "2").map(drop)
    /// });
    /// assert!(matches!(twice, Err(Error::Unwritable(_))));
    /// assert!(out.is_empty()); // nothing of it was written
    /// ```
    pub fn attribute(&mut self, name: &str, value: &str) -> Result<&mut Self, Error> {
        let quoted = || quote(name.as_bytes());
        if !self.open {
            return Err(Error::Unwritable(Unwritable::AttributeBehindContent { name: quoted() }));
        }
        if name != "xml:lang" && !is_name(name) {
            return Err(Error::Unwritable(Unwritable::Name { name: quoted() }));
        }
        let bit = hash_bit(name.as_bytes());
        // The tag is not closed, which ends the attributes here as `>` would.
        let is_there = || {
            let mut before = Attributes::new(self.out, self.attributes);
            before.any(|attribute| attribute.name.whole(self.out) == name.as_bytes())
        };
        if name == "xmlns" || self.seen & bit != 0 && is_there() {
            return Err(Error::Unwritable(Unwritable::DuplicateAttribute { name: quoted() }));
        }
        self.seen |= bit;
        legal(value, put_attribute(name, value, self.out))?;
        Ok(self)
    }

    /// Writes character data.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] for a character that XML excludes.
    ///
    /// ```
    /// # use xmpp_stream::StreamEncoder;
    /// # let mut out = bytes::BytesMut::new();
    /// let mut encoder = StreamEncoder::new(xmpp_tls_core::StreamKind::ClientToServer);
    /// encoder.write("jabber:client", "body", &mut out, |body| body.text("a ")?.text("& b").map(drop))?;
    /// assert_eq!(out, "<body>a &amp; b</body>");
    /// # Ok::<(), xmpp_stream::Error>(())
    /// ```
    pub fn text(&mut self, text: &str) -> Result<&mut Self, Error> {
        if text.is_empty() {
            return Ok(self);
        }
        self.content();
        // A `>` must not stand behind `]]`, also not if they were written before.
        let start = self.out.len();
        let brackets = self.out.ends_with(b"]");
        legal(text, escape::write_text(text, self.out))?;
        if brackets
            && self
                .out
                .get(start..)
                .is_some_and(|written| written.starts_with(b">") || written.starts_with(b"]>"))
        {
            let written = self.out.split_off(start);
            let (before, behind) = match written.first() {
                Some(b'>') => (&b""[..], written.get(1..)),
                _ => (&b"]"[..], written.get(2..)),
            };
            self.out.put_slice(before);
            self.out.put_slice(b"&gt;");
            self.out.put_slice(behind.unwrap_or_default());
        }
        Ok(self)
    }

    /// Writes a child element. In the namespace of its parent it inherits that; otherwise it declares
    /// its own.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] for a name that is none or a reserved namespace, and what `content`
    /// returns.
    ///
    /// ```
    /// # use xmpp_stream::StreamEncoder;
    /// # let mut out = bytes::BytesMut::new();
    /// let mut encoder = StreamEncoder::new(xmpp_tls_core::StreamKind::ClientToServer);
    /// encoder.write("jabber:client", "iq", &mut out, |iq| {
    ///     iq.child("urn:a", "b", |b| b.child("urn:a", "c", |_| Ok(())).map(drop)).map(drop)
    /// })?;
    /// assert_eq!(out, "<iq><b xmlns='urn:a'><c/></b></iq>");
    /// # Ok::<(), xmpp_stream::Error>(())
    /// ```
    pub fn child(
        &mut self,
        namespace: &str,
        name: &str,
        content: impl FnOnce(&mut ElementWriter<'_>) -> Result<(), Error>,
    ) -> Result<&mut Self, Error> {
        self.content();
        let prefix = (namespace == ns::STREAM && self.default != ns::STREAM).then_some("stream");
        write(prefix, namespace, name, self.default, self.out, content)?;
        Ok(self)
    }

    /// Writes a complete element as a child, which brings its own namespaces along.
    ///
    /// ```
    /// # use xmpp_stream::{Element, StreamEncoder};
    /// # use xmpp_tls_core::StreamKind::ClientToServer;
    /// # let mut out = bytes::BytesMut::new();
    /// let message = Element::parse(ClientToServer, "<message/>")?;
    /// StreamEncoder::new(ClientToServer).write("urn:xmpp:forward:0", "forwarded", &mut out, |forwarded| {
    ///     forwarded.element(&message);
    ///     Ok(())
    /// })?;
    /// assert_eq!(out, "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded>");
    /// # Ok::<(), xmpp_stream::Error>(())
    /// ```
    pub fn element(&mut self, element: &Element) -> &mut Self {
        self.content();
        write_in(element, self.default, self.out);
        self
    }

    fn content(&mut self) {
        if std::mem::take(&mut self.open) {
            self.out.put_u8(b'>');
        }
    }
}

/// Writes an element where `default` is the default namespace and `prefix`, if there is one, is declared
/// for its own. If that fails, nothing of it is left in `out`.
pub(crate) fn write(
    prefix: Option<&str>,
    namespace: &str,
    name: &str,
    default: &str,
    out: &mut BytesMut,
    content: impl FnOnce(&mut ElementWriter<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let start = out.len();
    let result = try_write(prefix, namespace, name, default, out, content);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn try_write(
    prefix: Option<&str>,
    namespace: &str,
    name: &str,
    default: &str,
    out: &mut BytesMut,
    content: impl FnOnce(&mut ElementWriter<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    if !is_name(name) {
        let name = quote(name.as_bytes());
        return Err(Error::Unwritable(Unwritable::Name { name }));
    }
    if matches!(namespace, ns::XML | ns::XMLNS) {
        let namespace = namespace.to_owned();
        return Err(Error::Unwritable(Unwritable::Namespace { namespace }));
    }
    out.put_u8(b'<');
    put_name(prefix, name, out);
    let attributes = out.len();
    let mut inside = default;
    if prefix.is_none() && namespace != default {
        legal(namespace, put_attribute("xmlns", namespace, out))?;
        inside = namespace;
    }
    let mut writer = ElementWriter {
        out,
        default: inside,
        attributes,
        open: true,
        seen: 0,
    };
    content(&mut writer)?;
    if writer.open {
        out.put_slice(b"/>");
    } else {
        out.put_slice(b"</");
        put_name(prefix, name, out);
        out.put_u8(b'>');
    }
    Ok(())
}

fn put_name(prefix: Option<&str>, name: &str, out: &mut BytesMut) {
    if let Some(prefix) = prefix {
        out.put_slice(prefix.as_bytes());
        out.put_u8(b':');
    }
    out.put_slice(name.as_bytes());
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    match name.as_bytes() {
        [first, rest @ ..] if first.is_ascii_lowercase() && rest.iter().all(|&byte| plain(byte)) => true,
        _ => is_ncname(name),
    }
}
