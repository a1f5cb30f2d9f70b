//! The graph against a small history language, and against vector clocks over random histories.
//!
//! A history is one line a lane: `t1: a >q b` writes record `a`, sends by `q`, writes `b`; `t2: <q c` receives what was
//! sent by `q` and writes `c`. `+m` takes lock `m`, `-m` gives it back. The stamps are left and merged as
//! `capture.md` says, so the histories are what a program under logq would write.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::record::decode::Place;
use crate::record::{Log, RecordName, Stamp, decode};

mod damage;

/// Highest record number by lane.
type Seen = BTreeMap<usize, u64>;

fn join(into: &mut Seen, from: &Seen) {
    for (lane, seq) in from {
        let known = into.entry(*lane).or_insert(0);
        *known = (*known).max(*seq);
    }
}

#[derive(Debug, Clone, Default)]
struct Actor {
    seq: u64,
    hard: Seen,
    lock: Seen,
    /// The oracle: vector clocks in both readings.
    full_clock: Seen,
    hard_clock: Seen,
}

/// What a hand-over carries: the stamp, and the oracle's clocks.
#[derive(Debug, Clone)]
struct Left {
    hard: Seen,
    lock: Seen,
    full_clock: Seen,
    hard_clock: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Write,
    Send(usize),
    Receive(usize),
    Take(usize),
    GiveBack(usize),
}

/// A written record: lane, number, and the oracle's clocks at it.
struct Written {
    lane: usize,
    seq: u64,
    full_clock: Seen,
    hard_clock: Seen,
}

#[derive(Default)]
struct World {
    actors: Vec<Actor>,
    sent: HashMap<usize, Left>,
    freed: HashMap<usize, Left>,
    builder: Builder,
    written: Vec<Written>,
    clock: u64,
}

impl World {
    fn of(lanes: usize) -> World {
        World { actors: vec![Actor::default(); lanes], ..World::default() }
    }

    fn step(&mut self, lane: usize, step: Step) {
        match step {
            Step::Write => self.write(lane),
            Step::Send(object) => drop(self.sent.insert(object, self.leave(lane))),
            Step::GiveBack(object) => drop(self.freed.insert(object, self.leave(lane))),
            Step::Receive(object) => {
                let Some(left) = self.sent.get(&object).cloned() else { return };
                let actor = &mut self.actors[lane];
                join(&mut actor.hard, &left.hard);
                join(&mut actor.lock, &left.lock);
                join(&mut actor.hard_clock, &left.hard_clock);
                join(&mut actor.full_clock, &left.full_clock);
            }
            Step::Take(object) => {
                let Some(left) = self.freed.get(&object).cloned() else { return };
                let actor = &mut self.actors[lane];
                join(&mut actor.lock, &left.hard);
                join(&mut actor.lock, &left.lock);
                join(&mut actor.full_clock, &left.full_clock);
            }
        }
    }

    fn leave(&self, lane: usize) -> Left {
        let actor = &self.actors[lane];
        let mut hard = actor.hard.clone();
        join(&mut hard, &Seen::from([(lane, actor.seq)]));
        Left {
            hard,
            lock: actor.lock.clone(),
            full_clock: actor.full_clock.clone(),
            hard_clock: actor.hard_clock.clone(),
        }
    }

    fn write(&mut self, lane: usize) {
        self.clock += 1;
        let actor = &mut self.actors[lane];
        actor.seq += 1;
        actor.full_clock.insert(lane, actor.seq);
        actor.hard_clock.insert(lane, actor.seq);
        let (hard, lock) = (std::mem::take(&mut actor.hard), std::mem::take(&mut actor.lock));
        let record = record(lane, actor.seq, self.clock, &hard, &lock);
        self.written.push(Written {
            lane,
            seq: actor.seq,
            full_clock: actor.full_clock.clone(),
            hard_clock: actor.hard_clock.clone(),
        });
        self.builder.add(&record);
    }
}

fn lane_of(index: usize) -> Lane {
    Lane { kind: LaneKind::Thread, number: index as u64 + 1 }
}

fn record(lane: usize, seq: u64, mono: u64, hard: &Seen, lock: &Seen) -> Record {
    let stamps = |seen: &Seen| {
        let stamp = |(lane, seq): (&usize, &u64)| Stamp { proc: None, lane: lane_of(*lane), seq: *seq, by: None };
        seen.iter().map(stamp).collect()
    };
    Record {
        ts: mono as i64,
        mono,
        proc: "1-aaaaaa".into(),
        process: Some(1),
        pid: 1,
        lane: lane_of(lane),
        seq,
        hb: stamps(hard),
        hbl: stamps(lock),
        again: false,
        body: Body::Log(Box::<Log>::default()),
        extra: Map::new(),
    }
}

