//! Times as people write them: what span of time a text means. The clock is never read here; the caller says what
//! `now` is. The time zone of this machine is (`chrono::Local`), for times that are written without one.

use chrono::{Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};

/// A stretch of time, nanoseconds since 1970. A time is as long as its last written unit: `17:15:03` a second,
/// `2026-11-22` a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: i64,
    /// The first nanosecond that is no longer in it.
    pub end: i64,
}

/// What the text means, for messages.
pub const FORMS: &str = "write a time as `2026-11-22T17:15:03.12Z`, `2026-11-22 17:15:03.12` (local), `2026-11-22`, `17:15:03` (today) or `-5m`";

const SECOND: i64 = 1_000_000_000;

/// RFC 3339, the same without a zone (local time) and without its end, a time of day (today's), `now`, `today`,
/// `yesterday`, or what lies before now, like `-5m` or `-1h30m`. `None` where the text is no time, or one outside
/// 1677 to 2262.
pub fn parse(text: &str, now: i64) -> Option<Span> {
    parse_in(&Local, text, now)
}

/// Whether the text counts from now: a moment, not a stretch that a record could lie in.
pub(super) fn is_relative(text: &str) -> bool {
    text == "now" || text.starts_with('-')
}

fn parse_in<Z: TimeZone>(zone: &Z, text: &str, now: i64) -> Option<Span> {
    let moment = |start: i64| Some(Span { start, end: start.saturating_add(1) });
    match text {
        "" => return None,
        "now" => return moment(now),
        _ => {}
    }
    if let Some(ago) = text.strip_prefix('-') {
        return moment(now.checked_sub(duration(ago)?)?);
    }
    let today = zone.timestamp_nanos(now).date_naive();
    match text {
        "today" => return day(zone, today),
        "yesterday" => return day(zone, today.pred_opt()?),
        _ => {}
    }
    let (date, clock) = match text.split_at_checked(10).filter(|(date, _)| date.as_bytes()[4] == b'-') {
        Some((date, clock)) => (NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?, clock),
        None => (today, text),
    };
    if clock.is_empty() {
        return day(zone, date);
    }
    let clock = if clock.len() == text.len() { clock } else { clock.strip_prefix(['T', 't', ' '])? };
    let (time, unit, offset) = clock_and_offset(clock)?;
    let local = NaiveDateTime::new(date, time);
    let start = match offset {
        Some(seconds) => local.and_utc().timestamp_nanos_opt()?.checked_sub(i64::from(seconds) * SECOND)?,
        None => nanos(zone, local)?,
    };
    Some(Span { start, end: start.saturating_add(unit) })
}

fn day<Z: TimeZone>(zone: &Z, date: NaiveDate) -> Option<Span> {
    let start = nanos(zone, date.and_time(NaiveTime::MIN))?;
    let end = nanos(zone, date.succ_opt()?.and_time(NaiveTime::MIN))?;
    Some(Span { start, end })
}

/// A local time as nanoseconds. Of an hour that comes twice it is the first; one that the clocks leave out is taken
/// as the hour after it.
fn nanos<Z: TimeZone>(zone: &Z, local: NaiveDateTime) -> Option<i64> {
    let later = || zone.from_local_datetime(&(local + chrono::TimeDelta::hours(1))).earliest();
    zone.from_local_datetime(&local).earliest().or_else(later)?.timestamp_nanos_opt()
}

/// `17:15[:03[.12]][Z|+01:00]`: the time, the length of its last unit, seconds east of UTC where said.
fn clock_and_offset(text: &str) -> Option<(NaiveTime, i64, Option<i32>)> {
    let offset_at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, offset) = text.split_at(offset_at);
    let offset = match offset {
        "" => None,
        "Z" | "z" => Some(0),
        _ => Some(offset_seconds(offset)?),
    };
    let (clock, fraction) = match clock.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    let mut units = clock.split(':');
    let hour = digits(units.next()?, 1..=2)?;
    let minute = digits(units.next()?, 2..=2)?;
    let second = units.next().map(|second| digits(second, 2..=2));
    if units.next().is_some() || (second.is_none() && fraction.is_some()) {
        return None;
    }
    let (sub_second, unit) = match (second, fraction) {
        (None, _) => (0, 60 * SECOND),
        (Some(_), None) => (0, SECOND),
        (Some(_), Some(fraction)) => {
            // Between two bytes of a letter it is no number anyway.
            let (kept, beyond) = fraction.split_at_checked(fraction.len().min(9))?;
            digits(beyond, 0..=usize::MAX)?;
            let unit = 10_i64.pow(9 - kept.len() as u32);
            (digits(kept, 1..=9)? * unit as u32, unit)
        }
    };
    let second = second.unwrap_or(Some(0))?;
    Some((NaiveTime::from_hms_nano_opt(hour, minute, second, sub_second)?, unit, offset))
}

