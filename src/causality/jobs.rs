//! Which worker of a pool of processes had which job in hand, from the `recv` and `send` that stand around each: one that
//! ends with a job in hand takes it along, and a multiprocessing.Pool never tells whoever waits for it. Also who failed in one.

use std::collections::HashMap;

use super::graph::{LaneIndex, ProcessIndex};
use crate::record::Record;
use crate::record::readings::TransferEvent;

/// A job that was taken and of which no result was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct JobInHand {
    pub worker: LaneIndex,
    pub seq: u64,
    pub mono: u64,
    /// `7.0`: the first part of job 7 of the process that submitted it.
    pub job: String,
    pub submitter: ProcessIndex,
    pub function: Option<String>,
}

impl JobInHand {
    fn is_part_of(&self, submitter: ProcessIndex, job: &str) -> bool {
        self.submitter == submitter && self.job.split_once('.').is_some_and(|(whole, _)| whole == job)
    }
}

/// So many failures are kept.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub struct Jobs {
    /// A worker does one at a time.
    in_hand: HashMap<LaneIndex, JobInHand>,
    /// Those that ended with an exception; the worker's `send` is numbered `seq`.
    failed: Vec<JobInHand>,
}

impl Jobs {
    pub(super) fn take(&mut self, worker: LaneIndex, submitter: ProcessIndex, record: &Record, told: &TransferEvent) {
        let Some(job) = told.job else { return };
        let function = told.function.map(str::to_owned);
        let taken = JobInHand { worker, seq: record.seq, mono: record.mono, job: job.to_owned(), submitter, function };
        self.in_hand.insert(worker, taken);
    }

    pub(super) fn give_back(&mut self, worker: LaneIndex, record: &Record, told: &TransferEvent) {
        let taken = self.in_hand.remove(&worker).filter(|taken| Some(taken.job.as_str()) == told.job);
        if let Some(taken) = taken.filter(|_| told.exc.is_some() && self.failed.len() < MOST) {
            self.failed.push(JobInHand { seq: record.seq, mono: record.mono, ..taken });
        }
    }

    /// The parts of that job that are in somebody's hand.
    pub fn in_hand(&self, submitter: ProcessIndex, job: &str) -> impl Iterator<Item = &JobInHand> {
        self.in_hand.values().filter(move |taken| taken.is_part_of(submitter, job))
    }

    /// The first part of that job that failed.
    pub fn failed(&self, submitter: ProcessIndex, job: &str) -> Option<&JobInHand> {
        self.failed.iter().filter(|failed| failed.is_part_of(submitter, job)).min_by_key(|failed| failed.mono)
    }
}
