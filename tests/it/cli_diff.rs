//! `logq diff` on recorded runs of a program that fails only sometimes: here an argument says when.

use std::path::Path;

use serde_json::Value;

use crate::handmade::{Spool, shop};
use crate::harness::{Case, Said, assert_has, python};

/// A till that is told of prices and sales by two threads, and three packers that share out their work as it comes. The
/// threads wait for each other by looking at a list, which is no hand-over: what logq sees is that the order differs.
const SHOP: &str = r#"
import logging, queue, sys, threading, time

log = logging.getLogger("shop")
till, jobs, put = queue.Queue(), queue.Queue(), []

def tell(what, after):
    while after and after not in put:
        time.sleep(0.001)
    log.info("telling the till of the %s", what)
    till.put(what)
    put.append(what)

def keep():
    prices = {}
    for _ in range(2):
        what = till.get()
        if what == "price":
            prices["tea"] = 4
            log.info("tea is %d", 4)
        elif "tea" in prices:
            log.info("sold tea for %d", prices["tea"])
        else:
            log.error("no price for %s", "tea")

def pack():
    for job in iter(jobs.get, None):
        log.info("packing %d", job)

late = sys.argv[1:] == ["late"]
lanes = [threading.Thread(target=pack, name=f"packer-{n}") for n in (1, 2, 3)]
lanes.append(threading.Thread(target=keep, name="till"))
lanes.append(threading.Thread(target=tell, args=("price", "sale" if late else None), name="office"))
lanes.append(threading.Thread(target=tell, args=("sale", None if late else "price"), name="counter"))
for lane in lanes:
    lane.start()
for job in [*range(8), None, None, None]:
    jobs.put(job)
for lane in lanes:
    lane.join()
logging.getLogger("shop").warning("closed")
"#;

/// Records the program once; the name of the run.
fn run(case: &Case, program: &Path, arguments: &[&str]) -> String {
    let (python, program) = (python(), program.to_string_lossy().into_owned());
    let mut words = vec!["run", "--record-level", "INFO", "--", python.as_str(), program.as_str()];
    words.extend(arguments);
    let before: Vec<String> = names(case);
    case.logq(&words).ended(0);
    names(case).into_iter().find(|name| !before.contains(name)).expect("a run")
}

fn names(case: &Case) -> Vec<String> {
    let runs = std::fs::read_dir(case.store().join("runs"));
    runs.into_iter()
        .flatten()
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect()
}

fn document(case: &Case, words: &[&str]) -> Value {
    let said: Said = case.logq(&[words, &["--format", "json"]].concat());
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.err))
}

#[test]
fn runs_that_pass_are_the_same_and_one_that_fails_parts_where_the_order_did() {
    let case = Case::new();
    let program = case.write("shop.py", SHOP);
    let passed: Vec<String> = (0..3).map(|_| run(&case, &program, &[])).collect();
    let failed: Vec<String> = (0..2).map(|_| run(&case, &program, &["late"])).collect();

    let same = case.logq(&["diff", &passed[0], &passed[1]]).ended(0).out;
    assert!(same.starts_with("no difference"), "{same}");

    let said = case.logq(&["diff", &passed[0], &failed[0]]).ended(1).out;
    let verdict = said.lines().next().expect("a verdict");
    assert_has(verdict, &["the runs part at 1.t5 till: in A it gets item from queue till, put by t6 office"]);
    assert_has(verdict, &["in B it gets item from queue till, put by t7 counter"]);
    assert_has(&said, &["only in A", "INFO sold tea for %d", "only in B", "ERROR no price for %s"]);
    assert!(!said.contains("packing"), "who packed what is an accident:\n{said}");
    let document_of_two = document(&case, &["diff", &passed[0], &failed[0]]);
    assert_eq!(document_of_two["part"]["b"]["kind"], "hand-over");
    assert_eq!(document_of_two["same"], false);
    // The record that it names can be asked about.
    let id = document_of_two["part"]["b"]["id"].as_str().expect("an id");
    case.logq(&["why", id, "--run", &failed[0]]).ended(0);

    let all = document(&case, &["diff", "--pass", &passed.join(","), "--fail", &failed.join(",")]);
    let first = &all["moves_with_outcome"][0];
    assert_has(first["what"].as_str().expect("text"), &["till is handed queue till from", "before queue till from"]);
    assert_eq!(first["score"], 1.0, "{first}");
    assert_eq!((all["passed"].as_u64(), all["failed"].as_u64()), (Some(3), Some(2)));
    let said = case.logq(&["diff", "--fail", &failed.join(","), "--pass", &passed.join(",")]).ended(1).out;
    assert_has(&said, &["3 that passed, 2 that failed", "of 2 failed", "the runs part at 1.t5 till"]);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let case = Case::new();
    shop(&Spool::new(&case));
    case.logq(&["diff"]).ended(2);
    case.logq(&["diff", "2026"]).ended(2);
    case.logq(&["diff", "2026", "nothing"]).ended(2);
    case.logq(&["diff", "--pass", "2026"]).ended(2);
    let twice = case.logq(&["diff", "--pass", "2026", "--fail", "2026"]).ended(2);
    assert_has(&twice.err, &["named twice"]);
    case.logq(&["diff", "2026", "2026"]).ended(0);
}

#[test]
fn a_damaged_run_is_compared_and_said_to_be_damaged() {
    let case = Case::new();
    shop(&Spool::new(&case));
    let damaged = Spool::of_run(&case, "20261122-171504-k3f9");
    shop(&damaged);
    damaged.raw("4242-aaaaaa.1.jsonl", b"{\"ts\":\"2026-11-22T17:15:03Z\",\"seq\":\n{\"ev\":7}\n");
    let said = case.logq(&["diff", "20261122-171503", "20261122-171504"]);
    assert!(matches!(said.code, Some(0 | 1)), "{}", said.err);
    assert_has(&said.out, &["2 records unreadable"]);
}
