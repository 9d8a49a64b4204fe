//! Texts out of certificates, made fit for a log line: bounded and without anything that moves a
//! cursor, ends a line or turns the writing direction.

use crate::certificate::der;
use crate::limits::{MAX_LISTED, MAX_TEXT};
use std::fmt::{self, Display, Write as _};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;
#[cfg(feature = "serde")]
use xmpp_tls_core::Domain;

/// Text if it is text, hexadecimal otherwise.
pub(crate) fn octets(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control() || c == '\0') => escaped(text),
        _ => {
            let mut text = String::from("0x");
            for octet in bytes.iter().take(MAX_TEXT / 2) {
                // Writing to a String cannot fail.
                let _ = write!(text, "{octet:02x}");
            }
            if bytes.len() > MAX_TEXT / 2 {
                text.push('…');
            }
            text
        }
    }
}

/// The text itself, escaped where needed and cut where too long.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n >= MAX_TEXT {
            out.push('…');
            break;
        }
        match c {
            '"' | '\'' | '\\' => out.push(c),
            _ => out.extend(c.escape_debug()),
        }
    }
    out
}

/// Whether a character shows nothing, or changes how others are shown: controls, spaces of no width,
/// marks and overrides of writing direction, fillers, variation selectors, tags.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A distinguished name from the contents of its SEQUENCE: `CN=Example CA, O=Example`.
pub(crate) fn distinguished_name(contents: &[u8]) -> String {
    if contents.is_empty() {
        return "(empty name)".to_owned();
    }
    let whole = der::sequence(contents);
    match X509Name::from_der(&whole) {
        Ok((_, name)) => escaped(&name.to_string()),
        Err(_) => octets(contents),
    }
}

/// Hexadecimal, for fingerprints and serial numbers.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    let digits = bytes.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
    text.extend(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)));
    text
}

/// For serde: a domain as it is shown.
#[cfg(feature = "serde")]
pub(crate) fn domain<S: serde::Serializer>(domain: &Domain, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(domain.as_str())
}

/// The same, where there may be none.
#[cfg(feature = "serde")]
pub(crate) fn maybe_domain<S: serde::Serializer>(domain: &Option<Domain>, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&domain.as_ref().map(Domain::as_str), serializer)
}

/// The same, boxed.
#[cfg(feature = "serde")]
pub(crate) fn boxed_domain<S: serde::Serializer>(
    domain: &Option<Box<Domain>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&domain.as_ref().map(|domain| domain.as_str()), serializer)
}

/// `a, b and 3 more`.
pub(crate) struct List<'a, T>(pub(crate) &'a [T]);

impl<T: Display> Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, item) in self.0.iter().take(MAX_LISTED).enumerate() {
            if n > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{item}")?;
        }
        match self.0.len().checked_sub(MAX_LISTED) {
            Some(more) if more > 0 => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}
