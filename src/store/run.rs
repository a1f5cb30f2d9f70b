//! One run, read: its index, where there is one, and everything that is in the spool and not in the index yet. What is on
//! disk is in every answer, always; a reader takes no lock and waits for nobody.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::guard;
use super::local::LocalStore;
use super::located::{Located, Out, Write};
use super::tally::{Best, count_values};
use super::{Buckets, Extent, Filter, Hit, Order, Reader, Request, Seen, StoreError, Stretch, Told};
use crate::query::Query;
use crate::record::field::Known;
use crate::record::id::{ProcessName, RecordName};
use crate::record::{Field, LaneRef, Record};
use crate::spool::{Cursor, Entry, Follower, Part, Positions, Problems, Process, RunDir};

/// A run up to this size needs no index: reading all of it takes no longer than a person notices.
pub const SMALL_RUN: u64 = 16 << 20;

/// How far an index may be behind before it is worth indexing first.
pub const FAR_BEHIND: u64 = 64 << 20;

/// A snapshot of one run.
pub struct RunReader {
    run: RunDir,
    index: Option<Box<dyn Reader>>,
    /// Why the index is not asked any more: then everything is read from the spool.
    given_up: OnceCell<String>,
    processes: Vec<Process>,
    /// What the index lacks.
    tail: Vec<Stretch>,
    /// The end of the last whole line of each part.
    ends: Positions,
    problems: Problems,
    /// Files that could not be read to the end since.
    unreadable: RefCell<BTreeMap<PathBuf, String>>,
    follower: Follower,
    /// Records that were found and whose lines were no longer there.
    pub(super) gone: Cell<u64>,
}

impl RunReader {
    /// What is on disk now. An index that cannot be used is a problem, not an error: the spool has everything.
    pub fn open(run: &RunDir) -> Result<RunReader, StoreError> {
        let (index, unusable) = match guard::ask(|| LocalStore::of(run).open()) {
            Ok(index) => (index, None),
            Err(why) => (None, Some(why)),
        };
        let indexed = index.as_ref().map(|index| index.positions().clone()).unwrap_or_default();
        // The spool is listed after the index was opened: a position that lies behind the end of its part would be
        // a part that was cut.
        let listing = run.spool().list()?;
        let mut problems = Problems { index: unusable, ..listing.problems.clone() };
        let mut ends = indexed.clone();
        let mut tail = Vec::new();
        for part in listing.parts() {
            let from = indexed.get(&part.id);
            if part.len < from {
                let why = format!("cut to {} bytes, of which {from} were indexed", part.len);
                problems.unreadable.insert(part.path.clone(), why);
            }
            let until = part.whole_until(from, &mut problems);
            ends.set(part.id.clone(), until);
            if until > from {
                tail.push(Stretch { part: part.clone(), from, until });
            }
        }
        let follower = Follower::new(run.spool(), &ends);
        Ok(RunReader {
            run: run.clone(),
            index,
            given_up: OnceCell::new(),
            processes: listing.processes,
            tail,
            ends,
            problems,
            unreadable: RefCell::default(),
            follower,
            gone: Cell::new(0),
        })
    }

    pub fn run(&self) -> &RunDir {
        &self.run
    }

    /// The processes that wrote into the run, by number.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// Bytes in the spool that the index does not have.
    pub fn bytes_behind(&self) -> u64 {
        self.tail.iter().map(Stretch::len).sum()
    }

    /// The first hits in the order asked for, given oldest first whichever that is.
    pub fn search(&self, request: &Request) -> Result<Vec<Hit>, StoreError> {
        let indexed = self.ask_index(|index| index.search(request));
        let mut hits = match indexed {
            // They are the first ones, in order.
            Some(hits) if self.tail.is_empty() => hits,
            indexed => self.best_of(request, indexed.unwrap_or_default()),
        };
        if request.order == Order::Newest {
            hits.reverse();
        }
        Ok(hits)
    }

    /// The first hits among these and those that the index does not have.
    fn best_of(&self, request: &Request, indexed: Vec<Hit>) -> Vec<Hit> {
        let mut best = Best::of(request);
        indexed.into_iter().for_each(|hit| best.add_hit(hit));
        let _ = self.each_passing(&request.filter, &mut |entry| {
            best.add(entry);
            ControlFlow::Continue(())
        });
        best.into_hits()
    }

    /// Where all records are that pass, oldest first.
    pub fn locate(&self, filter: &Filter) -> Result<Located, StoreError> {
        let mut located = self.ask_index(|index| index.locate(filter)).unwrap_or_default();
        let _ = self.each_passing(filter, &mut |entry| {
            located.add(entry.record.ts, entry.source, entry.offset, entry.len);
            ControlFlow::Continue(())
        });
        located.sort();
        Ok(located)
    }

