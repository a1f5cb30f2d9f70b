//! The definition of every query: whether a record is among its answers.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use super::{Bound, Expression, Glob, Op, Pattern, Query, text, value};
use crate::record::field::{Field, FieldType, FieldValue};
use crate::record::{Record, time};

impl Query {
    /// Whether the record is asked for. For many records, [`Query::compile`] once.
    pub fn matches(&self, record: &Record) -> bool {
        self.compile().matches(record)
    }

    /// The query with everything done that needs no record.
    pub fn compile(&self) -> Matcher {
        Matcher(compile(self))
    }
}

/// A query, ready to be asked of many records.
#[derive(Debug, Clone)]
pub struct Matcher(Node);

impl Matcher {
    pub fn matches(&self, record: &Record) -> bool {
        self.0.matches(record)
    }

    /// Whether a record matches of which only that value of the field is known. For queries about one field.
    pub fn accepts(&self, value: Option<&FieldValue<'_>>, severity: Option<u16>) -> bool {
        self.0.accepts(value, severity)
    }
}

#[derive(Debug, Clone)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// Some value of the field passes.
    Value(Field, Test),
    /// The record's severity passes: the number decides, not the name.
    Severity(fn(u16, u16) -> bool, u16),
}

#[derive(Debug, Clone)]
enum Test {
    Never,
    /// Any value but null.
    Exists,
    /// The whole value, in lower case.
    Whole(Box<str>),
    WholeGlob(Glob),
    /// Words in a row, in lower case.
    Words(Vec<Box<str>>),
    WordGlobs(Vec<Glob>),
    Order(Bound, fn(Ordering) -> bool),
    Matches(Expression),
    /// By the value: the first for numbers, the second for texts, truth values and null.
    NumberElse(Box<Test>, Box<Test>),
}

fn compile(query: &Query) -> Node {
    match query {
        Query::All => Node::And(Vec::new()),
        Query::And(queries) => Node::And(queries.iter().map(compile).collect()),
        Query::Or(queries) => Node::Or(queries.iter().map(compile).collect()),
        Query::Not(query) => Node::Not(Box::new(compile(query))),
        Query::Exists(field) => Node::Value(field.clone(), Test::Exists),
        Query::Matches { field, regex } => Node::Value(field.clone(), Test::Matches(regex.clone())),
        Query::Compare { field, op, bound } => compile_compare(field, *op, bound),
        Query::Is { field, pattern: Pattern::Glob { text } } => Node::Value(field.clone(), glob_test(field, text)),
        Query::Is { field, pattern: Pattern::Words { text } } => match field.field_type() {
            FieldType::Level => match value::severity(text) {
                Some(number) => Node::Severity(|own, wanted| own == wanted, number),
                None => Node::Value(field.clone(), Test::Never),
            },
            _ => Node::Value(field.clone(), words_test(field, text)),
        },
    }
}

fn compile_compare(field: &Field, op: Op, bound: &Bound) -> Node {
    if let (FieldType::Level, Bound::Level(number)) = (field.field_type(), bound) {
        let holds: fn(u16, u16) -> bool = match op {
            Op::Less => |own, bound| own < bound,
            Op::AtMost => |own, bound| own <= bound,
            Op::More => |own, bound| own > bound,
            Op::AtLeast => |own, bound| own >= bound,
        };
        return Node::Severity(holds, *number);
    }
    let holds = match op {
        Op::Less => Ordering::is_lt,
        Op::AtMost => Ordering::is_le,
        Op::More => Ordering::is_gt,
        Op::AtLeast => Ordering::is_ge,
    };
    // A time is a number to the record: only a time field may be held against one, and against nothing else.
    let fits = (field.field_type() == FieldType::Time) == matches!(bound, Bound::Time(_));
    let test = if fits { Test::Order(bound.clone(), holds) } else { Test::Never };
    Node::Value(field.clone(), test)
}

fn words_test(field: &Field, text: &str) -> Test {
    let same_number = || match value::number(text) {
        Some(number) => Test::Order(number, Ordering::is_eq),
        None => Test::Never,
    };
    let same_words = || {
        let words: Vec<Box<str>> = text::tokens(text).map(|(_, word)| word.into()).collect();
        if words.is_empty() { Test::Never } else { Test::Words(words) }
    };
    match field.field_type() {
        FieldType::Keyword => Test::Whole(text::lower(text).into()),
        FieldType::Text => same_words(),
        FieldType::Number => same_number(),
        FieldType::Time => match time::parse_rfc3339(text) {
            Some(ts) => Test::Order(Bound::Time(ts), Ordering::is_eq),
            None => Test::Never,
        },
        FieldType::Any => Test::NumberElse(Box::new(same_number()), Box::new(same_words())),
        FieldType::Level => Test::Never,
    }
}

