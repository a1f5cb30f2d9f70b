//! `logq stats`: its text on a hand-made run, and what it says of real programs, whatever the interpreter.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::handmade::{RUN, Spool, Writer};
use crate::harness::{Case, python, pythons};

const MS: u64 = 1_000_000;

/// Lines of process 1, each with lane, number, time in ms and keys.
fn written(case: &Case, lines: &[(&str, u64, u64, Value)]) {
    let mut writer = Writer::new("4242-aaaaaa", 0);
    let mut all =
        vec![writer.begin(1), writer.thread("t2", "worker-1", "t1@1"), writer.thread("t3", "worker-2", "t1@1")];
    for (lane, seq, ms, keys) in lines {
        let mut keys = keys.clone();
        let time = format!("2026-11-22T17:15:{:02}.{:03}000000Z", ms / 1000, ms % 1000);
        let whole = keys.as_object_mut().expect("keys");
        whole.extend([("ts".to_owned(), json!(time)), ("mono".to_owned(), json!(ms * MS))]);
        all.push(writer.line(lane, *seq, keys));
    }
    let spool = Spool::new(case);
    spool.lines("4242-aaaaaa", &all);
    spool.raw("1.claim", b"4242-aaaaaa\n");
}

fn object(obj: &str, kind: &str, name: &str, line: u64) -> Value {
    json!({"ev": "obj", "obj": obj, "kind": kind, "name": name, "site": ["/shop/stock.py", line, "<module>"]})
}

/// worker-1 waits 400 ms for a lock that worker-2 has, gives it an order, and waits for what that puts into a queue.
fn contended(case: &Case) {
    let site = |line: u64, func: &str| json!(["/shop/stock.py", line, func]);
    let lock = json!({
        "ev": "wait", "on": "lock", "obj": "lock:1", "owner": "t3", "held_at": site(22, "count"), "since": 30 * MS,
        "site": site(18, "sell"),
    });
    let queue = json!({
        "ev": "wait", "on": "queue-get", "obj": "queue:2", "since": 450 * MS, "site": site(30, "sell"),
        "put_at": {"t3": site(41, "deliver")}, "hbl": ["t3@1|lock:1"],
    });
    let order = json!({"level": "INFO", "msg": "an order", "hb": ["t2@4|job"], "file": "/shop/stock.py", "line": 40});
    let join = |owner: &str, since: u64| json!({"ev": "wait", "on": "join", "owner": owner, "since": since * MS, "site": site(50, "main")});
    let got = |obj: Value, stamp: Value| json!({"ev": "got", "obj": obj, "res": "ok", "hb": stamp});
    let end = |cpu: u64, runnable: u64, still: u64, barred: u64| {
        let looks = json!({"n": 5, "still": still * MS, "barred": barred * MS});
        json!({"ev": "end", "how": "ok", "cpu": cpu * MS, "runnable": runnable * MS, "looks": looks})
    };
    let locks = json!([{"obj": "lock:1", "contended": 12, "waited": 409 * MS}]);
    written(
        case,
        &[
            ("t2", 2, 30, object("lock:1", "threading.Lock", "stock", 3)),
            ("t2", 3, 31, lock),
            ("t1", 2, 40, join("t2", 39)),
            ("t2", 4, 430, got(json!("lock:1"), json!([]))),
            ("t3", 2, 448, order),
            ("t2", 5, 449, object("queue:2", "queue.Queue", "orders", 4)),
            ("t2", 6, 451, queue),
            ("t2", 7, 550, got(json!("queue:2"), json!(["t3@2|queue:2"]))),
            ("t2", 8, 600, end(70, 0, 0, 10)),
            ("t1", 3, 601, got(Value::Null, json!([]))),
            ("t1", 4, 603, join("t3", 602)),
            ("t3", 3, 640, end(50, 10, 400, 40)),
            ("t1", 5, 641, got(Value::Null, json!([]))),
            ("t1", 6, 650, json!({"ev": "exit", "rc": 0, "how": "exit", "cpu": 30 * MS, "locks": locks})),
        ],
    );
}

