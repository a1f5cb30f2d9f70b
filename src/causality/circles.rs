//! Stamps that contradict themselves: records that each came before the other, by what they say. Only files that were damaged
//! or changed hold such. They are found once, when all records are in; their hand-overs are taken out of the graph, because
//! nobody can tell which of them is wrong, and kept as a fact. So every other search walks a graph without circles.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use super::graph::{CausalGraph, LaneIndex, NodeRef};

/// Goes over the records that merged something, each once everything is known that it says came before it.
struct Walk<'a> {
    graph: &'a CausalGraph,
    /// By lane, which of its merging records is next.
    next: Vec<usize>,
    /// By lane, who waits for its record at that place.
    waiting: HashMap<LaneIndex, BinaryHeap<Reverse<(usize, LaneIndex)>>>,
    todo: Vec<LaneIndex>,
    /// Whom a lane's next record waits for, of those that do.
    waits_for: BTreeMap<LaneIndex, LaneIndex>,
    circles: Vec<Vec<NodeRef>>,
    /// Which circles a record is in: what it merged of those is passed over.
    passed: HashMap<NodeRef, Vec<usize>>,
}

impl CausalGraph {
    /// Finds the circles and takes their hand-overs out.
    pub(super) fn cut_circles(&mut self) {
        let (circles, passed) = {
            let mut walk = Walk::of(self);
            walk.run();
            (walk.circles, walk.passed)
        };
        if circles.is_empty() {
            return;
        }
        for (at, of) in passed {
            self.drop_edges(at, |_, source| of.iter().any(|circle| leads_into(&circles[*circle], source)));
            self.lanes[at.lane.0].note_merging();
        }
        self.circles = circles;
        self.note_beginnings();
    }
}

impl<'a> Walk<'a> {
    fn of(graph: &'a CausalGraph) -> Walk<'a> {
        Walk {
            graph,
            next: vec![0; graph.lanes.len()],
            waiting: HashMap::new(),
            todo: graph.lane_indexes().collect(),
            waits_for: BTreeMap::new(),
            circles: Vec::new(),
            passed: HashMap::new(),
        }
    }

    fn run(&mut self) {
        loop {
            while let Some(lane) = self.todo.pop() {
                self.advance(lane);
            }
            let Some(circle) = self.circle() else { return };
            for at in &circle {
                self.passed.entry(*at).or_default().push(self.circles.len());
                self.waits_for.remove(&at.lane);
                self.todo.push(at.lane);
            }
            self.circles.push(circle);
        }
    }

    /// The lane's next record that merged something, if there is one.
    fn head(&self, lane: LaneIndex) -> Option<NodeRef> {
        let at = *self.graph.lanes[lane.0].merging.get(self.next[lane.0])?;
        Some(NodeRef { lane, at: at as usize })
    }

    /// How many of the lane's records are known to be in order.
    fn done(&self, lane: LaneIndex) -> usize {
        self.head(lane).map_or(self.graph.lanes[lane.0].nodes.len(), |at| at.at)
    }

    fn advance(&mut self, lane: LaneIndex) {
        while let Some(at) = self.head(lane) {
            if let Some(source) = self.missing(at) {
                self.waits_for.insert(lane, source.lane);
                self.waiting.entry(source.lane).or_default().push(Reverse((source.at, lane)));
                break;
            }
            self.next[lane.0] += 1;
        }
        let done = self.done(lane);
        let Some(waiting) = self.waiting.get_mut(&lane) else { return };
        while let Some(Reverse((at, waiter))) = waiting.peek().copied()
            && at < done
        {
            waiting.pop();
            // One whose circle was cut waits no more, or for another lane.
            if self.waits_for.get(&waiter) == Some(&lane) {
                self.waits_for.remove(&waiter);
                self.todo.push(waiter);
            }
        }
    }

    /// What has to come before the record and has not been reached.
    fn missing(&self, at: NodeRef) -> Option<NodeRef> {
        let mut sources = self.graph.edges_into(at).filter_map(|edge| self.graph.source(edge));
        sources.find(|source| {
            // What a lane was told of itself, and its own order says.
            let own = source.lane == at.lane;
            !own && source.at >= self.done(source.lane) && !self.is_passed(at, *source)
        })
    }

    fn is_passed(&self, at: NodeRef, source: NodeRef) -> bool {
        let mut circles = self.passed.get(&at).into_iter().flatten().map(|circle| &self.circles[*circle]);
        circles.any(|circle| leads_into(circle, source))
    }

    /// The records at which lanes wait for one another.
    fn circle(&self) -> Option<Vec<NodeRef>> {
        // The same one, however the table is arranged.
        let mut lane = *self.waits_for.first_key_value()?.0;
        let mut way: Vec<LaneIndex> = Vec::new();
        let mut seen: HashMap<LaneIndex, usize> = HashMap::new();
        while let Some(source) = self.waits_for.get(&lane) {
            if let Some(start) = seen.insert(lane, way.len()) {
                let mut circle: Vec<NodeRef> = way[start..].iter().filter_map(|lane| self.head(*lane)).collect();
                circle.sort();
                return Some(circle);
            }
            way.push(lane);
            lane = *source;
        }
        None
    }
}

/// Whether what came before includes a record of the circle.
fn leads_into(circle: &[NodeRef], source: NodeRef) -> bool {
    circle.iter().any(|of| of.lane == source.lane && of.at <= source.at)
}
