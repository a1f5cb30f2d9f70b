//! The reference store: a list of records and [`Query::matches`](crate::query::Query::matches) over it. Slow and true;
//! what any other store answers is held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::tally::{Best, count_values};
use super::{
    Added, Buckets, Extent, Filter, Hit, Located, Reader, Request, Seen, Store, StoreError, Stretch, Told, Writer,
};
use crate::query::Query;
use crate::record::Field;
use crate::spool::{Entry, Positions, Problems};

/// Records in memory. Clones are the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    committed: Snapshot,
    is_being_written: bool,
}

/// What is committed.
#[derive(Debug, Clone, Default)]
struct Snapshot {
    hits: Vec<Hit>,
    positions: Positions,
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is one assignment: a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn write(&self) -> Result<Box<dyn Writer>, StoreError> {
        let mut inner = self.lock();
        if inner.is_being_written {
            return Err(StoreError::Busy { path: PathBuf::from("memory"), holder: Some(std::process::id()) });
        }
        inner.is_being_written = true;
        let positions = inner.committed.positions.clone();
        Ok(Box::new(MemoryWriter { store: self.clone(), added_up_to: positions.clone(), positions, added: Vec::new() }))
    }

    fn read(&self) -> Result<Box<dyn Reader>, StoreError> {
        Ok(Box::new(self.lock().committed.clone()))
    }
}

struct MemoryWriter {
    store: MemoryStore,
    positions: Positions,
    added_up_to: Positions,
    added: Vec<Hit>,
}

impl MemoryWriter {
    fn keep(&mut self, entry: Entry<'_>) {
        if entry.offset >= self.added_up_to.get(entry.source) {
            self.added_up_to.set(entry.source.clone(), entry.offset + entry.len + 1);
            self.added.push(Hit::of(entry));
        }
    }
}

impl Writer for MemoryWriter {
    fn positions(&self) -> &Positions {
        &self.positions
    }

    fn add(&mut self, entry: Entry<'_>) -> Result<(), StoreError> {
        self.keep(entry);
        Ok(())
    }

    fn add_stretches(&mut self, stretches: &[Stretch], progress: &mut dyn FnMut(u64)) -> Result<Added, StoreError> {
        let mut added = Added::default();
        for stretch in stretches {
            let (mut problems, mut records) = (Problems::default(), 0);
            let _ = stretch.read(&mut problems, &mut |entry| {
                records += 1;
                self.keep(entry);
                ControlFlow::Continue(())
            });
            added.merge(&Added { records, bytes: stretch.len(), malformed: problems.malformed });
            progress(stretch.len());
        }
        Ok(added)
    }

    fn commit(&mut self, positions: &Positions) -> Result<(), StoreError> {
        let mut inner = self.store.lock();
        inner.committed.hits.append(&mut self.added);
        inner.committed.positions = positions.clone();
        self.positions = positions.clone();
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        self.store.lock().is_being_written = false;
    }
}

impl Snapshot {
    fn passing<'a>(&'a self, filter: &Filter) -> impl Iterator<Item = &'a Hit> {
        let judge = filter.compile();
        self.hits.iter().filter(move |hit| judge.passes(&hit.record))
    }
}

impl Reader for Snapshot {
    fn positions(&self) -> &Positions {
        &self.positions
    }

    fn extent(&self) -> Result<Extent, StoreError> {
        let mut extent = Extent::default();
        self.hits.iter().for_each(|hit| extent.add(hit.record.ts));
        Ok(extent)
    }

    fn search(&self, request: &Request) -> Result<Vec<Hit>, StoreError> {
        let mut best = Best::of(request);
        self.passing(&request.filter).for_each(|hit| best.add(hit.entry()));
        Ok(best.into_hits())
    }

    fn locate(&self, filter: &Filter) -> Result<Located, StoreError> {
        let mut located = Located::default();
        self.passing(filter).for_each(|hit| located.add(hit.record.ts, &hit.source, hit.offset, hit.len));
        Ok(located)
    }

    fn count(&self, filter: &Filter) -> Result<u64, StoreError> {
        Ok(self.passing(filter).count() as u64)
    }

    fn counts(&self, filter: &Filter, field: &Field) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        self.passing(filter).for_each(|hit| count_values(&hit.record, field, &mut counts));
        Ok(counts)
    }

    fn histogram(&self, filter: &Filter, buckets: &Buckets) -> Result<Vec<u64>, StoreError> {
        let mut counts = vec![0; buckets.count];
        for place in self.passing(filter).filter_map(|hit| buckets.of(hit.record.ts)) {
            counts[place] += 1;
        }
        Ok(counts)
    }

    fn keys(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut keys = BTreeSet::new();
        for hit in &self.hits {
            hit.record.each_key(&mut |key, _| {
                keys.insert(key.to_owned());
            });
        }
        Ok(keys)
    }

    fn outline(&self, _what: Told<'_>, each: &mut dyn FnMut(Seen<'_>)) -> Result<(), StoreError> {
        self.each(&Filter::new(Query::All), &mut |entry| {
            each(Seen::Whole(Box::new(entry.record)));
            ControlFlow::Continue(())
        })
        .map(drop)
    }

    fn each(
        &self,
        filter: &Filter,
        each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let mut hits: Vec<&Hit> = self.passing(filter).collect();
        hits.sort_by(|left, right| (&left.source, left.offset).cmp(&(&right.source, right.offset)));
        for hit in hits {
            if each(hit.entry()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
