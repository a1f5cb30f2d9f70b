//! Kinds `killed-process` and `crashed-process`: a process that did not end by itself, and who ended it.

use super::wording::counted;
use super::{Actor, Certainty, Diagnosis, Evidence, Finding, Resource};
use crate::causality::{CausalGraph, Observed, ProcessFacts, ProcessIndex};
use crate::record::{EventKind, LaneKind, signal_name};

pub struct KilledProcess;
pub struct CrashedProcess;

/// Signals that a program is stopped with from outside: a terminal, a service manager.
const STOPPING: [i64; 3] = [1, 2, 15];
/// Signals that the system sends to a process that has gone wrong: ILL, TRAP, ABRT, BUS, FPE, SEGV, SYS.
const CRASHING: [i64; 7] = [4, 5, 6, 7, 8, 11, 31];
const HELD: usize = 4;

impl Diagnosis for KilledProcess {
    fn kind(&self) -> &'static str {
        "killed-process"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let ended = processes(graph).filter_map(|process| Some((process, graph.processes[process.0].end.signal?)));
        let killed = ended.filter(|(_, signal)| !CRASHING.contains(signal));
        killed.filter_map(|(process, signal)| killed_by(graph, process, signal)).collect()
    }

    fn explain(&self) -> &'static str {
        "killed-process: a process was ended by a signal.\n\
         Seen by: whoever waited for it. An observation where another process of the run sent \
         the signal, and where it is one that programs are stopped with from outside (HUP, INT, TERM); likely a fault \
         where nobody of the run sent it: the system kills so when memory is short. What logq itself ends is not told.\n\
         Helps: look at what it held and had taken, which is named; journalctl -k for the system's own reasons."
    }
}

impl Diagnosis for CrashedProcess {
    fn kind(&self) -> &'static str {
        "crashed-process"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut found = Vec::new();
        for process in processes(graph) {
            let facts = &graph.processes[process.0];
            match facts.end.signal {
                Some(signal) if CRASHING.contains(&signal) => found.push(crashed(graph, process, Some(signal))),
                None if !facts.is_foreign()
                    && !facts.end.is_known()
                    && !evidence.alive.contains(&facts.proc)
                    && has_begun(graph, process) =>
                {
                    found.push(crashed(graph, process, None));
                }
                _ => {}
            }
        }
        found
    }

    fn explain(&self) -> &'static str {
        "crashed-process: a process ended by a signal that the system sends to one that has gone wrong (SEGV, ABRT, BUS…), or \
         without a word.\n\
         Seen by: whoever waited for it; or by no line about its end, though it does not run any more. Certain with a \
         signal; possible without, since it may have been killed together with all that would have seen it.\n\
         Helps: python -X faulthandler; a look at the C extensions that its last records name."
    }
}

/// How a process ended, as the rest of a sentence about it: `was ended by SIGKILL`, `ended with exit code 3`.
pub(super) fn ending(process: &ProcessFacts) -> String {
    match (process.end.signal, process.end.code()) {
        (Some(signal), _) => format!("was ended by {}", signal_name(signal)),
        (None, Some(code)) if code != 0 => format!("ended with exit code {code}"),
        _ => "ended".to_owned(),
    }
}

fn processes(graph: &CausalGraph) -> impl Iterator<Item = ProcessIndex> + '_ {
    let all = (0..graph.processes.len()).map(ProcessIndex);
    all.filter(|process| !graph.processes[process.0].is_logq())
}

/// It is known by records of its own, not only because others mention it.
fn has_begun(graph: &CausalGraph, process: ProcessIndex) -> bool {
    graph.processes[process.0].lanes.iter().any(|lane| graph.lane(*lane).last().is_some())
}

