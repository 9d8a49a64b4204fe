use super::classify::compare;
use super::{ChangePolicy, Changes, Key, Known, Leaf, LedgerError, Reaction, Record, Sighting, Voucher};
use pki_types::UnixTime;
use std::fmt;

/// What the ledger says about one [`Sighting`].
///
/// It is about change and nothing else: whether the peer is authenticated is in the
/// [`SecurityReport`](crate::security::SecurityReport), and nothing here makes a failed check good.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Assessment {
    /// Whose certificate it is.
    pub key: Key,
    /// What changed.
    pub changes: Changes,
    /// What the policy says to that.
    pub reaction: Reaction,
    /// Who vouches for the certificate, which can be why the policy is calm.
    pub voucher: Voucher,
    /// Whether this is said for the first time: `false` for a certificate that is known, and for one about which
    /// all this was said before and that nobody acknowledged.
    pub is_new: bool,
    /// The certificate shown, if there is one.
    pub shown: Option<Leaf>,
    /// What was known before.
    pub before: Option<Record>,
    /// Why it could not be written down, if it should have been and could not.
    pub not_recorded: Option<LedgerError>,
}

impl Assessment {
    /// Whether the policy wants the connection to end.
    pub fn is_refused(&self) -> bool {
        self.reaction == Reaction::Refuse
    }

    fn latest_known(&self) -> Option<&Known> {
        let shown = self.shown.as_ref().map(|leaf| leaf.spki_sha256);
        let others = self.before.iter().flat_map(Record::known);
        others
            .filter(|known| Some(known.leaf.spki_sha256) != shown)
            .max_by_key(|known| known.last_seen)
    }
}

/// One line: whose, how grave, what, with which key, and what was known.
impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.key, self.reaction, self.changes)?;
        if let Some(shown) = &self.shown {
            write!(f, "; it shows {shown}")?;
        }
        if self.voucher != Voucher::Anchors {
            write!(f, ", vouched for by {}", self.voucher)?;
        }
        if let Some(known) = self.latest_known().filter(|_| self.reaction > Reaction::Inform) {
            write!(f, "; known is {}", known.leaf)?;
        }
        if self.reaction > Reaction::Inform {
            f.write_str("; ask the domain's operator by another way, and acknowledge the key if it is right")?;
        }
        match &self.not_recorded {
            Some(error) => write!(f, "; this was not recorded: {error}"),
            None => Ok(()),
        }
    }
}

/// What [`ChangePolicy::judge`] decides: what to say, and what to write down.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Judgement {
    /// What to say.
    pub assessment: Assessment,
    /// The record to be written in place of the one given; `None`: nothing is to be written.
    pub update: Option<Record>,
}

impl ChangePolicy {
    /// Judges a sighting by what is known, without any store: what a [`CertificateLedger`](super::CertificateLedger)
    /// of your own does between reading and writing.
    ///
    /// Nothing is to be written for a resumed session, whose certificate is an earlier one, and for a sighting
    /// without a certificate.
    pub fn judge(&self, before: Option<Record>, sighting: &Sighting, now: UnixTime) -> Judgement {
        let found = compare(before.as_ref(), sighting, now);
        let voucher = sighting.voucher();
        let pending = self.pending(found.changes, voucher);
        let listed = before
            .as_ref()
            .zip(sighting.leaf())
            .and_then(|(record, leaf)| record.find(leaf));
        let is_new = match listed {
            // Its certificate was told of; how it is vouched for may be news.
            Some(known) => {
                let of_connection = found.changes.only(|change| !change.is_of_certificate());
                known.latest_voucher != voucher && self.reaction_to(of_connection, voucher) > Reaction::Inform
            }
            None => true,
        };
        let update = match (sighting.leaf(), &before, found.is_listed) {
            _ if sighting.is_resumed() => None,
            (None, _, _) => None,
            (Some(_), Some(record), true) => record.touched(sighting, pending, now),
            (Some(leaf), _, _) => {
                let mut record = before.clone().unwrap_or_else(|| Record::new(now));
                let seconds = now.as_secs();
                if before.is_some() {
                    record.last_seen = record.last_seen.max(seconds);
                    record.count = record.count.saturating_add(1);
                }
                let known = Known {
                    leaf: leaf.clone(),
                    first_seen: seconds,
                    last_seen: seconds,
                    count: 1,
                    voucher,
                    latest_voucher: voucher,
                    pending,
                    acknowledged: None,
                    superseded: false,
                };
                record.add(known, found.supersedes.filter(|_| pending.is_empty()));
                Some(record)
            }
        };
        Judgement {
            assessment: Assessment {
                key: sighting.key().clone(),
                reaction: self.reaction_to(found.changes, voucher),
                changes: found.changes,
                voucher,
                is_new,
                shown: sighting.leaf().cloned(),
                before,
                not_recorded: None,
            },
            update,
        }
    }
}
