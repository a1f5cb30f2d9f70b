//! The flags that say which run, lanes and times are meant: the same for every command. Below here nobody sees clap.

use std::path::PathBuf;

use chrono::Utc;
use clap::Args;

use super::CliError;
use crate::investigation::{BadWord, Selection, Words};

#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Where runs are kept, or a file that `logq pack -o` made of one [default: the nearest .logq from here upward]
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
    /// The selection.
    pub fn resolve(&self) -> Result<Selection, CliError> {
        meant(self.words())
    }

    fn words(&self) -> Words {
        Words {
            dir: self.store.dir.clone(),
            run: self.run.clone(),
            processes: self.process.clone(),
            threads: self.thread.clone(),
            tasks: self.task.clone(),
            ..Words::default()
        }
    }
}

impl SelectionArgs {
    /// The selection.
    ///
    /// # Errors
    /// A level or a time that is none.
    pub fn resolve(&self) -> Result<Selection, CliError> {
        meant(Words {
            level: self.level.clone(),
            since: self.since.clone(),
            until: self.until.clone(),
            ..self.lanes.words()
        })
    }
}

fn meant(words: Words) -> Result<Selection, CliError> {
    words.mean(now()).map_err(|error| match error {
        BadWord::Time(..) => CliError::Usage(format!("--{error}")),
        BadWord::Level(..) => CliError::Usage(error.to_string()),
    })
}

/// Nanoseconds since 1970.
pub fn now() -> i64 {
    Utc::now().timestamp_nanos_opt().unwrap_or(0)
}
