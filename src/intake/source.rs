//! One file: held open while its writer may still write, known again by how it begins, read on from where it was left.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::SETTLED;
use super::assemble::{Assembler, Block};
use super::identity::{Node, Print, head, node};
use super::unpack::{Packing, Unpacked};
use crate::record::foreign::Form;
use crate::spool::read_up_to;

/// How much is read at once.
const CHUNK: usize = 256 * 1024;

/// How much of a file its form is told from.
const SAMPLE: usize = 64 * 1024;

/// A file that was last written so long ago is not in the middle of a line.
const FINISHED: Duration = Duration::from_secs(60);

/// What the ledger keeps of a file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Noted {
    pub number: u32,
    pub origin: u32,
    pub family: usize,
    pub rank: u64,
    pub path: PathBuf,
    pub node: Node,
    pub head: Print,
    pub position: u64,
    pub anchor: Print,
    pub last_ts: i64,
    pub retired: bool,
}

/// What came of one step of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Read(u64),
    AtEnd,
}

pub(super) struct Source {
    /// The number that its lines are written with: a copy's is that of the file which it goes on with.
    pub origin: u32,
    pub family: usize,
    /// The older ones of a family are read first.
    pub rank: u64,
    /// The time of the last record that had one.
    pub last_ts: i64,
    path: PathBuf,
    node: Node,
    head: Print,
    /// Of the last bytes before the end of what has been read: what stands there shows whether it still is the same file.
    anchor: Print,
    assembler: Assembler,
    form: Option<Form>,
    has_looked: bool,
    file: Option<File>,
    unpacked: Option<Unpacked>,
    packing: Option<Packing>,
    /// Nothing more will be read of it: it was cut, or is gone.
    retired: bool,
    /// It was found at its path when last looked for.
    pub in_place: bool,
    /// It does not go on where it was left: it was cut, and is to be looked at.
    pub is_suspect: bool,
    /// It is over: what waits for more is given out, then nothing more.
    is_ending: bool,
    last_news: Instant,
    modified: i64,
    trouble: Option<String>,
}

impl Source {
    pub fn new(path: &Path, file: File, number: u32, family: usize, rank: u64) -> io::Result<Source> {
        let about = file.metadata()?;
        let head = head(&file)?;
        let packing = Packing::of(&head);
        Ok(Source {
            origin: number,
            family,
            rank,
            last_ts: modified(&about),
            path: path.to_owned(),
            node: node(&about),
            head: Print::of_head(&head),
            anchor: Print::default(),
            assembler: Assembler::at(0),
            form: None,
            has_looked: false,
            file: Some(file),
            unpacked: None,
            packing,
            retired: false,
            in_place: true,
            is_suspect: false,
            is_ending: false,
            last_news: Instant::now(),
            modified: modified(&about),
            trouble: None,
        })
    }

