//! A run in one line: when, what, how it ended.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::causality::ProcessEnd;
use crate::view::clock::duration;
use crate::view::json::timestamp;
use crate::view::names;
use crate::view::printable::{cut, one_line, pad};
use crate::view::style::{self, paint};
use crate::view::threads::{Overview, State};

pub struct RunLine {
    name: String,
    /// Command of the root process.
    program: String,
    counts: String,
    first: i64,
    last: i64,
    state: State,
    end: ProcessEnd,
    deaths: usize,
}

impl RunLine {
    pub fn of(overview: &Overview) -> RunLine {
        let processes = overview.processes();
        let graph = overview.graph;
        let spans = processes.iter().map(|index| overview.span(*index));
        let (first, last) = spans.fold((i64::MAX, i64::MIN), |(a, b), (first, last)| (a.min(first), b.max(last)));
        let root = processes.first().copied();
        let nothing = || State { text: "recorded nothing".into(), bad: true };
        RunLine {
            name: overview.run.to_owned(),
            program: root.map_or_else(String::new, |root| names::command(&graph.processes[root.0].argv)),
            counts: overview.counts(),
            first,
            last,
            state: root.map_or_else(nothing, |root| overview.process_state(root)),
            end: root.map_or_else(ProcessEnd::default, |root| graph.processes[root.0].end.clone()),
            deaths: graph.processes.iter().map(|process| process.died.len()).sum(),
        }
    }

    fn took(&self) -> u64 {
        u64::try_from(self.last.saturating_sub(self.first)).unwrap_or(0)
    }

    pub fn to_json(&self) -> Value {
        let recorded = self.first <= self.last;
        json!({
            "run": self.name,
            "program": self.program,
            "first": recorded.then(|| timestamp(self.first)),
            "last": recorded.then(|| timestamp(self.last)),
            "state": self.state.text,
            "exit": self.end.code(),
            "signal": self.end.signal,
            "uncaught": self.deaths,
            "counts": self.counts,
        })
    }
}

/// Prints the line, and a second one with the counts.
pub fn write(line: &RunLine, out: &mut dyn Write) -> io::Result<()> {
    let style = if line.state.bad { style::BAD } else { style::GOOD };
    let took = if line.first <= line.last { duration(line.took()) } else { String::new() };
    write!(out, "{}  ", paint(style::BOLD, &line.name))?;
    write!(out, "{}  {:>9}  ", pad(&cut(&one_line(&line.program), 40), 40), took)?;
    write!(out, "{}", paint(style, &line.state.text))?;
    if line.deaths > 0 {
        write!(out, "  {}", paint(style::BAD, format!("{} uncaught", line.deaths)))?;
    }
    writeln!(out)?;
    writeln!(out, "  {}", paint(style::DIM, &line.counts))
}
