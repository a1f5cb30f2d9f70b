//! What the index holds of a record, and how texts become terms.
//!
//! Columns (`ts` and below) answer order, ranges and counts; keyword postings hold whole values in lower case; `msg` has
//! word positions; the other texts and the keys of `extra` and of events have words without positions. `has` names the
//! keys of each record. A record that all this would not show truly is marked in `odd`: its line decides.

use std::path::Path;

use tantivy::schema::{
    Field as Column, INDEXED, IndexRecordOption, JsonObjectOptions, NumericOptions, Schema, SchemaBuilder,
    TextFieldIndexing, TextOptions,
};
use tantivy::store::Compressor;
use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager};
use tantivy::{Index, IndexSettings};

use super::{StoreError, engine};
use crate::query::text;
use crate::record::field::Known;

/// The longest keyword that is indexed, in bytes. A record with a longer one is odd.
pub(super) const MAX_KEYWORD: usize = 1024;

/// The most keys of a record that are indexed. A record with more is odd.
pub(super) const MAX_KEYS: usize = 512;

/// Names of tokenizers in the index's schema.
const WHOLE: &str = "whole";
const WORDS: &str = "words";

/// The fields of the index.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// i64, nanoseconds.
    pub ts: Column,
    /// u64. Place in the payload's list of sources.
    pub src: Column,
    pub off: Column,
    pub len: Column,
    /// Known fields that are numbers; u64.
    pub numbers: Vec<(Known, Column)>,
    /// Known fields that are keywords, the level's name among them.
    pub keywords: Vec<(Known, Column)>,
    /// Known fields that are texts, but for `tpl`.
    pub texts: Vec<(Known, Column)>,
    /// The level's number, as terms.
    pub severity: Column,
    /// Keys of `extra` and of events: numbers, and words of everything else.
    pub keys: Column,
    /// The names of these keys, and of the texts of [`NAMED_IN_HAS`].
    pub has: Column,
    /// One term on records whose line decides.
    pub odd: Column,
}

/// Known texts that few records have: that they have one is noted in `has`, under this mark and their name.
pub(super) const NAMED_IN_HAS: [Known; 3] = [Known::ExcType, Known::ExcMsg, Known::Stack];

/// Before the name of a known field in `has`. No key that is indexed begins with it.
pub(super) const KNOWN_MARK: char = '\u{1}';

/// The one term of `odd`.
pub(super) const ODD: u64 = 1;

impl Fields {
    fn build() -> (Schema, Fields) {
        let mut schema = Schema::builder();
        let fast = || NumericOptions::default().set_fast();
        let numbers = [Known::Mono, Known::Seq, Known::Pid, Known::Process, Known::Line, Known::Tid];
        let keywords = [
            (Known::Proc, false),
            (Known::Lane, false),
            (Known::Level, true),
            (Known::Logger, true),
            (Known::Thread, true),
            (Known::Task, true),
            (Known::Ev, true),
            (Known::Obj, true),
        ];
        let texts = [Known::Msg, Known::File, Known::Func, Known::ExcType, Known::ExcMsg, Known::Stack];
        let fields = Fields {
            ts: schema.add_i64_field("ts", fast()),
            src: schema.add_u64_field("src", fast()),
            off: schema.add_u64_field("off", fast()),
            len: schema.add_u64_field("len", fast()),
            numbers: numbers.map(|known| (known, schema.add_u64_field(known.name(), fast()))).into(),
            keywords: keywords.map(|(known, fast)| (known, add_keyword(&mut schema, known, fast))).into(),
            texts: texts.map(|known| (known, add_text(&mut schema, known))).into(),
            severity: schema.add_u64_field("severity", INDEXED),
            keys: schema.add_json_field("keys", JsonObjectOptions::default().set_indexing_options(words_alone())),
            has: schema.add_text_field("has", TextOptions::default().set_indexing_options(indexing("raw"))),
            odd: schema.add_u64_field("odd", INDEXED),
        };
        (schema.build(), fields)
    }

    pub fn new() -> Fields {
        Fields::build().1
    }

    pub fn number(&self, known: Known) -> Option<Column> {
        of(&self.numbers, known)
    }

    pub fn keyword(&self, known: Known) -> Option<Column> {
        of(&self.keywords, known)
    }

    pub fn text(&self, known: Known) -> Option<Column> {
        of(&self.texts, known)
    }
}

fn of(columns: &[(Known, Column)], known: Known) -> Option<Column> {
    columns.iter().find(|(own, _)| *own == known).map(|(_, column)| *column)
}

fn indexing(tokenizer: &str) -> TextFieldIndexing {
    TextFieldIndexing::default()
        .set_tokenizer(tokenizer)
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false)
}

fn words_alone() -> TextFieldIndexing {
    indexing(WORDS)
}

/// A keyword: found by its lower-case form, counted (where fast) as it is written.
fn add_keyword(schema: &mut SchemaBuilder, known: Known, fast: bool) -> Column {
    let options = TextOptions::default().set_indexing_options(indexing(WHOLE));
    let options = if fast { options.set_fast("raw") } else { options };
    schema.add_text_field(known.name(), options)
}

fn add_text(schema: &mut SchemaBuilder, known: Known) -> Column {
    let words = match known {
        Known::Msg => words_alone().set_index_option(IndexRecordOption::WithFreqsAndPositions),
        _ => words_alone(),
    };
    schema.add_text_field(known.name(), TextOptions::default().set_indexing_options(words))
}

/// Makes an empty index in the directory.
pub(super) fn create(dir: &Path) -> Result<(), StoreError> {
    // No field is stored, so there is nothing to compress.
    let settings = IndexSettings { docstore_compression: Compressor::None, ..IndexSettings::default() };
    let builder = Index::builder().schema(Fields::build().0).settings(settings);
    builder.create_in_dir(dir).map(drop).map_err(|error| engine("make the index in", dir, error))
}

/// What every opened index has to be told: it keeps only the names.
pub(super) fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    manager.register(WHOLE, TextAnalyzer::from(Whole::default()));
    manager.register(WORDS, TextAnalyzer::from(Words::default()));
    manager
}

/// The whole value as one term, in lower case.
#[derive(Clone, Default)]
struct Whole {
    token: Token,
}

struct WholeStream<'a> {
    token: &'a mut Token,
    is_given: bool,
}

impl Tokenizer for Whole {
    type TokenStream<'a> = WholeStream<'a>;

    fn token_stream<'a>(&'a mut self, value: &'a str) -> WholeStream<'a> {
        self.token.reset();
        self.token.position = 0;
        text::push_lower(value, &mut self.token.text);
        WholeStream { token: &mut self.token, is_given: false }
    }
}

impl TokenStream for WholeStream<'_> {
    fn advance(&mut self) -> bool {
        !std::mem::replace(&mut self.is_given, true)
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// The words of [`text::tokens`].
#[derive(Clone, Default)]
struct Words {
    token: Token,
}

struct WordStream<'a> {
    text: &'a str,
    words: text::Words<'a>,
    token: &'a mut Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { text, words: text::words(text), token: &mut self.token }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(place) = self.words.next() else { return false };
        self.token.text.clear();
        self.token.offset_from = place.start;
        self.token.offset_to = place.end;
        self.token.position = self.token.position.wrapping_add(1);
        text::push_lower(&self.text[place], &mut self.token.text);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
