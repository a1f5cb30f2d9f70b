//! The critical path: back from a record over whatever arrived last, until nothing came before.
//!
//! Each moment between beginning and end belongs to one lane of the path: it worked, it waited for what no lane is known
//! to have given, or it was let go and had not gone on yet. Time in which a lane further down waited for a lock, or for
//! room in a queue, is lost to that object. To wait for an item, a signal or a result is no such loss: to bring it is work,
//! and the path is in whoever does it.

use super::ledger::Pause;
use super::schedule::{Before, Schedule};
use crate::causality::{LaneIndex, NodeRef};

/// A stretch of the path in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub lane: LaneIndex,
    pub from: u64,
    pub to: u64,
    pub doing: Doing,
    /// The wait, by its place in the ledger, of the lane further down that this kept waiting; of the one nearest to here.
    pub kept: Option<usize>,
    /// The wait that ended with what the lane handed over at the end of its stretch of the path.
    pub ended: Option<usize>,
    /// The lane's last record before or at its beginning.
    pub after: NodeRef,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    Working,
    /// A wait, by its place in the ledger, that no lane is known to have ended.
    Waiting(usize),
    /// It had been given what it waited for, and did not run yet.
    Resuming,
    /// It had been begun, and wrote nothing yet.
    Starting,
}

/// The path back from a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriticalPath {
    pub end: NodeRef,
    /// The earliest first; they follow each other without a gap.
    pub segments: Vec<Segment>,
}

impl Schedule<'_> {
    /// The path back from the record; from a later moment, up to which its lane is taken to have gone on with what it did.
    pub fn critical_path(&self, end: NodeRef, until: u64) -> CriticalPath {
        let mut walk = Walk {
            schedule: self,
            at: end,
            time: until.max(self.start(end)),
            kept: Vec::new(),
            ended: None,
            found: Vec::new(),
        };
        // It ends: each step goes to an earlier record of the lane, or to another lane's that began earlier.
        while walk.step() {}
        let mut segments = walk.found;
        segments.reverse();
        CriticalPath { end, segments }
    }
}

struct Walk<'a> {
    schedule: &'a Schedule<'a>,
    /// The last record of the lane that is not after `time`.
    at: NodeRef,
    time: u64,
    /// The waits that were ended by what the path did, with when they began.
    kept: Vec<(usize, u64)>,
    ended: Option<usize>,
    found: Vec<Segment>,
}

impl Walk<'_> {
    /// Goes back over one record; whether there is more.
    fn step(&mut self) -> bool {
        let start = self.schedule.start(self.at);
        match self.schedule.begins(self.at) {
            // Inside a wait, whose end is none that we came by.
            Some(pause) => self.spend(start, Doing::Waiting(pause)),
            None => self.spend(start, Doing::Working),
        }
        match self.schedule.before(self.at) {
            Before::Given(given, pause) => {
                self.spend(given.by, if self.at.at == 0 { Doing::Starting } else { Doing::Resuming });
                self.keep(pause);
                self.at = given.from;
                true
            }
            Before::Waited(pause) => {
                let wait = self.schedule.graph.find(self.at.lane, self.schedule.ledger.pauses[pause].wait);
                let Some(wait) = wait else { return self.previous() };
                self.spend(self.schedule.start(wait), Doing::Waiting(pause));
                self.at = wait;
                true
            }
            Before::Own => self.previous(),
        }
    }

    fn previous(&mut self) -> bool {
        match self.at.at.checked_sub(1) {
            Some(before) => {
                self.at.at = before;
                true
            }
            None => false,
        }
    }

    /// The wait was ended by what comes now, back to when it began.
    fn keep(&mut self, pause: Option<usize>) {
        self.ended = pause;
        let Some(pause) = pause else { return };
        let told: &Pause = &self.schedule.ledger.pauses[pause];
        if !told.is_removable() {
            return;
        }
        let wait = self.schedule.graph.find(told.lane, told.wait);
        self.kept.extend(wait.map(|wait| (pause, self.schedule.start(wait))));
    }

    /// The time back to `from` went into this.
    fn spend(&mut self, from: u64, doing: Doing) {
        while from < self.time {
            self.kept.retain(|(_, since)| *since < self.time);
            let kept = self.kept.last().copied();
            let from = kept.map_or(from, |(_, since)| from.max(since));
            let kept = kept.map(|kept| kept.0);
            self.found.push(Segment {
                lane: self.at.lane,
                from,
                to: self.time,
                doing,
                kept,
                ended: self.ended,
                after: self.at,
            });
            self.time = from;
        }
    }
}
