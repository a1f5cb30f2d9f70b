//! What is said when a person asks for what is not there, or asks it wrongly: the exit code, and what there is instead.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::handmade::{RUN, Spool, Writer, shop, shop_of};
use crate::harness::{Case, assert_has};

/// A bad question: exit code 2, nothing on stdout, and on stderr what was wrong and what there is.
#[track_caller]
fn check_refused(case: &Case, arguments: &[&str], wanted: &[&str]) {
    let said = case.logq(arguments).ended(2);
    assert_eq!(said.out, "");
    assert!(said.err.starts_with("logq: "), "{}", said.err);
    assert_has(&said.err, wanted);
}

fn shop_case() -> Case {
    let case = Case::new();
    shop(&Spool::new(&case));
    case
}

#[test]
fn unknown_threads_and_tasks_are_refused_with_what_there_is() {
    let case = shop_case();
    let lanes = ["1.t1  MainThread", "1.t2  worker-1", "1.t3  worker-2"];
    for word in ["9", "t9", "1.9", "worker-9", "nobody*", "tid:1", "3.1"] {
        for command in ["timeline", "threads"] {
            check_refused(&case, &[command, "--thread", word], &[&format!("no thread `{word}`")]);
            check_refused(&case, &[command, "--thread", word], &lanes);
        }
    }
    check_refused(&case, &["timeline", "--task", "mail"], &["no task `mail`"]);
    check_refused(&case, &["threads", "--process", "7"], &["no process `7`", "1  MainProcess  pid 4242"]);
}

#[test]
fn a_name_of_several_threads_is_refused_and_a_glob_takes_them_all() {
    let case = Case::new();
    let mut writer = Writer::new("4242-aaaaaa", 0);
    let mut lines = vec![writer.begin(1)];
    for lane in ["t2", "t3"] {
        lines.push(writer.thread(lane, "worker", "t1@1"));
        lines.push(writer.log(lane, 2, "INFO", "hello"));
    }
    Spool::new(&case).lines(&writer.proc, &lines);
    check_refused(&case, &["timeline", "--thread", "worker"], &["2 threads are called `worker`", "1.t2", "1.t3"]);
    assert_eq!(case.json(&["threads", "--thread", "work*"]).len(), 2);
    assert_eq!(case.json(&["threads", "--thread", "2,3"]).len(), 2);
}

#[test]
fn threads_are_found_by_every_name_they_have() {
    let case = shop_case();
    for word in ["2", "t2", "1.2", "1.t2", "worker-1", "WORKER-1", "*-1"] {
        let found = case.json(&["threads", "--thread", word]);
        assert_eq!(found.iter().map(|lane| &lane["id"]).collect::<Vec<_>>(), ["1.t2"], "{word}");
    }
    // The system gives the id of a thread that has ended to another one.
    check_refused(&case, &["threads", "--thread", "tid:77"], &["2 threads", "1.t2", "1.t3"]);
}

#[test]
fn unknown_records_and_bad_ids_are_refused() {
    let case = shop_case();
    check_refused(&case, &["why", "1.t2@99"], &["no record @99 in lane t2", "from 1.t2@1 to 1.t2@4"]);
    check_refused(&case, &["why", "1.t2@0"], &["no record @0 in lane t2"]);
    check_refused(&case, &["why", "1.t9@1"], &["no lane t9", "1.t3  worker-2"]);
    check_refused(&case, &["why", "4.t1@1"], &["t1"]);
    for id in ["nonsense", "1.t2", "@", "1.t2@", "1.t2@x", "1.t2@-1"] {
        check_refused(&case, &["why", id], &[id]);
    }
    // Every way to name a record that is there.
    for id in ["1.t2@3", "t2@3", "4242-aaaaaa/t2@3"] {
        assert_has(&case.logq(&["why", id]).ended(0).out, &["out of stock"]);
    }
}

#[test]
fn unknown_levels_and_times_are_refused() {
    let case = shop_case();
    check_refused(&case, &["timeline", "--level", "LOUD"], &["no level `LOUD`", "WARNING"]);
    for flag in ["--since", "--until"] {
        check_refused(&case, &["timeline", flag, "teatime"], &[flag, "`teatime` is no time"]);
    }
    for word in ["", "-5", "soon", "0s"] {
        let said = case.logq(&["run", "--timeout", word, "--", "true"]).ended(2);
        assert_has(&said.err, &["--timeout"]);
    }
}

