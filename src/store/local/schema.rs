//! What the index holds of a record.
//!
//! Columns (`ts` and below) answer order, ranges and where the line stands. Everything else is terms, in bytes that
//! [`terms`](super::terms) describes: names of one `kind` and one `who` for what many records have in common, `word`s of messages and
//! exceptions, `value`s of the keys of `extra` and of events, and a `shape` that names these keys. No term has positions: of
//! words in a row the line decides, where their template does not say it. A record that all this would not show truly is
//! marked in `odd`: its line decides everything.

use std::path::Path;

use tantivy::schema::{BytesOptions, Field as Column, NumericOptions, Schema};
use tantivy::store::Compressor;
use tantivy::{Index, IndexSettings};

use super::{StoreError, engine};
use crate::record::field::Known;

/// The longest keyword that is indexed, in bytes. A record with a longer one is odd.
pub(super) const MAX_KEYWORD: usize = 1024;

/// The longest template that is indexed, in bytes. A record with a longer one is odd.
pub(super) const MAX_TEMPLATE: usize = 4096;

/// The most keys of a record that are indexed, and the most bytes of their names. A record with more is odd.
pub(super) const MAX_KEYS: usize = 512;
pub(super) const MAX_SHAPE: usize = 16 << 10;

/// The fields of the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub mono: Column,
    pub seq: Column,
    pub kind: Column,
    pub who: Column,
    /// The object of an event.
    pub obj: Column,
    pub word: Column,
    pub value: Column,
    pub shape: Column,
    /// One term on records whose line decides.
    pub odd: Column,
}

/// The columns of numbers: `ts` is an i64 of nanoseconds, `src` the place in the payload's list of sources.
pub(super) const TS: &str = "ts";
pub(super) const MONO: &str = Known::Mono.name();
pub(super) const SEQ: &str = Known::Seq.name();
pub(super) const SRC: &str = "src";
pub(super) const OFF: &str = "off";
pub(super) const LEN: &str = "len";

/// What stands for the names in `kind`, `who` and `shape`, on the first record that has each. A column, because a column keeps
/// its dictionary in blocks that are read many times as fast as the transducer of terms.
pub(super) const COMMON: &str = "common";

/// The one term of `odd`.
pub(super) const ODD: u64 = 1;

impl Fields {
    fn build() -> (Schema, Fields) {
        let mut schema = Schema::builder();
        let fast = || NumericOptions::default().set_fast();
        let terms = || BytesOptions::default().set_indexed();
        schema.add_i64_field(TS, fast());
        let (mono, seq) = (schema.add_u64_field(MONO, fast()), schema.add_u64_field(SEQ, fast()));
        for name in [SRC, OFF, LEN] {
            schema.add_u64_field(name, fast());
        }
        let fields = Fields {
            mono,
            seq,
            kind: schema.add_bytes_field("kind", terms()),
            who: schema.add_bytes_field("who", terms()),
            obj: schema.add_bytes_field("obj", terms()),
            word: schema.add_bytes_field("word", terms()),
            value: schema.add_bytes_field("value", terms()),
            shape: schema.add_bytes_field("shape", terms()),
            odd: schema.add_u64_field("odd", NumericOptions::default().set_indexed()),
        };
        schema.add_bytes_field(COMMON, BytesOptions::default().set_fast());
        (schema.build(), fields)
    }

    pub fn new() -> Fields {
        Fields::build().1
    }

    /// Whether the column's terms are names, for which definitions stand in `common`.
    pub fn is_common(&self, column: Column) -> bool {
        [self.kind, self.who, self.shape].contains(&column)
    }

    /// Those with terms, in the order of the schema.
    pub fn of_terms(&self) -> [Column; 7] {
        [self.kind, self.who, self.obj, self.word, self.value, self.shape, self.odd]
    }

    /// The column of a known number that has one.
    pub fn number(&self, known: Known) -> Option<Column> {
        match known {
            Known::Mono => Some(self.mono),
            Known::Seq => Some(self.seq),
            _ => None,
        }
    }
}

/// Makes an empty index in the directory.
pub(super) fn create(dir: &Path) -> Result<(), StoreError> {
    // No field is stored, so there is nothing to compress.
    let settings = IndexSettings { docstore_compression: Compressor::None, ..IndexSettings::default() };
    let builder = Index::builder().schema(Fields::build().0).settings(settings);
    builder.create_in_dir(dir).map(drop).map_err(|error| engine("make the index in", dir, error))
}
