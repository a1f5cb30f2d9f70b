//! Lanes that wait, and what they hold meanwhile: `wait`, `got`, `nest`, `begin`.

use super::PipeState;
use super::keys::{Counts, Places};
use crate::record::Site;

reading! {
    /// `wait`: a lane is blocked. Also what a task awaits, in a snapshot.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct WaitEvent<'a> {
        pub obj: Option<&'a str>,
        /// lock, rlock, cond, event, sem, barrier, join, queue-get, queue-put, queue-join, future, task, process, …
        pub on: Option<&'a str>,
        /// The lane that has what is waited for.
        pub owner: Option<&'a str>,
        /// The lanes that are waited for, where they are several.
        pub owners: Vec<&'a str>,
        /// Where and when (`mono`, ns) the owner took it.
        pub held_at: Option<Site>,
        pub held_since: Option<u64>,
        /// What the waiting lane holds itself.
        pub held: Vec<HeldLock<'a>>,
        /// Seconds.
        pub timeout: Option<f64>,
        /// `mono`, ns.
        pub since: Option<u64>,
        pub site: Option<Site> = |keys| keys.site("site").or_else(|| keys.innermost("stack")),
        /// The user's frames, the innermost first.
        pub stack: Vec<Site>,
        /// Of a barrier: how many have to come, and how many are there.
        pub need: Option<u64>,
        pub have: Option<u64>,
        /// Of a queue: how many items are in it, how many it holds, how many are not done.
        pub qsize: Option<u64>,
        pub size: Option<u64>,
        pub left: Option<u64>,
        pub putters: Counts<'a>,
        pub getters: Counts<'a>,
        pub doners: Counts<'a>,
        pub put_at: Places<'a>,
        pub got_at: Places<'a>,
        /// Of a semaphore: who has taken permits.
        pub permits: Vec<Permit<'a>>,
        /// Of a condition or an event: the last notify or set.
        pub last: Option<LastWake<'a>>,
        /// Of a future: pending, running, …; which lane runs it; in which pool it stands; whose loop it belongs to.
        pub state: Option<&'a str>,
        pub runner: Option<&'a str>,
        pub pool: Option<PoolState<'a>>,
        pub in_loop as "loop": Option<&'a str>,
        /// Of a future of a pool of processes: which job it is.
        pub job: Option<&'a str>,
        /// Of a process, and the pipes to it.
        pub child_pid: Option<u32>,
        pub pipes: Vec<PipeState<'a>>,
    }
}

reading! {
    /// A lock that a lane holds.
    #[derive(Debug, Clone, PartialEq)]
    pub struct HeldLock<'a> {
        pub obj: &'a str,
        /// By a `with` block, so that nobody else will give it back.
        pub by_block as "with": bool,
        /// Who holds it, where that is not the lane that says so.
        pub lane: Option<&'a str>,
        pub site: Option<Site>,
        /// `mono`, ns.
        pub since: Option<u64>,
    }
}

reading! {
    /// A permit of a semaphore that has not been given back.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Permit<'a> {
        pub lane: Option<&'a str>,
        pub site: Option<Site>,
    }
}

reading! {
    /// The last notify or set of an object before somebody waited for the next one.
    #[derive(Debug, Clone, PartialEq)]
    pub struct LastWake<'a> {
        /// notify, set, clear.
        pub what: Option<&'a str>,
        pub lane: Option<&'a str>,
        pub site: Option<Site>,
        /// How many it woke.
        pub waiters: Option<u64>,
        /// `mono`, ns.
        pub at: Option<u64>,
    }
}

reading! {
    /// A pool of workers: how many there may be, which of them work, how much waits.
    #[derive(Debug, Clone, PartialEq)]
    pub struct PoolState<'a> {
        pub obj: Option<&'a str>,
        pub size: Option<u64>,
        pub busy: Vec<&'a str>,
        pub queued: Option<u64>,
    }
}

reading! {
    /// `got`: that wait ended.
    #[derive(Debug, Clone, PartialEq)]
    pub struct GotEvent<'a> {
        pub obj: Option<&'a str>,
        /// ns.
        pub waited: Option<u64>,
        /// ok, timeout, exc, cancelled.
        pub res: Option<&'a str>,
        /// Who got it meanwhile.
        pub passed: Counts<'a>,
    }
}

reading! {
    /// `nest`: a lock was taken while others were held.
    #[derive(Debug, Clone, PartialEq)]
    pub struct NestEvent<'a> {
        pub obj: Option<&'a str>,
        pub site: Option<Site>,
        pub held: Vec<HeldLock<'a>>,
    }
}

reading! {
    /// `begin`: work that had waited in a pool began.
    #[derive(Debug, Clone, PartialEq)]
    pub struct BeginEvent<'a> {
        pub obj: Option<&'a str>,
        /// For how long it had waited, ns.
        pub queued: Option<u64>,
        /// Which lanes worked meanwhile.
        pub busy: Vec<&'a str>,
        /// How many others have waited as well since the last of these records.
        pub unsaid: Option<u64>,
    }
}
