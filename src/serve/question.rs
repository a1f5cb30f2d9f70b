//! A question as a URL puts it: the words of the command line's selection, and what each kind of answer needs beside.

use std::path::PathBuf;

use serde::Deserialize;

use super::error::ServeError;
use crate::investigation::{Selection, Words};
use crate::query::{self, Parsed};

/// What may stand after `?`. What a kind of answer does not need it passes over.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Words and fields, as `logq search` takes them.
    #[serde(default)]
    pub q: String,
    /// A run's name, the beginning of one, or `all`; the newest where nothing is said.
    pub run: Option<String>,
    pub process: Option<String>,
    pub thread: Option<String>,
    pub task: Option<String>,
    pub level: Option<String>,
    pub since: Option<String>,
    pub until: Option<String>,
    pub limit: Option<usize>,
    /// A record, as every answer names it: 1.t3@17.
    pub id: Option<String>,
    /// Which field's values are counted.
    pub field: Option<String>,
    /// How wide the steps of a histogram are: 1s, 5m.
    pub step: Option<String>,
    /// The guard has looked at it.
    #[serde(rename = "token")]
    _token: Option<String>,
}

impl Question {
    /// What is selected in the store at `dir`.
    ///
    /// # Errors
    /// A level or a time that is none.
    pub fn selection(&self, dir: PathBuf, now: i64) -> Result<Selection, ServeError> {
        let list = |words: &Option<String>| words.iter().cloned().collect();
        let words = Words {
            dir: Some(dir),
            run: self.run.clone(),
            processes: list(&self.process),
            threads: list(&self.thread),
            tasks: list(&self.task),
            level: self.level.clone(),
            since: self.since.clone(),
            until: self.until.clone(),
        };
        Ok(words.mean(now)?)
    }

    /// The query.
    ///
    /// # Errors
    /// One that cannot be read; the message points at where.
    pub fn parsed(&self, now: i64) -> Result<Parsed, ServeError> {
        Ok(query::parse(&self.q, now)?)
    }

    /// At most so many; `most` bounds what may be asked for.
    pub fn limit(&self, usual: usize, most: usize) -> usize {
        self.limit.unwrap_or(usual).clamp(1, most)
    }
}
