//! `logq threads`: the processes, threads and tasks of a run, and how each ended.

use std::collections::HashSet;
use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, Format};
use super::selection::LaneArgs;
use super::{CliError, exit};
use crate::causality::LaneIndex;
use crate::investigation::{self, Investigation};
use crate::view::json;
use crate::view::threads::Overview;

#[derive(Debug, Args)]
pub struct ThreadsArgs {
    #[command(flatten)]
    selection: LaneArgs,

    /// text for people, json for programs (one lane a line)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub fn threads(args: ThreadsArgs) -> Result<ExitCode, CliError> {
    let selection = args.selection.resolve()?;
    let store = investigation::find_store(selection.dir.as_deref())?;
    let mut found = false;
    let mut out = output::answer(args.format);
    for run in investigation::choose_runs(&store, &selection.run)? {
        let case = Investigation::sketch(run)?;
        let lanes = case.lanes(&selection.lanes)?;
        let overview =
            Overview { run: case.run.name(), graph: &case.graph, alive: &case.alive, problems: &case.problems };
        found |= !lanes.is_empty();
        match args.format {
            Format::Text => {
                let shown: HashSet<LaneIndex> = lanes.into_iter().collect();
                overview.write(&|lane| shown.contains(&lane), &mut out)?;
            }
            Format::Json => {
                for lane in &lanes {
                    json::write_line(&overview.lane_json(*lane), &mut out)?;
                }
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::from(if found { exit::FOUND } else { exit::NOTHING_FOUND }))
}
