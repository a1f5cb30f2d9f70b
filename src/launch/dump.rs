//! `logq dump`: finds out where a process that runs records, and has its watchdog take a snapshot. Where it cannot,
//! says why, and what the system tells instead.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use super::question::Answer;
use super::question::{self, Question};
use super::stacks;

/// How to see more of a process that could not answer.
const ADVICE: &str = "started with LOGQ_DUMP_SIGNAL=USR2, it would tell its stacks even now";

/// How long an answer may take: a watchdog looks ten times a second, less often in a process that stands still.
const PATIENCE: Duration = Duration::from_secs(3);

const NEXT_LOOK: Duration = Duration::from_millis(10);

/// How many threads an error lists.
const MOST: usize = 12;

/// A snapshot that was taken now.
#[derive(Debug)]
pub struct Dump {
    /// The run's directory.
    pub run: PathBuf,
    /// The process's key in it.
    pub key: String,
    pub answer: Answer,
}

#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    #[error("there is no process {0}")]
    NoProcess(u32),
    #[error("process {0} is another user's")]
    Forbidden(u32),
    #[error("process {0} does not record: it was not started by `logq run`, and has not called `logq.install()`")]
    NotRecorded(u32),
    #[error("process {pid} is stopped (Ctrl-Z, SIGSTOP) and cannot answer")]
    Stopped { pid: u32 },
    #[error(
        "process {pid} has no watchdog: it has one thread, no child and no loop, has not had to wait, and has logged \
         nothing since its first seconds"
    )]
    NoWatchdog { pid: u32, seen: Vec<String> },
    #[error(
        "process {pid} did not answer within {} s: code in C keeps the GIL, so that no Python can run in it",
        PATIENCE.as_secs()
    )]
    Silent { pid: u32, seen: Vec<String> },
    #[error("cannot ask process {pid}: {error}")]
    Files { pid: u32, error: io::Error },
}

impl DumpError {
    /// It is not the process that was meant.
    pub fn is_misdirected(&self) -> bool {
        matches!(self, DumpError::NoProcess(_) | DumpError::Forbidden(_) | DumpError::NotRecorded(_))
    }

    /// What the system tells of its threads.
    pub fn hints(&self) -> Vec<String> {
        match self {
            DumpError::NoWatchdog { seen, .. } | DumpError::Silent { seen, .. } => seen.clone(),
            DumpError::Stopped { pid } => vec![format!("kill -CONT {pid} lets it go on")],
            _ => Vec::new(),
        }
    }
}

/// Has the process take a snapshot, and waits for it.
///
/// # Errors
/// When it is no process that records, or cannot answer.
pub fn dump(pid: u32) -> Result<Dump, DumpError> {
    let (spool, key) = place_of(pid)?;
    let files = |error| DumpError::Files { pid, error };
    let run = spool.parent().ok_or(DumpError::NotRecorded(pid))?.to_owned();
    if threads(pid).iter().all(|thread| "Tt".contains(thread.state)) {
        return Err(DumpError::Stopped { pid });
    }
    if !question::is_watched(pid) {
        return Err(DumpError::NoWatchdog { pid, seen: seen(pid, &spool, &key) });
    }
    let mut question = question::ask(&spool, &key, "dump").map_err(files)?;
    let answer = await_answer(&mut question, pid);
    question.withdraw();
    match answer {
        Some(answer) => Ok(Dump { run, key, answer }),
        None if !Path::new(&format!("/proc/{pid}")).exists() => Err(DumpError::NoProcess(pid)),
        None => Err(DumpError::Silent { pid, seen: seen(pid, &spool, &key) }),
    }
}

/// The answer, or None when none came, or the process went.
fn await_answer(question: &mut Question, pid: u32) -> Option<Answer> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question.answer() {
            return Some(answer);
        }
        if Instant::now() >= deadline || !Path::new(&format!("/proc/{pid}")).exists() {
            return None;
        }
        std::thread::sleep(NEXT_LOOK);
    }
}

