//! What was wrong with the files that were read: counted and named, so that every answer can say what it lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::SourceId;

/// Bad input is data: reading goes on, and this says what was met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    /// Lines that are no records.
    pub malformed: u64,
    /// Processes that died while they wrote: bytes of the line that was never ended, by part.
    pub torn: BTreeMap<SourceId, u64>,
    /// Files that could not be read, or not to the end, and why.
    pub unreadable: BTreeMap<PathBuf, String>,
    /// Files of a spool that are none of logq's, by name.
    pub unknown: BTreeSet<String>,
    /// Records that an index knows and whose lines are no longer in the spool.
    pub gone: u64,
    /// An index that could not be used, and why. Everything was read from the spool instead.
    pub index: Option<String>,
}

impl Problems {
    pub fn is_empty(&self) -> bool {
        *self == Problems::default()
    }

    pub(super) fn cannot_read(&mut self, path: &Path, why: impl fmt::Display) {
        self.unreadable.insert(path.to_owned(), why.to_string());
    }

    /// Adds what another reading met.
    pub fn merge(&mut self, other: Problems) {
        self.malformed += other.malformed;
        self.torn.extend(other.torn);
        self.unreadable.extend(other.unreadable);
        self.unknown.extend(other.unknown);
        self.gone += other.gone;
        self.index = self.index.take().or(other.index);
    }
}

/// One sentence a problem, for people.
impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = Vec::new();
        if let Some(why) = &self.index {
            said.push(format!("the index is not used: {why}"));
        }
        if self.malformed > 0 {
            said.push(format!("{} (see them: logq search ev:malformed)", counted(self.malformed, "malformed line")));
        }
        for (source, bytes) in &self.torn {
            said.push(format!("{source}: the last line was torn after {}", counted(*bytes, "byte")));
        }
        for (path, why) in &self.unreadable {
            said.push(format!("{}: {why}", path.display()));
        }
        if self.gone > 0 {
            said.push(format!("{} no longer in the spool", counted(self.gone, "indexed record")));
        }
        if !self.unknown.is_empty() {
            let names: Vec<&str> = self.unknown.iter().take(3).map(String::as_str).collect();
            let more = if self.unknown.len() > names.len() { ", …" } else { "" };
            let count = counted(self.unknown.len() as u64, "unknown file");
            said.push(format!("{count} in the spool, not read: {}{more}", names.join(", ")));
        }
        out.write_str(&said.join("\n"))
    }
}

fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
