//! The processes of the run that live: everything below `logq run`, and whoever holds a lock in its spool.
//!
//! As subreaper logq keeps every descendant, whatever it does to get away (`setsid`, forking twice). A process
//! that something outside started with the run's environment is known by its lock alone. A pid is never trusted:
//! each process is held by a pidfd, taken between two looks at its start time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::kernel;
use super::recorded::Spool;

/// How often /proc is read anew when processes moved while it was read.
const MOST_SCANS: usize = 10;

/// A process as one look at /proc showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) pid: u32,
    pub(super) name: String,
    state: char,
    parent: u32,
    group: i64,
    /// The process group in the foreground of its terminal; -1 where it has none.
    foreground: i64,
    /// In clock ticks since boot: with the pid, it names one process.
    start: u64,
}

/// A process that cannot turn into another one.
pub(super) struct Live {
    pub(super) seen: Seen,
    /// Its key, when it has recorded.
    pub(super) key: Option<String>,
    pub(super) argv: Vec<String>,
    pidfd: Option<OwnedFd>,
}

/// Every process of the run that lives, without logq itself.
pub(super) fn of_run(spool: &Spool) -> Vec<Live> {
    let mut keys = spool.keys();
    let mut found: Vec<Live> =
        descendants().into_iter().filter_map(|seen| Live::hold(keys.remove(&seen.pid), seen)).collect();
    for (pid, key) in keys {
        if spool.holder(&key) != Some(pid) {
            continue;
        }
        let held = look(pid).and_then(|seen| Live::hold(Some(key.clone()), seen));
        // Asked again now that the process is held: it is the one with the lock.
        found.extend(held.filter(|_| spool.holder(&key) == Some(pid)));
    }
    found.retain(Live::is_alive);
    found
}

impl Live {
    pub(super) fn hold(key: Option<String>, seen: Seen) -> Option<Live> {
        let pidfd = kernel::open_pidfd(seen.pid);
        let argv = argv(&seen);
        let again = look(seen.pid)?;
        (again.start == seen.start).then_some(Live { seen, key, argv, pidfd })
    }

