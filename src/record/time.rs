//! Times: RFC 3339 text to nanoseconds since 1970 and back. No clock is read here.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};

/// Nanoseconds since 1970 of an RFC 3339 time; `None` when it is not one or out of range (1677 to 2262).
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    fast_utc(text.as_bytes()).or_else(|| DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt())
}

/// The form our own handler writes, `2026-11-22T17:15:03.120431000Z`, without chrono's general parser: every
/// line has one. Anything else is left to the caller.
fn fast_utc(text: &[u8]) -> Option<i64> {
    if text.len() != 30 || text[29] != b'Z' || text[19] != b'.' {
        return None;
    }
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(place, byte)| text[*place] != *byte) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to]
            .iter()
            .try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let nanos = number(20, 29)?;
    if !(1970..=2261).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let date = chrono::NaiveDate::from_ymd_opt(year as i32, month as u32, day as u32)?;
    let days = i64::from(date.num_days_from_ce()) - 719_163;
    Some((days * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000_000 + nanos)
}

/// `2026-11-22T17:15:03.120431000Z`.
pub fn to_rfc3339(ts: i64) -> String {
    DateTime::<Utc>::from_timestamp_nanos(ts).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// Appends the same, without chrono's general printer: for those who write lines by the million.
pub fn push_rfc3339(ts: i64, out: &mut Vec<u8>) {
    let (seconds, nanos) = (ts.div_euclid(1_000_000_000), ts.rem_euclid(1_000_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let date = i32::try_from(days + 719_163).ok().and_then(chrono::NaiveDate::from_num_days_from_ce_opt);
    let date = date.unwrap_or_default();
    let (year, month, day) = (date.year(), date.month(), date.day());
    let mut push = |number: i64, digits: usize, behind: u8| {
        let end = out.len() + digits;
        out.resize(end, b'0');
        let mut rest = number;
        for digit in out[end - digits..].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.push(behind);
    };
    push(year.into(), 4, b'-');
    push(month.into(), 2, b'-');
    push(day.into(), 2, b'T');
    push(second / 3600, 2, b':');
    push(second / 60 % 60, 2, b':');
    push(second % 60, 2, b'.');
    push(nanos, 9, b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_way_and_chrono_agree(ts in 0_i64..9_000_000_000_000_000_000) {
            let text = to_rfc3339(ts);
            prop_assert_eq!(fast_utc(text.as_bytes()), Some(ts));
            prop_assert_eq!(parse_rfc3339(&text), Some(ts));
        }

        #[test]
        fn both_print_the_same(ts in proptest::prelude::any::<i64>()) {
            let mut out = Vec::new();
            push_rfc3339(ts, &mut out);
            prop_assert_eq!(String::from_utf8_lossy(&out), to_rfc3339(ts));
        }

        #[test]
        fn any_text_is_a_time_or_none(text in "[0-9TZ:.+ -]{0,40}") {
            let slow = DateTime::parse_from_rfc3339(&text).ok().and_then(|time| time.timestamp_nanos_opt());
            prop_assert_eq!(parse_rfc3339(&text), slow);
        }
    }

    #[test]
    fn offsets_count() {
        assert_eq!(parse_rfc3339("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(parse_rfc3339("yesterday"), None);
    }
}
