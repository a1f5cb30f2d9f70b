//! `logq search --histogram`: how many of the found records fall into each step of time.

use std::io::Write;
use std::process::ExitCode;

use super::output::{self, Format};
use super::search::{nothing_found, say_problems};
use super::{CliError, exit};
use crate::investigation::{self, SearchedRun};
use crate::query;
use crate::record::time;
use crate::view::{clock, json};

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
    let buckets =
        investigation::steps(first, last, step).map_err(|error| CliError::Usage(format!("--histogram: {error}")))?;
    let counts = investigation::histogram(runs, &buckets)?;
    let most = counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return nothing_found(runs);
    }
    let mut out = output::answer(format);
    for (place, count) in counts.iter().enumerate() {
        let ts = investigation::begin(&buckets, place);
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
