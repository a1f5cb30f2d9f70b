//! Runs for other tools. An [`Exporter`] is shown every record once, in file order within a process, and then closes.

mod otlp;
mod perfetto;
mod shiviz;

use std::io::{self, Write};

use crate::causality::time::{Ledger, Pause};
use crate::causality::{CausalGraph, LaneIndex, NodeRef};
use crate::record::{Body, LaneKind, Record};
use crate::view::chain::brief;
use crate::view::names;
use crate::view::printable::{lines, one_line};

pub use otlp::Otlp;
pub use perfetto::Perfetto;
pub use shiviz::{MOST as SHIVIZ_MOST, ShiViz};

/// What an export is of.
#[derive(Clone, Copy)]
pub struct Exported<'a> {
    pub run: &'a str,
    pub graph: &'a CausalGraph,
    /// The lanes that are meant.
    pub lanes: &'a [LaneIndex],
}

/// Writes a run in another tool's words.
pub trait Exporter {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()>;

    /// One record of the lanes that are meant.
    fn record(&mut self, at: NodeRef, record: &Record, out: &mut dyn Write) -> io::Result<()>;

    /// What stands between the records: waits, hand-overs.
    fn end(&mut self, ledger: &Ledger, out: &mut dyn Write) -> io::Result<()>;
}

/// What a record says, in a line or more: a log record its message, an event its sentence.
fn text(graph: &CausalGraph, at: NodeRef, record: &Record) -> String {
    match &record.body {
        Body::Log(log) => lines(&log.msg).into_owned(),
        _ => brief(graph, at.lane, record),
    }
}

/// `waits for lock stock`.
fn waits_for(graph: &CausalGraph, ledger: &Ledger, pause: &Pause) -> String {
    let object = pause.object.map(|object| ledger.object(object));
    let named = object.and_then(|object| {
        let of_process = graph.processes[object.process.0].lanes.first()?;
        Some(names::object(graph, *of_process, &object.name))
    });
    format!("waits for {}", named.unwrap_or_else(|| one_line(&pause.on).into_owned()))
}

/// A lane of the program.
fn is_of_program(graph: &CausalGraph, lane: LaneIndex) -> bool {
    let kind = graph.lane(lane).lane.kind;
    !graph.process_of(lane).is_logq() && !matches!(kind, LaneKind::Watchdog | LaneKind::Unreadable)
}

/// The lanes of the program that have records, as a picture of everything shows them.
pub fn lanes_of_program(graph: &CausalGraph) -> Vec<LaneIndex> {
    graph.lane_indexes().filter(|lane| is_of_program(graph, *lane) && !graph.lane(*lane).nodes.is_empty()).collect()
}
