//! The list of runs: what each comes to in a line, kept until the run has grown. One thread of its own reads the runs for it, one after the
//! other, so that the list is there at once however large they are: a run of which nothing is known is listed as `unread`, one that
//! has grown with its older line, marked `older`, until the thread has been there.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cases::{locked, state};
use crate::spool::RunDir;

/// How long a list waits for what is not known yet: most runs are read within it.
const PATIENCE: Duration = Duration::from_secs(1);
/// A run that goes on growing is read again when so many times what reading it took has gone by.
const REST: u32 = 4;

type Tell = dyn Fn(&RunDir) -> Value + Send + Sync;

/// What is known of each run.
pub struct Lines(Arc<Shared>);

struct Shared {
    tell: Box<Tell>,
    known: Mutex<Known>,
    /// The thread has nothing to read any more.
    done: Condvar,
}

#[derive(Default)]
struct Known {
    lines: HashMap<String, Line>,
    /// What the last list lacked, and which of it the thread is at.
    wanted: VecDeque<RunDir>,
    reads: Option<String>,
}

struct Line {
    state: u64,
    line: Value,
    read_at: Instant,
    took: Duration,
}

impl Lines {
    /// Lines as `tell` makes them of a run.
    pub fn told_by(tell: impl Fn(&RunDir) -> Value + Send + Sync + 'static) -> Lines {
        Lines(Arc::new(Shared { tell: Box::new(tell), known: Mutex::default(), done: Condvar::new() }))
    }

    /// The line of each run, as far as it is known soon.
    pub fn of(&self, runs: &[RunDir]) -> Vec<Value> {
        let states: Vec<Result<u64, String>> =
            runs.iter().map(|run| state(run).map_err(|error| error.to_string())).collect();
        let mut known = locked(&self.0.known);
        known.want(runs, &states);
        if !known.wanted.is_empty() && known.reads.is_none() {
            known.begin_next();
            let shared = Arc::clone(&self.0);
            std::thread::spawn(move || shared.read());
        }
        let waited = self.0.done.wait_timeout_while(known, PATIENCE, |known| known.reads.is_some());
        let (known, _) = waited.unwrap_or_else(PoisonError::into_inner);
        runs.iter().zip(&states).map(|(run, state)| known.line(run, state)).collect()
    }
}

impl Known {
    /// Puts what is not known of these runs where the thread finds it: those of which nothing is known first.
    fn want(&mut self, runs: &[RunDir], states: &[Result<u64, String>]) {
        let (mut never, mut again) = (VecDeque::new(), VecDeque::new());
        for (run, state) in runs.iter().zip(states) {
            let Ok(state) = state else { continue };
            if self.reads.as_deref() == Some(run.name()) {
                continue;
            }
            match self.lines.get(run.name()) {
                None => never.push_back(run.clone()),
                Some(line) if line.state != *state && line.is_rested() => again.push_back(run.clone()),
                Some(_) => {}
            }
        }
        never.append(&mut again);
        self.wanted = never;
    }

    fn begin_next(&mut self) -> Option<RunDir> {
        let next = self.wanted.front().cloned();
        self.reads = next.as_ref().map(|run| run.name().to_owned());
        next
    }

    fn line(&self, run: &RunDir, state: &Result<u64, String>) -> Value {
        let state = match state {
            Ok(state) => state,
            Err(why) => return json!({"run": run.name(), "unreadable": why}),
        };
        let Some(known) = self.lines.get(run.name()) else { return json!({"run": run.name(), "unread": true}) };
        let mut line = known.line.clone();
        if known.state != *state {
            line["older"] = json!(true);
        }
        line
    }
}

impl Line {
    fn is_rested(&self) -> bool {
        self.read_at.elapsed() >= self.took * REST
    }
}

impl Shared {
    /// Reads what is wanted, until nothing is.
    fn read(&self) {
        let mut known = locked(&self.known);
        while let Some(run) = known.begin_next() {
            known.wanted.pop_front();
            drop(known);
            let line = self.line(&run);
            known = locked(&self.known);
            if let Some(line) = line {
                known.lines.insert(run.name().to_owned(), line);
            }
        }
        drop(known);
        self.done.notify_all();
    }

    /// `None` of a run that is gone.
    fn line(&self, run: &RunDir) -> Option<Line> {
        let begun = Instant::now();
        // As it is before it is read: what comes meanwhile is read again.
        let state = state(run).ok()?;
        // A panic would leave the list without a reader.
        let told = catch_unwind(AssertUnwindSafe(|| (self.tell)(run)));
        let line = told
            .unwrap_or_else(|_| json!({"run": run.name(), "unreadable": "what is wrong with it cannot be worked out"}));
        Some(Line { state, line, read_at: Instant::now(), took: begun.elapsed() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc;

    use super::*;
    use crate::spool::StoreDir;

    #[test]
    fn a_large_run_that_grows_keeps_no_other_from_being_listed() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = StoreDir::create(folder.path()).expect("a store");
        let run = |name: &str| store.create_run(name).expect("a run");
        let grow = |run: &RunDir| {
            let part = run.spool_path().join("4242-aaaaaa.1.jsonl");
            let mut text = fs::read(&part).unwrap_or_default();
            text.extend_from_slice(b"{}\n");
            fs::write(part, text).expect("written");
        };
        let (until, end) = mpsc::channel::<()>();
        let end = Mutex::new(end);
        let lines = Lines::told_by(move |run: &RunDir| {
            // Reading the large one ends when the test says so.
            if run.name().ends_with("large") {
                let _ = locked(&end).recv();
            }
            assert!(!run.name().ends_with("panic"));
            json!({"run": run.name()})
        });
        let large = run("20261122-171503-large");
        until.send(()).expect("somebody reads");
        let told = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(told(&lines.of(std::slice::from_ref(&large))[0]), "run");
        grow(&large);
        let small = run("20261122-171504-small");
        let broken = run("20261122-171505-panic");
        let all = [large, small, broken];
        // It is being read again, behind what was not known at all.
        let list = || lines.of(&all).iter().map(told).collect::<Vec<_>>();
        let begun = Instant::now();
        while list() != ["run older", "run", "run unreadable"] {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", list());
        }
        // One that comes meanwhile is not waited for for ever, either.
        let later = run("20261122-171506-later");
        assert_eq!(told(&lines.of(std::slice::from_ref(&later))[0]), "run unread");
        drop(until);
        while list() != ["run", "run", "run unreadable"] {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", list());
        }
    }
}
