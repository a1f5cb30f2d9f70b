//! What the terms of the index look like: written by [`row`](super::row), read when a query is judged.
//!
//! Records of one call site, and of one lane, have most of their fields in common. What they have in common is one term: the
//! `kind` (event or level, logger, site, template) and the `who` (process, lane, thread, task). A question about one of
//! these fields is put to each different term, of which there are few, and not to each record.

use tantivy::schema::Field as Column;

use crate::query::text;
use crate::record::Lane;
use crate::record::field::{FieldType, FieldValue, Known};

/// Between the parts of a term; no UTF-8 text holds it.
pub(super) const BORDER: u8 = 0xff;

/// Stands for a field that the record does not have.
const ABSENT: u8 = 0xfe;

/// `kind`, `who` and `shape` are long, so they stand only once a segment, among its definitions, behind a name; the name is
/// the term of each record that has them.
pub(super) const NAME_BYTES: usize = 8;

/// Before the definitions of that column.
pub(super) fn mark_of(column: Column) -> u8 {
    column.field_id() as u8
}

/// Before the words of each text: messages, and what few records have.
pub(super) const MESSAGE: u8 = b'm';
pub(super) const RARE_TEXTS: [(Known, u8); 3] = [(Known::ExcType, b't'), (Known::ExcMsg, b'e'), (Known::Stack, b's')];

/// Before a lane from which something came to the record.
const GIVER: u8 = b'g';
/// All of those lie between these.
pub(super) const GIVERS: (&[u8], &[u8]) = (&[GIVER], &[GIVER + 1]);

/// Before the names in a `shape`: keys whose values are indexed and those that are only null, keys whose values are not
/// indexed, and those of the rare texts that the record has.
pub(super) const INDEXED: u8 = b'i';
pub(super) const NULL: u8 = b'0';
pub(super) const APART: u8 = b'a';
pub(super) const APART_NULL: u8 = b'A';
pub(super) const KNOWN_NAME: u8 = b'k';

/// Behind the path in a `value`, besides the marks of words: a truth value; numbers, as [`Code`](super::numbers::Code)
/// has them; a whole text; that there is a text that is indexed word by word; null.
pub(super) const TRUTH: u8 = b'b';
pub(super) const EXACT: u8 = b'n';
pub(super) const ROUGH: u8 = b'r';
pub(super) const WHOLE: u8 = b't';
pub(super) const IN_WORDS: u8 = b'x';
pub(super) const NOTHING: u8 = b'z';

/// The fields of a `kind`, in order. The severity and what the message is made of stand behind them.
pub(super) const KIND: [Known; 7] =
    [Known::Ev, Known::Level, Known::Logger, Known::File, Known::Line, Known::Func, Known::Tpl];

/// The fields of a `who`, in order.
pub(super) const WHO: [Known; 7] =
    [Known::Proc, Known::Process, Known::Pid, Known::Lane, Known::Thread, Known::Tid, Known::Task];

/// The term of records to which something came from that lane.
pub(super) fn push_giver(proc: &str, lane: Lane, out: &mut Vec<u8>) {
    out.push(GIVER);
    out.extend_from_slice(proc.as_bytes());
    out.push(BORDER);
    out.push(lane.kind.letter() as u8);
    push_digits(lane.number, out);
}

/// The place of a field in a term.
pub(super) fn place_in(fields: &[Known], known: Known) -> Option<usize> {
    fields.iter().position(|own| *own == known)
}

/// Appends a field's value, or that there is none, and a border. False for a value that the field should not have; then
/// nothing is said of it.
pub(super) fn push_part(known: Known, value: Option<&FieldValue<'_>>, most: usize, out: &mut Vec<u8>) -> bool {
    let is_number = known.field_type() == FieldType::Number;
    let is_true = match value {
        Some(FieldValue::Text(text)) if !is_number && text.len() <= most => {
            out.extend_from_slice(text.as_bytes());
            true
        }
        Some(FieldValue::Int(int)) if is_number => match u64::try_from(*int) {
            Ok(int) => {
                push_digits(int, out);
                true
            }
            Err(_) => false,
        },
        None => {
            out.push(ABSENT);
            true
        }
        Some(_) => false,
    };
    if !is_true {
        out.push(ABSENT);
    }
    out.push(BORDER);
    is_true
}

pub(super) fn push_digits(mut number: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out[start..].reverse();
}

/// One part of a term.
pub(super) fn part(term: &[u8], place: usize) -> &[u8] {
    term.split(|byte| *byte == BORDER).nth(place).unwrap_or(&[ABSENT])
}

/// What a part says of its field.
pub(super) fn value_of(known: Known, part: &[u8]) -> Option<FieldValue<'_>> {
    let text = std::str::from_utf8(part).ok()?;
    if known.field_type() == FieldType::Number {
        return text.parse().ok().map(|int: u64| FieldValue::Int(i128::from(int)));
    }
    Some(FieldValue::Text(text.into()))
}

/// The number of a kind's level.
pub(super) fn severity(kind: &[u8]) -> Option<u16> {
    std::str::from_utf8(part(kind, KIND.len())).ok()?.parse().ok()
}

