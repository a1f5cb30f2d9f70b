//! The documents that have a term, looked up only where they are asked for: most terms that a question looks at are none
//! that it wants.

use tantivy::postings::TermInfo;
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::{InvertedIndexReader, Term};

use super::docs::Docs;

pub(super) struct Postings<'t> {
    terms: &'t InvertedIndexReader,
    place: Place<'t>,
}

enum Place<'t> {
    Known(&'t TermInfo),
    /// Under another term of that column.
    Named(Column, &'t [u8]),
}

impl<'t> Postings<'t> {
    pub fn at(terms: &'t InvertedIndexReader, info: &'t TermInfo) -> Postings<'t> {
        Postings { terms, place: Place::Known(info) }
    }

    pub fn named(terms: &'t InvertedIndexReader, column: Column, name: &'t [u8]) -> Postings<'t> {
        Postings { terms, place: Place::Named(column, name) }
    }

    fn info(&self) -> tantivy::Result<Option<TermInfo>> {
        match self.place {
            Place::Known(info) => Ok(Some(info.clone())),
            Place::Named(column, name) => Ok(self.terms.get_term_info(&Term::from_field_bytes(column, name))?),
        }
    }

    /// How many documents have the term.
    pub fn count(&self) -> tantivy::Result<u64> {
        Ok(self.info()?.map_or(0, |info| u64::from(info.doc_freq)))
    }

    /// How many of these documents have it.
    pub fn count_in(&self, docs: &Docs) -> tantivy::Result<u64> {
        let mut count = 0;
        self.each(|doc| count += u64::from(docs.contains(doc)))?;
        Ok(count)
    }

    pub fn add_to(&self, docs: &mut Docs) -> tantivy::Result<()> {
        self.each(|doc| docs.insert(doc))
    }

    /// Gives the documents, in their order.
    pub fn each(&self, mut each: impl FnMut(u32)) -> tantivy::Result<()> {
        let Some(info) = self.info()? else { return Ok(()) };
        let mut blocks = self.terms.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
        while !blocks.docs().is_empty() {
            blocks.docs().iter().for_each(|doc| each(*doc));
            blocks.advance();
        }
        Ok(())
    }
}
