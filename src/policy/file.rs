//! Policies in configuration files, of any format that serde reads.

use super::Policy;
use super::settings::{ALLOWED, NUMBERS, Number, OFF, OPPORTUNISTIC, PREFERRED, RECORDED, REQUIRED, UNLIMITED};
use super::settings::{
    CERTIFICATE, CERTIFICATE_OR_DIALBACK, DIALBACK_OVER_TLS, PLAINTEXT_DIALBACK, Value, version_word,
};
use super::{AuthenticationPolicy, EncryptionPolicy, ForwardSecrecy, MinimumVersion, Resumption, ServerAuthentication};
use crate::danger::{
    OldVersion, OldVersionsAccepted, PlaintextAccepted, PlaintextDialbackAccepted, UnverifiedPeerAccepted,
    WeakenedPolicy,
};
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::time::Duration;

/// Tables of settings: `timeouts.tls` is the entry `tls` of the table `timeouts`.
impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut plain = Vec::new();
        let mut tables: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
        for (key, value) in self.settings() {
            match key.split_once('.') {
                Some((table, name)) => drop(tables.entry(table).or_default().insert(name, value)),
                None => plain.push((key, value)),
            }
        }
        let mut map = serializer.serialize_map(Some(plain.len() + tables.len()))?;
        // TOML wants plain entries before tables.
        for (key, value) in &plain {
            map.serialize_entry(key, value)?;
        }
        for (table, entries) in &tables {
            map.serialize_entry(table, entries)?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Word(word) => serializer.serialize_str(word),
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::Count(usize::MAX) => serializer.serialize_str(UNLIMITED),
            Value::Count(count) => serializer.serialize_u64(u64::try_from(*count).unwrap_or(u64::MAX)),
            Value::Seconds(seconds) => serializer.serialize_f64(*seconds),
        }
    }
}

