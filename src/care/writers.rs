//! Whether somebody writes into a run: the program that is recorded, or a collector that takes logs in.

use std::fs::File;
use std::io;

use crate::intake;
use crate::spool::{Listing, RunDir, is_alive};

pub(super) fn is_written_into(run: &RunDir) -> bool {
    is_recorded_into(run) || intake::is_busy(run)
}

/// Keeps collectors from taking logs in, for as long as what is given lives. A program that has ended records nothing any more.
///
/// # Errors
/// Somebody writes.
pub(super) fn keep_out(run: &RunDir) -> io::Result<Option<File>> {
    let held = intake::hold(run);
    // A run of no logs has no lock of theirs.
    if (held.is_none() && intake::is_foreign(run)) || is_recorded_into(run) {
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, "it is being written"));
    }
    Ok(held)
}

/// What cannot be told counts as alive.
fn is_recorded_into(run: &RunDir) -> bool {
    let lives = |listing: Listing| listing.processes.iter().any(|process| is_alive(&run.spool_path(), &process.proc));
    run.spool().list().map_or(true, lives)
}
