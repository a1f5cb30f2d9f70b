//! Files into a store: watch, tail, decode, append, commit.
//!
//! A collector owns nothing but its place: how far each file is in the store stands in the store itself, in the commit that
//! made it so. It may be killed anywhere and started again; what it had not committed it reads again. Readers do not need
//! it: it only makes them faster.

mod follow;
mod intake;
pub mod watch;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::spool::{Follower, Problems, RunDir, SpoolError};
use crate::store::local::LocalStore;
use crate::store::{Added, StoreError, Stretch, Writer, stretches};

pub use follow::{Report, Target, follow};
pub use intake::{follow_files, take_in};

/// How much of the spool one commit covers at most, while catching up, and how much of it one thread takes at a time.
const CATCH_UP_COMMIT: u64 = 512 << 20;
const CATCH_UP_PIECE: u64 = 8 << 20;

/// Less than this is not worth several threads.
const WORTH_THREADS: u64 = 2 << 20;

/// How much of the spool waits for a commit at most, and how long, while following. A line is in every answer as soon as
/// it is on disk, so commits need not hurry: each one costs several waits for the disk.
const LIVE_COMMIT: u64 = 8 << 20;
const LIVE_COMMIT_AFTER: Duration = Duration::from_secs(2);

/// How much is read between two reports of progress.
const PROGRESS_STEP: u64 = 1 << 20;

/// What keeps records from being collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// What a collector did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    pub records: u64,
    /// Bytes of their lines.
    pub bytes: u64,
    pub commits: u64,
    /// Bytes of the index at the end, and of what lies in it.
    pub index: u64,
    pub spool: u64,
    /// Why the index was built anew, where it was.
    pub rebuilt: Option<String>,
    pub problems: Problems,
}

impl Stats {
    fn add(&mut self, added: &Added) {
        self.records += added.records;
        self.bytes += added.bytes;
        self.problems.malformed += added.malformed;
    }

    /// Adds what another collector did.
    pub fn merge(&mut self, other: Stats) {
        self.records += other.records;
        self.bytes += other.bytes;
        self.commits += other.commits;
        self.index += other.index;
        self.spool += other.spool;
        self.rebuilt = self.rebuilt.take().or(other.rebuilt);
        self.problems.merge(other.problems);
    }
}

/// How far a catch-up is, in bytes of the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// Brings the index of a run up to date.
///
/// # Errors
/// [`StoreError::Busy`] while another collector has the run.
pub fn once(run: &RunDir, progress: &mut dyn FnMut(Progress)) -> Result<Stats, CollectError> {
    let mut collector = Collector::open(run)?;
    collector.catch_up(progress)?;
    collector.close()
}

/// Writes one run into its store.
struct Collector {
    run: RunDir,
    writer: Box<dyn Writer>,
    follower: Follower,
    /// Bytes that were added since the last commit.
    uncommitted: u64,
    last_commit: Instant,
    /// When something was last added.
    last_news: Instant,
    stats: Stats,
}

impl Collector {
    fn open(run: &RunDir) -> Result<Collector, CollectError> {
        let (writer, rebuilt) = LocalStore::of(run).write_or_rebuild()?;
        let follower = Follower::new(run.spool(), writer.positions());
        let now = Instant::now();
        let stats = Stats { rebuilt, ..Stats::default() };
        Ok(Collector { run: run.clone(), writer, follower, uncommitted: 0, last_commit: now, last_news: now, stats })
    }

    /// Adds everything that is there, with a commit now and then and one at the end.
    fn catch_up(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), CollectError> {
        let total = self.follower.bytes_ahead()?;
        let mut done = 0;
        loop {
            let listing = self.run.spool().list()?;
            let stretches = stretches(&listing, &self.follower.positions(), CATCH_UP_PIECE, CATCH_UP_COMMIT);
            if stretches.iter().map(Stretch::len).sum::<u64>() < WORTH_THREADS {
                break;
            }
            let added = self.writer.add_stretches(&stretches, &mut |bytes| {
                done += bytes;
                progress(Progress { done, total: total.max(done) });
            })?;
            for stretch in stretches {
                self.follower.pass_over(stretch.part.id, stretch.until);
            }
            self.stats.add(&added);
            self.uncommitted += added.bytes;
            self.last_news = Instant::now();
            self.commit()?;
        }
        while !self.add_news(LIVE_COMMIT, &mut |bytes| {
            progress(Progress { done: done + bytes, total: total.max(done + bytes) });
        })? {
            self.commit()?;
        }
        self.commit()
    }

    /// Adds what has come, until about that many bytes wait for a commit. True when that was all.
    fn add_news(&mut self, most: u64, progress: &mut dyn FnMut(u64)) -> Result<bool, CollectError> {
        let (mut failure, mut added, mut reported) = (None, 0, 0);
        let Collector { writer, follower, uncommitted, stats, .. } = self;
        let end = follower.poll(&mut |entry| {
            let bytes = entry.len + 1;
            if let Err(error) = writer.add(entry) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            stats.records += 1;
            added += bytes;
            *uncommitted += bytes;
            if added - reported >= PROGRESS_STEP {
                reported = added;
                progress(added);
            }
            if *uncommitted >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if let Some(error) = failure {
            return Err(error.into());
        }
        if added > 0 {
            self.last_news = Instant::now();
        }
        self.stats.bytes += added;
        progress(added);
        Ok(end?.is_continue())
    }

    /// Adds what has come, and commits when it is time.
    fn step(&mut self) -> Result<(), CollectError> {
        while !self.add_news(LIVE_COMMIT, &mut |_| {})? {
            self.commit()?;
        }
        self.commit_if_due()
    }

    fn commit_if_due(&mut self) -> Result<(), CollectError> {
        if self.uncommitted > 0 && self.last_commit.elapsed() >= LIVE_COMMIT_AFTER {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CollectError> {
        self.last_commit = Instant::now();
        let positions = self.follower.positions();
        // Lines that are passed over move positions, too; without a record among them they can wait.
        if self.uncommitted > 0 {
            self.writer.commit(&positions)?;
            self.stats.commits += 1;
            self.uncommitted = 0;
        }
        Ok(())
    }

    fn close(mut self) -> Result<Stats, CollectError> {
        self.commit()?;
        // The follower has not seen what was caught up.
        let malformed = self.stats.problems.malformed;
        self.stats.problems = self.follower.problems().clone();
        self.stats.problems.malformed += malformed;
        self.stats.spool = self.writer.positions().iter().map(|(_, until)| until).sum();
        self.writer.close()?;
        self.stats.index = LocalStore::of(&self.run).size();
        Ok(self.stats)
    }
}
