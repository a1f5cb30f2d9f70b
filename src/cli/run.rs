//! `logq run -- CMD`: runs a program so that it records, and says at the end how it went.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::CliError;
use super::output;
use super::selection::StoreArgs;
use crate::diagnose::Finding;
use crate::investigation::Investigation;
use crate::launch::{self, End, Outcome, RunOptions};
use crate::spool::RunDir;
use crate::view::diagnosis;
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

    /// Record log records from this level on even where the program's own levels drop them: a name or a number
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    record_level: Option<String>,

    /// Of records below WARNING keep only the last that fit into this size, in each process: 64MB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    ring: Option<u64>,

    /// Keep at most this much of each process, the newest: 1GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    spool_cap: Option<u64>,

    /// Note what threads, tasks and processes do to the variables, files and databases that they share. Slow: for tests
    #[arg(long)]
    races: bool,

    /// Record each print() as well
    #[arg(long)]
    prints: bool,

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
    /// And every acquisition and release of a lock
    Full,
}

impl Capture {
    fn name(self) -> &'static str {
        match self {
            Capture::Records => "records",
            Capture::Causal => "causal",
            Capture::Events => "events",
            Capture::Full => "full",
        }
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time span; try 30s, 5m or 1h30m");
    // A bare number is seconds, as timeout(1) takes it.
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let span = seconds.or_else(|| humantime::parse_duration(text).ok());
    span.filter(|span| !span.is_zero()).ok_or_else(bad)
}

/// A level as Python's handler takes it; the names are Python's own.
fn level(text: &str) -> Result<String, String> {
    const NAMES: [&str; 5] = ["debug", "info", "warning", "error", "critical"];
    let name = text.to_ascii_lowercase();
    let known = NAMES.contains(&name.as_str()) || name.parse::<u16>().is_ok();
    if known { Ok(name) } else { Err(format!("`{text}` is no level; try {} or a number", NAMES.join(", "))) }
}

/// Bytes. A unit is a power of 1024, whichever way it is written.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is no size; try 65536, 64MB or 1G");
    let trimmed = text.trim().to_ascii_lowercase();
    let digits = trimmed.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == ' ');
    let shift = match trimmed[digits.len()..].trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(bad()),
    };
    let count = digits.parse::<f64>().ok().filter(|count| count.is_finite() && *count > 0.0).ok_or_else(bad)?;
    let bytes = count * (1_u64 << shift) as f64;
    // Above that it is no limit at all, and no signed number either.
    if (1.0..9e18).contains(&bytes) { Ok(bytes as u64) } else { Err(bad()) }
}

/// Runs up to this size are read whole while the program waits for its signals to be passed on.
const QUICKLY_READ: u64 = 64 << 20;

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
    options.record_level = args.record_level;
    options.ring = args.ring;
    options.spool_cap = args.spool_cap;
    options.races = args.races;
    options.prints = args.prints;
    let mut said = Vec::new();
    let mut on_standstill = |run: &Path| {
        if !args.quiet {
            let _ = print_standstill(run, &mut said);
        }
    };
    let outcome = launch::run(&options, &mut on_standstill)?;
    if !args.quiet {
        // Whatever goes wrong here, the program's own exit code is the answer.
        let _ = print_verdict(&args.command, &outcome);
    }
    Ok(exit_code(outcome.exit_code))
}

/// While the program hangs: what is certain or likely to be wrong. A program that stands still for good reasons (a
/// server without requests) hears nothing, and what was `said` is not said again.
fn print_standstill(path: &Path, said: &mut Vec<u8>) -> Result<(), CliError> {
    let run = RunDir::at(path);
    let mut text = Vec::new();
    if size_of(&run.spool_path()) > QUICKLY_READ {
        writeln!(text, "logq: the program stands still; `logq diagnose` says whether it hangs")?;
    } else {
        let findings = Investigation::open(run)?.findings(None);
        if !findings.iter().any(Finding::counts) {
            return Ok(());
        }
        writeln!(text, "logq: the program stands still, and something is wrong:")?;
        diagnosis::write_short(&findings, &mut text)?;
    }
    if text != *said {
        let mut out = output::stderr();
        out.write_all(&text)?;
        out.flush()?;
        *said = text;
    }
    Ok(())
}

fn size_of(spool: &Path) -> u64 {
    let entries = std::fs::read_dir(spool).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
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
    verdict::write(&ending(command, outcome), &overview, &case.findings(None), &contents, &mut out)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_levels_as_people_write_them() {
        for (text, bytes) in
            [("65536", 65536), ("64MB", 64 << 20), ("64 MiB", 64 << 20), ("1.5k", 1536), ("2g", 2 << 30)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "MB", "-1", "0", "1X", "nan", "inf", "1e30"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert_eq!((level("DEBUG"), level("5")), (Ok("debug".to_owned()), Ok("5".to_owned())));
        assert!(level("loud").is_err());
    }
}
