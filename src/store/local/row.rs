//! One record as the index takes it in: its columns and its terms. Sees a record only through its
//! [`Outline`](crate::record::outline), so that the index sees what [`Record::each_value`] and [`Record::each_key`] see.
//!
//! [`Record::each_value`]: crate::record::Record::each_value
//! [`Record::each_key`]: crate::record::Record::each_key

mod keys;

use std::hash::{Hash as _, Hasher as _};
use std::ops::Range;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use tantivy::schema::Field as Column;

use self::keys::KeyValues;
use super::document::{Name, Row, Spot};
use super::schema::{Fields, MAX_KEYS, MAX_KEYWORD, MAX_SHAPE, MAX_TEMPLATE, ODD};
use super::template::Template;
use super::terms::{self, BORDER, KIND, Message, WHO, Word};
use crate::query::text;
use crate::record::Lane;
use crate::record::field::{FieldValue, Known};
use crate::record::outline::{Outline, Sketch};

/// Makes rows, one after the other. Some are made before they are taken, and their memory is used again for the next ones.
pub(super) struct RowMaker {
    fields: Fields,
    rows: Vec<Row>,
    /// How many of them have been made, and not been taken.
    made: usize,
    /// How much memory the rows that were made last have, about.
    memory: usize,
    scratch: Scratch,
    templates: FxHashMap<Box<str>, Option<Rc<Template>>>,
    /// What was written of what records have in common, by name.
    commons: FxHashMap<u64, Common>,
    /// How many names the segment's rows have had.
    names: u32,
    /// Messages without a template that were indexed whole; beyond a number they are not worth it.
    constants: FxHashSet<u64>,
    values: KeyValues,
}

/// Something that records have in common, and its name's place in the order of names.
struct Common {
    bytes: Box<[u8]>,
    number: u32,
}

#[derive(Default)]
struct Scratch {
    /// The names of the keys, with their marks, and where each stands.
    names: Vec<u8>,
    named: Vec<Range<usize>>,
}

/// A word may be cut that has so many bytes: the last character that still counts may need up to four.
pub(super) const LONG_WORD: usize = text::MAX_WORD - 3;

/// How many rows are made before they are taken, and how many bytes they may have in memory.
const TOGETHER: usize = 16;
const MOST_MEMORY: usize = 1 << 20;

/// How many different templates are kept in mind.
const MAX_TEMPLATES: usize = 4096;

/// How much of what records have in common is kept in mind; what is forgotten is written again.
const MAX_COMMONS: usize = 50_000;

/// How many different messages without template are indexed whole.
const MAX_CONSTANTS: usize = 4096;

/// The longest message that is indexed whole.
const MAX_CONSTANT: usize = 256;

impl RowMaker {
    pub fn new(fields: Fields) -> RowMaker {
        RowMaker {
            fields,
            rows: Vec::new(),
            made: 0,
            memory: 0,
            scratch: Scratch::default(),
            templates: FxHashMap::default(),
            commons: FxHashMap::default(),
            names: 0,
            constants: FxHashSet::default(),
            values: KeyValues::new(fields.value),
        }
    }

    /// Makes the row of that record.
    pub fn make(&mut self, sketch: &impl Sketch, spot: Spot) {
        let mut rows = std::mem::take(&mut self.rows);
        if self.made == 0 {
            if self.memory > MOST_MEMORY {
                // One of them was made of a long line: its memory is not kept for lines that are not.
                rows.clear();
            }
            self.memory = 0;
        }
        if rows.len() == self.made {
            rows.push(Row::default());
        }
        let row = &mut rows[self.made];
        row.clear();
        self.fill(row, sketch, spot);
        self.memory += row.memory();
        self.rows = rows;
        self.made += 1;
    }

    /// Whether enough rows were made to be taken.
    pub fn are_enough(&self) -> bool {
        self.made >= TOGETHER || self.memory > MOST_MEMORY
    }

    /// The rows that were made since they were taken last.
    pub fn take(&mut self) -> &[Row] {
        let made = std::mem::take(&mut self.made);
        &self.rows[..made]
    }

    /// What was defined and indexed whole up to now is in another segment: rows made from now on are for the next one.
    pub fn begin_segment(&mut self) {
        self.commons.clear();
        self.names = 0;
        self.constants.clear();
        self.values.begin_segment();
    }

