//! Who has which lock that processes share, from their `acq` and `rel`: such a lock cannot say itself who has it.

use std::collections::HashMap;

use super::graph::LaneIndex;
use crate::record::{Record, Site};

/// One acquisition that was not given back.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedHold {
    pub lane: LaneIndex,
    pub seq: u64,
    /// Monotonic ns.
    pub since: u64,
    pub site: Option<Site>,
}

#[derive(Debug, Default)]
pub struct SharedHolds {
    open: HashMap<Box<str>, Vec<SharedHold>>,
    /// When it was given back by a lane that had not taken it.
    given_back: HashMap<Box<str>, Vec<u64>>,
}

impl SharedHolds {
    pub(super) fn take(&mut self, lane: LaneIndex, record: &Record, obj: &str, site: Option<Site>) {
        let hold = SharedHold { lane, seq: record.seq, since: record.mono, site };
        self.open.entry(obj.into()).or_default().push(hold);
    }

    pub(super) fn give_back(&mut self, lane: LaneIndex, record: &Record, obj: &str) {
        let open = self.open.entry(obj.into()).or_default();
        match open.iter().rposition(|hold| hold.lane == lane) {
            Some(own) => drop(open.remove(own)),
            None => self.given_back.entry(obj.into()).or_default().push(record.mono),
        }
    }

    /// Who had the object at that time, the first to take it first.
    pub fn at(&self, obj: &str, mono: u64) -> Vec<&SharedHold> {
        let Some(open) = self.open.get(obj) else { return Vec::new() };
        let mut holds: Vec<&SharedHold> = open.iter().filter(|hold| hold.since <= mono).collect();
        holds.sort_by_key(|hold| hold.since);
        for back in self.given_back.get(obj).into_iter().flatten().filter(|back| **back <= mono) {
            if let Some(taken) = holds.iter().position(|hold| hold.since < *back) {
                holds.remove(taken);
            }
        }
        holds
    }
}
