//! How columns become bytes: numbers as little-endian base-128 (LEB128), differences with their sign folded in, texts one
//! behind the other with a column of lengths. `page/data.js` reads them.

/// Named columns, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) bytes: Vec<u8>,
    /// Name, where it begins, how long it is.
    pub(super) table: Vec<(&'static str, usize, usize)>,
}

impl Columns {
    pub(super) fn numbers(&mut self, name: &'static str, numbers: impl IntoIterator<Item = u64>) {
        let begin = self.bytes.len();
        for number in numbers {
            push(number, &mut self.bytes);
        }
        self.table.push((name, begin, self.bytes.len() - begin));
    }

    /// Each number as its difference from the one before.
    pub(super) fn steps(&mut self, name: &'static str, numbers: impl IntoIterator<Item = u64>) {
        let mut last = 0_u64;
        let step = |number: u64| folded(number.wrapping_sub(std::mem::replace(&mut last, number)).cast_signed());
        self.numbers(name, numbers.into_iter().map(step));
    }

    pub(super) fn raw<'t>(&mut self, name: &'static str, pieces: impl IntoIterator<Item = &'t [u8]>) {
        let begin = self.bytes.len();
        for piece in pieces {
            self.bytes.extend_from_slice(piece);
        }
        self.table.push((name, begin, self.bytes.len() - begin));
    }
}

/// A number with a sign as one without: 0, -1, 1, -2, … become 0, 1, 2, 3, …
fn folded(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn push(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_and_small_steps_are_one_byte() {
        let mut columns = Columns::default();
        columns.numbers("n", [0, 127, 128]);
        columns.steps("s", [1000, 999, 1001]);
        assert_eq!(columns.bytes, [0, 127, 0x80, 1, 0xd0, 0x0f, 1, 4]);
        assert_eq!(columns.table, [("n", 0, 4), ("s", 4, 4)]);
    }

    #[test]
    fn the_sign_is_folded_in() {
        let folded: Vec<u64> = [0, -1, 1, i64::MIN, i64::MAX].map(folded).into();
        assert_eq!(folded, [0, 1, 2, u64::MAX, u64::MAX - 1]);
    }
}
