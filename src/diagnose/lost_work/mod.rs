//! Kind `lost-work`: a process ended while a queue still held items and whoever worked them off was busy: a daemon thread,
//! or a task that was cancelled since its loop was closed. Where the queue is one of several processes and a daemon
//! process was cut off, see `between.rs`.
//!
//! Both are needed: what is left in a queue whose reader had ended well may be a stop sign that nobody needed.

mod between;

use super::wording::{at, counted, is_own, list, name_of, place};
use super::{Actor, Certainty, Diagnosis, Evidence, Finding, Resource};
use crate::causality::{CausalGraph, LaneIndex, Observed};
use crate::record::readings::{ExitEvent, QueueLeft};
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
        "lost-work: the process ended while a queue still held items, and the daemon thread or the task that takes them \
         was in the midst of one. A daemon thread is cut off where it stands, a daemon process is ended with the one that \
         started it, and asyncio.run cancels whatever task is left when its own is done.\n\
         Seen by: what was in each queue at the exit, who had taken items, and where each daemon thread, or cancelled \
         task, was. Of a thread it is certain with two items or more, and likely with one, which may be a stop sign, so \
         too of a daemon process, with as many as were cut off; of a task likely with two, where the program ended well and others than the takers put them; otherwise possible.\n\
         Helps: put a stop sign and join the thread, or await the task, before the program ends; or queue.join()."
    }
}

/// One that took items from the queue and was cut off.
struct Consumer {
    lane: LaneIndex,
    taken: u64,
    /// Where it was, the innermost frame first.
    stack: Vec<Site>,
    is_task: bool,
}

impl Consumer {
    /// None of one that ended by itself, or that waited for work: though there was some, it is not the one that would have
    /// done it.
    fn of(
        graph: &CausalGraph,
        exit: &Observed,
        told: &ExitEvent,
        queue: &QueueLeft,
        taker: (&str, u64),
    ) -> Option<Consumer> {
        let (own, taken) = taker;
        let lane = graph.mentioned(exit.process, own)?;
        if graph.lane(lane).lane.kind.shares_a_thread() {
            let stack = cancelled_at(graph, exit, lane)?;
            let takes = queue.got_at.iter().find(|(taker, _)| *taker == own).map(|(_, site)| site)?;
            let is_busy = stack.first().is_some_and(|site| (&site.file, site.line) != (&takes.file, takes.line));
            return is_busy.then_some(Consumer { lane, taken, stack, is_task: true });
        }
        let left = told.daemons.iter().find(|daemon| daemon.lane == Some(own));
        let is_daemon = graph.lane(lane).daemon && graph.lane(lane).end.is_none();
        let is_busy = left.and_then(|left| left.busy).unwrap_or(true);
        let stack = left.map(|left| left.stack.clone()).unwrap_or_default();
        (is_daemon && is_busy).then_some(Consumer { lane, taken, stack, is_task: false })
    }

    fn what(&self) -> &'static str {
        if self.is_task { "task" } else { "daemon thread" }
    }
}

/// Where a task was when its loop was closed over it.
fn cancelled_at(graph: &CausalGraph, exit: &Observed, task: LaneIndex) -> Option<Vec<Site>> {
    let own = graph.lane(task).lane.to_string();
    let notes = graph.observed.of_process(EventKind::Note, exit.process).filter_map(|seen| seen.event.note());
    let mut of_task = notes.filter(|note| note.what == Some("cancel") && note.target == Some(&own));
    // One that the program cancelled itself was meant to leave it.
    of_task.next().filter(|note| note.closing).map(|note| note.stack)
}

fn certainty_of(
    exit: &ExitEvent,
    queue: &QueueLeft,
    items: u64,
    consumers: &[Consumer],
    made: Option<&Site>,
) -> Certainty {
    if consumers.iter().any(|consumer| !consumer.is_task) {
        return if items > 1 { Certainty::Certain } else { Certainty::Likely };
    }
    let ended_well = exit.rc == Some(0) && exit.how == Some("exit");
    let from_others = queue.putters.iter().any(|(putter, _)| !queue.getters.iter().any(|(taker, _)| taker == putter));
    let is_meant = made.is_some_and(|site| is_own(&site.file));
    if items > 1 && ended_well && from_others && is_meant { Certainty::Likely } else { Certainty::Possible }
}

fn describe(graph: &CausalGraph, observed: &Observed, exit: &ExitEvent, queue: &QueueLeft) -> Option<Finding> {
    let items = queue.items.filter(|items| *items > 0)?;
    let obj = queue.obj?;
    let takers = queue.getters.iter();
    let mut consumers: Vec<Consumer> =
        takers.filter_map(|taker| Consumer::of(graph, observed, exit, queue, *taker)).collect();
    if consumers.is_empty() {
        return between::describe(graph, observed, queue);
    }
    consumers.sort_by_key(|consumer| (u64::MAX - consumer.taken, consumer.lane));
    let resource = Resource::of(graph, observed.process, obj);
    let names: Vec<String> = consumers.iter().map(|consumer| name_of(graph, consumer.lane)).collect();
    let certainty = certainty_of(exit, queue, items, &consumers, resource.site.as_ref());
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
    finding.summary = format!(
        "The process ended with {} in {called} ({taken} had been taken), while {} {} was busy and was cut off{}.",
        counted(items, "item"),
        consumers[0].what(),
        list(&names),
        at(consumers[0].stack.first()),
    );
    let ends = if consumers[0].is_task { "await" } else { "join" };
    finding.fix = format!("put a stop sign into {called} and {ends} {} before the program ends", list(&names));
    finding.resource(resource);
    finding.evidence(graph.id_of(observed.lane, observed.seq));
    finding.since = Some(observed.ts);
    Some(finding)
}

fn add_consumer(finding: &mut Finding, graph: &CausalGraph, consumer: &Consumer, takes: Option<&Site>, queue: &str) {
    let role = format!("{}, took {} from {queue}, was cut off", consumer.what(), counted(consumer.taken, "item"));
    let actor = Actor::lane(graph, consumer.lane, role);
    finding.site(takes, format!("takes from {queue}"), Some(&actor.id), None);
    let created: Option<&Site> = graph.lane(consumer.lane).site.as_ref();
    finding.site(created, format!("starts the {}", consumer.what()), Some(&actor.id), None);
    for (depth, site) in consumer.stack.iter().take(3).enumerate() {
        let role = if depth == 0 { format!("cut off here, at {}", place(site)) } else { "called from here".to_owned() };
        finding.site(Some(site), role, Some(&actor.id), None);
    }
    finding.actor(actor);
}
