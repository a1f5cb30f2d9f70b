//! Text of a log made harmless for a terminal: what a program logged may hold escape sequences that move the
//! cursor, set the title or hide what follows.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every character that a terminal would act on shown as an escape like `\x1b`. Tabs stay; line
/// breaks become `\n`, so that one record is one line.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escape(text, |character| character != '\t' && is_active(character))
}

/// Like [`one_line`], keeping line breaks.
pub fn lines(text: &str) -> Cow<'_, str> {
    escape(text, |character| character != '\t' && character != '\n' && is_active(character))
}

/// Control characters (C0, DEL, C1), and the marks that turn the direction of writing or break lines.
pub fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn escape(text: &str, unwanted: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&unwanted) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            _ if !unwanted(character) => clean.push(character),
            '\n' => clean.push_str("\\n"),
            '\r' => clean.push_str("\\r"),
            // Writing into a String cannot fail.
            _ if (character as u32) < 0x100 => drop(write!(clean, "\\x{:02x}", character as u32)),
            _ => drop(write!(clean, "\\u{{{:x}}}", character as u32)),
        }
    }
    Cow::Owned(clean)
}

/// The text cut to `width` columns, with `…` where something is left out.
pub fn cut(text: &str, width: usize) -> Cow<'_, str> {
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let end = text.char_indices().find(|(_, character)| {
        used += character.width().unwrap_or(0);
        used + 1 > width
    });
    let end = end.map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!("{}…", &text[..end]))
}

/// The text with blanks behind it up to `width` columns.
pub fn pad(text: &str, width: usize) -> String {
    let own = unicode_width::UnicodeWidthStr::width(text);
    format!("{text}{}", " ".repeat(width.saturating_sub(own)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_are_shown_and_not_sent() {
        assert_eq!(one_line("a\x1b]0;title\x07b\r\nc\u{9b}31m"), "a\\x1b]0;title\\x07b\\r\\nc\\x9b31m");
        assert_eq!(one_line("left\u{202e}thgir"), "left\\u{202e}thgir");
        assert_eq!(lines("a\nb\x7f"), "a\nb\\x7f");
        assert_eq!(one_line("grüße 東京\t1"), "grüße 東京\t1");
    }

    proptest! {
        #[test]
        fn nothing_active_gets_through(text in any::<String>()) {
            prop_assert!(!one_line(&text).chars().any(|c| c != '\t' && is_active(c)));
        }

        #[test]
        fn a_cut_text_fits(text in "[a-z東é]{0,30}", width in 1_usize..20) {
            prop_assert!(unicode_width::UnicodeWidthStr::width(cut(&text, width).as_ref()) <= width);
        }
    }
}
