//! Kind `never-awaited`: a coroutine that was called and never awaited, or a task that was dropped before its end.

use super::wording::{at, name_of, place};
use super::{Actor, Certainty, Diagnosis, Evidence, Finding};
use crate::causality::{CausalGraph, Observed};
use crate::record::EventKind;
use crate::record::readings::NoteEvent;

pub struct NeverAwaited;

/// One finding names so many places.
const PLACES: usize = 8;

impl Diagnosis for NeverAwaited {
    fn kind(&self) -> &'static str {
        "never-awaited"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut found: Vec<(Key, Finding)> = Vec::new();
        for observed in graph.observed.of(EventKind::Note) {
            let Some(note) = observed.event.note() else { continue };
            let finding = match note.what {
                Some("never-awaited") => coroutine(graph, observed, &note),
                Some("asyncgen") => generator(graph, observed, &note),
                _ => continue,
            };
            let site = note.site.as_ref().map(|site| (site.file.clone(), site.line));
            let key = (observed.process.0, note.function.or(note.name).unwrap_or_default().to_owned(), site);
            match found.iter_mut().find(|(known, _)| *known == key) {
                Some((_, first)) => {
                    first.certainty = first.certainty.min(finding.certainty);
                    if first.evidence.len() < PLACES {
                        first.evidence.extend(finding.evidence);
                    }
                }
                None => found.push((key, finding)),
            }
        }
        found.into_iter().map(|(_, finding)| finding).chain(destroyed(graph)).collect()
    }

    fn explain(&self) -> &'static str {
        "never-awaited: a coroutine function was called and what it returned was never awaited, so its body never ran; or \
         a task was dropped and collected before it was done.\n\
         Seen by: Python's own warning, and asyncio's \"Task was destroyed but it is pending\". Certain; likely \
         where the program closed the loop over a pending task; only possible where the loop or the process was closing anyway.\n\
         Helps: await the call; or asyncio.create_task(…), with the task kept somewhere until it is done."
    }
}

type Key = (usize, String, Option<(String, u64)>);

fn coroutine(graph: &CausalGraph, observed: &Observed, note: &NoteEvent) -> Finding {
    let name = note.function.or(note.name).unwrap_or("a coroutine").to_owned();
    let certainty = if note.closing { Certainty::Possible } else { Certainty::Certain };
    let mut finding = Finding::fault("never-awaited", certainty, format!("{name}() was never awaited"));
    finding.summary = format!("{name}() was called{} and never awaited: its body never ran.", at(note.site.as_ref()));
    finding.fix = format!("await {name}(…), or give it to asyncio.create_task and keep the task");
    add(&mut finding, graph, observed, note, &name, "coroutine, never awaited");
    finding
}

fn generator(graph: &CausalGraph, observed: &Observed, note: &NoteEvent) -> Finding {
    let name = note.function.or(note.name).unwrap_or("an async generator").to_owned();
    let title = format!("async generator {name} was left suspended");
    let mut finding = Finding::fault("never-awaited", Certainty::Possible, title);
    finding.summary = format!(
        "{name}{} was left suspended; what its finally or with has to do runs late, or never.",
        at(note.site.as_ref())
    );
    finding.fix = "close it: async with contextlib.aclosing(…)".to_owned();
    add(&mut finding, graph, observed, note, &name, "async generator, left suspended");
    finding
}

fn add(finding: &mut Finding, graph: &CausalGraph, observed: &Observed, note: &NoteEvent, name: &str, role: &str) {
    let caller = Actor::lane(graph, observed.lane, "");
    let id = caller.id.clone();
    finding.actor(Actor {
        id: format!("{id}:{name}"),
        name: name.to_owned(),
        kind: "coroutine",
        role: role.to_owned(),
        ..caller
    });
    finding.site(note.site.as_ref(), format!("calls {name}"), Some(&id), Some(observed.ts));
    for site in note.stack.iter().take(3) {
        finding.site(Some(site), "called from here", Some(&id), None);
    }
    finding.evidence(graph.id_of(observed.lane, observed.seq));
    finding.since = Some(observed.ts);
}

/// Tasks that were collected before they were done.
fn destroyed(graph: &CausalGraph) -> Vec<Finding> {
    let mut found = Vec::new();
    for lane in graph.lane_indexes() {
        let facts = graph.lane(lane);
        let Some(end) = facts.end.as_ref().filter(|end| end.how == "destroyed") else { continue };
        let closing = end.closing || is_at_exit(graph, lane, end.ts);
        let certainty = match (end.left, closing) {
            (true, _) => Certainty::Likely,
            (false, true) => Certainty::Possible,
            (false, false) => Certainty::Certain,
        };
        let name = name_of(graph, lane);
        let what = facts.function.as_deref().unwrap_or(&name);
        let title = format!("task {name} was destroyed while it was pending");
        let mut finding = Finding::fault("never-awaited", certainty, title);
        finding.summary = format!(
            "Task {name} ({what}){} was collected before it was done: {}.",
            facts.site.as_ref().map_or_else(String::new, |site| format!(", created at {}", place(site))),
            if end.left { "the program closed its loop over it" } else { "nobody kept it, or its loop was closed" },
        );
        finding.fix = "keep a reference to the task until it is done, and await it before the loop closes".to_owned();
        let actor = Actor::lane(graph, lane, format!("runs {what}, destroyed while pending"));
        finding.site(facts.site.as_ref(), "created here", Some(&actor.id), None);
        finding.actor(actor);
        finding.evidence(graph.id_of(lane, end.seq));
        finding.since = Some(end.ts);
        found.push(finding);
    }
    found
}

/// Within a moment of the process's own end.
fn is_at_exit(graph: &CausalGraph, lane: crate::causality::LaneIndex, ts: i64) -> bool {
    const MOMENT: i64 = 100_000_000;
    graph.process_of(lane).end.said_at.is_some_and(|exit| exit - ts < MOMENT)
}
