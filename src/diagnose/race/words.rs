//! How a race is told: one finding for each variable, with both sides, what each held, and what they have in common.

use super::super::wording::{list, name_of, place};
use super::super::{Actor, Certainty, Finding, Resource};
use super::{Conflict, Pasts, Side, Way, unknown_order};
use crate::causality::{CausalGraph, NodeRef, Reading};
use crate::record::LaneKind;

const MOST_ACTORS: usize = 6;
const MOST_SITES: usize = 14;
const MOST_EVIDENCE: usize = 6;

/// What the variable is called, by which conflicts are put together.
pub(super) fn variable(graph: &CausalGraph, conflict: &Conflict) -> String {
    let resource = Resource::of(graph, conflict.process, &conflict.obj);
    match resource.name {
        Some(name) => format!("{}/{name}", resource.kind.unwrap_or_default()),
        None => graph.full_name(conflict.process, &conflict.obj),
    }
}

/// One finding about all conflicts over a variable; what was seen comes first among them.
pub(super) fn describe(graph: &CausalGraph, pasts: &mut Pasts, conflicts: &[Conflict]) -> Finding {
    let Some(first) = conflicts.first() else { return Finding::observation("race", Certainty::Possible, "") };
    let resource = Resource::of(graph, first.process, &first.obj);
    let called = called(&resource, first, conflicts);
    let unknown = if first.seen { Vec::new() } else { unknown_order(graph, first) };
    let certainty = match (first.seen && first.exact, unknown.is_empty()) {
        (true, _) => Certainty::Certain,
        (false, true) => Certainty::Likely,
        (false, false) => Certainty::Possible,
    };
    let between_tasks = [&first.one, &first.other].iter().all(|side| is_task(graph, side));
    let mut finding = Finding::fault("race", certainty, title(first, &called, between_tasks));
    finding.missing = unknown;
    finding.summary = summary(graph, first, &called);
    finding.fix = fix(&resource, first, between_tasks).to_owned();
    finding.since = conflicts.iter().map(|conflict| conflict.ts).min();
    finding.resource(resource);
    for conflict in conflicts {
        let verb = if conflict.seen { "replaces what another wrote" } else { "updates it too" };
        add(graph, &mut finding, &conflict.one, &called, verb);
        let verb = if conflict.seen { "its write is lost" } else { "updates it too" };
        add(graph, &mut finding, &conflict.other, &called, verb);
        if finding.evidence.len() < MOST_EVIDENCE {
            finding.evidence(graph.id(conflict.at));
        }
    }
    finding.notes = notes(graph, pasts, first);
    finding
}

fn is_task(graph: &CausalGraph, side: &Side) -> bool {
    graph.lane(side.lane).lane.kind == LaneKind::Task
}

fn called(resource: &Resource, first: &Conflict, conflicts: &[Conflict]) -> String {
    let name = resource.called();
    match &first.item {
        Some(item) if conflicts.iter().all(|conflict| conflict.item == first.item) => format!("{name}[{item}]"),
        Some(_) => format!("items of {name}"),
        None => name,
    }
}

fn title(conflict: &Conflict, called: &str, between_tasks: bool) -> String {
    match (conflict.way, conflict.seen) {
        (Way::Value, true) if between_tasks => format!("an update of {called} is lost between awaits"),
        (Way::Check, _) if between_tasks => format!("check-then-act on {called} across an await"),
        (Way::Value, true) => format!("lost update of {called}"),
        (Way::Value, false) => format!("updates of {called} can be lost"),
        (Way::Check, _) => format!("check-then-act on {called}"),
        (Way::Init, true) => format!("{called} is made more than once"),
        (Way::Init, false) => format!("{called} can be made more than once"),
    }
}

fn summary(graph: &CausalGraph, conflict: &Conflict, called: &str) -> String {
    let (one, other) = (name_of(graph, conflict.one.lane), name_of(graph, conflict.other.lane));
    let read = conflict.one.read.as_ref().map_or_else(|| "somewhere".to_owned(), place);
    let write = conflict.one.write.as_ref().map_or_else(|| "somewhere".to_owned(), place);
    let theirs = conflict.other.write.as_ref().map_or_else(|| "somewhere".to_owned(), place);
    if conflict.seen && conflict.way == Way::Check {
        format!(
            "{one} asked {called} at {read} and acted upon the answer at {write}; {other} wrote it between the two, at {theirs}, so it \
             no longer held."
        )
    } else if conflict.seen {
        format!(
            "{one} read {called} at {read} and wrote it at {write}; {other} wrote it between the two, at {theirs}, and that is lost."
        )
    } else {
        format!(
            "{one} reads {called} at {read} and writes it at {write}, {other} does so at {theirs}; no lock is held around both, and \
             nothing else keeps them apart: this run had luck."
        )
    }
}

