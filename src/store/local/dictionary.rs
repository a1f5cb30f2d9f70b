//! Terms in memory, each with a number and a count of the documents that have it.
//!
//! A segment meets some ten terms a record, and has a hundred thousand different ones: what looking one up costs is the
//! memory that is not in the processor's caches. Here that is two places: a slot of the table, and the term itself, with all
//! that is known of it before its bytes. (A general table with keys apart has four.)

use std::hash::Hasher as _;
use std::ops::Range;

use rustc_hash::FxHasher;
use tantivy::DocId;
use tantivy::schema::Field as Column;

use super::document::Term;

/// Where a term stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

/// A slot that no term has.
const FREE: Slot = Slot { hash: 0, place: Place(u32::MAX) };

/// The fewest slots that there are.
const LEAST: usize = 1 << 10;

/// Before the bytes of a term stand numbers of four bytes each: its own, how many documents have it, which one was the last,
/// how long it is, and its column.
const NUMBER: usize = 0;
const COUNT: usize = 4;
const LAST: usize = 8;
const LEN: usize = 12;
const COLUMN: usize = 16;
const HEAD: usize = 20;

#[derive(Default)]
pub(super) struct Dictionary {
    /// A power of two of them, at most half of them taken; a term stands in the first free one from that of its hash on.
    slots: Vec<Slot>,
    /// The terms with their heads, one behind the other.
    memory: Vec<u8>,
    /// By number.
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    place: Place,
}

/// The first slot where a term may be, and how the term ends that stands there.
#[derive(Clone, Copy)]
pub(super) struct Guess {
    slot: Slot,
    len: u32,
    last: u8,
}

impl Guess {
    fn of(slot: Slot) -> Guess {
        Guess { slot, len: 0, last: 0 }
    }
}

/// A term that is put in order.
struct Keyed {
    /// Eight of its bytes, or as many as there are.
    bytes: u64,
    /// How many bytes there are from the first of those on; nine for any more. Of two that begin alike the shorter is first.
    left: u8,
    number: u32,
}

/// Terms that are the same in so many first bytes are compared as they are.
const LONG: usize = 64;

impl Slot {
    fn is_free(self) -> bool {
        self.place == FREE.place
    }
}

