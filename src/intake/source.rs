//! One file: which one it is, wherever it lies now, how far it has been read, and what became of it. How it is read on is for
//! `reading`.
//!
//! Its position is the end of the last record that was given out. What is held back behind it, for the lines that may belong to
//! it, is only in memory: whoever goes on reads it again.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::assemble::Assembler;
use super::covered::Covered;
use super::identity::{Head, Node, Print, Seen, head, node, tail};
use super::unpack::{Packing, Unpacked};
use crate::record::foreign::{Form, Origin};

/// What the ledger keeps of a file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Noted {
    pub number: u32,
    pub origin: u32,
    pub family: usize,
    pub rank: u64,
    pub path: PathBuf,
    pub node: Node,
    pub head: Head,
    pub position: u64,
    pub seen: Seen,
    pub last_ts: i64,
    pub rested: bool,
    pub retired: bool,
    /// What is written behind the position.
    pub written: Vec<Origin>,
}

/// Why of the end of a file nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// It is shorter than it was, or another text.
    Cut,
    /// It was removed while nobody had it open.
    Gone,
}

/// A copy of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Copied {
    /// Bytes that were compared.
    pub same: u64,
    /// It has all that was read.
    pub is_whole: bool,
    pub len: u64,
}

pub(super) struct Source {
    /// The number that its lines are written with: a copy's is that of the file which it goes on with.
    pub origin: u32,
    pub family: usize,
    /// The older ones of a family are read first.
    pub rank: u64,
    /// The time of the last record that had one.
    pub last_ts: i64,
    /// It was found where it is looked for.
    pub in_place: bool,
    /// It does not go on where it was left: it was cut, and is to be looked at.
    pub is_suspect: bool,
    pub(super) path: PathBuf,
    pub(super) node: Node,
    pub(super) head: Head,
    /// The farthest that was ever read of it.
    pub(super) seen: Seen,
    /// Of the bytes before the end of what this collector has read.
    pub(super) anchor: Print,
    pub(super) assembler: Assembler,
    pub(super) covered: Covered,
    pub(super) form: Option<Form>,
    pub(super) has_looked: bool,
    pub(super) file: Option<File>,
    pub(super) unpacked: Option<Unpacked>,
    pub(super) packing: Option<Packing>,
    /// Length of a packed file when it was last unpacked.
    pub(super) packed_len: u64,
    /// It was left alone, read to its end and with nothing new for a while.
    pub(super) rested: bool,
    /// It is over: what waits for more is given out, then nothing more.
    pub(super) is_ending: bool,
    pub(super) retired: bool,
    loss: Option<Loss>,
    pub(super) last_news: Instant,
    pub(super) modified: i64,
    pub(super) trouble: Option<String>,
}

impl Source {
    pub fn new(path: &Path, file: File, number: u32, family: usize, rank: u64) -> io::Result<Source> {
        let about = file.metadata()?;
        let head = head(&file)?;
        let noted = Noted {
            origin: number,
            family,
            rank,
            path: std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
            node: node(&about),
            head: Head::of(&head),
            last_ts: modified(&about),
            ..Noted::default()
        };
        let mut source = Source::of_noted(&noted);
        source.packing = Packing::of(&head);
        source.file = Some(file);
        source.in_place = true;
        source.modified = modified(&about);
        Ok(source)
    }

    /// A file as it was noted; it is not open yet.
    pub fn of_noted(noted: &Noted) -> Source {
        let mut covered = Covered::default();
        noted.written.iter().for_each(|origin| covered.add(*origin));
        Source {
            origin: noted.origin,
            family: noted.family,
            rank: noted.rank,
            last_ts: noted.last_ts,
            in_place: false,
            is_suspect: false,
            path: noted.path.clone(),
            node: noted.node,
            head: noted.head.clone(),
            seen: noted.seen,
            anchor: Print::default(),
            assembler: Assembler::at(noted.position),
            covered,
            form: None,
            has_looked: false,
            file: None,
            unpacked: None,
            packing: None,
            packed_len: 0,
            rested: noted.rested,
            is_ending: false,
            retired: noted.retired,
            loss: None,
            last_news: Instant::now(),
            modified: 0,
            trouble: None,
        }
    }

    /// A copy of a file that was cut: read on where the original was left.
    pub fn continued(mut self, from: &Source, copied: Copied) -> Source {
        self.assembler = Assembler::at(from.position());
        self.covered = from.covered.clone();
        self.seen = from.seen;
        if !copied.is_whole {
            self.covered = self.covered.within(copied.len);
            self.seen = Seen::default();
        }
        self.origin = from.origin;
        self.rank = from.rank;
        self.last_ts = from.last_ts;
        self
    }

    pub fn noted(&self, number: u32) -> Noted {
        Noted {
            number,
            origin: self.origin,
            family: self.family,
            rank: self.rank,
            path: self.path.clone(),
            node: self.node,
            head: self.head.clone(),
            position: self.position(),
            seen: self.seen,
            last_ts: self.last_ts,
            rested: self.rested,
            retired: self.retired,
            written: self.covered.origins(self.origin).filter(|_| !self.retired).collect(),
        }
    }

