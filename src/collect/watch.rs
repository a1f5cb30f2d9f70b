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

/// After a look it rests that many times as long: many files on a slow file system are not looked at without a pause.
const REST: u32 = 4;

/// How long news gather before they are told: a writer that writes a thousand lines a second makes a few tellings of it.
const GATHER: Duration = Duration::from_millis(10);

/// Watches directories, without those inside them.
#[derive(Debug)]
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    events: Receiver<notify::Result<notify::Event>>,
    watched: HashSet<PathBuf>,
    /// Some directory cannot be watched.
    must_poll: bool,
    rounds: Rounds,
}

/// When everything is looked at where nothing is notified.
#[derive(Debug)]
struct Rounds {
    /// When it was last told to look.
    told: Instant,
    /// When that is due again; `None` until the look is done.
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
        Watch { must_poll: watcher.is_none(), watcher, events, watched: HashSet::new(), rounds: Rounds::new() }
    }

    /// Looks again and again instead of being notified.
    pub fn polling() -> Watch {
        let (events, watched) = (mpsc::channel().1, HashSet::new());
        Watch { watcher: None, events, watched, must_poll: true, rounds: Rounds::new() }
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
        if let Some(watcher) = &mut self.watcher
            && watcher.watch(dir, RecursiveMode::NonRecursive).is_err()
        {
            self.must_poll = true;
        }
        true
    }

    /// Waits for a change, at most that long.
    pub fn wait(&mut self, at_most: Duration) -> Changes {
        let pause = self.rounds.pause();
        let is_due = self.must_poll && pause <= at_most;
        let patience = if is_due { pause } else { at_most };
        let first = match self.events.recv_timeout(patience) {
            Ok(event) => event,
            Err(error) => {
                if error == RecvTimeoutError::Disconnected {
                    // Nobody will ever tell us anything again.
                    self.must_poll = true;
                    std::thread::sleep(patience);
                }
                return if is_due { self.rounds.tell() } else { Changes::Nowhere };
            }
        };
        let mut paths = BTreeSet::new();
        let mut is_known = self.note(first, &mut paths);
        let until = Instant::now() + GATHER;
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
        // Reading a file is an event as well: ours would wake us again and again.
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

impl Rounds {
    fn new() -> Rounds {
        Rounds { told: Instant::now(), due: None }
    }

    fn tell(&mut self) -> Changes {
        *self = Rounds::new();
        Changes::Anywhere
    }

    /// How long it is until everything is looked at again. Whoever asks is done with the last look.
    fn pause(&mut self) -> Duration {
        let now = Instant::now();
        let due = *self.due.get_or_insert_with(|| now + POLL.max(REST * (now - self.told)));
        due.saturating_duration_since(now)
    }
}

impl Default for Watch {
    fn default() -> Watch {
        Watch::new()
    }
}
