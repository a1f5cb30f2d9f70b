//! Hangs: lanes that wait and that nobody can wake any more. One analysis for all kinds of them.
//!
//! What is stuck is known from [`Standing`]; here it is parted into single problems: each circle of waits is one, and each
//! object at which a chain of waits ends. Whoever waits behind those is named there and is no problem of its own.

mod circles;
mod describe;
mod kinds;
mod words;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use super::Evidence;
use super::finding::Certainty;
use crate::causality::{Blocked, LaneIndex, Need, Party, ProcessIndex, Standing, State, Within};
use crate::record::{Lane, LaneKind};

pub use kinds::{DEADLOCK, LOST_WAKEUP, ORPHANED_LOCK, POOL_EXHAUSTED, STUCK_WAIT};

/// One hang.
#[derive(Debug)]
pub struct Hang {
    pub kind: &'static str,
    pub certainty: Certainty,
    /// Who waits in the circle, or at the object.
    pub members: Vec<LaneIndex>,
    /// Who waits for one of those.
    pub behind: Vec<LaneIndex>,
    /// The members wait for each other.
    pub is_circle: bool,
    /// Who goes on beside them, had nothing to do with them so far, and yet might wake them.
    pub bystanders: Vec<LaneIndex>,
}

/// Every hang of the run.
pub fn find(evidence: &Evidence) -> Vec<Hang> {
    let standing = &evidence.standing;
    let stuck: Vec<&Party> = standing.parties.iter().filter(|party| party.stuck_but_for_bystanders).collect();
    let edges: Vec<(LaneIndex, Vec<LaneIndex>)> =
        stuck.iter().map(|party| (party.lane, standing.waits_for(party))).collect();
    let waiters = Waiters::of(&edges);
    let mut found = Vec::new();
    for circle in circles::of(&edges) {
        found.extend(circle_of(evidence, &waiters, circle));
    }
    for members in ends_of_chains(standing, &stuck, &edges) {
        found.extend(stuck_at(evidence, &waiters, members));
    }
    found
}

/// Who waits for whom, the other way round.
struct Waiters<'a> {
    edges: &'a [(LaneIndex, Vec<LaneIndex>)],
    /// By lane, the places in `edges` of those who wait for it.
    of: HashMap<LaneIndex, Vec<usize>>,
}

