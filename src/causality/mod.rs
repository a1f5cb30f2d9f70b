//! Records to graph: who happened before whom, and the facts about processes, lanes and objects on the way.
//!
//! [`Builder`] takes records of any number of processes in any order and [`Builder::finish`] gives a
//! [`CausalGraph`]. It does no I/O and never sees a store. What is missing or contradictory in the records
//! (gaps, stamps that point nowhere, numbers that occur twice) is kept as a fact, never an error.

mod chain;
mod circles;
mod damage;
mod facts;
mod failure;
mod forward;
mod graph;
mod hosts;
mod jobs;
mod naming;
mod observed;
mod order;
mod reach;
mod rhythm;
mod shared;
mod snaps;
mod standing;
#[cfg(test)]
mod tests;
pub mod time;
mod waits;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::record::{Body, Event, EventKind, Glance, Lane, LaneKind, Record, Said, StampRef};

use graph::edge_range;

pub use chain::{Chain, Doubt, Hop};
pub use damage::Damage;
pub use facts::{Died, LaneEnd, LaneFacts, ObjectFacts, ProcessEnd, ProcessFacts, StartedChild, UnaskedFuture};
pub use failure::{Failure, Looked, Submission};
pub use forward::{Influence, Onward, Reached};
pub use graph::{CausalGraph, Edge, EdgeKind, LaneIndex, Node, NodeRef, ProcessIndex, Reading};
pub use hosts::ClockBounds;
pub use jobs::JobInHand;
pub use observed::{Observations, Observed};
pub use shared::SharedHold;
pub use snaps::Snap;
pub use standing::{Blocked, Need, Party, Standing, State, Within};
pub use waits::{Wait, Waits};

/// Gathers records and makes the graph.
#[derive(Debug, Default)]
pub struct Builder {
    graph: CausalGraph,
    process_of: FxHashMap<Arc<str>, ProcessIndex>,
    lane_of: FxHashMap<(ProcessIndex, Lane), LaneIndex>,
    /// What carried hand-overs, each name once.
    carriers: FxHashSet<Arc<str>>,
    reaps: Vec<Reaped>,
}

/// A `reap` whose child is looked for when all records are in.
#[derive(Debug)]
struct Reaped {
    at: (LaneIndex, u64),
    proc: Option<Arc<str>>,
    pid: Option<u32>,
    rc: Option<i64>,
    signal: Option<i64>,
    mono: u64,
}

impl Builder {
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Takes one record. Repeated lines at the start of a part are left out: they say nothing new.
    pub fn add(&mut self, record: &Record) {
        if record.again {
            return;
        }
        let process = self.process(&record.proc);
        self.graph.processes[process.0].meet(record.process, record.pid);
        if record.lane.kind == LaneKind::Unreadable {
            self.graph.processes[process.0].malformed += 1;
            return;
        }
        let lane = self.lane(process, record.lane);
        let first_edge = self.graph.edges.len();
        record.hb.iter().for_each(|stamp| self.push_edge(process, &stamp.borrowed(), EdgeKind::Hard));
        record.hbl.iter().for_each(|stamp| self.push_edge(process, &stamp.borrowed(), EdgeKind::Lock));
        let (event, level) = match &record.body {
            Body::Event(event) => {
                self.graph.observed.consider(record, event, process, lane);
                self.learn(record, event, process, lane);
                (Some(event.kind), 0)
            }
            Body::Log(log) => (None, log.level.number),
            Body::Malformed(_) => return,
        };
        let (ts, mono) = began(record).unwrap_or((record.ts, record.mono));
        let edges = edge_range(first_edge, self.graph.edges.len());
        let node = Node { seq: record.seq, ts, mono, edges, event, level };
        let facts = &mut self.graph.lanes[lane.0];
        facts.count(record);
        facts.nodes.push(node);
    }

    /// Takes a record that a glance told enough of.
    pub fn add_glance(&mut self, record: &Glance) {
        let process = self.process(record.proc);
        self.graph.processes[process.0].meet(Some(record.process), record.pid);
        let lane = self.lane(process, record.lane);
        let first_edge = self.graph.edges.len();
        record.hb.iter().for_each(|stamp| self.push_edge(process, stamp, EdgeKind::Hard));
        record.hbl.iter().for_each(|stamp| self.push_edge(process, stamp, EdgeKind::Lock));
        let (event, level) = match &record.said {
            Said::Event(kind, from) => {
                if let Some(from) = from.and_then(StampRef::parse) {
                    self.push_edge(process, &from, EdgeKind::Hard);
                }
                (Some(*kind), 0)
            }
            Said::Log(log) => {
                self.graph.lanes[lane.0].count_brief(log);
                (None, log.level)
            }
        };
        let edges = edge_range(first_edge, self.graph.edges.len());
        let node = Node { seq: record.seq, ts: record.ts, mono: record.mono, edges, event, level };
        self.graph.lanes[lane.0].nodes.push(node);
    }

