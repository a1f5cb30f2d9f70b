//! How a run stood at one moment: who was blocked on what, who could have ended each wait, and who was stuck for good.
//!
//! A lane is stuck when nobody who is not stuck himself could wake it: everything that may go on by itself is marked free, then
//! whoever one of those can wake, until nothing changes. What could go on in a way that the records do not tell (a sleeper, a
//! wait with a timeout, a thread in a system call) is free, so that silence is never taken for a standstill. No findings here.

mod bystanders;
mod family;
mod free;
mod late;
mod needs;
mod state;
mod stuck;

use std::collections::{HashMap, HashSet};

use super::facts::ProcessFacts;
use super::graph::{CausalGraph, LaneIndex, ProcessIndex};
use super::snaps::Snap;
use crate::record::readings::{SnapEvent, SnapLoop, WaitEvent};
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
    /// The same, if bystanders do not.
    pub stuck_but_for_bystanders: bool,
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
    /// Any lane there but the waiting one.
    Anyone { within: Within },
    /// So many lanes there.
    Several { lanes: u64, within: Within },
}

/// How far away somebody may be who could end a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    Process,
    /// The processes that may have an object of multiprocessing.
    Family,
    Run,
}

pub struct Standing<'g> {
    pub graph: &'g CausalGraph,
    /// Monotonic ns, by the clock of that process's host.
    moment: u64,
    clock_of: Option<ProcessIndex>,
    pub parties: Vec<Party<'g>>,
    place: HashMap<LaneIndex, usize>,
    ended: HashSet<ProcessIndex>,
    snaps: HashMap<ProcessIndex, (&'g Snap, SnapEvent<'g>)>,
    loops: HashMap<LaneIndex, SnapLoop<'g>>,
    seen: Seen,
    company: Company,
    /// Who goes on and has nothing to do with the others.
    bystanders: HashSet<LaneIndex>,
    /// Those of them who cannot get at what the others wait for.
    apart: HashSet<LaneIndex>,
    /// A child was started that is to record and has not begun to.
    child_is_late: bool,
    /// By process, the one that its family began with.
    families: Vec<usize>,
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
        let by_logq = || Some((graph.first_kill?, graph.processes.iter().position(ProcessFacts::is_logq)?));
        let by_hand = || Some((interrupted(graph)?, graph.processes.iter().position(|facts| facts.number == Some(1))?));
        let ending = by_logq().or_else(by_hand);
        let (moment, clock_of) = ending.map_or((u64::MAX, None), |(moment, of)| (moment, Some(ProcessIndex(of))));
        let mut standing = Standing {
            graph,
            moment,
            clock_of,
            parties: Vec::new(),
            place: HashMap::new(),
            ended: HashSet::new(),
            snaps: HashMap::new(),
            loops: HashMap::new(),
            seen: Seen::default(),
            company: Company::default(),
            bystanders: HashSet::new(),
            apart: HashSet::new(),
            child_is_late: false,
            families: Vec::new(),
        };
        standing.learn_families();
        standing.learn_processes();
        standing.child_is_late = standing.a_child_is_yet_to_begin();
        standing.learn_lanes();
        standing.learn_company();
        standing.learn_bystanders();
        standing.settle();
        standing
    }

    /// The moment by the clock of that process's host. Of another host it is not known, and all that it wrote counts.
    fn moment_of(&self, process: ProcessIndex) -> u64 {
        let facts = &self.graph.processes[process.0];
        let by = self.clock_of.map(|of| &self.graph.processes[of.0]);
        if by.is_none_or(|by| facts.shares_clock(by)) { self.moment } else { u64::MAX }
    }

    pub fn party(&self, lane: LaneIndex) -> Option<&Party<'g>> {
        self.place.get(&lane).map(|place| &self.parties[*place])
    }

    /// Those of the process that go on and have nothing to do with the others.
    pub fn bystanders(&self, process: ProcessIndex) -> Vec<LaneIndex> {
        let own = self.parties.iter().map(|party| party.lane).filter(|lane| self.bystanders.contains(lane));
        own.filter(|lane| self.graph.lane(*lane).process == process).collect()
    }

    /// Whether one of them cannot get at what anybody of its process waits for.
    pub fn is_apart(&self, bystander: LaneIndex) -> bool {
        self.apart.contains(&bystander)
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
        let lasts: Vec<(usize, u64)> = program.clone().map(|index| (index, last(index))).collect();
        let newest = |of: &ProcessFacts| {
            let same_clock = lasts.iter().filter(|(index, _)| graph.processes[*index].shares_clock(of));
            same_clock.map(|(_, last)| *last).max().unwrap_or(0)
        };
        for index in program {
            let (facts, process) = (&graph.processes[index], ProcessIndex(index));
            let (end, moment) = (&facts.end, self.moment_of(process));
            let said = end.said_mono.is_some_and(|said| said <= moment);
            let seen = end.seen_mono.filter(|seen| *seen <= moment);
            // One that was killed may have hung; unless the others went on without it.
            let outlived = end.seen_by_parent || seen.is_some_and(|seen| newest(facts) > seen.saturating_add(LATELY));
            if said || (seen.is_some() && (end.signal.is_none() || outlived)) {
                self.ended.insert(process);
                continue;
            }
            if let Some((snap, told)) = facts.snaps.at(moment).and_then(|snap| Some((snap, snap.told()?))) {
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
            let moment = self.moment_of(facts.process);
            let over = over.is_some_and(|at| self.graph.node(at).mono <= moment);
            let begun = facts.first().is_some_and(|first| first.mono <= moment);
            let program = !self.graph.processes[facts.process.0].is_logq();
            if counts
                && program
                && begun
                && !over
                && !self.ended.contains(&facts.process)
                && let Some(state) = self.state_of(lane)
            {
                self.place.insert(lane, self.parties.len());
                self.parties.push(Party {
                    lane,
                    state,
                    stuck: false,
                    stuck_as_known: false,
                    stuck_but_for_bystanders: false,
                });
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
            if let (Some(thread), true, State::Free) = (thread, facts.lane.kind.shares_a_thread(), &party.state) {
                party.state = State::Behind(*thread);
            }
        }
    }
}

fn holds_thread(party: &Party) -> bool {
    matches!(&party.state, State::Blocked(blocked) if blocked.holds_thread)
}

/// When the program was last seen standing still before somebody pressed Ctrl-C, or gevent's hub gave up.
fn interrupted(graph: &CausalGraph) -> Option<u64> {
    let root = graph.processes.iter().find(|process| process.number == Some(1))?;
    let ends = |kind: &str| kind == "KeyboardInterrupt" || kind.ends_with("LoopExit");
    let pressed = root.died.iter().find(|died| died.place == "sys" && ends(&died.kind))?;
    let at = graph.find(pressed.lane, pressed.id.seq)?;
    Some(root.snaps.at(graph.node(at).mono)?.mono)
}
