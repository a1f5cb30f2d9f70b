//! How a run stood at one moment: who was blocked on what, who could have ended each wait, and who was stuck for good.
//!
//! A lane is stuck when nobody who is not stuck himself could wake it: everything that may go on by itself is marked free, then
//! whoever one of those can wake, until nothing changes. What could go on in a way that the records do not tell (a sleeper, a
//! wait with a timeout, a thread in a system call) is free, so that silence is never taken for a standstill. No findings here.

mod free;
mod needs;
mod stuck;

use std::collections::{HashMap, HashSet};

use super::graph::{CausalGraph, LaneIndex, ProcessIndex};
use super::snaps::Snap;
use crate::record::readings::{SnapEvent, SnapLane, SnapLoop, WaitEvent};
use crate::record::{LaneKind, RecordId};

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
    seen: Seen,
    company: Company,
}

/// Where lanes stand in the lists of their process's snapshot.
#[derive(Default)]
struct Seen {
    threads: HashMap<LaneIndex, usize>,
    tasks: HashMap<LaneIndex, usize>,
}

/// Parties by what they have in common, so that nobody has to look for them again and again.
#[derive(Default)]
struct Company {
    /// The threads that each process waits for before it ends.
    threads: HashMap<ProcessIndex, Vec<LaneIndex>>,
    /// Who waits for a lock that the lane holds, or for something else of its own.
    kept_out: HashMap<LaneIndex, Vec<LaneIndex>>,
    /// Who waits at a channel, by the channel's full name.
    at_channel: HashMap<String, Vec<LaneIndex>>,
    /// How many of each process are not stuck.
    going: HashMap<ProcessIndex, usize>,
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
            seen: Seen::default(),
            company: Company::default(),
        };
        standing.learn_processes();
        standing.learn_lanes();
        standing.learn_company();
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

    /// Whether anybody but the lane goes on in its process.
    pub fn others_go_on(&self, lane: LaneIndex) -> bool {
        let going = self.company.going.get(&self.graph.lane(lane).process).copied().unwrap_or(0);
        going > usize::from(self.party(lane).is_some_and(|party| !party.stuck))
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
                self.note_seen(process, &told);
                self.snaps.insert(process, (snap, told));
            }
        }
    }

    fn note_seen(&mut self, process: ProcessIndex, told: &SnapEvent) {
        let threads = told.lanes.iter().zip(0..);
        for (lane, place) in
            threads.filter_map(|(seen, place)| Some((self.graph.mentioned(process, seen.lane)?, place)))
        {
            self.seen.threads.entry(lane).or_insert(place);
        }
        let tasks = told.tasks.iter().zip(0..);
        for (lane, place) in tasks.filter_map(|(seen, place)| Some((self.graph.mentioned(process, seen.lane)?, place)))
        {
            self.seen.tasks.entry(lane).or_insert(place);
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
            if counts
                && program
                && begun
                && !over
                && !self.ended.contains(&facts.process)
                && let Some(state) = self.state_of(lane)
            {
                self.place.insert(lane, self.parties.len());
                self.parties.push(Party { lane, state, stuck: false, stuck_as_known: false });
            }
        }
        let blocked_tasks: Vec<LaneIndex> =
            self.parties.iter().filter(|party| holds_thread(party)).map(|party| party.lane).collect();
        let by_tid = self.threads_by_tid();
        for task in blocked_tasks {
            self.stop_thread_of(task, &by_tid);
        }
        self.stop_tasks();
    }

    /// Places of the threads, by process and the system's number.
    fn threads_by_tid(&self) -> HashMap<(ProcessIndex, u64), usize> {
        let mut by_tid = HashMap::new();
        for (place, party) in self.parties.iter().enumerate() {
            let facts = self.graph.lane(party.lane);
            if let (LaneKind::Thread, Some(tid)) = (facts.lane.kind, facts.tid) {
                by_tid.entry((facts.process, tid)).or_insert(place);
            }
        }
        by_tid
    }

    fn learn_company(&mut self) {
        let mut company = Company::default();
        for party in &self.parties {
            let facts = self.graph.lane(party.lane);
            if facts.lane.kind == LaneKind::Thread && !facts.daemon {
                company.threads.entry(facts.process).or_default().push(party.lane);
            }
            let State::Blocked(blocked) = &party.state else { continue };
            if let Need::Lane(holder) = blocked.need
                && holder != party.lane
            {
                company.kept_out.entry(holder).or_default().push(party.lane);
            }
            if let (Some("channel"), Some(obj)) = (blocked.wait.on, blocked.wait.obj) {
                company.at_channel.entry(self.graph.full_name(facts.process, obj)).or_default().push(party.lane);
            }
        }
        self.company = company;
    }

    /// Tasks that could run, in a thread that stands still.
    fn stop_tasks(&mut self) {
        let mut stopped: HashMap<(ProcessIndex, Option<u64>), LaneIndex> = HashMap::new();
        for party in self.parties.iter().filter(|party| matches!(party.state, State::Behind(_))) {
            let facts = self.graph.lane(party.lane);
            stopped.entry((facts.process, facts.tid)).or_insert(party.lane);
        }
        for party in &mut self.parties {
            let facts = self.graph.lane(party.lane);
            let thread = stopped.get(&(facts.process, facts.tid));
            if let (Some(thread), LaneKind::Task, State::Free) = (thread, facts.lane.kind, &party.state) {
                party.state = State::Behind(*thread);
            }
        }
    }

    /// What the lane was doing; `None` for a task of which nothing tells that it was still there.
    fn state_of(&self, lane: LaneIndex) -> Option<State<'g>> {
        let facts = self.graph.lane(lane);
        let snap = self.snaps.get(&facts.process);
        if let Some(kept) = facts.waits.at(self.moment)
            && let Some(wait) = kept.told()
        {
            if wait.on == Some("join") && self.is_exiting(lane) {
                return Some(State::Exiting);
            }
            let evidence = self.graph.id_of(lane, kept.seq);
            let holds_thread = facts.lane.kind == LaneKind::Task;
            return Some(self.blocked(lane, wait, evidence, kept.mono, holds_thread));
        }
        if facts.lane.kind == LaneKind::Task {
            let (snap, told) = snap?;
            let task = told.tasks.get(*self.seen.tasks.get(&lane)?)?;
            let Some(awaits) = task.awaits.clone().filter(|_| !task.ready) else { return Some(State::Free) };
            return Some(self.blocked(lane, awaits, snap.id.clone(), snap.mono, false));
        }
        let Some((snap, told)) = snap else { return Some(State::Free) };
        // What it did after the snapshot counts more.
        let quiet = self.graph.lane(lane).nodes.iter().rev().find(|node| node.mono <= self.moment);
        if quiet.is_some_and(|last| last.mono > snap.mono) {
            return Some(State::Free);
        }
        let seen = self.seen.threads.get(&lane).and_then(|place| told.lanes.get(*place));
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
        if self.is_exiting(lane) {
            return State::Exiting;
        }
        seen.and_then(|seen| self.at_pipe(lane, seen)).unwrap_or(State::Free)
    }

    /// Whether the lane was seen to wait for the other threads at the end of the program; it never leaves that again.
    fn is_exiting(&self, lane: LaneIndex) -> bool {
        let told = self.snaps.get(&self.graph.lane(lane).process).map(|(_, told)| told);
        let seen = told.zip(self.seen.threads.get(&lane)).and_then(|(told, place)| told.lanes.get(*place));
        seen.is_some_and(|seen| seen.exiting == Some("threads"))
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
    fn stop_thread_of(&mut self, task: LaneIndex, by_tid: &HashMap<(ProcessIndex, u64), usize>) {
        let facts = self.graph.lane(task);
        let by_loop = self.loops.iter().find(|(_, event_loop)| {
            event_loop.running.is_some_and(|running| self.graph.mentioned(facts.process, running) == Some(task))
        });
        let place = match by_loop {
            Some((thread, _)) => self.place.get(thread),
            None => facts.tid.and_then(|tid| by_tid.get(&(facts.process, tid))),
        };
        if let Some(party) = place.and_then(|place| self.parties.get_mut(*place))
            && matches!(party.state, State::Free | State::IdleLoop)
        {
            party.state = State::Behind(task);
        }
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