/// `None` where logq itself sent it: the verdict of the run says so.
fn killed_by(graph: &CausalGraph, process: ProcessIndex, signal: i64) -> Option<Finding> {
    let sender = sender_of(graph, process, signal);
    let by_itself = sender.is_some_and(|sent| sent.process == process);
    if sender.is_some_and(|sent| graph.processes[sent.process.0].is_logq()) {
        return None;
    }
    let name = graph.process_name(process);
    let title = format!("{name} was ended by {}", signal_name(signal));
    let is_expected = sender.is_some_and(|sent| sent.process != process) || STOPPING.contains(&signal);
    let mut finding = if is_expected && !by_itself {
        Finding::observation("killed-process", Certainty::Certain, title)
    } else {
        Finding::fault("killed-process", Certainty::Likely, title)
    };
    finding.actor(Actor::process(graph, process, format!("ended by {}", signal_name(signal))));
    let who = match sender {
        Some(sent) => {
            let site = sent.event.site();
            let actor = Actor::lane(graph, sent.lane, format!("sends {}", signal_name(signal)));
            finding.site(site.as_ref(), format!("sends {}", signal_name(signal)), Some(&actor.id), Some(sent.ts));
            let who = format!("{} of process {} sent it", actor.name, actor.process);
            finding.actor(actor);
            who
        }
        None => "nobody of the run sent the signal".to_owned(),
    };
    finding.evidence.extend(sender.map(|sent| graph.id_of(sent.lane, sent.seq)));
    add_last_words(&mut finding, graph, process);
    finding.summary =
        format!("Process {name} (pid {}) was ended by {}; {who}.", graph.processes[process.0].pid, signal_name(signal));
    finding.fix = "see who ends it and why; let it stop by itself, so that what it holds is given back".to_owned();
    Some(finding)
}

fn crashed(graph: &CausalGraph, process: ProcessIndex, signal: Option<i64>) -> Finding {
    let name = graph.process_name(process);
    let pid = graph.processes[process.0].pid;
    let (certainty, title, summary) = match signal {
        Some(signal) => {
            let sent = sender_of(graph, process, signal).is_some();
            let certainty = if sent { Certainty::Likely } else { Certainty::Certain };
            let signal = signal_name(signal);
            let summary = format!("Process {name} (pid {pid}) crashed: the system ended it with {signal}.");
            (certainty, format!("{name} crashed with {signal}"), summary)
        }
        None => {
            let summary = format!("Process {name} (pid {pid}) does not run any more, and nothing says how it ended.");
            (Certainty::Possible, format!("{name} ended without a word"), summary)
        }
    };
    let mut finding = Finding::fault("crashed-process", certainty, title);
    finding.actor(Actor::process(graph, process, "ended without a record of its end"));
    add_last_words(&mut finding, graph, process);
    finding.summary = summary;
    finding.fix = "run it with python -X faulthandler to see where".to_owned();
    finding
}

/// The last note that such a signal was sent to the process.
fn sender_of(graph: &CausalGraph, process: ProcessIndex, signal: i64) -> Option<&Observed> {
    let facts = &graph.processes[process.0];
    let notes = graph.observed.of(EventKind::Note).filter(|observed| {
        observed.event.note().is_some_and(|note| {
            let at_key = note.target == Some(&facts.proc);
            let at_pid = note.target_pid == Some(facts.pid);
            note.what == Some("kill") && note.sig == Some(signal) && (at_key || at_pid)
        })
    });
    notes.last()
}

/// Where its main thread was last heard of, what its lanes held, and how many of them ran.
fn add_last_words(finding: &mut Finding, graph: &CausalGraph, process: ProcessIndex) {
    let lanes: Vec<_> = graph.processes[process.0].lanes.clone();
    let own = lanes.iter().filter(|lane| graph.lane(**lane).lane.kind != LaneKind::Watchdog);
    let mut unended = 0;
    for lane in own {
        let facts = graph.lane(*lane);
        if facts.last().is_none() || facts.end.is_some() {
            continue;
        }
        unended += 1;
        // Of many lanes a few tell enough.
        if finding.resources.len() >= HELD {
            continue;
        }
        let Some(wait) = facts.waits.at(u64::MAX).and_then(|wait| wait.told()) else { continue };
        for held in wait.held.iter().take(HELD) {
            let resource = Resource::of(graph, process, held.obj);
            let id = graph.address(*lane);
            finding.site(held.site.as_ref(), format!("held {} at its end", resource.called()), Some(&id), None);
            finding.resource(resource);
        }
    }
    let last = lanes.iter().filter_map(|lane| graph.last_up_to(*lane, u64::MAX));
    if let Some(last) = last.max_by_key(|at| graph.node(*at).mono) {
        finding.evidence(graph.id(last));
        finding.since = Some(graph.node(last).ts);
    }
    if unended > 1 {
        finding.notes.push(format!("{} of it ran at that time", counted(unended, "lane")));
    }
}
