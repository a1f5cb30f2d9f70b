//! Which lanes are meant by `--process`, `--thread` and `--task`: by number, by name or glob, by native id.

use std::collections::HashSet;

use super::{InvestigationError, is_shown};
use crate::causality::{CausalGraph, LaneIndex, ProcessIndex};
use crate::query::{Glob, text};
use crate::record::{Lane, LaneKind};

/// The words of `--process`, `--thread` and `--task`, split at commas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaneChoice {
    pub processes: Vec<String>,
    pub threads: Vec<String>,
    pub tasks: Vec<String>,
}

impl LaneChoice {
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty() && self.threads.is_empty() && self.tasks.is_empty()
    }

    /// Words of several arguments, each with commas.
    pub fn words(arguments: &[String]) -> Vec<String> {
        let words = arguments.iter().flat_map(|argument| argument.split(',')).map(str::trim);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }
}

pub(super) fn choose(graph: &CausalGraph, choice: &LaneChoice) -> Result<Vec<LaneIndex>, InvestigationError> {
    let processes = chosen_processes(graph, &choice.processes)?;
    let within = |lane: &LaneIndex| processes.as_ref().is_none_or(|some| some.contains(&graph.lane(*lane).process));
    let candidates: Vec<LaneIndex> = program_lanes(graph).into_iter().filter(within).collect();
    if choice.threads.is_empty() && choice.tasks.is_empty() {
        return Ok(candidates);
    }
    let (mut chosen, mut known) = (Vec::new(), HashSet::new());
    let sorts = [(&choice.threads, LaneKind::Thread, "thread"), (&choice.tasks, LaneKind::Task, "task")];
    for (words, kind, sort) in sorts {
        for word in words {
            let found = lanes_called(graph, &candidates, word, kind, sort, processes.as_deref())?;
            chosen.extend(found.into_iter().filter(|lane| known.insert(*lane)));
        }
    }
    Ok(chosen)
}

/// The number of the process and the lane that are chosen, where one lane is chosen by its address and not by a name.
pub(super) fn addressed(choice: &LaneChoice) -> Option<(u32, Lane)> {
    let (word, kind) = match (choice.threads.as_slice(), choice.tasks.as_slice()) {
        ([word], []) => (word, LaneKind::Thread),
        ([], [word]) => (word, LaneKind::Task),
        _ => return None,
    };
    let (number, lane) = address(word, kind).filter(|_| choice.processes.is_empty())?;
    Some((number.unwrap_or(1), lane))
}

/// The lanes of the program, logq's own left out, by process and lane.
fn program_lanes(graph: &CausalGraph) -> Vec<LaneIndex> {
    let mut lanes: Vec<LaneIndex> = graph.lane_indexes().collect();
    lanes.retain(|lane| {
        let facts = graph.lane(*lane);
        is_shown(facts.lane.kind) && facts.last().is_some() && !graph.process_of(*lane).is_logq()
    });
    lanes.sort_by_key(|lane| (graph.process_of(*lane).number.unwrap_or(u32::MAX), graph.lane(*lane).lane));
    lanes
}

/// The process that a lane number alone means: the one that is chosen, or the only one, or number 1.
pub(super) fn process_meant(
    graph: &CausalGraph,
    choice: &LaneChoice,
) -> Result<Option<ProcessIndex>, InvestigationError> {
    match chosen_processes(graph, &choice.processes)?.as_deref() {
        Some([one]) => Ok(Some(*one)),
        Some(_) => Ok(None),
        None => Ok(graph.process_numbered(1)),
    }
}

/// `None`: nothing chosen.
fn chosen_processes(graph: &CausalGraph, words: &[String]) -> Result<Option<Vec<ProcessIndex>>, InvestigationError> {
    if words.is_empty() {
        return Ok(None);
    }
    let mut chosen = Vec::new();
    for word in words {
        let all = (0..graph.processes.len()).map(ProcessIndex);
        let fits = |index: &ProcessIndex| process_is_called(graph, *index, word);
        let found: Vec<ProcessIndex> = all.filter(fits).collect();
        if found.is_empty() {
            let there_is = graph.processes.iter().filter(|process| !process.is_logq() && process.began.is_some());
            let there_is = there_is.map(|process| {
                let number = process.number.map_or_else(|| process.proc.to_string(), |number| number.to_string());
                format!("{number}  {}  pid {}", process.name.as_deref().unwrap_or_default(), process.pid)
            });
            return Err(InvestigationError::NotFound {
                what: format!("no process `{word}` in this run"),
                there_is: there_is.collect(),
            });
        }
        chosen.extend(found);
    }
    Ok(Some(chosen))
}

