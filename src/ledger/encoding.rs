//! Records as octets, for stores: small, as a file is read from end to end when it is opened. Numbers have seven bits
//! an octet, the least first, each octet but the last with its highest bit set; texts have their length in front.

use super::{Acknowledgement, Changes, Known, Leaf, Record, Voucher};

/// The first octet of a record. What begins with another is of another version of this library.
const VERSION: u8 = 1;

pub(super) fn encode(record: &Record) -> Vec<u8> {
    let mut out = vec![VERSION];
    number(&mut out, record.first_seen);
    number(&mut out, record.last_seen);
    number(&mut out, record.count);
    // Bounded by `Record::make_room`.
    out.push(u8::try_from(record.certificates.len()).unwrap_or(u8::MAX));
    for known in &record.certificates {
        put(&mut out, known);
    }
    out
}

fn put(out: &mut Vec<u8>, known: &Known) {
    let leaf = &known.leaf;
    out.extend_from_slice(&leaf.sha256);
    out.extend_from_slice(&leaf.spki_sha256);
    text(out, &leaf.issuer);
    maybe(out, leaf.issuer_organization.as_deref());
    maybe(out, leaf.issuer_key.as_deref());
    out.push(u8::try_from(leaf.names.len()).unwrap_or(u8::MAX));
    leaf.names.iter().for_each(|name| text(out, name));
    number(out, leaf.more_names.into());
    number(out, leaf.not_before.cast_unsigned());
    number(out, leaf.not_after.cast_unsigned());
    text(out, &leaf.key_type);
    number(out, leaf.key_bits.into());
    number(out, known.first_seen);
    number(out, known.last_seen);
    number(out, known.count);
    out.push(known.voucher as u8);
    out.push(known.latest_voucher as u8);
    number(out, known.pending.bits().into());
    maybe(out, known.acknowledged.as_ref().map(|operator| operator.by.as_str()));
    if let Some(operator) = &known.acknowledged {
        number(out, operator.at);
    }
    out.push(u8::from(known.superseded));
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        // The lowest seven bits.
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn maybe(out: &mut Vec<u8>, value: Option<&str>) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        text(out, value);
    }
}

/// `None` for everything that [`encode`] does not write.
pub(super) fn decode(bytes: &[u8]) -> Option<Record> {
    let mut from = Reader(bytes);
    if from.octet()? != VERSION {
        return None;
    }
    let mut record = Record {
        first_seen: from.number()?,
        last_seen: from.number()?,
        count: from.number()?,
        certificates: Vec::new(),
    };
    let count = usize::from(from.octet()?);
    if count > Record::MAX_KNOWN + Record::MAX_PENDING {
        return None;
    }
    for _ in 0..count {
        record.certificates.push(from.known()?);
    }
    from.0.is_empty().then_some(record)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn octet(&mut self) -> Option<u8> {
        self.array::<1>().map(|[octet]| octet)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.octet()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let octet = self.octet()?;
            let bits = u64::from(octet & 0x7f);
            // Nothing is lost at the top, and no number is written longer than it has to be.
            if bits << shift >> shift != bits || (octet == 0 && shift > 0) {
                return None;
            }
            number |= bits << shift;
            if octet & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let text = self.take(length)?;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }

    fn maybe(&mut self) -> Option<Option<String>> {
        match self.flag()? {
            true => self.text().map(Some),
            false => Some(None),
        }
    }

    fn voucher(&mut self) -> Option<Voucher> {
        let code = self.octet()?;
        Voucher::ALL.iter().copied().find(|voucher| *voucher as u8 == code)
    }

    fn leaf(&mut self) -> Option<Leaf> {
        Some(Leaf {
            sha256: self.array()?,
            spki_sha256: self.array()?,
            issuer: self.text()?,
            issuer_organization: self.maybe()?,
            issuer_key: self.maybe()?,
            names: {
                let count = self.octet()?;
                (0..count).map(|_| self.text()).collect::<Option<_>>()?
            },
            more_names: self.small()?,
            not_before: self.number()?.cast_signed(),
            not_after: self.number()?.cast_signed(),
            key_type: self.text()?,
            key_bits: self.small()?,
        })
    }

    fn known(&mut self) -> Option<Known> {
        Some(Known {
            leaf: self.leaf()?,
            first_seen: self.number()?,
            last_seen: self.number()?,
            count: self.number()?,
            voucher: self.voucher()?,
            latest_voucher: self.voucher()?,
            pending: Changes::from_bits(self.number()?.try_into().ok()?)?,
            acknowledged: match self.maybe()? {
                Some(by) => Some(Acknowledgement { by, at: self.number()? }),
                None => None,
            },
            superseded: self.flag()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Change;

    fn record() -> Record {
        let leaf = Leaf {
            sha256: [1; 32],
            spki_sha256: [2; 32],
            issuer: "CN=R11, O=Example CA".to_owned(),
            issuer_organization: Some("Example CA".to_owned()),
            issuer_key: None,
            names: vec!["dns:a.example".to_owned(), "dns:b.example".to_owned()],
            more_names: 3,
            not_before: -1,
            not_after: i64::MAX,
            key_type: "ECDSA P-256".to_owned(),
            key_bits: 256,
        };
        let known = Known {
            leaf,
            first_seen: 1,
            last_seen: u64::MAX,
            count: 7,
            voucher: Voucher::Pin,
            latest_voucher: Voucher::Nobody,
            pending: [Change::KeyChangedEarly, Change::NamesChanged].into_iter().collect(),
            acknowledged: None,
            superseded: true,
        };
        let mut accepted = known.clone();
        accepted.acknowledged = Some(Acknowledgement {
            by: "ops@bücher.example".to_owned(),
            at: 9,
        });
        Record {
            first_seen: 1,
            last_seen: 2,
            count: 3,
            certificates: vec![known, accepted],
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        assert_eq!(decode(&encode(&record())), Some(record()));
    }

    #[test]
    fn what_is_cut_or_longer_is_no_record_and_what_is_changed_is_no_panic() {
        let bytes = encode(&record());
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), None, "{end}");
        }
        assert_eq!(decode(&[bytes.clone(), vec![0]].concat()), None);
        for at in 0..bytes.len() {
            for value in [0, 1, 2, 0x7f, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Some(read) = decode(&changed) {
                    assert_eq!(encode(&read), changed, "{at} {value}");
                }
            }
        }
    }
}
