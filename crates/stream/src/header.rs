use crate::scanner::namespaces::{Binding, Scope};
use crate::small_str::SmallStr;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use xmpp_tls_core::ns;

/// The attributes of a stream header (RFC 6120 section 4.7), received or to be sent.
///
/// All of it is unauthenticated: before TLS, anybody on the path can have written it. Attributes in
/// a namespace (`stream:to`) and unknown ones are ignored.
///
/// ```
/// use xmpp_stream::{StreamHeader, Version};
///
/// let header = StreamHeader::new().with_to("example.org").with_lang("en");
/// assert_eq!(header.version, Some(Version::V1_0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamHeader {
    /// The domain that the sender expects to reach (section 4.7.2).
    pub to: Option<SmallStr>,
    /// Who the sender says it is (section 4.7.1).
    pub from: Option<SmallStr>,
    /// The stream identifier, from the receiving entity (section 4.7.3).
    pub id: Option<SmallStr>,
    /// The version; absent from peers older than XMPP 1.0 (section 4.7.5).
    pub version: Option<Version>,
    /// The default language of the stream (`xml:lang`, section 4.7.4), as it was written: tags that
    /// are no BCP 47 tags do no harm.
    pub lang: Option<SmallStr>,
    /// What it declares, if anything.
    scope: Option<Arc<Scope>>,
}

impl StreamHeader {
    /// A header for version 1.0 without any other attribute. ([`Default`] has no version either.)
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!((StreamHeader::new().version, StreamHeader::default().version), (Some(Version::V1_0), None));
    /// ```
    pub fn new() -> Self {
        StreamHeader {
            version: Some(Version::V1_0),
            ..Self::default()
        }
    }

    /// Sets `to`.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(StreamHeader::new().with_to("example.org").to.as_deref(), Some("example.org"));
    /// ```
    pub fn with_to(mut self, to: impl Into<SmallStr>) -> Self {
        self.to = Some(to.into());
        self
    }

