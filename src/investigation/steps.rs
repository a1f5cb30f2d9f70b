//! Steps of time for a histogram: as wide as was asked, or as suits the whole; always beginning at round times.

use crate::store::Buckets;

/// So many steps at most, unless a step was named.
const SUITS: u64 = 60;
/// More than anyone reads; counting a year by milliseconds would fill the memory.
const MOST: u64 = 10_000;

/// Steps that people read easily, in nanoseconds.
const WIDTHS: [u64; 19] = {
    const S: u64 = 1_000_000_000;
    [
        S / 1000,
        S / 200,
        S / 100,
        S / 20,
        S / 10,
        S / 2,
        S,
        2 * S,
        5 * S,
        10 * S,
        30 * S,
        60 * S,
        300 * S,
        600 * S,
        1800 * S,
        3600 * S,
        6 * 3600 * S,
        24 * 3600 * S,
        7 * 24 * 3600 * S,
    ]
};

/// The step that was named makes too many.
#[derive(Debug, thiserror::Error)]
#[error("that would be {count} steps; the most is {MOST}. Name a longer step, or since and until")]
pub struct TooMany {
    count: u64,
}

/// The steps from `first` to `last` (nanoseconds since 1970), of that width or of one that suits.
///
/// # Errors
/// Too many.
pub fn steps(first: i64, last: i64, width: Option<u64>) -> Result<Buckets, TooMany> {
    let span = u64::try_from(i128::from(last) - i128::from(first)).unwrap_or(0);
    let suitable = || WIDTHS.into_iter().find(|width| span / width < SUITS).unwrap_or(u64::MAX >> 2);
    let width = width.unwrap_or_else(suitable).max(1);
    let signed = i64::try_from(width).unwrap_or(i64::MAX);
    let start = first.div_euclid(signed).saturating_mul(signed);
    let count = u64::try_from(i128::from(last) - i128::from(start)).unwrap_or(0) / width + 1;
    if count > MOST {
        return Err(TooMany { count });
    }
    Ok(Buckets { start, width, count: usize::try_from(count).unwrap_or(usize::MAX) })
}

/// When a step begins.
pub fn begin(buckets: &Buckets, place: usize) -> i64 {
    buckets.start.saturating_add_unsigned(buckets.width.saturating_mul(place as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_begin_at_round_times_and_cover_everything() {
        let s = 1_000_000_000;
        let made = |first, last, width| steps(first, last, width).map(|made| (made.start, made.width, made.count)).ok();
        assert_eq!(made(1_500_000_000, 3_200_000_000, Some(s)), Some((s as i64, s, 3)));
        assert_eq!(made(-1, 1, Some(s)), Some((-(s as i64), s, 2)));
        assert_eq!(made(0, 59_999_999_999, None), Some((0, s, 60)));
        assert_eq!(made(7, 7, None).map(|(.., count)| count), Some(1));
        assert_eq!(made(0, i64::MAX, Some(1)), None);
        assert!(made(i64::MIN + 1, i64::MAX, None).is_some());
    }
}
