//! `logq stats`: where a run's time went, and what it would have taken without the worst of it.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, Format};
use super::selection::SelectionArgs;
use super::{CliError, exit};
use crate::causality::time::Schedule;
use crate::investigation::{self, Investigation};
use crate::view::json;
use crate::view::stats::{Stats, Wanted, json as stats_json, steps, text};
use crate::view::style::{self, paint};
use crate::view::threads::Overview;

#[derive(Debug, Args)]
pub struct StatsArgs {
    #[command(flatten)]
    selection: SelectionArgs,

    /// The critical path step by step, instead of the sums
    #[arg(long)]
    critical_path: bool,

    /// The critical path back from this record [default: the end of the run, or of the chosen lanes]
    #[arg(long, value_name = "ID")]
    at: Option<String>,

    /// At most N rows a table; 0 for all [default: 6, with --critical-path 30]
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,

    /// text for people, json for programs (one document)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const ROWS: usize = 6;
const STEPS: usize = 30;

pub fn stats(args: StatsArgs) -> Result<ExitCode, CliError> {
    let selection = args.selection.resolve()?;
    let store = investigation::find_store(selection.dir.as_deref())?;
    let case = Investigation::open(investigation::newest_run(&store, &selection.run)?)?;
    let lanes = case.lanes(&selection.lanes)?;
    let end = args.at.as_deref().map(|id| case.record(&id.parse()?, &selection.lanes).map_err(CliError::from));
    let end = end.transpose()?;
    let ledger = case.ledger()?;
    let schedule = Schedule::of(&case.graph, &ledger);
    let wanted =
        Wanted { lanes, is_part: !selection.lanes.is_empty(), since: selection.since, until: selection.until, end };
    let overview = Overview { run: case.run.name(), graph: &case.graph, alive: &case.alive, problems: &case.problems };
    let Some(stats) = Stats::of(&schedule, &wanted) else {
        eprintln!("logq: nothing to show: run {} has no records there", case.run.name());
        return Ok(ExitCode::from(exit::NOTHING_FOUND));
    };
    let mut out = output::answer(args.format);
    let limit = args.limit.unwrap_or(if args.critical_path { STEPS } else { ROWS });
    let most = if limit == 0 { usize::MAX } else { limit };
    let run = case.run.name();
    match (args.format, args.critical_path) {
        (Format::Text, false) => text::write(&stats, run, most, &mut out)?,
        (Format::Text, true) => steps::write(&stats, run, most, &mut out)?,
        (Format::Json, steps) => {
            let document = stats_json::document(&stats, run, steps);
            json::write_line(&document, &mut out)?;
        }
    }
    if args.format == Format::Text {
        for missing in overview.missing() {
            writeln!(out, "{} {missing}", paint(style::WARN, "missing:"))?;
        }
    }
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}
