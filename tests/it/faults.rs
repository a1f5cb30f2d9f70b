//! The collector and the store, hit by everything that happens to programs and disks: nothing may be lost, nothing counted
//! twice, and what is wrong has to be said. A few of each fault in `make test`; `make soak` injects many and writes what came
//! of them to docs/faults.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use logq::query::Query;
use logq::spool::{Follower, Positions, RunDir};
use logq::store::local::LocalStore;
use logq::store::{Filter, RunReader};

use crate::harness::{Case, Said};

const RUN: &str = "20261122-171503-abcd";
const PROCS: [&str; 3] = ["42-aaaaaa", "43-bbbbbb", "44-cccccc"];

/// A fault: what it is, what is said of it, how often it is injected usually and in a soak, and how.
struct Fault {
    what: &'static str,
    said: &'static str,
    usual: u32,
    soak: u32,
    inject: fn(&mut World),
}

const FAULTS: [Fault; 10] = [
    Fault {
        what: "the collector is killed (SIGKILL) at a random moment of catching up",
        said: "nothing; the next one goes on behind the last commit",
        usual: 4,
        soak: 500,
        inject: killed_catching_up,
    },
    Fault {
        what: "the collector is killed while it follows a program that writes",
        said: "nothing; the next one goes on behind the last commit",
        usual: 2,
        soak: 200,
        inject: killed_following,
    },
    Fault {
        what: "two collectors begin at once",
        said: "the second one: which process holds the store",
        usual: 2,
        soak: 100,
        inject: two_collectors,
    },
    Fault {
        what: "readers ask while a collector commits and merges",
        said: "nothing; each answer has at least what was on disk before the question",
        usual: 1,
        soak: 50,
        inject: read_while_written,
    },
    Fault {
        what: "the machine resets: files of the index that no commit names are cut or gone, and so are the last lines of the spool",
        said: "how many bytes of the spool are missing that had been indexed",
        usual: 3,
        soak: 200,
        inject: machine_reset,
    },
    Fault {
        what: "the index is removed under a collector that follows",
        said: "the collector: what it cannot write; it then builds the index anew",
        usual: 1,
        soak: 30,
        inject: index_removed,
    },
    Fault {
        what: "the disk is full (a limit on file size) at a random point of a commit",
        said: "the collector: which file it cannot write, and why; exit status 3",
        usual: 2,
        soak: 100,
        inject: disk_full,
    },
    Fault {
        what: "bytes of the index change",
        said: "the collector, by checksums: which file; it then builds the index anew",
        usual: 3,
        soak: 300,
        inject: index_changed,
    },
    Fault {
        what: "bytes of the spool change",
        said: "every command: how many lines are no records, or are no longer what was indexed",
        usual: 3,
        soak: 300,
        inject: spool_changed,
    },
    Fault {
        what: "a file of the spool is cut or removed while it is collected",
        said: "the collector: which file it cannot read",
        usual: 2,
        soak: 100,
        inject: spool_removed,
    },
];

/// How many of these faults one run of a program has to bear, before another one is begun.
const A_RUN: u32 = 20;

#[test]
fn nothing_is_lost_and_nothing_doubled_whatever_happens() {
    let soak = std::env::var_os("LOGQ_SOAK").is_some();
    let mut report = String::new();
    for (seed, fault) in (1..).zip(&FAULTS) {
        let times = if soak { fault.soak } else { fault.usual };
        let mut left = times;
        let (mut records, mut begun) = (0, 0);
        while left > 0 {
            begun += 1;
            let mut world = World::new(seed * 1000 + begun);
            for _ in 0..left.min(A_RUN) {
                (fault.inject)(&mut world);
                world.check_answer(fault.what);
            }
            left -= left.min(A_RUN);
            records += world.check_index(fault.what);
        }
        let _ = writeln!(report, "| {} | {times} | {records} | 0 | 0 | {} |", fault.what, fault.said);
    }
    if soak {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
        fs::write(path, format!("{ABOUT}{report}{BELOW}")).expect("written");
    }
}

const ABOUT: &str = "# What was done to the collector and the store

Written by `make soak` (tests/it/faults.rs), from what it has just seen; `make test` injects a few of each. After every fault
a reader is asked for all records: the answer has to be what the spool holds. At the end of each run a collector goes on, and
then the index has to hold every record that is still in the spool, each one once.

