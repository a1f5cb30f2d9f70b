//! Verification of a run: are its files what they should be, and does its index say what its lines say. What can be made anew
//! from the spool, or set right without touching a line, is repaired on demand; no line is ever changed.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::collect::{self, CollectError};
use crate::intake;
use crate::spool::{Cursor, Problems, RunDir, SpoolError};
use crate::store::local::LocalStore;
use crate::store::{StoreError, Verified, verify};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    pub what: String,
    pub remedy: Remedy,
}

/// What can be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// The index is built anew from the spool.
    Index,
    /// The file becomes its user's alone.
    Permissions(PathBuf),
    /// Nothing: what is lost is lost, and every answer says so.
    Nothing,
}

/// How it stands with a run.
#[derive(Debug)]
pub struct Checkup {
    /// Records in the spool.
    pub records: u64,
    pub bytes: u64,
    pub index: Verified,
    pub complaints: Vec<Complaint>,
}

/// What keeps a run from being examined or repaired.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Collect(#[from] CollectError),
    #[error("cannot change {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Looks at everything that a run has.
pub fn examine(run: &RunDir) -> Result<Checkup, DoctorError> {
    let listing = run.spool().list()?;
    let mut problems = listing.problems.clone();
    let (mut records, mut bytes) = (0, 0);
    for part in listing.parts() {
        bytes += part.len;
        part.read(&mut Cursor::default(), u64::MAX, &mut problems, &mut |_| {
            records += 1;
            ControlFlow::Continue(())
        });
    }
    let mut complaints = of_lines(&problems);
    of_files(run.path(), &mut complaints);
    if let Some(why) = intake::damage(run) {
        complaints.push(Complaint { what: why, remedy: Remedy::Nothing });
    }
    let index = verify(run)?;
    match &index {
        Verified::Wrong { why } => {
            complaints.push(Complaint { what: format!("the index is wrong: {why}"), remedy: Remedy::Index });
        }
        Verified::Newer { why } => complaints.push(Complaint { what: why.clone(), remedy: Remedy::Nothing }),
        Verified::None | Verified::Right { .. } => {}
    }
    Ok(Checkup { records, bytes, index, complaints })
}

/// Does what can be done about a complaint; false where that is nothing.
pub fn repair(run: &RunDir, remedy: &Remedy) -> Result<bool, DoctorError> {
    match remedy {
        Remedy::Nothing => return Ok(false),
        Remedy::Permissions(path) => {
            make_private(path).map_err(|source| DoctorError::Io { path: path.clone(), source })?;
        }
        Remedy::Index => {
            LocalStore::of(run).discard()?;
            collect::once(run, &mut |_| {})?;
        }
    }
    Ok(true)
}

fn of_lines(problems: &Problems) -> Vec<Complaint> {
    let text = problems.to_string();
    let what = text.lines().filter(|line| !line.is_empty());
    what.map(|line| Complaint { what: line.to_owned(), remedy: Remedy::Nothing }).collect()
}

/// Files that others may read, and links, which lead out of the run.
fn of_files(path: &Path, complaints: &mut Vec<Complaint>) {
    let Ok(about) = fs::symlink_metadata(path) else { return };
    if about.is_symlink() {
        let what = format!("{} is a link: it is not followed", path.display());
        complaints.push(Complaint { what, remedy: Remedy::Nothing });
        return;
    }
    if is_open_to_others(&about) {
        let what = format!("{} can be read by others", path.display());
        complaints.push(Complaint { what, remedy: Remedy::Permissions(path.to_owned()) });
    }
    if about.is_dir() {
        let listed = fs::read_dir(path).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<PathBuf>>>()
        });
        match listed {
            Ok(mut inside) => {
                inside.sort();
                inside.iter().for_each(|path| of_files(path, complaints));
            }
            Err(error) => {
                let what = format!("{} cannot be listed: {error}", path.display());
                complaints.push(Complaint { what, remedy: Remedy::Nothing });
            }
        }
    }
}

#[cfg(unix)]
fn is_open_to_others(about: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let about = fs::symlink_metadata(path)?;
    if about.is_symlink() {
        // It has become one since: what it leads to is none of ours.
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(if about.is_dir() { 0o700 } else { 0o600 }))
}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}
