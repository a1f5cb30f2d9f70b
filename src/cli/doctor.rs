//! `logq doctor`: verifies runs, says what is damaged, and repairs what can be repaired.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::selection::StoreArgs;
use super::{CliError, exit, output};
use crate::care::doctor::{self, Checkup, Complaint};
use crate::investigation::{self, RunChoice};
use crate::spool::RunDir;
use crate::store::Verified;
use crate::view::printable::one_line;

/// Ends with 0 where everything is sound or was repaired, with 1 where something is damaged, with 3 where that could not be told.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// The run: its name, an unambiguous beginning of it, or `all` [default: all]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,

    /// Build wrong indexes anew from the spool, and take from others the right to read. No line is changed
    #[arg(long)]
    repair: bool,
}

pub fn doctor(args: DoctorArgs) -> Result<ExitCode, CliError> {
    let store = investigation::find_store(args.store.dir.as_deref())?;
    let choice = RunChoice::of(Some(args.run.as_deref().unwrap_or("all")));
    let mut out = output::stdout();
    let mut worst = exit::FOUND;
    for run in investigation::choose_runs(&store, &choice)? {
        let outcome = doctor::examine(&run).map_err(CliError::Doctor);
        let outcome = outcome.and_then(|checkup| tell(&run, &checkup, args.repair, &mut out));
        worst = worst.max(match outcome {
            Ok(true) => exit::FOUND,
            Ok(false) => exit::NOTHING_FOUND,
            Err(error @ CliError::Output(_)) => return Err(error),
            Err(error) => {
                eprintln!("logq: run {}: {}", one_line(run.name()), one_line(&error.to_string()));
                exit::UNREADABLE
            }
        });
    }
    out.flush()?;
    Ok(ExitCode::from(worst))
}

/// Says how it stands with a run, and does what can be done where that is wanted; true where nothing is wrong any more.
fn tell(run: &RunDir, checkup: &Checkup, repair: bool, out: &mut dyn Write) -> Result<bool, CliError> {
    writeln!(out, "{}", summary(run, checkup))?;
    let mut is_sound = true;
    for complaint in &checkup.complaints {
        let done = repair && doctor::repair(run, &complaint.remedy)?;
        is_sound &= done;
        writeln!(out, "  {}{}", one_line(&complaint.what), said_of(complaint, done))?;
    }
    Ok(is_sound)
}

fn summary(run: &RunDir, checkup: &Checkup) -> String {
    let index = match &checkup.index {
        Verified::None => "no index".to_owned(),
        Verified::Right { records, bytes_behind: 0 } => format!("index right, {records} records"),
        Verified::Right { records, bytes_behind } => {
            format!("index right, {records} records, {:.1} MB behind", *bytes_behind as f64 / 1e6)
        }
        Verified::Wrong { .. } => "index wrong".to_owned(),
        Verified::Newer { .. } => "index of a newer logq".to_owned(),
    };
    let verdict = if checkup.complaints.is_empty() { "ok" } else { "DAMAGED" };
    let size = checkup.bytes as f64 / 1e6;
    format!("{verdict}  {}  {} records, {size:.1} MB; {index}", one_line(run.name()), checkup.records)
}

fn said_of(complaint: &Complaint, is_repaired: bool) -> &'static str {
    match (&complaint.remedy, is_repaired) {
        (_, true) => "  repaired",
        (doctor::Remedy::Nothing, false) => "",
        (_, false) => "  (logq doctor --repair)",
    }
}
