//! The terms of a segment that grows, each with its documents, in memory; at the end they are written as tantivy reads them.
//!
//! tantivy's own writer grows a list in an arena for each term, behind a general table: that was a third of all indexing. Here
//! a document only appends the numbers of its terms to one log, and the lists are made at the end, all at once, by counting:
//! each one's place is known from how often its term came.

use tantivy::postings::InvertedIndexSerializer;
use tantivy::schema::Field as Column;
use tantivy::{DocId, Segment};

use super::dictionary::{Dictionary, Guess, Place};
use super::document::Term;

/// Terms by number, and the log of all documents' terms.
#[derive(Default)]
pub(super) struct Inverted {
    terms: Dictionary,
    /// The numbers of the terms of each document, and where those of each document end.
    log: Vec<u32>,
    ends: Vec<u32>,
}

impl Inverted {
    /// The document that grows has this term of a row. Gives where it stands, for [`Inverted::add_known`].
    pub fn add(&mut self, term: &Term, bytes: &[u8]) -> Place {
        let place = self.terms.place(term, bytes);
        self.add_known(place);
        place
    }

    /// Where the terms of rows that are added next probably stand.
    pub fn guess<'t>(&self, terms: impl Iterator<Item = &'t Term>, guesses: &mut Vec<Guess>) {
        self.terms.guess(terms, guesses);
    }

    /// The document that grows has all these terms of a row.
    pub fn add_all<'t>(&mut self, terms: impl Iterator<Item = (&'t Term, &'t Guess)>, bytes: &[u8]) {
        for (term, guess) in terms {
            let place = self.terms.guessed(term, bytes, *guess).unwrap_or_else(|| self.terms.place(term, bytes));
            self.add_known(place);
        }
    }

    /// The document that grows has the term that stands there.
    pub fn add_known(&mut self, place: Place) {
        let document = self.ends.len() as DocId;
        if let Some(number) = self.terms.count_once(place, document) {
            self.log.push(number);
        }
    }

    /// The document that grew has all its terms.
    pub fn end_document(&mut self) {
        self.ends.push(self.log.len() as u32);
    }

    /// About how many bytes it has, and will have for a moment at the end.
    pub fn memory(&self) -> usize {
        let log = (self.log.capacity() + self.log.len() + self.ends.capacity()) * size_of::<u32>();
        log + self.terms.memory()
    }

    /// Writes the terms of these columns, which are all that can have any, as the segment's inverted index.
    pub fn write(&self, segment: &Segment, columns: &[Column]) -> tantivy::Result<()> {
        let order = self.terms.in_order(columns);
        let postings = self.postings(order.iter().flatten());
        let mut serializer = InvertedIndexSerializer::open(segment)?;
        for (column, numbers) in columns.iter().zip(&order) {
            let tokens: usize = numbers.iter().map(|number| postings.of(*number).len()).sum();
            let mut field = serializer.new_field(*column, tokens as u64, None)?;
            for number in numbers {
                let documents = postings.of(*number);
                field.new_term(self.terms.term(*number), documents.len() as u32, false)?;
                documents.iter().for_each(|document| field.write_doc(*document, 1, &[]));
                field.close_term()?;
            }
            field.close()?;
        }
        Ok(serializer.close()?)
    }

    /// The log, turned round: the documents of the terms one behind the other in this order, in which they are written.
    fn postings<'o>(&self, order: impl Iterator<Item = &'o u32>) -> Postings {
        let counts = self.terms.counts();
        let (mut ends, mut sum) = (vec![0; counts.len()], 0);
        for number in order {
            ends[*number as usize] = sum;
            sum += counts[*number as usize];
        }
        let (mut documents, mut from) = (vec![0; sum as usize], 0);
        for (document, end) in (0..).zip(&self.ends) {
            for number in &self.log[from..*end as usize] {
                let place = &mut ends[*number as usize];
                documents[*place as usize] = document;
                *place += 1;
            }
            from = *end as usize;
        }
        Postings { counts, ends, documents }
    }
}

