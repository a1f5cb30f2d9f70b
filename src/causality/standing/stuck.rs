//! What can go on, and what is stuck: whoever is free wakes others, until nothing changes.

use super::free::{Expected, Free};
use super::{Blocked, Need, Party, Standing, State, Within};
use crate::causality::graph::{LaneIndex, ProcessIndex};
use crate::record::Lane;
use crate::record::readings::SnapEvent;

impl<'g> Standing<'g> {
    /// Marks what can go on, and leaves the rest as stuck.
    pub(super) fn settle(&mut self) {
        let strict = self.free(Expected::Anybody);
        let known = self.free(Expected::Known);
        let concerned = (!self.bystanders.is_empty()).then(|| self.free(Expected::KnownAndConcerned));
        for (place, party) in self.parties.iter_mut().enumerate() {
            party.stuck = !strict.is_marked(place);
            party.stuck_as_known = !known.is_marked(place);
            party.stuck_but_for_bystanders = !concerned.as_ref().unwrap_or(&known).is_marked(place);
            if !party.stuck {
                *self.company.going.entry(self.graph.lane(party.lane).process).or_insert(0) += 1;
            }
        }
    }

    pub(super) fn can_go_on(&self, party: &Party<'g>, free: &Free) -> bool {
        let is_free = |lane: LaneIndex| self.place.get(&lane).is_none_or(|place| free.is_marked(*place));
        let process = self.graph.lane(party.lane).process;
        match &party.state {
            State::Free => true,
            State::Behind(lane) => is_free(*lane),
            State::IdleLoop => self.somebody(party.lane, Within::Process, free),
            State::Exiting => self.thread_ends(process, party.lane).iter().all(|lane| is_free(*lane)),
            State::Blocked(blocked) => {
                self.thread_turns(party, blocked, free) && self.is_woken(party.lane, blocked, free)
            }
        }
    }

    /// A task goes on only when the thread of its loop does.
    pub(super) fn thread_turns(&self, party: &Party<'g>, blocked: &Blocked<'g>, free: &Free) -> bool {
        let facts = self.graph.lane(party.lane);
        if !facts.lane.kind.shares_a_thread() || blocked.holds_thread {
            return true;
        }
        !free.is_stopped(facts.process, facts.tid)
    }

