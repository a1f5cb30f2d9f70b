//! Kind `lock-order`: locks that were taken in one order here and in another order there, on a run that passed.
//!
//! Goodlock over the `nest` records: a circle of "took this while holding that", each step by another lane, with no lock
//! held in all of them, and with nothing but locks to keep the lanes apart in time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::wording::{list, name_of};
use super::{Actor, Certainty, Diagnosis, Evidence, Finding, Resource};
use crate::causality::{CausalGraph, LaneIndex, NodeRef, ProcessIndex, Reading};
use crate::record::{EventKind, Site};

pub struct LockOrder;

/// Circles of more locks than this are not looked for, nor more of them than can be read.
const LONGEST: usize = 4;
const MOST: usize = 20;
/// So many steps of the search; beyond, what was found is told.
const STEPS: usize = 200_000;
/// Of so many records it is worked out what came before them.
const PASTS: usize = 200;

impl Diagnosis for LockOrder {
    fn kind(&self) -> &'static str {
        "lock-order"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut found = Vec::new();
        for process in (0..graph.processes.len()).map(ProcessIndex) {
            let nestings = in_circles(nestings(graph, process));
            if nestings.len() > 1 {
                let mut search = Search::among(graph, &nestings);
                search.run();
                found.extend(search.found.iter().map(|circle| describe(graph, process, circle)));
            }
        }
        found
    }

    fn explain(&self) -> &'static str {
        "lock-order: two or more locks are taken in different orders by different threads. This run passed; another one may \
         stop for ever.\n\
         Seen by: which lock was taken while which others were held, by whom. Only where each step is another thread's, no \
         lock is held around all of them, and no start, join or hand-over keeps the threads apart. It is about the locks \
         themselves, not about the places that made them; tries that do not block are left out. Only possible where records are missing that may have kept the threads apart.\n\
         Helps: take locks in one order everywhere; or one lock around both."
    }
}

/// A lane took `taken` while it held `held`.
struct Nesting {
    held: String,
    taken: String,
    /// Everything that it held then.
    all_held: BTreeSet<String>,
    at: NodeRef,
    held_at: Option<Site>,
    taken_at: Option<Site>,
}

fn nestings(graph: &CausalGraph, process: ProcessIndex) -> Vec<Nesting> {
    let mut found: Vec<Nesting> = Vec::new();
    let waited_for = waited_for(graph, process);
    for observed in graph.observed.of_process(EventKind::Nest, process) {
        let Some(nest) = observed.event.nest() else { continue };
        let Some((taken, at)) = nest.obj.zip(graph.find(observed.lane, observed.seq)) else { continue };
        let all_held: BTreeSet<String> = nest.held.iter().map(|held| held.obj.to_owned()).collect();
        // Taking again what one has blocks nobody. A lock that a lane waits for at the end is a hang's affair.
        if all_held.contains(taken) || waited_for.contains(taken) {
            continue;
        }
        for held in nest.held.iter().filter(|held| !held.obj.is_empty()) {
            found.push(Nesting {
                held: held.obj.to_owned(),
                taken: taken.to_owned(),
                all_held: all_held.clone(),
                at,
                held_at: held.site.clone(),
                taken_at: nest.site.clone(),
            });
        }
    }
    found
}

/// The objects that lanes of the process wait for at its end.
fn waited_for(graph: &CausalGraph, process: ProcessIndex) -> HashSet<&str> {
    let unended = graph.processes[process.0].lanes.iter().map(|lane| graph.lane(*lane));
    let waits = unended.filter(|facts| facts.end.is_none()).filter_map(|facts| facts.waits.at(u64::MAX));
    waits.filter_map(|wait| wait.told()?.obj).collect()
}

/// Leaves out, again and again, what no circle can go through: a lock that is never taken under another one, or under
/// which none is. What is right takes locks in one order, and nothing is left.
fn in_circles(mut nestings: Vec<Nesting>) -> Vec<Nesting> {
    loop {
        let before = nestings.len();
        let held: HashSet<String> = nestings.iter().map(|nesting| nesting.held.clone()).collect();
        let taken: HashSet<String> = nestings.iter().map(|nesting| nesting.taken.clone()).collect();
        nestings.retain(|nesting| taken.contains(&nesting.held) && held.contains(&nesting.taken));
        if nestings.len() == before {
            return nestings;
        }
    }
}

struct Search<'a> {
    graph: &'a CausalGraph,
    nestings: &'a [Nesting],
    /// By the lock that was held.
    under: HashMap<&'a str, Vec<&'a Nesting>>,
    /// What came before a nesting's record, by lane, without the order of locks.
    past: HashMap<NodeRef, BTreeMap<LaneIndex, NodeRef>>,
    found: Vec<Vec<&'a Nesting>>,
    /// Sets of locks that a circle was found for.
    seen: BTreeSet<BTreeSet<&'a str>>,
    steps: usize,
}

