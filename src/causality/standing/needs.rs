//! Who can end each wait: the owner, whoever the object has seen before, or anyone.

use std::collections::HashSet;

use super::{Need, Standing, Within};
use crate::causality::graph::{LaneIndex, ProcessIndex};
use crate::causality::jobs::JobInHand;
use crate::causality::shared::SharedHold;
use crate::record::Site;
use crate::record::readings::{PipeState, WaitEvent};

impl<'g> Standing<'g> {
    /// Who can end the wait.
    pub(super) fn need_of(&self, lane: LaneIndex, wait: &WaitEvent<'g>) -> Need {
        let process = self.graph.lane(lane).process;
        let owner = wait.owner.and_then(|owner| self.graph.mentioned(process, owner));
        match wait.on.unwrap_or_default() {
            "lock" | "rlock" => self.need_of_lock(process, wait, owner),
            "join" | "task" if owner.is_none() && !wait.owners.is_empty() => {
                Need::Tasks(wait.owners.iter().filter_map(|owner| self.graph.mentioned(process, owner)).collect())
            }
            "join" | "task" => owner.map_or(Need::Outside, Need::EndOf),
            "pipe" => self.need_of_pipe(process, wait),
            // Whoever has the other end of a channel of this process.
            "channel" if matches!(wait.state, Some("read" | "write" | "choice")) => {
                let named = wait.owners.iter().filter_map(|owner| self.graph.mentioned(process, owner));
                Need::AnyOf(named.filter(|other| *other != lane).collect())
            }
            "channel" | "sem" if self.is_shared(process, wait) => Need::Anyone { within: Within::Family },
            "import" => owner.map_or(Need::Outside, Need::Lane),
            "process" => self.need_of_child(process, wait, owner),
            "future" => self.need_of_future(process, wait),
            "barrier" => match (wait.need, wait.have) {
                (Some(need), Some(have)) if need > have => {
                    Need::Several { lanes: need - have, within: self.reach_of(process, wait) }
                }
                _ => Need::Anyone { within: self.reach_of(process, wait) },
            },
            "queue-get" | "queue-put" | "queue-join" | "cond" | "event" | "sem" | "deferred" => {
                Need::Anyone { within: self.reach_of(process, wait) }
            }
            _ => Need::Outside,
        }
    }

    pub(super) fn need_of_lock(&self, process: ProcessIndex, wait: &WaitEvent<'g>, owner: Option<LaneIndex>) -> Need {
        if self.left_at_fork(process, wait).is_some() {
            return Need::Never;
        }
        let holder = || self.shared_holders(process, wait).first().map(|hold| hold.lane);
        let Some(owner) = owner.or_else(holder) else { return Need::Outside };
        let facts = self.graph.lane(owner);
        let shared = self.is_shared(process, wait);
        let gone = facts.end.is_some() && self.party(owner).is_none() && self.is_over(owner);
        let ended = self.ended.contains(&facts.process);
        if gone || ended || (facts.process != process && !shared) { Need::Never } else { Need::Lane(owner) }
    }

    /// Who has the lock or the permits, where processes share it.
    pub fn shared_holders(&self, process: ProcessIndex, wait: &WaitEvent<'g>) -> Vec<&'g SharedHold> {
        if !self.is_shared(process, wait) {
            return Vec::new();
        }
        let own = wait.obj.map(|obj| self.graph.full_name(process, obj));
        own.map_or_else(Vec::new, |obj| self.graph.shared_holds.at(&obj, self.moment_of(process)))
    }

    /// The lock that another lane of the parent held when this process was forked: that lane, and where it had taken it.
    pub fn left_at_fork(
        &self,
        process: ProcessIndex,
        wait: &WaitEvent<'g>,
    ) -> Option<&'g (String, Option<String>, Option<Site>)> {
        let obj = wait.obj?;
        self.graph.processes[process.0].held_at_fork.iter().find(|(held, ..)| held == obj)
    }

    pub(super) fn is_over(&self, lane: LaneIndex) -> bool {
        let end = self.graph.lane(lane).end.as_ref().and_then(|end| self.graph.find(lane, end.seq));
        end.is_some_and(|at| self.graph.node(at).mono <= self.moment_of(self.graph.lane(lane).process))
    }

    pub(super) fn need_of_child(&self, process: ProcessIndex, wait: &WaitEvent<'g>, owner: Option<LaneIndex>) -> Need {
        let Some(pid) = wait.child_pid else { return Need::Outside };
        if self.child_on_pipe(process, pid).is_some() {
            return Need::PipeChild;
        }
        let by_owner = owner.map(|owner| self.graph.lane(owner).process);
        let began_later = |index: &usize| self.graph.processes[*index].pid == pid;
        let found = by_owner.or_else(|| (0..self.graph.processes.len()).rev().find(began_later).map(ProcessIndex));
        match found {
            Some(child) if !self.ended.contains(&child) => Need::Process(child),
            _ => Need::Outside,
        }
    }

