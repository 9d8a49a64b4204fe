//! What changed, from what is known and what is shown.

use super::{Change, Changes, Known, Leaf, Record, Sighting, Voucher};
use pki_types::UnixTime;

/// What changed about a domain, by what is known of it.
///
/// A certificate that waits for an operator is no basis: what is alarming about it stays alarming, and what
/// follows it inherits that.
///
/// Two certificates are of one authority if the same key of an issuer signed both, or if both were good and their
/// issuers are one organization: CAs sign with several keys in turn.
pub fn classify(record: Option<&Record>, sighting: &Sighting, now: UnixTime) -> Changes {
    compare(record, sighting, now).changes
}

/// What [`classify`] found, and by what.
pub(super) struct Comparison {
    pub(super) changes: Changes,
    /// The certificate is in the record.
    pub(super) is_listed: bool,
    /// The certificate whose place this one takes, as its renewal or at its end.
    pub(super) supersedes: Option<[u8; 32]>,
}

pub(super) fn compare(record: Option<&Record>, sighting: &Sighting, now: UnixTime) -> Comparison {
    let mut found = Comparison {
        changes: Changes::NONE,
        is_listed: false,
        supersedes: None,
    };
    let Some(record) = record.filter(|record| !record.certificates.is_empty()) else {
        found.changes.add(Change::FirstSeen);
        return found;
    };
    if !sighting.is_encrypted() {
        found.changes.add(Change::EncryptionLost);
    }
    let listed = sighting.leaf().and_then(|leaf| record.find(leaf));
    found.is_listed = listed.is_some();
    match (listed, sighting.leaf()) {
        (Some(known), _) if known.pending.is_empty() => found.changes.add(Change::Unchanged),
        (Some(known), _) => found.changes = found.changes.and(known.pending),
        (None, Some(leaf)) => another_certificate(record, sighting.voucher(), leaf, now, &mut found),
        // There was a certificate, and there is none now, or none that can be read.
        (None, None) if sighting.is_encrypted() => found.changes.add(Change::TrustLowered),
        (None, None) => {}
    }
    if let Some(lost) = trust_lost(record, listed, sighting.voucher()) {
        found.changes.add(lost);
    }
    found
}

/// What an accepted certificate had is what it must keep; another one is measured by the best that is known.
fn trust_lost(record: &Record, listed: Option<&Known>, voucher: Voucher) -> Option<Change> {
    let before = match listed.filter(|known| known.pending.is_empty()) {
        Some(known) => known.voucher.strength(),
        None => record.known().map(|known| known.voucher.strength()).max().unwrap_or(0),
    };
    match voucher {
        Voucher::Nobody if before > 0 => Some(Change::AuthenticationLost),
        _ if voucher.strength() < before => Some(Change::TrustLowered),
        _ => None,
    }
}

fn another_certificate(record: &Record, voucher: Voucher, leaf: &Leaf, now: UnixTime, found: &mut Comparison) {
    let has_key = |known: &&Known| known.leaf.spki_sha256 == leaf.spki_sha256;
    let newest = |known: &&Known| (known.leaf.not_after, known.last_seen);
    let holders = || record.known().filter(has_key);
    // A holder of the key that is of the same authority tells more than one that is not.
    let of_authority = |known: &&Known| same_authority(known, voucher, leaf);
    let holder = holders()
        .filter(of_authority)
        .max_by_key(newest)
        .or_else(|| holders().max_by_key(newest));
    let pending = record.pending().filter(has_key).max_by_key(newest);
    let basis = match (holder, pending) {
        (Some(known), _) => {
            found.changes.add(match of_authority(&known) {
                true => Change::Renewed,
                false => Change::Reissued,
            });
            found.supersedes = Some(known.leaf.sha256);
            Some(known)
        }
        (None, Some(known)) => {
            found.changes = found.changes.and(known.pending);
            Some(known)
        }
        (None, None) => new_key(record, voucher, leaf, now, found),
    };
    if let Some(known) = basis
        && !known.leaf.same_names(leaf)
    {
        found.changes.add(Change::NamesChanged);
    }
}

/// The certificate to compare names with.
fn new_key<'a>(
    record: &'a Record,
    voucher: Voucher,
    leaf: &Leaf,
    now: UnixTime,
    found: &mut Comparison,
) -> Option<&'a Known> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    // Nothing is known where all is pending: then that is what there is to compare with.
    let all_pending = record.known().next().is_none();
    let known = || {
        record
            .certificates
            .iter()
            .filter(|known| all_pending || known.pending.is_empty())
    };
    // One that has been replaced already makes no room for a second one.
    let due = |known: &&Known| !known.superseded && known.leaf.is_due(now);
    let of_authority = |known: &&Known| same_authority(known, voucher, leaf);
    let newest = |known: &&Known| (known.leaf.not_after, known.last_seen);

    if let Some(old) = known().filter(due).filter(of_authority).min_by_key(newest) {
        found.changes.add(Change::KeyRotated);
        found.changes = found.changes.and(old.pending);
        found.supersedes = Some(old.leaf.sha256);
        return Some(old);
    }
    let of_that_authority = known().filter(of_authority).max_by_key(newest);
    if of_that_authority.is_none() {
        found.changes.add(Change::IssuerAndKeyChanged);
    }
    if of_that_authority.is_some() || !known().any(|known| due(&known)) {
        found.changes.add(Change::KeyChangedEarly);
    }
    let basis = of_that_authority.or_else(|| known().max_by_key(newest))?;
    if all_pending {
        found.changes = found.changes.and(basis.pending);
    }
    Some(basis)
}

/// An issuer's name proves something only in a chain that was verified: in any other, somebody wrote it there.
fn same_authority(known: &Known, voucher: Voucher, leaf: &Leaf) -> bool {
    let verified = voucher != Voucher::Nobody && known.voucher != Voucher::Nobody;
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    verified
        && (same(&known.leaf.issuer_key, &leaf.issuer_key)
            || same(&known.leaf.issuer_organization, &leaf.issuer_organization)
            || known.leaf.issuer == leaf.issuer)
}
