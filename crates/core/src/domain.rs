use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

/// The longest domainpart in octets (RFC 7622 section 3.2).
const MAX_OCTETS: usize = 1023;

/// What separates labels in IDNA (RFC 3490 section 3.1).
const FULL_STOPS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// A validated XMPP domainpart (RFC 7622 section 3.2) in both forms it is needed in.
///
/// - [`as_str`](Domain::as_str): U-labels, what XMPP compares and writes into `to` and `from`;
/// - [`to_ascii`](Domain::to_ascii): A-labels, what DNS, SNI and certificates use (RFC 5890).
///
/// One trailing dot is stripped, case is folded, and both forms of the same name are equal. IP
/// literals (`192.0.2.1`, `[2001:db8::1]`) are recognised: certificates name those differently.
///
/// ```
/// use xmpp_tls_core::Domain;
///
/// let domain: Domain = "Bücher.example.".parse()?;
/// assert_eq!(domain.as_str(), "bücher.example");
/// assert_eq!(domain.to_ascii(), "xn--bcher-kva.example");
/// assert_eq!(domain, "xn--bcher-kva.example".parse()?);
/// assert!("[2001:db8::1]".parse::<Domain>()?.ip().is_some());
/// # Ok::<(), xmpp_tls_core::DomainError>(())
/// ```
#[derive(Clone)]
pub struct Domain {
    unicode: Arc<str>,
    /// Only where it differs from `unicode`.
    ascii: Option<Arc<str>>,
    ip: Option<IpAddr>,
}

/// Why a text is not a [`Domain`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// Nothing is left after stripping one trailing dot.
    #[error("a domain must not be empty")]
    Empty,
    /// More than 1023 octets (RFC 7622 section 3.2), or more than DNS allows (63 a label, 253 in all).
    #[error("domain of {octets} octets is too long: at most 1023 in all, 253 in A-label form, 63 a label")]
    TooLong {
        /// Its length.
        octets: usize,
    },
    /// Square brackets without an IPv6 address in them (RFC 7622 section 3.2).
    #[error("{0:?} is not an IPv6 address in brackets")]
    BadIpLiteral(String),
    /// Not a name of letters, digits, hyphens and valid IDNA labels (RFC 5890).
    #[error("{0:?} is not a valid domain name (RFC 5890: letters, digits, inner hyphens, valid IDN labels)")]
    BadName(String),
}

impl Domain {
    /// The form XMPP compares (U-labels; IPv6 addresses in brackets).
    pub fn as_str(&self) -> &str {
        &self.unicode
    }

    /// The form DNS, SNI and certificates use (A-labels). IP literals come back as they are in
    /// [`as_str`](Domain::as_str); check [`ip`](Domain::ip) first.
    pub fn to_ascii(&self) -> &str {
        self.ascii.as_deref().unwrap_or(&self.unicode)
    }

    /// The address, if the domain is an IP literal. Such a domain is never sent as SNI
    /// (RFC 6066 section 3) and matches only an IP-ID (RFC 9525 section 6.4).
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    fn from_ip(ip: IpAddr) -> Self {
        let text = match ip {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        Domain {
            unicode: text.into(),
            ascii: None,
            ip: Some(ip),
        }
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        if text.len() > MAX_OCTETS {
            return Err(DomainError::TooLong { octets: text.len() });
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return Err(DomainError::Empty);
        }
        if let Some(inner) = name.strip_prefix('[') {
            return inner
                .strip_suffix(']')
                .and_then(|literal| literal.parse::<Ipv6Addr>().ok())
                .map(|v6| Domain::from_ip(v6.into()))
                .ok_or_else(|| DomainError::BadIpLiteral(text.to_owned()));
        }
        if let Ok(v4) = name.parse::<Ipv4Addr>() {
            return Ok(Domain::from_ip(v4.into()));
        }
        // Before anything is decoded, which takes the square of a label's length. IDNA maps ASCII one to one, and the
        // 59 characters that an A-label has room for fit into 252 octets.
        let longest = |label: &str| if label.is_ascii() { 63 } else { 4 * 63 };
        if name.split(FULL_STOPS).any(|label| label.len() > longest(label)) {
            return Err(DomainError::TooLong { octets: name.len() });
        }
        let bad = || DomainError::BadName(text.to_owned());
        let uts46 = Uts46::new();
        // UTS 46 also maps look-alike full stops; with them a second trailing dot could hide.
        let ascii = uts46
            .to_ascii(
                name.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Ignore,
            )
            .map_err(|_| bad())?;
        if ascii.is_empty() || ascii.split('.').any(str::is_empty) {
            return Err(bad());
        }
        if ascii.len() > 253 || ascii.split('.').any(|label| label.len() > 63) {
            return Err(DomainError::TooLong { octets: ascii.len() });
        }
        // A last label that is a number would read as an IP address elsewhere (WHATWG URL, section 3.5).
        if ascii.rsplit('.').next().is_some_and(is_number) {
            return Err(bad());
        }
        let (unicode, checked) = uts46.to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
        checked.map_err(|_| bad())?;
        // Both forms must lead to each other: a U-label with "--" in its third and fourth place, which
        // RFC 5891 section 4.2.3.1 forbids, can look like an A-label, of another name.
        if unicode != ascii {
            let again = uts46.to_ascii(
                unicode.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Ignore,
            );
            if again.map_err(|_| bad())? != ascii {
                return Err(bad());
            }
        }
        let ascii: Option<Arc<str>> = (unicode != ascii).then(|| Arc::from(&*ascii));
        Ok(Domain {
            unicode: cow_to_arc(unicode),
            ascii,
            ip: None,
        })
    }
}

/// A number as `inet_aton` and URLs know it: digits, or `0x` and hexadecimal digits.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|octet| octet.is_ascii_hexdigit()),
        None => label.bytes().all(|octet| octet.is_ascii_digit()),
    }
}

