//! The first documents in order.

use std::collections::BinaryHeap;

use super::read::Address;
use crate::store::Order;

/// Time, rank of the source, offset: the order of [`SortKey`](crate::store::SortKey) in numbers.
type Key = (i64, u32, u64);

/// A document and where it stands in the order; the less, the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ranked {
    key: (i128, i64, i128),
    pub address: Address,
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// Keeps the first documents of an order.
pub(super) struct Top {
    sign: i64,
    limit: usize,
    after: Option<(i128, i64, i128)>,
    /// The last of those kept is on top.
    kept: BinaryHeap<Ranked>,
}

impl Top {
    /// `after`: time, rank, offset; and whether the rank is that source's own. If not, it is that of the next one.
    pub fn new(order: Order, limit: usize, after: Option<(i64, u32, u64, bool)>) -> Top {
        let sign = if order == Order::Oldest { 1 } else { -1 };
        let mut top = Top { sign, limit, after: None, kept: BinaryHeap::new() };
        top.after = after.map(|(ts, rank, offset, is_known)| {
            let (_, rank_key, _) = top.key((ts, rank, 0));
            let offset = if is_known { i128::from(offset) } else { -1 };
            (i128::from(sign) * i128::from(ts), rank_key, i128::from(sign) * offset)
        });
        top
    }

    fn key(&self, (ts, rank, offset): Key) -> (i128, i64, i128) {
        let sign = i128::from(self.sign);
        (sign * i128::from(ts), self.sign * i64::from(rank), sign * i128::from(offset))
    }

    /// Whether a document of that time can be among the first: asked before anything else is looked up.
    pub fn may_want(&self, ts: i64) -> bool {
        let ts = i128::from(self.sign) * i128::from(ts);
        let good_enough = self.kept.len() < self.limit || self.kept.peek().is_some_and(|worst| ts <= worst.key.0);
        good_enough && self.after.is_none_or(|after| ts >= after.0)
    }

    pub fn add(&mut self, key: Key, address: Address) {
        let ranked = Ranked { key: self.key(key), address };
        if self.after.is_some_and(|after| ranked.key <= after) {
            return;
        }
        if self.kept.len() < self.limit {
            self.kept.push(ranked);
        } else if self.kept.peek().is_some_and(|worst| ranked < *worst) {
            self.kept.pop();
            self.kept.push(ranked);
        }
    }

    pub fn into_sorted(self) -> Vec<Ranked> {
        self.kept.into_sorted_vec()
    }
}