    /// Learns what was written of it behind its position.
    pub fn cover(&mut self, origin: Origin) {
        if origin.offset >= self.position() {
            self.covered.add(origin);
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn position(&self) -> u64 {
        self.assembler.position()
    }

    pub fn modified(&self) -> i64 {
        self.modified
    }

    pub fn unended(&self) -> u64 {
        if self.retired { 0 } else { self.assembler.unended() }
    }

    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    pub fn form(&self) -> Option<&Form> {
        self.form.as_ref()
    }

    pub fn set_form(&mut self, form: Form) {
        self.form = Some(form);
    }

    pub fn is_retired(&self) -> bool {
        self.retired
    }

    pub fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Known, and nowhere yet.
    pub fn is_missing(&self) -> bool {
        !self.retired && !self.is_ending && self.file.is_none()
    }

    pub fn node(&self) -> Node {
        self.node
    }

    /// Whether this file is the one that was known, wherever it lies now.
    pub fn is(&self, node: Node, head: &[u8]) -> bool {
        !self.retired && !self.is_ending && self.node == node && self.head.is_beginning_of(head)
    }

    /// Whether a file is a copy of this one, and how much speaks for that: of all that was read of it, or of a part of
    /// that, because more was written and read before it was cut.
    pub fn is_copied_in(&self, file: &File, unpacked_head: &[u8], is_packed: bool) -> Option<Copied> {
        let same = self.head.in_common(unpacked_head).filter(|len| *len > 0)? as u64;
        let len = file.metadata().map_or(0, |about| about.len());
        if is_packed {
            return Some(Copied { same, is_whole: true, len });
        }
        if !self.covered.clone().within(len).is_in(file) {
            return None;
        }
        if len < self.seen.end.max(self.covered.end()) {
            return Some(Copied { same, is_whole: false, len });
        }
        let is_whole = self.head.is_beginning_of(unpacked_head) && self.seen.is_in(file);
        is_whole.then_some(Copied { same: same + self.seen.print.len, is_whole, len })
    }

    /// Whether a file holds nothing but what this one holds as well, from the beginning on.
    pub fn holds(&self, file: &File, unpacked_head: &[u8], is_packed: bool) -> bool {
        // A packed one never goes on: what begins like it is a copy.
        self.packing.is_some() || self.file.as_ref().is_some_and(|own| holds(own, file, unpacked_head, is_packed))
    }

    /// It lies there.
    pub fn found_at(&mut self, path: &Path, file: File) {
        self.path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.in_place = true;
        if self.file.is_none() {
            self.packing = head(&file).ok().and_then(|head| Packing::of(&head));
            self.file = Some(file);
            self.last_news = Instant::now();
        }
    }

    /// It is held open and is called so now.
    pub fn moved_to(&mut self, path: &Path) {
        path.clone_into(&mut self.path);
        self.in_place = true;
    }

    /// It is over, and nothing else goes on with it.
    pub fn end(&mut self, loss: Loss) {
        // What has rested was read to its end.
        self.loss = (!self.rested || loss == Loss::Cut).then_some(loss);
        self.is_ending = true;
        self.close();
    }

    /// What is to be told of its end; once.
    pub fn take_loss(&mut self) -> Option<Loss> {
        self.loss.take()
    }

    /// Nothing more is to be read of it.
    pub fn retire(&mut self) {
        self.retired = true;
        self.close();
    }

    /// A copy goes on with it; what was read beyond that copy, and what may have come behind that, is nowhere.
    pub fn hand_over(&mut self, copied: Copied) {
        if !copied.is_whole && !self.retired {
            self.loss = Some(Loss::Cut);
        }
        self.retire();
    }

    fn close(&mut self) {
        self.is_suspect = false;
        self.file = None;
        self.unpacked = None;
    }

    /// Is done with one that is nowhere any more and has been quiet for that long.
    pub fn rest(&mut self, linger: Duration) {
        if !self.in_place && self.file.is_some() && self.last_news.elapsed() > linger {
            self.rested = true;
            self.end(Loss::Gone);
        }
    }

    /// Gives up what nobody will be able to open again.
    pub fn leave(&mut self) {
        let about = self.file.as_ref().and_then(|file| file.metadata().ok());
        self.is_ending |= about.is_some_and(|about| is_removed(&about));
    }

    /// Whether the file was cut, or was written anew, since it was last read.
    pub fn was_cut(&self) -> bool {
        let Some(file) = self.file.as_ref().filter(|_| self.packing.is_none()) else { return false };
        !self.seen.is_in(file)
            || !self.covered.is_in(file)
            || head(file).is_ok_and(|head| !self.head.is_beginning_of(&head))
    }
}

/// Whether a file holds nothing but what another one holds as well, by how it begins and ends.
pub(super) fn holds(whole: &File, file: &File, unpacked_head: &[u8], is_packed: bool) -> bool {
    let same = |bytes: &[u8], at: u64| {
        let mut here = vec![0; bytes.len()];
        crate::spool::read_up_to(whole, &mut here, at).is_ok_and(|got| here[..got] == *bytes)
    };
    same(unpacked_head, 0) && (is_packed || tail(file).is_ok_and(|(tail, at)| same(&tail, at)))
}

#[cfg(unix)]
fn is_removed(about: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(about) == 0
}

#[cfg(not(unix))]
fn is_removed(_: &Metadata) -> bool {
    false
}

/// When the file was last written, in nanoseconds since 1970.
pub(super) fn modified(about: &Metadata) -> i64 {
    let since = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}
