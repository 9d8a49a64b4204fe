use crate::certificate::Certificate;
use crate::error::CertificateError;
use crate::limits::Limits;
use crate::names::name::{self, Name};
use crate::names::presented::{Names, PresentedId, PresentedIds};
use crate::names::{dns_name, kinds::IdKinds};
use crate::path::constraints::NameConstraints;
use pki_types::CertificateDer;
use std::fmt;
use std::net::IpAddr;
use xmpp_tls_core::{Domain, StreamKind};

/// An identifier that the peer's certificate is expected to present (RFC 9525 section 6.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum ReferenceId {
    /// DNS-ID: the domain as a host name.
    Dns(#[cfg_attr(feature = "serde", serde(serialize_with = "crate::certificate::text::domain"))] Domain),
    /// SRV-ID: the domain for one service. The two are only ever compared together.
    Srv {
        /// With its underscore: `_xmpp-client` or `_xmpp-server`.
        service: &'static str,
        /// The domain.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::certificate::text::domain"))]
        name: Domain,
    },
    /// XmppAddr: the domain as a JID.
    XmppAddr(#[cfg_attr(feature = "serde", serde(serialize_with = "crate::certificate::text::domain"))] Domain),
    /// IP-ID: for domains that are IP literals.
    Ip(IpAddr),
    /// No identifier in the certificate: a source of trust says that the certificate is the domain's
    /// ([`TrustAnswer::Certificate`](crate::TrustAnswer::Certificate)). Never among [`ReferenceIds`].
    Bound {
        /// Whose it is.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::certificate::text::domain"))]
        domain: Domain,
        /// Which source says so: `pins`.
        by: String,
    },
}

impl ReferenceId {
    /// Which kind of identifier it is; none for [`Bound`](ReferenceId::Bound).
    pub fn kind(&self) -> IdKinds {
        match self {
            ReferenceId::Dns(_) => IdKinds::DNS,
            ReferenceId::Srv { .. } => IdKinds::SRV,
            ReferenceId::XmppAddr(_) => IdKinds::XMPP_ADDR,
            ReferenceId::Ip(_) => IdKinds::IP,
            ReferenceId::Bound { .. } => IdKinds::NONE,
        }
    }

    /// The domain it is about; none for an address.
    pub(crate) fn domain(&self) -> Option<&Domain> {
        match self {
            ReferenceId::Dns(domain)
            | ReferenceId::Srv { name: domain, .. }
            | ReferenceId::XmppAddr(domain)
            | ReferenceId::Bound { domain, .. } => Some(domain),
            ReferenceId::Ip(_) => None,
        }
    }

    /// The name of the kind, as RFC 9525 and RFC 6120 write it.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            ReferenceId::Dns(_) => "DNS-ID",
            ReferenceId::Srv { .. } => "SRV-ID",
            ReferenceId::XmppAddr(_) => "XmppAddr",
            ReferenceId::Ip(_) => "IP-ID",
            ReferenceId::Bound { .. } => "the certificate itself",
        }
    }

    /// Whether the issuers of a path may vouch for it. Addresses are constrained by path validation itself.
    pub(crate) fn is_admitted(&self, constraints: &NameConstraints) -> bool {
        match self {
            ReferenceId::Srv { service, name } => constraints.admit_srv(service, name.to_ascii()),
            ReferenceId::Dns(domain) | ReferenceId::XmppAddr(domain) => constraints.admit(domain.to_ascii()),
            ReferenceId::Ip(_) | ReferenceId::Bound { .. } => true,
        }
    }
}

/// `DNS-ID example.org`, `SRV-ID _xmpp-client.example.org`, `XmppAddr example.org`, `IP-ID 192.0.2.1`.
impl fmt::Display for ReferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReferenceId::Dns(domain) => write!(f, "DNS-ID {}", domain.to_ascii()),
            ReferenceId::Srv { service, name } => write!(f, "SRV-ID {service}.{}", name.to_ascii()),
            ReferenceId::XmppAddr(domain) => write!(f, "XmppAddr {domain}"),
            ReferenceId::Ip(address) => write!(f, "IP-ID {address}"),
            ReferenceId::Bound { domain, by } => write!(f, "{by} {domain}"),
        }
    }
}

