//! Threads that go on and have nothing to do with the rest: a heartbeat, a watcher of things of its own.
//!
//! Nearly every program that runs for long has one, and whoever goes on *might* wake a stuck thread: it may look for a
//! file before it sets the event. So what nobody but a bystander could end is told apart from what nobody could end. One that
//! the snapshot saw to lead to nothing that is waited for (`apart`) cannot wake anybody, as far as Python's objects tell.

use std::collections::{HashMap, HashSet};

use super::{Standing, State};
use crate::causality::facts::LaneFacts;
use crate::causality::graph::{EdgeKind, LaneIndex, ProcessIndex};
use crate::record::readings::SnapEvent;
use crate::record::{EventKind, LaneKind};

/// So many rounds it must have gone since the last wait of the others began.
const ROUNDS: usize = 3;

/// What is known of a process to tell who goes round in it.
struct Rounds {
    /// When the newest wait without a time limit began, monotonic ns.
    since: u64,
    /// Who sleeps in the newest snapshot.
    asleep: HashSet<LaneIndex>,
    /// Who slept in an earlier one, taken since then, and had woken before the newest.
    woken: HashSet<LaneIndex>,
}

impl Standing<'_> {
    pub(super) fn learn_bystanders(&mut self) {
        let rounds = self.rounds();
        let free = self.parties.iter().filter(|party| matches!(party.state, State::Free)).map(|party| party.lane);
        self.apart = free.clone().filter(|lane| self.leads_nowhere(*lane, &rounds)).collect();
        let round = free.filter(|lane| self.apart.contains(lane) || self.goes_round_alone(*lane, &rounds));
        self.bystanders = round.collect();
    }

    /// Whether the newest snapshot, which saw every wait of the process, says so of it.
    fn leads_nowhere(&self, lane: LaneIndex, rounds: &HashMap<ProcessIndex, Rounds>) -> bool {
        let process = self.graph.lane(lane).process;
        let Some((snap, told)) = self.snap(process) else { return false };
        let saw_all = rounds.get(&process).is_some_and(|rounds| rounds.since <= snap.mono);
        let task = || self.seen.tasks.get(&lane).and_then(|place| told.tasks.get(*place));
        let thread = || self.seen.threads.get(&lane).and_then(|place| told.lanes.get(*place));
        saw_all
            && match self.loops.get(&lane) {
                // One that listens to somebody outside is a server, and may be idle.
                Some(event_loop) => event_loop.apart && event_loop.fds == Some(0),
                None if self.graph.lane(lane).lane.kind.shares_a_thread() => task().is_some_and(|seen| seen.apart),
                None => thread().is_some_and(|seen| seen.apart && !seen.debugger),
            }
    }

    /// Of each process in which somebody waits without a time limit.
    fn rounds(&self) -> HashMap<ProcessIndex, Rounds> {
        let mut since: HashMap<ProcessIndex, u64> = HashMap::new();
        for party in &self.parties {
            if let State::Blocked(blocked) = &party.state {
                let newest = since.entry(self.graph.lane(party.lane).process).or_default();
                *newest = blocked.mono.max(*newest);
            }
        }
        since.into_iter().map(|(process, since)| (process, self.rounds_of(process, since))).collect()
    }

    fn rounds_of(&self, process: ProcessIndex, since: u64) -> Rounds {
        let Some((newest, told)) = self.snap(process) else {
            return Rounds { since, asleep: HashSet::new(), woken: HashSet::new() };
        };
        let earlier = self.graph.processes[process.0].snaps.iter();
        let earlier = earlier.filter(|snap| snap.mono >= since && snap.mono < newest.mono);
        let woken = earlier.filter_map(|snap| Some(self.sleepers(process, &snap.told()?, newest.mono))).flatten();
        Rounds { since, asleep: self.sleepers(process, told, u64::MAX), woken: woken.collect() }
    }

    /// The threads whose sleep was to end by then.
    fn sleepers(&self, process: ProcessIndex, told: &SnapEvent, by: u64) -> HashSet<LaneIndex> {
        let asleep = told.lanes.iter().filter(|seen| seen.sleeps.is_some_and(|end| end < by));
        asleep.filter_map(|seen| self.graph.mentioned(process, seen.lane)).collect()
    }

    /// A thread that sleeps, or waits with a time limit, again and again, and never handed anything to anybody.
    fn goes_round_alone(&self, lane: LaneIndex, rounds: &HashMap<ProcessIndex, Rounds>) -> bool {
        let facts = self.graph.lane(lane);
        let Some(rounds) = rounds.get(&facts.process) else { return false };
        let whole = facts.lane.kind == LaneKind::Thread && facts.gaps + facts.repeated == 0;
        let sleeps = rounds.asleep.contains(&lane)
            && (rounds.woken.contains(&lane) || rounds.goes_on(facts, |event| event.is_none()));
        whole && (sleeps || rounds.waits_with_limits(facts)) && !self.deals(lane)
    }

    /// Whether it handed something to another lane of the program, or got something from one that is still there.
    fn deals(&self, lane: LaneIndex) -> bool {
        let graph = self.graph;
        let meant = |kind: EdgeKind, other: LaneIndex| {
            kind == EdgeKind::Hard && other != lane && !graph.process_of(other).is_logq()
        };
        let gives = graph.edges_out_of(lane).iter().any(|(_, to, edge)| meant(edge.kind, to.lane));
        let into = graph.nodes_of(lane).flat_map(|at| graph.edges_into(at));
        gives || into.filter(|edge| meant(edge.kind, edge.from)).any(|edge| self.party(edge.from).is_some())
    }
}

impl Rounds {
    /// Its waits have all had a time limit, and it has come back from some since.
    fn waits_with_limits(&self, facts: &LaneFacts) -> bool {
        let limited = || facts.waits.iter().all(|wait| wait.told().is_some_and(|told| told.timeout.is_some()));
        self.goes_on(facts, |event| event == Some(EventKind::Got)) && limited()
    }

    /// Whether it has written so often since then.
    fn goes_on(&self, facts: &LaneFacts, counts: impl Fn(Option<EventKind>) -> bool) -> bool {
        let later = facts.nodes.iter().rev().take_while(|node| node.mono > self.since);
        later.filter(|node| counts(node.event)).take(ROUNDS).count() >= ROUNDS
    }
}
