//! How long it would have taken at the least, had nobody waited for something.
//!
//! Everything else stays as it was: what each lane did itself took as long, and was handed over in the same order. So the
//! answer is a bound from below: what ran side by side may get into each other's way where it did not before.

use super::ledger::{Pause, WaitKind};
use super::schedule::{Before, STAMPED_WITHIN, Schedule};
use crate::causality::{Edge, EdgeKind, NodeRef};

impl Schedule<'_> {
    /// When the record would have been made at the earliest, had no wait that is chosen taken any time.
    pub fn without(&self, end: NodeRef, gone: &dyn Fn(&Pause) -> bool) -> u64 {
        let mut earliest: Vec<Vec<u64>> = self.graph.lanes.iter().map(|lane| vec![0; lane.nodes.len()]).collect();
        for at in self.in_time() {
            earliest[at.lane.0][at.at] = self.earliest(at, &earliest, gone);
            if at == end {
                break;
            }
        }
        earliest[end.lane.0][end.at]
    }

    /// Every record after those that it depends on.
    fn in_time(&self) -> Vec<NodeRef> {
        let mut order: Vec<NodeRef> = self.graph.lane_indexes().flat_map(|lane| self.graph.nodes_of(lane)).collect();
        // What is given was given by a record that began earlier, so the time alone is an order between lanes.
        order.sort_by_key(|at| (self.start(*at), *at));
        order
    }

    fn earliest(&self, at: NodeRef, earliest: &[Vec<u64>], gone: &dyn Fn(&Pause) -> bool) -> u64 {
        let of = |node: NodeRef| earliest[node.lane.0][node.at];
        let start = self.start(at);
        let previous = at.at.checked_sub(1).map(|before| NodeRef { lane: at.lane, at: before });
        let is_gone = |pause: usize| gone(&self.ledger.pauses[pause]);
        let after = |node: NodeRef| of(node).saturating_add(start - self.start(node));
        let own = match (self.before(at), previous) {
            (Before::Given(given, None), _) => after(given.from),
            (Before::Given(given, Some(pause)), _) if !is_gone(pause) => after(given.from),
            (Before::Waited(pause), Some(previous)) if is_gone(pause) => of(previous),
            (Before::Given(..), _) => 0,
            (_, Some(previous)) => after(previous),
            (_, None) => start,
        };
        let own = own.max(previous.map_or(0, of));
        // What was given and not waited for had to be there as well. Who had a lock before is an accident.
        let carried = self.carried_from_gone(at, &is_gone);
        let came_so = |edge: &&Edge| match (&carried, edge.by.as_deref()) {
            (Carried::Nothing, _) => false,
            (Carried::By(object), Some(by)) => by.rsplit('/').next() == Some(object),
            (_, None) => true,
            (Carried::Unnamed, Some(_)) => false,
        };
        let needed = self.graph.edges_into(at).filter(|edge| edge.kind != EdgeKind::Lock && !came_so(edge));
        let needed = needed.filter_map(|edge| self.graph.source(edge)).filter(|from| self.start(*from) < start);
        needed.map(of).fold(own, u64::max)
    }

    /// The stamps of a hand-over stand in the next records after the wait that it ended. Of a wait that is taken to be
    /// gone they bind nobody.
    fn carried_from_gone(&self, at: NodeRef, is_gone: &dyn Fn(usize) -> bool) -> Carried<'_> {
        let recent = (at.at.saturating_sub(STAMPED_WITHIN)..=at.at).map(|place| NodeRef { lane: at.lane, at: place });
        let waits = recent.filter_map(|node| match self.before(node) {
            Before::Given(_, pause) => pause,
            Before::Waited(pause) => Some(pause),
            Before::Own => None,
        });
        let Some(pause) = waits.filter(|pause| is_gone(*pause)).last() else { return Carried::Nothing };
        let object = self.ledger.pauses[pause].object;
        object.map_or(Carried::Unnamed, |object| Carried::By(&self.ledger.object(object).name))
    }
}

/// Which stamps of a record came by a hand-over that is taken not to have been needed.
enum Carried<'a> {
    Nothing,
    /// Those of this object, and those that tell of none.
    By(&'a str),
    Unnamed,
}

impl Pause {
    /// Whether it was for an object, and not for the work of others, for which somebody has to take the time.
    pub fn is_for_object(&self) -> bool {
        !matches!(self.kind, WaitKind::Work | WaitKind::Elsewhere | WaitKind::Idle)
    }

    /// Whether it could be gone with nothing missing: nobody needs what a lock or a full queue keeps them from.
    pub fn is_removable(&self) -> bool {
        matches!(self.kind, WaitKind::Exclusion | WaitKind::Room)
    }
}
