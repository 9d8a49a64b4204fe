use super::bounded::{List, Text};
use super::{Acknowledgement, Change, Changes, Key, Known, Leaf, Ledger, LedgerError, Record, Voucher, limits};
use pki_types::UnixTime;
use serde::de::{Error as _, IgnoredAny, MapAccess, Unexpected, Visitor};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use xmpp_tls_core::{Side, StreamKind};

const FORMAT: &str = "xmpp-tls certificate ledger";
const VERSION: u64 = 1;
/// The last second of the year 9999, behind which nothing was seen.
const LAST_SECOND: u64 = 253_402_300_799;

/// Records as data: what [`Ledger::export`] gives and [`Ledger::import`] takes, to be written and read by any format
/// of serde, as a rule JSON.
///
/// ```json
/// {
///   "format": "xmpp-tls certificate ledger",
///   "version": 1,
///   "records": [{
///     "kind": "c2s", "side": "outbound", "local": null, "remote": "example.org",
///     "first_seen": 1767225600, "last_seen": 1767232800, "count": 2,
///     "certificates": [{
///       "sha256": "00…", "spki_sha256": "00…",
///       "issuer": "CN=R11, O=Example CA", "issuer_organization": "Example CA", "issuer_key": "0f…",
///       "names": ["dns:example.org"], "more_names": 0,
///       "not_before": 1764633600, "not_after": 1772409600, "key_type": "ECDSA P-256", "key_bits": 256,
///       "first_seen": 1767225600, "last_seen": 1767232800, "count": 2,
///       "voucher": "anchors", "latest_voucher": "anchors",
///       "pending": ["key-changed-early"], "acknowledged": { "by": "ops", "at": 1767232800 }, "superseded": false
///     }]
///   }]
/// }
/// ```
///
/// Times are seconds since 1970, hashes are hexadecimal; the fields mean what those of [`Record`], [`Known`] and
/// [`Leaf`] mean, with the codes of [`Change`] and [`Voucher`]. `format` and `version` come first. A later version
/// of this library reads every earlier `version`; a later `version` is an error.
///
/// What is read is checked as if it were hostile: unknown fields, lists and texts beyond the limits, certificates
/// given twice, hashes that are none and times out of order are errors, and no list is allocated in advance. How
/// large the whole may be is for the caller to bound.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    records: Vec<(Key, Record)>,
}

/// What became of the records of a [`Snapshot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// Records that were added.
    pub added: u64,
    /// Records that are not taken, because the ledger has one of its own for that key.
    pub kept: u64,
}

impl Snapshot {
    /// The records.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &(Key, Record)> {
        self.records.iter()
    }
}

/// Some of the records of a ledger, for example one page of [`Ledger::records_after`].
impl FromIterator<(Key, Record)> for Snapshot {
    fn from_iter<I: IntoIterator<Item = (Key, Record)>>(records: I) -> Self {
        Snapshot {
            records: records.into_iter().collect(),
        }
    }
}

impl Ledger {
    /// Everything that is known, in memory.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn export(&self) -> Result<Snapshot, LedgerError> {
        let records = self.records().collect::<Result<_, _>>()?;
        Ok(Snapshot { records })
    }

    /// Adds what nothing is known of yet; what is known stays. Acknowledgements are taken over: import only what
    /// comes from somebody who may give them. What is said to be later than `now` becomes `now`.
    ///
    /// # Errors
    /// The store cannot be written, or has no room for all. `RedbStore` takes all or none, others
    /// what had room.
    pub fn import(&self, snapshot: &Snapshot, now: UnixTime) -> Result<Imported, LedgerError> {
        let now = now.as_secs();
        let mut records = snapshot.records.clone();
        for (_, record) in &mut records {
            record.first_seen = record.first_seen.min(now);
            record.last_seen = record.last_seen.min(now);
            for known in &mut record.certificates {
                known.first_seen = known.first_seen.min(now);
                known.last_seen = known.last_seen.min(now);
                if let Some(operator) = &mut known.acknowledged {
                    operator.at = operator.at.min(now);
                }
            }
        }
        let added = self.add(&records)?;
        let all = u64::try_from(records.len()).unwrap_or(u64::MAX);
        Ok(Imported {
            added,
            kept: all.saturating_sub(added),
        })
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut snapshot = serializer.serialize_struct("Snapshot", 3)?;
        snapshot.serialize_field("format", FORMAT)?;
        snapshot.serialize_field("version", &VERSION)?;
        snapshot.serialize_field("records", &Records(&self.records))?;
        snapshot.end()
    }
}

struct Records<'a>(&'a [(Key, Record)]);

