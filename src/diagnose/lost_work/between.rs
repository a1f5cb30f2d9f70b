//! The same between processes: items left in a queue that the process which made it shares with daemon processes, and one of
//! those that took from it was ended by the library, as it ends every daemon, when it was in the midst of one.

use std::collections::BTreeSet;

use super::super::wording::{counted, list, place};
use super::super::{Actor, Certainty, Finding, Resource};
use super::CONSUMERS;
use crate::causality::{CausalGraph, LaneIndex, Observed, ProcessIndex};
use crate::record::EventKind;
use crate::record::readings::QueueLeft;

const TERMINATE: i64 = 15;

pub(super) fn describe(graph: &CausalGraph, observed: &Observed, queue: &QueueLeft) -> Option<Finding> {
    let items = queue.items.filter(|items| *items > 0)?;
    let obj = queue.obj?;
    let name = graph.full_name(observed.process, obj);
    let daemons = daemons_ended(graph, observed);
    let mut cut_off: Vec<(LaneIndex, u64)> = daemons
        .iter()
        .flat_map(|process| graph.processes[process.0].lanes.iter())
        .filter(|lane| !waits_for_work(graph, **lane))
        .map(|lane| (*lane, taken_by(graph, *lane, &name)))
        .filter(|(_, taken)| *taken > 0)
        .collect();
    if cut_off.is_empty() {
        return None;
    }
    cut_off.sort_by_key(|(lane, taken)| (u64::MAX - taken, *lane));
    // As many as there are daemons may be their stop signs, which they had no time to take. And a process that hears from them
    // may have got what it wanted.
    let is_meant = items <= daemons.len() as u64 || hears_from(graph, observed.process, &cut_off);
    let certainty = if is_meant { Certainty::Possible } else { Certainty::Certain };
    let resource = Resource::of(graph, observed.process, obj);
    let called = resource.called();
    let mut finding = Finding::fault("lost-work", certainty, format!("{} left in {called}", counted(items, "item")));
    for (lane, taken) in cut_off.iter().take(CONSUMERS) {
        let process = graph.lane(*lane).process;
        let role = format!("daemon process, took {} from {called}, was cut off", counted(*taken, "item"));
        let actor = Actor::process(graph, process, role);
        let started = graph.processes[observed.process.0].child_sites.get(&graph.processes[process.0].pid);
        finding.site(started, "starts the daemon process", Some(&actor.id), None);
        finding.actor(actor);
    }
    let names: Vec<String> =
        cut_off.iter().map(|(lane, _)| graph.process_name(graph.lane(*lane).process).to_string()).collect();
    let made = resource.site.as_ref().map(|site| format!(", made at {}", place(site))).unwrap_or_default();
    let taken: u64 = cut_off.iter().map(|(_, taken)| taken).sum();
    let who = if names.len() == 1 { "daemon process" } else { "daemon processes" };
    let were = if names.len() == 1 { "was" } else { "were" };
    finding.summary = format!(
        "The process ended with {} in {called}{made} ({taken} had been taken there), while {who} {} {were} busy and {were} \
         ended with it.",
        counted(items, "item"),
        list(&names),
    );
    finding.fix = format!("put a stop sign into {called} and join {} before the program ends", list(&names));
    finding.resource(resource);
    finding.evidence(graph.id_of(observed.lane, observed.seq));
    finding.since = Some(observed.ts);
    Some(finding)
}

/// The processes that the library ended when `observed`'s was over, as it does with daemons. One that the program itself ends
/// was meant to leave what is there.
fn daemons_ended(graph: &CausalGraph, observed: &Observed) -> BTreeSet<ProcessIndex> {
    let notes = graph.observed.of_process(EventKind::Note, observed.process).filter_map(|seen| seen.event.note());
    let by_library =
        notes.filter(|note| note.what == Some("kill") && note.sig == Some(TERMINATE) && note.site.is_none());
    let ended = by_library.filter_map(|note| graph.process_with_key(note.target?));
    ended.filter(|process| graph.processes[process.0].end.signal == Some(TERMINATE)).collect()
}

/// Though there was some: it is not the one that would have done it.
fn waits_for_work(graph: &CausalGraph, lane: LaneIndex) -> bool {
    let last = graph.lane(lane).waits.at(u64::MAX).and_then(|wait| wait.told());
    last.is_some_and(|wait| wait.on == Some("queue-get"))
}

/// Whether the process got messages from processes of those lanes.
fn hears_from(graph: &CausalGraph, process: ProcessIndex, lanes: &[(LaneIndex, u64)]) -> bool {
    let theirs: BTreeSet<ProcessIndex> = lanes.iter().map(|(lane, _)| graph.lane(*lane).process).collect();
    let own = graph.processes[process.0].lanes.iter().flat_map(|lane| graph.nodes_of(*lane));
    let mut received = own.filter(|at| graph.node(*at).event == Some(EventKind::Recv));
    received.any(|at| graph.edges_into(at).any(|edge| theirs.contains(&graph.lane(edge.from).process)))
}

/// How many messages the lane got by the queue of that name.
fn taken_by(graph: &CausalGraph, lane: LaneIndex, queue: &str) -> u64 {
    let received = graph.nodes_of(lane).filter(|at| graph.node(*at).event == Some(EventKind::Recv));
    received.filter(|at| graph.edges_into(*at).any(|edge| edge.by.as_deref() == Some(queue))).count() as u64
}
