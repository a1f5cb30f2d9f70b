//! Where found records stand, and their lines written out from there, oldest first. Nothing is held of a record but its place,
//! so that all of a large run can be written in little memory, and by several threads at once.

use std::collections::HashMap;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::open_parts::OpenParts;
use crate::record::{Record, RecordId};
use crate::spool::{Part, Sight, SourceId};

/// Places of records.
#[derive(Debug, Clone, Default)]
pub struct Located {
    sources: Vec<SourceId>,
    numbers: HashMap<SourceId, u32>,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    ts: i64,
    /// Its place in the list.
    source: u32,
    offset: u64,
    len: u64,
}

/// A found record, as far as it had to be understood, and its line.
pub enum Found<'a> {
    Line(&'a RecordId, &'a [u8]),
    Record(&'a Record, &'a [u8]),
}

/// Writes one record behind what was written before.
pub type Write = dyn Fn(&Found<'_>, &mut Vec<u8>) + Sync;

/// Takes what was written, in order; breaks off where nobody wants more.
pub type Out<'a> = dyn FnMut(&[u8]) -> ControlFlow<()> + 'a;

/// How many records are written at a time, and how many bytes of lines at most, unless one alone has more: few enough to be
/// there soon and to lie in memory, enough to be worth handing over.
const CHUNK: usize = 512;
const CHUNK_BYTES: u64 = 1 << 20;

/// How many chunks a thread may be ahead.
const AHEAD: usize = 2;

impl Located {
    pub fn add(&mut self, ts: i64, source: &SourceId, offset: u64, len: u64) {
        // Most stand where the one before them stood.
        let last = self.places.last().map(|place| place.source);
        let source = match last.filter(|last| self.sources[*last as usize] == *source) {
            Some(last) => last,
            None => *self.numbers.entry(source.clone()).or_insert_with(|| {
                self.sources.push(source.clone());
                (self.sources.len() - 1) as u32
            }),
        };
        self.places.push(Place { ts, source, offset, len });
    }

    /// Puts them in the order of [`SortKey`](super::SortKey).
    pub fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.sources.len()).collect();
        order.sort_by_key(|place| &self.sources[*place]);
        let mut ranks = vec![0_usize; order.len()];
        order.into_iter().enumerate().for_each(|(rank, place)| ranks[place] = rank);
        self.places.sort_by_key(|place| (place.ts, ranks[place.source as usize], place.offset));
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn chunks(&self) -> Vec<&[Place]> {
        let (mut chunks, mut rest) = (Vec::new(), &self.places[..]);
        while !rest.is_empty() {
            let mut bytes = 0_u64;
            let fits = |place: &&Place| {
                bytes = bytes.saturating_add(place.len);
                bytes <= CHUNK_BYTES
            };
            let count = rest.iter().take(CHUNK).take_while(fits).count().max(1);
            let (chunk, behind) = rest.split_at(count);
            chunks.push(chunk);
            rest = behind;
        }
        chunks
    }

    /// Writes the records whose lines are still there; how many are not.
    pub fn write(&self, parts: &HashMap<SourceId, Part>, write: &Write, out: &mut Out<'_>) -> u64 {
        let chunks = self.chunks();
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = if chunks.len() < 4 { 0 } else { cores.min(chunks.len()) };
        let gone = AtomicU64::new(0);
        let open = || Writing { lines: OpenParts::new(parts, &self.sources), write, gone: &gone };
        thread::scope(|scope| {
            let begin = |first: usize| -> Option<Receiver<Vec<u8>>> {
                let (sender, written) = sync_channel(AHEAD);
                let (chunks, open) = (&chunks, &open);
                let work = move || {
                    let mut writing = open();
                    for chunk in chunks.iter().skip(first).step_by(threads) {
                        if sender.send(writing.chunk(chunk)).is_err() {
                            return;
                        }
                    }
                };
                thread::Builder::new().spawn_scoped(scope, work).ok().map(|_| written)
            };
            let others: Vec<_> = (0..threads).map(begin).collect();
            let mut own = open();
            for (turn, chunk) in chunks.iter().enumerate() {
                // Where there is no thread for it, this one writes it.
                let other = others.get(turn % threads.max(1)).and_then(Option::as_ref);
                let written = other.and_then(|other| other.recv().ok()).unwrap_or_else(|| own.chunk(chunk));
                if out(&written).is_break() {
                    break;
                }
            }
        });
        gone.into_inner()
    }
}

/// What one thread writes with.
struct Writing<'w> {
    lines: OpenParts<'w>,
    write: &'w Write,
    gone: &'w AtomicU64,
}

impl Writing<'_> {
    fn chunk(&mut self, places: &[Place]) -> Vec<u8> {
        let mut written = Vec::new();
        for place in places {
            let line = self.lines.line_at(u64::from(place.source), place.offset, place.len);
            if line.and_then(|line| put(line, place.ts, self.write, &mut written)).is_none() {
                self.gone.fetch_add(1, Ordering::Relaxed);
            }
        }
        written
    }
}

/// Writes the record of that time which stands in the line; `None` where that is no longer the one.
fn put(line: Sight<'_>, ts: i64, write: &Write, out: &mut Vec<u8>) -> Option<()> {
    if let Some((id, own)) = line.identity() {
        (own == ts).then(|| write(&Found::Line(&id, line.bytes()), out))
    } else {
        let entry = line.understand();
        (entry.record.ts == ts).then(|| write(&Found::Record(&entry.record, entry.line), out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_memory_at_a_time_is_bounded() {
        let source = SourceId { proc: "1-aaaaaa".into(), part: 1 };
        let mut located = Located::default();
        let lens = [300; 1300].into_iter().chain([700_000, 700_000, 1 << 30, 5]);
        lens.enumerate().for_each(|(ts, len)| located.add(ts as i64, &source, 0, len));
        let sizes: Vec<usize> = located.chunks().iter().map(|chunk| chunk.len()).collect();
        assert_eq!(sizes, [512, 512, 277, 1, 1, 1]);
    }

    #[test]
    fn a_place_that_no_file_has_is_gone() {
        let dir = tempfile::tempdir().expect("a directory");
        let (source, path) = (SourceId { proc: "1-aaaaaa".into(), part: 1 }, dir.path().join("1-aaaaaa.1.jsonl"));
        std::fs::write(&path, "{}\n").expect("written");
        let part = Part { id: source.clone(), path, number: Some(1), len: 3 };
        let mut located = Located::default();
        for (offset, len) in [(u64::MAX, 2), (0, u64::MAX), (u64::MAX - 1, u64::MAX), (1 << 62, 1 << 62), (9, 9)] {
            located.add(1, &source, offset, len);
        }
        let parts = HashMap::from([(source, part)]);
        assert_eq!(located.write(&parts, &|_, _| {}, &mut |_| ControlFlow::Continue(())), 5);
    }
}
