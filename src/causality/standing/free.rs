//! Who can go on: the least set that holds everybody who is free, and everybody whom one of them can wake.
//!
//! Whoever waits for particular lanes is looked at again when one of those is freed; whoever waits for anybody is looked at
//! again when the others have settled. So a run of many lanes takes hardly longer than its waits are many.

use std::collections::HashMap;

use super::{Need, Party, Standing, State, Within};
use crate::causality::graph::{LaneIndex, ProcessIndex};

/// Who is expected to do what is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Anybody,
    /// Of what some did before, only those.
    Known,
    /// And no bystander.
    KnownAndConcerned,
}

/// Which parties can go on, and how many there are of them.
pub(super) struct Free {
    expected: Expected,
    marks: Vec<bool>,
    of_process: HashMap<ProcessIndex, u64>,
    /// Those who cannot get at what is waited for in their own process; of another one's waits that says nothing.
    apart: HashMap<ProcessIndex, u64>,
    /// Threads, and tasks in them, that cannot go on since what they stand behind cannot; by process and thread.
    stopped: HashMap<(ProcessIndex, Option<u64>), u64>,
}

impl Free {
    fn of(standing: &Standing, expected: Expected) -> Free {
        let nobody = vec![false; standing.parties.len()];
        let mut free = Free {
            expected,
            marks: nobody,
            of_process: HashMap::new(),
            apart: HashMap::new(),
            stopped: HashMap::new(),
        };
        for party in standing.parties.iter().filter(|party| matches!(party.state, State::Behind(_))) {
            let facts = standing.graph.lane(party.lane);
            *free.stopped.entry((facts.process, facts.tid)).or_insert(0) += 1;
        }
        for (place, party) in standing.parties.iter().enumerate() {
            if matches!(party.state, State::Free) {
                free.mark(standing, place);
            }
        }
        free
    }

    fn mark(&mut self, standing: &Standing, place: usize) {
        let party = &standing.parties[place];
        let facts = standing.graph.lane(party.lane);
        self.marks[place] = true;
        if self.counts(standing, party.lane) {
            *self.of_process.entry(facts.process).or_insert(0) += 1;
        } else if standing.apart.contains(&party.lane) {
            *self.apart.entry(facts.process).or_insert(0) += 1;
        }
        if matches!(party.state, State::Behind(_))
            && let Some(stopped) = self.stopped.get_mut(&(facts.process, facts.tid))
        {
            *stopped -= 1;
        }
    }

    /// Whether it may be expected to do something for the others.
    pub fn counts(&self, standing: &Standing, lane: LaneIndex) -> bool {
        self.expected != Expected::KnownAndConcerned || !standing.bystanders.contains(&lane)
    }

    /// Whether those who never did what is waited for are not expected to.
    pub fn as_known(&self) -> bool {
        self.expected != Expected::Anybody
    }

    pub fn is_marked(&self, place: usize) -> bool {
        self.marks[place]
    }

    /// How many can go on there.
    pub fn count(&self, standing: &Standing, process: ProcessIndex, within: Within) -> u64 {
        if within == Within::Process {
            return self.of_process.get(&process).copied().unwrap_or(0);
        }
        let meant = |(of, _): &(&ProcessIndex, &u64)| standing.is_within(process, **of, within);
        let apart = self.apart.iter().filter(|(of, _)| **of != process);
        self.of_process.iter().chain(apart).filter(meant).map(|(_, count)| count).sum()
    }

    /// Whether something in that thread stands behind what cannot go on.
    pub fn is_stopped(&self, process: ProcessIndex, tid: Option<u64>) -> bool {
        self.stopped.get(&(process, tid)).is_some_and(|stopped| *stopped > 0)
    }
}

impl<'g> Standing<'g> {
    /// Which parties can go on.
    pub(super) fn free(&self, expected: Expected) -> Free {
        let mut free = Free::of(self, expected);
        let mut waiting_for: HashMap<LaneIndex, Vec<usize>> = HashMap::new();
        let mut general = Vec::new();
        for (place, party) in self.parties.iter().enumerate() {
            let lanes = awaited(party);
            for lane in lanes {
                waiting_for.entry(*lane).or_default().push(place);
            }
            if !depends_on_lanes_alone(self, party) {
                general.push(place);
            }
        }
        let mut todo: Vec<usize> = (0..self.parties.len()).collect();
        loop {
            while let Some(place) = todo.pop() {
                if !free.is_marked(place) && self.can_go_on(&self.parties[place], &free) {
                    free.mark(self, place);
                    todo.extend(waiting_for.get(&self.parties[place].lane).into_iter().flatten());
                }
            }
            general.retain(|place| !free.is_marked(*place));
            let can = |place: &&usize| self.can_go_on(&self.parties[**place], &free);
            let woken: Vec<usize> = general.iter().filter(can).copied().collect();
            if woken.is_empty() {
                return free;
            }
            for place in woken {
                free.mark(self, place);
                todo.extend(waiting_for.get(&self.parties[place].lane).into_iter().flatten());
            }
        }
    }
}

/// The lanes whose going on may let the party go on.
fn awaited<'a>(party: &'a Party) -> &'a [LaneIndex] {
    match &party.state {
        State::Behind(lane) => std::slice::from_ref(lane),
        State::Blocked(blocked) => match &blocked.need {
            Need::Lane(lane) | Need::EndOf(lane) => std::slice::from_ref(lane),
            Need::AnyOf(lanes) | Need::Tasks(lanes) => lanes,
            Need::Anyone { .. } => &blocked.known,
            _ => &[],
        },
        _ => &[],
    }
}

/// Whether nothing but the lanes that it waits for decides about the party.
fn depends_on_lanes_alone(standing: &Standing, party: &Party) -> bool {
    let is_task = standing.graph.lane(party.lane).lane.kind.shares_a_thread();
    match &party.state {
        State::Free | State::Behind(_) => true,
        State::Blocked(blocked) => {
            let particular = matches!(blocked.need, Need::Lane(_) | Need::EndOf(_) | Need::AnyOf(_) | Need::Tasks(_));
            particular && (!is_task || blocked.holds_thread)
        }
        State::IdleLoop | State::Exiting => false,
    }
}
