//! The files themselves: where runs lie, which parts a run has, whole lines out of bytes, who is still alive.
//!
//! A part is a plain file or, once nobody writes it any more, packed; only `content` knows which.
//!
//! Nothing here interprets a record beyond its process number, and nothing here knows an index. Files are read
//! with `pread`, never mapped: a part may be cut or removed while it is read, and that is data ([`Problems`]),
//! not failure. Only a directory that cannot be read at all is an error.

pub mod archive;
mod content;
mod follow;
mod layout;
mod lines;
mod liveness;
mod packed;
mod packing;
mod part;
mod problems;
mod sources;

#[cfg(test)]
mod packed_tests;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

pub use content::{Content, ReadAt};
pub use follow::Follower;
pub use layout::{RunDir, StoreDir};
pub use lines::{last_line_end, read_up_to};
pub use liveness::{HeldLock, hold, is_alive};
pub use packing::{is_packed, pack, remove_plain};
pub use part::{Cursor, Entry, OpenPart, Part, PartRead, Sight, Tail};
pub use problems::Problems;
pub use sources::{BadSource, Listing, Positions, Process, SourceId, Spool};

/// What keeps a whole store or run from being read.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{} belongs to user {owner}; to read it all the same, name it: --dir {}", path.display(), path.display())]
    NotOurs { path: PathBuf, owner: u32 },
    #[error("no {} here; `logq run -- CMD` makes one, --dir DIR names one", path.display())]
    NoStore { path: PathBuf },
    #[error(
        "`{name}` cannot name a run; letters, digits, `-`, `_` and `.` can, at most {max}, no `.` first",
        max = layout::MAX_NAME
    )]
    BadName { name: String },
    #[error("no run {name} in {}; `logq runs` lists what there is", dir.display())]
    NoRun { name: String, dir: PathBuf },
}

impl SpoolError {
    fn io(doing: &'static str, path: &Path, source: io::Error) -> SpoolError {
        SpoolError::Io { doing, path: path.to_owned(), source }
    }
}
