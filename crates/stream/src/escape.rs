//! Escaping what is written and unescaping what was validated.

use crate::error::{Error, Unwritable};
use crate::scanner::chars;
use crate::scanner::find::{self, find3};
use bytes::{BufMut, BytesMut};
use memchr::memchr;
use std::borrow::Cow;

/// Character data as an application sees it: references resolved, line ends normalised (XML 1.0
/// sections 2.11 and 4.6). `raw` was validated.
pub(crate) fn text(raw: &str) -> Cow<'_, str> {
    if find3(raw.as_bytes(), 0, *b"&\r\r").is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    unescape(raw, Mode::Text, &mut out);
    Cow::Owned(out)
}

/// The content of a CDATA section: only line ends are normalised.
pub(crate) fn cdata(raw: &str) -> Cow<'_, str> {
    if memchr(b'\r', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    unescape(raw, Mode::Cdata, &mut out);
    Cow::Owned(out)
}

/// An attribute value as an application sees it: references resolved, white space that was written
/// as itself turned into spaces (XML 1.0 section 3.3.3; without a DTD every attribute is CDATA, so
/// nothing is trimmed). `raw` was validated.
pub(crate) fn attribute(raw: &str) -> Cow<'_, str> {
    if is_plain_attribute(raw.as_bytes()) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    unescape(raw, Mode::Attribute, &mut out);
    Cow::Owned(out)
}

/// Without a branch for each byte, so that the compiler makes vector instructions of it. (There are no
/// other control characters than those that become spaces.)
#[inline(always)]
pub(crate) fn is_plain_attribute(raw: &[u8]) -> bool {
    raw.iter()
        .fold(true, |plain, &byte| plain & (byte != b'&') & (byte >= 0x20))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Text,
    Cdata,
    Attribute,
}

fn unescape(raw: &str, mode: Mode, out: &mut String) {
    let mut rest = raw;
    let special = |byte: u8| match byte {
        b'&' => mode != Mode::Cdata,
        b'\r' => true,
        b'\t' | b'\n' => mode == Mode::Attribute,
        _ => false,
    };
    while let Some(at) = rest.bytes().position(special) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        if let Some(reference) = found.strip_prefix('&') {
            let (name, behind) = reference.split_once(';').unwrap_or((reference, ""));
            out.extend(resolve(name));
            rest = behind;
        } else {
            let behind = found
                .strip_prefix("\r\n")
                .or_else(|| found.get(1..))
                .unwrap_or_default();
            out.push(if mode == Mode::Attribute { ' ' } else { '\n' });
            rest = behind;
        }
    }
    out.push_str(rest);
}

/// What a reference (without `&` and `;`) stands for.
fn resolve(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix('x') {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                None => digits.parse(),
            };
            return code.ok().and_then(char::from_u32);
        }
    })
}

/// Writes character data; `false` if it has a character that XML cannot carry (which is then
/// written as U+FFFD).
pub(crate) fn write_text(value: &str, out: &mut BytesMut) -> bool {
    write(value, out, |before, byte| match byte {
        b'<' => Some("&lt;"),
        b'&' => Some("&amp;"),
        // Only `]]>` must not stand in text.
        b'>' if before.ends_with(b"]]") => Some("&gt;"),
        // A reader turns a carriage return into a line feed, unless it is a reference.
        b'\r' => Some("&#13;"),
        _ => None,
    })
}

