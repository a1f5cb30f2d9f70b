//! While the program runs: passing signals on, seeing processes end, keeping orphans, and knowing the time limit.
//!
//! One thread waits in one poll(2), for signals and for the end of the root; once a second it looks whether the run
//! stands still.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, WaitOptions, WaitStatus};

use super::journal::{Entry, Journal};
use super::processes::{self, Live};
use super::recorded::Spool;
use super::signals::{self, Signals};
use super::standstill::Watch;
use super::{End, kernel};

/// How long the processes that a program leaves behind may take to follow it before they are called still alive.
const FOLLOW: Duration = Duration::from_millis(100);

/// The same where only multiprocessing's own helpers are left. They end by themselves when they see that their
/// program is gone, but one that was started last must first have come up.
const HELPERS_FOLLOW: Duration = Duration::from_secs(3);

/// How soon after a stop it is looked at again. Ctrl-Z stops logq too, so this time passes after `fg`, and the
/// program is running again.
const STOP_LASTS: Duration = Duration::from_millis(50);

/// How long to wait where the kernel cannot tell of a process's end (see [`Live::ended_fd`]).
const BLIND_WAIT: Duration = Duration::from_millis(20);

pub(super) struct Supervisor {
    pub(super) journal: Journal,
    pub(super) spool: Spool,
    pub(super) root_end: Option<End>,
    pub(super) root: u32,
    /// Readable when the root has ended, also where SIGCHLD was blocked before we came. The root's pid itself can
    /// be trusted: it is free for others only once we have reaped it.
    root_pidfd: Option<OwnedFd>,
    signals: Signals,
    /// Children that a `child` record tells of.
    told_of: BTreeSet<u32>,
}

impl Supervisor {
    /// Takes over the root, which was just started.
    pub(super) fn new(mut journal: Journal, signals: Signals, spool: &Path, root: u32, argv: &[String]) -> Supervisor {
        let entry = Entry::Child { pid: root, proc: None, name: None, argv, adopted: false };
        journal.write(entry);
        Supervisor {
            spool: Spool::new(spool, journal.key()),
            journal,
            root_end: None,
            root,
            root_pidfd: kernel::open_pidfd(root),
            signals,
            told_of: BTreeSet::from([root]),
        }
    }

    /// Returns when the root has ended (true), or at the deadline (false). Whenever the run comes to a standstill
    /// meanwhile, `on_standstill` is called.
    pub(super) fn watch_root(&mut self, deadline: Option<Instant>, on_standstill: &mut dyn FnMut()) -> bool {
        let mut watch = Watch::new(self.spool.path(), self.journal.key());
        loop {
            let until = deadline.map_or(watch.next(), |deadline| deadline.min(watch.next()));
            if self.wait_for_root(Some(until)) {
                return true;
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| now >= deadline) {
                return false;
            }
            if watch.look(now) {
                on_standstill();
            }
        }
    }

