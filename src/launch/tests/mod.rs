//! `logq run` on real processes.
//!
//! [`run`] takes over the process that calls it, so each case runs in a process of its own: this test binary
//! again, with one test that does what the binary's `main` will do.

mod ending;
mod signals;
mod start;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::process::{Signal, test_kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{End, Outcome, RunOptions, kernel, run};

/// How long a condition may take to come true on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const ORDER: &str = "LOGQ_TEST_ORDER";

/// Not a test by itself: the process that calls `run`. Its order is a file; what came of it goes beside it.
#[test]
fn stand_in_for_the_binary() {
    let Some(path) = env::var_os(ORDER).map(PathBuf::from) else { return };
    let order: Value = serde_json::from_slice(&fs::read(&path).expect("an order")).expect("JSON");
    let words = order["command"].as_array().expect("a command").iter().map(|word| word.as_str().expect("a word"));
    let mut options = RunOptions::new(order["dir"].as_str().expect("a directory"), words);
    options.timeout = order["timeout_ms"].as_u64().map(Duration::from_millis);
    options.capture = order["capture"].as_str().map(str::to_owned);
    let (result, code) = match run(&options, &mut |_| {}) {
        Ok(outcome) => (as_json(&outcome), outcome.exit_code),
        Err(error) => (json!({"error": error.to_string(), "hint": error.hint()}), error.exit_code()),
    };
    fs::write(path.with_extension("result"), result.to_string()).expect("written");
    std::process::exit(code);
}

fn as_json(outcome: &Outcome) -> Value {
    let end = match outcome.root_end {
        Some(End::Exited(code)) => json!({"code": code}),
        Some(End::Signalled { signal, .. }) => json!({"signal": signal}),
        None => Value::Null,
    };
    let ended: BTreeMap<String, i32> =
        outcome.ended.iter().map(|ended| (ended.process.pid.to_string(), ended.signal)).collect();
    json!({
        "run": outcome.run,
        "root": outcome.root_pid,
        "end": end,
        "timed_out": outcome.timed_out.is_some(),
        "alive": outcome.alive.iter().map(|process| json!({"pid": process.pid, "argv": process.argv})).collect::<Vec<_>>(),
        "ended": ended,
        "unreached": outcome.unreached.as_ref().map(|reason| format!("{reason:?}")),
        "lost": outcome.lost,
    })
}

/// A directory for one case: the program's working directory, with the runs in `.logq`.
struct Case {
    dir: TempDir,
    order: Value,
}

/// What one case came to.
struct Finished {
    code: Option<i32>,
    stdout: String,
    result: Value,
}

impl Case {
    fn new(command: &[&str]) -> Case {
        let dir = tempfile::tempdir().expect("a directory");
        let order = json!({"dir": dir.path().join(".logq"), "command": command});
        Case { dir, order }
    }

    fn shell(script: &str) -> Case {
        Case::new(&["sh", "-c", script])
    }

    fn timeout(mut self, limit: Duration) -> Case {
        self.order["timeout_ms"] = json!(u64::try_from(limit.as_millis()).expect("short"));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command line that runs the stand-in.
    fn words(&self) -> Vec<OsString> {
        let exe = env::current_exe().expect("this binary");
        let arguments = ["--exact", "launch::tests::stand_in_for_the_binary", "--nocapture", "--test-threads=1"];
        std::iter::once(exe.into()).chain(arguments.map(OsString::from)).collect()
    }

    /// The stand-in, with `before` (a program that starts another) in front of it.
    fn command(&self, before: &[&str]) -> Command {
        fs::write(self.path("order.json"), self.order.to_string()).expect("written");
        let mut words = before.iter().map(OsString::from).chain(self.words());
        let mut command = Command::new(words.next().expect("a word"));
        command.args(words).current_dir(self.dir.path()).env(ORDER, self.path("order.json"));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    fn start(&self) -> Child {
        self.command(&[]).spawn().expect("started")
    }

    fn run(&self) -> Finished {
        self.finish(self.start())
    }

    fn finish(&self, child: Child) -> Finished {
        self.finished(&child.wait_with_output().expect("it ends"))
    }

    fn finished(&self, output: &Output) -> Finished {
        let result = fs::read(self.path("order.result")).unwrap_or_default();
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            result: serde_json::from_slice(&result).unwrap_or(Value::Null),
        }
    }

    /// A file that the program writes, once it is there and ends in a newline.
    fn wait_for(&self, name: &str) -> String {
        let path = self.path(name);
        wait_until(name, || fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n')));
        fs::read_to_string(&path).expect("just read")
    }

    /// What process 0 wrote, as JSON.
    fn journal(&self) -> Vec<Value> {
        let runs = fs::read_dir(self.path(".logq/runs")).expect("runs").next().expect("a run").expect("an entry");
        let spool = runs.path().join("spool");
        let key = fs::read_to_string(spool.join("0.claim")).expect("a claim");
        let part = fs::read_to_string(spool.join(format!("{}.1.jsonl", key.trim_end()))).expect("a part");
        part.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn pids(text: &str) -> Vec<u32> {
    text.split_whitespace().map(|pid| pid.parse().expect("a pid")).collect()
}

fn is_there(pid: u32) -> bool {
    kernel::named(pid).is_some_and(|pid| test_kill_process(pid).is_ok())
}

fn send(pid: u32, signal: Signal) {
    kernel::send(None, pid, signal).expect("sent");
}

/// The interpreter itself: what is called `python3` may be a script that finds it.
fn python() -> String {
    static FOUND: LazyLock<String> = LazyLock::new(|| {
        let tested = env::var("LOGQ_TEST_PYTHONS").unwrap_or_default();
        let named = tested.split(':').next().filter(|path| !path.is_empty()).unwrap_or("python3").to_owned();
        let told = std::process::Command::new(&named).args(["-c", "import sys; print(sys.executable)"]).output();
        String::from_utf8(told.expect("Python runs").stdout).expect("a path").trim().to_owned()
    });
    FOUND.clone()
}
