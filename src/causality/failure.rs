//! One failure, from the lane where it was raised back to whoever submitted the work, and who came to look.
//!
//! Facts only: what a lane that looked made of what it saw is not on record.

use super::chain::{Chain, Hop};
use super::graph::{CausalGraph, Edge, EdgeKind, LaneIndex, NodeRef};
use super::observed::Observed;
use crate::record::{EventKind, Lane, Site, Stamp};

/// What is known of an exception that ended a thread, a task, a job or a process.
#[derive(Debug, Clone)]
pub struct Failure {
    /// sys, thread, task, future, …
    pub place: String,
    /// The lane where it was raised.
    pub victim: LaneIndex,
    /// That lane's last record by then.
    pub at: NodeRef,
    pub submitted: Option<Submission>,
    /// Who heard of the end, in causal order; the outcome itself, or that it was over.
    pub looked: Vec<Looked>,
}

/// Who gave the work to the lane that failed.
#[derive(Debug, Clone)]
pub struct Submission {
    pub by: LaneIndex,
    /// Its last record before; `None` where nothing of it is on record by then.
    pub after: Option<NodeRef>,
    /// Where, in its code.
    pub site: Option<Site>,
}

/// A lane that learnt that the work was over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Looked {
    /// Joined the thread: `join` says that it is over, not how it ended.
    Joined(NodeRef),
    /// The first to hear of the end of a task: it awaited it, or asked for its outcome.
    Heard(NodeRef),
    /// Saw the process end; its exit code tells.
    Reaped(NodeRef),
}

impl CausalGraph {
    /// The failure that a record tells of: an `exc`, or the end of a lane that died.
    pub fn failure(&self, of: NodeRef) -> Option<Failure> {
        let node = self.node(of);
        match node.event? {
            EventKind::Exc => {
                let told =
                    self.observed.of(EventKind::Exc).find(|told| (told.lane, told.seq) == (of.lane, node.seq))?;
                self.told_failure(of, told)
            }
            EventKind::End => {
                let died = self.lane(of.lane).end.as_ref().is_some_and(|end| end.seq == node.seq && end.how == "exc");
                let place =
                    if self.lane(of.lane).lane.kind == crate::record::LaneKind::Task { "task" } else { "thread" };
                died.then(|| self.failed_lane(place, of))
            }
            _ => None,
        }
    }

    /// What led to a record: of a failure from where it came from, else from the record itself.
    pub fn led_to(&self, record: NodeRef, failed: Option<&Failure>) -> Chain {
        let of_failure = failed.filter(|failed| failed.is_job() || failed.victim != record.lane);
        of_failure.map_or_else(|| self.chain(record), |failed| self.chain_of_failure(failed))
    }

    /// From the lane that failed back to the root: by way of whoever submitted the very work that failed, where that is
    /// on record.
    pub fn chain_of_failure(&self, failure: &Failure) -> Chain {
        let job = failure.submitted.as_ref().filter(|_| failure.is_job());
        let Some((submitted, after)) = job.and_then(|submitted| Some((submitted, submitted.after?))) else {
            return self.chain(failure.at);
        };
        let seq = self.node(after).seq;
        let edge = Edge { from: submitted.by, seq, kind: EdgeKind::Hard, by: Some("job".into()) };
        let from = self.saying(after);
        let mut chain = self.chain(from);
        chain.hops.insert(0, Hop { to: failure.at, edge, from: Some(from), doubts: Vec::new() });
        Chain { of: failure.at, ..chain }
    }

    fn told_failure(&self, of: NodeRef, told: &Observed) -> Option<Failure> {
        let event = told.event.unhandled()?;
        let place = event.place.unwrap_or_default();
        let target = event.target.and_then(|target| self.mentioned(told.process, target));
        let (victim, heard) = target.map_or((told.lane, None), |target| self.behind(told, target));
        if matches!(place, "sys" | "thread" | "task" | "gather" | "group") {
            let own_end = self.lane(victim).end.as_ref().and_then(|end| self.find(victim, end.seq));
            let at = if victim == of.lane { of } else { own_end.or_else(|| self.nodes_of(victim).next_back())? };
            return Some(self.failed_lane(place, at));
        }
        // A callback, a finalizer: nobody gave the lane that work.
        if !matches!(place, "future" | "pool") {
            return None;
        }
        let at = match heard {
            Some(seq) => self.last_up_to(victim, seq)?,
            None => self.last_before(of, victim)?,
        };
        let from = event.from.and_then(|from| from.parse::<Stamp>().ok());
        let by = from.as_ref().and_then(|stamp| {
            let process = stamp.proc.as_deref().map_or(Some(told.process), |key| self.process_with_key(key))?;
            self.lane_named(process, stamp.lane)
        });
        let submitted = by.zip(from).map(|(by, stamp)| Submission {
            by,
            after: self.last_up_to(by, stamp.seq),
            site: event.site.clone(),
        });
        Some(Failure { place: place.to_owned(), victim, at, submitted, looked: self.joined(victim, at) })
    }

