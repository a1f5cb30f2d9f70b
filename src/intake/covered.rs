//! What a collector had written behind the ledger's last note when it ended, found again in the run's own parts. These stretches
//! of a file are cut as they were cut then, whatever lies around them, and nothing of them is written twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::foreign::Origin;

#[derive(Debug, Clone, Default)]
pub(super) struct Covered(BTreeMap<u64, Stretch>);

#[derive(Debug, Clone, Default)]
struct Stretch {
    len: u64,
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
    pub fn add(&mut self, Origin(_, offset, len, index): Origin) {
        let stretch = self.0.entry(offset).or_default();
        stretch.len = len;
        stretch.written.insert(index);
    }

    pub fn at(&self, offset: u64) -> Along {
        match self.0.first_key_value() {
            None => Along::Open { until: u64::MAX },
            Some((begin, _)) if *begin > offset => Along::Open { until: *begin },
            Some((begin, stretch)) => Along::Stretch { begin: *begin, until: begin + stretch.len },
        }
    }

    /// Which records of the stretch that begins there are written; it is done with.
    pub fn take(&mut self, begin: u64) -> BTreeSet<u32> {
        self.0.remove(&begin).map(|stretch| stretch.written).unwrap_or_default()
    }

    /// As they are noted, of that file.
    pub fn origins(&self, file: u32) -> impl Iterator<Item = Origin> {
        self.0.iter().flat_map(move |(offset, stretch)| {
            stretch.written.iter().map(move |index| Origin(file, *offset, stretch.len, *index))
        })
    }
}