/// What is left out is as in the default. An unknown key, a wrong value, and what only
/// [`danger`](crate::danger) allows are errors that name the key.
impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let policy = read(deserializer)?;
        match policy.warnings().first() {
            None => Ok(policy),
            Some(warning) => Err(D::Error::custom(format!(
                "{warning}; a file may say so only where the program reads it as danger::WeakenedPolicy"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for WeakenedPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer).map(WeakenedPolicy::read)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Flag(bool),
    Whole(u64),
    Decimal(f64),
    Word(String),
    Table(BTreeMap<String, Entry>),
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
    let mut policy = Policy::default();
    for (key, entry) in BTreeMap::<String, Entry>::deserialize(deserializer)? {
        match entry {
            Entry::Table(entries) => {
                for (name, entry) in entries {
                    set(&mut policy, &format!("{key}.{name}"), &entry).map_err(D::Error::custom)?;
                }
            }
            entry => set(&mut policy, &key, &entry).map_err(D::Error::custom)?,
        }
    }
    match policy.conflict() {
        None => Ok(policy),
        Some(conflict) => Err(D::Error::custom(conflict)),
    }
}

/// Sets what the key names; the error names the key and what it may be.
fn set(policy: &mut Policy, key: &str, entry: &Entry) -> Result<(), String> {
    if let Some(number) = policy.number(key) {
        return match (number, entry) {
            (Number::Count(count), Entry::Whole(whole)) => usize::try_from(*whole)
                .map(|whole| *count = whole)
                .map_err(|_| format!("{key}: {whole} is too large")),
            (Number::Count(count), Entry::Word(word)) if word == UNLIMITED => {
                *count = usize::MAX;
                Ok(())
            }
            // So far it has its default.
            (Number::Least(least), Entry::Whole(whole)) => match usize::try_from(*whole) {
                Ok(whole) if whole < *least => Err(format!(
                    "{key}: {whole} is below {least}, and less than that is never accepted"
                )),
                Ok(whole) => {
                    *least = whole;
                    Ok(())
                }
                Err(_) => Err(format!("{key}: {whole} is too large")),
            },
            (Number::Count(_) | Number::Least(_), _) => Err(format!("{key}: a whole number is needed")),
            (Number::Time(time), entry) => {
                *time = seconds(key, entry)?;
                Ok(())
            }
            (Number::Lifetime(time), entry) => match seconds(key, entry)? {
                wanted if wanted > Resumption::LONGEST => Err(format!(
                    "{key}: {} is above {}, and more than that is never used",
                    wanted.as_secs_f64(),
                    Resumption::LONGEST.as_secs_f64()
                )),
                wanted => {
                    *time = wanted;
                    Ok(())
                }
            },
        };
    }
    match (key, entry) {
        ("encryption", Entry::Word(word)) => choose(
            key,
            word,
            &mut policy.encryption,
            [
                (REQUIRED, EncryptionPolicy::Required),
                (
                    OPPORTUNISTIC,
                    EncryptionPolicy::Opportunistic(PlaintextAccepted::anybody_may_read_and_change_the_stream()),
                ),
            ],
        ),
        ("authentication", Entry::Word(word)) => choose(
            key,
            word,
            &mut policy.authentication,
            [
                (REQUIRED, AuthenticationPolicy::Required),
                (
                    RECORDED,
                    AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer()),
                ),
            ],
        ),
        ("servers", Entry::Word(word)) => {
            let accepted = PlaintextDialbackAccepted::whoever_forges_dns_may_be_any_server();
            choose(
                key,
                word,
                &mut policy.servers,
                [
                    (CERTIFICATE, ServerAuthentication::Certificate),
                    (CERTIFICATE_OR_DIALBACK, ServerAuthentication::CertificateOrDialback),
                    (DIALBACK_OVER_TLS, ServerAuthentication::DialbackOverTls),
                    (PLAINTEXT_DIALBACK, ServerAuthentication::PlaintextDialback(accepted)),
                ],
            )
        }
        ("minimum-version", Entry::Word(word)) => {
            let old = |lowest| MinimumVersion::Old(OldVersionsAccepted::known_attacks_apply_down_to(lowest));
            let versions = [
                MinimumVersion::Tls13,
                MinimumVersion::Tls12,
                old(OldVersion::Tls11),
                old(OldVersion::Tls10),
                old(OldVersion::Ssl30),
            ];
            choose(
                key,
                word,
                &mut policy.minimum_version,
                versions.map(|version| (version_word(version), version)),
            )
        }
        ("forward-secrecy", Entry::Word(word)) => choose(
            key,
            word,
            &mut policy.forward_secrecy,
            [
                (REQUIRED, ForwardSecrecy::Required),
                (PREFERRED, ForwardSecrecy::Preferred),
            ],
        ),
        ("resumption", Entry::Word(word)) => choose(
            key,
            word,
            &mut policy.resumption,
            [(OFF, Resumption::Off), (ALLOWED, Resumption::Allowed)],
        ),
        ("whitespace-behind-starttls", Entry::Flag(flag)) => {
            policy.whitespace_behind_starttls = *flag;
            Ok(())
        }
        ("encryption" | "authentication" | "servers" | "minimum-version" | "forward-secrecy" | "resumption", _) => {
            Err(format!("{key}: a word in quotes is needed"))
        }
        ("whitespace-behind-starttls", _) => Err(format!("{key}: true or false is needed")),
        _ => Err(format!(
            "{key}: no such setting; there are encryption, authentication, servers, minimum-version, forward-secrecy, \
             resumption, whitespace-behind-starttls, {}",
            NUMBERS.join(", ")
        )),
    }
}

fn seconds(key: &str, entry: &Entry) -> Result<Duration, String> {
    match entry {
        Entry::Whole(seconds) => Ok(Duration::from_secs(*seconds)),
        Entry::Decimal(seconds) => {
            Duration::try_from_secs_f64(*seconds).map_err(|error| format!("{key}: {seconds}: {error}"))
        }
        Entry::Flag(_) | Entry::Word(_) | Entry::Table(_) => Err(format!("{key}: a number of seconds is needed")),
    }
}

fn choose<T, const N: usize>(key: &str, word: &str, field: &mut T, choices: [(&str, T); N]) -> Result<(), String> {
    let known = choices.each_ref().map(|(known, _)| format!("{known:?}")).join(", ");
    match choices.into_iter().find(|(known, _)| *known == word) {
        Some((_, chosen)) => {
            *field = chosen;
            Ok(())
        }
        None => Err(format!("{key}: {word:?} is none of {known}")),
    }
}
