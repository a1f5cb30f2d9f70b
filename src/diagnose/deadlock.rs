//! Kind `deadlock`: lanes that wait for each other in a circle, or one that waits for itself.

use super::{Actor, Certainty, Diagnosis, Evidence, Finding, Resource};
use crate::causality::{CausalGraph, LaneIndex};
use crate::record::readings::WaitEvent;

pub struct Deadlock;

impl Diagnosis for Deadlock {
    fn kind(&self) -> &'static str {
        "deadlock"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut found: Vec<Vec<LaneIndex>> = Vec::new();
        for lane in graph.lane_indexes() {
            if let Some(circle) = circle_from(graph, lane) {
                if !found.iter().any(|known| known.contains(&lane)) {
                    found.push(circle);
                }
            }
        }
        found.iter().map(|circle| describe(graph, circle)).collect()
    }

    fn explain(&self) -> &'static str {
        "deadlock: threads, tasks or processes wait for each other in a circle, so none of them can ever go on.\n\
         Seen by: each one's last wait, who held what it waited for, and what it held itself. Certain when each wait and \
         each owner is on record.\n\
         Helps: take locks in one order everywhere; hold none while waiting for a thread, a queue or a future; use an \
         RLock where one thread takes a lock twice."
    }
}

fn owner(graph: &CausalGraph, lane: LaneIndex) -> Option<(LaneIndex, u64, WaitEvent<'_>)> {
    let kept = graph.lane(lane).waits.at(u64::MAX)?;
    let wait = kept.told().filter(|wait| wait.timeout.is_none())?;
    Some((graph.mentioned(graph.lane(lane).process, wait.owner?)?, kept.seq, wait))
}

/// The circle that the lane is part of, itself first.
fn circle_from(graph: &CausalGraph, lane: LaneIndex) -> Option<Vec<LaneIndex>> {
    let mut circle = vec![lane];
    loop {
        let (next, ..) = owner(graph, *circle.last()?)?;
        if next == lane {
            return Some(circle);
        }
        if circle.contains(&next) {
            return None;
        }
        circle.push(next);
    }
}

fn describe(graph: &CausalGraph, circle: &[LaneIndex]) -> Finding {
    let mut finding = Finding::fault("deadlock", Certainty::Certain, format!("{} threads", circle.len()));
    for lane in circle {
        let Some((holder, seq, wait)) = owner(graph, *lane) else { continue };
        let process = graph.lane(*lane).process;
        let Some(obj) = wait.obj else { continue };
        let resource = Resource::of(graph, process, obj);
        let id = graph.address(*lane);
        let role = format!("waits for {}", resource.called());
        finding.actor(Actor::lane(graph, *lane, role.clone()));
        finding.site(wait.site.as_ref(), role, Some(&id), wait.since.and_then(|since| graph.wall(*lane, since)));
        let holder_id = graph.address(holder);
        let since = wait.held_since.and_then(|since| graph.wall(holder, since));
        finding.site(wait.held_at.as_ref(), format!("holds {}", resource.called()), Some(&holder_id), since);
        finding.resource(resource);
        finding.evidence(graph.id_of(*lane, seq));
    }
    finding
}
