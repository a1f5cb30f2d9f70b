//! Conditions on messages. Of a message some words stand in its kind (its template, or all of it) and the others are terms
//! of its own: a message has a word when either has it.

use tantivy::schema::Field as Column;

use super::docs::Docs;
use super::segment::Segment;
use super::template::Template;
use super::terms::{self, Message, Word};
use super::translate::{Ask, Verdict, doubtful, exactly, settled};
use super::values;
use crate::query::{Glob, Matcher, Query, glob, prefilter, text};
use crate::record::field::FieldValue;

/// A condition that one word of a message meets.
enum Condition<'q> {
    Word(String),
    Glob(&'q Glob),
}

/// Sets of documents are numbered by bits; of more conditions than these only the line knows.
const MAX_CONDITIONS: usize = 60;

/// Which documents meet a condition, or may.
struct Meeting {
    sure: Docs,
    possible: Docs,
}

pub(super) fn judge(segment: &Segment, ask: Ask, query: &Query) -> tantivy::Result<Verdict> {
    let matcher = query.compile();
    match ask {
        Ask::Words(text) => {
            let words: Vec<String> = text::tokens(text).map(|(_, word)| word.into_owned()).collect();
            let conditions: Vec<_> = words.into_iter().map(Condition::Word).collect();
            in_a_row(segment, &conditions, &matcher)
        }
        Ask::Glob(text) => {
            let globs = Glob::words(text);
            let conditions: Vec<_> = globs.iter().map(Condition::Glob).collect();
            in_a_row(segment, &conditions, &matcher)
        }
        Ask::Matches(regex) => {
            let pieces = prefilter::words(regex);
            let conditions: Vec<_> = pieces.iter().map(Condition::Glob).take(MAX_CONDITIONS).collect();
            let [constant, others] = by_constant(segment, &matcher)?;
            let mut possible = others;
            for meeting in meetings(segment, &conditions)? {
                possible = possible.and(&meeting.possible.or(&meeting.sure));
            }
            Ok(settled(segment, constant, possible))
        }
        Ask::Exists => {
            let there =
                segment.with_terms(segment.fields.kind, (&[], &[]), |kind| terms::message(kind) != Message::None);
            Ok(exactly(segment, there?))
        }
        Ask::Compare(..) => {
            let [constant, others] = by_constant(segment, &matcher)?;
            Ok(settled(segment, constant, others))
        }
    }
}

/// The documents whose message is constant and matches, and all that have another one.
fn by_constant(segment: &Segment, matcher: &Matcher) -> tantivy::Result<[Docs; 2]> {
    segment.sort_terms(segment.fields.kind, (&[], &[]), |kind| match terms::message(kind) {
        Message::Constant(text) => u64::from(is_met_by(matcher, text)),
        Message::Free | Message::Templated(_) => 0b10,
        Message::None => 0,
    })
}

fn is_met_by(matcher: &Matcher, text: &str) -> bool {
    matcher.accepts(Some(&FieldValue::Text(text.into())), None)
}

