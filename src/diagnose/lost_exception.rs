//! Kind `lost-exception`: something failed, and nobody who could act on it has learnt of it.
//!
//! Only positive facts count: a hook that ran, a future that nobody asked, asyncio's own complaint. An exception that
//! ended the main thread is not lost: the exit code tells of it.

use std::collections::BTreeMap;

use super::wording::{list, name_of, own_frames, place};
use super::{Actor, Certainty, Diagnosis, Evidence, Finding, Resource};
use crate::causality::{CausalGraph, LaneIndex, Observed};
use crate::record::readings::ExcEvent;
use crate::record::{EventKind, Exception, Site};

pub struct LostException;

/// So many places of one failure are named, and so many lanes.
const FRAMES: usize = 3;
const ACTORS: usize = 6;

impl Diagnosis for LostException {
    fn kind(&self) -> &'static str {
        "lost-exception"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        // The same failure in many jobs is one finding.
        let mut alike: BTreeMap<Alike, Vec<Loss>> = BTreeMap::new();
        for observed in graph.observed.of(EventKind::Exc) {
            let Some(loss) = Loss::of(graph, observed) else { continue };
            alike.entry(loss.alike(graph)).or_default().push(loss);
        }
        alike.values().map(|losses| describe(graph, losses)).collect()
    }

    fn explain(&self) -> &'static str {
        "lost-exception: a thread, task, future or callback failed, and nobody who could act on it has learnt of it.\n\
         Seen by: the hook that ran for a thread that died; a future or task whose outcome nobody had asked for when it \
         was collected, or when the process ended. Certain where the default hook ran or nobody asked; likely where the \
         program's own hook does not look at what it is told; possible where its own hook may have done something.\n\
         Not counted: what ended the main thread, since the exit code tells of it; what the failing lane logged itself.\n\
         Helps: ask every future for its result(); await every task; catch inside the thread and hand the exception to \
         whoever joins it; a threading.excepthook that logs."
    }
}

/// What makes two losses the same: process, who tells, type, the place of the raise, and how sure it is.
type Alike = (usize, String, String, Option<(String, u64)>, Certainty);

/// One failure that was lost.
struct Loss<'a> {
    observed: &'a Observed,
    told: ExcEvent<'a>,
    exception: Exception,
    /// Where it happened.
    victim: LaneIndex,
    certainty: Certainty,
    how: String,
}

