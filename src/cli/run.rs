//! `logq run -- CMD`: runs a program so that it records, and says at the end how it went.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::CliError;
use super::output;
use super::selection::StoreArgs;
use crate::investigation::Investigation;
use crate::launch::{self, End, Outcome, RunOptions};
use crate::spool::RunDir;
use crate::view::names;
use crate::view::threads::Overview;
use crate::view::verdict::{self, Ending, RootEnd};

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// End every process of the run after this time: 30s, 5m, 1h30m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,

    /// How much to record
    #[arg(long, value_enum, value_name = "CAPTURE")]
    capture: Option<Capture>,

    /// Print no verdict at the end
    #[arg(short, long)]
    quiet: bool,

    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// What the handler records; each includes the ones before it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Capture {
    /// Log records, exits, uncaught exceptions
    Records,
    /// And who started and fed whom [the default]
    Causal,
    /// And who waits for what, held by whom: threading's locks become wrappers that know their owner, which costs a program
    /// that does little else than lock
    Events,
}

impl Capture {
    fn name(self) -> &'static str {
        match self {
            Capture::Records => "records",
            Capture::Causal => "causal",
            Capture::Events => "events",
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time span; try 30s, 5m or 1h30m");
    // A bare number is seconds, as timeout(1) takes it.
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let span = seconds.or_else(|| humantime::parse_duration(text).ok());
    span.filter(|span| !span.is_zero()).ok_or_else(bad)
}

pub fn run(args: RunArgs) -> Result<ExitCode, CliError> {
    let here = std::env::current_dir().map_err(|error| CliError::Usage(format!("no working directory: {error}")))?;
    let dir = match &args.store.dir {
        Some(dir) => here.join(dir),
        // The nearest store, as every reader finds it, so that the next command finds this run.
        None => {
            crate::spool::StoreDir::find(&here).map_or_else(|_| here.join(".logq"), |store| store.path().to_owned())
        }
    };
    let mut options = RunOptions::new(dir, args.command.clone());
    options.timeout = args.timeout;
    options.capture = args.capture.map(|capture| capture.name().to_owned());
    let outcome = launch::run(&options)?;
    if !args.quiet {
        // Whatever goes wrong here, the program's own exit code is the answer.
        let _ = print_verdict(&args.command, &outcome);
    }
    Ok(exit_code(outcome.exit_code))
}

fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code & 0xff).unwrap_or(1))
}

fn print_verdict(command: &[OsString], outcome: &Outcome) -> Result<(), CliError> {
    let case = Investigation::open(RunDir::at(&outcome.path))?;
    let overview = Overview { run: &outcome.run, graph: &case.graph, alive: &case.alive, problems: &case.problems };
    let lasts = verdict::unfinished(&overview).into_iter().filter_map(|lane| case.graph.last_up_to(lane, u64::MAX));
    let contents = case.contents(lasts)?;
    let mut out = output::stderr();
    verdict::write(&ending(command, outcome), &overview, &contents, &mut out)?;
    out.flush()?;
    Ok(())
}

fn ending(command: &[OsString], outcome: &Outcome) -> Ending {
    let words: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let root = match (outcome.timed_out, outcome.root_end) {
        (Some(limit), Some(End::Exited(code))) => RootEnd::Timeout(limit, Some(code)),
        (Some(limit), _) => RootEnd::Timeout(limit, None),
        (None, Some(End::Signalled { signal, .. })) => RootEnd::Signal(signal),
        (None, Some(End::Exited(code))) => RootEnd::Code(code),
        (None, None) => RootEnd::Code(outcome.exit_code),
    };
    let mut unreached: Vec<String> = outcome.unreached.iter().map(ToString::to_string).collect();
    if outcome.lost > 0 {
        unreached.push(format!("{} records of logq run itself could not be written", outcome.lost));
    }
    Ending {
        program: names::command(&words),
        root_pid: outcome.root_pid,
        root,
        took: outcome.took,
        still_running: outcome.alive.iter().map(|process| (process.pid, names::command(&process.argv))).collect(),
        ended_by_logq: outcome
            .ended
            .iter()
            .map(|ended| (ended.process.pid, names::command(&ended.process.argv), ended.signal))
            .collect(),
        unreached,
    }
}
