//! DNS names as certificates present them (RFC 9525 section 6.3, RFC 5280 section 4.2.1.6).

/// The longest name DNS can carry, in characters.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Checks a presented name: ASCII letters, digits, hyphens and underscores in labels of 1 to 63
/// octets, no trailing dot, and at most one `*`, as the complete left-most label of at least two.
/// The error says what is wrong with it.
pub(crate) fn check(bytes: &[u8]) -> Result<&str, &'static str> {
    let Ok(name) = std::str::from_utf8(bytes) else {
        return Err("not ASCII");
    };
    if !name.is_ascii() {
        return Err("not ASCII (internationalised names are written as A-labels)");
    }
    if name.is_empty() {
        return Err("empty");
    }
    if name.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("contains NUL or another control character");
    }
    if name.ends_with('.') {
        return Err("trailing dot");
    }
    if name.len() > MAX_NAME {
        return Err("longer than 253 octets");
    }
    let labels = match name.split_once('.') {
        Some(("*", rest)) => rest,
        _ => name,
    };
    let mut length = 0;
    let mut previous = b'.';
    for byte in labels.bytes().chain([b'.']) {
        match byte {
            b'.' if length == 0 => return Err("empty label"),
            b'.' if length > MAX_LABEL => return Err("label longer than 63 octets"),
            b'.' if previous == b'-' => return Err("label begins or ends with a hyphen"),
            b'-' if length == 0 => return Err("label begins or ends with a hyphen"),
            b'*' => return Err("a wildcard must be the complete left-most label, once"),
            b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {}
            _ => return Err("contains a character that host names cannot have"),
        }
        length = if byte == b'.' { 0 } else { length + 1 };
        previous = byte;
    }
    Ok(name)
}

/// Whether a checked presented name, perhaps a wildcard, covers a reference name in A-label form.
///
/// `*` stands for exactly one label. A wildcard over a whole top-level domain (`*.com`) covers
/// nothing: RFC 9525 section 7.1 leaves that to the verifier, and no use of it is legitimate here.
pub(crate) fn covers(presented: &str, reference: &str) -> bool {
    let Some(parent) = presented.strip_prefix("*.") else {
        return presented.eq_ignore_ascii_case(reference);
    };
    match reference.split_once('.') {
        Some((label, rest)) => !label.is_empty() && parent.contains('.') && rest.eq_ignore_ascii_case(parent),
        None => false,
    }
}

/// Whether a name lies within a dNSName constraint (RFC 5280 section 4.2.1.10): equal to it or below
/// it. A leading dot, common though not standardised, admits only names below.
pub(crate) fn within(name: &str, constraint: &str) -> bool {
    if constraint.is_empty() {
        return true;
    }
    let Some(split) = name.len().checked_sub(constraint.len()) else {
        return false;
    };
    let (Some(front), Some(tail)) = (name.get(..split), name.get(split..)) else {
        return false;
    };
    if !tail.eq_ignore_ascii_case(constraint) {
        return false;
    }
    constraint.starts_with('.') || front.is_empty() || front.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idm_05_a_wildcard_is_one_complete_left_most_label() {
        for good in [
            "*.example.net",
            "*.com",
            "example.net",
            "_x.example.net",
            "xn--bcher-kva.example",
            "a",
        ] {
            assert_eq!(check(good.as_bytes()), Ok(good));
        }
        for bad in [
            "f*.example.net",
            "*f.example.net",
            "*.*.example.net",
            "a.*.example.net",
            "*",
            "xn--*.example",
            "**.a.b",
        ] {
            assert!(check(bad.as_bytes()).unwrap_err().contains("wildcard"), "{bad}");
        }
    }

    #[test]
    fn idm_15_names_that_are_no_host_names() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}a", "a.".repeat(127));
        for (bad, why) in [
            ("", "empty"),
            ("im.example.com\0.evil.example", "NUL"),
            ("bücher.example", "A-labels"),
            (".example.com", "empty label"),
            ("a..example.com", "empty label"),
            ("example.com.", "trailing dot"),
            (".", "trailing dot"),
            ("*.", "trailing dot"),
            ("*..a", "empty label"),
            (" example.com", "character"),
            ("a b.example", "character"),
            ("example.com/x", "character"),
            ("-a.example", "hyphen"),
            ("a-.example", "hyphen"),
            (&long_label, "63"),
            (&long_name, "253"),
        ] {
            assert!(
                check(bad.as_bytes()).unwrap_err().contains(why),
                "{bad:?}: {:?}",
                check(bad.as_bytes())
            );
        }
        assert!(check(b"\xff.example").is_err());
    }

    #[test]
    fn idm_01_case_does_not_matter() {
        assert!(covers("IM.Example.COM", "im.example.com"));
        assert!(covers("*.EXAMPLE.com", "im.example.com"));
    }

    #[test]
    fn idm_06_wildcard_matches_one_label() {
        assert!(covers("*.example.net", "chat.example.net"));
        for other in [
            "example.net",
            "a.b.example.net",
            "chatexample.net",
            ".example.net",
            "chat.example.org",
        ] {
            assert!(!covers("*.example.net", other), "{other}");
        }
    }

    #[test]
    fn idm_08_a_wildcard_over_a_top_level_domain_covers_nothing() {
        assert!(!covers("*.com", "example.com"));
    }

    #[test]
    fn idm_16_constraints_admit_the_name_and_what_is_below() {
        for (name, constraint, inside) in [
            ("corp.example", "corp.example", true),
            ("a.corp.example", "corp.example", true),
            ("A.Corp.Example", "corp.EXAMPLE", true),
            ("xcorp.example", "corp.example", false),
            ("corp.example", ".corp.example", false),
            ("a.corp.example", ".corp.example", true),
            ("a.b.corp.example", ".corp.example", true),
            ("victim.example", "corp.example", false),
            ("example", "corp.example", false),
            ("corp.example.evil", "corp.example", false),
            ("anything.at.all", "", true),
        ] {
            assert_eq!(within(name, constraint), inside, "{name} in {constraint:?}");
        }
    }
}
