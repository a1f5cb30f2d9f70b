//! Collecting, killed and started again at every bad moment: nothing lost, nothing twice.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::watch::{Changes, Watch};
use super::*;
use crate::query::Query;
use crate::seeds::seeds;
use crate::spool::StoreDir;
use crate::store::testing::{START, TestRun, log, proc_event};
use crate::store::{Filter, RunReader};

/// Every record of the run's index, by place, and how often it is there.
fn indexed(run: &RunDir) -> BTreeMap<String, u64> {
    let mut seen = BTreeMap::new();
    let Some(reader) = LocalStore::of(run).open().expect("an index") else { return seen };
    let _ = reader.each(&Filter::new(Query::All), &mut |entry| {
        *seen.entry(format!("{}@{}", entry.source, entry.offset)).or_default() += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(reader.gone(), 0);
    seen
}

/// Every record of the run's spool, once.
fn spooled(run: &RunDir) -> BTreeMap<String, u64> {
    let mut seen = BTreeMap::new();
    let _ = Follower::new(run.spool(), &crate::spool::Positions::default()).poll(&mut |entry| {
        seen.insert(format!("{}@{}", entry.source, entry.offset), 1);
        ControlFlow::Continue(())
    });
    seen
}

/// Fills several parts of several processes.
fn fill(spool: &TestRun, from: u64, count: u64) {
    let mut texts: BTreeMap<(usize, u32), String> = BTreeMap::new();
    for seq in from..from + count {
        let (proc, part) = ((seq % 3) as usize, 1 + (seq / 400) as u32);
        let text = log(proc, "t1", seq, START + seq as i64, &format!("order {seq} taken from the shelf")).text;
        let all = texts.entry((proc, part)).or_default();
        all.push_str(&text);
        all.push('\n');
    }
    for ((proc, part), text) in texts {
        spool.append(proc, part, text);
    }
}

#[test]
fn once_brings_the_index_up_to_date() {
    let spool = TestRun::new();
    spool.write(&[proc_event(0, 1), proc_event(1, 2), proc_event(2, 3)]);
    fill(&spool, 2, 1000);
    spool.append(0, 9, "no json\n\n\nhalf a li");
    let mut last = None;
    let stats = once(&spool.run, &mut |progress| last = Some(progress)).expect("collected");
    assert_eq!((stats.records, stats.commits, stats.problems.malformed), (1004, 1, 1));
    assert_eq!(stats.problems.torn.len(), 1);
    let last = last.expect("progress");
    assert!(last.done > 0 && last.done <= last.total, "{last:?}");
    assert_eq!(indexed(&spool.run), spooled(&spool.run));
    let again = once(&spool.run, &mut |_| {}).expect("collected");
    assert_eq!((again.records, again.commits, again.rebuilt), (0, 0, None));
}

#[test]
fn a_second_collector_is_told_who_has_the_run() {
    let spool = TestRun::new();
    let collector = Collector::open(&spool.run).expect("a collector");
    let error = once(&spool.run, &mut |_| {}).expect_err("refused").to_string();
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    drop(collector);
    once(&spool.run, &mut |_| {}).expect("collected");
}

/// A collector that ends at any moment, with what it leaves on disk: dropped with work undone, or as a copy of the
/// directory in the middle of it, some of whose uncommitted files are cut short.
#[test]
fn whenever_a_collector_ends_nothing_is_lost_or_doubled() {
    for seed in seeds(6, 200) {
        let mut random = fastrand::Rng::with_seed(seed);
        let spool = TestRun::new();
        let mut seq = 2;
        for _ in 0..random.u32(3..7) {
            fill(&spool, seq, random.u64(0..300));
            seq += 300;
            let mut collector = Collector::open(&spool.run).expect("a collector");
            assert!(collector.stats.rebuilt.is_none());
            for _ in 0..random.u32(0..4) {
                collector.add_news(random.u64(1..40_000), &mut |_| {}).expect("added");
                if random.bool() {
                    collector.commit().expect("committed");
                }
            }
            let committed = committed_files(&spool.run.index_path());
            let copy = spool.run.path().join("copy");
            copy_dir(&spool.run.index_path(), &copy);
            drop(collector);
            if random.bool() {
                fs::remove_dir_all(spool.run.index_path()).expect("removed");
                fs::rename(&copy, spool.run.index_path()).expect("renamed");
                cut_uncommitted(&spool.run.index_path(), &committed, &mut random);
            } else {
                fs::remove_dir_all(&copy).expect("removed");
            }
        }
        once(&spool.run, &mut |_| {}).expect("collected");
        assert_eq!(indexed(&spool.run), spooled(&spool.run), "seed {seed}");
    }
}

/// The segments that the index counts as its own.
fn committed_files(dir: &Path) -> String {
    fs::read_to_string(dir.join("meta.json")).expect("meta.json").replace('-', "")
}

fn cut_uncommitted(dir: &Path, committed: &str, random: &mut fastrand::Rng) {
    for path in fs::read_dir(dir).expect("a directory").flatten().map(|entry| entry.path()) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if stem.len() == 32 && !committed.contains(&stem) && random.bool() {
            let bytes = fs::read(&path).expect("read");
            fs::write(&path, &bytes[..random.usize(0..=bytes.len())]).expect("written");
        }
    }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a directory").flatten() {
        // A merge may just have removed it.
        let _ = fs::copy(entry.path(), to.join(entry.file_name()));
    }
}

