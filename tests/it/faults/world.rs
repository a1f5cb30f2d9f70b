//! A run that is written, collected and asked, and what has to be true of it whatever has happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use logq::query::Query;
use logq::spool::{Cursor, Problems, RunDir};
use logq::store::local::LocalStore;
use logq::store::{Filter, RunReader};

use super::{PROCS, RUN};
use crate::harness::{Case, Said};

/// A run whose program writes lines, and which has a collector now and then.
pub(super) struct World {
    pub case: Case,
    pub run: RunDir,
    pub random: fastrand::Rng,
    pub seqs: [u64; 3],
    /// How long a collector takes when nothing happens to it.
    pub usual: Duration,
}

impl World {
    pub fn new(seed: u64) -> World {
        let case = Case::new();
        let path = case.store().join("runs").join(RUN);
        let mut world = World {
            run: RunDir::at(&path),
            case,
            random: fastrand::Rng::with_seed(seed),
            seqs: [0; 3],
            usual: Duration::from_millis(100),
        };
        world.begin();
        let begun = Instant::now();
        world.collect();
        world.usual = begun.elapsed();
        world
    }

    /// The program begins to write.
    pub fn begin(&mut self) {
        let spool = self.run.spool_path();
        fs::create_dir_all(&spool).expect("a spool");
        for (number, proc) in (1..).zip(PROCS) {
            fs::write(spool.join(format!("{number}.claim")), format!("{proc}\n")).expect("a claim");
        }
        self.seqs = [0; 3];
        self.write(1000);
    }

    /// The program writes so many lines.
    pub fn write(&mut self, lines: u64) {
        let mut texts = [String::new(), String::new(), String::new()];
        for _ in 0..lines {
            let place = self.random.usize(0..3);
            self.seqs[place] += 1;
            let (seq, id) = (self.seqs[place], self.random.u32(..));
            let _ = writeln!(
                texts[place],
                r#"{{"ts":"2026-11-22T17:{:02}:{:02}.{:09}Z","mono":{seq},"proc":"{}","pid":42,"lane":"t1","seq":{seq},"level":"INFO","logger":"shop","msg":"order {id} taken","tpl":"order %d taken","extra":{{"id":{id}}}}}"#,
                seq / 60_000 % 60,
                seq / 1000 % 60,
                seq % 1000,
                PROCS[place],
            );
        }
        for (place, text) in texts.iter().enumerate() {
            let mut options = File::options();
            let mut file = options.create(true).append(true).open(self.part(place)).expect("a part");
            file.write_all(text.as_bytes()).expect("written");
        }
    }

    /// How many lines are written at one time: now and then so many that several threads index them.
    pub fn some_lines(&mut self) -> u64 {
        if self.random.u8(..) < 32 { 9000 } else { self.random.u64(100..1500) }
    }

    pub fn part(&self, place: usize) -> PathBuf {
        self.run.spool_path().join(format!("{}.1.jsonl", PROCS[place]))
    }

    pub fn collect(&self) -> Said {
        self.case.logq(&["collect"])
    }

    pub fn start(&self, arguments: &[&str]) -> crate::harness::Running {
        let mut command = self.case.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        crate::harness::Running(command.spawn().expect("logq starts"))
    }

    /// Waits for any moment of a collector's life.
    pub fn wait_a_moment(&mut self) {
        std::thread::sleep(self.usual.mul_f64(self.random.f64() * 1.2));
    }

    /// Every line of the spool, by place.
    pub fn spooled(&self) -> BTreeMap<String, u64> {
        let mut seen = BTreeMap::new();
        let listing = self.run.spool().list().expect("a spool");
        for part in listing.parts() {
            part.skim(&mut Cursor::default(), u64::MAX, &mut Problems::default(), &mut |sight| {
                *seen.entry(format!("{}@{}", part.id, sight.spot().0)).or_default() += 1;
                ControlFlow::Continue(())
            });
        }
        seen
    }

    pub fn count(&self) -> u64 {
        RunReader::open(&self.run).expect("a reader").count(&Filter::new(Query::All)).expect("a count")
    }

    /// A reader's answer is what the spool holds.
    #[track_caller]
    pub fn check_answer(&self, what: &str) {
        assert_eq!(self.count(), self.spooled().len() as u64, "{what}");
    }

    /// The index holds each record of the spool once; how many these are.
    #[track_caller]
    pub fn check_index(&self, what: &str) -> u64 {
        let said = self.collect();
        assert_eq!(said.code, Some(0), "{what}: {}", said.err);
        let mut indexed = BTreeMap::new();
        let reader = LocalStore::of(&self.run).open().expect("an index").expect("an index");
        let _ = reader.each(&Filter::new(Query::All), &mut |entry| {
            *indexed.entry(format!("{}@{}", entry.source, entry.offset)).or_default() += 1;
            ControlFlow::Continue(())
        });
        let spooled = self.spooled();
        assert!(indexed == spooled, "{what}: {} indexed, {} in the spool", indexed.len(), spooled.len());
        spooled.len() as u64
    }

    pub fn index_files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.run.index_path()) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        // The format of a store that says it is a newer logq's is taken at its word.
        files.retain(|path| {
            path.extension().is_none_or(|extension| extension != "lock") && !path.ends_with("store.json")
        });
        files.sort();
        files
    }

    /// Changes some bytes of a file, line ends left alone; false for one that has none.
    pub fn change(&mut self, path: &Path) -> bool {
        let bytes = fs::read(path).unwrap_or_default();
        if bytes.is_empty() {
            return false;
        }
        let file = File::options().write(true).open(path).expect("opened");
        for _ in 0..self.random.usize(1..8) {
            let at = self.random.usize(..bytes.len());
            if bytes[at] != b'\n' {
                let byte = [bytes[at] ^ (1 << self.random.u32(0..8))];
                let byte = if byte == *b"\n" { *b"?" } else { byte };
                file.write_all_at(&byte, at as u64).expect("written");
            }
        }
        true
    }

    /// Another run, once this one has answered truly.
    pub fn after(world: &mut World) -> World {
        world.check_answer("the spool is not what it was");
        let said = world.collect();
        assert!(!said.err.contains("panicked"), "{}", said.err);
        world.check_answer("the spool is not what it was, and was collected again");
        World::new(world.random.u64(..))
    }
}
