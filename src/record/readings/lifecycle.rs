//! How processes and lanes begin and end: `proc`, `lane`, `end`, `exit`, `child`, `reap`.

use super::SystemCall;
use super::keys::{Counts, Keys, Places};
use crate::record::Site;

reading! {
    /// `proc`: the first line of every part.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ProcEvent<'a> {
        pub n: Option<u32>,
        pub part: Option<u32>,
        pub how: Option<&'a str>,
        pub from: Option<&'a str>,
        pub name: Option<&'a str>,
        pub thread: Option<&'a str>,
        pub tid: Option<u64>,
        pub ppid: Option<u32>,
        pub argv: Vec<&'a str>,
        pub python: Option<&'a str>,
        pub host: Option<&'a str>,
        pub run: Option<&'a str>,
        pub logq: Option<&'a str>,
        /// After a fork: locks that other lanes of the parent held then. Their `lane` is one of the parent's.
        pub held: Vec<super::HeldLock<'a>>,
    }
}

reading! {
    /// `lane`: a lane's first record.
    #[derive(Debug, Clone, PartialEq)]
    pub struct LaneEvent<'a> {
        pub kind: Option<&'a str>,
        pub name: Option<&'a str>,
        pub function as "fn": Option<&'a str>,
        pub tid: Option<u64>,
        pub daemon: Option<bool>,
        /// The event loop that a task runs in.
        pub in_loop as "loop": Option<&'a str>,
        pub from: Option<&'a str>,
        pub site: Option<Site>,
        /// When the lane began, monotonic ns: the line itself may be written much later.
        pub began: Option<u64>,
    }
}

reading! {
    /// `end`: a lane ended.
    #[derive(Debug, Clone, PartialEq)]
    pub struct EndEvent<'a> {
        pub how: Option<&'a str>,
        pub exc: Option<ExcText>,
        pub usage: Usage = Usage::of,
        /// Its loop, or its process, was being closed.
        pub closing: bool,
        /// The program had closed its loop over it.
        pub left: bool,
    }
}

/// What a thread did with its time besides its waits, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// On the processor.
    pub cpu: Option<u64>,
    /// Ready to run, and there was no processor.
    pub runnable: Option<u64>,
    /// Seen by the watchdog: running hardly at all; running less than it wanted because others had the GIL.
    pub still: Option<u64>,
    pub barred: Option<u64>,
}

impl Usage {
    fn of(keys: Keys) -> Usage {
        let looks = |key: &str| keys.inside("looks", |looks| looks.number(key)).flatten();
        Usage {
            cpu: keys.number("cpu"),
            runnable: keys.number("runnable"),
            still: looks("still"),
            barred: looks("barred"),
        }
    }
}

/// An exception in short: `{type, msg}`, or its text alone.
#[derive(Debug, Clone, PartialEq)]
pub enum ExcText {
    Parts { kind: String, msg: String },
    Text(String),
}

impl std::fmt::Display for ExcText {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExcText::Parts { kind, msg } if msg.is_empty() => out.write_str(kind),
            ExcText::Parts { kind, msg } => write!(out, "{kind}: {msg}"),
            ExcText::Text(text) => out.write_str(text),
        }
    }
}

reading! {
    /// `exit`: a process ended by itself, and what it left behind.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ExitEvent<'a> {
        pub rc: Option<i64>,
        pub how: Option<&'a str>,
        pub cpu: Option<u64>,
        pub folded: Vec<Folded<'a>>,
        pub unretrieved: Vec<Unretrieved<'a>>,
        pub queues: Vec<QueueLeft<'a>>,
        pub daemons: Vec<DaemonLeft<'a>>,
        pub children: Vec<ChildLeft<'a>>,
        /// SIGCHLD was ignored: the system reaps children by itself.
        pub sigchld_ignored: bool = |keys| keys.flag("sigchld").unwrap_or(keys.text("sigchld") == Some("ignored")),
        pub locks: Vec<LockUse<'a>>,
        /// Of the threads that were there still.
        pub lanes: Vec<(&'a str, Usage)> = |keys| keys.list("lanes", |lane| (lane.text("lane").unwrap_or_default(), Usage::of(lane))),
    }
}