    /// Takes a line that a part begins with, for what it says of lanes and objects whose own first lines are gone
    /// with earlier parts. Of lanes without any record it says nothing: there is none of them to be shown.
    pub fn add_repeated(&mut self, record: &Record) {
        let Some(process) = self.process_of.get(&record.proc).copied() else { return };
        let Some(event) = record.event().filter(|_| record.again) else { return };
        let lane = self.lane_of.get(&(process, record.lane)).map(|lane| &mut self.graph.lanes[lane.0]);
        let facts = &mut self.graph.processes[process.0];
        if let Some(proc) = event.proc() {
            facts.learn_proc(&proc, record);
            lane.into_iter().for_each(|lane| lane.learn_main(&proc));
        } else if let Some(start) = event.lane() {
            lane.into_iter().for_each(|lane| lane.learn_start(&start));
        } else if let Some(object) = event.object() {
            facts.objects.entry(object.obj.into()).or_insert_with(|| ObjectFacts::of(&object));
        }
    }

    /// Takes it that a process ended in the midst of a line.
    pub fn add_torn(&mut self, proc: &str) {
        let process = self.process_with_key(proc);
        self.graph.processes[process.0].torn = true;
    }

    /// The graph of everything that was added.
    pub fn finish(mut self) -> CausalGraph {
        for lane in &mut self.graph.lanes {
            lane.settle();
        }
        self.graph.edges.shrink_to_fit();
        for process in &mut self.graph.processes {
            process.lanes.sort_by_key(|lane| self.graph.lanes[lane.0].lane);
        }
        self.graph.count_dangling();
        self.link_reaps();
        for lane in &mut self.graph.lanes {
            lane.note_merging();
        }
        self.graph.note_beginnings();
        self.graph.cut_circles();
        self.graph
    }

    fn process_with_key(&mut self, key: &str) -> ProcessIndex {
        match self.process_of.get(key) {
            Some(found) => *found,
            None => self.process(&key.into()),
        }
    }

    fn process(&mut self, proc: &Arc<str>) -> ProcessIndex {
        if let Some(found) = self.process_of.get(proc) {
            return *found;
        }
        let index = ProcessIndex(self.graph.processes.len());
        self.graph.processes.push(ProcessFacts::of(proc.clone()));
        self.process_of.insert(proc.clone(), index);
        index
    }

    fn lane(&mut self, process: ProcessIndex, lane: Lane) -> LaneIndex {
        if let Some(found) = self.lane_of.get(&(process, lane)) {
            return *found;
        }
        let index = LaneIndex(self.graph.lanes.len());
        self.graph.lanes.push(LaneFacts::of(process, lane));
        self.graph.processes[process.0].lanes.push(index);
        self.lane_of.insert((process, lane), index);
        index
    }

    fn push_edge(&mut self, process: ProcessIndex, stamp: &StampRef, kind: EdgeKind) {
        let source = match stamp.proc {
            Some(proc) => self.process_with_key(proc),
            None => process,
        };
        let from = self.lane(source, stamp.lane);
        let by = stamp.by.map(|by| self.carrier(by));
        self.graph.edges.push(Edge { from, seq: stamp.seq, kind, by });
    }

    fn carrier(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.carriers.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.carriers.insert(name.clone());
        name
    }

