//! Waits beside those who go on: idle workers, heartbeats, loops with nothing to do. Most of them are right.

use super::*;

#[test]
fn idle_workers_and_servers_are_right() {
    check("t1 sleeps\nt2 waits queue-get q\nt3 waits queue-get q\nsnap", &[]);
    check("t1 waits event e\nt2 waits queue-get q | \"putters\":{\"t1\":4}\nsnap", &[]);
    check("t1 waits join of t2\nt2 waits queue-get q | \"putters\":{\"t3\":4}\nt3 sleeps", &[]);
    check("t1 waits event e\nt2 waits join of t1\nsnap \"signals\":[\"SIGTERM\"]", &[]);
}

#[test]
fn a_service_whose_worker_a_signal_ends_is_right() {
    let joins = "t1 waits join of t2\nt2 waits event e\nsnap \"signals\":[\"SIGTERM\"]";
    check(&format!("{joins},\"wakers\":[\"SIGTERM\"]"), &[]);
    check(joins, &["stuck-wait certain: t2 MainThread"]);
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
fn somebody_beside_a_hang_who_cannot_get_at_it() {
    let seen = |apart: bool| format!(r#"snap "lanes":[{{"lane":"t3","apart":{apart},"call":{{"name":"futex"}}}}]"#);
    let hang = "t1 waits join of t2\nt2 waits event e\nt3 sleeps";
    check(&format!("{hang}\n{}", seen(false)), &[]);
    check(&format!("{hang}\n{}", seen(true)), &["stuck-wait likely: t2 MainThread"]);
    // Of a wait that began after the snapshot it says nothing.
    let late = spelled(&format!("{hang}\n{}", seen(true))) + "\n9.5 t4 \"ev\":\"wait\",\"on\":\"event\"";
    assert_eq!(found(&late).iter().filter(|finding| finding.counts()).count(), 0);
    // Nor of what processes share: somebody in another one may bring it.
    let shared = "1/t1 waits event 2-aaaaaa/event:e\n2/t1 waits join of t2\n2/t2 waits event e\n2/t3 sleeps";
    let elsewhere = r#"9.0 2/w1 "ev":"snap","why":"standstill","lanes":[{"lane":"t3","apart":true}]"#;
    let found = found(&(spelled(shared) + "\n" + elsewhere));
    let hangs = found.iter().filter(|finding| HANGS.contains(&finding.kind));
    let waiting: Vec<&str> = hangs.map(|finding| finding.actors[0].id.as_str()).collect();
    assert_eq!(waiting, ["2.t2"]);
}

#[test]
fn a_loop_beside_a_hang_with_nothing_to_do_with_it() {
    let text = |apart: bool, fds: u64, on: &str| {
        let event_loop = format!(r#"{{"lane":"t1","ready":0,"timers":1,"fds":{fds},"apart":{apart}}}"#);
        let beat = format!(r#"{{"lane":"a2","apart":{apart},"awaits":{{"on":"sleep","timeout":1}}}}"#);
        let stuck = format!(r#"{{"lane":"a3","awaits":{{"on":"{on}","obj":"{on}:e"}}}}"#);
        let main = r#"{"lane":"a4","awaits":{"on":"task","owner":"a3"}}"#;
        format!(
            "t1 sleeps\na2 sleeps\na3 sleeps\na4 sleeps\nsnap \"loops\":[{event_loop}],\"tasks\":[{beat},{stuck},{main}]"
        )
    };
    check(&text(true, 0, "event"), &["stuck-wait likely: a3 a4"]);
    check(&text(false, 0, "event"), &[]);
    // A server, whose clients may bring it.
    check(&text(true, 1, "event"), &[]);
    // `await loop.create_future()`: until somebody stops the program.
    let for_ever = text(true, 0, "future").replace(r#",{"lane":"a4","awaits":{"on":"task","owner":"a3"}}"#, "");
    check(&for_ever.replace("a4 sleeps\n", ""), &["stuck-wait possible: a3"]);
}

#[test]
fn a_command_that_goes_on_has_no_object_of_multiprocessing() {
    let text = |how: &str| {
        format!(
            r#"0.0 1/t1 "ev":"proc","n":1,"how":"root","thread":"MainThread"
               0.1 1/t1 "ev":"obj","obj":"event:1","kind":"multiprocessing.Event"
               0.2 2/t1 "ev":"proc","n":2,"how":"{how}","ppid":1,"thread":"MainThread"
               0.3 1/t2 "ev":"lane","kind":"thread","name":"stuck","tid":1
               1.0 1/t2 "ev":"wait","on":"event","obj":"event:1"
               1.0 1/t1 "ev":"wait","on":"join","owner":"t2"
               9.0 1/w1 "ev":"snap","why":"standstill""#
        )
    };
    let hangs = |how: &str| found(&text(how)).iter().filter(|finding| finding.kind == "stuck-wait").count();
    assert_eq!((hangs("exec"), hangs("fork")), (1, 0));
}