#[test]
fn unknown_runs_are_refused_and_beginnings_must_fit_one() {
    let case = shop_case();
    let other = "20261122-180000-a0b1";
    shop(&Spool::of_run(&case, other));
    check_refused(&case, &["threads", "--run", "2025"], &["no run `2025`", RUN, other]);
    check_refused(&case, &["threads", "--run", "20261122"], &["`20261122` fits 2 runs", RUN, other]);
    check_refused(&case, &["timeline", "--run", "all"], &["one run"]);
    for name in [RUN, "20261122-1715", "k3f9"] {
        assert_has(&case.logq(&["threads", "--run", name]).ended(0).out, &[RUN]);
    }
    assert_has(&case.logq(&["threads"]).ended(0).out, &[other]);
    assert_has(&case.logq(&["threads", "--run", "all"]).ended(0).out, &[RUN, other]);
}

#[test]
fn without_a_store_readers_say_how_to_make_one() {
    let case = Case::new();
    for arguments in [&["threads"][..], &["timeline"], &["runs"], &["why", "1.t1@1"]] {
        let said = case.logq(arguments).ended(3);
        assert_eq!(said.out, "");
        assert_has(&said.err, &["no .logq here", "logq run -- CMD"]);
    }
    assert_has(&case.logq(&[]).ended(0).out, &["logq run -- python prog.py"]);
    let said = case.logq(&["threads", "--dir", "nowhere"]).ended(3);
    assert_has(&said.err, &["nowhere"]);
    case.write("file", "");
    let said = case.logq(&["threads", "--dir", "file"]).ended(3);
    assert_has(&said.err, &["file"]);
}

#[test]
fn an_empty_store_is_said_to_be_one() {
    let case = Case::new();
    fs::create_dir(case.store()).expect("a folder");
    for arguments in [&["threads"][..], &["timeline"], &["runs"], &["why", "1.t1@1"]] {
        check_refused(&case, arguments, &["no runs in", "logq run -- python prog.py"]);
    }
    assert_has(&case.logq(&[]).ended(0).out, &["logq run -- python prog.py"]);
    // A run that wrote nothing, or whose spool is not there yet, is empty and no error.
    fs::create_dir_all(case.store().join("runs").join(RUN)).expect("a folder");
    let said = case.logq(&["threads"]).ended(1);
    assert_has(&said.out, &["0 processes"]);
}

#[test]
fn a_store_is_looked_for_upward_and_named_by_flag_and_environment() {
    let case = shop_case();
    let below = case.path().join("a/b");
    fs::create_dir_all(&below).expect("folders");
    let output = case.command(&["threads"]).current_dir(&below).output().expect("logq runs");
    assert_eq!(output.status.code(), Some(0));
    let elsewhere = Case::new();
    let store = case.store();
    let store = store.to_str().expect("a path in UTF-8");
    elsewhere.logq(&["threads", "--dir", store]).ended(0);
    elsewhere.logq(&["--dir", store, "threads"]).ended(0);
    assert_has(&elsewhere.logq(&["--dir", store]).ended(0).out, &["the last run:"]);
    let output = elsewhere.command(&["threads"]).env("LOGQ_DIR", store).output().expect("logq runs");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn bad_usage_is_exit_code_2_and_help_is_not() {
    let case = shop_case();
    for arguments in [&["nonsense"][..], &["threads", "--nonsense"], &["why"], &["run"], &["timeline", "-n", "x"]] {
        let said = case.logq(arguments).ended(2);
        assert_eq!(said.out, "");
    }
    for arguments in [&["--help"][..], &["help"], &["help", "run"], &["threads", "--help"], &["--version"]] {
        case.logq(arguments).ended(0);
    }
}

#[test]
fn nothing_to_show_is_exit_code_1() {
    let case = shop_case();
    for arguments in [["timeline", "--since", "2027-01-01"], ["timeline", "--until", "2025-01-01"]] {
        let said = case.logq(&arguments).ended(1);
        assert_eq!(said.out, "");
        assert_has(&said.err, &["nothing to show", RUN]);
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut writer = shop_of(&spool, "4242-aaaaaa", 1);
    // More than a pipe holds, so that logq is still writing when its reader goes.
    let lines: Vec<String> = (5..4000).map(|seq| writer.log("t2", seq, "INFO", &"x".repeat(100))).collect();
    spool.lines(&writer.proc, &lines);
    for arguments in [
        &["timeline", "-n", "0"][..],
        &["timeline", "-n", "0", "--format", "json"],
        &["timeline", "-n", "0", "--thread", "2"],
    ] {
        let mut child = case.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("logq");
        let mut first = [0; 10];
        let mut out = child.stdout.take().expect("its stdout");
        out.read_exact(&mut first).expect("the beginning of an answer");
        drop(out);
        let output = child.wait_with_output().expect("an end");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let case = shop_case();
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux has one");
    let output = case.command(&["threads"]).stdout(full).output().expect("logq runs");
    assert_eq!(output.status.code(), Some(3));
    assert_has(&String::from_utf8_lossy(&output.stderr), &["cannot write the answer"]);
}
