//! The real intake against a log that is written, renamed, copied, cut, packed and removed at random, by a collector that is
//! killed at random: what was written is in the run exactly once, in its order.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Intake, Look, Options, wanted};
use crate::record::decode::Place;
use crate::record::{Body, decode};
use crate::spool::{RunDir, StoreDir};

struct World {
    folder: tempfile::TempDir,
    run: RunDir,
    intake: Option<Intake>,
    written: u64,
    /// How a line of the log looks.
    line: fn(u64) -> String,
    /// The beginning of a line whose end is not written yet.
    half: Option<String>,
    random: fastrand::Rng,
}

fn json(n: u64) -> String {
    format!("{{\"msg\":\"n{n}\",\"pid\":{}}}\n", 7 + n % 3)
}

fn text(n: u64) -> String {
    let more = if n.is_multiple_of(5) { "\n  more" } else { "" };
    format!("2026-11-23 05:48:{:02},{:03} INFO shop.a: n{n}{more}\n", n / 1000 % 60, n % 1000)
}

impl World {
    fn new(seed: u64, line: fn(u64) -> String) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let store = StoreDir::create(&folder.path().join("store")).expect("a store");
        let run = store.create_run("app").expect("a run");
        let mut world =
            World { folder, run, intake: None, written: 0, line, half: None, random: fastrand::Rng::with_seed(seed) };
        world.write(3);
        // What lies beside a log before it is first read is not asked for.
        world.poll(false);
        world
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("app.log")
    }

    fn older(&self, age: u32) -> PathBuf {
        self.folder.path().join(format!("app.log.{age}"))
    }

    fn write(&mut self, lines: u64) {
        let mut text = self.half.take().unwrap_or_default();
        for _ in 0..lines {
            text.push_str(&(self.line)(self.written));
            self.written += 1;
        }
        let mut file = File::options().append(true).create(true).open(self.log()).expect("the log");
        file.write_all(text.as_bytes()).expect("written");
    }

    fn write_half(&mut self) {
        self.write(0);
        let line = (self.line)(self.written);
        self.written += 1;
        let (begin, end) = line.split_at(line.len() / 2);
        let mut file = File::options().append(true).create(true).open(self.log()).expect("the log");
        file.write_all(begin.as_bytes()).expect("written");
        self.half = Some(end.to_owned());
    }

    fn intake(&mut self) -> &mut Intake {
        let (run, log) = (&self.run, self.folder.path().join("app.log"));
        self.intake.get_or_insert_with(|| {
            let wanted = wanted(&[log]).expect("the log");
            Intake::open(run, wanted, Options::default()).expect("an intake")
        })
    }

    fn poll(&mut self, settle: bool) {
        if !self.log().exists() && self.intake.is_none() {
            return;
        }
        while self.intake().poll(&Look::Everywhere, settle).expect("polled") {}
    }

    /// Ends half a line and has everything read: what follows destroys it.
    fn read_all(&mut self) {
        self.write(0);
        self.poll(true);
    }

    fn shift(&self) {
        for age in (1..4).rev() {
            if self.older(age).exists() {
                fs::rename(self.older(age), self.older(age + 1)).expect("renamed");
            }
        }
    }

    fn step(&mut self) {
        match self.random.u32(0..12) {
            0..=3 => {
                let lines = self.random.u64(1..30);
                self.write(lines);
            }
            4 => self.write_half(),
            5 => self.poll(false),
            6 => {
                let n = self.random.usize(0..3);
                for _ in 0..n {
                    self.intake().commit().expect("committed");
                }
            }
            7 => self.kill(),
            8 => {
                self.write(0);
                self.shift();
                if self.log().exists() {
                    fs::rename(self.log(), self.older(1)).expect("renamed");
                }
                self.write(1);
            }
            9 => {
                self.write(0);
                // A collector that never saw the log cannot know that its copy is one.
                self.poll(false);
                self.write(2);
                self.shift();
                fs::copy(self.log(), self.older(1)).expect("copied");
                self.cut();
            }
            10 => {
                self.read_all();
                self.cut();
                let lines = self.random.u64(0..60);
                self.write(lines);
            }
            _ => {
                self.read_all();
                fs::remove_file(self.log()).expect("removed");
                self.write(2);
            }
        }
    }

    fn cut(&self) {
        File::options().write(true).open(self.log()).expect("the log").set_len(0).expect("cut");
    }

    /// Ends the collector as `kill -9` does: of what was written behind the last commit any part may be missing.
    fn kill(&mut self) {
        self.intake = None;
        let ledger = fs::read(self.run.path().join("intake/ledger.json")).expect("a ledger");
        let ledger: serde_json::Value = serde_json::from_slice(&ledger).expect("a ledger");
        for part in self.run.spool().list().expect("a listing").parts() {
            let processes = ledger["processes"].as_array().expect("processes");
            let noted = processes.iter().find(|process| process["key"] == *part.id.proc);
            let kept = noted.and_then(|process| process["len"].as_u64()).unwrap_or(0);
            let len = self.random.u64(kept..=part.len);
            File::options().write(true).open(&part.path).expect("the part").set_len(len).expect("cut");
        }
    }

    /// The messages of the run, those of each process in the order of their numbers.
    fn messages(&self) -> Vec<u64> {
        let mut found = Vec::new();
        let mut listing = self.run.spool();
        for part in listing.list().expect("a listing").parts() {
            let bytes = fs::read(&part.path).expect("a part");
            let mut last = 0;
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let place = Place { proc: part.id.proc.clone(), process: Some(1), part: 1, offset: 0 };
                let record = decode(line, &place);
                if record.seq > 0 {
                    assert_eq!(record.seq, last + 1, "numbered without gaps: {}", String::from_utf8_lossy(line));
                    last = record.seq;
                }
                if let Body::Log(log) = &record.body {
                    let word = log.msg.split_whitespace().next().unwrap_or_default();
                    found.push(word[1..].parse().unwrap_or_else(|_| panic!("{:?}", log.msg)));
                }
            }
        }
        found
    }
}

