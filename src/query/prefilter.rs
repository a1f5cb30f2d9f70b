//! What a regular expression demands of the words of a text, so that an index can leave out what cannot match.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::glob::Part;
use super::{Expression, Glob, text};

/// Globs, each of which fits some word of every text that the expression matches; none where nothing can be told. Words that
/// count only in part ([`text::MAX_WORD`]) are not thought of.
pub fn words(regex: &Expression) -> Vec<Glob> {
    let Ok(hir) = regex_syntax::parse(regex.as_str()) else { return Vec::new() };
    let mut pieces = vec![Piece::Anything];
    take_apart(&hir, &mut pieces);
    pieces.push(Piece::Anything);
    let mut globs = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let Piece::Letter(_) = pieces[at] else {
            at += 1;
            continue;
        };
        let is_word = |piece: &Piece| matches!(piece, Piece::Letter(letter) if text::is_word(*letter));
        let start = at;
        while is_word(&pieces[at]) {
            at += 1;
        }
        if start == at {
            at += 1;
            continue;
        }
        let mut parts = Vec::new();
        if pieces[start - 1] == Piece::Anything {
            parts.push(Part::Many);
        }
        let letters: String = pieces[start..at].iter().filter_map(Piece::letter).collect();
        parts.extend(text::lower(&letters).chars().map(Part::Just));
        if pieces[at] == Piece::Anything {
            parts.push(Part::Many);
        }
        globs.push(Glob::of_parts(parts));
    }
    globs
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// This character stands there, in either case.
    Letter(char),
    /// The text begins there.
    Start,
    /// Something may stand there, or nothing.
    Anything,
}

impl Piece {
    fn letter(&self) -> Option<char> {
        match self {
            Piece::Letter(letter) => Some(*letter),
            _ => None,
        }
    }
}

fn take_apart(hir: &Hir, pieces: &mut Vec<Piece>) {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => pieces.extend(text.chars().map(Piece::Letter)),
            Err(_) => pieces.push(Piece::Anything),
        },
        HirKind::Class(class) => pieces.push(one_letter(class).map_or(Piece::Anything, Piece::Letter)),
        HirKind::Look(Look::Start) if *pieces == [Piece::Anything] => *pieces = vec![Piece::Start],
        HirKind::Concat(parts) => parts.iter().for_each(|part| take_apart(part, pieces)),
        HirKind::Capture(capture) => take_apart(&capture.sub, pieces),
        HirKind::Look(_) | HirKind::Repetition(_) | HirKind::Alternation(_) => pieces.push(Piece::Anything),
    }
}

/// The one letter that a class stands for, whatever its case.
fn one_letter(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let mut letters = class.iter().flat_map(|range| range.start()..=range.end()).take(5);
    let first = text::lower(letters.next()?.encode_utf8(&mut [0; 4])).into_owned();
    let are_one = letters.all(|letter| text::lower(letter.encode_utf8(&mut [0; 4])) == first);
    let count: u32 = class.iter().map(|range| u32::from(range.end()) - u32::from(range.start()) + 1).sum();
    if are_one && count < 5 { first.chars().next() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn globs(source: &str) -> Vec<Glob> {
        words(&Expression::new(source).expect("a regex"))
    }

    #[test]
    fn literal_parts_demand_words() {
        assert_eq!(globs(r"order \d+ taken by"), ["*order", "taken", "by*"].map(Glob::whole));
        assert_eq!(
            globs(r"^order: (?i)Ab"),
            ["order", "*ab*"].map(Glob::whole)[..1].iter().cloned().chain([Glob::whole("ab*")]).collect::<Vec<_>>()
        );
        assert_eq!(globs(r"(out) of (stock|time)"), ["*out", "of"].map(Glob::whole));
        assert!(globs(r"\d+|order").is_empty() && globs("").is_empty() && globs("[ab]+").is_empty());
    }

    proptest! {
        #[test]
        fn what_matches_has_such_words(
            source in prop::collection::vec(prop::sample::select(&["a", "b_", " ", "é", "(c|d)", "a+", "^", "(?i)K", r"\b", "[ab]", "e?", "."][..]), 0..6),
            text in "[abcdekKéÉ_ .]{0,12}",
        ) {
            let Ok(regex) = Expression::new(&source.concat()) else { return Ok(()) };
            if regex.is_match(&text) {
                let found: Vec<_> = text::tokens(&text).map(|(_, word)| word.into_owned()).collect();
                for glob in words(&regex) {
                    prop_assert!(found.iter().any(|word| glob.fits(word)), "{:?} {:?} {}", regex, glob, text);
                }
            }
        }
    }
}
