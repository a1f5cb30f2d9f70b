//! The columns of a segment that grows, in memory; at the end they are written as tantivy reads them.
//!
//! tantivy's own writer looks up a column by its name for each value and keeps what comes as a list of operations: with six
//! columns of numbers that was an eighth of all indexing. The values as such are what has to be kept. The one column of bytes
//! has few values and is left to tantivy.

use std::io::{self, Write};

use tantivy::columnar::column_index::{SerializableColumnIndex, SerializableOptionalIndex, serialize_column_index};
use tantivy::columnar::column_values::{CodecType, serialize_u64_based_column_values};
use tantivy::columnar::{ColumnType, ColumnarReader, ColumnarWriter, MonotonicallyMappableToU64 as _};
use tantivy_sstable::{Dictionary, RangeSSTable};

use super::document::Row;
use super::schema::{self, COMMON};

/// Behind the name of a column in the list of columns.
const END_OF_NAME: u8 = 0;

/// The end of a file of columns: its format's version, and what makes it known.
const FOOTER_BYTES: usize = 8;

/// As many values are one block of tantivy's blockwise codec; and how many of them speak for a column.
const BLOCK: usize = 512;
const SAMPLE: usize = 32;

#[derive(Default)]
pub(super) struct Columns {
    documents: u32,
    ts: Numbers,
    mono: Numbers,
    seq: Numbers,
    src: Numbers,
    off: Numbers,
    len: Numbers,
    common: ColumnarWriter,
}

/// A column of numbers.
#[derive(Default)]
struct Numbers {
    values: Vec<u64>,
    /// The documents that have one, once there is a document that has none.
    documents: Option<Vec<u32>>,
}

impl Columns {
    /// The next document is that row.
    pub fn add(&mut self, row: &Row) {
        let document = self.documents;
        self.ts.add(document, Some(row.ts.to_u64()));
        self.mono.add(document, row.mono);
        self.seq.add(document, row.seq);
        self.src.add(document, Some(row.spot.src));
        self.off.add(document, Some(row.spot.off));
        self.len.add(document, Some(row.spot.len));
        for place in &row.definitions {
            self.common.record_bytes(document, COMMON, &row.bytes[place.clone()]);
        }
        self.documents += 1;
    }

    pub fn documents(&self) -> u32 {
        self.documents
    }

    /// How many bytes it has.
    pub fn memory(&self) -> usize {
        let numbers: usize = self.numbers().iter().map(|(.., numbers)| numbers.memory()).sum();
        numbers + self.common.mem_usage()
    }

    /// Writes all columns, one behind the other, and then where each one is.
    pub fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let (common, footer) = self.common()?;
        let mut columns = vec![(COMMON, ColumnType::Bytes, common)];
        for (name, of_type, numbers) in self.numbers() {
            columns.push((name, of_type, numbers.written(self.documents)?));
        }
        columns.sort_unstable_by_key(|(name, ..)| *name);
        let mut places = Dictionary::<RangeSSTable>::builder(Vec::new())?;
        let mut at = 0;
        for (name, of_type, bytes) in columns {
            out.write_all(&bytes)?;
            let end = at + bytes.len() as u64;
            places.insert([name.as_bytes(), &[END_OF_NAME, of_type as u8]].concat(), &(at..end))?;
            at = end;
        }
        let places = places.finish()?;
        out.write_all(&places)?;
        out.write_all(&(places.len() as u64).to_le_bytes())?;
        out.write_all(&self.documents.to_le_bytes())?;
        out.write_all(&footer)
    }

    fn numbers(&self) -> [(&'static str, ColumnType, &Numbers); 6] {
        [
            (schema::TS, ColumnType::I64, &self.ts),
            (schema::MONO, ColumnType::U64, &self.mono),
            (schema::SEQ, ColumnType::U64, &self.seq),
            (schema::SRC, ColumnType::U64, &self.src),
            (schema::OFF, ColumnType::U64, &self.off),
            (schema::LEN, ColumnType::U64, &self.len),
        ]
    }

    /// The column of bytes, out of a file of its own; and the end of such a file.
    fn common(&mut self) -> io::Result<(Vec<u8>, [u8; FOOTER_BYTES])> {
        self.common.record_column_type(COMMON, ColumnType::Bytes, false);
        let mut file = Vec::new();
        self.common.serialize(self.documents, None, &mut file)?;
        let footer = *file.last_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
        // It is the only column, so the file begins with it.
        let columns = ColumnarReader::open(file.clone())?.read_columns(COMMON)?;
        let len: u64 = columns.iter().map(|column| column.num_bytes().get_bytes()).sum();
        file.truncate(usize::try_from(len).map_err(io::Error::other)?);
        Ok((file, footer))
    }
}