    fn fill(&mut self, row: &mut Row, sketch: &impl Sketch, spot: Spot) {
        self.scratch.names.clear();
        self.scratch.named.clear();
        let mut gathering = Gathering { maker: self, row, keys: 0, is_true: true };
        let head = sketch.draw(&mut gathering);
        let is_true = gathering.is_true;
        (row.ts, row.spot) = (head.ts, spot);
        let is_true = is_true & self.put_known(row, sketch, head.severity) & self.put_shape(row);
        if !is_true {
            let odd = row.begin();
            row.bytes.extend_from_slice(&ODD.to_be_bytes());
            row.end(self.fields.odd, odd);
        }
    }

    /// Puts the known fields; false where one of them has a value that the index would not show truly.
    fn put_known(&mut self, row: &mut Row, sketch: &impl Sketch, severity: Option<u16>) -> bool {
        let mut is_true = true;
        for (field, cell) in [(Known::Mono, &mut row.mono), (Known::Seq, &mut row.seq)] {
            match sketch.known(field) {
                Some(FieldValue::Int(int)) => *cell = u64::try_from(int).ok(),
                None => continue,
                Some(_) => {}
            }
            is_true &= cell.is_some();
        }
        is_true &= self.put_texts(row, sketch);
        let (text, template) = (sketch.known(Known::Msg), sketch.known(Known::Tpl));
        let message = match &text {
            Some(FieldValue::Text(text)) => {
                let is_log = sketch.known(Known::Ev).is_none();
                let (message, are_whole) = self.put_message(row, text, template.as_ref(), is_log);
                is_true &= are_whole;
                message
            }
            None => Message::None,
            Some(_) => {
                is_true = false;
                Message::None
            }
        };
        let kind = row.begin();
        for field in KIND {
            let most = if field == Known::Tpl { MAX_TEMPLATE } else { MAX_KEYWORD };
            is_true &= terms::push_part(field, sketch.known(field).as_ref(), most, &mut row.bytes);
        }
        if let Some(severity) = severity {
            terms::push_digits(u64::from(severity), &mut row.bytes);
        }
        row.bytes.push(BORDER);
        terms::push_message(message, &mut row.bytes);
        self.end_common(row, self.fields.kind, kind);
        let who = row.begin();
        for field in WHO {
            is_true &= terms::push_part(field, sketch.known(field).as_ref(), MAX_KEYWORD, &mut row.bytes);
        }
        self.end_common(row, self.fields.who, who);
        if let Some(value) = sketch.known(Known::Obj) {
            let FieldValue::Text(text) = value else { return false };
            if text.len() > MAX_KEYWORD {
                return false;
            }
            let obj = row.begin();
            row.bytes.extend_from_slice(text::lower(&text).as_bytes());
            row.bytes.push(BORDER);
            row.bytes.extend_from_slice(text.as_bytes());
            row.end(self.fields.obj, obj);
        }
        is_true
    }

    /// Puts the words of the texts that few records have.
    fn put_texts(&mut self, row: &mut Row, sketch: &impl Sketch) -> bool {
        let mut is_true = true;
        for (field, mark) in terms::RARE_TEXTS {
            let Some(value) = sketch.known(field) else { continue };
            self.scratch.name(terms::KNOWN_NAME, field.name());
            match value {
                FieldValue::Text(text) => {
                    for place in text::words(&text) {
                        let word = row.begin();
                        row.bytes.push(mark);
                        Word::push_lower_plain(&text[place], &mut row.bytes);
                        row.end(self.fields.word, word);
                    }
                }
                _ => is_true = false,
            }
        }
        is_true
    }

