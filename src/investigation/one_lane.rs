//! One lane of a run whose index can tell the rest in outline: what the lane did, and what it gave and took, without reading what
//! everybody else wrote. Of the others the graph has their records, and no hand-overs but those with this lane.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::{Investigation, InvestigationError, LaneChoice, Places, heads, lanes, living};
use crate::causality::{Builder, CausalGraph, LaneIndex, NodeRef};
use crate::record::{LaneRef, Record};
use crate::spool::RunDir;
use crate::store::{FAR_BEHIND, Filter, RunReader, Seen, Told};

impl Investigation {
    /// The one lane that is chosen. `None` where more than one is, or none, and where there is no index that can tell, or one that
    /// is far behind: then the whole run has to be read.
    pub fn of_one_lane(run: &RunDir, choice: &LaneChoice) -> Result<Option<Investigation>, InvestigationError> {
        if choice.threads.len() + choice.tasks.len() != 1 {
            return Ok(None);
        }
        let reader = RunReader::open(run)?;
        if reader.bytes_behind() >= FAR_BEHIND {
            return Ok(None);
        }
        let lane = match addressed(&reader, choice) {
            Some(lane) => Some(lane),
            None => named(&reader, choice)?,
        };
        let Some(lane) = lane else { return Ok(None) };
        let Some(builder) = outline(&reader, Told::With(&lane))? else { return Ok(None) };
        let case = told(run, reader, builder)?;
        // What is wrong with a choice is said by whoever knows everything.
        Ok(case.filter(|case| chosen(&case.graph, choice) == Some(lane)))
    }
}

/// The run as its index has told it; `None` where that could not tell all that it was to.
pub(super) fn told(
    run: &RunDir,
    reader: RunReader,
    mut builder: Builder,
) -> Result<Option<Investigation>, InvestigationError> {
    let mut problems = reader.problems()?;
    if problems.gone > 0 || problems.index.is_some() {
        return Ok(None);
    }
    // The graph counts malformed lines by process; here they would be said twice.
    problems.malformed = 0;
    problems.torn.keys().for_each(|part| builder.add_torn(&part.proc));
    let problems = problems.to_string().lines().map(str::to_owned).collect();
    let graph = builder.finish();
    let alive = living(&run.spool(), &graph);
    Ok(Some(Investigation { run: run.clone(), graph, alive, problems, reader: Some(reader) }))
}

impl Investigation {
    /// The lanes that are chosen, with a graph that knows of them what they are: without reading the run where its index can tell.
    ///
    /// # Errors
    /// When a choice fits nothing, or the run cannot be read.
    pub fn of_lanes(run: &RunDir, choice: &LaneChoice) -> Result<(Investigation, Vec<LaneIndex>), InvestigationError> {
        let reader = RunReader::open(run)?;
        if reader.bytes_behind() < FAR_BEHIND
            && let Some(builder) = outline(&reader, Told::Firsts)?
        {
            let (graph, reader) = (builder.finish(), Some(reader));
            let case =
                Investigation { run: run.clone(), graph, alive: Default::default(), problems: Vec::new(), reader };
            if let Ok(lanes) = case.lanes(choice) {
                return Ok((case, lanes));
            }
        }
        // What is wrong with a choice is said by whoever knows everything.
        let case = Investigation::open(run.clone())?;
        let lanes = case.lanes(choice)?;
        Ok((case, lanes))
    }
}

/// The lane with the address that is chosen. Whether there is one is not looked at.
fn addressed(reader: &RunReader, choice: &LaneChoice) -> Option<LaneRef> {
    let (number, lane) = lanes::addressed(choice)?;
    let mut of_number = reader.processes().iter().filter(|process| process.number == Some(number));
    let (process, None) = (of_number.next()?, of_number.next()) else { return None };
    Some(LaneRef { proc: process.proc.clone(), lane })
}

/// The one lane that is chosen by a name, which the first lines of all lanes tell.
fn named(reader: &RunReader, choice: &LaneChoice) -> Result<Option<LaneRef>, InvestigationError> {
    Ok(outline(reader, Told::Firsts)?.and_then(|builder| chosen(&builder.finish(), choice)))
}

/// The lane that is chosen, if it is one.
fn chosen(graph: &CausalGraph, choice: &LaneChoice) -> Option<LaneRef> {
    let [one] = lanes::choose(graph, choice).ok()?[..] else { return None };
    Some(LaneRef { proc: graph.process_of(one).proc.clone(), lane: graph.lane(one).lane })
}

pub(super) fn outline(reader: &RunReader, what: Told<'_>) -> Result<Option<Builder>, InvestigationError> {
    let mut builder = Builder::new();
    let told = reader.outline(what, &mut |seen| match seen {
        Seen::Glance(glance) => builder.add_glance(&glance),
        Seen::Whole(record) => builder.add(&record),
    });
    if told.is_none() {
        return Ok(None);
    }
    heads(reader.run(), &mut |record| builder.add_repeated(record))?;
    Ok(Some(builder))
}

/// The contents of some records: of each lane the stretch in which they lie.
pub(super) fn contents(reader: &RunReader, wanted: &Places) -> Result<BTreeMap<NodeRef, Record>, InvestigationError> {
    let mut stretches: BTreeMap<LaneRef, (u64, u64)> = BTreeMap::new();
    for (proc, records) in wanted {
        for (lane, seq) in records.keys() {
            let lane = LaneRef { proc: proc.clone(), lane: *lane };
            let (first, last) = stretches.entry(lane).or_insert((*seq, *seq));
            (*first, *last) = ((*first).min(*seq), (*last).max(*seq));
        }
    }
    let mut contents = BTreeMap::new();
    for (lane, (first, last)) in stretches {
        let Some(records) = wanted.get(&lane.proc) else { continue };
        let _ = reader.each(&Filter::of_lane(&lane, first..=last), &mut |entry| {
            if let Some(at) = records.get(&(lane.lane, entry.record.seq)) {
                contents.entry(*at).or_insert(entry.record);
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(contents)
}
