//! Lanes that wait, and what they hold meanwhile: `wait`, `got`, `nest`, `begin`.

use super::keys::{Counts, Keys, Places};
use super::{PipeState, Reading};
use crate::record::Site;

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
    pub site: Option<Site>,
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
    pub in_loop: Option<&'a str>,
    /// Of a future of a pool of processes: which job it is.
    pub job: Option<&'a str>,
    /// Of a process, and the pipes to it.
    pub child_pid: Option<u32>,
    pub pipes: Vec<PipeState<'a>>,
}

impl<'a> Reading<'a> for WaitEvent<'a> {
    fn of(keys: Keys<'a>) -> Self {
        let stack = keys.stack("stack");
        WaitEvent {
            obj: keys.text("obj"),
            on: keys.text("on"),
            owner: keys.text("owner"),
            owners: keys.texts("owners"),
            held_at: keys.site("held_at"),
            held_since: keys.number("held_since"),
            held: keys.list("held", HeldLock::of),
            timeout: keys.real("timeout"),
            since: keys.number("since"),
            site: keys.site("site").or_else(|| stack.first().cloned()),
            stack,
            need: keys.number("need"),
            have: keys.number("have"),
            qsize: keys.number("qsize"),
            size: keys.number("size"),
            left: keys.number("left"),
            putters: keys.counts("putters"),
            getters: keys.counts("getters"),
            doners: keys.counts("doners"),
            put_at: keys.places("put_at"),
            got_at: keys.places("got_at"),
            permits: keys.list("permits", Permit::of),
            last: keys.inside("last", LastWake::of),
            state: keys.text("state"),
            runner: keys.text("runner"),
            pool: keys.inside("pool", PoolState::of),
            in_loop: keys.text("loop"),
            job: keys.text("job"),
            child_pid: keys.small("child_pid"),
            pipes: keys.list("pipes", PipeState::of),
        }
    }
}

/// A lock that a lane holds.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldLock<'a> {
    pub obj: &'a str,
    /// Who holds it, where that is not the lane that says so.
    pub lane: Option<&'a str>,
    pub site: Option<Site>,
    /// `mono`, ns.
    pub since: Option<u64>,
}

impl<'a> Reading<'a> for HeldLock<'a> {
    fn of(keys: Keys<'a>) -> Self {
        HeldLock {
            obj: keys.text("obj").unwrap_or_default(),
            lane: keys.text("lane"),
            site: keys.site("site"),
            since: keys.number("since"),
        }
    }
}

/// A permit of a semaphore that has not been given back.
#[derive(Debug, Clone, PartialEq)]
pub struct Permit<'a> {
    pub lane: Option<&'a str>,
    pub site: Option<Site>,
}

impl<'a> Reading<'a> for Permit<'a> {
    fn of(keys: Keys<'a>) -> Self {
        Permit { lane: keys.text("lane"), site: keys.site("site") }
    }
}

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

impl<'a> Reading<'a> for LastWake<'a> {
    fn of(keys: Keys<'a>) -> Self {
        LastWake {
            what: keys.text("what"),
            lane: keys.text("lane"),
            site: keys.site("site"),
            waiters: keys.number("waiters"),
            at: keys.number("at"),
        }
    }
}

/// A pool of workers: how many there may be, which of them work, how much waits.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolState<'a> {
    pub obj: Option<&'a str>,
    pub size: Option<u64>,
    pub busy: Vec<&'a str>,
    pub queued: Option<u64>,
}

impl<'a> Reading<'a> for PoolState<'a> {
    fn of(keys: Keys<'a>) -> Self {
        PoolState {
            obj: keys.text("obj"),
            size: keys.number("size"),
            busy: keys.texts("busy"),
            queued: keys.number("queued"),
        }
    }
}

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

impl<'a> Reading<'a> for GotEvent<'a> {
    fn of(keys: Keys<'a>) -> Self {
        GotEvent {
            obj: keys.text("obj"),
            waited: keys.number("waited"),
            res: keys.text("res"),
            passed: keys.counts("passed"),
        }
    }
}

/// `nest`: a lock was taken while others were held.
#[derive(Debug, Clone, PartialEq)]
pub struct NestEvent<'a> {
    pub obj: Option<&'a str>,
    pub site: Option<Site>,
    pub held: Vec<HeldLock<'a>>,
}

impl<'a> Reading<'a> for NestEvent<'a> {
    fn of(keys: Keys<'a>) -> Self {
        NestEvent { obj: keys.text("obj"), site: keys.site("site"), held: keys.list("held", HeldLock::of) }
    }
}

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

impl<'a> Reading<'a> for BeginEvent<'a> {
    fn of(keys: Keys<'a>) -> Self {
        BeginEvent {
            obj: keys.text("obj"),
            queued: keys.number("queued"),
            busy: keys.texts("busy"),
            unsaid: keys.number("unsaid"),
        }
    }
}
