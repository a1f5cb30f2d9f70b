//! What becomes of records that passed one by one: the best of them in order, counts by value, extents. Used where there
//! is no index: by the memory store, and for the tail of a spool.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::{Extent, Hit, Order, Request, SortKey};
use crate::record::{Field, Record};
use crate::spool::Entry;

/// The first hits of a request, whatever order they come in. Holds no more than were asked for.
pub(super) struct Best {
    order: Order,
    limit: usize,
    after: Option<SortKey>,
    /// The worst of those kept is on top.
    kept: BinaryHeap<Ranked>,
}

struct Ranked {
    key: OrderedKey,
    hit: Hit,
}

/// A key that is less the earlier it comes in the answer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum OrderedKey {
    Oldest(SortKey),
    Newest(Reverse<SortKey>),
}

impl OrderedKey {
    fn new(order: Order, key: SortKey) -> OrderedKey {
        match order {
            Order::Oldest => OrderedKey::Oldest(key),
            Order::Newest => OrderedKey::Newest(Reverse(key)),
        }
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.key == other.key
    }
}

impl Eq for Ranked {}

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

impl Best {
    pub fn of(request: &Request) -> Best {
        Best { order: request.order, limit: request.limit, after: request.after.clone(), kept: BinaryHeap::new() }
    }

    pub fn add(&mut self, entry: Entry<'_>) {
        let key = SortKey { ts: entry.record.ts, source: entry.source.clone(), offset: entry.offset };
        if self.wants(&key) {
            self.keep(OrderedKey::new(self.order, key), Hit::of(entry));
        }
    }

    pub fn add_hit(&mut self, hit: Hit) {
        let key = hit.sort_key();
        if self.wants(&key) {
            self.keep(OrderedKey::new(self.order, key), hit);
        }
    }

    fn wants(&self, key: &SortKey) -> bool {
        let key = OrderedKey::new(self.order, key.clone());
        let behind = |after: &SortKey| key > OrderedKey::new(self.order, after.clone());
        let good_enough = self.kept.len() < self.limit || self.kept.peek().is_some_and(|worst| key < worst.key);
        good_enough && self.after.as_ref().is_none_or(behind)
    }

    fn keep(&mut self, key: OrderedKey, hit: Hit) {
        if self.kept.len() == self.limit {
            self.kept.pop();
        }
        self.kept.push(Ranked { key, hit });
    }

    /// The hits in the order asked for.
    pub fn into_hits(self) -> Vec<Hit> {
        self.kept.into_sorted_vec().into_iter().map(|ranked| ranked.hit).collect()
    }
}

/// Adds a record to the counts by value.
pub(super) fn count_values(record: &Record, field: &Field, counts: &mut BTreeMap<String, u64>) {
    let mut values = BTreeSet::new();
    record.each_value(field, &mut |value| {
        values.insert(value.to_string());
    });
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
}

impl Extent {
    /// Counts a record with that time; 0 is no time.
    pub(super) fn add(&mut self, ts: i64) {
        self.merge(Extent { records: 1, first: Some(ts).filter(|ts| *ts != 0), last: Some(ts).filter(|ts| *ts != 0) });
    }

    pub fn merge(&mut self, other: Extent) {
        self.records += other.records;
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.into_iter().chain(other.last).max();
    }
}
