//! Runs against each other, from histories: one line a lane, `t2 worker-1: <jobs a >done`. A plain word is a record of that
//! template, `>q` puts into queue `q`, `<q` takes what has been there longest, `-m` gives lock `m` back, `+m` takes it. A lane that stands above another goes first
//! where both can; main begins them all.

use std::collections::{HashMap, HashSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::causality::Builder;
use crate::record::decode;
use crate::record::decode::Place as Source;

/// How a history is written down: nothing of it may matter.
#[derive(Clone, Copy)]
struct Labels {
    pid: u32,
    clock: u64,
    queues: usize,
}

const PLAIN: Labels = Labels { pid: 1, clock: 1, queues: 1 };
const OTHER: Labels = Labels { pid: 77, clock: 5_000_000, queues: 40 };

struct Lane {
    key: String,
    seq: u64,
    words: VecDeque<String>,
    pending: Vec<String>,
    /// What came by locks alone.
    locks: Vec<String>,
}

struct World {
    labels: Labels,
    lanes: Vec<Lane>,
    queues: HashMap<String, VecDeque<String>>,
    freed: HashMap<String, String>,
    numbers: Vec<String>,
    lines: Vec<String>,
}

impl World {
    /// The lines that a program of this history would have written.
    fn lines(history: &str, labels: Labels) -> Vec<String> {
        let mut world = World {
            labels,
            lanes: vec![],
            queues: HashMap::new(),
            freed: HashMap::new(),
            numbers: vec![],
            lines: vec![],
        };
        for line in history.lines() {
            let (lane, words) = line.split_once(':').expect("a lane and its words");
            let (key, name) = lane.trim().split_once(' ').expect("a number and a name");
            let words = words.split_whitespace().map(str::to_owned).collect();
            world.lanes.push(Lane { key: key.to_owned(), seq: 0, words, pending: vec![], locks: vec![] });
            let begin = match key {
                "t1" => r#""ev":"proc","n":1,"how":"root","argv":["shop.py"]"#.to_owned(),
                _ => format!(
                    r#""ev":"lane","kind":"thread","name":"{name}","from":"t1@1","site":["/x/shop.py",9,"main"]"#
                ),
            };
            world.write(world.lanes.len() - 1, &begin);
        }
        while let Some(lane) = (0..world.lanes.len()).find(|lane| world.can_go(*lane)) {
            world.step(lane);
        }
        for lane in 0..world.lanes.len() {
            world.write(lane, r#""ev":"end","how":"ok""#);
        }
        world.lines
    }

    fn can_go(&self, lane: usize) -> bool {
        let word = self.lanes[lane].words.front();
        word.is_some_and(|word| match word.strip_prefix('<') {
            Some(queue) => self.queues.get(queue).is_some_and(|items| !items.is_empty()),
            None => true,
        })
    }

    fn step(&mut self, lane: usize) {
        let Some(word) = self.lanes[lane].words.pop_front() else { return };
        match word.split_at(1) {
            (">", queue) => {
                let stamp = format!("{}@{}", self.lanes[lane].key, self.lanes[lane].seq);
                self.queues.entry(queue.to_owned()).or_default().push_back(stamp);
            }
            ("<", queue) => {
                let stamp = self.queues.get_mut(queue).and_then(VecDeque::pop_front).expect("an item");
                let number = self.number(queue);
                self.lanes[lane].pending.push(format!("{stamp}|queue:{number}"));
            }
            ("-", lock) => {
                let stamp = format!("{}@{}|lock:1", self.lanes[lane].key, self.lanes[lane].seq);
                self.freed.insert(lock.to_owned(), stamp);
            }
            ("+", lock) => {
                let stamp = self.freed.get(lock).filter(|stamp| !stamp.starts_with(&self.lanes[lane].key)).cloned();
                self.lanes[lane].locks.extend(stamp);
            }
            _ => self.write(
                lane,
                &format!(r#""level":"INFO","logger":"shop","tpl":"{word} %d","msg":"{word} {}""#, self.labels.pid),
            ),
        }
    }

    /// The queue's number; it is named when it is first mentioned.
    fn number(&mut self, queue: &str) -> usize {
        if let Some(known) = self.numbers.iter().position(|name| name == queue) {
            return known + self.labels.queues;
        }
        self.numbers.push(queue.to_owned());
        let number = self.numbers.len() - 1 + self.labels.queues;
        self.write(0, &format!(r#""ev":"obj","obj":"queue:{number}","kind":"queue.Queue","name":"{queue}""#));
        number
    }

    fn write(&mut self, lane: usize, keys: &str) {
        self.labels.clock += 1 + u64::from(self.labels.pid) * 10;
        let (clock, pid) = (self.labels.clock, self.labels.pid);
        let lane = &mut self.lanes[lane];
        lane.seq += 1;
        let stamps: Vec<String> = lane.pending.drain(..).map(|stamp| format!("\"{stamp}\"")).collect();
        let locks: Vec<String> = lane.locks.drain(..).map(|stamp| format!("\"{stamp}\"")).collect();
        let hbl = if locks.is_empty() { String::new() } else { format!(r#""hbl":[{}],"#, locks.join(",")) };
        let hb = if stamps.is_empty() { String::new() } else { format!(r#""hb":[{}],"#, stamps.join(",")) };
        self.lines.push(format!(
            r#"{{"ts":"2026-11-22T17:15:03.{:09}Z","mono":{clock},"proc":"{pid}-aaaaaa","pid":{pid},"lane":"{}","seq":{},{hb}{hbl}{keys}}}"#,
            clock % 1_000_000_000, lane.key, lane.seq
        ));
    }
}

fn account(history: &str, labels: Labels, names: &mut Names) -> Account {
    let (mut builder, mut recorder) = (Builder::new(), Recorder::default());
    let place = Source { proc: format!("{}-aaaaaa", labels.pid).into(), process: Some(1), part: 1, offset: 0 };
    for line in World::lines(history, labels) {
        let record = decode(line.as_bytes(), &place);
        builder.add(&record);
        recorder.add(&record, names);
    }
    Account::new("a run", builder.finish(), recorder, names)
}

/// What a comparison is checked by, in words.
struct Found {
    difference: Difference,
    names: Names,
    roles: Roles,
    runs: [Account; 2],
}

fn compared(one: &str, other: &str) -> Found {
    let mut names = Names::default();
    let runs = [account(one, PLAIN, &mut names), account(other, OTHER, &mut names)];
    let roles = Roles::of(&[&runs[0], &runs[1]]);
    let difference = compare(&runs[0], &runs[1], &roles);
    Found { difference, names, roles, runs }
}

impl Found {
    /// The lane and act of either side of the part: `t5 takes q of office`.
    fn part(&self) -> [String; 2] {
        let part = self.difference.part.as_ref().expect("a part");
        let words = |run: usize, side: Option<Side>| {
            let Some(side) = side else { return "nobody".to_owned() };
            let act = match side.next.map(|step| step.act) {
                Some(Act::Record(what)) => self.names.get(what).text.clone(),
                Some(Act::Took { way, giver }) => {
                    format!("takes {} of {}", self.names.get(way).text, self.roles.get(giver).name)
                }
                Some(Act::Began(begun)) => format!("begins {}", self.roles.get(begun).name),
                None => "nothing".to_owned(),
            };
            format!("{} {act}", self.runs[run].graph.lane(side.lane).lane)
        };
        [words(0, part.one), words(1, part.other)]
    }

    fn counts(&self) -> Vec<(String, String, u64, u64)> {
        let counts = self.difference.tally.records.iter();
        counts
            .map(|count| {
                let what = count.what.map_or_else(String::new, |what| self.names.get(what).text.clone());
                (self.roles.get(count.role).name.clone(), what, count.one, count.other)
            })
            .collect()
    }
}

#[test]
fn runs_part_where_a_lane_was_handed_something_by_another() {
    let found = compared(
        "t1 main: a\nt3 office: price >till\nt4 counter: sale >till\nt2 till: <till known <till sold",
        "t1 main: a\nt4 counter: sale >till\nt3 office: price >till\nt2 till: <till missing <till known",
    );
    assert_eq!(found.part(), ["t2 takes queue till of office", "t2 takes queue till of counter"]);
    let only = |what: &str, one, other| ("till".to_owned(), format!("INFO {what} %d"), one, other);
    assert_eq!(found.counts(), [only("missing", 0, 1), only("sold", 1, 0)]);
    assert!(!found.difference.is_none());
}

#[test]
fn the_first_difference_is_the_one_that_the_others_come_after() {
    // What t2 does otherwise comes of what t3 did otherwise, though t2 is the first lane and began first.
    let found = compared(
        "t1 main:\nt2 seller: x <q ok\nt3 maker: good >q",
        "t1 main:\nt2 seller: x <q wrong\nt3 maker: bad >q",
    );
    assert_eq!(found.part(), ["t3 INFO good %d", "t3 INFO bad %d"]);
    assert_eq!(found.difference.parts, 1);
}

#[test]
fn equal_workers_may_swap_and_share_out_their_work() {
    let jobs = "t1 main: >q >q >q";
    let swapped = compared(
        &format!("{jobs}\nt2 worker-1: <q a <q b\nt3 worker-2: <q c"),
        &format!("{jobs}\nt2 worker-1: <q c\nt3 worker-2: <q a <q b"),
    );
    assert!(swapped.difference.is_none() && swapped.difference.shuffled.is_empty());
    let shared = compared(
        &format!("{jobs}\nt2 worker-1: <q a\nt3 worker-2: <q b <q c"),
        &format!("{jobs}\nt2 worker-1: <q a <q b\nt3 worker-2: <q c"),
    );
    assert!(shared.difference.is_none());
    assert_eq!(shared.difference.shuffled.len(), 1);
    let wrong = compared(
        &format!("{jobs}\nt2 worker-1: <q a\nt3 worker-2: <q b <q c"),
        &format!("{jobs}\nt2 worker-1: <q a <q c\nt3 worker-2: <q wrong"),
    );
    assert_eq!(wrong.part(), ["t3 INFO b %d", "t3 INFO wrong %d"]);
}

#[test]
fn a_lock_that_went_another_way_before_is_told_and_parts_no_runs_by_itself() {
    let [freed, booked] = ["t1 main:\nt2 freer: frees -m\nt3 booker: comes +m", "t1 main:\nt3 booker: comes +m"];
    let found = compared(&format!("{freed} booked"), &format!("{booked} full -m\nt2 freer: frees +m"));
    assert_eq!(found.part(), ["t3 INFO booked %d", "t3 INFO full %d"]);
    let locks = found.difference.part.as_ref().expect("a part").locks;
    let holder = locks.0.map(|lock| found.runs[0].graph.lane(lock.holder).display_name());
    assert_eq!((holder.as_deref(), locks.1), (Some("freer"), None));
    assert!(compared(&format!("{freed} ok"), &format!("{booked} ok -m\nt2 freer: frees +m")).difference.is_none());
}

#[test]
fn a_lane_that_only_one_run_has_is_missed_where_it_was_begun() {
    let found = compared("t1 main: a\nt2 seller: x\nt3 cleaner: y", "t1 main: a\nt2 seller: x");
    assert_eq!(found.part()[0], "t1 begins cleaner");
    assert_eq!(found.difference.tally.lanes.len(), 1);
}

#[test]
fn names_made_up_of_what_is_worked_on_part_no_lanes() {
    let found = compared("t1 main: a\nt2 order-kim: x", "t1 main: a\nt2 order-lee: x");
    assert!(found.difference.is_none());
}

#[test]
fn what_moves_with_the_outcome_is_told_with_how_often() {
    let good = "t1 main: a\nt3 office: price >till\nt4 counter: sale >till\nt2 till: <till known <till sold";
    let bad = "t1 main: a\nt4 counter: sale >till\nt3 office: price >till\nt2 till: <till missing <till known";
    let noisy = "t1 main: a b\nt3 office: price >till\nt4 counter: sale >till\nt2 till: <till known <till sold";
    let mut names = Names::default();
    let histories = [good, noisy, good, bad, bad];
    let runs: Vec<Account> = histories.iter().map(|history| account(history, PLAIN, &mut names)).collect();
    let runs: Vec<&Account> = runs.iter().collect();
    let found = outcome(&runs, &Roles::of(&runs), &[0, 1, 2], &[3, 4]);
    let first = &found.separators[0];
    assert!(matches!(first.feature, Feature::TookBefore { .. }), "{:?}", found.separators);
    assert_eq!((first.score, first.failed.abs_diff(first.passed)), (1.0, if first.failed > 0 { 2 } else { 3 }));
    assert_eq!((found.ways, found.closest.0), (10, 3));
    assert_ne!(found.closest.1, 1, "the noisy one is less like it");
    assert!(
        !found
            .separators
            .iter()
            .any(|one| matches!(one.feature, Feature::Record { what, .. } if names.get(what).text == "INFO b %d"))
    );
}

/// Words of random lanes: main gives work, two equal workers and a clerk take it and hand results back.
fn lanes() -> impl Strategy<Value = Vec<Vec<String>>> {
    let word = |words: &'static [&'static str]| proptest::sample::select(words).prop_map(str::to_owned);
    let lane = move |words| proptest::collection::vec(word(words), 0..8);
    (
        lane(&["a", "b", ">jobs", ">mail", "<done"]),
        lane(&["<jobs", "x", "y", ">done"]),
        lane(&["<jobs", "x", "y", ">done"]),
        lane(&["<mail", "z", ">done", ">jobs"]),
    )
        .prop_map(|(main, one, two, clerk)| vec![main, one, two, clerk])
}

fn history(lanes: &[Vec<String>], names: [&str; 4]) -> String {
    // Every record has a template of its own, so that it is known which one is missing.
    let mut counted: HashSet<String> = HashSet::new();
    let mut unique = |word: &String| {
        let plain = !word.starts_with(['<', '>']);
        let mut name = word.clone();
        while plain && !counted.insert(name.clone()) {
            name.push('z');
        }
        name
    };
    let line = |(place, words): (usize, &Vec<String>)| {
        let words: Vec<String> = words.iter().map(&mut unique).collect();
        format!("t{} {}: {}", place + 1, names[place], words.join(" "))
    };
    lanes.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

const LANES: [&str; 4] = ["main", "worker-1", "worker-2", "clerk"];

proptest! {
    #[test]
    fn a_run_does_not_differ_from_itself_under_other_labels(lanes in lanes()) {
        let (one, other) = (history(&lanes, LANES), history(&lanes, ["main", "worker-8", "worker-3", "clerk"]));
        let found = compared(&one, &other);
        prop_assert!(found.difference.is_none(), "{:?}", found.difference);
        prop_assert!(found.difference.shuffled.is_empty());
    }

    #[test]
    fn one_record_less_is_all_that_is_said(lanes in lanes(), which in any::<proptest::sample::Index>()) {
        let whole = history(&lanes, LANES);
        let records: Vec<(usize, &str)> = whole.lines().enumerate().flat_map(|(lane, line)| {
            let words = line.split_whitespace().skip(2).filter(|word| !word.starts_with(['<', '>']));
            words.map(move |word| (lane, word))
        }).collect();
        prop_assume!(!records.is_empty());
        let (lane, dropped) = records[which.index(records.len())];
        let less: Vec<String> = whole.lines().map(|line| {
            line.split_whitespace().filter(|word| *word != dropped).collect::<Vec<_>>().join(" ")
        }).collect();
        let found = compared(&whole, &less.join("\n"));
        let role = if lane == 0 { "MainThread" } else if lane < 3 { "worker-#" } else { "clerk" };
        // Main waits for what it takes in the midst of its words: what it does not come to write is no record.
        if found.counts().is_empty() {
            prop_assert!(found.difference.is_none());
            return Ok(());
        }
        prop_assert_eq!(found.counts(), [(role.to_owned(), format!("INFO {dropped} %d"), 1, 0)]);
        prop_assert!(found.difference.tally.lanes.is_empty());
        let part = found.difference.part.as_ref().and_then(|part| part.one);
        prop_assert_eq!(part.map(|side| found.runs[0].graph.lane(side.lane).lane.number), Some(lane as u64 + 1));
        prop_assert_eq!(found.difference.parts, 0);
    }
}
