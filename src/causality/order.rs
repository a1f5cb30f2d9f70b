//! One order of all records that agrees with happens-before: for showing several lanes together.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::graph::{CausalGraph, LaneIndex, NodeRef};

/// A lane's next record, by time: what may come next.
type Ready = Reverse<(u64, i64, LaneIndex)>;

impl CausalGraph {
    /// Every record, causes before effects; where nothing orders two records the clock does.
    pub fn causal_order(&self) -> Vec<NodeRef> {
        let mut walk = Walk::new(self);
        let total: usize = self.lanes.iter().map(|lane| lane.nodes.len()).sum();
        let mut order = Vec::with_capacity(total);
        while order.len() < total {
            let Some(lane) = walk.next() else { break };
            order.push(NodeRef { lane, at: walk.done[lane.0] });
            walk.advance(lane);
        }
        order
    }
}

struct Walk<'a> {
    graph: &'a CausalGraph,
    /// Monotonic clocks of several hosts cannot be compared: there it is the wall clock.
    by_wall_clock: bool,
    /// How many records of each lane have been given out.
    done: Vec<usize>,
    ready: BinaryHeap<Ready>,
    /// Lanes whose next record waits for a record of the keyed lane, by that record's place.
    waiting: HashMap<LaneIndex, BinaryHeap<Reverse<(usize, LaneIndex)>>>,
}

impl Walk<'_> {
    fn new(graph: &CausalGraph) -> Walk<'_> {
        let mut walk = Walk {
            graph,
            by_wall_clock: graph.hosts(graph.lane_indexes()).len() > 1,
            done: vec![0; graph.lanes.len()],
            ready: BinaryHeap::new(),
            waiting: HashMap::new(),
        };
        for lane in graph.lane_indexes() {
            walk.consider(lane);
        }
        walk
    }

    fn key(&self, at: NodeRef) -> Ready {
        let node = self.graph.node(at);
        Reverse((if self.by_wall_clock { 0 } else { node.mono }, node.ts, at.lane))
    }

    /// Puts the lane's next record among the ready ones, or notes which lane it waits for.
    fn consider(&mut self, lane: LaneIndex) {
        let at = NodeRef { lane, at: self.done[lane.0] };
        if at.at >= self.graph.lanes[lane.0].nodes.len() {
            return;
        }
        let missing = self.graph.edges_into(at).find_map(|edge| {
            let source = self.graph.source(edge)?;
            (source.at >= self.done[source.lane.0] && source.lane != lane).then_some(source)
        });
        match missing {
            Some(source) => self.waiting.entry(source.lane).or_default().push(Reverse((source.at, lane))),
            None => self.ready.push(self.key(at)),
        }
    }

    fn next(&mut self) -> Option<LaneIndex> {
        self.ready.pop().map(|Reverse((_, _, lane))| lane)
    }

    fn advance(&mut self, lane: LaneIndex) {
        self.done[lane.0] += 1;
        self.consider(lane);
        while let Some(waiter) = self.next_waiter(lane) {
            self.consider(waiter);
        }
    }

    /// A lane that waits for a record of this lane which has been given out.
    fn next_waiter(&mut self, lane: LaneIndex) -> Option<LaneIndex> {
        let waiters = self.waiting.get_mut(&lane)?;
        let Reverse((at, waiter)) = *waiters.peek()?;
        if at >= self.done[lane.0] {
            return None;
        }
        waiters.pop();
        Some(waiter)
    }
}
