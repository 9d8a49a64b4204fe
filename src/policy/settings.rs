//! A policy as a list of named settings: printed, compared, and (feature `serde`) read and written.

use super::{
    AuthenticationPolicy, EncryptionPolicy, ForwardSecrecy, MinimumVersion, Policy, Resumption, ServerAuthentication,
};
use std::fmt;
use std::time::Duration;
use xmpp_stream::Limits;

/// The value of one setting.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// One of a few words.
    Word(&'static str),
    /// Yes or no.
    Flag(bool),
    /// A number of something.
    Count(usize),
    /// A time in seconds.
    Seconds(f64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Word(word) => write!(f, "{word:?}"),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Count(usize::MAX) => write!(f, "{UNLIMITED:?}"),
            Value::Count(count) => write!(f, "{count}"),
            Value::Seconds(seconds) => write!(f, "{seconds}"),
        }
    }
}

/// A setting in which two policies differ.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The name of the setting.
    pub key: &'static str,
    /// What it is here.
    pub here: Value,
    /// What it is there.
    pub there: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}, there {}", self.key, self.here, self.there)
    }
}

impl Policy {
    /// Every setting with its name, in the order of the fields.
    pub fn settings(&self) -> Vec<(&'static str, Value)> {
        let encryption = match self.encryption {
            EncryptionPolicy::Required => REQUIRED,
            EncryptionPolicy::Opportunistic(_) => OPPORTUNISTIC,
        };
        let authentication = match self.authentication {
            AuthenticationPolicy::Required => REQUIRED,
            AuthenticationPolicy::Recorded(_) => RECORDED,
        };
        let servers = match self.servers {
            ServerAuthentication::Certificate => CERTIFICATE,
            ServerAuthentication::CertificateOrDialback => CERTIFICATE_OR_DIALBACK,
            ServerAuthentication::DialbackOverTls => DIALBACK_OVER_TLS,
            ServerAuthentication::PlaintextDialback(_) => PLAINTEXT_DIALBACK,
        };
        let forward_secrecy = match self.forward_secrecy {
            ForwardSecrecy::Required => REQUIRED,
            ForwardSecrecy::Preferred => PREFERRED,
        };
        let resumption = match self.resumption {
            Resumption::Off => OFF,
            Resumption::Allowed => ALLOWED,
        };
        let mut settings = vec![
            ("encryption", Value::Word(encryption)),
            ("authentication", Value::Word(authentication)),
            ("servers", Value::Word(servers)),
            ("minimum-version", Value::Word(version_word(self.minimum_version))),
            ("forward-secrecy", Value::Word(forward_secrecy)),
            ("resumption", Value::Word(resumption)),
            (
                "whitespace-behind-starttls",
                Value::Flag(self.whitespace_behind_starttls),
            ),
        ];
        // A copy, to be read through the names that setting goes through too.
        let mut copy = self.clone();
        settings.extend(NUMBERS.iter().filter_map(|key| Some((*key, copy.number(key)?.value()))));
        settings
    }

    /// The settings that decide whether a TLS session is good enough: all but times, sizes and white space.
    /// A session that was made under others proves nothing under these.
    pub(crate) fn fingerprint(&self) -> impl Iterator<Item = String> {
        const BESIDES: [&str; 3] = ["timeouts.", "limits-", "whitespace-"];
        self.settings()
            .into_iter()
            .filter(|(key, _)| !BESIDES.iter().any(|prefix| key.starts_with(prefix)))
            .map(|(key, value)| format!("{key} = {value}"))
    }

    /// The settings in which this policy differs from another.
    ///
    /// ```
    /// use xmpp_tls::policy::Policy;
    ///
    /// let differences = Policy::modern().differences(&Policy::default());
    /// assert_eq!(differences[0].to_string(), r#"minimum-version = "TLS 1.3", there "TLS 1.2""#);
    /// ```
    pub fn differences(&self, other: &Policy) -> Vec<Difference> {
        self.settings()
            .into_iter()
            .zip(other.settings())
            .filter(|((_, here), (_, there))| here != there)
            .map(|((key, here), (_, there))| Difference { key, here, there })
            .collect()
    }

