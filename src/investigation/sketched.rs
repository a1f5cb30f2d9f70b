//! A run for whoever asks only what there is in it: which processes, threads and tasks, how each ended, how much each wrote and
//! when. An index tells that without the lines, unless something is missing: what is missing is found in the lines.

use super::one_lane::{outline, told};
use super::{Investigation, InvestigationError};
use crate::causality::{CausalGraph, ProcessFacts};
use crate::spool::RunDir;
use crate::store::{FAR_BEHIND, RunReader, Told};

impl Investigation {
    /// The run without hand-overs and waits where its index can tell, else all of it. What is wrong with hand-overs, or is too much
    /// for the diagnoses, is not told either way.
    ///
    /// # Errors
    /// As of [`Investigation::open`].
    pub fn sketch(run: RunDir) -> Result<Investigation, InvestigationError> {
        let reader = RunReader::open(&run)?;
        if reader.bytes_behind() < FAR_BEHIND
            && let Some(builder) = outline(&reader, Told::All)?
            && let Some(mut case) = told(&run, reader, builder)?
            && is_whole(&case.graph)
            && case.problems.is_empty()
        {
            case.graph.forget_order();
            return Ok(case);
        }
        let mut case = Investigation::open(run)?;
        case.graph.forget_order();
        Ok(case)
    }
}

/// Whether nothing hints at a record that is missing. (Of one that was handed on after all that its lane has, the graph knows.)
fn is_whole(graph: &CausalGraph) -> bool {
    let of_program = |process: &&ProcessFacts| !process.is_logq();
    graph.processes.iter().filter(of_program).all(|process| process.malformed == 0 && !process.torn)
        && graph.lanes.iter().all(|lane| lane.gaps == 0 && lane.repeated == 0)
        && graph.dangling == 0
        // What came after what is read off one clock.
        && graph.processes.first().is_none_or(|first| graph.processes.iter().all(|other| first.shares_clock(other)))
}
