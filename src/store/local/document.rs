//! A row as tantivy takes it in: columns and terms in one piece of memory, which is lent and not copied.

use std::ops::Range;
use std::sync::Arc;

use tantivy::schema::Field as Column;
use tantivy::schema::document::{Document, ReferenceValue, ReferenceValueLeaf, Value};

/// The fields of one document.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub cells: Vec<(Column, Cell)>,
    /// What the terms are made of.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    I64(i64),
    U64(u64),
    /// A stretch of the row's bytes.
    Bytes(Range<usize>),
}

impl Row {
    pub fn clear(&mut self) {
        self.cells.clear();
        self.bytes.clear();
    }

    pub fn put(&mut self, column: Column, cell: Cell) {
        self.cells.push((column, cell));
    }

    /// Where a term begins that is written next.
    pub fn begin(&self) -> usize {
        self.bytes.len()
    }

    pub fn end(&mut self, column: Column, start: usize) {
        self.cells.push((column, Cell::Bytes(start..self.bytes.len())));
    }
}

/// A row that is lent to the index.
#[derive(Debug)]
pub(super) struct SharedRow(Arc<Row>);

impl SharedRow {
    pub fn of(row: Arc<Row>) -> SharedRow {
        SharedRow(row)
    }
}

impl Document for SharedRow {
    type Value<'a> = CellValue<'a>;
    type FieldsValuesIter<'a> = CellIter<'a>;

    fn iter_fields_and_values(&self) -> CellIter<'_> {
        CellIter { row: &self.0, cells: self.0.cells.iter() }
    }
}

pub(super) struct CellIter<'a> {
    row: &'a Row,
    cells: std::slice::Iter<'a, (Column, Cell)>,
}

impl<'a> Iterator for CellIter<'a> {
    type Item = (Column, CellValue<'a>);

    fn next(&mut self) -> Option<(Column, CellValue<'a>)> {
        let (column, cell) = self.cells.next()?;
        let leaf = match cell {
            Cell::I64(int) => ReferenceValueLeaf::I64(*int),
            Cell::U64(int) => ReferenceValueLeaf::U64(*int),
            Cell::Bytes(place) => ReferenceValueLeaf::Bytes(&self.row.bytes[place.clone()]),
        };
        Some((*column, CellValue(leaf)))
    }
}

/// A cell as tantivy looks at it.
#[derive(Debug, Clone)]
pub(super) struct CellValue<'a>(ReferenceValueLeaf<'a>);

impl<'a> Value<'a> for CellValue<'a> {
    type ArrayIter = std::iter::Empty<CellValue<'a>>;
    type ObjectIter = std::iter::Empty<(&'a str, CellValue<'a>)>;

    fn as_value(&self) -> ReferenceValue<'a, CellValue<'a>> {
        ReferenceValue::Leaf(self.0.clone())
    }
}
