//! `logq run`: the program's own ways are left alone, its end is passed on, and the verdict says how it went. Also what
//! is on record after ends that no program survives to tell of.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Case, Said, assert_has, lives, python, pythons, wait_until};

/// Two threads that take two locks in opposite order, each sure to hold its first when it asks for its second.
const DEADLOCK: &str = r#"
import logging, threading
logging.basicConfig(level=logging.INFO)
log = logging.getLogger("bank")
locks = threading.Lock(), threading.Lock()
both = threading.Barrier(2)

def transfer(first, second):
    with locks[first]:
        log.info("holding vault %d", first)
        both.wait()
        log.info("asking for vault %d", second)
        with locks[second]:
            log.info("never reached")

threads = [threading.Thread(target=transfer, args=order, name=name) for name, order in (("A", (0, 1)), ("B", (1, 0)))]
for thread in threads:
    thread.start()
log.info("waiting for both")
for thread in threads:
    thread.join()
"#;

fn run_code(case: &Case, code: &str) -> Said {
    case.run_python(&python(), &case.write("program.py", code))
}

fn signal(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).expect("a pid");
    // SAFETY: kill(2) takes plain numbers; the pid is that of a process of this test.
    unsafe { libc::kill(pid, signal) };
}

#[test]
fn the_exit_code_is_the_programs_own() {
    for (code, exit, said) in [
        ("pass", 0, "exited 0"),
        ("raise SystemExit(3)", 3, "exited 3"),
        ("raise ValueError('no item 77')", 1, "exited 1"),
        ("import os; os._exit(9)", 9, "exited 9"),
        ("import os; os.kill(os.getpid(), 15)", 143, "was ended by signal 15 (SIGTERM)"),
        ("import os; os.kill(os.getpid(), 9)", 137, "was ended by signal 9 (SIGKILL)"),
        ("import os; os.abort()", 134, "was ended by signal 6 (SIGABRT)"),
    ] {
        let case = Case::new();
        let run = run_code(&case, code).ended(exit);
        assert_has(run.verdict().lines().next().expect("a verdict"), &["program.py", said, "1 process"]);
    }
}

/// The flight recorder with bounded files: the program is left alone, the last moments are there in full, and every reader
/// copes with parts that are gone, the first one too, and says so.
#[test]
fn a_flight_recorder_keeps_the_last_moments() {
    let case = Case::new();
    let code = r#"
import logging, threading
log = logging.getLogger("shop")
def work():
    for n in range(3000): log.debug("step %d", n)
    log.error("no item 77")
thread = threading.Thread(target=work, name="worker")
thread.start()
thread.join()
print(log.isEnabledFor(logging.DEBUG))
"#;
    let program = case.write("program.py", code);
    for (bound, keeps_first) in [(["--ring", "64KB"], true), (["--spool-cap", "64KB"], false)] {
        let before = ["run", "--record-level", "debug", "--prints"];
        let command = ["--", &python(), &program.to_string_lossy()];
        let run = case.logq(&[&before[..], &bound, &command].concat()).ended(0);
        assert_eq!((run.out.as_str(), run.of_program()), ("False\n", "no item 77\n"));
        assert_has(run.verdict(), &["process 1 dropped", "old records, to keep to its --ring or --spool-cap"]);
        assert!(!run.verdict().contains("could not"), "{}", run.verdict());
        let spool = case.store().join("runs").join(case.run_name()).join("spool");
        let sizes = fs::read_dir(spool)
            .expect("a spool")
            .map(|entry| entry.expect("an entry").metadata().expect("there").len());
        assert!(sizes.sum::<u64>() < 80 << 10);
        for indexed in [false, true] {
            if indexed {
                case.logq(&["collect"]).ended(0);
            }
            let last = case.json(&["search", "step", "-n", "1"]);
            assert_eq!(last[0]["msg"], "step 2999");
            assert_has(&last[0]["id"].to_string(), &["1.t2@3"]);
            assert_eq!(case.json(&["search", "no item", "-n", "1"])[0]["level"], "ERROR");
            assert_eq!(case.json(&["search", "False"])[0]["logger"], "print");
            let firsts = case.json(&["search", "step", "-n", "0"]);
            assert!(firsts.len() < 400 && firsts[0]["msg"] != "step 0");
            assert_has(&case.logq(&["threads"]).ended(0).out, &["worker", "work", "MainThread", "1 error"]);
            assert_eq!(case.json(&["search", "ev:proc"]).iter().any(|proc| proc["process"] == 1), keeps_first);
        }
    }
}

