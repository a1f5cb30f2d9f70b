//! What a line means: [`Record`] is the only in-memory form of a line of a spool or of a foreign log.
//!
//! Only this folder knows JSON key names. It does no I/O: it is given bytes and gives records back.

pub mod decode;
pub mod event;
mod exception;
pub mod field;
pub mod foreign;
pub mod glance;
pub mod id;
pub mod level;
pub mod line_sketch;
#[cfg(test)]
pub(crate) mod mutated;
mod opening;
pub mod outline;
pub mod readings;
mod scan;
mod signal;
pub mod time;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use decode::decode;
pub use event::{Event, EventKind, Site};
pub use exception::{Exception, Frame};
pub use field::Field;
pub use glance::{Glance, Said};
pub use id::{Lane, LaneKind, LaneRef, ProcessName, RecordId, RecordName, Stamp, StampRef};
pub use level::Level;
pub use signal::signal_name;

/// One line: a log record, an event, or bytes that could not be understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Wall clock, nanoseconds since 1970 (UTC).
    pub ts: i64,
    /// Monotonic clock of the host, nanoseconds; 0 where the line has none.
    pub mono: u64,
    /// The process's unique key, `<pid>-<6 base32>`; empty where the line has none.
    pub proc: Arc<str>,
    /// The process's number in its run, as its `proc` event says; `None` where nothing says it.
    pub process: Option<u32>,
    pub pid: u32,
    pub lane: Lane,
    /// Number in the lane, from 1 without gaps. 0 for a line that is repeated at the start of a part
    /// (see [`Record::again`]).
    pub seq: u64,
    /// Stamps merged since the lane's previous record by a hard hand-over.
    pub hb: Vec<Stamp>,
    /// Stamps that came only through mutual exclusion.
    pub hbl: Vec<Stamp>,
    /// The line repeats what an earlier part said, so that a part can be read alone.
    pub again: bool,
    pub body: Body,
    /// Keys that this version does not know, and everything passed with `extra=`.
    pub extra: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Log(Box<Log>),
    Event(Event),
    Malformed(Box<Malformed>),
}

/// What `logging` was told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Log {
    pub level: Level,
    pub logger: String,
    /// The formatted message.
    pub msg: String,
    /// The template before formatting; absent when the call had no arguments.
    pub tpl: Option<String>,
    /// Name of the thread.
    pub thread: Option<String>,
    /// Native thread id.
    pub tid: Option<u64>,
    /// Name of the task, when in one.
    pub task: Option<String>,
    pub site: Option<Site>,
    pub exc: Option<Box<Exception>>,
    /// The text of `stack_info`.
    pub stack: Option<String>,
}

/// A line that is not a record: why, and its bytes (cut at [`decode::KEEP_OF_MALFORMED`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Malformed {
    pub reason: String,
    pub bytes: Vec<u8>,
    /// Length of the whole line in bytes.
    pub len: usize,
}

impl Record {
    pub fn id(&self) -> RecordId {
        RecordId { process: self.process, proc: self.proc.clone(), lane: self.lane, seq: self.seq }
    }

    pub fn log(&self) -> Option<&Log> {
        match &self.body {
            Body::Log(log) => Some(log),
            _ => None,
        }
    }

    pub fn event(&self) -> Option<&Event> {
        match &self.body {
            Body::Event(event) => Some(event),
            _ => None,
        }
    }

    /// The exception that the record tells of, whatever kind of record it is.
    pub fn exception(&self) -> Option<Exception> {
        match &self.body {
            Body::Log(log) => log.exc.as_deref().cloned(),
            Body::Event(event) => event.exception(),
            Body::Malformed(_) => None,
        }
    }

    /// Where in the user's code the record was made.
    pub fn site(&self) -> Option<Site> {
        match &self.body {
            Body::Log(log) => log.site.clone(),
            Body::Event(event) => event.site(),
            Body::Malformed(_) => None,
        }
    }
}
