//! Noticing, while a program runs, that it stands still: its processes say so in their last record. A look costs the
//! sizes of a few files, and nothing is read while any of them grows.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::record::decode;
use crate::record::decode::{MAX_LINE, Place};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);

/// How much of a file's end is read at first: most last lines are in it.
const USUAL: u64 = 16 * 1024;

/// A spool, as it was at the last look.
pub(super) struct Watch {
    spool: PathBuf,
    /// The key of process 0, whose own part says nothing.
    own: String,
    next: Instant,
    sizes: BTreeMap<PathBuf, u64>,
    /// Something has been written since the last ends were read.
    fresh: bool,
}

impl Watch {
    pub(super) fn new(spool: &Path, own: &str) -> Watch {
        let next = Instant::now() + EVERY;
        Watch { spool: spool.to_owned(), own: own.to_owned(), next, sizes: BTreeMap::new(), fresh: false }
    }

    /// When to look next.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Whether the run has come to a standstill since it was last said.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + EVERY;
        let sizes = self.read_sizes();
        if sizes != self.sizes {
            (self.sizes, self.fresh) = (sizes, true);
            return false;
        }
        // Nothing has grown for a whole round: the ends are read once.
        std::mem::take(&mut self.fresh) && self.sizes.iter().any(|(part, size)| says_standstill(part, *size))
    }

    fn read_sizes(&self) -> BTreeMap<PathBuf, u64> {
        let entries = fs::read_dir(&self.spool).into_iter().flatten().filter_map(Result::ok);
        let part = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            let is_part = name.ends_with(".jsonl") && !name.starts_with(&self.own);
            is_part.then_some((entry.path(), entry.metadata().ok()?.len()))
        };
        entries.filter_map(part).collect()
    }
}

fn says_standstill(part: &Path, size: u64) -> bool {
    let Ok(line) = last_line(part, size) else { return false };
    let place = Place { proc: "".into(), process: None, part: 1, offset: 0 };
    let record = decode(&line, &place);
    let snap = record.event().and_then(|event| event.snapshot());
    snap.is_some_and(|snap| matches!(snap.why, Some("standstill" | "closed")))
}

/// Without its newline. Empty where the last line is not whole.
fn last_line(part: &Path, size: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(part)?;
    for length in [USUAL, MAX_LINE as u64 + 1] {
        let length = length.min(size);
        file.seek(SeekFrom::Start(size - length))?;
        let mut bytes = Vec::new();
        file.by_ref().take(length).read_to_end(&mut bytes)?;
        let Some(line) = bytes.strip_suffix(b"\n") else { return Ok(Vec::new()) };
        if let Some(before) = memchr::memrchr(b'\n', line) {
            return Ok(line[before + 1..].to_vec());
        }
        if length == size {
            return Ok(line.to_vec());
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(why: &str, filler: usize) -> String {
        format!(
            "{{\"ts\":\"2026-11-22T17:15:03.000000000Z\",\"mono\":5,\"proc\":\"7-aaaaaa\",\"pid\":7,\"lane\":\"w1\",\"seq\":2,\"ev\":\"snap\",\"why\":\"{why}\",\"x\":\"{}\"}}\n",
            "y".repeat(filler)
        )
    }

    #[test]
    fn a_standstill_is_said_once_until_something_is_written_again() {
        let spool = tempfile::tempdir().expect("a directory");
        let part = spool.path().join("7-aaaaaa.1.jsonl");
        let mut watch = Watch::new(spool.path(), "1-own000");
        let mut now = Instant::now();
        let mut look = move |watch: &mut Watch| {
            now += EVERY * 2;
            watch.look(now)
        };
        fs::write(spool.path().join("1-own000.1.jsonl"), line("standstill", 0)).expect("written");
        assert!(!look(&mut watch) && !look(&mut watch), "our own part says nothing");
        fs::write(&part, line("dump", 0)).expect("written");
        assert!(!look(&mut watch) && !look(&mut watch), "a dump is no standstill");
        let long = line("dump", 10) + &line("standstill", 100_000);
        fs::write(&part, &long).expect("written");
        assert!(!look(&mut watch), "it may be growing");
        assert!(look(&mut watch));
        assert!(!look(&mut watch) && !look(&mut watch), "once");
        fs::write(&part, long + &line("standstill", 0)).expect("written");
        assert!(!look(&mut watch) && look(&mut watch), "again");
    }
}
