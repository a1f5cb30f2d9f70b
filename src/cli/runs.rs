//! `logq runs`: the runs of the store, newest last.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, Format};
use super::selection::StoreArgs;
use super::{CliError, exit};
use crate::investigation::{self, Investigation, RunChoice};
use crate::view::json;
use crate::view::runs::{self, RunLine};
use crate::view::threads::Overview;

#[derive(Debug, Args)]
pub struct RunsArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// At most the newest N runs; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: usize,

    /// text for people, json for programs (one run a line)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub fn runs(args: RunsArgs) -> Result<ExitCode, CliError> {
    let store = investigation::find_store(args.store.dir.as_deref())?;
    let mut found = investigation::choose_runs(&store, &RunChoice::All)?;
    let older = if args.limit > 0 { found.len().saturating_sub(args.limit) } else { 0 };
    found.drain(..older);
    let mut out = output::answer(args.format);
    if older > 0 && args.format == Format::Text {
        writeln!(out, "… {older} older runs (-n 0 shows all)")?;
    }
    for run in found {
        // A run that cannot be read is listed as such: the others are still there.
        let case = match Investigation::sketch(run.clone()) {
            Ok(case) => case,
            Err(error) => {
                eprintln!("logq: {error}");
                continue;
            }
        };
        let overview = Overview { run: run.name(), graph: &case.graph, alive: &case.alive, problems: &case.problems };
        let line = RunLine::of(&overview);
        match args.format {
            Format::Text => runs::write(&line, &mut out)?,
            Format::Json => json::write_line(&line.to_json(), &mut out)?,
        }
    }
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}
