use crate::certificate::Certificate;
use crate::certificate::der::{self, Reader};
use crate::certificate::text;
use crate::error::CertificateError;
use crate::limits::Limits;
use crate::names::name::{self, Name};
use pki_types::CertificateDer;
use std::fmt;
use std::net::IpAddr;

/// An identifier found in a certificate's subjectAltName, of a kind that can identify an XMPP
/// entity. What else a certificate holds (common name, e-mail, URI) never does (RFC 9525 section 2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum PresentedId {
    /// dNSName: a host name as written in the certificate, perhaps with `*` as its first label.
    Dns(String),
    /// otherName SRVName (RFC 4985): a service at a name.
    Srv {
        /// With its underscore: `_xmpp-client`.
        service: String,
        /// As in [`Dns`](PresentedId::Dns).
        name: String,
    },
    /// otherName XmppAddr (RFC 6120 section 13.7.1.4): a server's domain or a user's JID.
    XmppAddr(String),
    /// iPAddress.
    Ip(IpAddr),
    /// No identifier: the SHA-256 of the certificate, in hexadecimal, where a source of trust says
    /// that the certificate as such is the domain's.
    Certificate(String),
}

impl PresentedId {
    /// What the encoding is called, as in [`IgnoredId::kind`].
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            PresentedId::Dns(_) => "dNSName",
            PresentedId::Srv { .. } => "SRVName",
            PresentedId::XmppAddr(_) => "XmppAddr",
            PresentedId::Ip(_) => "iPAddress",
            PresentedId::Certificate(_) => "certificate",
        }
    }

    /// As it is compared; nothing for what is no name.
    pub(crate) fn as_name(&self) -> Option<Name<'_>> {
        match self {
            PresentedId::Dns(name) => Some(Name::Dns(name)),
            PresentedId::Srv { service, name } => Some(Name::Srv { service, name }),
            PresentedId::XmppAddr(text) => Some(Name::XmppAddr(text)),
            PresentedId::Ip(address) => Some(Name::Ip(*address)),
            PresentedId::Certificate(_) => None,
        }
    }
}

impl From<Name<'_>> for PresentedId {
    fn from(name: Name<'_>) -> Self {
        match name {
            Name::Dns(name) => PresentedId::Dns(name.to_owned()),
            Name::Srv { service, name } => PresentedId::Srv {
                service: service.to_owned(),
                name: name.to_owned(),
            },
            Name::XmppAddr(text) => PresentedId::XmppAddr(text.to_owned()),
            Name::Ip(address) => PresentedId::Ip(address),
        }
    }
}

/// `DNS-ID example.org`, `SRV-ID _xmpp-client.example.org`, `XmppAddr example.org`, `IP-ID 192.0.2.1`.
impl fmt::Display for PresentedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PresentedId::Dns(name) => write!(f, "DNS-ID {name}"),
            PresentedId::Srv { service, name } => write!(f, "SRV-ID {service}.{name}"),
            PresentedId::XmppAddr(jid) => write!(f, "XmppAddr {}", text::escaped(jid)),
            PresentedId::Ip(address) => write!(f, "IP-ID {address}"),
            PresentedId::Certificate(sha256) => write!(f, "certificate sha256:{sha256}"),
        }
    }
}

/// A name in a certificate that does not count, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct IgnoredId {
    /// Which kind of name it claims to be, as RFC 5280 calls it: `dNSName`, `SRVName`, `rfc822Name`.
    pub kind: &'static str,
    /// Its contents, shortened and escaped so that they can be shown.
    pub value: String,
    /// Why it was ignored.
    pub reason: IgnoreReason,
}

impl fmt::Display for IgnoredId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind, self.value, self.reason)
    }
}

/// Why a name in a certificate was ignored. Other names in the same certificate still count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum IgnoreReason {
    /// A kind of name that never identifies an XMPP entity: URI, e-mail, directory name, an unknown otherName.
    #[error("never identifies an XMPP entity")]
    NotAnIdentity,
    /// Its encoding is not what its type requires.
    #[error("badly encoded: {0}")]
    Encoding(&'static str),
    /// It is encoded properly but is no valid name of its kind.
    #[error("not a valid name: {0}")]
    Syntax(&'static str),
    /// It matches, but an issuer in the path may not vouch for such names (RFC 5280 section 4.2.1.10).
    #[error("outside the name constraints of its issuer")]
    OutsideNameConstraints,
}

/// What a certificate says about whom it belongs to: the usable identifiers of its subjectAltName
/// and, apart, the ignored ones with their reasons.
///
/// The decoder is strict and never guesses: a name that is not exactly what its type requires is
/// ignored, alone. Unknown kinds of names are no error. The subject's common name is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PresentedIds {
    ids: Vec<PresentedId>,
    ignored: Vec<IgnoredId>,
}

