//! Where two runs part: the first step at which lanes that stand for each other did different things, judged by
//! happens-before.

use std::collections::BTreeSet;

use super::account::Account;
use super::align::{Alignment, Stretch};
use super::steps::Step;
use crate::causality::{CausalGraph, LaneIndex, NodeRef, Reading};

/// A place where the runs differ. At least one of the two is there.
#[derive(Debug, Clone)]
pub struct Part {
    pub one: Option<Side>,
    pub other: Option<Side>,
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
pub(super) fn first(one: &Account, other: &Account, parts: Vec<Part>) -> Option<Part> {
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
