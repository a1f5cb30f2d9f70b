//! How a run stood at one moment: who was blocked on what, who could have ended each wait, and who was stuck for good.
//!
//! A lane is stuck when nobody who is not stuck himself could wake it: everything that may go on by itself is marked free, then
//! whoever one of those can wake, until nothing changes. What could go on in a way that the records do not tell (a sleeper, a
//! wait with a timeout, a thread in a system call) is free, so that silence is never taken for a standstill. No findings here.

use std::collections::{HashMap, HashSet};

use super::graph::{CausalGraph, LaneIndex, ProcessIndex};
use super::shared::SharedHold;
use super::snaps::Snap;
use crate::record::readings::{SnapEvent, SnapLane, SnapLoop, WaitEvent};
use crate::record::{Lane, LaneKind, RecordId};

/// How long before the end of a run another process's death counts as part of its life, not of its end (ns).
const LATELY: u64 = 500_000_000;

/// A lane of the program that was not over.
#[derive(Debug)]
pub struct Party<'g> {
    pub lane: LaneIndex,
    pub state: State<'g>,
    /// Nobody can wake it, whoever may do what is waited for.
    pub stuck: bool,
    /// Nobody can wake it of those who did until then what is waited for.
    pub stuck_as_known: bool,
}

#[derive(Debug)]
pub enum State<'g> {
    /// It may go on by itself, or nothing tells that it cannot.
    Free,
    Blocked(Box<Blocked<'g>>),
    /// A thread whose event loop has nothing to do: it goes on when somebody gives it something.
    IdleLoop,
    /// A thread, or a task in its turn, that can only go on when that lane does.
    Behind(LaneIndex),
    /// The main thread at the end of the program: it waits for every other thread.
    Exiting,
}

/// A wait that was not over.
#[derive(Debug)]
pub struct Blocked<'g> {
    pub wait: WaitEvent<'g>,
    /// The record that tells of it.
    pub evidence: RecordId,
    /// When that was written, monotonic ns.
    pub mono: u64,
    pub need: Need,
    /// Those who did until then what is waited for; empty where nothing is known.
    pub known: Vec<LaneIndex>,
    /// A task that is blocked in a call, not in an await: its thread stands still with it.
    pub holds_thread: bool,
}

/// Who can end a wait.
#[derive(Debug, Clone, PartialEq)]
pub enum Need {
    /// What is not on record may end it.
    Outside,
    /// That lane alone.
    Lane(LaneIndex),
    /// The end of that lane.
    EndOf(LaneIndex),
    /// Whoever has it is gone.
    Never,
    /// The end of that process.
    Process(ProcessIndex),
    /// The end of a child that is itself blocked on a pipe which this process is to read or write.
    PipeChild,
    /// Some of those tasks.
    Tasks(Vec<LaneIndex>),
    /// Any of those lanes.
    AnyOf(Vec<LaneIndex>),
    /// Any lane of the process, or of the whole run, but the waiting one.
    Anyone { whole_run: bool },
    /// So many lanes of the process.
    Several(u64),
}

pub struct Standing<'g> {
    pub graph: &'g CausalGraph,
    /// Monotonic ns.
    pub moment: u64,
    pub parties: Vec<Party<'g>>,
    place: HashMap<LaneIndex, usize>,
    ended: HashSet<ProcessIndex>,
    snaps: HashMap<ProcessIndex, (&'g Snap, SnapEvent<'g>)>,
    loops: HashMap<LaneIndex, SnapLoop<'g>>,
}

