//! How a wait reads, and what helps against it.

use crate::causality::{CausalGraph, LaneIndex, ProcessIndex};
use crate::diagnose::Resource;
use crate::record::readings::WaitEvent;
use crate::record::{Lane, LaneKind};

/// `worker-1`, with its process where that is not the reader's.
pub fn lane(graph: &CausalGraph, lane: LaneIndex, near: ProcessIndex) -> String {
    let facts = graph.lane(lane);
    let name = facts.display_name();
    let name = match facts.lane.kind {
        LaneKind::Task => format!("task {name}"),
        LaneKind::Greenlet => format!("greenlet {name}"),
        _ => name,
    };
    // Every process has a main thread; alone, its name means that of the program itself.
    let is_clear = facts.lane != Lane::MAIN || graph.processes[facts.process.0].number == Some(1);
    if facts.process == near && is_clear { name } else { format!("{name} of {}", graph.process_name(facts.process)) }
}

/// `waits for ledger_guard`.
pub fn waits(graph: &CausalGraph, process: ProcessIndex, wait: &WaitEvent) -> String {
    let thing = wait.obj.map(|obj| Resource::of(graph, process, obj).called());
    let name = |fallback: &str| thing.clone().unwrap_or_else(|| fallback.to_owned());
    let owner = || wait.owner.and_then(|owner| graph.mentioned(process, owner)).map(|own| lane(graph, own, process));
    match wait.on.unwrap_or_default() {
        "lock" | "rlock" => format!("waits for {}", name("a lock")),
        "import" => format!("waits until {} is imported", name("a module")),
        "join" if wait.owners.len() > 1 => format!("waits for the end of {} threads", wait.owners.len()),
        "join" => format!("waits for the end of {}", owner().unwrap_or_else(|| "a thread".to_owned())),
        "task" if !wait.owners.is_empty() => {
            let owners = wait.owners.iter().filter_map(|owner| graph.mentioned(process, owner));
            let names: Vec<String> = owners.take(4).map(|own| lane(graph, own, process)).collect();
            format!("awaits {}", names.join(", "))
        }
        "task" => format!("awaits {}", owner().unwrap_or_else(|| "a task".to_owned())),
        "process" => {
            let child = wait.owner.and_then(|owner| graph.mentioned(process, owner));
            let child = child.map(|child| graph.process_name(graph.lane(child).process));
            let pid = || wait.child_pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"));
            format!("waits for the end of {}", child.unwrap_or_else(pid))
        }
        "queue-get" => format!("waits for an item of {}", name("a queue")),
        "queue-put" => format!("waits for room in {}", name("a queue")),
        "queue-join" => match wait.left {
            Some(left) => format!("waits until all of {} is done ({left} left)", name("a queue")),
            None => format!("waits until all of {} is done", name("a queue")),
        },
        "cond" => format!("waits to be notified by {}", name("a condition")),
        "event" => format!("waits until {} is set", name("an event")),
        "sem" => format!("waits for a permit of {}", name("a semaphore")),
        "barrier" => match (wait.have, wait.need) {
            (Some(have), Some(need)) => format!("waits at {} ({have} of {need} are there)", name("a barrier")),
            _ => format!("waits at {}", name("a barrier")),
        },
        "channel" if wait.state == Some("write") => format!("waits until somebody reads from {}", name("a channel")),
        "channel" if wait.state == Some("choice") => format!("waits for one of several channels, {}", name("unnamed")),
        "channel" if wait.state == Some("full") => format!("waits for room in {}", name("a connection")),
        "channel" => format!("waits for a message through {}", name("a connection")),
        "pipe" if wait.state == Some("full") => "waits for room in a full pipe".to_owned(),
        "pipe" => "waits for data in an empty pipe".to_owned(),
        "future" if wait.job.is_some() => {
            format!("waits for the result of job {} of {}", wait.job.unwrap_or_default(), name("a pool"))
        }
        "deferred" => format!("waits for {} to be fired", name("a Deferred")),
        "future" => match wait.state {
            Some(state) => format!("waits for the result of {} ({})", name("a future"), state.to_lowercase()),
            None => format!("waits for the result of {}", name("a future")),
        },
        other => format!("waits for {}", name(if other.is_empty() { "something" } else { other })),
    }
}

/// What to change where waits end at such an object.
pub fn fix(on: &str) -> &'static str {
    match on {
        "queue-join" => {
            "call task_done() in a finally for every item that was got, and let a worker survive a bad item"
        }
        "queue-get" => "end consumers with a sentinel each, and let a producer that fails say so",
        "queue-put" => "let the consumer survive a bad item, or put with a timeout",
        "sem" => "release in a finally, or use `with`",
        "barrier" => "start as many parties as the barrier has, and abort() it when one fails",
        "cond" => "wait in a loop that asks the state itself, and notify after every change of it",
        "event" => "set the event in a finally, or wait with a timeout",
        "deferred" => "fire the Deferred on every way out, by errback() too, or give it addTimeout()",
        "future" => "resolve the future on every way out, by an exception too",
        "job" => {
            "let no worker end in the midst of a job: raise an exception instead; a ProcessPoolExecutor says when one does"
        }
        "pipe" | "channel" => {
            "read what others write before waiting for their end, and close the ends that are not used"
        }
        "import" => {
            "start no thread and wait for none while a module is imported: do it in a function, called afterwards"
        }
        "lock" | "rlock" => "take locks by `with`, and never end what may hold one",
        "join" | "process" | "task" => "let what is waited for end: tell it to stop, or wait with a timeout",
        _ => "wait with a timeout, and let whoever fails say so",
    }
}
