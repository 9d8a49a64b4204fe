//! What keeps texts of certificates small.

use super::Leaf;

/// A text cut where it is longer than is kept, between two characters.
pub(super) fn cut(mut text: String) -> String {
    let mut end = text.len().min(Leaf::MAX_TEXT_OCTETS);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    let digits = bytes.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
    text.extend(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)));
    text
}
