//! What every test of the whole needs: a folder of its own, the binary, interpreters, and text without times and ids.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;
use tempfile::TempDir;

/// A folder with a store in it, and logq to be called there.
pub struct Case {
    folder: TempDir,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub out: String,
    pub err: String,
    /// `None` when a signal ended it.
    pub code: Option<i32>,
}

impl Case {
    pub fn new() -> Case {
        Case { folder: tempfile::tempdir().expect("a folder for the test") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the store is, once something has been recorded.
    pub fn store(&self) -> PathBuf {
        self.path().join(".logq")
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// logq in this folder, with nothing of the test's own environment that it would heed.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logq"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for name in std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("LOGQ_")) {
            command.env_remove(name);
        }
        command.env("TZ", "UTC").env("NO_COLOR", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("XDG_CACHE_HOME", self.path().join(".cache"));
        command.env_remove("PYTHONPATH").env_remove("PYTHONUNBUFFERED");
        command
    }

    /// Runs logq to its end.
    pub fn logq(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().expect("logq runs"))
    }

    /// Runs a Python program under logq.
    pub fn run_python(&self, python: &str, program: &Path) -> Said {
        self.logq(&["run", "--", python, &program.to_string_lossy()])
    }

    /// Starts logq and leaves it running; dropping it ends it.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(arguments, &[])
    }

    pub fn start_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Running {
        let mut command = self.command(arguments);
        command.envs(env.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(command.spawn().expect("logq starts"))
    }

    /// The name of the newest run.
    pub fn run_name(&self) -> String {
        let runs = fs::read_dir(self.store().join("runs")).expect("runs");
        let names = runs.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        names.max().expect("a run")
    }

    /// The answer of a command, with `--format json`, one value a line.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        let mut all = arguments.to_vec();
        all.extend(["--format", "json"]);
        let said = self.logq(&all);
        assert!(matches!(said.code, Some(0 | 1)), "{all:?}: {}", said.err);
        let values = said.out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON"));
        values.collect()
    }
}

/// A logq that runs beside the test. Neither it nor what it started gets a chance to outlive it.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It adopts orphans: as long as it is there, all that it started are below it.
        let below = descendants(self.0.id());
        if !below.is_empty() {
            let _ = Command::new("kill").arg("-KILL").args(below).stderr(Stdio::null()).status();
        }
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Said {
    /// What `logq run` said at the end: from the first line that begins with `logq: `.
    pub fn verdict(&self) -> &str {
        &self.err[self.verdict_at()..]
    }

    /// What the program itself wrote to stderr under `logq run`.
    pub fn of_program(&self) -> &str {
        &self.err[..self.verdict_at()]
    }

    fn verdict_at(&self) -> usize {
        if self.err.starts_with("logq: ") { 0 } else { self.err.find("\nlogq: ").map_or(self.err.len(), |at| at + 1) }
    }

    pub fn of(output: Output) -> Said {
        Said {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }

    /// Fails the test unless the command ended with that code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "\nstdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

/// The interpreters to test on, the default one first: `make test` names them, else it is the machine's `python3`.
pub fn pythons() -> Vec<String> {
    let named = std::env::var("LOGQ_TEST_PYTHONS").unwrap_or_default();
    let named: Vec<String> = named.split(':').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    if named.is_empty() { vec!["python3".to_owned()] } else { named }
}

/// Whether `make test` chose the interpreters, and so installed for each what tests need.
pub fn are_prepared() -> bool {
    std::env::var_os("LOGQ_TEST_PYTHONS").is_some_and(|named| !named.is_empty())
}

pub fn python() -> String {
    pythons().swap_remove(0)
}

/// Text with what differs from run to run replaced: times, durations, run names, pids, native thread ids, folders.
pub fn normalised(text: &str, case: &Case) -> String {
    let mut text = text.replace(&*case.path().to_string_lossy(), "<folder>");
    text = text.replace(env!("CARGO_MANIFEST_DIR"), "<repo>");
    let rules: &[(&str, &str)] = &[
        (r"\d{8}-\d{6}-[a-z0-9]{4}", "<run>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", "<date time>"),
        (r"\d{4}-\d\d-\d\d", "<date>"),
        (r"\d\d:\d\d:\d\d\.\d{6}", "<time hh:mm:s>"),
        (r" {8}\.\d{6}", "<time hh:mm:s>"),
        (r"\b\d+(\.\d+)? (ns|µs|ms|s)\b", "<took>"),
        (r"pid:? \d+", "pid <pid>"),
        (r"process \d{3,}", "process <pid>"),
        (r"tid \d+", "tid <tid>"),
        (r"(?m)^ +⋮ .* of silence\n", ""),
        (r"\S*\bpython3?(\.\d+)?\b", "<python>"),
        // Whether a wait for an end had to be written before it depends on how quick the other one is.
        (r"((joined by|end known to|end of the process seen by) \S+ MainThread +\S+@)\d+", "${1}<n>"),
        // So does the number of the record before a process is started, or of the first that a worker writes.
        (r"((process started by|before) \S+ \S+ +\S+@)\d+", "${1}<n>"),
        // Which of several tasks first hears of an end is up to the loop.
        (r"(end known to [^,\n]+), .*", "$1, <others>"),
    ];
    for (pattern, replacement) in rules {
        text = Regex::new(pattern).expect("a rule").replace_all(&text, *replacement).into_owned();
    }
    // Blanks at the ends of lines differ with the widths of what was replaced.
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The files of a folder whose names end so.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    files
}

/// Waits until the condition holds: no test sleeps for a time in which something should have happened.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < limit, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The pids of what a process started, of what these started, and so on.
fn descendants(root: u32) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let with_parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&above) = found.get(at) {
        found.extend(with_parents.iter().filter(|(_, parent)| *parent == above).map(|(pid, _)| pid));
        at += 1;
    }
    found[1..].iter().map(u32::to_string).collect()
}

fn parent(pid: u32) -> Option<u32> {
    // "pid (name) state parent …", where the name may hold anything.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Whether a process of that pid is there, other than as a zombie.
pub fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !"ZX".contains(state))
}

/// Fails the test unless every one of the texts is there.
#[track_caller]
pub fn assert_has(text: &str, wanted: &[&str]) {
    let missing: Vec<&&str> = wanted.iter().filter(|wanted| !text.contains(**wanted)).collect();
    assert!(missing.is_empty(), "lacks {missing:?}:\n{text}");
}