    /// A thread, task or process that failed as a whole: whoever began it submitted the work.
    fn failed_lane(&self, place: &str, at: NodeRef) -> Failure {
        let submitted = self.origin(at.lane).map(|start| Submission {
            by: start.from,
            after: self.source(start),
            site: self.lane(at.lane).site.clone().or_else(|| self.child_site(at.lane, start)),
        });
        let looked = match place {
            "sys" => self.reaped(at.lane),
            "thread" => self.joined(at.lane, at),
            _ => self.heard(at).into_iter().collect(),
        };
        Failure { place: place.to_owned(), victim: at.lane, at, submitted, looked }
    }

    /// Where the process of that lane was started.
    fn child_site(&self, lane: LaneIndex, start: &Edge) -> Option<Site> {
        self.process_of(start.from).child_sites.get(&self.process_of(lane).pid).cloned()
    }

    /// The victim's last record that the teller had heard of: a job's failure is known by its `result` stamp.
    fn last_before(&self, told: NodeRef, victim: LaneIndex) -> Option<NodeRef> {
        if told.lane == victim {
            return Some(told);
        }
        let own = |edge: &&Edge| edge.from == victim && edge.by.as_deref() == Some("result");
        let stamp = self.edges_into(told).find(own).map(|edge| edge.seq);
        stamp.and_then(|seq| self.last_up_to(victim, seq)).or_else(|| self.nodes_of(victim).next_back())
    }

    /// Who joined the lane after that record.
    fn joined(&self, victim: LaneIndex, at: NodeRef) -> Vec<Looked> {
        let seq = self.node(at).seq;
        let out = self.edges_out_of(victim).into_iter();
        let joins = out.filter(|(upto, _, edge)| *upto >= seq && edge.by.as_deref() == Some("join"));
        let mut looked: Vec<Looked> = joins.map(|(_, to, _)| Looked::Joined(to)).collect();
        looked.dedup();
        looked
    }

    /// Who first heard of the end of a task, unless it is known that nobody asked for its outcome.
    fn heard(&self, end: NodeRef) -> Option<Looked> {
        let is_own = |told: &&Observed| {
            let target = told.event.unhandled().and_then(|exc| exc.target.map(str::to_owned));
            target.and_then(|target| self.mentioned(told.process, &target)) == Some(end.lane)
        };
        if self.observed.of(EventKind::Exc).find(is_own).is_some() {
            return None;
        }
        let seq = self.node(end).seq;
        let after = self.edges_out_of(end.lane).into_iter().filter(|(upto, ..)| *upto >= seq);
        after.min_by_key(|(_, to, _)| self.node(*to).mono).map(|(_, to, _)| Looked::Heard(to))
    }

    /// Who saw the process of that lane end.
    fn reaped(&self, victim: LaneIndex) -> Vec<Looked> {
        if self.lane(victim).lane != Lane::MAIN {
            return Vec::new();
        }
        let out = self.edges_out_of(victim).into_iter().map(|(_, to, edge)| (to, edge.kind));
        let reaps = out.filter(|(to, kind)| *kind == EdgeKind::Hard && self.node(*to).event == Some(EventKind::Reap));
        reaps.map(|(to, _)| Looked::Reaped(to)).filter(|looked| !self.process_of(looked.at().lane).is_logq()).collect()
    }

    /// The lane that did a failed job. A pool of processes has a thread that takes the results in: it is the worker that
    /// failed, whose message that thread had received last.
    pub fn worker_behind(&self, observed: &Observed, target: LaneIndex) -> LaneIndex {
        self.behind(observed, target).0
    }

    /// The same, with the number of the worker's record that the thread had heard of.
    fn behind(&self, observed: &Observed, target: LaneIndex) -> (LaneIndex, Option<u64>) {
        let function = self.lane(target).function.as_deref().unwrap_or_default();
        if !function.ends_with("._handle_results") && !function.ends_with("_ExecutorManagerThread.run") {
            return (target, None);
        }
        let told = self.find(observed.lane, observed.seq);
        let seen = told.and_then(|at| {
            self.edges_into(at).find(|edge| edge.from == target && edge.by.as_deref() == Some("result"))
        });
        let Some(last) = seen.and_then(|edge| self.last_up_to(target, edge.seq)) else { return (target, None) };
        let received = (0..=last.at).rev().find_map(|at| {
            let own = self.lane(target).process;
            self.edges_into(NodeRef { lane: target, at }).find(|edge| self.lane(edge.from).process != own)
        });
        received.map_or((target, None), |edge| (edge.from, Some(edge.seq)))
    }
}

impl Failure {
    /// It was work that a worker had been given, not a lane of its own.
    pub fn is_job(&self) -> bool {
        matches!(self.place.as_str(), "future" | "pool")
    }
}

impl Looked {
    /// The record that shows it.
    pub fn at(&self) -> NodeRef {
        match self {
            Looked::Joined(at) | Looked::Heard(at) | Looked::Reaped(at) => *at,
        }
    }
}
