use crate::scanner::namespaces::Scope;
use std::fmt;
use std::str::FromStr;
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
    pub to: Option<String>,
    /// Who the sender says it is (section 4.7.1).
    pub from: Option<String>,
    /// The stream identifier, from the receiving entity (section 4.7.3).
    pub id: Option<String>,
    /// The version; absent from peers older than XMPP 1.0 (section 4.7.5).
    pub version: Option<Version>,
    /// The default language of the stream (`xml:lang`, section 4.7.4), as it was written: tags that
    /// are no BCP 47 tags do no harm.
    pub lang: Option<String>,
    /// The default namespace, unless it is that of streams: the content namespace (section 4.8.2).
    /// A header without prefixes does not name it.
    pub content_namespace: Option<String>,
    /// Prefixes and their namespaces, without the default namespace.
    declarations: Vec<(String, String)>,
}

impl StreamHeader {
    /// A header for version 1.0 without any other attribute. ([`Default`] has no version either.)
    pub fn new() -> Self {
        StreamHeader {
            version: Some(Version::V1_0),
            ..Self::default()
        }
    }

    /// Sets `to`.
    pub fn with_to(mut self, to: impl Into<String>) -> Self {
        self.to = Some(to.into());
        self
    }

    /// Sets `from`.
    pub fn with_from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// Sets `id`.
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets `xml:lang`.
    pub fn with_lang(mut self, lang: impl Into<String>) -> Self {
        self.lang = Some(lang.into());
        self
    }

    /// Adds a namespace declaration, such as `db` for `jabber:server:dialback`, the only one that
    /// the protocols around streams know (XEP-0220 section 2.3). The prefixes `stream`, `xml` and
    /// `xmlns`, and prefixes that are no names, are ignored when the header is written.
    pub fn with_declaration(mut self, prefix: impl Into<String>, namespace: impl Into<String>) -> Self {
        let (prefix, namespace) = (prefix.into(), namespace.into());
        self.declarations.retain(|(declared, _)| *declared != prefix);
        self.declarations.push((prefix, namespace));
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
        self.content_namespace.as_deref() == Some(namespace)
            || self.declarations.iter().any(|(_, declared)| declared == namespace)
    }

    /// The declared prefixes and their namespaces, without the default namespace.
    pub fn declarations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.declarations
            .iter()
            .map(|(prefix, namespace)| (&**prefix, &**namespace))
    }

    pub(crate) fn from_scope(scope: &Scope) -> Self {
        let (default, declarations): (Vec<_>, Vec<_>) = scope
            .declarations
            .iter()
            .cloned()
            .partition(|(prefix, _)| prefix.is_empty());
        let content_namespace = default
            .into_iter()
            .map(|(_, namespace)| namespace)
            .find(|n| n != ns::STREAM);
        StreamHeader {
            content_namespace,
            declarations,
            lang: scope.lang.clone(),
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
    pub const V1_0: Version = Version { major: 1, minor: 0 };
}

/// A text that is no [`Version`].
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
