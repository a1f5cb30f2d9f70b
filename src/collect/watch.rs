//! What changes on disk: the system's notifications where there are any, and looking again and again where there are none.
//! Says where something may have changed, never what.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// How often is looked where nothing is notified.
const POLL: Duration = Duration::from_millis(200);

/// Whoever has looked rests that many times as long: thousands of files are not looked at without a pause.
const REST: u32 = 4;

/// How long news gather before they are told: a writer that writes a thousand lines a second makes a few tellings of it.
const GATHER: Duration = Duration::from_millis(10);

/// File systems that others write to, of which the kernel here knows nothing, or whose contents are made up as they are read:
/// of these it tells only what is done here. With the numbers that statfs(2) has for them. (9p is on WSL and in virtual
/// machines, FUSE is sshfs and many a folder that is shared with a container.)
#[cfg(target_os = "linux")]
const UNTOLD: [(&str, u32); 23] = [
    ("9p", 0x0102_1997),
    ("ACFS", 0x6163_6673),
    ("AFS", 0x5346_414f),
    ("BeeGFS", 0x1983_0326),
    ("Ceph", 0x00c3_6400),
    ("CIFS", 0xff53_4d42),
    ("Coda", 0x7375_7245),
    ("FUSE", 0x6573_5546),
    ("GFS2", 0x0116_1970),
    ("GPFS", 0x4750_4653),
    ("kAFS", 0x6b41_4653),
    ("Lustre", 0x0bd0_0bd0),
    ("NFS", 0x6969),
    ("OCFS2", 0x7461_636f),
    ("OrangeFS", 0x2003_0528),
    ("PanFS", 0xaad7_aaea),
    ("Parallels", 0x7c7c_6673),
    ("proc", 0x9fa0),
    ("SMB", 0x517b),
    ("SMB2", 0xfe53_4d42),
    ("sysfs", 0x6265_6572),
    ("VirtualBox", 0x786f_4256),
    ("VMware", 0xbacb_acbc),
];

/// Watches directories, without those inside them.
#[derive(Debug)]
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    events: Receiver<notify::Result<notify::Event>>,
    watched: HashSet<PathBuf>,
    /// Some directory cannot be watched, or not all that happens there is told.
    must_poll: bool,
    /// When the last wait ended, and looking began.
    ended: Instant,
    /// When everything is looked at again where nothing is notified; `None` until the last such look is done.
    due: Option<Instant>,
}

/// Where something may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    Nowhere,
    /// Files, or the directories that were watched.
    At(BTreeSet<PathBuf>),
    /// Nobody knows: look everywhere.
    Anywhere,
}

impl Watch {
    pub fn new() -> Watch {
        let (sender, events) = mpsc::channel();
        // The receiver may be gone by the time an event comes: then nobody wants it.
        let watcher = notify::recommended_watcher(move |event| drop(sender.send(event))).ok();
        Watch { must_poll: watcher.is_none(), watcher, events, ..Watch::polling() }
    }

    /// Looks again and again instead of being notified.
    pub fn polling() -> Watch {
        let (events, watched) = (mpsc::channel().1, HashSet::new());
        Watch { watcher: None, events, watched, must_poll: true, ended: Instant::now(), due: None }
    }

    /// Watches a directory from now on; what changed before is not told. False when it is not there (yet).
    pub fn add(&mut self, dir: &Path) -> bool {
        if self.watched.contains(dir) {
            return true;
        }
        if !dir.is_dir() {
            return false;
        }
        self.watched.insert(dir.to_owned());
        if let Some(watcher) = &mut self.watcher {
            let is_watched = watcher.watch(dir, RecursiveMode::NonRecursive).is_ok();
            self.must_poll |= !is_watched || is_untold(dir);
        }
        true
    }

    /// Waits for a change, at most that long.
    pub fn wait(&mut self, at_most: Duration) -> Changes {
        let begun = Instant::now();
        let rest = REST * (begun - self.ended);
        let due = *self.due.get_or_insert_with(|| begun + POLL.max(rest));
        let is_due = self.must_poll && due <= begun + at_most;
        let until = if is_due { due } else { begun + at_most };
        let mut changes = self.told(until, begun + POLL.min(rest).min(at_most));
        // Where news keep coming, the look that is due is not put off for ever.
        if is_due && (changes == Changes::Nowhere || Instant::now() >= due) {
            (self.due, changes) = (None, Changes::Anywhere);
        }
        self.ended = Instant::now();
        changes
    }

    /// What is told until then, or at once; but not before the other moment.
    fn told(&mut self, until: Instant, rested: Instant) -> Changes {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => match self.gather(event, rested) {
                    // A file was read: ours would wake us again and again.
                    Changes::Nowhere if Instant::now() < until => {}
                    changes => return changes,
                },
                Err(RecvTimeoutError::Timeout) => return Changes::Nowhere,
                Err(RecvTimeoutError::Disconnected) => {
                    // Nobody will ever tell us anything again.
                    self.must_poll = true;
                    std::thread::sleep(left);
                    return Changes::Nowhere;
                }
            }
        }
    }

    /// What this event and those right behind it tell.
    fn gather(&mut self, first: notify::Result<notify::Event>, rested: Instant) -> Changes {
        let mut paths = BTreeSet::new();
        let mut is_known = self.note(first, &mut paths);
        let until = rested.max(Instant::now() + GATHER);
        while let Ok(event) = self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            is_known &= self.note(event, &mut paths);
        }
        match (is_known, paths.is_empty()) {
            (false, _) => Changes::Anywhere,
            (_, true) => Changes::Nowhere,
            _ => Changes::At(paths),
        }
    }

    /// Notes where an event was; false when that is not known.
    fn note(&mut self, event: notify::Result<notify::Event>, paths: &mut BTreeSet<PathBuf>) -> bool {
        let Ok(event) = event else { return false };
        // Reading a file is an event as well.
        let is_reading = matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
        if is_reading {
            return true;
        }
        if event.need_rescan() {
            return false;
        }
        for path in event.paths {
            if matches!(event.kind, EventKind::Remove(_)) {
                // Should it come again, it has to be watched anew.
                self.watched.remove(&path);
            }
            paths.insert(path);
        }
        true
    }
}

/// Whether the system does not tell of all that happens in a directory.
#[cfg(target_os = "linux")]
fn is_untold(dir: &Path) -> bool {
    rustix::fs::statfs(dir).is_ok_and(|about| UNTOLD.iter().any(|(_, number)| *number == about.f_type as u32))
}

#[cfg(not(target_os = "linux"))]
fn is_untold(_: &Path) -> bool {
    false
}

impl Default for Watch {
    fn default() -> Watch {
        Watch::new()
    }
}