    fn put_message<'m>(
        &mut self,
        row: &mut Row,
        text: &'m str,
        template: Option<&'m FieldValue<'_>>,
        is_log: bool,
    ) -> (Message<'m>, bool) {
        match template {
            Some(FieldValue::Text(source)) if source.len() <= MAX_TEMPLATE => {
                let before = (row.terms.len(), row.bytes.len());
                if let Some(template) = self.template(source) {
                    let column = self.fields.word;
                    let mut are_whole = true;
                    let mut put = |stretch: Range<usize>| are_whole &= put_words(row, column, &text[stretch]);
                    if template.each_own(text, &mut put) {
                        return (Message::Templated(source), are_whole);
                    }
                    row.terms.truncate(before.0);
                    row.bytes.truncate(before.1);
                }
            }
            None if is_log && text.len() <= MAX_CONSTANT && !text.bytes().any(|byte| byte.is_ascii_digit()) => {
                let is_known = self.constants.len() < MAX_CONSTANTS || self.constants.contains(&hash(&[text]));
                if is_known {
                    self.constants.insert(hash(&[text]));
                    return (Message::Constant(text), true);
                }
            }
            _ => {}
        }
        (Message::Free, put_words(row, self.fields.word, text))
    }

    fn template(&mut self, source: &str) -> Option<Rc<Template>> {
        if let Some(known) = self.templates.get(source) {
            return known.clone();
        }
        if self.templates.len() >= MAX_TEMPLATES {
            self.templates.clear();
        }
        let template = Template::parse(source).map(Rc::new);
        self.templates.insert(source.into(), template.clone());
        template
    }

    /// Puts the names of the keys; false where there are too many.
    fn put_shape(&mut self, row: &mut Row) -> bool {
        let Scratch { names, named, .. } = &mut self.scratch;
        let has_names = !named.is_empty();
        if names.len() > MAX_SHAPE {
            return false;
        }
        named.sort_unstable_by(|left, right| names[left.clone()].cmp(&names[right.clone()]));
        named.dedup_by(|left, right| names[left.clone()] == names[right.clone()]);
        let shape = row.begin();
        for (place, name) in named.iter().enumerate() {
            if place > 0 {
                row.bytes.push(BORDER);
            }
            row.bytes.extend_from_slice(&names[name.clone()]);
        }
        if has_names {
            self.end_common(row, self.fields.shape, shape);
        }
        true
    }

    /// Ends what many records have in common: it is written once a segment, and each record has its short name.
    fn end_common(&mut self, row: &mut Row, column: Column, start: usize) {
        let mut hasher = FxHasher::default();
        column.hash(&mut hasher);
        hasher.write(&row.bytes[start..]);
        let mut name = hasher.finish();
        while let Some(known) = self.commons.get(&name) {
            if *known.bytes == row.bytes[start..] {
                row.bytes.truncate(start);
                row.names.push(Name::Known(known.number));
                return;
            }
            // Two with one name would be one: the next name is free.
            name = name.wrapping_add(1);
        }
        if self.commons.len() >= MAX_COMMONS {
            self.commons.clear();
        }
        let name_bytes = name.to_be_bytes();
        self.commons.insert(name, Common { bytes: row.bytes[start..].into(), number: self.names });
        self.names += 1;
        let definition = row.begin();
        row.bytes.push(terms::mark_of(column));
        row.bytes.extend_from_slice(&name_bytes);
        row.bytes.extend_from_within(start..definition);
        row.definitions.push(definition..row.bytes.len());
        let own = row.begin();
        row.bytes.extend_from_slice(&name_bytes);
        row.names.push(Name::New(row.term(column, own)));
    }
}

impl Scratch {
    fn name(&mut self, mark: u8, name: &str) {
        let start = self.names.len();
        self.names.push(mark);
        self.names.extend_from_slice(name.as_bytes());
        self.named.push(start..self.names.len());
    }
}

/// Puts the words of a message; false where one of them is so long that it may count only in part.
fn put_words(row: &mut Row, column: Column, text: &str) -> bool {
    let mut are_whole = true;
    for place in text::words(text) {
        are_whole &= place.len() < LONG_WORD;
        let word = row.begin();
        row.bytes.push(terms::MESSAGE);
        Word::push_lower(&text[place], &mut row.bytes);
        row.end(column, word);
    }
    are_whole
}

fn hash(parts: &[&str]) -> u64 {
    let mut hasher = FxHasher::default();
    for text in parts {
        hasher.write(str::as_bytes(text));
        hasher.write_u8(BORDER);
    }
    hasher.finish()
}

/// A record's outline, as it is drawn.
struct Gathering<'g> {
    maker: &'g mut RowMaker,
    row: &'g mut Row,
    keys: usize,
    is_true: bool,
}

impl Outline for Gathering<'_> {
    fn giver(&mut self, proc: &str, lane: Lane) {
        let start = self.row.begin();
        terms::push_giver(proc, lane, &mut self.row.bytes);
        self.row.end(self.maker.fields.word, start);
    }

    fn key(&mut self, path: &str, value: &FieldValue<'_>, is_apart: bool) {
        self.keys += 1;
        let is_plain = path.len() <= MAX_KEYWORD;
        if !is_plain || self.keys > MAX_KEYS {
            self.is_true = false;
            return;
        }
        if is_apart {
            let is_there = *value != FieldValue::Null;
            self.maker.scratch.name(if is_there { terms::APART } else { terms::APART_NULL }, path);
            return;
        }
        self.maker.scratch.name(if *value == FieldValue::Null { terms::NULL } else { terms::INDEXED }, path);
        self.is_true &= self.maker.values.put(self.row, path, value);
    }
}
