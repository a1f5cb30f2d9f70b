//! Packs what nobody writes any more: the parts of a run that has ended become seekable zstd, read in place by every command.
//!
//! All parts are packed and safe on the disk before the first plain one goes, so that whoever lists the spool meanwhile finds
//! each part under one of its names; and whatever dies when, every part is there whole. Which part is where is for `spool`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::writers;
use crate::intake;
use crate::spool::archive::{self, ArchiveError};
use crate::spool::{self, Part, RunDir, SpoolError};

/// A part of no more takes one block of the disk, packed or not.
const SMALL: u64 = 4096;

/// What was packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packed {
    pub parts: u64,
    /// Bytes before and after.
    pub plain: u64,
    pub packed: u64,
}

/// What keeps a run from being packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("run {run} is being written; what has ended can be packed")]
    Alive { run: String },
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("another logq packs run {run}")]
    Busy { run: String },
    #[error("cannot pack {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl PackError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> PackError + use<> {
        let path = path.to_owned();
        move |source| PackError::Io { path, source }
    }
}

/// Puts a run into one file, to be sent to somebody; how large it is. The run stays as it is.
///
/// # Errors
/// [`PackError::Alive`] while somebody may still add to it: what is in the file would be told to have ended.
pub fn send(run: &RunDir, to: &Path) -> Result<u64, PackError> {
    let can_tell = cfg!(unix) || intake::is_foreign(run);
    let Some(_held) = writers::keep_out(run).ok().filter(|_| can_tell) else {
        return Err(PackError::Alive { run: run.name().to_owned() });
    };
    Ok(archive::make(run, to)?)
}

/// Packs the parts of a run that are not packed yet.
///
/// # Errors
/// [`PackError::Alive`] while somebody may still add to them.
pub fn pack(run: &RunDir) -> Result<Packed, PackError> {
    let busy = || PackError::Busy { run: run.name().to_owned() };
    let lock = File::open(run.path()).map_err(PackError::io(run.path()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(busy()),
        Err(fs::TryLockError::Error(error)) => return Err(PackError::io(run.path())(error)),
    }
    let can_tell = cfg!(unix) || intake::is_foreign(run);
    let Some(_held) = writers::keep_out(run).ok().filter(|_| can_tell) else {
        return Err(PackError::Alive { run: run.name().to_owned() });
    };
    let spool_path = run.spool_path();
    let listing = run.spool().list()?;
    let plain: Vec<&Part> = listing.parts().filter(|part| !spool::is_packed(part) && part.len > SMALL).collect();
    let written = fs::metadata(&spool_path).and_then(|about| about.modified()).map_err(PackError::io(&spool_path))?;
    let mut packed = Packed::default();
    for part in &plain {
        packed.packed += spool::pack(&part.path).map_err(PackError::io(&part.path))?;
        packed.plain += part.len;
        packed.parts += 1;
    }
    if plain.is_empty() {
        return Ok(packed);
    }
    let remove = || {
        let dir = File::open(&spool_path)?;
        dir.sync_all()?;
        plain.iter().try_for_each(|part| spool::remove_plain(&part.path))?;
        // Nothing was written into the run: retention goes by that. Where it cannot be said, the run is only younger.
        let _ = dir.set_modified(written);
        Ok(())
    };
    remove().map_err(PackError::io(&spool_path))?;
    Ok(packed)
}
