//! One part of one process: its lines as records, from any offset on, or one by one where an index points.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::content::Content;
use super::lines::{self, Line, Lines};
use super::{Problems, SourceId, is_alive};
use crate::record::decode::{self, KEEP_OF_MALFORMED, MAX_LINE, Place};
use crate::record::line_sketch::LineSketch;
use crate::record::{EventKind, Glance, Record, RecordId, glance};

/// How much is read around a line that is fetched alone, as its neighbours may be fetched next: at first, and at most once they
/// were.
const LEAST_WINDOW: u64 = 2 * 1024;
const WINDOW: u64 = 32 * 1024;

/// How much of a part nearly every first line lies in.
const FIRST_LINE: u64 = 8 * 1024;

/// A part as it was when the spool was listed.
#[derive(Debug, Clone)]
pub struct Part {
    pub id: SourceId,
    pub path: PathBuf,
    /// The process's number.
    pub number: Option<u32>,
    /// Bytes that were there.
    pub len: u64,
}

/// One line, understood.
#[derive(Debug)]
pub struct Entry<'a> {
    pub record: Record,
    pub source: &'a SourceId,
    /// Of the line's first byte in its part.
    pub offset: u64,
    /// Of the whole line, without its newline.
    pub len: u64,
    /// The line; only its beginning where it is longer than a line may be.
    pub line: &'a [u8],
}

/// One line, not understood yet.
pub struct Sight<'a> {
    line: Line<'a>,
    source: &'a SourceId,
    place: &'a mut Place,
}

impl<'a> Sight<'a> {
    /// What the line says, where a glance tells.
    pub fn glance(&self) -> Option<Glance<'_>> {
        if self.line.len > MAX_LINE as u64 { None } else { glance::glance(self.line.bytes, self.place) }
    }

    /// What is made of what the line has for an index, where that can be told without making a record of it.
    pub fn sketch<R>(&self, then: impl FnOnce(&LineSketch<'_>) -> R) -> Option<R> {
        // A process whose number is not known may say it in this line: that is for `understand`.
        self.place.process?;
        if self.line.len > MAX_LINE as u64 { None } else { LineSketch::read(self.line.bytes, self.place, then) }
    }

    /// The record's id and time, where they can be told without making a record of it.
    pub fn identity(&self) -> Option<(RecordId, i64)> {
        self.sketch(|sketch| sketch.identity(self.place))?
    }

    /// The line; only its beginning where it is longer than a line may be.
    pub fn bytes(&self) -> &[u8] {
        self.line.bytes
    }

    /// Of the line's first byte, and the length of the line.
    pub fn spot(&self) -> (u64, u64) {
        (self.line.offset, self.line.len)
    }

    pub fn understand(self) -> Entry<'a> {
        understand(&self.line, self.source, self.place)
    }
}

/// A place in a part, between two lines, to read on from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    pub offset: u64,
    /// How much of an endless line at `offset` has been seen already.
    overlong: u64,
}

impl Cursor {
    pub fn at(offset: u64) -> Cursor {
        Cursor { offset, overlong: 0 }
    }
}

/// What follows the last whole line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    Clean,
    /// A line whose end is not written yet.
    Growing {
        bytes: u64,
    },
    /// A line whose end will never be written: its process has died.
    Torn {
        bytes: u64,
    },
}

/// How a reading of a part ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartRead {
    pub tail: Tail,
    /// The caller asked to stop.
    pub stopped: bool,
}

