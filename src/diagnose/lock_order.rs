//! Kind `lock-order`: locks that were taken in one order here and in another order there, on a run that passed.
//!
//! Goodlock over the `nest` records: a circle of "took this while holding that", each step by another lane, with no lock
//! held in all of them, and with nothing but locks to keep the lanes apart in time.

use std::collections::BTreeSet;

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

impl Diagnosis for LockOrder {
    fn kind(&self) -> &'static str {
        "lock-order"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut found = Vec::new();
        for process in (0..graph.processes.len()).map(ProcessIndex) {
            let nestings = nestings(graph, process);
            if nestings.len() > 1 {
                let mut search =
                    Search { graph, nestings: &nestings, found: Vec::new(), seen: BTreeSet::new(), steps: 0 };
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
         themselves, not about the places that made them; tries that do not block are left out.\n\
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
    for observed in graph.observed.of_process(EventKind::Nest, process) {
        let Some(nest) = observed.event.nest() else { continue };
        let Some((taken, at)) = nest.obj.zip(graph.find(observed.lane, observed.seq)) else { continue };
        let all_held: BTreeSet<String> = nest.held.iter().map(|held| held.obj.to_owned()).collect();
        // Taking again what one has blocks nobody. A lock that a lane waits for at the end is a hang's affair.
        if all_held.contains(taken) || is_waited_for(graph, process, taken) {
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

fn is_waited_for(graph: &CausalGraph, process: ProcessIndex, obj: &str) -> bool {
    graph.processes[process.0].lanes.iter().any(|lane| {
        let facts = graph.lane(*lane);
        let wait = facts.waits.at(u64::MAX).filter(|_| facts.end.is_none());
        wait.and_then(|wait| wait.told()?.obj.map(|own| own == obj)).unwrap_or(false)
    })
}

struct Search<'a> {
    graph: &'a CausalGraph,
    nestings: &'a [Nesting],
    found: Vec<Vec<&'a Nesting>>,
    /// Sets of locks that a circle was found for.
    seen: BTreeSet<BTreeSet<&'a str>>,
    steps: usize,
}

impl<'a> Search<'a> {
    fn run(&mut self) {
        let nestings = self.nestings;
        for first in nestings {
            self.extend(&mut vec![first]);
        }
    }

    fn extend(&mut self, path: &mut Vec<&'a Nesting>) {
        let nestings = self.nestings;
        let (Some(first), Some(last)) = (path.first().copied(), path.last().copied()) else { return };
        for next in nestings.iter().filter(|next| next.held == last.taken) {
            self.steps += 1;
            if self.steps > STEPS || self.found.len() >= MOST {
                return;
            }
            if !self.may_meet(path, next) {
                continue;
            }
            path.push(next);
            if next.taken == first.held {
                let locks: BTreeSet<&str> = path.iter().map(|step| step.held.as_str()).collect();
                if self.seen.insert(locks) {
                    self.found.push(path.clone());
                }
            } else if path.len() < LONGEST {
                self.extend(path);
            }
            path.pop();
        }
    }

    /// The step is another lane's, under no lock that one of the others was under, and nothing but locks orders it.
    fn may_meet(&self, path: &[&Nesting], next: &Nesting) -> bool {
        path.iter().all(|step| {
            step.at.lane != next.at.lane
                && step.all_held.is_disjoint(&next.all_held)
                && !self.graph.before(step.at, next.at, Reading::NoLock)
                && !self.graph.before(next.at, step.at, Reading::NoLock)
        })
    }
}

fn describe(graph: &CausalGraph, process: ProcessIndex, circle: &[&Nesting]) -> Finding {
    let resources: Vec<Resource> = circle.iter().map(|step| Resource::of(graph, process, &step.held)).collect();
    let called = |obj: &str| {
        let place = circle.iter().position(|step| step.held == obj);
        place.map_or_else(|| obj.to_owned(), |place| resources[place].called())
    };
    let names: Vec<String> = resources.iter().map(Resource::called).collect();
    let title = format!("{} are taken in different orders", list(&names));
    let mut finding = Finding::fault("lock-order", Certainty::Likely, title);
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