/// What the messages of a kind are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// There is none.
    None,
    /// Their words are indexed one by one.
    Free,
    /// They are made by this template; only what it does not say is indexed.
    Templated(&'a str),
    /// All are this one; no word of it is indexed.
    Constant(&'a str),
}

/// Ends a kind. The template is the one among its fields.
pub(super) fn push_message(message: Message<'_>, out: &mut Vec<u8>) {
    out.push(match message {
        Message::None => b'-',
        Message::Free => b'f',
        Message::Templated(_) => b't',
        Message::Constant(_) => b'c',
    });
    if let Message::Constant(text) = message {
        out.extend_from_slice(text.as_bytes());
    }
}

pub(super) fn message(kind: &[u8]) -> Message<'_> {
    match part(kind, KIND.len() + 1).split_first() {
        Some((b'f', _)) => Message::Free,
        Some((b't', _)) => {
            let template = part(kind, KIND.len() - 1);
            std::str::from_utf8(template).map_or(Message::Free, Message::Templated)
        }
        Some((b'c', text)) => std::str::from_utf8(text).map_or(Message::Free, Message::Constant),
        _ => Message::None,
    }
}

/// A word as it is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word<'w> {
    Plain(&'w str),
    /// One of the words that look like ids, of which nearly every one is different: they share a term by their first
    /// letter and a hash, and the line decides.
    Bucket([u8; 3]),
}

const PLAIN: u8 = b'w';
const BUCKET: u8 = b'#';

impl<'w> Word<'w> {
    /// The word is in lower case.
    pub fn of(word: &'w str) -> Word<'w> {
        if looks_like_id(word.as_bytes()) { Word::Bucket(bucket(word.as_bytes())) } else { Word::Plain(word) }
    }

    /// As [`Word::of`] that word in lower case and [`Word::push`], without a buffer between.
    pub fn push_lower(word: &str, out: &mut Vec<u8>) {
        let start = out.len();
        Self::push_lower_plain(word, out);
        if looks_like_id(&out[start + 1..]) {
            let bucket = bucket(&out[start + 1..]);
            out.truncate(start);
            out.push(BUCKET);
            out.extend_from_slice(&bucket);
        }
    }

    /// The same for a text none of whose words are put into buckets.
    pub fn push_lower_plain(word: &str, out: &mut Vec<u8>) {
        out.push(PLAIN);
        text::push_lower(word, out);
    }

    pub fn push(self, out: &mut Vec<u8>) {
        match self {
            Word::Plain(word) => {
                out.push(PLAIN);
                out.extend_from_slice(word.as_bytes());
            }
            Word::Bucket(bucket) => {
                out.push(BUCKET);
                out.extend_from_slice(&bucket);
            }
        }
    }

    /// The beginning of all plain words' terms that begin with that.
    pub fn push_beginning(word: &str, out: &mut Vec<u8>) {
        Word::Plain(word).push(out);
    }

    /// The beginning of the terms of ids that begin with that; `None` where no id does.
    pub fn push_ids_beginning(word: &str, out: &mut Vec<u8>) -> Option<()> {
        word.bytes().all(is_of_id).then_some(())?;
        out.push(BUCKET);
        out.extend(word.bytes().take(1));
        Some(())
    }
}

/// The bucket of an id.
fn bucket(id: &[u8]) -> [u8; 3] {
    let hash = hash(id);
    let [.., high, low] = (hash ^ (hash >> 32)).to_be_bytes();
    [id[0], high & 0x0f, low]
}

/// FNV-1a: the same for ever and everywhere.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn is_of_id(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'_')
}

/// Numbers and hexadecimal numbers that are not short.
fn looks_like_id(word: &[u8]) -> bool {
    word.len() >= 5 && word.iter().all(|byte| is_of_id(*byte)) && word.iter().any(u8::is_ascii_digit)
}

/// Whether some id may fit a pattern that has this letter in it.
pub(super) fn may_stand_in_id(letter: char) -> bool {
    u8::try_from(letter).is_ok_and(is_of_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_says_what_it_was_made_of() {
        let mut kind = Vec::new();
        for known in KIND {
            let value = match known {
                Known::Logger => Some(FieldValue::Text("shop".into())),
                Known::Line => Some(FieldValue::Int(1207)),
                Known::Tpl => Some(FieldValue::Text("took %s".into())),
                _ => None,
            };
            assert!(push_part(known, value.as_ref(), 100, &mut kind));
        }
        push_digits(30, &mut kind);
        kind.push(BORDER);
        push_message(Message::Templated(""), &mut kind);
        let value = |known| place_in(&KIND, known).and_then(|place| value_of(known, part(&kind, place)));
        assert_eq!(value(Known::Logger), Some(FieldValue::Text("shop".into())));
        assert_eq!((value(Known::Line), value(Known::Ev)), (Some(FieldValue::Int(1207)), None));
        assert_eq!((severity(&kind), message(&kind)), (Some(30), Message::Templated("took %s")));
    }

    #[test]
    fn what_no_field_should_have_is_not_said() {
        let mut term = Vec::new();
        assert!(!push_part(Known::Line, Some(&FieldValue::Text("7".into())), 9, &mut term));
        assert!(!push_part(Known::Logger, Some(&FieldValue::Text("long".into())), 3, &mut term));
        assert_eq!(value_of(Known::Line, part(&term, 0)), None);
    }

    #[test]
    fn ids_share_terms_and_words_do_not() {
        assert_eq!(Word::of("timeout"), Word::Plain("timeout"));
        assert_eq!(Word::of("1234"), Word::Plain("1234"));
        assert_eq!(Word::of("facade"), Word::Plain("facade"));
        assert!(matches!(Word::of("12345"), Word::Bucket([b'1', ..])));
        assert!(matches!(Word::of("4bf92f3577b34da6a3ce929d0e0e4736"), Word::Bucket([b'4', ..])));
    }
}
