//! Whole lines of one part, from one offset to another: what is read as it stands, by whoever has a thread to spare.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::spool::{Cursor, Entry, Listing, Part, Positions, Problems, Sight};

/// Whole lines of one part.
#[derive(Debug, Clone)]
pub struct Stretch {
    pub part: Part,
    pub from: u64,
    pub until: u64,
}

impl Stretch {
    pub fn len(&self) -> u64 {
        self.until.saturating_sub(self.from)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the records of its lines.
    pub fn read(&self, problems: &mut Problems, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let read = self.part.read(&mut Cursor::at(self.from), self.until, problems, each);
        if read.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Gives its lines, to be understood or not.
    pub fn skim(&self, problems: &mut Problems, each: &mut dyn FnMut(Sight<'_>) -> ControlFlow<()>) {
        self.part.skim(&mut Cursor::at(self.from), self.until, problems, each);
    }
}

/// What lies behind these positions, in stretches of about that many bytes, until there are about `most` bytes of it: a
/// stretch of each process in turn, as they were written about the same time.
pub fn stretches(listing: &Listing, from: &Positions, piece: u64, most: u64) -> Vec<Stretch> {
    let mut found = Vec::new();
    let mut total = 0;
    let mut processes: Vec<Cutting<'_>> =
        listing.processes.iter().map(|process| Cutting { parts: process.parts.iter().collect(), at: None }).collect();
    while total < most {
        let before = found.len();
        for process in &mut processes {
            if let Some(stretch) = process.next(from, piece) {
                total += stretch.len();
                found.push(stretch);
            }
        }
        if found.len() == before {
            break;
        }
    }
    found
}

/// The parts of one process, as they are cut into stretches.
struct Cutting<'l> {
    parts: VecDeque<&'l Part>,
    /// How far the first of them is cut.
    at: Option<u64>,
}

impl Cutting<'_> {
    fn next(&mut self, from: &Positions, piece: u64) -> Option<Stretch> {
        while let Some(part) = self.parts.front() {
            let start = self.at.unwrap_or_else(|| from.get(&part.id));
            // What cannot be read is said by whoever looks for what is left.
            let mut problems = Problems::default();
            let cut = Part { len: part.len.min(start.saturating_add(piece)), ..(*part).clone() };
            let mut until = cut.whole_until(start, &mut problems);
            if until == start && cut.len < part.len {
                // A line that is longer than a piece.
                until = part.whole_until(start, &mut problems);
            }
            if until > start {
                self.at = Some(until);
                return Some(Stretch { part: (*part).clone(), from: start, until });
            }
            self.parts.pop_front();
            self.at = None;
        }
        None
    }
}