/// Where the child of the next test collects.
const CHILD: &str = "LOGQ_TEST_COLLECT";

#[test]
#[ignore = "the child of the next test"]
fn child_that_collects() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut collector = Collector::open(&RunDir::at(&PathBuf::from(path))).expect("a collector");
    println!("ready");
    loop {
        collector.add_news(5_000, &mut |_| {}).expect("added");
        collector.commit().expect("committed");
    }
}

#[test]
fn a_collector_that_is_killed_loses_and_doubles_nothing() {
    let spool = TestRun::new();
    let mut random = fastrand::Rng::with_seed(7);
    let mut seq = 2;
    let times = if std::env::var_os("LOGQ_SOAK").is_some() { 60 } else { 4 };
    for _ in 0..times {
        fill(&spool, seq, 600);
        seq += 600;
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["collect::tests::child_that_collects", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, spool.run.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        std::thread::sleep(Duration::from_millis(random.u64(20..250)));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let reader = RunReader::open(&spool.run).expect("a reader");
        assert_eq!(reader.problems().expect("problems").index, None);
        assert_eq!(reader.count(&Filter::new(Query::All)).expect("a count"), spooled(&spool.run).len() as u64);
    }
    let stats = once(&spool.run, &mut |_| {}).expect("collected");
    assert_eq!(stats.rebuilt, None);
    assert_eq!(indexed(&spool.run), spooled(&spool.run));
}

#[test]
fn following_indexes_what_comes_and_ends_when_told() {
    for target_is_all in [false, true] {
        let spool = TestRun::new();
        fill(&spool, 2, 10);
        let store = StoreDir::open(spool.run.path().parent().and_then(Path::parent).expect("a store")).expect("opened");
        // Of all runs only those are followed that are worth an index, or have one.
        once(&spool.run, &mut |_| {}).expect("collected");
        let target = if target_is_all { Target::All(store) } else { Target::Run(spool.run.clone()) };
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let following = scope.spawn(|| follow(&target, Watch::new(), &stop, &mut |report| panic!("{report:?}")));
            fill(&spool, 12, 500);
            fill(&spool, 512, 500);
            let deadline = Instant::now() + Duration::from_secs(60);
            while indexed(&spool.run).len() < 1010 && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            // What is not committed yet is committed at the end.
            fill(&spool, 1012, 10);
            std::thread::sleep(Duration::from_millis(300));
            stop.store(true, Ordering::Relaxed);
            following.join().expect("no panic").expect("followed");
        });
        assert!(indexed(&spool.run).len() >= 1010, "all: {target_is_all}");
        once(&spool.run, &mut |_| {}).expect("the run was let go");
        assert_eq!(indexed(&spool.run), spooled(&spool.run));
    }
}

#[test]
fn changes_are_told_and_reading_is_none() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("a");
    fs::write(&file, "x").expect("written");
    let mut watch = Watch::new();
    assert!(watch.add(dir.path()) && !watch.add(&dir.path().join("nothing")));
    fs::read(&file).expect("read");
    let begun = Instant::now();
    assert_eq!(watch.wait(Duration::from_millis(50)), Changes::Nowhere);
    assert!(begun.elapsed() >= Duration::from_millis(50), "woken by what was read");
    fs::write(&file, "y").expect("written");
    match watch.wait(Duration::from_secs(30)) {
        Changes::At(paths) => assert!(paths.contains(&file), "{paths:?}"),
        Changes::Anywhere => {}
        Changes::Nowhere => panic!("not told"),
    }
    // Who took long to look, because much is there, is told later, and of more at once.
    fs::write(&file, "z").expect("written");
    std::thread::sleep(Duration::from_millis(50));
    let begun = Instant::now();
    assert_ne!(watch.wait(Duration::from_secs(30)), Changes::Nowhere);
    assert!(begun.elapsed() >= Duration::from_millis(200), "no rest");
}

#[test]
#[cfg(target_os = "linux")]
fn where_the_system_does_not_tell_of_everything_it_is_looked_as_well() {
    let mut watch = Watch::new();
    assert!(watch.add(Path::new("/proc/self")));
    // As long as nobody else's event comes that wait is answered by a look.
    assert_eq!(watch.wait(Duration::from_secs(30)), Changes::Anywhere);
}

#[test]
#[cfg(target_os = "linux")]
fn news_from_elsewhere_do_not_put_off_the_look_for_ever() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut watch = Watch::new();
    assert!(watch.add(Path::new("/proc/self")) && watch.add(dir.path()));
    let file = dir.path().join("busy.log");
    let mut told = 0;
    loop {
        fs::write(&file, told.to_string()).expect("written");
        match watch.wait(Duration::from_secs(30)) {
            Changes::Anywhere => break,
            _ => told += 1,
        }
        assert!(told < 10_000, "told only of {}", file.display());
    }
}

#[test]
fn where_nothing_is_told_it_is_looked_again_with_pauses() {
    let mut watch = Watch::polling();
    assert_eq!(watch.wait(Duration::from_secs(30)), Changes::Anywhere);
    // What takes long to look at is not looked at all the time.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(watch.wait(Duration::from_millis(300)), Changes::Nowhere);
    assert_eq!(watch.wait(Duration::from_secs(30)), Changes::Anywhere);
}
