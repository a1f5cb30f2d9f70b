//! The command line: what clap parses, and which function answers. Only this folder knows clap.

mod collect;
mod collect_files;
mod completions;
mod diagnose;
mod diff;
mod doctor;
mod dump;
mod error;
mod export;
mod follow;
mod histogram;
mod manual;
mod output;
mod pack;
mod pager;
mod prune;
pub mod reference;
mod report;
mod run;
mod runs;
mod search;
mod selection;
mod serve;
mod stats;
mod terminal;
mod threads;
mod timeline;
mod welcome;
mod why;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use error::CliError;
use output::ColorChoice;

/// The flight recorder and causal debugger for concurrent Python.
///
/// Run a program under it (`logq run -- python prog.py`), then ask what each thread, process and task did and what
/// made it do that. What is on disk is in the answer, also after kill -9.
#[derive(Debug, Parser)]
#[command(name = "logq", version, max_term_width = 100, subcommand_required = false)]
struct Cli {
    /// When to colour the output
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    color: ColorChoice,

    /// Print long answers, too, instead of showing them in a pager (LOGQ_PAGER, PAGER, or less)
    #[arg(long, global = true)]
    no_pager: bool,

    #[command(flatten)]
    store: selection::StoreArgs,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run any program so that it records what its threads, processes and tasks do
    Run(run::RunArgs),
    /// Find records by words and fields
    Search(search::SearchArgs),
    /// Show what threads and tasks did, in causal order, with the hand-overs between them
    Timeline(timeline::TimelineArgs),
    /// Show what led to a record: the chain of hand-overs back to the root of the run
    Why(why::WhyArgs),
    /// Say what is wrong with a run: deadlocks and other hangs, lost exceptions, races, what is missing
    Diagnose(diagnose::DiagnoseArgs),
    /// Say where a run's time went: what decided how long it took, and who waited for what
    Stats(stats::StatsArgs),
    /// Say where two runs part and what differs; or, of runs that passed and runs that failed, what moves with the outcome
    Diff(diff::DiffArgs),
    /// Write the picture of a run as one page to look at, to keep, or to attach to a mail
    Report(report::ReportArgs),
    /// Show runs in a browser on this machine: pictures that grow with the run, searching, following
    Serve(serve::ServeArgs),
    /// Write a run for other tools: Perfetto, ShiViz, OpenTelemetry, or its own lines
    Export(export::ExportArgs),
    /// Ask a process that runs where it is: stacks, waits and who holds what, tasks
    Dump(dump::DumpArgs),
    /// List the processes, threads and tasks of a run and how each ended
    Threads(threads::ThreadsArgs),
    /// List the runs
    Runs(runs::RunsArgs),
    /// Index what has been recorded, once or as it grows
    Collect(collect::CollectArgs),
    /// Print what makes a shell complete logq's commands and options
    Completions(completions::CompletionsArgs),
    /// Print the manual page of logq or of one of its commands, or write them all to a folder
    Man(manual::ManArgs),
    /// Remove old runs, by age, number or size
    Prune(prune::PruneArgs),
    /// Make runs that have ended small; every command reads them as before
    Pack(pack::PackArgs),
    /// Hold runs against what they should be: files, lines, index; repair what can be made anew
    Doctor(doctor::DoctorArgs),
}

/// Exit codes: what scripts may rely on.
pub mod exit {
    pub const FOUND: u8 = 0;
    /// `diagnose`: faults that are certain or likely. `diff`: differences. `doctor`: damage.
    pub const NOTHING_FOUND: u8 = 1;
    pub const BAD_USAGE: u8 = 2;
    pub const UNREADABLE: u8 = 3;
}

/// Parses the command line, does what it says, prints errors; the process's exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; everything else is bad usage. A closed pipe loses only the text.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::BAD_USAGE } else { exit::FOUND });
        }
    };
    cli.color.apply();
    if cli.no_pager {
        pager::refuse();
    }
    let answer = match cli.command {
        None => welcome::welcome(&cli.store),
        Some(Command::Run(args)) => run::run(args),
        Some(Command::Search(args)) => search::search(args),
        Some(Command::Timeline(args)) => timeline::timeline(args),
        Some(Command::Why(args)) => why::why(args),
        Some(Command::Diagnose(args)) => diagnose::diagnose(args),
        Some(Command::Stats(args)) => stats::stats(args),
        Some(Command::Diff(args)) => diff::diff(args),
        Some(Command::Report(args)) => report::report(args),
        Some(Command::Serve(args)) => serve::serve(args),
        Some(Command::Export(args)) => export::export(args),
        Some(Command::Dump(args)) => dump::dump(args),
        Some(Command::Threads(args)) => threads::threads(args),
        Some(Command::Runs(args)) => runs::runs(args),
        Some(Command::Collect(args)) => collect::collect(args),
        Some(Command::Completions(args)) => completions::completions(args),
        Some(Command::Man(args)) => manual::man(args),
        Some(Command::Prune(args)) => prune::prune(args),
        Some(Command::Pack(args)) => pack::pack(args),
        Some(Command::Doctor(args)) => doctor::doctor(args),
    };
    match answer {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}
