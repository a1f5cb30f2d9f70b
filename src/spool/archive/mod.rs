//! A run as one file: what stands in its spool, each part packed, in a tar that every tar reads. How it is made is in `make`, how
//! it is opened, and what of a file that a stranger sent is refused, in `open`.
//!
//! The first directory is the run's name; below it lie its parts and the claims of its processes, nothing else: no index, no lock,
//! no note of where foreign logs were read. The last entry says that it is whole.

mod make;
mod open;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

pub use make::make;
pub use open::open;

use super::sources::SourceId;
use super::{SpoolError, packed};

/// The entry that closes an archive.
const END: &str = "end";

/// What makes an archive none, or keeps it from being made or opened.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{} is no run packed by `logq pack -o`: {why}", path.display())]
    Other { path: PathBuf, why: String },
    #[error("nowhere to open {} into: neither XDG_CACHE_HOME nor HOME is set", path.display())]
    NoCache { path: PathBuf },
}

impl ArchiveError {
    fn io(doing: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> ArchiveError + use<> {
        let path = path.to_owned();
        move |source| ArchiveError::Io { doing, path, source }
    }
}

/// Whether a file of that name belongs into an archive: a packed part or a claim.
fn belongs(name: &str) -> bool {
    is_claim(name) || name.strip_suffix(packed::ENDING).is_some_and(is_part)
}

/// Whether it is a plain part's name.
fn is_part(name: &str) -> bool {
    name.strip_suffix(".jsonl").is_some_and(|stem| stem.parse::<SourceId>().is_ok())
}

fn is_claim(name: &str) -> bool {
    name.strip_suffix(".claim").is_some_and(|stem| stem.parse::<u32>().is_ok_and(|number| number.to_string() == stem))
}
