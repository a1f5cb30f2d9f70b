//! What to call things: lanes, objects and hand-overs, in words; names before ids.

use crate::causality::{CausalGraph, Edge, EdgeKind, LaneIndex, NodeRef};
use crate::record::{EventKind, RecordId, Site};
use crate::view::printable::one_line;

/// `orders.py:120`: the last part of the path is enough beside the function's own lines.
pub fn site(site: &Site) -> String {
    let file = site.file.rsplit(['/', '\\']).next().unwrap_or(&site.file);
    one_line(&format!("{file}:{}", site.line)).into_owned()
}

/// A command line as people typed it, more or less: `python3 shop.py --fast`, without the folders of the program and of
/// its script.
pub fn command<Word: AsRef<str>>(argv: &[Word]) -> String {
    let last_part = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let word = |(place, word): (usize, &Word)| {
        let word = word.as_ref();
        if place < 2 && !word.starts_with('-') { last_part(word) } else { word.to_owned() }
    };
    let words: Vec<String> = argv.iter().enumerate().map(word).collect();
    one_line(&words.join(" ")).into_owned()
}

/// `t3 "worker-1"`, with the process in front where the reader stands in another one.
pub fn lane(graph: &CausalGraph, lane: LaneIndex, reader: Option<LaneIndex>) -> String {
    let facts = graph.lane(lane);
    let process = graph.process_of(lane);
    if process.is_logq() {
        return "logq run".to_owned();
    }
    let near = reader.is_some_and(|reader| graph.lane(reader).process == facts.process);
    let address = if near { facts.lane.to_string() } else { graph.address(lane) };
    let name = facts.display_name();
    if name == facts.lane.to_string() { address } else { format!("{address} {}", one_line(&name)) }
}

/// A lane that a record of `of` mentions: `t3`, or `4242-k3f9xz/t3` in another process.
pub fn mentioned_lane(graph: &CausalGraph, of: LaneIndex, name: &str) -> String {
    let known = graph.mentioned(graph.lane(of).process, name);
    known.map_or_else(|| one_line(name).into_owned(), |known| lane(graph, known, Some(of)))
}

/// A record's id as seen from a lane: `@5` in it, `t1@9` in its process, else `2.t1@9`.
pub fn id_from(graph: &CausalGraph, id: &RecordId, reader: LaneIndex) -> String {
    let own = graph.process_of(reader);
    if *id.proc != *own.proc {
        return id.to_string();
    }
    if id.lane == graph.lane(reader).lane { format!("@{}", id.seq) } else { format!("{}@{}", id.lane, id.seq) }
}

/// Name of an object of a lane's process: `queue jobs`; where it has none, `the Future of jobs.py:9`, or `queue:2`, or
/// `queue:2 of process 1` where it is another process's.
pub fn object(graph: &CausalGraph, of: LaneIndex, name: &str) -> String {
    let process = graph.lane(of).process;
    let facts = graph.object(process, name);
    if let Some(own) = facts.and_then(|facts| facts.name.as_deref()) {
        return format!("{} {}", object_kind(name), one_line(own));
    }
    if let Some((kind, made)) = facts.and_then(|facts| Some((facts.kind.as_deref()?, facts.site.as_ref()?))) {
        return format!("the {} of {}", one_line(kind.rsplit('.').next().unwrap_or(kind)), site(made));
    }
    let Some((key, own)) = name.rsplit_once('/') else { return one_line(name).into_owned() };
    let home = graph.process_with_key(key);
    match home.and_then(|home| graph.processes[home.0].number) {
        _ if home == Some(process) => one_line(own).into_owned(),
        Some(number) => format!("{} of process {number}", one_line(own)),
        None => one_line(name).into_owned(),
    }
}

/// `queue` of `queue:2` or `4242-k3f9xz/queue:2`, as people say it.
fn object_kind(name: &str) -> &str {
    let own = name.rsplit_once('/').map_or(name, |(_, own)| own);
    match own.split_once(':').map_or(own, |(kind, _)| kind) {
        "fut" => "future",
        "cond" => "condition",
        "sem" => "semaphore",
        "rlock" => "lock",
        kind => kind,
    }
}

/// How a hand-over reads where it arrives and where it leaves.
pub struct HandOver {
    /// `item from queue jobs, put by`; the sender's name follows.
    pub arriving: String,
    /// `item into queue jobs, taken by`; the receiver's name follows.
    pub leaving: String,
}

/// The words for the edge into `to`.
pub fn hand_over(graph: &CausalGraph, edge: &Edge, to: NodeRef) -> HandOver {
    let words = |arriving: &str, leaving: &str| HandOver { arriving: arriving.into(), leaving: leaving.into() };
    if edge.kind == EdgeKind::Start {
        let process = graph.lane(edge.from).process != graph.lane(to.lane).process;
        return if process {
            words("process started by", "started process of")
        } else {
            words("started by", "started")
        };
    }
    let Some(by) = &edge.by else { return unnamed(graph, edge, to) };
    let object = object(graph, to.lane, by);
    match object_kind(by) {
        "queue" | "aqueue" | "mpqueue" | "simplequeue" => HandOver {
            arriving: format!("item from {object}, put by"),
            leaving: format!("item into {object}, taken by"),
        },
        "fut" | "future" => {
            HandOver { arriving: format!("result of {object} from"), leaving: format!("result of {object} seen by") }
        }
        "job" => words("work submitted by", "submitted work to"),
        "join" => words("joined", "joined by"),
        "result" => words("result of", "result seen by"),
        "lock" | "rlock" => {
            HandOver { arriving: format!("{object}, released by"), leaving: format!("{object}, taken by") }
        }
        _ => HandOver { arriving: format!("through {object} from"), leaving: format!("through {object} to") },
    }
}

/// Words for a stamp that no object carried. It may have come through other lanes that wrote nothing, so only the order
/// is said.
fn unnamed(graph: &CausalGraph, edge: &Edge, to: NodeRef) -> HandOver {
    let words = |arriving: &str, leaving: &str| HandOver { arriving: arriving.into(), leaving: leaving.into() };
    let from = graph.last_up_to(edge.from, edge.seq);
    let ended = from.is_some_and(|from| matches!(graph.node(from).event, Some(EventKind::End | EventKind::Exit)));
    let elsewhere = graph.lane(edge.from).process != graph.lane(to.lane).process;
    let reaped = elsewhere && graph.node(to).event == Some(EventKind::Reap);
    match (reaped, ended) {
        (true, _) => words("saw the end of process of", "end of the process seen by"),
        (_, true) => words("after the end of", "end known to"),
        _ => words("after", "before"),
    }
}
