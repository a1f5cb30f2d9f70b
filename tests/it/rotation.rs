//! A log that is written, renamed, copied, cut, replaced and removed at random, and what of it has to be found by whoever tails
//! it. Knows nothing of the tail but what it has found. Shared by the tests of `src/intake` and those of a real process.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Who reads the log.
pub trait Tail {
    /// The records that it has written down, as often as it has.
    fn found(&mut self) -> Vec<u64>;

    /// Lets it read, until it has written down all of these.
    fn catch_up(&mut self, all: &BTreeSet<u64>);
}

/// A file by itself, whatever it is called: a number.
type Identity = u32;

/// How many older files are kept.
const OLDEST: u32 = 4;

pub struct Log {
    dir: PathBuf,
    line: fn(u64) -> String,
    /// `app.log` is a link to the file that is written.
    is_link: bool,
    pub random: fastrand::Rng,
    written: u64,
    /// The end of a line of which the beginning is written.
    half: Option<String>,
    current: Identity,
    identities: Identity,
    older: BTreeMap<u32, Identity>,
    /// Which records stand in which file that is there.
    holds: BTreeMap<Identity, BTreeSet<u64>>,
    /// Records that were destroyed before they were found.
    pub unsure: BTreeSet<u64>,
    /// Files that were destroyed: what was in them.
    pub destroyed: Vec<BTreeSet<u64>>,
}

/// A line for a JSON log.
pub fn json(n: u64) -> String {
    format!("{{\"msg\":\"n{n}.\",\"pid\":{}}}\n", 7 + n % 3)
}

/// A record of a text log, some of several lines.
pub fn text(n: u64) -> String {
    let more = if n.is_multiple_of(5) { "\n  more" } else { "" };
    format!("2026-11-23 05:48:{:02},{:03} INFO shop.a: n{n}.{more}\n", n / 1000 % 60, n % 1000)
}

/// The number in a message `n7.`; a piece of a record, whose other piece is lost, has none.
pub fn number(message: &str) -> Option<u64> {
    message.split_whitespace().next()?.strip_prefix('n')?.strip_suffix('.')?.parse().ok()
}

impl Log {
    pub fn new(dir: &Path, line: fn(u64) -> String, is_link: bool, seed: u64) -> Log {
        let mut log = Log {
            dir: dir.to_owned(),
            line,
            is_link,
            random: fastrand::Rng::with_seed(seed),
            written: 0,
            half: None,
            current: 0,
            identities: 0,
            older: BTreeMap::new(),
            holds: BTreeMap::new(),
            unsure: BTreeSet::new(),
            destroyed: Vec::new(),
        };
        log.begin();
        log.write(3);
        log
    }

    pub fn path(&self) -> PathBuf {
        self.dir.join("app.log")
    }

    fn older_path(&self, age: u32) -> PathBuf {
        self.dir.join(format!("app.log.{age}"))
    }

    /// Everything that was written, but for the half of a line.
    fn whole(&self) -> BTreeSet<u64> {
        (0..self.written - u64::from(self.half.is_some())).collect()
    }

    /// What has to be found.
    pub fn sure(&self) -> BTreeSet<u64> {
        self.whole().difference(&self.unsure).copied().collect()
    }

    /// A new file at the log's path.
    fn begin(&mut self) {
        self.identities += 1;
        self.current = self.identities;
        self.holds.insert(self.current, BTreeSet::new());
        if self.is_link {
            let (link, fresh) = (self.path(), self.dir.join("fresh-link"));
            let target = self.dir.join("data").join(format!("{}.txt", self.current));
            fs::create_dir_all(self.dir.join("data")).expect("a directory");
            fs::write(&target, "").expect("a file");
            std::os::unix::fs::symlink(&target, &fresh).expect("a link");
            fs::rename(fresh, link).expect("renamed");
        }
    }

    fn append(&mut self, text: &str) {
        let mut file = File::options().append(true).create(true).open(self.path()).expect("the log");
        file.write_all(text.as_bytes()).expect("written");
    }

    /// Ends the line that was begun, and writes more.
    pub fn write(&mut self, lines: u64) {
        let mut text = self.half.take().unwrap_or_default();
        for _ in 0..lines {
            text.push_str(&(self.line)(self.written));
            self.holds.entry(self.current).or_default().insert(self.written);
            self.written += 1;
        }
        self.append(&text);
    }

    fn write_half(&mut self) {
        self.write(0);
        let line = (self.line)(self.written);
        let (begin, end) = line.split_at(self.random.usize(1..line.len()));
        self.holds.entry(self.current).or_default().insert(self.written);
        self.written += 1;
        self.append(begin);
        self.half = Some(end.to_owned());
    }

