//! A run read to be held against others: what it did, and what of it is not there.

use super::{Investigation, InvestigationError};
use crate::diff::{Account, Names, Recorder};
use crate::spool::RunDir;

/// A run that can be held against others.
pub struct Compared {
    pub account: Account,
    /// Why a difference may be none: what could not be read, what is missing, that it still grows.
    pub lacks: Vec<String>,
}

impl Compared {
    /// Reads the whole run. The names are those of all runs that are to be held against each other.
    ///
    /// # Errors
    /// When the run's directory cannot be read.
    pub fn open(run: RunDir, names: &mut Names) -> Result<Compared, InvestigationError> {
        let mut recorder = Recorder::default();
        let case = Investigation::read(run, Some(&mut |record| recorder.add(record, names)))?;
        let lacks = lacks(&case);
        let account = Account::new(case.run.name(), case.graph, recorder, names);
        Ok(Compared { account, lacks })
    }
}

fn lacks(case: &Investigation) -> Vec<String> {
    let mut lacks = case.problems.clone();
    let own = || case.graph.processes.iter().filter(|process| !process.is_logq());
    let gaps: u64 = case.graph.lanes.iter().map(|lane| lane.gaps).sum();
    let sums = [
        (gaps, "missing between others"),
        (own().map(|process| process.lost).sum(), "could not be written"),
        (own().map(|process| process.dropped).sum(), "dropped to keep to a ring or a cap"),
        (own().map(|process| process.malformed).sum(), "unreadable"),
    ];
    lacks.extend(sums.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} records {what}")));
    if own().any(|process| case.alive.contains(&process.proc)) {
        lacks.push("it is still being written".to_owned());
    }
    lacks
}
