//! Which machines the processes ran on, and how far apart their clocks can be: monotonic clocks of two hosts say nothing
//! of each other, and wall clocks only what the hand-overs between them allow. Nothing is corrected here.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{CausalGraph, LaneIndex};

/// How far the second host's wall clock can be ahead of the first's, ns: something was sent before it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockBounds {
    pub at_least: Option<i64>,
    pub at_most: Option<i64>,
}

impl CausalGraph {
    /// The host of a lane's process; empty where its first line is lost.
    pub fn host_of(&self, lane: LaneIndex) -> &str {
        self.process_of(lane).host.as_deref().unwrap_or_default()
    }

    /// The hosts of these lanes, by name.
    pub fn hosts(&self, lanes: impl IntoIterator<Item = LaneIndex>) -> BTreeSet<&str> {
        lanes.into_iter().map(|lane| self.host_of(lane)).filter(|host| !host.is_empty()).collect()
    }

    /// For every two hosts between which something was handed over, the first by name first.
    pub fn clock_bounds(&self) -> BTreeMap<(&str, &str), ClockBounds> {
        let mut bounds: BTreeMap<(&str, &str), ClockBounds> = BTreeMap::new();
        for to in self.lane_indexes().flat_map(|lane| self.nodes_of(lane)) {
            for from in self.edges_into(to).filter_map(|edge| self.source(edge)) {
                let (sender, receiver) = (self.host_of(from.lane), self.host_of(to.lane));
                if sender == receiver || sender.is_empty() || receiver.is_empty() {
                    continue;
                }
                let took = self.node(to).ts.saturating_sub(self.node(from).ts);
                let pair = bounds.entry((sender.min(receiver), sender.max(receiver))).or_default();
                if sender < receiver {
                    pair.at_most = Some(pair.at_most.map_or(took, |known| known.min(took)));
                } else {
                    pair.at_least = Some(pair.at_least.map_or(-took, |known| known.max(-took)));
                }
            }
        }
        bounds
    }
}
