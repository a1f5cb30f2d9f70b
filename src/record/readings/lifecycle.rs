//! How processes and lanes begin and end: `proc`, `lane`, `end`, `exit`, `child`, `reap`.

use super::keys::{Counts, Keys, Places};
use super::{Reading, SystemCall};
use crate::record::Site;

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

impl<'a> Reading<'a> for ProcEvent<'a> {
    fn of(keys: Keys<'a>) -> Self {
        ProcEvent {
            n: keys.small("n"),
            part: keys.small("part"),
            how: keys.text("how"),
            from: keys.text("from"),
            name: keys.text("name"),
            thread: keys.text("thread"),
            tid: keys.number("tid"),
            ppid: keys.small("ppid"),
            argv: keys.texts("argv"),
            python: keys.text("python"),
            host: keys.text("host"),
            run: keys.text("run"),
            logq: keys.text("logq"),
            held: keys.list("held", super::HeldLock::of),
        }
    }
}

/// `lane`: a lane's first record.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneEvent<'a> {
    pub kind: Option<&'a str>,
    pub name: Option<&'a str>,
    pub function: Option<&'a str>,
    pub tid: Option<u64>,
    pub daemon: Option<bool>,
    /// The event loop that a task runs in.
    pub in_loop: Option<&'a str>,
    pub from: Option<&'a str>,
    pub site: Option<Site>,
    /// When the lane began, monotonic ns: the line itself may be written much later.
    pub began: Option<u64>,
}

impl<'a> Reading<'a> for LaneEvent<'a> {
    fn of(keys: Keys<'a>) -> Self {
        LaneEvent {
            kind: keys.text("kind"),
            name: keys.text("name"),
            function: keys.text("fn"),
            tid: keys.number("tid"),
            daemon: keys.flag("daemon"),
            in_loop: keys.text("loop"),
            from: keys.text("from"),
            site: keys.site("site"),
            began: keys.number("began"),
        }
    }
}

/// `end`: a lane ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EndEvent<'a> {
    pub how: Option<&'a str>,
    pub exc: Option<ExcText>,
    pub usage: Usage,
    /// Its loop, or its process, was being closed.
    pub closing: bool,
    /// The program had closed its loop over it.
    pub left: bool,
}

impl<'a> Reading<'a> for EndEvent<'a> {
    fn of(keys: Keys<'a>) -> Self {
        EndEvent {
            how: keys.text("how"),
            exc: keys.exc("exc"),
            usage: Usage::of(keys),
            closing: keys.flag("closing").unwrap_or(false),
            left: keys.flag("left").unwrap_or(false),
        }
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
    pub sigchld_ignored: bool,
    pub locks: Vec<LockUse<'a>>,
    /// Of the threads that were there still.
    pub lanes: Vec<(&'a str, Usage)>,
}

impl<'a> Reading<'a> for ExitEvent<'a> {
    fn of(keys: Keys<'a>) -> Self {
        ExitEvent {
            rc: keys.signed("rc"),
            how: keys.text("how"),
            cpu: keys.number("cpu"),
            folded: keys.list("folded", Folded::of),
            unretrieved: keys.list("unretrieved", Unretrieved::of),
            queues: keys.list("queues", QueueLeft::of),
            daemons: keys.list("daemons", DaemonLeft::of),
            children: keys.list("children", ChildLeft::of),
            sigchld_ignored: keys.flag("sigchld").unwrap_or(keys.text("sigchld") == Some("ignored")),
            locks: keys.list("locks", LockUse::of),
            lanes: keys.list("lanes", |lane| (lane.text("lane").unwrap_or_default(), Usage::of(lane))),
        }
    }
}

/// Short silent lanes that ended well, by the place that made them.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded<'a> {
    pub site: Option<Site>,
    pub function: Option<&'a str>,
    pub n: u64,
}

impl<'a> Reading<'a> for Folded<'a> {
    fn of(keys: Keys<'a>) -> Self {
        Folded { site: keys.site("site"), function: keys.text("fn"), n: keys.number("n").unwrap_or(0) }
    }
}

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

impl<'a> Reading<'a> for Unretrieved<'a> {
    fn of(keys: Keys<'a>) -> Self {
        Unretrieved { obj: keys.text("obj"), lane: keys.text("lane"), site: keys.site("site"), exc: keys.exc("exc") }
    }
}

