//! Children that were started and have not begun to record: on a busy machine an interpreter may take seconds to begin, and the
//! other end of what is waited for may be for it.

use super::Standing;
use crate::causality::facts::{ProcessFacts, StartedChild};

/// A child that will record and has not after so long will never, ns.
const LATE: u64 = 30_000_000_000;

impl Standing<'_> {
    /// Whether such a child is there. Where no other process has recorded anything, it may be any child.
    pub(super) fn a_child_is_yet_to_begin(&self) -> bool {
        let program = || self.graph.processes.iter().filter(|process| !process.is_logq());
        let alone = program().filter(|process| process.began.is_some()).count() < 2;
        program().any(|parent| {
            let now = self.last_heard(parent);
            parent.children.iter().any(|child| {
                let young = now.saturating_sub(child.mono) < LATE;
                self.has_not_begun(parent, child) && (alone || (young && is_to_record(child)))
            })
        })
    }

    fn has_not_begun(&self, parent: &ProcessFacts, child: &StartedChild) -> bool {
        let recorded = self
            .graph
            .processes
            .iter()
            .any(|process| process.pid == child.pid && process.began.is_some() && process.shares_clock(parent));
        let ended = self.graph.unseen_children.iter().any(|unseen| unseen.pid == Some(child.pid));
        !recorded && !ended
    }

    /// When something was last known of the process: its newest record up to the moment, of whichever lane.
    fn last_heard(&self, process: &ProcessFacts) -> u64 {
        let lasts = process.lanes.iter().filter_map(|lane| self.graph.lane(*lane).last());
        lasts.map(|node| node.mono).max().unwrap_or(0).min(self.moment)
    }
}

/// A Python that was started as one, or what multiprocessing started, which has no command of its own.
fn is_to_record(child: &StartedChild) -> bool {
    child.argv.first().is_none_or(|program| program.rsplit('/').next().unwrap_or_default().starts_with("python"))
}
