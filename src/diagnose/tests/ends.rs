//! What processes and tasks leave behind at their end, each beside a history of a program that is right.

use super::{found, is_silent, told};

const DAEMON: &str = r#"
    0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["meter.py"]
    0.1 t2 "ev":"lane","kind":"thread","name":"uplink","daemon":DAEMON,"from":"t1@1","site":["meter.py",15,"__init__"]
    0.2 t2 "ev":"obj","obj":"queue:1","kind":"queue.Queue","name":"readings","site":["meter.py",13,"__init__"]
    END
    0.5 t1 "ev":"exit","rc":0,"queues":[{"obj":"queue:1","left":LEFT,"putters":{"t1":10},"getters":{"t2":3},"got_at":{"t2":["meter.py",19,"transmit"]}}],"daemons":[{"lane":"t2","busy":BUSY,"stack":[["meter.py",20,"transmit"]]}]
"#;

fn daemon(daemon: bool, left: u64, busy: bool, end: &str) -> String {
    let text = DAEMON.replace("DAEMON", &daemon.to_string()).replace("LEFT", &left.to_string());
    text.replace("BUSY", &busy.to_string()).replace("END", end)
}

#[test]
fn items_left_to_a_busy_daemon_thread_are_lost_work() {
    let text = daemon(true, 7, true, "");
    assert_eq!(told(&text), ["lost-work certain: 7 items left in readings"]);
    let finding = &found(&text)[0];
    let lines: Vec<u64> = finding.sites.iter().map(|place| place.site.line).collect();
    assert_eq!((finding.actors[0].name.as_str(), lines), ("uplink", vec![19, 15, 20]));
    assert_eq!(told(&daemon(true, 1, true, "")), ["lost-work likely: 1 item left in readings"]);
    is_silent(&daemon(true, 0, true, ""));
    is_silent(&daemon(true, 1, false, ""));
    is_silent(&daemon(false, 7, true, ""));
    is_silent(&daemon(true, 7, true, r#"0.3 t2 "ev":"end","how":"ok""#));
}

const TASK: &str = r#"
    0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["mail.py"]
    0.1 a1 "ev":"lane","kind":"task","name":"main","from":"t1@1"
    0.1 a2 "ev":"lane","kind":"task","name":"sender","from":"a1@1","site":["mail.py",10,"main"]
    0.2 a2 "ev":"obj","obj":"queue:1","kind":"asyncio.Queue","name":"outbox","site":["mail.py",9,"main"]
    0.4 t1 "ev":"note","what":"cancel","target":"a2","closing":CLOSING,"stack":[["mail.py",LINE,"send"]]
    0.5 t1 "ev":"exit","rc":RC,"how":"exit","queues":[{"obj":"queue:1","left":LEFT,"putters":{"PUTTER":5},"getters":{"a2":1},"got_at":{"a2":["mail.py",5,"send"]}}]
"#;

#[test]
fn items_left_to_a_busy_task_whose_loop_was_closed_are_lost_work() {
    let left = |closing: &str, line: &str, rc: &str, items: &str, putter: &str| {
        let text = TASK.replace("CLOSING", closing).replace("LINE", line).replace("RC", rc);
        text.replace("LEFT", items).replace("PUTTER", putter)
    };
    let lost = left("true", "6", "0", "4", "a1");
    assert_eq!(told(&lost), ["lost-work likely: 4 items left in outbox"]);
    let finding = &found(&lost)[0];
    let lines: Vec<u64> = finding.sites.iter().map(|place| place.site.line).collect();
    assert_eq!((finding.actors[0].name.as_str(), lines), ("sender", vec![5, 10, 6]));
    for unsure in [
        left("true", "6", "1", "4", "a1"), // it failed, or somebody ended it
        left("true", "6", "0", "1", "a1"), // a stop sign perhaps
        left("true", "6", "0", "4", "a2"), // it makes its own work and was not asked to finish
    ] {
        is_silent(&unsure);
    }
    assert!(told(&left("true", "5", "0", "4", "a1")).is_empty(), "it waited for work");
    assert!(told(&left("false", "6", "0", "4", "a1")).is_empty(), "the program itself cancelled it");
}

const SHARED: &str = r#"
    0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["mail.py"]
    0.1 t1 "ev":"obj","obj":"queue:1","kind":"multiprocessing.Queue","name":"outbox","site":["mail.py",9,"main"]
    0.1 t1 "ev":"child","child_pid":2,"child_proc":"2-aaaaaa","site":["mail.py",10,"main"]
    0.1 2/t1 "ev":"proc","n":2,"how":"fork","from":"1-aaaaaa/t1@1","name":"sender"
    0.2 2/t1 "hb":["1-aaaaaa/t1@2|1-aaaaaa/queue:1"],"ev":"recv","via":"queue","obj":"1-aaaaaa/queue:1","from":"1-aaaaaa/t1@2"
    LAST
    0.4 t1 "ev":"note","what":"kill","sig":15,"target":"2-aaaaaa"WHERE
    0.5 t1 "ev":"reap","child_pid":2,"child_proc":"2-aaaaaa","signal":15
    0.6 t1 "ev":"exit","rc":0,"how":"exit","queues":[{"obj":"queue:1","left":ITEMS}]
"#;

#[test]
fn items_left_to_a_busy_daemon_process_are_lost_work() {
    let left =
        |items: &str, last: &str, by: &str| SHARED.replace("ITEMS", items).replace("LAST", last).replace("WHERE", by);
    let lost = |text: &str| told(text).into_iter().filter(|line| line.starts_with("lost-work")).collect::<Vec<_>>();
    assert_eq!(lost(&left("4", "", "")), ["lost-work certain: 4 items left in outbox"]);
    assert_eq!(lost(&left("1", "", "")), ["lost-work possible: 1 item left in outbox"], "it may be a stop sign");
    let idle = r#"0.3 3/t1 "ev":"proc","n":3,"how":"fork","from":"1-aaaaaa/t1@1"
    0.4 t1 "ev":"note","what":"kill","sig":15,"target":"3-aaaaaa"
    0.5 t1 "ev":"reap","child_pid":3,"child_proc":"3-aaaaaa","signal":15"#;
    assert_eq!(lost(&left("2", idle, "")), ["lost-work possible: 2 items left in outbox"], "one may be the idle one's");
    let answers = r#"0.3 2/t1 "ev":"send","via":"queue","obj":"1-aaaaaa/queue:2"
    0.35 t1 "hb":["2-aaaaaa/t1@3|1-aaaaaa/queue:2"],"ev":"recv","via":"queue","obj":"queue:2","from":"2-aaaaaa/t1@3""#;
    assert_eq!(lost(&left("4", answers, "")), ["lost-work possible: 4 items left in outbox"], "it may want no more");
    let finding = found(&left("4", "", "")).into_iter().find(|finding| finding.kind == "lost-work").expect("is told");
    assert_eq!((finding.actors[0].name.as_str(), finding.sites[0].site.line), ("sender", 10));
    let waiting = r#"0.3 2/t1 "ev":"wait","on":"queue-get","obj":"1-aaaaaa/queue:1""#;
    assert!(lost(&left("4", waiting, "")).is_empty(), "it waited for work");
    assert!(lost(&left("4", "", r#","site":["mail.py",20,"main"]"#)).is_empty(), "the program itself ended it");
}

fn zombie(last: f64, state: &str, sigchld: &str) -> String {
    format!(
        r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","argv":["rsync.py"]
        0.1 t1 "ev":"child","child_pid":2,"child_proc":"2-aaaaaa","site":["rsync.py",15,"launch"]
        0.1 2/t1 "ev":"proc","n":2,"how":"fork","from":"1-aaaaaa/t1@1","argv":["rsync.py"]
        {last} 2/t1 "ev":"exit","rc":3
        1.0 t1 "ev":"exit","rc":0,"sigchld":"{sigchld}","children":[{{"child_pid":2,"child_proc":"2-aaaaaa","state":"{state}","site":["rsync.py",15,"launch"]}}]
        "#
    )
}

#[test]
fn a_child_that_was_over_for_a_moment_and_not_reaped_is_a_zombie() {
    let text = zombie(0.2, "zombie", "default");
    assert_eq!(told(&text), ["zombie-process certain: 1 child process never reaped"]);
    let finding = &found(&text)[0];
    assert_eq!(
        (finding.sites[0].site.line, finding.notes.as_slice()),
        (15, &["pid 2 had ended with 3".to_owned()][..])
    );
    for healthy in
        [zombie(0.95, "zombie", "default"), zombie(0.2, "zombie", "ignored"), zombie(0.2, "running", "default")]
    {
        is_silent(&healthy);
    }
}

#[test]
fn a_child_that_goes_on_is_an_orphan_only_where_its_parent_failed() {
    let orphan = |rc: u64, parent_ends: f64| {
        format!(
            r#"
            0.0 t1 "ev":"proc","n":1,"how":"root","argv":["boss.py"]
            0.1 t1 "ev":"child","child_pid":2,"child_proc":"2-aaaaaa","name":"worker","site":["boss.py",5,"main"]
            0.1 2/t1 "ev":"proc","n":2,"how":"fork","from":"1-aaaaaa/t1@1","name":"worker","argv":["boss.py"]
            {parent_ends} t1 "ev":"exit","rc":{rc}
            5.0 2/t1 "ev":"exit","rc":0
            "#
        )
    };
    assert_eq!(told(&orphan(1, 1.0)), ["orphan-process likely: worker outlived its parent boss.py"]);
    is_silent(&orphan(0, 1.0));
    assert!(told(&orphan(0, 0.2)).is_empty(), "a daemon is made by a parent that ends at once");
    // The child may never write again: then the parent's own list at its exit tells.
    let list = r#""children":[{"child_pid":2,"child_proc":"2-aaaaaa","state":"running"}]"#;
    let silent = |parent_ends: f64, rc: u64| {
        let all = orphan(rc, parent_ends).replace(&format!("\"rc\":{rc}\n"), &format!("\"rc\":{rc},{list}\n"));
        all.lines().filter(|line| !line.contains("5.0 2/t1")).collect::<Vec<_>>().join("\n")
    };
    let of_kind = |text: &str| told(text).into_iter().filter(|said| said.starts_with("orphan")).collect::<Vec<_>>();
    assert_eq!(of_kind(&silent(1.0, 1)), ["orphan-process likely: worker outlived its parent boss.py"]);
    assert_eq!(of_kind(&silent(0.3, 0)), ["orphan-process possible: worker outlived its parent boss.py"]);
    assert!(of_kind(&silent(0.15, 0)).is_empty());
}

fn killed(sender: &str, signal: u64) -> String {
    format!(
        r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["boss.py"]
        0.1 2/t1 "ev":"proc","n":2,"how":"fork","from":"1-aaaaaa/t1@1","name":"worker","argv":["boss.py"]
        {sender}
        0.6 t1 "ev":"reap","child_pid":2,"child_proc":"2-aaaaaa","signal":{signal}
        1.0 t1 "ev":"exit","rc":0
        "#
    )
}

#[test]
fn a_killed_process_is_a_fault_only_where_nobody_of_the_run_killed_it() {
    let by_parent = r#"0.5 t1 "ev":"note","what":"kill","sig":9,"target":"2-aaaaaa","site":["boss.py",9,"main"]"#;
    assert_eq!(told(&killed("", 9)), ["killed-process likely: worker was ended by SIGKILL"]);
    assert_eq!(told(&killed(by_parent, 9)), ["killed-process observed: worker was ended by SIGKILL"]);
    assert_eq!(told(&killed("", 15)), ["killed-process observed: worker was ended by SIGTERM"]);
    assert_eq!(told(&killed("", 11)), ["crashed-process certain: worker crashed with SIGSEGV"]);
}

fn cancelled(closing: bool, end: &str, snapshot: f64) -> String {
    format!(
        r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["metrics.py"]
        0.1 a1 "ev":"lane","kind":"task","name":"flusher","from":"t1@1","site":["metrics.py",32,"main"]
        0.2 t1 "ev":"note","what":"cancel","target":"a1","site":["metrics.py",39,"<module>"],"closing":{closing},"stack":[["metrics.py",15,"round"]]
        {end}
        {snapshot} w1 "ev":"snap","why":"standstill","tasks":[{{"lane":"a1","cancelling":1,"stack":[["metrics.py",15,"round"]],"awaits":{{"on":"sleep","timeout":0.1}}}}],"loops":[{{"lane":"t1","timers":1}}]
        "#
    )
}

#[test]
fn a_task_that_goes_on_long_after_its_cancel_is_told_where_somebody_waits_for_it() {
    let text = cancelled(true, "", 2.5);
    assert_eq!(told(&text)[0], "cancel-ignored certain: task flusher goes on although it was cancelled");
    assert_eq!(found(&text)[0].sites[0].site.line, 15);
    let kind = |text: &str| told(text).into_iter().filter(|told| told.starts_with("cancel-ignored certain")).count();
    assert_eq!(kind(&cancelled(false, "", 2.5)), 0, "nobody waits for it");
    assert_eq!(kind(&cancelled(true, "", 0.9)), 0, "it may be tidying up");
    assert_eq!(kind(&cancelled(true, r#"3.0 a1 "ev":"end","how":"cancelled""#, 2.5)), 0);
}

fn foreign(after: &str) -> String {
    format!(
        r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["oven.py"]
        0.1 t2 "ev":"lane","kind":"thread","name":"heater","from":"t1@1"
        0.1 a1 "ev":"lane","kind":"task","name":"Task-1","from":"t1@1"
        0.2 t2 "ev":"obj","obj":"event:1","kind":"asyncio.Event","name":"hot","site":["oven.py",14,"__init__"]
        0.3 t2 "ev":"note","what":"foreign","fn":"Event.set","obj":"event:1","target":"a1","loop":"t1","site":["oven.py",18,"heat"]
        {after}
        "#
    )
}

#[test]
fn a_loop_touched_from_another_thread_is_certain_where_its_task_never_went_on() {
    let stuck = foreign(
        r#"2.5 w1 "ev":"snap","why":"standstill","tasks":[{"lane":"a1","ready":true,"stack":[["oven.py",27,"main"]]}],"loops":[{"lane":"t1","ready":1}]"#,
    );
    let finding = found(&stuck).into_iter().find(|finding| finding.kind == "wrong-thread").expect("a finding");
    assert_eq!(finding.certainty, super::Certainty::Certain);
    let lines: Vec<u64> = finding.sites.iter().map(|place| place.site.line).collect();
    assert_eq!((lines, finding.resources[0].name.as_deref()), (vec![18, 27], Some("hot")));
    let lucky = foreign("0.4 a1 \"ev\":\"end\",\"how\":\"ok\"\n0.5 t1 \"ev\":\"exit\",\"rc\":0");
    assert_eq!(told(&lucky), ["wrong-thread likely: Event.set from heater, which is not the loop's thread"]);
}
