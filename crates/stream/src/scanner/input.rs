//! How far the input has been checked: UTF-8 (RFC 6120 section 11.6) and XML `Char` (XML 1.0
//! section 2.2).
//!
//! The scanner only ever sees bytes in front of the frontier, which lies on a code point boundary. A
//! fault behind it is remembered and becomes an error only when the scanner gets there: what follows
//! `<proceed/>` may be TLS and is none of the codec's business.

use crate::error::{EncodingError, Error, XmlError};

/// The frontier, relative to the start of the buffer.
#[derive(Debug, Default)]
pub(crate) struct Frontier {
    checked: usize,
    fault: Option<Fault>,
    /// How many bytes were looked at, for the test that the cost is linear.
    #[cfg(test)]
    pub(crate) examined: u64,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Utf8,
    Character(u32),
}

impl Frontier {
    /// Every byte before this is part of a complete, legal character.
    pub(crate) fn checked(&self) -> usize {
        self.checked
    }

    /// Whether there is no fault so far.
    pub(crate) fn is_faultless(&self) -> bool {
        self.fault.is_none()
    }

    /// Forgets `count` bytes at the start of the buffer, all of them checked.
    pub(crate) fn advance(&mut self, count: usize) {
        self.checked = self.checked.saturating_sub(count);
    }

    /// Moves on over what was added to `buffer`. At most three bytes (of one code point that is not
    /// complete yet) are looked at twice.
    pub(crate) fn extend(&mut self, buffer: &[u8]) {
        if self.fault.is_some() {
            return;
        }
        let Some(fresh) = buffer.get(self.checked..).filter(|fresh| !fresh.is_empty()) else {
            return;
        };
        #[cfg(test)]
        {
            self.examined += fresh.len() as u64;
        }
        // Pieces of a few bytes must not cost what large ones do.
        if fresh.len() < 8 && fresh.iter().all(|&byte| (byte as i8) >= 0x20) {
            self.checked += fresh.len();
            return;
        }
        let (valid, fault) = check(fresh);
        self.checked += valid;
        self.fault = fault;
    }

    /// What is wrong at the frontier, if anything is. `document` is the start of the document up to
    /// the frontier if the frontier is that close to it, `offset` where the frontier is in it.
    pub(crate) fn fault(&self, document: Option<&[u8]>, offset: u64) -> Option<Error> {
        let kind = match self.fault? {
            // XML-13: `00 3C` and `3C 00` are how UTF-16 and UTF-32 documents begin.
            Fault::Character(0) if matches!(document, Some(b"" | b"<")) => EncodingError::Utf16,
            Fault::Character(code) => {
                return Some(Error::Xml {
                    kind: XmlError::IllegalCharacter { code },
                    offset,
                });
            }
            Fault::Utf8 if matches!(document, Some(b"")) => EncodingError::NotUtf8AtStart,
            Fault::Utf8 => EncodingError::MalformedUtf8,
        };
        Some(Error::Encoding { kind, offset })
    }
}

const BLOCK: usize = 32;

/// How many bytes of `fresh` are complete, legal characters, and what is wrong behind them.
///
/// Most blocks hold nothing but ASCII without control characters: one look tells, and all others go
/// through the checks that tell more.
fn check(fresh: &[u8]) -> (usize, Option<Fault>) {
    let (blocks, tail) = fresh.as_chunks::<BLOCK>();
    let mut index = 0;
    loop {
        while blocks.get(index).is_some_and(is_plain) {
            index += 1;
        }
        let start = index * BLOCK;
        if index == blocks.len() && tail.iter().all(|&byte| (byte as i8) >= 0x20) {
            return (fresh.len(), None);
        }
        while blocks.get(index).is_some_and(|block| !is_plain(block)) {
            index += 1;
        }
        let last = index == blocks.len();
        let end = index * BLOCK + if last { tail.len() } else { 0 };
        let (valid, fault) = check_strictly(fresh.get(start..end).unwrap_or_default());
        match fault {
            // A code point is cut off, and not by the end of what there is.
            None if start + valid < end && !last => return (start + valid, Some(Fault::Utf8)),
            None if !last => {}
            fault => return (start + valid, fault),
        }
    }
}

/// Without a branch in it, so that the compiler makes vector instructions of it; which is also why
/// line feeds are only told from control characters afterwards.
#[inline(always)]
fn is_plain(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(true, |plain, &byte| plain & ((byte as i8) >= 0x20))
}