impl Dictionary {
    /// Where the terms of some rows, most of which are known, probably stand.
    ///
    /// Looked up one after the other each would wait for the memory of the one before; so all slots are read first, then the
    /// heads of all terms, and then how each ends. What that fetches is at hand when [`Dictionary::guessed`] looks closer.
    pub fn guess<'t>(&self, terms: impl Iterator<Item = &'t Term>, guesses: &mut Vec<Guess>) {
        guesses.clear();
        if self.slots.is_empty() {
            return guesses.extend(terms.map(|_| Guess::of(FREE)));
        }
        guesses.extend(terms.map(|term| Guess::of(self.slots[self.first_slot(term.hash)])));
        for guess in guesses.iter_mut().filter(|guess| !guess.slot.is_free()) {
            guess.len = read(self.head(guess.slot.place), LEN);
        }
        for guess in guesses.iter_mut().filter(|guess| !guess.slot.is_free()) {
            let end = Self::range(guess.slot.place, guess.len).end;
            guess.last = self.memory[end - 1];
        }
    }

    /// Where the term stands, if the guess was right.
    pub fn guessed(&self, term: &Term, bytes: &[u8], guess: Guess) -> Option<Place> {
        let last = bytes[..term.place.end].last().copied().unwrap_or_default();
        let may_be = guess.slot.hash == term.hash && guess.len as usize == term.place.len() && guess.last == last;
        (may_be && !guess.slot.is_free() && self.is_that(guess.slot.place, term.column, &bytes[term.place.clone()]))
            .then_some(guess.slot.place)
    }

    /// Where a term of a row stands; it is put there if it is new.
    pub fn place(&mut self, term: &Term, bytes: &[u8]) -> Place {
        if self.slots.len() < 2 * (self.places.len() + 1) {
            self.grow();
        }
        let (hash, column, term) = (term.hash, term.column, &bytes[term.place.clone()]);
        let mut at = self.first_slot(hash);
        loop {
            let slot = self.slots[at];
            if slot.is_free() {
                let place = self.push(column, term);
                self.slots[at] = Slot { hash, place };
                return place;
            }
            if slot.hash == hash && self.is_that(slot.place, column, term) {
                return slot.place;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Notes that the document has the term; gives the term's number unless that was noted last.
    pub fn count_once(&mut self, place: Place, document: DocId) -> Option<u32> {
        let head = self.head_mut(place);
        if read(head, COUNT) > 0 && read(head, LAST) == document {
            return None;
        }
        write(head, COUNT, read(head, COUNT) + 1);
        write(head, LAST, document);
        Some(read(head, NUMBER))
    }

    /// How many documents have each term, by number.
    pub fn counts(&self) -> Vec<u32> {
        self.places.iter().map(|place| read(self.head(*place), COUNT)).collect()
    }

    pub fn term(&self, number: u32) -> &[u8] {
        let place = self.places[number as usize];
        &self.memory[Self::range(place, read(self.head(place), LEN))]
    }

    /// The numbers of each column's terms, in the order of the terms.
    pub fn in_order(&self, columns: &[Column]) -> Vec<Vec<u32>> {
        let mut keyed: Vec<Vec<Keyed>> = columns.iter().map(|_| Vec::new()).collect();
        for (number, place) in (0..).zip(&self.places) {
            let column = read(self.head(*place), COLUMN);
            if let Some(own) = columns.iter().position(|other| other.field_id() == column) {
                keyed[own].push(Keyed::of(self.term(number), 0, number));
            }
        }
        let sorted = |mut keyed: Vec<Keyed>| {
            self.sort(&mut keyed, 0);
            keyed.into_iter().map(|keyed| keyed.number).collect()
        };
        keyed.into_iter().map(sorted).collect()
    }

    /// Sorts terms that are the same up to `from`. Bytes are fetched once for eight of them: most terms of a column begin
    /// alike, and to compare two of them each time would be to wait for the memory of both.
    fn sort(&self, keyed: &mut [Keyed], from: usize) {
        if from >= LONG {
            return keyed.sort_unstable_by(|left, right| self.term(left.number).cmp(self.term(right.number)));
        }
        keyed.sort_unstable_by_key(|keyed| (keyed.bytes, keyed.left));
        for alike in keyed.chunk_by_mut(|left, right| (left.bytes, left.left) == (right.bytes, right.left)) {
            if alike.len() > 1 {
                for keyed in alike.iter_mut() {
                    *keyed = Keyed::of(self.term(keyed.number), from + 8, keyed.number);
                }
                self.sort(alike, from + 8);
            }
        }
    }

    /// About how many bytes it has, and will have for a moment when terms are put in order.
    pub fn memory(&self) -> usize {
        let slots = self.slots.capacity() * size_of::<Slot>();
        slots + self.memory.capacity() + self.places.capacity() * (size_of::<Place>() + size_of::<Keyed>())
    }

    fn push(&mut self, column: Column, term: &[u8]) -> Place {
        // A segment is written out long before, and one row adds little to it.
        debug_assert!(self.memory.len() < u32::MAX as usize, "a dictionary of {} bytes", self.memory.len());
        let place = Place(self.memory.len() as u32);
        for part in [self.places.len() as u32, 0, 0, term.len() as u32, column.field_id()] {
            self.memory.extend_from_slice(&part.to_ne_bytes());
        }
        self.memory.extend_from_slice(term);
        self.places.push(place);
        place
    }

    fn is_that(&self, place: Place, column: Column, term: &[u8]) -> bool {
        let head = self.head(place);
        read(head, LEN) as usize == term.len()
            && read(head, COLUMN) == column.field_id()
            && self.memory[Self::range(place, term.len() as u32)] == *term
    }

    fn range(place: Place, len: u32) -> Range<usize> {
        let start = place.0 as usize + HEAD;
        start..start + len as usize
    }

    fn head(&self, place: Place) -> &[u8] {
        &self.memory[place.0 as usize..place.0 as usize + HEAD]
    }

    fn head_mut(&mut self, place: Place) -> &mut [u8] {
        &mut self.memory[place.0 as usize..place.0 as usize + HEAD]
    }

    fn first_slot(&self, hash: u32) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        let larger = vec![FREE; (2 * self.slots.len()).max(LEAST)];
        for slot in std::mem::replace(&mut self.slots, larger) {
            if slot.is_free() {
                continue;
            }
            let mut at = self.first_slot(slot.hash);
            while !self.slots[at].is_free() {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = slot;
        }
    }
}

fn read(head: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
}

fn write(head: &mut [u8], at: usize, value: u32) {
    head[at..at + 4].copy_from_slice(&value.to_ne_bytes());
}

/// The hash by which a term is looked up.
pub(super) fn hash(column: Column, term: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write_u32(column.field_id());
    hasher.write(term);
    hasher.finish() as u32
}

impl Keyed {
    fn of(term: &[u8], from: usize, number: u32) -> Keyed {
        let rest = term.get(from..).unwrap_or_default();
        let mut bytes = [0; 8];
        let known = rest.len().min(8);
        bytes[..known].copy_from_slice(&rest[..known]);
        Keyed { bytes: u64::from_be_bytes(bytes), left: rest.len().min(9) as u8, number }
    }
}
