//! Kinds `zombie-process` and `orphan-process`: children that their parent did not see to the end.

use super::wording::{at, counted, lasting};
use super::{Actor, Certainty, Diagnosis, Evidence, Finding};
use crate::causality::{CausalGraph, Observed, ProcessFacts, ProcessIndex};
use crate::record::readings::{ChildLeft, ExitEvent};
use crate::record::{EventKind, Site};

pub struct ZombieProcess;
pub struct OrphanProcess;

/// A child that ended so shortly before its parent could not be reaped in time, ns.
const MOMENT: u64 = 100_000_000;
/// A parent that starts a child and is gone so soon wants it to live on its own; one that a child outlives by less has
/// only been quicker, ns.
const SOON: u64 = 500_000_000;
const SHOWN: usize = 6;

impl Diagnosis for ZombieProcess {
    fn kind(&self) -> &'static str {
        "zombie-process"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut found = Vec::new();
        for observed in graph.observed.of(EventKind::Exit) {
            let Some(exit) = observed.event.exit() else { continue };
            if exit.sigchld_ignored || graph.processes[observed.process.0].is_logq() {
                continue;
            }
            found.extend(zombies(graph, observed, &exit));
        }
        found
    }

    fn explain(&self) -> &'static str {
        "zombie-process: children ended and their parent never waited for them, so the system keeps their entries and nobody \
         has learnt their exit codes.\n\
         Seen by: the parent's list of children at its own exit; certain where a child had been over for more than 100 ms \
         and SIGCHLD was not ignored.\n\
         Helps: os.waitpid, Popen.wait or Process.join for each child; or subprocess.run."
    }
}

fn zombies(graph: &CausalGraph, observed: &Observed, exit: &ExitEvent) -> Option<Finding> {
    let left: Vec<(&ChildLeft, u64)> = exit
        .children
        .iter()
        .filter(|child| child.state == Some("zombie"))
        .filter_map(|child| Some((child, over_for(graph, observed, child)?)))
        .filter(|(_, over)| *over > MOMENT)
        .collect();
    let longest = left.iter().map(|(_, over)| *over).max()?;
    let parent = graph.process_name(observed.process);
    let n = left.len() as u64;
    let what = if n == 1 { "1 child process".to_owned() } else { format!("{n} child processes") };
    let mut finding = Finding::fault("zombie-process", Certainty::Certain, format!("{what} never reaped"));
    finding.actor(Actor::process(graph, observed.process, format!("started {what} and never waited for them")));
    for (child, over) in left.iter().take(SHOWN) {
        let known = child.child_proc.and_then(|key| graph.process_with_key(key));
        let role = format!("ended {} before its parent, never reaped", lasting(over / 1_000_000));
        let actor = known.map(|process| Actor::process(graph, process, role));
        let id = actor.as_ref().map(|actor| actor.id.clone());
        add_once(&mut finding, child.site.as_ref(), "starts the child", id.as_deref());
        actor.into_iter().for_each(|actor| finding.actor(actor));
        let end = known.and_then(|process| graph.processes[process.0].end.code());
        if let Some(code) = end.filter(|code| *code != 0) {
            finding.notes.push(format!("pid {} had ended with {code}", child.child_pid.unwrap_or(0)));
        }
    }
    finding.summary = format!(
        "{parent} ended without having waited for {what}{}, over for up to {}: their exit codes are lost.",
        at(left[0].0.site.as_ref()),
        lasting(longest / 1_000_000)
    );
    finding.fix = "wait for every child: os.waitpid, Popen.wait, Process.join".to_owned();
    finding.evidence(graph.id_of(observed.lane, observed.seq));
    finding.since = Some(observed.ts);
    Some(finding)
}

/// For how long the child had been over when its parent ended: what its own records say, else what the parent saw.
fn over_for(graph: &CausalGraph, observed: &Observed, child: &ChildLeft) -> Option<u64> {
    let known = child.child_proc.and_then(|key| graph.process_with_key(key));
    let last = known.and_then(|process| last_mono(graph, process));
    last.and_then(|last| observed.mono.checked_sub(last)).or(child.over)
}

fn last_mono(graph: &CausalGraph, process: ProcessIndex) -> Option<u64> {
    graph.processes[process.0].lanes.iter().filter_map(|lane| Some(graph.lane(*lane).last()?.mono)).max()
}

fn add_once(finding: &mut Finding, site: Option<&Site>, role: &str, actor: Option<&str>) {
    if !finding.sites.iter().any(|known| Some(&known.site) == site && known.role == role) {
        finding.site(site, role, actor, None);
    }
}