reading! {
    /// Short silent lanes that ended well, by the place that made them.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Folded<'a> {
        pub site: Option<Site>,
        pub function as "fn": Option<&'a str>,
        pub n: u64,
    }
}

reading! {
    /// A future that failed and that no one has asked by the end of the process.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Unretrieved<'a> {
        pub obj: Option<&'a str>,
        /// The lane that ran it.
        pub lane: Option<&'a str>,
        /// Where it was submitted.
        pub site: Option<Site>,
        pub exc: Option<ExcText>,
    }
}

reading! {
    /// A queue that still had items, or unfinished ones, when the process ended.
    #[derive(Debug, Clone, PartialEq)]
    pub struct QueueLeft<'a> {
        pub obj: Option<&'a str>,
        /// Items that nobody took.
        pub items as "left": Option<u64>,
        /// Items for which nobody called `task_done`, where anybody does.
        pub unfinished: Option<u64>,
        pub getters: Counts<'a>,
        pub putters: Counts<'a>,
        pub doners: Counts<'a>,
        pub put_at: Places<'a>,
        pub got_at: Places<'a>,
    }
}

reading! {
    /// A daemon thread that still ran when the process ended.
    #[derive(Debug, Clone, PartialEq)]
    pub struct DaemonLeft<'a> {
        pub lane: Option<&'a str>,
        pub stack: Vec<Site>,
        /// It was doing something, not waiting for work.
        pub busy: Option<bool>,
    }
}

reading! {
    /// A child that was not reaped by the end of its parent.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ChildLeft<'a> {
        pub child_pid: Option<u32> = |keys| keys.small("child_pid").or_else(|| keys.small("pid")),
        pub child_proc: Option<&'a str> = |keys| keys.text("child_proc").or_else(|| keys.text("proc")),
        pub name: Option<&'a str>,
        /// running, zombie.
        pub state: Option<&'a str>,
        /// Where it was started.
        pub site: Option<Site>,
        /// For how long it has been over, ns.
        pub over: Option<u64>,
        /// The system call in which it is blocked.
        pub call: Option<SystemCall<'a>>,
        /// Who started it, where that is not the process that tells of it.
        pub parent_pid: Option<u32>,
    }
}

reading! {
    /// A contended lock's counts over the life of a process.
    #[derive(Debug, Clone, PartialEq)]
    pub struct LockUse<'a> {
        pub obj: Option<&'a str>,
        pub taken: Option<u64>,
        pub contended: Option<u64>,
        /// All lanes together, ns.
        pub waited: Option<u64>,
    }
}

reading! {
    /// `child`: a process was started. Its keys are not called `pid` and `proc`: those are the writer's, in every
    /// record.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ChildEvent<'a> {
        pub child_pid: Option<u32>,
        pub child_proc: Option<&'a str>,
        pub name: Option<&'a str>,
        pub argv: Vec<&'a str>,
        pub site: Option<Site>,
        /// Its own parent had died before it.
        pub adopted: bool,
    }
}

reading! {
    /// `reap`: the end of a child was seen. A negative `rc` is Python's way to say a signal.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ReapEvent<'a> {
        pub child_pid: Option<u32>,
        pub child_proc: Option<&'a str>,
        pub name: Option<&'a str>,
        pub rc: Option<i64>,
        pub signal: Option<i64>,
    }
}

impl ReapEvent<'_> {
    /// The signal that ended the child, whichever way it was written.
    pub fn killed_by(&self) -> Option<i64> {
        self.signal.or_else(|| self.rc.filter(|rc| *rc < 0).map(i64::abs))
    }
}
