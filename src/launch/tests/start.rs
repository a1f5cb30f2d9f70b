//! Starting: exit codes, what cannot be started, stdio, environment, what process 0 writes, who was not reached.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{Case, python};

#[test]
fn the_programs_exit_code_is_ours() {
    for code in [0, 1, 7, 124, 255] {
        let done = Case::shell(&format!("exit {code}")).run();
        assert_eq!(done.code, Some(code), "{}", done.result);
        assert_eq!(done.result["end"], json!({"code": code}));
        assert_eq!(done.result["timed_out"], json!(false));
    }
}

#[test]
fn a_signal_becomes_128_and_its_number() {
    for (signal, code) in [("KILL", 137), ("TERM", 143), ("SEGV", 139), ("PIPE", 141)] {
        let done = Case::shell(&format!("kill -{signal} $$")).run();
        assert_eq!(done.code, Some(code), "{}", done.result);
        assert_eq!(done.result["end"], json!({"signal": code - 128}));
    }
}

#[test]
fn what_cannot_be_started_says_so_and_leaves_no_run() {
    let check = |case: Case, code: i32, said: &str| {
        let done = case.run();
        assert_eq!(done.code, Some(code), "{}", done.result);
        assert!(done.result["error"].as_str().is_some_and(|error| error.contains(said)), "{}", done.result);
        assert_eq!(fs::read_dir(case.path(".logq/runs")).expect("made").count(), 0);
    };
    check(Case::new(&["no-such-command-anywhere"]), 127, "no-such-command-anywhere: command not found");
    check(Case::new(&["./missing"]), 127, "./missing: command not found");
    check(Case::new(&["/"]), 126, "cannot be executed");

    let script = |content: &str, mode: u32| {
        let case = Case::new(&["./script"]);
        fs::write(case.path("script"), content).expect("written");
        fs::set_permissions(case.path("script"), fs::Permissions::from_mode(mode)).expect("allowed");
        case
    };
    check(script("#!/bin/sh\n", 0o644), 126, "cannot be executed: Permission denied");
    check(script("#!/no/such/interpreter -x\n", 0o755), 127, "its interpreter /no/such/interpreter");
}

#[test]
fn a_script_without_a_first_line_is_for_the_shell() {
    let case = Case::new(&["./script", "5"]);
    fs::write(case.path("script"), "exit $1\n").expect("written");
    fs::set_permissions(case.path("script"), fs::Permissions::from_mode(0o755)).expect("allowed");
    assert_eq!(case.run().code, Some(5));
}

#[test]
fn a_directory_that_cannot_be_made_stops_it_before_the_program() {
    let mut case = Case::shell("echo started > started");
    fs::write(case.path("file"), "").expect("written");
    case.order["dir"] = json!(case.path("file/.logq"));
    let done = case.run();
    assert_eq!(done.code, Some(3));
    assert!(done.result["error"].as_str().is_some_and(|error| error.contains("file/.logq")), "{}", done.result);
    assert!(done.result["hint"].as_str().is_some_and(|hint| hint.contains("--dir")), "{}", done.result);
    assert!(!case.path("started").exists());
}

#[test]
fn stdin_and_stdout_are_the_programs() {
    let case = Case::new(&["cat"]);
    let mut child = case.command(&[]).stdin(Stdio::piped()).spawn().expect("started");
    child.stdin.take().expect("a pipe").write_all(b"over and out\n").expect("taken");
    let done = case.finish(child);
    assert!(done.stdout.contains("over and out\n"), "{}", done.stdout);
    assert_eq!(done.code, Some(0));
}

#[test]
fn the_environment_says_where_and_how_to_record() {
    let mut case = Case::shell("env -0 > env");
    case.order["capture"] = json!("events");
    let mut command = case.command(&[]);
    command.env("PYTHONPATH", "/mine").env("LOGQ_CAPTURE", "full").env("LOGQ_RACES", "kept");
    let done = case.finish(command.spawn().expect("started"));
    let text = fs::read_to_string(case.path("env")).expect("written");
    let variables: BTreeMap<&str, &str> = text.split('\0').filter_map(|line| line.split_once('=')).collect();
    let dir = case.path(".logq");
    assert_eq!(variables["LOGQ_DIR"], dir.to_str().expect("UTF-8"));
    assert_eq!(variables["LOGQ_RUN"], done.result["run"].as_str().expect("a run"));
    assert_eq!(Path::new(variables["LOGQ_BIN"]), env::current_exe().expect("this binary"));
    assert_eq!((variables["LOGQ_CAPTURE"], variables["LOGQ_RACES"]), ("events", "kept"));
    assert!(!variables.contains_key("LOGQ_RING"));
    let (boot, rest) = variables["PYTHONPATH"].split_once(':').expect("two entries");
    assert_eq!(rest, "/mine");
    assert!(Path::new(boot).join("sitecustomize.py").is_file(), "{boot}");

    let journal = case.journal();
    let child = &journal[1];
    let parent = format!("{}/t1@2", journal[0]["proc"].as_str().expect("a key"));
    assert_eq!(variables["LOGQ_PARENT"], parent);
    assert_eq!((&child["ev"], &child["seq"]), (&json!("child"), &json!(2)));
    assert_eq!(child["argv"], json!(["sh", "-c", "env -0 > env"]));
}

#[test]
fn process_0_tells_the_run_from_outside() {
    let case = Case::shell("exit 4");
    let done = case.run();
    let journal = case.journal();
    let kinds: Vec<_> = journal.iter().map(|record| record["ev"].as_str().expect("an event")).collect();
    assert_eq!(kinds, ["proc", "child", "reap", "exit"]);
    assert_eq!(journal[2]["child_pid"], done.result["root"]);
    assert_eq!((&journal[2]["rc"], &journal[3]["rc"]), (&json!(4), &json!(4)));
    assert_eq!(
        journal.iter().map(|record| record["seq"].as_u64()).collect::<Vec<_>>(),
        (1..=4).map(Some).collect::<Vec<_>>()
    );
}

#[test]
fn who_was_not_reached_is_said() {
    let unreached = |case: Case| case.run().result["unreached"].clone();
    assert_eq!(unreached(Case::new(&["true"])), json!(r#"NotPython("true")"#));
    let isolated = unreached(Case::new(&[&python(), "-I", "-c", "pass"]));
    assert_eq!(isolated, json!(r#"IsolatedFlag("-I")"#));
    // What the handler would leave behind, by any process of the run.
    let records = r#"sh -c ': > $LOGQ_DIR/runs/$LOGQ_RUN/spool/$$-abcdef.1.jsonl'; :"#;
    assert_eq!(unreached(Case::shell(records)), Value::Null);
}
