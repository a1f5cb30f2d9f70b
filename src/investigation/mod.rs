//! Where the two columns meet: a run is read through its store and becomes a graph, and the lanes and records that a
//! person names are found in it. Knows neither views nor collectors.

mod compared;
mod lanes;
mod one_lane;
mod runs;
mod search;
mod sketched;
mod steps;
mod words;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::causality::time::{Ledger, LedgerReader};
use crate::causality::{Builder, CausalGraph, LaneIndex, NodeRef, ProcessIndex};
use crate::diagnose::{self, Diagnosis, Evidence, Finding};
use crate::query::QueryError;
use crate::record::{Lane, LaneKind, Record, RecordName};
use crate::spool::archive::ArchiveError;
use crate::spool::{Entry, RunDir, Sight, Spool, SpoolError};
use crate::store::{RunReader, StoreError};

pub use compared::Compared;
pub use lanes::LaneChoice;
pub use runs::{RunChoice, choose_runs, find_store, newest_run};
pub use search::{
    RunHit, SearchedRun, check_fields, count, extent, filter_for, histogram, newest, open_search, span, top,
    with_neighbours,
};
pub use steps::{TooMany, begin, steps};
pub use words::{BadWord, Words};

/// What is asked about: [`Words`] say it.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Where the store is; `None`: looked for upward from the working directory.
    pub dir: Option<PathBuf>,
    pub run: RunChoice,
    pub lanes: LaneChoice,
    /// At least this severe.
    pub level: Option<u16>,
    /// Nanoseconds since 1970.
    pub since: Option<i64>,
    pub until: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
pub enum InvestigationError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Query(#[from] QueryError),
    /// What was named is not there, or is several things; with what there is.
    #[error("{what}")]
    NotFound { what: String, there_is: Vec<String> },
}

/// One run, read and understood.
pub struct Investigation {
    pub run: RunDir,
    pub graph: CausalGraph,
    /// Keys of the processes that live now.
    pub alive: HashSet<Arc<str>>,
    /// What could not be read, one sentence each.
    pub problems: Vec<String>,
    /// What tells the records of the one lane that was read, where not all was.
    reader: Option<RunReader>,
}

impl Investigation {
    /// Reads the whole run into a graph.
    ///
    /// # Errors
    /// When the run's directory cannot be read. Damaged lines and files are no errors but [`Investigation::problems`].
    pub fn open(run: RunDir) -> Result<Investigation, InvestigationError> {
        Investigation::read(run, None)
    }

