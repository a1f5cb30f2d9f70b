//! Where two runs part: the first step at which lanes that stand for each other did different things, judged by
//! happens-before.

use std::collections::BTreeSet;

use super::account::Account;
use super::align::{Alignment, Stretch};
use super::roles::{RoleId, Roles};
use super::steps::Step;
use super::template::NameId;
use crate::causality::{CausalGraph, EdgeKind, LaneIndex, NodeRef, Reading};

/// A place where the runs differ. At least one of the two is there.
#[derive(Debug, Clone)]
pub struct Part {
    pub one: Option<Side>,
    pub other: Option<Side>,
    /// Before that a lock had come to these lanes from others: the first that did not agree, of either run.
    pub locks: (Option<LockFrom>, Option<LockFrom>),
}

/// A lock that came to a lane from the one that had had it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LockFrom {
    pub lock: NameId,
    pub holder: LaneIndex,
    role: RoleId,
    /// The record that tells of it.
    pub at: NodeRef,
}

/// What one of the runs did there.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    pub lane: LaneIndex,
    /// `None`: this lane did nothing more.
    pub next: Option<Step>,
    /// The last step that both did, if any.
    pub before: Option<Step>,
    /// The record by which it is ordered.
    at: Option<NodeRef>,
}

/// So often an earlier part is looked for, which takes a search of the graph each time. The search begins with what is
/// first in one order that agrees with happens-before, so that few steps are ever made.
const MOST_STEPS: usize = 64;

/// Every place where the two differ.
pub(super) fn parts(one: &Account, other: &Account, alignment: &Alignment) -> Vec<Part> {
    let part = |(ours, theirs): &(Option<Stretch>, Option<Stretch>)| {
        let none = Vec::new();
        let steps = |stretch: &Option<Stretch>| stretch.as_ref().map_or(none.clone(), |stretch| stretch.steps.clone());
        let (left, right) = (steps(ours), steps(theirs));
        let agreed = left.iter().zip(&right).take_while(|(left, right)| left.act == right.act).count();
        Part {
            one: ours.as_ref().map(|stretch| side(&one.graph, stretch, agreed)),
            other: theirs.as_ref().map(|stretch| side(&other.graph, stretch, agreed)),
            locks: (None, None),
        }
    };
    alignment.apart.iter().map(part).collect()
}

fn side(graph: &CausalGraph, stretch: &Stretch, agreed: usize) -> Side {
    let next = stretch.steps.get(agreed).copied();
    let before = agreed.checked_sub(1).and_then(|last| stretch.steps.get(last).copied()).or(stretch.before);
    // A lane that was begun is ordered by the record of its maker.
    let of_step =
        |step: Step| step.from.and_then(|(_, from)| from.filter(|from| from.lane == stretch.lane)).unwrap_or(step.at);
    let at = next.map(of_step).or_else(|| graph.nodes_of(stretch.lane).next_back());
    Side { lane: stretch.lane, next, before, at }
}

/// The earliest part: none of the others came before it, in either run. Where each comes before another in one of the
/// runs, that which the first run had first.
pub(super) fn first(one: &Account, other: &Account, roles: &Roles, parts: Vec<Part>) -> Option<Part> {
    let mut first = earliest(one, other, parts)?;
    if let (Some(ours), Some(theirs)) = (first.one, first.other) {
        let (ours, theirs) = (locks(one, roles, 0, ours), locks(other, roles, 1, theirs));
        let came = |lock: &LockFrom| (lock.lock, lock.role);
        let agreed = ours.iter().zip(&theirs).take_while(|(one, other)| came(one) == came(other)).count();
        first.locks = (ours.get(agreed).copied(), theirs.get(agreed).copied());
    }
    Some(first)
}

/// The locks that had come to the lane from others by then.
fn locks(account: &Account, roles: &Roles, run: usize, side: Side) -> Vec<LockFrom> {
    let graph = &account.graph;
    let end = side.next.map(|step| step.at).or(side.at).map_or(0, |at| at.at + 1);
    let mut locks = Vec::new();
    for at in graph.nodes_of(side.lane).take(end) {
        for edge in graph.edges_into(at).filter(|edge| edge.kind == EdgeKind::Lock && edge.from != side.lane) {
            let carrier = edge.by.as_deref().and_then(|by| account.carrier(graph.lane(edge.from).process, by));
            if let (Some(lock), Some(role)) = (carrier, roles.role(run, edge.from)) {
                locks.push(LockFrom { lock, holder: edge.from, role, at });
            }
        }
    }
    locks
}

fn earliest(one: &Account, other: &Account, parts: Vec<Part>) -> Option<Part> {
    let place = |part: &Part| {
        let of = |account: &Account, side: &Option<Side>| {
            side.and_then(|side| side.at).map_or(usize::MAX, |at| account.place(at))
        };
        (of(one, &part.one), of(other, &part.other))
    };
    let mut current = (0..parts.len()).min_by_key(|part| place(&parts[*part]))?;
    let mut seen = BTreeSet::from([current]);
    loop {
        let earlier: Vec<usize> = (0..parts.len()).filter(|part| !seen.contains(part)).collect();
        let before_one = preceding(&one.graph, parts[current].one, &earlier, |part| parts[part].one);
        let before_other = preceding(&other.graph, parts[current].other, &earlier, |part| parts[part].other);
        if seen.len() > MOST_STEPS {
            return parts.into_iter().nth(current);
        }
        let Some(next) = before_one.union(&before_other).copied().min_by_key(|part| place(&parts[*part])) else {
            return parts.into_iter().nth(current);
        };
        seen.insert(next);
        current = next;
    }
}

/// Which of the parts came before this side, by happens-before.
fn preceding(
    graph: &CausalGraph,
    side: Option<Side>,
    parts: &[usize],
    of: impl Fn(usize) -> Option<Side>,
) -> BTreeSet<usize> {
    let Some(at) = side.and_then(|side| side.at) else { return BTreeSet::new() };
    let reached = graph.ancestors(at, Reading::Full);
    let precedes = |part: &&usize| {
        of(**part)
            .and_then(|side| side.at)
            .is_some_and(|other| other != at && reached.get(&other.lane).is_some_and(|seen| other.at <= seen.at))
    };
    parts.iter().filter(precedes).copied().collect()
}