/// A presented identifier that matched, and the reference identifier it matched. The latter is the
/// validated identity (RFC 9525 section 6.6).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct IdentityMatch {
    /// What was expected.
    pub reference: ReferenceId,
    /// What the certificate says.
    pub presented: PresentedId,
}

/// `DNS-ID im.example.org` or, where the certificate writes it otherwise, `DNS-ID im.example.org by *.example.org`.
impl fmt::Display for IdentityMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reference, presented) = (self.reference.to_string(), self.presented.to_string());
        f.write_str(&reference)?;
        match presented.split_once(' ') {
            Some((_, text)) if presented != reference => write!(f, " by {text}"),
            _ => Ok(()),
        }
    }
}

/// The identifiers that a certificate of this peer may present: the peer is whom it claims to be if
/// the certificate presents any one of them.
///
/// Built from the XMPP domain alone, before any certificate was seen (RFC 9525 section 6.1.1): the
/// domain is what we put into `to`, or what the peer put into `from` after TLS (RFC 6120 section
/// 13.7.2.1). Names learned from DNS, such as an SRV target, are no reference identifiers, unless DNSSEC
/// vouches for them ([`with_secure_target`](ReferenceIds::with_secure_target)).
///
/// ```
/// use xmpp_identity::{PresentedIds, ReferenceIds, StreamKind};
///
/// let references = ReferenceIds::new(&"im.example.com".parse()?, StreamKind::ClientToServer);
/// let expected: Vec<_> = references.iter().map(|id| id.to_string()).collect();
/// assert_eq!(expected, ["DNS-ID im.example.com", "SRV-ID _xmpp-client.im.example.com", "XmppAddr im.example.com"]);
///
/// // SEQUENCE { [2] "*.example.com" }
/// let presented = PresentedIds::from_subject_alt_name(b"\x30\x0f\x82\x0d*.example.com")?;
/// let found = references.matches(&presented).expect("one label under example.com");
/// assert_eq!(found.to_string(), "DNS-ID im.example.com by *.example.com");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceIds {
    domain: Domain,
    kind: StreamKind,
    ids: Vec<ReferenceId>,
    srv_wildcards: bool,
}

impl ReferenceIds {
    /// DNS-ID, SRV-ID and XmppAddr of a domain for one kind of stream (RFC 6120 section 13.7.1.2), or
    /// the IP-ID alone if the domain is an IP literal (RFC 9525 section 6.4).
    pub fn new(domain: &Domain, kind: StreamKind) -> Self {
        let ids = match domain.ip() {
            Some(address) => vec![ReferenceId::Ip(address)],
            None => vec![
                ReferenceId::Dns(domain.clone()),
                ReferenceId::Srv {
                    service: kind.srv_service(),
                    name: domain.clone(),
                },
                ReferenceId::XmppAddr(domain.clone()),
            ],
        };
        ReferenceIds {
            domain: domain.clone(),
            kind,
            ids,
            srv_wildcards: true,
        }
    }

    /// Keeps only these kinds (RFC 9525 section 6.1.1: an application decides which it accepts).
    /// If none is left, nothing matches.
    #[must_use]
    pub fn with_accepted(mut self, kinds: IdKinds) -> Self {
        self.ids.retain(|id| kinds.contains(id.kind()));
        self
    }

    /// Refuses a wildcard in the name of an SRV-ID, as RFC 4985 section 3 can be read. RFC 9525
    /// section 6.3 allows it, and so does the default.
    #[must_use]
    pub fn without_srv_wildcards(mut self) -> Self {
        self.srv_wildcards = false;
        self
    }

    /// Adds the DNS-ID of a host that the domain's SRV records name, as RFC 7673 section 4.1 has it.
    ///
    /// Only if DNSSEC proved those records *secure*: whoever can forge an insecure answer would choose
    /// the name we look for (RFC 9525 section 6.1.1).
    #[must_use]
    pub fn with_secure_target(mut self, host: &Domain) -> Self {
        if host.ip().is_none() && self.domain.ip().is_none() {
            self.ids.push(ReferenceId::Dns(host.clone()));
        }
        self
    }

    /// The domain they were built for.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The kind of stream they were built for.
    pub fn kind(&self) -> StreamKind {
        self.kind
    }

