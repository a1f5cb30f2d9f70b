//! Segments, asked side by side: they know nothing of each other, so each thread takes the next one, until there are none.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::segment::Segment;
use crate::store::guard;

/// How many documents are worth a second thread: below, they are judged before it has begun.
const WORTH_A_THREAD: u64 = 20_000;

/// What the work gives for each segment, in their order; `Err` with what a segment that is damaged made of it.
pub(super) fn each<T: Send>(segments: &[Segment], work: impl Fn(&Segment) -> T + Sync) -> Result<Vec<T>, String> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let documents: u64 = segments.iter().map(|segment| u64::from(segment.size())).sum();
    let threads = if documents < WORTH_A_THREAD { 1 } else { cores.min(segments.len()) };
    // The largest first: whoever is done early takes what is left.
    let mut order: Vec<usize> = (0..segments.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(segments[*place].size()));
    let next = AtomicUsize::new(0);
    let take = || {
        let turn = || order.get(next.fetch_add(1, Ordering::Relaxed)).copied();
        std::iter::from_fn(turn).map(|place| (place, work(&segments[place]))).collect::<Vec<_>>()
    };
    let mut done = thread::scope(|scope| {
        // Where no thread can be had, this one does all of it.
        let others: Vec<_> = (1..threads)
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, || guard::caught(take)).ok())
            .collect();
        let mut done = take();
        for other in others {
            match other.join() {
                Ok(part) => done.extend(part?),
                Err(_) => return Err("a thread that searched has died".to_owned()),
            }
        }
        Ok(done)
    })?;
    done.sort_unstable_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, made)| made).collect())
}
