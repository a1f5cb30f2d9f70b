//! Where the time went, of histories in a small language: one line a lane, its records in order, each with its time in ms.
//!
//! `5 wait m t2` begins a wait for lock `m`, which t2 has; `9 got m t2@3` ends it with that stamp; queues begin with q (for
//! items) and r (for room); `gone` ends a wait without a result. `1 from t1@1` begins a lane, `6 after t2@4` merges a stamp.

use std::collections::HashMap;

use proptest::prelude::*;
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
        ["acq" | "rel", on] => json!({"ev": words[0], "obj": object(on), "site": ["shop.py", 7, "f"]}),
        ["from", stamp] => json!({"ev": "lane", "from": stamp}),
        ["after", stamp] => json!({"level": "INFO", "msg": "", "hb": [stamp]}),
        _ => json!({"level": "INFO", "msg": words.join(" ")}),
    }
}

fn object(on: &str) -> Option<String> {
    if on == "pool" {
        return Some("pool:1".to_owned());
    }
    (on != "join").then(|| format!("{}:{on}", if kind(on) == "lock" { "lock" } else { "queue" }))
}

fn kind(on: &str) -> &'static str {
    match on {
        "join" => "join",
        "pool" => "queue-get",
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
    gathered(&records)
}

fn gathered(records: &[Record]) -> Run {
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
                Doing::Starting => " starts",
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
fn a_lock_between_processes_is_had_by_who_gives_it_back_last() {
    let run = run("t1: 0 begin, 2 wait m, 9 got m, 10 end\n\
                   t2: 0 begin, 1 acq m, 4 rel m, 12 end\n\
                   t3: 0 begin, 5 acq m, 8 rel m, 9 end");
    assert_eq!(run.path("t1@4"), "t3 0-2, t3 2-5 for lock:m, t3 5-8 for lock:m, t1 8-9 resumes, t1 9-10");
}

#[test]
fn a_worker_without_work_waits_for_who_gives_it_some() {
    let run = run("t1: 0 begin, 5 submits, 7 end\n\
                   t2: 0 begin, 2 wait pool, 6 got pool, 9 after t1@2|job, 10 end");
    assert_eq!(run.path("t2@5"), "t1 0-5, t1 5-6, t2 6-9, t2 9-10");
}

#[test]
fn a_task_goes_on_because_of_the_last_that_arrived() {
    let run = run("a1: 0 begin, 3 writes, 9 after t2@2, 10 end\n\
                   t2: 0 begin, 8 puts, 12 end");
    assert_eq!(run.path("a1@4"), "t2 0-8, t2 8-9, a1 9-10");
    assert_eq!(run.without("a1@4", "lock:m"), 10);
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

// Against a brute force. -------------------------------------------------------------------------------------------

/// What a lane of a made-up program does.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Takes so long, without a word or with a record at the end.
    Work(u64, bool),
    /// Takes a lock, works, gives it back.
    Hold(usize, u64),
}

/// What a made-up program did when it ran: its records, and when each lane ended.
struct Played {
    records: Vec<Record>,
    ends: Vec<u64>,
}

/// Runs a program and writes what logq would: locks go to who asked first.
struct Machine {
    clock: Vec<u64>,
    seq: Vec<u64>,
    /// The time at which each lock becomes free, who had it, and his number then.
    freed: [Option<(u64, usize, u64)>; 2],
    stamps: Vec<Vec<String>>,
    records: Vec<Record>,
}

impl Machine {
    fn write(&mut self, lane: usize, ms: u64, keys: Value) {
        self.seq[lane] += 1;
        let mut keys = keys;
        let stamps = std::mem::take(&mut self.stamps[lane]);
        if !stamps.is_empty() {
            keys.as_object_mut().expect("keys").insert("hbl".to_owned(), json!(stamps));
        }
        self.records.push(record(&format!("t{}", lane + 1), self.seq[lane] as usize, ms, keys));
    }

    fn act(&mut self, lane: usize, act: Act) {
        match act {
            Act::Work(ms, says) => {
                self.clock[lane] += ms;
                if says {
                    self.write(lane, self.clock[lane], json!({"level": "INFO", "msg": "worked"}));
                }
            }
            Act::Hold(lock, ms) => {
                let obj = format!("lock:{lock}");
                let since = self.clock[lane];
                let busy = self.freed[lock].filter(|(free, holder, _)| *free > since && *holder != lane);
                if let Some((free, holder, seq)) = busy {
                    let owner = format!("t{}", holder + 1);
                    self.write(
                        lane,
                        since,
                        json!({"ev": "wait", "on": "lock", "obj": obj, "owner": owner, "since": since * MS}),
                    );
                    self.clock[lane] = free;
                    self.write(lane, free, json!({"ev": "got", "obj": obj, "res": "ok"}));
                    self.stamps[lane].push(format!("{owner}@{seq}|{obj}"));
                }
                self.clock[lane] += ms;
                self.freed[lock] = Some((self.clock[lane], lane, self.seq[lane]));
            }
        }
    }
}

/// Always the lane goes on whose clock is behind the others, so who asks first gets a lock first.
fn play(program: &[Vec<Act>]) -> Played {
    let lanes = program.len();
    let mut machine = Machine {
        clock: vec![0; lanes],
        seq: vec![0; lanes],
        freed: [None, None],
        stamps: vec![Vec::new(); lanes],
        records: Vec::new(),
    };
    for lane in 0..lanes {
        machine.write(lane, 0, json!({"level": "INFO", "msg": "began"}));
    }
    let mut done = vec![0; lanes];
    while let Some(lane) =
        (0..lanes).filter(|lane| done[*lane] < program[*lane].len()).min_by_key(|lane| machine.clock[*lane])
    {
        machine.act(lane, program[lane][done[lane]]);
        done[lane] += 1;
    }
    for lane in 0..lanes {
        machine.write(lane, machine.clock[lane], json!({"level": "INFO", "msg": "ended"}));
    }
    Played { records: machine.records, ends: machine.clock }
}

/// The longest way to the end of each lane, by all ways there are: work of a lane in order, and from the end of a hold to the
/// beginning of the one that waited for it, unless that lock is `free`.
fn longest(program: &[Vec<Act>], free: Option<usize>) -> Vec<u64> {
    // As it was played: which hold of which lane each hold waited for.
    let mut clock = vec![0_u64; program.len()];
    let mut freed: [Option<(u64, (usize, usize))>; 2] = [None, None];
    let mut behind: HashMap<(usize, usize), (usize, usize)> = HashMap::new();
    let mut done = vec![0; program.len()];
    while let Some(lane) =
        (0..program.len()).filter(|lane| done[*lane] < program[*lane].len()).min_by_key(|lane| clock[*lane])
    {
        let place = (lane, done[lane]);
        match program[lane][done[lane]] {
            Act::Work(ms, _) => clock[lane] += ms,
            Act::Hold(lock, ms) => {
                if let Some((at, holder)) = freed[lock].filter(|(at, holder)| *at > clock[lane] && holder.0 != lane) {
                    behind.insert(place, holder);
                    clock[lane] = at;
                }
                clock[lane] += ms;
                freed[lock] = Some((clock[lane], place));
            }
        }
        done[lane] += 1;
    }
    fn end_of(
        program: &[Vec<Act>],
        behind: &HashMap<(usize, usize), (usize, usize)>,
        free: Option<usize>,
        (lane, at): (usize, usize),
    ) -> u64 {
        let own = at.checked_sub(1).map_or(0, |before| end_of(program, behind, free, (lane, before)));
        match program[lane][at] {
            Act::Work(ms, _) => own + ms,
            Act::Hold(lock, ms) => {
                let other = behind.get(&(lane, at)).filter(|_| free != Some(lock));
                ms + own.max(other.map_or(0, |place| end_of(program, behind, free, *place)))
            }
        }
    }
    let last =
        |lane: usize| program[lane].len().checked_sub(1).map_or(0, |at| end_of(program, &behind, free, (lane, at)));
    (0..program.len()).map(last).collect()
}

fn programs() -> impl Strategy<Value = Vec<Vec<Act>>> {
    let act = prop_oneof![
        (1..6_u64, any::<bool>()).prop_map(|(ms, says)| Act::Work(ms, says)),
        (0..2_usize, 1..6_u64).prop_map(|(lock, ms)| Act::Hold(lock, ms)),
    ];
    proptest::collection::vec(proptest::collection::vec(act, 0..6), 1..4)
}

proptest! {
    #[test]
    fn the_longest_way_is_that_of_a_brute_force(program in programs()) {
        let played = play(&program);
        let run = gathered(&played.records);
        let schedule = Schedule::of(&run.graph, &run.ledger);
        let as_it_was = longest(&program, None);
        prop_assert_eq!(&as_it_was, &played.ends);
        for (lane, ended) in as_it_was.iter().enumerate() {
            let index = run.graph.lane_named(crate::causality::ProcessIndex(0), format!("t{}", lane + 1).parse().expect("a lane"));
            let end = run.graph.nodes_of(index.expect("it wrote")).next_back().expect("its last record");
            prop_assert_eq!(schedule.without(end, &|_| false) / MS, *ended);
            for lock in 0..2 {
                let name = format!("lock:{lock}");
                let gone = |pause: &Pause| pause.object.is_some_and(|object| *run.ledger.object(object).name == *name);
                prop_assert_eq!(schedule.without(end, &gone) / MS, longest(&program, Some(lock))[lane], "without {}", name);
            }
            // The path covers the time from beginning to end, and none of it is a wait.
            let path = schedule.critical_path(end, 0);
            let mut time = 0;
            for segment in &path.segments {
                prop_assert_eq!(segment.from, time);
                prop_assert_eq!(segment.doing, Doing::Working);
                time = segment.to;
            }
            prop_assert_eq!(time / MS, *ended);
        }
    }
}

/// Lines as a damaged file may have them: any numbers, any stamps.
fn damaged() -> impl Strategy<Value = Vec<(u64, u64, u64, Value)>> {
    let stamp = || (1..4_u64, 0..6_u64).prop_map(|(lane, seq)| format!("t{lane}@{seq}|lock:1"));
    let time = || prop_oneof![0..20_u64, Just(u64::MAX), Just(u64::MAX / 2)];
    let keys = prop_oneof![
        (time(), 1..4_u64).prop_map(|(since, owner)| {
            json!({"ev": "wait", "on": "lock", "obj": "lock:1", "owner": format!("t{owner}"), "since": since})
        }),
        stamp().prop_map(|stamp| json!({"ev": "got", "obj": "lock:1", "res": "ok", "hbl": [stamp]})),
        stamp().prop_map(|stamp| json!({"ev": "lane", "from": stamp})),
        stamp().prop_map(|stamp| json!({"level": "INFO", "msg": "", "hb": [stamp]})),
        Just(json!({"ev": "rel", "obj": "lock:1"})),
    ];
    proptest::collection::vec((1..4_u64, 1..6_u64, time(), keys), 1..30)
}

proptest! {
    #[test]
    fn nothing_that_a_file_may_say_leads_round_in_a_circle(lines in damaged()) {
        let line = |(lane, seq, mono, keys): (u64, u64, u64, Value)| {
            let mut keys = keys;
            keys.as_object_mut().expect("keys").insert("mono".to_owned(), json!(mono));
            record(&format!("t{lane}"), seq as usize, 0, keys)
        };
        let records: Vec<Record> = lines.into_iter().map(line).collect();
        let run = gathered(&records);
        let schedule = Schedule::of(&run.graph, &run.ledger);
        for lane in run.graph.lane_indexes() {
            let Some(end) = run.graph.nodes_of(lane).next_back() else { continue };
            let path = schedule.critical_path(end, 0);
            prop_assert!(path.segments.windows(2).all(|pair| pair[0].to == pair[1].from));
            prop_assert!(schedule.without(end, &|_| true) <= schedule.start(end));
            prop_assert_eq!(schedule.without(end, &|_| false), schedule.start(end));
        }
    }
}