    /// The pipe of a child on which it, or one that it started, is blocked until this process reads or writes.
    pub fn child_on_pipe(&self, process: ProcessIndex, pid: u32) -> Option<(PipeState<'g>, &'static str)> {
        let (_, told) = self.snaps.get(&process)?;
        let mut family = HashSet::from([pid]);
        for child in &told.children {
            if child.parent_pid.is_some_and(|parent| family.contains(&parent)) {
                family.extend(child.child_pid);
            }
        }
        let blocked_in = |calls: &[&str]| {
            let members = told.children.iter().filter(|child| child.child_pid.is_some_and(|own| family.contains(&own)));
            let mut inside = members.filter_map(|child| child.call.as_ref());
            inside.any(|call| call.name.is_some_and(|name| calls.contains(&name)) && call.on != Some("socket"))
        };
        let pipes = told.pipes.iter().filter(|pipe| pipe.child_pid == Some(pid));
        if blocked_in(&["write", "writev"]) {
            // A write of up to a page waits until there is room for all of it.
            let full = |pipe: &&PipeState| {
                let (queued, capacity) = (pipe.queued.unwrap_or(0), pipe.capacity.unwrap_or(u64::MAX));
                pipe.name != Some("stdin") && queued > 0 && queued.saturating_add(8192) >= capacity
            };
            return pipes.clone().find(full).map(|pipe| (pipe.clone(), "write"));
        }
        if blocked_in(&["read", "readv"]) {
            let empty = |pipe: &&PipeState| pipe.name == Some("stdin") && pipe.queued.unwrap_or(0) == 0;
            return pipes.clone().find(empty).map(|pipe| (pipe.clone(), "read"));
        }
        None
    }

    /// Whoever has the other end, and that may be any process of the run; of a pipe to a child, the child.
    pub(super) fn need_of_pipe(&self, process: ProcessIndex, wait: &WaitEvent<'g>) -> Need {
        if let Some(pid) = wait.child_pid {
            return if self.child_on_pipe(process, pid).is_some() { Need::PipeChild } else { Need::Outside };
        }
        let unrecorded = self.snaps.values().flat_map(|(_, told)| &told.children).any(|child| {
            child.child_proc.is_none_or(|proc| self.graph.process_with_key(proc).is_none()) && child.state != Some("Z")
        });
        if unrecorded { Need::Outside } else { Need::Anyone { within: Within::Run } }
    }

    pub(super) fn need_of_future(&self, process: ProcessIndex, wait: &WaitEvent<'g>) -> Need {
        let named = |lane: &&str| self.graph.mentioned(process, lane);
        if let Some(runner) = wait.runner.and_then(|runner| self.graph.mentioned(process, runner))
            && (self.party(runner).is_some() || !self.is_over(runner))
        {
            return Need::Lane(runner);
        }
        if self.lost_job(process, wait).is_some() {
            return Need::Never;
        }
        let pending = wait.state.is_some_and(|state| state.eq_ignore_ascii_case("pending"));
        match &wait.pool {
            Some(pool) if pending => {
                let busy: Vec<LaneIndex> = pool.busy.iter().filter_map(named).collect();
                let all_busy = pool.size.is_some_and(|size| busy.len() as u64 >= size);
                if all_busy && busy.len() == pool.busy.len() { Need::AnyOf(busy) } else { Need::Outside }
            }
            // What another process or the system resolves is not on record.
            Some(_) => Need::Outside,
            None => Need::Anyone { within: Within::Process },
        }
    }

    /// The job of a pool of processes that is waited for, where the worker that had it in hand has ended.
    pub fn lost_job(&self, process: ProcessIndex, wait: &WaitEvent<'g>) -> Option<&'g JobInHand> {
        let ended = |taken: &&JobInHand| self.has_ended(self.graph.lane(taken.worker).process);
        self.graph.jobs.in_hand(process, wait.job?).filter(ended).min_by_key(|taken| taken.mono)
    }

    /// Whether the object belongs to several processes.
    pub(super) fn is_shared(&self, process: ProcessIndex, wait: &WaitEvent<'g>) -> bool {
        let Some(obj) = wait.obj else { return false };
        let kind = self.graph.object(process, obj).and_then(|facts| facts.kind.as_deref());
        obj.contains('/') || kind.is_some_and(|kind| kind.starts_with("multiprocessing"))
    }

    fn reach_of(&self, process: ProcessIndex, wait: &WaitEvent<'g>) -> Within {
        if self.is_shared(process, wait) { Within::Family } else { Within::Process }
    }

    /// Those who did until then what the wait is for, as far as the object counts them.
    pub(super) fn known_providers(&self, lane: LaneIndex, wait: &WaitEvent<'g>) -> Vec<LaneIndex> {
        let counts = match wait.on.unwrap_or_default() {
            "queue-get" => &wait.putters,
            "queue-put" => &wait.getters,
            "queue-join" if wait.getters.is_empty() => &wait.doners,
            "queue-join" => &wait.getters,
            _ => return self.permit_holders(lane, wait),
        };
        let process = self.graph.lane(lane).process;
        counts.iter().filter_map(|(lane, _)| self.graph.mentioned(process, lane)).collect()
    }

    pub(super) fn permit_holders(&self, lane: LaneIndex, wait: &WaitEvent<'g>) -> Vec<LaneIndex> {
        let process = self.graph.lane(lane).process;
        let holders = wait.permits.iter().filter_map(|permit| self.graph.mentioned(process, permit.lane?));
        let mut found: Vec<LaneIndex> = holders.collect();
        if wait.on == Some("sem") {
            found.extend(self.shared_holders(process, wait).iter().map(|hold| hold.lane));
        }
        found.sort();
        found.dedup();
        found
    }
}
