//! One GeneralName of a subjectAltName, decoded strictly and without copying.

use crate::certificate::der::{self, Reader};
use crate::names::dns_name;
use crate::names::presented::IgnoreReason;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use xmpp_tls_core::Domain;

/// id-on-dnsSRV, 1.3.6.1.5.5.7.8.7 (RFC 4985).
pub(crate) const ON_DNS_SRV: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 7];
/// id-on-xmppAddr, 1.3.6.1.5.5.7.8.5 (RFC 6120 section 13.7.1.4).
pub(crate) const ON_XMPP_ADDR: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 5];
/// The tag of a dNSName.
pub(crate) const DNS_NAME: u8 = der::context(2);
/// The longest JID: three parts of 1023 octets, `@` and `/` (RFC 7622 section 3.1).
const MAX_JID: usize = 3071;

/// A valid presented name of a kind that can identify an XMPP entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    Dns(&'a str),
    Srv { service: &'a str, name: &'a str },
    XmppAddr(&'a str),
    Ip(IpAddr),
}

/// Decodes one GeneralName from its tag and contents. The error names the kind it claims to be.
pub(crate) fn decode(tag: u8, value: &[u8]) -> Result<Name<'_>, (&'static str, IgnoreReason)> {
    const OTHER_NAME: u8 = der::constructed(0);
    match tag {
        OTHER_NAME => other_name(value),
        DNS_NAME => dns_name::check(value)
            .map(Name::Dns)
            .map_err(|why| ("dNSName", IgnoreReason::Syntax(why))),
        0x87 => ip_address(value)
            .map(Name::Ip)
            .map_err(|why| ("iPAddress", IgnoreReason::Encoding(why))),
        0x81 => Err(("rfc822Name", IgnoreReason::NotAnIdentity)),
        0x86 => Err(("uniformResourceIdentifier", IgnoreReason::NotAnIdentity)),
        0x88 => Err(("registeredID", IgnoreReason::NotAnIdentity)),
        0xa3 => Err(("x400Address", IgnoreReason::NotAnIdentity)),
        0xa4 => Err(("directoryName", IgnoreReason::NotAnIdentity)),
        0xa5 => Err(("ediPartyName", IgnoreReason::NotAnIdentity)),
        _ => Err(("unknown name form", IgnoreReason::NotAnIdentity)),
    }
}

fn ip_address(value: &[u8]) -> Result<IpAddr, &'static str> {
    if let Ok(v4) = <[u8; 4]>::try_from(value) {
        return Ok(Ipv4Addr::from(v4).into());
    }
    if let Ok(v6) = <[u8; 16]>::try_from(value) {
        return Ok(Ipv6Addr::from(v6).into());
    }
    Err("an address has 4 or 16 octets")
}

fn other_name(value: &[u8]) -> Result<Name<'_>, (&'static str, IgnoreReason)> {
    let mut fields = Reader::new(value);
    let Ok(id) = fields.expect(der::OID) else {
        return Err(("otherName", IgnoreReason::Encoding("does not begin with a type")));
    };
    let kind = match id.value {
        ON_DNS_SRV => "SRVName",
        ON_XMPP_ADDR => "XmppAddr",
        _ => return Err(("otherName", IgnoreReason::NotAnIdentity)),
    };
    let encoding = |why| (kind, IgnoreReason::Encoding(why));
    let Ok(wrapper) = fields.expect(der::constructed(0)) else {
        return Err(encoding("value is not wrapped in [0]"));
    };
    fields.end().map_err(|_| encoding("octets behind the value"))?;
    let mut inner = Reader::new(wrapper.value);
    let Ok(Some(string)) = inner.next() else {
        return Err(encoding("no value in [0]"));
    };
    inner.end().map_err(|_| encoding("octets behind the string"))?;
    match (kind, string.tag) {
        ("SRVName", der::IA5_STRING) => srv_name(string.value),
        ("XmppAddr", der::UTF8_STRING) => xmpp_addr(string.value),
        ("SRVName", _) => Err(encoding("not an IA5String")),
        _ => Err(encoding("not a UTF8String")),
    }
}

/// `_service.name` (RFC 4985 section 2), without a protocol label.
fn srv_name(value: &[u8]) -> Result<Name<'_>, (&'static str, IgnoreReason)> {
    let syntax = |why| ("SRVName", IgnoreReason::Syntax(why));
    let Ok(text) = std::str::from_utf8(value) else {
        return Err(syntax("not ASCII"));
    };
    let Some((service, name)) = text.split_once('.') else {
        return Err(syntax("not _service.name"));
    };
    let label = service.strip_prefix('_').unwrap_or_default();
    if label.is_empty() || label.len() > 62 || !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(syntax("not _service.name"));
    }
    let name = dns_name::check(name.as_bytes()).map_err(syntax)?;
    Ok(Name::Srv { service, name })
}

/// A JID: a domain for servers, with a localpart for users. Checked here only for what would be
/// dangerous to show or compare.
fn xmpp_addr(value: &[u8]) -> Result<Name<'_>, (&'static str, IgnoreReason)> {
    let syntax = |why| ("XmppAddr", IgnoreReason::Syntax(why));
    let Ok(text) = std::str::from_utf8(value) else {
        return Err(syntax("not UTF-8"));
    };
    if text.is_empty() || text.len() > MAX_JID {
        return Err(syntax("a JID has 1 to 3071 octets"));
    }
    if text.chars().any(char::is_control) {
        return Err(syntax("contains NUL or another control character"));
    }
    Ok(Name::XmppAddr(text))
}

/// Whether an XmppAddr names exactly this server: a bare domain, compared as JID domainparts are
/// (RFC 7622 section 3.2), no wildcards (RFC 6120 section 13.7.1.4). No domain has `@`, `/` or `*` in it, so
/// users' JIDs and patterns never compare equal to one.
pub(crate) fn xmpp_addr_is(text: &str, domain: &Domain) -> bool {
    if text.is_ascii() {
        // The common case without IDNA: of an ASCII text only the A-label form is left, case aside.
        let name = text.strip_suffix('.').unwrap_or(text);
        return name.eq_ignore_ascii_case(domain.to_ascii());
    }
    text.parse::<Domain>().is_ok_and(|other| other == *domain)
}
