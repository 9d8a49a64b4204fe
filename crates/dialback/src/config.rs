use crate::feature::Support;
use crate::roles::verdict::StreamNumber;
use crate::settings::Settings;
use xmpp_stream::SmallStr;
use xmpp_tls_core::{Domain, StreamId};

/// Whether a stream runs inside TLS.
///
/// ```
/// use xmpp_dialback::{Protection, Settings};
///
/// assert!(!Settings::default().allows(Protection::Clear));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protection {
    /// In clear: by default no dialback is spoken there, in any role.
    Clear,
    /// Inside TLS, whatever certificates were shown.
    Tls,
}

/// A stream that we opened, as [`DialbackStream::opened`](crate::DialbackStream::opened) and the roles take
/// it.
///
/// ```
/// use xmpp_dialback::{DialbackStream, Opened, Protection, StreamNumber, Support};
///
/// let target = "montague.example".parse()?;
/// // The id and what is advertised are of the header and the features that came behind TLS.
/// let stream = DialbackStream::opened(
///     Opened::new(StreamNumber(1), target, "D60000229F", Protection::Tls).with_support(Support::DialbackAndErrors),
/// );
/// # Ok::<(), xmpp_tls_core::DomainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Opened {
    pub(crate) number: StreamNumber,
    pub(crate) target: Domain,
    pub(crate) id: SmallStr,
    pub(crate) protection: Protection,
    pub(crate) support: Support,
    pub(crate) settings: Settings,
}

impl Opened {
    /// A stream that we opened to `target`, at the addresses that DNS gave for it, and whose response header
    /// had this `id`. Of a stream that was restarted, behind TLS or SASL, the last header counts.
    ///
    /// With an `id` that no key is made for, or an empty one where the peer sent none, others' claims can
    /// be verified, but nothing can be claimed: each question says so.
    pub fn new(number: StreamNumber, target: Domain, id: &str, protection: Protection) -> Self {
        Opened {
            number,
            target,
            id: id.into(),
            protection,
            support: Support::NotAdvertised,
            settings: Settings::default(),
        }
    }

    /// What the peer advertised ([`Support::of`]); [`Support::NotAdvertised`] otherwise.
    pub fn with_support(mut self, support: Support) -> Self {
        self.support = support;
        self
    }

    /// With other settings than those by default.
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }
}

/// A stream that the peer opened, as [`DialbackStream::accepted`](crate::DialbackStream::accepted) and
/// [`Receiving`](crate::Receiving) take it.
///
/// ```
/// use xmpp_dialback::{Accepted, DialbackStream, Protection, Settings, StreamNumber};
/// use xmpp_tls_core::StreamId;
///
/// let id = StreamId::from_random([7; 16] /* from a CSPRNG, really */);
/// let stream = DialbackStream::accepted(
///     Accepted::new(StreamNumber(1), &id, Protection::Tls)
///         .with_settings(Settings::default().requiring_certificates()),
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Accepted {
    pub(crate) number: StreamNumber,
    pub(crate) id: SmallStr,
    pub(crate) protection: Protection,
    pub(crate) settings: Settings,
}

impl Accepted {
    /// A stream that the peer opened, in whose response header we wrote this `id`: the last one, if it was
    /// restarted. An `id` in the peer's header, empty or not, means nothing (RFC 6120 section 4.7.3).
    pub fn new(number: StreamNumber, id: &StreamId, protection: Protection) -> Self {
        Accepted {
            number,
            id: id.to_string().into(),
            protection,
            settings: Settings::default(),
        }
    }

    /// With other settings than those by default.
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }
}
