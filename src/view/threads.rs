//! What there is in a run: its processes, threads and tasks, how each ended, what it last wrote.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::causality::{CausalGraph, LaneIndex, ProcessFacts, ProcessIndex};
use crate::diagnose::missing;
use crate::record::{LaneKind, signal_name};
use crate::view::clock::{date_and_time, duration, time_of_day};
use crate::view::json::timestamp;
use crate::view::names;
use crate::view::printable::{cut, one_line, pad};
use crate::view::style::{self, paint};

/// A run as a whole: the graph, and what only the files can tell.
pub struct Overview<'a> {
    pub run: &'a str,
    pub graph: &'a CausalGraph,
    /// Keys of the processes that hold their liveness lock now.
    pub alive: &'a HashSet<Arc<str>>,
    /// What could not be read, one sentence each.
    pub problems: &'a [String],
}

/// How a lane or process stands at the end of what is on record.
pub struct State {
    pub text: String,
    pub bad: bool,
}

impl Overview<'_> {
    /// The processes of the program, by number.
    pub fn processes(&self) -> Vec<ProcessIndex> {
        let mut all: Vec<ProcessIndex> = (0..self.graph.processes.len()).map(ProcessIndex).collect();
        all.retain(|index| !self.process(*index).is_logq() && self.process(*index).began.is_some());
        all.sort_by_key(|index| self.process(*index).number.unwrap_or(u32::MAX));
        all
    }

    fn process(&self, index: ProcessIndex) -> &ProcessFacts {
        &self.graph.processes[index.0]
    }

    /// The lanes of a process that wrote something, logq's own left out.
    pub fn lanes(&self, process: ProcessIndex) -> Vec<LaneIndex> {
        let mut lanes = self.process(process).lanes.clone();
        lanes.retain(|lane| !self.graph.lane(*lane).is_logq() && self.graph.lane(*lane).last().is_some());
        lanes
    }

    pub fn is_alive(&self, process: &ProcessFacts) -> bool {
        self.alive.contains(&process.proc)
    }

    /// From its first line to its last, or to when its end was seen: who is killed wrote the last line long before.
    pub(super) fn span(&self, process: ProcessIndex) -> (i64, i64) {
        let lanes = self.lanes(process);
        let nodes = lanes.iter().flat_map(|lane| &self.graph.lane(*lane).nodes);
        let (first, last) = nodes.fold((i64::MAX, i64::MIN), |(a, b), node| (a.min(node.ts), b.max(node.ts)));
        (first, self.graph.seen_to_end(process).map_or(last, |seen| seen.max(last)))
    }

    /// How a process ended, or that it lives, or that nothing says.
    pub fn process_state(&self, index: ProcessIndex) -> State {
        let process = self.process(index);
        let end = &process.end;
        let (text, bad) = match (end.signal, end.code()) {
            (Some(signal), _) => (format!("ended by signal {signal} ({})", signal_name(signal)), true),
            (None, Some(0)) => ("exited 0".to_owned(), false),
            (None, Some(code)) => (format!("exited {code}"), true),
            (None, None) if self.is_alive(process) => ("running".to_owned(), false),
            (None, None) if process.is_foreign() => ("a foreign log".to_owned(), false),
            (None, None) if end.is_known() => ("ended".to_owned(), false),
            (None, None) => ("ended without saying so: killed?".to_owned(), true),
        };
        State { text, bad }
    }

    /// How a lane ended, or what it was doing.
    pub fn lane_state(&self, lane: LaneIndex) -> State {
        let facts = self.graph.lane(lane);
        let process = self.graph.process_of(lane);
        if let Some(end) = &facts.end {
            let died = || end.exc.clone().unwrap_or_else(|| "an exception".to_owned());
            return match end.how.as_str() {
                "ok" => State { text: "ended".into(), bad: false },
                "exc" => State { text: format!("died: {}", one_line(&died())), bad: true },
                other => State { text: one_line(other).into_owned(), bad: false },
            };
        }
        let main = facts.lane == crate::record::Lane::MAIN;
        let (text, bad) = match (self.is_alive(process), process.end.is_known()) {
            (true, _) => ("alive".to_owned(), false),
            (false, true) if main => ("ended with the process".to_owned(), false),
            (false, true) if facts.lane.kind.shares_a_thread() => {
                ("still pending when the process ended".to_owned(), false)
            }
            (false, true) => ("still running when the process ended".to_owned(), false),
            (false, false) => ("no end on record".to_owned(), !process.is_foreign()),
        };
        State { text, bad }
    }

    /// `2 processes, 5 threads, 3 tasks, 148 records, 1 error`.
    pub fn counts(&self) -> String {
        let lanes: Vec<LaneIndex> = self.processes().into_iter().flat_map(|process| self.lanes(process)).collect();
        let of_kind = |kind| lanes.iter().filter(|lane| self.graph.lane(**lane).lane.kind == kind).count() as u64;
        let records: u64 = lanes.iter().map(|lane| self.graph.lane(*lane).logs).sum();
        let errors: u64 = lanes.iter().map(|lane| self.graph.lane(*lane).errors).sum();
        let folded: u64 = self.graph.processes.iter().map(|process| process.folded).sum();
        let mut parts = vec![
            count(self.processes().len() as u64, "process", "processes"),
            count(of_kind(LaneKind::Thread), "thread", "threads"),
        ];
        let tasks = of_kind(LaneKind::Task);
        if tasks > 0 {
            parts.push(count(tasks, "task", "tasks"));
        }
        parts.push(count(records, "log record", "log records"));
        if errors > 0 {
            parts.push(count(errors, "error", "errors"));
        }
        if folded > 0 {
            parts.push(format!("{} without a record", count(folded, "short task", "short tasks")));
        }
        parts.join(", ")
    }

    /// What is not on record, one sentence each.
    pub fn missing(&self) -> Vec<String> {
        let sentences = missing(self.graph, self.problems);
        sentences.iter().map(|sentence| one_line(sentence).into_owned()).collect()
    }

    /// How many records the lanes of the program have.
    pub fn records(&self) -> usize {
        let lanes = self.processes().into_iter().flat_map(|process| self.lanes(process));
        lanes.map(|lane| self.graph.lane(lane).nodes.len()).sum()
    }

    /// Prints all of it.
    pub fn write(&self, shown: &dyn Fn(LaneIndex) -> bool, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}  {}", paint(style::BOLD, format!("run {}", self.run)), self.counts())?;
        for process in self.processes() {
            let lanes: Vec<LaneIndex> = self.lanes(process).into_iter().filter(|lane| shown(*lane)).collect();
            if !lanes.is_empty() {
                self.write_process(process, &lanes, out)?;
            }
        }
        for missing in self.missing() {
            writeln!(out, "{}", paint(style::WARN, format!("missing: {missing}")))?;
        }
        Ok(())
    }

    fn write_process(&self, index: ProcessIndex, lanes: &[LaneIndex], out: &mut dyn Write) -> io::Result<()> {
        let process = self.process(index);
        let (first, last) = self.span(index);
        let state = self.process_state(index);
        let number = process.number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let name = process.name.as_deref().filter(|name| *name != "MainProcess").unwrap_or_default();
        let title = format!("process {number}  {}", one_line(name));
        let command = names::command(&process.argv);
        let how = process
            .how
            .as_deref()
            .filter(|how| !matches!(*how, "root" | "foreign"))
            .map_or_else(String::new, |how| format!("by {}, ", one_line(how)));
        let took = duration((last - first).max(0) as u64);
        writeln!(out)?;
        write!(out, "{}  ", paint(style::BOLD, title.trim_end()))?;
        write!(out, "{}", paint(style::DIM, format!("pid {}  {}  ", process.pid, cut(&command, 60))))?;
        write!(out, "{}", paint(style::DIM, format!("{how}{} for {took}  ", date_and_time(first))))?;
        writeln!(out, "{}", paint(style_of(&state), &state.text))?;
        for lane in lanes {
            self.write_lane(*lane, out)?;
        }
        Ok(())
    }

    fn write_lane(&self, lane: LaneIndex, out: &mut dyn Write) -> io::Result<()> {
        let facts = self.graph.lane(lane);
        let state = self.lane_state(lane);
        let last = facts.last().map_or_else(String::new, |node| time_of_day(node.ts));
        let address = self.graph.address(lane);
        let name = facts.display_name();
        let runs = facts.function.as_deref().filter(|runs| **runs != *name).unwrap_or_default();
        let errors = if facts.errors > 0 { count(facts.errors, "error", "errors") } else { String::new() };
        write!(out, "  {}", pad(&address, 8))?;
        write!(out, "{}  ", pad(&cut(&one_line(&name), 22), 22))?;
        write!(out, "{}  ", paint(style::DIM, pad(&cut(&one_line(runs), 20), 20)))?;
        write!(out, "{:>5} {}  ", facts.logs, if facts.logs == 1 { "log " } else { "logs" })?;
        write!(out, "{}", paint(style::BAD, pad(&errors, 9)))?;
        write!(out, "{}", paint(style::DIM, format!("  last {last}  ")))?;
        writeln!(out, "{}", paint(style_of(&state), &state.text))
    }

    /// One JSON object for each lane.
    pub fn lane_json(&self, lane: LaneIndex) -> Value {
        let facts = self.graph.lane(lane);
        let process = self.graph.process_of(lane);
        json!({
            "run": self.run,
            "id": self.graph.address(lane),
            "process": process.number,
            "pid": process.pid,
            "process_name": process.name,
            "argv": process.argv,
            "process_state": self.process_state(facts.process).text,
            "lane": facts.lane.to_string(),
            "name": facts.name,
            "fn": facts.function,
            "tid": facts.tid,
            "daemon": facts.daemon,
            "site": facts.site.as_ref().map(|site| json!({"file": site.file, "line": site.line, "func": site.func})),
            "started_by": self.graph.origin(lane).map(|edge| self.graph.id_of(edge.from, edge.seq).to_string()),
            "state": self.lane_state(lane).text,
            "logs": facts.logs,
            "errors": facts.errors,
            "records": facts.nodes.len(),
            "missing": facts.gaps,
            "first": facts.first().map(|node| timestamp(node.ts)),
            "last": facts.last().map(|node| timestamp(node.ts)),
            "last_id": facts.last().map(|node| self.graph.id_of(lane, node.seq).to_string()),
        })
    }
}

fn style_of(state: &State) -> anstyle::Style {
    if state.bad { style::BAD } else { style::DIM }
}

/// `1 error`, `3 errors`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
