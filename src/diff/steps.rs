//! What a lane did, step by step: the records that it wrote, what it was handed and by whom, whom it began.
//!
//! Left out is what depends on how long something took: waits, wake-ups, locks. And two hand-overs between the same two
//! records have no order.

use std::collections::BTreeMap;

use super::account::{Account, is_on_demand};
use super::roles::{RoleId, Roles};
use super::template::NameId;
use crate::causality::{EdgeKind, LaneIndex, NodeRef};
use crate::record::{EventKind, LaneKind};

/// What a lane did, in words that runs have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Act {
    Record(NameId),
    /// It was handed something, by way of an object and by a lane of that role.
    Took {
        way: NameId,
        giver: RoleId,
    },
    Began(RoleId),
}

/// One act, and where it is on record.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub act: Act,
    /// The record itself, the one that merged the hand-over, or the first one of the lane that was begun.
    pub at: NodeRef,
    /// The giver and its last record before the hand-over.
    pub from: Option<(LaneIndex, Option<NodeRef>)>,
    /// A piece of work begins with it, which any lane of the role might have been handed; or it is the lane's end.
    pub opens: bool,
}

/// Every lane's steps, of the run that was given as the `run`th.
pub(super) fn steps(account: &Account, roles: &Roles, run: usize) -> BTreeMap<LaneIndex, Vec<Step>> {
    let mut begun = begun(account, roles, run);
    let mut steps = BTreeMap::new();
    for lane in account.lanes() {
        let begun = begun.remove(&lane).unwrap_or_default();
        steps.insert(lane, of_lane(account, roles, run, lane, &begun));
    }
    steps
}

fn of_lane(account: &Account, roles: &Roles, run: usize, lane: LaneIndex, begun: &[(u64, Step)]) -> Vec<Step> {
    let graph = &account.graph;
    let mut steps = Vec::new();
    let mut taken: BTreeMap<Act, Step> = BTreeMap::new();
    let mut begun = begun.iter().peekable();
    for at in graph.nodes_of(lane) {
        let node = graph.node(at);
        while let Some((_, step)) = begun.next_if(|(seq, _)| *seq < node.seq) {
            steps.push(*step);
        }
        for edge in graph.edges_into(at).filter(|edge| edge.kind == EdgeKind::Hard && edge.from != lane) {
            let process = graph.lane(edge.from).process;
            let Some(way) = edge.by.as_deref().filter(|by| is_steady(by)).and_then(|by| account.carrier(process, by))
            else {
                continue;
            };
            let Some(giver) = roles.role(run, edge.from) else { continue };
            let act = Act::Took { way, giver };
            let from = Some((edge.from, graph.last_up_to(edge.from, edge.seq)));
            let opens = edge.by.as_deref().is_some_and(is_work);
            taken.entry(act).or_insert(Step { act, at, from, opens });
        }
        if let Some(template) = account.template(at) {
            steps.extend(std::mem::take(&mut taken).into_values());
            let opens = node.event == Some(EventKind::End);
            steps.push(Step { act: Act::Record(template), at, from: None, opens });
        }
    }
    // Whether such a worker did one piece of silent work or several cannot be seen.
    if !is_on_demand(graph, lane) {
        steps.extend(taken.into_values());
    }
    steps.extend(begun.map(|(_, step)| *step));
    steps
}

/// The lanes that each lane began, by number of its last record before. Of tasks only those that have something to say:
/// whether a silent one is on record depends on how long it took.
fn begun(account: &Account, roles: &Roles, run: usize) -> BTreeMap<LaneIndex, Vec<(u64, Step)>> {
    let graph = &account.graph;
    let mut begun: BTreeMap<LaneIndex, Vec<(u64, Step)>> = BTreeMap::new();
    for lane in account.lanes().into_iter().filter(|lane| tells_something(account, *lane)) {
        let (Some(start), Some(role), Some(at)) =
            (graph.origin(lane), roles.role(run, lane), graph.nodes_of(lane).next())
        else {
            continue;
        };
        let from = Some((start.from, graph.last_up_to(start.from, start.seq)));
        begun.entry(start.from).or_default().push((start.seq, Step { act: Act::Began(role), at, from, opens: false }));
    }
    for steps in begun.values_mut() {
        // Lanes are numbered when they are made.
        steps.sort_by_key(|(seq, step)| {
            let process = graph.process_of(step.at.lane).number;
            (*seq, process, graph.lane(step.at.lane).lane)
        });
    }
    begun
}

/// A thread that was asked for, or a task that logged something or failed.
pub(super) fn tells_something(account: &Account, lane: LaneIndex) -> bool {
    let facts = account.graph.lane(lane);
    let failed = facts.end.as_ref().is_some_and(|end| end.how == "exc");
    let says = |node: &crate::causality::Node| node.event.is_none() || node.event == Some(EventKind::Exc);
    if is_on_demand(&account.graph, lane) {
        return false;
    }
    facts.lane.kind != LaneKind::Task || failed || facts.nodes.iter().any(says)
}

fn kind_of(by: &str) -> &str {
    let own = by.rsplit_once('/').map_or(by, |(_, own)| own);
    own.split_once(':').map_or(own, |(kind, _)| kind)
}

/// A hand-over that is there however long anything took: whoever needs not wait for a lock or a condition gets none of it.
fn is_steady(by: &str) -> bool {
    !matches!(kind_of(by), "lock" | "rlock" | "cond" | "sem")
}

fn is_work(by: &str) -> bool {
    let kind = kind_of(by);
    kind == "job" || kind.ends_with("queue")
}