impl Serialize for Records<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(key, record)| WireRecord::of(key, record)))
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Snapshot", &["format", "version", "records"], SnapshotVisitor)
    }
}

struct SnapshotVisitor;

impl<'de> Visitor<'de> for SnapshotVisitor {
    type Value = Snapshot;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an export of a certificate ledger")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Snapshot, A::Error> {
        fn expect<'de, A: MapAccess<'de>>(map: &mut A, name: &'static str) -> Result<(), A::Error> {
            match map.next_key::<Text<16>>()? {
                Some(Text(key)) if key == name => Ok(()),
                Some(Text(key)) => Err(A::Error::custom(format!("{name:?} must stand where {key:?} does"))),
                None => Err(A::Error::missing_field(name)),
            }
        }
        expect(&mut map, "format")?;
        let Text(format) = map.next_value::<Text<64>>()?;
        if format != FORMAT {
            return Err(A::Error::invalid_value(Unexpected::Str(&format), &FORMAT));
        }
        expect(&mut map, "version")?;
        let version: u64 = map.next_value()?;
        if version != VERSION {
            let text = format!("version {version} is not known here, which is {VERSION}");
            return Err(A::Error::custom(text));
        }
        expect(&mut map, "records")?;
        let List(records) = map.next_value::<List<WireRecord, { usize::MAX }>>()?;
        if map.next_key::<IgnoredAny>()?.is_some() {
            return Err(A::Error::custom("nothing comes behind \"records\""));
        }
        let read = |record: WireRecord| record.read().map_err(A::Error::custom);
        let records = records.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Snapshot { records })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRecord {
    kind: Text<8>,
    side: Text<16>,
    local: Option<Text<1023>>,
    remote: Text<1023>,
    first_seen: u64,
    last_seen: u64,
    count: u64,
    certificates: List<WireKnown, { Record::MAX_KNOWN + Record::MAX_PENDING }>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireKnown {
    sha256: Text<64>,
    spki_sha256: Text<64>,
    issuer: Text<{ Leaf::MAX_TEXT_OCTETS }>,
    issuer_organization: Option<Text<{ Leaf::MAX_TEXT_OCTETS }>>,
    issuer_key: Option<Text<{ Leaf::MAX_TEXT_OCTETS }>>,
    names: List<Text<{ Leaf::MAX_NAMES_OCTETS }>, { Leaf::MAX_NAMES }>,
    more_names: u32,
    not_before: i64,
    not_after: i64,
    key_type: Text<{ Leaf::MAX_TEXT_OCTETS }>,
    key_bits: u32,
    first_seen: u64,
    last_seen: u64,
    count: u64,
    voucher: Text<16>,
    latest_voucher: Text<16>,
    pending: List<Text<32>, { Change::ALL.len() }>,
    acknowledged: Option<WireAcknowledgement>,
    superseded: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAcknowledgement {
    by: Text<{ Leaf::MAX_TEXT_OCTETS }>,
    at: u64,
}

impl WireRecord {
    fn of(key: &Key, record: &Record) -> Self {
        let domain = |domain: &xmpp_tls_core::Domain| Text(domain.as_str().to_owned());
        WireRecord {
            kind: Text(key.kind().to_string()),
            side: Text(side_word(key.side()).to_owned()),
            local: key.local().map(domain),
            remote: domain(key.remote()),
            first_seen: record.first_seen,
            last_seen: record.last_seen,
            count: record.count,
            certificates: List(record.certificates.iter().map(WireKnown::of).collect()),
        }
    }

    fn read(self) -> Result<(Key, Record), String> {
        let remote = self.remote.0;
        let read = || -> Result<(Key, Record), String> {
            let kinds = [StreamKind::ClientToServer, StreamKind::ServerToServer];
            let kind = one_of("kind", &self.kind.0, &kinds, |kind| kind.to_string())?;
            let sides = [Side::Initiating, Side::Receiving];
            let side = one_of("side", &self.side.0, &sides, |side| side_word(side).to_owned())?;
            let domain = |text: &str| text.parse().map_err(|error| format!("{error}"));
            let local = self.local.as_ref().map(|local| domain(&local.0)).transpose()?;
            seen(self.first_seen, self.last_seen)?;
            let certificates: Vec<Known> = self
                .certificates
                .0
                .into_iter()
                .map(WireKnown::read)
                .collect::<Result<_, _>>()?;
            let record = Record {
                first_seen: self.first_seen,
                last_seen: self.last_seen,
                count: self.count,
                certificates,
            };
            let hashes: BTreeSet<_> = record.certificates.iter().map(|known| known.leaf.sha256).collect();
            if hashes.len() != record.certificates.len() {
                return Err("a certificate is given twice".to_owned());
            }
            if record.known().count() > Record::MAX_KNOWN || record.pending().count() > Record::MAX_PENDING {
                return Err("too many certificates".to_owned());
            }
            Ok((Key::new(kind, side, local, domain(&remote)?), record))
        };
        read().map_err(|error| format!("the record of {:?}: {error}", limits::cut(remote.clone())))
    }
}

impl WireKnown {
    fn of(known: &Known) -> Self {
        let leaf = &known.leaf;
        WireKnown {
            sha256: Text(limits::hex(&leaf.sha256)),
            spki_sha256: Text(limits::hex(&leaf.spki_sha256)),
            issuer: text_of(&leaf.issuer),
            issuer_organization: leaf.issuer_organization.as_deref().map(text_of),
            issuer_key: leaf.issuer_key.as_deref().map(text_of),
            names: List(leaf.names.iter().map(|name| Text(name.clone())).collect()),
            more_names: leaf.more_names,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            key_type: text_of(&leaf.key_type),
            key_bits: leaf.key_bits,
            first_seen: known.first_seen,
            last_seen: known.last_seen,
            count: known.count,
            voucher: Text(known.voucher.code().to_owned()),
            latest_voucher: Text(known.latest_voucher.code().to_owned()),
            pending: List(
                known
                    .pending
                    .iter()
                    .map(|change| Text(change.code().to_owned()))
                    .collect(),
            ),
            acknowledged: known.acknowledged.as_ref().map(|operator| WireAcknowledgement {
                by: text_of(&operator.by),
                at: operator.at,
            }),
            superseded: known.superseded,
        }
    }

    fn read(self) -> Result<Known, String> {
        seen(self.first_seen, self.last_seen)?;
        let voucher = |text: &str| one_of("voucher", text, Voucher::ALL, |voucher| voucher.code().to_owned());
        let change = |text: &Text<32>| one_of("change", &text.0, Change::ALL, |change| change.code().to_owned());
        let pending: Changes = self.pending.0.iter().map(change).collect::<Result<_, _>>()?;
        if pending.iter().any(|change| !change.is_of_certificate()) {
            return Err("no certificate waits for that change".to_owned());
        }
        let names: Vec<String> = self.names.0.into_iter().map(|name| name.0).collect();
        let leaf = Leaf {
            sha256: hash(&self.sha256.0)?,
            spki_sha256: hash(&self.spki_sha256.0)?,
            issuer: self.issuer.0,
            issuer_organization: self.issuer_organization.map(|text| text.0),
            issuer_key: self.issuer_key.map(|text| text.0),
            names: names.clone(),
            more_names: self.more_names,
            not_before: self.not_before,
            not_after: self.not_after,
            key_type: self.key_type.0,
            key_bits: self.key_bits,
        }
        .bounded();
        if leaf.names != names {
            return Err("names are not sorted, given twice, or too many".to_owned());
        }
        let acknowledged = match self.acknowledged {
            Some(operator) if operator.at > LAST_SECOND => return Err("a time is beyond all times".to_owned()),
            Some(operator) => Some(Acknowledgement {
                by: operator.by.0,
                at: operator.at,
            }),
            None => None,
        };
        Ok(Known {
            leaf,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            count: self.count,
            voucher: voucher(&self.voucher.0)?,
            latest_voucher: voucher(&self.latest_voucher.0)?,
            pending,
            acknowledged,
            superseded: self.superseded,
        })
    }
}

fn text_of<const N: usize>(text: &str) -> Text<N> {
    Text(text.to_owned())
}

fn side_word(side: Side) -> &'static str {
    match side {
        Side::Initiating => "outbound",
        Side::Receiving => "inbound",
    }
}

fn one_of<T: Copy>(what: &str, text: &str, all: &[T], word: impl Fn(T) -> String) -> Result<T, String> {
    let found = all.iter().copied().find(|value| word(*value) == text);
    found.ok_or_else(|| format!("{text:?} is no {what}"))
}

fn seen(first: u64, last: u64) -> Result<(), String> {
    match first <= last && last <= LAST_SECOND {
        true => Ok(()),
        false => Err("times are out of order, or beyond all times".to_owned()),
    }
}

fn hash(text: &str) -> Result<[u8; 32], String> {
    let digit = |octet: u8| {
        char::from(octet)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut hash = [0; 32];
    let mut digits = text.bytes().map(digit);
    for octet in &mut hash {
        match (digits.next().flatten(), digits.next().flatten()) {
            (Some(high), Some(low)) => *octet = high << 4 | low,
            _ => return Err(format!("{text:?} is no SHA-256")),
        }
    }
    match digits.next() {
        None => Ok(hash),
        Some(_) => Err(format!("{text:?} is no SHA-256")),
    }
}
