//! DER of subject alternative names, well-formed and not.
//!
//! `rcgen` writes every otherName as UTF8String, but an SRVName is an IA5String (RFC 4985 section
//! 2), and it refuses the malformed names a verifier must survive. So names are written here.

use std::net::IpAddr;

/// id-on-xmppAddr, 1.3.6.1.5.5.7.8.5 (RFC 6120 section 13.7.1.4), as DER contents.
pub const ID_ON_XMPP_ADDR: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 5];
/// id-on-dnsSRV, 1.3.6.1.5.5.7.8.7 (RFC 4985 section 2), as DER contents.
pub const ID_ON_DNS_SRV: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 7];

/// Tag of an IA5String.
pub const IA5_STRING: u8 = 0x16;
/// Tag of a UTF8String.
pub const UTF8_STRING: u8 = 0x0c;

/// One tag-length-value. Contents up to 65,535 bytes.
///
/// ```
/// use xmpp_tls_testkit::ca::san;
///
/// assert_eq!(san::tlv(san::IA5_STRING, b"ab"), [0x16, 2, b'a', b'b']);
/// ```
pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).expect("contents of at most 65,535 bytes");
    let [high, low] = length.to_be_bytes();
    let mut der = vec![tag];
    match length {
        0..=127 => der.push(low),
        128..=255 => der.extend([0x81, low]),
        _ => der.extend([0x82, high, low]),
    }
    der.extend_from_slice(contents);
    der
}

/// A dNSName of any bytes at all.
pub fn dns(name: &[u8]) -> Vec<u8> {
    tlv(0x82, name)
}

/// A uniformResourceIdentifier.
pub fn uri(uri: &str) -> Vec<u8> {
    tlv(0x86, uri.as_bytes())
}

/// An iPAddress.
pub fn ip(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => tlv(0x87, &v4.octets()),
        IpAddr::V6(v6) => tlv(0x87, &v6.octets()),
    }
}

/// An SRVName: `_service.domain` as IA5String.
pub fn srv(service: &str, domain: &str) -> Vec<u8> {
    other_name(
        ID_ON_DNS_SRV,
        &tlv(IA5_STRING, format!("{service}.{domain}").as_bytes()),
    )
}

/// An XmppAddr: a JID as UTF8String.
pub fn xmpp_addr(jid: &str) -> Vec<u8> {
    other_name(ID_ON_XMPP_ADDR, &tlv(UTF8_STRING, jid.as_bytes()))
}

/// An otherName with any type and any value (DER, not checked).
pub fn other_name(oid_contents: &[u8], value_der: &[u8]) -> Vec<u8> {
    tlv(0xa0, &[tlv(0x06, oid_contents), tlv(0xa0, value_der)].concat())
}
