//! The flags that say which run, lanes and times are meant: the same for every command. Below here nobody sees clap.

use std::path::PathBuf;

use chrono::Utc;
use clap::Args;

use super::CliError;
use crate::investigation::{LaneChoice, RunChoice, Selection};
use crate::query::time;
use crate::record::level;

#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Where runs are kept [default: the nearest .logq from here upward]
    #[arg(long, global = true, env = "LOGQ_DIR", value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Which run and which lanes.
#[derive(Debug, Args)]
pub struct LaneArgs {
    #[command(flatten)]
    pub store: StoreArgs,

    /// The run: its name, an unambiguous beginning of it, or `all` [default: the newest]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,

    /// Only these processes: numbers, names or globs, pid:4242; with commas
    #[arg(long, value_name = "P")]
    pub process: Vec<String>,

    /// Only these threads: 3 or t3 (of process 1), 2.3, a name, a glob, tid:4251; with commas
    #[arg(long, value_name = "T")]
    pub thread: Vec<String>,

    /// Only these asyncio tasks: 17 or a17, 2.17, a name or a glob; with commas
    #[arg(long, value_name = "A")]
    pub task: Vec<String>,
}

/// Which run, lanes, levels and times.
#[derive(Debug, Args)]
pub struct SelectionArgs {
    #[command(flatten)]
    pub lanes: LaneArgs,

    /// Only log records at least this severe
    #[arg(short, long, value_name = "LEVEL")]
    pub level: Option<String>,

    /// Only from this time on: 17:15, 2026-11-22T17:15:03, -5m
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,

    /// Only before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
}

impl LaneArgs {
    /// The selection in plain words.
    pub fn resolve(&self) -> Selection {
        Selection {
            dir: self.store.dir.clone(),
            run: RunChoice::of(self.run.as_deref()),
            lanes: LaneChoice {
                processes: LaneChoice::words(&self.process),
                threads: LaneChoice::words(&self.thread),
                tasks: LaneChoice::words(&self.task),
            },
            ..Selection::default()
        }
    }
}

impl SelectionArgs {
    /// The selection in plain words.
    ///
    /// # Errors
    /// A level or a time that is none.
    pub fn resolve(&self) -> Result<Selection, CliError> {
        Ok(Selection {
            level: self.level.as_deref().map(level_number).transpose()?,
            since: self.since.as_deref().map(|text| moment("--since", text)).transpose()?,
            until: self.until.as_deref().map(|text| moment("--until", text)).transpose()?,
            ..self.lanes.resolve()
        })
    }
}

fn level_number(name: &str) -> Result<u16, CliError> {
    let known = level::number_of(name).or_else(|| name.parse().ok());
    known.ok_or_else(|| CliError::Usage(format!("no level `{name}`; there is {}", level::CANONICAL.join(", "))))
}

fn moment(flag: &str, text: &str) -> Result<i64, CliError> {
    let now = now();
    let found = time::parse(text, now).map(|span| span.start);
    found.ok_or_else(|| {
        CliError::Usage(format!("{flag}: `{text}` is no time; try 17:15:03, 2026-11-22T17:15:03 or -5m"))
    })
}

/// Nanoseconds since 1970.
pub fn now() -> i64 {
    Utc::now().timestamp_nanos_opt().unwrap_or(0)
}
