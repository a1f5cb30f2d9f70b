//! Kind `lost-work`: a process ended while a queue still held items and the daemon thread that worked them off was busy.
//!
//! Both are needed: what is left in a queue whose reader had ended well may be a stop sign that nobody needed.

use super::wording::{at, counted, list, name_of, place};
use super::{Actor, Certainty, Diagnosis, Evidence, Finding, Resource};
use crate::causality::{CausalGraph, LaneIndex, Observed};
use crate::record::readings::{DaemonLeft, ExitEvent, QueueLeft};
use crate::record::{EventKind, Site};

pub struct LostWork;

const CONSUMERS: usize = 4;
const PRODUCERS: usize = 2;

impl Diagnosis for LostWork {
    fn kind(&self) -> &'static str {
        "lost-work"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut found = Vec::new();
        for observed in graph.observed.of(EventKind::Exit) {
            let Some(exit) = observed.event.exit() else { continue };
            found.extend(exit.queues.iter().filter_map(|queue| describe(graph, observed, &exit, queue)));
        }
        found
    }

    fn explain(&self) -> &'static str {
        "lost-work: the process ended while a queue still held items, and the daemon thread that takes them was in the \
         midst of one. A daemon thread is cut off where it stands.\n\
         Seen by: what was in each queue at the exit, who had taken items, and where each daemon thread was. Certain with \
         two items or more; likely with one, which may be a stop sign.\n\
         Helps: put a stop sign and join the thread before the program ends; or queue.join(); or no daemon thread."
    }
}

/// A daemon thread that took items from the queue and was cut off.
struct Consumer<'a> {
    lane: LaneIndex,
    taken: u64,
    left: Option<&'a DaemonLeft<'a>>,
}

fn describe(graph: &CausalGraph, observed: &Observed, exit: &ExitEvent, queue: &QueueLeft) -> Option<Finding> {
    let items = queue.items.filter(|items| *items > 0)?;
    let obj = queue.obj?;
    let takers = queue.getters.iter().filter_map(|(lane, n)| Some((graph.mentioned(observed.process, lane)?, *n)));
    let cut_off = takers.filter_map(|(lane, taken)| {
        let own = graph.lane(lane).lane.to_string();
        let left = exit.daemons.iter().find(|daemon| daemon.lane == Some(&own));
        let is_daemon = graph.lane(lane).daemon && graph.lane(lane).end.is_none();
        // One that waits for work, though there was some, is not the one that would have done it.
        let is_busy = left.and_then(|left| left.busy).unwrap_or(true);
        (is_daemon && is_busy).then_some(Consumer { lane, taken, left })
    });
    let mut consumers: Vec<Consumer> = cut_off.collect();
    if consumers.is_empty() {
        return None;
    }
    consumers.sort_by_key(|consumer| (u64::MAX - consumer.taken, consumer.lane));
    let resource = Resource::of(graph, observed.process, obj);
    let names: Vec<String> = consumers.iter().map(|consumer| name_of(graph, consumer.lane)).collect();
    let certainty = if items > 1 { Certainty::Certain } else { Certainty::Likely };
    let called = resource.called();
    let title = format!("{} left in {called}", counted(items, "item"));
    let mut finding = Finding::fault("lost-work", certainty, title);
    for consumer in consumers.iter().take(CONSUMERS) {
        let own = graph.lane(consumer.lane).lane.to_string();
        let site = queue.got_at.iter().find(|(lane, _)| *lane == own).map(|(_, site)| site);
        add_consumer(&mut finding, graph, consumer, site, &called);
    }
    for (name, n) in queue.putters.iter().take(PRODUCERS) {
        let Some(lane) = graph.mentioned(observed.process, name) else { continue };
        let actor = Actor::lane(graph, lane, format!("put {}", counted(*n, "item")));
        let site = queue.put_at.iter().find(|(lane, _)| lane == name).map(|(_, site)| site);
        finding.site(site, format!("puts into {called}"), Some(&actor.id), None);
        finding.actor(actor);
    }
    let taken: u64 = queue.getters.iter().map(|(_, n)| n).sum();
    let doing = consumers[0].left.and_then(|left| left.stack.first());
    finding.summary = format!(
        "The process ended with {} in {called} ({taken} had been taken), while daemon thread {} was busy{} and was cut off.",
        counted(items, "item"),
        list(&names),
        at(doing),
    );
    finding.fix = format!("put a stop sign into {called} and join {} before the program ends", list(&names));
    finding.resource(resource);
    finding.evidence(graph.id_of(observed.lane, observed.seq));
    finding.since = Some(observed.ts);
    Some(finding)
}

fn add_consumer(finding: &mut Finding, graph: &CausalGraph, consumer: &Consumer, takes: Option<&Site>, queue: &str) {
    let role = format!("daemon thread, took {} from {queue}, was cut off", counted(consumer.taken, "item"));
    let actor = Actor::lane(graph, consumer.lane, role);
    finding.site(takes, format!("takes from {queue}"), Some(&actor.id), None);
    let created: Option<&Site> = graph.lane(consumer.lane).site.as_ref();
    finding.site(created, "starts the daemon thread", Some(&actor.id), None);
    let stack = consumer.left.map_or(&[][..], |left| &left.stack);
    for (depth, site) in stack.iter().take(3).enumerate() {
        let role = if depth == 0 { format!("cut off here, at {}", place(site)) } else { "called from here".to_owned() };
        finding.site(Some(site), role, Some(&actor.id), None);
    }
    finding.actor(actor);
}
