use crate::element::{Element, is_content_namespace, scope_of};
use crate::error::Error;
use crate::escape;
use crate::header::{StreamHeader, Version};
use crate::rewrite;
use crate::scanner::chars::is_ncname;
use crate::scanner::namespaces::{Binding, Scope};
use crate::small_str::SmallStr;
use crate::stream_error::StreamError;
use crate::tree::Attributes;
use crate::writer::{self, ElementWriter};
use bytes::{BufMut, BytesMut};
use std::borrow::Cow;
use std::sync::Arc;
use xmpp_tls_core::{StreamKind, ns};

/// Writes one direction of a stream into a buffer of the caller's.
///
/// The prefix of the stream namespace is always `stream`, the default namespace the content
/// namespace of the [`StreamKind`] (RFC 6120 sections 4.8.2 and 4.8.5).
///
/// ```
/// use bytes::BytesMut;
/// use xmpp_stream::{StreamEncoder, StreamHeader};
/// use xmpp_tls_core::StreamKind;
///
/// let mut encoder = StreamEncoder::new(StreamKind::ClientToServer);
/// let mut out = BytesMut::new();
/// encoder.open(&StreamHeader::new().with_to("example.org"), &mut out);
/// encoder.close(&mut out);
/// assert_eq!(
///     out,
///     "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
///      xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'></stream:stream>",
/// );
/// ```
#[derive(Debug)]
pub struct StreamEncoder {
    kind: StreamKind,
    scope: Arc<Scope>,
}

impl StreamEncoder {
    /// For streams of this kind.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let mut encoder = StreamEncoder::new(ClientToServer);
    /// let mut out = bytes::BytesMut::new();
    /// encoder.close(&mut out);
    /// assert_eq!(out, "</stream:stream>");
    /// ```
    pub fn new(kind: StreamKind) -> Self {
        StreamEncoder {
            kind,
            scope: scope_of(kind),
        }
    }

    /// Writes an XML declaration and the stream header: at the start, and again for each restart
    /// (RFC 6120 section 4.3.3). Of the header's namespaces only further declarations count, such as
    /// `db`; the content namespace follows from the kind of stream.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let mut encoder = StreamEncoder::new(ClientToServer);
    /// let mut out = bytes::BytesMut::new();
    /// let header = StreamHeader::new().with_to("example.org").with_declaration("db", ns::DIALBACK);
    /// encoder.open(&header, &mut out);
    /// assert!(out.ends_with(b" xmlns:db='jabber:server:dialback' to='example.org' version='1.0'>"));
    /// ```
    pub fn open(&mut self, header: &StreamHeader, out: &mut BytesMut) {
        // XML-07: RFC 6120 section 11.5 wants a declaration; it never says standalone (XML-08).
        out.put_slice(b"<?xml version='1.0'?><stream:stream xmlns='");
        // Neither namespace has anything to escape.
        out.put_slice(self.kind.content_namespace().as_bytes());
        out.put_slice(b"' xmlns:stream='");
        out.put_slice(ns::STREAM.as_bytes());
        out.put_u8(b'\'');
        let usual = scope_of(self.kind);
        let mut further: Option<Vec<Binding>> = None;
        for (prefix, namespace) in header.declarations() {
            let reserved =
                matches!(prefix, "stream" | "xml" | "xmlns") || matches!(namespace, "" | ns::XML | ns::XMLNS);
            if !reserved && is_ncname(prefix) {
                declare(prefix, namespace, out);
                further
                    .get_or_insert_with(|| usual.declarations.to_vec())
                    .push((Cow::Owned(prefix.to_owned()), Cow::Owned(namespace.to_owned())));
            }
        }
        let attributes = [("from", &header.from), ("to", &header.to), ("id", &header.id)];
        for (name, value) in attributes {
            if let Some(value) = value {
                put_attribute(name, value, out);
            }
        }
        match header.version {
            // Formatting numbers would be a tenth of all that a header costs.
            Some(Version::V1_0) => out.put_slice(b" version='1.0'"),
            Some(version) => {
                put_attribute("version", &SmallStr::display(version), out);
            }
            None => {}
        }
        if let Some(lang) = &header.lang {
            put_attribute("xml:lang", lang, out);
        }
        out.put_u8(b'>');
        self.scope = match further {
            Some(declarations) => Arc::new(Scope::new(declarations.into(), None)),
            None => usual,
        };
    }

