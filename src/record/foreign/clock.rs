//! Times as other systems write them: RFC 3339 and its many relatives, ctime, syslog without a year, Apache, epoch numbers in
//! seconds, milliseconds, microseconds or nanoseconds. What a time leaves open, its zone or its date, [`Clock`] says.

use chrono::{DateTime, Datelike, FixedOffset, Local, NaiveDate, NaiveDateTime, TimeZone, Utc};

use crate::record::time::parse_rfc3339;

/// What a time that is not whole is completed with.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The zone of times that name none; `None`: this machine's.
    pub zone: Option<FixedOffset>,
    /// When the file was last written, ns since 1970: a time without a year or without a date is the last such one before it.
    pub near: i64,
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Clock {
    /// Nanoseconds since 1970 of a text that is a time and nothing else.
    pub fn read(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        if let Some(ts) = parse_rfc3339(text) {
            return Some(ts);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'))
            && let Some(ts) = of_decimal(text)
        {
            return Some(ts);
        }
        let (ts, len) = self.read_at(text)?;
        (len == text.len()).then_some(ts)
    }

    /// The time that a text begins with, and how long it is. Bare numbers are none here.
    pub fn read_at(&self, text: &str) -> Option<(i64, usize)> {
        let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
        let date = scan.date();
        if date.is_some() && !scan.between() {
            return None;
        }
        let (seconds, nanos) = scan.time_of_day()?;
        let year_behind = match date {
            Some(Date { year: None, .. }) => scan.optionally(|scan| {
                scan.literally(" ")?;
                scan.digits(4, 4)
            }),
            _ => None,
        };
        let zone = scan.optionally(Scan::zone);
        if scan.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let ts = self.whole(date, year_behind, seconds, nanos, zone)?;
        Some((ts, scan.at))
    }

    fn whole(&self, date: Option<Date>, year: Option<u32>, seconds: i64, nanos: i64, zone: Option<i32>) -> Option<i64> {
        let at = |year: i32, month: u32, day: u32| {
            let midnight = NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(0, 0, 0)?;
            let naive = midnight.checked_add_signed(chrono::Duration::seconds(seconds))?;
            self.absolute(naive, zone)?.checked_add(nanos)
        };
        let near = || DateTime::<Utc>::from_timestamp_nanos(self.near);
        match date {
            Some(Date { year: Some(year), month, day }) => at(year, month, day),
            Some(Date { year: None, month, day }) => match year {
                Some(year) => at(i32::try_from(year).ok()?, month, day),
                // The file was not written before its lines: a December read in January is last year's.
                None => [0, 1, 4].into_iter().find_map(|ago| {
                    at(near().year() - ago, month, day).filter(|ts| *ts <= self.near.saturating_add(DAY))
                }),
            },
            None => {
                let today = near().date_naive();
                let today = at(today.year(), today.month(), today.day())?;
                if today > self.near.saturating_add(SECOND) { today.checked_sub(DAY) } else { Some(today) }
            }
        }
    }

    fn absolute(&self, naive: NaiveDateTime, zone: Option<i32>) -> Option<i64> {
        let fixed = match zone {
            Some(seconds) => Some(FixedOffset::east_opt(seconds)?),
            None => self.zone,
        };
        match fixed {
            Some(offset) => offset.from_local_datetime(&naive).earliest()?.timestamp_nanos_opt(),
            // An hour that a change of the clocks leaves out is as if they had not changed.
            None => match Local.from_local_datetime(&naive).earliest() {
                Some(time) => time.timestamp_nanos_opt(),
                None => naive.and_utc().timestamp_nanos_opt(),
            },
        }
    }
}

/// An epoch number as text, with all its digits.
fn of_decimal(text: &str) -> Option<i64> {
    if text.contains(['e', 'E']) {
        return of_float(text.parse().ok()?);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unit = unit_of(whole.parse::<i64>().ok()?)?;
    let mut ts = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        ts = ts.checked_add(i64::from(digit - b'0') * place)?;
    }
    Some(ts)
}

/// Nanoseconds since 1970 of an epoch number, whose size tells its unit.
pub fn of_int(number: i64) -> Option<i64> {
    number.checked_mul(unit_of(number)?)
}

pub fn of_float(number: f64) -> Option<i64> {
    if !number.is_finite() || number.abs() > 9.2e18 {
        return None;
    }
    let unit = unit_of(number as i64)?;
    // A double holds microseconds of our time and no more: digits beyond are not the writer's.
    let micros = (number * (unit as f64) / 1e3).round();
    (micros.abs() < 9.2e15).then(|| micros as i64 * 1000)
}

/// Nanoseconds a unit: of seconds up to the year 5138, of milliseconds from 1973 on, and so forth. Small numbers are
/// counters or durations, no times.
fn unit_of(number: i64) -> Option<i64> {
    match number.unsigned_abs() {
        0..100_000_000 => None,
        100_000_000..100_000_000_000 => Some(SECOND),
        100_000_000_000..100_000_000_000_000 => Some(1_000_000),
        100_000_000_000_000..100_000_000_000_000_000 => Some(1_000),
        _ => Some(1),
    }
}

#[derive(Debug, Clone, Copy)]
struct Date {
    year: Option<i32>,
    month: u32,
    day: u32,
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes back where it was when there is none.
    fn optionally<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let at = self.at;
        let read = read(self);
        if read.is_none() {
            self.at = at;
        }
        read
    }

    fn literally(&mut self, text: &str) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(text.as_bytes()).then(|| self.at += text.len())
    }

    fn one_of(&mut self, these: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| these.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if len < least || rest.get(len).is_some_and(u8::is_ascii_digit) && least == most && len < most {
            return None;
        }
        self.at += len;
        Some(rest[..len].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    }

    /// The three letters of a month or a weekday, and the rest of a whole name.
    fn name(&mut self, of: &[&str]) -> Option<u32> {
        let rest = &self.bytes[self.at..];
        let short = rest.get(..3)?;
        let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).take(10).count();
        let found = of.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(short)).filter(|_| len <= 9)?;
        self.at += len;
        u32::try_from(found).ok()
    }

    fn date(&mut self) -> Option<Date> {
        self.optionally(Scan::year_first)
            .or_else(|| self.optionally(Scan::compact))
            .or_else(|| self.optionally(Scan::day_first))
            .or_else(|| self.optionally(Scan::named))
    }

    /// `2026-11-22`, `2026/11/22`, `2026.11.22`.
    fn year_first(&mut self) -> Option<Date> {
        let year = self.digits(4, 4)?;
        let mark = self.one_of(b"-/.")?;
        let month = self.digits(1, 2)?;
        self.one_of(&[mark])?;
        Some(Date { year: Some(i32::try_from(year).ok()?), month, day: self.digits(1, 2)? })
    }

    /// `20261122`.
    fn compact(&mut self) -> Option<Date> {
        let (year, month, day) = (self.digits(4, 4)?, self.digits(2, 2)?, self.digits(2, 2)?);
        self.peek().is_some_and(|byte| matches!(byte, b'T' | b' ' | b'-' | b'_')).then_some(())?;
        Some(Date { year: Some(i32::try_from(year).ok()?), month, day })
    }

    /// `22/Nov/2026`, `22 Nov 2026`, `22.11.2026`, and with slashes as in America unless the first number is no month.
    fn day_first(&mut self) -> Option<Date> {
        let first = self.digits(1, 2)?;
        let mark = self.one_of(b"/-. ")?;
        if let Some(month) = self.optionally(|scan| scan.name(&MONTHS)) {
            self.one_of(&[mark])?;
            let year = self.digits(4, 4)?;
            return Some(Date { year: Some(i32::try_from(year).ok()?), month: month + 1, day: first });
        }
        let second = self.digits(1, 2)?;
        self.one_of(&[mark])?;
        let year = i32::try_from(self.digits(4, 4)?).ok()?;
        let (month, day) = if mark == b'/' && first <= 12 { (first, second) } else { (second, first) };
        Some(Date { year: Some(year), month, day })
    }

    /// `Nov 22`, `Sun Nov 22`, `Sun, 22 Nov 2026`, `Nov 22 2026`.
    fn named(&mut self) -> Option<Date> {
        self.optionally(|scan| {
            scan.name(&WEEKDAYS)?;
            scan.optionally(|scan| scan.literally(","));
            scan.literally(" ")
        });
        if let Some(date) = self.optionally(Scan::day_first) {
            return Some(date);
        }
        let month = self.name(&MONTHS)? + 1;
        self.literally(" ")?;
        self.optionally(|scan| scan.literally(" "));
        let day = self.digits(1, 2)?;
        let year = self.optionally(|scan| {
            scan.optionally(|scan| scan.literally(","));
            scan.literally(" ")?;
            let year = scan.digits(4, 4)?;
            (scan.peek() != Some(b':')).then_some(year)
        });
        Some(Date { year: year.and_then(|year| i32::try_from(year).ok()), month, day })
    }

    /// What stands between a date and a time.
    fn between(&mut self) -> bool {
        let from = self.at;
        while self.at - from < 2 && self.one_of(b" Tt_:,-").is_some() {}
        self.at > from
    }

    /// `17:15`, `17:15:03`, `17:15:03,120`, `5:15:03 PM`: seconds of the day and nanoseconds.
    fn time_of_day(&mut self) -> Option<(i64, i64)> {
        let hour = self.digits(1, 2)?;
        self.one_of(b":")?;
        let minute = self.digits(2, 2)?;
        let second = self.optionally(|scan| {
            scan.one_of(b":")?;
            scan.digits(2, 2)
        });
        let nanos = second.and_then(|_| self.optionally(Scan::fraction)).unwrap_or(0);
        let half = self.optionally(|scan| {
            scan.optionally(|scan| scan.literally(" "));
            let half = scan.one_of(b"aApP")?;
            scan.one_of(b"mM")?;
            Some(half.eq_ignore_ascii_case(&b'p'))
        });
        let hour = match half {
            Some(is_late) if (1..=12).contains(&hour) => hour % 12 + if is_late { 12 } else { 0 },
            Some(_) => return None,
            None => hour,
        };
        let second = second.unwrap_or(0);
        (hour < 24 && minute < 60 && second <= 60).then_some(())?;
        Some((i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59)), nanos))
    }

    fn fraction(&mut self) -> Option<i64> {
        self.one_of(b".,")?;
        let rest = &self.bytes[self.at..];
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (len > 0).then_some(())?;
        self.at += len;
        let places = rest[..len].iter().chain(std::iter::repeat(&b'0')).take(9);
        Some(places.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    }

    /// Seconds east of Greenwich.
    fn zone(&mut self) -> Option<i32> {
        self.optionally(|scan| scan.literally(" "));
        for name in ["Z", "z", "UTC", "GMT"] {
            if self.optionally(|scan| scan.literally(name)).is_some() {
                return Some(0);
            }
        }
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2, 2)?;
        let minutes = self.optionally(|scan| {
            scan.optionally(|scan| scan.literally(":"));
            scan.digits(2, 2)
        });
        (hours <= 15).then(|| sign * i32::try_from(hours * 3600 + minutes.unwrap_or(0) * 60).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::time::to_rfc3339;
    use proptest::prelude::*;

    fn clock() -> Clock {
        let near = parse_rfc3339("2026-01-05T00:00:00Z").expect("a time");
        Clock { zone: FixedOffset::east_opt(0), near }
    }

    fn read(text: &str) -> String {
        clock().read(text).map_or_else(|| "none".to_owned(), to_rfc3339)
    }

    #[test]
    fn every_usual_form_is_a_time() {
        let same = [
            "2025-12-22T17:15:03.120Z",
            "2025-12-22 17:15:03,120",
            "2025-12-22 17:15:03.120 +0000",
            "2025-12-22T18:15:03.12+01:00",
            "2025-12-22 11:15:03.120-06",
            "2025/12/22 17:15:03.120 UTC",
            "20251222T171503.120".replace("171503", "17:15:03").as_str(),
            "22/Dec/2025:17:15:03.120 +0000",
            "22 Dec 2025 17:15:03.120",
            "Mon, 22 Dec 2025 17:15:03.120 GMT",
            "Mon Dec 22 17:15:03.120 2025",
            "Dec 22 17:15:03.120",
            "Dec 22, 2025 05:15:03.120 PM",
            "22.12.2025 17:15:03,120",
            "12/22/2025 17:15:03.120",
            "1766423703.120",
            "1766423703120",
            "1766423703120000",
            "1766423703120000000",
        ]
        .map(|text| (text.to_owned(), read(text)));
        for (text, ts) in same {
            assert_eq!(ts, "2025-12-22T17:15:03.120000000Z", "{text}");
        }
        assert_eq!(of_float(1_766_423_703.120_456).map(to_rfc3339).as_deref(), Some("2025-12-22T17:15:03.120456000Z"));
        assert_eq!(read("Jan  4 01:02:03"), "2026-01-04T01:02:03.000000000Z");
        assert_eq!(read("Dec  4 01:02:03"), "2025-12-04T01:02:03.000000000Z");
        assert_eq!(read("23:59:59,5"), "2026-01-04T23:59:59.500000000Z");
    }

    #[test]
    fn what_is_no_time_or_beyond_all_times_is_none() {
        let beyond = ["2262-04-11 23:47:16,854775808Z", "1677-09-21 00:12:42,1Z"];
        let other =
            ["", "yesterday", "42", "12.5", "2025-13-01 00:00:00", "2025-12-22", "25:00:00", "May be 12", "1.2.3"];
        for text in beyond.into_iter().chain(other) {
            assert_eq!(read(text), "none", "{text}");
        }
        assert_eq!(Clock { near: i64::MIN, ..clock() }.read("23:59:59"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9TZ:.,+ /JanDecPM-]{0,40}|.{0,40}") {
            let _ = clock().read(&text);
            let _ = clock().read_at(&text);
        }

        #[test]
        fn what_we_print_is_read(ts in 1_000_000_000_000_000_000_i64..4_000_000_000_000_000_000) {
            prop_assert_eq!(clock().read(&to_rfc3339(ts)), Some(ts));
            let text = to_rfc3339(ts).replace('T', " ").replace('.', ",");
            prop_assert_eq!(clock().read(text.trim_end_matches('Z')), Some(ts));
        }
    }
}
