//! Events in words, second part: what logq itself saw when it looked on (snapshots, loops that do not turn), and the
//! facts that only a diagnosis needs. Not for a person to read first, yet never as raw keys.

use crate::record::{Event, EventKind, signal_name};
use crate::view::clock::duration;
use crate::view::events::{Naming, other_sentence};
use crate::view::names;

/// A message, or a step of a pool's job, left the lane or reached it.
pub(super) fn transfer(event: &Event, naming: &Naming) -> String {
    let Some(transfer) = event.transfer() else { return other_sentence(event) };
    let sends = event.kind == EventKind::Send;
    let obj = transfer.obj.map_or_else(|| "something unnamed".to_owned(), naming.object);
    let job = transfer.job.map_or_else(|| "a job".to_owned(), |job| format!("job {job}"));
    match (transfer.via, sends) {
        (Some("queue"), true) => format!("puts an item into {obj}"),
        (Some("queue"), false) => format!("gets an item from {obj}"),
        (Some("job"), true) => format!("submits {job} to {obj}"),
        (Some("job"), false) => format!("takes {job} from {obj}"),
        (Some("result"), true) => format!("gives the result of {job} to {obj}"),
        (Some("result"), false) => format!("has the result of {job} from {obj}"),
        (_, true) => format!("sends through {obj}"),
        (_, false) => format!("receives through {obj}"),
    }
}

/// Work that had waited in a pool began.
pub(super) fn begin(event: &Event, naming: &Naming) -> String {
    let Some(begin) = event.begin() else { return other_sentence(event) };
    let pool = begin.obj.map_or_else(|| "a pool".to_owned(), naming.object);
    match begin.queued {
        Some(queued) => format!("began work that had waited {} in {pool}", duration(queued)),
        None => format!("began work of {pool}"),
    }
}

/// A lock was taken while others were held.
pub(super) fn nest(event: &Event, naming: &Naming) -> String {
    let Some(nest) = event.nest() else { return other_sentence(event) };
    let taken = nest.obj.map_or_else(|| "a lock".to_owned(), naming.object);
    let held: Vec<String> = nest.held.iter().map(|held| (naming.object)(held.obj)).collect();
    format!("takes {taken} while it holds {}", held.join(", "))
}

/// A variable that lanes share was read or written.
pub(super) fn access(event: &Event, naming: &Naming) -> String {
    let Some(access) = event.access() else { return other_sentence(event) };
    let verb = if access.rw == Some("w") { "writes" } else { "reads" };
    let item = access.item.map_or_else(String::new, |item| format!("[{item}]"));
    let variable = access.var.map_or_else(|| "a variable".to_owned(), naming.object);
    let variable = variable.split_once(' ').map_or(&*variable, |(_, name)| name); // what kind of object it is in stands in its line
    // The acquisition is for those who compare two of them.
    let held = access.held.iter().map(|held| (naming.object)(held.split_once('#').map_or(held, |(obj, _)| obj)));
    let held: Vec<String> = held.collect();
    let while_held = if held.is_empty() { String::new() } else { format!(" while it holds {}", held.join(", ")) };
    format!("{verb} {variable}{item}{while_held}")
}

/// A fact by the word that it is noted under.
pub(super) fn note(event: &Event, naming: &Naming) -> String {
    let Some(note) = event.note() else { return other_sentence(event) };
    let object = || note.obj.map_or_else(|| "something".to_owned(), naming.object);
    let target = || note.target.map_or_else(|| "something".to_owned(), naming.lane);
    match note.what {
        Some("cancel") => format!("asks {} to cancel", target()),
        Some("kill") => {
            let whom = match (note.target, note.target_pid) {
                (None, Some(pid)) => format!("process {pid}"),
                _ => format!("process {}", note.target.unwrap_or("?")),
            };
            format!("sends {} to {whom}", note.sig.map_or_else(|| "a signal".to_owned(), signal_name))
        }
        Some("foreign") => format!("touches {}, which belongs to a loop of another thread", object()),
        Some("never-awaited") => {
            let function = note.function.or(note.name).unwrap_or("a coroutine");
            format!("{function} was called and never awaited")
        }
        Some("retrieved") => format!("was told that {} failed", object()),
        Some("notify") => format!("notifies {} of {}", note.waiters.unwrap_or(0), object()),
        Some("set") => format!("sets {}", object()),
        Some("task_done") => format!("is done with an item of {}, {} left", object(), note.left.unwrap_or(0)),
        Some("shutdown") => format!("shuts {} down", object()),
        Some("put-rejected") => format!("finds no room in {}", object()),
        Some("throttled") => format!("uses {} so often that not every use is written any more", object()),
        _ => other_sentence(event),
    }
}

/// An event loop does not turn.
pub(super) fn blocked(event: &Event, naming: &Naming) -> String {
    let Some(blocked) = event.blocked() else { return other_sentence(event) };
    let who = blocked.lane.map_or_else(|| "something".to_owned(), naming.lane);
    let time = blocked.ms.map_or_else(String::new, |ms| format!(" for {}", duration(ms.saturating_mul(1_000_000))));
    let place = blocked.stack.first().map_or_else(String::new, |site| format!(" at {}", names::site(site)));
    let verb = if blocked.over { "held" } else { "holds" };
    format!("{who} {verb} the event loop{time}{place}")
}

/// What a process was doing; the whole of it stands in the record's JSON.
pub(super) fn snapshot(event: &Event) -> String {
    let Some(snapshot) = event.snapshot() else { return other_sentence(event) };
    let why = match snapshot.why {
        Some("standstill") => "nothing moves any more",
        Some("closed") => "waits close in a circle",
        Some("dump") => "asked for",
        Some("timeout") => "before the time limit ends it",
        Some(other) => other,
        None => "no reason given",
    };
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let (threads, tasks) = (snapshot.lanes.len(), snapshot.tasks.len());
    let tasks = if tasks == 0 { String::new() } else { format!(", {}", count(tasks, "task")) };
    format!("snapshot, {why}: {}{tasks}", count(threads, "thread"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::access;
    use crate::record::{Event, EventKind};
    use crate::view::events::Naming;

    #[test]
    fn an_access_tells_the_variable_and_what_guards_it() {
        let said = |keys: Value| {
            let Value::Object(keys) = keys else { panic!("an object") };
            let event = Event { kind: EventKind::Access, name: "access".into(), keys };
            let named = |obj: &str| if obj == "value:1" { "value total".to_owned() } else { obj.to_owned() };
            access(&event, &Naming { object: &named, lane: &str::to_owned })
        };
        assert_eq!(said(json!({"var": "value:1", "rw": "r"})), "reads total");
        assert_eq!(said(json!({"var": "proxy:2", "rw": "w", "item": 3})), "writes proxy:2[3]");
        let guarded = json!({"var": "value:1", "rw": "w", "item": "x", "held": ["lock:4#17", "lock:5#9", 7]});
        assert_eq!(said(guarded), "writes total[x] while it holds lock:4, lock:5");
    }
}
