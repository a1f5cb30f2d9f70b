//! Signals: which ones logq found ignored, which ones reach it, and which of these are for the program.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use signal_hook::consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};

/// What is passed on to the program when it was sent to logq alone.
const FORWARDED: [i32; 8] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT];

/// What ends logq again as soon as the program has ended and only the verdict is left to be said.
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// Bit n is set where signal n was ignored when this process began.
static IGNORED_AT_START: AtomicU64 = AtomicU64::new(0);

/// Whether the signal was ignored when logq was started (by `nohup`, by a shell for a job in the background, by a
/// parent that wants EPIPE): then the program is to find it so.
pub(super) fn was_ignored(signal: i32) -> bool {
    IGNORED_AT_START.load(Ordering::Relaxed) & (1 << signal) != 0
}

/// Runs before `main`, and so before Rust's runtime, which ignores SIGPIPE and leaves no trace of what was there.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK_AT_START: extern "C" fn() = {
    extern "C" fn look() {
        for signal in FORWARDED.into_iter().chain([SIGPIPE, SIGCHLD]) {
            // SAFETY: sigaction with no new action only writes the present one into `found`, for which zeroes are
            // a valid value; both are async-signal-safe and need no runtime.
            let ignored = unsafe {
                let mut found: libc::sigaction = std::mem::zeroed();
                libc::sigaction(signal, std::ptr::null(), &mut found) == 0 && found.sa_sigaction == libc::SIG_IGN
            };
            if ignored {
                IGNORED_AT_START.fetch_or(1 << signal, Ordering::Relaxed);
            }
        }
    }
    look
};

/// The signals that reach logq while the program runs.
pub(super) struct Signals {
    delivery: SignalDelivery<UnixStream, WithOrigin>,
    program_ended: Arc<AtomicBool>,
}

impl Signals {
    pub(super) fn register() -> io::Result<Signals> {
        let program_ended = Arc::new(AtomicBool::new(false));
        for signal in ENDING.into_iter().filter(|signal| !was_ignored(*signal)) {
            signal_hook::flag::register_conditional_default(signal, program_ended.clone())?;
        }
        // A signal that was ignored is left so: the program inherits that, where a handler would not be inherited.
        let wanted = FORWARDED.into_iter().filter(|signal| !was_ignored(*signal)).chain([SIGCHLD]);
        let (read, write) = UnixStream::pair()?;
        let delivery = SignalDelivery::with_pipe(read, write, WithOrigin::default(), wanted)?;
        Ok(Signals { delivery, program_ended })
    }

    /// What came since the last call, without the SIGCHLDs: those only wake the one who waits.
    pub(super) fn pending(&mut self) -> Vec<Origin> {
        self.delivery.pending().filter(|origin| origin.signal != SIGCHLD).collect()
    }
}

impl AsFd for Signals {
    /// Readable when a signal has come.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.delivery.get_read().as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.program_ended.store(true, Ordering::Relaxed);
    }
}

/// Whether a signal that reached logq is to be sent on to the root.
///
/// What the kernel sends (Ctrl-C, Ctrl-\, a resized terminal) goes to the whole process group, so the program has
/// had it; only the loss of a terminal is told to the leader of its session alone. The program has also had it when
/// one of its own processes signals the group. A signal that somebody else sends to the whole group arrives twice:
/// nothing tells it from one that was sent to logq alone.
pub(super) fn is_for_program(origin: &Origin, is_of_run: impl FnOnce(u32) -> bool) -> bool {
    if origin.cause == Cause::Kernel {
        return origin.signal == SIGHUP && leads_session();
    }
    let sender = origin.process.and_then(|process| u32::try_from(process.pid).ok());
    !sender.is_some_and(is_of_run)
}

/// As when `ssh -t host logq run …` or a container starts logq with nothing between.
fn leads_session() -> bool {
    rustix::process::getsid(None).is_ok_and(|session| session == rustix::process::getpid())
}
