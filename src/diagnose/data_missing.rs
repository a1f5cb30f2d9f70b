//! Kind `data-missing`: what is not on record, so that no verdict claims more than the data bears.

use std::collections::BTreeSet;

use super::wording::list;
use super::{Actor, Certainty, Diagnosis, Evidence, Finding};
use crate::causality::{CausalGraph, Damage, LaneIndex, ProcessIndex};

pub struct DataMissing;

/// So many lanes and records of it are named.
const MOST: usize = 8;

impl Diagnosis for DataMissing {
    fn kind(&self) -> &'static str {
        "data-missing"
    }

    fn check(&self, evidence: &Evidence) -> Vec<Finding> {
        let sentences = sentences(evidence.graph, evidence.problems);
        if sentences.is_empty() {
            return Vec::new();
        }
        let title = match sentences.len() {
            1 => "something is not on record".to_owned(),
            n => format!("{n} things are not on record"),
        };
        let mut finding = Finding::observation(self.kind(), Certainty::Certain, title);
        finding.summary = "What is missing may hide a fault, or the cause of one.".to_owned();
        for damage in evidence.graph.damage() {
            add_place(&mut finding, evidence.graph, &damage);
        }
        finding.actors.truncate(MOST);
        finding.evidence.truncate(MOST);
        finding.missing = sentences;
        vec![finding]
    }

    fn explain(&self) -> &'static str {
        "data-missing: records of the run are not there, or cannot be read.\n\
         Seen by: gaps in a lane's numbers, torn or foreign lines, records that a writer counted as lost, stamps that \
         point to records that are not there, or in a circle, \
         which is told and never used; processes of which nothing is there.\n\
         It is an observation, no fault of the program. Common causes: a full disk, a cap on the spool, a file that \
         was cut or changed by hand."
    }
}

/// The lane, or the records, that the damage is in.
fn add_place(finding: &mut Finding, graph: &CausalGraph, damage: &Damage) {
    match damage {
        Damage::Gaps { lane, .. } => finding.actor(Actor::lane(graph, *lane, "has gaps")),
        Damage::Repeated { lane, .. } => finding.actor(Actor::lane(graph, *lane, "has numbers twice")),
        Damage::Circle { records } => {
            for at in records {
                finding.actor(Actor::lane(graph, at.lane, "has stamps that contradict the others"));
                finding.evidence(graph.id(*at));
            }
        }
        _ => {}
    }
}

/// What is not on record, one sentence each. `problems` are those of the files.
pub fn sentences(graph: &CausalGraph, problems: &[String]) -> Vec<String> {
    let damage = graph.damage();
    // The files themselves say more of what is torn.
    let told = damage.iter().filter(|damage| !matches!(damage, Damage::Torn { .. }));
    let told = told.map(|damage| sentence(graph, damage));
    problems.iter().cloned().chain(told).chain(clock_only(graph)).collect()
}

/// What is missing of those lanes and their processes, one sentence each.
pub fn sentences_near(graph: &CausalGraph, lanes: &BTreeSet<LaneIndex>) -> Vec<String> {
    graph.damage_near(lanes).iter().map(|damage| sentence(graph, damage)).collect()
}

/// One thing that is missing, in words.
pub(super) fn sentence(graph: &CausalGraph, damage: &Damage) -> String {
    let of_lane = |lane: &LaneIndex| format!("{} {}", graph.address(*lane), graph.lane(*lane).display_name());
    let of_process = |process: &ProcessIndex| {
        let facts = &graph.processes[process.0];
        facts.number.map_or_else(|| facts.proc.to_string(), |number| format!("process {number}"))
    };
    match damage {
        Damage::Gaps { lane, records } => format!("{records} records of {} are missing", of_lane(lane)),
        Damage::Repeated { lane, records } => format!("{records} numbers of {} occur twice", of_lane(lane)),
        Damage::Circle { records } => {
            let ids: Vec<String> = records.iter().map(|at| graph.id(*at).to_string()).collect();
            format!("damaged: the stamps of {} say that each came before the other; none of them is used", list(&ids))
        }
        Damage::Dropped { process, records } => {
            format!("{} dropped {records} old records, to keep to its --ring or --spool-cap", of_process(process))
        }
        Damage::Lost { process, records } => format!("{} could not write {records} records", of_process(process)),
        Damage::CutOff { process, times } => {
            let log = graph.processes[process.0].argv.first().map_or("its log", |path| path.as_str());
            let often = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
            format!("{log} was cut or removed {often}: what was written to it last may not have been read")
        }
        Damage::Malformed { process, lines } => {
            format!("{lines} lines of {} are no records (search ev:malformed)", of_process(process))
        }
        Damage::Torn { process } => {
            format!("the last line of {} was torn: what it did last may be missing", of_process(process))
        }
        Damage::Headless { process } => format!("the first lines of {} are missing", of_process(process)),
        Damage::Absent { processes: 1 } => "of one process that began nothing is on record".to_owned(),
        Damage::Absent { processes } => format!("of {processes} processes that began nothing is on record"),
        Damage::Unread { events } => {
            format!("{events} events were too many to be looked at: what they tell is not diagnosed")
        }
        Damage::Dangling { stamps } => format!("{stamps} stamps point to records that are not there"),
    }
}

/// That logs of other systems say nothing of hand-overs, where there are such.
pub fn clock_only(graph: &CausalGraph) -> Option<String> {
    let foreign: Vec<_> = graph.processes.iter().filter(|process| process.is_foreign()).collect();
    let mut files: Vec<&str> = foreign.iter().filter_map(|process| process.argv.first().map(String::as_str)).collect();
    files.sort_unstable();
    files.dedup();
    let first = files.first()?.rsplit('/').next().unwrap_or_default();
    let (all, are) = match files.len() {
        1 => (first.to_owned(), "is a foreign log"),
        n => (format!("{first} and {} more", n - 1), "are foreign logs"),
    };
    Some(format!("hand-overs: {all} {are}, ordered by clock only"))
}