    /// Writes an element, which may come from any other stream: what it inherited from that
    /// stream's header is declared anew, unless this stream's header declares the same. The two
    /// content namespaces become each other: an element in `jabber:client` written to a
    /// server-to-server stream is in `jabber:server` there, with the children that inherited it
    /// (RFC 6120 section 4.8.3). Prefixes are taken off what is in a content namespace (section
    /// 4.8.5). Everything else stays as it was received.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let mut encoder = StreamEncoder::new(ClientToServer);
    /// let mut out = bytes::BytesMut::new();
    /// let from_a_server = Element::parse(xmpp_tls_core::StreamKind::ServerToServer, "<presence from='a'/>")?;
    /// encoder.element(&from_a_server, &mut out);
    /// assert_eq!(out, "<presence from='a'/>"); // now in jabber:client
    /// # Ok::<(), Error>(())
    /// ```
    pub fn element(&mut self, element: &Element, out: &mut BytesMut) {
        write_scoped(element, &self.scope, Some(self.kind), out);
    }

    /// Writes a new element straight into `out`, without allocating. If that fails, nothing of it is
    /// left there. [`ElementWriter`] has an example.
    ///
    /// If the header declared a prefix for its namespace, the element has that prefix, which is how
    /// dialback must be written (XEP-0220 section 2); its children stand as they would without.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] for what XML cannot carry, and what `content` returns.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let mut encoder = StreamEncoder::new(ClientToServer);
    /// let mut out = bytes::BytesMut::new();
    /// encoder.write(ns::CLIENT, "presence", &mut out, |presence| presence.attribute("to", "a").map(drop))?;
    /// assert_eq!(out, "<presence to='a'/>");
    ///
    /// encoder.open(&StreamHeader::new().with_declaration("db", ns::DIALBACK), &mut out);
    /// out.clear();
    /// encoder.write(ns::DIALBACK, "result", &mut out, |result| result.text("key").map(drop))?;
    /// assert_eq!(out, "<db:result>key</db:result>");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn write(
        &mut self,
        namespace: &str,
        name: &str,
        out: &mut BytesMut,
        content: impl FnOnce(&mut ElementWriter<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let default = self.kind.content_namespace();
        let declared = |(prefix, declared): &&Binding| !prefix.is_empty() && declared == namespace;
        let prefix = match is_content_namespace(namespace) {
            // NS-06: these are written without.
            true => None,
            false => self.scope.declarations.iter().find(declared),
        };
        writer::write(
            prefix.map(|(prefix, _)| &**prefix),
            namespace,
            name,
            default,
            out,
            content,
        )
    }

    /// Writes `<stream:error/>`. [`open`](StreamEncoder::open) must have come before, even if the
    /// error is about the peer's header (RFC 6120 section 4.9.1.2), and
    /// [`close`](StreamEncoder::close) must follow. Characters that XML excludes are replaced.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let mut encoder = StreamEncoder::new(ClientToServer);
    /// let mut out = bytes::BytesMut::new();
    /// encoder.error(&StreamError::new(xmpp_tls_core::StreamCondition::RESET), &mut out);
    /// assert_eq!(out, "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
    /// ```
    pub fn error(&mut self, error: &StreamError, out: &mut BytesMut) {
        let condition = error.name();
        out.put_slice(b"<stream:error>");
        put_condition(condition, ns::STREAM_ERRORS, None, error.condition_text.as_deref(), out);
        if let Some(text) = &error.text {
            put_condition("text", ns::STREAM_ERRORS, error.lang.as_deref(), Some(text), out);
        }
        if let Some((namespace, name)) = &error.application
            && is_ncname(name)
            && !matches!(namespace.as_str(), ns::XML | ns::XMLNS)
        {
            put_condition(name, namespace, None, None, out);
        }
        out.put_slice(b"</stream:error>");
    }

    /// Writes the closing tag. Nothing must be written after it.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let mut encoder = StreamEncoder::new(ClientToServer);
    /// let mut out = bytes::BytesMut::new();
    /// encoder.close(&mut out);
    /// assert_eq!(out, "</stream:stream>");
    /// ```
    pub fn close(&mut self, out: &mut BytesMut) {
        out.put_slice(b"</stream:stream>");
    }
}

/// `false` as in [`escape::write_value`].
pub(crate) fn put_attribute(name: &str, value: &str, out: &mut BytesMut) -> bool {
    out.put_u8(b' ');
    out.put_slice(name.as_bytes());
    escape::write_value(value, out)
}

