//! A selection in the words that people type: from arguments of the command line or from a URL. Both mean the same.

use std::path::PathBuf;

use super::{LaneChoice, RunChoice, Selection};
use crate::query::time;
use crate::record::level;

/// Words that select; whatever is not said selects nothing away.
#[derive(Debug, Clone, Default)]
pub struct Words {
    pub dir: Option<PathBuf>,
    /// A run's name, the beginning of one, or `all`.
    pub run: Option<String>,
    /// Each with commas between several.
    pub processes: Vec<String>,
    pub threads: Vec<String>,
    pub tasks: Vec<String>,
    pub level: Option<String>,
    pub since: Option<String>,
    pub until: Option<String>,
}

/// A word that means nothing.
#[derive(Debug, thiserror::Error)]
pub enum BadWord {
    #[error("no level `{0}`; there is {names}", names = level::CANONICAL.join(", "))]
    Level(String),
    /// Which word, and what was said.
    #[error("{0}: `{1}` is no time; try 17:15:03, 2026-11-22T17:15:03 or -5m")]
    Time(&'static str, String),
}

impl Words {
    /// What is meant, at this moment (nanoseconds since 1970).
    ///
    /// # Errors
    /// A level or a time that is none.
    pub fn mean(self, now: i64) -> Result<Selection, BadWord> {
        let moment = |name, text: Option<String>| text.map(|text| moment(name, text, now)).transpose();
        Ok(Selection {
            dir: self.dir,
            run: RunChoice::of(self.run.as_deref()),
            lanes: LaneChoice {
                processes: LaneChoice::words(&self.processes),
                threads: LaneChoice::words(&self.threads),
                tasks: LaneChoice::words(&self.tasks),
            },
            level: self.level.map(level_number).transpose()?,
            since: moment("since", self.since)?,
            until: moment("until", self.until)?,
        })
    }
}

fn level_number(name: String) -> Result<u16, BadWord> {
    let known = level::number_of(&name).or_else(|| name.parse().ok());
    known.ok_or(BadWord::Level(name))
}

fn moment(name: &'static str, text: String, now: i64) -> Result<i64, BadWord> {
    time::parse(&text, now).map(|span| span.start).ok_or(BadWord::Time(name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_selects_nothing_away() {
        let meant = Words::default().mean(0).expect("a selection");
        assert!(meant.lanes.is_empty() && meant.level.is_none() && meant.since.is_none() && meant.until.is_none());
        assert_eq!(meant.run, RunChoice::Newest);
    }

    #[test]
    fn words_that_mean_nothing_are_named() {
        let of = |words: Words| words.mean(0).map(|_| ()).unwrap_err().to_string();
        let level = of(Words { level: Some("LOUD".into()), ..Words::default() });
        assert!(level.starts_with("no level `LOUD`; there is DEBUG"), "{level}");
        let since = of(Words { since: Some("soon".into()), ..Words::default() });
        assert!(since.starts_with("since: `soon` is no time"), "{since}");
    }
}
