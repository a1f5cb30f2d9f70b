//! Faults that are no hangs, each beside a history of a program that is right.

use super::{found, is_silent, told};

const DIED: &str = r#"
    0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["shop.py"]
    0.1 t2 "ev":"lane","kind":"thread","name":"mirror","from":"t1@1","site":["shop.py",30,"<module>"]
    0.2 t2 "ev":"exc","where":"thread","type":"OSError","msg":"gone","stack":[{"file":"shop.py","line":17,"func":"copy"},{"file":"/usr/lib/python3.12/shutil.py","line":3,"func":"cp"}],HOOK
    0.3 t2 "ev":"end","how":"exc"
    0.4 t1 "hb":["t2@3|join"],"ev":"exit","rc":0
"#;

fn died(hook: &str) -> String {
    DIED.replace("HOOK", hook)
}

#[test]
fn a_thread_that_died_is_lost_unless_its_hook_may_have_told() {
    let default = died(r#""hook":"default""#);
    assert_eq!(told(&default), ["lost-exception certain: OSError: thread died, seen by nobody"]);
    let finding = &found(&default)[0];
    assert_eq!(
        (finding.sites[0].site.line, finding.sites[1].site.line),
        (17, 30),
        "the library's frames are passed over"
    );
    assert!(finding.notes[0].contains("MainThread joined it"), "{:?}", finding.notes);
    assert_eq!(
        told(&died(r#""hook":"user","muted":true"#)),
        ["lost-exception likely: OSError: thread died, seen by nobody"]
    );
    is_silent(&died(r#""hook":"user""#));
    let logs = died(r#""hook":"user","muted":true"#)
        .replace("    0.3", "    0.25 t2 \"level\":\"ERROR\",\"msg\":\"a thread died\"\n    0.3");
    assert!(told(&logs).is_empty(), "the hook has logged");
}

const FUTURE: &str = r#"
    0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["shop.py"]
    0.1 t2 "ev":"lane","kind":"thread","name":"pool_0","from":"t1@1"
    0.2 t2 LOG
    0.3 t1 "ev":"exc","where":"future","type":"KeyError","msg":"'CHF'","target":"t2","site":["shop.py",24,"post"],"stack":[["shop.py",11,"euro"]]
    0.3 t1 "ev":"exc","where":"future","type":"KeyError","msg":"'CHF'","target":"t2","site":["shop.py",24,"post"],"stack":[["shop.py",11,"euro"]]
    0.4 t1 "ev":"exit","rc":0
"#;

#[test]
fn a_future_that_nobody_asked_is_lost_once_for_all_jobs_that_failed_alike() {
    let silent = FUTURE.replace("LOG", r#""level":"INFO","msg":"working""#);
    assert_eq!(told(&silent), ["lost-exception certain: KeyError: job failed 2 times, seen by nobody"]);
    let finding = &found(&silent)[0];
    assert_eq!((finding.actors.len(), &*finding.actors[0].name, finding.evidence.len()), (1, "pool_0", 2));
    assert_eq!(finding.sites.iter().map(|place| place.site.line).collect::<Vec<_>>(), [11, 24]);
    is_silent(&FUTURE.replace("LOG", r#""level":"ERROR","msg":"no rate: 'CHF'""#));
}

#[test]
fn failures_that_are_not_equally_sure_are_not_counted_together() {
    let both = r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["shop.py"]
        0.1 t2 "ev":"lane","kind":"thread","name":"silent","from":"t1@1"
        0.1 t3 "ev":"lane","kind":"thread","name":"honest","from":"t1@1"
        0.2 t3 "level":"ERROR","msg":"no rate: 'CHF'"
        0.3 t1 "ev":"exc","where":"future","type":"KeyError","msg":"'CHF'","target":"t2","site":["shop.py",24,"post"],"stack":[["shop.py",11,"euro"]]
        0.3 t1 "ev":"exc","where":"future","type":"KeyError","msg":"'CHF'","target":"t3","site":["shop.py",24,"post"],"stack":[["shop.py",11,"euro"]]
        0.4 t1 "ev":"exit","rc":0"#;
    let expected =
        ["certain", "possible"].map(|sure| format!("lost-exception {sure}: KeyError: job failed, seen by nobody"));
    assert_eq!(told(both), expected);
}

#[test]
fn a_coroutine_that_was_never_awaited_is_certain_unless_all_is_closing() {
    let called = r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","argv":["notes.py"]
        0.1 t1 "ev":"note","what":"never-awaited","fn":"Book.store","site":["notes.py",23,"main"]CLOSING
        9.0 t1 "ev":"exit","rc":0
    "#;
    let sure = called.replace("CLOSING", "");
    assert_eq!(told(&sure), ["never-awaited certain: Book.store() was never awaited"]);
    assert_eq!(found(&sure)[0].actors[0].name, "Book.store");
    is_silent(&called.replace("CLOSING", r#","closing":true"#));
}

#[test]
fn a_destroyed_task_is_certain_unless_the_process_was_ending() {
    let task = r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","argv":["notes.py"]
        0.1 a1 "ev":"lane","kind":"task","name":"Task-1","fn":"tick","from":"t1@1","site":["notes.py",3,"main"]
        0.2 a1 "ev":"end","how":"destroyed"
        EXIT t1 "ev":"exit","rc":0
    "#;
    let early = task.replace("EXIT", "5.0");
    assert_eq!(told(&early), ["never-awaited certain: task Task-1 was destroyed while it was pending"]);
    is_silent(&task.replace("EXIT", "0.25"));
    let closed = task.replace("EXIT", "0.25").replace(r#""destroyed""#, r#""destroyed","left":true"#);
    assert_eq!(told(&closed), ["never-awaited likely: task Task-1 was destroyed while it was pending"]);
}

fn blocked(ms: u64, samples: u64, victims: &str) -> String {
    format!(
        r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","argv":["export.py"]
        0.1 a1 "ev":"lane","kind":"task","name":"exporter","from":"t1@1"
        0.1 a2 "ev":"lane","kind":"task","name":"pinger","from":"t1@1"
        0.3 w1 "ev":"blocked","loop":"t1","target":"a1","ms":100,"samples":1,"stack":[["export.py",11,"flush"],["export.py",18,"rows"]]
        0.6 w1 "ev":"blocked","loop":"t1","target":"a1","ms":{ms},"samples":{samples},"stack":[["export.py",11,"flush"],["export.py",18,"rows"]],"victims":[{victims}]
        0.9 w1 "ev":"blocked","loop":"t1","target":"a1","ms":{ms},"samples":{samples},"over":true
        1.0 t1 "ev":"exit","rc":0
        "#
    )
}

#[test]
fn a_blocked_loop_needs_victims_time_and_two_looks() {
    let late = r#"{"lane":"a2","late":350}"#;
    let text = blocked(500, 4, late);
    assert_eq!(told(&text), ["blocked-loop certain: exporter held the event loop for 500 ms"]);
    let finding = &found(&text)[0];
    assert_eq!(finding.actors.iter().map(|actor| &*actor.name).collect::<Vec<_>>(), ["exporter", "pinger"]);
    assert_eq!(finding.sites[0].site.line, 11);
    for healthy in [
        blocked(500, 4, ""),
        blocked(200, 2, late),
        blocked(500, 1, late),
        blocked(500, 4, r#"{"lane":"a2","late":20}"#),
        // For most of it the machine had other things to do.
        text.replace(r#""over":true"#, r#""over":true,"unserved":400"#),
    ] {
        is_silent(&healthy);
    }
}

#[test]
fn a_job_of_a_process_pool_failed_in_its_worker() {
    let text = r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["jobs.py"]
        0.1 t2 "ev":"lane","kind":"thread","name":"Thread-1","fn":"concurrent.futures.process._ExecutorManagerThread.run","from":"t1@1"
        0.1 2/t1 "ev":"proc","n":2,"how":"fork","from":"1-aaaaaa/t1@1","thread":"MainThread","argv":["jobs.py"]
        0.2 2/t1 "ev":"send","via":"result"
        0.3 t2 "ev":"recv","via":"result","from":"2-aaaaaa/t1@2"
        0.4 t1 "hb":["t2@2|result"],"ev":"exc","where":"future","type":"ValueError","msg":"x","target":"t2","site":["jobs.py",5,"main"],"stack":[],"cause":{"type":"concurrent.futures.process._RemoteTraceback","msg":"\n  File \"/usr/lib/python3.12/x.py\", line 2, in run\n  File \"jobs.py\", line 7, in work\nValueError: x","stack":[]}
        0.5 2/t1 "ev":"exit","rc":0
        0.6 t1 "ev":"exit","rc":0
    "#;
    let finding = &found(text)[0];
    assert_eq!((finding.actors[0].id.as_str(), finding.sites[0].site.line), ("2.t1", 7));
}
