//! Adds records to the index: straight into a segment, which is closed when it is large enough and becomes part of the
//! index with the next commit. Memory is bounded by the segment's size, not by what waits in a queue.

use std::collections::HashMap;
use std::path::PathBuf;

use tantivy::indexer::IndexWriterOptions;
use tantivy::{Index, IndexWriter};

use super::document::Spot;
use super::fill;
use super::growing::GrowingSegment;
use super::merge::NeighboursInTime;
use super::row::RowMaker;
use super::schema::Fields;
use super::{HeldLock, Payload, StoreError, engine};
use crate::spool::{Entry, Positions, RunDir, SourceId};
use crate::store::{Added, Stretch, Writer};

/// How large a segment that is filled record by record may grow in memory, in bytes.
const SEGMENT_MEMORY: usize = 32 << 20;

/// What tantivy's own indexing thread may take; it has nothing to do.
const IDLE_MEMORY: usize = 15 << 20;

pub(super) struct LocalWriter {
    dir: PathBuf,
    rows: RowMaker,
    writer: IndexWriter,
    segment: Option<GrowingSegment>,
    positions: Positions,
    /// Behind the last record that was added of each source.
    added_up_to: Positions,
    sources: Vec<SourceId>,
    /// How many documents the index has, those included that wait for a commit.
    documents: u64,
    places: HashMap<SourceId, u64>,
    _lock: HeldLock,
}

impl LocalWriter {
    pub fn open(run: &RunDir, lock: HeldLock) -> Result<LocalWriter, StoreError> {
        let dir = run.index_path();
        let damaged = |error: tantivy::TantivyError| StoreError::Damaged { path: dir.clone(), why: error.to_string() };
        let index = Index::open_in_dir(&dir).map_err(damaged)?;
        let meta = index.load_metas().map_err(damaged)?;
        // What is damaged is found here, where all can still be built anew: every byte has its checksum.
        if let Some(file) = index.validate_checksum().map_err(damaged)?.into_iter().min() {
            let why = format!("{} is not as it was written", file.display());
            return Err(StoreError::Damaged { path: dir, why });
        }
        for segment in index.searchable_segments().map_err(damaged)? {
            tantivy::SegmentReader::open(&segment).map_err(damaged)?;
        }
        let documents = meta.segments.iter().map(|segment| u64::from(segment.max_doc())).sum();
        let (Payload { positions, .. }, sources) = Payload::read(meta.payload.as_deref(), documents, &dir)?;
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .memory_budget_per_thread(IDLE_MEMORY)
            .num_merge_threads(1)
            .build();
        let writer = index.writer_with_options(options).map_err(|error| match error {
            tantivy::TantivyError::LockFailure(..) => StoreError::Busy { path: dir.clone(), holder: None },
            other => engine("write", &dir, other),
        })?;
        writer.set_merge_policy(Box::new(NeighboursInTime::new(writer.index().clone())));
        let places = sources.iter().cloned().zip(0..).collect();
        Ok(LocalWriter {
            rows: RowMaker::new(Fields::new()),
            writer,
            segment: None,
            added_up_to: positions.clone(),
            positions,
            sources,
            documents,
            places,
            _lock: lock,
            dir,
        })
    }

    fn place_of(&mut self, source: &SourceId) -> u64 {
        if let Some(place) = self.places.get(source) {
            return *place;
        }
        let place = self.sources.len() as u64;
        self.sources.push(source.clone());
        self.places.insert(source.clone(), place);
        place
    }

    /// Adds the rows that were made, if they are enough.
    fn add_rows(&mut self) -> tantivy::Result<()> {
        if !self.rows.are_enough() {
            return Ok(());
        }
        let index = self.writer.index();
        let open = self.segment.get_or_insert_with(|| GrowingSegment::begin(index, SEGMENT_MEMORY));
        open.add(self.rows.take());
        if open.is_full() { self.end_segment() } else { Ok(()) }
    }

    fn end_segment(&mut self) -> tantivy::Result<()> {
        let rest = self.rows.take();
        if !rest.is_empty() {
            let index = self.writer.index();
            self.segment.get_or_insert_with(|| GrowingSegment::begin(index, SEGMENT_MEMORY)).add(rest);
        }
        let Some(open) = self.segment.take() else { return Ok(()) };
        // The next row is another segment's, and is made before that is opened.
        self.rows.begin_segment();
        self.writer.add_segment(open.end()?)
    }

    fn commit_payload(&mut self, payload: &str) -> tantivy::Result<()> {
        self.end_segment()?;
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(payload);
        commit.commit()?;
        Ok(super::make_files_private(&self.dir)?)
    }

    fn failed(&self) -> impl FnOnce(tantivy::TantivyError) -> StoreError + use<> {
        let dir = self.dir.clone();
        move |error| engine("write", &dir, error)
    }
}

impl Writer for LocalWriter {
    fn positions(&self) -> &Positions {
        &self.positions
    }

    fn add(&mut self, entry: Entry<'_>) -> Result<(), StoreError> {
        if entry.offset < self.added_up_to.get(entry.source) {
            return Ok(());
        }
        let spot = Spot { src: self.place_of(entry.source), off: entry.offset, len: entry.len };
        self.rows.make(&entry.record, spot);
        let failed = self.failed();
        self.add_rows().map_err(failed)?;
        self.documents += 1;
        self.added_up_to.set(entry.source.clone(), entry.offset + entry.len + 1);
        Ok(())
    }

    fn add_stretches(&mut self, stretches: &[Stretch], progress: &mut dyn FnMut(u64)) -> Result<Added, StoreError> {
        let mut placed = Vec::new();
        for stretch in stretches {
            // What was added before is known.
            let from = stretch.from.max(self.added_up_to.get(&stretch.part.id));
            if from < stretch.until {
                placed.push((self.place_of(&stretch.part.id), Stretch { from, ..stretch.clone() }));
            }
        }
        let failed = self.failed();
        let filled = fill::fill(self.writer.index(), &placed, progress).and_then(|(segments, added)| {
            segments.into_iter().try_for_each(|segment| self.writer.add_segment(segment)).map(|()| added)
        });
        let added = filled.map_err(failed)?;
        self.documents += added.records;
        for (_, stretch) in placed {
            self.added_up_to.set(stretch.part.id, stretch.until);
        }
        Ok(added)
    }

    fn commit(&mut self, positions: &Positions) -> Result<(), StoreError> {
        let sources = self.sources.iter().map(ToString::to_string).collect();
        let payload = Payload { positions: positions.clone(), sources, documents: self.documents, check: 0 };
        let text = payload.to_text().map_err(|error| engine("write", &self.dir, error))?;
        let failed = self.failed();
        self.commit_payload(&text).map_err(failed)?;
        self.positions = positions.clone();
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        let failed = self.failed();
        self.writer.wait_merging_threads().map_err(failed)?;
        super::make_files_private(&self.dir).map_err(|error| engine("write", &self.dir, error))
    }
}