| fault | injected | records checked at the end | lost | doubled | what is said |
|---|---|---|---|---|---|
";

const BELOW: &str = "
A reader does not verify the index's checksums: that would cost more than most answers. What it cannot read it leaves to the
spool, and says so; bytes that changed so that they can still be read may make its answer wrong until the next `logq collect`,
which verifies every byte and builds the index anew. A spool's own bytes have no checksum: a changed line is shown as it is.
";

/// A run whose program writes lines, and which has a collector now and then.
struct World {
    case: Case,
    run: RunDir,
    random: fastrand::Rng,
    seqs: [u64; 3],
    /// How long a collector takes when nothing happens to it.
    usual: Duration,
}

impl World {
    fn new(seed: u64) -> World {
        let case = Case::new();
        let path = case.store().join("runs").join(RUN);
        fs::create_dir_all(path.join("spool")).expect("a spool");
        for (number, proc) in (1..).zip(PROCS) {
            fs::write(path.join(format!("spool/{number}.claim")), format!("{proc}\n")).expect("a claim");
        }
        let mut world = World {
            run: RunDir::at(&path),
            case,
            random: fastrand::Rng::with_seed(seed),
            seqs: [0; 3],
            usual: Duration::from_millis(100),
        };
        world.write(3000);
        let begun = Instant::now();
        world.collect();
        world.usual = begun.elapsed();
        world
    }

