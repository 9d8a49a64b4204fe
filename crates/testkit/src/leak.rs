//! Looks for secrets in recorded bytes.

/// Panics if one of the `secrets` appears in `wire`, as it is or in base64 (all three alignments).
///
/// `wire` is usually what one side of a [`Pair`](crate::Pair) wrote. What TLS encrypts cannot be
/// found in it, so whatever is found went out in clear.
///
/// ```
/// use xmpp_tls_testkit::leak;
///
/// leak::assert_absent(b"<stream:stream to='example.org'>", &["juliet", "r0m30"]);
/// ```
///
/// ```should_panic
/// # use xmpp_tls_testkit::leak;
/// // SASL PLAIN: base64 of "\0juliet\0r0m30"
/// leak::assert_absent(b"<auth mechanism='PLAIN'>AGp1bGlldAByMG0zMA==</auth>", &["r0m30"]);
/// ```
pub fn assert_absent(wire: &[u8], secrets: &[&str]) {
    for secret in secrets {
        if let Some(at) = find(wire, secret.as_bytes()) {
            panic!(
                "{secret:?} went over the wire in clear, at byte {at} of: {}",
                wire.escape_ascii()
            );
        }
        for shift in 0..3 {
            let encoded = base64_core(secret.as_bytes(), shift);
            if let Some(at) = find(wire, encoded.as_bytes()) {
                panic!(
                    "{secret:?} went over the wire as base64, at byte {at} of: {}",
                    wire.escape_ascii()
                );
            }
        }
    }
}

/// Where `needle` starts in `haystack`. An empty needle is nowhere.
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return None;
    }
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The characters of base64 that depend on nothing but `secret` when it starts `shift` bytes into a
/// group of three.
fn base64_core(secret: &[u8], shift: usize) -> String {
    const TABLE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |index: usize| -> usize { usize::from(secret[index / 8] >> (7 - index % 8) & 1) };
    // Bits of the secret before the next boundary of 6 belong to a character shared with a neighbour.
    let skip = (6 - shift * 8 % 6) % 6;
    let whole = (secret.len() * 8).saturating_sub(skip) / 6;
    let text: String = (0..whole)
        .map(|n| char::from(TABLE[(0..6).fold(0, |value, i| value << 1 | bit(skip + n * 6 + i))]))
        .collect();
    // Two characters would be found by chance.
    if text.len() < 4 { String::new() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_seen_at_every_alignment() {
        // "secret42" after 0, 1, 2 and 3 other bytes
        for encoded in ["c2VjcmV0NDI=", "AHNlY3JldDQy", "AABzZWNyZXQ0Mg==", "AAAAc2VjcmV0NDI="] {
            let seen = std::panic::catch_unwind(|| assert_absent(encoded.as_bytes(), &["secret42"]));
            assert!(seen.is_err(), "not seen in {encoded}");
        }
    }

    #[test]
    fn other_text_is_not_mistaken_for_the_secret() {
        assert_absent(b"AGFsaWNlAHRvcGF6MTI= public text", &["secret42", "Q"]);
        assert_eq!(find(b"abc", b""), None);
        assert_eq!(find(b"ab", b"abc"), None);
    }
}
