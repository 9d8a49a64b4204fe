use crate::error::{Error, MessageError};
use std::fmt;
use std::time::Instant;
use xmpp_stream::Element;
use xmpp_tls_core::{Domain, StreamCondition};

/// Who speaks to whom: the domains of the `from` and the `to` of stanzas in one direction.
///
/// The pair is the same in all four steps of a dialback, although `from` and `to` of the messages turn
/// around twice.
///
/// ```
/// use xmpp_dialback::Pair;
///
/// let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
/// assert_eq!(pair.to_string(), "capulet.example to montague.example");
/// assert_eq!(pair.inverse().originating, pair.receiving);
/// # Ok::<(), xmpp_tls_core::DomainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// The domain that stanzas are from: what dialback proves.
    pub originating: Domain,
    /// The domain that they are for.
    pub receiving: Domain,
}

impl Pair {
    /// A pair.
    ///
    /// ```
    /// use xmpp_dialback::Pair;
    ///
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// assert_eq!(pair.originating.as_str(), "a.example");
    /// # Ok::<(), xmpp_tls_core::DomainError>(())
    /// ```
    pub fn new(originating: Domain, receiving: Domain) -> Self {
        Pair { originating, receiving }
    }

    /// The pair of the answers to such stanzas.
    ///
    /// ```
    /// use xmpp_dialback::Pair;
    ///
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// assert_eq!(pair.inverse(), Pair::new("b.example".parse()?, "a.example".parse()?));
    /// # Ok::<(), xmpp_tls_core::DomainError>(())
    /// ```
    pub fn inverse(&self) -> Self {
        Pair::new(self.receiving.clone(), self.originating.clone())
    }

    /// The domains of a stanza's `from` and `to` (RFC 6120 section 8.1).
    ///
    /// # Errors
    ///
    /// [`Error::Message`] if one of them is missing or its domainpart is none: `improper-addressing`.
    ///
    /// ```
    /// use xmpp_dialback::Pair;
    /// use xmpp_stream::Element;
    /// use xmpp_tls_core::StreamKind;
    ///
    /// let xml = "<message from='romeo@Montague.example/orchard' to='capulet.example'/>";
    /// let stanza = Element::parse(StreamKind::ServerToServer, xml)?;
    /// assert_eq!(Pair::of_stanza(&stanza)?.originating.as_str(), "montague.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_stanza(stanza: &Element) -> Result<Self, Error> {
        let domain = |attribute| {
            let address = stanza.attribute(attribute).ok_or(MessageError::NoAttribute {
                element: "stanza",
                attribute,
            })?;
            // RFC 7622 section 3.1: the resource begins at the first slash, the localpart ends at the
            // first at sign before it.
            let bare = address.split('/').next().unwrap_or_default();
            let domain = bare.split_once('@').map_or(bare, |(_, domain)| domain);
            domain.parse().map_err(|found| MessageError::NoDomain {
                element: "stanza",
                attribute,
                found,
            })
        };
        Ok(Pair::new(domain("from")?, domain("to")?))
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.originating, self.receiving)
    }
}

/// How a pair came to be authenticated.
///
/// ```
/// use xmpp_dialback::Method;
///
/// assert_eq!(Method::Dialback.to_string(), "dialback");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// The authoritative server confirmed the key on a stream that we opened to it.
    Dialback,
    /// SASL EXTERNAL, before any claim.
    External,
    /// The certificate of this stream proves the domain, so that nobody had to be asked (XEP-0344 section
    /// 2.4): as strong as SASL EXTERNAL.
    Certificate,
    /// The server at the addresses of the domain showed the same certificate, which names the domain
    /// (XEP-0344 section 2.6). No stronger than dialback.
    SameCertificate,
}

impl Method {
    /// A name that does not change, for logs and monitoring.
    ///
    /// ```
    /// assert_eq!(xmpp_dialback::Method::SameCertificate.code(), "same-certificate");
    /// ```
    pub fn code(self) -> &'static str {
        match self {
            Method::Dialback => "dialback",
            Method::External => "external",
            Method::Certificate => "certificate",
            Method::SameCertificate => "same-certificate",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Dialback => "dialback",
            Method::External => "SASL EXTERNAL",
            Method::Certificate => "certificate, without a callback",
            Method::SameCertificate => "dialback, by the same certificate",
        })
    }
}

/// An authenticated pair. It lives as long as its stream.
///
/// ```
/// use std::time::Instant;
/// use xmpp_dialback::{Authenticated, Method};
///
/// fn by_dialback_alone(entry: &Authenticated) -> bool {
///     matches!(entry.by(), Method::Dialback | Method::SameCertificate)
/// }
///
/// fn show(entry: &Authenticated, now: Instant) -> String {
///     format!("{} by {}, {:?} ago", entry.pair(), entry.by(), now.duration_since(entry.since()))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    pair: Pair,
    by: Method,
    since: Instant,
}

impl Authenticated {
    pub(crate) fn new(pair: Pair, by: Method, since: Instant) -> Self {
        Authenticated { pair, by, since }
    }

    /// Which one.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// How.
    pub fn by(&self) -> Method {
        self.by
    }

    /// Since when.
    pub fn since(&self) -> Instant {
        self.since
    }
}

/// Why a stanza is not accepted: its pair is not authenticated on this stream.
///
/// ```
/// use xmpp_dialback::{NotAuthenticated, Pair};
/// use xmpp_tls_core::StreamCondition;
///
/// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
/// let why = NotAuthenticated::From { pair };
/// assert_eq!(why.stream_condition(), StreamCondition::INVALID_FROM);
/// # Ok::<(), xmpp_tls_core::DomainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAuthenticated {
    /// The peer proved nothing about the `from` domain.
    #[error("{pair} is not authenticated on this stream: nothing is known about {}", pair.originating)]
    From {
        /// Of the stanza.
        pair: Pair,
    },
    /// It did, for another `to` domain.
    #[error("{pair} is not authenticated on this stream: {} is, for other domains", pair.originating)]
    To {
        /// Of the stanza.
        pair: Pair,
    },
}

impl NotAuthenticated {
    /// What the peer is told (RFC 6120 sections 8.1.1.2 and 8.1.2.2).
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// let pair = Pair::new("a.example".parse()?, "b.example".parse()?);
    /// assert_eq!(NotAuthenticated::To { pair }.stream_condition().name(), "host-unknown");
    /// # Ok::<(), xmpp_tls_core::DomainError>(())
    /// ```
    pub fn stream_condition(&self) -> StreamCondition {
        match self {
            NotAuthenticated::From { .. } => StreamCondition::INVALID_FROM,
            NotAuthenticated::To { .. } => StreamCondition::HOST_UNKNOWN,
        }
    }
}
