//! Updates of what processes share: values, what a manager keeps, files, tables. No process counts the versions of those,
//! so it is the time of each read and of the write made from it that tells whether another one came between.

use std::collections::BTreeMap;

use super::{Conflict, Pasts, Side, Way, is_outside};
use crate::causality::{CausalGraph, NodeRef, Observed, ProcessIndex, Reading};
use crate::record::readings::AccessEvent;
use crate::record::{EventKind, Site};

/// So many updates of one variable are compared with each other.
const MOST: usize = 120;

struct Update<'a> {
    observed: &'a Observed,
    access: AccessEvent<'a>,
    at: NodeRef,
    /// Monotonic ns.
    read: u64,
    write: u64,
    read_site: Option<Site>,
    /// Locks that were held from the read to the write.
    locks: Vec<String>,
}

pub(super) fn find(graph: &CausalGraph, pasts: &mut Pasts) -> Vec<Conflict> {
    let mut by_variable: BTreeMap<(String, Option<String>), Vec<Update>> = BTreeMap::new();
    for observed in graph.observed.of(EventKind::Access) {
        let Some(update) = update(graph, observed) else { continue };
        let name = variable(graph, observed.process, update.access.var.unwrap_or_default());
        let updates = by_variable.entry((name, update.access.item.clone())).or_default();
        if updates.len() < MOST {
            updates.push(update);
        }
    }
    by_variable.values().filter_map(|updates| conflict_among(graph, pasts, updates)).collect()
}

fn update<'a>(graph: &CausalGraph, observed: &'a Observed) -> Option<Update<'a>> {
    let access = observed.event.access()?;
    if access.over.is_some() || access.other.is_some() {
        return None;
    }
    let base = access.base.as_ref()?;
    let read = base.at?;
    let throughout = access.held.iter().filter(|lock| base.held.contains(lock));
    let name = |lock: &str| lock.rsplit_once('#').map_or(lock, |(name, _)| name).to_owned();
    let locks = throughout.map(|lock| outside(graph, observed.process, &name(lock))).collect();
    let read_site = base.site.clone();
    let at = graph.find(observed.lane, observed.seq)?;
    Some(Update { observed, at, read, write: observed.mono, read_site, locks, access })
}

/// The name of a lock in all processes. Those that the system keeps have one in all of them.
fn outside(graph: &CausalGraph, process: ProcessIndex, lock: &str) -> String {
    if is_outside(lock) { lock.to_owned() } else { graph.full_name(process, lock) }
}

/// Each process meets a file by itself: there the path is the name.
fn variable(graph: &CausalGraph, process: ProcessIndex, obj: &str) -> String {
    let facts = graph.object(process, obj);
    let outside = facts.filter(|facts| matches!(facts.kind.as_deref(), Some("file" | "table")));
    outside.and_then(|facts| facts.name.clone()).unwrap_or_else(|| graph.full_name(process, obj))
}

fn conflict_among(graph: &CausalGraph, pasts: &mut Pasts, updates: &[Update]) -> Option<Conflict> {
    let mut unordered = None;
    for (place, one) in updates.iter().enumerate() {
        for other in &updates[place + 1..] {
            if one.observed.lane == other.observed.lane || one.locks.iter().any(|lock| other.locks.contains(lock)) {
                continue;
            }
            if comes_between(one, other) {
                return Some(conflict(graph, one, other, true));
            }
            if comes_between(other, one) {
                return Some(conflict(graph, other, one, true));
            }
            let ordered = |pasts: &mut Pasts, one: &Update, other: &Update| {
                pasts.may_precede((one.observed.lane, one.observed.seq), other.at, Reading::NoLock)
            };
            if unordered.is_none() && !ordered(pasts, one, other) && !ordered(pasts, other, one) {
                unordered = Some((one, other));
            }
        }
    }
    unordered.map(|(one, other)| conflict(graph, one, other, false))
}

/// The other's write lay between the read and the write of the one.
fn comes_between(one: &Update, other: &Update) -> bool {
    one.read < other.write && other.write < one.write
}

fn conflict(graph: &CausalGraph, one: &Update, other: &Update, seen: bool) -> Conflict {
    let process = one.observed.process;
    let obj = one.access.var.unwrap_or_default();
    let kind = graph.object(process, obj).and_then(|facts| facts.kind.clone()).unwrap_or_default();
    Conflict {
        process,
        obj: obj.to_owned(),
        item: one.access.item.clone(),
        at: one.at,
        one: side(graph, one),
        other: side(graph, other),
        way: Way::of(one.access.how),
        seen,
        // They tell of an access while they hold the value; all others a moment before.
        exact: seen && matches!(kind.as_str(), "multiprocessing.Value" | "multiprocessing.Array"),
        ts: one.observed.ts.max(other.observed.ts),
    }
}

fn side(graph: &CausalGraph, update: &Update) -> Side {
    let process = update.observed.process;
    Side {
        lane: update.observed.lane,
        seq: update.observed.seq,
        read: update.read_site.clone(),
        write: update.access.site.clone(),
        held: update.access.held.iter().map(|lock| outside(graph, process, lock)).collect(),
        stack: update.access.stack.clone(),
    }
}
