//! Every class of change, and what each policy makes of it: `tests/vectors/ledger.toml`.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;
use xmpp_tls::ledger::{
    Assessment, Change, ChangePolicy, Key, Leaf, Ledger, MemoryStore, Reaction, Sighting, Voucher, classify,
};
use xmpp_tls::pki_types::UnixTime;
use xmpp_tls::{Side, StreamKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    step: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    day: i64,
    #[serde(default)]
    cert: String,
    #[serde(default)]
    key: String,
    authority: Option<(String, String)>,
    valid: Option<(i64, i64)>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    voucher: String,
    #[serde(default)]
    plaintext: bool,
    #[serde(default)]
    resumed: bool,
    acknowledge: Option<String>,
    changes: Vec<String>,
    default: Reaction,
    strict: Reaction,
    #[serde(default = "yes")]
    new: bool,
}

fn yes() -> bool {
    true
}

const DAY: i64 = 86_400;
/// Day 0, far enough behind 1970.
const EPOCH: i64 = 1000 * DAY;

fn at(day: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(EPOCH + day * DAY).unwrap()))
}

fn hash(name: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..name.len()].copy_from_slice(name.as_bytes());
    hash
}

impl Step {
    fn voucher(&self) -> Voucher {
        match self.voucher.as_str() {
            "" if self.plaintext => Voucher::Nobody,
            "" => Voucher::Anchors,
            "nobody" => Voucher::Nobody,
            "posh" => Voucher::Posh,
            "dane" => Voucher::Dane,
            "pin" => Voucher::Pin,
            other => panic!("no voucher {other:?}"),
        }
    }

    fn leaf(&self) -> Option<Leaf> {
        let (issuer, organization) = self.authority.as_ref()?;
        let (first, last) = self.valid?;
        let mut leaf = Leaf::default();
        leaf.sha256 = hash(&format!("certificate {}", self.cert));
        leaf.spki_sha256 = hash(&self.key);
        leaf.issuer = format!("CN={issuer}, O={organization}");
        leaf.issuer_organization = Some(organization.clone()).filter(|name| !name.is_empty());
        leaf.issuer_key = Some(issuer.clone());
        leaf.names = match self.names.as_slice() {
            [] => vec!["dns:example.org".to_owned()],
            names => names.iter().map(|name| format!("dns:{name}")).collect(),
        };
        (leaf.not_before, leaf.not_after) = (EPOCH + first * DAY, EPOCH + last * DAY);
        Some(leaf)
    }

    fn sighting(&self, key: &Key) -> Sighting {
        let sighting = Sighting::from_parts(key.clone(), !self.plaintext, self.leaf(), self.voucher()).unwrap();
        match self.resumed {
            true => sighting.resumed(),
            false => sighting,
        }
    }
}

fn codes(assessment: &Assessment) -> Vec<&'static str> {
    assessment.changes.iter().map(Change::code).collect()
}

#[test]
fn every_change_is_classified_as_the_table_says() {
    let table: Table = toml::from_str(include_str!("vectors/ledger.toml")).unwrap();
    let key = Key::new(
        StreamKind::ClientToServer,
        Side::Initiating,
        None,
        "example.org".parse().unwrap(),
    );
    let mut seen = BTreeSet::new();
    for case in &table.case {
        let lenient = Ledger::new(MemoryStore::default());
        let strict = Ledger::new(MemoryStore::default()).with_policy(ChangePolicy::strict());
        for (ledger, expected) in [
            (lenient, (|step| step.default) as fn(&Step) -> Reaction),
            (strict, |step| step.strict),
        ] {
            for step in &case.step {
                let place = format!("{}, day {}", case.name, step.day);
                if let Some(accepted) = &step.acknowledge {
                    assert!(
                        ledger.acknowledge(&key, &hash(accepted), "ops", at(step.day)).unwrap(),
                        "{place}"
                    );
                }
                let sighting = step.sighting(&key);
                let before = ledger.record(&key).unwrap();
                let assessment = ledger.observe(&sighting, at(step.day)).unwrap();
                assert_eq!(codes(&assessment), step.changes, "{place}");
                assert_eq!(assessment.reaction, expected(step), "{place}: {assessment}");
                assert_eq!(assessment.is_new, step.new, "{place}: {assessment}");
                assert_eq!(
                    classify(before.as_ref(), &sighting, at(step.day)),
                    assessment.changes,
                    "{place}"
                );
                let untouched = step.resumed || step.plaintext;
                assert!(
                    !untouched || ledger.record(&key).unwrap() == before,
                    "{place}: it was written down"
                );
                seen.extend(assessment.changes.iter());
            }
        }
    }
    assert_eq!(
        seen,
        Change::ALL.iter().copied().collect(),
        "the table shows every change"
    );
}