    /// One thing that happens to the log.
    pub fn step(&mut self, tail: &mut dyn Tail) {
        match self.random.u32(0..12) {
            0..=4 => {
                let lines = self.random.u64(1..30);
                self.write(lines);
            }
            5 | 6 => self.write_half(),
            7 => self.rename(tail),
            8 => self.copy_and_cut(tail),
            9 => {
                // Written anew, to be shorter or longer than before.
                self.prepare(tail);
                self.cut(tail);
                let lines = self.random.u64(0..60);
                self.write(lines);
            }
            10 => self.remove(tail),
            _ => {
                self.prepare(tail);
                self.cut(tail);
            }
        }
    }

    /// Before something is destroyed the tail reads it all, or does not.
    fn prepare(&mut self, tail: &mut dyn Tail) {
        self.write(0);
        if self.random.bool() {
            tail.catch_up(&self.sure());
        }
    }

    /// What is in a file will be there no more.
    fn destroy(&mut self, file: Identity, tail: &mut dyn Tail) {
        self.doubt(file, tail);
        self.destroyed.extend(self.holds.remove(&file));
    }

    /// What is in a file and was not found yet may never be.
    fn doubt(&mut self, file: Identity, tail: &mut dyn Tail) {
        let found: BTreeSet<u64> = tail.found().into_iter().collect();
        let records = self.holds.get(&file).into_iter().flatten();
        self.unsure.extend(records.filter(|record| !found.contains(record)));
    }

    /// Makes room for the newest of the older files.
    fn shift(&mut self, tail: &mut dyn Tail) {
        if let Some(oldest) = self.older.get(&OLDEST).copied() {
            self.prepare(tail);
            self.destroy(oldest, tail);
            self.older.remove(&OLDEST);
        }
        for age in (1..OLDEST).rev() {
            if let Some(file) = self.older.remove(&age) {
                fs::rename(self.older_path(age), self.older_path(age + 1)).expect("renamed");
                self.older.insert(age + 1, file);
            }
        }
    }

    fn rename(&mut self, tail: &mut dyn Tail) {
        self.write(0);
        if self.is_link {
            // A file that nobody saw while the link led there is not to be found.
            self.prepare(tail);
            self.doubt(self.current, tail);
        } else {
            self.shift(tail);
            fs::rename(self.path(), self.older_path(1)).expect("renamed");
            self.older.insert(1, self.current);
        }
        self.begin();
        self.write(1);
    }

    /// As logrotate's `copytruncate` does. What is written between the two is nowhere then.
    fn copy_and_cut(&mut self, tail: &mut dyn Tail) {
        self.write(0);
        if self.is_link {
            return;
        }
        self.shift(tail);
        fs::copy(self.path(), self.older_path(1)).expect("copied");
        // The copy is another file with the same records; what is cut is empty and goes on.
        self.identities += 1;
        let records = self.holds.insert(self.current, BTreeSet::new()).unwrap_or_default();
        self.holds.insert(self.identities, records);
        self.older.insert(1, self.identities);
        if self.random.bool() {
            let lines = self.random.u64(1..5);
            self.write(lines);
            self.prepare(tail);
            self.destroy(self.current, tail);
            self.holds.insert(self.current, BTreeSet::new());
        }
        self.truncate();
    }

    fn cut(&mut self, tail: &mut dyn Tail) {
        self.destroy(self.current, tail);
        self.holds.insert(self.current, BTreeSet::new());
        self.truncate();
    }

    fn truncate(&self) {
        File::options().write(true).open(self.path()).expect("the log").set_len(0).expect("cut");
    }

    /// The next file may well have the same inode.
    fn remove(&mut self, tail: &mut dyn Tail) {
        self.prepare(tail);
        self.destroy(self.current, tail);
        let file = fs::canonicalize(self.path()).expect("the log");
        fs::remove_file(file).expect("removed");
        self.begin();
        self.write(2);
    }

    /// Holds what was found against what was written. `is_told`: the tail has said that something may be missing.
    pub fn check(&self, found: &[u64], is_told: bool, what: &str) {
        let mut sorted = found.to_vec();
        sorted.sort_unstable();
        let twice: Vec<u64> = sorted.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0]).collect();
        assert!(twice.is_empty(), "{what}: found twice: {twice:?}");
        let all: BTreeSet<u64> = sorted.into_iter().collect();
        let missing: Vec<u64> = self.sure().difference(&all).copied().collect();
        assert!(missing.is_empty(), "{what}: lost: {missing:?}");
        let strange: Vec<u64> = all.difference(&(0..self.written).collect()).copied().collect();
        assert!(strange.is_empty(), "{what}: never written: {strange:?}");
        // Of a file that it had begun to read, the tail knows that it does not know the end.
        let known = self.destroyed.iter().find(|file| !file.is_disjoint(&all) && !file.is_subset(&all));
        assert!(known.is_none() || is_told, "{what}: nothing was said of the loss in {known:?}");
    }
}