    pub(super) fn is_woken(&self, lane: LaneIndex, blocked: &Blocked<'g>, free: &Free) -> bool {
        let is_free = |lane: &LaneIndex| self.place.get(lane).is_none_or(|place| free.is_marked(*place));
        let alive_and_free = |lane: &LaneIndex| self.place.get(lane).is_some_and(|place| free.is_marked(*place));
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
            Need::PipeChild => self.somebody(lane, Within::Process, free),
            Need::Several { lanes, within } => {
                self.free_others(lane, *within, free) >= *lanes || self.may_be_late(*within)
            }
            Need::Anyone { within } => {
                let idles = |other: &LaneIndex| self.idles(*other) && self.provides(*other, blocked);
                // At the end of the program others may do for once what the main thread did until then.
                let tells = !blocked.known.iter().all(|other| self.exits(*other));
                if free.as_known() && tells && !blocked.known.iter().any(idles) {
                    return blocked.known.iter().any(|other| alive_and_free(other) && self.provides(*other, blocked));
                }
                self.somebody(lane, *within, free)
            }
        }
    }

    /// Whether a lane that did what is waited for would do it again: one that has come back for the next item has
    /// left what it owed undone, and one at the end of the program has done all that it will ever do.
    pub(super) fn provides(&self, lane: LaneIndex, blocked: &Blocked<'g>) -> bool {
        if self.exits(lane) {
            return false;
        }
        let joins = blocked.wait.on == Some("queue-join");
        let again = self.party(lane).is_some_and(|party| match &party.state {
            State::Blocked(other) => other.wait.on == Some("queue-get") && other.wait.obj == blocked.wait.obj,
            _ => false,
        });
        !(joins && again && blocked.wait.qsize.unwrap_or(0) == 0)
    }

    /// Whether the lane is the main thread at the end of the program.
    fn exits(&self, lane: LaneIndex) -> bool {
        self.party(lane).is_some_and(|party| matches!(party.state, State::Exiting))
    }

    /// Whether the lane waits for work: it may do anything once it is given some.
    pub(super) fn idles(&self, lane: LaneIndex) -> bool {
        self.party(lane).is_some_and(|party| match &party.state {
            State::Blocked(blocked) => matches!(blocked.wait.on, Some("queue-get" | "event" | "cond" | "channel")),
            _ => false,
        })
    }

    /// Whether anybody but the lane could still do something for it.
    pub(super) fn somebody(&self, lane: LaneIndex, within: Within, free: &Free) -> bool {
        self.free_others(lane, within, free) > 0 || self.outside_may_help(lane, within) || self.may_be_late(within)
    }

    /// Whether a child that has not begun yet may be meant.
    fn may_be_late(&self, within: Within) -> bool {
        within != Within::Process && self.child_is_late
    }

    pub(super) fn free_others(&self, lane: LaneIndex, within: Within, free: &Free) -> u64 {
        let process = self.graph.lane(lane).process;
        let itself = self.place.get(&lane).is_some_and(|place| free.is_marked(*place));
        free.count(self, process, within) - u64::from(itself && free.counts(self, lane))
    }

    /// Signal handlers of the program and threads that are no lanes may do anything.
    pub(super) fn outside_may_help(&self, lane: LaneIndex, within: Within) -> bool {
        let facts = self.graph.lane(lane);
        let Some((_, told)) = self.snaps.get(&facts.process) else { return false };
        // SIGINT always has a handler in Python: it raises KeyboardInterrupt.
        let handles = |told: &SnapEvent| told.signals.iter().any(|signal| *signal != "SIGINT");
        let waits_in_main = facts.lane == Lane::MAIN || facts.lane.kind.shares_a_thread();
        let may = if waits_in_main { handles(told) } else { !told.wakers.is_empty() };
        // What is shared, another process's handler may end as well.
        let shared = |process: &ProcessIndex| {
            within != Within::Process && *process != facts.process && self.is_within(facts.process, *process, within)
        };
        let from_elsewhere = || self.snaps.iter().any(|(process, (_, told))| shared(process) && handles(told));
        may || told.foreign.iter().any(|thread| thread.name != Some("logq")) || from_elsewhere()
    }

    /// The threads that a process waits for before it ends.
    pub(super) fn thread_ends(&self, process: ProcessIndex, but: LaneIndex) -> Vec<LaneIndex> {
        let threads = self.company.threads.get(&process).into_iter().flatten();
        threads.copied().filter(|lane| *lane != but).collect()
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
                Need::Outside | Need::Never | Need::Several { .. } | Need::PipeChild => Vec::new(),
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
        found.retain(|lane| self.party(*lane).is_some_and(|other| other.stuck_but_for_bystanders));
        found.sort();
        found.dedup();
        found
    }

    /// Who waits at the other end of the same channel.
    pub(super) fn peers(&self, lane: LaneIndex, blocked: &Blocked<'g>) -> Vec<LaneIndex> {
        let process = self.graph.lane(lane).process;
        let Some(own) = blocked.wait.obj.filter(|_| blocked.wait.on == Some("channel")) else { return Vec::new() };
        let own = self.graph.full_name(process, own);
        let peers = self.company.at_channel.get(&own).into_iter().flatten();
        peers.copied().filter(|other| *other != lane).collect()
    }

    /// Lanes that wait for a lock which this one holds.
    pub(super) fn kept_out_by(&self, holder: LaneIndex) -> Vec<LaneIndex> {
        self.company.kept_out.get(&holder).cloned().unwrap_or_default()
    }
}
