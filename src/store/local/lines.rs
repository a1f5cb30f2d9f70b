//! The lines that the index points to, read from the spool and decoded.

use std::cell::Cell;
use std::collections::HashMap;

use super::segment::Segment;
use crate::spool::{Entry, OpenPart, Part, Sight, SourceId};
use crate::store::Seen;

/// Fetches lines; keeps the parts it reads from open, so it should not live longer than one question.
pub(super) struct Lines<'r> {
    parts: &'r HashMap<SourceId, Part>,
    sources: &'r [SourceId],
    gone: &'r Cell<u64>,
    /// By place in the list of sources; `None` for a part that cannot be opened.
    open: HashMap<u64, Option<OpenPart<'r>>>,
}

/// How many parts are kept open at once.
const MAX_OPEN: usize = 64;

impl<'r> Lines<'r> {
    pub fn new(parts: &'r HashMap<SourceId, Part>, sources: &'r [SourceId], gone: &'r Cell<u64>) -> Lines<'r> {
        Lines { parts, sources, gone, open: HashMap::new() }
    }

    /// The record of that document. `None`, and counted, where its line is no longer what it was when it was indexed.
    pub fn fetch(&mut self, segment: &Segment, doc: u32) -> Option<Entry<'_>> {
        let (gone, ts) = (self.gone, segment.ts.first(doc)?);
        let entry = self.sight(segment, doc).map(Sight::understand).filter(|entry| entry.record.ts == ts);
        if entry.is_none() {
            gone.set(gone.get() + 1);
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
        gone.set(gone.get() + 1);
    }

    fn sight(&mut self, segment: &Segment, doc: u32) -> Option<Sight<'_>> {
        let (src, off, len) = (segment.src.first(doc)?, segment.off.first(doc)?, segment.len.first(doc)?);
        if self.open.len() >= MAX_OPEN && !self.open.contains_key(&src) {
            self.open.clear();
        }
        let (parts, sources) = (self.parts, self.sources);
        let open = self.open.entry(src).or_insert_with(|| {
            let source = sources.get(usize::try_from(src).ok()?)?;
            parts.get(source)?.open().ok()
        });
        open.as_mut()?.line_at(off, len).ok()
    }
}
