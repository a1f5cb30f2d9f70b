//! Hangs between processes: what they share, jobs that one of them took along, and children that are late.

use super::{found, is_silent, sure, told};

#[test]
fn what_processes_share() {
    // A lock has its maker's name elsewhere, and none of it in the maker itself.
    let killed = r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread"
        0.1 2/t1 "ev":"proc","n":2,"how":"fork","name":"holder"
        0.2 2/t1 "ev":"acq","obj":"1-aaaaaa/lock:1","site":["p.py",3,"f"]
        0.3 t1 "ev":"reap","child_pid":2,"child_proc":"2-aaaaaa","signal":9
        0.4 t1 "ev":"obj","obj":"lock:1","kind":"multiprocessing.Lock"
        0.5 t1 "ev":"wait","on":"lock","obj":"lock:1","site":["p.py",9,"g"]"#;
    let found_there = found(killed);
    assert_eq!((found_there[0].kind, sure(&found_there[0])), ("orphaned-lock", "certain"));
    assert!(found_there[0].actors.iter().any(|actor| actor.process == "holder"));
    // An event that only a process could have set which is over; unless another one may.
    let never = r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread"
        0.1 2/t1 "ev":"proc","n":2,"how":"fork","name":"loader"
        0.2 2/t1 "ev":"exit","rc":3,"how":"exit"
        0.4 t1 "ev":"obj","obj":"event:1","kind":"multiprocessing.Event"
        0.5 t1 "ev":"wait","on":"event","obj":"event:1","site":["p.py",9,"g"]"#;
    let found_there = found(never);
    assert_eq!((found_there[0].kind, sure(&found_there[0])), ("stuck-wait", "likely"));
    assert!(found_there[0].actors.iter().any(|actor| actor.name == "loader" && actor.role == "ended with exit code 3"));
    is_silent(&format!("{never}\n0.6 3/t1 \"ev\":\"proc\",\"n\":3,\"how\":\"fork\""));
}

#[test]
fn a_job_that_a_worker_took_along() {
    let lost = r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread"
        0.1 2/t1 "ev":"proc","n":2,"how":"fork","name":"worker"
        0.2 t1 "ev":"send","via":"job","obj":"pool:1","job":"4"
        0.3 2/t1 "ev":"recv","via":"job","from":"1-aaaaaa/t1@2","job":"4.1","fn":"crunch"
        0.4 t1 "ev":"wait","on":"future","obj":"pool:1","job":"4","pool":{"obj":"pool:1","size":2,"pending":1}"#;
    is_silent(lost);
    let ended = format!("{lost}\n0.5 2/t1 \"ev\":\"exit\",\"rc\":1,\"how\":\"_exit\"\n");
    let hang = &found(&ended)[0];
    assert_eq!((hang.kind, sure(hang)), ("stuck-wait", "certain"));
    assert!(hang.actors[1].role.contains("took job 4.1 (crunch) and ended with exit code 1"));
    is_silent(&ended.replace("\n0.5", "\n0.4 2/t1 \"ev\":\"send\",\"via\":\"result\",\"job\":\"4.1\"\n0.5"));
}

/// What asks every lane about every other does not come to an end here.
#[test]
fn a_hundred_thousand_lanes_are_one_hang() {
    const LANES: usize = 100_000;
    let mut text = String::from("0.0 t1 \"ev\":\"proc\",\"n\":1,\"how\":\"root\",\"thread\":\"MainThread\"\n");
    for lane in 2..LANES + 2 {
        // Each waits for the lock of the one before it; t2, the first, for that of the last.
        let owner = if lane == 2 { LANES + 1 } else { lane - 1 };
        text.push_str(&format!("0.1 t{lane} \"ev\":\"lane\",\"kind\":\"thread\",\"from\":\"t1@1\"\n"));
        text.push_str(&format!(
            "0.2 t{lane} \"ev\":\"wait\",\"on\":\"lock\",\"obj\":\"lock:{owner}\",\"owner\":\"t{owner}\",\"held\":[{{\"obj\":\"lock:{lane}\"}}]\n"
        ));
    }
    let circle = found(&text);
    let hangs: Vec<_> = circle.iter().filter(|finding| finding.counts()).map(|hang| (hang.kind, sure(hang))).collect();
    assert_eq!(hangs, [("deadlock", "certain")]);
    // The same without the last step: a chain, whose first owner may go on.
    is_silent(&text.replacen("\"ev\":\"wait\"", "\"ev\":\"sync\"", 1));
}

/// Two processes wait at one barrier for a third party that has ended: one problem, and one that another process may still
/// resolve.
#[test]
fn who_waits_in_several_processes_at_one_barrier_is_one_problem() {
    let waits = |second: &str, lane: &str, obj: &str| {
        format!(r#"{second} {lane} "ev":"wait","on":"barrier","obj":"{obj}","need":3,"have":2,"site":["p.py",9,"g"]"#)
    };
    let text = format!(
        r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread"
        0.1 t1 "ev":"obj","obj":"barrier:1","kind":"multiprocessing.Barrier"
        0.1 2/t1 "ev":"proc","n":2,"how":"fork","name":"left"
        0.2 3/t1 "ev":"proc","n":3,"how":"fork","name":"right"
        {}
        {}"#,
        waits("0.4", "2/t1", "1-aaaaaa/barrier:1"),
        waits("0.5", "3/t1", "1-aaaaaa/barrier:1"),
    );
    is_silent(&text);
    let over = format!("{text}\n0.6 t1 \"ev\":\"exit\",\"rc\":0,\"how\":\"exit\"");
    let hangs: Vec<String> = told(&over).into_iter().filter(|told| told.starts_with("stuck-wait")).collect();
    assert_eq!(hangs.len(), 1, "{hangs:?}");
    let findings = found(&over);
    let hang = findings.iter().find(|finding| finding.kind == "stuck-wait").expect("the hang");
    assert_eq!(hang.evidence.len(), 2);
}

/// An interpreter takes its time to begin on a busy machine, also when others began long ago.
#[test]
fn a_child_that_is_yet_to_begin_may_do_what_is_waited_for() {
    let text = |argv: &str, late: f64| {
        format!(
            r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread"
        0.1 t1 "ev":"obj","obj":"mpqueue:1","kind":"multiprocessing.Queue"
        0.2 t1 "ev":"child","child_pid":2,"child_proc":"2-aaaaaa","name":"quick"
        0.2 t1 "ev":"child","child_pid":3,"name":"late","argv":[{argv}]
        0.3 2/t1 "ev":"proc","n":2,"how":"spawn","name":"quick"
        0.4 2/t1 "ev":"exit","rc":0,"how":"exit"
        0.5 t1 "ev":"wait","on":"queue-get","obj":"mpqueue:1","site":["p.py",9,"g"]
        {late} w1 "ev":"snap","why":"standstill""#
        )
    };
    is_silent(&text("", 3.0));
    is_silent(&text(r#""/usr/bin/python3.12","-c","from multiprocessing.spawn import spawn_main""#, 3.0));
    // What is no Python never records, and what has not begun after half a minute never will.
    let hangs = |text: &str| found(text).iter().any(|finding| finding.kind == "stuck-wait" && finding.counts());
    assert!(hangs(&text(r#""sleep","100""#, 3.0)));
    assert!(hangs(&text("", 40.0)));
    // As soon as it has begun it is one that may put.
    let begun = format!("{}\n3.5 3/t1 \"ev\":\"proc\",\"n\":3,\"how\":\"spawn\"", text("", 3.0));
    is_silent(&begun);
}
