//! Globs: `*` for any run of characters, `?` for one, `\` takes the next character as it is. Case is ignored.

use super::text;

/// A glob, taken apart and lower-cased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Part>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// This character, in lower case.
    Just(char),
    /// `?`
    One,
    /// `*`
    Many,
}

/// The pieces of a glob as written: a character and whether it is a wildcard.
pub(super) fn pieces(glob: &str) -> impl Iterator<Item = (char, bool)> + '_ {
    let mut letters = glob.chars();
    std::iter::from_fn(move || {
        Some(match letters.next()? {
            '\\' => (letters.next().unwrap_or('\\'), false),
            letter => (letter, matches!(letter, '*' | '?')),
        })
    })
}

impl Glob {
    /// The glob for whole values.
    pub fn whole(glob: &str) -> Glob {
        let mut parts = Vec::new();
        for (letter, wild) in pieces(glob) {
            push(&mut parts, letter, wild);
        }
        Glob(parts)
    }

    /// The glob of these parts; letters are in lower case.
    pub(super) fn of_parts(parts: Vec<Part>) -> Glob {
        Glob(parts)
    }

    /// The globs for words that follow one another: a glob cut as the tokenizer cuts a text, wildcards counted as
    /// letters. `shop/*/order?.py` is `shop`, `*`, `order?`, `py`.
    pub fn words(glob: &str) -> Vec<Glob> {
        let mut words = Vec::new();
        let mut parts = Vec::new();
        for (letter, wild) in pieces(glob) {
            if wild || text::is_word(letter) {
                push(&mut parts, letter, wild);
            } else if !parts.is_empty() {
                words.push(Glob(std::mem::take(&mut parts)));
            }
        }
        if !parts.is_empty() {
            words.push(Glob(parts));
        }
        words
    }

    /// What the glob consists of, for translation into another engine's terms. No two `Many` are neighbours.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether the glob fits the whole text.
    pub fn fits(&self, text: &str) -> bool {
        let mut letters = text::lower_chars(text);
        let mut place = 0;
        // Where to go on when a later letter does not fit: after the last `*`, which then takes one letter more.
        let mut retry = None;
        loop {
            if self.0.get(place) == Some(&Part::Many) {
                place += 1;
                retry = Some((place, letters.clone()));
                continue;
            }
            let is_fit = match (self.0.get(place), letters.next()) {
                (None, None) => return true,
                (Some(Part::One), Some(_)) => true,
                (Some(Part::Just(wanted)), Some(letter)) => *wanted == letter,
                _ => false,
            };
            if is_fit {
                place += 1;
                continue;
            }
            let Some((after_star, from)) = &mut retry else { return false };
            if from.next().is_none() {
                return false;
            }
            place = *after_star;
            letters = from.clone();
        }
    }
}

fn push(parts: &mut Vec<Part>, letter: char, wild: bool) {
    match letter {
        '*' if wild && parts.last() == Some(&Part::Many) => {}
        '*' if wild => parts.push(Part::Many),
        '?' if wild => parts.push(Part::One),
        _ => parts.extend(text::lower_chars(letter.encode_utf8(&mut [0; 4])).map(Part::Just)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_glob_fits_the_whole_text() {
        let cases = [
            ("shop.*", "shop.orders", true),
            ("shop.*", "Shop.", true),
            ("shop.*", "shop", false),
            ("*.py", "a.py.py", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbc", false),
            ("?", "", false),
            ("?", "é", true),
            ("a??", "ab", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("", "", true),
            ("*", "", true),
            ("ΟΔΟΣ*", "οδος", true),
        ];
        for (glob, text, expected) in cases {
            assert_eq!(Glob::whole(glob).fits(text), expected, "{glob} {text}");
        }
    }

    #[test]
    fn words_are_cut_as_texts_are() {
        let globs = Glob::words(r"*/shop.Order?\.p\y");
        assert_eq!(globs, ["*", "shop", "order?", "py"].map(Glob::whole));
        assert_eq!(Glob::words("--"), []);
    }

    proptest! {
        #[test]
        fn it_is_the_regex(glob in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let regex = glob.replace('?', ".").replace('*', ".*");
            let regex = regex::Regex::new(&format!("^{regex}$")).expect("a regex");
            prop_assert_eq!(Glob::whole(&glob).fits(&text), regex.is_match(&text));
        }
    }
}
