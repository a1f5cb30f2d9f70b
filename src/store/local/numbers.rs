//! Numbers as terms: in order, and few. Small whole numbers have a term each; others share one with their neighbours, as
//! a time or a size of which each record has another one would fill the dictionary. Then the line decides.

use tantivy::{f64_to_u64, u64_to_f64};

use crate::query::{Bound, Op};
use crate::record::field::FieldValue;

/// How much of a float is kept: its sign, its exponent and this many bits of it in all.
const KEPT_BITS: u32 = 24;

/// Below this every whole number has a code of its own.
const EXACT_BELOW: i128 = 1 << 13;

/// The number as the index has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Code {
    Exact([u8; 3]),
    Rough([u8; 3]),
}

impl Code {
    /// `None` for a value that is no number, or that a code cannot stand for: of minus zero nothing would be true.
    pub fn of(value: &FieldValue<'_>) -> Option<Code> {
        match value {
            FieldValue::Int(int) if int.abs() < EXACT_BELOW => Some(Code::Exact(code(*int as f64))),
            FieldValue::Int(int) => Some(Code::Rough(code(*int as f64))),
            FieldValue::Float(float) if *float == 0.0 && float.is_sign_negative() => None,
            FieldValue::Float(float) if float.fract() == 0.0 && float.abs() < EXACT_BELOW as f64 => {
                Some(Code::Exact(code(*float)))
            }
            FieldValue::Float(float) if !float.is_nan() => Some(Code::Rough(code(*float))),
            _ => None,
        }
    }

    /// The number that bound is, as the index has it; `None` where it is no number.
    pub fn of_bound(bound: &Bound) -> Option<Code> {
        match bound {
            Bound::Int(int) => Code::of(&FieldValue::Int(*int)),
            Bound::Float(float) => Code::of(&FieldValue::Float(if *float == 0.0 { 0.0 } else { *float })),
            _ => None,
        }
    }
}

fn code(float: f64) -> [u8; 3] {
    let [first, second, third, ..] = f64_to_u64(float).to_be_bytes();
    [first, second, third]
}

/// The number of an exact code.
pub(super) fn exactly(code: [u8; 3]) -> FieldValue<'static> {
    // The end of the span that is nearer to zero.
    let is_negative = code[0] & 0x80 == 0;
    let bits = if is_negative { bits(code) | (u64::MAX >> KEPT_BITS) } else { bits(code) };
    FieldValue::Int(i128::from(u64_to_f64(bits) as i64))
}

/// Between which two floats, both included, the numbers of a code lie. A whole number may have been rounded on its way to
/// a float: one step further is far enough.
fn span(code: [u8; 3]) -> (f64, f64) {
    let lowest = bits(code);
    (u64_to_f64(lowest).next_down(), u64_to_f64(lowest | (u64::MAX >> KEPT_BITS)).next_up())
}

fn bits([first, second, third]: [u8; 3]) -> u64 {
    u64::from_be_bytes([first, second, third, 0, 0, 0, 0, 0])
}

/// Whether the numbers of a rough code stand in that relation to the bound: all of them, none, or (`None`) who knows.
pub(super) fn relation(code: [u8; 3], op: Op, bound: &Bound) -> Option<bool> {
    let bound = match bound {
        Bound::Int(int) => *int as f64,
        Bound::Float(float) => *float,
        _ => return Some(false),
    };
    if bound.is_nan() {
        return Some(false);
    }
    let (low, high) = span(code);
    let (below, above) = (high < bound.next_down(), low > bound.next_up());
    match op {
        Op::Less | Op::AtMost if below => Some(true),
        Op::Less | Op::AtMost if above => Some(false),
        Op::More | Op::AtLeast if above => Some(true),
        Op::More | Op::AtLeast if below => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_code_tells_nothing_untrue(
            value in prop_oneof![any::<i64>().prop_map(i128::from), -9000_i128..9000, any::<u64>().prop_map(i128::from)],
            near in -3_i128..3,
        ) {
            let bound = value + near;
            for (op, truth) in [
                (Op::Less, value < bound), (Op::AtMost, value <= bound), (Op::More, value > bound), (Op::AtLeast, value >= bound),
            ] {
                match Code::of(&FieldValue::Int(value)).expect("a code") {
                    Code::Exact(code) => prop_assert_eq!(exactly(code), FieldValue::Int(value)),
                    Code::Rough(code) => {
                        prop_assert!(relation(code, op, &Bound::Int(bound)).is_none_or(|said| said == truth));
                        let float = bound as f64;
                        let said = relation(code, op, &Bound::Float(float));
                        prop_assert!(float as i128 != bound || said.is_none_or(|said| said == truth));
                    }
                }
            }
        }

        #[test]
        fn codes_are_in_order(one in any::<f64>(), other in any::<f64>()) {
            prop_assume!(one != other);
            prop_assert!(code(one.min(other)) <= code(one.max(other)));
        }
    }

    #[test]
    fn equal_numbers_have_one_code() {
        assert_eq!(Code::of(&FieldValue::Float(5.0)), Code::of(&FieldValue::Int(5)));
        assert_eq!(Code::of(&FieldValue::Float(1e17)), Code::of(&FieldValue::Int(100_000_000_000_000_000)));
        assert_eq!(Code::of(&FieldValue::Float(-0.0)), None);
        assert_eq!(Code::of_bound(&Bound::Float(-0.0)), Code::of(&FieldValue::Int(0)));
        assert!(matches!(Code::of(&FieldValue::Float(5.5)), Some(Code::Rough(_))));
    }
}