    /// Whether any thread of it still runs. (The state in /proc is that of the first thread alone.)
    pub(super) fn is_alive(&self) -> bool {
        match &self.pidfd {
            Some(pidfd) => {
                let mut asked = [PollFd::new(pidfd, PollFlags::IN)];
                !poll(&mut asked, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
            }
            None => look(self.seen.pid).is_some_and(|now| now.start == self.seen.start && !"ZX".contains(now.state)),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        look(self.seen.pid).is_some_and(|now| now.is_stopped())
    }

    pub(super) fn send(&self, signal: Signal) -> io::Result<()> {
        if !self.is_alive() {
            return Err(io::ErrorKind::NotFound.into());
        }
        kernel::send(self.pidfd.as_ref().map(AsFd::as_fd), self.seen.pid, signal)
    }

    /// Readable when the process has ended; `None` on a kernel that has no such thing.
    pub(super) fn ended_fd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    pub(super) fn same_process(&self, other: &Seen) -> bool {
        self.seen.pid == other.pid && self.seen.start == other.start
    }
}

impl Seen {
    pub(super) fn is_stopped(&self) -> bool {
        self.state == 'T'
    }

    /// Whether it belongs to the job that a terminal talks to at present.
    pub(super) fn is_in_foreground(&self) -> bool {
        self.foreground > 0 && self.foreground == self.group
    }
}

/// One process, or `None` when there is none of that pid (or no /proc).
pub(super) fn look(pid: u32) -> Option<Seen> {
    parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The pids of this process's own children, those that it adopted included.
pub(super) fn own_children() -> Vec<u32> {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Whether this system shows its processes; where it does not (macOS), only the root is known.
pub(super) fn are_shown() -> bool {
    look(std::process::id()).is_some()
}

/// Whether `pid` is a process below this one.
pub(super) fn is_descendant(pid: u32) -> bool {
    let own = std::process::id();
    // The chain ends at init or at a process that is gone; the bound is for a pid that came round meanwhile.
    let chain = std::iter::successors(look(pid), |seen| look(seen.parent));
    chain.take(1000).any(|seen| seen.parent == own)
}

/// Every process below this one, zombies included.
fn descendants() -> Vec<Seen> {
    let own = std::process::id();
    let Some(we) = look(own) else { return Vec::new() };
    let mut all = all();
    for _ in 1..MOST_SCANS {
        if !someone_moved(&all, we.start) {
            break;
        }
        all = self::all();
    }
    let mut below = BTreeSet::from([own]);
    let mut children: BTreeMap<u32, Vec<Seen>> = BTreeMap::new();
    for seen in all {
        children.entry(seen.parent).or_default().push(seen);
    }
    let mut found = Vec::new();
    let mut waiting = vec![own];
    while let Some(parent) = waiting.pop() {
        for seen in children.remove(&parent).unwrap_or_default() {
            if below.insert(seen.pid) {
                waiting.push(seen.pid);
                found.push(seen);
            }
        }
    }
    found
}

/// Whether a parent died while the list was made: its child has moved to us since, and the list does not show it.
/// Only processes that began after us can be ours.
fn someone_moved(all: &[Seen], our_start: u64) -> bool {
    let pids: BTreeSet<u32> = all.iter().map(|seen| seen.pid).collect();
    all.iter().any(|seen| seen.start >= our_start && seen.parent != 0 && !pids.contains(&seen.parent))
}

fn all() -> Vec<Seen> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(look).collect()
}

/// The command line; the name in brackets, as ps shows it, for a process that has none any more.
pub(super) fn argv(seen: &Seen) -> Vec<String> {
    let line = fs::read(format!("/proc/{}/cmdline", seen.pid)).unwrap_or_default();
    let line = line.strip_suffix(b"\0").unwrap_or(&line);
    if line.is_empty() {
        return vec![format!("[{}]", seen.name)];
    }
    line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// `/proc/<pid>/stat`: see proc(5). The name stands in parentheses and may hold anything, `)` and spaces too.
fn parse_stat(stat: &[u8]) -> Option<Seen> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let pid = std::str::from_utf8(stat.get(..open)?).ok()?.trim().parse().ok()?;
    let name = String::from_utf8_lossy(stat.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied();
    Some(Seen {
        pid,
        name,
        state: field(3)?.chars().next()?,
        parent: field(4)?.parse().ok()?,
        group: field(5)?.parse().ok()?,
        foreground: field(8)?.parse().ok()?,
        start: field(22)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_whatever_the_name() {
        let stat = b"42 (a) b (c) S 7 40 39 34816 41 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2\n";
        let seen = parse_stat(stat).expect("a process");
        assert_eq!((seen.pid, seen.name.as_str(), seen.state, seen.parent), (42, "a) b (c", 'S', 7));
        assert_eq!((seen.group, seen.foreground, seen.start), (40, 41, 987_654));
        assert!(!seen.is_in_foreground());
    }

    #[test]
    fn a_stat_that_is_cut_is_none() {
        for stat in ["", "42", "42 (", "42 (a)", "42 (a) S 7", ")(", "x (a) S 1 1 1 1 1"] {
            assert_eq!(parse_stat(stat.as_bytes()), None, "{stat}");
        }
    }

    #[test]
    fn a_child_is_seen_held_and_seen_to_end() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("started");
        let live = look(child.id()).and_then(|seen| Live::hold(None, seen)).expect("held");
        assert!(live.is_alive() && is_descendant(child.id()) && !is_descendant(1));
        assert!(own_children().contains(&child.id()));
        assert!(descendants().iter().any(|seen| live.same_process(seen)));
        live.send(Signal::KILL).expect("sent");
        child.wait().expect("reaped");
        assert!(!live.is_alive());
        assert_eq!(live.send(Signal::KILL).map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
    }
}
