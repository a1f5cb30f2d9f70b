//! A row as a segment takes it in: columns and terms in one piece of memory, which is used again for the next one.

use std::ops::Range;

use tantivy::schema::Field as Column;

use super::dictionary;

/// Where the line stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spot {
    /// Place in the payload's list of sources.
    pub src: u64,
    pub off: u64,
    pub len: u64,
}

/// The fields of one document.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// Nanoseconds.
    pub ts: i64,
    pub spot: Spot,
    pub mono: Option<u64>,
    pub seq: Option<u64>,
    pub terms: Vec<Term>,
    /// The names of what it has in common with others.
    pub names: Vec<Name>,
    /// What names stand for that no row of the segment had before; places in the bytes.
    pub definitions: Vec<Range<usize>>,
    /// What terms and definitions are made of.
    pub bytes: Vec<u8>,
}

/// A term, as a place in the row's bytes.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub column: Column,
    pub hash: u32,
    pub place: Range<usize>,
}

/// The name of what many records have in common.
#[derive(Debug, Clone)]
pub(super) enum Name {
    /// The rows of this segment have it for the first time. The first such one is number 0.
    New(Term),
    /// The one with that number.
    Known(u32),
}

impl Row {
    pub fn clear(&mut self) {
        (self.mono, self.seq) = (None, None);
        self.terms.clear();
        self.names.clear();
        self.definitions.clear();
        self.bytes.clear();
    }

    /// How many bytes it has in memory, about.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.terms.capacity() * size_of::<Term>()
    }

    /// Where a term begins that is written next.
    pub fn begin(&self) -> usize {
        self.bytes.len()
    }

    pub fn end(&mut self, column: Column, start: usize) {
        let term = self.term(column, start);
        self.terms.push(term);
    }

    /// What was written from there on, as a term.
    pub fn term(&self, column: Column, start: usize) -> Term {
        let place = start..self.bytes.len();
        Term { column, hash: dictionary::hash(column, &self.bytes[place.clone()]), place }
    }
}
