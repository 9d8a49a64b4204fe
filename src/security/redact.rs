//! Texts without what tells who somebody is: for logs that others read.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// In place of what is left out.
const LEFT_OUT: &str = "…";

/// The text without the localpart and the resource of each address of a user in it, and without network addresses.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let divides = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '"' | '\'' | '<' | '>' | '=');
    if !text.split(divides).any(|word| short(word).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for piece in text.split_inclusive(divides) {
        let word = piece.trim_end_matches(divides);
        let (_, divider) = piece.split_at(word.len());
        out.push_str(short(word).as_deref().unwrap_or(word));
        out.push_str(divider);
    }
    Cow::Owned(out)
}

/// `None`: nothing is to be left out.
fn short(word: &str) -> Option<String> {
    let bare = word.trim_end_matches(['.', ':', '!', '?']);
    let (_, end) = word.split_at(bare.len());
    if bare.parse::<IpAddr>().is_ok() {
        return Some(format!("{LEFT_OUT}{end}"));
    }
    if let Ok(address) = bare.parse::<SocketAddr>() {
        return Some(format!("{LEFT_OUT}:{}{end}", address.port()));
    }
    // A resource may have an @ in it, and a localpart none (RFC 7622 sections 3.3.1 and 3.4).
    let (jid, has_resource) = match bare.split_once('/') {
        Some((jid, _)) => (jid, true),
        None => (bare, false),
    };
    let (_, domain) = jid.split_once('@')?;
    let resource = if has_resource { "/…" } else { "" };
    Some(format!("{LEFT_OUT}@{domain}{resource}{end}"))
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn localparts_resources_and_network_addresses_are_left_out_and_nothing_else_is() {
        for (text, expected) in [
            ("example.org, im.example.org", "example.org, im.example.org"),
            ("juliet@capulet.example", "…@capulet.example"),
            (
                "it is for juliet@capulet.example/bal@cony, nobody else",
                "it is for …@capulet.example/…, nobody else",
            ),
            ("CN=romeo@montague.example, O=Verona", "CN=…@montague.example, O=Verona"),
            ("192.0.2.7:5222, by insecure DNS", "…:5222, by insecure DNS"),
            ("[2001:db8::1]:5269", "…:5269"),
            ("IP-ID 2001:db8::1.", "IP-ID …."),
            ("key: sha256:00ff", "key: sha256:00ff"),
            ("", ""),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
        }
    }
}
