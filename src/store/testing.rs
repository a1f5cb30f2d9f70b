//! What the tests of stores share: a run with a spool to write into, and random lines and queries from a small world, so
//! that they meet.

use std::fs::OpenOptions;
use std::io::Write;
use std::ops::ControlFlow;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Store;
use crate::query::{Bound, Expression, Op, Pattern, Query};
use crate::record::{Field, time};
use crate::spool::{Follower, RunDir, StoreDir};

pub const PROCS: [&str; 3] = ["42-aaaaaa", "43-bbbbbb", "7-cccccc"];

/// 2026-11-22T17:15:03Z.
pub const START: i64 = 1_795_367_703_000_000_000;

/// A run in a directory of its own.
pub struct TestRun {
    pub run: RunDir,
    _dir: tempfile::TempDir,
}

impl TestRun {
    pub fn new() -> TestRun {
        let dir = tempfile::tempdir().expect("a directory");
        let run = StoreDir::create(dir.path()).expect("a store").create_run("r1").expect("a run");
        TestRun { run, _dir: dir }
    }

    /// Appends to a part of one of [`PROCS`].
    pub fn append(&self, proc: usize, part: u32, bytes: impl AsRef<[u8]>) {
        let path = self.run.spool_path().join(format!("{}.{part}.jsonl", PROCS[proc]));
        let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a part");
        file.write_all(bytes.as_ref()).expect("written");
    }

    /// Writes each line to the part that it names, numbering lanes as they come.
    pub fn write(&self, lines: &[Line]) {
        for line in lines {
            self.append(line.proc, line.part, format!("{}\n", line.text));
        }
    }

    /// Brings a store up to date, with a commit every `batch` records.
    pub fn feed(&self, store: &dyn Store, batch: usize) {
        let mut writer = store.write().expect("a writer");
        let mut follower = Follower::new(self.run.spool(), writer.positions());
        loop {
            let mut left = batch;
            let end = follower.poll(&mut |entry| {
                writer.add(entry).expect("added");
                left -= 1;
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            writer.commit(&follower.positions()).expect("committed");
            if end.expect("polled").is_continue() {
                return writer.close().expect("closed");
            }
        }
    }
}

/// A line and where it goes.
#[derive(Debug, Clone)]
pub struct Line {
    pub proc: usize,
    pub part: u32,
    pub text: String,
}

/// The line of a log record with these keys besides the usual ones.
pub fn line(proc: usize, lane: &str, seq: u64, ts: i64, more: Value) -> Line {
    let mut object = json!({
        "ts": time::to_rfc3339(ts), "mono": seq * 10, "proc": PROCS[proc], "pid": 42, "lane": lane, "seq": seq,
    });
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    Line { proc, part: 1, text: object.to_string() }
}

pub fn log(proc: usize, lane: &str, seq: u64, ts: i64, msg: &str) -> Line {
    line(proc, lane, seq, ts, json!({"level": "INFO", "logger": "shop", "msg": msg}))
}

pub fn proc_event(proc: usize, number: u32) -> Line {
    line(proc, "t1", 1, START, json!({"ev": "proc", "n": number, "part": 1}))
}

const WORDS: [&str; 12] =
    ["order", "Order", "timeout", "Überfällig", "a_b", "77", "8812", "shop", "x", "null", "true", "ΟΔΟΣ"];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned),
        1 => Just("long".repeat(90)),
    ]
}

fn sentence() -> impl Strategy<Value = String> {
    (prop::collection::vec(word(), 0..5), prop::sample::select(&[" ", ", ", ".", "--"][..]))
        .prop_map(|(words, between)| words.join(between))
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3_i64..100).prop_map(Value::from),
        prop::sample::select(
            &[0.0, -0.0, 5.0, 5.5, -2.5, 77.0, 8812.0, 1e17, 1e30, -1e30, 9_007_199_254_740_993.0, 1e19][..]
        )
        .prop_map(Value::from),
        prop::sample::select(&[i64::MAX, i64::MIN, 8812, 9_007_199_254_740_993][..]).prop_map(Value::from),
        prop::sample::select(&[u64::MAX, 10_000_000_000_000_000_000][..]).prop_map(Value::from),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => number(),
        3 => sentence().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

