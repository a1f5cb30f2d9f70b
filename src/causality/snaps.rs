//! The last snapshots of a process, kept beyond their records.

use std::collections::VecDeque;

use crate::record::readings::SnapEvent;
use crate::record::{Event, Record, RecordId};

/// So many of a process are kept.
const KEPT: usize = 6;

/// One snapshot, as its record told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Snap {
    pub id: RecordId,
    /// When it was written, monotonic ns.
    pub mono: u64,
    event: Event,
}

#[derive(Debug, Clone, Default)]
pub struct Snaps(VecDeque<Snap>);

impl Snaps {
    /// The newest one up to that monotonic time.
    pub fn at(&self, mono: u64) -> Option<&Snap> {
        self.0.iter().rev().find(|snap| snap.mono <= mono)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Snap> {
        self.0.iter()
    }

    pub(super) fn add(&mut self, record: &Record, event: &Event) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Snap { id: record.id(), mono: record.mono, event: event.clone() });
    }
}

impl Snap {
    pub fn told(&self) -> Option<SnapEvent<'_>> {
        self.event.snapshot()
    }
}