    /// Keeps what an event says about processes, lanes and objects, and the edge of its `from`.
    fn learn(&mut self, record: &Record, event: &Event, process: ProcessIndex, lane: LaneIndex) {
        match event.kind {
            EventKind::Proc => {
                if let Some(proc) = event.proc() {
                    self.graph.processes[process.0].learn_proc(&proc, record);
                    self.graph.lanes[lane.0].learn_main(&proc);
                    self.push_origin(process, lane, proc.from);
                }
            }
            EventKind::Lane => {
                if let Some(start) = event.lane() {
                    self.graph.lanes[lane.0].learn_start(&start);
                    self.push_origin(process, lane, start.from);
                }
            }
            EventKind::Recv => self.note_received(record, event, process, lane),
            EventKind::Send => {
                if let Some(sent) = event.transfer().filter(|sent| sent.via == Some("result")) {
                    self.graph.jobs.give_back(lane, record, &sent);
                }
            }
            EventKind::Wait => self.graph.lanes[lane.0].waits.begin(record, event),
            EventKind::Got => self.graph.lanes[lane.0].waits.end(record, event),
            EventKind::Note if self.graph.processes[process.0].is_logq() => {
                let kill = event.note().is_some_and(|note| note.what == Some("kill"));
                let first = &mut self.graph.first_kill;
                *first = first.filter(|known| *known <= record.mono).or(kill.then_some(record.mono)).or(*first);
            }
            EventKind::Acq => {
                if let Some(obj) = event.obj() {
                    let obj = self.graph.full_name(process, obj);
                    self.graph.shared_holds.take(lane, record, &obj, event.site());
                }
            }
            EventKind::Rel => {
                if let Some(obj) = event.obj() {
                    let obj = self.graph.full_name(process, obj);
                    self.graph.shared_holds.give_back(lane, record, &obj);
                }
            }
            EventKind::Reap => self.note_reap(record, event, lane),
            EventKind::Obj => {
                if let Some(object) = event.object() {
                    let facts = ObjectFacts::of(&object);
                    match object.obj.rsplit_once('/') {
                        // One that another process has made and may never have told of.
                        Some((key, own)) => {
                            let maker = self.process(&Arc::from(key));
                            self.graph.processes[maker.0].objects.entry(own.into()).or_insert(facts);
                        }
                        None => {
                            self.graph.processes[process.0].objects.insert(object.obj.into(), facts);
                        }
                    }
                }
            }
            _ => {
                self.graph.lanes[lane.0].learn(record, event);
                self.graph.processes[process.0].learn(record, event, lane);
            }
        }
    }

    fn note_received(&mut self, record: &Record, event: &Event, process: ProcessIndex, lane: LaneIndex) {
        let Some(received) = event.transfer() else { return };
        let Some(stamp) = received.from.and_then(StampRef::parse) else { return };
        self.push_edge(process, &stamp, EdgeKind::Hard);
        if received.via == Some("job") {
            let submitter = stamp.proc.map_or(process, |proc| self.process_with_key(proc));
            self.graph.jobs.take(lane, submitter, record, &received);
        }
    }

    /// The hand-over that began a lane: an edge, and known as the lane's origin.
    fn push_origin(&mut self, process: ProcessIndex, lane: LaneIndex, from: Option<&str>) {
        let Some(stamp) = from.and_then(StampRef::parse) else { return };
        self.graph.lanes[lane.0].origin = Some(self.graph.edges.len());
        self.push_edge(process, &stamp, EdgeKind::Start);
    }

    fn note_reap(&mut self, record: &Record, event: &Event, lane: LaneIndex) {
        let Some(reap) = event.reap() else { return };
        self.reaps.push(Reaped {
            at: (lane, record.seq),
            proc: reap.child_proc.map(Arc::from),
            pid: reap.child_pid,
            rc: reap.rc,
            signal: reap.killed_by(),
            mono: record.mono,
        });
    }

    /// A process's last records come before the `reap` that saw its end.
    fn link_reaps(&mut self) {
        for reaped in std::mem::take(&mut self.reaps) {
            let child = match &reaped.proc {
                Some(proc) => self.process_of.get(proc).copied(),
                None => self.graph.process_with_pid(reaped.pid, reaped.at.0, reaped.mono),
            };
            let Some(child) = child else {
                self.graph.unseen_children.push(facts::UnseenChild {
                    proc: reaped.proc,
                    pid: reaped.pid,
                    rc: reaped.rc,
                    signal: reaped.signal,
                });
                continue;
            };
            if self.graph.lanes[reaped.at.0.0].process == child {
                continue;
            }
            let by_parent = !self.graph.process_of(reaped.at.0).is_logq();
            self.graph.processes[child.0].learn_reap(reaped.rc, reaped.signal, reaped.mono, by_parent);
            let Some(at) = self.graph.find(reaped.at.0, reaped.at.1) else { continue };
            let lasts = self.graph.processes[child.0].lanes.iter();
            let lasts =
                lasts.map(|lane| Edge { from: *lane, seq: self.graph.last_seq(*lane), kind: EdgeKind::Hard, by: None });
            let lasts: Vec<Edge> = lasts.collect();
            self.graph.add_late_edges(at, lasts);
        }
    }
}

/// When a lane really began, where its first line, written later, says so.
fn began(record: &Record) -> Option<(i64, u64)> {
    let began = record.event()?.lane()?.began?;
    let late = record.mono.checked_sub(began)?;
    Some((record.ts.checked_sub_unsigned(late)?, began))
}

/// Levels from here on count as errors.
pub(crate) fn is_error(level: u16) -> bool {
    level >= 40
}
