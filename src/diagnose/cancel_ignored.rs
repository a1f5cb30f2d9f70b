//! Kind `cancel-ignored`: a task was asked to cancel, goes on all the same, and somebody waits for its end.

use super::wording::{lasting, name_of, place};
use super::{Actor, Certainty, Diagnosis, Evidence, Finding};
use crate::causality::{CausalGraph, LaneIndex, Observed};
use crate::record::EventKind;
use crate::record::readings::{NoteEvent, SnapEvent};

pub struct CancelIgnored;

/// A task may take so long to tidy up, ns.
const PATIENCE: u64 = 1_000_000_000;
const FRAMES: usize = 4;

impl Diagnosis for CancelIgnored {
    fn kind(&self) -> &'static str {
        "cancel-ignored"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut found: Vec<(LaneIndex, Finding)> = Vec::new();
        for asked in graph.observed.of(EventKind::Note) {
            let Some(note) = asked.event.note().filter(|note| note.what == Some("cancel")) else { continue };
            let Some(task) = note.target.and_then(|target| graph.mentioned(asked.process, target)) else { continue };
            let is_known = found.iter().any(|(known, _)| *known == task);
            if graph.lane(task).end.is_none() && !is_known {
                found.extend(describe(graph, asked, &note, task).map(|finding| (task, finding)));
            }
        }
        found.into_iter().map(|(_, finding)| finding).collect()
    }

    fn explain(&self) -> &'static str {
        "cancel-ignored: a task was asked to cancel, was still at it over a second later, and somebody waits for its end: \
         asyncio.run before it returns, or whoever awaits the task.\n\
         Seen by: the request to cancel, no end of the task, and a snapshot in which it still runs. Certain where \
         somebody waits for it; possible otherwise.\n\
         Helps: raise again after `except asyncio.CancelledError`; catch Exception, never BaseException, in the loop of \
         a task; tidy up in finally."
    }
}

fn describe(graph: &CausalGraph, asked: &Observed, note: &NoteEvent, task: LaneIndex) -> Option<Finding> {
    let own = graph.lane(task).lane.to_string();
    let snapshots = graph.observed.of_process(EventKind::Snap, asked.process);
    let late = snapshots.filter(|snapshot| snapshot.mono > asked.mono.saturating_add(PATIENCE));
    let read: Vec<(&Observed, SnapEvent)> = late.filter_map(|seen| Some((seen, seen.event.snapshot()?))).collect();
    let (seen, snapshot, still) = read.iter().rev().find_map(|(seen, snapshot)| {
        let still = snapshot.tasks.iter().find(|state| state.lane == own)?;
        Some((*seen, snapshot, still))
    })?;
    let waiting = snapshot.tasks.iter().find(|other| {
        let awaits = other.awaits.as_ref();
        awaits.is_some_and(|awaits| awaits.owner == Some(&own) || awaits.owners.contains(&own.as_str()))
    });
    let waiting = waiting.and_then(|waiting| Some((waiting, graph.mentioned(asked.process, waiting.lane)?)));
    let is_awaited = waiting.is_some() || note.closing;
    let certainty = if is_awaited { Certainty::Certain } else { Certainty::Possible };
    let name = name_of(graph, task);
    let since = (seen.mono - asked.mono) / 1_000_000;
    let title = format!("task {name} goes on although it was cancelled");
    let mut finding = Finding::fault("cancel-ignored", certainty, title);
    let actor = Actor::lane(graph, task, format!("still runs {} after it was asked to cancel", lasting(since)));
    let id = actor.id.clone();
    finding.actor(actor);
    for (depth, site) in note.stack.iter().take(FRAMES).enumerate() {
        let role = if depth == 0 { "was here when it was cancelled" } else { "called from here" };
        finding.site(Some(site), role, Some(&id), Some(asked.ts));
    }
    for site in still.stack.iter().take(FRAMES) {
        finding.site(Some(site), "still here afterwards", Some(&id), Some(seen.ts));
    }
    let canceller =
        Actor::lane(graph, asked.lane, if note.closing { "closes the loop, waits for it" } else { "cancelled it" });
    finding.site(note.site.as_ref(), "asks it to cancel", Some(&canceller.id), Some(asked.ts));
    finding.actor(canceller);
    finding.site(graph.lane(task).site.as_ref(), "the task was created here", Some(&id), None);
    let awaiter = if let Some((state, lane)) = waiting {
        let actor = Actor::lane(graph, lane, format!("awaits {name}"));
        finding.site(state.stack.first(), format!("awaits {name}"), Some(&actor.id), None);
        finding.actor(actor);
        format!("{} waits for it", name_of(graph, lane))
    } else if note.closing {
        "asyncio.run waits for it and does not return".to_owned()
    } else {
        "nobody is known to wait for it".to_owned()
    };
    let was = note.stack.first().map_or_else(String::new, |site| format!(" (it was at {})", place(site)));
    finding.summary = format!(
        "{name} was asked to cancel{was} and still ran {} later: it swallows CancelledError; {awaiter}.",
        lasting(since)
    );
    finding.fix = "let CancelledError pass: raise it again after tidying up".to_owned();
    finding.evidence(graph.id_of(asked.lane, asked.seq));
    finding.evidence(graph.id_of(seen.lane, seen.seq));
    finding.since = Some(asked.ts);
    Some(finding)
}