fn seeds() -> u64 {
    if std::env::var_os("LOGQ_SOAK").is_some() { 5000 } else { 60 }
}

fn run_model(line: fn(u64) -> String) {
    for seed in 0..seeds() {
        let mut world = World::new(seed, line);
        let steps = world.random.u32(3..30);
        for _ in 0..steps {
            world.step();
        }
        world.write(1);
        world.poll(true);
        world.poll(true);
        let mut found = world.messages();
        found.sort_unstable();
        let expected: Vec<u64> = (0..world.written).collect();
        assert_eq!(found, expected, "seed {seed}");
    }
}

#[test]
fn every_line_is_taken_once_whatever_becomes_of_the_file() {
    run_model(json);
}

#[test]
fn every_record_of_text_is_taken_once_whatever_becomes_of_the_file() {
    run_model(text);
}

#[test]
fn packed_files_are_read_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = StoreDir::create(&folder.path().join("store")).expect("a store");
    let text: String = (0..5000).map(json).collect();
    let gzip = folder.path().join("a.log.gz");
    let mut packer = flate2::write::GzEncoder::new(File::create(&gzip).expect("a file"), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).expect("packed");
    packer.finish().expect("packed");
    let zstd = folder.path().join("b.log.zst");
    fs::write(&zstd, zstd::encode_all(text.as_bytes(), 1).expect("packed")).expect("written");
    for path in [gzip, zstd] {
        let name = path.file_name().expect("a name").to_string_lossy().replace('.', "-");
        let run = store.create_run(&name).expect("a run");
        assert_eq!(collected(&run, &path), 5000, "{}", path.display());
        assert_eq!(collected(&run, &path), 0, "{}", path.display());
    }
}

fn collected(run: &RunDir, path: &Path) -> u64 {
    let mut intake =
        Intake::open(run, wanted(&[path.to_owned()]).expect("a file"), Options::default()).expect("an intake");
    while intake.poll(&Look::Everywhere, true).expect("polled") {}
    intake.commit().expect("committed");
    intake.taken().records
}

#[test]
fn two_collectors_do_not_write_into_one_run() {
    let mut world = World::new(1, json);
    world.intake();
    let again = Intake::open(&world.run, wanted(&[world.log()]).expect("the log"), Options::default());
    assert!(matches!(again, Err(super::IntakeError::Busy { .. })));
}
