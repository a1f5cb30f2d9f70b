//! Retention: which runs go, by age, number or size. A run that is still written into stays, whatever its age.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::writers;
use crate::spool::{RunDir, SpoolError, StoreDir};

/// What is to be kept; a run goes where any of these says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keep {
    /// Runs into which nothing has been written for so long go.
    pub younger_than: Option<Duration>,
    /// All but so many of the newest go.
    pub newest: Option<usize>,
    /// The oldest go until the others are no larger together, in bytes.
    pub size: Option<u64>,
}

/// A run, and whether it goes.
#[derive(Debug, Clone)]
pub struct Weighed {
    pub run: RunDir,
    pub size: u64,
    /// When something was last written into it.
    pub written: SystemTime,
    pub is_alive: bool,
    pub goes: bool,
}

/// Every run, oldest first, with what is to become of it.
pub fn weigh(store: &StoreDir, keep: &Keep, now: SystemTime) -> Result<Vec<Weighed>, SpoolError> {
    let mut runs: Vec<Weighed> = store.runs()?.into_iter().map(weighed).collect();
    let count = runs.len();
    let mut total: u64 = runs.iter().map(|run| run.size).sum();
    for (place, run) in runs.iter_mut().enumerate() {
        let age = now.duration_since(run.written).unwrap_or_default();
        let is_old = keep.younger_than.is_some_and(|limit| age >= limit);
        let is_surplus = keep.newest.is_some_and(|newest| count - place > newest);
        let is_too_much = keep.size.is_some_and(|limit| total > limit);
        run.goes = !run.is_alive && (is_old || is_surplus || is_too_much);
        if run.goes {
            total -= run.size;
        }
    }
    Ok(runs)
}

/// Removes a run: first under another name, so that nobody finds half of it.
///
/// # Errors
/// Also where somebody has begun to write into it.
pub fn remove(run: &RunDir) -> io::Result<()> {
    let _held = writers::keep_out(run)?;
    let hidden = run.path().with_file_name(format!(".{}{REMOVED}", run.name()));
    fs::rename(run.path(), &hidden)?;
    // Links in it are removed, not followed.
    fs::remove_dir_all(&hidden)
}

/// Behind the name of a run that is being removed.
const REMOVED: &str = ".removed";

/// Finishes what was interrupted: removes what an earlier removal has put aside. What cannot be removed, and why.
pub fn finish(store: &StoreDir) -> Vec<(PathBuf, io::Error)> {
    let runs = fs::read_dir(store.path().join("runs"));
    let is_aside = |name: &str| name.starts_with('.') && name.ends_with(REMOVED);
    let aside = runs.into_iter().flatten().flatten().filter(|entry| is_aside(&entry.file_name().to_string_lossy()));
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let failed = aside.filter(is_dir).filter_map(|entry| Some((entry.path(), fs::remove_dir_all(entry.path()).err()?)));
    // Somebody else may finish it at the same time.
    failed.filter(|(_, error)| error.kind() != io::ErrorKind::NotFound).collect()
}

fn weighed(run: RunDir) -> Weighed {
    let mut size = 0;
    let mut written = SystemTime::UNIX_EPOCH;
    measure(run.path(), &mut size, &mut written);
    let is_alive = writers::is_written_into(&run);
    Weighed { run, size, written, is_alive, goes: false }
}

