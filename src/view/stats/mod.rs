//! Where a run's time went, as a model: the critical path by what owns it, lanes, and what was waited for.
//!
//! Numbers only; how they look is for `text` and `json`.

pub mod json;
mod lanes;
mod objects;
mod path;
mod rows;
pub mod steps;
pub mod text;
mod words;

use std::collections::HashSet;

use crate::causality::time::{CriticalPath, ObjectIndex, Schedule};
use crate::causality::{CausalGraph, LaneIndex, NodeRef, ProcessIndex};
use crate::record::{Lane, LaneKind};

pub use lanes::{LaneTime, Longest};
pub use objects::{Holder, ObjectTime, PoolTime};
pub use path::{Owner, Share, Worker};

/// What is asked about.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// These lanes only.
    pub lanes: Vec<LaneIndex>,
    /// They are some of the run's.
    pub is_part: bool,
    /// Nanoseconds since 1970.
    pub since: Option<i64>,
    pub until: Option<i64>,
    /// The record at which the critical path ends.
    pub end: Option<NodeRef>,
}

impl Wanted {
    /// The run as a whole, from its beginning to its end.
    fn is_whole(&self) -> bool {
        !self.is_part && self.since.is_none() && self.until.is_none()
    }
}

/// Where the time between two moments went.
pub struct Stats<'a> {
    pub graph: &'a CausalGraph,
    pub schedule: &'a Schedule<'a>,
    /// What was looked at, in the clock of the schedule.
    pub from: u64,
    pub to: u64,
    /// The whole critical path, also outside of that time.
    pub path: CriticalPath,
    /// What owns the path within that time, the most first.
    pub shares: Vec<Share>,
    /// What it would have taken at the least without waiting for the object that owns most of the path.
    pub without: Option<(ObjectIndex, u64)>,
    /// The threads, those that were there the longest first.
    pub lanes: Vec<(LaneIndex, LaneTime)>,
    /// How many of the lanes are tasks.
    pub tasks: usize,
    /// What was waited for, the most first.
    pub objects: Vec<ObjectTime>,
    pub pools: Vec<PoolTime>,
    /// The end of the first process is not on record.
    pub unfinished: bool,
}

impl<'a> Stats<'a> {
    /// `None` where there is no record of the program.
    pub fn of(schedule: &'a Schedule<'a>, wanted: &Wanted) -> Option<Stats<'a>> {
        let graph = schedule.graph;
        let (end, unfinished) = match wanted.end {
            Some(end) => (end, false),
            None => last_of(schedule, wanted)?,
        };
        let last = if unfinished { last_known(schedule, end) } else { schedule.start(end) };
        let path = schedule.critical_path(end, last);
        let known = first_known(schedule, wanted)?;
        let first = path.segments.first().map_or(known, |segment| segment.from.min(known)).min(last);
        let moment = |ts: i64| schedule.moment(end, ts);
        let from = wanted.since.map_or(first, moment).clamp(first, last);
        let to = wanted.until.map_or(last, moment).clamp(from, last);
        let is_task = |lane: &&LaneIndex| graph.lane(**lane).lane.kind == LaneKind::Task;
        let mut stats = Stats {
            graph,
            schedule,
            from,
            to,
            shares: path::shares(schedule, &path, from, to),
            path,
            without: None,
            lanes: lanes::times(schedule, &wanted.lanes, from, to),
            tasks: wanted.lanes.iter().filter(is_task).count(),
            objects: objects::times(schedule, wanted, from, to),
            pools: objects::pools(schedule, wanted),
            unfinished,
        };
        stats.without = stats.best_without(wanted);
        Some(stats)
    }

    pub fn took(&self) -> u64 {
        self.to - self.from
    }

    /// The processes of the lanes.
    pub fn processes(&self) -> Vec<ProcessIndex> {
        let mut seen = HashSet::new();
        let all = self.lanes.iter().map(|(lane, _)| self.graph.lane(*lane).process);
        all.filter(|process| seen.insert(*process)).collect()
    }

    /// Only for what was recorded from beginning to end: of a part of the time nobody knows what would have been in it.
    fn best_without(&self, wanted: &Wanted) -> Option<(ObjectIndex, u64)> {
        if wanted.since.is_some() || wanted.until.is_some() || self.unfinished {
            return None;
        }
        let object = self.shares.iter().find_map(Share::removable)?;
        let gone = |pause: &crate::causality::time::Pause| pause.object == Some(object) && pause.is_removable();
        let earliest = self.schedule.without(self.path.end, &gone);
        Some((object, earliest.saturating_sub(self.from)))
    }
}

/// The record with which what is looked at ended, and whether that is only the last that is known of it: the exit of the
/// first process, or the last record of the lanes that are asked about.
fn last_of(schedule: &Schedule, wanted: &Wanted) -> Option<(NodeRef, bool)> {
    let graph = schedule.graph;
    let last = |lane: &LaneIndex| graph.nodes_of(*lane).next_back();
    let lasts = || wanted.lanes.iter().filter_map(last);
    let latest = lasts().max_by_key(|at| (schedule.start(*at), *at))?;
    if wanted.is_part {
        return Some((latest, false));
    }
    let root = lasts().min_by_key(|at| graph.process_of(at.lane).number.unwrap_or(u32::MAX))?;
    let process = graph.lane(root.lane).process;
    let main = graph.lane_named(process, Lane::MAIN).and_then(|lane| last(&lane));
    let unfinished = graph.processes[process.0].end.said_mono.is_none();
    Some((main.unwrap_or(latest), unfinished))
}

/// Up to when the first process was there, as far as anything tells.
fn last_known(schedule: &Schedule, end: NodeRef) -> u64 {
    schedule.last_of_process(end.lane).max(schedule.start(end))
}

fn first_known(schedule: &Schedule, wanted: &Wanted) -> Option<u64> {
    let firsts = wanted.lanes.iter().filter_map(|lane| schedule.graph.nodes_of(*lane).next());
    firsts.map(|at| schedule.start(at)).min()
}