impl PresentedIds {
    /// Reads the subjectAltName of a certificate. No such extension means no identifiers.
    ///
    /// # Errors
    /// If the bytes are no certificate, if the extension is there twice or is not a list of names at
    /// all, or if it holds more than 512 names.
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        Self::read(certificate, &Limits::DEFAULT)
    }

    pub(crate) fn read(certificate: &CertificateDer<'_>, limits: &Limits) -> Result<Self, CertificateError> {
        match Certificate::parse(certificate)?.subject_alt_name {
            Some(extension) => Self::read_extension(extension, limits),
            None => Ok(Self::default()),
        }
    }

    /// Reads the value of a subjectAltName extension (RFC 5280 section 4.2.1.6): the DER of
    /// `GeneralNames`.
    ///
    /// ```
    /// use xmpp_identity::PresentedIds;
    ///
    /// // SEQUENCE { [2] "im.example.com" }
    /// let ids = PresentedIds::from_subject_alt_name(b"\x30\x10\x82\x0eim.example.com")?;
    /// assert_eq!(ids.iter().map(|id| id.to_string()).collect::<Vec<_>>(), ["DNS-ID im.example.com"]);
    /// # Ok::<(), xmpp_identity::CertificateError>(())
    /// ```
    ///
    /// # Errors
    /// If it is not a list of names at all, or holds more than 512.
    pub fn from_subject_alt_name(extension: &[u8]) -> Result<Self, CertificateError> {
        Self::read_extension(extension, &Limits::DEFAULT)
    }

    fn read_extension(extension: &[u8], limits: &Limits) -> Result<Self, CertificateError> {
        let mut found = Self::default();
        for name in Names::new(extension, limits)? {
            let (tag, value) = name?;
            match name::decode(tag, value) {
                Ok(name) => found.ids.push(name.into()),
                Err((kind, reason)) => found.ignored.push(IgnoredId {
                    kind,
                    value: text::octets(value),
                    reason,
                }),
            }
        }
        Ok(found)
    }

    /// The usable identifiers, in the certificate's order.
    pub fn iter(&self) -> std::slice::Iter<'_, PresentedId> {
        self.ids.iter()
    }

    /// Whether there is no usable identifier.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The names that do not count, with their reasons.
    pub fn ignored(&self) -> &[IgnoredId] {
        &self.ignored
    }

    pub(crate) fn into_parts(self) -> (Vec<PresentedId>, Vec<IgnoredId>) {
        (self.ids, self.ignored)
    }
}

impl<'a> IntoIterator for &'a PresentedIds {
    type Item = &'a PresentedId;
    type IntoIter = std::slice::Iter<'a, PresentedId>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Tag and contents of each GeneralName, as many as the limits allow.
pub(crate) struct Names<'a> {
    list: Reader<'a>,
    left: usize,
    limit: usize,
}

impl<'a> Names<'a> {
    pub(crate) fn new(extension: &'a [u8], limits: &Limits) -> Result<Self, CertificateError> {
        let list = der::only(extension, der::SEQUENCE).map_err(|_| CertificateError::BadSubjectAltName)?;
        Ok(Names {
            list: Reader::new(list),
            left: limits.names,
            limit: limits.names,
        })
    }
}

impl<'a> Iterator for Names<'a> {
    type Item = Result<(u8, &'a [u8]), CertificateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let element = match self.list.next() {
            Ok(element) => element?,
            Err(_) => {
                self.list = Reader::new(&[]);
                return Some(Err(CertificateError::BadSubjectAltName));
            }
        };
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => {
                self.list = Reader::new(&[]);
                return Some(Err(CertificateError::TooManyNames { limit: self.limit }));
            }
        }
        Some(Ok((element.tag, element.value)))
    }
}
