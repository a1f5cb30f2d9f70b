//! The parts that single lines are read from, opened when the first of their lines is asked for.

use std::collections::HashMap;

use crate::spool::{OpenPart, Part, Sight, SourceId};

/// How many parts are kept open at once.
const MAX_OPEN: usize = 64;

/// Keeps files open, so it should not live longer than one question.
pub(super) struct OpenParts<'r> {
    parts: &'r HashMap<SourceId, Part>,
    sources: &'r [SourceId],
    /// By place in the list of sources; `None` for a part that cannot be opened.
    open: HashMap<u64, Option<OpenPart<'r>>>,
}

impl<'r> OpenParts<'r> {
    pub fn new(parts: &'r HashMap<SourceId, Part>, sources: &'r [SourceId]) -> OpenParts<'r> {
        OpenParts { parts, sources, open: HashMap::new() }
    }

    /// The line of `len` bytes at an offset of a source, by its place in the list of sources. `None` where no such line stands
    /// there any more.
    pub fn line_at(&mut self, source: u64, offset: u64, len: u64) -> Option<Sight<'_>> {
        if self.open.len() >= MAX_OPEN && !self.open.contains_key(&source) {
            self.open.clear();
        }
        let (parts, sources) = (self.parts, self.sources);
        let open = self.open.entry(source).or_insert_with(|| {
            let source = sources.get(usize::try_from(source).ok()?)?;
            parts.get(source)?.open().ok()
        });
        open.as_mut()?.line_at(offset, len).ok()
    }
}
