//! The items that a line of text begins with: a time, a level, numbers, places in the code and names, and the marks between them.
//! What they mean together is for `text` to say.

use std::sync::LazyLock;

use regex::Regex;

use super::clock::Clock;
use crate::record::level;

/// Items before a message, at most.
const MOST_ITEMS: usize = 10;

/// How long a name may be.
const LONGEST_NAME: usize = 64;

/// One item of a line's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Time,
    Level,
    /// A process's or a thread's number.
    Number,
    /// `shop.py:12`.
    Place,
    /// `shop.orders:sell:12`.
    Call,
    /// A logger, a thread, a process: `shop.orders`, `Thread-3 (work)`, `ForkPoolWorker-3`.
    Word,
}

#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// What stands between the item before it and this one.
    pub before: &'a str,
    pub ts: Option<i64>,
}

/// The mark between two items: which letters, however many blanks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mark(pub String);

impl Mark {
    pub fn of(between: &str) -> Mark {
        let mut mark = String::new();
        for letter in between.chars() {
            let letter = if letter.is_whitespace() { ' ' } else { letter };
            if letter != ' ' || !mark.ends_with(' ') {
                mark.push(letter);
            }
        }
        Mark(mark)
    }

    /// Whether it is the mark of what stands between two items.
    pub fn is_of(&self, between: &str) -> bool {
        // Nearly always they are the same letters.
        self.0 == between || *self == Mark::of(between)
    }

    /// It says itself that an item ends here: more than a blank.
    pub fn is_clear(&self) -> bool {
        self.0.chars().any(|letter| letter != ' ')
    }
}

type Expression = LazyLock<Option<Regex>>;
type IsLikely = fn(&str) -> bool;

static PLACE: Expression =
    LazyLock::new(|| Regex::new(r"^[\w./\\<>-]+\.(?:py|pyx|js|mjs|ts|go|rs|java|kt|c|cc|cpp|h|rb|php):\d+").ok());
static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[A-Za-z_][\w.]*:(?:[\w.]+|<\w+>):\d+").ok());
pub(super) static THREAD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?:MainThread|Thread-\d+(?: \([^)\n]{1,40}\))?|Dummy-\d+|ThreadPoolExecutor-\d+_\d+|asyncio_\d+|AnyIO worker thread|QThread-?\d*)").ok()
});
pub(super) static PROCESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?:MainProcess|(?:Fork|Spawn|ForkServer)?(?:Process|PoolWorker)-\d+(?::\d+)*)").ok()
});

/// The names that an expression knows, and what says at a glance that a text does not begin with one: most do not.
const NAMED: [(Kind, &Expression, IsLikely); 4] = [
    (Kind::Call, &CALL, |text| behind_colon(text, b"_.").is_some_and(|byte| !byte.is_ascii_whitespace())),
    (Kind::Place, &PLACE, |text| {
        behind_colon(text, b"_./\\<>-").is_some_and(|byte| byte.is_ascii_digit() || !byte.is_ascii())
    }),
    (Kind::Word, &THREAD, |text| text.starts_with(['M', 'T', 'D', 'a', 'A', 'Q'])),
    (Kind::Word, &PROCESS, |text| text.starts_with(['M', 'F', 'S', 'P'])),
];

/// What follows the colon that letters, digits and these marks end at.
fn behind_colon(text: &str, marks: &[u8]) -> Option<u8> {
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || marks.contains(byte);
    let end = text.bytes().position(|byte| !is_inside(&byte))?;
    text[end..].strip_prefix(':')?.bytes().next()
}

pub(super) fn found<'a>(regex: &LazyLock<Option<Regex>>, text: &'a str) -> Option<&'a str> {
    Some(regex.as_ref()?.find(text)?.as_str())
}

/// The items that a line begins with.
pub(super) fn items<'a>(line: &'a str, clock: &Clock) -> Vec<Item<'a>> {
    first_items(line, MOST_ITEMS, clock)
}

