//! The one tokenizer: what a word is and what it looks like in lower case, for [`super::Matcher`] and for the index.
//!
//! A word is a run of alphanumeric characters (Unicode's) and `_`. Of a word longer than [`MAX_WORD`] bytes only
//! the beginning counts, here and in a query alike. It does no stemming and knows no stop words: in logs every word
//! may be the one that is looked for.

use std::borrow::Cow;
use std::ops::Range;

/// How much of a word counts, in bytes as written.
pub const MAX_WORD: usize = 255;

/// The words of a text: where each stands (as much of it as counts), and its lower-case form.
pub fn tokens(text: &str) -> impl Iterator<Item = (Range<usize>, Cow<'_, str>)> {
    words(text).map(|place| (place.clone(), lower(&text[place])))
}

/// Where the words of a text stand. With [`push_lower`] these are the two halves of [`tokens`], for an indexer
/// that has a buffer of its own.
pub fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

#[derive(Clone)]
pub struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = run(self.text, self.at, false);
        let end = run(self.text, start, true);
        self.at = end;
        if start == end {
            return None;
        }
        let mut kept = end.min(start + MAX_WORD);
        while !self.text.is_char_boundary(kept) {
            kept -= 1;
        }
        Some(start..kept)
    }
}

/// The end of the run of word characters, or of others, that begins at `at`.
fn run(text: &str, mut at: usize, of_words: bool) -> usize {
    while let Some(&byte) = text.as_bytes().get(at) {
        if byte.is_ascii() {
            if ASCII_WORD[usize::from(byte)] != of_words {
                break;
            }
            at += 1;
            continue;
        }
        match text[at..].chars().next() {
            Some(letter) if is_word(letter) == of_words => at += letter.len_utf8(),
            _ => break,
        }
    }
    at
}

/// Most bytes of a log are ASCII: one look into a table each.
const ASCII_WORD: [bool; 128] = {
    let mut table = [false; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

/// Whether a word may hold the character.
pub fn is_word(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

/// The lower-case form that values and queries are compared in.
pub fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(if text.is_ascii() { text.to_ascii_lowercase() } else { lower_chars(text).collect() })
}

/// [`lower`], appended to a buffer of bytes.
pub fn push_lower(text: &str, out: &mut Vec<u8>) {
    if text.is_ascii() {
        let start = out.len();
        out.extend_from_slice(text.as_bytes());
        out[start..].make_ascii_lowercase();
    } else {
        lower_chars(text).for_each(|letter| out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()));
    }
}

/// The characters of [`lower`].
pub(super) fn lower_chars(text: &str) -> impl Iterator<Item = char> + Clone {
    // Letter by letter, with one form of the Greek sigma: `str::to_lowercase` makes the form depend on what
    // follows, so that a part of a word would look different from the same letters inside the word.
    text.chars().flat_map(|letter| if letter == 'ς' { 'σ'.to_lowercase() } else { letter.to_lowercase() })
}

/// Whether `lower(text) == lowered`, without making it.
pub(super) fn is_lower_of(lowered: &str, text: &str) -> bool {
    if text.is_ascii() { text.eq_ignore_ascii_case(lowered) } else { lower_chars(text).eq(lowered.chars()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(tokens(text).map(|(_, word)| word.into_owned()).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn words_are_runs_of_letters_digits_and_underscores() {
        check("", &[]);
        check(" -- !", &[]);
        check("order_id=8812, Retry", &["order_id", "8812", "retry"]);
        check("a.b-c/d", &["a", "b", "c", "d"]);
        check("Überfällig: ΟΔΟΣ 数据 77", &["überfällig", "οδοσ", "数据", "77"]);
        check("\u{212a}elvin", &["kelvin"]);
    }

    #[test]
    fn of_a_long_word_the_beginning_counts() {
        let long = format!("a{}b next", "é".repeat(200));
        let found: Vec<_> = tokens(&long).collect();
        assert_eq!((found[0].0.clone(), found[1].1.as_ref()), (0..255, "next"));
        let odd = "é".repeat(200);
        assert_eq!(words(&odd).next(), Some(0..254));
    }

    proptest! {
        #[test]
        fn words_cover_what_is_a_word(text in "\\PC{0,60}") {
            let found: String = words(&text).map(|place| &text[place]).collect();
            prop_assert_eq!(found, text.chars().filter(|letter| is_word(*letter)).collect::<String>());
        }

        #[test]
        fn comparing_is_lowering(left in "\\PC{0,8}", right in "\\PC{0,8}") {
            prop_assert!(is_lower_of(&lower(&left), &left));
            prop_assert_eq!(is_lower_of(&lower(&left), &right), lower(&left) == lower(&right));
        }
    }
}
