//! Which processes may have an object that processes share: those that multiprocessing or a fork made of each other. A program
//! that was started as a command of its own has none of them, whoever started it.

use super::{Standing, Within};
use crate::causality::facts::ProcessFacts;
use crate::causality::graph::ProcessIndex;

impl Standing<'_> {
    /// Whether somebody of the other process may be meant.
    pub fn is_within(&self, process: ProcessIndex, other: ProcessIndex, within: Within) -> bool {
        match within {
            Within::Process => process == other,
            Within::Family => self.families[process.0] == self.families[other.0],
            Within::Run => true,
        }
    }

    pub(super) fn learn_families(&mut self) {
        let processes = &self.graph.processes;
        let root = processes.iter().position(|facts| facts.number == Some(1)).unwrap_or(0);
        self.families = (0..processes.len()).map(|index| family(processes, index).unwrap_or(root)).collect();
    }
}

/// The process that the family began with; `None` where the records do not lead there.
fn family(processes: &[ProcessFacts], of: usize) -> Option<usize> {
    let mut own = of;
    for _ in 0..processes.len() {
        let facts = &processes[own];
        if facts.how.as_deref() == Some("exec") {
            return Some(own);
        }
        let is_parent = |other: &ProcessFacts| Some(other.pid) == facts.ppid && other.shares_clock(facts);
        let earlier = |other: &ProcessFacts| other.began_mono < facts.began_mono;
        own = processes.iter().rposition(|other| is_parent(other) && earlier(other))?;
    }
    None
}