    /// A copy of a file that was cut: read on where the original was left.
    pub fn continued(mut self, from: &Source) -> Source {
        self.assembler = Assembler::at(from.position());
        self.anchor = from.anchor_at_position();
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
            head: self.head,
            position: self.position(),
            anchor: self.anchor_at_position(),
            last_ts: self.last_ts,
            retired: self.retired,
        }
    }

    /// A file as it was noted; it is not open yet.
    pub fn of_noted(noted: &Noted) -> Source {
        Source {
            origin: noted.origin,
            family: noted.family,
            rank: noted.rank,
            last_ts: noted.last_ts,
            path: noted.path.clone(),
            node: noted.node,
            head: noted.head,
            anchor: noted.anchor,
            assembler: Assembler::at(noted.position),
            form: None,
            has_looked: false,
            file: None,
            unpacked: None,
            packing: None,
            retired: noted.retired,
            in_place: false,
            is_suspect: false,
            is_ending: false,
            last_news: Instant::now(),
            modified: 0,
            trouble: None,
        }
    }

    /// The anchor holds only for the end of what has been read; lines that wait for more stand before that.
    fn anchor_at_position(&self) -> Print {
        if self.assembler.end() == self.assembler.position() { self.anchor } else { Print::default() }
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

    pub fn has_form(&self) -> bool {
        self.form.is_some()
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

    /// Whether this file is the one that was known, wherever it lies now.
    pub fn is(&self, node: Node, head: &[u8]) -> bool {
        !self.retired && !self.is_ending && self.node == node && self.head.is_beginning_of(head)
    }

    /// Whether a file begins as this one did.
    pub fn begins_as(&self, head: &[u8]) -> bool {
        self.head.len > 0 && self.head.is_beginning_of(head)
    }

    /// It lies there.
    pub fn found_at(&mut self, path: &Path, file: File) {
        path.clone_into(&mut self.path);
        self.in_place = true;
        if self.file.is_none() {
            self.packing = head(&file).ok().and_then(|head| Packing::of(&head));
            self.file = Some(file);
            self.last_news = Instant::now();
        }
    }

    /// It is over, and nothing else goes on with it.
    pub fn end(&mut self) {
        self.is_ending = true;
        self.is_suspect = false;
        self.file = None;
        self.unpacked = None;
    }

    /// Nothing more is to be read of it.
    pub fn retire(&mut self) {
        self.is_suspect = false;
        self.retired = true;
        self.file = None;
        self.unpacked = None;
    }

    /// Closes what is no longer in its place and has rested for that long.
    pub fn rest(&mut self, linger: Duration) {
        if !self.in_place && self.file.is_some() && self.last_news.elapsed() > linger {
            self.file = None;
            self.unpacked = None;
        }
    }

    /// Whether the file was cut, or was written anew, since it was last read.
    pub fn was_cut(&self) -> bool {
        let Some(file) = self.file.as_ref().filter(|_| self.packing.is_none()) else { return false };
        let Ok(about) = file.metadata() else { return false };
        let end = self.assembler.end();
        if about.len() < end {
            return true;
        }
        let (len, at) = (self.anchor.len, end.saturating_sub(self.anchor.len));
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let is_same = read_up_to(file, &mut bytes, at).is_ok_and(|_| self.anchor.is_end_of(&bytes));
        !is_same || head(file).is_ok_and(|head| !self.head.is_beginning_of(&head))
    }

    /// Reads on a little and gives what is whole.
    pub fn step(&mut self, settle: bool, begins: &dyn Fn(u64) -> bool, each: &mut dyn FnMut(Block)) -> Step {
        if self.is_ending && !self.retired {
            self.assembler.finish_all(each);
            self.retire();
        }
        match self.read_on(begins, each) {
            Ok(0) => {
                self.settle(settle, each);
                Step::AtEnd
            }
            Ok(bytes) => {
                self.trouble = None;
                Step::Read(bytes)
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                Step::AtEnd
            }
        }
    }

    fn read_on(&mut self, begins: &dyn Fn(u64) -> bool, each: &mut dyn FnMut(Block)) -> io::Result<u64> {
        if self.retired || self.form.is_none() {
            return Ok(0);
        }
        let Some(file) = &self.file else { return Ok(0) };
        let mut buffer = vec![0; CHUNK];
        let end = self.assembler.end();
        let got = match self.packing {
            None => {
                // What was read last is read again: another beginning there is another file.
                let again = usize::try_from(self.anchor.len.min(end)).unwrap_or(0);
                let got = read_up_to(file, &mut buffer, end - again as u64)?;
                self.is_suspect = got < again || !self.anchor.is_beginning_of(&buffer[..got]);
                if self.is_suspect {
                    return Ok(0);
                }
                buffer.drain(..again);
                got - again
            }
            Some(packing) => {
                if self.unpacked.is_none() {
                    let mut unpacked = Unpacked::open(file, packing)?;
                    unpacked.skip(end)?;
                    self.unpacked = Some(unpacked);
                }
                self.unpacked.as_mut().map_or(Ok(0), |unpacked| unpacked.read(&mut buffer))?
            }
        };
        buffer.truncate(got);
        if got == 0 {
            return Ok(0);
        }
        // A time without a year is of the last one before the file was written, which goes on with the file.
        self.modified = modified(&file.metadata()?).max(self.modified);
        if let Some(form) = &mut self.form {
            form.clock.near = self.modified;
        }
        self.look(&buffer)?;
        self.last_news = Instant::now();
        if let Some(file) = self.file.as_ref().filter(|_| self.packing.is_none() && self.head.is_short()) {
            self.head = Print::of_head(&head(file)?);
        }
        self.anchor = Print::of_anchor(&buffer);
        if let Some(form) = &self.form {
            self.assembler.add(&buffer, form, begins, each);
        }
        Ok(got as u64)
    }

    /// Shows the form what is about to be read; one that has been read from before, its beginning.
    fn look(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(form) = self.form.as_mut().filter(|form| form.is_curious()) else { return Ok(()) };
        if !self.has_looked
            && self.assembler.end() > 0
            && let (Some(file), None) = (&self.file, self.packing)
        {
            let mut beginning = vec![0; SAMPLE.min(usize::try_from(self.assembler.end()).unwrap_or(SAMPLE))];
            let len = read_up_to(file, &mut beginning, 0)?;
            let whole = memchr::memrchr(b'\n', &beginning[..len]).map_or(0, |at| at + 1);
            form.look_at(&beginning[..whole]);
        }
        self.has_looked = true;
        let sample = &bytes[..bytes.len().min(SAMPLE)];
        let whole = memchr::memrchr(b'\n', sample).map_or(sample.len(), |at| at + 1);
        form.look_at(&sample[..whole]);
        Ok(())
    }

    /// At the end of the file: gives the lines that wait for more, where no more is to be expected.
    fn settle(&mut self, settle: bool, each: &mut dyn FnMut(Block)) {
        let rested = self.last_news.elapsed();
        if self.assembler.has_lines() && (settle || rested > SETTLED) {
            self.assembler.finish(each);
        }
        let is_finished =
            self.packing.is_some() || (!self.in_place && rested > SETTLED) || (settle && self.is_long_finished());
        if self.assembler.unended() > 0 && is_finished && self.file.is_some() {
            self.assembler.finish_all(each);
        }
    }

    fn is_long_finished(&self) -> bool {
        let about = self.file.as_ref().and_then(|file| file.metadata().ok());
        let since = about.and_then(|about| about.modified().ok()?.elapsed().ok());
        since.is_some_and(|since| since > FINISHED)
    }
}

/// Nanoseconds since 1970.
fn modified(about: &Metadata) -> i64 {
    let since = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}
