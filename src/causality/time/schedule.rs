//! What each record of a run had to wait for: its own lane, another lane's hand-over, or something that is not on record.
//!
//! A record's *start* is when what it tells of began: of a `wait` the beginning of the wait, else its own time. A thread
//! writes every wait of a millisecond, so where it wrote none, it was busy itself; of a task no waits are written, so there
//! the last that arrived is taken, its own record before or a hand-over.

use std::collections::HashMap;

use super::ledger::{Ledger, ObjectIndex, Outcome, Pause, WaitKind};
use crate::causality::{CausalGraph, Edge, EdgeKind, LaneIndex, NodeRef};
use crate::record::{EventKind, LaneKind};

/// How far the clocks of two processes may seem to differ and still be one, ns.
const ONE_CLOCK: u64 = 1_000_000_000;

/// The stamps that came with the end of a wait stand in one of so many records after its `got`.
pub(super) const STAMPED_WITHIN: usize = 2;

/// Something that another lane gave: after its record `from`, and at the latest at `by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandOver {
    pub from: NodeRef,
    pub by: u64,
}

/// What the time before a record went into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// The lane's own work since its record before; also of a lane's first record that nothing led to.
    Own,
    /// Nothing of its own: it went on, or began, because of this. The wait that it ended, where there was one.
    Given(HandOver, Option<usize>),
    /// A wait that no lane is known to have ended.
    Waited(usize),
}

/// The records of a run in time, and what each had to wait for.
pub struct Schedule<'a> {
    pub graph: &'a CausalGraph,
    pub ledger: &'a Ledger,
    /// Of each record of each lane; never decreasing in a lane.
    starts: Vec<Vec<u64>>,
    before: HashMap<NodeRef, Before>,
    /// The wait that a `wait` record began.
    began: HashMap<NodeRef, usize>,
    /// Where locks between processes were given back, in order of time.
    releases: HashMap<ObjectIndex, Vec<NodeRef>>,
    /// The processes have different clocks: times between them are as their wall clocks say.
    pub several_clocks: bool,
}

