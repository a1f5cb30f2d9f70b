//! The four things that only Linux has; elsewhere the nearest that POSIX has. No policy here.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::process::{Pid, Signal};

/// Makes this process the parent of every orphan below it, so that none escapes. False where that cannot be.
pub(super) fn adopt_orphans() -> bool {
    #[cfg(target_os = "linux")]
    return rustix::process::set_child_subreaper(Some(rustix::process::getpid())).is_ok();
    #[cfg(not(target_os = "linux"))]
    false
}

/// A descriptor that means this process even when its pid is given to another; readable when it has ended.
/// `None` where the kernel has none (Linux before 5.3, macOS) or no such process.
pub(super) fn open_pidfd(pid: u32) -> Option<OwnedFd> {
    #[cfg(target_os = "linux")]
    return rustix::process::pidfd_open(named(pid)?, rustix::process::PidfdFlags::empty()).ok();
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        None
    }
}

pub(super) fn send(pidfd: Option<BorrowedFd<'_>>, pid: u32, signal: Signal) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let Some(pidfd) = pidfd {
        return Ok(rustix::process::pidfd_send_signal(pidfd, signal)?);
    }
    let _ = pidfd;
    let pid = named(pid).ok_or(io::ErrorKind::NotFound)?;
    Ok(rustix::process::kill_process(pid, signal)?)
}

/// The native id of the calling thread; of a main thread it is the pid.
pub(super) fn thread_id() -> u32 {
    #[cfg(target_os = "linux")]
    return number(rustix::thread::gettid());
    #[cfg(not(target_os = "linux"))]
    std::process::id()
}

pub(super) fn named(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

pub(super) fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}
