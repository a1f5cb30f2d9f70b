//! `logq collect`: indexes what has been recorded, once or as it grows. No answer needs it: readers read what the index
//! lacks themselves. It makes them fast on large runs.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::collect_files::{self, FileForm, Files};
use super::selection::StoreArgs;
use super::{CliError, exit, output};
use crate::collect::watch::Watch;
use crate::collect::{self, CollectError, Progress, Report, Stats, Target};
use crate::investigation::{self, RunChoice};
use crate::spool::RunDir;
use crate::store::StoreError;
use crate::view::printable;

#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Logs of other systems, or directories of such: they become a run of their own
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    store: StoreArgs,

    /// The run: its name, an unambiguous beginning of it, or `all` [default: the newest; with --follow: all, also those
    /// to come]. With PATH: the name of the run that they become [default: that of the first PATH]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,

    /// The form of the files
    #[arg(long, value_enum, default_value_t = FileForm::Auto, requires = "paths")]
    input: FileForm,

    /// What lines begin with, as a regular expression with named groups: time, level, logger, thread, pid, message or any
    /// field. Lines that do not match belong to the record before them
    #[arg(long, value_name = "REGEX", requires = "paths")]
    pattern: Option<String>,

    /// Go on as the runs grow, until interrupted
    #[arg(short = 'F', long)]
    follow: bool,

    /// Look for changes again and again instead of being told of them by the system. Where it does not tell of all of them
    /// (NFS, SMB, FUSE and the like) that is done anyway; this is for file systems that are not known to be so. Without it,
    /// files that are new or renamed there are seen within 5 s
    #[arg(long, requires = "follow")]
    poll: bool,

    /// Say how much was indexed and how fast
    #[arg(long)]
    stats: bool,
}

/// A catch-up that takes no longer than this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

pub fn collect(args: CollectArgs) -> Result<ExitCode, CliError> {
    if !args.paths.is_empty() {
        return collect_files::collect(Files {
            paths: args.paths,
            dir: args.store.dir,
            run: args.run,
            form: args.input,
            pattern: args.pattern,
            follow: args.follow,
            poll: args.poll,
            stats: args.stats,
        });
    }
    let store = investigation::find_store(args.store.dir.as_deref())?;
    let began = Instant::now();
    let choice = RunChoice::of(args.run.as_deref());
    let stats = if args.follow {
        let target = match &choice {
            RunChoice::Named(_) => Target::Run(investigation::newest_run(&store, &choice)?),
            _ => Target::All(store),
        };
        follow(&target, watch(args.poll))?
    } else {
        let mut all = Stats::default();
        for run in investigation::choose_runs(&store, &choice)? {
            all.merge(catch_up(&run)?);
        }
        all
    };
    say(&stats, args.stats.then(|| began.elapsed()))?;
    Ok(ExitCode::from(exit::FOUND))
}

/// Indexes what the run's index lacks, with a progress bar once it takes a while.
pub fn catch_up(run: &RunDir) -> Result<Stats, CollectError> {
    let began = Instant::now();
    let bar = ProgressBar::hidden();
    let style = ProgressStyle::with_template("logq: indexing {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    let stats = collect::once(run, &mut |Progress { done, total }| {
        if bar.is_hidden() && began.elapsed() > PATIENCE {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    stats
}

/// Set once somebody asks to stop.
pub(super) fn stop_on_signals() -> Result<Arc<AtomicBool>, CliError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

/// Who says where something has changed.
pub(super) fn watch(poll: bool) -> Watch {
    if poll { Watch::polling() } else { Watch::new() }
}

fn follow(target: &Target, watch: Watch) -> Result<Stats, CliError> {
    let stop = stop_on_signals()?;
    eprintln!("logq: collecting; Ctrl-C ends it");
    let report = &mut |Report::Failed { run, error }: Report<'_>| {
        eprintln!("logq: run {}: {}", run.name(), printable::one_line(&error.to_string()));
    };
    Ok(collect::follow(target, watch, &stop, report)?)
}

fn say(stats: &Stats, took: Option<Duration>) -> Result<(), CliError> {
    let mut out = output::stdout();
    if let Some(why) = &stats.rebuilt {
        writeln!(out, "the index was built anew: {}", printable::one_line(why))?;
    }
    let megabytes = stats.bytes as f64 / 1e6;
    write!(out, "indexed {} records, {megabytes:.1} MB", stats.records)?;
    match took {
        Some(took) => {
            let speed = megabytes / took.as_secs_f64().max(1e-9);
            writeln!(out, ", in {:.2} s ({speed:.1} MB/s)", took.as_secs_f64())?;
            let share = stats.index as f64 / (stats.spool as f64).max(1.0);
            let (index, commits) = (stats.index as f64 / 1e6, stats.commits);
            writeln!(out, "the index has {index:.1} MB, {share:.2} × what it covers; {commits} commits")?;
            if let Some(memory) = most_memory() {
                writeln!(out, "memory at most: {:.0} MB", memory as f64 / 1e6)?;
            }
        }
        None => writeln!(out)?,
    }
    for problem in stats.problems.to_string().lines() {
        writeln!(out, "{}", printable::one_line(problem))?;
    }
    Ok(out.flush()?)
}

/// The most memory that this process has had, in bytes; `None` where the system does not say.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Indexes first where a reader would have to scan more than it is worth. Where somebody else is at it, or the index
/// cannot be written, the reader scans: what is on disk is in the answer, always.
pub fn catch_up_if_behind(run: &RunDir, behind: u64) -> bool {
    if behind < crate::store::FAR_BEHIND {
        return false;
    }
    match catch_up(run) {
        Ok(_) => true,
        Err(CollectError::Store(StoreError::Busy { .. })) => false,
        Err(error) => {
            eprintln!("logq: not indexed, so this takes longer: {}", printable::one_line(&error.to_string()));
            false
        }
    }
}