#[test]
fn the_text_says_what_decided_who_waited_and_what_the_rest_was() {
    let case = Case::new();
    contended(&case);
    assert_snapshot!("stats", case.logq(&["stats"]).ended(0).out);
    assert_snapshot!("stats critical path", case.logq(&["stats", "--at", "1.t2@8", "--critical-path"]).ended(0).out);
    let answer = &case.json(&["stats", "--thread", "worker-1"])[0];
    assert_eq!((&answer["run"], &answer["took"]), (&json!(RUN), &json!(599 * MS)));
    let share = |what: &str, lane: &Value| {
        let shares = answer["critical_path"].as_array().expect("shares");
        shares.iter().find(|share| share["what"] == what && share["lane"] == *lane).map(|share| share["ns"].clone())
    };
    // From its order at 448 on worker-2 does what worker-1 waits for, until 550.
    assert_eq!(share("lock", &Value::Null), Some(json!(400 * MS)));
    assert_eq!(share("work", &json!("1.t3")), Some(json!((27 + 102) * MS)));
    assert_eq!(share("work", &json!("1.t2")), Some(json!((18 + 50) * MS)));
    assert_eq!(answer["without"]["object"]["called"], json!("lock stock"));
    assert_eq!(answer["without"]["at_least"], json!(199 * MS));
}

#[test]
fn a_part_of_the_time_is_counted_alone() {
    let case = Case::new();
    contended(&case);
    let span = ["stats", "--since", "2026-11-22T17:15:00.2", "--until", "2026-11-22T17:15:00.3"];
    let answer = &case.json(&span)[0];
    assert_eq!(answer["took"], json!(100_000_000_u64));
    assert_eq!(answer["objects"][0]["waited"], json!(100_000_000_u64));
    assert_eq!(answer["lanes"][0]["cpu"], Value::Null, "what a thread used it tells of its whole life only");
}

#[test]
fn a_run_that_was_killed_says_so() {
    let case = Case::new();
    let wait = json!({"ev": "wait", "on": "event", "obj": "event:1", "since": 10 * MS});
    written(&case, &[("t1", 3, 11, wait), ("t2", 2, 90, json!({"level": "INFO", "msg": "goes on"}))]);
    let said = case.logq(&["stats"]).ended(0);
    for word in ["its end is not on record", "waiting for event:1", "missing:"] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    assert!(!said.out.contains("at least"), "{}", said.out);
}

fn record(python: &str, sample: &str) -> (Case, Value) {
    let case = Case::new();
    let path = format!("{}/samples/{sample}/program.py", env!("CARGO_MANIFEST_DIR"));
    case.logq(&["run", "--", python, &path]).ended(0);
    let answer = case.json(&["stats"])[0].clone();
    (case, answer)
}

#[test]
fn a_contended_lock_owns_the_time() {
    for python in pythons() {
        let (case, answer) = record(&python, "contended_lock");
        let shares = answer["critical_path"].as_array().expect("shares");
        let lost = shares.iter().find(|share| share["what"] == "lock").expect("a share of the lock");
        assert_eq!(lost["object"]["called"], json!("lock stock"), "{python}");
        assert_eq!(lost["by"][0]["site"]["func"], json!("sell"), "{python}");
        assert_eq!(answer["objects"][0]["object"]["name"], json!("stock"), "{python}");
        let (took, least) = (answer["took"].as_u64(), answer["without"]["at_least"].as_u64());
        assert!(least < took, "{python}: {least:?} {took:?}");
        let longest = &answer["lanes"][1]["longest"]["object"]["name"];
        assert_eq!(longest, &json!("stock"), "{python}");
        case.logq(&["stats", "--critical-path", "-n", "5"]).ended(0);
    }
}

#[test]
fn a_slow_stage_owns_the_time_of_those_behind_it() {
    let (case, _) = record(&python(), "slow_stage");
    let answer = &case.json(&["stats", "--thread", "framer-*"])[0];
    let shares = answer["critical_path"].as_array().expect("shares");
    let develops = |share: &&Value| share["by"][0]["site"]["func"] == "develop" && share["what"] == "work";
    assert!(shares.iter().any(|share| develops(&share)), "{answer:#}");
    let said = case.logq(&["stats"]).ended(0).out;
    for words in ["queue prints: those who take from it wait", "queue negatives: those who put into it wait"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
