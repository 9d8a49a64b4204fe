use crate::limits::LimitKind;
use crate::stream_error::StreamError;
use xmpp_tls_core::{StreamCondition, StreamKind, ns};

/// Why a stream or an element was refused. Each says what was found and where; offsets count bytes
/// from the start of the document (the stream, after a restart the new one).
///
/// Text that came from the peer is cut to 64 characters, and control characters in it are escaped.
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// # fn error_of(content: &str) -> Error {
/// #     let mut decoder = StreamDecoder::new(Limits::before_authentication());
/// #     decoder.push(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
/// #     decoder.push(content.as_bytes());
/// #     decoder.next_event().unwrap();
/// #     decoder.next_event().unwrap_err()
/// # }
/// assert_eq!(error_of("<a></b>").to_string(), "at byte 88: closing tag \"b\" where \"a\" is open");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not well-formed (XML 1.0), or well-formed and not what a stream may hold.
    #[error("at byte {offset}: {kind}")]
    Xml {
        /// What is wrong.
        kind: XmlError,
        /// Where.
        offset: u64,
    },
    /// Not namespace-well-formed (Namespaces in XML 1.0).
    #[error("at byte {offset}: {kind}")]
    Namespace {
        /// What is wrong.
        kind: NamespaceError,
        /// Where the element starts, or the character stands.
        offset: u64,
    },
    /// XML that RFC 6120 section 11.1 forbids on streams.
    #[error("at byte {offset}: {kind}, which RFC 6120 section 11.1 forbids")]
    Restricted {
        /// What was found.
        kind: Restricted,
        /// Where.
        offset: u64,
    },
    /// Not UTF-8 (RFC 6120 section 11.6).
    #[error("at byte {offset}: {kind}")]
    Encoding {
        /// What was found.
        kind: EncodingError,
        /// Where.
        offset: u64,
    },
    /// The root element is no acceptable stream header (RFC 6120 sections 4.7 and 4.8).
    #[error("stream header refused: {0}")]
    Header(HeaderError),
    /// More than the [`Limits`](crate::Limits) allow.
    #[error("more than {max} {limit}")]
    Limit {
        /// Which limit.
        limit: LimitKind,
        /// Its value.
        max: usize,
    },
    /// The input ended where it must not.
    #[error("input ended after {offset} bytes, {within}")]
    Truncated {
        /// Where it ended.
        within: Place,
        /// How many bytes of the document had arrived.
        offset: u64,
    },
    /// [`Element::parse`](crate::Element::parse) wants exactly one element.
    #[error("at byte {offset}: expected exactly one element, found {found}")]
    NotOneElement {
        /// What was there instead.
        found: &'static str,
        /// Where.
        offset: u64,
    },
    /// Something was to be written that XML cannot carry.
    #[error("cannot be written as XML: {0}")]
    Unwritable(Unwritable),
}

/// See [`Error::Xml`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// # fn error_of(content: &str) -> Error {
/// #     let mut decoder = StreamDecoder::new(Limits::before_authentication());
/// #     decoder.push(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
/// #     decoder.push(content.as_bytes());
/// #     decoder.next_event().unwrap();
/// #     decoder.next_event().unwrap_err()
/// # }
/// assert!(matches!(error_of("<a>]]></a>"), Error::Xml { kind: XmlError::CdataEnd, .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// A character where the grammar wants something else.
    #[error("found {found:?}, expected {expected}")]
    Unexpected {
        /// The character.
        found: char,
        /// What would have been right.
        expected: &'static str,
    },
    /// A character that XML 1.0 section 2.2 excludes, written as itself.
    #[error("character U+{code:04X} is not allowed in XML")]
    IllegalCharacter {
        /// The code point.
        code: u32,
    },
    /// Anything but white space in front of the root element; a byte order mark is such text (RFC
    /// 6120 section 11.6).
    #[error("text before the stream header, starting with {found:?}")]
    TextBeforeHeader {
        /// Its first character.
        found: char,
    },
    /// Anything but white space between first-level elements.
    #[error("text between first-level elements, starting with {found:?}")]
    TextBetweenElements {
        /// Its first character.
        found: char,
    },
    /// A closing tag that does not match.
    #[error("closing tag {found:?} where {expected:?} is open")]
    MismatchedTag {
        /// The element that is open.
        expected: String,
        /// The name in the closing tag.
        found: String,
    },
    /// The same attribute twice.
    #[error("duplicate attribute {name:?}")]
    DuplicateAttribute {
        /// Its name.
        name: String,
    },
    /// `]]>` in character data.
    #[error("\"]]>\" in character data")]
    CdataEnd,
    /// A reference that is not complete, or to a character that XML 1.0 section 2.2 excludes.
    #[error("bad reference {found:?}")]
    BadReference {
        /// Its text from `&` on, as far as it was read.
        found: String,
    },
    /// The XML declaration does not follow the grammar.
    #[error("malformed XML declaration: {reason}")]
    Declaration {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// RFC 6120 section 11.8: XML 1.0 only.
    #[error("XML version {found:?}, only 1.0 is supported")]
    Version {
        /// The version in the XML declaration.
        found: String,
    },
}

