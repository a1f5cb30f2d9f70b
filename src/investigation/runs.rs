//! Which runs are meant: the newest, one by a prefix of its name, or all.

use std::path::Path;

use super::InvestigationError;
use crate::spool::{RunDir, StoreDir, archive};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RunChoice {
    #[default]
    Newest,
    /// A run's name, or the beginning of one.
    Named(String),
    All,
}

impl RunChoice {
    pub fn of(text: Option<&str>) -> RunChoice {
        match text {
            None => RunChoice::Newest,
            Some("all") => RunChoice::All,
            Some(name) => RunChoice::Named(name.to_owned()),
        }
    }
}

/// The store that is named, be it a directory or a run that was packed into a file, or the nearest `.logq` from here upward.
pub fn find_store(dir: Option<&Path>) -> Result<StoreDir, InvestigationError> {
    let Some(dir) = dir else {
        let here = std::env::current_dir().unwrap_or_else(|_| ".".into());
        return Ok(StoreDir::find(&here)?);
    };
    if dir.is_file() {
        return Ok(archive::open(dir)?);
    }
    Ok(StoreDir::open(dir)?)
}

/// The runs that are meant, oldest first; never an empty list.
///
/// # Errors
/// [`InvestigationError::NotFound`] where there is none, or where the beginning of a name fits several.
pub fn choose_runs(store: &StoreDir, choice: &RunChoice) -> Result<Vec<RunDir>, InvestigationError> {
    let mut runs = store.runs()?;
    if runs.is_empty() {
        let what = format!("no runs in {}", store.path().display());
        return Err(InvestigationError::NotFound {
            what,
            there_is: vec!["make one: logq run -- python prog.py".into()],
        });
    }
    let name = match choice {
        RunChoice::All => return Ok(runs),
        RunChoice::Newest => return Ok(runs.split_off(runs.len() - 1)),
        RunChoice::Named(name) => name,
    };
    if let Some(exact) = runs.iter().position(|run| run.name() == name) {
        return Ok(vec![runs.swap_remove(exact)]);
    }
    // The last part of a name is the random one, so it names a run as well as the beginning does.
    let fits = |run: &&RunDir| run.name().starts_with(name.as_str()) || run.name().ends_with(&format!("-{name}"));
    let found: Vec<RunDir> = runs.iter().filter(fits).cloned().collect();
    match found.len() {
        1 => Ok(found),
        0 => Err(missing(format!("no run `{name}` in {}", store.path().display()), &runs)),
        n => Err(missing(format!("`{name}` fits {n} runs"), &found)),
    }
}

/// The one run that is meant, for what cannot be asked of several.
pub fn newest_run(store: &StoreDir, choice: &RunChoice) -> Result<RunDir, InvestigationError> {
    let mut runs = choose_runs(store, choice)?;
    match (choice, runs.pop()) {
        (RunChoice::All, _) | (_, None) => {
            let what = "this looks at one run; name it (--run) or leave --run out for the newest".to_owned();
            Err(InvestigationError::NotFound { what, there_is: Vec::new() })
        }
        (_, Some(run)) => Ok(run),
    }
}

fn missing(what: String, runs: &[RunDir]) -> InvestigationError {
    const SHOWN: usize = 10;
    let mut there_is: Vec<String> = runs.iter().rev().take(SHOWN).map(|run| run.name().to_owned()).collect();
    if runs.len() > SHOWN {
        there_is.push(format!("… and {} older ones", runs.len() - SHOWN));
    }
    InvestigationError::NotFound { what, there_is }
}