impl Diagnosis for OrphanProcess {
    fn kind(&self) -> &'static str {
        "orphan-process"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let started = graph.observed.of(EventKind::Child).filter(|child| !graph.processes[child.process.0].is_logq());
        started.filter_map(|child| orphan(graph, child)).collect()
    }

    fn explain(&self) -> &'static str {
        "orphan-process: a process went on after the one that had started it was gone.\n\
         Seen by: records of the child later than its parent's end, or what the parent saw at its exit. Likely a fault where the parent was killed or failed; \
         possible where it ended well, since programs are started in the background on purpose; not told of a parent \
         that ended at once after starting it.\n\
         Helps: end and wait for the children in finally; prctl PR_SET_PDEATHSIG; a pipe whose closing tells the child."
    }
}

fn orphan(graph: &CausalGraph, started: &Observed) -> Option<Finding> {
    let child = started.event.child()?;
    let process = child_of(graph, started)?;
    let (parent_end, failed) = end_of(graph, started.process)?;
    let lived_on = parent_end.saturating_sub(started.mono);
    let outlived = last_mono(graph, process)?.checked_sub(parent_end).filter(|ns| *ns > SOON && lived_on >= SOON);
    // Whoever starts something and is gone at once wants it to live on its own.
    let was_left = lived_on >= MOMENT && left_running(graph, started.process, process);
    if outlived.is_none() && !was_left {
        return None;
    }
    let certainty = if failed && lived_on >= SOON { Certainty::Likely } else { Certainty::Possible };
    let (name, parent) = (graph.process_name(process), graph.process_name(started.process));
    let mut finding = Finding::fault("orphan-process", certainty, format!("{name} outlived its parent {parent}"));
    let went_on = match outlived {
        Some(ns) => format!("went on for {} after", lasting(ns / 1_000_000)),
        None => "was still running at".to_owned(),
    };
    let actor = Actor::process(graph, process, format!("{went_on} its parent's end"));
    finding.site(child.site.as_ref(), "starts the child", Some(&actor.id), Some(started.ts));
    finding.actor(actor);
    let role = if failed { "ended by failure" } else { "ended before its child" };
    finding.actor(Actor::process(graph, started.process, role));
    finding.summary = format!(
        "{name} (pid {}), started by {parent}{}, {went_on} its parent's end; {}.",
        graph.processes[process.0].pid,
        at(child.site.as_ref()),
        if failed { "the parent did not end well" } else { "the parent ended by itself" },
    );
    finding.fix = "end and join the children before the parent ends, also when it fails".to_owned();
    finding.evidence(graph.id_of(started.lane, started.seq));
    finding.since = Some(started.ts);
    let lanes = counted(graph.processes[process.0].lanes.len() as u64, "lane");
    finding.notes.push(format!("{lanes} of it left records"));
    Some(finding)
}

/// One that became another program has told its key later, by itself.
fn child_of(graph: &CausalGraph, started: &Observed) -> Option<ProcessIndex> {
    let child = started.event.child()?;
    if let Some(key) = child.child_proc {
        return graph.process_with_key(key);
    }
    let (pid, parent) = (child.child_pid?, graph.processes[started.process.0].pid);
    let own = |facts: &ProcessFacts| facts.pid == pid && facts.ppid == Some(parent);
    graph.processes.iter().position(own).map(ProcessIndex)
}

/// The parent's own list at its exit says that the child ran, and it did not end within a moment.
fn left_running(graph: &CausalGraph, parent: ProcessIndex, child: ProcessIndex) -> bool {
    let Some(observed) = graph.observed.of_process(EventKind::Exit, parent).last() else { return false };
    let pid = graph.processes[child.0].pid;
    let listed = observed.event.exit().is_some_and(|exit| {
        exit.children.iter().any(|left| left.child_pid == Some(pid) && left.state == Some("running"))
    });
    let end = &graph.processes[child.0].end;
    let end = [end.said_mono, end.seen_mono].into_iter().flatten().min();
    listed && end.is_none_or(|end| end > observed.mono + SOON)
}

/// When a process ended, and whether by failure.
fn end_of(graph: &CausalGraph, process: ProcessIndex) -> Option<(u64, bool)> {
    let facts = &graph.processes[process.0];
    let exit = graph.observed.of_process(EventKind::Exit, process).last();
    match exit {
        Some(exit) => Some((exit.mono, facts.end.code().is_some_and(|code| code != 0))),
        None => Some((last_mono(graph, process).filter(|_| facts.end.signal.is_some())?, true)),
    }
}
