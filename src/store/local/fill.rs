//! Catching up: one worker a core, each of which turns lines straight into segments of its own. Memory is bounded by the
//! size of these segments, whatever there is to read.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use tantivy::{Index, SegmentMeta};

use super::document::Spot;
use super::growing::GrowingSegment;
use super::row::RowMaker;
use super::schema::Fields;
use crate::record::Body;
use crate::spool::Problems;
use crate::store::{Added, Stretch};

/// How large the segments that grow at one time may be in memory, all together and each, in bytes.
const ALL_MEMORY: usize = 256 << 20;
const MOST_MEMORY: usize = 128 << 20;

/// What no segment can do with less of.
const LEAST_MEMORY: usize = 32 << 20;

/// How much is read between two reports of progress, in bytes.
const PROGRESS_STEP: u64 = 1 << 20;

/// Turns stretches, each with the place of its source in the index, into segments. `progress` is told of bytes that were
/// read.
pub(super) fn fill(
    index: &Index,
    stretches: &[(u64, Stretch)],
    progress: &mut dyn FnMut(u64),
) -> tantivy::Result<(Vec<SegmentMeta>, Added)> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(ALL_MEMORY / LEAST_MEMORY).min(stretches.len()).max(1);
    let memory = (ALL_MEMORY / workers).min(MOST_MEMORY);
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let (sender, read) = mpsc::channel();
        let running: Vec<_> = (0..workers)
            .map(|_| {
                let shared = Shared { stretches, next: &next, failed: &failed, read: sender.clone() };
                scope.spawn(move || Worker::new(index, memory).work(&shared))
            })
            .collect();
        drop(sender);
        read.iter().for_each(progress);
        let (mut segments, mut added) = (Vec::new(), Added::default());
        for worker in running {
            let done = worker.join().unwrap_or_else(|_| {
                Err(tantivy::TantivyError::InternalError("a thread that indexes has panicked".to_owned()))
            });
            let (own, records) = done?;
            segments.extend(own);
            added.merge(&records);
        }
        Ok((segments, added))
    })
}

/// What the workers share.
struct Shared<'s> {
    stretches: &'s [(u64, Stretch)],
    next: &'s AtomicUsize,
    failed: &'s AtomicBool,
    read: Sender<u64>,
}

struct Worker<'i> {
    index: &'i Index,
    memory: usize,
    rows: RowMaker,
    open: Option<GrowingSegment>,
    segments: Vec<SegmentMeta>,
    added: Added,
}

impl<'i> Worker<'i> {
    fn new(index: &'i Index, memory: usize) -> Worker<'i> {
        let rows = RowMaker::new(Fields::new());
        Worker { index, memory, rows, open: None, segments: Vec::new(), added: Added::default() }
    }

    fn work(mut self, shared: &Shared<'_>) -> tantivy::Result<(Vec<SegmentMeta>, Added)> {
        let done = self.add_all(shared).and_then(|()| self.end_segment());
        if done.is_err() {
            shared.failed.store(true, Ordering::Relaxed);
        }
        done.map(|()| (self.segments, self.added))
    }

    fn add_all(&mut self, shared: &Shared<'_>) -> tantivy::Result<()> {
        while !shared.failed.load(Ordering::Relaxed) {
            let Some((src, stretch)) = shared.stretches.get(shared.next.fetch_add(1, Ordering::Relaxed)) else { break };
            self.add(*src, stretch, &shared.read)?;
        }
        Ok(())
    }

    fn add(&mut self, src: u64, stretch: &Stretch, read: &Sender<u64>) -> tantivy::Result<()> {
        let mut failure = None;
        let mut problems = Problems::default();
        let (mut records, mut malformed, mut told) = (0, 0, stretch.from);
        stretch.skim(&mut problems, &mut |sight| {
            let (off, len) = sight.spot();
            let spot = Spot { src, off, len };
            if sight.sketch(|sketch| self.rows.make(sketch, spot)).is_none() {
                let record = sight.understand().record;
                if record.again {
                    return ControlFlow::Continue(());
                }
                malformed += u64::from(matches!(record.body, Body::Malformed(_)));
                self.rows.make(&record, spot);
            }
            if let Err(error) = self.add_rows() {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            records += 1;
            if off - told >= PROGRESS_STEP {
                // Whoever wanted to know may have gone.
                let _ = read.send(off - told);
                told = off;
            }
            ControlFlow::Continue(())
        });
        if let Some(error) = failure {
            return Err(error);
        }
        let _ = read.send(stretch.until - told);
        self.added.merge(&Added { records, bytes: stretch.len(), malformed });
        match problems.unreadable.into_iter().next() {
            // Nothing may be said to be in the index that is not.
            Some((path, why)) => Err(tantivy::TantivyError::SystemError(format!("{}: {why}", path.display()))),
            None => Ok(()),
        }
    }

    /// Adds the rows that were made, if they are enough.
    fn add_rows(&mut self) -> tantivy::Result<()> {
        if !self.rows.are_enough() {
            return Ok(());
        }
        let open = self.open.get_or_insert_with(|| GrowingSegment::begin(self.index, self.memory));
        open.add(self.rows.take());
        if open.is_full() { self.end_segment() } else { Ok(()) }
    }

    fn end_segment(&mut self) -> tantivy::Result<()> {
        let rest = self.rows.take();
        if !rest.is_empty() {
            self.open.get_or_insert_with(|| GrowingSegment::begin(self.index, self.memory)).add(rest);
        }
        if let Some(open) = self.open.take() {
            self.segments.push(open.end()?);
            self.rows.begin_segment();
        }
        Ok(())
    }
}