const KEYS: [&str; 7] = ["order_id", "http.status", "http", "user", "k", "x\u{1}y", "on"];

fn extra() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        4 => scalar(),
        1 => prop::collection::vec(scalar(), 0..4).prop_map(Value::from),
        1 => (prop::sample::select(&["status", "name", "k"][..]), scalar()).prop_map(|(key, value)| json!({key: value})),
    ];
    prop::collection::vec((prop::sample::select(&KEYS[..]), value), 0..4)
        .prop_map(|pairs| {
            pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<serde_json::Map<_, _>>()
        })
        .prop_map(Value::Object)
}

fn keyword() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => prop::sample::select(&["shop", "Shop.Orders", "shop.stock", "", "worker-1", "ÜBER"][..]).prop_map(str::to_owned),
        1 => Just("k".repeat(2000)),
    ]
}

/// A template, and the message that it makes with `{}` filled in; or one that has nothing to do with the message.
fn template() -> impl Strategy<Value = (String, Option<String>)> {
    prop_oneof![
        1 => sentence().prop_map(|text| (text, None)),
        1 => Just(("took order %d for %s".to_owned(), None)),
        4 => prop::sample::select(
            &["%s", "order %s taken", "a_b%s", "%sorder%%", "the %s, timeout order 77: %r", "%sx%s shop"][..]
        )
        .prop_map(|source| (source.to_owned(), Some(source.replace("%s", "{}").replace("%r", "8812").replace("%%", "%")))),
    ]
}

fn log_keys() -> impl Strategy<Value = Value> {
    let level = prop::sample::select(&["INFO", "ERROR", "warning", "Level 35", "NOTE", ""][..]);
    let optional = |key: &'static str| prop::option::of(keyword()).prop_map(move |value| (key, value));
    (
        level,
        keyword(),
        sentence(),
        optional("thread"),
        optional("task"),
        prop::option::of(template()),
        extra(),
        0_u8..16,
    )
        .prop_map(|(level, logger, mut msg, thread, task, tpl, extra, flags)| {
            if let Some((source, Some(made))) = &tpl {
                msg = made.replace("{}", &msg);
                debug_assert!(!source.is_empty());
            }
            let tpl = tpl.map(|(source, _)| source);
            let mut keys = json!({"level": level, "logger": logger, "msg": msg, "extra": extra});
            for (key, value) in [thread, task, ("tpl", tpl)] {
                if let Some(value) = value {
                    keys[key] = value.into();
                }
            }
            if flags & 1 > 0 {
                keys["file"] = "src/shop/orders.py".into();
                keys["line"] = u64::from(flags).into();
                keys["func"] = "take".into();
            }
            if flags & 2 > 0 {
                keys["exc"] = json!({"type": "ValueError", "msg": keys["msg"], "stack": []});
            }
            if flags & 4 > 0 {
                keys["tid"] = (u64::MAX - u64::from(flags)).into();
            }
            if flags == 15 {
                keys["levelno"] = 33.into();
                keys["stack"] = "Stack (most recent call last)".into();
            }
            keys
        })
}

fn event_keys() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(&["wait", "got", "note", "exc", "zap"][..]);
    (kind, prop::sample::select(&["lock:1", "queue:2", "Lock:1"][..]), extra(), scalar()).prop_map(
        |(kind, obj, extra, odd)| {
            let mut keys = extra;
            keys["ev"] = kind.into();
            keys["obj"] = obj.into();
            keys["on"] = "lock".into();
            keys["site"] = json!(["src/shop/orders.py", 5, "take"]);
            if kind == "zap" {
                // A kind that is not known may say anything, anywhere.
                keys["level"] = "WARNING".into();
                keys["exc"] = json!({"type": odd.clone(), "msg": odd});
                keys["obj"] = odd;
            }
            if kind == "exc" {
                keys["type"] = "KeyError".into();
                keys["msg"] = "'order 77'".into();
            }
            keys
        },
    )
}