/// See [`Error::Namespace`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// # fn error_of(content: &str) -> Error {
/// #     let mut decoder = StreamDecoder::new(Limits::before_authentication());
/// #     decoder.push(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
/// #     decoder.push(content.as_bytes());
/// #     decoder.next_event().unwrap();
/// #     decoder.next_event().unwrap_err()
/// # }
/// let error = error_of("<a:b/>");
/// assert!(matches!(error, Error::Namespace { kind: NamespaceError::UndeclaredPrefix { .. }, .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// A prefix without a declaration in scope.
    #[error("undeclared namespace prefix {prefix:?}")]
    UndeclaredPrefix {
        /// The prefix.
        prefix: String,
    },
    /// `xml`, `xmlns` or one of their namespaces bound to something else.
    #[error("the declaration of prefix {prefix:?} rebinds a reserved prefix or namespace")]
    Reserved {
        /// The prefix that was declared; empty for the default namespace.
        prefix: String,
    },
    /// `xmlns:p=''` (only the default namespace may be undeclared).
    #[error("prefix {prefix:?} bound to no namespace")]
    EmptyNamespace {
        /// The prefix.
        prefix: String,
    },
    /// A name with a colon at its start or end, or with two.
    #[error("misplaced colon in name {name:?}")]
    Colon {
        /// The name, as far as it was read.
        name: String,
    },
    /// Two attributes with the same local name, whose prefixes stand for the same namespace.
    #[error("duplicate attribute {name:?} in namespace {namespace:?}")]
    DuplicateAttribute {
        /// The namespace.
        namespace: String,
        /// The local name.
        name: String,
    },
}

/// See [`Error::Restricted`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// # fn error_of(content: &str) -> Error {
/// #     let mut decoder = StreamDecoder::new(Limits::before_authentication());
/// #     decoder.push(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
/// #     decoder.push(content.as_bytes());
/// #     decoder.next_event().unwrap();
/// #     decoder.next_event().unwrap_err()
/// # }
/// assert!(matches!(error_of("<!--"), Error::Restricted { kind: Restricted::Comment, .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Restricted {
    /// `<!-- -->`
    #[error("a comment")]
    Comment,
    /// `<? ?>`, other than the XML declaration at the very start.
    #[error("a processing instruction")]
    ProcessingInstruction,
    /// `<!D`: nothing of a document type declaration is read.
    #[error("a document type declaration")]
    Doctype,
    /// A reference to an entity other than the five predefined ones.
    #[error("a reference to entity {name:?}")]
    Entity {
        /// The entity's name.
        name: String,
    },
}

/// See [`Error::Encoding`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let mut decoder = StreamDecoder::new(Limits::before_authentication());
/// decoder.push(b"<\0s\0");
/// let error = decoder.next_event().unwrap_err();
/// assert!(matches!(error, Error::Encoding { kind: EncodingError::Utf16, .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// Malformed UTF-8: overlong, a surrogate, beyond U+10FFFF, cut short.
    #[error("malformed UTF-8")]
    MalformedUtf8,
    /// The first byte is not UTF-8: a UTF-16 byte order mark, or no XML at all.
    #[error("the document does not start as UTF-8")]
    NotUtf8AtStart,
    /// The document starts as UTF-16 or UTF-32.
    #[error("the document starts as UTF-16 or UTF-32")]
    Utf16,
    /// The XML declaration names another encoding.
    #[error("encoding {name:?} declared, only UTF-8 is supported")]
    Declared {
        /// Its name.
        name: String,
    },
}

/// See [`Error::Header`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let mut decoder = StreamDecoder::new(Limits::before_authentication());
/// decoder.push(b"<html>");
/// assert!(matches!(decoder.next_event(), Err(Error::Header(HeaderError::NotAStream { .. }))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// STRM-01: the root is not `stream` in `http://etherx.jabber.org/streams`.
    #[error("root element {name:?} in namespace {namespace:?} is no XMPP stream")]
    NotAStream {
        /// Its local name.
        name: String,
        /// Its namespace, empty if none.
        namespace: String,
    },
    /// A prefix that [strict prefixes](crate::StreamDecoder::set_strict_prefixes) do not allow.
    #[error("namespace prefix {prefix:?} is not supported here")]
    Prefix {
        /// The prefix.
        prefix: String,
    },
    /// The default namespace is not that of this kind of stream (RFC 6120 section 4.8.3).
    #[error("content namespace {found:?} does not belong on a {kind} stream")]
    ContentNamespace {
        /// What it is.
        found: String,
        /// The kind of stream.
        kind: StreamKind,
    },
    /// `version` is not two numbers with a dot between them.
    #[error("version {found:?} is no version")]
    Version {
        /// The value.
        found: String,
    },
}

