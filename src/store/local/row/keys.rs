//! The values of keys, as a row takes them in: numbers by their size, texts whole where a key has few different ones, else word
//! by word. The names of keys are not its business.

use rustc_hash::{FxHashMap, FxHashSet};
use tantivy::schema::Field as Column;

use super::super::document::Row;
use super::super::numbers::Code;
use super::super::terms::{self, BORDER, Word};
use super::hash;
use crate::query::text;
use crate::record::field::FieldValue;

/// A row with more bytes takes in no more words of keys: each of them stands behind the whole path, and a line of a megabyte
/// could become five hundred. Its line decides.
const MAX_ROW: usize = 4 << 20;

/// The longest value that is indexed whole.
const MAX_WHOLE: usize = 64;

/// How many different values of a key are indexed whole.
const MAX_WHOLES: u32 = 1000;

/// Puts values, and knows which ones the segment has whole.
pub(super) struct KeyValues {
    column: Column,
    /// Values that were indexed whole, and how many of each key.
    wholes: FxHashSet<u64>,
    wholes_of_key: FxHashMap<u64, u32>,
}

impl KeyValues {
    pub fn new(column: Column) -> KeyValues {
        KeyValues { column, wholes: FxHashSet::default(), wholes_of_key: FxHashMap::default() }
    }

    pub fn begin_segment(&mut self) {
        self.wholes.clear();
        self.wholes_of_key.clear();
    }

    /// Puts a value of a key; false where the index would not show it truly.
    pub fn put(&mut self, row: &mut Row, path: &str, value: &FieldValue<'_>) -> bool {
        let column = self.column;
        let term = |row: &mut Row, mark: u8, more: &[u8]| {
            let start = row.begin();
            row.bytes.extend_from_slice(path.as_bytes());
            row.bytes.extend_from_slice(&[BORDER, mark]);
            row.bytes.extend_from_slice(more);
            row.end(column, start);
        };
        let text = match value {
            FieldValue::Int(_) | FieldValue::Float(_) => {
                match Code::of(value) {
                    Some(Code::Exact(code)) => term(row, terms::EXACT, &code),
                    Some(Code::Rough(code)) => term(row, terms::ROUGH, &code),
                    None => return false,
                }
                return true;
            }
            FieldValue::Text(text) => text.as_ref(),
            FieldValue::Bool(true) => "true",
            FieldValue::Bool(false) => "false",
            FieldValue::Null => "null",
        };
        if *value == FieldValue::Null {
            term(row, terms::NOTHING, &[]);
            return true;
        }
        if self.is_worth_a_term(path, text) {
            let mark = if matches!(value, FieldValue::Bool(_)) { terms::TRUTH } else { terms::WHOLE };
            term(row, mark, text.as_bytes());
            return true;
        }
        term(row, terms::IN_WORDS, &[]);
        for place in text::words(text) {
            let start = row.begin();
            if start > MAX_ROW {
                return false;
            }
            row.bytes.extend_from_slice(path.as_bytes());
            row.bytes.push(BORDER);
            Word::push_lower(&text[place], &mut row.bytes);
            row.end(column, start);
        }
        true
    }

    /// Whether that value of the key is to be indexed whole.
    fn is_worth_a_term(&mut self, path: &str, text: &str) -> bool {
        if text.len() > MAX_WHOLE || matches!(Word::of(text), Word::Bucket(_)) {
            return false;
        }
        let value = hash(&[path, text]);
        if self.wholes.contains(&value) {
            return true;
        }
        let count = self.wholes_of_key.entry(hash(&[path])).or_default();
        *count += 1;
        *count <= MAX_WHOLES && self.wholes.insert(value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::document::Spot;
    use super::super::super::schema::Fields;
    use super::super::RowMaker;
    use super::*;
    use crate::record::decode;
    use crate::record::decode::Place;

    #[test]
    fn long_values_behind_long_paths_make_no_endless_row() {
        let mut line =
            r#"{"ts":"2026-11-22T17:15:03.120431000Z","proc":"42-aaaaaa","pid":42,"lane":"t1","seq":1,"#.to_owned();
        line.push_str(&format!(
            r#""level":"INFO","logger":"","msg":"m","extra":{{"{}":"{}"}}}}"#,
            "p".repeat(1000),
            "a b ".repeat(100_000)
        ));
        let place = Place { proc: "42-aaaaaa".into(), process: Some(1), part: 1, offset: 0 };
        let fields = Fields::new();
        let mut rows = RowMaker::new(fields);
        rows.make(&decode(line.as_bytes(), &place), Spot::default());
        let [row] = rows.take() else { panic!("one row") };
        assert!(row.bytes.len() < 2 * MAX_ROW, "{} bytes", row.bytes.len());
        assert!(row.terms.iter().any(|term| term.column == fields.odd), "its line does not decide");
    }
}
