//! `logq diff`: where two runs part; and, of runs that passed and runs that failed, what moves with the outcome.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, Format};
use super::selection::StoreArgs;
use super::{CliError, exit};
use crate::diff::{self, Account, Names, Roles};
use crate::investigation::{self, Compared, RunChoice};
use crate::spool::StoreDir;
use crate::view::diff::{Many, Pair, Sample};
use crate::view::{diff_json, json};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 no difference, 1 differences (durations, and which of several equal lanes did what, \
                        are none), 2 bad usage, 3 not readable.\n\nTen runs, one of which fails:\n  \
                        for i in 1 2 3 4 5 6 7 8 9 10; do logq run -- python prog.py; done\n  logq runs\n  \
                        logq diff --fail 20261122-171503 --pass 20261122-171501 20261122-171502 …"
)]
pub struct DiffArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// Two runs: their names, or unambiguous beginnings of them
    #[arg(value_name = "RUN", num_args = 2, conflicts_with_all = ["pass", "fail"])]
    runs: Vec<String>,

    /// Runs that passed; with --fail
    #[arg(long, value_name = "RUN", num_args = 1.., value_delimiter = ',', requires = "fail")]
    pass: Vec<String>,

    /// Runs that failed; with --pass
    #[arg(long, value_name = "RUN", num_args = 1.., value_delimiter = ',', requires = "pass")]
    fail: Vec<String>,

    /// text for people, json for programs (one document)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub fn diff(args: DiffArgs) -> Result<ExitCode, CliError> {
    if args.runs.is_empty() && args.pass.is_empty() {
        let text = "say which: logq diff RUN RUN, or logq diff --pass RUN… --fail RUN… (logq runs lists them)";
        return Err(CliError::Usage(text.to_owned()));
    }
    let store = investigation::find_store(args.store.dir.as_deref())?;
    let words: Vec<&String> = args.runs.iter().chain(&args.pass).chain(&args.fail).collect();
    let mut names = Names::default();
    let runs = read(&store, &words, args.runs.is_empty(), &mut names)?;
    let samples: Vec<Sample> = runs.iter().map(|run| Sample { run: &run.account, lacks: &run.lacks }).collect();
    let accounts: Vec<&Account> = runs.iter().map(|run| &run.account).collect();
    let roles = Roles::of(&accounts);
    let mut out = output::answer_and_code(args.format);
    let differs = if args.runs.is_empty() {
        many(&args, &samples, &roles, &names, &mut out)?
    } else {
        let difference = diff::compare(accounts[0], accounts[1], &roles);
        let pair = Pair { one: samples[0], other: samples[1], difference: &difference, names: &names, roles: &roles };
        match args.format {
            Format::Text => pair.write(&mut out)?,
            Format::Json => writeln!(out, "{}", json::harmless(&format!("{:#}", diff_json::pair(&pair))))?,
        }
        !difference.is_none()
    };
    out.flush()?;
    Ok(ExitCode::from(if differs { exit::NOTHING_FOUND } else { exit::FOUND }))
}

/// Reads the runs that are named, each once.
fn read(store: &StoreDir, words: &[&String], is_outcome: bool, names: &mut Names) -> Result<Vec<Compared>, CliError> {
    let mut runs = Vec::new();
    for word in words {
        let run = investigation::newest_run(store, &RunChoice::Named((*word).clone()))?;
        runs.push(run);
    }
    for (place, run) in runs.iter().enumerate() {
        // A run may be held against itself; but that it passed and failed cannot be.
        if is_outcome && runs[..place].iter().any(|other| other.name() == run.name()) {
            return Err(CliError::Usage(format!("run {} is named twice", run.name())));
        }
    }
    runs.into_iter().map(|run| Compared::open(run, names).map_err(CliError::from)).collect()
}

/// What moves with the outcome, and where a failing run parts from the passing one that is most like it; whether anything
/// differs.
fn many(
    args: &DiffArgs,
    samples: &[Sample],
    roles: &Roles,
    names: &Names,
    out: &mut dyn Write,
) -> Result<bool, CliError> {
    let accounts: Vec<&Account> = samples.iter().map(|sample| sample.run).collect();
    let passed: Vec<usize> = (0..args.pass.len()).collect();
    let failed: Vec<usize> = (args.pass.len()..samples.len()).collect();
    let outcome = diff::outcome(&accounts, roles, &passed, &failed);
    let (fail, pass) = outcome.closest;
    let own = roles.pair(pass, fail);
    let difference = diff::compare(accounts[pass], accounts[fail], &own);
    let pair = Pair { one: samples[pass], other: samples[fail], difference: &difference, names, roles: &own };
    let (passed, failed) = (passed.len(), failed.len());
    let all = Many { runs: samples, passed, failed, outcome: &outcome, names, roles };
    match args.format {
        Format::Json => {
            let document = diff_json::many(&all, diff_json::pair(&pair));
            writeln!(out, "{}", json::harmless(&format!("{document:#}")))?;
        }
        Format::Text => {
            all.write(out)?;
            writeln!(out, "\na failing run (B) and the passing one that is most like it (A):")?;
            pair.write(out)?;
        }
    }
    Ok(!outcome.separators.is_empty() || !difference.is_none())
}
