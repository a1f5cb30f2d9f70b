//! Threads that ask and give way for ever.

use super::*;

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
