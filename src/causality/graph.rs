//! The causal graph itself: nodes, edges, and the question "did this happen before that?".
//!
//! Nodes are records, kept small (what they say is read again where it is shown). A record's incoming edges are
//! the stamps it merged. Two readings: with and without the hand-overs that came only by mutual exclusion.

use std::sync::{Arc, OnceLock};

use super::facts::{LaneFacts, ProcessFacts, UnseenChild};
use super::jobs::Jobs;
use super::observed::Observations;
use super::reach::Outgoing;
use super::shared::SharedHolds;
use crate::record::{EventKind, Lane, ProcessName, RecordId, RecordName};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneIndex(pub usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessIndex(pub usize);

/// One record in the graph.
#[derive(Debug, Clone)]
pub struct Node {
    pub seq: u64,
    pub ts: i64,
    pub mono: u64,
    /// Its incoming edges: where in the graph's edge list, and how many.
    pub(super) edges: (u32, u32),
    pub event: Option<EventKind>,
    /// Severity number of a log record; 0 for an event.
    pub level: u16,
}

/// A node by its place: lane and index in the lane (not its `seq`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeRef {
    pub lane: LaneIndex,
    pub at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeKind {
    /// The creator of a lane or process.
    Start,
    /// A hand-over that was meant: an item, a result, a wake-up.
    Hard,
    /// Release to acquire: an order that happened, not one that had to.
    Lock,
}

/// All records of lane `from` up to number `seq` came before the node that holds the edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    pub from: LaneIndex,
    pub seq: u64,
    pub kind: EdgeKind,
    /// The object that carried it, like `queue:2`.
    pub by: Option<Arc<str>>,
}

/// Which hand-overs count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// All of them: what really came before what.
    Full,
    /// Without those that came only by mutual exclusion: what had to come before what.
    NoLock,
}

impl Edge {
    /// The hand-over itself is known: who began the lane, or what object or call carried it. Any other edge may have come
    /// through lanes that wrote nothing.
    pub fn is_direct(&self) -> bool {
        self.kind == EdgeKind::Start || self.by.is_some()
    }
}

#[derive(Debug, Default)]
pub struct CausalGraph {
    pub processes: Vec<ProcessFacts>,
    pub lanes: Vec<LaneFacts>,
    pub(super) edges: Vec<Edge>,
    /// By sender; made when somebody asks.
    pub(super) outgoing: OnceLock<Outgoing>,
    /// Rare events, whole.
    pub observed: Observations,
    /// Children whose end was seen and that left no record.
    pub unseen_children: Vec<UnseenChild>,
    /// Who has which lock that processes share.
    pub shared_holds: SharedHolds,
    /// Which workers of pools of processes have which jobs, and which of those failed.
    pub jobs: Jobs,
    /// When `logq run` began to end the run's processes, monotonic ns.
    pub first_kill: Option<u64>,
    /// Stamps that point to records that are not there.
    pub dangling: usize,
    /// Records that each came before the other, if their stamps were right. Those hand-overs are in no edge.
    pub circles: Vec<Vec<NodeRef>>,
    /// By lane, the last record that is known to have come before it began.
    pub(super) beginnings: Vec<Option<NodeRef>>,
}

impl CausalGraph {
    pub fn node(&self, at: NodeRef) -> &Node {
        &self.lanes[at.lane.0].nodes[at.at]
    }

    pub fn lane(&self, lane: LaneIndex) -> &LaneFacts {
        &self.lanes[lane.0]
    }

    pub fn process_of(&self, lane: LaneIndex) -> &ProcessFacts {
        &self.processes[self.lanes[lane.0].process.0]
    }

    pub fn id(&self, at: NodeRef) -> RecordId {
        self.id_of(at.lane, self.node(at).seq)
    }

    pub fn id_of(&self, lane: LaneIndex, seq: u64) -> RecordId {
        let process = self.process_of(lane);
        RecordId { process: process.number, proc: process.proc.clone(), lane: self.lanes[lane.0].lane, seq }
    }

    pub fn lane_indexes(&self) -> impl Iterator<Item = LaneIndex> {
        (0..self.lanes.len()).map(LaneIndex)
    }

    pub fn nodes_of(&self, lane: LaneIndex) -> impl DoubleEndedIterator<Item = NodeRef> {
        (0..self.lanes[lane.0].nodes.len()).map(move |at| NodeRef { lane, at })
    }

    /// The lane's last record with a number up to `seq`; `None` before its first.
    pub fn last_up_to(&self, lane: LaneIndex, seq: u64) -> Option<NodeRef> {
        let nodes = &self.lanes[lane.0].nodes;
        let after = nodes.partition_point(|node| node.seq <= seq);
        after.checked_sub(1).map(|at| NodeRef { lane, at })
    }

    /// The record of exactly that number.
    pub fn find(&self, lane: LaneIndex, seq: u64) -> Option<NodeRef> {
        self.last_up_to(lane, seq).filter(|at| self.node(*at).seq == seq)
    }

    pub fn lane_named(&self, process: ProcessIndex, lane: Lane) -> Option<LaneIndex> {
        let lanes = &self.processes[process.0].lanes;
        let place = lanes.binary_search_by_key(&lane, |index| self.lanes[index.0].lane).ok()?;
        Some(lanes[place])
    }

    pub fn process_numbered(&self, number: u32) -> Option<ProcessIndex> {
        self.processes.iter().position(|process| process.number == Some(number)).map(ProcessIndex)
    }

