//! What is not on record, or contradicts itself, as facts: of which lane or process, and how much. Whatever rests on such a
//! lane has to name it. Words are a diagnosis's business.

use std::collections::BTreeSet;

use super::graph::{CausalGraph, LaneIndex, NodeRef, ProcessIndex};
use crate::record::LaneKind;

/// One thing that is wrong with what is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// So many numbers of the lane are not there.
    Gaps { lane: LaneIndex, records: u64 },
    /// So many numbers of the lane occur twice.
    Repeated { lane: LaneIndex, records: u64 },
    /// Records that each came before the other, if their stamps were right.
    Circle { records: Vec<NodeRef> },
    /// It removed old records, to keep to a ring or a cap.
    Dropped { process: ProcessIndex, records: u64 },
    /// It could not write them.
    Lost { process: ProcessIndex, records: u64 },
    /// Its log was cut or removed so often, and what was written last may not have been read.
    CutOff { process: ProcessIndex, times: u64 },
    /// Lines of it that are no records.
    Malformed { process: ProcessIndex, lines: u64 },
    /// It ended in the midst of a line.
    Torn { process: ProcessIndex },
    /// Its first line is gone: who it is and who began it.
    Headless { process: ProcessIndex },
    /// Processes with numbers in between of which nothing is on record, or whose end was seen.
    Absent { processes: u64 },
    /// So many stamps name records that are not there.
    Dangling { stamps: usize },
    /// So many events were more than are kept for the diagnoses.
    Unread { events: usize },
}

impl Damage {
    /// Whether a fact may be missing, or wrong: what is torn or was removed on purpose is told, and leaves the rest exact.
    pub fn is_doubtful(&self) -> bool {
        !matches!(self, Damage::Dropped { .. } | Damage::Torn { .. })
    }
}

impl CausalGraph {
    /// Everything that is wrong with the records.
    pub fn damage(&self) -> Vec<Damage> {
        let mut found: Vec<Damage> = self.lane_indexes().flat_map(|lane| self.damage_of_lane(lane)).collect();
        found.extend((0..self.processes.len()).flat_map(|process| self.damage_of_process(ProcessIndex(process))));
        found.extend(self.circles.iter().map(|records| Damage::Circle { records: records.clone() }));
        found.extend(self.damage_of_run());
        found
    }

    /// What bears on an answer about those lanes: what is wrong with them, with their processes and with the stamps between
    /// them.
    pub fn damage_near(&self, lanes: &BTreeSet<LaneIndex>) -> Vec<Damage> {
        let processes: BTreeSet<ProcessIndex> = lanes.iter().map(|lane| self.lane(*lane).process).collect();
        let mut found: Vec<Damage> = lanes.iter().flat_map(|lane| self.damage_of_lane(*lane)).collect();
        found.extend(processes.iter().flat_map(|process| self.damage_of_process(*process)));
        found.extend(self.circles_near(lanes));
        found
    }

    /// What bears on an answer about who else was there in the processes of those lanes.
    pub fn damage_around(&self, lanes: &BTreeSet<LaneIndex>) -> Vec<Damage> {
        let processes: BTreeSet<ProcessIndex> = lanes.iter().map(|lane| self.lane(*lane).process).collect();
        let all = processes.iter().flat_map(|process| &self.processes[process.0].lanes);
        let mut found = self.damage_near(&all.copied().collect());
        found.extend(self.damage_of_run());
        found
    }

    /// Circles of stamps that records of those lanes are in.
    pub fn circles_near(&self, lanes: &BTreeSet<LaneIndex>) -> impl Iterator<Item = Damage> {
        let near = self.circles.iter().filter(|records| records.iter().any(|at| lanes.contains(&at.lane)));
        near.map(|records| Damage::Circle { records: records.clone() })
    }

    /// What is wrong with one lane's numbers. Where a process removed old records on purpose its lanes have gaps, all of
    /// them: that is a fact about the process.
    fn damage_of_lane(&self, lane: LaneIndex) -> Vec<Damage> {
        let facts = self.lane(lane);
        let mut found = Vec::new();
        if facts.gaps > 0 && self.process_of(lane).dropped == 0 {
            found.push(Damage::Gaps { lane, records: facts.gaps });
        }
        if facts.repeated > 0 {
            found.push(Damage::Repeated { lane, records: facts.repeated });
        }
        found
    }

    /// Numbers of the lane that are missing in front of that record, up to the one before it that is there.
    pub fn missing_before(&self, at: NodeRef) -> u64 {
        let nodes = &self.lanes[at.lane.0].nodes;
        let before = at.at.checked_sub(1).map_or(0, |before| nodes[before].seq);
        nodes[at.at].seq.saturating_sub(before).saturating_sub(1)
    }

    /// Numbers that are missing in the lane up to the record, behind the record at place `first`; from the lane's beginning
    /// without one.
    pub(super) fn missing_between(&self, first: Option<usize>, last: NodeRef) -> u64 {
        if self.lanes[last.lane.0].gaps == 0 {
            return 0;
        }
        let places = first.map_or(0, |first| first + 1)..=last.at;
        places.map(|at| self.missing_before(NodeRef { lane: last.lane, at })).fold(0, u64::saturating_add)
    }

    fn damage_of_process(&self, process: ProcessIndex) -> Vec<Damage> {
        let facts = &self.processes[process.0];
        let mut found = Vec::new();
        if facts.dropped > 0 {
            let gaps = facts.lanes.iter().map(|lane| self.lane(*lane).gaps).fold(0, u64::saturating_add);
            found.push(Damage::Dropped { process, records: gaps.max(facts.dropped) });
        }
        if facts.lost > 0 {
            found.push(Damage::Lost { process, records: facts.lost });
        }
        if facts.cut_off > 0 {
            found.push(Damage::CutOff { process, times: facts.cut_off });
        }
        if facts.malformed > 0 {
            found.push(Damage::Malformed { process, lines: facts.malformed });
        }
        if facts.torn {
            found.push(Damage::Torn { process });
        }
        if facts.began.is_none() && facts.lanes.iter().any(|lane| self.is_of_program(*lane)) {
            found.push(Damage::Headless { process });
        }
        found
    }

    fn is_of_program(&self, lane: LaneIndex) -> bool {
        let facts = self.lane(lane);
        matches!(facts.lane.kind, LaneKind::Thread | LaneKind::Task | LaneKind::Greenlet) && !facts.nodes.is_empty()
    }

    /// What is wrong with the run as a whole.
    fn damage_of_run(&self) -> Vec<Damage> {
        let mut found = Vec::new();
        let numbers: BTreeSet<u32> = self.processes.iter().filter_map(|process| process.number).collect();
        let highest = numbers.last().copied().unwrap_or(0);
        let known = numbers.range(1..).count() as u64;
        let absent = u64::from(highest).saturating_sub(known);
        if absent > 0 {
            found.push(Damage::Absent { processes: absent });
        }
        if self.dangling > 0 {
            found.push(Damage::Dangling { stamps: self.dangling });
        }
        if self.observed.beyond > 0 {
            found.push(Damage::Unread { events: self.observed.beyond });
        }
        found
    }
}
