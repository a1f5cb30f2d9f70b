//! The fields that a query names, held against those that the selected runs have.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Parsed, QueryError};
use crate::record::field::{Field, Known};
use crate::record::foreign;

/// A field of a query and where its name stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedField {
    pub field: Field,
    /// As it is written: `levelname` for our `level`.
    pub name: String,
    pub at: Range<usize>,
}

/// How many names an error suggests.
const SUGGESTED: usize = 3;

/// Whether every field of the query is known: one of ours, another system's name for one, or a key that some record of
/// the selected runs has (`keys`: dotted paths, as [`Record::each_key`](crate::record::Record::each_key) names them).
///
/// # Errors
/// The first field that is none of these, with the nearest names; or that is two of them: another system's name for a
/// field of ours, and a key as well.
pub fn check_fields<'a>(parsed: &Parsed, keys: impl IntoIterator<Item = &'a str>) -> Result<(), QueryError> {
    // Most queries name our fields by our names: then the keys, of which there may be many, are not looked at.
    let is_ours = |named: &NamedField| matches!(named.field, Field::Known(known) if known.name() == named.name);
    if parsed.fields.iter().all(is_ours) {
        return Ok(());
    }
    let keys: BTreeSet<&str> = keys.into_iter().collect();
    for named in &parsed.fields {
        match &named.field {
            Field::Key(key) if !keys.contains(&**key) => return Err(unknown(key, named.at.clone(), &keys)),
            Field::Known(known) if !is_ours(named) && keys.contains(named.name.as_str()) => {
                return Err(ambiguous(*known, named));
            }
            _ => {}
        }
    }
    Ok(())
}

fn ambiguous(known: Known, named: &NamedField) -> QueryError {
    let (ours, name) = (known.name(), &named.name);
    let message = format!("`{name}` is another name for `{ours}`, and some records have a key `{name}`, too");
    QueryError::new(message, named.at.clone()).hint(format!("write `{ours}` or `extra.{name}`"))
}

fn unknown(key: &str, at: Range<usize>, keys: &BTreeSet<&str>) -> QueryError {
    let ours: Vec<&str> = Known::ALL.iter().map(|(_, name, ..)| *name).chain(foreign::aliases()).collect();
    let names = nearest(key, ours.iter().chain(keys).copied());
    let error = QueryError::new(format!("no record has a field `{key}`"), at);
    let error = match names.as_slice() {
        [] => error,
        names => error.hint(format!("did you mean {}?", one_of(names))),
    };
    error.hint("to search for the text itself, put it in quotes")
}

/// `` `a`, `b` or `c` ``.
fn one_of(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}

/// The names that are most like the one given, best first; none where nothing is alike.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = name.to_lowercase();
    let mut alike: Vec<(usize, &str)> =
        names.into_iter().filter_map(|other| Some((distance(&wanted, &other.to_lowercase())?, other))).collect();
    alike.sort_unstable();
    alike.dedup();
    alike.truncate(SUGGESTED);
    alike.into_iter().map(|(_, other)| other.to_owned()).collect()
}

/// How many slips lie between two names; `None` where they have nothing to do with one another.
fn distance(wanted: &str, other: &str) -> Option<usize> {
    // A part of a dotted path is what people forget or add: `status` for `http.status`, `user` for `user.name`.
    let part_of = |long: &str, short: &str| {
        let rest = long.strip_prefix(short).map(|rest| rest.starts_with('.'));
        rest.or_else(|| long.strip_suffix(short).map(|rest| rest.ends_with('.'))).unwrap_or(false)
    };
    if !wanted.is_empty() && (part_of(other, wanted) || part_of(wanted, other)) {
        return Some(1);
    }
    let slips = strsim::damerau_levenshtein(wanted, other);
    let length = wanted.chars().count().max(other.chars().count());
    (slips <= (length / 3).max(1) && slips < length).then_some(slips)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::parse;

    /// What is said of a query on runs with these keys.
    fn check(query: &str, expected: &str) {
        let parsed = parse(query, 0).expect("a query");
        let said = match check_fields(&parsed, ["order_id", "http.status", "user.name", "event"]) {
            Ok(()) => "known".to_owned(),
            Err(error) => format!("{error}\n{}\n{}", error.pointing(query), error.hints.join("\n")),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn fields_are_ours_others_or_keys() {
        check("level:info thread.name:x threadName:x order_id:5 extra.order_id:5 http.status:404", "known");
        check("words alone", "known");
    }

    #[test]
    fn an_unknown_field_names_the_nearest() {
        check(
            "boom OR odrer_id:5",
            "no record has a field `odrer_id`\nboom OR odrer_id:5\n        ^^^^^^^^\ndid you mean `order_id`?\nto search for the text itself, put it in quotes",
        );
        check(
            "status:404",
            "no record has a field `status`\nstatus:404\n^^^^^^\ndid you mean `http.status`?\nto search for the text itself, put it in quotes",
        );
        check("zzzz:1", "no record has a field `zzzz`\nzzzz:1\n^^^^\nto search for the text itself, put it in quotes");
    }

    #[test]
    fn a_name_that_means_two_things_is_asked_back() {
        check("msg:x extra.event:x message:x", "known");
        check(
            "event:login",
            "`event` is another name for `msg`, and some records have a key `event`, too\nevent:login\n^^^^^\nwrite `msg` or `extra.event`",
        );
    }

    #[test]
    fn the_nearest_come_first() {
        assert_eq!(nearest("treads", ["threads", "reads", "thread", "lane"]), ["reads", "threads", "thread"]);
        assert_eq!(nearest("", ["a"]), Vec::<String>::new());
    }
}
