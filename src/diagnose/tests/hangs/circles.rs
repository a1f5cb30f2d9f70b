//! Lanes and processes that wait for each other in a circle.

use super::*;

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
fn a_lock_kept_while_waiting_to_be_notified() {
    check(
        "t1 waits join of t2\nt2 holds a; waits cond c\nt3 waits lock a of t2\nsnap",
        &["deadlock certain: t2 t3 MainThread"],
    );
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
fn an_import_that_waits_for_a_thread_which_imports_the_same() {
    let seen = r#"snap "lanes":[{"lane":"t2","awaits":{"on":"import","obj":"module:1","owner":"OWNER"}}]"#;
    let text = format!("t1 waits join of t2\nt2 sleeps\n{seen}");
    check(&text.replace("OWNER", "t1"), &["deadlock certain: MainThread t2"]);
    // Whoever imports it may get done with it.
    check(&text.replace("OWNER", "t3").replace("t2 sleeps", "t2 sleeps\nt3 sleeps"), &[]);
}

#[test]
fn a_loop_that_hears_only_of_a_child_which_waits_for_its_pipe() {
    let text = |fds: u64, queued: u64| {
        let lane = r#""lanes":[{"lane":"t1","call":{"name":"epoll_wait","fds":[{"fd":7,"on":"pidfd"},{"fd":4,"on":"socket"}]}}]"#;
        let child = r#""children":[{"child_pid":7,"state":"S","call":{"name":"write","fd":1,"on":"pipe:[2]"}}]"#;
        let pipe = format!(r#""pipes":[{{"fd":6,"name":"stdout","queued":{queued},"capacity":65536,"child_pid":7}}]"#);
        let tasks = r#""tasks":[{"lane":"a2","awaits":{"on":"process","child_pid":7}}]"#;
        let event_loop = format!(r#""loops":[{{"lane":"t1","ready":0,"timers":0,"fds":{fds}}}]"#);
        format!("t1 sleeps\na2 sleeps\nsnap {lane},{child},{pipe},{tasks},{event_loop}")
    };
    check(&text(1, 65536), &["deadlock certain: a2 child 7"]);
    check(&text(1, 0), &[]);
    // It reads the pipe, or listens to somebody else.
    check(&text(2, 65536), &[]);
}
