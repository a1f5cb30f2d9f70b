//! Whole lines out of a file that may be growing, cut or replaced meanwhile. Knows bytes and newlines, nothing of
//! records. Memory is bounded whatever the file holds: of a line that is too long only the beginning is kept.

use std::io;

use super::content::{Content, ReadAt};
use crate::record::decode::{KEEP_OF_MALFORMED, MAX_LINE};

/// How much is read at once.
const CHUNK: usize = 256 * 1024;

/// Where the last line of a stretch ends is looked for in so many bytes first.
const LAST_LINE: usize = 4 * 1024;

/// One line without its newline.
pub(super) struct Line<'a> {
    pub offset: u64,
    /// Length of the whole line; more than `bytes` holds when the line is too long.
    pub len: u64,
    pub bytes: &'a [u8],
}

impl Line<'_> {
    /// Offset of the line after this one.
    pub fn next(&self) -> u64 {
        self.offset + self.len + 1
    }
}

/// The whole lines of a part from an offset on; the bytes at and after `until` are as if they were not there.
pub(super) struct Lines<'f> {
    content: &'f Content,
    until: u64,
    /// Offset in the file of the first byte not given out yet.
    offset: u64,
    buffer: Vec<u8>,
    /// What of the buffer is read and not given out yet.
    start: usize,
    filled: usize,
    /// How much of that is known to hold no newline.
    searched: usize,
    /// How much of the line at `offset` has been read before, when that is known to be too long and without an end:
    /// a line of a gigabyte is not read again and again while it grows.
    known_overlong: u64,
}

impl<'f> Lines<'f> {
    pub fn new(content: &'f Content, offset: u64, until: u64, known_overlong: u64) -> Lines<'f> {
        let known_overlong = if known_overlong > MAX_LINE as u64 { known_overlong } else { 0 };
        Lines { content, until, offset, buffer: Vec::new(), start: 0, filled: 0, searched: 0, known_overlong }
    }

    /// The next whole line; `None` when what is left has no newline.
    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        if self.known_overlong > 0 {
            return self.next_overlong();
        }
        loop {
            let fresh = &self.buffer[self.start + self.searched..self.filled];
            if let Some(at) = memchr::memchr(b'\n', fresh) {
                return Ok(Some(self.give(self.searched + at)));
            }
            self.searched = self.filled - self.start;
            if self.searched > MAX_LINE {
                return self.next_overlong();
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Bytes after the last newline. Meaningful once [`Lines::next`] has given `None`.
    pub fn unterminated(&self) -> u64 {
        self.known_overlong.max(self.searched as u64)
    }

    /// Gives out the `len` bytes at `start`, whose newline follows them.
    fn give(&mut self, len: usize) -> Line<'_> {
        let (offset, start) = (self.offset, self.start);
        self.start += len + 1;
        self.offset += len as u64 + 1;
        self.searched = 0;
        Line { offset, len: len as u64, bytes: &self.buffer[start..start + len] }
    }

    /// Reads on. False at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        let left = self.until.saturating_sub(self.offset + self.filled as u64);
        let room = self.filled + usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let got = self.read_at(self.offset + self.filled as u64, self.filled)?;
        self.filled += got;
        Ok(got > 0)
    }

    /// The line at `offset` is longer than a line may be: finds its end without keeping it.
    fn next_overlong(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut len = self.known_overlong.max(self.searched as u64);
        if self.buffer.len() < KEEP_OF_MALFORMED + CHUNK {
            self.buffer.resize(KEEP_OF_MALFORMED + CHUNK, 0);
        }
        let kept = if self.searched > 0 {
            self.buffer.copy_within(self.start..self.start + KEEP_OF_MALFORMED, 0);
            KEEP_OF_MALFORMED
        } else {
            self.read_at(self.offset, 0)?.min(KEEP_OF_MALFORMED)
        };
        loop {
            let got = self.read_at(self.offset + len, KEEP_OF_MALFORMED)?;
            if got == 0 {
                (self.start, self.filled, self.searched, self.known_overlong) = (0, 0, 0, len);
                return Ok(None);
            }
            let read = KEEP_OF_MALFORMED..KEEP_OF_MALFORMED + got;
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[read.clone()]) {
                let offset = self.offset;
                len += at as u64;
                self.offset += len + 1;
                (self.start, self.filled) = (read.start + at + 1, read.end);
                (self.searched, self.known_overlong) = (0, 0);
                return Ok(Some(Line { offset, len, bytes: &self.buffer[..kept] }));
            }
            len += got as u64;
        }
    }

    /// Reads at `offset` into the buffer from `place` to its end; how much there was.
    fn read_at(&mut self, offset: u64, place: usize) -> io::Result<usize> {
        let room = usize::try_from(self.until.saturating_sub(offset)).unwrap_or(usize::MAX);
        let end = self.buffer.len().min(place.saturating_add(room));
        loop {
            match self.content.read_at(&mut self.buffer[place..end], offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

/// End of the last whole line among the bytes from `from` to `until`; `from` where there is no newline.
pub fn last_line_end(bytes: &impl ReadAt, from: u64, until: u64) -> io::Result<u64> {
    // Most lines are short: all that is read here is read again.
    let (mut end, mut step) = (until, LAST_LINE);
    let mut buffer = Vec::new();
    while end > from {
        let start = from.max(end.saturating_sub(step as u64));
        buffer.resize(usize::try_from(end - start).unwrap_or(step), 0);
        read_exactly(bytes, &mut buffer, start)?;
        if let Some(at) = memchr::memrchr(b'\n', &buffer) {
            return Ok(start + at as u64 + 1);
        }
        (end, step) = (start, CHUNK);
    }
    Ok(from)
}

/// Fills the buffer from that offset, or fails with `UnexpectedEof`.
fn read_exactly(from: &impl ReadAt, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    if read_up_to(from, buffer, offset)? < buffer.len() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Fills the buffer from that offset as far as the file goes; how far that is.
pub fn read_up_to(from: &impl ReadAt, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
