//! `logq search --histogram`: how many of the found records fall into each step of time.

use std::io::Write;
use std::process::ExitCode;

use super::output::{self, Format};
use super::search::{nothing_found, say_problems};
use super::{CliError, exit};
use crate::investigation::{self, SearchedRun};
use crate::query;
use crate::record::time;
use crate::store::Buckets;
use crate::view::{clock, json};

/// About how many steps are shown where none is asked for, and how many at most.
const STEPS: u64 = 60;
const MOST_STEPS: u64 = 10_000;

/// Steps that people count in, in nanoseconds.
const SUITABLE: [u64; 19] = {
    const S: u64 = 1_000_000_000;
    [
        S / 1000,
        S / 200,
        S / 100,
        S / 20,
        S / 10,
        S / 2,
        S,
        2 * S,
        5 * S,
        10 * S,
        30 * S,
        60 * S,
        300 * S,
        600 * S,
        1800 * S,
        3600 * S,
        6 * 3600 * S,
        24 * 3600 * S,
        7 * 24 * 3600 * S,
    ]
};

/// The longest bar, in characters.
const BAR: u64 = 50;

pub fn print(runs: &[SearchedRun], step: &str, format: Format) -> Result<ExitCode, CliError> {
    let step = match step {
        "" => None,
        text => Some(query::time::step(text).ok_or_else(|| {
            CliError::Usage(format!("--histogram: `{text}` is no step of time; try 1s, 5m or 100ms"))
        })?),
    };
    let Some((first, last)) = investigation::span(runs)? else { return nothing_found(runs) };
    let buckets = buckets(first, last, step)?;
    let counts = investigation::histogram(runs, &buckets)?;
    let most = counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return nothing_found(runs);
    }
    let begin = |place: usize| buckets.start.saturating_add_unsigned(buckets.width.saturating_mul(place as u64));
    let mut out = output::stdout();
    for (place, count) in counts.iter().enumerate() {
        let ts = begin(place);
        match format {
            Format::Text => {
                let bar = "#".repeat(usize::try_from((count * BAR).div_ceil(most)).unwrap_or(0));
                writeln!(out, "{}  {count:>8}  {bar}", clock::date_and_time(ts))?;
            }
            Format::Json => {
                json::write_line(&serde_json::json!({"ts": time::to_rfc3339(ts), "count": count}), &mut out)?
            }
        }
    }
    out.flush()?;
    say_problems(runs);
    Ok(ExitCode::from(exit::FOUND))
}

/// Steps from the first moment to the last one, each beginning at a round time.
fn buckets(first: i64, last: i64, step: Option<u64>) -> Result<Buckets, CliError> {
    let span = u64::try_from(i128::from(last) - i128::from(first)).unwrap_or(0);
    let suitable = || SUITABLE.into_iter().find(|step| span / step < STEPS).unwrap_or(u64::MAX >> 2);
    let width = step.unwrap_or_else(suitable).max(1);
    let signed = i64::try_from(width).unwrap_or(i64::MAX);
    let start = first.div_euclid(signed).saturating_mul(signed);
    let count = u64::try_from(i128::from(last) - i128::from(start)).unwrap_or(0) / width + 1;
    if count > MOST_STEPS {
        return Err(CliError::Usage(format!(
            "--histogram: that would be {count} steps; the most is {MOST_STEPS}. Name a longer step, or --since and --until"
        )));
    }
    Ok(Buckets { start, width, count: usize::try_from(count).unwrap_or(usize::MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_begin_at_round_times_and_cover_everything() {
        let s = 1_000_000_000;
        let made = |first, last, step| buckets(first, last, step).map(|made| (made.start, made.width, made.count)).ok();
        assert_eq!(made(1_500_000_000, 3_200_000_000, Some(s)), Some((s as i64, s, 3)));
        assert_eq!(made(-1, 1, Some(s)), Some((-(s as i64), s, 2)));
        assert_eq!(made(0, 59_999_999_999, None), Some((0, s, 60)));
        assert_eq!(made(7, 7, None).map(|(.., count)| count), Some(1));
        assert_eq!(made(0, i64::MAX, Some(1)), None);
        assert!(made(i64::MIN + 1, i64::MAX, None).is_some());
    }
}
