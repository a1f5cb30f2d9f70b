//! Time by what was waited for: how often, how long, and who had it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Wanted;
use crate::causality::time::{Backlog, ObjectIndex, Outcome, Pause, Place, Schedule, WaitKind};
use crate::causality::{LaneIndex, ProcessIndex};

/// Who had it, or brought it, while others waited: where, and for how much of their time.
#[derive(Debug, Clone)]
pub struct Holder {
    pub lane: LaneIndex,
    pub place: Option<Place>,
    pub ns: u64,
}

/// What lanes waited for.
#[derive(Debug, Clone)]
pub struct ObjectTime {
    pub object: ObjectIndex,
    pub kind: WaitKind,
    /// How often, also where that was shorter than what is written.
    pub waits: u64,
    /// All lanes together.
    pub waited: u64,
    pub longest: u64,
    pub longest_by: Option<(LaneIndex, u64)>,
    /// How many lanes waited.
    pub lanes: usize,
    /// The one of most time first.
    pub holders: Vec<Holder>,
    /// A wait for it never ended.
    pub open: bool,
}

/// A pool in which work had to wait.
#[derive(Debug, Clone)]
pub struct PoolTime {
    pub object: ObjectIndex,
    pub backlog: Backlog,
}

#[derive(Default)]
struct Sum {
    waits: u64,
    waited: u64,
    longest: (u64, Option<(LaneIndex, u64)>),
    lanes: BTreeSet<LaneIndex>,
    holders: HashMap<(LaneIndex, Option<Place>), u64>,
    open: bool,
}

/// What the chosen lanes waited for, that which cost the most first. Waits for the work of others are no matter of an
/// object.
pub(super) fn times(schedule: &Schedule, wanted: &Wanted, from: u64, to: u64) -> Vec<ObjectTime> {
    let chosen: HashSet<LaneIndex> = wanted.lanes.iter().copied().collect();
    let mut sums: BTreeMap<(ObjectIndex, WaitKind), Sum> = BTreeMap::new();
    for pause in schedule.ledger.pauses.iter().filter(|pause| pause.is_for_object() && chosen.contains(&pause.lane)) {
        let Some((object, (since, until))) = pause.object.zip(schedule.span(pause)) else { continue };
        let ns = until.min(to).saturating_sub(since.max(from));
        if ns > 0 {
            sums.entry((object, pause.kind)).or_default().add(schedule, pause, ns);
        }
    }
    // What locks counted is of all lanes, from beginning to end.
    let counted = |object: &ObjectIndex| schedule.ledger.counted.get(object).filter(|_| wanted.is_whole());
    for object in schedule.ledger.counted.keys().filter(|object| counted(object).is_some()) {
        sums.entry((*object, WaitKind::Exclusion)).or_default();
    }
    let finish = |((object, kind), sum): ((ObjectIndex, WaitKind), Sum)| sum.finish(object, kind, counted(&object));
    let mut times: Vec<ObjectTime> = sums.into_iter().map(finish).collect();
    times.sort_by_key(|time| (std::cmp::Reverse(time.waited), time.object));
    times
}

impl Sum {
    fn add(&mut self, schedule: &Schedule, pause: &Pause, ns: u64) {
        self.waits += 1;
        self.waited = self.waited.saturating_add(ns);
        if ns > self.longest.0 {
            self.longest = (ns, Some((pause.lane, pause.wait)));
        }
        self.lanes.insert(pause.lane);
        self.open |= pause.outcome == Outcome::Open;
        if let Some(giver) = giver(schedule, pause) {
            let held = self.holders.entry(giver).or_insert(0);
            *held = held.saturating_add(ns);
        }
    }

    /// A lock has counted all waits for it itself, also those too short to be written.
    fn finish(self, object: ObjectIndex, kind: WaitKind, counted: Option<&(u64, u64)>) -> ObjectTime {
        let (waits, waited) = counted.filter(|_| kind == WaitKind::Exclusion).copied().unwrap_or_default();
        let holders = self.holders.into_iter().map(|((lane, place), ns)| Holder { lane, place, ns });
        let mut holders: Vec<Holder> = holders.collect();
        holders.sort_by_key(|holder| (std::cmp::Reverse(holder.ns), holder.lane, holder.place));
        ObjectTime {
            object,
            kind,
            waits: self.waits.max(waits),
            waited: self.waited.max(waited),
            longest: self.longest.0,
            longest_by: self.longest.1,
            lanes: self.lanes.len(),
            holders,
            open: self.open,
        }
    }
}

/// Who had it when the wait began, or who brought what ended it.
fn giver(schedule: &Schedule, pause: &Pause) -> Option<(LaneIndex, Option<Place>)> {
    let object = pause.object?;
    if let Some(owner) = pause.owners.first() {
        return Some((*owner, pause.held_at));
    }
    let lane = schedule.given_by(pause)?;
    Some((lane, schedule.ledger.handed_at(object, lane)))
}

/// The pools whose work had to wait, of the processes of the chosen lanes.
pub(super) fn pools(schedule: &Schedule, wanted: &Wanted) -> Vec<PoolTime> {
    let processes: HashSet<ProcessIndex> = wanted.lanes.iter().map(|lane| schedule.graph.lane(*lane).process).collect();
    let all = schedule.ledger.backlogs.iter();
    let chosen = all.filter(|(object, _)| processes.contains(&schedule.ledger.object(**object).process));
    let mut pools: Vec<PoolTime> =
        chosen.map(|(object, backlog)| PoolTime { object: *object, backlog: *backlog }).collect();
    pools.sort_by_key(|pool| (std::cmp::Reverse(pool.backlog.longest), pool.object));
    pools
}