/// The spool that the process writes to, and its key: it has its newest part open.
fn place_of(pid: u32) -> Result<(PathBuf, String), DumpError> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => DumpError::Forbidden(pid),
        _ => DumpError::NoProcess(pid),
    })?;
    let files = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    files.filter_map(|file| part_of(&file)).next().ok_or(DumpError::NotRecorded(pid))
}

/// `…/runs/<run>/spool/4242-k3f9xz.1.jsonl`
fn part_of(file: &Path) -> Option<(PathBuf, String)> {
    let spool = file.parent().filter(|parent| parent.ends_with("spool"))?;
    let (key, rest) = file.file_name()?.to_str()?.split_once('.')?;
    let (number, _random) = key.split_once('-')?;
    let is_part = number.parse::<u32>().is_ok() && rest.strip_suffix(".jsonl")?.parse::<u32>().is_ok();
    is_part.then(|| (spool.to_owned(), key.to_owned()))
}

struct Thread {
    tid: u32,
    name: String,
    state: char,
    /// The function of the kernel that it sleeps in, where that is told.
    sleeps_in: Option<String>,
}

fn threads(pid: u32) -> Vec<Thread> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    let mut threads: Vec<Thread> = entries.filter_map(|entry| Thread::look(&entry.path())).collect();
    threads.sort_by_key(|thread| thread.tid);
    threads
}

impl Thread {
    fn look(path: &Path) -> Option<Thread> {
        let tid = path.file_name()?.to_str()?.parse().ok()?;
        let stat = fs::read_to_string(path.join("stat")).ok()?;
        let state = stat.rsplit_once(") ")?.1.chars().next()?;
        let name = fs::read_to_string(path.join("comm")).unwrap_or_default().trim_end().to_owned();
        let waits = fs::read_to_string(path.join("wchan")).ok().filter(|name| name.len() > 1);
        Some(Thread { tid, name, state, sleeps_in: waits })
    }

    fn sentence(&self) -> String {
        let state = match self.state {
            'R' => "runs",
            'S' => "sleeps",
            'D' => "sleeps in the kernel",
            'T' | 't' => "is stopped",
            _ => "is in another state",
        };
        let place = self.sleeps_in.as_deref().map_or_else(String::new, |name| format!(" in {name}"));
        format!("thread {} {} {state}{place}", self.tid, self.name)
    }
}

/// What can be told without the watchdog: what the system knows, and the stacks where the program wants a signal for them.
fn seen(pid: u32, spool: &Path, key: &str) -> Vec<String> {
    let threads = threads(pid);
    let mut lines: Vec<String> = threads.iter().take(MOST).map(Thread::sentence).collect();
    if threads.len() > MOST {
        lines.push(format!("… and {} more threads", threads.len() - MOST));
    }
    match stacks::ask(pid, spool, key) {
        Some(stacks) => lines.extend(stacks),
        None => lines.push(ADVICE.to_owned()),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_known_by_its_path() {
        let spool = "/home/x/.logq/runs/20261122-171503-k3f9/spool";
        let part = |name: &str| part_of(Path::new(&format!("{spool}/{name}")));
        assert_eq!(part("4242-k3f9xz.12.jsonl"), Some((spool.into(), "4242-k3f9xz".to_owned())));
        for name in
            ["4242-k3f9xz.lock", "4242.1.jsonl", "x-y.1.jsonl", "4242-k3f9xz.x.jsonl", "4242-k.1.jsonl (deleted)"]
        {
            assert_eq!(part(name), None, "{name}");
        }
        assert_eq!(part_of(Path::new("/tmp/4242-k3f9xz.1.jsonl")), None);
    }

    #[test]
    fn who_cannot_be_asked_is_said() {
        // Not this process: other tests have parts open in it.
        let mut other = std::process::Command::new("sleep").arg("60").spawn().expect("sleep runs");
        assert!(matches!(dump(other.id()), Err(DumpError::NotRecorded(_))));
        other.kill().expect("it can be ended");
        other.wait().expect("it ended");
        assert!(matches!(dump(u32::MAX), Err(DumpError::NoProcess(_))));
    }
}
