//! A hang as a finding: who waits for what since when and where, who had it, who is gone, and who waits behind.

mod conclusion;
mod gone;

use gone::cause;

use super::{Hang, blocked, words};
use crate::causality::{Blocked, CausalGraph, LaneIndex, Need, ProcessIndex, State, Within};
use crate::diagnose::{Actor, Evidence, Finding, Resource};
use crate::record::Site;

const MOST_ACTORS: usize = 8;
const MOST_SITES: usize = 18;
/// So many of those who wait at one object are named.
const MOST_MEMBERS: usize = 5;

pub fn finding(evidence: &Evidence, hang: &Hang) -> Finding {
    let mut account =
        Account { evidence, graph: evidence.graph, hang, finding: Finding::fault(hang.kind, hang.certainty, "") };
    for lane in hang.members.iter().take(MOST_MEMBERS) {
        account.member(*lane);
    }
    for lane in hang.members.iter().take(MOST_MEMBERS) {
        account.providers(*lane);
    }
    account.behind();
    account.callers();
    account.conclude();
    account.finding
}

struct Account<'a> {
    evidence: &'a Evidence<'a>,
    graph: &'a CausalGraph,
    hang: &'a Hang,
    finding: Finding,
}

impl<'a> Account<'a> {
    fn blocked(&self, lane: LaneIndex) -> Option<&'a Blocked<'a>> {
        blocked(&self.evidence.standing, lane)
    }

    fn process(&self, lane: LaneIndex) -> ProcessIndex {
        self.graph.lane(lane).process
    }

    /// One who waits: what for, what it holds, where, since when.
    fn member(&mut self, lane: LaneIndex) {
        let graph = self.graph;
        let Some(blocked) = self.blocked(lane) else {
            self.actor(lane, self.said_of(lane));
            return;
        };
        let (wait, process, id) = (&blocked.wait, self.process(lane), graph.address(lane));
        let waits = words::waits(graph, process, wait);
        let mut holds = Vec::new();
        for (holder, waiting) in self.waiters_for(lane) {
            let Some(obj) = waiting.wait.obj else { continue };
            let resource = Resource::of(graph, self.process(holder), obj);
            let role = format!("holds {}", resource.called());
            let own = wait.held.iter().find(|held| held.obj == obj);
            let site = own.and_then(|held| held.site.clone()).or_else(|| waiting.wait.held_at.clone());
            let since = own.and_then(|held| held.since).or(waiting.wait.held_since);
            self.finding.site(site.as_ref(), role.clone(), Some(&id), since.and_then(|since| graph.wall(lane, since)));
            if !holds.contains(&role) {
                holds.push(role);
            }
        }
        holds.push(waits.clone());
        self.actor(lane, holds.join(", "));
        let since = wait.since.and_then(|since| graph.wall(lane, since));
        self.finding.site(wait.site.as_ref(), waits, Some(&id), since);
        self.finding.since = match (self.finding.since, since) {
            // A circle is closed by the last one, a queue at an object begins with the first.
            (Some(known), Some(since)) if self.hang.is_circle => Some(known.max(since)),
            (Some(known), Some(since)) => Some(known.min(since)),
            (known, since) => known.or(since),
        };
        self.finding.evidence(blocked.evidence.clone());
        if let Some(obj) = wait.obj {
            self.finding.resource(Resource::of(graph, process, obj));
        }
        if let Some(pool) = wait.pool.as_ref().and_then(|pool| pool.obj) {
            self.finding.resource(Resource::of(graph, process, pool));
        }
        if blocked.need == Need::PipeChild {
            self.pipe(lane, blocked);
        }
    }

    /// Members of the circle that wait for a lock which this lane holds.
    fn waiters_for(&self, holder: LaneIndex) -> Vec<(LaneIndex, &'a Blocked<'a>)> {
        let members = self.hang.members.iter().chain(&self.hang.behind);
        let waiting = members.filter_map(|lane| Some((*lane, self.blocked(*lane)?)));
        let for_lock = |on: Option<&str>| matches!(on, Some("lock" | "rlock"));
        waiting.filter(|(_, waiting)| waiting.need == Need::Lane(holder) && for_lock(waiting.wait.on)).collect()
    }

