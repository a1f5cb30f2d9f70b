//! `logq timeline`: what the chosen lanes did, in causal order, with the hand-overs between them.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, Format};
use super::selection::SelectionArgs;
use super::{CliError, exit};
use crate::investigation::{self, Investigation};
use crate::view::timeline::{Filter, Timeline};
use crate::view::{timeline_json, timeline_text};

#[derive(Debug, Args)]
pub struct TimelineArgs {
    #[command(flatten)]
    selection: SelectionArgs,

    /// At most the last N rows; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 200)]
    limit: usize,

    /// Show every event, also those that only carry names and stamps, and the hand-overs by locks
    #[arg(long)]
    all: bool,

    /// text for people, json for programs (one row a line)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Lanes that fit side by side; more are shown one below the other only when asked for by name.
const MOST_COLUMNS: usize = 12;

pub fn timeline(args: TimelineArgs) -> Result<ExitCode, CliError> {
    let selection = args.selection.resolve()?;
    let store = investigation::find_store(selection.dir.as_deref())?;
    let case = Investigation::open(investigation::newest_run(&store, &selection.run)?)?;
    let mut lanes = case.lanes(&selection.lanes)?;
    let mut remark = None;
    if selection.lanes.is_empty() && lanes.len() > MOST_COLUMNS && args.format == Format::Text {
        remark = Some(format!("showing {MOST_COLUMNS} of {} lanes; name others with --thread or --task", lanes.len()));
        lanes.truncate(MOST_COLUMNS);
    }
    let filter = Filter {
        level: selection.level,
        since: selection.since,
        until: selection.until,
        limit: (args.limit > 0).then_some(args.limit),
        everything: args.all,
    };
    let timeline = Timeline::of(&case.graph, lanes, &filter);
    let contents = case.contents(timeline.records())?;
    let mut out = output::stdout();
    if timeline.rows.is_empty() {
        eprintln!("logq: nothing to show: run {} has no records there", case.run.name());
        return Ok(ExitCode::from(exit::NOTHING_FOUND));
    }
    match args.format {
        Format::Text => timeline_text::write(&timeline, &contents, case.run.name(), &mut out)?,
        Format::Json => timeline_json::write(&timeline, &contents, &mut out)?,
    }
    if let Some(remark) = remark {
        writeln!(out, "{remark}")?;
    }
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}