    /// The number behind the name of a setting.
    pub(super) fn number(&mut self, key: &str) -> Option<Number<'_>> {
        if key == "resumption-lifetime" {
            return Some(Number::Lifetime(&mut self.resumption_lifetime));
        }
        let (table, name) = key.split_once('.')?;
        let timeouts = &mut self.timeouts;
        match (table, name) {
            ("keys", "rsa-bits") => Some(Number::Least(&mut self.keys.rsa_bits)),
            ("keys", "curve-bits") => Some(Number::Least(&mut self.keys.curve_bits)),
            ("keys", "hash-bits") => Some(Number::Least(&mut self.keys.hash_bits)),
            ("timeouts", "overall") => Some(Number::Time(&mut timeouts.overall)),
            ("timeouts", "connect") => Some(Number::Time(&mut timeouts.connect)),
            ("timeouts", "starttls") => Some(Number::Time(&mut timeouts.starttls)),
            ("timeouts", "tls") => Some(Number::Time(&mut timeouts.tls)),
            ("timeouts", "header") => Some(Number::Time(&mut timeouts.header)),
            ("timeouts", "authentication") => Some(Number::Time(&mut timeouts.authentication)),
            ("timeouts", "write") => Some(Number::Time(&mut timeouts.write)),
            ("timeouts", "close") => Some(Number::Time(&mut timeouts.close)),
            ("limits-before-authentication", name) => limit(&mut self.limits_before_authentication, name),
            ("limits-after-authentication", name) => limit(&mut self.limits_after_authentication, name),
            _ => None,
        }
    }
}

pub(super) const REQUIRED: &str = "required";
pub(super) const OPPORTUNISTIC: &str = "opportunistic";
pub(super) const RECORDED: &str = "recorded";
pub(super) const PREFERRED: &str = "preferred";
pub(super) const CERTIFICATE: &str = "certificate";
pub(super) const CERTIFICATE_OR_DIALBACK: &str = "certificate-or-dialback";
pub(super) const DIALBACK_OVER_TLS: &str = "dialback-over-tls";
pub(super) const PLAINTEXT_DIALBACK: &str = "plaintext-dialback";
pub(super) const OFF: &str = "off";
pub(super) const ALLOWED: &str = "allowed";
pub(super) const UNLIMITED: &str = "unlimited";

/// The names of all settings that are numbers.
pub(super) const NUMBERS: [&str; 26] = [
    "resumption-lifetime",
    "keys.rsa-bits",
    "keys.curve-bits",
    "keys.hash-bits",
    "timeouts.overall",
    "timeouts.connect",
    "timeouts.starttls",
    "timeouts.tls",
    "timeouts.header",
    "timeouts.authentication",
    "timeouts.write",
    "timeouts.close",
    "limits-before-authentication.header-bytes",
    "limits-before-authentication.element-bytes",
    "limits-before-authentication.depth",
    "limits-before-authentication.attributes",
    "limits-before-authentication.namespaces",
    "limits-before-authentication.name-bytes",
    "limits-before-authentication.attribute-value-bytes",
    "limits-after-authentication.header-bytes",
    "limits-after-authentication.element-bytes",
    "limits-after-authentication.depth",
    "limits-after-authentication.attributes",
    "limits-after-authentication.namespaces",
    "limits-after-authentication.name-bytes",
    "limits-after-authentication.attribute-value-bytes",
];

pub(super) enum Number<'a> {
    Time(&'a mut Duration),
    /// What is never longer than [`Resumption::LONGEST`].
    Lifetime(&'a mut Duration),
    Count(&'a mut usize),
    /// What can be raised above the default, and not lowered.
    Least(&'a mut usize),
}

impl Number<'_> {
    fn value(&self) -> Value {
        match self {
            Number::Time(time) | Number::Lifetime(time) => Value::Seconds(time.as_secs_f64()),
            Number::Count(count) | Number::Least(count) => Value::Count(**count),
        }
    }
}

fn limit<'a>(limits: &'a mut Limits, name: &str) -> Option<Number<'a>> {
    let field = match name {
        "header-bytes" => &mut limits.header_bytes,
        "element-bytes" => &mut limits.element_bytes,
        "depth" => &mut limits.depth,
        "attributes" => &mut limits.attributes,
        "namespaces" => &mut limits.namespaces,
        "name-bytes" => &mut limits.name_bytes,
        "attribute-value-bytes" => &mut limits.attribute_value_bytes,
        _ => return None,
    };
    Some(Number::Count(field))
}

pub(super) fn version_word(version: MinimumVersion) -> &'static str {
    use crate::danger::OldVersion;
    match version {
        MinimumVersion::Tls13 => "TLS 1.3",
        MinimumVersion::Tls12 => "TLS 1.2",
        MinimumVersion::Old(accepted) => match accepted.lowest() {
            OldVersion::Tls11 => "TLS 1.1",
            OldVersion::Tls10 => "TLS 1.0",
            OldVersion::Ssl30 => "SSL 3.0",
        },
    }
}

/// One line a setting, as a configuration file has it.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in self.settings() {
            writeln!(f, "{key} = {value}")?;
        }
        Ok(())
    }
}
