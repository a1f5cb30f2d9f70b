//! What is missing where a finding looks: said with the finding, and nothing is certain that rests on it.
//!
//! A hang follows from what nobody in the process can do any more, so whatever is missing of the process bears on it. Any
//! other finding rests on the lanes that it names.

use std::collections::{BTreeSet, HashMap};

use super::data_missing::sentence;
use super::{Certainty, Class, Finding, LASTING};
use crate::causality::{CausalGraph, LaneIndex, ProcessIndex};

/// So many sentences of one finding; how many more there are is said.
const MOST: usize = 6;

/// Names in each finding what is missing near it, and takes back what cannot be certain then.
pub(super) fn weigh(graph: &CausalGraph, findings: &mut [Finding]) {
    if graph.damage().is_empty() {
        return;
    }
    let keys: HashMap<&str, ProcessIndex> =
        graph.processes.iter().enumerate().map(|(place, facts)| (&*facts.proc, ProcessIndex(place))).collect();
    for finding in findings.iter_mut().filter(|finding| finding.kind != "data-missing") {
        let lanes = finding.evidence.iter().filter_map(|id| graph.lane_named(*keys.get(&*id.proc)?, id.lane));
        let lanes: BTreeSet<LaneIndex> = lanes.collect();
        let near = if LASTING.contains(&finding.kind) || finding.kind == "lock-order" {
            graph.damage_around(&lanes)
        } else {
            graph.damage_near(&lanes)
        };
        let doubtful = near.iter().any(|damage| damage.is_doubtful());
        if doubtful && finding.class == Class::Fault {
            finding.certainty = finding.certainty.max(Certainty::Likely);
        }
        let mut sentences: Vec<String> = near.iter().map(|damage| sentence(graph, damage)).collect();
        sentences.retain(|sentence| !finding.missing.contains(sentence));
        let more = sentences.len().saturating_sub(MOST);
        sentences.truncate(MOST);
        finding.missing.extend(sentences);
        if more > 0 {
            finding.missing.push(format!("and {more} more (logq diagnose --only data-missing)"));
        }
    }
}