#[test]
fn an_uncaught_exception_is_in_the_verdict() {
    let case = Case::new();
    let run = run_code(&case, "raise ValueError('no item 77')").ended(1);
    assert_has(run.verdict(), &["MainThread died: ValueError: no item 77", "program.py:1", "logq why 1.t1@"]);
    assert_has(run.of_program(), &["Traceback", "ValueError: no item 77"]);
}

#[test]
fn a_program_that_cannot_be_started_leaves_no_run() {
    let case = Case::new();
    let said = case.logq(&["run", "--", "no-such-program"]).ended(127);
    assert_has(&said.err, &["logq: ", "no-such-program"]);
    let script = case.write("script", "#!/bin/sh\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o600)).expect("its mode");
    let said = case.logq(&["run", "--", "./script"]).ended(126);
    assert_has(&said.err, &["logq: ", "script"]);
    case.logq(&["threads"]).ended(2);
}

#[test]
fn stdin_and_stdout_are_the_programs() {
    let case = Case::new();
    let program = case.write("copy.py", "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)");
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mut command = case.command(&["run", "--", &python(), program.to_str().expect("a path")]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("logq");
    let mut stdin = child.stdin.take().expect("its stdin");
    let sent = bytes.clone();
    let sender = std::thread::spawn(move || stdin.write_all(&sent));
    let output = child.wait_with_output().expect("an end");
    sender.join().expect("sent").expect("taken");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == bytes, "what the program wrote is not what came out");
}

#[test]
fn quiet_says_nothing() {
    let case = Case::new();
    let program = case.write("program.py", "import sys; sys.stderr.write('mine')");
    let said = case.logq(&["run", "--quiet", "--", &python(), program.to_str().expect("a path")]).ended(0);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", "mine"));
    assert_eq!(case.json(&["threads"]).len(), 1);
}

#[test]
fn arguments_that_look_like_ours_are_the_programs() {
    let case = Case::new();
    let program = case.write("program.py", "import sys; print(sys.argv[1:])");
    let said = case.logq(&["run", &python(), program.to_str().expect("a path"), "--timeout", "1", "-q", "--"]).ended(0);
    assert_eq!(said.out, "['--timeout', '1', '-q', '--']\n");
}

#[test]
fn a_deadlock_is_ended_and_the_verdict_names_the_last_of_each_lane() {
    let case = Case::new();
    let program = case.write("bank.py", DEADLOCK);
    let began = Instant::now();
    let said = case.logq(&["run", "--timeout", "5s", "--", &python(), program.to_str().expect("a path")]).ended(124);
    // The limit, a snapshot of at most 1 s, 2 s for SIGTERM; the rest is for a machine that does much else.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_has(said.verdict(), &["bank.py did not end within 5.00 s and was ended by logq", "3 threads"]);
    assert_has(said.verdict(), &["ended by logq with SIGTERM: pid"]);
    let last = |name: &str, text: &str| {
        let found = said.verdict().lines().any(|line| line.contains(name) && line.contains(text));
        assert!(found, "{name}: {text}\n{}", said.verdict());
    };
    last("1.t1 MainThread", "waits for the end of t2 A");
    last("1.t2 A", "held by t3 B");
    last("1.t3 B", "held by t2 A");
    // While it hung it was said, once.
    let hangs = "logq: the program stands still, and something is wrong:\n  DEADLOCK";
    assert_eq!(said.err.matches(hangs).count(), 1, "{}", said.err);
    // And later, from what is on disk.
    let why = |why: &str| case.json(&["search", &format!("ev:snap why:{why}")]).len();
    assert_eq!([why("closed"), why("standstill"), why("timeout")], [1, 1, 1]);
    let lanes = case.json(&["threads"]);
    let states: Vec<&str> = lanes.iter().map(|lane| lane["state"].as_str().expect("a state")).collect();
    assert_eq!(lanes[0]["process_state"], "ended by signal 15 (SIGTERM)");
    assert_eq!(states[1..], ["still running when the process ended"; 2]);
}

/// Ignores SIGTERM, and so does a child of its child.
const STUBBORN: &str = r#"
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open("pids", "a") as pids:
    pids.write(f"{os.getpid()}\n")
if len(sys.argv) > 1:
    subprocess.Popen([sys.executable, __file__, *sys.argv[2:]])
while True:
    time.sleep(60)
"#;

#[test]
fn the_time_limit_ends_every_process_of_the_run() {
    let case = Case::new();
    let program = case.write("stubborn.py", STUBBORN);
    let program = program.to_str().expect("a path");
    let said = case.logq(&["run", "--timeout", "4s", "--", &python(), program, "child", "grandchild"]).ended(124);
    assert_has(said.verdict(), &["did not end within 4.00 s", "with SIGKILL: pid", "3 processes"]);
    let pids = fs::read_to_string(case.path().join("pids")).expect("pids");
    let pids: Vec<u32> = pids.lines().map(|pid| pid.parse().expect("a pid")).collect();
    assert_eq!(pids.len(), 3);
    assert_eq!(pids.iter().filter(|pid| lives(**pid)).count(), 0);
}

#[test]
fn what_cannot_be_recorded_runs_all_the_same_and_is_said() {
    let case = Case::new();
    let program = case.write("program.py", "print('here')");
    let program = program.to_str().expect("a path");
    for (command, exit, out, reason) in [
        (vec![python().as_str(), "-I", program], 0, "here\n", "Python was started with -I"),
        (vec![python().as_str(), "-sE", program], 0, "here\n", "Python was started with -sE"),
        (vec!["sh", "-c", "echo there; exit 5"], 5, "there\n", "sh is not Python"),
    ] {
        let said = case.logq(&[&["run", "--"], command.as_slice()].concat()).ended(exit);
        assert_eq!(said.out, out);
        assert_has(said.verdict(), &["not recorded: ", reason]);
        assert!(!said.verdict().contains("a child that left no record"), "{}", said.verdict());
    }
}

#[test]
fn a_python_that_a_shell_starts_is_recorded() {
    let case = Case::new();
    case.write("program.py", "import logging; logging.warning('from within')");
    let said = case.logq(&["run", "--", "sh", "-c", &format!("{} program.py; exit 4", python())]).ended(4);
    assert_has(said.verdict(), &["exited 4", "1 process", "1 log record"]);
    assert!(!said.verdict().contains("not recorded"), "{}", said.verdict());
    assert_has(&case.logq(&["timeline"]).ended(0).out, &["from within"]);
}

/// Each thread logs on and on, and notes beside the log what has been written for certain; any of them ends it all.
const KILLED: &str = r#"
import logging, os, signal, sys, threading
logging.basicConfig(level=logging.INFO, stream=open(os.devnull, "w"))
log = logging.getLogger("busy")
noted = os.open("noted", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
def work(name):
    for number in range(100_000):
        log.info("%s %d", name, number)
        os.write(noted, f"{name} {number}\n".encode())
        if number == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
for name in ("ann", "bob", "cid"):
    threading.Thread(target=work, args=(name,), name=name).start()
"#;

#[test]
fn after_kill_9_everything_whose_write_returned_is_there() {
    for (python, number) in pythons().into_iter().zip(["40", "111", "200", "77", "5"].iter().cycle()) {
        let case = Case::new();
        let program = case.write("busy.py", KILLED);
        let said = case.logq(&["run", "--", &python, program.to_str().expect("a path"), number]).ended(137);
        assert_has(said.verdict(), &["was ended by signal 9 (SIGKILL)", "had not ended; the last that each wrote:"]);
        let noted = fs::read_to_string(case.path().join("noted")).expect("notes");
        let rows = case.json(&["timeline", "--all", "-n", "0"]);
        let written: BTreeSet<&str> =
            rows.iter().filter_map(|row| row["what"].as_str()?.strip_prefix("INFO ")).collect();
        let missing: Vec<&str> = noted.lines().filter(|line| !written.contains(line)).collect();
        assert!(missing.is_empty(), "{python}: {missing:?}");
        assert!(noted.lines().count() >= number.parse().expect("a number"));
        // Lanes that said no end are not said to have one.
        for lane in case.json(&["threads"]) {
            let state = lane["state"].as_str().expect("a state");
            assert!(state.contains("when the process ended") || state == "ended with the process", "{state}");
        }
    }
}

#[test]
fn after_everybody_was_killed_the_missing_end_is_said() {
    let case = Case::new();
    let code = "import logging, os, threading\nlogging.warning('up')\nopen('pid', 'w').write(f'{os.getpid()} ')\nthreading.Event().wait()\n";
    let program = case.write("program.py", code);
    let mut logq = case.start(&["run", "--", &python(), program.to_str().expect("a path")]);
    let pid = || fs::read_to_string(case.path().join("pid")).ok()?.strip_suffix(' ')?.parse::<u32>().ok();
    wait_until("the program writes its pid", || pid().is_some());
    // While it lives it is said to live.
    let lanes = case.json(&["threads"]);
    assert_eq!((&lanes[0]["process_state"], &lanes[0]["state"]), (&Value::from("running"), &Value::from("alive")));
    logq.0.kill().expect("logq dies");
    logq.0.wait().expect("its end");
    let pid = pid().expect("a pid");
    signal(pid, libc::SIGKILL);
    wait_until("the program dies", || !lives(pid));
    let lanes = case.json(&["threads"]);
    assert_eq!(lanes[0]["process_state"], "ended without saying so: killed?");
    assert_eq!(lanes[0]["state"], "no end on record");
    assert_has(&case.logq(&["timeline"]).ended(0).out, &["up"]);
}

/// Starts a child by one of the ways that there are, which starts another; the last one logs.
const GENERATIONS: &str = r#"
import logging, multiprocessing, subprocess, sys
logging.basicConfig(level=logging.INFO)
log = logging.getLogger("family")

def go_on(ways):
    if not ways:
        log.info("the last one speaks")
        return
    log.info("starts one by %s", ways[0])
    if ways[0] == "subprocess":
        subprocess.run([sys.executable, __file__, *ways[1:]], check=True)
    else:
        process = multiprocessing.get_context(ways[0]).Process(target=go_on, args=(ways[1:],), name=f"by {ways[0]}")
        process.start()
        process.join()
        assert process.exitcode == 0, process.exitcode

if __name__ == "__main__":
    go_on(sys.argv[1:])
"#;

#[test]
fn grandchildren_have_the_right_parents() {
    let orders: &[&[&str]] = &[
        &["subprocess", "fork"],
        &["fork", "spawn"],
        &["spawn", "subprocess"],
        &["forkserver", "fork"],
        &["subprocess", "forkserver"],
    ];
    for (place, python) in pythons().into_iter().enumerate() {
        // Every way is gone on the default interpreter, every way but one on the others.
        for ways in &orders[..if place == 0 { orders.len() } else { 2 }] {
            let case = Case::new();
            let program = case.write("family.py", GENERATIONS);
            let words = [&["run", "--", python.as_str(), program.to_str().expect("a path")], *ways].concat();
            let run = case.logq(&words).ended(0);
            assert_has(run.verdict(), &["3 processes, 3 threads, 3 log records"]);
            let lanes = case.json(&["threads"]);
            assert_eq!(lanes.iter().map(|lane| &lane["id"]).collect::<Vec<_>>(), ["1.t1", "2.t1", "3.t1"], "{ways:?}");
            assert!(lanes.iter().all(|lane| lane["process_state"] == "exited 0"), "{python} {ways:?}: {lanes:#?}");
            let last = case.json(&["timeline", "--process", "3"]);
            let last = last.iter().find(|row| row["level"] == "INFO").expect("a log record");
            let id = last["id"].as_str().expect("an id");
            let why = case.logq(&["why", id, "--format", "json"]).ended(0);
            let why: Value = serde_json::from_str(&why.out).expect("a document");
            let hops = why["chain"].as_array().expect("a chain");
            let senders: Vec<&str> = hops.iter().map(|hop| hop["sender"].as_str().expect("a lane")).collect();
            assert_eq!(senders, ["2.t1", "1.t1"], "{python} {ways:?}");
            for (hop, way) in hops.iter().zip(ways.iter().rev()) {
                let from = hop["from"]["what"].as_str().expect("what the parent wrote last");
                assert_eq!(from, format!("INFO starts one by {way}"), "{python} {ways:?}");
                assert_eq!(hop["how"], "process started by");
            }
        }
    }
}

#[test]
fn a_process_that_outlives_the_program_is_said_to_live() {
    let case = Case::new();
    let code = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import os; open(\"pid\", \"w\").write(f\"{os.getpid()} \"); os.read(0, 1)'])\n";
    let program = case.write("program.py", code);
    let mut command = case.command(&["run", "--", &python(), program.to_str().expect("a path")]);
    // The child reads from a pipe that this test holds open, so it lives for as long as the test likes.
    let verdict = fs::File::create(case.path().join("verdict")).expect("a file");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(verdict).spawn().expect("logq");
    let stdin = child.stdin.take();
    let status = child.wait().expect("an end");
    let verdict = fs::read_to_string(case.path().join("verdict")).expect("a verdict");
    assert_eq!(status.code(), Some(0), "{verdict}");
    assert_has(&verdict, &["exited 0", "still running: pid"]);
    drop(stdin);
    let pid = || fs::read_to_string(case.path().join("pid")).ok()?.strip_suffix(' ')?.parse::<u32>().ok();
    wait_until("the child has come and gone", || pid().is_some_and(|pid| !lives(pid)));
}
