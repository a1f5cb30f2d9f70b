//! Where a run's time went, as a model: the critical path by what owns it, lanes, and what was waited for.
//!
//! Numbers only; how they look is for `text` and `json`.

pub mod json;
mod lanes;
mod objects;
mod path;
pub mod text;

use crate::causality::time::{CriticalPath, ObjectIndex, Schedule};
use crate::causality::{CausalGraph, LaneIndex, NodeRef};

pub use lanes::LaneTime;
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
    pub lanes: Vec<LaneTime>,
    /// What was waited for, the most first.
    pub objects: Vec<ObjectTime>,
    pub pools: Vec<PoolTime>,
    /// It ends with a record after which its process went on, or nobody knows.
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
        let until = if unfinished && !wanted.is_part { last_known(schedule, wanted)? } else { schedule.start(end) };
        let path = schedule.critical_path(end, until);
        let (first, last) = (first_known(schedule, wanted)?.min(path.span().0), until);
        let moment = |ts: i64| schedule.moment(end, ts);
        let from = wanted.since.map_or(first, moment).clamp(first, last);
        let to = wanted.until.map_or(last, moment).clamp(from, last);
        let shares = path::shares(schedule, &path, from, to);
        let mut stats = Stats {
            graph,
            schedule,
            from,
            to,
            path,
            shares,
            without: None,
            lanes: lanes::times(schedule, &wanted.lanes, from, to),
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

    /// Only for the whole of what was recorded: of a part of the time nobody knows what would have been in it.
    fn best_without(&self, wanted: &Wanted) -> Option<(ObjectIndex, u64)> {
        if wanted.since.is_some() || wanted.until.is_some() || self.unfinished {
            return None;
        }
        let object = self.shares.iter().find_map(Share::removable)?;
        let earliest =
            self.schedule.without(self.path.end, &|pause| pause.object == Some(object) && pause.is_removable());
        Some((object, earliest.saturating_sub(self.from)))
    }
}

/// The record with which what is looked at ended, and whether that is only the last that is known of it: the exit of the
/// first process, or the last record of the lanes that are asked about.
fn last_of(schedule: &Schedule, wanted: &Wanted) -> Option<(NodeRef, bool)> {
    let graph = schedule.graph;
    let last = |lane: &LaneIndex| graph.nodes_of(*lane).next_back();
    let latest = wanted.lanes.iter().filter_map(last).max_by_key(|at| (schedule.start(*at), *at))?;
    if wanted.is_part {
        return Some((latest, false));
    }
    let root =
        wanted.lanes.iter().filter_map(last).min_by_key(|at| graph.process_of(at.lane).number.unwrap_or(u32::MAX))?;
    let process = graph.process_of(root.lane);
    let main = graph.lane_named(graph.lane(root.lane).process, crate::record::Lane::MAIN).and_then(|lane| last(&lane));
    match main {
        Some(main) if process.end.said_mono.is_some() => Some((main, false)),
        Some(main) => Some((main, true)),
        None => Some((latest, true)),
    }
}

fn last_known(schedule: &Schedule, wanted: &Wanted) -> Option<u64> {
    let lasts = wanted.lanes.iter().filter_map(|lane| schedule.graph.nodes_of(*lane).next_back());
    lasts.map(|at| schedule.start(at)).max()
}

fn first_known(schedule: &Schedule, wanted: &Wanted) -> Option<u64> {
    let firsts = wanted.lanes.iter().filter_map(|lane| schedule.graph.nodes_of(*lane).next());
    firsts.map(|at| schedule.start(at)).min()
}
