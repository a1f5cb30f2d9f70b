//! Whether a lane's last log records repeat each other word by word: the mark of work that gets nowhere.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// So many log records are remembered, each as a hash.
const KEPT: usize = 32;
/// The longest period that is looked for.
const LONGEST: usize = 4;

#[derive(Debug, Clone, Default)]
pub struct Rhythm(VecDeque<u64>);

impl Rhythm {
    /// A record of that logger at that line of code.
    pub(super) fn add(&mut self, logger: &str, msg: &str, line: Option<u64>) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        let mut hasher = DefaultHasher::new();
        (logger, msg, line).hash(&mut hasher);
        self.0.push_back(hasher.finish());
    }

    /// Whether the last `least` records are some few, said again and again.
    pub fn repeats(&self, least: usize) -> bool {
        let least = least.min(KEPT);
        let said: Vec<u64> = self.0.iter().rev().take(least.max(2 * LONGEST)).copied().collect();
        let with_period = |period: usize| said.iter().zip(said.iter().skip(period)).all(|(one, next)| one == next);
        said.len() >= least && (1..=LONGEST).any(with_period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(messages: &[&str]) -> Rhythm {
        let mut rhythm = Rhythm::default();
        for msg in messages {
            rhythm.add("shop", msg, Some(1));
        }
        rhythm
    }

    #[test]
    fn what_is_said_again_and_again_repeats() {
        assert!(rhythm(&["a"; 12]).repeats(8));
        assert!(rhythm(&["begin", "a", "b", "a", "b", "a", "b", "a", "b"]).repeats(8));
        assert!(
            !rhythm(&["order 1", "order 2", "order 3", "order 4", "order 5", "order 6", "order 7", "order 8"])
                .repeats(8)
        );
        assert!(!rhythm(&["a"; 5]).repeats(8));
    }
}
