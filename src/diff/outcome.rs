//! Many runs, some that passed and some that failed: what moves with the outcome.
//!
//! Counted, not guessed: each fact is told with the number of runs on either side that have it. With few runs something
//! always divides them; how many ways there are to divide so many runs is said, too.

use std::collections::{BTreeMap, BTreeSet};

use super::account::Account;
use super::facts::{self, Facts};
use super::roles::{RoleId, Roles};
use super::template::NameId;
use crate::causality::NodeRef;

/// A fact that a run has, so many times. What may be a cause stands before what may be its effect: of facts that are as
/// early and divide the runs as well, that is the order in which they are told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// A lane was handed something by one before something by another.
    TookBefore {
        role: RoleId,
        first: (NameId, RoleId),
        second: (NameId, RoleId),
    },
    /// A lock came to a lane from another.
    LockFrom {
        role: RoleId,
        lock: NameId,
        holder: RoleId,
    },
    /// Which lane got an item, the first, second… of a giver.
    Item {
        way: NameId,
        giver: RoleId,
        number: usize,
        receiver: String,
    },
    Began {
        role: RoleId,
        begun: RoleId,
    },
    Took {
        role: RoleId,
        way: NameId,
        giver: RoleId,
    },
    Record {
        role: RoleId,
        what: NameId,
    },
    /// A record of one lane happened before one of another.
    Before {
        first: (RoleId, NameId),
        second: (RoleId, NameId),
    },
    Waited {
        role: RoleId,
        what: NameId,
    },
}

/// A fact that divides the runs that passed from those that failed, more or less well.
#[derive(Debug, Clone, PartialEq)]
pub struct Separator {
    pub feature: Feature,
    /// It is so in a run that has it at least so many times.
    pub at_least: u64,
    pub passed: usize,
    pub failed: usize,
    /// The run, and the first record there, that shows it.
    pub example: Option<(usize, NodeRef)>,
    /// How early that is: 0 at the beginning of the run, 1 at its end.
    pub place: f64,
    /// 1: it divides them exactly.
    pub score: f64,
}

/// What moves with the outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What divides the runs best first; of what divides them equally well, the earliest.
    pub separators: Vec<Separator>,
    /// How many facts are not the same in all runs.
    pub varying: usize,
    /// In how many ways so many runs can be divided into so many that passed and so many that failed.
    pub ways: u128,
    /// A failing run and the passing run that is most like it.
    pub closest: (usize, usize),
}

/// A fact that divides the runs less well than this is not told.
const LEAST: f64 = 0.5;

impl Outcome {
    /// So few runs that something divides them like this by accident.
    pub fn too_few(&self) -> bool {
        self.ways <= self.varying as u128
    }

    pub fn exact(&self) -> usize {
        self.separators.iter().filter(|separator| separator.score >= 1.0).count()
    }
}

/// Holds the runs that passed against those that failed; both are numbers of runs, and neither is empty.
pub fn outcome(runs: &[&Account], roles: &Roles, passed: &[usize], failed: &[usize]) -> Outcome {
    let facts: Vec<Facts> = runs.iter().enumerate().map(|(run, account)| facts::facts(account, roles, run)).collect();
    let all: BTreeSet<&Feature> = facts.iter().flat_map(|facts| facts.keys()).collect();
    let mut varying = 0;
    let mut separators = Vec::new();
    for feature in all {
        let values: Vec<u64> = facts.iter().map(|facts| facts.get(feature).map_or(0, |fact| fact.0)).collect();
        if values.iter().all(|value| *value == values[0]) {
            continue;
        }
        varying += 1;
        let separator = best_division(feature, &values, passed, failed);
        separators.extend(separator.map(|separator| located(separator, runs, &facts, failed)));
    }
    separators.sort_by(|one, other| {
        other.score.total_cmp(&one.score).then(one.place.total_cmp(&other.place)).then(one.feature.cmp(&other.feature))
    });
    Outcome {
        separators: without_repetition(separators),
        varying,
        ways: ways(runs.len(), failed.len()),
        closest: closest(&facts, passed, failed),
    }
}

