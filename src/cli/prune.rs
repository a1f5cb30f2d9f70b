//! `logq prune`: removes old runs, by age, number or size.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{ArgGroup, Args};

use super::run::{duration, size};
use super::selection::StoreArgs;
use super::{CliError, exit, output};
use crate::care::prune::{self, Keep};
use crate::investigation;
use crate::view::printable;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["older_than", "keep_runs", "max_size"])))]
pub struct PruneArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// Remove runs into which nothing has been written for so long: 12h, 30d
    #[arg(long, value_name = "TIME", value_parser = duration)]
    older_than: Option<Duration>,

    /// Remove all but the newest N runs
    #[arg(long, value_name = "N")]
    keep_runs: Option<usize>,

    /// Remove the oldest runs until the others are no larger together: 500M, 20G
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,

    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
}

pub fn prune(args: PruneArgs) -> Result<ExitCode, CliError> {
    let store = investigation::find_store(args.store.dir.as_deref())?;
    let keep = Keep { younger_than: args.older_than, newest: args.keep_runs, size: args.max_size };
    let weighed = prune::weigh(&store, &keep, SystemTime::now())?;
    let mut out = output::stdout();
    let (mut gone, mut freed, mut failed) = (0_u64, 0_u64, false);
    for (path, error) in if args.dry_run { Vec::new() } else { prune::finish(&store) } {
        failed = true;
        eprintln!("logq: cannot remove {}: {error}", printable::one_line(&path.to_string_lossy()));
    }
    for run in weighed.iter().filter(|run| run.goes) {
        let outcome = if args.dry_run { Ok(()) } else { prune::remove(&run.run) };
        match outcome {
            Ok(()) => {
                gone += 1;
                freed += run.size;
                let what = if args.dry_run { "would remove" } else { "removed" };
                writeln!(out, "{what} {}  {:.1} MB", printable::one_line(run.run.name()), run.size as f64 / 1e6)?;
            }
            Err(error) => {
                failed = true;
                eprintln!("logq: cannot remove {}: {error}", printable::one_line(run.run.name()));
            }
        }
    }
    let stay = weighed.len() as u64 - gone;
    let size = weighed.iter().map(|run| run.size).sum::<u64>() - freed;
    let alive = weighed.iter().filter(|run| run.is_alive).count();
    write!(out, "{gone} runs, {:.1} MB; {stay} stay, {:.1} MB", freed as f64 / 1e6, size as f64 / 1e6)?;
    writeln!(out, "{}", if alive > 0 { format!(" ({alive} still being written)") } else { String::new() })?;
    out.flush()?;
    Ok(ExitCode::from(if failed { exit::UNREADABLE } else { exit::FOUND }))
}
