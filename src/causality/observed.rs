//! The rare events that a diagnosis reads again: kept whole while the graph is built, since a second reading of a run of
//! millions of records for a handful of them would be dear. How many are kept is bounded; what is beyond is counted.
//!
//! Nothing here judges. Waits have a file of their own.

use std::collections::{HashMap, VecDeque};

use super::graph::{LaneIndex, ProcessIndex};
use crate::record::{Event, EventKind, Record};

/// So many events of one kind are kept of a process.
const MOST: usize = 2000;
/// A snapshot is large, and the last ones tell how it ended.
const MOST_SNAPSHOTS: usize = 3;
/// So many beginnings and ends of tests are kept of a run, the last ones.
const MOST_TESTS: usize = 4000;
/// Somebody who waited longer than this while others went by is kept, ns.
const LONG: u64 = 500_000_000;

/// One event of the run.
#[derive(Debug, Clone)]
pub struct Observed {
    pub process: ProcessIndex,
    pub lane: LaneIndex,
    pub seq: u64,
    pub ts: i64,
    pub mono: u64,
    pub event: Event,
}

/// The kept events of a run, in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub struct Observations {
    by_kind: HashMap<EventKind, Vec<Observed>>,
    /// Where tests began and ended, by `pytest --logq`.
    pub tests: VecDeque<Observed>,
    counts: HashMap<(EventKind, ProcessIndex), usize>,
    /// How many were left out because there were too many.
    pub beyond: usize,
}

impl Observations {
    /// Every kept event of the kind.
    pub fn of(&self, kind: EventKind) -> impl Iterator<Item = &Observed> {
        self.by_kind.get(&kind).into_iter().flatten()
    }

    /// Every kept event of the kind in that process.
    pub fn of_process(&self, kind: EventKind, process: ProcessIndex) -> impl Iterator<Item = &Observed> {
        self.of(kind).filter(move |observed| observed.process == process)
    }

    pub(super) fn consider(&mut self, record: &Record, event: &Event, process: ProcessIndex, lane: LaneIndex) {
        if event.kind == EventKind::Note && event.note().is_some_and(|note| note.what == Some("test")) {
            if self.tests.len() == MOST_TESTS {
                self.tests.pop_front();
            }
            let (seq, ts, mono) = (record.seq, record.ts, record.mono);
            self.tests.push_back(Observed { process, lane, seq, ts, mono, event: event.clone() });
            return;
        }
        if !is_kept(event) {
            return;
        }
        let kept = self.by_kind.entry(event.kind).or_default();
        let count = self.counts.entry((event.kind, process)).or_insert(0);
        *count += 1;
        if event.kind == EventKind::Snap {
            if *count > MOST_SNAPSHOTS {
                let oldest = kept.iter().position(|snapshot| snapshot.process == process);
                oldest.map(|oldest| kept.remove(oldest));
            }
        } else if *count > MOST {
            self.beyond += 1;
            return;
        }
        kept.push(Observed { process, lane, seq: record.seq, ts: record.ts, mono: record.mono, event: event.clone() });
    }
}

fn is_kept(event: &Event) -> bool {
    match event.kind {
        EventKind::Proc
        | EventKind::Exit
        | EventKind::Exc
        | EventKind::Child
        | EventKind::Reap
        | EventKind::Note
        | EventKind::Nest
        | EventKind::Blocked
        | EventKind::Snap => true,
        EventKind::Access => event.access().is_some_and(|access| access.base.is_some()),
        EventKind::Got => {
            event.got().is_some_and(|got| !got.passed.is_empty() && got.waited.is_some_and(|ns| ns > LONG))
        }
        _ => false,
    }
}
