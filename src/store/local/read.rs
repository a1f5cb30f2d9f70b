//! A snapshot of the index: what is asked, answered by its columns and terms, and by the lines that it points to where
//! those are asked for or have to decide.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tantivy::{Index, SegmentReader, TantivyError};

use super::docs::Docs;
use super::frozen::FrozenDirectory;
use super::lines::Lines;
use super::outline::{LaneEnds, Outlined};
use super::schema::Fields;
use super::segment::Segment;
use super::side_by_side;
use super::top::{Ranked, Top};
use super::translate::{Verdict, judge};
use super::{Payload, StoreError, engine, keys};
use crate::record::Field;
use crate::spool::{Entry, Part, Positions, Problems, RunDir, SourceId};
use crate::store::tally::count_values;
use crate::store::{Buckets, Extent, Filter, Hit, Judge, Located, Order, Reader, Request, Seen, Told};

/// How often an index is opened again when a file vanishes meanwhile: the writer has merged it away.
const ATTEMPTS: usize = 20;

pub(super) struct LocalReader {
    run: Option<RunDir>,
    segments: Vec<Segment>,
    positions: Positions,
    sources: Vec<SourceId>,
    /// The place of each source in the order of sources.
    ranks: Vec<u32>,
    parts: HashMap<SourceId, Part>,
    /// What is no longer in the spool: sources, by their places, from an offset on.
    missing: Vec<(u64, u64)>,
    gone: AtomicU64,
}

/// One document of the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    pub segment: usize,
    pub doc: u32,
}

impl LocalReader {
    /// A store that nobody has written yet.
    pub fn empty() -> LocalReader {
        LocalReader {
            run: None,
            segments: Vec::new(),
            positions: Positions::default(),
            sources: Vec::new(),
            ranks: Vec::new(),
            parts: HashMap::new(),
            missing: Vec::new(),
            gone: AtomicU64::new(0),
        }
    }

    pub fn open(run: &RunDir) -> Result<LocalReader, StoreError> {
        let dir = run.index_path();
        let (segments, payload) = open_segments(&dir)?;
        let documents = segments.iter().map(|segment| u64::from(segment.size())).sum();
        let (Payload { positions, .. }, sources) = Payload::read(payload.as_deref(), documents, &dir)?;
        let mut order: Vec<usize> = (0..sources.len()).collect();
        order.sort_by_key(|place| &sources[*place]);
        let mut ranks = vec![0; sources.len()];
        order.iter().zip(0..).for_each(|(place, rank)| ranks[*place] = rank);
        // Listed after the index was opened, so that every part it points to is there unless it was removed.
        let listing = run.spool().list()?;
        let parts: HashMap<_, _> = listing.parts().map(|part| (part.id.clone(), part.clone())).collect();
        let missing: Vec<(u64, u64)> = (0..)
            .zip(&sources)
            .filter_map(|(place, source)| Some((place, lost_from(parts.get(source), positions.get(source))?)))
            .collect();
        let gone_of = |segment: &Segment| missing.iter().map(|lost| lines_from(segment, *lost).count()).sum::<u64>();
        let gone = AtomicU64::new(segments.iter().map(gone_of).sum());
        Ok(LocalReader { run: Some(run.clone()), segments, positions, sources, ranks, parts, missing, gone })
    }

    fn path(&self) -> PathBuf {
        self.run.as_ref().map(RunDir::index_path).unwrap_or_default()
    }

    fn failed(&self) -> impl Fn(TantivyError) -> StoreError + use<> {
        let dir = self.path();
        move |error| engine("search", &dir, error)
    }