impl<'a> Loss<'a> {
    fn of(graph: &CausalGraph, observed: &'a Observed) -> Option<Loss<'a>> {
        let told = observed.event.unhandled()?;
        let exception = observed.event.exception()?;
        if matches!(exception.kind.as_str(), "KeyboardInterrupt" | "SystemExit" | "GeneratorExit") {
            return None;
        }
        let target = told.target.and_then(|target| graph.mentioned(observed.process, target));
        let worker = told.job.and_then(|job| graph.jobs.failed(observed.process, job)).map(|failed| failed.worker);
        let by_target = || target.map_or(observed.lane, |target| graph.worker_behind(observed, target));
        let victim = worker.unwrap_or_else(by_target);
        let (mut certainty, how) = judge(graph, observed, &told)?;
        if target.is_some() && has_logged(graph, victim, &exception) {
            certainty = Certainty::Possible;
        }
        Some(Loss { observed, told, exception, victim, certainty, how })
    }

    fn alike(&self, graph: &CausalGraph) -> Alike {
        let raised = own_frames(&self.exception).into_iter().next().map(|site| (site.file, site.line));
        let process = graph.lane(self.victim).process.0;
        let place = self.told.place.unwrap_or_default().to_owned();
        (process, place, self.exception.kind.clone(), raised, self.certainty)
    }
}

/// How sure it is that nobody knows, and in what way it was lost.
fn judge(graph: &CausalGraph, observed: &Observed, told: &ExcEvent) -> Option<(Certainty, String)> {
    let own_hook = told.hook == Some("user");
    let note = told.note.unwrap_or_default();
    Some(match told.place? {
        "thread" if !own_hook => (Certainty::Certain, "the default hook printed it, and nobody was told".to_owned()),
        "thread" if has_complained_since(graph, observed) => return None,
        "thread" if told.muted => {
            (Certainty::Likely, "the program's threading.excepthook does not look at what it is told".to_owned())
        }
        "thread" => {
            (Certainty::Possible, "what the program's threading.excepthook did with it is not known".to_owned())
        }
        "future" | "pool" if told.hook.is_none() => (Certainty::Certain, "nobody ever asked for the result".to_owned()),
        "feeder" => (Certainty::Certain, "the queue's feeder thread dropped the item".to_owned()),
        "deferred" => (Certainty::Certain, "no errback of the Deferred took it".to_owned()),
        "greenlet" => (Certainty::Certain, "it was only printed, and nobody asked for its result".to_owned()),
        "task" | "future" | "gather" | "group" if own_hook => {
            (Certainty::Possible, "what the loop's own exception handler did with it is not known".to_owned())
        }
        "task" | "future" if note.contains("never retrieved") || note.is_empty() => {
            (Certainty::Certain, "nobody ever awaited it or asked for its result".to_owned())
        }
        "gather" | "group" => (Certainty::Certain, "another failure was reported in its place".to_owned()),
        "task" | "future" => (Certainty::Likely, note.to_owned()),
        "callback" if !own_hook => (Certainty::Likely, "it was only logged, and nobody was told".to_owned()),
        "callback" => {
            (Certainty::Possible, "what the loop's own exception handler did with it is not known".to_owned())
        }
        "pool" => (Certainty::Possible, "it was only logged".to_owned()),
        "unraisable" => (Certainty::Possible, "it was raised where nobody can catch it, in a finalizer say".to_owned()),
        _ => return None,
    })
}

/// The lane has logged a warning or an error after the failure: the hook runs in the lane that died.
fn has_complained_since(graph: &CausalGraph, observed: &Observed) -> bool {
    graph.lane(observed.lane).complaints.iter().any(|(seq, _)| *seq > observed.seq)
}

/// The failing lane has logged this very failure itself.
fn has_logged(graph: &CausalGraph, lane: LaneIndex, exception: &Exception) -> bool {
    let telling = |text: &str| {
        let says_message = exception.msg.len() > 2 && text.contains(&exception.msg);
        says_message || text.contains(&exception.kind)
    };
    graph.lane(lane).complaints.iter().any(|(_, text)| telling(text))
}

fn describe(graph: &CausalGraph, losses: &[Loss]) -> Finding {
    let first = &losses[0];
    let kind = &first.exception.kind;
    let what = match first.told.place {
        Some("thread") => "thread died",
        Some("task") => "task failed",
        Some("future" | "pool") => "job failed",
        Some("callback") => "callback failed",
        Some("deferred") => "Deferred failed",
        Some("greenlet") => "greenlet died",
        _ => "failed",
    };
    let title = match losses.len() {
        1 => format!("{kind}: {what}, seen by nobody"),
        n => format!("{kind}: {what} {n} times, seen by nobody"),
    };
    let mut finding = Finding::fault("lost-exception", first.certainty, title);
    finding.fix = fix(first).to_owned();
    finding.since = Some(first.observed.ts);
    for loss in losses {
        add_loss(&mut finding, graph, loss);
    }
    let mut names: Vec<String> = Vec::new();
    for loss in losses {
        let name = name_of(graph, loss.victim);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let text = match first.exception.msg.as_str() {
        "" => kind.clone(),
        msg => format!("{kind}: {msg}"),
    };
    let raised = finding.sites.first().map_or_else(String::new, |raised| format!(" at {}", place(&raised.site)));
    finding.summary = format!("{text}, raised{raised} in {}; {}.", list(&names), first.how);
    if let Some(note) = who_joined(graph, first) {
        finding.notes.push(note);
    }
    finding
}

fn add_loss(finding: &mut Finding, graph: &CausalGraph, loss: &Loss) {
    let id = graph.address(loss.victim);
    let full = finding.actors.len() >= ACTORS;
    if !full {
        finding.actor(Actor::lane(graph, loss.victim, format!("raises {}", loss.exception.kind)));
        for (depth, site) in own_frames(&loss.exception).into_iter().take(FRAMES).enumerate() {
            let role =
                if depth == 0 { format!("raises {}", loss.exception.kind) } else { "called from here".to_owned() };
            add_once(finding, &site, role, &id);
        }
        if let Some(site) = &loss.told.site {
            add_once(finding, site, "submitted here, result never asked for".to_owned(), &id);
        }
        let began = graph.lane(loss.victim).site.as_ref();
        if let (Some(site), Some("thread" | "task" | "greenlet")) = (began, loss.told.place) {
            add_once(finding, site, "started here".to_owned(), &id);
        }
        if let Some(obj) = loss.told.obj {
            finding.resource(Resource::of(graph, loss.observed.process, obj));
        }
    }
    finding.evidence(graph.id_of(loss.observed.lane, loss.observed.seq));
    if let Some(failed) = loss.told.job.and_then(|job| graph.jobs.failed(loss.observed.process, job)) {
        finding.evidence(graph.id_of(failed.worker, failed.seq));
    }
}

/// Many jobs fail at one place: it is named once.
fn add_once(finding: &mut Finding, site: &Site, role: String, actor: &str) {
    if !finding.sites.iter().any(|known| known.site == *site && known.role == role) {
        finding.site(Some(site), role, Some(actor), None);
    }
}

fn fix(loss: &Loss) -> &'static str {
    match loss.told.place {
        Some("thread") => "catch it inside the thread and hand it to whoever joins, or let threading.excepthook log it",
        Some("task") => "keep the task and await it, or add a done callback that looks at its exception",
        Some("callback") => "catch it inside the callback",
        Some("greenlet") => "get() or joinall(…, raise_error=True) the greenlet, or link_exception() it",
        Some("feeder") => "put only what can be pickled",
        Some("deferred") => "add an errback",
        Some("gather" | "group") => "gather with return_exceptions=True and look at every outcome",
        Some("pool") if loss.told.job.is_some() => {
            "keep what the pool returns and ask for its get(), or pass an error_callback"
        }
        Some("unraisable") => "catch it inside the finalizer",
        _ => "keep the future and ask for its result()",
    }
}

/// A join sees that a thread is over, not how.
fn who_joined(graph: &CausalGraph, loss: &Loss) -> Option<String> {
    if loss.told.place != Some("thread") {
        return None;
    }
    let out = graph.edges_out_of(loss.victim);
    let (_, joined, _) = out.into_iter().find(|(_, _, edge)| edge.by.as_deref() == Some("join"))?;
    Some(format!("{} joined it, and join() does not tell how a thread ended", name_of(graph, joined.lane)))
}