fn process_is_called(graph: &CausalGraph, index: ProcessIndex, word: &str) -> bool {
    let process = &graph.processes[index.0];
    if process.is_logq() {
        return false;
    }
    if let Some(pid) = word.strip_prefix("pid:") {
        return pid.parse() == Ok(process.pid);
    }
    if let Ok(number) = word.parse::<u32>() {
        return process.number == Some(number);
    }
    *process.proc == *word || process.name.as_deref().is_some_and(|name| glob_matches(word, name))
}

/// The lanes of one sort that a word names. A plain name must name one lane; a glob may name many.
/// A greenlet is chosen as a task is.
fn is_of(own: LaneKind, kind: LaneKind) -> bool {
    own == kind || (kind == LaneKind::Task && own.shares_a_thread())
}

fn lanes_called(
    graph: &CausalGraph,
    candidates: &[LaneIndex],
    word: &str,
    kind: LaneKind,
    sort: &str,
    processes: Option<&[ProcessIndex]>,
) -> Result<Vec<LaneIndex>, InvestigationError> {
    let of_kind: Vec<LaneIndex> =
        candidates.iter().copied().filter(|lane| is_of(graph.lane(*lane).lane.kind, kind)).collect();
    if let Some((number, lane)) = address(word, kind) {
        let process = match (number, processes) {
            (Some(number), _) => graph.process_numbered(number),
            (None, Some([one])) => Some(*one),
            (None, Some(_)) => None,
            (None, None) => graph.process_numbered(1),
        };
        // With several processes chosen a bare number means that lane in each of them.
        let fits = |index: &&LaneIndex| {
            let facts = graph.lane(**index);
            facts.lane == lane && process.is_none_or(|process| facts.process == process)
        };
        let found: Vec<LaneIndex> = candidates.iter().filter(fits).copied().collect();
        let process_exists = number.is_none() || process.is_some();
        return if found.is_empty() || !process_exists { Err(nothing(graph, word, sort, &of_kind)) } else { Ok(found) };
    }
    let is_glob = word.contains(['*', '?']);
    let found: Vec<LaneIndex> = of_kind.iter().copied().filter(|lane| is_called(graph, *lane, word)).collect();
    match found.len() {
        0 => Err(nothing(graph, word, sort, &of_kind)),
        n if n > 1 && !is_glob => Err(InvestigationError::NotFound {
            what: format!("{n} {sort}s are called `{word}`; say which"),
            there_is: list(graph, &found),
        }),
        _ => Ok(found),
    }
}

/// `3`, `t3`, `2.3`, `2.t3` as a process number and a lane.
fn address(word: &str, kind: LaneKind) -> Option<(Option<u32>, Lane)> {
    let (process, lane) = match word.split_once('.') {
        Some((process, lane)) => (Some(process.parse().ok()?), lane),
        None => (None, word),
    };
    let number = lane.parse::<u64>().ok().filter(|_| lane.bytes().all(|byte| byte.is_ascii_digit()));
    let lane = match number {
        Some(number) => Lane { kind, number },
        None => lane.parse().ok()?,
    };
    Some((process, lane))
}

fn is_called(graph: &CausalGraph, lane: LaneIndex, word: &str) -> bool {
    let facts = graph.lane(lane);
    if let Some(tid) = word.strip_prefix("tid:") {
        return facts.tid.is_some_and(|own| tid.parse() == Ok(own));
    }
    facts.name.as_deref().is_some_and(|name| glob_matches(word, name))
}

fn nothing(graph: &CausalGraph, word: &str, sort: &str, there_is: &[LaneIndex]) -> InvestigationError {
    InvestigationError::NotFound { what: format!("no {sort} `{word}` in this run"), there_is: list(graph, there_is) }
}

/// What there is, a line each.
pub(super) fn list(graph: &CausalGraph, lanes: &[LaneIndex]) -> Vec<String> {
    const SHOWN: usize = 20;
    let lanes: Vec<LaneIndex> = lanes.iter().copied().filter(|lane| !graph.process_of(*lane).is_logq()).collect();
    let line = |lane: &LaneIndex| {
        let facts = graph.lane(*lane);
        let process = graph.process_of(*lane).number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        format!("{process}.{}  {}", facts.lane, facts.display_name())
    };
    let mut lines: Vec<String> = lanes.iter().take(SHOWN).map(line).collect();
    if lanes.len() > SHOWN {
        lines.push(format!("… and {} more (logq threads)", lanes.len() - SHOWN));
    }
    lines
}

/// Whether the name fits the glob, case ignored.
fn glob_matches(glob: &str, name: &str) -> bool {
    Glob::whole(glob).fits(&text::lower(name))
}
