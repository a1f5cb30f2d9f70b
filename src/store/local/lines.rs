//! The lines that the index points to, read from the spool and decoded.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::segment::Segment;
use crate::spool::{Entry, Part, Sight, SourceId};
use crate::store::Seen;
use crate::store::open_parts::OpenParts;

/// Fetches lines; keeps the parts it reads from open, so it should not live longer than one question.
pub(super) struct Lines<'r> {
    open: OpenParts<'r>,
    gone: &'r AtomicU64,
}

impl<'r> Lines<'r> {
    pub fn new(parts: &'r HashMap<SourceId, Part>, sources: &'r [SourceId], gone: &'r AtomicU64) -> Lines<'r> {
        Lines { open: OpenParts::new(parts, sources), gone }
    }

    /// The record of that document. `None`, and counted, where its line is no longer what it was when it was indexed.
    pub fn fetch(&mut self, segment: &Segment, doc: u32) -> Option<Entry<'_>> {
        let (gone, ts) = (self.gone, segment.ts.first(doc)?);
        let entry = self.sight(segment, doc).map(Sight::understand).filter(|entry| entry.record.ts == ts);
        if entry.is_none() {
            gone.fetch_add(1, Ordering::Relaxed);
        }
        entry
    }

    /// The same at a glance, where one tells.
    pub fn look(&mut self, segment: &Segment, doc: u32, each: &mut dyn FnMut(Seen<'_>)) {
        let (gone, ts) = (self.gone, segment.ts.first(doc).unwrap_or(0));
        if let Some(sight) = self.sight(segment, doc) {
            if let Some(glance) = sight.glance().filter(|glance| glance.ts == ts) {
                return each(Seen::Glance(glance));
            }
            let record = sight.understand().record;
            if record.ts == ts {
                return each(Seen::Whole(Box::new(record)));
            }
        }
        gone.fetch_add(1, Ordering::Relaxed);
    }

    fn sight(&mut self, segment: &Segment, doc: u32) -> Option<Sight<'_>> {
        self.open.line_at(segment.src.first(doc)?, segment.off.first(doc)?, segment.len.first(doc)?)
    }
}