/// A queue that still had items, or unfinished ones, when the process ended.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueLeft<'a> {
    pub obj: Option<&'a str>,
    /// Items that nobody took.
    pub items: Option<u64>,
    /// Items for which nobody called `task_done`, where anybody does.
    pub unfinished: Option<u64>,
    pub getters: Counts<'a>,
    pub putters: Counts<'a>,
    pub doners: Counts<'a>,
    pub put_at: Places<'a>,
    pub got_at: Places<'a>,
}

impl<'a> Reading<'a> for QueueLeft<'a> {
    fn of(keys: Keys<'a>) -> Self {
        QueueLeft {
            obj: keys.text("obj"),
            items: keys.number("left"),
            unfinished: keys.number("unfinished"),
            getters: keys.counts("getters"),
            putters: keys.counts("putters"),
            doners: keys.counts("doners"),
            put_at: keys.places("put_at"),
            got_at: keys.places("got_at"),
        }
    }
}

/// A daemon thread that still ran when the process ended.
#[derive(Debug, Clone, PartialEq)]
pub struct DaemonLeft<'a> {
    pub lane: Option<&'a str>,
    pub stack: Vec<Site>,
    /// It was doing something, not waiting for work.
    pub busy: Option<bool>,
}

impl<'a> Reading<'a> for DaemonLeft<'a> {
    fn of(keys: Keys<'a>) -> Self {
        DaemonLeft { lane: keys.text("lane"), stack: keys.stack("stack"), busy: keys.flag("busy") }
    }
}

/// A child that was not reaped by the end of its parent.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildLeft<'a> {
    pub child_pid: Option<u32>,
    pub child_proc: Option<&'a str>,
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

impl<'a> Reading<'a> for ChildLeft<'a> {
    fn of(keys: Keys<'a>) -> Self {
        ChildLeft {
            child_pid: keys.small("child_pid").or_else(|| keys.small("pid")),
            child_proc: keys.text("child_proc").or_else(|| keys.text("proc")),
            name: keys.text("name"),
            state: keys.text("state"),
            site: keys.site("site"),
            over: keys.number("over"),
            call: keys.inside("call", SystemCall::of),
            parent_pid: keys.small("parent_pid"),
        }
    }
}

/// A contended lock's counts over the life of a process.
#[derive(Debug, Clone, PartialEq)]
pub struct LockUse<'a> {
    pub obj: Option<&'a str>,
    pub taken: Option<u64>,
    pub contended: Option<u64>,
    /// All lanes together, ns.
    pub waited: Option<u64>,
}

impl<'a> Reading<'a> for LockUse<'a> {
    fn of(keys: Keys<'a>) -> Self {
        LockUse {
            obj: keys.text("obj"),
            taken: keys.number("taken"),
            contended: keys.number("contended"),
            waited: keys.number("waited"),
        }
    }
}

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

impl<'a> Reading<'a> for ChildEvent<'a> {
    fn of(keys: Keys<'a>) -> Self {
        ChildEvent {
            child_pid: keys.small("child_pid"),
            child_proc: keys.text("child_proc"),
            name: keys.text("name"),
            argv: keys.texts("argv"),
            site: keys.site("site"),
            adopted: keys.flag("adopted").unwrap_or(false),
        }
    }
}

/// `reap`: the end of a child was seen. A negative `rc` is Python's way to say a signal.
#[derive(Debug, Clone, PartialEq)]
pub struct ReapEvent<'a> {
    pub child_pid: Option<u32>,
    pub child_proc: Option<&'a str>,
    pub name: Option<&'a str>,
    pub rc: Option<i64>,
    pub signal: Option<i64>,
}

impl<'a> Reading<'a> for ReapEvent<'a> {
    fn of(keys: Keys<'a>) -> Self {
        ReapEvent {
            child_pid: keys.small("child_pid"),
            child_proc: keys.text("child_proc"),
            name: keys.text("name"),
            rc: keys.signed("rc"),
            signal: keys.signed("signal"),
        }
    }
}

impl ReapEvent<'_> {
    /// The signal that ended the child, whichever way it was written.
    pub fn killed_by(&self) -> Option<i64> {
        self.signal.or_else(|| self.rc.filter(|rc| *rc < 0).map(i64::abs))
    }
}