    /// Writes records of this run, in the order in which they are given.
    pub fn write(&self, located: &Located, write: &Write, out: &mut Out<'_>) {
        let parts = self.parts().map(|part| (part.id.clone(), part.clone())).collect();
        self.gone.set(self.gone.get() + located.write(&parts, write, out));
    }

    /// How many records there are, and from when to when: what a search that finds nothing has looked at.
    pub fn extent(&self) -> Result<Extent, StoreError> {
        let mut extent = self.ask_index(|index| index.extent()).unwrap_or_default();
        let _ = self.each_unindexed(&mut |entry| {
            extent.add(entry.record.ts);
            ControlFlow::Continue(())
        });
        Ok(extent)
    }

    pub fn count(&self, filter: &Filter) -> Result<u64, StoreError> {
        let mut count = self.ask_index(|index| index.count(filter)).unwrap_or_default();
        self.each_passing_unindexed(filter, &mut |_| count += 1);
        Ok(count)
    }

    /// How many of the records have each value of the field.
    pub fn counts(&self, filter: &Filter, field: &Field) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = self.ask_index(|index| index.counts(filter, field)).unwrap_or_default();
        self.each_passing_unindexed(filter, &mut |record| count_values(record, field, &mut counts));
        Ok(counts)
    }

    /// The commonest values of the field, the commonest first.
    pub fn top(&self, filter: &Filter, field: &Field, most: usize) -> Result<Vec<(String, u64)>, StoreError> {
        let mut counts: Vec<(String, u64)> = self.counts(filter, field)?.into_iter().collect();
        counts.sort_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
        counts.truncate(most);
        Ok(counts)
    }

    pub fn histogram(&self, filter: &Filter, buckets: &Buckets) -> Result<Vec<u64>, StoreError> {
        let indexed = self.ask_index(|index| index.histogram(filter, buckets));
        let mut counts = indexed.unwrap_or_else(|| vec![0; buckets.count]);
        self.each_passing_unindexed(filter, &mut |record| {
            if let Some(count) = buckets.of(record.ts).and_then(|place| counts.get_mut(place)) {
                *count += 1;
            }
        });
        Ok(counts)
    }

    /// Every key that some record has, for [`check_fields`](crate::query::check_fields).
    pub fn keys(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut keys = self.ask_index(|index| index.keys()).unwrap_or_default();
        let _ = self.each_unindexed(&mut |entry| {
            entry.record.each_key(&mut |key, _| {
                if !keys.contains(key) {
                    keys.insert(key.to_owned());
                }
            });
            ControlFlow::Continue(())
        });
        Ok(keys)
    }

    /// Gives every record that passes, each process's in the order of its file.
    pub fn each(
        &self,
        filter: &Filter,
        each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, StoreError> {
        if !is_everything(filter) {
            match self.ask_index(|index| index.each(filter, each)) {
                Some(ControlFlow::Break(())) => return Ok(ControlFlow::Break(())),
                Some(ControlFlow::Continue(())) | None => return Ok(self.each_passing(filter, each)),
            }
        }
        // Everything is read from the files themselves, whatever the index knows of them.
        let judge = filter.compile();
        for whole in self.whole_parts() {
            let read = self.read(&whole, &mut |entry| {
                if judge.passes(&entry.record) { each(entry) } else { ControlFlow::Continue(()) }
            });
            if read.is_break() {
                return Ok(read);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The run in outline, as its index tells it (see [`Reader::outline`]), and what that lacks. `None` where there is no index
    /// that can tell: then something may have been told already that is of no use.
    pub fn outline(&self, what: Told<'_>, each: &mut dyn FnMut(Seen<'_>)) -> Option<()> {
        self.ask_index(|index| index.outline(what, each))?;
        let _ = self.each_unindexed(&mut |entry| {
            each(Seen::Whole(Box::new(entry.record)));
            ControlFlow::Continue(())
        });
        Some(())
    }

    /// The records of that name, oldest first: one, or where no process is said, one of each process that has it.
    pub fn lookup(&self, name: &RecordName) -> Result<Vec<Hit>, StoreError> {
        let mut all = vec![Query::is(Known::Lane, name.lane.to_string()), Query::is(Known::Seq, name.seq.to_string())];
        match &name.process {
            ProcessName::Unsaid => {}
            ProcessName::Number(number) => all.push(Query::is(Known::Process, number.to_string())),
            ProcessName::Key(key) => all.push(Query::is(Known::Proc, key.clone())),
        }
        let filter = Filter::new(Query::And(all));
        self.search(&Request { filter, order: Order::Oldest, limit: usize::MAX, after: None })
    }

    /// Up to `count` records before and after one in its own lane, in the lane's order.
    pub fn context(&self, record: &Record, count: usize) -> Result<(Vec<Hit>, Vec<Hit>), StoreError> {
        Ok((self.beside(record, count, Side::Before)?, self.beside(record, count, Side::After)?))
    }

    fn beside(&self, record: &Record, count: usize, side: Side) -> Result<Vec<Hit>, StoreError> {
        let mut span = count as u64;
        loop {
            // A lane's numbers have no gaps, unless something was lost: then it is looked for further on.
            let (from, to) = match side {
                Side::Before => (record.seq.saturating_sub(span), record.seq.saturating_sub(1)),
                Side::After => (record.seq.saturating_add(1), record.seq.saturating_add(span)),
            };
            let mut hits = self.lane_stretch(record, from, to)?;
            let is_all = match side {
                Side::Before => from == 0,
                Side::After => to == u64::MAX,
            };
            if hits.len() >= count || is_all {
                match side {
                    Side::Before => drop(hits.drain(..hits.len().saturating_sub(count))),
                    Side::After => hits.truncate(count),
                }
                return Ok(hits);
            }
            span = span.saturating_mul(16).max(1024);
        }
    }

    /// Records of the record's lane, by number.
    fn lane_stretch(&self, record: &Record, from: u64, to: u64) -> Result<Vec<Hit>, StoreError> {
        let lane = LaneRef { proc: record.proc.clone(), lane: record.lane };
        let filter = Filter::of_lane(&lane, from..=to);
        let request = Request { filter, order: Order::Oldest, limit: usize::MAX, after: None };
        let mut hits = self.search(&request)?;
        hits.sort_by_key(|hit| hit.record.seq);
        Ok(hits)
    }

    /// Gives the whole lines that have come since the snapshot, or since the last poll.
    pub fn poll(&mut self, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> Result<ControlFlow<()>, StoreError> {
        Ok(self.follower.poll(each)?)
    }

    /// Where [`RunReader::poll`] goes on.
    pub fn positions(&self) -> Positions {
        self.follower.positions()
    }

    /// Everything that is wrong with the run's files.
    pub fn problems(&self) -> Result<Problems, StoreError> {
        let mut problems = self.problems.clone();
        for part in self.parts().filter(|part| part.len > self.ends.get(&part.id)) {
            // What follows the last whole line is torn, if nobody will ever end it.
            let mut cursor = Cursor::at(self.ends.get(&part.id));
            part.read(&mut cursor, u64::MAX, &mut problems, &mut |_| ControlFlow::Break(()));
        }
        problems.unreadable.extend(self.unreadable.borrow().clone());
        problems.malformed = self.count(&Filter::new(Query::is(Known::Ev, "malformed")))?;
        problems.gone = self.ask_index(|index| Ok(index.gone())).unwrap_or(0) + self.gone.get();
        problems.index = problems.index.or_else(|| self.given_up.get().cloned());
        Ok(problems)
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.processes.iter().flat_map(|process| &process.parts)
    }

    /// What the index says; `None` where there is none, or where it cannot answer: from then on everything is unindexed.
    fn ask_index<T>(&self, question: impl FnOnce(&dyn Reader) -> Result<T, StoreError>) -> Option<T> {
        let index = self.index.as_ref().filter(|_| self.given_up.get().is_none())?;
        match guard::ask(|| question(&**index)) {
            Ok(answer) => Some(answer),
            Err(why) => {
                let _ = self.given_up.set(why);
                None
            }
        }
    }

    fn whole_parts(&self) -> impl Iterator<Item = Stretch> {
        self.parts().map(|part| Stretch { part: part.clone(), from: 0, until: self.ends.get(&part.id) })
    }

    fn each_unindexed(&self, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut read = |stretch: &Stretch| self.read(stretch, each);
        match self.given_up.get() {
            None => self.tail.iter().try_for_each(read),
            Some(_) => self.whole_parts().try_for_each(|stretch| read(&stretch)),
        }
    }

    fn read(&self, stretch: &Stretch, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut problems = Problems::default();
        let read = stretch.read(&mut problems, each);
        // All else is said of the whole run by `problems`.
        self.unreadable.borrow_mut().extend(problems.unreadable);
        read
    }

    fn each_passing(&self, filter: &Filter, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let judge = filter.compile();
        self.each_unindexed(&mut |entry| {
            if judge.passes(&entry.record) { each(entry) } else { ControlFlow::Continue(()) }
        })
    }

    fn each_passing_unindexed(&self, filter: &Filter, each: &mut dyn FnMut(&Record)) {
        let _ = self.each_passing(filter, &mut |entry| {
            each(&entry.record);
            ControlFlow::Continue(())
        });
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Before,
    After,
}

fn is_everything(filter: &Filter) -> bool {
    filter.query == Query::All && filter.since.is_none() && filter.until.is_none()
}
