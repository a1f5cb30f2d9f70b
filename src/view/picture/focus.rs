//! Which stretch of time a picture covers, and which of it is looked at first.

use crate::causality::{CausalGraph, LaneIndex};

/// A silence that is so many times as long as all else is folded away at first.
const MUCH_LONGER: f64 = 4.0;
/// What stands alone beyond such a silence is so small a part of the records.
const FEW: f64 = 0.01;

/// From the first record to the last thing known of the run, wall clock, ns.
pub(super) fn span(graph: &CausalGraph, lanes: impl Iterator<Item = LaneIndex>) -> (i64, i64) {
    let (mut begin, mut end) = (i64::MAX, i64::MIN);
    for lane in lanes {
        for node in &graph.lane(lane).nodes {
            (begin, end) = (begin.min(node.ts), end.max(node.ts));
        }
    }
    if begin > end {
        return (0, 0);
    }
    // What the watchdog and `logq run` saw comes later: for so long, at least, nothing else happened.
    let ours = graph.lane_indexes().filter(|lane| graph.lane(*lane).is_logq() || graph.process_of(*lane).is_logq());
    let last = ours.filter_map(|lane| graph.lane(lane).last()).map(|node| node.ts).max();
    (begin, end.max(last.unwrap_or(end)))
}

/// The stretch that is worth looking at first: without a long silence at the end, and without the few records that a wrong
/// clock put into another year. Times in order.
pub(super) fn focus(times: &[i64], span: (i64, i64)) -> (i64, i64) {
    let (Some(mut first), Some(mut last)) = (times.first().copied(), times.last().copied()) else { return span };
    let widest = times.windows(2).enumerate().max_by_key(|(_, pair)| pair[1].saturating_sub(pair[0]));
    if let Some((at, pair)) = widest {
        let gap = pair[1].saturating_sub(pair[0]) as f64;
        let rest = last.saturating_sub(first) as f64 - gap;
        let (before, after) = (at + 1, times.len() - at - 1);
        let is_few = |part: usize| (part as f64) < (times.len() as f64) * FEW;
        if gap > 100.0 * MUCH_LONGER * rest.max(1e9) && is_few(before.min(after)) {
            (first, last) = if before > after { (first, pair[0]) } else { (pair[1], last) };
        }
    }
    // A program's start, before anything happens in it, is mostly left out too.
    if let Some(second) = times.iter().copied().find(|time| *time > first).filter(|second| *second < last) {
        let (start, rest) = (second.saturating_sub(first), last.saturating_sub(second));
        if start > rest {
            first = second.saturating_sub(rest / 3);
        }
    }
    let active = (last.saturating_sub(first)).max(1_000);
    let silence = span.1.saturating_sub(last);
    // Some of the silence is shown: whoever waits there is what one has come to see.
    let until =
        if silence as f64 > MUCH_LONGER * active as f64 { last.saturating_add(active / 2) } else { span.1.max(last) };
    let until = if last < times.last().copied().unwrap_or(last) { last } else { until };
    (first, until)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn a_long_silence_at_the_end_is_mostly_left_out() {
        assert_eq!(focus(&[0, 10, 2000], (0, 30 * S)), (0, 3000));
        assert_eq!(focus(&[0, 7000, 7600, 10_000], (0, 10_000)), (6000, 10_000));
        assert_eq!(focus(&[0, 10 * S], (0, 12 * S)), (0, 12 * S));
    }

    #[test]
    fn a_record_from_next_year_does_not_make_all_others_a_dot() {
        let mut times: Vec<i64> = (0..1000).map(|at| at * S / 1000).collect();
        times.push(365 * 86_400 * S);
        assert_eq!(focus(&times, (0, 365 * 86_400 * S)), (0, 999 * S / 1000));
    }

    #[test]
    fn no_record_and_one_record_have_a_focus() {
        assert_eq!(focus(&[], (0, 0)), (0, 0));
        assert_eq!(focus(&[5], (5, 5)), (5, 5));
    }
}