fn cow_to_arc(text: Cow<'_, str>) -> Arc<str> {
    Arc::from(&*text)
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        self.unicode == other.unicode
    }
}

impl Eq for Domain {}

impl Hash for Domain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.unicode.hash(state);
    }
}

impl PartialOrd for Domain {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Domain {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.unicode.cmp(&other.unicode)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.unicode)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", self.unicode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Domain {
        text.parse().unwrap()
    }

    #[test]
    fn idm_03_both_forms_of_an_idn_are_the_same_domain() {
        assert_eq!(domain("BÜCHER.example"), domain("xn--bcher-kva.example"));
        assert_eq!(domain("xn--bcher-kva.example").as_str(), "bücher.example");
        assert_eq!(domain("bücher.example").to_ascii(), "xn--bcher-kva.example");
    }

    #[test]
    fn idm_04_one_trailing_dot_is_stripped_and_nothing_else_is_forgiven() {
        assert_eq!(domain("example.com."), domain("example.com"));
        for bad in [
            "",
            ".",
            "..",
            "example.com..",
            ".example.com",
            "a..b",
            "example.com\u{3002}\u{3002}",
        ] {
            assert!(bad.parse::<Domain>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn idm_04_length_is_bounded() {
        let label = "a".repeat(63);
        let long = format!("{label}.{label}.{label}.{label}");
        assert!(matches!(
            long.parse::<Domain>(),
            Err(DomainError::TooLong { octets: 255 })
        ));
        assert!(matches!(
            "a".repeat(64).parse::<Domain>(),
            Err(DomainError::TooLong { .. })
        ));
        assert!(matches!(
            "ü".repeat(600).parse::<Domain>(),
            Err(DomainError::TooLong { octets: 1200 })
        ));
    }

    /// What is too long is not decoded: it would be no name otherwise.
    #[test]
    fn idm_04_length_is_looked_at_before_anything_is_decoded() {
        let undecodable = format!("xn--{}", "9".repeat(100));
        for long in [
            undecodable.clone(),
            format!("a.{undecodable}.example"),
            format!("\u{ff38}n--{}", "9".repeat(300)),
        ] {
            let refused = long.parse::<Domain>();
            assert_eq!(refused, Err(DomainError::TooLong { octets: long.len() }), "{long}");
        }
        // In any form that names what is short enough, whatever separates its labels.
        let wide = "\u{ff41}".repeat(63);
        let name = [&*wide; 3].join("\u{3002}");
        assert_eq!(domain(&name).as_str(), [&*"a".repeat(63); 3].join("."));
    }

    #[test]
    fn names_that_are_no_names_are_refused() {
        let bad = [
            "a b.example",
            "a/b",
            "juliet@example.com",
            "example.com/res",
            "*.example.com",
            "a\0.example",
            "-a.example",
            "a-.example",
            "a_b.example",
            "xn--\u{fc}.example",
            "xn--a.example",
            "xn--XN--eBchz-rc-Jchb",
            "[192.0.2.1]",
            "[::1",
            "::1",
            "1.2.3",
            "example.123",
            "0x7f000001",
            "127.0.0.0x1",
            "a.0x",
            "a:5222",
        ];
        for text in bad {
            assert!(text.parse::<Domain>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn id_10_ip_literals_are_known() {
        assert_eq!(domain("192.0.2.1").ip(), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(domain("[2001:DB8:0::1]").ip(), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(domain("[2001:DB8:0::1]").as_str(), "[2001:db8::1]");
        assert_eq!(domain("example.com").ip(), None);
    }
}