/// `+01:00`, `+0100` or `+01` as seconds.
fn offset_seconds(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_at_checked(2)?;
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    let minutes = if minutes.is_empty() { 0 } else { digits(minutes, 2..=2)? };
    let seconds = digits(hours, 2..=2)? * 3600 + minutes * 60;
    if minutes > 59 || seconds > 24 * 3600 {
        return None;
    }
    Some(sign * seconds as i32)
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
    if !length.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // What lies beyond nanoseconds may be long, and counts for nothing.
    if text.len() > 9 || text.is_empty() { Some(0) } else { text.parse().ok() }
}

/// The length of a step of time, like `1h30m`, in nanoseconds.
pub fn step(text: &str) -> Option<u64> {
    duration(text).and_then(|length| u64::try_from(length).ok()).filter(|length| *length > 0)
}

/// `1h30m` in nanoseconds.
fn duration(mut text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 8] = [
        ("ns", 1),
        ("us", 1000),
        ("ms", 1_000_000),
        ("s", SECOND),
        ("m", 60 * SECOND),
        ("h", 3600 * SECOND),
        ("d", 86_400 * SECOND),
        ("w", 7 * 86_400 * SECOND),
    ];
    let mut sum = 0_i64;
    loop {
        let number_end = text.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, rest) = text.split_at(number_end);
        let unit_end = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(unit_end);
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(*length)?)?;
        if rest.is_empty() {
            return Some(sum);
        }
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::time::{parse_rfc3339, to_rfc3339};
    use chrono::FixedOffset;
    use proptest::prelude::*;

    /// What the text means in a zone one hour east, at 10:00 UTC; `start..end` or `-`.
    fn check(text: &str, expected: &str) {
        let zone = FixedOffset::east_opt(3600).expect("a zone");
        let now = parse_rfc3339("2026-11-22T10:00:00Z").expect("a time");
        let short = |ts: i64| to_rfc3339(ts).replace(".000000000Z", "Z");
        let found = parse_in(&zone, text, now).map(|span| format!("{}..{}", short(span.start), short(span.end)));
        assert_eq!(found.as_deref().unwrap_or("-"), expected, "{text}");
    }

    #[test]
    fn a_time_is_as_long_as_its_last_unit() {
        check("2026-11-22T17:15:03Z", "2026-11-22T17:15:03Z..2026-11-22T17:15:04Z");
        check("2026-11-22 17:15:03", "2026-11-22T16:15:03Z..2026-11-22T16:15:04Z");
        check("2026-11-22t17:15:03.5+02:00", "2026-11-22T15:15:03.500000000Z..2026-11-22T15:15:03.600000000Z");
        check("2026-11-22 17:15:03,120", "2026-11-22T16:15:03.120000000Z..2026-11-22T16:15:03.121000000Z");
        check("17:15", "2026-11-22T16:15:00Z..2026-11-22T16:16:00Z");
        check("2026-11-22", "2026-11-21T23:00:00Z..2026-11-22T23:00:00Z");
        check("today", "2026-11-21T23:00:00Z..2026-11-22T23:00:00Z");
        check("yesterday", "2026-11-20T23:00:00Z..2026-11-21T23:00:00Z");
        check("00:00:00.1234567891Z", "2026-11-22T00:00:00.123456789Z..2026-11-22T00:00:00.123456790Z");
        check("-1h30m", "2026-11-22T08:30:00Z..2026-11-22T08:30:00.000000001Z");
        check("-250ms", "2026-11-22T09:59:59.750000000Z..2026-11-22T09:59:59.750000001Z");
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "-",
            "5",
            "-5",
            "-5y",
            "-m",
            "17",
            "17:1",
            "25:00",
            "17:15:61",
            "17:15.5",
            "17:15:03.",
            "17:15:03.12345678é",
            "17:15:03.x",
            "2026-13-01",
            "2026-11-22x17:00",
            "2026-11-22 ",
            "2026-11-22 17:15:03+1",
            "2026-11-22 17:15:03+25:00",
            "9999-01-01",
            "-99999999999999w",
            "tomorrow",
            "éééé-11",
        ] {
            check(text, "-");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9TZz:.,+ é-]{0,32}", now in any::<i64>()) {
            let _ = parse(&text, now);
        }

        #[test]
        fn full_times_are_exact(ts in any::<i64>()) {
            prop_assert_eq!(parse(&to_rfc3339(ts), 0), Some(Span { start: ts, end: ts.saturating_add(1) }));
        }
    }
}
