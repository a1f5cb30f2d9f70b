//! Two runs counted: how often lanes of a role wrote what, how many such lanes there were, how long they lived and waited.

use std::collections::BTreeMap;

use super::account::Account;
use super::roles::{RoleId, Roles};
use super::steps::tells_something;
use super::template::NameId;
use crate::causality::{LaneIndex, NodeRef};

/// What does not agree, the earliest first.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub records: Vec<Count>,
    pub lanes: Vec<Count>,
    /// Durations that differ much. They say nothing of whether the runs did the same.
    pub lasting: Vec<Lasting>,
}

/// How often there is something in either run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    pub role: RoleId,
    /// `None`: lanes of that role.
    pub what: Option<NameId>,
    pub one: u64,
    pub other: u64,
    /// The first of them in either run.
    pub first: (Option<NodeRef>, Option<NodeRef>),
}

/// How long something took in either run, ns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lasting {
    /// `None`: the run.
    pub role: Option<RoleId>,
    /// What was waited for, all waits of the role together; `None`: the longest life of such a lane.
    pub wait: Option<NameId>,
    pub one: u64,
    pub other: u64,
}

/// Durations differ much where one is so many times the other, and by so much, ns.
const MUCH: u64 = 3;
const NOTABLE: u64 = 100_000_000;

type Counts = BTreeMap<(RoleId, Option<NameId>), (u64, Option<NodeRef>)>;

impl Tally {
    pub fn of(one: &Account, other: &Account, roles: &Roles) -> Tally {
        let (ours, theirs) = (counts(one, roles, 0), counts(other, roles, 1));
        let mut differing: Vec<Count> = Vec::new();
        for key in ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(key))) {
            let side = |counts: &Counts| counts.get(key).copied().unwrap_or((0, None));
            let (ours, theirs) = (side(&ours), side(&theirs));
            if ours.0 != theirs.0 {
                let (role, what) = *key;
                differing.push(Count { role, what, one: ours.0, other: theirs.0, first: (ours.1, theirs.1) });
            }
        }
        let place = |account: &Account, at: Option<NodeRef>| at.map_or(usize::MAX, |at| account.place(at));
        differing.sort_by_key(|count| place(one, count.first.0).min(place(other, count.first.1)));
        let (lanes, records) = differing.into_iter().partition(|count| count.what.is_none());
        Tally { records, lanes, lasting: lasting(one, other, roles) }
    }

    pub fn is_even(&self) -> bool {
        self.records.is_empty() && self.lanes.is_empty()
    }
}

/// What lanes of each role wrote, and how many of them there are.
fn counts(account: &Account, roles: &Roles, run: usize) -> Counts {
    let mut counts = Counts::new();
    let mut count = |key, at: NodeRef| {
        let entry = counts.entry(key).or_insert((0, None));
        entry.0 += 1;
        if entry.1.is_none_or(|first| account.place(at) < account.place(first)) {
            entry.1 = Some(at);
        }
    };
    for lane in account.lanes() {
        let Some(role) = roles.role(run, lane) else { continue };
        if let Some(first) = account.graph.nodes_of(lane).next().filter(|_| tells_something(account, lane)) {
            count((role, None), first);
        }
        // A task that only began and ended is on record where that took long.
        let silent = !tells_something(account, lane) && account.graph.lane(lane).logs == 0;
        for at in account.graph.nodes_of(lane).filter(|_| !silent) {
            if let Some(what) = account.template(at) {
                count((role, Some(what)), at);
            }
        }
    }
    counts
}

/// Durations that differ much: the run's, the lanes', and what they waited.
fn lasting(one: &Account, other: &Account, roles: &Roles) -> Vec<Lasting> {
    let (ours, theirs) = (durations(one, roles, 0), durations(other, roles, 1));
    let mut lasting = Vec::new();
    for key in ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(key))) {
        let (one, other) = (ours.get(key).copied().unwrap_or(0), theirs.get(key).copied().unwrap_or(0));
        let (less, more) = (one.min(other), one.max(other));
        if more - less >= NOTABLE && more / MUCH >= less {
            lasting.push(Lasting { role: key.0, wait: key.1, one, other });
        }
    }
    lasting.sort_by_key(|lasting| (std::cmp::Reverse(lasting.one.abs_diff(lasting.other)), lasting.role, lasting.wait));
    lasting
}

fn durations(account: &Account, roles: &Roles, run: usize) -> BTreeMap<(Option<RoleId>, Option<NameId>), u64> {
    let mut durations = BTreeMap::new();
    let (mut began, mut ended) = (u64::MAX, 0);
    for lane in account.lanes() {
        let Some(role) = roles.role(run, lane) else { continue };
        let facts = account.graph.lane(lane);
        let (Some(first), Some(last)) = (facts.first(), facts.last()) else { continue };
        (began, ended) = (began.min(first.mono), ended.max(last.mono));
        let longest: &mut u64 = durations.entry((Some(role), None)).or_default();
        *longest = (*longest).max(last.mono.saturating_sub(first.mono));
    }
    durations.insert((None, None), ended.saturating_sub(began));
    for ((lane, what), (_, waited)) in &account.waits {
        let lane: LaneIndex = *lane;
        if let Some(role) = roles.role(run, lane) {
            let all: &mut u64 = durations.entry((Some(role), Some(*what))).or_default();
            *all = all.saturating_add(*waited);
        }
    }
    durations
}
