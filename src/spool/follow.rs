//! What has come into a spool since the last look. The one tail of logq: the collector and `search -F` both use it.
//! It does not wait and knows no notifications; whoever calls it decides when.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::part::Cursor;
use super::{Entry, Part, Positions, Problems, SourceId, Spool, SpoolError};

/// Gives every line of a spool once.
#[derive(Debug)]
pub struct Follower {
    spool: Spool,
    cursors: HashMap<SourceId, Cursor>,
    /// What problems the last poll met.
    problems: Problems,
}

impl Follower {
    /// Follows from the positions on.
    pub fn new(spool: Spool, from: &Positions) -> Follower {
        let cursors = from.iter().map(|(source, offset)| (source.clone(), Cursor::at(offset))).collect();
        Follower { spool, cursors, problems: Problems::default() }
    }

    /// Gives the whole lines that are there and were not given yet: each process's in the order of its file. Breaking
    /// off keeps the place: the next poll goes on behind the line that was given last.
    pub fn poll(&mut self, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> Result<ControlFlow<()>, SpoolError> {
        let listing = self.spool.list()?;
        self.problems = Problems { malformed: self.problems.malformed, ..listing.problems.clone() };
        for part in listing.parts() {
            let cursor = self.cursors.entry(part.id.clone()).or_default();
            if part.len == cursor.offset {
                continue;
            }
            if part.read(cursor, u64::MAX, &mut self.problems, each).stopped {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes what lies before that offset of a source as given.
    pub fn pass_over(&mut self, source: SourceId, until: u64) {
        self.cursors.insert(source, Cursor::at(until));
    }

    /// How much there is that was not given yet, in bytes.
    pub fn bytes_ahead(&mut self) -> Result<u64, SpoolError> {
        let listing = self.spool.list()?;
        let given = |part: &Part| self.cursors.get(&part.id).map_or(0, |cursor| cursor.offset);
        Ok(listing.parts().map(|part| part.len.saturating_sub(given(part))).sum())
    }

    /// Everything before these has been given.
    pub fn positions(&self) -> Positions {
        let mut positions = Positions::default();
        for (source, cursor) in &self.cursors {
            positions.set(source.clone(), cursor.offset);
        }
        positions
    }

    /// Malformed lines since the beginning, everything else as the last poll found it.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }
}