    /// The program writes so many lines.
    fn write(&mut self, lines: u64) {
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

    fn part(&self, place: usize) -> PathBuf {
        self.run.spool_path().join(format!("{}.1.jsonl", PROCS[place]))
    }

    fn collect(&self) -> Said {
        self.case.logq(&["collect"])
    }

    fn start(&self, arguments: &[&str]) -> crate::harness::Running {
        let mut command = self.case.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        crate::harness::Running(command.spawn().expect("logq starts"))
    }

    /// Waits for any moment of a collector's life.
    fn wait_a_moment(&mut self) {
        std::thread::sleep(self.usual.mul_f64(self.random.f64() * 1.2));
    }

    /// Every record of the spool, by place.
    fn spooled(&self) -> BTreeMap<String, u64> {
        let mut seen = BTreeMap::new();
        let _ = Follower::new(self.run.spool(), &Positions::default()).poll(&mut |entry| {
            *seen.entry(format!("{}@{}", entry.source, entry.offset)).or_default() += 1;
            ControlFlow::Continue(())
        });
        seen
    }

    fn count(&self) -> u64 {
        RunReader::open(&self.run).expect("a reader").count(&Filter::new(Query::All)).expect("a count")
    }

    /// A reader's answer is what the spool holds.
    #[track_caller]
    fn check_answer(&self, what: &str) {
        assert_eq!(self.count(), self.spooled().len() as u64, "{what}");
    }

    /// The index holds each record of the spool once; how many these are.
    #[track_caller]
    fn check_index(&self, what: &str) -> u64 {
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

    fn index_files(&self) -> Vec<PathBuf> {
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
    fn change(&mut self, path: &Path) -> bool {
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
}

fn killed_catching_up(world: &mut World) {
    let lines = world.random.u64(100..12_000);
    world.write(lines);
    let collector = world.start(&["collect"]);
    world.wait_a_moment();
    drop(collector);
}

fn killed_following(world: &mut World) {
    let collector = world.start(&["collect", "-F", "--run", RUN]);
    for _ in 0..world.random.u32(1..6) {
        world.write(200);
        world.wait_a_moment();
    }
    drop(collector);
}

fn two_collectors(world: &mut World) {
    world.write(4000);
    let running = [world.start(&["collect"]), world.start(&["collect"])];
    for mut collector in running {
        let mut said = String::new();
        let mut err = collector.0.stderr.take().expect("its stderr");
        std::io::Read::read_to_string(&mut err, &mut said).expect("read");
        let ended = collector.0.wait().expect("ended");
        let is_told = ended.code() == Some(3) && said.contains("is being written by");
        assert!(ended.success() || is_told, "{ended}: {said}");
    }
}

fn read_while_written(world: &mut World) {
    let collector = world.start(&["collect", "-F", "--run", RUN]);
    for _ in 0..15 {
        world.write(300);
        let before = world.seqs.iter().sum::<u64>();
        let count = world.count();
        assert_eq!(count, before, "the program does not write while a reader counts");
    }
    drop(collector);
}

fn machine_reset(world: &mut World) {
    let lines = world.random.u64(100..12_000);
    world.write(lines);
    let collector = world.start(&["collect"]);
    world.wait_a_moment();
    drop(collector);
    // What a commit names was synced before it.
    let committed = fs::read_to_string(world.run.index_path().join("meta.json")).unwrap_or_default().replace('-', "");
    for path in world.index_files() {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if stem.len() == 32 && !committed.contains(&stem) {
            match world.random.u32(..3) {
                0 => fs::remove_file(&path).expect("removed"),
                1 => {
                    let file = File::options().write(true).open(&path).expect("opened");
                    let len = file.metadata().expect("a length").len();
                    file.set_len(world.random.u64(..=len)).expect("cut");
                }
                _ => {}
            }
        }
    }
    // A program does not sync what it logs. After a reset it is another process that writes.
    let place = world.random.usize(..3);
    let file = File::options().write(true).open(world.part(place)).expect("opened");
    let len = file.metadata().expect("a length").len();
    file.set_len(len - world.random.u64(..len.min(3000))).expect("cut");
    *world = World::after(world);
}

fn index_removed(world: &mut World) {
    let collector = world.start(&["collect", "-F", "--run", RUN]);
    world.write(2500);
    world.wait_a_moment();
    match fs::remove_dir_all(world.run.index_path()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            // The collector has just made another file in it.
            let _ = fs::remove_dir_all(world.run.index_path());
        }
        _ => {}
    }
    world.write(2500);
    world.wait_a_moment();
    drop(collector);
}

fn disk_full(world: &mut World) {
    let lines = world.random.u64(3000..20_000);
    world.write(lines);
    let blocks = world.random.u32(1..400);
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" collect");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_logq")]).current_dir(world.case.path()).stdin(Stdio::null());
    let said = Said::of(command.output().expect("sh runs"));
    assert!(!said.err.contains("panicked"), "{}", said.err);
    match said.code {
        Some(0) => {}
        Some(3) => assert!(said.err.contains("File too large"), "{}", said.err),
        _ => panic!("{said:?}"),
    }
}

fn index_changed(world: &mut World) {
    world.write(200);
    world.collect();
    let files = world.index_files();
    let path = files[world.random.usize(..files.len())].clone();
    if !world.change(&path) {
        return;
    }
    for question in
        [&["search", "taken", "-n", "3"][..], &["search", "--count", "id>5"], &["search", "--top", "logger"]]
    {
        let said = world.case.logq(question);
        // A key whose name has changed is not known: that is bad usage.
        assert!(!said.err.contains("panicked") && matches!(said.code, Some(0..=2)), "{}: {said:?}", path.display());
    }
    let said = world.collect();
    assert!(!said.err.contains("panicked") && said.code == Some(0), "{}: {said:?}", path.display());
}

fn spool_changed(world: &mut World) {
    world.write(500);
    if world.random.bool() {
        world.collect();
    }
    let place = world.random.usize(..3);
    let part = world.part(place);
    world.change(&part);
    for question in [&["search", "taken", "-n", "3"][..], &["search", "--count"], &["threads"], &["collect"]] {
        let said = world.case.logq(question);
        assert!(!said.err.contains("panicked") && matches!(said.code, Some(0 | 1)), "{question:?}: {said:?}");
    }
    *world = World::after(world);
}

fn spool_removed(world: &mut World) {
    world.write(6000);
    let collector = world.start(&["collect"]);
    world.wait_a_moment();
    let part = world.part(world.random.clone().usize(..3));
    if world.random.bool() {
        fs::remove_file(&part).expect("removed");
    } else {
        let file = File::options().write(true).open(&part).expect("opened");
        let kept = fs::read(&part).expect("read").iter().take(100_000).rposition(|byte| *byte == b'\n');
        file.set_len(kept.map_or(0, |at| at as u64 + 1)).expect("cut");
    }
    drop(collector);
    // Nobody goes on in a file that was cut: whatever the program writes from now on is another run's.
    *world = World::after(world);
}

impl World {
    /// Another run, once this one has answered truly.
    fn after(world: &mut World) -> World {
        world.check_answer("the spool is not what it was");
        let said = world.collect();
        assert!(!said.err.contains("panicked"), "{}", said.err);
        world.check_answer("the spool is not what it was, and was collected again");
        World::new(world.random.u64(..))
    }
}
