//! What of a message is its template's and what is its own. A template stands in the index once, so only a record's own
//! words have to be indexed for it.
//!
//! Templates are those of `%`-formatting. A message that does not look as its template says is taken as it is: nothing here
//! guesses.

use std::ops::Range;

use memchr::memmem::Finder;

use super::row::LONG_WORD;
use crate::query::text;

/// A template, taken apart.
#[derive(Debug)]
pub(super) struct Template {
    /// What stands between the places that are filled in; one more than these.
    literals: Vec<Literal>,
}

#[derive(Debug)]
struct Literal {
    finder: Finder<'static>,
    text: Box<str>,
    /// Bytes of the word that it begins with; none where no word character stands first.
    lead: usize,
    /// Bytes of the word that it ends with.
    trail: usize,
}

impl Literal {
    fn new(text: String) -> Literal {
        let lead = text.chars().take_while(|letter| text::is_word(*letter)).map(char::len_utf8).sum();
        let trail = text.chars().rev().take_while(|letter| text::is_word(*letter)).map(char::len_utf8).sum();
        Literal { finder: Finder::new(text.as_bytes()).into_owned(), text: text.into(), lead, trail }
    }

    /// It has no border between two words: what stands before it may be one word with what stands behind it.
    fn is_inside_a_word(&self) -> bool {
        self.lead == self.text.len()
    }
}

impl Template {
    /// `None` for a text with nothing to fill in, or that is no template of this kind.
    pub fn parse(source: &str) -> Option<Template> {
        let mut literals = Vec::new();
        let mut literal = String::new();
        let mut rest = source;
        while let Some(at) = rest.find('%') {
            literal.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix('%') {
                literal.push('%');
                rest = behind;
                continue;
            }
            rest = &rest[placeholder(rest)?..];
            literals.push(Literal::new(std::mem::take(&mut literal)));
        }
        literal.push_str(rest);
        let is_long = |literal: &Literal| text::words(&literal.text).any(|place| place.len() >= LONG_WORD);
        if literals.iter().any(is_long) || text::words(&literal).any(|place| place.len() >= LONG_WORD) {
            return None;
        }
        (!literals.is_empty()).then(|| {
            literals.push(Literal::new(literal));
            Template { literals }
        })
    }

    /// Gives the stretches of a message whose words are its own. False where the message is not made by this template; what
    /// was given until then means nothing.
    pub fn each_own(&self, message: &str, each: &mut dyn FnMut(Range<usize>)) -> bool {
        let [first, others @ ..] = self.literals.as_slice() else { return false };
        if !message.starts_with(&*first.text) {
            return false;
        }
        let mut at = first.text.len();
        // A word that a literal ends with may go on in what is filled in behind it.
        let mut start = at - first.trail;
        for (place, literal) in others.iter().enumerate() {
            let is_last = place + 1 == others.len();
            let found = if is_last {
                let end = message.len().checked_sub(literal.text.len()).filter(|end| *end >= at);
                end.filter(|_| message.ends_with(&*literal.text))
            } else {
                literal.finder.find(&message.as_bytes()[at..]).map(|found| at + found)
            };
            let Some(found) = found else { return false };
            at = found + literal.text.len();
            match (literal.is_inside_a_word(), is_last) {
                (true, true) => each(start..message.len()),
                (true, false) => {}
                (false, _) => {
                    each(start..found + literal.lead);
                    start = at - literal.trail;
                }
            }
        }
        true
    }

    /// Gives the words, in lower case, that every message of this template has: those of each literal in a row.
    pub fn each_constant(&self, each: &mut dyn FnMut(&[String])) {
        let last = self.literals.len() - 1;
        for (place, literal) in self.literals.iter().enumerate() {
            let from = if place > 0 { literal.lead } else { 0 };
            let to = if place < last { literal.text.len() - literal.trail } else { literal.text.len() };
            if from < to {
                let words: Vec<String> = text::tokens(&literal.text[from..to]).map(|(_, word)| word.into()).collect();
                each(&words);
            }
        }
    }
}

/// The length of what follows a `%` in a place to be filled in; `None` where it is none.
fn placeholder(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 0;
    if bytes.first() == Some(&b'(') {
        at = memchr::memchr(b')', bytes)? + 1;
    }
    let skip = |at: &mut usize, of: &[u8]| {
        while bytes.get(*at).is_some_and(|byte| of.contains(byte)) {
            *at += 1;
        }
    };
    skip(&mut at, b"#0- +");
    skip(&mut at, b"0123456789*");
    skip(&mut at, b".");
    skip(&mut at, b"0123456789*");
    skip(&mut at, b"hlL");
    bytes.get(at).filter(|byte| b"diouxXeEfFgGcrsa".contains(byte)).map(|_| at + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn own(template: &str, message: &str) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let is_made = Template::parse(template)?.each_own(message, &mut |stretch| {
            found.extend(text::tokens(&message[stretch]).map(|(_, word)| word.into_owned()));
        });
        is_made.then_some(found)
    }

    fn constant(template: &str) -> Vec<String> {
        let mut found = Vec::new();
        Template::parse(template).expect("a template").each_constant(&mut |words| found.extend_from_slice(words));
        found
    }

    #[test]
    fn words_that_touch_a_place_are_the_messages_own() {
        assert_eq!(
            own("took order %d for %s", "took order 77 for A B"),
            Some(vec!["77".into(), "a".into(), "b".into()])
        );
        assert_eq!(constant("took order %d for %s"), ["took", "order", "for"]);
        assert_eq!(own("id%d: %5.1f%%", "id7:   3.5%"), Some(vec!["id7".into(), "3".into(), "5".into()]));
        assert_eq!(own("%sx%s done", "axb done"), Some(vec!["axb".into()]));
        assert_eq!(constant("id%(n)d. it is%r"), ["it"]);
        assert_eq!(own("%s", ""), Some(vec![]));
    }

    #[test]
    fn what_is_no_template_or_not_its_message_is_told() {
        assert!(Template::parse("100% sure").is_some(), "`% s` is a place");
        for text in ["plain", "100%", "50%%", "%q", "%(name"] {
            assert!(Template::parse(text).is_none(), "{text}");
        }
        assert_eq!(own("a %s b", "a x c"), None);
        assert_eq!(own("ab%sb", "ab"), None);
    }

    proptest! {
        #[test]
        fn own_and_constant_words_are_all_words(
            parts in prop::collection::vec(("[aé_ .%]{0,4}", "[bé_ .-]{0,4}"), 1..4),
            end in "[aé_ .]{0,4}",
        ) {
            let (mut template, mut message) = (String::new(), String::new());
            for (literal, filled) in &parts {
                template.push_str(&literal.replace('%', "%%"));
                template.push_str("%s");
                message.push_str(literal);
                message.push_str(filled);
            }
            template.push_str(&end);
            message.push_str(&end);
            let own = own(&template, &message).expect("made by it");
            let found: BTreeSet<String> = own.into_iter().chain(constant(&template)).collect();
            let all: BTreeSet<String> = text::tokens(&message).map(|(_, word)| word.into_owned()).collect();
            prop_assert_eq!(found, all);
        }
    }
}
