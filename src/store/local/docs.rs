//! A set of a segment's documents, one bit each.

/// Which of `0..size` are in the set. Sets that meet have the same size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Docs {
    bits: Vec<u64>,
    size: u32,
}

impl Docs {
    pub fn none(size: u32) -> Docs {
        Docs { bits: vec![0; size.div_ceil(64) as usize], size }
    }

    pub fn all(size: u32) -> Docs {
        let mut docs = Docs { bits: vec![u64::MAX; size.div_ceil(64) as usize], size };
        docs.trim();
        docs
    }

    /// Keeps the bits beyond the size clear.
    fn trim(&mut self) {
        if let (Some(last), left @ 1..) = (self.bits.last_mut(), self.size % 64) {
            *last &= (1 << left) - 1;
        }
    }

    /// Adds a document; one that the segment does not have, as a damaged index may name, is none.
    pub fn insert(&mut self, doc: u32) {
        if doc < self.size {
            self.bits[doc as usize / 64] |= 1 << (doc % 64);
        }
    }

    pub fn remove(&mut self, doc: u32) {
        if doc < self.size {
            self.bits[doc as usize / 64] &= !(1 << (doc % 64));
        }
    }

    pub fn contains(&self, doc: u32) -> bool {
        doc < self.size && self.bits[doc as usize / 64] & (1 << (doc % 64)) != 0
    }

    pub fn count(&self) -> u64 {
        self.bits.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|word| *word == 0)
    }

    pub fn and(mut self, other: &Docs) -> Docs {
        self.keep(other);
        self
    }

    /// Keeps those that are in the other set, too.
    pub fn keep(&mut self, other: &Docs) {
        self.bits.iter_mut().zip(&other.bits).for_each(|(own, other)| *own &= other);
    }

    pub fn or(mut self, other: &Docs) -> Docs {
        self.bits.iter_mut().zip(&other.bits).for_each(|(own, other)| *own |= other);
        self
    }

    pub fn without(mut self, other: &Docs) -> Docs {
        self.bits.iter_mut().zip(&other.bits).for_each(|(own, other)| *own &= !other);
        self
    }

    pub fn not(mut self) -> Docs {
        self.bits.iter_mut().for_each(|word| *word = !*word);
        self.trim();
        self
    }

    /// In their order, which is that of the files they come from.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.bits.iter().enumerate().flat_map(|(place, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let bit = left.trailing_zeros();
                left &= left - 1;
                Some(place as u32 * 64 + bit)
            })
        })
    }

    /// From the last to the first.
    pub fn iter_backwards(&self) -> impl Iterator<Item = u32> + '_ {
        self.bits.iter().enumerate().rev().flat_map(|(place, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.checked_ilog2()?;
                left &= !(1 << bit);
                Some(place as u32 * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(size in 0_u32..200, left in prop::collection::btree_set(0_u32..200, 0..50), right in prop::collection::btree_set(0_u32..200, 0..50)) {
            let docs = |set: &BTreeSet<u32>| {
                let mut docs = Docs::none(size);
                set.iter().for_each(|doc| docs.insert(*doc));
                docs
            };
            let within = |set: BTreeSet<u32>| set.into_iter().filter(|doc| *doc < size).collect::<Vec<_>>();
            let list = |docs: Docs| docs.iter().collect::<Vec<_>>();
            let (l, r) = (docs(&left), docs(&right));
            prop_assert_eq!(l.count() as usize, within(left.clone()).len());
            let mut backwards: Vec<_> = l.iter_backwards().collect();
            backwards.reverse();
            prop_assert_eq!(backwards, within(left.clone()));
            prop_assert_eq!(list(l.clone().and(&r)), within(&left & &right));
            prop_assert_eq!(list(l.clone().or(&r)), within(&left | &right));
            prop_assert_eq!(list(l.clone().without(&r)), within(&left - &right));
            prop_assert_eq!(list(l.clone().not()), (0..size).filter(|doc| !left.contains(doc)).collect::<Vec<_>>());
            prop_assert_eq!(list(Docs::all(size).without(&l)), list(l.not()));
        }
    }
}
