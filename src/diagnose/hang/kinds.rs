//! The kinds of hang, each with what it means.

use super::describe;
use crate::diagnose::{Diagnosis, Evidence, Finding};

/// A kind of hang. What is one, and of which kind, is found for all of them together.
pub struct HangKind {
    pub kind: &'static str,
    explain: &'static str,
}

impl Diagnosis for HangKind {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let own = evidence.hangs().iter().filter(|hang| hang.kind == self.kind);
        own.map(|hang| describe::finding(evidence, hang)).collect()
    }

    fn explain(&self) -> &'static str {
        self.explain
    }
}

pub const DEADLOCK: HangKind = HangKind {
    kind: "deadlock",
    explain: "deadlock: threads, tasks or processes wait for each other in a circle, so none of them can ever go on.\n\
              Seen by: each one's last wait, who had what it waited for, and what it held itself. Locks, joins, futures, \
              queues, pipes and child processes count. Certain when each wait and each owner is on record.\n\
              Helps: take locks in one order everywhere; hold none while waiting for a thread, a queue or a future; use an \
              RLock where one thread takes a lock twice; read a child's output before waiting for its end.",
};

pub const ORPHANED_LOCK: HangKind = HangKind {
    kind: "orphaned-lock",
    explain: "orphaned-lock: somebody waits for a lock whose owner is gone, or stayed behind in the parent at a fork.\n\
              Seen by: the owner that the wait names has ended without giving it back, or the first line of a forked \
              process lists the lock as held by another thread then.\n\
              Helps: take locks by `with`; fork before threads start, or use spawn; never kill a worker that may hold a \
              lock.",
};

pub const LOST_WAKEUP: HangKind = HangKind {
    kind: "lost-wakeup",
    explain: "lost-wakeup: a condition was notified when nobody waited, and then somebody began to wait for it.\n\
              Seen by: the last notify before the wait woke nobody, and nobody is left who could notify again.\n\
              Helps: wait in a loop that asks the state itself (`while not ready: cond.wait()`), or use wait_for or an Event.",
};

pub const STUCK_WAIT: HangKind = HangKind {
    kind: "stuck-wait",
    explain: "stuck-wait: somebody waits, and nobody is left who could end it.\n\
              Seen by: every thread, task and process that could put, get, mark as done, set, notify, release, resolve or \
              arrive has ended, or is stuck itself. Whoever may go on by himself (sleepers, timeouts, sockets, signal \
              handlers) counts as help, so such a hang is not reported.\n\
              Helps: call task_done in finally; end consumers by a sentinel each; let a worker that dies say so; wait with \
              a timeout.",
};

pub const POOL_EXHAUSTED: HangKind = HangKind {
    kind: "pool-exhausted",
    explain: "pool-exhausted: every worker of a pool waits for work that is queued behind it in the same pool.\n\
              Seen by: the future that is waited for is pending in the pool, and all the pool's workers are among those \
              who wait.\n\
              Helps: give inner work to another pool, do it in place, or let the outer work return before it is needed.",
};
