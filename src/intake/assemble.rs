//! Bytes into the lines of records: which lines belong together is for the form to say, how much may is said here. Memory is
//! bounded whatever comes: of an endless line only the beginning is kept.

use std::collections::BTreeSet;

use super::identity::Print;
use crate::record::decode::{KEEP_OF_MALFORMED, MAX_LINE};
use crate::record::foreign::{Form, Open};

/// The lines of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Of its first byte in the file, unpacked.
    pub offset: u64,
    /// With the newline at its end.
    pub len: u64,
    pub bytes: Vec<u8>,
    /// Bytes left out at the end of one that is too long.
    pub cut: u64,
    /// Which of its records were written before.
    pub written: BTreeSet<u32>,
}

impl Block {
    pub fn print(&self) -> u32 {
        Print::of_block(&self.bytes)
    }
}

/// What is read and not given out yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Assembler {
    /// Of the buffer's first byte in the file.
    start: u64,
    buffer: Vec<u8>,
    /// End of the lines that belong to the record that is open.
    whole: usize,
    /// What is known to hold no newline.
    searched: usize,
    open: Open,
    /// Bytes of an endless line that were dropped.
    dropped: u64,
}

impl Assembler {
    pub fn at(start: u64) -> Assembler {
        Assembler { start, ..Assembler::default() }
    }

    /// Everything before this has been given out.
    pub fn position(&self) -> u64 {
        self.start
    }

    /// Where the next bytes belong.
    pub fn end(&self) -> u64 {
        self.start + self.buffer.len() as u64 + self.dropped
    }

    /// Bytes behind the last newline.
    pub fn unended(&self) -> u64 {
        (self.buffer.len() - self.whole) as u64 + self.dropped
    }

    /// The beginning of a line whose end has not been read.
    pub fn begun_line(&self) -> &[u8] {
        &self.buffer[self.whole..]
    }

    pub fn has_lines(&self) -> bool {
        self.whole > 0
    }

    /// Takes the next bytes, of which it is known that they belong to one block.
    pub fn add_unparted(&mut self, bytes: &[u8]) {
        if self.dropped > 0 {
            self.dropped += bytes.len() as u64;
            return;
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() > MAX_LINE {
            self.drop_overlong();
        }
        self.searched = self.buffer.len();
    }

    /// Takes the next bytes of the file and gives out every record that is whole.
    pub fn add(&mut self, bytes: &[u8], form: &Form, each: &mut dyn FnMut(Block)) {
        let mut bytes = bytes;
        if self.dropped > 0 {
            let Some(at) = memchr::memchr(b'\n', bytes) else {
                self.dropped += bytes.len() as u64;
                return;
            };
            self.dropped += at as u64 + 1;
            bytes = &bytes[at + 1..];
            self.give_overlong(each);
        }
        self.buffer.extend_from_slice(bytes);
        let mut given = 0;
        while let Some(at) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            let (line, end) = (self.whole, self.searched + at + 1);
            let (is_first, then) = form.step(self.open, &self.buffer[line..end - 1]);
            let is_full = end - given > MAX_LINE;
            if (is_first || is_full) && line > given {
                self.give(given, line, each);
                given = line;
            }
            (self.whole, self.searched, self.open) = (end, end, then);
            if then == Open::Nothing {
                self.give(given, end, each);
                given = end;
            }
        }
        self.searched = self.buffer.len();
        self.buffer.drain(..given);
        self.whole -= given;
        self.searched -= given;
        if self.buffer.len() - self.whole > MAX_LINE {
            self.finish(each);
            self.drop_overlong();
        }
    }

    /// Keeps the beginning of a line that is too long.
    fn drop_overlong(&mut self) {
        self.dropped = (self.buffer.len() - KEEP_OF_MALFORMED) as u64;
        self.buffer.truncate(KEEP_OF_MALFORMED);
        self.searched = self.buffer.len();
    }

    /// Gives out the lines that wait for more.
    pub fn finish(&mut self, each: &mut dyn FnMut(Block)) {
        let whole = self.whole;
        if whole > 0 {
            self.give(0, whole, each);
            self.buffer.drain(..whole);
            self.searched -= whole;
            self.whole = 0;
        }
        self.open = Open::Nothing;
    }

    /// Gives out what no newline ends, too: nothing will follow it.
    pub fn finish_all(&mut self, each: &mut dyn FnMut(Block)) {
        self.finish(each);
        if self.dropped > 0 {
            self.give_overlong(each);
        } else if !self.buffer.is_empty() {
            let len = self.buffer.len();
            self.give(0, len, each);
            self.buffer.clear();
            self.searched = 0;
        }
    }

    /// Gives the bytes of the buffer between these places and moves the start behind them.
    fn give(&mut self, from: usize, to: usize, each: &mut dyn FnMut(Block)) {
        let bytes = &self.buffer[from..to];
        let len = bytes.len() as u64;
        if !bytes.trim_ascii().is_empty() {
            each(Block { offset: self.start, len, bytes: bytes.to_vec(), cut: 0, written: BTreeSet::new() });
        }
        self.start += len;
    }

    fn give_overlong(&mut self, each: &mut dyn FnMut(Block)) {
        let bytes = std::mem::take(&mut self.buffer);
        let len = bytes.len() as u64 + self.dropped;
        each(Block { offset: self.start, len, bytes, cut: self.dropped, written: BTreeSet::new() });
        *self = Assembler::at(self.start + len);
    }
}
