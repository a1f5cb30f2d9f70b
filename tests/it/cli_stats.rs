//! `logq stats`: its text on a hand-made run, and what it says of real programs, whatever the interpreter.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::handmade::{RUN, Spool, Writer};
use crate::harness::{Case, python, pythons};

/// Two workers and one lock: one holds it for 400 ms while the other waits, then a queue is empty for 100 ms.
fn contended(case: &Case) {
    let mut writer = Writer::new("4242-aaaaaa", 0);
    let at = |ms: u64, keys: Value| {
        let mut keys = keys;
        let seconds = format!("2026-11-22T17:15:{:02}.{:03}000000Z", ms / 1000, ms % 1000);
        keys.as_object_mut()
            .expect("keys")
            .extend([("ts".to_owned(), json!(seconds)), ("mono".to_owned(), json!(ms * 1_000_000))]);
        keys
    };
    let site = |line: u64| json!(["/shop/stock.py", line, "take"]);
    let ms = 1_000_000_u64;
    let lock = json!({"ev": "obj", "obj": "lock:1", "kind": "threading.Lock", "name": "stock", "site": ["/shop/stock.py", 3, "<module>"]});
    let queue = json!({"ev": "obj", "obj": "queue:2", "kind": "queue.Queue", "name": "orders", "site": ["/shop/stock.py", 4, "<module>"]});
    let waits = json!({"ev": "wait", "on": "lock", "obj": "lock:1", "owner": "t3", "held_at": site(22), "since": 30 * ms, "site": site(18)});
    let starves = json!({
        "ev": "wait", "on": "queue-get", "obj": "queue:2", "since": 450 * ms, "site": site(30), "putters": {"t3": 1},
        "put_at": {"t3": site(41)}, "hbl": ["t3@1|lock:1"],
    });
    let joins = |line: u64, owner: &str, since: u64| json!({"ev": "wait", "on": "join", "owner": owner, "since": since * ms, "site": ["/shop/stock.py", line, "main"]});
    let got = |obj: &str, keys: Value| {
        let mut all = json!({"ev": "got", "obj": obj, "res": "ok"});
        all.as_object_mut().expect("keys").extend(keys.as_object().expect("keys").clone());
        all
    };
    let lines = vec![
        writer.begin(1),
        writer.thread("t2", "worker-1", "t1@1"),
        writer.thread("t3", "worker-2", "t1@1"),
        writer.line("t2", 2, at(30, lock)),
        writer.line("t2", 3, at(31, waits)),
        writer.line("t1", 2, at(40, joins(50, "t2", 39))),
        writer.line("t2", 4, at(430, got("lock:1", json!({"waited": 400 * ms})))),
        writer.line("t2", 5, at(449, queue)),
        writer.line("t2", 6, at(451, starves)),
        writer.line("t2", 7, at(550, got("queue:2", json!({"hb": ["t3@1|queue:2"], "waited": 100 * ms})))),
        writer.line("t2", 8, at(600, json!({"ev": "end", "how": "ok", "cpu": 70 * ms, "runnable": 0, "looks": {"n": 5, "still": 0, "barred": 10 * ms}}))),
        writer.line("t3", 2, at(640, json!({"ev": "end", "how": "ok", "cpu": 50 * ms, "runnable": 10 * ms, "looks": {"n": 6, "still": 400 * ms, "barred": 40 * ms}}))),
        writer.line("t1", 3, at(601, json!({"ev": "got", "res": "ok"}))),
        writer.line("t1", 4, at(603, joins(50, "t3", 601))),
        writer.line("t1", 5, at(641, json!({"ev": "got", "res": "ok"}))),
        writer.line("t1", 6, at(650, json!({
            "ev": "exit", "rc": 0, "how": "exit", "cpu": 30 * ms, "locks": [{"obj": "lock:1", "contended": 12, "waited": 409 * ms}],
        }))),
    ];
    let spool = Spool::new(case);
    spool.lines("4242-aaaaaa", &lines);
    spool.raw("1.claim", b"4242-aaaaaa\n");
}

#[test]
fn the_text_says_what_decided_who_waited_and_what_the_rest_was() {
    let case = Case::new();
    contended(&case);
    assert_snapshot!("stats", case.logq(&["stats"]).ended(0).out);
    assert_snapshot!("stats critical path", case.logq(&["stats", "--at", "1.t2@8", "--critical-path"]).ended(0).out);
    let answer = &case.json(&["stats", "--thread", "worker-1"])[0];
    assert_eq!((&answer["run"], &answer["took"]), (&json!(RUN), &json!(599_000_000_u64)));
    // The other worker held the lock up to 430 ms, then brought what the queue lacked.
    let shares = answer["critical_path"].as_array().expect("shares");
    let lost = |what: &str| shares.iter().find(|share| share["what"] == what).map(|share| share["ns"].as_u64());
    assert_eq!((lost("lock"), lost("queue-empty")), (Some(Some(400_000_000)), Some(Some(100_000_000))));
    assert_eq!(answer["without"]["object"]["called"], json!("lock stock"));
    assert_eq!(answer["without"]["at_least"], json!(548_000_000_u64));
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
    let spool = Spool::new(&case);
    let mut writer = Writer::new("4242-aaaaaa", 0);
    let wait = json!({"ev": "wait", "on": "event", "obj": "event:1", "since": 3_000_000});
    spool.lines("4242-aaaaaa", &[writer.begin(1), writer.log("t1", 2, "INFO", "begins"), writer.line("t1", 4, wait)]);
    spool.raw("1.claim", b"4242-aaaaaa\n");
    let said = case.logq(&["stats"]).ended(0);
    for word in ["last record of the main thread", "waiting for event:1", "missing:"] {
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
        let most = &answer["critical_path"][0];
        assert_eq!((&most["what"], &most["object"]["called"]), (&json!("lock"), &json!("lock stock")), "{python}");
        assert_eq!(most["by"][0]["site"]["func"], json!("sell"), "{python}");
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
    let most = &answer["critical_path"][0];
    assert_eq!((&most["what"], &most["object"]["name"]), (&json!("queue-empty"), &json!("prints")));
    assert_eq!(most["by"][0]["site"]["func"], json!("develop"));
    let said = case.logq(&["stats"]).ended(0).out;
    for words in ["queue prints: those who take from it wait", "queue negatives: those who put into it wait"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
