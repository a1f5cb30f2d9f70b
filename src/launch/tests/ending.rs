//! The other processes of a run: orphans, those left behind, and ending them all at the time limit.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::{Case, is_there, pids, python, send};
use crate::launch::processes;

#[test]
fn orphans_are_adopted_and_their_ends_seen() {
    let script = r#"(sh -c 'echo $$ > orphan; exit 3' &)
                    until grep -q '"ev":"reap"' .logq/runs/*/spool/*.1.jsonl; do sleep 0.02; done"#;
    let case = Case::shell(script);
    assert_eq!(case.run().code, Some(0));
    let orphan = pids(&case.wait_for("orphan"))[0];
    let journal = case.journal();
    let of_orphan: Vec<_> = journal.iter().filter(|record| record["child_pid"] == json!(orphan)).collect();
    assert_eq!((&of_orphan[0]["ev"], &of_orphan[0]["adopted"]), (&json!("child"), &json!(true)));
    assert_eq!((&of_orphan[1]["ev"], &of_orphan[1]["rc"]), (&json!("reap"), &json!(3)));
}

#[test]
fn what_outlives_the_program_is_named_and_left_alone() {
    let case = Case::shell("setsid sleep 987 > /dev/null & echo $! > left; exit 6");
    let done = case.run();
    let left = pids(&case.wait_for("left"))[0];
    assert_eq!(done.code, Some(6));
    // `setsid` may fork once more when it leads a group.
    let alive = done.result["alive"].as_array().expect("a list");
    assert_eq!(alive.iter().map(|process| process["pid"].clone()).collect::<Vec<_>>(), [json!(left)]);
    assert!(is_there(left));
    send(left, Signal::KILL);
    let journal = case.journal();
    assert_eq!(journal.last().expect("exit")["children"], json!([{"pid": left, "state": "running"}]));
}

#[test]
fn a_helper_of_multiprocessing_may_take_a_moment_to_follow() {
    let python = python();
    let helper = "import os, sys, time
while os.getppid() == int(sys.argv[1]): time.sleep(0.01)
time.sleep(0.3)";
    let script = format!("{python} -I -S -c '{helper}' $$ multiprocessing.resource_tracker & exit 0");
    let done = Case::shell(&script).run();
    assert_eq!(done.result["alive"], json!([]));
}

#[test]
fn the_time_limit_ends_every_process_however_it_hides() {
    let deaf = "trap '' TERM HUP; echo $$ >> pids; while :; do sleep 5; done";
    fn quoted(script: &str) -> String {
        format!("'{}'", script.replace('\'', r"'\''"))
    }
    let script = format!(
        "setsid sh -c {0} &
         (setsid sh -c {0} & ) &
         sh -c {0} &
         sh -c 'echo $$ >> pids; kill -STOP $$' &
         sh -c 'echo $$ >> pids; exec sleep 876' &
         {deaf}",
        quoted(deaf)
    );
    let case = Case::shell(&script).timeout(Duration::from_secs(2));
    let done = case.run();
    assert_eq!(done.code, Some(124), "{}", done.result);
    assert_eq!((&done.result["timed_out"], &done.result["end"]), (&json!(true), &json!({"signal": 9})));
    let pids = pids(&case.wait_for("pids"));
    assert_eq!(pids.len(), 6, "the machine was too slow for this test: {pids:?}");
    assert_eq!(pids.iter().copied().filter(|pid| is_there(*pid)).collect::<Vec<_>>(), Vec::<u32>::new());
    let signals: Vec<_> =
        pids.iter().map(|pid| done.result["ended"][pid.to_string()].as_i64().expect("ended")).collect();
    assert_eq!(signals.iter().filter(|signal| **signal == 9).count(), 4, "{signals:?}");
    assert_eq!(signals.iter().filter(|signal| **signal == 15).count(), 2, "{signals:?}");
    assert_eq!(done.result["alive"], json!([]));
    let journal = case.journal();
    let kills = journal.iter().filter(|record| record["what"] == json!("kill"));
    assert!(kills.filter(|record| record["sig"] == json!(9)).count() >= 4);
}

#[test]
fn a_program_that_heeds_sigterm_is_not_killed() {
    let case = Case::shell("trap 'exit 9' TERM; echo up > up; while :; do sleep 0.02; done");
    let case = case.timeout(Duration::from_secs(1));
    let begun = Instant::now();
    let done = case.run();
    assert_eq!((done.code, &done.result["end"]), (Some(124), &json!({"code": 9})));
    assert!(begun.elapsed() < Duration::from_secs(3), "it waited the whole grace: {:?}", begun.elapsed());
    let root = done.result["root"].to_string();
    assert_eq!(done.result["ended"][root], json!(15));
}

/// Holds a lock in the spool of a run that it is no part of by descent.
const OUTSIDER: &str = "
import fcntl, glob, os, time
while not (spools := glob.glob('.logq/runs/*/spool')):
    time.sleep(0.02)
lock = open('%s/%d-0ut51d.lock' % (spools[0], os.getpid()), 'w')
fcntl.lockf(lock, fcntl.LOCK_EX)
open('locked', 'w').write('yes\\n')
time.sleep(600)
";

#[test]
fn a_process_that_records_into_the_run_is_of_the_run() {
    let case = Case::shell("until [ -e locked ]; do sleep 0.02; done; exec sleep 765").timeout(Duration::from_secs(3));
    let mut outsider =
        Command::new(python()).args(["-c", OUTSIDER]).current_dir(case.dir.path()).spawn().expect("Python");
    let mut forgotten = Command::new("sleep").arg("600").spawn().expect("started");
    let child = case.start();
    case.wait_for("locked");
    // A file of a process that is dead, whose pid somebody else has by now: nobody holds its lock.
    let spool = fs::read_dir(case.path(".logq/runs")).expect("runs").next().expect("one").expect("a run").path();
    fs::write(spool.join(format!("spool/{}-dead00.lock", forgotten.id())), "").expect("written");

    let done = case.finish(child);
    assert_eq!(done.result["ended"][outsider.id().to_string()], json!(15), "{}", done.result);
    assert_eq!(outsider.wait().expect("ended").signal(), Some(15));
    assert!(processes::look(forgotten.id()).is_some() && forgotten.try_wait().expect("a child").is_none());
    forgotten.kill().expect("ours");
    forgotten.wait().expect("ended");
    let journal = case.journal();
    let target = json!(format!("{}-0ut51d", outsider.id()));
    assert!(journal.iter().any(|record| record["what"] == json!("kill") && record["target"] == target));
}