impl<'a> Search<'a> {
    fn among(graph: &'a CausalGraph, nestings: &'a [Nesting]) -> Search<'a> {
        let mut under: HashMap<&str, Vec<&Nesting>> = HashMap::new();
        for nesting in nestings {
            under.entry(&nesting.held).or_default().push(nesting);
        }
        let (past, found, seen) = (HashMap::new(), Vec::new(), BTreeSet::new());
        Search { graph, nestings, under, past, found, seen, steps: 0 }
    }

    fn run(&mut self) {
        for first in self.nestings {
            self.extend(&mut vec![first]);
        }
    }

    fn extend(&mut self, path: &mut Vec<&'a Nesting>) {
        let (Some(first), Some(last)) = (path.first().copied(), path.last().copied()) else { return };
        for next in self.under.get(last.taken.as_str()).cloned().unwrap_or_default() {
            self.steps += 1;
            if self.steps > STEPS || self.found.len() >= MOST {
                return;
            }
            if !may_stand_beside(path, next) {
                continue;
            }
            path.push(next);
            if next.taken == first.held {
                self.close(path);
            } else if path.len() < LONGEST {
                self.extend(path);
            }
            path.pop();
        }
    }

    /// Keeps the circle unless one of the same locks is known, or more than locks orders its steps.
    fn close(&mut self, path: &[&'a Nesting]) {
        let locks: BTreeSet<&str> = path.iter().map(|step| step.held.as_str()).collect();
        if !self.seen.contains(&locks) && self.are_unordered(path) {
            self.seen.insert(locks);
            self.found.push(path.to_vec());
        }
    }

    fn are_unordered(&mut self, path: &[&Nesting]) -> bool {
        for step in path {
            if !self.past.contains_key(&step.at) {
                if self.past.len() >= PASTS {
                    return false;
                }
                let mut past = self.graph.ancestors(step.at, Reading::NoLock);
                past.retain(|lane, _| self.nestings.iter().any(|nesting| nesting.at.lane == *lane));
                self.past.insert(step.at, past);
            }
        }
        let comes_before = |earlier: &Nesting, later: &Nesting| {
            let past = self.past.get(&later.at).and_then(|past| past.get(&earlier.at.lane));
            past.is_some_and(|last| earlier.at.at <= last.at)
        };
        let others =
            |step: &Nesting| path.iter().filter(|other| other.at != step.at).any(|other| comes_before(other, step));
        !path.iter().any(|step| others(step))
    }
}

/// The step is another lane's, under no lock that one of the others was under.
fn may_stand_beside(path: &[&Nesting], next: &Nesting) -> bool {
    path.iter().all(|step| step.at.lane != next.at.lane && step.all_held.is_disjoint(&next.all_held))
}

/// Whether what is not on record may have kept the lanes apart: a stamp that was lost is an order that is not known.
fn may_be_ordered(graph: &CausalGraph, circle: &[&Nesting]) -> bool {
    let lanes: BTreeSet<LaneIndex> = circle.iter().map(|step| step.at.lane).collect();
    !graph.damage_around(&lanes).is_empty()
}

fn describe(graph: &CausalGraph, process: ProcessIndex, circle: &[&Nesting]) -> Finding {
    let resources: Vec<Resource> = circle.iter().map(|step| Resource::of(graph, process, &step.held)).collect();
    let called = |obj: &str| {
        let place = circle.iter().position(|step| step.held == obj);
        place.map_or_else(|| obj.to_owned(), |place| resources[place].called())
    };
    let names: Vec<String> = resources.iter().map(Resource::called).collect();
    let title = format!("{} are taken in different orders", list(&names));
    let certainty = if may_be_ordered(graph, circle) { Certainty::Possible } else { Certainty::Likely };
    let mut finding = Finding::fault("lock-order", certainty, title);
    let mut orders = Vec::new();
    for step in circle {
        let lane: LaneIndex = step.at.lane;
        let (held, taken) = (called(&step.held), called(&step.taken));
        let actor = Actor::lane(graph, lane, format!("takes {taken} while it holds {held}"));
        finding.site(step.held_at.as_ref(), format!("takes {held}"), Some(&actor.id), None);
        finding.site(step.taken_at.as_ref(), format!("takes {taken} while it holds {held}"), Some(&actor.id), None);
        orders.push(format!("{held} → {taken} in {}", name_of(graph, lane)));
        finding.actor(actor);
        finding.evidence(graph.id(step.at));
    }
    finding.since = circle.iter().map(|step| graph.node(step.at).ts).max();
    finding.summary =
        format!("{}, with no lock around them: this run passed, another may stop for ever.", orders.join(", "));
    finding.fix = "take them in one order everywhere, or one lock around both".to_owned();
    resources.into_iter().for_each(|resource| finding.resource(resource));
    finding
}
