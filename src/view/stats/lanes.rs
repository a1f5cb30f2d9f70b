//! Time by lane: how long it was there, on the CPU, and waiting; what is left is I/O, sleep, or waiting for the GIL.

use std::collections::HashMap;

use crate::causality::LaneIndex;
use crate::causality::time::{ObjectIndex, Pause, Schedule, WaitKind};
use crate::record::{EventKind, Lane, LaneKind};

/// Where a lane's time went.
#[derive(Debug, Clone)]
pub struct LaneTime {
    pub lane: LaneIndex,
    /// From its first to its last moment, as far as that is in the time that is looked at.
    pub wall: u64,
    /// Where it is known. Always of the lane's whole life.
    pub cpu: Option<u64>,
    /// In waits that were written, work of its pool to do not counted.
    pub waited: u64,
    /// A worker of a pool without work.
    pub idle: u64,
    /// What it waited for the longest: what kind of wait, and for which object or lane.
    pub longest: Option<(String, Option<ObjectIndex>, Option<LaneIndex>, u64)>,
    /// Waits of this lane are on record where it waits: of asyncio tasks they are not.
    pub says_waits: bool,
}

impl LaneTime {
    /// Neither on the CPU nor in a wait that was written.
    pub fn rest(&self) -> Option<u64> {
        let known = self.cpu?.saturating_add(self.waited).saturating_add(self.idle);
        self.says_waits.then(|| self.wall.saturating_sub(known))
    }
}

/// The lanes, those that were there the longest first.
pub(super) fn times(schedule: &Schedule, lanes: &[LaneIndex], from: u64, to: u64) -> Vec<LaneTime> {
    let mut pauses: HashMap<LaneIndex, Vec<&Pause>> = HashMap::new();
    for pause in &schedule.ledger.pauses {
        pauses.entry(pause.lane).or_default().push(pause);
    }
    let nothing = Vec::new();
    let time = |lane: &LaneIndex| time_of(schedule, *lane, pauses.get(lane).unwrap_or(&nothing), from, to);
    let mut times: Vec<LaneTime> = lanes.iter().filter_map(time).collect();
    times.sort_by_key(|time| (std::cmp::Reverse(time.wall), time.lane));
    times
}

fn time_of(schedule: &Schedule, lane: LaneIndex, pauses: &[&Pause], from: u64, to: u64) -> Option<LaneTime> {
    let facts = schedule.graph.lane(lane);
    let (first, last) = (schedule.graph.nodes_of(lane).next()?, schedule.graph.nodes_of(lane).next_back()?);
    // One that did not say its end was there as long as its process.
    let until = if facts.end.is_some() { schedule.start(last) } else { schedule.last_of_process(lane) };
    let (began, until) = (schedule.start(first).max(from), until.min(to));
    let (mut waited, mut idle, mut covered) = (0, 0, began);
    let mut by_what: HashMap<(&str, Option<ObjectIndex>, Option<LaneIndex>), u64> = HashMap::new();
    for pause in pauses {
        let Some((since, end)) = schedule.span(pause) else { continue };
        // A wait of a signal's handler lies within another one: no moment counts twice.
        let (since, end) = (since.max(covered), end.min(until));
        let ns = end.saturating_sub(since);
        covered = covered.max(end);
        if pause.kind == WaitKind::Idle {
            idle += ns;
        } else {
            waited += ns;
            let whom = if pause.object.is_some() { None } else { pause.owner };
            *by_what.entry((&*pause.on, pause.object, whom)).or_insert(0) += ns;
        }
    }
    let longest = by_what.into_iter().max_by_key(|(what, ns)| (*ns, std::cmp::Reverse(*what)));
    Some(LaneTime {
        lane,
        wall: until.saturating_sub(began),
        cpu: cpu_of(schedule, lane),
        waited,
        idle,
        longest: longest.map(|((on, object, whom), ns)| (on.to_owned(), object, whom, ns)),
        says_waits: facts.lane.kind == LaneKind::Thread,
    })
}

/// CPU time: what the lane said at its end, or was said of it last.
fn cpu_of(schedule: &Schedule, lane: LaneIndex) -> Option<u64> {
    let graph = schedule.graph;
    let facts = graph.lane(lane);
    if let Some(cpu) = facts.end.as_ref().and_then(|end| end.cpu) {
        return Some(cpu);
    }
    let exits = graph.observed.of_process(EventKind::Exit, facts.process);
    let exit = exits.filter(|_| facts.lane == Lane::MAIN).find_map(|exit| exit.event.exit()?.cpu);
    exit.or_else(|| {
        let name = facts.lane.to_string();
        let snaps = graph.observed.of_process(EventKind::Snap, facts.process).filter_map(|snap| snap.event.snapshot());
        snaps.filter_map(|snap| snap.lanes.iter().find(|lane| lane.lane == name)?.cpu).last()
    })
}
