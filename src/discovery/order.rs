//! The order of RFC 2782: by priority, and among equals at random by weight.

use super::SrvRecord;

/// Puts records of one priority into an order in which each comes first as often as its weight says.
/// `random` gives any number. Ends after `most` records.
pub(super) fn by_weight(mut records: Vec<SrvRecord>, most: usize, random: &mut dyn FnMut() -> u64) -> Vec<SrvRecord> {
    let mut ordered = Vec::new();
    // Records without weight stand first, so that they are drawn only by the lowest number.
    records.sort_by_key(|record| record.weight != 0);
    while !records.is_empty() && ordered.len() < most {
        let total: u64 = records.iter().map(|record| u64::from(record.weight)).sum();
        let drawn = random() % (total + 1);
        let mut running = 0;
        let chosen = records.iter().position(|record| {
            running += u64::from(record.weight);
            running >= drawn
        });
        ordered.push(records.remove(chosen.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(weight: u16) -> SrvRecord {
        SrvRecord {
            priority: 0,
            weight,
            port: weight,
            target: "a.example".to_owned(),
        }
    }

    /// xorshift: the same numbers in every run.
    fn numbers() -> impl FnMut() -> u64 {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        }
    }

    #[test]
    fn res_03_a_record_comes_first_as_often_as_its_weight_says() {
        let mut random = numbers();
        let mut first = [0_u32; 3];
        for _ in 0..20_000 {
            let ordered = by_weight(vec![record(10), record(0), record(30)], 32, &mut random);
            assert_eq!(ordered.len(), 3);
            match ordered[0].weight {
                0 => first[0] += 1,
                10 => first[1] += 1,
                _ => first[2] += 1,
            }
        }
        // 1 of 41, 10 of 41 and 30 of 41, within a tenth; the one without weight hardly ever.
        assert!((350..650).contains(&first[0]), "{first:?}");
        assert!((4_390..5_370).contains(&first[1]), "{first:?}");
        assert!((13_170..16_100).contains(&first[2]), "{first:?}");
    }

    #[test]
    fn without_weights_nothing_is_lost() {
        let ordered = by_weight(vec![record(0), record(0)], 32, &mut || u64::MAX);
        assert_eq!(ordered.len(), 2);
    }
}
