//! What is asked: the [`Query`] tree. [`Query::matches`] is its definition; every store must answer as it does.
//!
//! A query is made by [`parse`], names its fields in [`Parsed::fields`] for [`check_fields`], and is compiled into a
//! [`Matcher`] where many records are asked. Nothing here does I/O or reads the clock.

mod clause;
mod error;
mod fields;
pub mod glob;
mod matches;
mod parse;
pub mod prefilter;
mod print;
mod scan;
#[cfg(test)]
mod tests {
    mod grammar;
    mod matching;
}
pub mod text;
pub mod time;
pub mod value;

pub use error::QueryError;
pub use fields::{NamedField, check_fields, nearest};
pub use glob::Glob;
pub use matches::Matcher;
pub use parse::{Parsed, parse};

use crate::record::Field;
use crate::record::field::Known;

/// A condition on one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// Every record.
    All,
    /// All of them; of an empty list: every record.
    And(Vec<Query>),
    /// Any of them; of an empty list: no record.
    Or(Vec<Query>),
    /// Every record that does not match, those without the field included.
    Not(Box<Query>),
    /// Some value of the field fits the pattern.
    Is { field: Field, pattern: Pattern },
    /// Some value of the field stands in that relation to the bound. Several bounds make a range (each may be met by
    /// another item, where the field is an array).
    Compare { field: Field, op: Op, bound: Bound },
    /// The record has a value for the field; `null` is none.
    Exists(Field),
    /// Some value of the field, as text, contains a match. `null` has no text.
    Matches { field: Field, regex: Expression },
}

/// What a value is held against. What it means depends on the field's type
/// ([`FieldType`](crate::record::field::FieldType)); all text is compared in the lower case of [`text::lower`].
///
/// | type | `Words` | `Glob` |
/// | --- | --- | --- |
/// | Keyword | the whole value | the whole value |
/// | Text | the words of it ([`text::tokens`]) stand in the value in a row | its words ([`Glob::words`]) do |
/// | Number | the same number ([`value::number`]) | the value as text |
/// | Time | the same nanosecond (RFC 3339) | never |
/// | Level | the same severity ([`value::severity`]), whatever its name | the whole name |
/// | Any | texts, `true`, `false` and `null`: as Text; numbers: as Number | texts, `true`, `false` and `null`: as Text; numbers: the value as text |
///
/// A pattern without any word fits no text; [`parse`] refuses it.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    Words {
        text: String,
    },
    /// `*` any run of characters, `?` one, `\` takes the next as it is.
    Glob {
        text: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What ordered values are compared with. A value of another kind stands in no relation to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Compared with numbers by their mathematical value, as `Float` is.
    Int(i128),
    Float(f64),
    /// Nanoseconds since 1970.
    Time(i64),
    /// A severity's number.
    Level(u16),
    /// Texts of keyword fields and of keys, whole, in byte order of their lower case; it is in lower case itself.
    Text(String),
}

/// A regular expression (of the regex crate), known to be valid. Case counts; two are equal when their sources are.
#[derive(Debug, Clone)]
pub struct Expression(regex::Regex);

impl Expression {
    /// How much memory a compiled expression may take: a query comes from the web page, too.
    const MAX_SIZE: usize = 1 << 20;

    /// # Errors
    /// What the regex crate says of an expression that is none or is too large.
    pub fn new(source: &str) -> Result<Expression, regex::Error> {
        regex::RegexBuilder::new(source).size_limit(Expression::MAX_SIZE).build().map(Expression)
    }

    /// The source.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Query {
    /// Where a bare word or phrase is looked for: in the message and in the exception.
    pub const BARE_FIELDS: [Field; 3] =
        [Field::Known(Known::Msg), Field::Known(Known::ExcType), Field::Known(Known::ExcMsg)];

    /// What a bare word or phrase means.
    pub fn bare(pattern: Pattern) -> Query {
        Query::Or(Query::BARE_FIELDS.map(|field| Query::Is { field, pattern: pattern.clone() }).into())
    }

    /// The field has exactly that value. What a flag like `--thread` asks, said as a query.
    pub fn is(field: Known, value: impl Into<String>) -> Query {
        Query::Is { field: Field::Known(field), pattern: Pattern::Words { text: value.into() } }
    }
}
