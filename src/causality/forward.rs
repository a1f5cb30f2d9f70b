//! What a record influenced: for every lane that could have heard of it, the shortest chain of hand-overs there.
//!
//! The counterpart of the chain backward. Locks are passed over here, too: what came later only because a lock was taken
//! later is counted, and told apart.

use std::collections::BTreeMap;

use super::graph::{CausalGraph, Edge, EdgeKind, LaneIndex, NodeRef, Reading};

/// The lanes that a record could have influenced.
#[derive(Debug, Clone)]
pub struct Influence {
    pub of: NodeRef,
    /// How many records of its own lane came after it.
    pub own_after: usize,
    /// Every other lane once, those that fewer hand-overs reach first.
    pub reached: Vec<Reached>,
    /// Lanes that come after it only by the order in which locks were taken.
    pub by_locks: usize,
    steps: Vec<Onward>,
}

/// A lane that heard of the record.
#[derive(Debug, Clone, Copy)]
pub struct Reached {
    pub lane: LaneIndex,
    /// The last hand-over of the shortest chain there: of as short ones, that which arrived earliest.
    pub step: usize,
    /// How many of the lane's records came after the record, by whichever chain.
    pub records: usize,
}

/// One hand-over of a chain forward.
#[derive(Debug, Clone)]
pub struct Onward {
    pub edge: Edge,
    /// The giver's last record before it.
    pub from: NodeRef,
    /// The record that merged it.
    pub to: NodeRef,
    /// The hand-over before it; `None`: its giver is the record's own lane.
    pub parent: Option<usize>,
    /// How many hand-overs the chain has up to and with this one.
    pub hops: usize,
}

impl Influence {
    pub fn step(&self, step: usize) -> &Onward {
        &self.steps[step]
    }

    /// The hand-overs up to and with this one, the first one first.
    pub fn chain(&self, step: usize) -> Vec<usize> {
        let mut chain: Vec<usize> = std::iter::successors(Some(step), |step| self.steps[*step].parent).collect();
        chain.reverse();
        chain
    }
}

impl CausalGraph {
    /// What happened after the record because of a hand-over, lane by lane.
    pub fn influence(&self, of: NodeRef) -> Influence {
        let full = Search::run(self, of, Reading::Full).shortest.len();
        let search = Search::run(self, of, Reading::NoLock);
        let records = |lane: &LaneIndex| self.lane(*lane).nodes.len() - search.first[lane];
        let reached =
            search.shortest.iter().map(|(lane, step)| Reached { lane: *lane, step: *step, records: records(lane) });
        let mut reached: Vec<Reached> = reached.collect();
        reached.sort_by_key(|reached| {
            let step = &search.steps[reached.step];
            (step.hops, self.node(step.to).mono, reached.lane)
        });
        let own_after = self.lane(of.lane).nodes.len() - of.at - 1;
        Influence { of, own_after, by_locks: full.saturating_sub(reached.len()), reached, steps: search.steps }
    }

    /// Every hand-over to another lane, by the giver's last record before it.
    fn edges_forward(&self, reading: Reading) -> Forward<'_> {
        let mut forward = vec![Vec::new(); self.lanes.len()];
        for to in self.lane_indexes().flat_map(|lane| self.nodes_of(lane)) {
            for edge in self.edges_into(to) {
                let counts = reading == Reading::Full || edge.kind != EdgeKind::Lock;
                let Some(from) = self.source(edge).filter(|from| counts && from.lane != to.lane) else { continue };
                forward[from.lane.0].push((from.at, to, edge));
            }
        }
        for edges in &mut forward {
            edges.sort_by_key(|(at, to, edge)| (*at, !edge.is_direct(), self.node(*to).mono, *to));
        }
        forward
    }
}

/// By lane, in its order: the giver's record, the receiver's, and the hand-over.
type Forward<'a> = Vec<Vec<(usize, NodeRef, &'a Edge)>>;

/// Records of one lane whose hand-overs are to be followed: from `at` up to before `end`, reached by `step`.
struct Stretch {
    at: NodeRef,
    end: usize,
    step: Option<usize>,
}

struct Search<'a> {
    graph: &'a CausalGraph,
    of: NodeRef,
    /// The first record of each lane that is known to have come after, by whichever chain.
    first: BTreeMap<LaneIndex, usize>,
    /// The last hand-over of each lane's shortest chain.
    shortest: BTreeMap<LaneIndex, usize>,
    steps: Vec<Onward>,
}

impl<'a> Search<'a> {
    /// One hand-over further each time round, until nothing earlier is reached any more.
    fn run(graph: &'a CausalGraph, of: NodeRef, reading: Reading) -> Search<'a> {
        let forward = graph.edges_forward(reading);
        let (first, shortest) = (BTreeMap::new(), BTreeMap::new());
        let mut search = Search { graph, of, first, shortest, steps: Vec::new() };
        let mut frontier = vec![Stretch { at: of, end: usize::MAX, step: None }];
        while !frontier.is_empty() {
            frontier = search.onward(&frontier, &forward);
        }
        search
    }

    /// Follows the hand-overs of these records; what is to be followed next.
    fn onward(&mut self, frontier: &[Stretch], forward: &Forward) -> Vec<Stretch> {
        let before = self.first.clone();
        let mut newest: BTreeMap<LaneIndex, usize> = BTreeMap::new();
        for stretch in frontier {
            let edges = &forward[stretch.at.lane.0];
            let begin = edges.partition_point(|(from, ..)| *from < stretch.at.at);
            for (from, to, edge) in edges[begin..].iter().take_while(|(from, ..)| *from < stretch.end) {
                let known = self.first.get(&to.lane).copied().unwrap_or(usize::MAX);
                if to.at >= known || to.lane == self.of.lane || self.is_hidden(to.lane) {
                    continue;
                }
                let from = NodeRef { lane: stretch.at.lane, at: *from };
                newest.insert(to.lane, self.reach(from, *to, edge, stretch.step));
            }
        }
        // What came after a record that was reached before has been followed already.
        let end = |lane: &LaneIndex| before.get(lane).copied().unwrap_or(usize::MAX);
        newest
            .iter()
            .map(|(lane, step)| Stretch { at: self.steps[*step].to, end: end(lane), step: Some(*step) })
            .collect()
    }

    fn reach(&mut self, from: NodeRef, to: NodeRef, edge: &Edge, parent: Option<usize>) -> usize {
        let hops = 1 + parent.map_or(0, |parent| self.steps[parent].hops);
        let step = self.steps.len();
        self.steps.push(Onward { edge: edge.clone(), from, to, parent, hops });
        self.first.insert(to.lane, to.at);
        let shortest = self.shortest.entry(to.lane).or_insert(step);
        if self.steps[*shortest].hops == hops {
            *shortest = step;
        }
        step
    }

    fn is_hidden(&self, lane: LaneIndex) -> bool {
        self.graph.process_of(lane).is_logq() || self.graph.lane(lane).is_logq()
    }
}
