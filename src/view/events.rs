//! Events in words: one short sentence each.

use serde_json::Value;

use crate::record::{Event, EventKind};
use crate::view::clock::duration;
use crate::view::looks;
use crate::view::names::{self, command};
use crate::view::printable::one_line;

/// What an event mentions, by its name on the wire, in the words of the reader.
pub struct Naming<'a> {
    /// Names an object of the event's process.
    pub object: &'a dyn Fn(&str) -> String,
    /// Names a lane of the event's process, or of the process that stands before it.
    pub lane: &'a dyn Fn(&str) -> String,
}

/// How an event reads in a line of text.
pub struct Sentence {
    pub text: String,
    /// Something went wrong here.
    pub bad: bool,
}

/// The event in words, harmless for a terminal. Nothing of it is lost that a person would look for; the rest stands in
/// its JSON.
pub fn sentence(event: &Event, naming: &Naming) -> Sentence {
    let Sentence { text, bad } = words(event, naming);
    // Here, for all kinds at once: whatever a sentence quotes of the program is made harmless with the rest of it.
    Sentence { text: one_line(&text).into_owned(), bad }
}

fn words(event: &Event, naming: &Naming) -> Sentence {
    let good = |text: String| Sentence { text, bad: false };
    let bad = |text: String| Sentence { text, bad: true };
    let on = || event.obj().map_or_else(String::new, |obj| format!(" {}", (naming.object)(obj)));
    match event.kind {
        EventKind::Proc => good(proc_sentence(event)),
        EventKind::Lane => good(lane_sentence(event)),
        EventKind::End => end_sentence(event),
        EventKind::Exit => exit_sentence(event),
        EventKind::Child => good(format!("started process{}", child_words(event))),
        EventKind::Reap => reap_sentence(event),
        EventKind::Obj => good(object_sentence(event)),
        EventKind::Wait => good(wait_sentence(event, naming)),
        EventKind::Got => good(got_sentence(event)),
        EventKind::Send | EventKind::Recv => good(looks::transfer(event, naming)),
        EventKind::Acq => good(format!("takes{}", on())),
        EventKind::Rel => good(format!("gives back{}", on())),
        EventKind::Exc => bad(exc_sentence(event)),
        EventKind::Lost => bad(lost_sentence(event)),
        EventKind::Sync => good("carries stamps".to_owned()),
        EventKind::Begin => good(looks::begin(event, naming)),
        EventKind::Nest => good(looks::nest(event, naming)),
        EventKind::Note => good(looks::note(event, naming)),
        EventKind::Blocked => bad(looks::blocked(event, naming)),
        EventKind::Snap => good(looks::snapshot(event)),
        EventKind::Access => good(looks::access(event, naming)),
        EventKind::Other => good(other_sentence(event)),
    }
}

fn proc_sentence(event: &Event) -> String {
    let Some(proc) = event.proc() else { return other_sentence(event) };
    let command = command(&proc.argv);
    match proc.how {
        Some("root" | "logq") | None => format!("process began: {command}"),
        Some(how) => format!("process began by {how}: {command}"),
    }
}

fn lane_sentence(event: &Event) -> String {
    let Some(lane) = event.lane() else { return other_sentence(event) };
    let what = lane.kind.unwrap_or("lane");
    match lane.function {
        Some(function) => format!("{what} began, runs {}", one_line(function)),
        None => format!("{what} began"),
    }
}

fn end_sentence(event: &Event) -> Sentence {
    let end = event.end();
    let exc = end.as_ref().and_then(|end| end.exc.as_ref()).map(|exc| one_line(&exc.to_string()).into_owned());
    let how = end.as_ref().and_then(|end| end.how).unwrap_or("ok");
    match how {
        "ok" => Sentence { text: "ended".into(), bad: false },
        "exc" => Sentence { text: format!("died: {}", exc.unwrap_or_else(|| "an exception".into())), bad: true },
        other => Sentence { text: one_line(other).into_owned(), bad: false },
    }
}

fn exit_sentence(event: &Event) -> Sentence {
    let exit = event.exit();
    let code = exit.as_ref().and_then(|exit| exit.rc);
    let unasked = exit.as_ref().map_or(0, |exit| exit.unretrieved.len());
    let mut text = code.map_or_else(|| "process exits".to_owned(), |code| format!("process exits with {code}"));
    if unasked > 0 {
        text.push_str(&format!("; failed and never asked: {unasked}"));
    }
    Sentence { text, bad: code.is_some_and(|code| code != 0) || unasked > 0 }
}

fn child_words(event: &Event) -> String {
    let Some(child) = event.child() else { return String::new() };
    let name = child.name.map(str::to_owned).or_else(|| (!child.argv.is_empty()).then(|| command(&child.argv)));
    let name = name.map_or_else(String::new, |name| format!(" {}", one_line(&name)));
    match child.child_pid {
        Some(pid) => format!("{name} (pid {pid})"),
        None => name,
    }
}

