//! Graph to findings: everything that is wrong, or worth knowing, in a run.
//!
//! One file a kind or a family of kinds; [`ALL`] is the table. A diagnosis is given [`Evidence`] and does no I/O. A
//! program that is right gets no fault above `possible`: false alarms are worse than silence.

mod blocked_loop;
mod cancel_ignored;
mod children;
mod contention;
mod data_missing;
mod finding;
mod hang;
mod incomplete;
mod livelock;
mod lock_order;
mod lost_exception;
mod lost_work;
mod never_awaited;
mod processes;
mod race;
#[cfg(test)]
mod tests;
mod wording;
mod wrong_thread;

use std::cell::OnceCell;
use std::collections::HashSet;
use std::sync::Arc;

use crate::causality::{CausalGraph, Observed, Standing};

pub use data_missing::{clock_only, sentences as missing, sentences_near as missing_near};
pub use finding::{Actor, Certainty, Class, Finding, Place, Resource};

/// One kind of problem: how it is told from the facts.
pub trait Diagnosis: Sync {
    /// Its name: `deadlock`.
    fn kind(&self) -> &'static str;

    /// Every problem of this kind in the run.
    fn check(&self, evidence: &Evidence) -> Vec<Finding>;

    /// What the kind means, how it is recognised and what helps, for `--explain`.
    fn explain(&self) -> &'static str;
}

/// Every kind, the worst first; findings are shown in this order.
pub const ALL: &[&dyn Diagnosis] = &[
    &hang::DEADLOCK,
    &hang::ORPHANED_LOCK,
    &hang::LOST_WAKEUP,
    &hang::POOL_EXHAUSTED,
    &hang::STUCK_WAIT,
    &livelock::Livelock,
    &lost_exception::LostException,
    &never_awaited::NeverAwaited,
    &cancel_ignored::CancelIgnored,
    &wrong_thread::WrongThread,
    &lost_work::LostWork,
    &blocked_loop::BlockedLoop,
    &race::Race,
    &lock_order::LockOrder,
    &contention::Starvation,
    &processes::CrashedProcess,
    &processes::KilledProcess,
    &children::ZombieProcess,
    &children::OrphanProcess,
    &contention::Contention,
    &data_missing::DataMissing,
];

/// The kinds that last: what is not resolved goes on.
pub const LASTING: &[&str] =
    &["deadlock", "orphaned-lock", "lost-wakeup", "pool-exhausted", "stuck-wait", "livelock", "cancel-ignored"];

/// What is known of a run.
pub struct Evidence<'a> {
    pub graph: &'a CausalGraph,
    /// Keys of the processes that live now.
    pub alive: &'a HashSet<Arc<str>>,
    /// What could not be read, one sentence each.
    pub problems: &'a [String],
    /// How the run stood at its end.
    pub standing: Standing<'a>,
    /// Of all kinds, once they were looked for.
    hangs: OnceCell<Vec<hang::Hang>>,
}

impl<'a> Evidence<'a> {
    pub fn new(graph: &'a CausalGraph, alive: &'a HashSet<Arc<str>>, problems: &'a [String]) -> Evidence<'a> {
        Evidence { graph, alive, problems, standing: Standing::at_end(graph), hangs: OnceCell::new() }
    }

    fn hangs(&self) -> &[hang::Hang] {
        self.hangs.get_or_init(|| hang::find(self))
    }
}

/// The diagnosis of that kind.
pub fn named(kind: &str) -> Option<&'static dyn Diagnosis> {
    ALL.iter().find(|diagnosis| diagnosis.kind() == kind).copied()
}

/// Everything that is found, or all of one kind: faults before observations, the surest first, then in the order of
/// [`ALL`] and of time.
pub fn findings(evidence: &Evidence, only: Option<&dyn Diagnosis>) -> Vec<Finding> {
    let chosen = ALL.iter().filter(|diagnosis| only.is_none_or(|only| only.kind() == diagnosis.kind()));
    let mut found: Vec<Finding> = chosen.flat_map(|diagnosis| diagnosis.check(evidence)).collect();
    incomplete::weigh(evidence.graph, &mut found);
    let place = |kind: &str| ALL.iter().position(|diagnosis| diagnosis.kind() == kind);
    found.sort_by_key(|finding| (finding.class, finding.certainty, place(finding.kind), finding.since));
    found.iter_mut().for_each(|finding| name_test(evidence.graph, finding));
    found
}

/// In which test it began, where the run is one of `pytest --logq`.
fn name_test(graph: &CausalGraph, finding: &mut Finding) {
    let Some(since) = finding.since.filter(|_| !graph.observed.tests.is_empty()) else { return };
    let is_of = |observed: &&Observed| {
        let pid = graph.processes[observed.process.0].pid;
        observed.ts <= since && finding.actors.iter().any(|actor| actor.pid == pid)
    };
    let last = graph.observed.tests.iter().filter(is_of).max_by_key(|observed| observed.ts);
    let begun = last.and_then(|last| last.event.note()).filter(|note| note.state == Some("begin"));
    if let Some(name) = begun.and_then(|note| note.name) {
        finding.notes.push(format!("in test {name}"));
    }
}
