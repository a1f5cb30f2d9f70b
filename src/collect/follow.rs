//! Collecting that goes on: one run, or every run of a store as they come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::watch::{Changes, Watch};
use super::{CollectError, Collector, Stats};
use crate::spool::{Part, Problems, RunDir, StoreDir};
use crate::store::local::LocalStore;
use crate::store::{SMALL_RUN, StoreError};

/// How soon a request to stop is seen.
const ATTENTION: Duration = Duration::from_millis(200);

/// How often everything is looked at, whatever was notified: not every file system notifies.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long a run rests before its index is let go.
const REST: Duration = Duration::from_secs(30);

/// How long a run is left alone after it could not be collected.
const LEAVE_ALONE: Duration = Duration::from_secs(5);

/// What is followed.
#[derive(Debug, Clone)]
pub enum Target {
    Run(RunDir),
    /// Every run that is too large to be scanned by its readers.
    All(StoreDir),
}

/// What happens while following.
#[derive(Debug)]
pub enum Report<'a> {
    /// A run cannot be collected now; it is tried again.
    Failed { run: &'a RunDir, error: CollectError },
}

/// Collects until `stop` is set, then commits what it has.
///
/// # Errors
/// Where a run that was named is held by another collector, or the store cannot be listed.
pub fn follow(
    target: &Target,
    watch: Watch,
    stop: &AtomicBool,
    report: &mut dyn FnMut(Report<'_>),
) -> Result<Stats, CollectError> {
    let mut following = Following::new(target, watch);
    let mut changed = Changes::Anywhere;
    let mut looked = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if looked.elapsed() >= LOOK_AGAIN {
            changed = Changes::Anywhere;
        }
        if changed == Changes::Anywhere {
            looked = Instant::now();
        }
        following.look(&changed, report)?;
        changed = following.watch.wait(ATTENTION);
    }
    following.end(report)
}

struct Following<'t> {
    target: &'t Target,
    watch: Watch,
    collectors: BTreeMap<RunDir, Collector>,
    left_alone: BTreeMap<RunDir, Instant>,
    stats: Stats,
}

impl<'t> Following<'t> {
    fn new(target: &'t Target, watch: Watch) -> Following<'t> {
        Following { target, watch, collectors: BTreeMap::new(), left_alone: BTreeMap::new(), stats: Stats::default() }
    }

    fn look(&mut self, changed: &Changes, report: &mut dyn FnMut(Report<'_>)) -> Result<(), CollectError> {
        let runs = match (self.target, changed) {
            (Target::Run(run), _) => vec![run.clone()],
            (Target::All(dir), Changes::Anywhere) => {
                self.watch.add(&dir.path().join("runs"));
                dir.runs()?
            }
            // Commits fall due without any change.
            (Target::All(_), Changes::Nowhere) => self.collectors.keys().cloned().collect(),
            (Target::All(dir), Changes::At(paths)) => self.runs_of(dir, paths),
        };
        for run in runs {
            if let Err(error) = self.collect(&run, changed) {
                let is_named = matches!(self.target, Target::Run(_));
                if is_named && matches!(error, CollectError::Store(StoreError::Busy { .. })) {
                    return Err(error);
                }
                self.collectors.remove(&run);
                report(Report::Failed { run: &run, error });
                self.left_alone.insert(run, Instant::now());
            }
        }
        Ok(())
    }

    /// The runs in which these paths lie, and those with something to commit.
    fn runs_of(&self, dir: &StoreDir, paths: &BTreeSet<PathBuf>) -> Vec<RunDir> {
        let runs = dir.path().join("runs");
        let changed = paths.iter().filter_map(|path| path.strip_prefix(&runs).ok()?.iter().next()?.to_str());
        let changed = changed.filter_map(|name| dir.run(name).ok());
        let all: BTreeSet<RunDir> = changed.chain(self.collectors.keys().cloned()).collect();
        all.into_iter().collect()
    }

    fn collect(&mut self, run: &RunDir, changed: &Changes) -> Result<(), CollectError> {
        // Watched before it is read: what comes in between is read or told, or both.
        if !self.watch.add(&run.spool_path()) {
            self.watch.add(run.path());
        }
        if self.left_alone.get(run).is_some_and(|since| since.elapsed() < LEAVE_ALONE) {
            return Ok(());
        }
        self.left_alone.remove(run);
        if !self.collectors.contains_key(run) {
            if !self.is_worth_it(run)? {
                return Ok(());
            }
            let mut collector = Collector::open(run)?;
            collector.catch_up(&mut |_| {})?;
            self.collectors.insert(run.clone(), collector);
        }
        let Some(collector) = self.collectors.get_mut(run) else { return Ok(()) };
        match changed {
            // A run of thousands of files is not listed for that.
            Changes::Nowhere => collector.commit_if_due()?,
            _ => collector.step()?,
        }
        if collector.uncommitted == 0 && collector.last_news.elapsed() >= REST {
            self.let_go(run)?;
        }
        Ok(())
    }

    /// Whether the run has news that readers should not have to scan.
    fn is_worth_it(&self, run: &RunDir) -> Result<bool, CollectError> {
        if matches!(self.target, Target::Run(_)) {
            return Ok(true);
        }
        // What is wrong with an index is said, or mended, when it is opened for writing.
        let index = LocalStore::of(run).open().ok().flatten();
        let positions = index.as_ref().map(|index| index.positions().clone()).unwrap_or_default();
        let listing = run.spool().list()?;
        let behind = |part: &Part| {
            let from = positions.get(&part.id);
            part.whole_until(from, &mut Problems::default()) - from
        };
        let behind: u64 = listing.parts().map(behind).sum();
        Ok(behind > if index.is_some() { 0 } else { SMALL_RUN })
    }

    fn let_go(&mut self, run: &RunDir) -> Result<(), CollectError> {
        if let Some(collector) = self.collectors.remove(run) {
            self.stats.merge(collector.close()?);
        }
        Ok(())
    }

    fn end(mut self, report: &mut dyn FnMut(Report<'_>)) -> Result<Stats, CollectError> {
        for run in self.collectors.keys().cloned().collect::<Vec<_>>() {
            if let Err(error) = self.let_go(&run) {
                report(Report::Failed { run: &run, error });
            }
        }
        Ok(self.stats)
    }
}
