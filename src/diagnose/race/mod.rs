//! Kind `race`: what one lane wrote is lost, or can be, because another one made its own value from what was there before.
//!
//! Only updates count: a write that was made from an earlier read of the same variable, or decided by it. A flag, an append,
//! a value that somebody else merely looks at are no updates, and CPython keeps them whole. What is found by versions
//! within a process is in `conflicts.rs`, what several processes share in `between.rs`, how it is said in `words.rs`.

mod between;
mod conflicts;
mod words;

use std::collections::BTreeMap;

use super::{Certainty, Diagnosis, Evidence, Finding};
use crate::causality::{CausalGraph, LaneIndex, NodeRef, ProcessIndex, Reading};
use crate::record::{EventKind, Site};

pub struct Race;

impl Diagnosis for Race {
    fn kind(&self) -> &'static str {
        "race"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let graph = evidence.graph;
        let mut pasts = Pasts::of(graph);
        let mut conflicts = conflicts::find(graph, &mut pasts);
        conflicts.extend(between::find(graph, &mut pasts));
        let mut by_variable: BTreeMap<String, Vec<Conflict>> = BTreeMap::new();
        for conflict in conflicts {
            by_variable.entry(words::variable(graph, &conflict)).or_default().push(conflict);
        }
        let mut found: Vec<Finding> = by_variable
            .into_values()
            .map(|mut conflicts| {
                conflicts.sort_by_key(|conflict| (!conflict.seen, conflict.ts));
                words::describe(graph, &mut pasts, &conflicts)
            })
            .collect();
        found.extend(unwatched(graph));
        found
    }

    fn explain(&self) -> &'static str {
        "race: two lanes update one variable, file or row, and one does not see what the other did: an update is lost, \
         something is made twice, a check no longer holds when it is acted upon.\n\
         Seen under `logq run --races`, which notes accesses to globals, attributes, items and variables of functions in the \
         program's own files; and where values are marked by `logq.shared`, `logq.read` and `logq.write`. An update is a write \
         that was made from an earlier read, through the lines between them, or decided by it.\n\
         Certain where a write replaced another lane's that its own value was made without. Likely where two lanes updated the \
         same, no lock was held around both in each, and neither a start, join or hand-over orders them nor another lock: this run \
         had luck. Tasks of \
         one loop only where another task really came between.\n\
         Silent about flags, appends, single reads and writes, what a lock covers from the read to the write, what a queue, \
         join, future or event hands over, and what only one thread has. Not seen: other people's packages, code made by \
         `exec`, `python -c`, items of objects of C, dicts and lists that are reached by local names alone.\n\
         Helps: one lock from the read to the write; an operation that does both at once (queue, `setdefault`, `UPDATE … SET \
         n = n + 1`, `with value.get_lock()`); one owner for the variable. In a task: no await between, or an asyncio.Lock."
    }
}

/// One side of a conflict: a lane's read and the write that it made of it.
#[derive(Debug, Clone)]
struct Side {
    lane: LaneIndex,
    /// After this record of the lane, or in it.
    seq: u64,
    read: Option<Site>,
    write: Option<Site>,
    /// `1-aaaaaa/lock:1#17`, at the write.
    held: Vec<String>,
    stack: Vec<Site>,
}

/// How what was read went into what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Value,
    Check,
    Init,
}

#[derive(Debug, Clone)]
struct Conflict {
    process: ProcessIndex,
    obj: String,
    item: Option<String>,
    /// The record that tells of it, which is a write of `one`.
    at: NodeRef,
    one: Side,
    other: Side,
    way: Way,
    /// The other's write lay between the read and the write of `one`, and is lost.
    seen: bool,
    /// That follows from exact facts.
    exact: bool,
    ts: i64,
}

impl Way {
    fn of(how: Option<&str>) -> Way {
        match how {
            Some("check") => Way::Check,
            Some("init") => Way::Init,
            _ => Way::Value,
        }
    }
}

/// What came before some records, by either reading; of so many at most.
struct Pasts<'a> {
    graph: &'a CausalGraph,
    known: BTreeMap<(NodeRef, bool), BTreeMap<LaneIndex, NodeRef>>,
}

const MOST_PASTS: usize = 400;

impl<'a> Pasts<'a> {
    fn of(graph: &'a CausalGraph) -> Pasts<'a> {
        Pasts { graph, known: BTreeMap::new() }
    }

    /// `None` where too many were asked for.
    fn before(&mut self, at: NodeRef, reading: Reading) -> Option<&BTreeMap<LaneIndex, NodeRef>> {
        let asked = (at, reading == Reading::Full);
        if !self.known.contains_key(&asked) {
            if self.known.len() >= MOST_PASTS {
                return None;
            }
            self.known.insert(asked, self.graph.ancestors(at, reading));
        }
        self.known.get(&asked)
    }

    /// Whether what a lane did after its record `seq` may have come before the record: unless it surely did not.
    fn may_precede(&mut self, (lane, seq): (LaneIndex, u64), at: NodeRef, reading: Reading) -> bool {
        let graph = self.graph;
        let Some(past) = self.before(at, reading) else { return true };
        past.get(&lane).is_some_and(|last| graph.node(*last).seq >= seq.max(1))
    }
}

/// Locks that Python does not keep: on a file, of a database, of a manager. They have one name in all processes.
fn is_outside(lock: &str) -> bool {
    ["file:", "db:", "manager:"].iter().any(|kind| lock.starts_with(kind))
}

/// What is not on record and may have ordered the lanes.
fn unknown_order(graph: &CausalGraph, conflict: &Conflict) -> Vec<String> {
    let mut unknown = Vec::new();
    let mut processes: Vec<ProcessIndex> =
        [&conflict.one, &conflict.other].iter().map(|side| graph.lane(side.lane).process).collect();
    processes.dedup();
    for process in processes {
        let facts = &graph.processes[process.0];
        if facts.dropped > 0 {
            unknown.push(format!("{} old records were dropped, with what ordered them", facts.dropped));
        }
        if facts.lost + facts.malformed > 0 {
            unknown.push(format!("{} records could not be written or read", facts.lost + facts.malformed));
        }
    }
    if graph.dangling > 0 {
        unknown.push(format!("{} stamps point to records that are not there", graph.dangling));
    }
    unknown
}

/// Files of the program whose accesses nobody noted.
fn unwatched(graph: &CausalGraph) -> Option<Finding> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut evidence = Vec::new();
    for note in graph.observed.of(EventKind::Note) {
        let Some(said) = note.event.note().filter(|said| said.what == Some("unwatched")) else { continue };
        let Some(name) = said.name else { continue };
        files.insert(name.to_owned(), said.why.unwrap_or("unknown").to_owned());
        evidence.extend(graph.find(note.lane, note.seq).map(|at| graph.id(at)));
    }
    if files.is_empty() {
        return None;
    }
    let title = match files.len() {
        1 => "1 part of the program is not watched".to_owned(),
        n => format!("{n} parts of the program are not watched"),
    };
    let mut finding = Finding::observation("race", Certainty::Certain, title);
    let told: Vec<String> = files.iter().take(5).map(|(name, why)| format!("{name} ({why})")).collect();
    finding.summary = format!("Races in it would not be seen: {}.", told.join(", "));
    evidence.truncate(5);
    evidence.into_iter().for_each(|id| finding.evidence(id));
    Some(finding)
}
