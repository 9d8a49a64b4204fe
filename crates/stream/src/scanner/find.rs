//! Looking for one of a few bytes.
//!
//! Most names, values and texts on a stream are short: there the call and the set-up of a vector
//! search cost more than the search. So the first bytes are compared eight at a time in a register,
//! and only what is longer is left to `memchr`.

use super::chars::{NAME, class};

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many words are looked at before `memchr` takes over.
const WORDS: usize = 3;

/// A word of which each byte is `byte`.
#[inline(always)]
pub(crate) const fn each(byte: u8) -> u64 {
    LOW * byte as u64
}

/// Bit 7 of each byte of `word` that is `byte`. A byte above a match may be marked wrongly, so only
/// the lowest mark counts.
#[inline(always)]
pub(crate) fn matches(word: u64, byte: u8) -> u64 {
    let difference = word ^ (LOW * u64::from(byte));
    difference.wrapping_sub(LOW) & !difference & HIGH
}

/// Bit 7 of each byte of `word` that is a control character; only the lowest mark counts, as above.
#[inline(always)]
pub(crate) fn below_space(word: u64) -> u64 {
    word.wrapping_sub(LOW * 0x20) & !word & HIGH
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Where the lowest mark of `found` is in its word.
#[inline(always)]
pub(crate) fn first(found: u64) -> usize {
    (found.trailing_zeros() / 8) as usize
}

/// Where the first of `a`, `b`, `c` is in `bytes` from `start` on.
#[inline(always)]
pub(crate) fn find3(bytes: &[u8], start: usize, [a, b, c]: [u8; 3]) -> Option<usize> {
    let mut at = start;
    for _ in 0..WORDS {
        let Some(word) = word(bytes, at) else {
            let wanted = |&byte: &u8| byte == a || byte == b || byte == c;
            return bytes.get(at..)?.iter().position(wanted).map(|found| at + found);
        };
        let found = matches(word, a) | matches(word, b) | matches(word, c);
        if found != 0 {
            return Some(at + first(found));
        }
        at += 8;
    }
    memchr::memchr3(a, b, c, bytes.get(at..)?).map(|found| at + found)
}

/// Where `byte` is in `bytes` from `start` on.
#[inline(always)]
pub(crate) fn find1(bytes: &[u8], start: usize, byte: u8) -> Option<usize> {
    let mut at = start;
    for _ in 0..WORDS {
        let Some(word) = word(bytes, at) else {
            let wanted = |&found: &u8| found == byte;
            return bytes.get(at..)?.iter().position(wanted).map(|found| at + found);
        };
        let found = matches(word, byte);
        if found != 0 {
            return Some(at + first(found));
        }
        at += 8;
    }
    memchr::memchr(byte, bytes.get(at..)?).map(|found| at + found)
}

/// Bit 7 of each byte of `word` that is no ASCII `NameChar` (the colon is none).
#[inline(always)]
fn not_name(word: u64) -> u64 {
    const fn all(byte: u8) -> u64 {
        LOW * byte as u64
    }
    // Without the high bits no sum can carry into the next byte.
    let ascii = word & !HIGH;
    let lower = ascii | all(0x20);
    let letter = (lower + all(0x80 - b'a')) & !(lower + all(0x7F - b'z'));
    let digit = (ascii + all(0x80 - b'-')) & !(ascii + all(0x7F - b'9'));
    let slash = ascii ^ all(b'/');
    let not_slash = slash + all(0x7F);
    let not_underscore = (ascii ^ all(b'_')) + all(0x7F);
    (!(letter | (digit & not_slash)) & not_underscore | word) & HIGH
}

/// The first byte from `start` on that is no ASCII `NameChar`.
#[inline(always)]
pub(crate) fn name_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while let Some(word) = word(bytes, at) {
        let found = not_name(word);
        if found != 0 {
            return Some(at + first(found));
        }
        at += 8;
    }
    let wanted = |&byte: &u8| class(byte) & NAME == 0;
    bytes.get(at..)?.iter().position(wanted).map(|found| at + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_where_the_table_of_characters_says() {
        for byte in 0..=0xFFu8 {
            for neighbour in [b'a', b'Z', b'_', b'-', b'9', b'<', 0x80, 0xFF, 0] {
                for at in 0..8 {
                    let mut word = [neighbour; 8];
                    word[at] = byte;
                    let found = not_name(u64::from_le_bytes(word)) & (0x80 << (at * 8));
                    assert_eq!(found != 0, class(byte) & NAME == 0, "{byte:#x} beside {neighbour:#x}");
                }
            }
        }
        for length in 0..30 {
            let bytes = ["n".repeat(length), "=".into(), "n".repeat(9)].concat();
            assert_eq!(name_end(bytes.as_bytes(), 0), Some(length));
            assert_eq!(name_end(&bytes.as_bytes()[..length], 0), None);
        }
    }

    #[test]
    fn the_first_match_is_found_wherever_it_is() {
        for length in 0..70 {
            for at in 0..length {
                for noise in [b'x', b'<' - 1, b'<' + 1, 0, 0x80, 0xFF, b'<' | 0x80] {
                    let mut bytes = vec![noise; length];
                    bytes[at] = b'<';
                    for start in 0..=length {
                        let expected = (start <= at).then_some(at);
                        assert_eq!(find3(&bytes, start, *b"&<>"), expected);
                        assert_eq!(find1(&bytes, start, b'<'), expected);
                    }
                    // A second one behind the first changes nothing.
                    bytes[length - 1] = b'<';
                    assert_eq!(find1(&bytes, 0, b'<'), Some(at));
                }
            }
        }
        assert_eq!((find1(b"ab", 3, b'a'), find3(b"ab", 3, *b"abc")), (None, None));
    }
}