    /// The same; each record is shown to `beside`, too.
    fn read(run: RunDir, mut beside: Option<&mut dyn FnMut(&Record)>) -> Result<Investigation, InvestigationError> {
        let mut builder = Builder::new();
        let mut problems = skim(&run, &mut |sight| {
            match sight.glance().filter(|_| beside.is_none()) {
                Some(glance) => builder.add_glance(&glance),
                None => {
                    let record = sight.understand().record;
                    builder.add(&record);
                    if let Some(beside) = beside.as_mut().filter(|_| !record.again) {
                        beside(&record);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        heads(&run, &mut |record| builder.add_repeated(record))?;
        // The graph counts malformed lines by process; here they would be said twice.
        problems.malformed = 0;
        problems.torn.keys().for_each(|part| builder.add_torn(&part.proc));
        let problems = problems.to_string().lines().map(str::to_owned).collect();
        let graph = builder.finish();
        let alive = living(&run.spool(), &graph);
        Ok(Investigation { run, graph, alive, problems, reader: None })
    }

    /// What is wrong with the run, worst first; all kinds of finding, or one.
    pub fn findings(&self, only: Option<&dyn Diagnosis>) -> Vec<Finding> {
        diagnose::findings(&Evidence::new(&self.graph, &self.alive, &self.problems), only)
    }

    /// The contents of some records: a second reading, so that a graph of millions need not hold them all.
    pub fn contents(
        &self,
        wanted: impl IntoIterator<Item = NodeRef>,
    ) -> Result<BTreeMap<NodeRef, Record>, InvestigationError> {
        let mut places: Places = HashMap::new();
        for at in wanted {
            let id = self.graph.id(at);
            places.entry(id.proc).or_default().insert((id.lane, id.seq), at);
        }
        let mut contents = BTreeMap::new();
        if places.is_empty() {
            return Ok(contents);
        }
        if let Some(reader) = &self.reader {
            return one_lane::contents(reader, &places);
        }
        let mut left: usize = places.values().map(HashMap::len).sum();
        let is_wanted = |places: &Places, proc: &str, lane, seq| {
            places.get(proc).is_some_and(|places| places.contains_key(&(lane, seq)))
        };
        skim(&self.run, &mut |sight| {
            let seen = sight.glance().map(|seen| is_wanted(&places, seen.proc, seen.lane, seen.seq));
            if seen == Some(false) {
                return ControlFlow::Continue(());
            }
            let record = sight.understand().record;
            let of_process = places.get_mut(&record.proc).filter(|_| !record.again);
            if let Some(at) = of_process.and_then(|places| places.remove(&(record.lane, record.seq))) {
                contents.insert(at, record);
                left -= 1;
            }
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(contents)
    }

    /// Where the time went: a second reading, for what a graph does not keep.
    pub fn ledger(&self) -> Result<Ledger, InvestigationError> {
        let mut reader = LedgerReader::new(&self.graph);
        skim(&self.run, &mut |sight| {
            match sight.glance() {
                Some(glance) => reader.add_glance(&glance),
                None => reader.add(&sight.understand().record),
            }
            ControlFlow::Continue(())
        })?;
        Ok(reader.finish())
    }

    /// Shows every record of the run once more, with its place in the graph and its line: for what a picture or an export
    /// of the whole run needs beyond the graph. In file order within a process.
    pub fn read_again(&self, each: &mut dyn FnMut(NodeRef, &Entry<'_>)) -> Result<(), InvestigationError> {
        let processes = self.graph.processes.iter().enumerate();
        let processes: HashMap<Arc<str>, ProcessIndex> =
            processes.map(|(place, process)| (process.proc.clone(), ProcessIndex(place))).collect();
        skim(&self.run, &mut |sight| {
            let entry = sight.understand();
            let record = &entry.record;
            let process = processes.get(&record.proc).filter(|_| !record.again);
            let lane = process.and_then(|process| self.graph.lane_named(*process, record.lane));
            if let Some(at) = lane.and_then(|lane| self.graph.find(lane, record.seq)) {
                each(at, &entry);
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    /// Every line of the run as it is on disk, in file order within a process; of one that is longer than a line may be its
    /// beginning.
    pub fn lines(&self, each: &mut dyn FnMut(&[u8])) -> Result<(), InvestigationError> {
        skim(&self.run, &mut |sight| {
            each(sight.understand().line);
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    /// The record of that name.
    ///
    /// # Errors
    /// [`InvestigationError::NotFound`] with what is nearest.
    pub fn record(&self, name: &RecordName, lanes: &LaneChoice) -> Result<NodeRef, InvestigationError> {
        let unsaid = lanes::process_meant(&self.graph, lanes)?;
        if let Some(found) = self.graph.named(name, unsaid) {
            return Ok(found);
        }
        Err(self.record_missing(name, unsaid))
    }

    fn record_missing(&self, name: &RecordName, unsaid: Option<ProcessIndex>) -> InvestigationError {
        let mut whole = name.clone();
        whole.seq = u64::MAX;
        // A record that is not there is most often one too far: what the lane has is said.
        let lane = self.graph.lane_indexes().find(|lane| {
            let facts = self.graph.lane(*lane);
            let process = &self.graph.processes[facts.process.0];
            facts.lane == name.lane
                && match &name.process {
                    crate::record::ProcessName::Unsaid => Some(facts.process) == unsaid,
                    crate::record::ProcessName::Number(number) => process.number == Some(*number),
                    crate::record::ProcessName::Key(key) => *process.proc == **key,
                }
        });
        let ends = lane.map(|lane| (self.graph.nodes_of(lane).next(), self.graph.nodes_of(lane).next_back()));
        let (what, there_is) = match ends {
            Some((Some(first), Some(last))) => (
                format!("no record @{} in lane {}", name.seq, name.lane),
                vec![format!("its records go from {} to {}", self.graph.id(first), self.graph.id(last))],
            ),
            _ => (
                format!("no lane {} there", name.lane),
                lanes::list(&self.graph, &self.graph.lane_indexes().collect::<Vec<_>>()),
            ),
        };
        InvestigationError::NotFound { what, there_is }
    }

    /// The lanes that are chosen; all of the program's where nothing is chosen.
    ///
    /// # Errors
    /// [`InvestigationError::NotFound`] where a name matches nothing, or several lanes without a glob.
    pub fn lanes(&self, choice: &LaneChoice) -> Result<Vec<LaneIndex>, InvestigationError> {
        lanes::choose(&self.graph, choice)
    }
}

/// Records by process, lane and number.
type Places = HashMap<Arc<str>, HashMap<(Lane, u64), NodeRef>>;

/// Every line of the run.
fn skim(
    run: &RunDir,
    each: &mut dyn FnMut(Sight<'_>) -> ControlFlow<()>,
) -> Result<crate::spool::Problems, InvestigationError> {
    let listing = run.spool().list()?;
    let mut problems = listing.problems.clone();
    for part in listing.parts() {
        let mut cursor = crate::spool::Cursor::default();
        let read = part.skim(&mut cursor, u64::MAX, &mut problems, each);
        if read.stopped {
            break;
        }
    }
    Ok(problems)
}

/// Gives the lines that parts begin with, of processes whose first part is gone.
fn heads(run: &RunDir, each: &mut dyn FnMut(&Record)) -> Result<(), InvestigationError> {
    let listing = run.spool().list()?;
    let is_cut = |process: &&crate::spool::Process| process.parts.first().is_some_and(|part| part.id.part > 1);
    for part in listing.processes.iter().filter(is_cut).flat_map(|process| &process.parts) {
        // What cannot be read has been said when the records were.
        part.head(&mut crate::spool::Problems::default(), &mut |entry| each(&entry.record));
    }
    Ok(())
}

fn living(spool: &Spool, graph: &CausalGraph) -> HashSet<Arc<str>> {
    let procs = graph.processes.iter().map(|process| process.proc.clone());
    procs.filter(|proc| crate::spool::is_alive(spool.dir(), proc)).collect()
}

/// Whether the lane is one that people mean when they say thread, task or greenlet.
pub(crate) fn is_shown(kind: LaneKind) -> bool {
    !matches!(kind, LaneKind::Watchdog | LaneKind::Unreadable)
}
