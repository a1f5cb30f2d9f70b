//! Values as they are written in a query: held against the type of their field, they become conditions.

use super::scan::Written;
use super::{Bound, Glob, Op, Pattern, Query, QueryError, fields, text, time};
use crate::record::field::{Field, FieldType};
use crate::record::level;

/// The number that a text is, read as JSON is: an integer where 64 bits hold it, else a float.
pub fn number(text: &str) -> Option<Bound> {
    let int = text.parse::<i64>().map(i128::from).or_else(|_| text.parse::<u64>().map(i128::from));
    if let Ok(int) = int {
        return Some(Bound::Int(int));
    }
    let looks_like_one = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let float: f64 = text.parse().ok().filter(|_| looks_like_one)?;
    float.is_finite().then_some(Bound::Float(float))
}

/// The severity that a text names: any usual spelling, a number, or Python's `Level 35`.
pub fn severity(text: &str) -> Option<u16> {
    let digits = text.get(..6).filter(|start| start.eq_ignore_ascii_case("level ")).map_or(text, |_| &text[6..]);
    level::number_of(text).or_else(|| digits.parse().ok())
}

/// `field:value`. Times without a date and relative ones count from `now`.
pub(super) fn is(field: Field, value: Written, now: i64) -> Result<Query, QueryError> {
    if let Some(glob) = &value.glob {
        if glob.bytes().all(|byte| byte == b'*') {
            return Ok(Query::Exists(field));
        }
        return is_glob(field, glob, &value);
    }
    match field.field_type() {
        FieldType::Keyword => {}
        FieldType::Text => has_words(&value, &field)?,
        FieldType::Number => drop(number_of(&field, &value)?),
        FieldType::Level => drop(severity_of(&value)?),
        FieldType::Any if number(&value.text).is_some() => {}
        FieldType::Any => has_words(&value, &field)?,
        FieldType::Time => return is_time(field, &value, now),
    }
    Ok(Query::Is { field, pattern: Pattern::Words { text: value.text } })
}

fn is_glob(field: Field, glob: &str, value: &Written) -> Result<Query, QueryError> {
    match field.field_type() {
        FieldType::Number => return Err(no_glob(&field, "a number", value)),
        FieldType::Time => return Err(no_glob(&field, "a time", value)),
        FieldType::Text | FieldType::Any if Glob::words(glob).is_empty() => return Err(no_words(value, Some(&field))),
        _ => {}
    }
    Ok(Query::Is { field, pattern: Pattern::Glob { text: glob.to_owned() } })
}

fn no_glob(field: &Field, what: &str, value: &Written) -> QueryError {
    QueryError::new(format!("`{field}` is {what}: it has no `*` or `?`"), value.at.clone())
        .hint(format!("a range is written `{field}:[FROM TO TO]` or `{field}>=FROM`"))
}

/// A time is met by every moment of the span that it names.
fn is_time(field: Field, value: &Written, now: i64) -> Result<Query, QueryError> {
    if time::is_relative(&value.text) {
        let message = format!("`{}` is a moment, which hardly any record meets", value.text);
        return Err(QueryError::new(message, value.at.clone()).hint(format!("write `{field}>={}`", value.text)));
    }
    let span = span_of(value, now)?;
    let end = Query::Compare { field: field.clone(), op: Op::Less, bound: Bound::Time(span.end) };
    Ok(Query::And(vec![Query::Compare { field, op: Op::AtLeast, bound: Bound::Time(span.start) }, end]))
}