/// Where the input ended; see [`Error::Truncated`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let decoder = StreamDecoder::new(Limits::before_authentication());
/// assert_eq!(decoder.finish(), Err(Error::Truncated { within: Place::BeforeHeader, offset: 0 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Place {
    /// Nothing but white space had arrived.
    #[error("before a stream header")]
    BeforeHeader,
    /// The header, or the XML declaration before it, was not complete.
    #[error("within the stream header")]
    Header,
    /// Between two first-level elements, without `</stream:stream>`.
    #[error("between first-level elements, without closing the stream")]
    BetweenElements,
    /// A first-level element was not complete.
    #[error("within a first-level element")]
    Element,
}

/// See [`Error::Unwritable`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// let error = ElementBuilder::new("urn:a", "a").text("\0").build().unwrap_err();
/// assert_eq!(error, Error::Unwritable(Unwritable::Character { character: '\0' }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unwritable {
    /// Not an NCName (XML 1.0, Namespaces in XML 1.0).
    #[error("{name:?} is no XML name")]
    Name {
        /// The name.
        name: String,
    },
    /// Text, an attribute value or a namespace with a character that XML 1.0 section 2.2 excludes.
    /// The text itself, which may be a password, is not told.
    #[error("character {character:?} is not allowed in XML")]
    Character {
        /// The first such character.
        character: char,
    },
    /// The same attribute twice.
    #[error("attribute {name:?} was given twice")]
    DuplicateAttribute {
        /// Its name.
        name: String,
    },
    /// An attribute for an element that has content already.
    #[error("attribute {name:?} behind the content of its element")]
    AttributeBehindContent {
        /// Its name.
        name: String,
    },
    /// A namespace that is reserved for the prefixes `xml` and `xmlns`.
    #[error("no element can be in namespace {namespace:?}")]
    Namespace {
        /// The namespace.
        namespace: String,
    },
}

impl Error {
    /// What the peer is told (RFC 6120 section 4.9.3); `None` where nobody listens any more or the
    /// fault is ours.
    ///
    /// ```
    /// use xmpp_stream::{Limits, StreamDecoder};
    /// use xmpp_tls_core::StreamCondition;
    ///
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(b"<!DOCTYPE lolz [<!ENTITY lol");
    /// let error = decoder.next_event().unwrap_err();
    /// assert_eq!(error.stream_condition(), Some(StreamCondition::RESTRICTED_XML));
    /// ```
    pub fn stream_condition(&self) -> Option<StreamCondition> {
        Some(match self {
            // XML-18 and XML-16: well-formed, but no stream schema has it.
            Error::Xml {
                kind: XmlError::TextBetweenElements { .. } | XmlError::Version { .. },
                ..
            } => StreamCondition::BAD_FORMAT,
            Error::Xml { .. } | Error::Namespace { .. } => StreamCondition::NOT_WELL_FORMED,
            Error::Restricted { .. } => StreamCondition::RESTRICTED_XML,
            Error::Encoding { .. } => StreamCondition::UNSUPPORTED_ENCODING,
            Error::Header(HeaderError::NotAStream { .. } | HeaderError::ContentNamespace { .. }) => {
                StreamCondition::INVALID_NAMESPACE
            }
            Error::Header(HeaderError::Prefix { .. }) => StreamCondition::BAD_NAMESPACE_PREFIX,
            Error::Header(HeaderError::Version { .. }) => StreamCondition::UNSUPPORTED_VERSION,
            Error::Limit { .. } => StreamCondition::POLICY_VIOLATION,
            Error::Truncated { .. } | Error::NotOneElement { .. } | Error::Unwritable(_) => return None,
        })
    }

    /// The stream error to send, with the application-specific condition where RFC 6120 section
    /// 4.9.3.14 has one (`stanza-too-big`).
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let error = Error::Limit { limit: LimitKind::ElementBytes, max: 10_000 };
    /// assert_eq!(error.to_stream_error().unwrap().to_string(), "policy-violation, \"stanza-too-big\" of \"urn:xmpp:errors\"");
    /// ```
    pub fn to_stream_error(&self) -> Option<StreamError> {
        let mut error = StreamError::new(self.stream_condition()?);
        if matches!(
            self,
            Error::Limit {
                limit: LimitKind::ElementBytes,
                ..
            }
        ) {
            error.application = Some((ns::XMPP_ERRORS.to_owned(), "stanza-too-big".to_owned()));
        }
        Some(error)
    }
}

/// Text from the peer for an error: short, and replaced where it is no UTF-8.
pub(crate) fn quote(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..256).unwrap_or(bytes))
        .chars()
        .take(64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_text_in_errors_is_short_and_harmless() {
        assert_eq!(quote(&[b'a'; 1000]).len(), 64);
        let kind = XmlError::DuplicateAttribute {
            name: quote(b"a\x1B[31m"),
        };
        let shown = Error::Xml { kind, offset: 3 }.to_string();
        assert_eq!(shown, "at byte 3: duplicate attribute \"a\\u{1b}[31m\"");
    }
}
