//! The critical path by what owns it: an object that the path kept others waiting for, or somebody's own work.

use std::collections::BTreeMap;

use crate::causality::LaneIndex;
use crate::causality::time::{CriticalPath, Doing, ObjectIndex, Pause, Place, Schedule, Segment, WaitKind};

/// What a part of the path went into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The path's lanes waited for this, which others had, or were to bring.
    Object(WaitKind, ObjectIndex),
    /// A wait that no lane is known to have ended: what was waited for, with the object or the lane where there is one.
    Alone(String, Option<ObjectIndex>, Option<LaneIndex>),
    /// The lane's own work: nobody was kept waiting but for that work itself.
    Work(LaneIndex),
    /// Lanes that had been let go did not run yet.
    Resuming,
    /// Threads and processes that had been begun wrote nothing yet.
    Starting,
}

/// Who was at it meanwhile, where, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    pub lane: LaneIndex,
    pub place: Option<Place>,
    pub ns: u64,
}

/// A part of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub owner: Owner,
    pub ns: u64,
    /// The most first.
    pub by: Vec<Worker>,
}

impl Share {
    /// The object without which the run could have been shorter.
    pub(super) fn removable(&self) -> Option<ObjectIndex> {
        match self.owner {
            Owner::Object(WaitKind::Exclusion | WaitKind::Room, object) => Some(object),
            _ => None,
        }
    }
}

/// What owns the path between two moments, the most first.
pub(super) fn shares(schedule: &Schedule, path: &CriticalPath, from: u64, to: u64) -> Vec<Share> {
    let mut found: BTreeMap<Owner, BTreeMap<(LaneIndex, Option<Place>), u64>> = BTreeMap::new();
    for segment in &path.segments {
        let ns = segment.to.min(to).saturating_sub(segment.from.max(from));
        if ns > 0 {
            let by = found.entry(owner(schedule, segment)).or_default();
            *by.entry((segment.lane, place(schedule, segment))).or_insert(0) += ns;
        }
    }
    let mut shares: Vec<Share> = found.into_iter().map(|(owner, by)| share(owner, by)).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.ns));
    shares
}

fn share(owner: Owner, by: BTreeMap<(LaneIndex, Option<Place>), u64>) -> Share {
    let mut by: Vec<Worker> = by.into_iter().map(|((lane, place), ns)| Worker { lane, place, ns }).collect();
    by.sort_by_key(|worker| std::cmp::Reverse(worker.ns));
    Share { owner, ns: by.iter().map(|worker| worker.ns).sum(), by }
}

pub(super) fn owner(schedule: &Schedule, segment: &Segment) -> Owner {
    let pause = |at: usize| -> &Pause { &schedule.ledger.pauses[at] };
    match (segment.kept.map(pause), segment.doing) {
        (_, Doing::Waiting(own)) => {
            let own = pause(own);
            let whom = own.owners.first().filter(|_| own.object.is_none() && own.owners.len() == 1);
            Owner::Alone(own.on.to_string(), own.object, whom.copied())
        }
        (Some(Pause { object: Some(object), kind, .. }), _) => Owner::Object(*kind, *object),
        (_, Doing::Resuming) => Owner::Resuming,
        (_, Doing::Starting) => Owner::Starting,
        _ => Owner::Work(segment.lane),
    }
}

/// Where the lane was at it: where it held what it kept others waiting for, else what it said at the end of the time, or
/// before it.
pub(super) fn place(schedule: &Schedule, segment: &Segment) -> Option<Place> {
    let ledger = schedule.ledger;
    if let Doing::Waiting(pause) = segment.doing {
        return ledger.pauses[pause].site;
    }
    let kept = segment.kept.map(|pause| &ledger.pauses[pause]);
    let held = kept.filter(|pause| pause.owners.contains(&segment.lane)).and_then(|pause| pause.held_at);
    let ended = segment.ended.map(|pause| &ledger.pauses[pause]);
    let handed =
        || ended.or(kept).and_then(|pause| pause.object).and_then(|object| ledger.handed_at(object, segment.lane));
    let lane = &schedule.graph.lane(segment.lane).nodes;
    let said = |at: usize| lane.get(at).and_then(|node| ledger.site_of(segment.lane, node.seq));
    held.or_else(handed).or_else(|| said(segment.after.at + 1)).or_else(|| said(segment.after.at))
}