fn node(graph: &CausalGraph, lane: usize, seq: u64) -> NodeRef {
    let name = RecordName { process: crate::record::ProcessName::Number(1), lane: lane_of(lane), seq };
    graph.named(&name, None).expect("a record that was written")
}

/// A history's graph and the place of each of its named records.
fn history(text: &str) -> (CausalGraph, HashMap<String, NodeRef>) {
    let lanes: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().skip(1).collect()).collect();
    let mut world = World::of(lanes.len());
    let mut next = vec![0; lanes.len()];
    let mut names: HashMap<String, (usize, u64)> = HashMap::new();
    let number = |name: &str| name.bytes().fold(0, |sum, byte| sum * 256 + usize::from(byte));
    // A receive waits for its send; lanes are otherwise run one after the other.
    while let Some(lane) = (0..lanes.len()).find(|lane| {
        let word = lanes[*lane].get(next[*lane]);
        word.is_some_and(|word| word.strip_prefix('<').is_none_or(|name| world.sent.contains_key(&number(name))))
    }) {
        let word = lanes[lane][next[lane]];
        next[lane] += 1;
        let step = match word.split_at(1) {
            (">", name) => Step::Send(number(name)),
            ("<", name) => Step::Receive(number(name)),
            ("+", name) => Step::Take(number(name)),
            ("-", name) => Step::GiveBack(number(name)),
            _ => Step::Write,
        };
        world.step(lane, step);
        if step == Step::Write {
            names.insert(word.to_owned(), (lane, world.actors[lane].seq));
        }
    }
    let graph = world.builder.finish();
    let names = names.into_iter().map(|(name, (lane, seq))| (name, node(&graph, lane, seq))).collect();
    (graph, names)
}

#[test]
fn what_is_sent_comes_before_what_is_written_after_receiving() {
    let (graph, at) = history("t1: a >q b\nt2: x <q c");
    let before = |left: &str, right: &str| graph.before(at[left], at[right], Reading::Full);
    assert!(before("a", "c") && before("a", "b") && before("x", "c"));
    assert!(!before("b", "c") && !before("c", "b") && !before("a", "x") && !before("a", "a"));
}

#[test]
fn a_silent_lane_passes_on_what_it_was_told() {
    let (graph, at) = history("t1: a >q\nt2: <q >r\nt3: <r c");
    assert!(graph.before(at["a"], at["c"], Reading::NoLock));
}

#[test]
fn the_order_of_a_lock_is_an_accident() {
    let (graph, at) = history("t1: a +m -m >go\nt2: <go +m -m x\nt3: +m c");
    assert!(graph.before(at["a"], at["c"], Reading::Full));
    assert!(!graph.before(at["a"], at["c"], Reading::NoLock));
    assert!(graph.before(at["a"], at["x"], Reading::NoLock));
}

#[test]
fn the_chain_follows_the_latest_hand_over_back() {
    let (graph, at) = history("t1: a >s b >q\nt2: <s x >r\nt3: <r <q c");
    let chain = graph.chain(at["c"]);
    let from: Vec<NodeRef> = chain.hops.iter().filter_map(|hop| hop.from).collect();
    assert_eq!(from, [at["x"], at["a"]], "x was written later than b");
}

#[test]
fn what_a_record_influenced_is_reached_by_the_fewest_hand_overs() {
    let (graph, at) = history("t1: a b >q c >r\nt2: <q x >s\nt3: <s <r y z\nt4: w");
    let influence = graph.influence(at["b"]);
    let lanes: Vec<(NodeRef, usize, usize)> = influence
        .reached
        .iter()
        .map(|reached| (influence.step(reached.step).to, influence.chain(reached.step).len(), reached.records))
        .collect();
    assert_eq!(lanes, [(at["x"], 1, 1), (at["y"], 1, 2)], "y by r, though s leads there too; w hears of nothing");
    let after_c = graph.influence(at["c"]);
    assert_eq!((after_c.own_after, after_c.reached.len()), (0, 1));
}

#[test]
fn a_later_way_that_arrives_earlier_counts_for_what_follows_it() {
    // t3 hears of a by two hand-overs before its record x, and by one before y; t4 only of what t3 did before y.
    let (graph, at) = history("t1: a >p >q\nt2: <p m >s\nt3: <s x >u <q y\nt4: <u v");
    let influence = graph.influence(at["a"]);
    let to = |name: &str| influence.reached.iter().find(|reached| reached.lane == at[name].lane).expect("reached");
    assert_eq!((influence.step(to("y").step).to, to("y").records), (at["y"], 2));
    let chain: Vec<NodeRef> = influence.chain(to("v").step).iter().map(|step| influence.step(*step).to).collect();
    assert_eq!(chain, [at["m"], at["x"], at["v"]]);
}

