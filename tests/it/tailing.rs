//! A real `logq collect --follow` on a log to which everything happens, killed at random: what was written is in the run exactly
//! once, and where that could not be, it is said. The same model as that of `src/intake`, against the whole program.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::harness::{Case, Running, wait_until};
use crate::rotation::{Log, Tail, json, number, text};
use crate::seeds::seeds;

struct Collector<'a> {
    case: &'a Case,
    /// As on a file system that tells nobody what has changed.
    polls: bool,
    log: PathBuf,
    process: Option<Running>,
}

impl Collector<'_> {
    fn start(&mut self) {
        let log = self.log.to_string_lossy();
        let poll = self.polls.then_some("--poll");
        let arguments: Vec<&str> = ["collect", &log, "--follow", "--run", "app"].into_iter().chain(poll).collect();
        self.process.get_or_insert_with(|| self.case.start(&arguments));
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.0.kill().expect("killed");
            process.0.wait().expect("ended");
        }
    }

    /// The lines in the run's parts; nothing where there is none yet.
    fn lines(&self) -> Vec<serde_json::Value> {
        let parts = fs::read_dir(self.case.store().join("runs/app/spool")).into_iter().flatten().flatten();
        let parts = parts.filter(|entry| entry.path().extension().is_some_and(|end| end == "jsonl"));
        let mut lines = Vec::new();
        for part in parts {
            let bytes = fs::read(part.path()).expect("a part");
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let texts = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.extend(texts.map(|line| serde_json::from_slice::<serde_json::Value>(line).expect("a record")));
        }
        lines
    }

    fn tells_of_a_loss(&self) -> bool {
        self.lines().iter().any(|line| line["ev"] == "lost")
    }
}

impl Tail for Collector<'_> {
    fn found(&mut self) -> Vec<u64> {
        self.lines().iter().filter_map(|line| number(line["msg"].as_str()?)).collect()
    }

    fn catch_up(&mut self, all: &BTreeSet<u64>) {
        self.start();
        wait_until("all is read", || {
            let found: BTreeSet<u64> = self.found().into_iter().collect();
            all.is_subset(&found)
        });
    }
}

fn run_model(seed: u64, line: fn(u64) -> String) {
    let case = Case::new();
    let folder = case.path().join("logs");
    fs::create_dir(&folder).expect("a folder");
    let mut log = Log::new(&folder, line, seed % 5 == 4, seed);
    let mut collector = Collector { case: &case, polls: seed % 3 == 2, log: log.path(), process: None };
    // What lies beside a log before it is first read is not asked for.
    collector.catch_up(&log.sure());
    for _ in 0..log.random.u32(5..30) {
        match log.random.u32(0..12) {
            0 => collector.start(),
            1 => collector.kill(),
            2 => collector.catch_up(&log.sure()),
            _ => log.step(&mut collector),
        }
    }
    log.write(1);
    collector.catch_up(&log.sure());
    let found = collector.found();
    log.check(&found, collector.tells_of_a_loss(), &format!("seed {seed}"));
    let shown = case.logq(&["search", "--run", "app", "NOT ev:*", "--count"]).ended(0);
    assert!(shown.out.trim().parse::<usize>().is_ok_and(|count| count >= found.len()), "{}", shown.out);
}

fn run_models(line: fn(u64) -> String) {
    seeds(5, 500).for_each(|seed| run_model(seed, line));
}

#[test]
fn a_killed_collector_has_every_line_once() {
    run_models(json);
}

#[test]
fn a_killed_collector_has_every_record_of_text_once() {
    run_models(text);
}
