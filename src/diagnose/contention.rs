//! Kinds `contention` and `starvation`: time that lanes lost waiting for locks, and lanes that others overtook.

use super::wording::{counted, lasting, list, name_of};
use super::{Actor, Certainty, Diagnosis, Evidence, Finding, Resource};
use crate::causality::{CausalGraph, Observed};
use crate::record::EventKind;

pub struct Contention;
pub struct Starvation;

/// Less time, ns, and fewer waits for a lock than these are nobody's concern.
const MUCH: u64 = 1_000_000_000;
const MANY: u64 = 10;
/// A lane that waits longer than this, ns, while one other goes by so often, starves.
const LONG: u64 = 1_000_000_000;
const OFTEN: u64 = 5;
const OVERTAKERS: usize = 6;

impl Diagnosis for Contention {
    fn kind(&self) -> &'static str {
        "contention"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut found = Vec::new();
        for observed in graph.observed.of(EventKind::Exit) {
            let Some(exit) = observed.event.exit() else { continue };
            for lock in exit.locks {
                let (Some(obj), Some(contended), Some(waited)) = (lock.obj, lock.contended, lock.waited) else {
                    continue;
                };
                if contended < MANY || waited < MUCH {
                    continue;
                }
                let resource = Resource::of(graph, observed.process, obj);
                let times = counted(contended, "wait");
                let lost = lasting(waited / 1_000_000);
                let title = format!("{lost} lost in {times} for {}", resource.called());
                let mut finding = Finding::observation(self.kind(), Certainty::Possible, title);
                finding.summary = format!("Lanes waited {lost} altogether for {}, in {times}.", resource.called());
                finding.fix = "hold it for less, or divide what it guards".to_owned();
                finding.resource(resource);
                finding.evidence(graph.id_of(observed.lane, observed.seq));
                found.push(finding);
            }
        }
        found
    }

    fn explain(&self) -> &'static str {
        "contention: lanes lost more than a second altogether waiting for a lock that others held.\n\
         Seen by: what each lock counted up to the end of its process. An observation: a lock is there to be waited for.\n\
         Helps: hold it for less; do slow work before taking it; divide what it guards."
    }
}

impl Diagnosis for Starvation {
    fn kind(&self) -> &'static str {
        "starvation"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let waits = graph.observed.of(EventKind::Got).filter_map(|got| starved(graph, got));
        let mut worst: Vec<Starved> = Vec::new();
        for starved in waits {
            match worst.iter_mut().find(|known| known.is_like(&starved)) {
                Some(known) if known.waited < starved.waited => *known = starved,
                Some(_) => {}
                None => worst.push(starved),
            }
        }
        worst.iter().map(|starved| describe(graph, starved)).collect()
    }

    fn explain(&self) -> &'static str {
        "starvation: a lane waited for over a second for something that others got again and again meanwhile.\n\
         Seen by: who got it between the beginning and the end of the wait. Likely where one lane passed five times or \
         more.\n\
         Helps: hold the lock for less and let go of it for a moment between two rounds; a queue or a Condition instead \
         of a loop that takes the lock again at once."
    }
}

/// One wait in which others went by.
struct Starved<'a> {
    observed: &'a Observed,
    obj: &'a str,
    waited: u64,
    passed: Vec<(&'a str, u64)>,
}

impl Starved<'_> {
    fn is_like(&self, other: &Starved) -> bool {
        (self.observed.lane, self.obj) == (other.observed.lane, other.obj)
    }
}

fn starved<'a>(graph: &CausalGraph, observed: &'a Observed) -> Option<Starved<'a>> {
    let got = observed.event.got()?;
    let waited = got.waited.filter(|waited| *waited > LONG)?;
    let own = graph.lane(observed.lane).lane.to_string();
    let mut passed: Vec<(&str, u64)> = got.passed.into_iter().filter(|(lane, _)| *lane != own).collect();
    passed.sort_by_key(|(lane, n)| (u64::MAX - n, *lane));
    let again_and_again = passed.first().is_some_and(|(_, n)| *n >= OFTEN);
    again_and_again.then_some(Starved { observed, obj: got.obj?, waited, passed })
}

fn describe(graph: &CausalGraph, starved: &Starved) -> Finding {
    let Starved { observed, obj, waited, passed } = starved;
    let resource = Resource::of(graph, observed.process, obj);
    let (name, called) = (name_of(graph, observed.lane), resource.called());
    let waited = lasting(waited / 1_000_000);
    let title = format!("{name} waited {waited} for {called} while others went by");
    let mut finding = Finding::fault("starvation", Certainty::Likely, title);
    let wait = graph.lane(observed.lane).waits.at(observed.mono.saturating_sub(1)).and_then(|wait| wait.told());
    let actor = Actor::lane(graph, observed.lane, format!("waited {waited} for {called}"));
    if let Some(wait) = wait.filter(|wait| wait.obj == Some(obj)) {
        finding.site(wait.site.as_ref(), format!("waits for {called}"), Some(&actor.id), None);
        let owner = wait.owner.and_then(|owner| graph.mentioned(observed.process, owner));
        let owner = owner.map(|owner| graph.address(owner));
        finding.site(wait.held_at.as_ref(), format!("takes {called} again and again"), owner.as_deref(), None);
    }
    finding.actor(actor);
    let mut names = Vec::new();
    for (lane, n) in passed.iter().take(OVERTAKERS) {
        let Some(lane) = graph.mentioned(observed.process, lane) else { continue };
        finding.actor(Actor::lane(graph, lane, format!("got it {} meanwhile", counted(*n, "time"))));
        names.push(format!("{} ({})", name_of(graph, lane), counted(*n, "time")));
    }
    finding.summary = format!("{name} waited {waited} for {called}, which meanwhile went to {}.", list(&names));
    finding.fix = format!("hold {called} for less, and do not take it again at once");
    finding.resource(resource);
    finding.evidence(graph.id_of(observed.lane, observed.seq));
    finding.until = Some(observed.ts);
    finding
}
