//! Conflicts that a process has told of itself: it counts the versions of its variables, so a write that was made from an
//! older version than it replaces is a fact. Here only what orders the lanes is judged.

use super::{Conflict, Pasts, Side, Way, is_outside};
use crate::causality::{CausalGraph, LaneIndex, NodeRef, Observed, ProcessIndex, Reading};
use crate::record::readings::{AccessEvent, Touch};
use crate::record::{EventKind, StampRef};

pub(super) fn find(graph: &CausalGraph, pasts: &mut Pasts) -> Vec<Conflict> {
    graph.observed.of(EventKind::Access).filter_map(|observed| conflict(graph, pasts, observed)).collect()
}

fn conflict(graph: &CausalGraph, pasts: &mut Pasts, observed: &Observed) -> Option<Conflict> {
    let access = observed.event.access()?;
    let (touch, seen) = match (&access.over, &access.other) {
        (Some(over), _) => (over, true),
        (None, Some(other)) => (other, false),
        (None, None) => return None,
    };
    let at = graph.find(observed.lane, observed.seq)?;
    let (lane, seq) = whose(graph, observed.process, touch)?;
    if is_ordered(graph, pasts, at, &access, touch, (lane, seq), seen) {
        return None;
    }
    let name = |lock: &str| if is_outside(lock) { lock.to_owned() } else { graph.full_name(observed.process, lock) };
    let full = |held: &[&str]| held.iter().map(|lock| name(lock)).collect::<Vec<_>>();
    let read = |touch: &Touch| touch.base.as_ref().map_or_else(|| touch.site.clone(), |base| base.site.clone());
    let base = access.base.as_ref()?;
    Some(Conflict {
        process: observed.process,
        obj: access.var?.to_owned(),
        item: access.item.clone(),
        at,
        one: Side {
            lane: observed.lane,
            seq: observed.seq,
            read: base.site.clone().or_else(|| access.site.clone()),
            write: access.site.clone(),
            held: full(&access.held),
            stack: access.stack.clone(),
        },
        other: Side {
            lane,
            seq,
            read: read(touch),
            write: touch.site.clone(),
            held: full(&touch.held),
            stack: touch.stack.clone(),
        },
        way: Way::of(access.how),
        seen,
        exact: seen,
        ts: observed.ts,
    })
}

fn whose(graph: &CausalGraph, process: ProcessIndex, touch: &Touch) -> Option<(LaneIndex, u64)> {
    let stamp = StampRef::parse(touch.by?)?;
    Some((graph.lane_named(process, stamp.lane)?, stamp.seq))
}

/// Whether something else than locks may have kept the two apart. What was seen to come between is in order only when it
/// was meant to: asked for after the read, and waited for before the write.
///
/// What did not come between, but could have: with a lock in common at both writes its order means nothing, as it is given back
/// between read and write. Without one, a lock that did order them may be that of the place where the one was handed to the
/// other (a list of jobs): only what no lock ordered is sure to be luck.
fn is_ordered(
    graph: &CausalGraph,
    pasts: &mut Pasts,
    at: NodeRef,
    access: &AccessEvent,
    touch: &Touch,
    other: (LaneIndex, u64),
    seen: bool,
) -> bool {
    if !seen {
        let reading = if has_common_lock(access, touch) { Reading::NoLock } else { Reading::Full };
        return pasts.may_precede(other, at, reading);
    }
    if !pasts.may_precede(other, at, Reading::NoLock) {
        return false;
    }
    let Some(read) = access.base.as_ref().and_then(|base| StampRef::parse(base.by?)) else { return true };
    // The other's write lies before its next record.
    let (lane, seq) = other;
    let next = graph.last_up_to(lane, seq.saturating_add(1)).unwrap_or(NodeRef { lane, at: 0 });
    pasts.may_precede((at.lane, read.seq), next, Reading::NoLock)
}

fn has_common_lock(access: &AccessEvent, touch: &Touch) -> bool {
    access.held.iter().any(|held| touch.held.iter().any(|theirs| lock_of(held) == lock_of(theirs)))
}

/// Without the number of the acquisition.
fn lock_of(held: &str) -> &str {
    held.rsplit_once('#').map_or(held, |(lock, _)| lock)
}