impl<'g> Standing<'g> {
    /// The run at its end: before `logq run` began to end its processes, or somebody pressed Ctrl-C.
    pub fn at_end(graph: &'g CausalGraph) -> Standing<'g> {
        let moment = graph.first_kill.or_else(|| interrupted(graph)).unwrap_or(u64::MAX);
        Standing::at(graph, moment)
    }

    pub fn at(graph: &'g CausalGraph, moment: u64) -> Standing<'g> {
        let mut standing = Standing {
            graph,
            moment,
            parties: Vec::new(),
            place: HashMap::new(),
            ended: HashSet::new(),
            snaps: HashMap::new(),
            loops: HashMap::new(),
        };
        standing.learn_processes();
        standing.learn_lanes();
        standing.settle();
        standing
    }

    pub fn party(&self, lane: LaneIndex) -> Option<&Party<'g>> {
        self.place.get(&lane).map(|place| &self.parties[*place])
    }

    /// The newest snapshot of the process.
    pub fn snap(&self, process: ProcessIndex) -> Option<(&'g Snap, &SnapEvent<'g>)> {
        self.snaps.get(&process).map(|(snap, told)| (*snap, told))
    }

    pub fn has_ended(&self, process: ProcessIndex) -> bool {
        self.ended.contains(&process)
    }

    pub fn lane_is_over(&self, lane: LaneIndex) -> bool {
        self.party(lane).is_none()
    }

    /// The event loop that runs in the thread.
    pub fn event_loop(&self, thread: LaneIndex) -> Option<&SnapLoop<'g>> {
        self.loops.get(&thread)
    }

    fn learn_processes(&mut self) {
        let graph = self.graph;
        let last = |process: usize| {
            let lanes = graph.processes[process].lanes.iter().filter(|lane| !graph.lane(**lane).is_logq());
            lanes.filter_map(|lane| graph.lane(*lane).last()).map(|node| node.mono).max().unwrap_or(0)
        };
        let program = (0..graph.processes.len()).filter(|index| !graph.processes[*index].is_logq());
        let newest = program.clone().map(last).max().unwrap_or(0);
        for index in program {
            let (facts, process) = (&graph.processes[index], ProcessIndex(index));
            let end = &facts.end;
            let said = end.said_mono.is_some_and(|said| said <= self.moment);
            let seen = end.seen_mono.filter(|seen| *seen <= self.moment);
            // One that was killed may have hung; unless the others went on without it.
            let outlived = end.seen_by_parent || seen.is_some_and(|seen| newest > seen.saturating_add(LATELY));
            if said || (seen.is_some() && (end.signal.is_none() || outlived)) {
                self.ended.insert(process);
                continue;
            }
            if let Some((snap, told)) = facts.snaps.at(self.moment).and_then(|snap| Some((snap, snap.told()?))) {
                for event_loop in &told.loops {
                    let lane = event_loop.lane.and_then(|lane| graph.mentioned(process, lane));
                    if let Some(lane) = lane {
                        self.loops.insert(lane, event_loop.clone());
                    }
                }
                self.snaps.insert(process, (snap, told));
            }
        }
    }

    fn learn_lanes(&mut self) {
        for lane in self.graph.lane_indexes() {
            let facts = self.graph.lane(lane);
            let counts = !matches!(facts.lane.kind, LaneKind::Watchdog | LaneKind::Unreadable | LaneKind::File);
            let over = facts.end.as_ref().and_then(|end| self.graph.find(lane, end.seq));
            let over = over.is_some_and(|at| self.graph.node(at).mono <= self.moment);
            let begun = facts.first().is_some_and(|first| first.mono <= self.moment);
            let program = !self.graph.processes[facts.process.0].is_logq();
            if counts && program && begun && !over && !self.ended.contains(&facts.process) {
                if let Some(state) = self.state_of(lane) {
                    self.place.insert(lane, self.parties.len());
                    self.parties.push(Party { lane, state, stuck: false, stuck_as_known: false });
                }
            }
        }
        let blocked_tasks: Vec<LaneIndex> =
            self.parties.iter().filter(|party| holds_thread(party)).map(|party| party.lane).collect();
        for task in blocked_tasks {
            self.stop_thread_of(task);
        }
        self.stop_tasks();
    }

    /// Tasks that could run, in a thread that stands still.
    fn stop_tasks(&mut self) {
        let stopped: Vec<(ProcessIndex, Option<u64>, LaneIndex)> = self
            .parties
            .iter()
            .filter_map(|party| {
                let facts = self.graph.lane(party.lane);
                matches!(party.state, State::Behind(_)).then_some((facts.process, facts.tid, party.lane))
            })
            .collect();
        for party in &mut self.parties {
            let facts = self.graph.lane(party.lane);
            let thread = stopped.iter().find(|(process, tid, _)| (*process, *tid) == (facts.process, facts.tid));
            if let (Some((.., thread)), LaneKind::Task, State::Free) = (thread, facts.lane.kind, &party.state) {
                party.state = State::Behind(*thread);
            }
        }
    }