    /// Returns when the root has ended (true), or at the deadline (false).
    pub(super) fn wait_for_root(&mut self, deadline: Option<Instant>) -> bool {
        loop {
            self.reap();
            if self.root_end.is_some() {
                return true;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            self.wait(&[], deadline);
            self.forward_signals();
        }
    }

    /// The processes that live on after the root, once those that were about to end have ended.
    pub(super) fn left_behind(&mut self) -> Vec<Live> {
        let began = Instant::now();
        loop {
            self.reap();
            let left = processes::of_run(&self.spool);
            let deadline = began + if left.iter().all(is_helper) { HELPERS_FOLLOW } else { FOLLOW };
            if left.is_empty() || Instant::now() >= deadline {
                return left;
            }
            self.wait(&left, Some(deadline));
            // The root is gone: there is nobody to pass them on to.
            self.drop_signals();
        }
    }

    /// Writes down every child that has ended, and takes note of the orphans that came to us.
    pub(super) fn reap(&mut self) {
        self.note_adopted();
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
        loop {
            match rustix::process::wait(options) {
                Ok(Some((pid, status))) => self.child_changed(kernel::number(pid), status),
                Err(rustix::io::Errno::INTR) => {}
                // None has news, or there is none.
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Waits for a signal (so for any child to end), the end of the root or of one of `processes`, until `deadline`
    /// at the latest. It may return early.
    pub(super) fn wait(&self, processes: &[Live], deadline: Option<Instant>) {
        let mut asked = vec![PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN)];
        if let Some(pidfd) = self.root_pidfd.as_ref().filter(|_| self.root_end.is_none()) {
            asked.push(PollFd::new(pidfd, PollFlags::IN));
        }
        let mut longest = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        for process in processes {
            match process.ended_fd() {
                Some(fd) => asked.push(PollFd::from_borrowed_fd(fd, PollFlags::IN)),
                None => longest = Some(longest.unwrap_or(BLIND_WAIT).min(BLIND_WAIT)),
            }
        }
        let timeout = longest.and_then(|longest| Timespec::try_from(longest).ok());
        // Interrupted, or no memory: the caller looks again at everything either way.
        let _ = poll(&mut asked, timeout.as_ref());
    }

    /// Takes the signals that came and does nothing with them.
    pub(super) fn drop_signals(&mut self) {
        self.signals.pending();
    }

    fn forward_signals(&mut self) {
        for origin in self.signals.pending() {
            if !signals::is_for_program(&origin, processes::is_descendant) {
                continue;
            }
            let Some(signal) = Signal::from_named_raw(origin.signal) else { continue };
            // A shell's `fg` continues the whole group: only a root that nobody has continued yet needs ours.
            if signal == Signal::CONT && !self.root_is_stopped() {
                continue;
            }
            self.tell_root(signal);
        }
    }

    /// It fails when the root has just ended, which the next look shows, or became another user's.
    pub(super) fn tell_root(&self, signal: Signal) {
        if self.root_end.is_none() {
            let _ = kernel::send(self.root_pidfd.as_ref().map(AsFd::as_fd), self.root, signal);
        }
    }

    fn root_is_stopped(&self) -> bool {
        processes::look(self.root).is_some_and(|seen| seen.is_stopped())
    }

    /// Orphans are told of while they live or are zombies: reaped, they have no name any more.
    fn note_adopted(&mut self) {
        let children = processes::own_children();
        if children.iter().all(|pid| self.told_of.contains(pid)) {
            return;
        }
        let keys = self.spool.keys();
        for pid in children {
            let Some(seen) = processes::look(pid).filter(|_| self.told_of.insert(pid)) else { continue };
            let argv = processes::argv(&seen);
            let proc = keys.get(&pid).map(String::as_str);
            self.journal.write(Entry::Child { pid, proc, name: Some(&seen.name), argv: &argv, adopted: true });
        }
    }

    fn child_changed(&mut self, pid: u32, status: WaitStatus) {
        let Some(end) = End::of(status) else {
            if pid == self.root && status.stopping_signal() == Some(Signal::TSTP.as_raw()) {
                self.follow_stop();
            }
            return;
        };
        let keys = self.spool.keys();
        let proc = keys.get(&pid).map(String::as_str);
        if !self.told_of.remove(&pid) {
            self.journal.write(Entry::Child { pid, proc, name: None, argv: &[], adopted: true });
        }
        let (rc, signal) = match end {
            End::Exited(code) => (Some(code), None),
            End::Signalled { signal, .. } => (None, Some(signal)),
        };
        self.journal.write(Entry::Reap { pid, proc, rc, signal });
        if pid == self.root {
            self.root_end = Some(end);
        }
    }

    /// A program that stops itself (an editor on its own Ctrl-Z) means the job, and the shell watches logq: logq
    /// stops with it. Not without a terminal: whoever continues the program there does not know of logq.
    fn follow_stop(&self) {
        if !processes::look(std::process::id()).is_some_and(|we| we.is_in_foreground()) {
            return;
        }
        std::thread::sleep(STOP_LASTS);
        if self.root_is_stopped() {
            let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::STOP);
        }
    }
}

/// Whether this is multiprocessing's resource tracker or fork server.
fn is_helper(live: &Live) -> bool {
    let helpers =
        ["multiprocessing.resource_tracker", "multiprocessing.semaphore_tracker", "multiprocessing.forkserver"];
    live.argv.iter().any(|word| helpers.iter().any(|helper| word.contains(helper)))
}
