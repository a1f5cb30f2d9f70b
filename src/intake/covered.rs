//! What a collector had written behind the ledger's last note when it ended, found again in the run's own parts. These stretches
//! of a file are cut as they were cut then, whatever lies around them, and nothing of them is written twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use super::identity::{BLOCK, Print};
use crate::record::foreign::Origin;

#[derive(Debug, Clone, Default)]
pub(super) struct Covered(BTreeMap<u64, Stretch>);

#[derive(Debug, Clone, Default)]
struct Stretch {
    len: u64,
    print: u32,
    /// Which of the stretch's records are written.
    written: BTreeSet<u32>,
}

/// What lies at a place of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Along {
    /// Nothing is known of the bytes up to there.
    Open { until: u64 },
    /// One block, which began there.
    Stretch { begin: u64, until: u64 },
}

impl Along {
    pub fn until(self) -> u64 {
        let (Along::Open { until } | Along::Stretch { until, .. }) = self;
        until
    }
}

impl Covered {
    pub fn add(&mut self, origin: Origin) {
        let stretch = self.0.entry(origin.offset).or_default();
        (stretch.len, stretch.print) = (origin.len, origin.print);
        stretch.written.insert(origin.index);
    }

    /// Whether a file has all of that where it was read.
    pub fn is_in(&self, file: &File) -> bool {
        self.0.iter().all(|(offset, stretch)| {
            let mut bytes = vec![0; BLOCK.min(usize::try_from(stretch.len).unwrap_or(BLOCK))];
            let got = crate::spool::read_up_to(file, &mut bytes, *offset);
            got.is_ok_and(|got| got == bytes.len()) && Print::of_block(&bytes) == stretch.print
        })
    }

    pub fn at(&self, offset: u64) -> Along {
        match self.0.first_key_value() {
            None => Along::Open { until: u64::MAX },
            Some((begin, _)) if *begin > offset => Along::Open { until: *begin },
            Some((begin, stretch)) => Along::Stretch { begin: *begin, until: begin + stretch.len },
        }
    }

    /// Where the last stretch ends.
    pub fn end(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(begin, stretch)| begin + stretch.len)
    }

    /// What of it lies in a file of that length.
    pub fn within(mut self, len: u64) -> Covered {
        self.0.retain(|begin, stretch| begin + stretch.len <= len);
        self
    }

    /// Which records of the stretch that begins there are written; it is done with.
    pub fn take(&mut self, begin: u64) -> Option<(u32, BTreeSet<u32>)> {
        self.0.remove(&begin).map(|stretch| (stretch.print, stretch.written))
    }

    /// As they are noted, of that file.
    pub fn origins(&self, file: u32) -> impl Iterator<Item = Origin> {
        self.0.iter().flat_map(move |(offset, stretch)| {
            let (len, print) = (stretch.len, stretch.print);
            stretch.written.iter().map(move |index| Origin { file, offset: *offset, len, index: *index, print })
        })
    }
}
