//! Who is gone: owners of locks, workers with a job in hand, lanes that died.

use super::{Account, MOST_ACTORS};
use crate::causality::{Blocked, Died, LaneIndex, Need, ProcessIndex};
use crate::diagnose::processes::ending;
use crate::diagnose::{Actor, Resource};
use crate::record::Site;

impl<'a> Account<'a> {
    /// Lanes of the process that died of an exception: one of them may have been to do it.
    pub(super) fn dead(&mut self, process: ProcessIndex) {
        let deaths: Vec<Died> = self.graph.processes[process.0].died.clone();
        for death in deaths.iter().filter(|death| matches!(death.place.as_str(), "thread" | "task")).take(2) {
            let lane = death.target.and_then(|target| self.graph.lane_named(process, target)).unwrap_or(death.lane);
            let id = self.graph.address(lane);
            let role = format!("died: {}", cause(death));
            if self.finding.actors.iter().any(|actor| actor.id == id) {
                continue;
            }
            self.finding.site(death.site.as_ref(), role.clone(), Some(&id), None);
            self.finding.evidence(death.id.clone());
            self.actor(lane, role);
        }
    }

    /// Other processes that are over, of an object that they share; those that failed before those that ended well.
    pub(super) fn ended_processes(&mut self, process: ProcessIndex) {
        let graph = self.graph;
        let others = (0..graph.processes.len()).map(ProcessIndex).filter(|other| {
            let facts = &graph.processes[other.0];
            *other != process && !facts.is_logq() && self.evidence.standing.has_ended(*other)
        });
        let mut others: Vec<ProcessIndex> = others.collect();
        others.sort_by_key(|other| ending(&graph.processes[other.0]) == "ended");
        for other in others.into_iter().take(2) {
            let Some(main) = graph.lane_named(other, crate::record::Lane::MAIN) else { continue };
            if self.finding.actors.iter().any(|actor| actor.id == graph.address(main)) {
                continue;
            }
            let role = ending(&graph.processes[other.0]);
            let actor = Actor::process(graph, other, role.clone());
            let site = self.start_site(other);
            self.finding.site(site.as_ref(), format!("started; it {role}"), Some(&actor.id), None);
            self.finding.evidence.extend(graph.last_up_to(main, u64::MAX).map(|last| graph.id(last)));
            if self.finding.actors.len() < MOST_ACTORS {
                self.finding.actor(actor);
            }
        }
    }

    pub(super) fn death_of(&self, lane: LaneIndex) -> Option<Died> {
        let process = self.process(lane);
        let own = |died: &&Died| match died.target {
            Some(target) => self.graph.lane_named(process, target) == Some(lane),
            None => died.lane == lane,
        };
        self.graph.processes[process.0].died.iter().find(own).cloned()
    }

    /// The owner of a lock that is gone, or stayed in the parent.
    pub(super) fn lost_owner(&mut self, lane: LaneIndex, blocked: &Blocked<'a>) {
        if blocked.need != Need::Never {
            return;
        }
        let (graph, process) = (self.graph, self.process(lane));
        let lock =
            blocked.wait.obj.map_or_else(|| "the lock".to_owned(), |obj| Resource::of(graph, process, obj).called());
        if let Some((_, holder, site)) = self.evidence.standing.left_at_fork(process, &blocked.wait) {
            let parent = graph.processes[process.0].ppid;
            let parent = graph.processes.iter().position(|facts| Some(facts.pid) == parent).map(ProcessIndex);
            let holder = holder.as_deref().and_then(|holder| {
                let own = holder.rsplit_once('/').map_or(holder, |(_, own)| own);
                graph.mentioned(parent?, holder).or_else(|| graph.mentioned(parent?, own))
            });
            let role = format!("held {lock} in the parent at the fork");
            let id = holder.map(|holder| graph.address(holder));
            self.finding.site(site.as_ref(), role.clone(), id.as_deref(), None);
            if let Some(holder) = holder {
                self.actor(holder, role);
            }
            let main = graph.lane_named(process, crate::record::Lane::MAIN);
            let forked = main.and_then(|main| graph.origin(main)).map(|edge| edge.from);
            if let Some(forker) = forked.filter(|forker| Some(*forker) != holder) {
                let site = self.start_site(process);
                self.finding.site(site.as_ref(), "forked", Some(&graph.address(forker)), None);
                self.actor(forker, format!("forked {}", graph.process_name(process)));
            }
            return;
        }
        let holders = self.evidence.standing.shared_holders(process, &blocked.wait);
        let hold = holders.first();
        let owner = blocked.wait.owner.and_then(|owner| graph.mentioned(process, owner)).or(hold.map(|hold| hold.lane));
        let Some(owner) = owner else { return };
        let id = graph.address(owner);
        let since = blocked.wait.held_since.or(hold.map(|hold| hold.since)).and_then(|since| graph.wall(owner, since));
        let took = format!("took {lock}");
        self.finding.evidence.extend(hold.map(|hold| graph.id_of(hold.lane, hold.seq)));
        self.finding.site(
            blocked.wait.held_at.as_ref().or(hold.and_then(|hold| hold.site.as_ref())),
            took.clone(),
            Some(&id),
            since,
        );
        let its_process = &graph.processes[self.process(owner).0];
        let role = match (self.death_of(owner), its_process.end.signal) {
            (Some(death), _) => format!("{took}, then died: {}", cause(&death)),
            (None, Some(_)) => format!("{took}; its process {}", ending(its_process)),
            (None, None) => format!("{took} and ended without giving it back"),
        };
        if let Some(death) = self.death_of(owner) {
            self.finding.site(death.site.as_ref(), "died", Some(&id), None);
            self.finding.evidence(death.id);
        }
        self.actor(owner, role);
    }

    /// Where the process was started.
    fn start_site(&self, process: ProcessIndex) -> Option<Site> {
        let pid = self.graph.processes[process.0].pid;
        self.graph.processes.iter().find_map(|parent| parent.child_sites.get(&pid).cloned())
    }

    /// The worker of a pool that took along what is waited for.
    pub(super) fn lost_job(&mut self, lane: LaneIndex, blocked: &Blocked<'a>) {
        let Some(taken) = self.evidence.standing.lost_job(self.process(lane), &blocked.wait) else { return };
        let graph = self.graph;
        let worker = self.process(taken.worker);
        let what = taken.function.as_deref().map_or_else(String::new, |function| format!(" ({function})"));
        let how = ending(&graph.processes[worker.0]);
        let role = format!("took job {}{what} and {how} without a result", taken.job);
        self.finding.evidence(graph.id_of(taken.worker, taken.seq));
        let site = self.start_site(worker);
        self.finding.site(site.as_ref(), role.clone(), Some(&graph.address(taken.worker)), None);
        self.actor(taken.worker, role);
    }
}

pub(super) fn cause(death: &Died) -> String {
    if death.msg.is_empty() { death.kind.clone() } else { format!("{}: {}", death.kind, death.msg) }
}