    fn lines(&self) -> Lines<'_> {
        Lines::new(&self.parts, &self.sources, &self.gone)
    }

    fn judge(&self, filter: &Filter, segment: &Segment) -> Result<Verdict, StoreError> {
        let Verdict { mut yes, mut maybe } = judge(filter, segment).map_err(self.failed())?;
        for lost in &self.missing {
            let gone = lines_from(segment, *lost);
            (yes, maybe) = (yes.without(&gone), maybe.without(&gone));
        }
        Ok(Verdict { yes, maybe })
    }

    /// What the filter makes of a segment, with everything decided: by the line where the index cannot.
    fn decide(&self, filter: &Filter, segment: &Segment) -> Result<Docs, StoreError> {
        let line_judge = filter.compile();
        let mut lines = self.lines();
        let Verdict { mut yes, maybe } = self.judge(filter, segment)?;
        for doc in maybe.iter() {
            if lines.fetch(segment, doc).is_some_and(|entry| line_judge.passes(&entry.record)) {
                yes.insert(doc);
            }
        }
        Ok(yes)
    }

    /// What the work gives for each segment, in their order.
    fn of_each<T: Send>(&self, work: impl Fn(&Segment) -> Result<T, StoreError> + Sync) -> Result<Vec<T>, StoreError> {
        let damaged = |why| StoreError::Damaged { path: self.path(), why };
        side_by_side::each(&self.segments, work).map_err(damaged)?.into_iter().collect()
    }

    /// Gives the records of these documents. Lines that are gone are passed over.
    fn each_of(
        &self,
        addresses: impl Iterator<Item = Address>,
        each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut lines = self.lines();
        for Address { segment, doc } in addresses {
            if let Some(entry) = lines.fetch(&self.segments[segment], doc) {
                each(entry)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn sort_rank(&self, segment: &Segment, doc: u32) -> (i64, u32, u64) {
        let src = segment.src.first(doc).and_then(|src| usize::try_from(src).ok());
        let rank = src.and_then(|src| self.ranks.get(src)).copied().unwrap_or(u32::MAX);
        (segment.ts.first(doc).unwrap_or(0), rank, segment.off.first(doc).unwrap_or(0))
    }

    /// The first documents of a verdict, in order; of those that may match, the line decides.
    fn best(&self, request: &Request, mut verdicts: Vec<Verdict>) -> Vec<Address> {
        let line_judge = request.filter.compile();
        let mut lines = self.lines();
        let mut ask = request.limit;
        loop {
            let ranked = self.top(request, &verdicts, ask);
            let mut found = Vec::new();
            let mut is_short = false;
            for Ranked { address, .. } in &ranked {
                let verdict = &mut verdicts[address.segment];
                if verdict.maybe.contains(address.doc) {
                    verdict.maybe.remove(address.doc);
                    if !self.passes(&mut lines, &line_judge, *address) {
                        is_short = true;
                        continue;
                    }
                    verdict.yes.insert(address.doc);
                }
                found.push(*address);
                if found.len() == request.limit {
                    return found;
                }
            }
            // All that there is was looked at, or nothing had to be left out.
            if ranked.len() < ask || !is_short {
                return found;
            }
            ask = ask.saturating_mul(8);
        }
    }

    fn passes(&self, lines: &mut Lines, judge: &Judge, address: Address) -> bool {
        let entry = lines.fetch(&self.segments[address.segment], address.doc);
        entry.is_some_and(|entry| judge.passes(&entry.record))
    }

    fn top(&self, request: &Request, verdicts: &[Verdict], limit: usize) -> Vec<Ranked> {
        let after = request.after.as_ref().map(|after| {
            // A source that the index does not have lies between two that it has.
            let rank = self.sources.iter().filter(|source| **source < after.source).count() as u32;
            let is_known = self.sources.contains(&after.source);
            (after.ts, rank, after.offset, is_known)
        });
        let mut top = Top::new(request.order, limit, after);
        let mut add = |place: usize, doc: u32| {
            let segment = &self.segments[place];
            if top.may_want(segment.ts.first(doc).unwrap_or(0)) {
                top.add(self.sort_rank(segment, doc), Address { segment: place, doc });
            }
        };
        // Documents stand about in the order of time: from the right end, hardly any is taken in only to be put out again.
        for (place, verdict) in verdicts.iter().enumerate() {
            let possible = verdict.yes.clone().or(&verdict.maybe);
            match request.order {
                Order::Oldest => possible.iter().for_each(|doc| add(place, doc)),
                Order::Newest => possible.iter_backwards().for_each(|doc| add(place, doc)),
            }
        }
        top.into_sorted()
    }
}

/// From where on the lines of a source are no longer there that were indexed up to `indexed`: all of them where the part is
/// gone, those behind its last whole line where it was cut.
fn lost_from(part: Option<&Part>, indexed: u64) -> Option<u64> {
    match part {
        None => Some(0),
        Some(part) if part.len < indexed => Some(part.whole_until(0, &mut Problems::default())),
        Some(_) => None,
    }
}

/// The documents of a source whose lines begin at that offset or behind it.
fn lines_from(segment: &Segment, (src, offset): (u64, u64)) -> Docs {
    let of_source = segment.in_range(&segment.src, src..=src, &segment.all());
    segment.in_range(&segment.off, offset..=u64::MAX, &of_source).and(&of_source)
}

fn open_segments(dir: &Path) -> Result<(Vec<Segment>, Option<String>), StoreError> {
    let fields = Fields::new();
    let open = || {
        let index = Index::open(FrozenDirectory::open(dir)?)?;
        let payload = index.load_metas()?.payload;
        let mut segments = Vec::new();
        for segment in index.searchable_segments()? {
            segments.push(Segment::open(SegmentReader::open(&segment)?, fields)?);
        }
        Ok::<_, TantivyError>((segments, payload))
    };
    let mut attempt = 0;
    loop {
        attempt += 1;
        match open() {
            Ok(opened) => return Ok(opened),
            Err(TantivyError::OpenReadError(_)) if attempt < ATTEMPTS => {}
            Err(error) => return Err(StoreError::Damaged { path: dir.to_owned(), why: error.to_string() }),
        }
    }
}

impl Reader for LocalReader {
    fn positions(&self) -> &Positions {
        &self.positions
    }

    fn extent(&self) -> Result<Extent, StoreError> {
        let mut extent = Extent::default();
        for segment in self.segments.iter().filter(|segment| segment.size() > 0) {
            let (mut first, last) = (segment.ts.min_value(), segment.ts.max_value());
            if first <= 0 && last > 0 {
                // Lines that are no records have no time; the least of the others has to be looked for.
                let timed = (0..segment.size()).filter_map(|doc| segment.ts.first(doc)).filter(|ts| *ts != 0);
                first = timed.min().unwrap_or(0);
            }
            let time = |ts: i64| Some(ts).filter(|ts| *ts != 0);
            extent.merge(Extent { records: u64::from(segment.size()), first: time(first), last: time(last) });
        }
        Ok(extent)
    }

    fn search(&self, request: &Request) -> Result<Vec<Hit>, StoreError> {
        let addresses = self.best(request, self.of_each(|segment| self.judge(&request.filter, segment))?);
        let mut hits = Vec::with_capacity(addresses.len());
        let _ = self.each_of(addresses.into_iter(), &mut |entry| {
            hits.push(Hit::of(entry));
            ControlFlow::Continue(())
        });
        Ok(hits)
    }

    fn locate(&self, filter: &Filter) -> Result<Located, StoreError> {
        let mut located = Located::default();
        for (segment, docs) in self.segments.iter().zip(self.of_each(|segment| self.decide(filter, segment))?) {
            for doc in docs.iter() {
                let source = segment.src.first(doc).and_then(|src| self.sources.get(usize::try_from(src).ok()?));
                let at = (segment.ts.first(doc), segment.off.first(doc), segment.len.first(doc));
                if let (Some(source), (Some(ts), Some(offset), Some(len))) = (source, at) {
                    located.add(ts, source, offset, len);
                }
            }
        }
        Ok(located)
    }

    fn count(&self, filter: &Filter) -> Result<u64, StoreError> {
        Ok(self.of_each(|segment| Ok(self.decide(filter, segment)?.count()))?.into_iter().sum())
    }

    fn counts(&self, filter: &Filter, field: &Field) -> Result<BTreeMap<String, u64>, StoreError> {
        let counted = self.of_each(|segment| {
            let (mut counts, mut lines) = (BTreeMap::new(), self.lines());
            let docs = self.decide(filter, segment)?;
            let by_line = super::tally::count(segment, &docs, field, &mut counts).map_err(self.failed())?;
            for doc in by_line.iter() {
                if let Some(entry) = lines.fetch(segment, doc) {
                    count_values(&entry.record, field, &mut counts);
                }
            }
            Ok(counts)
        })?;
        let mut counted = counted.into_iter();
        let mut sum = counted.next().unwrap_or_default();
        counted.flatten().for_each(|(value, count)| *sum.entry(value).or_default() += count);
        Ok(sum)
    }

    fn histogram(&self, filter: &Filter, buckets: &Buckets) -> Result<Vec<u64>, StoreError> {
        let counted = self.of_each(|segment| Ok(segment.by_time(&self.decide(filter, segment)?, buckets)))?;
        let mut sum = vec![0; buckets.count];
        counted.iter().for_each(|counts| sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count));
        Ok(sum)
    }

    fn keys(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut found = BTreeSet::new();
        let mut lines = self.lines();
        for segment in &self.segments {
            let mut add = |path: &str| {
                found.insert(path.to_owned());
            };
            keys::paths(segment, &mut add).map_err(self.failed())?;
            for doc in segment.odd.iter() {
                if let Some(entry) = lines.fetch(segment, doc) {
                    entry.record.each_key(&mut |path, _| add(path));
                }
            }
        }
        Ok(found)
    }

    fn each(
        &self,
        filter: &Filter,
        each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let mut places = Vec::new();
        let decided = self.of_each(|segment| self.decide(filter, segment))?;
        for (place, (segment, docs)) in self.segments.iter().zip(decided).enumerate() {
            places.extend(docs.iter().map(|doc| {
                let (_, rank, offset) = self.sort_rank(segment, doc);
                (rank, offset, Address { segment: place, doc })
            }));
        }
        places.sort_unstable_by_key(|(rank, offset, _)| (*rank, *offset));
        Ok(self.each_of(places.into_iter().map(|(.., address)| address), each))
    }

    fn outline(&self, what: Told<'_>, each: &mut dyn FnMut(Seen<'_>)) -> Result<(), StoreError> {
        let (mut outlined, mut order) = (Vec::new(), Vec::new());
        for segment in &self.segments {
            let mut own = Outlined::of(segment, what).map_err(self.failed())?;
            self.missing.iter().for_each(|lost| own.leave_out(&lines_from(segment, *lost)));
            outlined.push(own);
        }
        if matches!(what, Told::All) {
            let mut ends = LaneEnds::default();
            outlined.iter().for_each(|own| own.note_ends(&mut ends));
            outlined.iter_mut().try_for_each(|own| own.look_behind(&ends)).map_err(self.failed())?;
        }
        outlined.iter().enumerate().for_each(|(place, own)| own.file_order(place, &mut order));
        order.sort_unstable_by_key(|stretch| (stretch.source, stretch.offset));
        let mut lines = self.lines();
        order.into_iter().for_each(|stretch| outlined[stretch.segment].tell(stretch.docs, &mut lines, each));
        Ok(())
    }

    fn gone(&self) -> u64 {
        self.gone.load(Ordering::Relaxed)
    }
}