impl Numbers {
    fn add(&mut self, document: u32, value: Option<u64>) {
        if self.values.len() < document as usize && self.documents.is_none() {
            self.documents = Some((0..self.values.len() as u32).collect());
        }
        let Some(value) = value else { return };
        self.values.push(value);
        if let Some(documents) = &mut self.documents {
            documents.push(document);
        }
    }

    fn memory(&self) -> usize {
        let documents = self.documents.as_ref().map_or(0, Vec::capacity);
        self.values.capacity() * size_of::<u64>() + documents * size_of::<u32>()
    }

    /// The column as it stands in a file: which documents have a value, the values, and the length of the first.
    fn written(&self, num_rows: u32) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // Where the last documents have none, nothing was noted of it yet.
        let all = || (0..self.values.len() as u32).collect();
        let documents: Vec<u32>;
        let index = if self.values.len() == num_rows as usize {
            SerializableColumnIndex::Full
        } else {
            documents = self.documents.clone().unwrap_or_else(all);
            SerializableColumnIndex::Optional(SerializableOptionalIndex {
                non_null_row_ids: Box::new(documents.as_slice()),
                num_rows,
            })
        };
        let index_len = serialize_column_index(index, &mut bytes)?;
        serialize_u64_based_column_values(&self.values.as_slice(), &[self.codec()?], &mut bytes)?;
        bytes.extend_from_slice(&index_len.to_le_bytes());
        Ok(bytes)
    }

    /// What is probably smaller: values behind the smallest one, or behind a line through each block of them. tantivy tries
    /// both with all values, which costs more than to write them; here some blocks speak for all. (What values have as a common
    /// divisor helps both, and is left out of account.)
    fn codec(&self) -> io::Result<CodecType> {
        let blocks = self.values.chunks(BLOCK);
        let every = blocks.len().div_ceil(SAMPLE).max(1);
        let (mut by_lines, mut sampled) = (0, 0);
        for block in blocks.step_by(every) {
            let mut bytes = Vec::new();
            serialize_u64_based_column_values(&block, &[CodecType::BlockwiseLinear], &mut bytes)?;
            (by_lines, sampled) = (by_lines + bytes.len(), sampled + block.len());
        }
        let (least, most) =
            self.values.iter().fold((u64::MAX, 0), |(least, most), value| (least.min(*value), most.max(*value)));
        let bits = (u64::BITS - most.saturating_sub(least).leading_zeros()) as usize;
        Ok(if by_lines * 8 < bits * sampled { CodecType::BlockwiseLinear } else { CodecType::Bitpacked })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::document::Spot;
    use super::*;

    proptest! {
        #[test]
        fn what_was_added_is_what_the_columns_have(
            rows in prop::collection::vec(
                (any::<i64>(), any::<Option<u64>>(), any::<Option<u64>>(), any::<u64>(), prop::collection::vec("[ab]{0,3}", 0..3)),
                0..200),
            is_whole in any::<bool>(),
        ) {
            let mut columns = Columns::default();
            for (ts, mono, seq, off, common) in &rows {
                let mut row = Row { ts: *ts, spot: Spot { src: 7, off: *off, len: off / 2 }, ..Row::default() };
                (row.mono, row.seq) = if is_whole { (mono.or(Some(1)), *seq) } else { (*mono, *seq) };
                for text in common {
                    let start = row.begin();
                    row.bytes.extend_from_slice(text.as_bytes());
                    row.definitions.push(start..row.bytes.len());
                }
                columns.add(&row);
            }
            let mut file = Vec::new();
            columns.write(&mut file).expect("written");
            let reader = ColumnarReader::open(file).expect("columns");
            prop_assert_eq!(reader.num_docs() as usize, rows.len());
            let number = |name: &str, document: usize| {
                let column = reader.read_columns(name).expect("a column").remove(0).open_u64_lenient().expect("open");
                column.expect("numbers").first(document as u32)
            };
            let bytes = reader.read_columns(COMMON).expect("a column").remove(0).open().expect("open");
            let tantivy::columnar::DynamicColumn::Bytes(bytes) = bytes else { panic!("not bytes") };
            for (document, (ts, mono, seq, off, common)) in rows.iter().enumerate() {
                let wanted_mono = if is_whole { mono.or(Some(1)) } else { *mono };
                prop_assert_eq!(number(schema::TS, document), Some(ts.to_u64()));
                prop_assert_eq!((number(schema::MONO, document), number(schema::SEQ, document)), (wanted_mono, *seq));
                prop_assert_eq!((number(schema::OFF, document), number(schema::LEN, document)), (Some(*off), Some(off / 2)));
                let mut found: Vec<String> = Vec::new();
                for ord in bytes.term_ords(document as u32) {
                    let mut text = Vec::new();
                    bytes.ord_to_bytes(ord, &mut text).expect("a term");
                    found.push(String::from_utf8(text).expect("text"));
                }
                prop_assert_eq!(&found, common);
            }
        }
    }
}