/// What lies below a directory: how much, and when it was last changed.
fn measure(path: &Path, size: &mut u64, written: &mut SystemTime) {
    let Ok(about) = fs::symlink_metadata(path) else { return };
    // A directory tells when something was last made in it: of a run that has just begun, nothing else does.
    *written = about.modified().map_or(*written, |time| time.max(*written));
    if about.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            measure(&entry.path(), size, written);
        }
        return;
    }
    *size += about.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    /// A store with three runs of 100 bytes, written one, two and three days ago.
    fn store(folder: &Path) -> (StoreDir, SystemTime) {
        let now = SystemTime::now();
        let store = StoreDir::create(folder).expect("a store");
        for age in 1..=3_u32 {
            let run = store.create_run(&format!("2026112{}-000000-aaaa", 9 - age)).expect("a run");
            let path = run.spool_path().join("1-abcdef.1.jsonl");
            fs::write(&path, [b'x'; 100]).expect("written");
            let file = fs::File::options().write(true).open(&path).expect("the file");
            file.set_modified(now - DAY * age).expect("its time");
            for dir in [run.spool_path(), run.path().to_owned()] {
                let dir = fs::File::open(dir).expect("the directory");
                dir.set_modified(now - DAY * age).expect("its time");
            }
        }
        (store, now)
    }

    fn going(keep: Keep) -> Vec<bool> {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, now) = store(folder.path());
        weigh(&store, &keep, now).expect("weighed").iter().map(|run| run.goes).collect()
    }

    #[test]
    fn the_oldest_go() {
        assert_eq!(going(Keep::default()), [false, false, false]);
        assert_eq!(going(Keep { younger_than: Some(DAY * 2), ..Keep::default() }), [true, true, false]);
        assert_eq!(going(Keep { newest: Some(1), ..Keep::default() }), [true, true, false]);
        assert_eq!(going(Keep { size: Some(250), ..Keep::default() }), [true, false, false]);
        assert_eq!(going(Keep { size: Some(0), ..Keep::default() }), [true, true, true]);
    }

    #[test]
    fn what_goes_is_gone_and_nothing_behind_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, now) = store(&folder.path().join("store"));
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).expect("a folder");
        fs::write(outside.join("mine"), "x").expect("written");
        let first = store.runs().expect("runs").remove(0);
        #[cfg(unix)]
        std::os::unix::fs::symlink(&outside, first.path().join("link")).expect("a link");
        remove(&first).expect("removed");
        assert_eq!(weigh(&store, &Keep::default(), now).expect("weighed").len(), 2);
        assert!(!first.path().exists() && outside.join("mine").exists());
    }

    #[test]
    fn what_somebody_has_begun_to_write_into_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, now) = store(folder.path());
        let all = weigh(&store, &Keep { size: Some(0), ..Keep::default() }, now).expect("weighed");
        let runs: Vec<&RunDir> = all.iter().filter(|run| run.goes).map(|run| &run.run).collect();
        assert_eq!(runs.len(), 3);
        // All of this after they were weighed.
        let held = crate::spool::hold(&runs[0].spool_path(), "1-abcdef").expect("its process lives");
        fs::create_dir(runs[1].path().join("intake")).expect("a folder");
        fs::write(runs[1].path().join("intake/ledger.json"), "{}").expect("a ledger");
        let lock = fs::File::create(runs[1].path().join("intake/lock")).expect("a lock");
        lock.lock().expect("held");
        fs::remove_dir_all(runs[2].spool_path()).expect("removed");
        fs::write(runs[2].spool_path(), "no directory").expect("written");
        for run in &runs {
            assert_eq!(remove(run).expect_err("refused").kind(), io::ErrorKind::ResourceBusy, "{}", run.name());
        }
        drop((held, lock));
        remove(runs[0]).expect("removed");
        remove(runs[1]).expect("removed");
        assert_eq!(weigh(&store, &Keep::default(), now).expect("weighed").len(), 1);
    }

    #[test]
    fn a_run_that_has_just_begun_is_young() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = StoreDir::create(folder.path()).expect("a store");
        store.create_run("new").expect("a run");
        let keep = Keep { younger_than: Some(DAY), ..Keep::default() };
        assert!(!weigh(&store, &keep, SystemTime::now()).expect("weighed")[0].goes);
    }

    #[test]
    fn an_interrupted_removal_is_finished() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, now) = store(folder.path());
        let first = store.runs().expect("runs").remove(0);
        let aside = first.path().with_file_name(format!(".{}.removed", first.name()));
        fs::create_dir_all(aside.join("spool")).expect("made");
        fs::write(aside.join("spool/1-abcdef.1.jsonl"), "x").expect("written");
        assert!(finish(&store).is_empty() && !aside.exists());
        remove(&first).expect("removed");
        assert_eq!(weigh(&store, &Keep::default(), now).expect("weighed").len(), 2);
    }
}
