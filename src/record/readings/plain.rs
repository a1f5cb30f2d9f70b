//! Events of one or two keys: `obj`, `send`, `recv`, `acq`, `rel`, `note`, `exc`, `access`, `blocked`, `lost`.

use super::keys::Keys;
use crate::record::Site;

reading! {
    /// `obj`: an object's name, kind and place of creation.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ObjEvent<'a> {
        pub obj: &'a str,
        pub kind: Option<&'a str>,
        pub name: Option<&'a str>,
        pub site: Option<Site>,
        /// The pool, queue or loop that it belongs to.
        pub inside as "in": Option<&'a str>,
        /// Permits, workers, parties, items at most.
        pub size: Option<u64>,
    }
}

reading! {
    /// `send` and `recv`: a hand-over that carries a value. `acq` and `rel`: a lock shared between processes.
    #[derive(Debug, Clone, PartialEq)]
    pub struct TransferEvent<'a> {
        pub obj: Option<&'a str>,
        pub via: Option<&'a str>,
        pub from: Option<&'a str>,
        pub site: Option<Site>,
        /// Of a pool of processes: which job, and what it runs.
        pub job: Option<&'a str>,
        pub function as "fn": Option<&'a str>,
        /// The type of the exception with which it ended.
        pub exc: Option<&'a str>,
    }
}

reading! {
    /// `note`: a fact that a diagnosis needs.
    #[derive(Debug, Clone, PartialEq)]
    pub struct NoteEvent<'a> {
        /// cancel, foreign, kill, never-awaited, retrieved, shutdown, …
        pub what: Option<&'a str>,
        pub obj: Option<&'a str>,
        /// The lane or process that it is done to.
        pub target: Option<&'a str>,
        /// The same, where it is a process that did not record.
        pub target_pid as "target": Option<u32>,
        pub site: Option<Site>,
        /// Of the target, the innermost frame first.
        pub stack: Vec<Site>,
        pub function as "fn": Option<&'a str>,
        pub name: Option<&'a str>,
        pub sig: Option<i64>,
        pub waiters: Option<u64>,
        pub left: Option<u64>,
        /// The loop whose object it is, by the lane of its thread.
        pub in_loop as "loop": Option<&'a str>,
        /// While the process, or the loop, was being closed.
        pub closing: bool,
        pub why: Option<&'a str>,
        /// Of a test: begin or end.
        pub state: Option<&'a str>,
        /// What was touched, where it is no loop of asyncio: reactor.
        pub via: Option<&'a str>,
    }
}

reading! {
    /// `exc`: an exception nobody handled, or that no one has fetched.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ExcEvent<'a> {
        /// sys, thread, task, future, pool, feeder, deferred, callback, unraisable.
        pub place as "where": Option<&'a str>,
        pub obj: Option<&'a str>,
        /// The lane where it happened, when another one tells of it.
        pub target: Option<&'a str>,
        /// default or user: whose hook was told.
        pub hook: Option<&'a str>,
        /// The user's hook does not look at what it is told.
        pub muted: bool,
        /// Where the work was submitted.
        pub site: Option<Site>,
        /// The stamp of whoever submitted it.
        pub from: Option<&'a str>,
        pub function as "fn": Option<&'a str>,
        /// What asyncio says of it.
        pub note: Option<&'a str>,
        /// Of a pool of processes: which job failed.
        pub job: Option<&'a str>,
    }
}

reading! {
    /// `access`: a watched variable, file or database was touched.
    #[derive(Debug, Clone, PartialEq)]
    pub struct AccessEvent<'a> {
        pub var: Option<&'a str>,
        /// Which part of it: an index, a key, a field. None for the whole.
        pub item: Option<String>,
        /// r or w.
        pub rw: Option<&'a str>,
        /// How often the variable had been written.
        pub v: Option<u64>,
        pub site: Option<Site>,
        /// `lock:1#17`: a held lock and the number of its acquisition.
        pub held: Vec<&'a str>,
        /// Of a task: which of its steps.
        pub step: Option<u64>,
        /// Of a write: the read that it was made from.
        pub base: Option<Touch<'a>>,
        /// How: `check` where that read only decided whether to write, `init` where it asked whether there is a value.
        pub how: Option<&'a str>,
        /// The write that was there since then, and is lost.
        pub over: Option<Touch<'a>>,
        /// The last update by another lane that no lock keeps apart from this one.
        pub other: Option<Touch<'a>>,
        pub stack: Vec<Site>,
    }
}

reading! {
    /// Another access, told along with this one.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Touch<'a> {
        /// Whose it was, and after which of its records: `t3@7`.
        pub by: Option<&'a str>,
        pub v: Option<u64>,
        pub site: Option<Site>,
        pub held: Vec<&'a str>,
        pub stack: Vec<Site>,
        /// Monotonic ns.
        pub at: Option<u64>,
        /// Of a write: the read that it was made from, where that was another moment.
        pub base: Option<Box<Touch<'a>>>,
    }
}

reading! {
    /// `blocked`: an event loop does not turn.
    #[derive(Debug, Clone, PartialEq)]
    pub struct BlockedEvent<'a> {
        /// The lane of the loop's thread.
        pub in_loop as "loop": Option<&'a str>,
        /// The task, or the thread, that holds it.
        pub lane: Option<&'a str> = |keys| keys.text("target").or_else(|| keys.text("task")),
        /// How long so far.
        pub ms: Option<u64>,
        /// For how long of that, ms, the machine had no processor for the thread.
        pub unserved: Option<u64>,
        /// How often it was seen in this same frame.
        pub samples: Option<u64>,
        /// It turns again.
        pub over: bool,
        /// The innermost frame first.
        pub stack: Vec<Site>,
        /// Lanes that were due meanwhile, and by how much they were late, ms.
        pub victims: Vec<(&'a str, u64)> = |keys| keys.list("victims", late),
        /// Callbacks of no lane that were due, by the name of the function.
        pub calls: Vec<(&'a str, u64)> = |keys| keys.list("calls", call),
    }
}

/// A lane that was due, and by how much it was late.
fn late<'a>(victim: Keys<'a>) -> (&'a str, u64) {
    (victim.text("lane").unwrap_or_default(), victim.number("late").unwrap_or(0))
}

/// The same of a callback.
fn call<'a>(victim: Keys<'a>) -> (&'a str, u64) {
    (victim.text("fn").unwrap_or_default(), victim.number("late").unwrap_or(0))
}

reading! {
    /// `lost`: records that could not be written.
    #[derive(Debug, Clone, PartialEq)]
    pub struct LostEvent<'a> {
        pub n: Option<u64>,
        pub why: Option<&'a str>,
    }
}