/// Writes an equals sign and an attribute value between single quotes; `false` as in [`write_text`].
pub(crate) fn write_value(value: &str, out: &mut BytesMut) -> bool {
    out.put_slice(b"='");
    let legal = write(value, out, |_, byte| match byte {
        b'<' => Some("&lt;"),
        b'&' => Some("&amp;"),
        b'\'' => Some("&apos;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
    out.put_u8(b'\'');
    legal
}

fn write(value: &str, out: &mut BytesMut, escape: impl Fn(&[u8], u8) -> Option<&'static str>) -> bool {
    let bytes = value.as_bytes();
    let mut legal = true;
    let mut done = 0;
    let mut at = 0;
    while let Some(found) = next_unusual(bytes, at) {
        at = found;
        let byte = bytes.get(at).copied().unwrap_or_default();
        let (instead, width) = match escape(bytes.get(..at).unwrap_or_default(), byte) {
            Some(escaped) => (escaped, 1),
            None if byte < 0x20 && !chars::is_char(u32::from(byte)) => ("\u{FFFD}", 1),
            None if matches!(bytes.get(at..at + 3), Some([0xEF, 0xBF, 0xBE | 0xBF])) => ("\u{FFFD}", 3),
            None => {
                at += 1;
                continue;
            }
        };
        legal &= instead != "\u{FFFD}";
        out.put_slice(bytes.get(done..at).unwrap_or_default());
        out.put_slice(instead.as_bytes());
        at += width;
        done = at;
    }
    out.put_slice(bytes.get(done..).unwrap_or_default());
    legal
}

/// An error if what was written of `text` was not `legal`.
pub(crate) fn legal(text: &str, legal: bool) -> Result<(), Error> {
    if legal {
        return Ok(());
    }
    let illegal = text.chars().find(|&c| !chars::is_char(u32::from(c)));
    Err(Error::Unwritable(Unwritable::Character {
        character: illegal.unwrap_or(char::REPLACEMENT_CHARACTER),
    }))
}

/// What may have to be written otherwise in a text or a value: `&`, `'`, `<`, `>`, control characters, and what
/// U+FFFE and U+FFFF begin with.
#[inline(always)]
fn is_unusual(byte: u8) -> bool {
    (byte < 0x20) | (byte | 1 == b'\'') | (byte | 2 == b'>') | (byte == 0xEF)
}

/// Where the next unusual byte from `start` on is, by words: the last ones overlap, so that only what is
/// shorter than four bytes is looked at byte by byte.
fn next_unusual(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let rest = bytes.get(start..)?;
    let (words, tail) = rest.as_chunks::<8>();
    for word in words {
        let found = unusual(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(at + find::first(found));
        }
        at += 8;
    }
    if tail.is_empty() {
        return None;
    }
    if let Some(last) = rest.last_chunk() {
        let found = unusual(u64::from_le_bytes(*last));
        return (found != 0).then(|| start + rest.len() - 8 + find::first(found));
    }
    if let (Some(first), Some(last)) = (tail.first_chunk(), tail.last_chunk()) {
        let both = u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
        let found = unusual(both);
        let place = find::first(found);
        return (found != 0).then_some(at + if place < 4 { place } else { place + tail.len() - 8 });
    }
    let found = tail.iter().position(|&byte| is_unusual(byte))?;
    Some(at + found)
}

/// Marks, as [`find::matches`] does. One bit tells `&` from `'`, and one `<` from `>`.
#[inline(always)]
fn unusual(word: u64) -> u64 {
    find::below_space(word)
        | find::matches(word | find::each(1), b'&' | 1)
        | find::matches(word | find::each(2), b'<' | 2)
        | find::matches(word, 0xEF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: fn(&str, &mut BytesMut) -> bool, value: &str) -> (String, bool) {
        let mut out = BytesMut::new();
        let legal = write(value, &mut out);
        (String::from_utf8(out.to_vec()).unwrap(), legal)
    }

    #[test]
    fn xml_05_references_are_resolved() {
        assert_eq!(
            text("&#65;&#x42;&lt;&gt;&amp;&apos;&quot;&#x10FFFF;"),
            "AB<>&'\"\u{10FFFF}"
        );
        assert!(matches!(text("no reference"), Cow::Borrowed(_)));
    }

    #[test]
    fn line_ends_are_normalised_unless_they_are_references() {
        assert_eq!(text("a\r\nb\rc\nd&#13;"), "a\nb\nc\nd\r");
        assert_eq!(cdata("a\r\nb\rc&amp;"), "a\nb\nc&amp;");
        assert_eq!(attribute("a\r\nb\rc\td\n&#10;"), "a b c d \n");
    }

    #[test]
    fn only_what_must_be_escaped_is() {
        assert_eq!(
            written(write_text, "a<b>c&d\"e'f]]>g\t\n\r"),
            ("a&lt;b>c&amp;d\"e'f]]&gt;g\t\n&#13;".into(), true)
        );
        assert_eq!(
            written(write_value, "a<b>c&d\"e'f\t\n\r"),
            ("='a&lt;b>c&amp;d\"e&apos;f&#9;&#10;&#13;'".into(), true)
        );
    }

    #[test]
    fn an_unusual_byte_is_found_wherever_it_is() {
        for byte in 0..=0xFFu8 {
            for length in 0..45 {
                for at in 0..length {
                    let mut bytes = vec![0xEE; length];
                    bytes[at] = byte;
                    // What is behind the first one changes nothing.
                    bytes[length - 1] |= u8::from(at + 1 < length);
                    let expected = bytes.iter().position(|&byte| is_unusual(byte));
                    assert_eq!(next_unusual(&bytes, 0), expected, "{byte:#x} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn xml_11_what_xml_cannot_carry_is_never_written() {
        assert_eq!(
            written(write_text, "a\0b\u{FFFE}c\u{FFFF}\u{FFFD}"),
            ("a\u{FFFD}b\u{FFFD}c\u{FFFD}\u{FFFD}".into(), false)
        );
        assert_eq!(
            written(write_text, "\u{FEFF}\u{FFF0}\u{7F}"),
            ("\u{FEFF}\u{FFF0}\u{7F}".into(), true)
        );
    }
}
