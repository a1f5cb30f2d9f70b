//! Time by lane: how long it was there, on the processor, and in waits that were written; and what the rest went into.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::causality::time::{ObjectIndex, Pause, Schedule, WaitKind};
use crate::causality::{LaneIndex, ProcessIndex};
use crate::record::readings::Usage;
use crate::record::{EventKind, LaneKind};

/// Where a lane's time went, ns. What is `None` nobody has written.
#[derive(Debug, Clone, Default)]
pub struct LaneTime {
    pub wall: u64,
    pub on_cpu: Option<u64>,
    /// In waits that were written, those of a pool's worker for work not counted.
    pub waited: u64,
    /// In waits of a pool's worker for work.
    pub idle: u64,
    /// Ready to run, and there was no processor.
    pub no_cpu: Option<u64>,
    /// All else: blocked in I/O or sleep, or kept from going on by others who had the GIL.
    pub rest: Option<u64>,
    /// Of that, how much went to the GIL, as far as the watchdog looked on.
    pub gil: Option<u64>,
    pub longest: Option<Longest>,
}

/// What a lane waited for the longest, all such waits together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Longest {
    /// As the record says it: lock, join, …
    pub on: String,
    pub object: Option<ObjectIndex>,
    pub whom: Option<LaneIndex>,
    pub ns: u64,
}

/// The threads, those that were there the longest first. Tasks write no waits and have no processor of their own.
pub(super) fn times(schedule: &Schedule, lanes: &[LaneIndex], from: u64, to: u64) -> Vec<(LaneIndex, LaneTime)> {
    let mut pauses: HashMap<LaneIndex, Vec<&Pause>> = HashMap::new();
    for pause in &schedule.ledger.pauses {
        pauses.entry(pause.lane).or_default().push(pause);
    }
    let with_threads = threaded(schedule);
    let threads = lanes.iter().filter(|lane| schedule.graph.lane(**lane).lane.kind == LaneKind::Thread);
    let mut times: Vec<(LaneIndex, LaneTime)> = Vec::new();
    for lane in threads {
        let Some(span) = span(schedule, *lane) else { continue };
        let own = (span.0.max(from), span.1.min(to));
        let mut time = waits(schedule, pauses.get(lane).map_or(&[], Vec::as_slice), own);
        if own == span {
            let alone = !with_threads.contains(&schedule.graph.lane(*lane).process);
            time.divide(usage(schedule, *lane), alone);
        }
        times.push((*lane, time));
    }
    times.sort_by_key(|(lane, time)| (Reverse(time.wall), *lane));
    times
}

/// From the lane's first moment to its last.
fn span(schedule: &Schedule, lane: LaneIndex) -> Option<(u64, u64)> {
    let (first, last) = (schedule.graph.nodes_of(lane).next()?, schedule.graph.nodes_of(lane).next_back()?);
    // One that did not say its end was there as long as its process.
    let over = schedule.graph.lane(lane).end.is_some();
    let until = if over { schedule.start(last) } else { schedule.last_of_process(lane) };
    Some((schedule.start(first), until))
}

/// The processes that have more than one thread, so that the GIL can be with another one.
fn threaded(schedule: &Schedule) -> HashSet<ProcessIndex> {
    let (mut seen, mut several) = (HashSet::new(), HashSet::new());
    for lane in &schedule.graph.lanes {
        if lane.lane.kind == LaneKind::Thread && !lane.nodes.is_empty() && !seen.insert(lane.process) {
            several.insert(lane.process);
        }
    }
    several
}

/// A lane's waits between two moments.
fn waits(schedule: &Schedule, pauses: &[&Pause], (from, to): (u64, u64)) -> LaneTime {
    let mut time = LaneTime { wall: to.saturating_sub(from), ..LaneTime::default() };
    let mut covered = from;
    let mut by_what: HashMap<(&str, Option<ObjectIndex>, Option<LaneIndex>), u64> = HashMap::new();
    for pause in pauses {
        let Some((since, until)) = schedule.span(pause) else { continue };
        // A wait of a signal's handler lies within another one: no moment counts twice.
        let (since, until) = (since.max(covered), until.min(to));
        let ns = until.saturating_sub(since);
        covered = covered.max(until);
        if pause.kind == WaitKind::Idle {
            time.idle += ns;
            continue;
        }
        time.waited += ns;
        let alone = pause.object.is_none() && pause.owners.len() == 1;
        let whom = pause.owners.first().filter(|_| alone).copied();
        *by_what.entry((&*pause.on, pause.object, whom)).or_insert(0) += ns;
    }
    let longest = by_what.into_iter().filter(|(_, ns)| *ns > 0).max_by_key(|(what, ns)| (*ns, Reverse(*what)));
    time.longest = longest.map(|((on, object, whom), ns)| Longest { on: on.to_owned(), object, whom, ns });
    time
}

impl LaneTime {
    /// Divides what was no wait, by what is known of the whole life of the lane.
    fn divide(&mut self, usage: Usage, alone: bool) {
        let (Some(cpu), waited) = (usage.cpu, self.waited.saturating_add(self.idle)) else { return };
        self.on_cpu = Some(cpu);
        self.no_cpu = usage.runnable;
        let known = cpu.saturating_add(waited).saturating_add(usage.runnable.unwrap_or(0));
        let rest = self.wall.saturating_sub(known);
        self.rest = Some(rest);
        self.gil = match usage.still.zip(usage.barred) {
            _ if alone || rest == 0 => Some(0),
            Some((still, barred)) => {
                // To whoever looks on, one without a processor is still as well.
                let still = still.saturating_sub(usage.runnable.unwrap_or(0));
                let share = barred as f64 / still.saturating_add(barred).max(1) as f64;
                Some(((rest as f64 * share) as u64).min(rest))
            }
            None => None,
        };
    }

    /// Blocked in I/O or sleep, where that is known apart from the GIL.
    pub fn still(&self) -> Option<u64> {
        self.rest.zip(self.gil).map(|(rest, gil)| rest - gil)
    }
}

/// What the lane, or its process at its end, said of the time on the processor; else the last snapshot.
fn usage(schedule: &Schedule, lane: LaneIndex) -> Usage {
    let (graph, facts) = (schedule.graph, schedule.graph.lane(lane));
    let said = schedule.ledger.used.get(&lane).copied().unwrap_or_default();
    let name = facts.lane.to_string();
    let seen = || {
        let snaps = graph.observed.of_process(EventKind::Snap, facts.process).filter_map(|snap| snap.event.snapshot());
        snaps.filter_map(|snap| snap.lanes.iter().find(|lane| lane.lane == name)?.cpu).last()
    };
    Usage { cpu: said.cpu.or_else(seen), ..said }
}
