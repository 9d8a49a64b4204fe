//! Policies as configuration files: what is written is read back, and what is wrong is named.

use xmpp_tls::danger::WeakenedPolicy;
use xmpp_tls::policy::{MinimumVersion, Policy, PolicyWarning, Resumption, ServerAuthentication};

#[test]
fn what_is_written_is_read_back() {
    let mut odd = Policy::modern();
    odd.timeouts.tls = std::time::Duration::from_millis(2500);
    odd.limits_after_authentication.element_bytes = 1 << 20;
    odd.limits_after_authentication.depth = usize::MAX;
    odd.whitespace_behind_starttls = true;
    odd.resumption = Resumption::Allowed;
    odd.resumption_lifetime = Resumption::LONGEST;
    odd.keys.rsa_bits = 3072;
    odd.servers = ServerAuthentication::DialbackOverTls;
    for policy in [Policy::default(), Policy::modern(), odd] {
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy, "{json}");
        let text = toml::to_string(&policy).unwrap();
        assert_eq!(toml::from_str::<Policy>(&text).unwrap(), policy, "{text}");
        assert!(policy.differences(&policy).is_empty());
    }
}

/// The text of a policy is itself a configuration file.
#[test]
fn what_is_printed_is_read_back() {
    let text = Policy::modern().to_string();
    assert_eq!(toml::from_str::<Policy>(&text).unwrap(), Policy::modern(), "{text}");
}

#[test]
fn what_is_left_out_is_as_in_the_default() {
    let policy: Policy = toml::from_str("minimum-version = 'TLS 1.3'").unwrap();
    assert_eq!(policy.minimum_version, MinimumVersion::Tls13);
    let differences = policy.differences(&Policy::default());
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert_eq!(toml::from_str::<Policy>("").unwrap(), Policy::default());
}

#[test]
fn every_mistake_is_an_error_that_names_the_key() {
    for (text, expected) in [
        (
            "encryptoin = 'required'",
            "encryptoin: no such setting; there are encryption,",
        ),
        (
            "encryption = 'maybe'",
            r#"encryption: "maybe" is none of "required", "opportunistic""#,
        ),
        ("encryption = true", "encryption: a word in quotes is needed"),
        ("minimum-version = 1.3", "minimum-version: a word in quotes is needed"),
        (
            "minimum-version = 'TLS 1.4'",
            r#"minimum-version: "TLS 1.4" is none of"#,
        ),
        (
            "whitespace-behind-starttls = 'yes'",
            "whitespace-behind-starttls: true or false",
        ),
        (
            "[timeouts]\ntls = 'soon'",
            "timeouts.tls: a number of seconds is needed",
        ),
        ("[timeouts]\ntls = -1.5", "timeouts.tls: -1.5:"),
        (
            "resumption-lifetime = 604801",
            "resumption-lifetime: 604801 is above 604800, and more than that is never used",
        ),
        (
            "resumption-lifetime = 'a day'",
            "resumption-lifetime: a number of seconds",
        ),
        (
            "[keys]\nrsa-bits = 1024",
            "keys.rsa-bits: 1024 is below 2048, and less than that is never accepted",
        ),
        (
            "[keys]\ncurve-bits = 'many'",
            "keys.curve-bits: a whole number is needed",
        ),
        ("[timeouts]\nnap = 1", "timeouts.nap: no such setting"),
        (
            "[limits-after-authentication]\ndepth = 1.5",
            "limits-after-authentication.depth: a whole number",
        ),
        (
            "limits-after-authentication = 3",
            "limits-after-authentication: no such setting",
        ),
    ] {
        let error = toml::from_str::<Policy>(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

/// Danger stays greppable in the program, whatever a file says.
#[test]
fn a_file_weakens_nothing_unless_the_program_lets_it() {
    for (text, warning) in [
        ("encryption = 'opportunistic'", PolicyWarning::Plaintext),
        ("authentication = 'recorded'", PolicyWarning::UnverifiedPeer),
        ("forward-secrecy = 'preferred'", PolicyWarning::NoForwardSecrecy),
        (
            "minimum-version = 'TLS 1.1'",
            PolicyWarning::OldVersions(xmpp_tls::danger::OldVersion::Tls11),
        ),
    ] {
        let error = toml::from_str::<Policy>(text).unwrap_err().to_string();
        assert!(error.contains("danger::WeakenedPolicy"), "{error}");
        let policy = toml::from_str::<WeakenedPolicy>(text).unwrap().into_policy();
        assert_eq!(policy.warnings(), [warning]);
        let written = toml::to_string(&policy).unwrap();
        assert_eq!(*toml::from_str::<WeakenedPolicy>(&written).unwrap().policy(), policy);
    }
    // One means nothing without the other.
    let alone = toml::from_str::<WeakenedPolicy>("servers = 'plaintext-dialback'").unwrap_err();
    assert!(
        alone
            .to_string()
            .contains("set EncryptionPolicy::Opportunistic as well"),
        "{alone}"
    );
    let both = "servers = 'plaintext-dialback'\nencryption = 'opportunistic'";
    assert!(toml::from_str::<Policy>(both).is_err());
    let policy = toml::from_str::<WeakenedPolicy>(both).unwrap().into_policy();
    let warnings = [PolicyWarning::Plaintext, PolicyWarning::PlaintextDialback];
    assert_eq!(policy.warnings(), warnings);
}
