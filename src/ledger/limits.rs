//! What keeps texts of certificates small.

use super::Leaf;
use std::fmt::Write as _;

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
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, octet| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{octet:02x}");
            text
        })
}
