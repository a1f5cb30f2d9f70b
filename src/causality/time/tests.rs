//! Where the time went, of histories in a small language: one line a lane, its records in order, each with its time in ms.
//!
//! `5 wait m t2` begins a wait for lock `m`, which t2 has; `9 got m t2@3` ends it with that stamp; queues begin with q (for
//! items) and r (for room); `gone` ends a wait without a result. `1 from t1@1` begins a lane, `6 after t2@4` merges a stamp.

use serde_json::{Map, Value, json};

use super::*;
use crate::causality::{Builder, CausalGraph, LaneIndex, NodeRef};
use crate::record::decode::Place as LinePlace;
use crate::record::{Record, decode};

const MS: u64 = 1_000_000;

pub(super) struct Run {
    pub(super) graph: CausalGraph,
    pub(super) ledger: Ledger,
}

/// A record of process 1, from its keys.
fn record(lane: &str, seq: usize, ms: u64, keys: Value) -> Record {
    let mut line = json!({"ts": "2026-11-22T17:15:03.000000000Z", "mono": ms * MS, "proc": "1-aaaaaa", "pid": 1, "lane": lane, "seq": seq});
    let whole: &mut Map<String, Value> = line.as_object_mut().expect("an object");
    whole.extend(keys.as_object().expect("keys").clone());
    let place = LinePlace { proc: "1-aaaaaa".into(), process: Some(1), part: 1, offset: 0 };
    decode(line.to_string().as_bytes(), &place)
}

fn keys(words: &[&str], ms: u64) -> Value {
    match words {
        ["wait", on, owner] => {
            json!({"ev": "wait", "on": kind(on), "obj": object(on), "owner": owner, "since": ms * MS})
        }
        ["wait", on] => json!({"ev": "wait", "on": kind(on), "obj": object(on), "since": ms * MS}),
        ["got", on, stamp] => {
            let key = if kind(on) == "lock" { "hbl" } else { "hb" };
            let by = object(on).unwrap_or_else(|| "join".to_owned());
            json!({"ev": "got", "obj": object(on), "res": "ok", key: [format!("{stamp}|{by}")]})
        }
        ["got", on] => json!({"ev": "got", "obj": object(on), "res": "ok"}),
        ["gone", on] => json!({"ev": "got", "obj": object(on), "res": "timeout"}),
        ["from", stamp] => json!({"ev": "lane", "from": stamp}),
        ["after", stamp] => json!({"level": "INFO", "msg": "", "hb": [stamp]}),
        _ => json!({"level": "INFO", "msg": words.join(" ")}),
    }
}

fn object(on: &str) -> Option<String> {
    (on != "join").then(|| format!("{}:{on}", if kind(on) == "lock" { "lock" } else { "queue" }))
}

fn kind(on: &str) -> &'static str {
    match on {
        "join" => "join",
        _ if on.starts_with('q') => "queue-get",
        _ if on.starts_with('r') => "queue-put",
        _ => "lock",
    }
}

pub(super) fn run(text: &str) -> Run {
    let mut records = Vec::new();
    for line in text.lines() {
        let (lane, steps) = line.split_once(": ").expect("lane: steps");
        for (at, step) in steps.split(", ").enumerate() {
            let (ms, what) = step.trim().split_once(' ').expect("time what");
            let ms = ms.parse().expect("a time");
            let words: Vec<&str> = what.split(' ').collect();
            records.push(record(lane.trim(), at + 1, ms, keys(&words, ms)));
        }
    }
    let mut builder = Builder::new();
    records.iter().for_each(|record| builder.add(record));
    let graph = builder.finish();
    let mut reader = LedgerReader::new(&graph);
    records.iter().for_each(|record| reader.add(record));
    Run { ledger: reader.finish(), graph }
}

impl Run {
    pub(super) fn node(&self, name: &str) -> NodeRef {
        self.graph.named(&format!("1.{name}").parse().expect("a name"), None).expect("a record")
    }

    fn lane(&self, lane: LaneIndex) -> String {
        self.graph.lane(lane).lane.to_string()
    }

    /// The path as `t1 0-5, t2 5-9 for lock:m`.
    fn path(&self, end: &str) -> String {
        let schedule = Schedule::of(&self.graph, &self.ledger);
        let path = schedule.critical_path(self.node(end), 0);
        let text = |segment: &Segment| {
            let waited = match segment.doing {
                Doing::Working => "",
                Doing::Waiting(_) => " waits",
                Doing::Resuming => " resumes",
            };
            let kept = segment.kept.and_then(|pause| self.ledger.pauses[pause].object);
            let kept = kept.map_or_else(String::new, |object| format!(" for {}", self.ledger.object(object).name));
            format!("{} {}-{}{waited}{kept}", self.lane(segment.lane), segment.from / MS, segment.to / MS)
        };
        path.segments.iter().map(text).collect::<Vec<_>>().join(", ")
    }

    /// When that record would have been made, in ms, without the waits for an object.
    fn without(&self, end: &str, object: &str) -> u64 {
        let schedule = Schedule::of(&self.graph, &self.ledger);
        let gone = |pause: &Pause| pause.object.is_some_and(|index| &*self.ledger.object(index).name == object);
        schedule.without(self.node(end), &gone) / MS
    }
}

#[test]
fn the_path_goes_to_who_held_what_was_waited_for() {
    let run = run("t1: 0 begin, 2 wait m t2, 9 got m t2@2, 10 end\n\
                   t2: 0 begin, 1 takes, 12 end");
    assert_eq!(run.path("t1@4"), "t2 0-1, t2 1-2, t2 2-9 for lock:m, t1 9-10");
    assert_eq!(run.without("t1@4", "lock:m"), 3);
    assert_eq!(run.without("t1@4", "lock:other"), 10);
}

#[test]
fn a_wait_for_the_work_of_another_is_that_work() {
    let run = run("t1: 0 begin, 1 wait join t2, 9 got join t2@3, 10 end\n\
                   t2: 1 from t1@1, 3 works, 8 ends");
    assert_eq!(run.path("t1@4"), "t1 0-1, t2 1-3, t2 3-8, t2 8-9, t1 9-10");
}

#[test]
fn a_wait_that_nobody_ended_is_its_own() {
    let run = run("t1: 0 begin, 1 wait q t2, 6 gone q, 7 end\nt2: 0 begin, 8 end");
    assert_eq!(run.path("t1@4"), "t1 0-1, t1 1-6 waits, t1 6-7");
    assert_eq!(run.without("t1@4", "lock:m"), 7);
}

#[test]
fn time_from_being_let_go_to_going_on_is_its_own() {
    let run = run("t1: 0 begin, 2 wait m t2, 9 got m t2@1, 10 end\nt2: 0 begin, 7 released, 12 end");
    assert_eq!(run.path("t1@4"), "t2 0-2, t2 2-7 for lock:m, t1 7-9 resumes, t1 9-10");
}