    /// What the lane was doing; `None` for a task of which nothing tells that it was still there.
    fn state_of(&self, lane: LaneIndex) -> Option<State<'g>> {
        let facts = self.graph.lane(lane);
        let snap = self.snaps.get(&facts.process);
        if let Some(kept) = facts.waits.at(self.moment) {
            if let Some(wait) = kept.told() {
                let evidence = self.graph.id_of(lane, kept.seq);
                let holds_thread = facts.lane.kind == LaneKind::Task;
                return Some(self.blocked(lane, wait, evidence, kept.mono, holds_thread));
            }
        }
        if facts.lane.kind == LaneKind::Task {
            let (snap, told) = snap?;
            let key = facts.lane.to_string();
            let task = told.tasks.iter().find(|task| task.lane == key)?;
            let Some(awaits) = task.awaits.clone().filter(|_| !task.ready) else { return Some(State::Free) };
            return Some(self.blocked(lane, awaits, snap.id.clone(), snap.mono, false));
        }
        let Some((snap, told)) = snap else { return Some(State::Free) };
        // What it did after the snapshot counts more.
        let quiet = self.graph.lane(lane).nodes.iter().rev().find(|node| node.mono <= self.moment);
        if quiet.is_some_and(|last| last.mono > snap.mono) {
            return Some(State::Free);
        }
        let key = facts.lane.to_string();
        let seen = told.lanes.iter().find(|seen| seen.lane == key);
        Some(self.state_in_snap(lane, seen))
    }

    fn state_in_snap(&self, lane: LaneIndex, seen: Option<&SnapLane<'g>>) -> State<'g> {
        if seen.is_some_and(|seen| seen.debugger) {
            return State::Free;
        }
        if let Some(event_loop) = self.loops.get(&lane) {
            let idle = event_loop.running.is_none()
                && [event_loop.ready, event_loop.timers, event_loop.fds].iter().all(|n| *n == Some(0));
            return if idle { State::IdleLoop } else { State::Free };
        }
        if seen.is_some_and(|seen| seen.exiting == Some("threads")) {
            return State::Exiting;
        }
        seen.and_then(|seen| self.at_pipe(lane, seen)).unwrap_or(State::Free)
    }

    /// A thread blocked in reading or writing a pipe to another process.
    fn at_pipe(&self, lane: LaneIndex, seen: &SnapLane<'g>) -> Option<State<'g>> {
        let call = seen.call.as_ref().filter(|call| call.on == Some("pipe") && call.fd.is_some_and(|fd| fd > 2))?;
        let state = match call.name? {
            "write" | "writev" => "full",
            "read" | "readv" => "empty",
            _ => return None,
        };
        let (snap, told) = self.snaps.get(&self.graph.lane(lane).process)?;
        let own = told.pipes.iter().find(|pipe| pipe.fd == call.fd);
        let wait = WaitEvent {
            on: Some("pipe"),
            state: Some(state),
            site: seen.stack.first().cloned(),
            stack: seen.stack.clone(),
            child_pid: own.and_then(|pipe| pipe.child_pid),
            ..WaitEvent::default()
        };
        Some(self.blocked(lane, wait, snap.id.clone(), snap.mono, false))
    }

    fn blocked(
        &self,
        lane: LaneIndex,
        wait: WaitEvent<'g>,
        evidence: RecordId,
        mono: u64,
        holds_thread: bool,
    ) -> State<'g> {
        if wait.timeout.is_some() {
            return State::Free;
        }
        let need = self.need_of(lane, &wait);
        let known = self.known_providers(lane, &wait);
        State::Blocked(Box::new(Blocked { wait, evidence, mono, need, known, holds_thread }))
    }

    /// A task blocked in a call keeps its thread, and with it the loop, from turning.
    fn stop_thread_of(&mut self, task: LaneIndex) {
        let facts = self.graph.lane(task);
        let same = |party: &&mut Party| {
            let other = self.graph.lane(party.lane);
            other.process == facts.process && other.lane.kind == LaneKind::Thread && other.tid == facts.tid
        };
        let by_loop = self.loops.iter().find(|(_, event_loop)| {
            event_loop.running.is_some_and(|running| self.graph.mentioned(facts.process, running) == Some(task))
        });
        let thread = by_loop.map(|(thread, _)| *thread);
        let found = match thread {
            Some(thread) => self.parties.iter_mut().find(|party| party.lane == thread),
            None if facts.tid.is_some() => self.parties.iter_mut().find(same),
            None => None,
        };
        if let Some(party) = found {
            if matches!(party.state, State::Free | State::IdleLoop) {
                party.state = State::Behind(task);
            }
        }
    }

    /// Who can end the wait.
    fn need_of(&self, lane: LaneIndex, wait: &WaitEvent<'g>) -> Need {
        let process = self.graph.lane(lane).process;
        let owner = wait.owner.and_then(|owner| self.graph.mentioned(process, owner));
        match wait.on.unwrap_or_default() {
            "lock" | "rlock" => self.need_of_lock(process, wait, owner),
            "join" | "task" if owner.is_none() && !wait.owners.is_empty() => {
                Need::Tasks(wait.owners.iter().filter_map(|owner| self.graph.mentioned(process, owner)).collect())
            }
            "join" | "task" => owner.map_or(Need::Outside, Need::EndOf),
            "pipe" => self.need_of_pipe(process, wait),
            "channel" if self.is_shared(process, wait) => Need::Anyone { whole_run: true },
            "sem" if self.is_shared(process, wait) => Need::Anyone { whole_run: true },
            "process" => self.need_of_child(process, wait, owner),
            "future" => self.need_of_future(process, wait),
            "barrier" => match (wait.need, wait.have) {
                (Some(need), Some(have)) if need > have => Need::Several(need - have),
                _ => Need::Anyone { whole_run: self.is_shared(process, wait) },
            },
            "queue-get" | "queue-put" | "queue-join" | "cond" | "event" | "sem" => {
                Need::Anyone { whole_run: self.is_shared(process, wait) }
            }
            _ => Need::Outside,
        }
    }

    fn need_of_lock(&self, process: ProcessIndex, wait: &WaitEvent<'g>, owner: Option<LaneIndex>) -> Need {
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
        wait.obj.map_or_else(Vec::new, |obj| self.graph.shared_holds.at(obj, self.moment))
    }

    /// The lock that another lane of the parent held when this process was forked: that lane, and where it had taken it.
    pub fn left_at_fork(
        &self,
        process: ProcessIndex,
        wait: &WaitEvent<'g>,
    ) -> Option<&'g (String, Option<String>, Option<crate::record::Site>)> {
        let obj = wait.obj?;
        self.graph.processes[process.0].held_at_fork.iter().find(|(held, ..)| held == obj)
    }

    fn is_over(&self, lane: LaneIndex) -> bool {
        let end = self.graph.lane(lane).end.as_ref().and_then(|end| self.graph.find(lane, end.seq));
        end.is_some_and(|at| self.graph.node(at).mono <= self.moment)
    }

    fn need_of_child(&self, process: ProcessIndex, wait: &WaitEvent<'g>, owner: Option<LaneIndex>) -> Need {
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
    pub fn child_on_pipe(
        &self,
        process: ProcessIndex,
        pid: u32,
    ) -> Option<(crate::record::readings::PipeState<'g>, &'static str)> {
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
            let full = |pipe: &&crate::record::readings::PipeState| {
                let (queued, capacity) = (pipe.queued.unwrap_or(0), pipe.capacity.unwrap_or(u64::MAX));
                pipe.name != Some("stdin") && queued > 0 && queued.saturating_add(8192) >= capacity
            };
            return pipes.clone().find(full).map(|pipe| (pipe.clone(), "write"));
        }
        if blocked_in(&["read", "readv"]) {
            let empty = |pipe: &&crate::record::readings::PipeState| {
                pipe.name == Some("stdin") && pipe.queued.unwrap_or(0) == 0
            };
            return pipes.clone().find(empty).map(|pipe| (pipe.clone(), "read"));
        }
        None
    }

    /// Whoever has the other end, and that may be any process of the run; of a pipe to a child, the child.
    fn need_of_pipe(&self, process: ProcessIndex, wait: &WaitEvent<'g>) -> Need {
        if let Some(pid) = wait.child_pid {
            return if self.child_on_pipe(process, pid).is_some() { Need::PipeChild } else { Need::Outside };
        }
        let unrecorded = self.snaps.values().flat_map(|(_, told)| &told.children).any(|child| {
            child.child_proc.is_none_or(|proc| self.graph.process_with_key(proc).is_none()) && child.state != Some("Z")
        });
        if unrecorded { Need::Outside } else { Need::Anyone { whole_run: true } }
    }

    fn need_of_future(&self, process: ProcessIndex, wait: &WaitEvent<'g>) -> Need {
        let named = |lane: &&str| self.graph.mentioned(process, lane);
        if let Some(runner) = wait.runner.and_then(|runner| self.graph.mentioned(process, runner)) {
            if self.party(runner).is_some() || !self.is_over(runner) {
                return Need::Lane(runner);
            }
        }
        let pending = wait.state.is_some_and(|state| state.eq_ignore_ascii_case("pending"));
        match &wait.pool {
            Some(pool) if pending => {
                let busy: Vec<LaneIndex> = pool.busy.iter().filter_map(|lane| named(&lane)).collect();
                let all_busy = pool.size.is_some_and(|size| busy.len() as u64 >= size);
                if all_busy && busy.len() == pool.busy.len() { Need::AnyOf(busy) } else { Need::Outside }
            }
            // What another process or the system resolves is not on record.
            Some(_) => Need::Outside,
            None => Need::Anyone { whole_run: false },
        }
    }

    /// Whether the object belongs to several processes.
    fn is_shared(&self, process: ProcessIndex, wait: &WaitEvent<'g>) -> bool {
        let Some(obj) = wait.obj else { return false };
        let kind = self.graph.object(process, obj).and_then(|facts| facts.kind.as_deref());
        obj.contains('/') || kind.is_some_and(|kind| kind.starts_with("multiprocessing"))
    }

    /// Those who did until then what the wait is for, as far as the object counts them.
    fn known_providers(&self, lane: LaneIndex, wait: &WaitEvent<'g>) -> Vec<LaneIndex> {
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

    fn permit_holders(&self, lane: LaneIndex, wait: &WaitEvent<'g>) -> Vec<LaneIndex> {
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

    /// Marks what can go on, and leaves the rest as stuck.
    fn settle(&mut self) {
        let strict = self.free(false);
        let known = self.free(true);
        for (place, party) in self.parties.iter_mut().enumerate() {
            party.stuck = !strict[place];
            party.stuck_as_known = !known[place];
        }
    }

    /// Which parties can go on; with `as_known`, those who never did what is waited for are not expected to.
    fn free(&self, as_known: bool) -> Vec<bool> {
        let mut free: Vec<bool> = self.parties.iter().map(|party| matches!(party.state, State::Free)).collect();
        loop {
            let woken: Vec<usize> = (0..free.len())
                .filter(|place| !free[*place] && self.can_go_on(&self.parties[*place], &free, as_known))
                .collect();
            if woken.is_empty() {
                return free;
            }
            for place in woken {
                free[place] = true;
            }
        }
    }

    fn can_go_on(&self, party: &Party<'g>, free: &[bool], as_known: bool) -> bool {
        let is_free = |lane: LaneIndex| self.place.get(&lane).is_none_or(|place| free[*place]);
        let process = self.graph.lane(party.lane).process;
        match &party.state {
            State::Free => true,
            State::Behind(lane) => is_free(*lane),
            State::IdleLoop => self.somebody(party.lane, false, free),
            State::Exiting => self.thread_ends(process, party.lane).iter().all(|lane| is_free(*lane)),
            State::Blocked(blocked) => {
                self.thread_turns(party, blocked, free) && self.is_woken(party.lane, blocked, free, as_known)
            }
        }
    }

    /// A task goes on only when the thread of its loop does.
    fn thread_turns(&self, party: &Party<'g>, blocked: &Blocked<'g>, free: &[bool]) -> bool {
        let facts = self.graph.lane(party.lane);
        if facts.lane.kind != LaneKind::Task || blocked.holds_thread {
            return true;
        }
        let stopped = self.parties.iter().enumerate().any(|(place, other)| {
            let other_facts = self.graph.lane(other.lane);
            other_facts.process == facts.process
                && other_facts.tid == facts.tid
                && matches!(other.state, State::Behind(_))
                && !free[place]
        });
        !stopped
    }

    fn is_woken(&self, lane: LaneIndex, blocked: &Blocked<'g>, free: &[bool], as_known: bool) -> bool {
        let is_free = |lane: &LaneIndex| self.place.get(lane).is_none_or(|place| free[*place]);
        let alive_and_free = |lane: &LaneIndex| self.place.get(lane).is_some_and(|place| free[*place]);
        match &blocked.need {
            Need::Outside => true,
            Need::Never => false,
            Need::Lane(owner) | Need::EndOf(owner) => is_free(owner),
            Need::AnyOf(lanes) => lanes.iter().any(alive_and_free),
            Need::Tasks(lanes) => lanes.iter().any(is_free),
            Need::Process(process) => {
                let main = self.graph.lane_named(*process, Lane::MAIN);
                let ends = self.thread_ends(*process, main.unwrap_or(lane));
                main.as_ref().is_none_or(is_free) && ends.iter().all(is_free)
            }
            Need::PipeChild => self.somebody(lane, false, free),
            Need::Several(n) => self.free_others(lane, false, free) >= *n,
            Need::Anyone { whole_run } => {
                let idles = |other: &LaneIndex| self.idles(*other) && self.provides(*other, blocked);
                if as_known && !blocked.known.is_empty() && !blocked.known.iter().any(idles) {
                    return blocked.known.iter().any(|other| alive_and_free(other) && self.provides(*other, blocked));
                }
                self.somebody(lane, *whole_run, free)
            }
        }
    }

    /// Whether a lane that did what is waited for would do it again: one that has come back for the next item has
    /// left what it owed undone.
    fn provides(&self, lane: LaneIndex, blocked: &Blocked<'g>) -> bool {
        let joins = blocked.wait.on == Some("queue-join");
        let again = self.party(lane).is_some_and(|party| match &party.state {
            State::Blocked(other) => other.wait.on == Some("queue-get") && other.wait.obj == blocked.wait.obj,
            _ => false,
        });
        !(joins && again && blocked.wait.qsize.unwrap_or(0) == 0)
    }

    /// Whether the lane waits for work: it may do anything once it is given some.
    fn idles(&self, lane: LaneIndex) -> bool {
        self.party(lane).is_some_and(|party| match &party.state {
            State::Blocked(blocked) => matches!(blocked.wait.on, Some("queue-get" | "event" | "cond" | "channel")),
            _ => false,
        })
    }

    /// Whether anybody but the lane could still do something for it.
    fn somebody(&self, lane: LaneIndex, whole_run: bool, free: &[bool]) -> bool {
        self.free_others(lane, whole_run, free) > 0 || self.outside_may_help(lane)
    }

    fn free_others(&self, lane: LaneIndex, whole_run: bool, free: &[bool]) -> u64 {
        let process = self.graph.lane(lane).process;
        let others = self.parties.iter().enumerate().filter(|(place, other)| {
            free[*place] && other.lane != lane && (whole_run || self.graph.lane(other.lane).process == process)
        });
        others.count() as u64
    }

    /// Signal handlers of the program and threads that are no lanes may do anything.
    fn outside_may_help(&self, lane: LaneIndex) -> bool {
        let facts = self.graph.lane(lane);
        let Some((_, told)) = self.snaps.get(&facts.process) else { return false };
        // SIGINT always has a handler in Python: it raises KeyboardInterrupt.
        let handled = told.signals.iter().any(|signal| *signal != "SIGINT");
        let waits_in_main = facts.lane == Lane::MAIN || facts.lane.kind == LaneKind::Task;
        (waits_in_main && handled) || told.foreign.iter().any(|thread| thread.name != Some("logq"))
    }

    /// The threads that a process waits for before it ends.
    fn thread_ends(&self, process: ProcessIndex, but: LaneIndex) -> Vec<LaneIndex> {
        let threads = self.parties.iter().map(|party| party.lane).filter(|lane| {
            let facts = self.graph.lane(*lane);
            facts.process == process && facts.lane.kind == LaneKind::Thread && !facts.daemon && *lane != but
        });
        threads.collect()
    }

    /// Those among the stuck that the party waits for in particular: what makes a circle.
    pub fn waits_for(&self, party: &Party<'g>) -> Vec<LaneIndex> {
        let graph = self.graph;
        let process = graph.lane(party.lane).process;
        let mut found: Vec<LaneIndex> = match &party.state {
            State::Free | State::IdleLoop => Vec::new(),
            State::Behind(lane) => vec![*lane],
            State::Exiting => self.thread_ends(process, party.lane),
            State::Blocked(blocked) => match &blocked.need {
                Need::Outside | Need::Never | Need::Several(_) | Need::PipeChild => Vec::new(),
                Need::Lane(lane) | Need::EndOf(lane) => vec![*lane],
                Need::AnyOf(lanes) | Need::Tasks(lanes) => lanes.clone(),
                Need::Process(child) => {
                    let main = graph.lane_named(*child, Lane::MAIN);
                    main.into_iter().chain(self.thread_ends(*child, main.unwrap_or(party.lane))).collect()
                }
                Need::Anyone { .. } => {
                    let known = blocked.known.iter().copied().filter(|other| self.provides(*other, blocked));
                    let peers = self.peers(party.lane, blocked);
                    known.chain(self.kept_out_by(party.lane)).chain(peers).collect()
                }
            },
        };
        found.retain(|lane| self.party(*lane).is_some_and(|other| other.stuck_as_known));
        found.sort();
        found.dedup();
        found
    }

    /// Who waits at the other end of the same channel.
    fn peers(&self, lane: LaneIndex, blocked: &Blocked<'g>) -> Vec<LaneIndex> {
        let process = self.graph.lane(lane).process;
        let Some(own) = blocked.wait.obj.filter(|_| blocked.wait.on == Some("channel")) else { return Vec::new() };
        let own = self.full_name(process, own);
        let at_same = |party: &&Party| {
            let there = self.graph.lane(party.lane).process;
            let State::Blocked(other) = &party.state else { return false };
            other.wait.on == Some("channel")
                && other.wait.obj.map(|obj| self.full_name(there, obj)).as_ref() == Some(&own)
        };
        let peers = self.parties.iter().filter(|party| party.lane != lane).filter(at_same);
        peers.map(|party| party.lane).collect()
    }

    /// An object's name with its process.
    fn full_name(&self, process: ProcessIndex, obj: &str) -> String {
        if obj.contains('/') { obj.to_owned() } else { format!("{}/{obj}", self.graph.processes[process.0].proc) }
    }

    /// Lanes that wait for a lock which this one holds.
    fn kept_out_by(&self, holder: LaneIndex) -> Vec<LaneIndex> {
        let waits = self.parties.iter().filter(|party| match &party.state {
            State::Blocked(blocked) => blocked.need == Need::Lane(holder) && party.lane != holder,
            _ => false,
        });
        waits.map(|party| party.lane).collect()
    }
}

fn holds_thread(party: &Party) -> bool {
    matches!(&party.state, State::Blocked(blocked) if blocked.holds_thread)
}

/// When the program was last seen standing still before somebody pressed Ctrl-C.
fn interrupted(graph: &CausalGraph) -> Option<u64> {
    let root = graph.processes.iter().find(|process| process.number == Some(1))?;
    let pressed = root.died.iter().find(|died| died.place == "sys" && died.kind == "KeyboardInterrupt")?;
    let at = graph.find(pressed.lane, pressed.id.seq)?;
    Some(root.snaps.at(graph.node(at).mono)?.mono)
}
