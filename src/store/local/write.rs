//! Adds records to the index: straight into a segment, which is closed when it is large enough and becomes part of the
//! index with the next commit. Memory is bounded by the segment's size, not by what waits in a queue.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tantivy::indexer::{AddOperation, IndexWriterOptions, SegmentWriter};
use tantivy::{Index, IndexWriter, Segment};

use super::row::{Row, Spot};
use super::schema::{self, Fields};
use super::{HeldLock, Payload, StoreError, engine};
use crate::spool::{Entry, Positions, RunDir, SourceId};
use crate::store::Writer;

/// How large a segment may grow in memory, in bytes.
const SEGMENT_MEMORY: usize = 128 << 20;

/// What tantivy's own indexing thread may take; it has nothing to do.
const IDLE_MEMORY: usize = 15 << 20;

pub(super) struct LocalWriter {
    dir: PathBuf,
    fields: Arc<Fields>,
    writer: IndexWriter<Row>,
    segment: Option<OpenSegment>,
    positions: Positions,
    /// Behind the last record that was added of each source.
    added_up_to: Positions,
    sources: Vec<SourceId>,
    places: HashMap<SourceId, u64>,
    /// Documents are never deleted, so their stamps only have to be there.
    stamp: u64,
    _lock: HeldLock,
}

struct OpenSegment {
    segment: Segment,
    writer: SegmentWriter,
}

impl LocalWriter {
    pub fn open(run: &RunDir, lock: HeldLock) -> Result<LocalWriter, StoreError> {
        let dir = run.index_path();
        let damaged = |error: tantivy::TantivyError| StoreError::Damaged { path: dir.clone(), why: error.to_string() };
        let mut index = Index::open_in_dir(&dir).map_err(damaged)?;
        index.set_tokenizers(schema::tokenizers());
        let meta = index.load_metas().map_err(damaged)?;
        // A segment that cannot be opened is found here, where all can still be built anew.
        for segment in index.searchable_segments().map_err(damaged)? {
            tantivy::SegmentReader::open(&segment).map_err(damaged)?;
        }
        let (positions, sources) = Payload::read(meta.payload.as_deref(), &dir)?;
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .memory_budget_per_thread(IDLE_MEMORY)
            .num_merge_threads(1)
            .build();
        let writer = index.writer_with_options(options).map_err(|error| match error {
            tantivy::TantivyError::LockFailure(..) => StoreError::Busy { path: dir.clone(), holder: None },
            other => engine("write", &dir, other),
        })?;
        let places = sources.iter().cloned().zip(0..).collect();
        Ok(LocalWriter {
            fields: Arc::new(Fields::new()),
            writer,
            segment: None,
            added_up_to: positions.clone(),
            positions,
            sources,
            places,
            stamp: 0,
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

    fn open_segment(&mut self) -> tantivy::Result<&mut OpenSegment> {
        if self.segment.is_none() {
            let segment = self.writer.new_segment();
            let writer = SegmentWriter::for_segment(SEGMENT_MEMORY, segment.clone())?;
            self.segment = Some(OpenSegment { segment, writer });
        }
        self.segment.as_mut().ok_or_else(|| tantivy::TantivyError::InternalError("no segment".to_owned()))
    }

    fn add_row(&mut self, row: Row) -> tantivy::Result<()> {
        self.stamp += 1;
        let opstamp = self.stamp;
        let open = self.open_segment()?;
        open.writer.add_document(AddOperation { opstamp, document: row })?;
        let is_full = open.writer.mem_usage() > SEGMENT_MEMORY;
        if is_full { self.end_segment() } else { Ok(()) }
    }

    fn end_segment(&mut self) -> tantivy::Result<()> {
        let Some(OpenSegment { segment, writer }) = self.segment.take() else { return Ok(()) };
        let documents = writer.max_doc();
        writer.finalize()?;
        let meta = segment.meta().clone().with_max_doc(documents);
        // Without sorting there is no temporary document store to be kept.
        meta.untrack_temp_docstore();
        self.writer.add_segment(meta)
    }

    fn commit_payload(&mut self, payload: &str) -> tantivy::Result<()> {
        self.end_segment()?;
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(payload);
        commit.commit().map(drop)
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
        let row = Row::new(&entry.record, spot, &self.fields);
        let failed = self.failed();
        self.add_row(row).map_err(failed)?;
        self.added_up_to.set(entry.source.clone(), entry.offset + entry.len + 1);
        Ok(())
    }

    fn commit(&mut self, positions: &Positions) -> Result<(), StoreError> {
        let payload =
            Payload { positions: positions.clone(), sources: self.sources.iter().map(ToString::to_string).collect() };
        let text = serde_json::to_string(&payload).map_err(|error| engine("write", &self.dir, error))?;
        let failed = self.failed();
        self.commit_payload(&text).map_err(failed)?;
        self.positions = positions.clone();
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        let failed = self.failed();
        self.writer.wait_merging_threads().map_err(failed)
    }
}
