//! The made-up runs on disk, made anew where they are not there yet. They serve every benchmark of the reader.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use crate::story;

const SEED: u64 = 20261122;

/// Raised with each change of what is made.
const VERSION: u32 = 2;

/// The store of the run `bench` with so many records.
pub fn made(records: u64) -> Result<PathBuf, Box<dyn Error>> {
    let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../bench").join(format!("run-{records}"));
    let done = store.join("done");
    let wanted = format!("{SEED} {VERSION}");
    if fs::read_to_string(&done).is_ok_and(|done| done == wanted) {
        return Ok(store);
    }
    story::write(&store.join("runs/bench/spool"), records, SEED)?;
    fs::write(done, wanted)?;
    Ok(store)
}
