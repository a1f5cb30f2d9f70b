//! The chain of hand-overs that led to a record, back to the root of the run.

use super::graph::{CausalGraph, Edge, EdgeKind, LaneIndex, NodeRef};
use crate::record::EventKind;

/// The hand-overs behind a record, the last one first.
#[derive(Debug, Clone)]
pub struct Chain {
    pub of: NodeRef,
    pub hops: Vec<Hop>,
    /// What is missing where the chain ends.
    pub doubts: Vec<Doubt>,
}

/// One hand-over: the record that merged it, what carried it, and the sender's last record before it.
#[derive(Debug, Clone)]
pub struct Hop {
    pub to: NodeRef,
    pub edge: Edge,
    /// Of whoever began the sender, where that had written nothing by then. `None` where nothing is on record.
    pub from: Option<NodeRef>,
    /// What is missing between the record that the chain came from and this hand-over, or of the hand-over itself.
    pub doubts: Vec<Doubt>,
}

/// Why a step of a chain may not be the last thing that happened, or not all of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Doubt {
    /// So many records of the lane are missing, up to this one: a later hand-over may have been among them.
    Gap { before: NodeRef, records: u64 },
    /// The hand-over's own stamp names a record that is not there.
    NotThere { lane: LaneIndex, seq: u64 },
    /// Records of the lane and of others whose stamps say that each came before the other: none of those is followed.
    Circle { records: Vec<NodeRef> },
}

impl CausalGraph {
    /// From the record back to the root: at each step the most recent hand-over that the lane had received. Locks are
    /// passed over: who held one before is an accident, not a cause. So is `logq run`: the root is the program's own.
    ///
    /// The most recent, not the shortest way: every worker's shortest way to the root is "was started by the main
    /// thread", and what it was told to do came later.
    ///
    /// What is missing on the way is said with the step that passes it.
    pub fn chain(&self, of: NodeRef) -> Chain {
        let mut chain = Chain { of, hops: Vec::new(), doubts: Vec::new() };
        let mut at = of;
        while let Some((to, edge)) = self.latest_hand_over(at) {
            let source = self.source(edge);
            let mut doubts = self.doubts_between(Some(to.at), at);
            if self.dangles(edge) {
                doubts.push(Doubt::NotThere { lane: edge.from, seq: edge.seq });
            }
            let from = source.map(|source| self.saying(source));
            chain.hops.push(Hop { to, edge: edge.clone(), from, doubts });
            let Some(source) = source else { return chain };
            at = source;
        }
        chain.doubts = self.doubts_between(None, at);
        chain
    }

    /// What is missing of a lane up to that record, from the one on at which the chain goes on.
    fn doubts_between(&self, first: Option<usize>, last: NodeRef) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let records = self.missing_between(first, last);
        if records > 0 {
            doubts.push(Doubt::Gap { before: last, records });
        }
        let passed = |at: &NodeRef| at.lane == last.lane && first.unwrap_or(0) <= at.at && at.at <= last.at;
        for records in self.circles.iter().filter(|records| records.iter().any(passed)) {
            doubts.push(Doubt::Circle { records: records.clone() });
        }
        doubts
    }

    /// The record that says what the lane was about: a wait just before the hand-over, and its end, do not.
    pub fn saying(&self, source: NodeRef) -> NodeRef {
        let quiet = |place: &usize| {
            let event = self.node(NodeRef { lane: source.lane, at: *place }).event;
            matches!(event, Some(EventKind::Wait | EventKind::Got | EventKind::Obj))
        };
        (0..=source.at).rev().find(|place| !quiet(place)).map_or(source, |at| NodeRef { lane: source.lane, at })
    }

    /// The last hand-over that reached the lane up to and with this record, and the record that merged it.
    fn latest_hand_over(&self, at: NodeRef) -> Option<(NodeRef, &Edge)> {
        (0..=at.at).rev().find_map(|place| {
            let to = NodeRef { lane: at.lane, at: place };
            let hard = self.edges_into(to).filter(|edge| {
                edge.kind != EdgeKind::Lock && edge.from != at.lane && !self.process_of(edge.from).is_logq()
            });
            // What was handed over itself, before what its giver had merged; of those the one whose sender was active last.
            let latest =
                hard.max_by_key(|edge| (edge.is_direct(), self.source(edge).map(|from| self.node(from).mono)))?;
            Some((to, latest))
        })
    }
}
