//! `logq diagnose` on hand-made runs: its text, its document, its exit codes.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::handmade::{self, Spool, Writer};
use crate::harness::Case;

/// Two workers that took two locks in opposite order, and the main thread that waits for one of them.
fn deadlock(case: &Case) {
    let mut writer = Writer::new("4242-aaaaaa", 0);
    let site = |line: u64| json!(["/shop/bank.py", line, "transfer"]);
    let wait = |obj: &str, owner: &str, line: u64, held_line: u64, held: &str, own_line: u64| {
        json!({
            "ev": "wait", "on": "lock", "obj": obj, "owner": owner, "held_at": site(held_line), "held_since": 2_000_000,
            "held": [{"obj": held, "site": site(own_line), "since": 2_000_000}], "since": 9_000_000,
            "stack": [{"file": "/shop/bank.py", "line": line, "func": "transfer"}],
        })
    };
    let object = |obj: &str, name: &str, line: u64| json!({"ev": "obj", "obj": obj, "kind": "threading.Lock", "name": name, "site": ["/shop/bank.py", line, "<module>"]});
    let lines = vec![
        writer.begin(1),
        writer.thread("t2", "A", "t1@1"),
        writer.thread("t3", "B", "t1@1"),
        writer.line("t2", 2, object("lock:1", "vault_1", 8)),
        writer.line("t3", 2, object("lock:2", "vault_2", 9)),
        writer.line("t2", 3, wait("lock:2", "t3", 17, 21, "lock:1", 14)),
        writer.line("t3", 3, wait("lock:1", "t2", 24, 14, "lock:2", 21)),
        writer.line("t1", 2, json!({"ev": "wait", "on": "join", "owner": "t2", "site": site(30), "since": 9_500_000})),
    ];
    let spool = Spool::new(case);
    spool.lines("4242-aaaaaa", &lines);
    spool.raw("1.claim", b"4242-aaaaaa\n");
}

#[test]
fn a_deadlock_is_told_with_who_holds_and_waits_where() {
    let case = Case::new();
    deadlock(&case);
    let said = case.logq(&["diagnose", "--only", "deadlock"]).ended(1);
    assert_snapshot!("deadlock", said.out);
    let documents = case.json(&["diagnose", "--only", "deadlock"]);
    let finding = &documents[0]["findings"][0];
    assert_eq!((&finding["kind"], &finding["certainty"]), (&json!("deadlock"), &json!("certain")));
    assert_eq!(finding["evidence"], json!(["1.t2@3", "1.t3@3"]));
    assert_eq!(finding["resources"][0]["site"]["line"], json!(9));
    assert_eq!((&documents[0]["complete"], &documents[0]["run"]), (&json!(true), &json!(handmade::RUN)));
}

/// What is recommended asks about the run that was asked about, also when a newer one is there.
#[test]
fn what_is_recommended_of_an_older_run_names_it() {
    let case = Case::new();
    deadlock(&case);
    let see = |case: &Case| case.json(&["diagnose", "--run", handmade::RUN])[0]["findings"][0]["see"].clone();
    assert_eq!(see(&case), json!("logq timeline --thread 1.t2,1.t3"));
    handmade::shop(&Spool::of_run(&case, "20261123-101010-zzzz"));
    let named = format!("logq timeline --thread 1.t2,1.t3 --run {}", handmade::RUN);
    assert_eq!(see(&case), json!(named));
    let words: Vec<&str> = named.split(' ').skip(1).collect();
    assert!(case.logq(&words).ended(0).out.contains("vault_1"));
}

#[test]
fn a_run_that_ended_well_is_clean() {
    let case = Case::new();
    handmade::shop(&Spool::new(&case));
    let said = case.logq(&["diagnose"]).ended(0);
    assert!(said.out.contains("\n\nno faults"), "{}", said.out);
    assert_eq!(case.json(&["diagnose"])[0]["findings"], Value::Array(Vec::new()));
}

#[test]
fn kinds_explain_themselves_and_unknown_ones_are_refused() {
    let case = Case::new();
    let said = case.logq(&["diagnose", "--explain", "deadlock"]).ended(0);
    assert!(said.out.starts_with("deadlock: "), "{}", said.out);
    let said = case.logq(&["diagnose", "--only", "headache"]).ended(2);
    assert!(said.err.contains("`headache`") && said.err.contains("stuck-wait"), "{}", said.err);
}
