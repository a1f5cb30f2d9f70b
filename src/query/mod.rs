//! What is asked: the [`Query`] tree. [`Query::matches`] is its definition; every store must answer as it does.

pub mod glob;
pub mod text;

use crate::record::Field;

/// A condition on one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// Every record.
    All,
    /// All of them; of an empty list: every record.
    And(Vec<Query>),
    /// Any of them; of an empty list: no record.
    Or(Vec<Query>),
    Not(Box<Query>),
    /// Some value of the field fits the pattern.
    Is {
        field: Field,
        pattern: Pattern,
    },
    /// Some value of the field stands in that relation to the bound. Several bounds make a range.
    Compare {
        field: Field,
        op: Op,
        bound: Bound,
    },
    /// The record has a value for the field.
    Exists(Field),
    /// Some text value of the field contains a match. The expression is kept as its source.
    Matches {
        field: Field,
        regex: String,
    },
}

/// What a value is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// Words that follow one another. Keyword fields: the whole value equals `text`, case ignored. Text: the words of
    /// `text` (by `text::tokens`) occur in a row. A number or truth value: equal to what `text` says.
    Words { text: String },
    /// `*` any run of characters, `?` one; case ignored. Keyword fields: the whole value. Text: one whole word.
    Glob { text: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What ordered values are compared with; it fits the field's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    Int(i128),
    Float(f64),
    /// Nanoseconds since 1970.
    Time(i64),
    /// A severity's number.
    Level(u16),
    /// Keyword and text values in byte order, lower case.
    Text(String),
}
