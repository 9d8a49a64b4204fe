//! Which characters XML 1.0 (fifth edition) allows where.

/// May start a name (ASCII part).
pub(crate) const START: u8 = 1;
/// May stand in a name (ASCII part); includes [`START`].
pub(crate) const NAME: u8 = 2;
/// Belongs to a code point above U+007F.
pub(crate) const HIGH: u8 = 4;
/// White space: SP, HTAB, CR, LF.
pub(crate) const SPACE: u8 = 8;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0usize;
    #[allow(clippy::indexing_slicing, reason = "runs at compile time")]
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => START | NAME,
            b'0'..=b'9' | b'-' | b'.' => NAME,
            b' ' | b'\t' | b'\r' | b'\n' => SPACE,
            0x80..=0xFF => HIGH,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// The classes of a byte. The colon has none: names here are NCNames.
#[inline(always)]
pub(crate) fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

#[inline(always)]
pub(crate) fn is_space(byte: u8) -> bool {
    class(byte) & SPACE != 0
}

/// How many bytes the code point has that starts with `lead` (in valid UTF-8).
#[inline]
pub(crate) fn width(lead: u8) -> usize {
    match lead {
        0..=0x7F => 1,
        0x80..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

/// `Char` (XML 1.0 section 2.2).
pub(crate) fn is_char(code: u32) -> bool {
    matches!(code, 0x9 | 0xA | 0xD | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x1_0000..=0x10_FFFF)
}

/// `NameStartChar` without the colon (XML 1.0 section 2.3, Namespaces in XML 1.0 section 3).
pub(crate) fn is_name_start(c: char) -> bool {
    matches!(c,
        'a'..='z' | 'A'..='Z' | '_'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}'
        | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// `NameChar` without the colon.
pub(crate) fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Whether `name` is an NCName.
pub(crate) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_table_agrees_with_the_character_predicates() {
        for byte in 0..=0x7Fu8 {
            let c = char::from(byte);
            assert_eq!(class(byte) & START != 0, is_name_start(c), "{c:?}");
            assert_eq!(class(byte) & NAME != 0, is_name_char(c), "{c:?}");
            assert_eq!(is_space(byte), matches!(c, ' ' | '\t' | '\r' | '\n'), "{c:?}");
        }
        for byte in 0x80..=0xFF {
            assert_eq!(class(byte), HIGH);
        }
    }

    #[test]
    fn xml_05_legal_characters() {
        for code in [
            0x9, 0xA, 0xD, 0x20, 0x7F, 0x85, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0x1_0000, 0x1_FFFE, 0x10_FFFF,
        ] {
            assert!(is_char(code), "{code:x}");
        }
        for code in [0, 8, 0xB, 0xC, 0x1F, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x11_0000] {
            assert!(!is_char(code), "{code:x}");
        }
    }

    #[test]
    fn names() {
        for name in ["a", "_", "é", "a-b.c1", "名前", "\u{10000}", "a\u{B7}", "\u{FEFF}"] {
            assert!(is_ncname(name), "{name:?}");
        }
        for name in [
            "", "1a", "-a", ".a", "a:b", "a b", "×", "a÷", "\u{B7}", "\u{2000}", "\u{300}",
        ] {
            assert!(!is_ncname(name), "{name:?}");
        }
    }
}
