//! What a record can be reached from, and what a lane gave to others: the searches over the graph's edges.
//!
//! Only records with incoming edges are visited, of each lane only those up to the last one reached.

use std::collections::BTreeMap;

use super::graph::{CausalGraph, Edge, EdgeKind, LaneIndex, NodeRef, Reading};

/// For each lane, the hand-overs that other lanes received from it.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Where each lane's begin; one more than there are lanes.
    starts: Vec<usize>,
    /// The receiver, and which of its incoming edges it is.
    all: Vec<(NodeRef, u32)>,
}

impl CausalGraph {
    /// Whether `earlier` happened before `later`. A record does not happen before itself.
    pub fn before(&self, earlier: NodeRef, later: NodeRef, reading: Reading) -> bool {
        if earlier.lane == later.lane {
            return earlier.at < later.at;
        }
        earlier.at < self.reach(later, reading)[earlier.lane.0]
    }

    /// For every lane that could have influenced the node, the last of its records that did; the node itself for its
    /// own lane.
    pub fn ancestors(&self, of: NodeRef, reading: Reading) -> BTreeMap<LaneIndex, NodeRef> {
        let reached = self.reach(of, reading);
        let last = |(lane, count): (usize, &usize)| {
            let lane = LaneIndex(lane);
            Some((lane, NodeRef { lane, at: count.checked_sub(1)? }))
        };
        reached.iter().enumerate().filter_map(last).collect()
    }

    /// How many records of each lane happened before the node, itself included: a backward search that keeps the highest
    /// record seen in each lane.
    pub(super) fn reach(&self, of: NodeRef, reading: Reading) -> Vec<usize> {
        let mut reached = vec![0; self.lanes.len()];
        let mut todo = vec![of];
        while let Some(at) = todo.pop() {
            // Records up to `seen` of this lane have had their edges followed already.
            let seen = reached[at.lane.0];
            if at.at < seen {
                continue;
            }
            reached[at.lane.0] = at.at + 1;
            let merging = &self.lanes[at.lane.0].merging;
            let first = merging.partition_point(|place| (*place as usize) < seen);
            for place in merging[first..].iter().map(|place| *place as usize).take_while(|place| *place <= at.at) {
                for edge in self.edges_into(NodeRef { lane: at.lane, at: place }) {
                    if reading == Reading::NoLock && edge.kind == EdgeKind::Lock {
                        continue;
                    }
                    todo.extend(self.source(edge).filter(|source| source.at >= reached[source.lane.0]));
                }
            }
        }
        reached
    }

    /// The hand-overs that other lanes received from this one: the edge's own record number, and the receiver.
    pub fn edges_out_of(&self, lane: LaneIndex) -> Vec<(u64, NodeRef, &Edge)> {
        let outgoing = self.outgoing.get_or_init(|| Outgoing::of(self));
        let mut found: Vec<_> = outgoing
            .of_lane(lane)
            .iter()
            .filter_map(|(at, place)| {
                let edge = self.edges_into(*at).nth(*place as usize)?;
                Some((edge.seq, *at, edge))
            })
            .collect();
        found.sort_by_key(|(seq, at, _)| (*seq, self.node(*at).ts, at.lane));
        found
    }

    /// Every record that has incoming edges, with those of them that come from other lanes.
    fn arrivals(&self) -> impl Iterator<Item = (NodeRef, u32, &Edge)> {
        let merging = self.lane_indexes().flat_map(move |lane| {
            self.lanes[lane.0].merging.iter().map(move |place| NodeRef { lane, at: *place as usize })
        });
        merging.flat_map(|at| {
            let edges = self.edges_into(at).zip(0..);
            edges.filter(move |(edge, _)| edge.from != at.lane).map(move |(edge, place)| (at, place, edge))
        })
    }
}

impl Outgoing {
    fn of(graph: &CausalGraph) -> Outgoing {
        let mut starts = vec![0; graph.lanes.len() + 1];
        for (.., edge) in graph.arrivals() {
            starts[edge.from.0 + 1] += 1;
        }
        for lane in 1..starts.len() {
            starts[lane] += starts[lane - 1];
        }
        let mut next = starts.clone();
        let nothing = NodeRef { lane: LaneIndex(0), at: 0 };
        let mut all = vec![(nothing, 0); starts.last().copied().unwrap_or(0)];
        for (at, place, edge) in graph.arrivals() {
            all[next[edge.from.0]] = (at, place);
            next[edge.from.0] += 1;
        }
        Outgoing { starts, all }
    }

    fn of_lane(&self, lane: LaneIndex) -> &[(NodeRef, u32)] {
        &self.all[self.starts[lane.0]..self.starts[lane.0 + 1]]
    }
}