    /// The record that a person named; the process may be left out where `unsaid` gives it.
    pub fn named(&self, name: &RecordName, unsaid: Option<ProcessIndex>) -> Option<NodeRef> {
        let process = match &name.process {
            ProcessName::Unsaid => unsaid?,
            ProcessName::Number(number) => self.process_numbered(*number)?,
            ProcessName::Key(key) => ProcessIndex(self.processes.iter().position(|process| *process.proc == **key)?),
        };
        self.find(self.lane_named(process, name.lane)?, name.seq)
    }

    /// The hand-over that began the lane.
    pub fn origin(&self, lane: LaneIndex) -> Option<&Edge> {
        self.edges.get(self.lanes[lane.0].origin?)
    }

    /// The last record that is known to have come before the edge. Where the sender had written nothing by then
    /// (a stamp like `a1@0`: lanes tell of themselves late), that is what came before the sender's own beginning.
    pub fn source(&self, edge: &Edge) -> Option<NodeRef> {
        let beginning = || self.beginnings.get(edge.from.0).copied().flatten();
        self.last_up_to(edge.from, edge.seq).or_else(beginning)
    }

    /// Whether the edge names a record that is not there: what came to the giver last is not known.
    pub fn dangles(&self, edge: &Edge) -> bool {
        edge.seq > 0 && self.last_seq(edge.from) < edge.seq
    }

    /// Works out what came before each lane began, by way of those that had written nothing by then.
    pub(super) fn note_beginnings(&mut self) {
        let mut known: Vec<Option<Option<NodeRef>>> = vec![None; self.lanes.len()];
        for lane in self.lane_indexes() {
            let (mut way, mut at) = (Vec::new(), lane);
            let beginning = loop {
                if let Some(known) = known[at.0] {
                    break known;
                }
                // Only a damaged file has lanes that began each other: whoever comes round finds nothing.
                known[at.0] = Some(None);
                way.push(at);
                let Some(origin) = self.origin(at) else { break None };
                match self.last_up_to(origin.from, origin.seq) {
                    Some(found) => break Some(found),
                    None => at = origin.from,
                }
            };
            way.into_iter().for_each(|lane| known[lane.0] = Some(beginning));
        }
        self.beginnings = known.into_iter().map(Option::flatten).collect();
    }

    /// The edges that end in a node.
    pub fn edges_into(&self, at: NodeRef) -> impl Iterator<Item = &Edge> {
        let (first, count) = self.node(at).edges;
        let range = first as usize..first as usize + count as usize;
        self.edges.get(range).unwrap_or_default().iter()
    }

    pub(super) fn last_seq(&self, lane: LaneIndex) -> u64 {
        self.lanes[lane.0].nodes.last().map_or(0, |node| node.seq)
    }

    /// The process with that pid on the lane's host that had begun by then: the newest, since pids are used again.
    pub(super) fn process_with_pid(&self, pid: Option<u32>, seen_by: LaneIndex, mono: u64) -> Option<ProcessIndex> {
        let (pid, teller) = (pid?, self.process_of(seen_by));
        let all = self.processes.iter().enumerate();
        let began = all.filter(|(_, process)| {
            process.pid == pid && process.shares_clock(teller) && process.began_mono.is_some_and(|began| began <= mono)
        });
        began.max_by_key(|(_, process)| process.began_mono).map(|(index, _)| ProcessIndex(index))
    }

    /// Gives a node more incoming edges, when all records are in.
    pub(super) fn add_late_edges(&mut self, at: NodeRef, late: Vec<Edge>) {
        let own: Vec<Edge> = self.edges_into(at).cloned().collect();
        let first = self.edges.len();
        self.edges.extend(own);
        self.edges.extend(late);
        self.lanes[at.lane.0].nodes[at.at].edges = edge_range(first, self.edges.len());
    }

    /// Takes those edges out of a node, each judged by itself and by its source.
    pub(super) fn drop_edges(&mut self, at: NodeRef, is_wrong: impl Fn(&Edge, NodeRef) -> bool) {
        let wrong = |edge: &Edge| self.source(edge).is_some_and(|source| is_wrong(edge, source));
        let wrong: Vec<bool> = self.edges_into(at).map(wrong).collect();
        let (first, count) = self.node(at).edges;
        let (first, mut kept) = (first as usize, first as usize);
        let lane = &mut self.lanes[at.lane.0];
        for (place, wrong) in (first..first + count as usize).zip(wrong) {
            if lane.origin == Some(place) {
                lane.origin = (!wrong).then_some(kept);
            }
            if !wrong {
                self.edges.swap(kept, place);
                kept += 1;
            }
        }
        lane.nodes[at.at].edges = edge_range(first, kept);
    }

    /// Leaves out what only bears on the order of records and on diagnoses.
    pub fn forget_order(&mut self) {
        self.circles.clear();
        self.observed.beyond = 0;
    }

    /// Counts the stamps that point to records which are not there.
    pub(super) fn count_dangling(&mut self) {
        self.dangling = self.edges.iter().filter(|edge| self.dangles(edge)).count();
    }
}

/// A stretch of the edge list as a node keeps it. A graph of more edges than can be counted so keeps no more of them.
pub(super) fn edge_range(first: usize, end: usize) -> (u32, u32) {
    match (u32::try_from(first), u32::try_from(end - first)) {
        (Ok(first), Ok(count)) => (first, count),
        _ => (0, 0),
    }
}
