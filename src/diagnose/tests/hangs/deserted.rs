//! Waits that nobody is left to end: whoever could is gone, or owes it and does not know.

use super::*;

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