/// The number of times from which on the fact divides the runs best.
fn best_division(feature: &Feature, values: &[u64], passed: &[usize], failed: &[usize]) -> Option<Separator> {
    let thresholds: BTreeSet<u64> = values.iter().copied().filter(|value| *value > 0).collect();
    let mut best: Option<Separator> = None;
    for at_least in thresholds {
        let having = |runs: &[usize]| runs.iter().filter(|run| values[**run] >= at_least).count();
        let (with_pass, with_fail) = (having(passed), having(failed));
        let score = (with_fail as f64 / failed.len() as f64 - with_pass as f64 / passed.len() as f64).abs();
        if score > best.as_ref().map_or(LEAST, |best| best.score) || (best.is_none() && score >= LEAST) {
            let (passed, failed) = (with_pass, with_fail);
            let feature = feature.clone();
            best = Some(Separator { feature, at_least, passed, failed, example: None, place: 1.0, score });
        }
    }
    best
}

/// With the record that shows it: in a failing run where there is one, else in a passing one.
fn located(mut separator: Separator, runs: &[&Account], facts: &[Facts], failed: &[usize]) -> Separator {
    let order = failed.iter().copied().chain((0..runs.len()).filter(|run| !failed.contains(run)));
    let enough = order.filter_map(|run| {
        let (times, at) = facts[run].get(&separator.feature)?;
        (*times >= separator.at_least).then_some((run, (*at)?))
    });
    // The first of the earliest side that has it: failing runs before passing ones.
    if let Some((run, at)) = enough.into_iter().next() {
        let total: usize = runs[run].graph.lanes.iter().map(|lane| lane.nodes.len()).sum();
        separator.place = runs[run].place(at) as f64 / total.max(1) as f64;
        separator.example = Some((run, at));
    }
    separator
}

/// Without what another fact says that divides the runs as well: an order of which the opposite is told, and that one
/// record came before another where one of them alone tells as much.
fn without_repetition(separators: Vec<Separator>) -> Vec<Separator> {
    let mut told: BTreeSet<(RoleId, NameId)> = BTreeSet::new();
    let mut kept: Vec<Separator> = Vec::new();
    let score_of = |feature: Feature| separators.iter().find(|one| one.feature == feature).map_or(0.0, |one| one.score);
    for separator in &separators {
        let is_new = match &separator.feature {
            Feature::Before { first, second } => {
                let record = |(role, what): (RoleId, NameId)| score_of(Feature::Record { role, what });
                record(*first).max(record(*second)) < separator.score && told.insert(*second)
            }
            Feature::LockFrom { role, lock, holder } => {
                let opposite = Feature::LockFrom { role: *holder, lock: *lock, holder: *role };
                !kept.iter().any(|known| known.feature == opposite && known.score >= separator.score)
            }
            Feature::TookBefore { role, first, second } => {
                let opposite = Feature::TookBefore { role: *role, first: *second, second: *first };
                !kept.iter().any(|known| known.feature == opposite && known.score >= separator.score)
            }
            _ => true,
        };
        if is_new {
            kept.push(separator.clone());
        }
    }
    kept
}

/// How many subsets of so many there are in so many; as many as can be counted where there are more.
fn ways(all: usize, some: usize) -> u128 {
    let some = some.min(all - some) as u128;
    (0..some).fold(1_u128, |ways, taken| ways.saturating_mul(all as u128 - taken) / (taken + 1))
}

/// The failing and the passing run between which the fewest facts of what was written and handed over differ.
fn closest(facts: &[Facts], passed: &[usize], failed: &[usize]) -> (usize, usize) {
    let plain = |facts: &Facts| -> BTreeMap<Feature, u64> {
        let plain = facts.iter().filter(|(feature, _)| {
            matches!(feature, Feature::Record { .. } | Feature::Took { .. } | Feature::Began { .. })
        });
        plain.map(|(feature, (times, _))| (feature.clone(), *times)).collect()
    };
    let plain: Vec<BTreeMap<Feature, u64>> = facts.iter().map(plain).collect();
    let apart = |one: usize, other: usize| {
        let (one, other) = (&plain[one], &plain[other]);
        let differing = one.iter().filter(|(feature, times)| other.get(feature) != Some(times)).count();
        differing + other.keys().filter(|feature| !one.contains_key(feature)).count()
    };
    let pairs = failed.iter().flat_map(|fail| passed.iter().map(move |pass| (*fail, *pass)));
    pairs.min_by_key(|(fail, pass)| apart(*fail, *pass)).unwrap_or_default()
}
