//! The real intake against a log to which everything happens, and which is killed and reset at random: what was written is in the
//! run exactly once, in its order, and where that could not be, it is said.

#[path = "../../tests/it/rotation.rs"]
mod rotation;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::PathBuf;

pub(super) use rotation::{Log, json, text};

use super::{Intake, Look, Options, wanted};
use crate::record::decode::Place;
use crate::record::{Body, EventKind, decode};
use crate::seeds::seeds;
use crate::spool::{Part, RunDir, StoreDir};
use rotation::{Tail, number};

struct Reader {
    run: RunDir,
    /// The log, or a folder in which it will be.
    path: PathBuf,
    intake: Option<Intake>,
    random: fastrand::Rng,
    /// How many files had been destroyed when everything was last made safe on the disk.
    safe_at: usize,
}

impl Reader {
    fn intake(&mut self) -> &mut Intake {
        let (run, path) = (&self.run, &self.path);
        self.intake.get_or_insert_with(|| {
            let options = Options { part_size: 3000, ..Options::default() };
            Intake::open(run, wanted(std::slice::from_ref(path)).expect("the log"), options).expect("an intake")
        })
    }

    fn poll(&mut self, settle: bool) {
        while self.intake().poll(&Look::Everywhere, settle).expect("polled") {}
    }

    /// The run's parts, those of each process in their order.
    fn parts(&self) -> Vec<Part> {
        let mut spool = self.run.spool();
        let mut parts: Vec<Part> = spool.list().expect("a listing").parts().cloned().collect();
        parts.sort_by_key(|part| (part.id.proc.clone(), part.id.part));
        parts
    }

    /// As `kill -9` in the midst of reading: any part of what it was about to write is missing.
    fn kill(&mut self) {
        self.intake();
        let before = self.parts();
        self.poll(false);
        self.intake = None;
        let mut kept = self.noted();
        for part in before {
            let least = kept.entry(part.path).or_default();
            *least = part.len.max(*least);
        }
        self.cut(&kept);
    }

    /// As when the machine ends: of what was not made safe any part is missing.
    fn reset(&mut self) {
        self.intake = None;
        self.cut(&self.noted());
    }

    /// How long the ledger says that each part was.
    fn noted(&self) -> BTreeMap<PathBuf, u64> {
        let ledger = fs::read(self.run.path().join("intake/ledger.json")).expect("a ledger");
        let ledger: serde_json::Value = serde_json::from_slice(&ledger).expect("a ledger");
        let processes = ledger["processes"].as_array().expect("processes");
        let noted = |part: &Part| {
            let process = processes.iter().find(|process| process["key"] == *part.id.proc)?;
            let number = process["part"].as_u64()?;
            match u64::from(part.id.part).cmp(&number) {
                std::cmp::Ordering::Less => Some(part.len),
                std::cmp::Ordering::Equal => process["len"].as_u64(),
                std::cmp::Ordering::Greater => None,
            }
        };
        self.parts().into_iter().map(|part| (part.path.clone(), noted(&part).unwrap_or(0))).collect()
    }

    /// Leaves of each part at least what is told. A process's parts are written one after the other: where one ends too soon,
    /// there are no later ones.
    fn cut(&mut self, kept: &BTreeMap<PathBuf, u64>) {
        let mut ended = BTreeSet::new();
        for part in self.parts() {
            let (path, len) = (&part.path, part.len);
            let least = kept.get(path).copied().unwrap_or(0).min(len);
            let left = self.random.u64(least..=len);
            if ended.contains(&part.id.proc) {
                fs::remove_file(path).expect("removed");
                continue;
            }
            File::options().write(true).open(path).expect("the part").set_len(left).expect("cut");
            if left < len {
                ended.insert(part.id.proc.clone());
            }
        }
    }

    /// What stands in the run: the numbers of the records, and whether a loss is told.
    fn read(&self) -> (Vec<u64>, bool) {
        let (mut found, mut is_told) = (Vec::new(), false);
        let mut lasts: BTreeMap<(String, String), u64> = BTreeMap::new();
        for part in self.parts() {
            let bytes = fs::read(&part.path).expect("a part");
            let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
            for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let place = Place { proc: part.id.proc.clone(), process: Some(1), part: 1, offset: 0 };
                let record = decode(line, &place);
                if record.seq > 0 {
                    let last = lasts.entry((part.id.proc.to_string(), record.lane.to_string())).or_default();
                    assert_eq!(record.seq, *last + 1, "numbered without gaps: {}", String::from_utf8_lossy(line));
                    *last = record.seq;
                }
                match &record.body {
                    Body::Log(log) => found.extend(number(&log.msg)),
                    Body::Event(event) => is_told |= event.kind == EventKind::Lost,
                    Body::Malformed(_) => panic!("{}", String::from_utf8_lossy(line)),
                }
            }
        }
        (found, is_told)
    }
}

impl Tail for Reader {
    fn found(&mut self) -> Vec<u64> {
        self.read().0
    }

    fn catch_up(&mut self, all: &BTreeSet<u64>) {
        self.poll(true);
        let found: BTreeSet<u64> = self.found().into_iter().collect();
        let missing: Vec<&u64> = all.difference(&found).collect();
        assert!(missing.is_empty(), "not read: {missing:?}");
    }
}

fn run_model(seed: u64, line: fn(u64) -> String) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = StoreDir::create(&folder.path().join("store")).expect("a store");
    let logs = folder.path().join("logs");
    // A folder inside the one that is asked for, made while it is looked at; what a link leads to would be another log there.
    let is_folder = seed % 3 == 1 && seed % 5 != 4;
    let dir = if is_folder { logs.join("new/deep") } else { logs.clone() };
    fs::create_dir(&logs).expect("a folder");
    let random = fastrand::Rng::with_seed(seed + 1);
    let run = store.create_run("app").expect("a run");
    let path = if is_folder { logs } else { dir.join("app.log") };
    let mut reader = Reader { run, path, intake: None, random, safe_at: 0 };
    if is_folder {
        reader.poll(false);
        fs::create_dir_all(&dir).expect("a folder");
    }
    let mut log = Log::new(&dir, line, seed % 5 == 4, seed);
    // What lies beside a log before it is first read is not asked for.
    reader.poll(false);
    for _ in 0..log.random.u32(3..40) {
        match log.random.u32(0..20) {
            0..=4 => reader.poll(false),
            5 => {
                reader.intake().commit().expect("committed");
                reader.safe_at = log.destroyed.len();
            }
            6 => reader.kill(),
            // What was only on a disk that forgot it, and then destroyed at its source, is nowhere.
            7 if reader.safe_at == log.destroyed.len() => reader.reset(),
            _ => log.step(&mut reader),
        }
    }
    log.write(1);
    reader.poll(true);
    reader.poll(true);
    let (found, is_told) = reader.read();
    log.check(&found, is_told, &format!("seed {seed}"));
}

fn run_models(line: fn(u64) -> String) {
    seeds(100, 5000).for_each(|seed| run_model(seed, line));
}

#[test]
fn every_line_is_taken_once_whatever_becomes_of_the_file() {
    run_models(json);
}

#[test]
fn every_record_of_text_is_taken_once_whatever_becomes_of_the_file() {
    run_models(text);
}