fn glob_test(field: &Field, glob: &str) -> Test {
    let whole = || Test::WholeGlob(Glob::whole(glob));
    let words = || match Glob::words(glob) {
        globs if globs.is_empty() => Test::Never,
        globs => Test::WordGlobs(globs),
    };
    match field.field_type() {
        FieldType::Keyword | FieldType::Level | FieldType::Number => whole(),
        FieldType::Text => words(),
        FieldType::Any => Test::NumberElse(Box::new(whole()), Box::new(words())),
        FieldType::Time => Test::Never,
    }
}

impl Node {
    fn accepts(&self, value: Option<&FieldValue<'_>>, severity: Option<u16>) -> bool {
        match self {
            Node::And(nodes) => nodes.iter().all(|node| node.accepts(value, severity)),
            Node::Or(nodes) => nodes.iter().any(|node| node.accepts(value, severity)),
            Node::Not(node) => !node.accepts(value, severity),
            Node::Severity(holds, number) => severity.is_some_and(|own| holds(own, *number)),
            Node::Value(_, test) => value.is_some_and(|value| test.passes(value)),
        }
    }

    fn matches(&self, record: &Record) -> bool {
        match self {
            Node::And(nodes) => nodes.iter().all(|node| node.matches(record)),
            Node::Or(nodes) => nodes.iter().any(|node| node.matches(record)),
            Node::Not(node) => !node.matches(record),
            Node::Severity(holds, number) => record.severity().is_some_and(|own| holds(own, *number)),
            Node::Value(field, test) => {
                let mut found = false;
                record.each_value(field, &mut |value| found = found || test.passes(&value));
                found
            }
        }
    }
}

impl Test {
    fn passes(&self, value: &FieldValue) -> bool {
        match self {
            Test::Never => false,
            Test::Exists => *value != FieldValue::Null,
            Test::Whole(wanted) => text::is_lower_of(wanted, &as_text(value)),
            Test::WholeGlob(glob) => glob.fits(&as_text(value)),
            Test::Words(words) => {
                in_a_row(&as_text(value), words.len(), |place, word| text::is_lower_of(&words[place], word))
            }
            Test::WordGlobs(globs) => in_a_row(&as_text(value), globs.len(), |place, word| globs[place].fits(word)),
            Test::Order(bound, holds) => order(value, bound).is_some_and(holds),
            Test::Matches(regex) => *value != FieldValue::Null && regex.is_match(&as_text(value)),
            Test::NumberElse(of_number, of_text) => match value {
                FieldValue::Int(_) | FieldValue::Float(_) => of_number.passes(value),
                _ => of_text.passes(value),
            },
        }
    }
}

fn as_text<'a>(value: &'a FieldValue) -> Cow<'a, str> {
    match value {
        FieldValue::Text(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Whether `count` words that follow one another fit, each at its place.
fn in_a_row(text: &str, count: usize, fits: impl Fn(usize, &str) -> bool) -> bool {
    let fits_at = |place: usize, word: Range<usize>| fits(place, &text[word]);
    let mut rest = text::words(text);
    while let Some(first) = rest.next() {
        if fits_at(0, first) {
            let mut others = rest.clone();
            if (1..count).all(|place| others.next().is_some_and(|word| fits_at(place, word))) {
                return true;
            }
        }
    }
    false
}

/// How the value stands to the bound; `None` where they are of different kinds.
fn order(value: &FieldValue, bound: &Bound) -> Option<Ordering> {
    match (value, bound) {
        (FieldValue::Int(own), Bound::Int(other)) => Some(own.cmp(other)),
        (FieldValue::Int(own), Bound::Time(other)) => Some(own.cmp(&i128::from(*other))),
        (FieldValue::Int(own), Bound::Float(other)) => order_int_float(*own, *other),
        (FieldValue::Float(own), Bound::Int(other)) => order_int_float(*other, *own).map(Ordering::reverse),
        (FieldValue::Float(own), Bound::Float(other)) => own.partial_cmp(other),
        (FieldValue::Text(own), Bound::Text(other)) => Some(text::lower(own).as_ref().cmp(other)),
        _ => None,
    }
}

/// By mathematical value: as floats, 2^53 and 2^53 + 1 would be equal.
fn order_int_float(int: i128, float: f64) -> Option<Ordering> {
    const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0; // 2^127
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND {
        return Some(Ordering::Less);
    }
    if float < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc() as i128;
    Some(int.cmp(&whole).then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)))
}
