//! What one lane was doing at the moment: from its last wait, from the snapshot that saw it, or that nothing tells.

use std::collections::HashMap;

use super::{Blocked, Standing, State};
use crate::causality::graph::{LaneIndex, ProcessIndex};
use crate::record::readings::{SnapLane, WaitEvent};
use crate::record::{LaneKind, RecordId};

impl<'g> Standing<'g> {
    /// What the lane was doing; `None` for a task of which nothing tells that it was still there.
    pub(super) fn state_of(&self, lane: LaneIndex) -> Option<State<'g>> {
        let facts = self.graph.lane(lane);
        let snap = self.snaps.get(&facts.process);
        if let Some(kept) = facts.waits.at(self.moment_of(facts.process))
            && let Some(wait) = kept.told()
        {
            if wait.on == Some("join") && self.is_exiting(lane) {
                return Some(State::Exiting);
            }
            let evidence = self.graph.id_of(lane, kept.seq);
            let holds_thread = facts.lane.kind == LaneKind::Task;
            return Some(self.blocked(lane, wait, evidence, kept.mono, holds_thread));
        }
        if facts.lane.kind.shares_a_thread() {
            let (snap, told) = snap?;
            let task = told.tasks.get(*self.seen.tasks.get(&lane)?)?;
            let Some(awaits) = task.awaits.clone().filter(|_| !task.ready) else { return Some(State::Free) };
            return Some(self.blocked(lane, awaits, snap.id.clone(), snap.mono, false));
        }
        let Some((snap, told)) = snap else { return Some(State::Free) };
        // What it did after the snapshot counts more.
        let quiet = self.graph.lane(lane).nodes.iter().rev().find(|node| node.mono <= self.moment_of(facts.process));
        if quiet.is_some_and(|last| last.mono > snap.mono) {
            return Some(State::Free);
        }
        let seen = self.seen.threads.get(&lane).and_then(|place| told.lanes.get(*place));
        let state = self.state_in_snap(lane, seen);
        // The main greenlet of a thread whose hub has nothing to do.
        let own = self.seen.tasks.get(&lane).and_then(|place| told.tasks.get(*place)?.awaits.clone());
        match own.filter(|_| matches!(state, State::IdleLoop)) {
            Some(awaits) => Some(self.blocked(lane, awaits, snap.id.clone(), snap.mono, false)),
            None => Some(state),
        }
    }

    fn state_in_snap(&self, lane: LaneIndex, seen: Option<&SnapLane<'g>>) -> State<'g> {
        if seen.is_some_and(|seen| seen.debugger) {
            return State::Free;
        }
        if let Some(event_loop) = self.loops.get(&lane) {
            let still =
                event_loop.running.is_none() && [event_loop.ready, event_loop.timers].iter().all(|n| *n == Some(0));
            let idle =
                still && (event_loop.fds == Some(0) || self.hears_only_stopped_children(lane, event_loop.fds, seen));
            return if idle { State::IdleLoop } else { State::Free };
        }
        if self.is_exiting(lane) {
            return State::Exiting;
        }
        if let Some(awaits) = seen.and_then(|seen| seen.awaits.clone())
            && let Some((snap, _)) = self.snaps.get(&self.graph.lane(lane).process)
        {
            return self.blocked(lane, awaits, snap.id.clone(), snap.mono, false);
        }
        let at = seen.and_then(|seen| self.at_pipe(lane, seen).or_else(|| self.at_child(lane, seen)));
        at.unwrap_or(State::Free)
    }

    /// Whether the descriptors that the loop in that thread listens to are children which cannot end: each is kept from going on
    /// by a pipe that this process is to read or write.
    fn hears_only_stopped_children(&self, lane: LaneIndex, fds: Option<u64>, seen: Option<&SnapLane<'g>>) -> bool {
        let process = self.graph.lane(lane).process;
        let listens = seen.and_then(|seen| seen.call.as_ref()).map_or(&[][..], |call| &call.fds);
        let children = listens.iter().filter(|watched| watched.on == Some("pidfd")).count() as u64;
        let Some((_, told)) = self.snaps.get(&process) else { return false };
        let mut own = told.children.iter().filter(|child| child.parent_pid.is_none()).peekable();
        let stopped = |pid: Option<u32>| pid.is_some_and(|pid| self.child_on_pipe(process, pid).is_some());
        fds == Some(children) && own.peek().is_some() && own.all(|child| stopped(child.child_pid))
    }

    /// A thread in a system call that waits for the end of a child which cannot end.
    fn at_child(&self, lane: LaneIndex, seen: &SnapLane<'g>) -> Option<State<'g>> {
        let process = self.graph.lane(lane).process;
        let pid = u32::try_from(seen.call.as_ref()?.child?).ok()?;
        self.child_on_pipe(process, pid)?;
        let (snap, _) = self.snaps.get(&process)?;
        let wait = WaitEvent {
            on: Some("process"),
            child_pid: Some(pid),
            site: seen.stack.first().cloned(),
            stack: seen.stack.clone(),
            ..WaitEvent::default()
        };
        Some(self.blocked(lane, wait, snap.id.clone(), snap.mono, false))
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
    pub(super) fn stop_thread_of(&mut self, task: LaneIndex, by_tid: &HashMap<(ProcessIndex, u64), usize>) {
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