impl Part {
    /// Gives every whole line from the cursor on, and moves the cursor behind each line that was given or passed over.
    /// Bytes from `until` on are left alone. Empty lines (a writer starts so after a short write) and lines that only
    /// repeat earlier parts are passed over.
    pub fn read(
        &self,
        cursor: &mut Cursor,
        until: u64,
        problems: &mut Problems,
        each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> PartRead {
        let mut malformed = 0;
        let read = self.skim(cursor, until, problems, &mut |sight| {
            let entry = sight.understand();
            if entry.record.again {
                return ControlFlow::Continue(());
            }
            malformed += u64::from(matches!(entry.record.body, crate::record::Body::Malformed(_)));
            each(entry)
        });
        problems.malformed += malformed;
        read
    }

    /// As [`Part::read`], and leaves it to the caller to understand each line, also those that only repeat earlier parts
    /// and those that are no records: these are not counted.
    pub fn skim(
        &self,
        cursor: &mut Cursor,
        until: u64,
        problems: &mut Problems,
        each: &mut dyn FnMut(Sight<'_>) -> ControlFlow<()>,
    ) -> PartRead {
        let end = self.read_all(cursor, until, problems, each).unwrap_or_else(|error| {
            problems.cannot_read(&self.path, error);
            PartRead { tail: Tail::Clean, stopped: false }
        });
        if let Tail::Torn { bytes } = end.tail {
            problems.torn.insert(self.id.clone(), bytes);
        }
        end
    }

    /// Gives the lines that a part begins with to be readable alone: `proc`, then the live lanes and objects.
    pub fn head(&self, problems: &mut Problems, each: &mut dyn FnMut(Entry<'_>)) {
        let mut each = |sight: Sight<'_>| {
            let entry = sight.understand();
            if !entry.record.again {
                return ControlFlow::Break(());
            }
            each(entry);
            ControlFlow::Continue(())
        };
        if let Err(error) = self.read_all(&mut Cursor::default(), u64::MAX, problems, &mut each) {
            problems.cannot_read(&self.path, error);
        }
    }

    /// The end of the last line that was whole when the spool was listed, looking back no further than `from`.
    pub fn whole_until(&self, from: u64, problems: &mut Problems) -> u64 {
        if self.len <= from {
            return from;
        }
        let end = Content::open(&self.path).and_then(|content| {
            let end = lines::last_line_end(&content, from, self.len);
            content.damage().into_iter().for_each(|why| problems.cannot_read(&self.path, why));
            end
        });
        end.unwrap_or_else(|error| {
            problems.cannot_read(&self.path, error);
            from
        })
    }

    /// Opens the part to fetch single lines.
    pub fn open(&self) -> io::Result<OpenPart<'_>> {
        let place = Place { proc: self.id.proc.clone(), process: self.number, part: self.id.part, offset: 0 };
        Ok(OpenPart {
            part: self,
            content: Content::open(&self.path)?,
            place,
            start: 0,
            window: Vec::new(),
            ahead: LEAST_WINDOW,
        })
    }

    /// The process's number as the part's first line says it.
    pub(super) fn number_said(&self) -> Option<u32> {
        // Every reader of a run asks this of every process: what a first line mostly needs is read first.
        [FIRST_LINE, u64::MAX].into_iter().find_map(|until| {
            let mut number = None;
            let _ = self.read_all(&mut Cursor::default(), until, &mut Problems::default(), &mut |sight| {
                number = Some(number_of(&sight.understand().record));
                ControlFlow::Break(())
            });
            number
        })?
    }

    fn read_all(
        &self,
        cursor: &mut Cursor,
        until: u64,
        problems: &mut Problems,
        each: &mut dyn FnMut(Sight<'_>) -> ControlFlow<()>,
    ) -> io::Result<PartRead> {
        let content = Content::open(&self.path)?;
        let read = self.read_lines(&content, cursor, until, each);
        content.damage().into_iter().for_each(|why| problems.cannot_read(&self.path, why));
        read
    }

    fn read_lines(
        &self,
        content: &Content,
        cursor: &mut Cursor,
        until: u64,
        each: &mut dyn FnMut(Sight<'_>) -> ControlFlow<()>,
    ) -> io::Result<PartRead> {
        let len = content.len()?;
        if len < cursor.offset {
            let message = format!("cut to {len} bytes after {} had been read", cursor.offset);
            return Err(io::Error::other(message));
        }
        let mut place = Place { proc: self.id.proc.clone(), process: self.number, part: self.id.part, offset: 0 };
        let mut lines = Lines::new(content, cursor.offset, until, cursor.overlong);
        let mut known_dead = false;
        loop {
            while let Some(line) = lines.next()? {
                *cursor = Cursor::at(line.next());
                place.offset = line.offset;
                let is_empty = line.len == 0;
                if !is_empty && each(Sight { line, source: &self.id, place: &mut place }).is_break() {
                    return Ok(PartRead { tail: Tail::Clean, stopped: true });
                }
            }
            let bytes = lines.unterminated();
            cursor.overlong = bytes;
            let tail = match bytes {
                0 => Tail::Clean,
                _ if known_dead => Tail::Torn { bytes },
                _ => Tail::Growing { bytes },
            };
            // The process may have ended its line and its life between our last read and the question whether it
            // lives, so a dead one's file is read once more: then it can no longer change.
            let spool = self.path.parent().unwrap_or(Path::new(""));
            if known_dead || bytes == 0 || until < len || is_alive(spool, &self.id.proc) {
                return Ok(PartRead { tail, stopped: false });
            }
            known_dead = true;
        }
    }
}

/// A part that single lines are fetched from.
pub struct OpenPart<'p> {
    part: &'p Part,
    content: Content,
    place: Place,
    /// Offset of the window's first byte.
    start: u64,
    window: Vec<u8>,
    /// How much is read at a time.
    ahead: u64,
}

impl OpenPart<'_> {
    /// The line of `len` bytes at that offset.
    ///
    /// # Errors
    /// The file is shorter than that, or no line ends there: it is not the file that it was.
    pub fn line_at(&mut self, offset: u64, len: u64) -> io::Result<Sight<'_>> {
        if offset.max(len) > i64::MAX as u64 / 2 {
            // A damaged index may name any place.
            return Err(io::Error::other("no file is that long"));
        }
        // The newline before the line and the one behind it are read too: they show that it still is a line.
        let before = u64::from(offset > 0);
        let first = offset - before;
        let kept = if len > MAX_LINE as u64 { KEEP_OF_MALFORMED as u64 } else { len };
        self.show(first, before + kept + u64::from(kept == len))?;
        let at = usize::try_from(first - self.start).map_err(io::Error::other)?;
        let (before, kept) = (before as usize, kept as usize);
        let line = at + before..at + before + kept;
        let begins = before == 0 || self.window[at] == b'\n';
        let ends = kept as u64 != len || self.window[line.end] == b'\n';
        if !begins || !ends {
            return Err(io::Error::other("no line stands there any more"));
        }
        self.place.offset = offset;
        let line = Line { offset, len, bytes: &self.window[line] };
        Ok(Sight { line, source: &self.part.id, place: &mut self.place })
    }

