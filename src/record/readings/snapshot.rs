//! `snap`: what a whole process was doing at one moment, as its watchdog saw it.

use super::keys::{Counts, Places};
use super::{ChildLeft, HeldLock, PoolState, WaitEvent};
use crate::record::Site;

reading! {
    #[derive(Debug, Clone, PartialEq)]
    pub struct SnapEvent<'a> {
        /// standstill, closed, dump, timeout, exit, …
        pub why: Option<&'a str>,
        /// The question that this answers, of a `dump` or `timeout`.
        pub request: Option<&'a str>,
        /// Nothing has moved since, `mono` ns.
        pub since: Option<u64>,
        /// Lanes that wait for each other, of a `closed`.
        pub circle: Vec<&'a str>,
        pub lanes: Vec<SnapLane<'a>>,
        pub tasks: Vec<SnapTask<'a>>,
        pub loops: Vec<SnapLoop<'a>>,
        pub pools: Vec<PoolState<'a>>,
        pub queues: Vec<QueueState<'a>>,
        pub children: Vec<ChildLeft<'a>>,
        pub pipes: Vec<PipeState<'a>>,
        /// Signals for which the program has a handler of its own.
        pub signals: Vec<&'a str>,
        /// Signals that may end what threads besides the main one wait for.
        pub wakers: Vec<&'a str>,
        /// Native threads that are no lanes.
        pub foreign: Vec<ForeignThread<'a>>,
        /// By member, how many entries were too much for a record.
        pub cut_off: Counts<'a>,
    }
}

reading! {
    /// A thread at that moment.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SnapLane<'a> {
        pub lane: &'a str,
        pub stack: Vec<Site>,
        /// Id of its open `wait`, like `t3@7`.
        pub wait: Option<&'a str>,
        /// The locks that it holds.
        pub held: Vec<HeldLock<'a>>,
        /// CPU time so far, ns.
        pub cpu: Option<u64>,
        /// R runs, S sleeps, D waits for a device.
        pub state: Option<&'a str>,
        pub call: Option<SystemCall<'a>>,
        /// When its sleep ends, `mono` ns.
        pub sleeps: Option<u64>,
        pub debugger: bool,
        /// The interpreter ends, and here waits for: threads, pool, children.
        pub exiting: Option<&'a str>,
        pub polls: Vec<Poll<'a>>,
        /// What it waits for, where it could not say so itself.
        pub awaits: Option<WaitEvent<'a>>,
        /// It can get at nothing that anybody in the process waits for.
        pub apart: bool,
    }
}

reading! {
    /// The system call in which a thread is blocked.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SystemCall<'a> {
        pub name: Option<&'a str>,
        pub fd: Option<u64>,
        /// What the descriptor is: stdin, pipe, socket, listener, terminal, eventpoll, file, …
        pub on: Option<&'a str>,
        /// The pipe or socket itself, the same in every process: `pipe:[1234]`.
        pub id: Option<&'a str>,
        /// The descriptors of a poll.
        pub fds: Vec<SystemCall<'a>>,
        /// The process whose end it waits for.
        pub child: Option<u64>,
        /// When it returns at the latest, `mono` ns.
        pub until: Option<u64>,
    }
}

reading! {
    /// A native thread that is no lane: of a library written in C, or of Python and never heard of.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ForeignThread<'a> {
        pub tid: Option<u64>,
        pub name: Option<&'a str>,
        pub cpu: Option<u64>,
        pub state: Option<&'a str>,
        pub call: Option<SystemCall<'a>>,
        pub sleeps: Option<u64>,
    }
}

reading! {
    /// A flag or a lock that a lane asks again and again.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Poll<'a> {
        pub obj: Option<&'a str>,
        pub site: Option<Site>,
        /// How often since the last snapshot.
        pub n: Option<u64>,
        pub value: Option<String>,
        /// Of a lock: who had it the last time.
        pub owner: Option<&'a str>,
    }
}

reading! {
    /// A task that is not done.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SnapTask<'a> {
        pub lane: &'a str,
        pub awaits: Option<WaitEvent<'a>>,
        /// It will run in this turn of its loop.
        pub ready: bool,
        pub stack: Vec<Site>,
        /// How often it was asked to cancel.
        pub cancelling: Option<u64> = |keys| keys.number("cancelling").or_else(|| keys.flag("cancelling").map(u64::from)),
        /// It can get at nothing that anybody in the process waits for.
        pub apart: bool,
    }
}

reading! {
    /// An event loop.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SnapLoop<'a> {
        /// The lane of its thread.
        pub lane: Option<&'a str>,
        /// Callbacks that can run now.
        pub ready: Option<u64>,
        /// Callbacks that wait for their time; when the next is due, `mono` ns.
        pub timers: Option<u64>,
        pub next: Option<u64>,
        /// File descriptors that it watches, besides its own wake-up pipe.
        pub fds: Option<u64>,
        /// The task that runs.
        pub running: Option<&'a str>,
        /// Nothing that it will call by itself can get at what anybody in the process waits for.
        pub apart: bool,
    }
}

reading! {
    /// A queue.
    #[derive(Debug, Clone, PartialEq)]
    pub struct QueueState<'a> {
        pub obj: Option<&'a str>,
        pub qsize: Option<u64>,
        pub size: Option<u64>,
        pub left: Option<u64>,
        pub getters: Counts<'a>,
        pub putters: Counts<'a>,
        pub doners: Counts<'a>,
        pub put_at: Places<'a>,
        pub got_at: Places<'a>,
    }
}

reading! {
    /// A pipe between processes: how much is in it, how much it holds.
    #[derive(Debug, Clone, PartialEq)]
    pub struct PipeState<'a> {
        pub fd: Option<u64>,
        pub obj: Option<&'a str>,
        /// What it is of a child: stdin, stdout, stderr.
        pub name: Option<&'a str>,
        pub queued: Option<u64>,
        pub capacity: Option<u64>,
        pub child_pid: Option<u32>,
        pub site: Option<Site>,
    }
}