/// The same, so many at most.
pub(super) fn first_items<'a>(line: &'a str, most: usize, clock: &Clock) -> Vec<Item<'a>> {
    let mut items: Vec<Item> = Vec::with_capacity(most);
    let mut at = 0;
    while items.len() < most {
        let marks = marks_at(&line[at..], items.is_empty());
        let text = &line[at + marks..];
        let before = &line[at..at + marks];
        let bracket = before.chars().next_back().and_then(closing);
        let Some((kind, len, ts)) = item(text, bracket, clock) else { break };
        items.push(Item { kind, text: text[..len].trim_end(), before, ts });
        at += marks + len;
    }
    items
}

/// How long the marks are that a text begins with.
pub(super) fn marks_at(text: &str, at_start: bool) -> usize {
    let is_mark = |letter: char| match letter {
        '|' | '[' | ']' | '(' | ')' | '{' | '}' | '<' | '>' | ':' | ';' | ',' | '/' | '-' | '=' => true,
        _ => letter.is_whitespace(),
    };
    let end = text.find(|letter| !is_mark(letter)).unwrap_or(text.len());
    // A minus sign or a path begins with a mark of its own: only what is set off by blanks is between items.
    let marks = &text[..end];
    if at_start && marks.len() > 2 { 0 } else { marks.len() }
}

pub(super) fn closing(opening: char) -> Option<char> {
    match opening {
        '[' => Some(']'),
        '(' => Some(')'),
        '{' => Some('}'),
        '<' => Some('>'),
        _ => None,
    }
}

/// The item at the start of a text: its kind, its length, and of a time when it is.
pub(super) fn item(text: &str, bracket: Option<char>, clock: &Clock) -> Option<(Kind, usize, Option<i64>)> {
    let first = text.chars().next()?;
    if (first.is_ascii_digit() || first.is_ascii_uppercase())
        && let Some((ts, len)) = clock.read_at(text)
    {
        return Some((Kind::Time, len, Some(ts)));
    }
    let ends_word = |len: usize| !text[len..].starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    let word = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    if level::number_of(&text[..word]).is_some() && ends_word(word) {
        let is_shouted = text[..word].bytes().all(|byte| byte.is_ascii_uppercase());
        let is_alone = bracket.is_some_and(|bracket| text[word..].trim_start().starts_with([bracket, '/', ' ']));
        if is_shouted || is_alone {
            return Some((Kind::Level, word, None));
        }
    }
    if first.is_ascii_digit() {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        return (digits <= 20 && ends_word(digits)).then_some((Kind::Number, digits, None));
    }
    for (kind, regex, may_be) in NAMED {
        if may_be(text)
            && let Some(name) = found(regex, text).filter(|name| ends_word(name.len()))
        {
            return Some((kind, name.len(), None));
        }
    }
    let within = bracket.and_then(|bracket| text.find(bracket)).filter(|end| (1..=LONGEST_NAME).contains(end));
    if let Some(end) = within {
        return (!text[..end].contains(['[', '(', '{', '"'])).then_some((Kind::Word, end, None));
    }
    let is_name = |letter: char| matches!(letter, '_' | '.' | '$' | '-') || letter.is_alphanumeric();
    let end = text.find(|letter| !is_name(letter)).unwrap_or(text.len());
    let name = text[..end].trim_end_matches(['.', '-']);
    let is_fit = !name.is_empty() && name.len() <= LONGEST_NAME && (first.is_alphabetic() || first == '_');
    is_fit.then_some((Kind::Word, name.len(), None))
}

pub(super) fn rest_of<'a>(line: &'a str, item: &Item<'a>) -> &'a str {
    // The item's text is a part of the line.
    let end = item.text.as_ptr() as usize - line.as_ptr() as usize + item.text.len();
    line.get(end..).unwrap_or_default()
}

/// The marks behind an item.
pub(super) fn behind<'a>(line: &'a str, item: &Item<'a>) -> &'a str {
    let rest = rest_of(line, item);
    let len = marks_at(rest, false);
    // Marks that belong together with the item, not those with which a message may begin: `] (a)`.
    let marks = &rest[..len];
    let end = marks.find(['[', '(', '{', '<']).unwrap_or(len);
    &marks[..end]
}