/// Lines of a few processes, among them some that are no records.
pub fn lines(most: usize) -> impl Strategy<Value = Vec<Line>> {
    let keys = prop_oneof![6 => log_keys(), 3 => event_keys(), 1 => Just(Value::Null)];
    let one = (0_usize..3, 1_u32..3, prop::sample::select(&["t1", "t2", "a17"][..]), 0_i64..12, keys);
    prop::collection::vec(one, 0..most).prop_map(|specs| {
        let mut lines = vec![proc_event(0, 1), proc_event(1, 2)];
        for (seq, (proc, part, lane, ts, keys)) in (2..).zip(specs) {
            let line = match keys {
                Value::Null => Line { proc, part, text: format!("order no json {seq}") },
                keys => line(proc, lane, seq, START + ts * 1_000_000_000, keys),
            };
            lines.push(Line { part, ..line });
        }
        lines
    })
}

/// Every field, and keys that are there and that are not.
pub fn field() -> impl Strategy<Value = Field> {
    let known: Vec<Field> = crate::record::field::Known::ALL.iter().map(|(known, ..)| Field::Known(*known)).collect();
    let keys = ["order_id", "http.status", "http", "user.name", "user", "k", "on", "x\u{1}y", "nothing", "timeout", ""]
        .to_vec();
    prop_oneof![prop::sample::select(known), prop::sample::select(keys).prop_map(|key| Field::Key(key.into())),]
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let words = prop_oneof![
        4 => sentence(),
        2 => keyword(),
        2 => prop::sample::select(
            &["5", "5.0", "-0.0", "0", "8812", "1e17", "18446744073709551615", "true", "null", "lock:1", "wait", "error",
              "35", "1", "t1", "42-aaaaaa", "malformed", "src/shop", "ValueError", "2026-11-22T17:15:05.000000000Z"][..]
        ).prop_map(str::to_owned),
    ];
    let glob = prop::sample::select(
        &[
            "*",
            "shop*",
            "*order*",
            "ord?r",
            "8*",
            "?",
            "*.*",
            "src/*/ord*",
            "t*",
            "*:1",
            "-*",
            "5*",
            "ü*",
            "*er*",
            "1?",
        ][..],
    );
    prop_oneof![
        3 => words.prop_map(|text| Pattern::Words { text }),
        1 => glob.prop_map(|text| Pattern::Glob { text: text.to_owned() }),
    ]
}

fn bound() -> impl Strategy<Value = Bound> {
    prop_oneof![
        (-5_i128..100).prop_map(Bound::Int),
        prop::sample::select(vec![i128::from(u64::MAX), i128::from(i64::MIN), 9_007_199_254_740_993, 1 << 70])
            .prop_map(Bound::Int),
        prop::sample::select(&[0.0, -0.0, 5.0, 5.5, -2.5, 1e17, 1e30, -1e30, f64::INFINITY, f64::NAN][..])
            .prop_map(Bound::Float),
        (0_i64..12).prop_map(|second| Bound::Time(START + second * 1_000_000_000)),
        prop::sample::select(&[0_u16, 20, 30, 33, 35, 40, u16::MAX][..]).prop_map(Bound::Level),
        prop::sample::select(&["", "order", "shop", "t2", "lock:1", "über"][..])
            .prop_map(|text| Bound::Text(text.into())),
    ]
}

/// Queries over that world.
pub fn query() -> impl Strategy<Value = Query> {
    let op = prop::sample::select(&[Op::Less, Op::AtMost, Op::More, Op::AtLeast][..]);
    let regex = prop::sample::select(
        &["order", "^o", r"\d+", "", "(?i)ORDER .*77", "lock", "[.]", "shop$", "(order|x) taken", "timeout o"][..],
    );
    let leaf = prop_oneof![
        1 => Just(Query::All),
        8 => (field(), pattern()).prop_map(|(field, pattern)| Query::Is { field, pattern }),
        4 => (field(), op, bound()).prop_map(|(field, op, bound)| Query::Compare { field, op, bound }),
        2 => field().prop_map(Query::Exists),
        1 => (field(), regex).prop_map(|(field, regex)| {
            Query::Matches { field, regex: Expression::new(regex).expect("a regex") }
        }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Query::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Query::Or),
            inner.prop_map(|query| Query::Not(Box::new(query))),
        ]
    })
}
