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
use crate::view::stats::{Stats, Wanted, json as stats_json, text};

#[derive(Debug, Args)]
pub struct StatsArgs {
    #[command(flatten)]
    selection: SelectionArgs,

    /// At most N rows a table; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = ROWS)]
    limit: usize,

    /// text for people, json for programs (one document)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const ROWS: usize = 6;

pub fn stats(args: StatsArgs) -> Result<ExitCode, CliError> {
    let selection = args.selection.resolve()?;
    let store = investigation::find_store(selection.dir.as_deref())?;
    let case = Investigation::open(investigation::newest_run(&store, &selection.run)?)?;
    let lanes = case.lanes(&selection.lanes)?;
    let ledger = case.ledger()?;
    let schedule = Schedule::of(&case.graph, &ledger);
    let wanted = Wanted {
        lanes,
        is_part: !selection.lanes.is_empty(),
        since: selection.since,
        until: selection.until,
        end: None,
    };
    let Some(stats) = Stats::of(&schedule, &wanted) else {
        eprintln!("logq: nothing to show: run {} has no records there", case.run.name());
        return Ok(ExitCode::from(exit::NOTHING_FOUND));
    };
    let mut out = output::stdout();
    match args.format {
        Format::Text => {
            text::write(&stats, case.run.name(), if args.limit == 0 { usize::MAX } else { args.limit }, &mut out)?
        }
        Format::Json => {
            let document = stats_json::document(&stats, case.run.name());
            writeln!(out, "{}", json::harmless(&format!("{document:#}")))?;
        }
    }
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}
