//! The chain of hand-overs that led to a record, back to the root of the run.

use std::collections::HashMap;

use super::graph::{CausalGraph, Edge, EdgeKind, LaneIndex, NodeRef};
use crate::record::EventKind;

/// The hand-overs behind a record, the last one first.
#[derive(Debug, Clone)]
pub struct Chain {
    pub of: NodeRef,
    pub hops: Vec<Hop>,
}

/// One hand-over: the record that merged it, what carried it, and the sender's last record before it.
#[derive(Debug, Clone)]
pub struct Hop {
    pub to: NodeRef,
    pub edge: Edge,
    /// Of whoever began the sender, where that had written nothing by then. `None` where nothing is on record.
    pub from: Option<NodeRef>,
}

impl CausalGraph {
    /// From the record back to the root: at each step the most recent hand-over that the lane had received. Locks are
    /// passed over: who held one before is an accident, not a cause. So is `logq run`: the root is the program's own.
    ///
    /// The most recent, not the shortest way: every worker's shortest way to the root is "was started by the main
    /// thread", and what it was told to do came later.
    pub fn chain(&self, of: NodeRef) -> Chain {
        let mut chain = Chain { of, hops: Vec::new() };
        // By lane, the earliest record at which the chain has left it.
        let mut left: HashMap<LaneIndex, usize> = HashMap::new();
        let mut at = of;
        while let Some((to, edge)) = self.latest_hand_over(at) {
            let source = self.source(edge);
            chain.hops.push(Hop { to, edge: edge.clone(), from: source.map(|source| self.saying(source)) });
            let Some(source) = source else { break };
            // Only a damaged file leads round in a circle; no true chain is longer than the records there are.
            if left.get(&source.lane).is_some_and(|earliest| source.at >= *earliest) {
                break;
            }
            left.insert(to.lane, to.at);
            at = source;
        }
        chain
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
