//! Base64 as XMPP has it (RFC 6120 section 13.9.1, RFC 4648 section 4): nothing outside the alphabet,
//! padding at the end and complete, unused bits zero. So every value has exactly one spelling.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(groups.len() * 3);
    for (n, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|&&octet| octet == b'=').count();
        if padding > 2 || (padding > 0 && n + 1 != groups.len()) {
            return None;
        }
        let mut bits = 0u32;
        for octet in group.iter().take(4 - padding) {
            bits = bits << 6 | value(*octet)?;
        }
        bits <<= 6 * padding;
        let [_, decoded @ ..] = bits.to_be_bytes();
        let (used, unused) = decoded.split_at_checked(3 - padding)?;
        if unused.iter().any(|&octet| octet != 0) {
            return None;
        }
        out.extend_from_slice(used);
    }
    Some(out)
}

fn value(octet: u8) -> Option<u32> {
    let value = match octet {
        b'A'..=b'Z' => octet - b'A',
        b'a'..=b'z' => octet - b'a' + 26,
        b'0'..=b'9' => octet - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain(&[0; 3])
            .take(3)
            .fold(0u32, |bits, &octet| bits << 8 | u32::from(octet));
        for n in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * n) & 63).unwrap_or(0);
            let digit = ALPHABET.get(index).copied().map_or('=', char::from);
            out.push(if n <= group.len() { digit } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;

    #[test]
    fn extc_10_base64_is_strict() {
        for bad in [
            "=", "=AAA", "BBBB=CCC", "YQ=", "YQ", "YR==", "YWJ=", "YWI=\n", " YWI=", "YW\nI=", "YQ==YQ==", "====",
            "A===", "YWI-", "YWI_", "YWIé", "Y=Q=",
        ] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
        assert_eq!(decode("YQ=="), Some(b"a".to_vec()));
        assert_eq!(decode(""), Some(vec![]));
    }

    #[test]
    fn it_agrees_with_another_implementation() {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        for len in 0..200 {
            let bytes: Vec<u8> = (0..len).map(|_| next()).collect();
            let text = encode(&bytes);
            assert_eq!(text, STANDARD.encode(&bytes));
            assert_eq!(decode(&text), Some(bytes));
            // One changed character: both read the same, or neither does.
            if !text.is_empty() {
                let mut changed = text.into_bytes();
                let at = usize::from(next()) % changed.len();
                changed[at] = next() & 0x7f;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(decode(&changed), STANDARD.decode(&changed).ok(), "{changed:?}");
            }
        }
    }
}
