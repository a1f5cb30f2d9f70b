//! Kind `wrong-thread`: a thread touched something that belongs to an event loop of another thread.

use super::wording::{at, counted, name_of};
use super::{Actor, Certainty, Diagnosis, Evidence, Finding, Resource};
use crate::causality::{CausalGraph, LaneIndex, Observed};
use crate::record::{EventKind, Site};

pub struct WrongThread;

const TARGETS: usize = 4;

/// Who called from where.
type Place = (LaneIndex, Option<Site>);

impl Diagnosis for WrongThread {
    fn kind(&self) -> &'static str {
        "wrong-thread"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut places: Vec<(Place, Vec<&Observed>)> = Vec::new();
        for observed in graph.observed.of(EventKind::Note) {
            let Some(note) = observed.event.note().filter(|note| note.what == Some("foreign")) else { continue };
            let key = (observed.lane, note.site);
            match places.iter_mut().find(|(known, _)| *known == key) {
                Some((_, calls)) => calls.push(observed),
                None => places.push((key, vec![observed])),
            }
        }
        places.iter().filter_map(|(_, calls)| describe(graph, calls)).collect()
    }

    fn explain(&self) -> &'static str {
        "wrong-thread: a thread called something of an event loop that runs in another thread: Event.set, Queue.put_nowait, \
         Future.set_result, call_soon. The loop is not woken by it, and its state may be torn.\n\
         Seen by: something was scheduled in a running loop by a thread that is not its own. Certain where a task that it \
         should have woken never went on; likely otherwise, since it works only as long as something else wakes the loop.\n\
         Helps: loop.call_soon_threadsafe(event.set), asyncio.run_coroutine_threadsafe(…), or a queue.Queue."
    }
}

fn describe(graph: &CausalGraph, calls: &[&Observed]) -> Option<Finding> {
    let first = calls[0];
    let note = first.event.note()?;
    let what = note.function.or(note.name).unwrap_or("a call");
    let thread = name_of(graph, first.lane);
    let home = note.in_loop.and_then(|lane| graph.mentioned(first.process, lane));
    let mut finding = Finding::fault(
        "wrong-thread",
        Certainty::Likely,
        format!("{what} from {thread}, which is not the loop's thread"),
    );
    let caller = Actor::lane(graph, first.lane, format!("calls {what}"));
    finding.site(
        note.site.as_ref(),
        format!("calls {what}, without call_soon_threadsafe"),
        Some(&caller.id),
        Some(first.ts),
    );
    finding.actor(caller);
    let mut stuck = Vec::new();
    for call in calls {
        finding.evidence(graph.id_of(call.lane, call.seq));
        let Some(note) = call.event.note() else { continue };
        if let Some(obj) = note.obj {
            finding.resource(Resource::of(graph, call.process, obj));
        }
        let target = note.target.and_then(|target| graph.mentioned(call.process, target));
        let Some(target) = target.filter(|_| finding.actors.len() <= TARGETS) else { continue };
        let (is_stuck, stack) = state_of(graph, call, target);
        let role = if is_stuck { "was never woken by it" } else { "waits for it" };
        let actor = Actor::lane(graph, target, role);
        let stack = if stack.is_empty() { note.stack } else { stack };
        finding.site(stack.first(), role, Some(&actor.id), None);
        finding.actor(actor);
        if is_stuck {
            stuck.push(name_of(graph, target));
        }
    }
    if let Some(home) = home {
        finding.actor(Actor::lane(graph, home, "runs the loop"));
    }
    finding.evidence.truncate(8);
    let called = finding.resources.first().map_or_else(String::new, |resource| format!(" of {}", resource.called()));
    if note.via == Some("reactor") {
        of_reactor(&mut finding, first, note.site.as_ref(), &format!("Thread {thread} called {what}"));
        return Some(finding);
    }
    let again = if calls.len() > 1 { format!(", {}", counted(calls.len() as u64, "time")) } else { String::new() };
    let place = at(note.site.as_ref());
    let outcome = match stuck.first() {
        Some(name) => format!("the sleeping loop was not woken, and {name} never went on"),
        None => "it works only as long as something else wakes the loop".to_owned(),
    };
    finding.summary = format!(
        "Thread {thread} called {what}{called}{place}{again}, which belongs to a loop of another thread; {outcome}."
    );
    finding.fix = "loop.call_soon_threadsafe(…), or asyncio.run_coroutine_threadsafe(…)".to_owned();
    finding.since = Some(first.ts);
    if !stuck.is_empty() {
        finding.certainty = Certainty::Certain;
    }
    Some(finding)
}

/// Twisted is not safe to use from other threads, and asleep it does not even see what they did.
fn of_reactor(finding: &mut Finding, first: &Observed, site: Option<&Site>, did: &str) {
    finding.summary = format!(
        "{did}{}, while Twisted's reactor runs in another thread; the reactor may sleep on, and its state may be torn.",
        at(site)
    );
    finding.title = finding.title.replace("the loop's", "the reactor's");
    for place in &mut finding.sites {
        place.role = place.role.replace("call_soon_threadsafe", "reactor.callFromThread");
    }
    finding.fix = "reactor.callFromThread(…), or blockingCallFromThread where the result is needed".to_owned();
    finding.since = Some(first.ts);
}

/// Whether the task never went on after the call, and where it was then.
fn state_of(graph: &CausalGraph, call: &Observed, task: LaneIndex) -> (bool, Vec<Site>) {
    let facts = graph.lane(task);
    let own = facts.lane.to_string();
    let went_on = facts.end.is_some() || facts.nodes.iter().any(|node| node.mono > call.mono);
    let snapshots = graph.observed.of_process(EventKind::Snap, call.process);
    let later = snapshots.filter(|snapshot| snapshot.mono > call.mono);
    let stack = later.last().and_then(|seen| {
        let snapshot = seen.event.snapshot()?;
        let state = snapshot.tasks.into_iter().find(|state| state.lane == own)?;
        Some(state.stack)
    });
    (!went_on && stack.is_some(), stack.unwrap_or_default())
}