#[test]
fn who_had_a_lock_before_influenced_nothing() {
    let (graph, at) = history("t1: a +m -m >go\nt2: <go +m -m\nt3: +m c");
    let influence = graph.influence(at["a"]);
    assert_eq!((influence.reached.len(), influence.by_locks), (0, 1));
}

/// Task a1 tells of itself only after it has begun a2, and after t1 has begun it.
#[test]
fn what_a_silent_lane_began_comes_after_what_came_before_that_lane() {
    let place = Place { proc: "1-aaaaaa".into(), process: Some(1), part: 1, offset: 0 };
    let mut builder = Builder::new();
    for (mono, keys) in [
        r#""lane":"t1","seq":1,"level":"INFO","msg":"before""#,
        r#""lane":"t1","seq":2,"level":"INFO","msg":"later""#,
        r#""lane":"a2","seq":1,"ev":"lane","from":"a1@0""#,
        r#""lane":"a1","seq":1,"ev":"lane","from":"t1@1""#,
    ]
    .iter()
    .enumerate()
    {
        let line =
            format!(r#"{{"ts":"2026-11-22T17:15:03.00000000{mono}Z","mono":{mono},"proc":"1-aaaaaa","pid":1,{keys}}}"#);
        builder.add(&decode(line.as_bytes(), &place));
    }
    let graph = builder.finish();
    let at = |name: &str| graph.named(&name.parse().expect("a name"), None).expect("a record");
    let (task, before, later) = (at("1.a2@1"), at("1.t1@1"), at("1.t1@2"));
    assert!(graph.before(before, task, Reading::Full) && !graph.before(later, task, Reading::Full));
    assert!(!graph.before(at("1.a1@1"), task, Reading::Full));
    let chain = graph.chain(task);
    assert_eq!(chain.hops.iter().map(|hop| hop.from).collect::<Vec<_>>(), [Some(before)]);
}

/// Each of many lanes waits in the order for a lane that comes late, or for one of its own circle.
#[test]
fn an_order_of_a_hundred_thousand_lanes_comes_to_its_end() {
    const LANES: usize = 100_000;
    let mut builder = Builder::new();
    for lane in 1..LANES {
        let partner = if lane % 2 == 0 { lane - 1 } else { lane + 1 };
        let stamp = if lane < LANES / 2 { (0, lane as u64) } else { (partner, 1) };
        builder.add(&record(lane, 1, 1, &Seen::from([stamp]), &Seen::new()));
    }
    for seq in 1..LANES as u64 {
        builder.add(&record(0, seq, seq + 1, &Seen::new(), &Seen::new()));
    }
    let graph = builder.finish();
    assert_eq!(graph.causal_order().len(), 2 * (LANES - 1));
    assert_eq!(graph.edges_out_of(node(&graph, 0, 1).lane).len(), LANES / 2 - 1);
    let last = node(&graph, LANES / 2 - 1, 1);
    assert_eq!(graph.ancestors(last, Reading::NoLock).len(), 2);
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        3 => Just(Step::Write),
        2 => (0..3_usize).prop_map(Step::Send),
        2 => (0..3_usize).prop_map(Step::Receive),
        1 => (0..2_usize).prop_map(Step::Take),
        1 => (0..2_usize).prop_map(Step::GiveBack),
    ];
    proptest::collection::vec((0..4_usize, step), 0..60)
}

proptest! {
    #[test]
    fn happens_before_is_that_of_vector_clocks(steps in steps()) {
        let mut world = World::of(4);
        for (lane, step) in steps {
            world.step(lane, step);
        }
        let graph = world.builder.finish();
        let order = graph.causal_order();
        prop_assert_eq!(order.len(), world.written.len());
        let place: HashMap<NodeRef, usize> = order.into_iter().enumerate().map(|(place, at)| (at, place)).collect();
        for earlier in &world.written {
            for later in &world.written {
                let same = (earlier.lane, earlier.seq) == (later.lane, later.seq);
                let (left, right) = (node(&graph, earlier.lane, earlier.seq), node(&graph, later.lane, later.seq));
                let knows = |clock: &Seen| !same && clock.get(&earlier.lane).is_some_and(|seq| *seq >= earlier.seq);
                prop_assert_eq!(graph.before(left, right, Reading::Full), knows(&later.full_clock));
                prop_assert_eq!(graph.before(left, right, Reading::NoLock), knows(&later.hard_clock));
                if knows(&later.full_clock) {
                    prop_assert!(place[&left] < place[&right]);
                }
            }
        }
    }
}
