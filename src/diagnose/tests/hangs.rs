//! Hangs on small histories: a line a lane says what it holds and what it waits for.
//!
//! `t2 holds a; waits lock b of t3` and so on, `with a` where a block took it; `ends` and `dies`; `waits join of t2`; `for 5` is a time limit. A line `snap`
//! is a snapshot that saw all of it, with more keys of a `snap` behind it; `t5 sleeps` is a lane that nothing is known of, `t5
//! beats` one that waits for a fifth of a second again and again, and `gives t6` hands something to another.

use super::*;

const HANGS: &[&str] = &["deadlock", "orphaned-lock", "lost-wakeup", "pool-exhausted", "stuck-wait", "livelock"];

/// The history in the language of [`history`].
fn spelled(text: &str) -> String {
    let mut lines = first_lines(text);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (lane, deeds) = line.split_once(' ').unwrap_or((line, ""));
        if lane == "snap" {
            let more = if deeds.is_empty() { String::new() } else { format!(",{deeds}") };
            lines.push(format!(r#"9.0 w1 "ev":"snap","why":"standstill"{more}"#));
            continue;
        }
        let main = lane == "t1" || lane.ends_with("/t1");
        let process = lane.split_once('/').map_or("1", |(process, _)| process);
        lines.push(if main {
            format!(r#"0.0 {lane} "ev":"proc","n":{process},"how":"root","thread":"MainThread""#)
        } else {
            let kind = if lane.starts_with('a') { "task" } else { "thread" };
            format!(r#"0.1 {lane} "ev":"lane","kind":"{kind}","name":"{lane}","tid":1"#)
        });
        let mut held = Vec::new();
        for deed in deeds.split(';').map(str::trim).filter(|deed| !deed.is_empty()) {
            let words: Vec<&str> = deed.splitn(2, ' ').collect();
            match words[0] {
                "holds" => held.push(format!(r#"{{"obj":"lock:{}","site":["p.py",1,"f"]}}"#, words[1])),
                "with" => held.push(format!(r#"{{"obj":"lock:{}","site":["p.py",1,"f"],"with":true}}"#, words[1])),
                "waits" => lines.push(wait(lane, words[1], &held)),
                "ends" => lines.push(format!(r#"2.0 {lane} "ev":"end","how":"ok""#)),
                "dies" => {
                    lines.push(format!(r#"2.0 {lane} "ev":"exc","where":"thread","type":"{}","msg":"x""#, words[1]))
                }
                "sleeps" => {}
                "beats" => lines.extend((1..=3).flat_map(|round| {
                    [
                        format!(r#"{round}.1 {lane} "ev":"wait","on":"event","obj":"event:stop","timeout":0.2"#),
                        format!(r#"{round}.3 {lane} "ev":"got","obj":"event:stop","res":"timeout""#),
                    ]
                })),
                "gives" => lines.push(format!(r#"4.0 {} "ev":"sync","hb":["{lane}@1|queue:q"]"#, words[1])),
                other => panic!("nobody {other}"),
            }
            if words[0] == "dies" {
                lines.push(format!(r#"2.0 {lane} "ev":"end","how":"exc","exc":{{"type":"{}"}}"#, words[1]));
            }
        }
    }
    lines.join("\n")
}

/// Of processes whose main thread does not matter, the first line all the same: in the lane of logq's own, so that there is
/// nobody more who could go on.
fn first_lines(text: &str) -> Vec<String> {
    let lanes = text.lines().filter_map(|line| line.split_whitespace().next()).filter(|lane| *lane != "snap");
    let mut mains: Vec<(&str, bool)> = Vec::new();
    for (process, own) in lanes.map(|lane| lane.split_once('/').unwrap_or(("1", lane))) {
        match mains.iter_mut().find(|(known, _)| *known == process) {
            Some((_, has_main)) => *has_main |= own == "t1",
            None => mains.push((process, own == "t1")),
        }
    }
    let without = mains.into_iter().filter(|(_, has_main)| !has_main);
    let prefix = |process: &str| if process == "1" { String::new() } else { format!("{process}/") };
    without.map(|(n, _)| format!(r#"0.0 {}w1 "ev":"proc","n":{n},"how":"root""#, prefix(n))).collect()
}

/// `lock b of t3 for 5 | "left":2`.
fn wait(lane: &str, text: &str, held: &[String]) -> String {
    let (text, more) = text.split_once('|').unwrap_or((text, ""));
    let mut keys = Vec::new();
    let mut words = text.split_whitespace();
    let on = words.next().expect("what it waits on");
    keys.push(format!(r#""on":"{on}""#));
    while let Some(word) = words.next() {
        match word {
            "of" => keys.push(format!(r#""owner":"{}""#, words.next().expect("an owner"))),
            "for" => keys.push(format!(r#""timeout":{}"#, words.next().expect("seconds"))),
            name => keys.push(format!(r#""obj":"{}:{name}""#, family(on))),
        }
    }
    if !more.trim().is_empty() {
        keys.push(more.trim().to_owned());
    }
    format!(r#"1.0 {lane} "ev":"wait",{},"held":[{}]"#, keys.join(","), held.join(","))
}

fn family(on: &str) -> &str {
    if on.ends_with("lock") { "lock" } else { on.split('-').next().unwrap_or(on) }
}

/// Everything that is found: `kind certainty: actors`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found = found(&spelled(text));
    let hangs = found.iter().filter(|finding| HANGS.contains(&finding.kind));
    let said: Vec<String> = hangs
        .map(|finding| {
            let names: Vec<&str> = finding.actors.iter().map(|actor| actor.name.as_str()).collect();
            format!("{} {}: {}", finding.kind, sure(finding), names.join(" "))
        })
        .collect();
    assert_eq!(said, expected, "{text}");
}

#[test]
fn locks_in_a_circle() {
    check(
        "t1 waits join of t2\nt2 holds a; waits lock b of t3\nt3 holds b; waits lock a of t2",
        &["deadlock certain: t2 t3 MainThread"],
    );
    check(
        "t2 holds a; waits lock b of t3\nt3 holds b; waits lock c of t4\nt4 holds c; waits lock a of t2\nt5 sleeps",
        &["deadlock certain: t2 t3 t4"],
    );
    // Without the list of what the owner holds the last step is inferred.
    check("t2 waits lock b of t3\nt3 waits lock a of t2", &["deadlock likely: t2 t3"]);
}

#[test]
fn who_may_still_go_on_is_no_deadlock() {
    check("t2 holds a; waits lock b of t3 for 5\nt3 holds b; waits lock a of t2", &[]);
    check("t2 waits lock b of t3\nt3 holds b; sleeps", &[]);
    check("t1 waits join of t2\nt2 sleeps", &[]);
}

#[test]
fn a_lane_that_waits_for_itself() {
    check("t1 holds a; waits lock a of t1", &["deadlock certain: MainThread"]);
    // A plain lock may be meant as a signal, which somebody else gives.
    check("t1 holds a; waits lock a of t1\nt2 sleeps", &["deadlock possible: MainThread"]);
    check("t1 with a; waits lock a of t1\nt2 sleeps", &["deadlock certain: MainThread"]);
    check("t1 holds a; waits rlock a of t1\nt2 sleeps", &["deadlock certain: MainThread"]);
}

#[test]
fn a_lock_whose_owner_is_gone() {
    check("t1 waits lock a of t2\nt2 holds a; ends", &["orphaned-lock certain: MainThread t2"]);
    check("t1 waits lock a of t2\nt2 ends\nt3 sleeps", &["orphaned-lock likely: MainThread t2"]);
    let forked = r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread"
        0.1 t2 "ev":"lane","kind":"thread","name":"indexer"
        0.5 2/t1 "ev":"proc","n":2,"how":"fork","ppid":1,"name":"helper","held":[{"obj":"lock:a","lane":"t2","site":["p.py",7,"f"]}]
        0.6 2/t1 "ev":"wait","on":"lock","obj":"lock:a","site":["p.py",9,"g"]"#;
    let found = found(forked);
    assert_eq!((found[0].kind, sure(&found[0])), ("orphaned-lock", "certain"));
    assert_eq!(found[0].actors[1].name, "indexer");
}

#[test]
fn a_queue_whose_workers_are_gone_or_owe() {
    check(
        r#"t1 waits queue-join q | "left":2,"getters":{"t2":1}
           t2 dies KeyError
           snap"#,
        &["stuck-wait certain: MainThread t2"],
    );
    // A heartbeat does not work for the queue; whether it might is not certain.
    check(
        r#"t1 waits queue-join q | "left":2,"getters":{"t2":1}
           t2 dies KeyError
           t3 sleeps"#,
        &["stuck-wait likely: MainThread t2"],
    );
    check(
        r#"t1 waits queue-join q | "left":1,"qsize":0,"getters":{"t2":1}
           t2 waits queue-get q
           snap"#,
        &["stuck-wait certain: MainThread t2"],
    );
    check(
        r#"t1 waits queue-join q | "left":2,"getters":{"t2":1}
           t2 sleeps"#,
        &[],
    );
}

#[test]
fn idle_workers_and_servers_are_right() {
    check("t1 sleeps\nt2 waits queue-get q\nt3 waits queue-get q\nsnap", &[]);
    check("t1 waits event e\nt2 waits queue-get q | \"putters\":{\"t1\":4}\nsnap", &[]);
    check("t1 waits join of t2\nt2 waits queue-get q | \"putters\":{\"t3\":4}\nt3 sleeps", &[]);
    check("t1 waits event e\nt2 waits join of t1\nsnap \"signals\":[\"SIGTERM\"]", &[]);
}

#[test]
fn actors_that_wait_for_each_others_messages_are_idle() {
    check(
        r#"t1 sleeps
           t2 waits queue-get p | "putters":{"t3":1}
           t3 waits queue-get q | "putters":{"t2":1}
           t4 waits join of t2"#,
        &[],
    );
}

#[test]
fn a_consumer_whose_producer_died() {
    check(
        r#"t1 waits join of t2
           t2 waits queue-get q | "putters":{"t3":2}
           t3 dies ValueError
           snap"#,
        &["stuck-wait certain: t2 t3 MainThread"],
    );
}

#[test]
fn a_notify_before_anyone_waited() {
    check(
        r#"t1 waits join of t2
           t2 waits cond c | "last":{"what":"notify","lane":"t3","site":["p.py",4,"f"],"waiters":0}
           t3 ends
           snap"#,
        &["lost-wakeup certain: t2 t3 MainThread"],
    );
    check(
        r#"t1 sleeps
           t2 waits cond c | "last":{"what":"notify","lane":"t1","waiters":0}"#,
        &[],
    );
}

#[test]
fn a_pool_that_waits_for_itself() {
    let future = r#""state":"PENDING","pool":{"obj":"pool:1","size":1,"busy":["t2"],"queued":1}"#;
    check(
        &format!("t1 waits future o | \"state\":\"RUNNING\",\"runner\":\"t2\"\nt2 waits future i | {future}\nsnap"),
        &["pool-exhausted certain: t2 MainThread"],
    );
    let roomy = future.replace("\"size\":1", "\"size\":2");
    check(&format!("t2 waits future i | {roomy}\nsnap"), &[]);
}

#[test]
fn a_barrier_that_is_short() {
    check(
        r#"t1 waits join of t2
           t2 waits barrier b | "need":3,"have":1
           t3 ends
           snap"#,
        &["stuck-wait certain: t2 MainThread"],
    );
    check("t2 waits barrier b | \"need\":2,\"have\":1\nt3 sleeps", &[]);
}

#[test]
fn a_heartbeat_beside_a_hang() {
    let barrier = r#"t1 waits join of t2
                     t2 waits barrier b | "need":2,"have":1"#;
    check(&format!("{barrier}\nt3 beats"), &["stuck-wait possible: t2 MainThread"]);
    check(&format!("{barrier}\nt3 beats\nt4 dies KeyError"), &["stuck-wait likely: t2 t4 MainThread"]);
    // One who has dealt with somebody may deal with the others, too.
    check(&format!("{barrier}\nt3 beats; gives t4\nt4 dies KeyError"), &[]);
    check(&format!("{barrier}\nt3 beats\nt4 sleeps"), &[]);
    // What the lanes have of each other does not depend on who else goes on.
    check("t2 holds a; waits lock b of t3\nt3 holds b; waits lock a of t2\nt4 beats", &["deadlock certain: t2 t3"]);
    check(
        "t1 waits join of t2\nt2 holds a; waits cond c\nt3 waits lock a of t2\nt4 beats\nsnap",
        &["deadlock likely: t2 t3 MainThread"],
    );
    // A server waits to be told to stop.
    check("t1 waits event e\nt3 beats\nsnap", &[]);
}

#[test]
fn a_lock_kept_while_waiting_to_be_notified() {
    check(
        "t1 waits join of t2\nt2 holds a; waits cond c\nt3 waits lock a of t2\nsnap",
        &["deadlock certain: t2 t3 MainThread"],
    );
}

#[test]
fn tasks_of_an_idle_loop() {
    let idle = r#""loops":[{"lane":"t1","ready":0,"timers":0,"fds":0}]"#;
    let tasks = r#""tasks":[{"lane":"a2","awaits":{"on":"lock","obj":"lock:g","owner":"a2"}}]"#;
    check(&format!("t1 sleeps\na2 sleeps\nsnap {idle},{tasks}"), &["deadlock certain: a2"]);
    let asleep = idle.replace("\"timers\":0", "\"timers\":1");
    let waiting = r#""tasks":[{"lane":"a2","awaits":{"on":"event","obj":"event:e"}}]"#;
    check(&format!("t1 sleeps\na2 sleeps\nsnap {asleep},{waiting}"), &[]);
    check(&format!("t1 sleeps\na2 sleeps\nsnap {idle},{waiting}"), &["stuck-wait certain: a2"]);
}

#[test]
fn processes_that_hold_each_others_locks() {
    let text = r#"
        0.0 1/t1 "ev":"proc","n":1,"how":"root","thread":"MainThread"
        0.0 2/t1 "ev":"proc","n":2,"how":"spawn","thread":"MainThread","name":"other"
        0.1 1/t1 "ev":"acq","obj":"1-aaaaaa/lock:1"
        0.1 2/t1 "ev":"acq","obj":"1-aaaaaa/lock:2"
        0.2 1/t1 "ev":"wait","on":"lock","obj":"1-aaaaaa/lock:2","held":[{"obj":"1-aaaaaa/lock:1"}]
        0.2 2/t1 "ev":"wait","on":"lock","obj":"1-aaaaaa/lock:1","held":[{"obj":"1-aaaaaa/lock:2"}]"#;
    let circle = |text: &str| found(text).iter().any(|finding| finding.kind == "deadlock" && finding.actors.len() == 2);
    assert!(circle(text));
    let freed = format!("{text}\n0.15 1/t1 \"ev\":\"rel\",\"obj\":\"1-aaaaaa/lock:1\"");
    assert!(!circle(&freed));
}

#[test]
fn what_is_missing_weakens_the_verdict() {
    let whole = spelled("t2 holds a; waits lock b of t3\nt3 holds b; waits lock a of t2");
    let lossy = format!("{whole}\n1.5 w1 \"ev\":\"lost\",\"n\":3");
    let found = found(&lossy);
    let deadlock = found.iter().find(|finding| finding.kind == "deadlock").expect("a deadlock");
    assert_eq!(deadlock.certainty, Certainty::Likely);
    assert_eq!(deadlock.missing, ["process 1 could not write 3 records"]);
}

#[test]
fn stamps_that_contradict_each_other_bear_no_certain_hang() {
    let whole = spelled("t2 holds a; waits lock b of t3\nt3 holds b; waits lock a of t2");
    let damaged = format!(
        "{whole}\n1.5 t4 \"ev\":\"lane\",\"kind\":\"thread\",\"hb\":[\"t5@1\"]\n\
         1.5 t5 \"ev\":\"lane\",\"kind\":\"thread\",\"hb\":[\"t4@1\"]"
    );
    let found = found(&damaged);
    assert_eq!((found[0].kind, sure(&found[0])), ("deadlock", "likely"));
    let damage = "damaged: the stamps of 1.t4@1 and 1.t5@1 say that each came before the other; none of them is used";
    assert_eq!(found[0].missing, [damage]);
    let missing = found.iter().find(|finding| finding.kind == "data-missing").expect("it is named");
    assert_eq!((missing.missing.as_slice(), missing.evidence.len()), (&[damage.to_owned()][..], 2));
}

#[test]
fn rivals_that_poll_each_other() {
    let poll = |lane: &str, n: u64| {
        let polls = |obj: &str| format!(r#"{{"obj":"event:{obj}","site":["p.py",3,"f"],"n":{n},"value":true}}"#);
        format!(r#"{{"lane":"{lane}","polls":[{},{}]}}"#, polls("x"), polls("y"))
    };
    let lanes = |n| format!(r#"snap "lanes":[{},{}]"#, poll("t2", n), poll("t3", n));
    let text = |n| format!("t1 waits join of t2\nt2 sleeps\nt3 sleeps\n{}", lanes(n));
    check(&text(100), &["livelock possible: t2 t3 MainThread"]);
    check(&text(5), &[]);
}

#[test]
fn a_child_kept_from_writing_to_one_pipe_while_its_parent_reads_another() {
    let parent = r#""lanes":[{"lane":"t1","stack":[],"call":{"name":"read","fd":3,"on":"pipe"}}]"#;
    let child = r#""children":[{"child_pid":7,"state":"S","call":{"name":"CALL","fd":2,"on":"pipe:[2]"}}]"#;
    let pipes = |err: u64| {
        format!(
            r#""pipes":[{{"fd":3,"name":"stdout","queued":0,"capacity":65536,"child_pid":7}},{{"fd":5,"name":"stderr","queued":{err},"capacity":65536,"child_pid":7}}]"#
        )
    };
    let text = |call: &str, err| format!("t1 sleeps\nsnap {parent},{},{}", child.replace("CALL", call), pipes(err));
    check(&text("write", 65536), &["deadlock certain: MainThread child 7"]);
    check(&text("write", 100), &[]);
    check(&text("futex", 65536), &[]);
}

#[test]
fn a_thread_that_goes_on_waiting_when_the_program_is_at_its_end() {
    let exiting = r#""lanes":[{"lane":"t1","exiting":"threads"}]"#;
    let writer = r#"t2 waits queue-get q | "putters":{"t1":1}"#;
    let at_end = ["stuck-wait certain: t2 MainThread"];
    check(&format!("t1 waits join of t2\n{writer}\nsnap {exiting}"), &at_end);
    check(
        &format!("t1 sleeps\n{writer}\nt3 waits join of t2\nsnap {exiting}"),
        &["stuck-wait certain: t2 MainThread t3"],
    );
    check(&format!("t1 waits join of t2\n{writer}\nt3 sleeps\nsnap {exiting}"), &[]);
}

#[test]
fn rivals_that_each_hold_the_lock_that_the_other_tries() {
    let seen = |lane: &str, held: &str, tried: &str, n: u64| {
        let polls = format!(r#"{{"obj":"lock:{tried}","site":["p.py",3,"f"],"n":{n},"value":true}}"#);
        format!(r#"{{"lane":"{lane}","held":[{{"obj":"lock:{held}"}}],"polls":[{polls}]}}"#)
    };
    let text = |other: &str, n| {
        let lanes = format!("{},{}", seen("t2", "a", "b", 100), seen("t3", other, "a", n));
        format!("t1 waits join of t2\nt2 sleeps\nt3 sleeps\nsnap \"lanes\":[{lanes}]")
    };
    check(&text("b", 100), &["livelock likely: t2 t3 MainThread"]);
    check(&text("c", 100), &[]);
    check(&text("b", 5), &[]);
}

/// In the moment of the snapshot neither has its lock: what counts is who had it at each try.
#[test]
fn rivals_that_each_held_the_lock_that_the_other_tried() {
    let seen = |lane: &str, tried: &str, owner: &str| {
        let polls = format!(r#"{{"obj":"lock:{tried}","n":300,"value":true,"owner":"{owner}"}}"#);
        format!(r#"{{"lane":"{lane}","polls":[{polls}]}}"#)
    };
    let text = |owner: &str| {
        let lanes = format!("{},{}", seen("t2", "a", "t3"), seen("t3", "b", owner));
        format!("t1 waits join of t2\nt2 sleeps\nt3 sleeps\nt4 ends\nsnap \"lanes\":[{lanes}]")
    };
    check(&text("t2"), &["livelock likely: t2 t3 MainThread"]);
    check(&text("t4"), &[]);
    let logs = format!("{}\n2.0 t2 \"level\":\"INFO\",\"msg\":\"done with 17\"", spelled(&text("t2")));
    is_silent(&logs);
}
