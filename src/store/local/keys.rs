//! Conditions on the keys of `extra` and of events, which may hold numbers, texts, truth values and null. Each value has
//! terms of its own kind, under the key's whole path.

use super::docs::Docs;
use super::messages::{with_glob, with_word};
use super::numbers::{self, Code};
use super::segment::Segment;
use super::terms::{self, BORDER};
use super::translate::{Ask, Verdict, exactly, settled};
use crate::query::{Bound, Glob, Query, text, value};
use crate::record::field::FieldValue;

pub(super) fn judge(segment: &Segment, path: &str, ask: Ask, query: &Query) -> tantivy::Result<Verdict> {
    if let Ask::Exists = ask {
        let marks = [terms::INDEXED, terms::APART];
        let there = segment.with_terms(segment.fields.shape, (&[], &[]), |shape| names(shape, path, &marks));
        return Ok(exactly(segment, there?));
    }
    let marks = [terms::APART, terms::APART_NULL];
    let apart = segment.with_terms(segment.fields.shape, (&[], &[]), |shape| names(shape, path, &marks))?;
    let matcher = query.compile();
    let mut sets = [segment.none(), apart];
    let mut look_at = |marks: std::ops::RangeInclusive<u8>| {
        let (from, to) = (
            [path.as_bytes(), &[BORDER, *marks.start()]].concat(),
            [path.as_bytes(), &[BORDER, *marks.end() + 1]].concat(),
        );
        segment.sort_terms_into(segment.fields.value, (&from, &to), &mut sets, &mut |term| {
            let Some((mark, more)) = term[path.len() + 1..].split_first() else { return 0 };
            match plain(*mark, more) {
                Some(value) => u64::from(matcher.accepts(Some(&value), None)),
                None => rough(*mark, more, ask),
            }
        })
    };
    if let Ask::Words(text) = ask {
        // Few numbers can be equal to this one.
        look_at(terms::TRUTH..=terms::TRUTH)?;
        look_at(terms::WHOLE..=terms::WHOLE)?;
        look_at(terms::NOTHING..=terms::NOTHING)?;
        let [sure, possible] = &mut sets;
        match value::number(text).as_ref().and_then(Code::of_bound) {
            Some(Code::Exact(code)) => *sure = sure.clone().or(&with(segment, path, terms::EXACT, &code)?),
            Some(Code::Rough(code)) => *possible = possible.clone().or(&with(segment, path, terms::ROUGH, &code)?),
            None => {}
        }
    } else {
        look_at(terms::TRUTH..=terms::WHOLE)?;
        look_at(terms::IN_WORDS..=terms::NOTHING)?;
    }
    let (sure, possible) = in_words(segment, path, ask)?;
    let [yes, maybe] = sets;
    Ok(settled(segment, yes.or(&sure), maybe.or(&possible)))
}

/// Whether a shape names the key under one of these marks.
pub(super) fn names(shape: &[u8], path: &str, marks: &[u8]) -> bool {
    shape
        .split(|byte| *byte == BORDER)
        .any(|entry| entry.split_first().is_some_and(|(mark, name)| marks.contains(mark) && name == path.as_bytes()))
}

fn with(segment: &Segment, path: &str, mark: u8, more: &[u8]) -> tantivy::Result<Docs> {
    segment.with_bytes(segment.fields.value, &[path.as_bytes(), &[BORDER, mark], more].concat())
}

/// The value that a term stands for, if it is one.
pub(super) fn plain<'a>(mark: u8, more: &'a [u8]) -> Option<FieldValue<'a>> {
    match mark {
        terms::WHOLE => Some(FieldValue::Text(std::str::from_utf8(more).ok()?.into())),
        terms::TRUTH => Some(FieldValue::Bool(more == b"true")),
        terms::EXACT => Some(numbers::exactly(more.try_into().ok()?)),
        terms::NOTHING => Some(FieldValue::Null),
        _ => None,
    }
}

/// What is asked of numbers that share a term, and of texts that are indexed in words: into which of `yes` and `maybe` their
/// documents go.
fn rough(mark: u8, more: &[u8], ask: Ask) -> u64 {
    const YES: u64 = 0b01;
    const MAYBE: u64 = 0b10;
    match (mark, ask) {
        (terms::ROUGH, Ask::Compare(op, bound)) => {
            let Ok(code) = more.try_into() else { return MAYBE };
            match numbers::relation(code, op, bound) {
                Some(true) => YES,
                Some(false) => 0,
                None => MAYBE,
            }
        }
        (terms::ROUGH, Ask::Glob(_) | Ask::Matches(_)) => MAYBE,
        (terms::IN_WORDS, Ask::Matches(_) | Ask::Compare(_, Bound::Text(_))) => MAYBE,
        _ => 0,
    }
}

/// The documents whose texts have the words, one by one; of several words in a row the line decides.
fn in_words(segment: &Segment, path: &str, ask: Ask) -> tantivy::Result<(Docs, Docs)> {
    let before = [path.as_bytes(), &[BORDER]].concat();
    let column = segment.fields.value;
    let found: Vec<(Docs, Docs)> = match ask {
        Ask::Words(text) => {
            let with = |word: &str| with_word(segment, column, &before, word);
            text::tokens(text).map(|(_, word)| with(&word)).collect::<tantivy::Result<_>>()?
        }
        Ask::Glob(text) => {
            let globs = Glob::words(text);
            globs.iter().map(|glob| with_glob(segment, column, &before, glob)).collect::<tantivy::Result<_>>()?
        }
        _ => Vec::new(),
    };
    let count = found.len();
    let all =
        found.into_iter().reduce(|all, (sure, possible)| (segment.none(), all.0.or(&all.1).and(&sure.or(&possible))));
    let (sure, possible) = all.unwrap_or_else(|| (segment.none(), segment.none()));
    Ok(if count > 1 { (segment.none(), sure.or(&possible)) } else { (sure, possible) })
}

/// Every path that a shape names.
pub(super) fn paths(segment: &Segment, found: &mut dyn FnMut(&str)) -> tantivy::Result<()> {
    segment.each_term(segment.fields.shape, (&[], &[]), &mut |shape, _| {
        for entry in shape.split(|byte| *byte == BORDER) {
            match entry.split_first() {
                Some((&terms::KNOWN_NAME, _)) | None => {}
                Some((_, name)) => found(&String::from_utf8_lossy(name)),
            }
        }
        Ok(())
    })
}