fn reap_sentence(event: &Event) -> Sentence {
    let reap = event.reap();
    let pid = reap.as_ref().and_then(|reap| reap.child_pid).map_or_else(String::new, |pid| format!(" {pid}"));
    let (text, bad) = match reap.as_ref().and_then(|reap| reap.killed_by()) {
        Some(signal) => (format!("saw process{pid} ended by signal {signal}"), true),
        None => match reap.and_then(|reap| reap.rc) {
            Some(0) => (format!("saw process{pid} end"), false),
            Some(code) => (format!("saw process{pid} end with {code}"), true),
            None => (format!("saw process{pid} end"), false),
        },
    };
    Sentence { text, bad }
}

fn object_sentence(event: &Event) -> String {
    let Some(object) = event.object() else { return other_sentence(event) };
    let kind = object.kind.unwrap_or(object.obj);
    match object.name {
        Some(name) => format!("{} is {kind} {}", object.obj, one_line(name)),
        None => format!("{} is a {kind}", object.obj),
    }
}

fn wait_sentence(event: &Event, naming: &Naming) -> String {
    let Some(wait) = event.wait() else { return other_sentence(event) };
    let owner = wait.owner.map(naming.lane);
    if let (Some("join"), Some(owner)) = (wait.on, &owner) {
        return format!("waits for the end of {owner}");
    }
    if wait.on == Some("join") && wait.owners.len() > 1 {
        return format!("waits for the end of {} threads", wait.owners.len());
    }
    let object = wait.obj.map(naming.object);
    let mut text = match (object, wait.on) {
        (Some(object), Some("cond")) => format!("waits to be notified by {object}"),
        (Some(object), Some("event")) => format!("waits until {object} is set"),
        (Some(object), Some("sem")) => format!("waits for a permit of {object}"),
        (Some(object), Some("queue-get")) => format!("waits for an item from {object}"),
        (Some(object), Some("queue-put")) => format!("waits for room in {object}"),
        (Some(object), Some("queue-join")) => format!("waits until all of {object} is done"),
        (Some(object), Some("future")) => format!("waits for the result of {object}"),
        (Some(object), _) => format!("waits for {object}"),
        (None, Some("process")) => match wait.child_pid {
            Some(pid) => format!("waits for the end of process {pid}"),
            None => "waits for the end of a process".to_owned(),
        },
        (None, Some(on)) => format!("waits for {on}"),
        (None, None) => "waits for something".to_owned(),
    };
    if let Some(owner) = owner {
        text.push_str(&format!(", held by {owner}"));
        if let Some(site) = &wait.held_at {
            text.push_str(&format!(" since {}", names::site(site)));
        }
    }
    if !wait.held.is_empty() {
        let held: Vec<String> = wait.held.iter().map(|held| (naming.object)(held.obj)).collect();
        text.push_str(&format!(", holds {}", held.join(", ")));
    }
    text
}

fn got_sentence(event: &Event) -> String {
    let Some(got) = event.got() else { return other_sentence(event) };
    let waited = got.waited.map_or_else(String::new, |ns| format!(" after {}", duration(ns)));
    match got.res {
        None | Some("ok") => format!("got it{waited}"),
        Some(other) => format!("{}{waited}", one_line(other)),
    }
}

fn exc_sentence(event: &Event) -> String {
    let exception = event.exception().unwrap_or_default();
    let place = event.unhandled().and_then(|exc| exc.place).unwrap_or("program");
    let what = if exception.msg.is_empty() { exception.kind } else { format!("{}: {}", exception.kind, exception.msg) };
    let seen = match place {
        "sys" => "uncaught",
        "thread" => "uncaught in the thread",
        "task" | "future" => "never asked for",
        _ => "unhandled",
    };
    format!("{}  ({seen})", one_line(&what))
}

fn lost_sentence(event: &Event) -> String {
    let lost = event.lost();
    let n = lost.as_ref().and_then(|lost| lost.n).unwrap_or(1);
    let why = lost.and_then(|lost| lost.why).unwrap_or("unknown");
    match why {
        "cut" | "gone" => format!(
            "the log was {} before what was added to it last may have been read",
            if why == "cut" { "cut" } else { "removed" }
        ),
        "ring" | "cap" => format!("{n} old records were dropped, to keep to the {why}"),
        why => format!("{n} records could not be written: {}", one_line(why)),
    }
}

/// An event that has no sentence of its own: its name and its keys.
pub(super) fn other_sentence(event: &Event) -> String {
    let keys = event.keys.iter().map(|(key, value)| match value {
        Value::String(text) => format!(" {key}={text}"),
        value => format!(" {key}={value}"),
    });
    let text: String = keys.collect();
    one_line(&format!("{}{text}", event.name)).into_owned()
}