    /// The identifiers.
    pub fn iter(&self) -> std::slice::Iter<'_, ReferenceId> {
        self.ids.iter()
    }

    /// The first presented identifier, in the certificate's order, that matches one of these
    /// (RFC 9525 section 6). This is about names alone: it says nothing about who issued the certificate.
    pub fn matches(&self, presented: &PresentedIds) -> Option<IdentityMatch> {
        presented.iter().find_map(|id| {
            let reference = self.find(id.as_name()?)?;
            Some(IdentityMatch {
                reference: reference.clone(),
                presented: id.clone(),
            })
        })
    }

    /// The first identifier of a certificate that matches, straight from its DER and without
    /// allocating. Like [`matches`](ReferenceIds::matches), this is about names alone.
    ///
    /// # Errors
    /// If the bytes are no certificate or its names no list of at most 512.
    pub fn find_in<'a>(&'a self, certificate: &'a CertificateDer<'_>) -> Result<Option<FoundId<'a>>, CertificateError> {
        self.find_admitted(certificate, &Limits::DEFAULT, |_| true)
    }

    /// The same, of those that are admitted.
    pub(crate) fn find_admitted<'a>(
        &'a self,
        certificate: &'a CertificateDer<'_>,
        limits: &Limits,
        admitted: impl Fn(&ReferenceId) -> bool,
    ) -> Result<Option<FoundId<'a>>, CertificateError> {
        let Some(extension) = Certificate::parse(certificate)?.subject_alt_name else {
            return Ok(None);
        };
        let mut found = None;
        // A match does not end the walk: a list that is damaged further on has no names at all.
        for encoded in Names::new(extension, limits)? {
            let (tag, value) = encoded?;
            if found.is_some() || !self.could_match(tag, value) {
                continue;
            }
            if let Ok(presented) = name::decode(tag, value)
                && let Some(reference) = self.find(presented)
                && admitted(reference)
            {
                found = Some(FoundId { reference, presented });
            }
        }
        Ok(found)
    }

    /// Whether decoding a name is worth the while; most certificates have many names and one that matters.
    fn could_match(&self, tag: u8, value: &[u8]) -> bool {
        tag != name::DNS_NAME
            || self.ids.iter().any(|reference| match reference {
                ReferenceId::Dns(domain) => {
                    let wanted = domain.to_ascii().as_bytes();
                    value.first() == Some(&b'*') || value.eq_ignore_ascii_case(wanted)
                }
                _ => false,
            })
    }

    /// The reference identifier that a presented one matches.
    pub(crate) fn find(&self, presented: Name<'_>) -> Option<&ReferenceId> {
        self.ids.iter().find(|reference| self.matches_one(reference, presented))
    }

    /// Only identifiers of one kind are ever compared (RFC 9525 section 6.2).
    fn matches_one(&self, reference: &ReferenceId, presented: Name<'_>) -> bool {
        match (reference, presented) {
            (ReferenceId::Dns(domain), Name::Dns(name)) => dns_name::covers(name, domain.to_ascii()),
            (
                ReferenceId::Srv { service, name: domain },
                Name::Srv {
                    service: presented,
                    name,
                },
            ) => {
                presented.eq_ignore_ascii_case(service)
                    && (self.srv_wildcards || !name.starts_with('*'))
                    && dns_name::covers(name, domain.to_ascii())
            }
            (ReferenceId::XmppAddr(domain), Name::XmppAddr(text)) => name::xmpp_addr_is(text, domain),
            (ReferenceId::Ip(expected), Name::Ip(address)) => *expected == address,
            _ => false,
        }
    }
}

/// What [`ReferenceIds::find_in`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundId<'a> {
    reference: &'a ReferenceId,
    presented: Name<'a>,
}

impl<'a> FoundId<'a> {
    /// What was expected.
    pub fn reference(&self) -> &'a ReferenceId {
        self.reference
    }

    /// An owned copy, with what the certificate says.
    pub fn to_match(&self) -> IdentityMatch {
        IdentityMatch {
            reference: self.reference.clone(),
            presented: self.presented.into(),
        }
    }
}

impl<'a> IntoIterator for &'a ReferenceIds {
    type Item = &'a ReferenceId;
    type IntoIter = std::slice::Iter<'a, ReferenceId>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