fn put_condition(name: &str, namespace: &str, lang: Option<&str>, text: Option<&str>, out: &mut BytesMut) {
    out.put_u8(b'<');
    out.put_slice(name.as_bytes());
    put_attribute("xmlns", namespace, out);
    if let Some(lang) = lang {
        put_attribute("xml:lang", lang, out);
    }
    match text {
        None => out.put_slice(b"/>"),
        Some(text) => {
            out.put_u8(b'>');
            escape::write_text(text, out);
            out.put_slice(b"</");
            out.put_slice(name.as_bytes());
            out.put_u8(b'>');
        }
    }
}

/// Writes `element` into another element whose default namespace is `default`.
pub(crate) fn write_in(element: &Element, default: &str, out: &mut BytesMut) {
    let usual = [StreamKind::ClientToServer, StreamKind::ServerToServer];
    let scope = match usual.into_iter().find(|kind| kind.content_namespace() == default) {
        Some(kind) => scope_of(kind),
        None => {
            let mut declarations = vec![(Cow::Borrowed("stream"), Cow::Borrowed(ns::STREAM))];
            if !default.is_empty() {
                declarations.push((Cow::Borrowed(""), Cow::Owned(default.to_owned())));
            }
            Arc::new(Scope::new(declarations.into(), None))
        }
    };
    write_scoped(element, &scope, None, out);
}

/// Writes `element` where `target` is in scope; with a `kind`, its content namespace replaces that
/// of the stream where the element comes from.
fn write_scoped(element: &Element, target: &Scope, kind: Option<StreamKind>, out: &mut BytesMut) {
    let (source, head, bytes) = (element.scope(), element.head(), element.as_bytes());
    if head.prefixed_content {
        return rewrite::without_prefixes(element, target, kind, out);
    }
    let rescoped = |namespace: &str| match kind {
        Some(kind) if is_content_namespace(namespace) => Some(kind.content_namespace()),
        _ => None,
    };
    // The element's own declaration of its own namespace, if that is the other content namespace.
    let own = rescoped(element.namespace())
        .filter(|&content| content != element.namespace())
        .and_then(|content| {
            let prefix = head.name.prefix(bytes);
            let declares = |a: &crate::scanner::tag::Attribute| {
                let (start, end) = a.declared_prefix();
                a.declares && bytes.get(start as usize..end as usize) == Some(prefix)
            };
            Attributes::new(bytes, head.name.end())
                .find(declares)
                .map(|attribute| (attribute.value, content))
        });

    let same_scope = source.declares_the_same(target);
    if same_scope && own.is_none() {
        out.put_slice(bytes);
        return;
    }
    let name_end = head.name.end();
    out.put_slice(bytes.get(..name_end).unwrap_or_default());
    if !same_scope {
        if !head.declares_default {
            let namespace = source.namespace("").unwrap_or_default();
            let namespace = rescoped(namespace).unwrap_or(namespace);
            if target.namespace("").unwrap_or_default() != namespace {
                put_attribute("xmlns", namespace, out);
            }
        }
        declare_inherited(element, target, out);
    }
    match own {
        None => out.put_slice(bytes.get(name_end..).unwrap_or_default()),
        Some(((start, end), content)) => {
            out.put_slice(bytes.get(name_end..start as usize).unwrap_or_default());
            // `jabber:client` and `jabber:server` need no escaping in either kind of quotes.
            out.put_slice(content.as_bytes());
            out.put_slice(bytes.get(end as usize..).unwrap_or_default());
        }
    }
}

/// Declares the prefixes that an element uses and does not declare itself. No element uses those of
/// content namespaces, and an attribute in one keeps it.
pub(crate) fn declare_inherited(element: &Element, target: &Scope, out: &mut BytesMut) {
    for (index, (prefix, namespace)) in element.scope().declarations.iter().enumerate() {
        let used = element.head().inherited & (1 << index.min(63)) != 0;
        if used && !prefix.is_empty() && target.namespace(prefix) != Some(&**namespace) && !declares(element, prefix) {
            declare(prefix, namespace, out);
        }
    }
}

/// Whether the element's own start tag declares `prefix`.
fn declares(element: &Element, prefix: &str) -> bool {
    let bytes = element.as_bytes();
    Attributes::new(bytes, element.head().name.end())
        .any(|a| a.declares && a.name.has_prefix() && a.name.local(bytes) == prefix.as_bytes())
}

fn declare(prefix: &str, namespace: &str, out: &mut BytesMut) {
    out.put_slice(b" xmlns:");
    out.put_slice(prefix.as_bytes());
    escape::write_value(namespace, out);
}
