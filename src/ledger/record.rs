use super::{Changes, Leaf, Sighting, Voucher, limits};
use pki_types::UnixTime;
use std::time::Duration;

/// What is remembered of one [`Key`](super::Key).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When it was seen first, in seconds since 1970.
    pub first_seen: u64,
    /// When it was seen last, to the hour: see [`Record::TOUCH`].
    pub last_seen: u64,
    /// How often it was seen, of each hour one time.
    pub count: u64,
    /// Its certificates: of those that count as known at most [`Record::MAX_KNOWN`], and of those that an operator
    /// has not accepted at most [`Record::MAX_PENDING`].
    pub certificates: Vec<Known>,
}

/// A certificate of a [`Record`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// The certificate.
    pub leaf: Leaf,
    /// When it was seen first, in seconds since 1970.
    pub first_seen: u64,
    /// When it was seen last, to the hour.
    pub last_seen: u64,
    /// How often it was seen, of each hour one time.
    pub count: u64,
    /// Who vouched for it when it became known.
    pub voucher: Voucher,
    /// Who vouched for it when it was last seen.
    pub latest_voucher: Voucher,
    /// What was alarming about it and has not been acknowledged. Empty: it counts as known.
    pub pending: Changes,
    /// The operator that accepted it.
    pub acknowledged: Option<Acknowledgement>,
    /// Whether another certificate has taken its place.
    pub superseded: bool,
}

/// Who accepted a certificate, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acknowledgement {
    /// The operator, in the application's words. At most [`Leaf::MAX_TEXT_OCTETS`].
    pub by: String,
    /// Seconds since 1970.
    pub at: u64,
}

impl Record {
    /// Certificates that count as known: a cluster shows several in turn, and each of an RSA and an ECDSA key.
    pub const MAX_KNOWN: usize = 8;
    /// Certificates that wait for an operator.
    pub const MAX_PENDING: usize = 4;
    /// A certificate that is known is written down again after so long only: a busy domain costs one write an hour.
    pub const TOUCH: Duration = Duration::from_secs(3600);

    pub(super) fn new(now: UnixTime) -> Self {
        Record {
            first_seen: now.as_secs(),
            last_seen: now.as_secs(),
            count: 1,
            certificates: Vec::new(),
        }
    }

    /// The certificates that count as known.
    pub fn known(&self) -> impl Iterator<Item = &Known> {
        self.certificates.iter().filter(|known| known.pending.is_empty())
    }

    /// The certificates that wait for an operator.
    pub fn pending(&self) -> impl Iterator<Item = &Known> {
        self.certificates.iter().filter(|known| !known.pending.is_empty())
    }

    /// Accepts every certificate with this key, as it was last seen. Whether there is one.
    pub fn acknowledge(&mut self, spki_sha256: &[u8; 32], by: &str, now: UnixTime) -> bool {
        let mut found = false;
        for known in &mut self.certificates {
            if known.leaf.spki_sha256 == *spki_sha256 {
                found = true;
                known.pending = Changes::NONE;
                known.voucher = known.latest_voucher;
                known.acknowledged = Some(Acknowledgement {
                    by: limits::cut(by.to_owned()),
                    at: now.as_secs(),
                });
            }
        }
        self.make_room();
        found
    }

    /// Whether an operator accepted any of it.
    pub fn is_acknowledged(&self) -> bool {
        self.certificates.iter().any(|known| known.acknowledged.is_some())
    }

    pub(super) fn find(&self, leaf: &Leaf) -> Option<&Known> {
        self.certificates.iter().find(|known| known.leaf.sha256 == leaf.sha256)
    }

    /// Adds a certificate that was not there; `superseded` is the one it takes the place of.
    pub(super) fn add(&mut self, known: Known, superseded: Option<[u8; 32]>) {
        for old in &mut self.certificates {
            old.superseded |= Some(old.leaf.sha256) == superseded;
        }
        self.certificates.push(known);
        self.make_room();
    }

    /// What is pending never drives out what is known. Of either kind what was replaced goes first, and what an
    /// operator accepted, or was seen last, stays longest.
    fn make_room(&mut self) {
        for (pending, limit) in [(false, Self::MAX_KNOWN), (true, Self::MAX_PENDING)] {
            let of_kind = |known: &Known| known.pending.is_empty() != pending;
            while self.certificates.iter().filter(|known| of_kind(known)).count() > limit {
                let candidates = self.certificates.iter().enumerate().filter(|(_, known)| of_kind(known));
                let weight = |known: &Known| (!known.superseded, known.acknowledged.is_some(), known.last_seen);
                let least = candidates
                    .min_by_key(|(_, known)| weight(known))
                    .map(|(index, _)| index);
                let Some(index) = least else { break };
                self.certificates.remove(index);
            }
        }
    }

    /// Notes that a certificate was seen again; `None` if that need not be written down.
    pub(super) fn touched(&self, sighting: &Sighting, pending: Changes, now: UnixTime) -> Option<Record> {
        let leaf = sighting.leaf()?;
        let now = now.as_secs();
        let known = self.find(leaf)?;
        let due = now.saturating_sub(known.last_seen) >= Self::TOUCH.as_secs();
        let stronger = sighting.voucher().strength() > known.voucher.strength();
        let changed =
            known.latest_voucher != sighting.voucher() || known.pending != pending || known.superseded || stronger;
        if !due && !changed {
            return None;
        }
        let mut record = self.clone();
        record.last_seen = record.last_seen.max(now);
        record.count = record.count.saturating_add(u64::from(due));
        let known = record
            .certificates
            .iter_mut()
            .find(|known| known.leaf.sha256 == leaf.sha256)?;
        known.last_seen = known.last_seen.max(now);
        known.count = known.count.saturating_add(u64::from(due));
        known.latest_voucher = sighting.voucher();
        if stronger {
            known.voucher = sighting.voucher();
        }
        known.pending = pending;
        known.superseded = false;
        record.make_room();
        Some(record)
    }
}
