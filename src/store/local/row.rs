//! One record as the index takes it in. Reads records only through their fields, so that the index sees what
//! [`Record::each_value`] and [`Record::each_key`] see.

use std::collections::BTreeMap;

use tantivy::schema::Field as Column;
use tantivy::schema::document::{Document, ReferenceValue, ReferenceValueLeaf, Value};

use super::schema::{Fields, KNOWN_MARK, MAX_KEYS, MAX_KEYWORD, NAMED_IN_HAS, ODD};
use crate::record::field::{FieldType, FieldValue, Known};
use crate::record::{Field, Record};

/// The fields of one document.
#[derive(Debug)]
pub(super) struct Row {
    cells: Vec<(Column, Cell)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    I64(i64),
    U64(u64),
    F64(f64),
    Text(String),
    /// A word to be found, but no value to exist.
    Null,
    Keys(BTreeMap<String, Vec<Cell>>),
}

/// Where the line stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub src: u64,
    pub off: u64,
    pub len: u64,
}

impl Row {
    pub fn new(record: &Record, spot: Spot, fields: &Fields) -> Row {
        let mut row = Row { cells: Vec::with_capacity(32) };
        row.put(fields.ts, Cell::I64(record.ts));
        row.put(fields.src, Cell::U64(spot.src));
        row.put(fields.off, Cell::U64(spot.off));
        row.put(fields.len, Cell::U64(spot.len));
        let is_true = row.put_known(record, fields) & row.put_keys(record, fields);
        if let Some(severity) = record.severity() {
            row.put(fields.severity, Cell::U64(u64::from(severity)));
        }
        if !is_true {
            row.put(fields.odd, Cell::U64(ODD));
        }
        row
    }

    fn put(&mut self, column: Column, cell: Cell) {
        self.cells.push((column, cell));
    }

    /// Puts the known fields; false where one of them has a value that the index would not show truly.
    fn put_known(&mut self, record: &Record, fields: &Fields) -> bool {
        let mut is_true = true;
        for (known, _, kind, _) in Known::ALL {
            let Some(value) = record.value(&Field::Known(*known)) else { continue };
            if NAMED_IN_HAS.contains(known) {
                self.put(fields.has, Cell::Text(format!("{KNOWN_MARK}{}", known.name())));
            }
            match (kind, value) {
                (FieldType::Time, _) => {}
                // Templates are not indexed; see `translate`.
                (FieldType::Text, FieldValue::Text(_)) if *known == Known::Tpl => {}
                (FieldType::Number, FieldValue::Int(int)) => match (u64::try_from(int), fields.number(*known)) {
                    (Ok(int), Some(column)) => self.put(column, Cell::U64(int)),
                    _ => is_true = false,
                },
                (FieldType::Keyword | FieldType::Level, FieldValue::Text(text)) if text.len() <= MAX_KEYWORD => {
                    match fields.keyword(*known) {
                        Some(column) => self.put(column, Cell::Text(text.into_owned())),
                        None => is_true = false,
                    }
                }
                (FieldType::Text, FieldValue::Text(text)) => match fields.text(*known) {
                    Some(column) => self.put(column, Cell::Text(text.into_owned())),
                    None => is_true = false,
                },
                _ => is_true = false,
            }
        }
        is_true
    }

    /// Puts the keys; false where the index would not show them truly.
    fn put_keys(&mut self, record: &Record, fields: &Fields) -> bool {
        let mut keys: BTreeMap<String, Vec<Cell>> = BTreeMap::new();
        let mut is_true = true;
        record.each_key(&mut |path, value| {
            let is_plain = !path.is_empty() && path.len() <= MAX_KEYWORD && path.bytes().all(|byte| byte >= 0x20);
            if !is_plain || (keys.len() >= MAX_KEYS && !keys.contains_key(path)) {
                is_true = false;
                return;
            }
            let Some(cell) = Cell::of(value) else {
                is_true = false;
                return;
            };
            match keys.get_mut(path) {
                Some(cells) => cells.push(cell),
                None => drop(keys.insert(path.to_owned(), vec![cell])),
            }
        });
        for (path, cells) in &keys {
            if cells.iter().any(|cell| *cell != Cell::Null) {
                self.put(fields.has, Cell::Text(path.clone()));
            }
        }
        if !keys.is_empty() {
            self.put(fields.keys, Cell::Keys(keys));
        }
        is_true
    }
}

impl Cell {
    /// The value of a key; `None` for one that the index would not show truly.
    fn of(value: FieldValue) -> Option<Cell> {
        Some(match value {
            FieldValue::Null => Cell::Null,
            FieldValue::Text(text) => Cell::Text(text.into_owned()),
            FieldValue::Bool(_) => Cell::Text(value.to_string()),
            // The index makes 0 of it, which is written otherwise.
            FieldValue::Float(float) if float == 0.0 && float.is_sign_negative() => return None,
            FieldValue::Float(float) => Cell::F64(float),
            FieldValue::Int(int) => match i64::try_from(int) {
                Ok(int) => Cell::I64(int),
                Err(_) => Cell::U64(u64::try_from(int).ok()?),
            },
        })
    }
}

impl Document for Row {
    type Value<'a> = CellValue<'a>;
    type FieldsValuesIter<'a> =
        std::iter::Map<std::slice::Iter<'a, (Column, Cell)>, fn(&'a (Column, Cell)) -> (Column, CellValue<'a>)>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        self.cells.iter().map(|(column, cell)| (*column, CellValue::One(cell)))
    }
}

/// A cell, or the cells of one key, as tantivy looks at them.
#[derive(Debug, Clone, Copy)]
pub(super) enum CellValue<'a> {
    One(&'a Cell),
    Many(&'a [Cell]),
}

impl<'a> Value<'a> for CellValue<'a> {
    type ArrayIter = CellIter<'a>;
    type ObjectIter = KeyIter<'a>;

    fn as_value(&self) -> ReferenceValue<'a, CellValue<'a>> {
        match self {
            CellValue::Many(cells) => ReferenceValue::Array(CellIter(cells.iter())),
            CellValue::One(Cell::I64(int)) => ReferenceValue::Leaf(ReferenceValueLeaf::I64(*int)),
            CellValue::One(Cell::U64(int)) => ReferenceValue::Leaf(ReferenceValueLeaf::U64(*int)),
            CellValue::One(Cell::F64(float)) => ReferenceValue::Leaf(ReferenceValueLeaf::F64(*float)),
            CellValue::One(Cell::Text(text)) => ReferenceValue::Leaf(ReferenceValueLeaf::Str(text)),
            CellValue::One(Cell::Null) => ReferenceValue::Leaf(ReferenceValueLeaf::Str("null")),
            CellValue::One(Cell::Keys(keys)) => ReferenceValue::Object(KeyIter(keys.iter())),
        }
    }
}

pub(super) struct CellIter<'a>(std::slice::Iter<'a, Cell>);

impl<'a> Iterator for CellIter<'a> {
    type Item = CellValue<'a>;

    fn next(&mut self) -> Option<CellValue<'a>> {
        self.0.next().map(CellValue::One)
    }
}

pub(super) struct KeyIter<'a>(std::collections::btree_map::Iter<'a, String, Vec<Cell>>);

impl<'a> Iterator for KeyIter<'a> {
    type Item = (&'a str, CellValue<'a>);

    fn next(&mut self) -> Option<(&'a str, CellValue<'a>)> {
        self.0.next().map(|(path, cells)| (path.as_str(), CellValue::Many(cells)))
    }
}
