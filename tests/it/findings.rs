//! What `logq diagnose` says of the samples: of the faulty ones exactly their fault, on every interpreter; of the healthy
//! ones nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Case, Said, are_prepared, pythons};

/// How a sample ends under logq.
#[derive(Clone, Copy)]
enum Ends {
    ByItself(i32),
    /// It stands still, and logq ends it.
    Never,
}
use Ends::{ByItself, Never};

fn record(python: &str, sample: &str, ends: Ends) -> (Case, Said) {
    let case = Case::new();
    let path = format!("{}/samples/{sample}/program.py", env!("CARGO_MANIFEST_DIR"));
    let (limit, code) = match ends {
        Never => ("8s", 124), // a busy machine takes seconds to start what then hangs
        ByItself(code) => ("60s", code),
    };
    // PyCSP else asks the network for a name of its own.
    let mut command = case.command(&["run", "--timeout", limit, "--", python, &path]);
    let run = Said::of(command.env("PYCSP_HOST", "127.0.0.1").output().expect("logq runs")).ended(code);
    (case, run)
}

/// The same under `--races`: of what the program's lanes share every lost update is told.
fn raced(sample: &str, file: &str, certainties: &[&str], words: &[&str]) {
    for python in pythons() {
        let case = Case::new();
        let path = format!("{}/samples/{sample}/{file}.py", env!("CARGO_MANIFEST_DIR"));
        case.logq(&["run", "--races", "--timeout", "60s", "--", &python, &path]).ended(0);
        let diagnosis = diagnosis(&case);
        let told = faults(&diagnosis);
        if certainties.is_empty() {
            assert!(told.is_empty(), "{python}: {diagnosis:#}");
            continue;
        }
        assert!(told.len() == 1 && certainties.contains(&told[0].as_str()), "{python}: {told:?} {diagnosis:#}");
        let said = named(&diagnosis);
        words.iter().for_each(|word| assert!(said.contains(word), "{python}: no {word} in {said}"));
        all_opens(&case, &diagnosis, &python);
    }
}

#[test]
fn updates_are_lost_between_threads_tasks_and_processes() {
    raced("race_threads", "program", &["race certain"], &["visitors", "teller-", "lost update"]);
    raced("race_tasks", "program", &["race certain"], &["Wallet.balance", "shoes", "coat", "check-then-act"]);
    raced("race_processes", "program", &["race certain", "race likely"], &["count.txt", "clerk-"]);
}

#[test]
fn no_race_is_told_of_what_a_lock_or_a_hand_over_covers() {
    for sample in ["race_threads", "race_tasks", "race_processes"] {
        raced(sample, "mended", &[], &[]);
    }
    raced("healthy", "program", &[], &[]);
    raced("producer_consumer", "program", &[], &[]);
}

fn diagnosis(case: &Case) -> Value {
    let said = case.logq(&["diagnose", "--format", "json"]);
    assert!(matches!(said.code, Some(0 | 1)), "{}", said.err);
    serde_json::from_str(&said.out).expect("a document")
}

/// Kind and certainty of each fault that is at least likely, then who takes part in the first.
fn faults(diagnosis: &Value) -> Vec<String> {
    let findings = diagnosis["findings"].as_array().expect("findings");
    let sure = findings.iter().filter(|each| each["class"] == "fault" && each["certainty"] != "possible");
    sure.map(|each| format!("{} {}", each["kind"].as_str().unwrap(), each["certainty"].as_str().unwrap())).collect()
}

fn named(diagnosis: &Value) -> String {
    serde_json::to_string(&diagnosis["findings"][0]).expect("text")
}

/// Every record that a finding rests on opens, in its chain of causes and among its neighbours, and every command that
/// is recommended answers.
fn all_opens(case: &Case, diagnosis: &Value, python: &str) {
    let findings = diagnosis["findings"].as_array().expect("findings");
    let ids = findings.iter().flat_map(|each| each["evidence"].as_array().expect("evidence"));
    let ids: BTreeSet<&str> = ids.map(|id| id.as_str().expect("an id")).collect();
    assert!(!ids.is_empty(), "{python}: {diagnosis:#}");
    for id in ids {
        let why = case.logq(&["why", id]).ended(0);
        assert!(why.out.lines().any(|line| line.starts_with(&format!("{id} "))), "{python} {id}: {}", why.out);
        let around = case.logq(&["timeline", "--around", id]).ended(0);
        // A lane of the only process is shown without its number.
        let here = format!("{}  ← here", id.split_once('.').expect("a process and its record").1);
        assert!(around.out.contains(&here), "{python} {id}: {}", around.out);
    }
    let said = case.logq(&["diagnose"]);
    let see: Vec<&str> = said.out.lines().filter_map(|line| line.trim().strip_prefix("see: ")).collect();
    let meant = findings.iter().filter_map(|each| each["see"].as_str());
    assert_eq!(see, meant.collect::<Vec<_>>(), "{python}");
    for command in see.into_iter().collect::<BTreeSet<_>>() {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[0], "logq", "{python}: {command}");
        let answer = case.logq(&words[1..]).ended(0);
        assert!(answer.out.lines().count() > 1, "{python} {command}: {}", answer.out);
    }
}

/// The sample's fault is the only one, the finding names all of `words`, and its evidence opens.
fn check(sample: &str, ends: Ends, fault: &str, words: &[&str]) {
    check_all(sample, ends, &[fault], words);
}

/// The same of a sample that needs other people's packages, on the interpreters that have them.
fn check_with(packages: &[&str], sample: &str, ends: Ends, fault: &str, words: &[&str]) {
    for python in having(packages) {
        check_on(&python, sample, ends, &[fault], words);
    }
}