    /// Those who had what is waited for, or should have given it.
    fn providers(&mut self, lane: LaneIndex) {
        let Some(blocked) = self.blocked(lane) else { return };
        let process = self.process(lane);
        self.lost_owner(lane, blocked);
        self.lost_job(lane, blocked);
        if let Some(last) = &blocked.wait.last
            && let Some(waker) = last.lane.and_then(|waker| self.graph.mentioned(process, waker))
        {
            let role = match (last.what.unwrap_or("notify"), last.waiters) {
                ("put" | "get", _) => None,
                (what, Some(0)) if what.starts_with("notify") => Some("notified when nobody waited".to_owned()),
                (what, _) => Some(format!("last to {what} it")),
            };
            if let Some(role) = role {
                self.finding.site(last.site.as_ref(), role.clone(), Some(&self.graph.address(waker)), None);
                self.actor(waker, role);
            }
        }
        for permit in &blocked.wait.permits {
            let Some(holder) = permit.lane.and_then(|holder| self.graph.mentioned(process, holder)) else { continue };
            let over = self.evidence.standing.lane_is_over(holder);
            let role = if over { "ended with a permit" } else { "has a permit" };
            self.finding.site(permit.site.as_ref(), role, Some(&self.graph.address(holder)), None);
            self.actor(holder, role.to_owned());
        }
        if blocked.wait.on == Some("sem") {
            for hold in self.evidence.standing.shared_holders(process, &blocked.wait) {
                let role = "took a permit and did not give it back";
                self.finding.site(hold.site.as_ref(), role, Some(&self.graph.address(hold.lane)), None);
                self.actor(hold.lane, role.to_owned());
            }
        }
        let counted = self.counted(blocked);
        for (provider, what, n) in counted {
            if self.finding.actors.len() + 1 >= MOST_ACTORS {
                break;
            }
            self.provider(provider, &format!("{what} {n}"));
        }
        if matches!(blocked.need, Need::Anyone { .. } | Need::Several { .. }) {
            self.dead(process);
        }
        if matches!(blocked.need, Need::Anyone { within: Within::Family | Within::Run }) {
            self.ended_processes(process);
        }
    }

    /// By lane, how often each did what is waited for.
    fn counted(&self, blocked: &Blocked<'a>) -> Vec<(LaneIndex, &'static str, u64)> {
        let wait = &blocked.wait;
        let (counts, what) = match wait.on.unwrap_or_default() {
            "queue-get" => (&wait.putters, "put"),
            "queue-put" | "queue-join" => (&wait.getters, "got"),
            _ => return Vec::new(),
        };
        let process = self.hang.members.first().map(|lane| self.process(*lane));
        let named = |lane: &str| process.and_then(|process| self.graph.mentioned(process, lane));
        counts.iter().filter_map(|(lane, n)| Some((named(lane)?, what, *n))).collect()
    }

    fn provider(&mut self, lane: LaneIndex, did: &str) {
        let id = self.graph.address(lane);
        let death = self.death_of(lane);
        let end = self.graph.lane(lane).end.as_ref();
        let role = match (&death, end) {
            (Some(death), _) => format!("{did}, then died: {}", cause(death)),
            (None, Some(end)) if end.how == "exc" => {
                format!("{did}, then died: {}", end.exc.as_deref().unwrap_or("an exception"))
            }
            (None, Some(_)) if self.evidence.standing.lane_is_over(lane) => format!("{did}, then ended"),
            _ => match self.blocked(lane) {
                Some(blocked) => format!("{did}, {}", words::waits(self.graph, self.process(lane), &blocked.wait)),
                None => did.to_owned(),
            },
        };
        let site = death.as_ref().and_then(|death| death.site.clone());
        let waits = self.blocked(lane).and_then(|blocked| blocked.wait.site.clone());
        self.finding.site(site.or(waits).as_ref(), role.clone(), Some(&id), None);
        if let Some(death) = death {
            self.finding.evidence(death.id.clone());
        }
        self.actor(lane, role);
    }

