//! JSON as our own writers write it, read in one pass and borrowed: without blanks, in the plainest spelling. Whatever is
//! written otherwise is `None`, and [`decode`](super::decode()) has to read it. What is read is what `decode` would read.
//!
//! Not for foreign lines, and not a parser of JSON: it knows the values, what they mean is its callers' business
//! ([`glance`](super::glance()), [`LineSketch`](super::line_sketch::LineSketch)).

use std::borrow::Cow;

use super::field::FieldValue;
use super::id::StampRef;

/// Deeper values are left to the whole decoder, and so are longer numbers.
pub(super) const DEEPEST: usize = 16;
const LONGEST_NUMBER: usize = 24;

/// Numbers with as many digits are numbers of 64 bits.
const SURE_DIGITS: usize = 19;

pub(super) struct Scan<'l> {
    text: &'l str,
    at: usize,
}

/// A place to which a scan can go back.
#[derive(Clone, Copy)]
pub(super) struct Mark(usize);

/// Of eight bytes, the highest bit of the first one that ends a plain stretch, and maybe of some behind it: quotes,
/// backslashes and control characters, found all at once. (A byte is zero if it borrows when one is taken from it and had no
/// highest bit; only a zero before it can make that wrong.)
fn ends_in(eight: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x8080_8080_8080_8080;
    let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes & HIGHEST;
    let same = |byte: u8| zero(eight ^ (ONES * u64::from(byte)));
    let below_blank = eight.wrapping_sub(ONES * u64::from(b' ')) & !eight & HIGHEST;
    same(b'"') | same(b'\\') | below_blank
}

impl<'l> Scan<'l> {
    /// `None` where the line is no text.
    pub fn of(line: &'l [u8]) -> Option<Scan<'l>> {
        std::str::from_utf8(line).ok().map(|text| Scan { text, at: 0 })
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub fn mark(&self) -> Mark {
        Mark(self.at)
    }

    pub fn back_to(&mut self, Mark(at): Mark) {
        self.at = at;
    }

    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    pub fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// Behind a member: whether another one follows.
    pub fn is_more(&mut self, close: u8) -> Option<bool> {
        match self.next()? {
            b',' => Some(true),
            byte => (byte == close).then_some(false),
        }
    }

    /// Begins a list or an object: whether there is anything in it.
    pub fn open(&mut self, open: u8, close: u8) -> Option<bool> {
        self.expect(open)?;
        let is_empty = self.peek()? == close;
        self.at += usize::from(is_empty);
        Some(!is_empty)
    }

    /// How far the string goes on without an end, an escape or a control character; and which of these comes.
    fn plain_stretch(&self) -> Option<(usize, u8)> {
        let rest = &self.text.as_bytes()[self.at..];
        let is_end = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < b' ';
        let mut len = 0;
        while let Some(eight) = rest[len..].first_chunk::<8>() {
            let ends = ends_in(u64::from_le_bytes(*eight));
            if ends != 0 {
                len += ends.trailing_zeros() as usize / 8;
                return Some((len, rest[len]));
            }
            len += 8;
        }
        len += rest[len..].iter().position(is_end)?;
        Some((len, rest[len]))
    }

    /// A string without escapes.
    pub fn plain_string(&mut self) -> Option<&'l str> {
        self.expect(b'"')?;
        let (len, end) = self.plain_stretch()?;
        (end == b'"').then_some(())?;
        let text = &self.text[self.at..self.at + len];
        self.at += len + 1;
        Some(text)
    }

    /// Any string.
    pub fn string(&mut self) -> Option<Cow<'l, str>> {
        self.expect(b'"')?;
        let start = self.at;
        let mut is_plain = true;
        loop {
            let (len, end) = self.plain_stretch()?;
            self.at += len + 1;
            match end {
                b'"' => break,
                b'\\' => {
                    is_plain = false;
                    self.next()?;
                }
                _ => return None,
            }
        }
        if is_plain {
            return Some(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        serde_json::from_str(self.text.get(start - 1..self.at)?).ok().map(Cow::Owned)
    }

    fn digits(&mut self) -> Option<&'l str> {
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let digits = &self.text[self.at..self.at + len];
        self.at += len;
        (len > 0).then_some(digits)
    }

    /// A whole number that is not negative.
    pub fn whole_number(&mut self) -> Option<u64> {
        let rest = &self.text.as_bytes()[self.at..];
        let (mut number, mut len) = (0_u64, 0);
        while let Some(digit) = rest.get(len).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            len += 1;
        }
        let is_plain = len == 1 || (len > 0 && rest[0] != b'0');
        let ends = matches!(rest.get(len), Some(b',' | b'}' | b']'));
        (is_plain && ends && len < LONGEST_NUMBER).then_some(())?;
        let digits = &self.text[self.at..self.at + len];
        self.at += len;
        if len <= SURE_DIGITS { Some(number) } else { digits.parse().ok() }
    }