    /// Makes the window hold that range.
    fn show(&mut self, offset: u64, len: u64) -> io::Result<()> {
        if offset >= self.start && offset + len <= self.start + self.window.len() as u64 {
            return Ok(());
        }
        // Lines that lie close together are read many at a time, those that lie far apart one by one.
        let end = self.start + self.window.len() as u64;
        let is_near = offset < end + self.ahead && offset + len + self.ahead > self.start;
        self.ahead = if is_near { (2 * self.ahead).min(WINDOW) } else { LEAST_WINDOW };
        // Whoever goes backwards (the newest first) finds the next line before this one.
        let spare = self.ahead.saturating_sub(len);
        let start = if offset < self.start { offset.saturating_sub(spare) } else { offset };
        let size = usize::try_from((offset - start) + len + if start < offset { 0 } else { spare });
        self.window.resize(size.map_err(io::Error::other)?, 0);
        self.start = start;
        let read = lines::read_up_to(&self.content, &mut self.window, start);
        self.window.truncate(*read.as_ref().unwrap_or(&0));
        read?;
        if offset + len > self.start + self.window.len() as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// The line as an entry. Learns the process's number from its `proc` line, where the spool was listed before that
/// line was written.
fn understand<'a>(line: &Line<'a>, source: &'a SourceId, place: &mut Place) -> Entry<'a> {
    place.offset = line.offset;
    let mut record = if line.len > MAX_LINE as u64 {
        let reason = format!("a line of {} bytes; the most is {MAX_LINE}", line.len);
        decode::malformed(line.bytes, usize::try_from(line.len).unwrap_or(usize::MAX), place, reason)
    } else {
        decode::decode(line.bytes, place)
    };
    if place.process.is_none() && record.proc == place.proc && number_of(&record).is_some() {
        place.process = number_of(&record);
        record.process = place.process;
    }
    Entry { record, source, offset: line.offset, len: line.len, line: line.bytes }
}

fn number_of(record: &Record) -> Option<u32> {
    let event = record.event().filter(|event| event.kind == EventKind::Proc)?;
    event.proc()?.n
}
