//! What each lane was blocked on: the waits that it wrote, kept beyond their records.
//!
//! Only the last few of a lane are kept: a hang is at its end. Who can end a wait is worked out elsewhere.

use std::collections::VecDeque;

use crate::record::readings::WaitEvent;
use crate::record::{Event, Record};

/// So many waits of a lane are kept.
const KEPT: usize = 8;

/// One wait of a lane, as its record told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// Number of its record in the lane.
    pub seq: u64,
    /// When it was written, monotonic ns.
    pub mono: u64,
    event: Event,
    /// When it ended, monotonic ns.
    ended: Option<u64>,
}

/// The last waits of a lane.
#[derive(Debug, Clone, Default)]
pub struct Waits(VecDeque<Wait>);

impl Waits {
    /// The wait that the lane was in at that monotonic time; the one it is in at the end of its records for `u64::MAX`.
    pub fn at(&self, mono: u64) -> Option<&Wait> {
        let open = |wait: &&Wait| wait.mono <= mono && wait.ended.is_none_or(|end| end > mono);
        self.0.iter().rev().find(open)
    }

    /// Those that are remembered, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Wait> {
        self.0.iter()
    }

    pub(super) fn begin(&mut self, record: &Record, event: &Event) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Wait { seq: record.seq, mono: record.mono, event: event.clone(), ended: None });
    }

    /// A `got` ends the newest wait for that object: a signal handler's wait may lie within another one.
    pub(super) fn end(&mut self, record: &Record, event: &Event) {
        let obj = event.obj();
        let open = self.0.iter_mut().rev().find(|wait| wait.ended.is_none() && wait.event.obj() == obj);
        if let Some(wait) = open {
            wait.ended = Some(record.mono);
        }
    }

    /// The lane is over, whatever it had said before.
    pub(super) fn close(&mut self, mono: u64) {
        for wait in &mut self.0 {
            wait.ended.get_or_insert(mono);
        }
    }
}

impl Wait {
    pub fn told(&self) -> Option<WaitEvent<'_>> {
        self.event.wait()
    }
}