/// Words that meet these conditions, one after the other.
fn in_a_row(segment: &Segment, conditions: &[Condition<'_>], matcher: &Matcher) -> tantivy::Result<Verdict> {
    let [sure] = segment.sort_terms(segment.fields.kind, (&[], &[]), |kind| match terms::message(kind) {
        Message::Constant(text) => u64::from(is_met_by(matcher, text)),
        Message::Templated(source) => u64::from(has_in_a_row(source, conditions)),
        Message::Free | Message::None => 0,
    })?;
    let known = &conditions[..conditions.len().min(MAX_CONDITIONS)];
    match meetings(segment, known)?.as_slice() {
        [] => Ok(exactly(segment, segment.none())),
        [only] if conditions.len() == 1 => Ok(settled(segment, sure.or(&only.sure), only.possible.clone())),
        all => {
            let mut possible = segment.all();
            for Meeting { sure, possible: own } in all {
                possible = possible.and(&sure.clone().or(own));
            }
            Ok(settled(segment, sure, possible))
        }
    }
}

/// Whether every message of the template has such words in a row, whatever is filled in.
fn has_in_a_row(source: &str, conditions: &[Condition<'_>]) -> bool {
    let mut has = false;
    if let Some(template) = Template::parse(source) {
        template.each_constant(&mut |words| {
            has = has
                || words
                    .windows(conditions.len().max(1))
                    .any(|row| row.iter().zip(conditions).all(|(word, condition)| condition.is_met_by(word)));
        });
    }
    has
}

/// Which documents have a word in their template or of their own that meets each condition.
fn meetings(segment: &Segment, conditions: &[Condition<'_>]) -> tantivy::Result<Vec<Meeting>> {
    let mut by_template: Vec<Docs> = conditions.iter().map(|_| segment.none()).collect();
    segment.sort_terms_into(segment.fields.kind, (&[], &[]), &mut by_template, &mut |kind| {
        let Message::Templated(source) = terms::message(kind) else { return 0 };
        let mut met = 0;
        if let Some(template) = Template::parse(source) {
            template.each_constant(&mut |words| {
                for (place, condition) in conditions.iter().enumerate() {
                    met |= u64::from(words.iter().any(|word| condition.is_met_by(word))) << place;
                }
            });
        }
        met
    })?;
    let own = conditions.iter().zip(by_template).map(|(condition, sure)| {
        let own = condition.of_own_words(segment)?;
        Ok(Meeting { sure: sure.or(&own.sure), possible: own.possible })
    });
    own.collect()
}

impl Condition<'_> {
    fn is_met_by(&self, word: &str) -> bool {
        match self {
            Condition::Word(wanted) => wanted == word,
            Condition::Glob(glob) => glob.fits(word),
        }
    }

    fn of_own_words(&self, segment: &Segment) -> tantivy::Result<Meeting> {
        let before = [terms::MESSAGE];
        match self {
            Condition::Word(word) => {
                let (sure, possible) = with_word(segment, segment.fields.word, &before, word)?;
                Ok(Meeting { sure, possible })
            }
            Condition::Glob(glob) => {
                let (sure, possible) = with_glob(segment, segment.fields.word, &before, glob)?;
                Ok(Meeting { sure, possible })
            }
        }
    }
}

/// The documents with that word behind `before`, and those that may have it.
pub(super) fn with_word(segment: &Segment, column: Column, before: &[u8], word: &str) -> tantivy::Result<(Docs, Docs)> {
    let mut term = before.to_vec();
    let kept = Word::of(word);
    kept.push(&mut term);
    let docs = segment.with_bytes(column, &term)?;
    Ok(match kept {
        Word::Plain(_) => (docs, segment.none()),
        Word::Bucket(_) => (segment.none(), docs),
    })
}

/// The documents with a word behind `before` that fits the glob, and those that may have one.
pub(super) fn with_glob(
    segment: &Segment,
    column: Column,
    before: &[u8],
    glob: &Glob,
) -> tantivy::Result<(Docs, Docs)> {
    // What the glob begins with narrows the terms that have to be looked at.
    let mut beginning = String::new();
    let just = glob.parts().iter().map_while(|part| match part {
        glob::Part::Just(letter) => Some(*letter),
        _ => None,
    });
    beginning.extend(just);
    let mut from = before.to_vec();
    Word::push_beginning("", &mut from);
    let start = from.len();
    from.extend_from_slice(beginning.as_bytes());
    let to = values::after_prefix(&from);
    let sure = segment.with_terms(column, (&from, &to), |term| {
        std::str::from_utf8(&term[start..]).is_ok_and(|text| glob.fits(text))
    })?;
    let may_be_id = glob.parts().iter().all(|part| match part {
        glob::Part::Just(letter) => terms::may_stand_in_id(*letter),
        _ => true,
    });
    let mut from = before.to_vec();
    if !may_be_id || Word::push_ids_beginning(&beginning, &mut from).is_none() {
        return Ok((sure, segment.none()));
    }
    let to = values::after_prefix(&from);
    Ok((sure, segment.with_terms(column, (&from, &to), |_| true)?))
}

/// The documents with such a text among those that are indexed word by word alone.
pub(super) fn rare(segment: &Segment, mark: u8, name: &str, ask: Ask) -> tantivy::Result<Verdict> {
    let there = || {
        segment.with_terms(segment.fields.shape, (&[], &[]), |shape| {
            shape.split(|byte| *byte == terms::BORDER).any(|entry| {
                entry.split_first().is_some_and(|(kind, own)| *kind == terms::KNOWN_NAME && own == name.as_bytes())
            })
        })
    };
    let column = segment.fields.word;
    let with_all = |found: Vec<Docs>| {
        let is_sure = found.len() <= 1;
        let all = found.into_iter().reduce(|all, next| all.and(&next)).unwrap_or_else(|| segment.none());
        if is_sure { exactly(segment, all) } else { doubtful(segment, all) }
    };
    match ask {
        Ask::Words(text) => {
            let with = |word: String| {
                let mut term = vec![mark];
                Word::Plain(&word).push(&mut term);
                segment.with_bytes(column, &term)
            };
            let found = text::tokens(text).map(|(_, word)| with(word.into_owned())).collect::<tantivy::Result<_>>();
            Ok(with_all(found?))
        }
        Ask::Glob(text) => {
            let found = Glob::words(text).iter().map(|glob| Ok(with_glob(segment, column, &[mark], glob)?.0)).collect();
            let found: tantivy::Result<Vec<Docs>> = found;
            Ok(with_all(found?))
        }
        Ask::Exists => Ok(exactly(segment, there()?)),
        Ask::Matches(_) | Ask::Compare(..) => Ok(doubtful(segment, there()?)),
    }
}
