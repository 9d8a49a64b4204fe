//! Any text: no panic, and what was accepted has one stable form, within the limits of DNS.

#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp_tls::Domain;

fuzz_target!(|text: &str| {
    let Ok(domain) = text.parse::<Domain>() else { return };
    for form in [domain.as_str(), domain.to_ascii()] {
        let again: Domain = form.parse().expect("an accepted domain is accepted again in both forms");
        assert_eq!(again, domain);
        assert_eq!(again.as_str(), domain.as_str());
        assert_eq!(again.to_ascii(), domain.to_ascii());
        assert_eq!(again.ip(), domain.ip());
    }
    let ascii = domain.to_ascii();
    assert!(ascii.is_ascii() && ascii.len() <= 253);
    assert!(!ascii.bytes().any(|byte| byte.is_ascii_uppercase() || byte <= b' '));
});
