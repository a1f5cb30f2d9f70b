//! Searching runs: the question of a selection, asked of the chosen runs, and the neighbours of what was found.

use std::collections::{BTreeMap, BTreeSet};

use super::{Investigation, InvestigationError, Selection, choose_runs, find_store};
use crate::query::{self, Bound, Op, Parsed, Query};
use crate::record::Field;
use crate::record::field::Known;
use crate::spool::RunDir;
use crate::store::{Buckets, Extent, Filter, Hit, Order, Request, RunReader};

/// One run that is searched, and the question as it reads there: lanes have other numbers in every run.
pub struct SearchedRun {
    pub run: RunDir,
    pub reader: RunReader,
    pub filter: Filter,
}

/// A hit and the run it is from, as an index into the searched runs.
pub struct RunHit {
    pub run: usize,
    pub hit: Hit,
}

/// The chosen runs, ready to be asked. The query's fields are checked against what their records have. `index_first` is
/// told how many bytes of a run its index lacks, and says whether it has mended that.
///
/// # Errors
/// A field that no record of the runs has, a lane that is in none of them, a run that cannot be read.
pub fn open_search(
    selection: &Selection,
    parsed: &Parsed,
    index_first: &dyn Fn(&RunDir, u64) -> bool,
) -> Result<Vec<SearchedRun>, InvestigationError> {
    let store = find_store(selection.dir.as_deref())?;
    let runs = choose_runs(&store, &selection.run)?;
    let several = runs.len() > 1;
    let mut searched = Vec::new();
    let mut not_found = None;
    for run in runs {
        let mut reader = RunReader::open(&run)?;
        let has_launcher = reader.processes().iter().any(|process| process.number == Some(0));
        let filter = match filter_of(&run, has_launcher, selection, &parsed.query) {
            Ok(filter) => filter,
            // Of many runs some will not have that thread; it is an error only when none has.
            Err(error @ InvestigationError::NotFound { .. }) if several => {
                not_found = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        if index_first(&run, reader.bytes_behind()) {
            reader = RunReader::open(&run)?;
        }
        searched.push(SearchedRun { reader, run, filter });
    }
    if let (true, Some(error)) = (searched.is_empty(), not_found) {
        return Err(error);
    }
    check_fields(&searched, parsed)?;
    Ok(searched)
}

/// Whether the query's fields are known in these runs.
pub fn check_fields(searched: &[SearchedRun], parsed: &Parsed) -> Result<(), InvestigationError> {
    let mut keys = BTreeSet::new();
    if parsed.fields.iter().any(|named| matches!(named.field, Field::Key(_))) {
        for run in searched {
            keys.extend(run.reader.keys()?);
        }
    }
    Ok(query::check_fields(parsed, keys.iter().map(String::as_str))?)
}

/// The selection and the query as one filter on the records of a run, also those still to come.
pub fn filter_for(run: &RunDir, selection: &Selection, query: &Query) -> Result<Filter, InvestigationError> {
    filter_of(run, true, selection, query)
}

fn filter_of(
    run: &RunDir,
    has_launcher: bool,
    selection: &Selection,
    query: &Query,
) -> Result<Filter, InvestigationError> {
    let mut conditions = vec![query.clone()];
    if has_launcher && selection.lanes.processes.is_empty() {
        // `logq run` itself is not counted, unless it is asked for.
        conditions.push(Query::Not(Box::new(Query::is(Known::Process, "0"))));
    }
    if let Some(level) = selection.level {
        conditions.push(Query::Compare {
            field: Field::Known(Known::Level),
            op: Op::AtLeast,
            bound: Bound::Level(level),
        });
    }
    if !selection.lanes.is_empty() {
        let (case, lanes) = Investigation::of_lanes(run, &selection.lanes)?;
        let lane = |lane| {
            let facts = case.graph.lane(lane);
            let process = &case.graph.processes[facts.process.0];
            Query::And(vec![Query::is(Known::Proc, &*process.proc), Query::is(Known::Lane, facts.lane.to_string())])
        };
        conditions.push(Query::Or(lanes.into_iter().map(lane).collect()));
    }
    Ok(Filter { query: Query::And(conditions), since: selection.since, until: selection.until })
}

/// The newest `limit` hits of all runs, oldest of them first.
pub fn newest(runs: &[SearchedRun], limit: usize) -> Result<Vec<RunHit>, InvestigationError> {
    let mut found = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let request = Request { filter: run.filter.clone(), order: Order::Newest, limit, after: None };
        found.extend(run.reader.search(&request)?.into_iter().map(|hit| RunHit { run: index, hit }));
        // After each run: of a thousand runs no more hits are held than of two.
        found.sort_by(|left, right| {
            let key = |found: &RunHit| (found.hit.record.ts, found.run, found.hit.sort_key());
            key(left).cmp(&key(right))
        });
        let older = found.len().saturating_sub(limit);
        found.drain(..older);
    }
    Ok(found)
}

pub fn count(runs: &[SearchedRun]) -> Result<u64, InvestigationError> {
    let mut total = 0;
    for run in runs {
        total += run.reader.count(&run.filter)?;
    }
    Ok(total)
}

/// How many of the found records have each value of the field, the most frequent first.
pub fn top(runs: &[SearchedRun], field: &Field) -> Result<Vec<(String, u64)>, InvestigationError> {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for run in runs {
        for (value, count) in run.reader.counts(&run.filter, field)? {
            *all.entry(value).or_default() += count;
        }
    }
    let mut counts: Vec<(String, u64)> = all.into_iter().collect();
    counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    Ok(counts)
}

/// How many of the found records fall into each bucket.
pub fn histogram(runs: &[SearchedRun], buckets: &Buckets) -> Result<Vec<u64>, InvestigationError> {
    let mut all = vec![0; buckets.count];
    for run in runs {
        let own = run.reader.histogram(&run.filter, buckets)?;
        all.iter_mut().zip(own).for_each(|(sum, count)| *sum += count);
    }
    Ok(all)
}

/// From when to when there are records in the searched runs, as far as the selection reaches.
pub fn span(runs: &[SearchedRun]) -> Result<Option<(i64, i64)>, InvestigationError> {
    let Extent { first, last, .. } = extent(runs)?;
    let since = runs.iter().filter_map(|run| run.filter.since).min();
    let until = runs.iter().filter_map(|run| run.filter.until).max().map(|until| until.saturating_sub(1));
    let span = first.zip(last).map(|(first, last)| {
        (since.map_or(first, |since| since.max(first)), until.map_or(last, |until| until.min(last)))
    });
    Ok(span.filter(|(first, last)| first <= last))
}

/// How much there is in the searched runs, whatever was asked.
pub fn extent(runs: &[SearchedRun]) -> Result<Extent, InvestigationError> {
    let mut all = Extent::default();
    for run in runs {
        let own = run.reader.extent()?;
        all.records += own.records;
        all.first = all.first.into_iter().chain(own.first).min();
        all.last = all.last.into_iter().chain(own.last).max();
    }
    Ok(all)
}

/// The record with up to `around` records before and after it in the same lane, in the lane's order.
pub fn with_neighbours(run: &SearchedRun, found: &Hit, around: usize) -> Result<Vec<Hit>, InvestigationError> {
    let (mut all, after) = run.reader.context(&found.record, around)?;
    all.push(found.clone());
    all.extend(after);
    Ok(all)
}
