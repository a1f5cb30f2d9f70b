//! Times and durations for people: local time of day to the microsecond, `200.1 ms`.

use chrono::{DateTime, Local, TimeZone};

/// Local time of a record, nanoseconds since 1970.
fn local(ts: i64) -> DateTime<Local> {
    Local.timestamp_nanos(ts)
}

/// `17:15:03.120431`.
pub fn time_of_day(ts: i64) -> String {
    local(ts).format("%H:%M:%S%.6f").to_string()
}

/// `2026-11-22 17:15:03.120`.
pub fn date_and_time(ts: i64) -> String {
    local(ts).format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// A column of times where what equals the line before is left blank: `17:15:03.120431`, then `        .120611`.
#[derive(Debug, Default)]
pub struct ClockColumn {
    second: Option<i64>,
}

impl ClockColumn {
    /// Columns that an entry takes.
    pub const WIDTH: usize = 15;

    pub fn entry(&mut self, ts: i64) -> String {
        let text = time_of_day(ts);
        let second = ts.div_euclid(1_000_000_000);
        if self.second.replace(second) == Some(second) {
            return format!("{:>15}", &text[8..]);
        }
        text
    }
}

/// `3.2 s`, `200.1 ms`, `15 µs`: a duration of nanoseconds in the unit that fits it.
pub fn duration(ns: u64) -> String {
    let value = ns as f64;
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.0} µs", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", value / 1e6),
        1_000_000_000..60_000_000_000 => format!("{:.2} s", value / 1e9),
        60_000_000_000..3_600_000_000_000 => {
            format!("{} min {:02} s", ns / 60_000_000_000, ns / 1_000_000_000 % 60)
        }
        _ => format!("{} h {:02} min", ns / 3_600_000_000_000, ns / 60_000_000_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let shown: Vec<String> =
            [9, 15_000, 200_100_000, 3_200_000_000, 61_000_000_000, 7_260_000_000_000].map(duration).into();
        assert_eq!(shown, ["9 ns", "15 µs", "200.1 ms", "3.20 s", "1 min 01 s", "2 h 01 min"]);
    }

    #[test]
    fn a_column_says_the_second_once() {
        let mut column = ClockColumn::default();
        assert_eq!(column.entry(1_000_000_000).len(), 15);
        assert_eq!(column.entry(1_120_431_000), "        .120431");
    }
}
