//! Whether a writer still lives: it holds a POSIX record lock on `<proc>.lock` until it ends, however it ends.
//!
//! Readers ask (`F_GETLK`) and never take the lock. The kernel drops all of a process's record locks on a file when
//! that process closes *any* descriptor of it, so the lock files that this process holds itself ([`hold`]) are
//! remembered and never opened again.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

/// The lock files that this process holds.
static HELD: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// A lock of our own; dropping it says that we have ended.
#[derive(Debug)]
pub struct HeldLock {
    path: PathBuf,
    _file: File,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        held().remove(&self.path);
    }
}

/// Makes and takes the lock of a process of our own (`logq run` is process 0 of its run). The only way by which this
/// program may open a lock file for itself.
#[cfg(unix)]
pub fn hold(spool: &Path, proc: &str) -> io::Result<HeldLock> {
    use std::os::unix::fs::OpenOptionsExt;

    let path = lock_path(spool, proc)?;
    held().insert(path.clone());
    let open = || {
        let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
        rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    };
    match open() {
        Ok(file) => Ok(HeldLock { path, _file: file }),
        Err(error) => {
            held().remove(&path);
            Err(error)
        }
    }
}

#[cfg(not(unix))]
pub fn hold(_: &Path, _: &str) -> io::Result<HeldLock> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no POSIX record locks"))
}

/// Whether the process of that key is still running. False when its lock file is not there: nobody holds what does
/// not exist.
#[cfg(unix)]
pub fn is_alive(spool: &Path, proc: &str) -> bool {
    use std::os::unix::fs::OpenOptionsExt;

    let Ok(path) = lock_path(spool, proc) else { return false };
    if held().contains(&path) {
        return true;
    }
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
    let Ok(file) = File::options().read(true).custom_flags(flags).open(&path) else { return false };
    // Whoever could read the file asks for a read lock, which only a writer's lock is in the way of.
    let question = rustix::process::Flock::from(rustix::process::FlockType::ReadLock);
    matches!(rustix::process::fcntl_getlk(&file, &question), Ok(Some(_)))
}

/// Without POSIX locks nothing can be told; what is not known to live counts as ended.
#[cfg(not(unix))]
pub fn is_alive(_: &Path, _: &str) -> bool {
    false
}

/// One name for one file, whichever way the spool was reached.
fn lock_path(spool: &Path, proc: &str) -> io::Result<PathBuf> {
    Ok(spool.canonicalize()?.join(format!("{proc}.lock")))
}

fn held() -> std::sync::MutexGuard<'static, HashSet<PathBuf>> {
    // A panic elsewhere cannot leave a set of paths half changed.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}
