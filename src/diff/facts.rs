//! Facts of one run that others may have, too, or not: what was written, handed over, waited for, and in which order.

use std::collections::BTreeMap;

use super::account::Account;
use super::outcome::Feature;
use super::roles::{RoleId, Roles};
use super::steps::{self, Act, Step};
use super::template::NameId;
use crate::causality::{EdgeKind, LaneIndex, NodeRef, Reading};
use crate::record::EventKind;

/// How often the run has it, and the record where it was so first.
pub(super) type Facts = BTreeMap<Feature, (u64, Option<NodeRef>)>;

/// The orders between so many records are looked at, in runs of up to so many records.
const MOST_ORDERED: usize = 40;
const MOST_RECORDS: usize = 200_000;
/// So many givers of one lane are put in order.
const MOST_GIVERS: usize = 12;
/// So many items of one queue are followed to whoever took them.
const MOST_ITEMS: usize = 200;

/// The facts of the run that was given as the `run`th.
pub(super) fn facts(account: &Account, roles: &Roles, run: usize) -> Facts {
    let mut facts = Facts::new();
    let steps = steps::steps(account, roles, run);
    for (lane, steps) in &steps {
        let Some(role) = roles.role(run, *lane) else { continue };
        for step in steps {
            let feature = match step.act {
                Act::Record(what) => Feature::Record { role, what },
                Act::Took { way, giver } => Feature::Took { role, way, giver },
                Act::Began(begun) => Feature::Began { role, begun },
            };
            note(&mut facts, account, feature, step.at);
        }
    }
    add_locks(&mut facts, account, roles, run);
    for ((lane, what), (times, _)) in &account.waits {
        if let Some(role) = roles.role(run, *lane) {
            facts.entry(Feature::Waited { role, what: *what }).or_default().0 += times;
        }
    }
    add_givers(&mut facts, account, roles, run, &steps);
    add_items(&mut facts, account, &steps);
    add_orders(&mut facts, account, roles, run, &steps);
    facts
}

fn note(facts: &mut Facts, account: &Account, feature: Feature, at: NodeRef) {
    let entry = facts.entry(feature).or_default();
    entry.0 += 1;
    if entry.1.is_none_or(|first| account.place(at) < account.place(first)) {
        entry.1 = Some(at);
    }
}

/// From whom a lock came to whom.
fn add_locks(facts: &mut Facts, account: &Account, roles: &Roles, run: usize) {
    let graph = &account.graph;
    for to in account.lanes().into_iter().flat_map(|lane| graph.nodes_of(lane)) {
        for edge in graph.edges_into(to).filter(|edge| edge.kind == EdgeKind::Lock && edge.from != to.lane) {
            let process = graph.lane(edge.from).process;
            let lock = edge.by.as_deref().and_then(|by| account.carrier(process, by));
            let roles = roles.role(run, to.lane).zip(roles.role(run, edge.from));
            if let (Some(lock), Some((role, holder))) = (lock, roles) {
                note(facts, account, Feature::LockFrom { role, lock, holder }, to);
            }
        }
    }
}

/// The lanes that are the only ones of their role in the run: what they did has an order.
fn alone(account: &Account, roles: &Roles, run: usize) -> BTreeMap<LaneIndex, RoleId> {
    let lanes = roles.lanes(run, account).into_iter().filter(|(_, lanes)| lanes.len() == 1);
    lanes.map(|(role, lanes)| (lanes[0], role)).collect()
}

/// Who of those that a lane was handed something by was first.
fn add_givers(facts: &mut Facts, account: &Account, roles: &Roles, run: usize, steps: &BTreeMap<LaneIndex, Vec<Step>>) {
    for (lane, role) in alone(account, roles, run) {
        let mut firsts: Vec<(NodeRef, (NameId, RoleId))> = Vec::new();
        for step in steps.get(&lane).into_iter().flatten() {
            let Act::Took { way, giver } = step.act else { continue };
            if firsts.len() < MOST_GIVERS && !firsts.iter().any(|(_, known)| *known == (way, giver)) {
                firsts.push((step.at, (way, giver)));
            }
        }
        for (place, (at, second)) in firsts.iter().enumerate() {
            // What one record merged has no order.
            for (before, first) in firsts[..place].iter().filter(|(before, _)| before != at) {
                note(facts, account, Feature::TookBefore { role, first: *first, second: *second }, *before);
            }
        }
    }
}

/// Which lane got the first item of a queue, the second, and so on. Items between which their giver wrote nothing cannot be
/// told apart.
fn add_items(facts: &mut Facts, account: &Account, steps: &BTreeMap<LaneIndex, Vec<Step>>) {
    // By queue and giver: the giver's record before, and the receiver's.
    type Items = BTreeMap<(NameId, RoleId), Vec<(Option<NodeRef>, NodeRef)>>;
    let mut items = Items::new();
    for step in steps.values().flatten().filter(|step| step.opens) {
        let (Act::Took { way, giver }, Some((_, from))) = (step.act, step.from) else { continue };
        items.entry((way, giver)).or_default().push((from, step.at));
    }
    for ((way, giver), mut items) in items {
        items.sort_by_key(|(from, _)| from.map(|from| account.place(from)));
        let alike = |place: usize| {
            let from = items[place].0;
            place.checked_sub(1).is_some_and(|before| items[before].0 == from)
                || items.get(place + 1).is_some_and(|after| after.0 == from)
        };
        for (place, (_, to)) in items.iter().enumerate().take(MOST_ITEMS).filter(|(place, _)| !alike(*place)) {
            let receiver = account.graph.lane(to.lane).display_name();
            note(facts, account, Feature::Item { way, giver, number: place + 1, receiver }, *to);
        }
    }
}

/// Which record of one lane had to come before which of another, or did because of a lock.
fn add_orders(facts: &mut Facts, account: &Account, roles: &Roles, run: usize, steps: &BTreeMap<LaneIndex, Vec<Step>>) {
    let records: usize = account.graph.lanes.iter().map(|lane| lane.nodes.len()).sum();
    if records > MOST_RECORDS {
        return;
    }
    let mut firsts: BTreeMap<(RoleId, NameId), NodeRef> = BTreeMap::new();
    for (lane, role) in alone(account, roles, run) {
        for step in steps.get(&lane).into_iter().flatten() {
            let bland = matches!(account.graph.node(step.at).event, Some(EventKind::End | EventKind::Exit));
            if let (Act::Record(what), false) = (step.act, bland) {
                firsts.entry((role, what)).or_insert(step.at);
            }
        }
    }
    let mut firsts: Vec<((RoleId, NameId), NodeRef)> = firsts.into_iter().collect();
    firsts.sort_by_key(|(_, at)| account.place(*at));
    firsts.truncate(MOST_ORDERED);
    for (second, at) in &firsts {
        let reached = account.graph.ancestors(*at, Reading::Full);
        for (first, before) in firsts.iter().filter(|(_, before)| before.lane != at.lane) {
            if reached.get(&before.lane).is_some_and(|seen| before.at <= seen.at) {
                note(facts, account, Feature::Before { first: *first, second: *second }, *at);
            }
        }
    }
}
