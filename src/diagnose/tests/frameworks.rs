//! Histories of Twisted, PyCSP, trio and gevent, each beside one of a program that is right.

use super::{found, is_silent, told};

const CHANNELS: &str = r#"
    0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["csp.py"]
    0.1 t2 "ev":"lane","kind":"thread","name":"left","from":"t1@1"
    0.1 t3 "ev":"lane","kind":"thread","name":"right","from":"t1@1"
    0.1 t4 "ev":"lane","kind":"thread","name":"dispatcher","from":"t1@1"
    0.2 t1 "ev":"wait","on":"join","owner":"t2"
    0.2 t2 "ev":"wait","on":"channel","obj":"channel:1","state":"read","owners":["t3"],"site":["csp.py",7,"left"]
    0.3 t3 RIGHT
    2.5 w1 "ev":"snap","why":"standstill","lanes":[{"lane":"t1"},{"lane":"t2"},{"lane":"t3"},{"lane":"t4"}]
"#;

#[test]
fn a_channel_is_waited_for_from_those_who_have_its_other_end() {
    let circle =
        CHANNELS.replace("RIGHT", r#""ev":"wait","on":"channel","obj":"channel:2","state":"read","owners":["t2"]"#);
    assert_eq!(told(&circle)[0], "deadlock certain: 2 threads wait for each other");
    let gone = CHANNELS.replace("RIGHT", r#""ev":"end","how":"ok""#);
    assert_eq!(
        told(&gone)[0],
        "stuck-wait certain: left waits for a message through 1.channel:1, and nobody can end that"
    );
    // It may write at any time.
    is_silent(&CHANNELS.replace("RIGHT", r#""level":"INFO","msg":"at work""#));
}

const GREENLETS: &str = r#"
    0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["ge.py"],"tid":7
    0.1 g1 "ev":"lane","kind":"greenlet","name":"left","from":"t1@1","tid":7
    0.1 g2 "ev":"lane","kind":"greenlet","name":"right","from":"t1@1","tid":7
    2.5 w1 "ev":"snap","why":"standstill","lanes":[{"lane":"t1"}],"loops":[{"lane":"t1","ready":0,"timers":0,"fds":FDS}],"tasks":[{"lane":"g1","awaits":{"on":"lock","obj":"sem:1","owner":"OWNER"}},{"lane":"g2","awaits":{"on":"lock","obj":"sem:2","owner":"g1"}},{"lane":"t1","awaits":{"on":"task","owners":["g1","g2"]}}]
    2.6 t1 LAST
"#;

#[test]
fn greenlets_that_wait_for_each_others_locks_are_a_circle_whatever_the_hub_watches() {
    let gave_up = r#""ev":"exc","where":"sys","type":"gevent.exceptions.LoopExit","msg":"would block forever""#;
    let run = |fds: &str, owner: &str, last: &str| {
        GREENLETS.replace("FDS", fds).replace("OWNER", owner).replace("LAST", last)
    };
    // The process has ended since: what counts is how it stood when the hub gave up.
    let ended = run("0", "g2", gave_up) + "    2.7 t1 \"ev\":\"exit\",\"rc\":1\n";
    assert_eq!(told(&ended)[0], "deadlock certain: 2 greenlets wait for each other");
    assert!(found(&ended)[0].see.as_deref().is_some_and(|see| see.ends_with("--task 1.g1,1.g2")));
    assert_eq!(told(&run("1", "g2", "\"ev\":\"sync\""))[0], "deadlock certain: 2 greenlets wait for each other");
}

const REACTOR: &str = r#"
    0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["tw.py"],"tid":7
    0.1 a1 "ev":"lane","kind":"task","name":"fetch","tid":7
    2.5 w1 "ev":"snap","why":"standstill","lanes":[{"lane":"t1"}],"loops":[{"lane":"t1","ready":0,"timers":TIMERS,"fds":0}],"tasks":[{"lane":"a1","awaits":{"on":"deferred","obj":"fut:1","state":"pending"}}]
"#;

#[test]
fn a_deferred_never_fires_when_the_reactor_has_nothing_left_to_do() {
    assert_eq!(
        told(&REACTOR.replace("TIMERS", "0"))[0],
        "stuck-wait certain: task fetch waits for 1.fut:1 to be fired, and nobody can end that"
    );
    is_silent(&REACTOR.replace("TIMERS", "1"));
}

#[test]
fn a_reactor_that_another_thread_touched_is_told_in_its_own_words() {
    let touched = r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["tw.py"]
        0.1 t2 "ev":"lane","kind":"thread","name":"feeder","from":"t1@1"
        0.2 t2 "ev":"note","what":"foreign","via":"reactor","fn":"reactor.callLater","loop":"t1","site":["tw.py",9,"feed"]
        0.3 t1 "ev":"exit","rc":0
    "#;
    assert_eq!(
        told(touched)[0],
        "wrong-thread likely: reactor.callLater from feeder, which is not the reactor's thread"
    );
    assert!(found(touched)[0].fix.starts_with("reactor.callFromThread"));
}

#[test]
fn a_finding_names_the_test_in_which_it_began() {
    let tests = r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","thread":"MainThread","argv":["pytest"]
        0.1 t1 "ev":"note","what":"test","name":"test_shop.py::test_a","state":"begin"
        0.2 t1 "ev":"note","what":"test","name":"test_shop.py::test_a","state":"end"
        0.3 t1 "ev":"note","what":"test","name":"test_shop.py::test_b","state":"begin"
        0.4 t2 "ev":"lane","kind":"thread","name":"mirror","from":"t1@4"
        0.5 t2 "ev":"exc","where":"thread","type":"OSError","msg":"gone","hook":"default"
        0.6 t2 "ev":"end","how":"exc"
        0.7 t1 "ev":"exit","rc":0
    "#;
    assert_eq!(found(tests)[0].notes, ["in test test_shop.py::test_b"]);
}