fn fix(resource: &Resource, conflict: &Conflict, between_tasks: bool) -> &'static str {
    match (resource.kind.as_deref().unwrap_or_default(), conflict.way) {
        ("file", _) => "lock the file (fcntl.flock) from the read to the write, or let one process own it",
        ("table", _) => {
            "read and write in one transaction (BEGIN IMMEDIATE), or in one statement: UPDATE … SET n = n + 1"
        }
        ("multiprocessing.Value" | "multiprocessing.Array", _) => {
            "hold it from the read to the write: with value.get_lock():"
        }
        (kind, _) if kind.starts_with("multiprocessing.Manager") => {
            "hold a lock of the manager from the read to the write: with manager.Lock():"
        }
        (_, Way::Init) => "make it before the threads start, or under a lock that is taken before the question",
        _ if between_tasks => "no await between the read and the write, or an asyncio.Lock around both",
        (_, Way::Check) => "one lock around the check and what follows from it",
        _ => "one lock from the read to the write, the same everywhere",
    }
}

fn add(graph: &CausalGraph, finding: &mut Finding, side: &Side, called: &str, verb: &str) {
    if finding.actors.len() >= MOST_ACTORS || finding.sites.len() + 1 >= MOST_SITES {
        return;
    }
    let actor = Actor::lane(graph, side.lane, verb);
    if side.read != side.write {
        finding.site(side.read.as_ref(), format!("reads {called}"), Some(&actor.id), None);
    }
    let role = if side.read == side.write { format!("updates {called}") } else { format!("writes {called}") };
    finding.site(side.write.as_ref(), role, Some(&actor.id), None);
    finding.actor(actor);
}

/// What each held, by which calls it came there, and the last that both came after.
fn notes(graph: &CausalGraph, pasts: &mut Pasts, conflict: &Conflict) -> Vec<String> {
    let mut notes = Vec::new();
    for side in [&conflict.one, &conflict.other] {
        let name = name_of(graph, side.lane);
        let held: Vec<String> = side.held.iter().map(|lock| lock_name(graph, conflict, lock)).collect();
        let held = if held.is_empty() { "no lock".to_owned() } else { list(&held) };
        let calls: Vec<String> = side.stack.iter().map(|site| format!("{} ({})", site.func, place(site))).collect();
        let calls = if calls.is_empty() { String::new() } else { format!(", in {}", calls.join(" called by ")) };
        notes.push(format!("{name} held {held}{calls}"));
    }
    if let Some(common) = common_past(graph, pasts, conflict) {
        notes.push(format!("the last that came before both is {}; nothing orders them after it", graph.id(common)));
    }
    notes
}

fn lock_name(graph: &CausalGraph, conflict: &Conflict, lock: &str) -> String {
    let name = lock.rsplit_once('#').map_or(lock, |(name, _)| name);
    if super::is_outside(name) {
        return name.to_owned();
    }
    let own = format!("{}/", graph.processes[conflict.process.0].proc);
    Resource::of(graph, conflict.process, name.strip_prefix(&own).unwrap_or(name)).called()
}

/// Of the records that came before both, the latest.
fn common_past(graph: &CausalGraph, pasts: &mut Pasts, conflict: &Conflict) -> Option<NodeRef> {
    let other_at = graph.last_up_to(conflict.other.lane, conflict.other.seq)?;
    let mine = pasts.before(conflict.at, Reading::NoLock)?.clone();
    let theirs = pasts.before(other_at, Reading::NoLock)?;
    let both = mine.iter().filter_map(|(lane, at)| Some((*at).min(*theirs.get(lane)?)));
    both.filter(|at| at.lane != conflict.one.lane && at.lane != conflict.other.lane).max_by_key(|at| graph.node(*at).ts)
}
