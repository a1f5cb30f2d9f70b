//! `logq dump`: a process that runs tells where it is; one that cannot is told apart.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Case, Running, assert_has, python, wait_until};

/// Writes its pid once everything is in place, and what it does then.
fn program(then: &str) -> String {
    format!(
        r#"
import asyncio, os, threading, time

def say():
    with open("pid.new", "w") as file:
        file.write(str(os.getpid()))
    os.rename("pid.new", "pid")

{then}
"#
    )
}

/// The program, which does not outlive the test either: only logq itself could end it otherwise.
struct Program {
    _logq: Running,
    pid: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = Command::new("kill").args(["-KILL", &self.pid]).status();
    }
}

/// Starts it, and waits until it says that it runs.
fn start(case: &Case, then: &str) -> Program {
    start_with(case, then, &[])
}

fn start_with(case: &Case, then: &str, env: &[(&str, &str)]) -> Program {
    let path = case.write("program.py", &program(then));
    let logq = case.start_with(&["run", "--timeout", "90s", "--", &python(), path.to_str().expect("a path")], env);
    let said = case.path().join("pid");
    wait_until("the program says that it runs", || said.exists());
    Program { _logq: logq, pid: fs::read_to_string(said).expect("a pid") }
}

#[test]
fn a_process_shows_its_threads_waits_and_tasks() {
    let case = Case::new();
    let then = r#"
lock = threading.Lock()
async def use(gate):
    async with gate:
        say()
        await asyncio.sleep(80)
async def main():
    gate = asyncio.Lock()
    await asyncio.gather(use(gate), use(gate))
def block():
    with lock:
        pass
lock.acquire()
threading.Thread(target=block, name="blocked", daemon=True).start()
asyncio.run(main())
"#;
    let asked = start(&case, then);
    let mut shown = String::new();
    wait_until("the thread waits", || {
        shown = case.logq(&["dump", &asked.pid]).ended(0).out;
        shown.contains("waits for lock lock")
    });
    let blocked = shown.split("\n\n").find(|part| part.contains("blocked")).expect("the thread");
    assert_has(blocked, &["1.t2 blocked", "waits for lock lock, held by t1 MainThread", "program.py:19  block"]);
    assert_has(&shown, &["holds lock lock  program.py:21", "awaits lock gate, which 1.a", "program.py:17  main"]);

    let records = case.json(&["dump", &asked.pid]);
    assert_eq!(records[0]["ev"], "snap");
    assert_eq!(records[0]["why"], "dump");
    assert_eq!(records[0]["process"], 1);
    let waits: Vec<&Value> = records[1..].iter().filter(|record| record["ev"] == "wait").collect();
    assert_eq!(waits.len(), 1, "{records:?}");
    assert_eq!((&waits[0]["lane"], &waits[0]["owner"]), (&Value::from("t2"), &Value::from("t1")));
    assert_has(waits[0]["id"].as_str().expect("an id"), &["1.t2@"]);
}

#[test]
fn one_whose_interpreter_is_kept_busy_in_c_is_seen_by_the_system_only() {
    let case = Case::new();
    let then = r#"
threading.Thread(target=time.sleep, args=(0,)).start()
threading.Timer(0.5, say).start()
time.sleep(1)
sum(range(1 << 60))
"#;
    let asked = start(&case, then);
    let mut said = case.logq(&["dump", &asked.pid]);
    wait_until("it computes", || {
        said = case.logq(&["dump", &asked.pid]);
        said.code == Some(3)
    });
    assert_has(&said.err, &["keeps the GIL", "thread ", "runs"]);
}

#[test]
fn one_that_was_given_a_signal_for_it_tells_its_stacks_even_then() {
    let case = Case::new();
    let then = r#"
assert os.environ["LOGQ_DUMP_SIGNAL"] == "usr2"
def compute():
    sum(range(1 << 60))
threading.Timer(0.5, say).start()
time.sleep(1)
compute()
"#;
    let asked = start_with(&case, then, &[("LOGQ_DUMP_SIGNAL", "usr2")]);
    wait_until("it computes", || case.logq(&["dump", &asked.pid]).code == Some(3));
    for _ in 0..2 {
        let said = case.logq(&["dump", &asked.pid]).ended(3);
        assert_has(&said.err, &["keeps the GIL", "in compute", "line 12"]);
        assert!(!said.err.contains("watchdog"), "{}", said.err);
        assert_eq!(said.err.matches("in compute").count(), 1, "{}", said.err);
    }
}

#[test]
fn who_cannot_be_asked_is_said() {
    let case = Case::new();
    let asked = start(&case, "say()\ntime.sleep(80)");
    assert_has(&case.logq(&["dump", &asked.pid]).ended(3).err, &["has no watchdog", "thread ", "sleeps"]);
    assert_has(&case.logq(&["dump", "4294967295"]).ended(2).err, &["there is no process"]);
    let own = std::process::id().to_string();
    assert_has(&case.logq(&["dump", &own]).ended(2).err, &["does not record"]);
}