/// The documents of each term, by its number: how many, and where they end.
struct Postings {
    counts: Vec<u32>,
    ends: Vec<u32>,
    documents: Vec<DocId>,
}

impl Postings {
    fn of(&self, number: u32) -> &[DocId] {
        let (count, end) = (self.counts[number as usize], self.ends[number as usize]);
        &self.documents[(end - count) as usize..end as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use tantivy::schema::{BytesOptions, IndexRecordOption, Schema};
    use tantivy::{DocSet as _, Index, SegmentReader, TERMINATED};

    use super::super::document::Row;
    use super::super::growing::GrowingSegment;
    use super::*;

    type Documents = Vec<Vec<(u8, Vec<u8>)>>;

    proptest! {
        #[test]
        fn what_was_added_is_what_the_segment_has(
            documents in prop::collection::vec(
                prop::collection::vec((0_u8..2, prop::collection::vec(0_u8..3, 0..10)), 0..6), 1..300),
        ) {
            let mut schema = Schema::builder();
            let columns = ["one", "two"].map(|name| schema.add_bytes_field(name, BytesOptions::default().set_indexed()));
            let index = Index::create_in_ram(schema.build());
            prop_assert_eq!(read(&write(&index, columns, &documents), columns), wanted(&documents));
        }
    }

    fn write(index: &Index, columns: [Column; 2], documents: &Documents) -> SegmentReader {
        let (segment, mut terms) = (index.new_segment(), Inverted::default());
        for document in documents {
            let mut row = Row::default();
            for (column, term) in document {
                let start = row.begin();
                row.bytes.extend_from_slice(term);
                row.end(columns[usize::from(*column)], start);
            }
            let mut guesses = Vec::new();
            terms.guess(row.terms.iter(), &mut guesses);
            terms.add_all(row.terms.iter().zip(&guesses), &row.bytes);
            // What a document has twice counts once.
            let places: Vec<Place> = row.terms.iter().map(|term| terms.add(term, &row.bytes)).collect();
            places.into_iter().for_each(|place| terms.add_known(place));
            terms.end_document();
        }
        terms.write(&segment, &columns).expect("written");
        GrowingSegment::write_empty_parts(&segment).expect("written");
        let mut fast = segment.open_write(tantivy::index::SegmentComponent::FastFields).expect("a file");
        tantivy::columnar::ColumnarWriter::default()
            .serialize(documents.len() as u32, None, &mut fast)
            .expect("written");
        tantivy::directory::TerminatingWrite::terminate(fast).expect("written");
        SegmentReader::open(&segment.with_max_doc(documents.len() as u32)).expect("a segment")
    }

    type Found = BTreeMap<(u8, Vec<u8>), Vec<DocId>>;

    fn read(reader: &SegmentReader, columns: [Column; 2]) -> Found {
        let mut found = Found::new();
        for (number, column) in (0..).zip(columns) {
            let terms = reader.inverted_index(column).expect("terms");
            let mut stream = terms.terms().stream().expect("a stream");
            while let Some((term, about)) = stream.next() {
                let mut postings =
                    terms.read_postings_from_terminfo(about, IndexRecordOption::Basic).expect("postings");
                let mut documents = Vec::new();
                while postings.doc() != TERMINATED {
                    documents.push(postings.doc());
                    postings.advance();
                }
                assert_eq!(about.doc_freq as usize, documents.len());
                found.insert((number, term.to_vec()), documents);
            }
        }
        found
    }

    fn wanted(documents: &Documents) -> Found {
        let mut sets: BTreeMap<(u8, Vec<u8>), BTreeSet<DocId>> = BTreeMap::new();
        for (number, document) in (0..).zip(documents) {
            for term in document {
                sets.entry(term.clone()).or_default().insert(number);
            }
        }
        sets.into_iter().map(|(term, documents)| (term, documents.into_iter().collect())).collect()
    }
}
