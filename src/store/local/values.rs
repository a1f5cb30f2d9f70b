//! Conditions on ordered values as ranges of integers or of bytes. Knows nothing of the index.

use std::ops::RangeInclusive;

use crate::query::{Bound, Op};

/// The integers that stand in that relation to the bound; `None` where none does.
pub(super) fn integers(op: Op, bound: &Bound) -> Option<RangeInclusive<i128>> {
    let (floor, ceil) = around(bound)?;
    let range = match op {
        Op::Less => i128::MIN..=ceil.checked_sub(1)?,
        Op::AtMost => i128::MIN..=floor,
        Op::More => floor.checked_add(1)?..=i128::MAX,
        Op::AtLeast => ceil..=i128::MAX,
    };
    Some(range)
}

/// The integers that equal the bound; `None` where none does.
pub(super) fn equal(bound: &Bound) -> Option<RangeInclusive<i128>> {
    let (floor, ceil) = around(bound)?;
    (floor == ceil).then_some(floor..=ceil)
}

/// The greatest integer that is not above the bound, and the least that is not below. Of floats beyond what 128 bits hold
/// it is the outermost integer, which no value of a record is.
pub(super) fn around(bound: &Bound) -> Option<(i128, i128)> {
    match bound {
        Bound::Int(int) => Some((*int, *int)),
        Bound::Time(ts) => Some((i128::from(*ts), i128::from(*ts))),
        Bound::Float(float) if float.is_nan() => None,
        Bound::Float(float) => Some((float.floor() as i128, float.ceil() as i128)),
        Bound::Level(_) | Bound::Text(_) => None,
    }
}

/// The least byte string behind all that begin with the prefix; empty where there is none.
pub(super) fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut after = prefix.to_vec();
    while let Some(last) = after.pop() {
        if last < u8::MAX {
            after.push(last + 1);
            break;
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_to_a_bound_are_ranges() {
        let range = |op, bound: Bound| integers(op, &bound).map(|range| (*range.start(), *range.end()));
        assert_eq!(range(Op::Less, Bound::Int(5)), Some((i128::MIN, 4)));
        assert_eq!(range(Op::Less, Bound::Float(5.5)), Some((i128::MIN, 5)));
        assert_eq!(range(Op::Less, Bound::Float(5.0)), Some((i128::MIN, 4)));
        assert_eq!(range(Op::More, Bound::Float(-5.5)), Some((-5, i128::MAX)));
        assert_eq!(range(Op::AtLeast, Bound::Float(5.5)), Some((6, i128::MAX)));
        assert_eq!(range(Op::AtMost, Bound::Float(5.5)), Some((i128::MIN, 5)));
        assert_eq!(range(Op::More, Bound::Float(f64::NAN)), None);
        assert_eq!(range(Op::More, Bound::Float(f64::INFINITY)), None);
        assert_eq!(range(Op::Less, Bound::Text("5".to_owned())), None);
        assert_eq!((equal(&Bound::Float(5.5)), equal(&Bound::Float(5.0))), (None, Some(5..=5)));
    }

    #[test]
    fn a_prefix_ends_where_the_next_begins() {
        assert_eq!(after_prefix(b"ab"), b"ac");
        assert_eq!(after_prefix(b"a\xff\xff"), b"b");
        assert!(after_prefix(b"\xff").is_empty() && after_prefix(b"").is_empty());
    }
}
