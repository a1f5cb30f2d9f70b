//! Kind `data-missing`: what is not on record, so that no verdict claims more than the data bears.

use super::{Actor, Certainty, Diagnosis, Evidence, Finding};
use crate::causality::{CausalGraph, LaneIndex};

pub struct DataMissing;

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
        let damaged = evidence.graph.lane_indexes().filter(|lane| is_damaged(evidence.graph, *lane));
        finding.actors = damaged.take(8).map(|lane| Actor::lane(evidence.graph, lane, "has gaps")).collect();
        finding.missing = sentences;
        vec![finding]
    }

    fn explain(&self) -> &'static str {
        "data-missing: records of the run are not there, or cannot be read.\n\
         Seen by: gaps in a lane's numbers, torn or foreign lines, records that a writer counted as lost, stamps that \
         point to records that are not there.\n\
         It is an observation, no fault of the program. Common causes: a full disk, a cap on the spool, a file that \
         was cut or changed by hand."
    }
}

fn is_damaged(graph: &CausalGraph, lane: LaneIndex) -> bool {
    let facts = graph.lane(lane);
    (facts.gaps > 0 && graph.processes[facts.process.0].dropped == 0) || facts.repeated > 0
}

/// What is not on record, one sentence each. `problems` are those of the files.
pub fn sentences(graph: &CausalGraph, problems: &[String]) -> Vec<String> {
    let mut missing = problems.to_vec();
    for lane in graph.lane_indexes() {
        let facts = graph.lane(lane);
        let name = || format!("{} {}", graph.address(lane), facts.display_name());
        // Where a process dropped old records on purpose its lanes have gaps, all of them: that is said once.
        if facts.gaps > 0 && graph.processes[facts.process.0].dropped == 0 {
            missing.push(format!("{} records of {} are missing", facts.gaps, name()));
        }
        if facts.repeated > 0 {
            missing.push(format!("{} numbers of {} occur twice", facts.repeated, name()));
        }
    }
    for process in &graph.processes {
        let name = process.number.map_or_else(|| process.proc.to_string(), |number| format!("process {number}"));
        if process.dropped > 0 {
            let gaps: u64 = process.lanes.iter().map(|lane| graph.lane(*lane).gaps).sum();
            let records = gaps.max(process.dropped);
            missing.push(format!("{name} dropped {records} old records, to keep to its --ring or --spool-cap"));
        }
        if process.lost > 0 {
            missing.push(format!("{name} could not write {} records", process.lost));
        }
        if process.malformed > 0 {
            missing.push(format!("{} lines of {name} are no records (search ev:malformed)", process.malformed));
        }
    }
    if graph.dangling > 0 {
        missing.push(format!("{} stamps point to records that are not there", graph.dangling));
    }
    missing
}
