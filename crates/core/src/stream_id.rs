use std::fmt;

/// A stream's `id` (RFC 6120 section 4.7.3): unique, unpredictable, never used again.
///
/// Dialback's security rests on it, so there is one way to make it: from 128 random bits that the
/// caller draws.
///
/// ```
/// use xmpp_tls_core::StreamId;
///
/// let drawn_from_a_csprng = [7; 16];
/// assert_eq!(StreamId::from_random(drawn_from_a_csprng).to_string().len(), 32);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StreamId([u8; 16]);

impl StreamId {
    /// An id from 16 bytes of a cryptographically secure generator.
    pub const fn from_random(bytes: [u8; 16]) -> Self {
        StreamId(bytes)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece: a String that grew with every octet would be allocated three times.
        let mut text = [0; 32];
        for (pair, octet) in text.chunks_exact_mut(2).zip(self.0) {
            if let [high, low] = pair {
                (*high, *low) = (hex(octet >> 4), hex(octet & 0xf));
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

const fn hex(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0' + digit,
        _ => b'a' + (digit - 10),
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({self})")
    }
}