impl<'a> Waiters<'a> {
    fn of(edges: &'a [(LaneIndex, Vec<LaneIndex>)]) -> Waiters<'a> {
        let mut of: HashMap<LaneIndex, Vec<usize>> = HashMap::new();
        for (place, (_, waits_for)) in edges.iter().enumerate() {
            for lane in waits_for {
                of.entry(*lane).or_default().push(place);
            }
        }
        Waiters { edges, of }
    }

    /// Who waits for one of the members, directly or not.
    fn behind(&self, members: &[LaneIndex]) -> Vec<LaneIndex> {
        let mut reached: HashSet<LaneIndex> = members.iter().copied().collect();
        let places = |lane: &LaneIndex| self.of.get(lane).into_iter().flatten().copied().map(Reverse);
        let mut next: BinaryHeap<Reverse<usize>> = members.iter().flat_map(places).collect();
        let mut found = Vec::new();
        while let Some(Reverse(place)) = next.pop() {
            let lane = self.edges[place].0;
            if reached.insert(lane) {
                found.push(lane);
                next.extend(places(&lane));
            }
        }
        found
    }
}

fn circle_of(evidence: &Evidence, waiters: &Waiters, members: Vec<LaneIndex>) -> Option<Hang> {
    let standing = &evidence.standing;
    let blocked: Vec<(LaneIndex, &Blocked)> =
        members.iter().filter_map(|lane| Some((*lane, blocked(standing, *lane)?))).collect();
    if blocked.is_empty() {
        return None;
    }
    let behind = waiters.behind(&members);
    let pooled =
        blocked.iter().all(|(_, blocked)| matches!(blocked.need, Need::AnyOf(_)) && blocked.wait.on == Some("future"));
    let certainty = if blocked.iter().any(|(lane, blocked)| may_be_a_signal(standing, *lane, blocked)) {
        Certainty::Possible
    } else if blocked.iter().all(|(lane, blocked)| is_exact(standing, *lane, blocked)) {
        Certainty::Certain
    } else {
        Certainty::Likely
    };
    let (mut all, mut rest) = (members.clone(), behind.clone());
    all.append(&mut rest);
    let certainty = if obliges(evidence, &all) { certainty } else { Certainty::Possible };
    let bystanders = bystanders(standing, &members);
    let certainty = if bystanders.is_empty() { certainty } else { certainty.max(Certainty::Likely) };
    let kind = if pooled { POOL_EXHAUSTED.kind } else { DEADLOCK.kind };
    Some(Hang { kind, certainty, members, behind, is_circle: true, bystanders })
}

/// Where chains of waits end: the waiting lanes, those at one object together.
fn ends_of_chains(standing: &Standing, stuck: &[&Party], edges: &[(LaneIndex, Vec<LaneIndex>)]) -> Vec<Vec<LaneIndex>> {
    let mut ends: Vec<Vec<LaneIndex>> = Vec::new();
    let mut known = HashMap::new();
    for (party, (lane, waits_for)) in stuck.iter().zip(edges) {
        let State::Blocked(blocked) = &party.state else { continue };
        if !waits_for.is_empty() || blocked.need == Need::Outside {
            continue;
        }
        let process = standing.graph.lane(*lane).process;
        // What processes share has one name in all of them, and is one problem.
        let obj = blocked.wait.obj.map(|obj| standing.graph.full_name(process, obj));
        let has_name = obj.is_some();
        let place = (blocked.wait.on, obj, blocked.wait.child_pid);
        match known.get(&place).filter(|_| has_name) {
            Some(end) => {
                let lanes: &mut Vec<LaneIndex> = &mut ends[*end];
                lanes.push(*lane);
            }
            None => {
                known.insert(place, ends.len());
                ends.push(vec![*lane]);
            }
        }
    }
    ends
}

fn stuck_at(evidence: &Evidence, waiters: &Waiters, members: Vec<LaneIndex>) -> Option<Hang> {
    let standing = &evidence.standing;
    let first = blocked(standing, *members.first()?)?;
    let process = standing.graph.lane(members[0]).process;
    let behind = waiters.behind(&members);
    let strictly = standing.party(members[0]).is_some_and(|party| party.stuck);
    let bystanders = bystanders(standing, &members);
    let apart = bystanders.iter().all(|lane| standing.is_apart(*lane));
    let seen = standing.snap(process).is_some_and(|(snap, _)| snap.mono >= first.mono);
    let kind = match (first.wait.on, &first.need) {
        (Some("lock" | "rlock"), Need::Never) => ORPHANED_LOCK.kind,
        (_, Need::PipeChild) => DEADLOCK.kind,
        (Some("cond"), _) if (strictly || !bystanders.is_empty()) && was_notified_before(first) => LOST_WAKEUP.kind,
        _ => STUCK_WAIT.kind,
    };
    let exact = match &first.need {
        Need::Never => {
            !standing.others_go_on(members[0])
                || standing.left_at_fork(process, &first.wait).is_some()
                || standing.lost_job(process, &first.wait).is_some()
        }
        _ => strictly && seen,
    };
    let certainty = if exact { Certainty::Certain } else { Certainty::Likely };
    let mut all = members.clone();
    all.extend(&behind);
    let certainty = if obliges(evidence, &all) && (bystanders.is_empty() || !may_be_for_ever(standing, &all)) {
        if apart || speaks_for_it(evidence, first, process) { certainty } else { Certainty::Possible }
    } else if nobody_left(evidence, members[0], first) {
        if bystanders.is_empty() || speaks_for_it(evidence, first, process) {
            Certainty::Likely
        } else {
            Certainty::Possible
        }
    } else {
        // An idle worker or server waits like that, and is right.
        let alive = evidence.alive.contains(&standing.graph.processes[process.0].proc);
        if alive || idles(first) {
            return None;
        }
        Certainty::Possible
    };
    Some(Hang { kind, certainty, members, behind, is_circle: false, bystanders })
}

/// Who goes on beside the members, where nobody else does who might wake them.
fn bystanders(standing: &Standing, members: &[LaneIndex]) -> Vec<LaneIndex> {
    let beside = members.iter().any(|lane| standing.party(*lane).is_some_and(|party| !party.stuck_as_known));
    let process = members.first().map(|lane| standing.graph.lane(*lane).process).filter(|_| beside);
    process.map_or_else(Vec::new, |process| standing.bystanders(process))
}

/// Whether something speaks for it, besides that nobody concerned is left, that the wait will not end: a thread or a task
/// died, or nobody empties the pipe that a child writes to.
fn speaks_for_it(evidence: &Evidence, blocked: &Blocked, process: ProcessIndex) -> bool {
    let died = &evidence.graph.processes[process.0].died;
    blocked.need == Need::PipeChild || died.iter().any(|died| died.place == "thread" || died.place == "task")
}

/// `await loop.create_future()` beside tasks that go round is how a program is told to run until it is stopped.
fn may_be_for_ever(standing: &Standing, lanes: &[LaneIndex]) -> bool {
    let waits =
        |lane: &LaneIndex| blocked(standing, *lane).is_some_and(|blocked| matches!(blocked.wait.on, Some("future")));
    lanes.iter().all(|lane| waits(lane) && standing.graph.lane(*lane).lane.kind.shares_a_thread())
}

/// Nothing speaks for it that the wait should have ended.
fn idles(blocked: &Blocked) -> bool {
    blocked.known.is_empty() && matches!(blocked.wait.on, Some("queue-get" | "cond" | "event" | "sem"))
}

pub(super) fn blocked<'a, 'g>(standing: &'a Standing<'g>, lane: LaneIndex) -> Option<&'a Blocked<'g>> {
    match &standing.party(lane)?.state {
        State::Blocked(blocked) => Some(blocked),
        _ => None,
    }
}

/// A plain lock that its own owner waits for may be meant as a signal, as long as somebody is there to release it; not
/// one that a `with` block took.
fn may_be_a_signal(standing: &Standing, lane: LaneIndex, blocked: &Blocked) -> bool {
    let by_block = || blocked.wait.held.iter().any(|held| held.by_block && Some(held.obj) == blocked.wait.obj);
    blocked.wait.on == Some("lock") && blocked.need == Need::Lane(lane) && !by_block() && {
        let kind = standing.graph.lane(lane).lane.kind;
        kind == LaneKind::Thread && standing.others_go_on(lane)
    }
}

/// Whether the records leave no doubt that the wait was for what the other one had.
fn is_exact(standing: &Standing, lane: LaneIndex, waiting: &Blocked) -> bool {
    let process = standing.graph.lane(lane).process;
    let seen = standing.snap(process).is_some_and(|(snap, _)| snap.mono >= waiting.mono);
    match &waiting.need {
        Need::EndOf(_) | Need::Process(_) => true,
        Need::Lane(owner) => {
            let lists = |held: &&crate::record::readings::HeldLock| Some(held.obj) == waiting.wait.obj;
            let holds = blocked(standing, *owner).is_some_and(|owner| owner.wait.held.iter().any(|held| lists(&held)));
            *owner == lane || holds || seen
        }
        _ => seen && standing.party(lane).is_some_and(|party| party.stuck),
    }
}

fn was_notified_before(blocked: &Blocked) -> bool {
    let Some(last) = &blocked.wait.last else { return false };
    let notified = last.what.is_some_and(|what| what.starts_with("notify"));
    let before = match (last.at, blocked.wait.since) {
        (Some(at), Some(since)) => at <= since,
        _ => true,
    };
    notified && last.waiters.unwrap_or(0) == 0 && before
}

/// Whether somebody there waits for what is owed to him; waiting for work or for a signal alone is idleness.
fn obliges(evidence: &Evidence, lanes: &[LaneIndex]) -> bool {
    let standing = &evidence.standing;
    lanes.iter().any(|lane| match standing.party(*lane).map(|party| &party.state) {
        Some(State::Exiting) => true,
        Some(State::Blocked(blocked)) => match blocked.wait.on {
            Some(
                "lock" | "rlock" | "import" | "join" | "queue-join" | "queue-put" | "future" | "deferred" | "barrier"
                | "task" | "process",
            ) => true,
            Some("sem") => !blocked.wait.permits.is_empty() || !blocked.known.is_empty(),
            Some("channel") => standing.party(*lane).is_some_and(|party| party.stuck),
            Some("pipe") => blocked.wait.state == Some("full") || keeps_a_child_from_writing(standing, *lane, blocked),
            _ => keeps_the_loop(standing, *lane),
        },
        _ => false,
    })
}

/// The child that is to fill the pipe is itself kept from writing to another one, which only this process can read.
fn keeps_a_child_from_writing(standing: &Standing, lane: LaneIndex, blocked: &Blocked) -> bool {
    let process = standing.graph.lane(lane).process;
    let stopped = blocked.wait.child_pid.and_then(|pid| standing.child_on_pipe(process, pid));
    blocked.need == Need::PipeChild && stopped.is_some_and(|(_, call)| call == "write")
}

/// A task of the main thread's loop, which has nothing else to wait for: `asyncio.run` never returns.
fn keeps_the_loop(standing: &Standing, lane: LaneIndex) -> bool {
    let facts = standing.graph.lane(lane);
    let main = standing.graph.lane_named(facts.process, Lane::MAIN).and_then(|main| standing.party(main));
    let idle = main.is_some_and(|main| matches!(main.state, State::IdleLoop) && main.stuck);
    facts.lane.kind.shares_a_thread() && idle
}

/// The main thread waits for a lane that is gone: those who did until then what it waits for, or all others who could;
/// where processes share the object, those of other processes too.
fn nobody_left(evidence: &Evidence, lane: LaneIndex, blocked: &Blocked) -> bool {
    let standing = &evidence.standing;
    let (graph, facts) = (standing.graph, standing.graph.lane(lane));
    let aside = bystanders(standing, &[lane]);
    if facts.lane != Lane::MAIN || !standing.party(lane).is_some_and(|party| party.stuck || !aside.is_empty()) {
        return false;
    }
    let process = &graph.processes[facts.process.0];
    let known_gone = !blocked.known.is_empty() && blocked.known.iter().all(|other| standing.lane_is_over(*other));
    let within = if let Need::Anyone { within } = blocked.need { within } else { Within::Process };
    let others = graph.lane_indexes().filter(|other| {
        let (own, theirs) = (facts.process, graph.lane(*other));
        let counts = !theirs.is_logq() && !graph.process_of(*other).is_logq() && theirs.last().is_some();
        *other != lane && counts && !aside.contains(other) && standing.is_within(own, theirs.process, within)
    });
    let mut others = others.peekable();
    let all_gone = others.peek().is_some() && others.all(|other| standing.lane_is_over(other));
    let died = process.died.iter().any(|died| died.place == "thread" || died.place == "task");
    known_gone || all_gone || died
}
