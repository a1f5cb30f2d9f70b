//! `logq timeline`: what the chosen lanes did, in causal order, with the hand-overs between them.

use std::cmp::Reverse;
use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, Format};
use super::selection::SelectionArgs;
use super::{CliError, exit};
use crate::causality::LaneIndex;
use crate::diagnose;
use crate::investigation::{self, Investigation};
use crate::view::timeline::{Filter, Timeline, lanes_around};
use crate::view::{printable, timeline_json, timeline_text};

#[derive(Debug, Args)]
pub struct TimelineArgs {
    #[command(flatten)]
    selection: SelectionArgs,

    /// At most the last N rows; 0 for all [default: 200, with --around 40]
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,

    /// What happened around this record, in its lane and in those that were busy then
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    around: Option<String>,

    /// Also the records of other lanes from which the hand-overs to these came
    #[arg(long)]
    with_causes: bool,

    /// All lanes, however many
    #[arg(long)]
    all: bool,

    /// Every event, also those that only carry names and stamps, and the hand-overs by locks
    #[arg(long)]
    events: bool,

    /// text for people, json for programs (one row a line)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Lanes that fit side by side; more are shown only when asked for.
const MOST_COLUMNS: usize = 8;

const ROWS: usize = 200;
const ROWS_AROUND: usize = 40;

pub fn timeline(args: TimelineArgs) -> Result<ExitCode, CliError> {
    let selection = args.selection.resolve()?;
    let store = investigation::find_store(selection.dir.as_deref())?;
    let run = investigation::newest_run(&store, &selection.run)?;
    let alone = if args.around.is_none() && !args.with_causes {
        Investigation::of_one_lane(&run, &selection.lanes)?
    } else {
        None
    };
    let case = alone.map_or_else(|| Investigation::open(run), Ok)?;
    let around = args.around.as_deref().map(|id| case.record(&id.parse()?, &selection.lanes).map_err(CliError::from));
    let around = around.transpose()?;
    let limit = args.limit.unwrap_or(if around.is_some() { ROWS_AROUND } else { ROWS });
    let mut lanes = match around {
        Some(at) if selection.lanes.is_empty() => lanes_around(&case.graph, at, limit, MOST_COLUMNS),
        _ => case.lanes(&selection.lanes)?,
    };
    lanes.extend(around.map(|at| at.lane).filter(|lane| !lanes.contains(lane)));
    let remark = (selection.lanes.is_empty() && around.is_none() && !args.all && args.format == Format::Text)
        .then(|| keep_busiest(&case, &mut lanes))
        .flatten();
    let filter = Filter {
        level: selection.level,
        since: selection.since,
        until: selection.until,
        limit: (limit > 0).then_some(limit),
        around,
        everything: args.events,
        causes: args.with_causes,
    };
    let timeline = Timeline::of(&case.graph, lanes, &filter);
    let contents = case.contents(timeline.records())?;
    let mut out = output::answer(args.format);
    if timeline.rows.is_empty() {
        eprintln!("logq: nothing to show: run {} has no records there", case.run.name());
        return Ok(ExitCode::from(exit::NOTHING_FOUND));
    }
    match args.format {
        Format::Text => timeline_text::write(&timeline, &contents, case.run.name(), &mut out)?,
        Format::Json => timeline_json::write(&timeline, &contents, &mut out)?,
    }
    if let Some(remark) = remark {
        writeln!(out, "\n{remark}")?;
    }
    write_clock_only(&case, args.format, &mut out)?;
    out.flush()?;
    // The process ends with this answer: to give back a graph of millions, piece by piece, takes a tenth as long as to make it.
    drop(timeline);
    std::mem::forget((case, contents));
    Ok(ExitCode::from(exit::FOUND))
}

/// Says of a run without hand-overs what its order is worth.
pub fn write_clock_only(case: &Investigation, format: Format, out: &mut dyn Write) -> Result<(), CliError> {
    match diagnose::clock_only(&case.graph).filter(|_| format == Format::Text) {
        Some(remark) => Ok(writeln!(out, "missing: {}", printable::one_line(&remark))?),
        None => Ok(()),
    }
}

/// Where nobody said which lanes: those that logged the most, in their own order.
fn keep_busiest(case: &Investigation, lanes: &mut Vec<LaneIndex>) -> Option<String> {
    let all = lanes.len();
    if all <= MOST_COLUMNS {
        return None;
    }
    let mut busiest = lanes.clone();
    busiest.sort_by_key(|lane| Reverse(case.graph.lane(*lane).logs));
    busiest.truncate(MOST_COLUMNS);
    lanes.retain(|lane| busiest.contains(lane));
    Some(format!("the {MOST_COLUMNS} busiest of {all} lanes; --all shows all, --thread and --task some"))
}
