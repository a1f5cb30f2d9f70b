//! Foreign files that go on: taken in as they grow, are renamed, cut or appear, until somebody says stop.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::watch::{Changes, Watch};
use crate::intake::{Intake, IntakeError, Look, Taken};

/// How soon a request to stop is seen.
const ATTENTION: Duration = Duration::from_millis(200);

/// How often everything is looked at, whatever was notified: not every file system notifies.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Takes in all that is there now.
pub fn take_in(mut intake: Intake, progress: &mut dyn FnMut(u64)) -> Result<Taken, IntakeError> {
    allow_many_files();
    let mut look = Look::Everywhere;
    while intake.poll(&look, true)? {
        progress(intake.taken().bytes);
        look = Look::Nowhere;
    }
    intake.close()
}

/// Takes in what comes until `stop` is set.
pub fn follow_files(mut intake: Intake, mut watch: Watch, stop: &AtomicBool) -> Result<Taken, IntakeError> {
    allow_many_files();
    let mut looked = Instant::now();
    let mut look = Look::Everywhere;
    while !stop.load(Ordering::Relaxed) {
        if looked.elapsed() >= LOOK_AGAIN {
            look = Look::Everywhere;
        }
        if matches!(look, Look::Everywhere) {
            looked = Instant::now();
            // Watched before they are read: what comes in between is read or told, or both.
            watch_all(&mut watch, &intake.directories());
        }
        let more = intake.poll(&look, false)?;
        look = match watch.wait(if more { Duration::ZERO } else { ATTENTION }) {
            Changes::Nowhere => Look::Nowhere,
            Changes::Anywhere => Look::Everywhere,
            Changes::At(paths) if paths.iter().any(|path| path.is_dir()) => Look::Everywhere,
            Changes::At(paths) => Look::At(paths),
        };
    }
    while intake.poll(&Look::Nowhere, false)? {}
    intake.close()
}

/// Every log is held open, so that it can be read to its end when it is removed: as many as the system lets us.
fn allow_many_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // Where it is refused the logs that cannot be opened are named.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

fn watch_all(watch: &mut Watch, dirs: &[PathBuf]) {
    for dir in dirs.iter().map(PathBuf::as_path).filter(|dir| *dir != Path::new("")) {
        watch.add(dir);
    }
}