/// `make test` installs the packages for every interpreter that it names: there, one that lacks them is a failure. A bare
/// `cargo test` checks those that have them.
fn having(packages: &[&str]) -> Vec<String> {
    let code = format!("import {}", packages.join(", "));
    let has = |python: &String| -> bool {
        let asked = std::process::Command::new(python).args(["-c", &code]).stderr(std::process::Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let (with, without): (Vec<String>, Vec<String>) = pythons().into_iter().partition(has);
    assert!(without.is_empty() || !are_prepared(), "{without:?} lack one of {packages:?}");
    with
}

/// The same where one fault led to another: the first one found is the one that is named.
fn check_all(sample: &str, ends: Ends, expected: &[&str], words: &[&str]) {
    // They mostly wait: two at a time.
    for pair in pythons().chunks(2) {
        std::thread::scope(|scope| {
            for python in pair {
                scope.spawn(|| check_on(python, sample, ends, expected, words));
            }
        });
    }
}

fn check_on(python: &str, sample: &str, ends: Ends, expected: &[&str], words: &[&str]) {
    let (case, run) = record(python, sample, ends);
    let diagnosis = diagnosis(&case);
    assert_eq!(faults(&diagnosis), expected, "{python} {sample}: {diagnosis:#}");
    let finding = named(&diagnosis);
    for word in words {
        assert!(finding.contains(word), "{python} {sample} lacks {word}: {finding}");
    }
    let title = diagnosis["findings"][0]["title"].as_str().expect("a title");
    assert!(run.verdict().contains(title), "{python}: the verdict of the run says it too: {}", run.verdict());
    all_opens(&case, &diagnosis, python);
}

#[test]
fn a_deadlock() {
    check("deadlock", Never, "deadlock certain", &["clerk-1", "clerk-2", "vault_1", "vault_2"]);
}

#[test]
fn a_lost_wakeup() {
    check("lost_wakeup", Never, "lost-wakeup certain", &["guest", "usher", "doors"]);
}

#[test]
fn a_dead_consumer() {
    let faults = ["stuck-wait certain", "lost-exception certain"];
    check_all("dead_consumer", Never, &faults, &["printer", "MainThread", "pages", "AttributeError"]);
}

#[test]
fn a_pool_that_waits_for_itself() {
    check("pool_exhausted", Never, "pool-exhausted certain", &["counter_0", "counter_1"]);
}

#[test]
fn a_lock_that_stayed_behind_at_a_fork() {
    check("orphaned_lock", Never, "orphaned-lock certain", &["desk", "sorter", "catalogue_lock"]);
}

#[test]
fn a_failure_in_a_pool_that_nobody_asks_for() {
    check("future_exception", ByItself(0), "lost-exception certain", &["AttributeError", "mailer_", "send"]);
}

#[test]
fn a_failure_of_a_thread() {
    check("thread_exception", ByItself(0), "lost-exception certain", &["ValueError", "sum-south"]);
}

#[test]
fn a_failure_of_a_task_that_nobody_awaits() {
    check("task_exception", ByItself(0), "lost-exception certain", &["ValueError", "upload -99"]);
}

#[test]
fn a_loop_that_does_not_turn() {
    check("blocked_loop", ByItself(0), "blocked-loop certain", &["pictures", "messages", "resize"]);
}

#[test]
fn locks_in_both_orders_on_a_day_when_all_goes_well() {
    check("lock_order", ByItself(0), "lock-order likely", &["cashier", "porter", "rooms", "bills"]);
}

#[test]
fn a_worker_that_was_killed() {
    for python in pythons() {
        let (case, _) = record(&python, "killed_worker", Never);
        let diagnosis = diagnosis(&case);
        let faults = faults(&diagnosis);
        assert!(faults.iter().any(|fault| fault.starts_with("killed-process")), "{python}: {diagnosis:#}");
        assert!(named(&diagnosis).contains("PoolWorker"), "{python}: {diagnosis:#}");
        all_opens(&case, &diagnosis, &python);
    }
}

#[test]
fn a_deferred_that_nobody_fires() {
    check_with(&["twisted"], "twisted_deferred", Never, "stuck-wait certain", &["bulletin", "Deferred", "answer"]);
}

#[test]
fn processes_that_both_want_to_read_first() {
    check_with(&["pycsp"], "pycsp_channels", Never, "deadlock certain", &["oven", "counter", "orders", "loaves"]);
}

#[test]
fn tasks_of_trio_in_a_deadlock() {
    check_with(&["trio"], "trio_locks", Never, "deadlock certain", &["lend", "take_back", "shelf", "card_index"]);
}

#[test]
fn threads_that_gevent_made_greenlets_in_a_deadlock() {
    check_with(&["gevent"], "gevent_locks", ByItself(1), "deadlock certain", &["clerk-1", "clerk-2", "cabins", "deck"]);
}

#[test]
fn nothing_in_frameworks_where_all_is_well() {
    for python in having(&["twisted", "trio", "gevent", "pycsp"]) {
        let (case, _) = record(&python, "healthy_frameworks", ByItself(0));
        let said = case.logq(&["diagnose"]).ended(0);
        assert!(said.out.contains("\n\nno faults"), "{python}: {}", said.out);
    }
}

#[test]
fn nothing_where_all_is_well() {
    for sample in ["healthy", "producer_consumer"] {
        for python in pythons() {
            let (case, _) = record(&python, sample, ByItself(0));
            let said = case.logq(&["diagnose"]).ended(0);
            assert!(said.out.contains("\n\nno faults"), "{python} {sample}: {}", said.out);
        }
    }
}