    /// A child that is blocked on a pipe of ours.
    fn pipe(&mut self, lane: LaneIndex, blocked: &Blocked<'a>) {
        let (graph, process) = (self.graph, self.process(lane));
        let Some(pid) = blocked.wait.child_pid else { return };
        let Some((pipe, call)) = self.evidence.standing.child_on_pipe(process, pid) else { return };
        let name = pipe.name.unwrap_or("a pipe");
        let role = if call == "write" {
            format!("blocked in writing to its full {name} pipe")
        } else {
            format!("waits for input on its {name} pipe, which its parent keeps open")
        };
        let child = graph.processes.iter().position(|facts| facts.pid == pid).map(ProcessIndex);
        let started = graph.processes.iter().find_map(|parent| parent.child_sites.get(&pid).cloned());
        match child {
            Some(child) => {
                let actor = Actor::process(graph, child, role.clone());
                self.finding.site(started.as_ref(), "started", Some(&actor.id), None);
                self.finding.actor(actor);
            }
            None => {
                let id = format!("pid {pid}");
                self.finding.site(started.as_ref(), "started", Some(&id), None);
                let actor =
                    Actor { id, process: String::new(), pid, name: format!("child {pid}"), kind: "process", role };
                self.finding.actor(actor);
            }
        }
        self.finding.resource(Resource {
            obj: format!("pipe:{name}:{pid}"),
            kind: Some("pipe".to_owned()),
            name: Some(name.to_owned()),
            site: pipe.site.or(started),
        });
        if let (Some(queued), Some(capacity)) = (pipe.queued, pipe.capacity) {
            self.finding.notes.push(format!("{queued} of {capacity} bytes are in the {name} pipe"));
        }
    }

    fn behind(&mut self) {
        let hang = self.hang;
        let mut said = Vec::new();
        let unnamed: Vec<LaneIndex> = hang.behind.iter().copied().filter(|lane| !self.is_named(*lane)).collect();
        for lane in &unnamed {
            let role = self.said_of(*lane);
            let site = self.blocked(*lane).and_then(|blocked| blocked.wait.site.clone());
            said.push(format!("{}: {role}", words::lane(self.graph, *lane, self.process(hang.members[0]))));
            if self.finding.actors.len() < MOST_ACTORS && self.finding.sites.len() < MOST_SITES {
                let id = self.graph.address(*lane);
                self.actor(*lane, format!("blocked behind it: {role}"));
                self.finding.site(site.as_ref(), format!("blocked behind it: {role}"), Some(&id), None);
            }
        }
        let unnamed = hang.members.len().saturating_sub(MOST_MEMBERS);
        if unnamed > 0 {
            self.finding.notes.push(format!("{unnamed} more wait there"));
        }
        if said.len() + hang.members.len() > MOST_ACTORS {
            said.truncate(4);
            self.finding.notes.push(format!("blocked behind it: {} …", said.join("; ")));
        }
    }

    fn is_named(&self, lane: LaneIndex) -> bool {
        let id = self.graph.address(lane);
        self.finding.actors.iter().any(|actor| actor.id == id)
    }

    fn said_of(&self, lane: LaneIndex) -> String {
        match self.evidence.standing.party(lane).map(|party| &party.state) {
            Some(State::Blocked(blocked)) => words::waits(self.graph, self.process(lane), &blocked.wait),
            Some(State::Exiting) => "waits for the other threads at the end of the program".to_owned(),
            Some(State::Behind(task)) => format!("runs {}", words::lane(self.graph, *task, self.process(lane))),
            _ => String::new(),
        }
    }

    /// Who called what waits, and where each lane was started, as far as there is room.
    fn callers(&mut self) {
        let hang = self.hang;
        for lane in hang.members.iter().take(MOST_MEMBERS) {
            let id = self.graph.address(*lane);
            let caller = self.blocked(*lane).and_then(|blocked| blocked.wait.stack.get(1).cloned());
            let taken =
                self.finding.sites.iter().map(|place| &place.site).chain(self.resource_sites()).collect::<Vec<_>>();
            let new = caller.filter(|caller| !taken.contains(&caller));
            if self.sites() < MOST_SITES - 2 {
                self.finding.site(new.as_ref(), "called from", Some(&id), None);
            }
            let started = self.graph.lane(*lane).site.clone();
            if self.sites() < MOST_SITES - 2 {
                self.finding.site(started.as_ref(), "started", Some(&id), None);
            }
        }
        let room = MOST_SITES.saturating_sub(self.resource_sites().count());
        self.finding.sites.truncate(room);
        self.finding.actors.truncate(MOST_ACTORS);
    }

    fn resource_sites(&self) -> impl Iterator<Item = &Site> {
        self.finding.resources.iter().filter_map(|resource| resource.site.as_ref())
    }

    fn sites(&self) -> usize {
        self.finding.sites.len() + self.resource_sites().count()
    }

    fn actor(&mut self, lane: LaneIndex, role: String) {
        if self.finding.actors.len() < MOST_ACTORS {
            self.finding.actor(Actor::lane(self.graph, lane, role));
        }
    }
}