    /// Any number, as the decoder reads it, to the last bit.
    fn number(&mut self) -> Option<FieldValue<'l>> {
        let start = self.mark();
        if let Some(number) = self.whole_number() {
            return Some(FieldValue::Int(i128::from(number)));
        }
        self.back_to(start);
        let rest = &self.text[self.at..];
        let is_of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.bytes().take_while(is_of_number).count();
        let number: serde_json::Number = serde_json::from_str(&rest[..len]).ok()?;
        self.at += len;
        match number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)) {
            Some(int) => Some(FieldValue::Int(int)),
            None => number.as_f64().map(FieldValue::Float),
        }
    }

    /// Passes over just that.
    #[inline]
    pub fn word(&mut self, word: &str) -> Option<()> {
        self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// So many bytes, whatever they are.
    pub fn letters(&mut self, len: usize) -> Option<&'l str> {
        let letters = self.text.get(self.at..self.at + len)?;
        self.at += len;
        Some(letters)
    }

    /// Any value but lists and objects.
    pub fn scalar(&mut self) -> Option<FieldValue<'l>> {
        match self.peek()? {
            b'"' => self.string().map(FieldValue::Text),
            b't' => self.word("true").map(|()| FieldValue::Bool(true)),
            b'f' => self.word("false").map(|()| FieldValue::Bool(false)),
            b'n' => self.word("null").map(|()| FieldValue::Null),
            _ => self.number(),
        }
    }

    /// Gives the stamps of a list.
    pub fn stamps(&mut self, each: &mut impl FnMut(StampRef<'l>)) -> Option<()> {
        let mut is_more = self.open(b'[', b']')?;
        while is_more {
            each(StampRef::parse(self.plain_string()?)?);
            is_more = self.is_more(b']')?;
        }
        Some(())
    }

    /// Passes over any value that is surely one.
    pub fn skip(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.skip_string(),
            b'{' | b'[' if depth >= DEEPEST => None,
            b'{' => self.skip_members(b'{', b'}', depth),
            b'[' => self.skip_members(b'[', b']', depth),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.skip_number(),
        }
    }

    fn skip_members(&mut self, open: u8, close: u8, depth: usize) -> Option<()> {
        let mut is_more = self.open(open, close)?;
        while is_more {
            if open == b'{' {
                self.skip_string()?;
                self.expect(b':')?;
            }
            self.skip(depth + 1)?;
            is_more = self.is_more(close)?;
        }
        Some(())
    }

    /// A string whose escapes are the plain ones: of a `\u` only the whole decoder tells what it is.
    pub fn skip_string(&mut self) -> Option<()> {
        self.expect(b'"')?;
        loop {
            let (len, end) = self.plain_stretch()?;
            self.at += len + 1;
            match end {
                b'"' => return Some(()),
                b'\\' if matches!(self.next()?, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                _ => return None,
            }
        }
    }

    /// A number without exponent, which cannot be out of range.
    fn skip_number(&mut self) -> Option<()> {
        let begin = self.at;
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let whole = self.digits()?;
        if self.peek()? == b'.' {
            self.at += 1;
            self.digits()?;
        }
        let is_plain = whole.len() == 1 || !whole.starts_with('0');
        (is_plain && self.at - begin < LONGEST_NUMBER).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plain_stretch_ends_with_the_first_that_ends_it(text in "[ -%\u{80}-\u{90}\u{1}\u{1f}\"\\\\~é]{0,40}") {
            let end = text.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < b' ');
            let scan = Scan::of(text.as_bytes()).expect("a text");
            prop_assert_eq!(scan.plain_stretch(), end.map(|end| (end, text.as_bytes()[end])));
        }
    }
}