impl<'a> Schedule<'a> {
    pub fn of(graph: &'a CausalGraph, ledger: &'a Ledger) -> Schedule<'a> {
        let several_clocks = has_several_clocks(graph);
        let mut schedule = Schedule {
            graph,
            ledger,
            starts: Vec::new(),
            before: HashMap::new(),
            began: HashMap::new(),
            releases: HashMap::new(),
            several_clocks,
        };
        for (at, pause) in ledger.pauses.iter().enumerate() {
            schedule.began.extend(graph.find(pause.lane, pause.wait).map(|node| (node, at)));
        }
        schedule.starts = graph.lane_indexes().map(|lane| schedule.starts_of(lane)).collect();
        schedule.releases = schedule.releases_in_time();
        for (at, pause) in ledger.pauses.iter().enumerate() {
            let Some(got) = pause.got.and_then(|seq| graph.find(pause.lane, seq)) else { continue };
            let given = schedule.ended_by(at, pause, got);
            let before = given.map_or(Before::Waited(at), |given| Before::Given(given, Some(at)));
            schedule.before.insert(got, before);
        }
        for lane in graph.lane_indexes() {
            schedule.link(lane);
        }
        schedule
    }

    /// Times of a lane's records, never decreasing.
    fn starts_of(&self, lane: LaneIndex) -> Vec<u64> {
        let mut latest = 0;
        let nodes = self.graph.nodes_of(lane);
        let start = |at: NodeRef| {
            let node = self.graph.node(at);
            let own = if self.several_clocks { u64::try_from(node.ts).unwrap_or(0) } else { node.mono };
            let waited = self.began.get(&at).map_or(0, |pause| self.ledger.pauses[*pause].before);
            latest = own.saturating_sub(waited).max(latest);
            latest
        };
        nodes.map(start).collect()
    }

    fn releases_in_time(&self) -> HashMap<ObjectIndex, Vec<NodeRef>> {
        let in_time = |releases: &Vec<(LaneIndex, u64)>| {
            let mut nodes: Vec<NodeRef> =
                releases.iter().filter_map(|(lane, seq)| self.graph.find(*lane, *seq)).collect();
            nodes.sort_by_key(|node| (self.start(*node), *node));
            nodes
        };
        self.ledger.releases.iter().map(|(object, releases)| (*object, in_time(releases))).collect()
    }

    /// When what a record tells of began, ns.
    pub fn start(&self, at: NodeRef) -> u64 {
        self.starts[at.lane.0][at.at]
    }

    /// When the lane's next record began; the latest that something can be that came before it.
    fn next_start(&self, at: NodeRef) -> u64 {
        self.starts[at.lane.0].get(at.at + 1).copied().unwrap_or(u64::MAX)
    }

    pub(super) fn before(&self, at: NodeRef) -> Before {
        self.before.get(&at).copied().unwrap_or(Before::Own)
    }

    /// The wait that this record begins.
    pub(super) fn begins(&self, at: NodeRef) -> Option<usize> {
        self.began.get(&at).copied()
    }

    /// When a wait began and ended; one that did not end, with the last that is known of its process.
    pub fn span(&self, pause: &Pause) -> Option<(u64, u64)> {
        let wait = self.graph.find(pause.lane, pause.wait)?;
        let got = pause.got.and_then(|seq| self.graph.find(pause.lane, seq));
        // Without a `got` the lane's next record, if any, shows that it was over by then.
        let until = got.map(|got| self.start(got)).or_else(|| self.starts[wait.lane.0].get(wait.at + 1).copied());
        Some((self.start(wait), until.unwrap_or_else(|| self.last_of_process(pause.lane))))
    }

    /// The last that is known of the lane's process: a record, or that its end was seen.
    pub fn last_of_process(&self, lane: LaneIndex) -> u64 {
        let process = self.graph.process_of(lane);
        let records = process.lanes.iter().filter_map(|lane| self.starts[lane.0].last()).copied();
        let seen = process.end.seen_mono.filter(|_| !self.several_clocks);
        records.chain(seen).max().unwrap_or(0)
    }

    /// Who gave what ended the wait.
    pub fn given_by(&self, pause: &Pause) -> Option<LaneIndex> {
        let got = self.graph.find(pause.lane, pause.got?)?;
        match self.before(got) {
            Before::Given(given, _) => Some(given.from.lane),
            _ => None,
        }
    }

    /// A wall-clock time as this clock has it, by the record next to which the two are compared.
    pub fn moment(&self, beside: NodeRef, ts: i64) -> u64 {
        let node = self.graph.node(beside);
        let (own, wall) =
            if self.several_clocks { (node.ts, node.ts) } else { (i64::try_from(node.mono).unwrap_or(0), node.ts) };
        u64::try_from(own.saturating_add(ts.saturating_sub(wall))).unwrap_or(0)
    }

    /// The wall-clock time of a moment, by the record next to which the two clocks are compared.
    pub fn wall(&self, beside: NodeRef, time: u64) -> i64 {
        let node = self.graph.node(beside);
        let own = if self.several_clocks { node.ts } else { i64::try_from(node.mono).unwrap_or(0) };
        node.ts.saturating_add(i64::try_from(time).unwrap_or(i64::MAX).saturating_sub(own))
    }

    // Who ended a wait. ------------------------------------------------------------------------------------------

    /// The hand-over that ended a wait. What was merged when it ended stands in the lane's next records.
    fn ended_by(&self, at: usize, pause: &Pause, got: NodeRef) -> Option<HandOver> {
        if pause.outcome != Outcome::Got || pause.kind == WaitKind::Elsewhere {
            return None;
        }
        let name = pause.object.map(|object| self.ledger.object(object));
        let carries = |edge: &Edge| match (pause.kind, edge.by.as_deref()) {
            // The next job, or message, of another process.
            (WaitKind::Item, _) if name.is_none() => edge.kind == EdgeKind::Hard,
            (_, None) => false,
            (_, Some(by)) if name.is_some_and(|object| by.rsplit('/').next() == Some(&*object.name)) => true,
            (WaitKind::Work, Some("join")) => pause.owners.is_empty() || pause.owners.contains(&edge.from),
            (WaitKind::Work, Some("result")) | (WaitKind::Idle, Some("job")) => true,
            _ => false,
        };
        for next in self.stamped_by_end(got) {
            let edges = self.graph.edges_into(next).filter(|edge| carries(edge));
            let mut fitting = edges.filter_map(|edge| self.gave(self.graph.source(edge)?, at, got));
            // A lock may have been taken again since. Of several results the last one was waited for.
            let found = match pause.kind {
                WaitKind::Exclusion => fitting.next(),
                _ => fitting.max_by_key(|given| (given.by, given.from)),
            };
            if found.is_some() {
                return found;
            }
        }
        self.released(at, pause, got).or_else(|| self.owner_gave(at, pause, got))
    }

    /// Of a lock between processes: who was the last to give it back before the wait ended.
    fn released(&self, at: usize, pause: &Pause, got: NodeRef) -> Option<HandOver> {
        let releases = self.releases.get(&pause.object?)?;
        let before = releases.partition_point(|release| self.start(*release) < self.start(got));
        let last = *releases[..before].iter().rev().find(|release| release.lane != got.lane)?;
        // It is written right before the lock is given back.
        let given = self.gave(last, at, got)?;
        let since = self.graph.find(pause.lane, pause.wait).map_or(0, |wait| self.start(wait));
        Some(HandOver { by: self.start(last).max(since), ..given })
    }

    /// The record itself, and the next ones up to and with the first that could carry the stamps of that time.
    fn stamped_by_end(&self, got: NodeRef) -> impl Iterator<Item = NodeRef> {
        let nodes = self.graph.lane(got.lane).nodes.len();
        (got.at..nodes.min(got.at + STAMPED_WITHIN + 1)).map(move |at| NodeRef { lane: got.lane, at })
    }

    /// What was given after that record, if it can have ended the wait: not before the wait began, nor after it ended.
    fn gave(&self, from: NodeRef, pause: usize, got: NodeRef) -> Option<HandOver> {
        let wait = self.graph.find(got.lane, self.ledger.pauses[pause].wait)?;
        let until = self.start(got);
        let by = self.next_start(from).min(until);
        let fits = from.lane != got.lane && self.start(from) < until && by >= self.start(wait);
        fits.then_some(HandOver { from, by })
    }

    /// Without a stamp: whom the wait named. Of a lock only where nobody else can have had it meanwhile.
    fn owner_gave(&self, at: usize, pause: &Pause, got: NodeRef) -> Option<HandOver> {
        let sure = match pause.kind {
            WaitKind::Work => true,
            WaitKind::Exclusion => pause.passed == 0 && &*pause.on != "sem",
            _ => false,
        };
        if !sure {
            return None;
        }
        let until = self.start(got);
        let lasts = pause.owners.iter().filter_map(|owner| {
            let done = self.starts[owner.0].partition_point(|start| *start < until);
            Some(NodeRef { lane: *owner, at: done.checked_sub(1)? })
        });
        self.gave(lasts.max_by_key(|last| (self.start(*last), *last))?, at, got)
    }

    // What is no written wait. -----------------------------------------------------------------------------------

    /// What led to the records of a lane besides the ends of waits.
    fn link(&mut self, lane: LaneIndex) {
        let is_task = self.graph.lane(lane).lane.kind != LaneKind::Thread;
        for at in self.graph.nodes_of(lane) {
            if self.before.contains_key(&at) {
                continue;
            }
            let given = if at.at == 0 { self.beginning(at) } else { self.last_arrival(at, is_task) };
            if let Some(given) = given {
                self.before.insert(at, Before::Given(given, None));
            }
        }
    }

    /// Who began the lane. `logq run`, which began the program, is no part of it.
    fn beginning(&self, first: NodeRef) -> Option<HandOver> {
        let from = self.graph.source(self.graph.origin(first.lane)?)?;
        self.plain(from, first)
    }

    fn plain(&self, from: NodeRef, to: NodeRef) -> Option<HandOver> {
        let until = self.start(to);
        let fits = from.lane != to.lane && self.start(from) < until && !self.graph.process_of(from.lane).is_logq();
        fits.then(|| HandOver { from, by: self.next_start(from).min(until) })
    }

    /// The hand-over into this record, where that came later than the lane's own record before. Of a thread only work
    /// that it was given: a worker of a pool writes nothing while it has none.
    fn last_arrival(&self, at: NodeRef, is_task: bool) -> Option<HandOver> {
        let own = self.start(NodeRef { lane: at.lane, at: at.at - 1 });
        if !is_task && self.is_late_job(at) {
            return None;
        }
        // The thread of a loop has run its tasks before it had the result of one.
        let of_task = |edge: &Edge| self.graph.lane(edge.from).lane.kind == LaneKind::Task;
        let is_given = |edge: &Edge| is_task || edge.by.as_deref() == Some("job") || of_task(edge);
        let counts = |edge: &&Edge| edge.kind == EdgeKind::Hard && is_given(edge);
        let edges = self.graph.edges_into(at).filter(counts);
        let given = edges.filter_map(|edge| self.plain(self.graph.source(edge)?, at));
        let last = given.max_by_key(|given| (self.start(given.from), given.from))?;
        (self.start(last.from) > own).then_some(last)
    }

    /// The job had waited for a worker: this lane was busy with another one.
    fn is_late_job(&self, at: NodeRef) -> bool {
        self.graph.node(at).event == Some(EventKind::Begin)
    }
}

/// Whether the monotonic clocks of the processes are not those of one machine since one start.
fn has_several_clocks(graph: &CausalGraph) -> bool {
    let firsts =
        graph.processes.iter().filter_map(|process| process.lanes.iter().find_map(|lane| graph.lane(*lane).first()));
    let offsets: Vec<i128> = firsts.map(|node| i128::from(node.ts) - i128::from(node.mono)).collect();
    let (least, most) = (offsets.iter().min(), offsets.iter().max());
    least.zip(most).is_some_and(|(least, most)| most - least > i128::from(ONE_CLOCK))
}
