//! `logq` alone: what the last run was, and what to type next.

use std::io::Write;
use std::process::ExitCode;

use super::output::{self, Format};
use super::selection::StoreArgs;
use super::{CliError, exit};
use crate::investigation::{self, Investigation, InvestigationError, RunChoice};
use crate::spool::SpoolError;
use crate::view::diagnosis;
use crate::view::runs::{self, RunLine};
use crate::view::style::{self, paint};
use crate::view::threads::Overview;

const FIRST_STEPS: &str = "\
logq run -- python prog.py       run a program, record what its threads, processes and tasks do
logq diagnose                    what is wrong with it, and the evidence
logq threads                     what was there, and how each ended
logq timeline --thread 3         what thread 3 did, and what made it do that
logq why 1.t3@17                 what led to that record
logq search 'timeout level:ERROR'
logq stats                       where the time went
logq report -o run.html          the picture of it, as a page to look at
logq diff RUN RUN                where two runs part
logq help                        all of it";

pub fn welcome(store: &StoreArgs) -> Result<ExitCode, CliError> {
    let mut out = output::answer(Format::Text);
    match last_run(store) {
        Ok(case) => {
            let overview =
                Overview { run: case.run.name(), graph: &case.graph, alive: &case.alive, problems: &case.problems };
            writeln!(out, "{}", paint(style::DIM, "the last run:"))?;
            runs::write(&RunLine::of(&overview), &mut out)?;
            diagnosis::write_short(&case.findings(None), &mut out)?;
            writeln!(out)?;
        }
        // Nothing recorded here yet: the first steps say how.
        Err(InvestigationError::Spool(SpoolError::NoStore { .. }) | InvestigationError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    writeln!(out, "{FIRST_STEPS}")?;
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}

fn last_run(store: &StoreArgs) -> Result<Investigation, InvestigationError> {
    let store = investigation::find_store(store.dir.as_deref())?;
    Investigation::open(investigation::newest_run(&store, &RunChoice::Newest)?)
}