fn check_strictly(fresh: &[u8]) -> (usize, Option<Fault>) {
    let (valid, utf8) = match std::str::from_utf8(fresh) {
        Ok(_) => (fresh.len(), None),
        Err(error) => (error.valid_up_to(), error.error_len().map(|_| Fault::Utf8)),
    };
    match illegal(fresh.get(..valid).unwrap_or_default()) {
        Some((at, code)) => (at, Some(Fault::Character(code))),
        None => (valid, utf8),
    }
}

/// The first character in `valid` (which is UTF-8) that is no XML `Char`.
fn illegal(valid: &[u8]) -> Option<(usize, u32)> {
    let (blocks, _) = valid.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        let suspicious = block.iter().fold(false, |found, &byte| found | is_suspicious(byte));
        if suspicious {
            let start = index * BLOCK;
            if let Some(found) = illegal_in(valid, start..start + BLOCK) {
                return Some(found);
            }
        }
    }
    illegal_in(valid, blocks.len() * BLOCK..valid.len())
}

/// A control character, or what U+FFFE and U+FFFF start with.
#[inline(always)]
fn is_suspicious(byte: u8) -> bool {
    (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != b'\r') | (byte == 0xEF)
}

fn illegal_in(valid: &[u8], range: std::ops::Range<usize>) -> Option<(usize, u32)> {
    let start = range.start;
    for (index, &byte) in valid.get(range)?.iter().enumerate() {
        if is_suspicious(byte) {
            let at = start + index;
            if byte < 0x20 {
                return Some((at, u32::from(byte)));
            }
            match valid.get(at + 1..at + 3) {
                Some([0xBF, last @ (0xBE | 0xBF)]) => return Some((at, 0xFFC0 | u32::from(last & 0x3F))),
                _ => continue,
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::chars;
    use super::*;

    #[test]
    fn every_illegal_character_is_found_wherever_it_stands() {
        for code in (0..0x20).chain([0x7F, 0x80, 0xFEFF, 0xFFF0, 0xFFFD, 0xFFFE, 0xFFFF, 0x1_FFFE, 0x10_FFFF]) {
            let c = char::from_u32(code).unwrap();
            for before in 0..70 {
                let text = format!("{}{c}{}", "x".repeat(before), "y".repeat(40));
                let expected = (!chars::is_char(code)).then_some((before, code));
                assert_eq!(illegal(text.as_bytes()), expected, "U+{code:04X} at {before}");
                let (valid, fault) = check(text.as_bytes());
                assert_eq!(valid, expected.map_or(text.len(), |(at, _)| at));
                assert_eq!(fault.is_some(), expected.is_some());
            }
        }
    }

    #[test]
    fn xml_14_a_code_point_may_be_cut_anywhere() {
        let text = "aé€\u{10348}z".as_bytes();
        for cut in 0..=text.len() {
            let mut frontier = Frontier::default();
            frontier.extend(&text[..cut]);
            assert!(frontier.fault.is_none() && cut - frontier.checked() <= 3);
            frontier.extend(text);
            assert_eq!(frontier.checked(), text.len());
        }
    }

    #[test]
    fn xml_14_malformed_utf8_is_found_at_every_distance_from_plain_text() {
        for bad in [
            &b"\xC3"[..],
            b"\xE2\x82",
            b"\xF0\x9F\x98",
            b"\xFF",
            b"\x80",
            b"\xED\xA0\x80",
        ] {
            for before in 0..100 {
                for behind in [0, 1, 31, 32, 33, 64, 65] {
                    let text = [&b"x".repeat(before), bad, &b"y".repeat(behind)].concat();
                    let (valid, fault) = check(&text);
                    assert_eq!(valid, before, "{bad:?}");
                    let cut = behind == 0 && !matches!(bad[0], 0xFF | 0x80 | 0xED);
                    assert_eq!(fault.is_some(), !cut, "{bad:?} {before} {behind}");
                }
            }
        }
    }

    #[test]
    fn xml_14_malformed_utf8_is_found_where_it_starts() {
        for bad in [
            &b"\xC0\x80"[..],
            b"\xED\xA0\x80",
            b"\xF4\x90\x80\x80",
            b"\x80",
            b"\xFF",
            b"\xE2\x28",
        ] {
            let mut text = b"<a>".to_vec();
            text.extend_from_slice(bad);
            let mut frontier = Frontier::default();
            for end in 0..=text.len() {
                frontier.extend(&text[..end]);
            }
            assert_eq!(frontier.checked(), 3);
            assert!(matches!(frontier.fault, Some(Fault::Utf8)));
        }
    }
}
