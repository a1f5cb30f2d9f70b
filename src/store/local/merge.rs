//! Which segments are merged: neighbours in time, so that what is in a segment stays together in time and the order inside
//! stays about that of time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tantivy::index::SegmentId;
use tantivy::merge_policy::{MergeCandidate, MergePolicy};
use tantivy::{Index, SegmentMeta, SegmentReader};

/// How many segments of about one size are merged at a time.
const TOGETHER: usize = 8;

/// A segment with more documents than this stays as it is.
const LARGEST: u32 = 4_000_000;

/// A segment up to this size counts as one of the smallest.
const SMALL: u32 = 10_000;

#[derive(Debug)]
pub(super) struct NeighboursInTime {
    index: Index,
    /// The first moment of each segment, as far as it was looked up.
    begins: Mutex<HashMap<SegmentId, i64>>,
}

impl NeighboursInTime {
    pub fn new(index: Index) -> NeighboursInTime {
        NeighboursInTime { index, begins: Mutex::default() }
    }

    fn begin(&self, meta: &SegmentMeta) -> i64 {
        let mut begins = self.begins.lock().unwrap_or_else(PoisonError::into_inner);
        *begins.entry(meta.id()).or_insert_with(|| {
            // A segment that cannot be opened now is found out by whoever reads it.
            let reader = SegmentReader::open(&self.index.segment(meta.clone()));
            reader.and_then(|reader| reader.fast_fields().i64("ts")).map_or(0, |ts| ts.min_value())
        })
    }
}

impl MergePolicy for NeighboursInTime {
    fn compute_merge_candidates(&self, segments: &[SegmentMeta]) -> Vec<MergeCandidate> {
        let mut ordered: Vec<(i64, u32, SegmentId)> =
            segments.iter().map(|meta| (self.begin(meta), meta.num_docs(), meta.id())).collect();
        ordered.sort_unstable();
        let sizes: Vec<u32> = ordered.iter().map(|(_, size, _)| *size).collect();
        choose(&sizes)
            .into_iter()
            .map(|run| MergeCandidate(ordered[run].iter().map(|(.., id)| *id).collect()))
            .collect()
    }
}

/// Runs of neighbours of about one size.
fn choose(sizes: &[u32]) -> Vec<std::ops::Range<usize>> {
    let mut chosen = Vec::new();
    let mut start = 0;
    while start < sizes.len() {
        let tier = tier(sizes[start]);
        let end = start + sizes[start..].iter().take_while(|size| self::tier(**size) == tier).count();
        let mut from = start;
        while end - from >= TOGETHER && sizes[from] < LARGEST {
            chosen.push(from..from + TOGETHER);
            from += TOGETHER;
        }
        start = end;
    }
    chosen
}

fn tier(size: u32) -> u32 {
    (size.max(1).div_ceil(SMALL)).next_power_of_two().ilog2() / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_a_size_are_merged_and_large_ones_stay() {
        assert!(choose(&[100; 7]).is_empty());
        let only = |sizes: &[u32]| choose(sizes).iter().map(|run| (run.start, run.end)).collect::<Vec<_>>();
        assert_eq!(only(&[100; 9]), [(0, 8)]);
        assert_eq!(only(&[[5_000_000; 9], [90; 9]].concat()), [(9, 17)]);
        assert!(choose(&[90, 2_000_000].repeat(8)).is_empty());
    }

    #[test]
    fn small_segments_do_not_gather() {
        let mut sizes = Vec::new();
        for size in std::iter::repeat_n(100, 5000) {
            sizes.push(size);
            while let Some(run) = choose(&sizes).into_iter().next() {
                let sum = sizes[run.clone()].iter().sum();
                sizes.splice(run, [sum]);
            }
        }
        assert!(sizes.len() < 60, "{} segments", sizes.len());
    }
}