    /// Sets `from`.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(StreamHeader::new().with_from("juliet@example.org").from.as_deref(), Some("juliet@example.org"));
    /// ```
    pub fn with_from(mut self, from: impl Into<SmallStr>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// Sets `id`.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(StreamHeader::new().with_id("1f").id.as_deref(), Some("1f"));
    /// ```
    pub fn with_id(mut self, id: impl Into<SmallStr>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets `xml:lang`.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(StreamHeader::new().with_lang("en").lang.as_deref(), Some("en"));
    /// ```
    pub fn with_lang(mut self, lang: impl Into<SmallStr>) -> Self {
        self.lang = Some(lang.into());
        self
    }

    /// Adds a namespace declaration, such as `db` for `jabber:server:dialback`, the only one that
    /// the protocols around streams know (XEP-0220 section 2.3). The prefixes `stream`, `xml` and
    /// `xmlns`, and prefixes that are no names, are ignored when the header is written.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// let header = StreamHeader::new().with_declaration("db", ns::DIALBACK);
    /// assert_eq!(header.declarations().next(), Some(("db", ns::DIALBACK)));
    /// ```
    pub fn with_declaration(mut self, prefix: impl Into<String>, namespace: impl Into<String>) -> Self {
        let prefix = prefix.into();
        let mut declarations = match &self.scope {
            Some(scope) => scope.declarations.to_vec(),
            None => Vec::new(),
        };
        declarations.retain(|(declared, _)| *declared != prefix);
        declarations.push((Cow::Owned(prefix), Cow::Owned(namespace.into())));
        self.scope = Some(Arc::new(Scope::new(declarations.into(), None)));
        self
    }

    /// Whether the header declares this namespace, as default or for a prefix.
    ///
    /// ```
    /// use xmpp_stream::StreamHeader;
    /// use xmpp_tls_core::ns;
    ///
    /// assert!(StreamHeader::new().with_declaration("db", ns::DIALBACK).declares(ns::DIALBACK));
    /// ```
    pub fn declares(&self, namespace: &str) -> bool {
        self.all_declarations()
            .iter()
            .any(|(_, declared)| declared == namespace)
    }

    /// The declared prefixes and their namespaces, without the default namespace.
    ///
    /// ```
    /// use xmpp_stream::StreamHeader;
    /// use xmpp_tls_core::ns;
    ///
    /// let header = StreamHeader::new().with_declaration("db", ns::DIALBACK);
    /// assert_eq!(header.declarations().collect::<Vec<_>>(), [("db", ns::DIALBACK)]);
    /// ```
    pub fn declarations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all_declarations()
            .iter()
            .filter(|(prefix, _)| !prefix.is_empty())
            .map(|(prefix, namespace)| (&**prefix, &**namespace))
    }

    /// The default namespace of a header that was received, unless it is that of streams: the content
    /// namespace (RFC 6120 section 4.8.2). A header without prefixes does not name it.
    ///
    /// ```
    /// use xmpp_stream::{Limits, StreamDecoder, StreamEvent};
    ///
    /// let mut decoder = StreamDecoder::new(Limits::before_authentication());
    /// decoder.push(b"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>");
    /// let Some(StreamEvent::Open(header)) = decoder.next_event()? else { panic!() };
    /// assert_eq!(header.content_namespace(), Some("jabber:server"));
    /// # Ok::<(), xmpp_stream::Error>(())
    /// ```
    pub fn content_namespace(&self) -> Option<&str> {
        self.all_declarations()
            .iter()
            .find(|(prefix, namespace)| prefix.is_empty() && namespace != ns::STREAM)
            .map(|(_, namespace)| &**namespace)
    }

    fn all_declarations(&self) -> &[Binding] {
        self.scope.as_ref().map_or(&[], |scope| &scope.declarations)
    }

    pub(crate) fn from_scope(scope: &Arc<Scope>) -> Self {
        StreamHeader {
            lang: scope.lang.clone(),
            scope: Some(scope.clone()),
            ..Self::default()
        }
    }
}

/// The `version` of a stream (RFC 6120 section 4.7.5). Versions compare by number: 2.4 < 2.13 < 12.3.
///
/// ```
/// use xmpp_stream::Version;
///
/// assert_eq!("1.0".parse(), Ok(Version::V1_0));
/// assert_eq!("01.00".parse(), Ok(Version::V1_0));
/// assert!("2.4".parse::<Version>()? < "2.13".parse()?);
/// assert!("one".parse::<Version>().is_err());
/// # Ok::<(), xmpp_stream::VersionError>(())
/// ```
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    /// Differing major versions need not understand each other.
    pub major: u16,
    /// Differing minor versions do.
    pub minor: u16,
}

impl Version {
    /// RFC 6120 (and RFC 3920 before it).
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(Version::V1_0.to_string(), "1.0");
    /// ```
    pub const V1_0: Version = Version { major: 1, minor: 0 };
}

/// A text that is no [`Version`].
///
/// ```
/// # use xmpp_stream::*;
/// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
/// assert!(matches!("1".parse::<Version>(), Err(VersionError { .. })));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version is two numbers with a dot between them")]
#[non_exhaustive]
pub struct VersionError;

impl FromStr for Version {
    type Err = VersionError;

    /// Leading zeros are ignored (section 4.7.5); numbers above 65535 count as 65535.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let number = |digits: &str| {
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(VersionError);
            }
            Ok(digits.parse().unwrap_or(u16::MAX))
        };
        let (major, minor) = text.split_once('.').ok_or(VersionError)?;
        Ok(Version {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strm_24_versions_compare_by_number() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("2.4") < version("2.13") && version("2.13") < version("12.3"));
        assert_eq!(version("1.10").to_string(), "1.10");
    }

    #[test]
    fn strm_25_leading_zeros_are_ignored_and_never_sent() {
        assert_eq!("06.01".parse::<Version>().unwrap().to_string(), "6.1");
        assert_eq!("0000000001.0".parse(), Ok(Version::V1_0));
    }

    #[test]
    fn versions_that_are_none() {
        for text in ["", "1", "1.", ".0", "1.0.0", "+1.0", "1.-0", " 1.0", "1,0", "١.٠"] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
        assert_eq!(
            "99999999999999999999.0".parse(),
            Ok(Version {
                major: u16::MAX,
                minor: 0
            })
        );
    }
}