/// `field>=value` and its like.
pub(super) fn compare(field: Field, op: Op, value: Written, now: i64) -> Result<Query, QueryError> {
    if value.glob.is_some() {
        return Err(QueryError::new("`*` and `?` have no order", value.at.clone())
            .hint("put the value in quotes where it holds these characters itself"));
    }
    let bound = match field.field_type() {
        FieldType::Text => {
            return Err(QueryError::new(format!("`{field}` is text: it has no order"), value.at.clone())
                .hint(format!("words are found with `{field}:word`, patterns with `{field}~regex`")));
        }
        FieldType::Number => number_of(&field, &value)?,
        FieldType::Level => Bound::Level(severity_of(&value)?),
        FieldType::Time => return compare_time(field, op, &value, now),
        FieldType::Any if !value.quoted && number(&value.text).is_some() => number_of(&field, &value)?,
        FieldType::Any | FieldType::Keyword => Bound::Text(text::lower(&value.text).into_owned()),
    };
    Ok(Query::Compare { field, op, bound })
}

/// The whole span is before, after or among what is asked: `ts<=17:15` holds for all of that minute.
fn compare_time(field: Field, op: Op, value: &Written, now: i64) -> Result<Query, QueryError> {
    let span = span_of(value, now)?;
    let is_exact = span.end == span.start.saturating_add(1);
    let (op, bound) = match op {
        Op::More if !is_exact => (Op::AtLeast, span.end),
        Op::AtMost if !is_exact => (Op::Less, span.end),
        _ => (op, span.start),
    };
    Ok(Query::Compare { field, op, bound: Bound::Time(bound) })
}

fn span_of(value: &Written, now: i64) -> Result<time::Span, QueryError> {
    time::parse(&value.text, now)
        .ok_or_else(|| QueryError::new(format!("`{}` is no time", value.text), value.at.clone()).hint(time::FORMS))
}

fn number_of(field: &Field, value: &Written) -> Result<Bound, QueryError> {
    number(&value.text).ok_or_else(|| {
        QueryError::new(format!("`{field}` is a number, and `{}` is none", value.text), value.at.clone())
    })
}

fn severity_of(value: &Written) -> Result<u16, QueryError> {
    severity(&value.text).ok_or_else(|| {
        let error = QueryError::new(format!("no level is called `{}`", value.text), value.at.clone());
        let error = match fields::nearest(&value.text, level::CANONICAL).first() {
            Some(name) => error.hint(format!("did you mean `{name}`?")),
            None => error,
        };
        error.hint(format!(
            "levels are {}, their usual other spellings, and numbers like 35; `level:name*` finds a level of the program's own",
            level::CANONICAL.join(", ")
        ))
    })
}

fn has_words(value: &Written, field: &Field) -> Result<(), QueryError> {
    match text::words(&value.text).next() {
        Some(_) => Ok(()),
        None => Err(no_words(value, Some(field))),
    }
}

/// A text of which the tokenizer leaves nothing would be found everywhere or nowhere.
pub(super) fn no_words(value: &Written, field: Option<&Field>) -> QueryError {
    let name = field.map_or("msg", Field::name);
    let message = match value.text.as_str() {
        "" => "there is no word to search for".to_owned(),
        text => format!("`{text}` holds no word to search for"),
    };
    let pattern = if value.text.is_empty() { "^$".to_owned() } else { regex::escape(&value.text) };
    let pattern = pattern.replace('"', "\\\"");
    QueryError::new(message, value.at.clone()).hint(format!("`{name}~\"{pattern}\"` searches for any characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_json_reads_them() {
        let cases = [
            ("5", Some(Bound::Int(5))),
            ("-5", Some(Bound::Int(-5))),
            ("18446744073709551615", Some(Bound::Int(u64::MAX.into()))),
            ("18446744073709551616", Some(Bound::Float(18_446_744_073_709_551_616.0))),
            ("5.0", Some(Bound::Float(5.0))),
            ("1e3", Some(Bound::Float(1000.0))),
            ("1e999", None),
            ("inf", None),
            ("nan", None),
            ("", None),
            ("0x10", None),
            ("1 ", None),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn a_severity_has_many_names() {
        for (text, expected) in [
            ("warn", Some(30)),
            ("CRITICAL", Some(50)),
            ("35", Some(35)),
            ("Level 7", Some(7)),
            ("loud", None),
            ("", None),
        ] {
            assert_eq!(severity(text), expected, "{text}");
        }
    }
}
