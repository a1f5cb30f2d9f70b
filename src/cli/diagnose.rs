//! `logq diagnose`: what is wrong with a run, worst first, each with its evidence.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, Format};
use super::selection::StoreArgs;
use super::{CliError, exit};
use crate::diagnose::{self, Diagnosis};
use crate::investigation::{self, Investigation, RunChoice};
use crate::view::threads::Overview;
use crate::view::{diagnosis, diagnosis_json, json};

#[derive(Debug, Args)]
pub struct DiagnoseArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// The run: its name, an unambiguous beginning of it, or `all` [default: the newest]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,

    /// Only findings of this kind
    #[arg(long, value_name = "KIND")]
    only: Option<String>,

    /// Say what a kind of finding means, how it is recognised and what helps
    #[arg(long, value_name = "KIND", conflicts_with = "only")]
    explain: Option<String>,

    /// text for people, json for programs (one document a run)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub fn diagnose(args: DiagnoseArgs) -> Result<ExitCode, CliError> {
    let mut out = output::answer_and_code(args.format);
    if let Some(word) = &args.explain {
        writeln!(out, "{}", kind(word)?.explain())?;
        out.flush()?;
        return Ok(ExitCode::from(exit::FOUND));
    }
    let only = args.only.as_deref().map(kind).transpose()?;
    let store = investigation::find_store(args.store.dir.as_deref())?;
    let runs = investigation::choose_runs(&store, &RunChoice::of(args.run.as_deref()))?;
    let newest = investigation::newest_run(&store, &RunChoice::Newest)?;
    let mut at_fault = false;
    for run in runs {
        let case = Investigation::open(run)?;
        let mut findings = case.findings(only);
        // What is recommended asks about the newest run, unless it says which.
        if case.run.name() != newest.name() {
            for see in findings.iter_mut().filter_map(|finding| finding.see.as_mut()) {
                see.push_str(&format!(" --run {}", case.run.name()));
            }
        }
        at_fault |= findings.iter().any(diagnose::Finding::counts);
        let overview =
            Overview { run: case.run.name(), graph: &case.graph, alive: &case.alive, problems: &case.problems };
        match args.format {
            Format::Json => json::write_line(&diagnosis_json::document(&findings, &overview), &mut out)?,
            Format::Text => {
                diagnosis::write(&findings, &overview, &mut out)?;
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::from(if at_fault { exit::NOTHING_FOUND } else { exit::FOUND }))
}

fn kind(word: &str) -> Result<&'static dyn Diagnosis, CliError> {
    diagnose::named(word).ok_or_else(|| {
        let all: Vec<&str> = diagnose::ALL.iter().map(|diagnosis| diagnosis.kind()).collect();
        CliError::Usage(format!("no kind of finding is called `{word}`; there is {}", all.join(", ")))
    })
}
