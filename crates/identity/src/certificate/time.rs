//! Times of certificates (RFC 5280 section 4.1.2.5) as seconds since 1970, and back as text.

use crate::certificate::der::{Element, GENERALIZED_TIME, NotDer, UTC_TIME};

/// UTCTime `YYMMDDhhmmssZ` or GeneralizedTime `YYYYMMDDhhmmssZ`; no other form is allowed.
pub(crate) fn parse(element: Element<'_>) -> Result<i64, NotDer> {
    let (year, rest) = match element.tag {
        UTC_TIME => {
            let (short, rest) = number(element.value, 2)?;
            (if short < 50 { 2000 + short } else { 1900 + short }, rest)
        }
        GENERALIZED_TIME => number(element.value, 4)?,
        _ => return Err(NotDer),
    };
    let (month, rest) = number(rest, 2)?;
    let (day, rest) = number(rest, 2)?;
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest, 2)?;
    let (second, rest) = number(rest, 2)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return Err(NotDer),
    };
    let in_range = (1..=days_in_month).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if !in_range || rest != b"Z" {
        return Err(NotDer);
    }
    Ok(((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn number(bytes: &[u8], digits: usize) -> Result<(i64, &[u8]), NotDer> {
    let (number, rest) = bytes.split_at_checked(digits).ok_or(NotDer)?;
    if !number.iter().all(u8::is_ascii_digit) {
        return Err(NotDer);
    }
    Ok((
        number.iter().fold(0, |sum, &digit| sum * 10 + i64::from(digit - b'0')),
        rest,
    ))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; years start in March, so that the
/// leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// `2026-11-22 16:13:29 UTC`.
pub(crate) fn text(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400);
    let of_day = seconds.rem_euclid(86_400);
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(tag: u8, value: &str) -> Result<i64, NotDer> {
        parse(Element {
            tag,
            value: value.as_bytes(),
            whole: &[],
        })
    }

    #[test]
    fn both_forms_and_the_way_back() {
        // The right column is what `date -u -d … +%s` says.
        for (tag, value, seconds, written) in [
            (UTC_TIME, "700101000000Z", 0, "1970-01-01 00:00:00 UTC"),
            (UTC_TIME, "210930140115Z", 1_633_010_475, "2021-09-30 14:01:15 UTC"),
            (UTC_TIME, "491231235959Z", 2_524_607_999, "2049-12-31 23:59:59 UTC"),
            (UTC_TIME, "500101000000Z", -631_152_000, "1950-01-01 00:00:00 UTC"),
            (
                GENERALIZED_TIME,
                "20991231235959Z",
                4_102_444_799,
                "2099-12-31 23:59:59 UTC",
            ),
            (
                GENERALIZED_TIME,
                "20240229120000Z",
                1_709_208_000,
                "2024-02-29 12:00:00 UTC",
            ),
        ] {
            assert_eq!(parsed(tag, value), Ok(seconds), "{value}");
            assert_eq!(text(seconds), written);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for (tag, bad) in [
            (UTC_TIME, "2109301401Z"),
            (UTC_TIME, "210930140115+0000"),
            (UTC_TIME, "211330140115Z"),
            (UTC_TIME, "210931140115Z"),
            (UTC_TIME, "210229140115Z"),
            (UTC_TIME, "210930240115Z"),
            (GENERALIZED_TIME, "20210930140115.5Z"),
            (GENERALIZED_TIME, "+0210930140115Z"),
            (0x0c, "210930140115Z"),
        ] {
            assert_eq!(parsed(tag, bad), Err(NotDer), "{bad}");
        }
    }

    #[test]
    fn text_never_panics() {
        text(i64::MAX);
        text(i64::MIN);
    }
}
