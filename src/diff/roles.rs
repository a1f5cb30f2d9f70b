//! Which lanes of several runs stand for each other: those of one process made at one place for one purpose. Lanes of one
//! role within a run are interchangeable.

use std::collections::{BTreeMap, BTreeSet};

use super::account::Account;
use super::template::{Place, masked};
use crate::causality::LaneIndex;
use crate::record::{Lane, LaneKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleId(pub usize);

/// What lanes have in common that stand for each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// What to call such a lane: its name, with each number in it as `#`.
    pub name: String,
    /// The process where that is not the root.
    pub process: String,
    kind: LaneKind,
    function: Option<String>,
    /// Where such lanes are made.
    pub place: Option<Place>,
}

/// The roles of the lanes of several runs.
#[derive(Debug, Default)]
pub struct Roles {
    all: Vec<Role>,
    /// By run and lane; `None` for a lane that is not the program's.
    of: Vec<Vec<Option<RoleId>>>,
}

impl Roles {
    /// What the lanes of these runs have in common. A name that differs between the runs is left out where lanes are made
    /// at one place (names are made up of what is worked on, or at random); so is the place where numbered lanes of one
    /// name are made, when that differs (a pool makes its workers wherever something is submitted).
    pub fn of(runs: &[&Account]) -> Roles {
        let own: Vec<Vec<(LaneIndex, Role)>> = runs.iter().map(|run| own_roles(run)).collect();
        let own = without(own, |role| Role { name: String::new(), ..role.clone() }, |_| true);
        let own = without(own, |role| Role { place: None, ..role.clone() }, |role| role.name.contains('#'));
        let mut numbers: BTreeMap<Role, RoleId> = BTreeMap::new();
        let mut roles = Roles::default();
        for (run, lanes) in runs.iter().zip(own) {
            let mut of = vec![None; run.graph.lanes.len()];
            for (lane, role) in lanes {
                let next = RoleId(roles.all.len());
                let id = *numbers.entry(role.clone()).or_insert(next);
                if id == next {
                    roles.all.push(role);
                }
                of[lane.0] = Some(id);
            }
            roles.of.push(of);
        }
        roles
    }

    pub fn get(&self, id: RoleId) -> &Role {
        &self.all[id.0]
    }

    /// The role of a lane of the run that was given as the `run`th.
    pub fn role(&self, run: usize, lane: LaneIndex) -> Option<RoleId> {
        self.of.get(run)?.get(lane.0).copied().flatten()
    }

    /// The roles of two of the runs, which then are number 0 and 1.
    pub fn pair(&self, one: usize, other: usize) -> Roles {
        Roles { all: self.all.clone(), of: vec![self.of[one].clone(), self.of[other].clone()] }
    }

    /// The lanes of each role in a run, in the order in which they were made.
    pub(super) fn lanes(&self, run: usize, account: &Account) -> BTreeMap<RoleId, Vec<LaneIndex>> {
        let mut lanes: BTreeMap<RoleId, Vec<LaneIndex>> = BTreeMap::new();
        for lane in account.lanes() {
            if let Some(role) = self.role(run, lane) {
                lanes.entry(role).or_default().push(lane);
            }
        }
        lanes
    }
}

/// Each lane's own role.
fn own_roles(run: &Account) -> Vec<(LaneIndex, Role)> {
    let graph = &run.graph;
    let role = |lane: LaneIndex| {
        let (facts, process) = (graph.lane(lane), graph.process_of(lane));
        let is_root = process.how.as_deref() == Some("root");
        let main = facts.lane == Lane::MAIN;
        Role {
            name: if main { "MainThread".to_owned() } else { masked(&facts.display_name()) },
            process: if is_root { String::new() } else { masked(&graph.process_name(facts.process)) },
            kind: facts.lane.kind,
            function: facts.function.clone(),
            place: facts.site.as_ref().filter(|_| !main).map(Place::of).or_else(|| {
                let started = process.ppid.and_then(|ppid| graph.processes.iter().find(|parent| parent.pid == ppid));
                started.and_then(|parent| parent.child_sites.get(&process.pid)).map(Place::of)
            }),
        }
    };
    run.lanes().into_iter().map(|lane| (lane, role(lane))).collect()
}

/// The roles, with a part of them left out wherever that part is another in one run than in the others. `less` is the role
/// without the part.
fn without(
    mut runs: Vec<Vec<(LaneIndex, Role)>>,
    less: impl Fn(&Role) -> Role,
    concerns: impl Fn(&Role) -> bool,
) -> Vec<Vec<(LaneIndex, Role)>> {
    let mut seen: BTreeMap<Role, Vec<BTreeSet<Role>>> = BTreeMap::new();
    let count = runs.len();
    for (run, lanes) in runs.iter().enumerate() {
        for (_, role) in lanes.iter().filter(|(_, role)| concerns(role)) {
            seen.entry(less(role)).or_insert_with(|| vec![BTreeSet::new(); count])[run].insert(role.clone());
        }
    }
    seen.retain(|_, sets| contradict(sets));
    for (_, role) in runs.iter_mut().flatten() {
        let rest = less(role);
        if concerns(role) && seen.contains_key(&rest) {
            *role = Role { name: name_of_all(&seen[&rest], role), ..rest };
        }
    }
    runs
}

/// Whether each of two runs has a role that the other lacks: one that only lacks some has fewer such lanes, and calls them
/// the same.
fn contradict(sets: &[BTreeSet<Role>]) -> bool {
    let mut sets: Vec<&BTreeSet<Role>> = sets.iter().collect();
    sets.sort_by_key(|set| set.len());
    sets.windows(2).any(|pair| !pair[0].is_subset(pair[1]))
}

/// The name that these roles share, else what they run, else where they are made.
fn name_of_all(sets: &[BTreeSet<Role>], role: &Role) -> String {
    let mut names = sets.iter().flatten().map(|role| &role.name);
    let first = names.next();
    if let Some(first) = first.filter(|first| names.all(|name| name == *first)) {
        return first.clone();
    }
    role.function.clone().unwrap_or_else(|| "lanes".to_owned())
}
