//! What stands around the rows of a timeline: above them which lanes are shown and what orders them, below them how the
//! lanes stand that never said that they ended, and what is missing.

use std::io::{self, Write};

use crate::causality::{CausalGraph, ClockBounds, LaneIndex};
use crate::diagnose::missing_near;
use crate::record::{EventKind, Lane, signal_name};
use crate::view::clock::duration;
use crate::view::names;
use crate::view::printable::{cut, one_line};
use crate::view::style::{self, paint};
use crate::view::timeline::Timeline;

/// The run, and a line for each lane.
pub fn heading(timeline: &Timeline, run: &str, out: &mut dyn Write) -> io::Result<()> {
    let graph = timeline.graph;
    writeln!(out, "{}", paint(style::BOLD, format!("run {run}")))?;
    let many = timeline.lanes.len() > 1;
    let hosts = graph.hosts(timeline.lanes.iter().copied());
    for (column, lane) in timeline.lanes.iter().enumerate() {
        let (facts, process) = (graph.lane(*lane), graph.process_of(*lane));
        let mark = if many { format!("{}● ", "│ ".repeat(column)) } else { String::new() };
        let tid = facts.tid.map_or_else(String::new, |tid| format!("  tid {tid}"));
        let runs = facts.function.as_deref().map_or_else(String::new, |runs| format!("  runs {}", one_line(runs)));
        let made = facts.site.as_ref().map_or_else(String::new, |site| format!("  made at {}", names::site(site)));
        let host = if hosts.len() > 1 { format!("  host {}", one_line(graph.host_of(*lane))) } else { String::new() };
        let name = paint(style::BOLD, names::lane(graph, *lane, None));
        let rest = format!("{runs}{made}  pid {}{tid}{host}", process.pid);
        write!(out, "{mark}{name}{}", paint(style::DIM, rest))?;
        let by_clock = if timeline.by_clock.contains(lane) { "  ordered by clock only" } else { "" };
        writeln!(out, "{}", paint(style::WARN, by_clock))?;
    }
    if hosts.len() > 1 {
        write_hosts(graph, hosts.len(), out)?;
    }
    writeln!(out)
}

/// What is known of the clocks where the lanes ran on several machines.
fn write_hosts(graph: &CausalGraph, hosts: usize, out: &mut dyn Write) -> io::Result<()> {
    let text = format!("{hosts} hosts: between them hand-overs order the records, and else only their wall clocks");
    writeln!(out, "{}", paint(style::WARN, text))?;
    for ((one, other), bounds) in graph.clock_bounds() {
        let (one, other) = (one_line(one), one_line(other));
        writeln!(out, "{}", paint(style::DIM, format!("  the clock of {other} {} that of {one}", apart(bounds))))?;
    }
    Ok(())
}

/// `is at most 3.1 ms ahead of`, and how far it can be behind.
fn apart(bounds: ClockBounds) -> String {
    let far = |ns: i64| match ns {
        0.. => format!("{} ahead of", duration(ns.unsigned_abs())),
        _ => format!("{} behind", duration(ns.unsigned_abs())),
    };
    match (bounds.at_least, bounds.at_most) {
        (Some(least), Some(most)) if least > most => "jumped: hand-overs both ways contradict it, beside".to_owned(),
        (Some(least), Some(most)) => format!("is between {} and {}", far(least), far(most)),
        (None, Some(most)) => format!("is at most {}", far(most)),
        (Some(least), None) => format!("is at least {}", far(least)),
        (None, None) => "cannot be compared with".to_owned(),
    }
}

/// How the lanes stand whose end is not on record, and what is missing.
pub fn endings(timeline: &Timeline, out: &mut dyn Write) -> io::Result<()> {
    for lane in &timeline.lanes {
        let name = cut(&names::lane(timeline.graph, *lane, None), 40).into_owned();
        if let Some(stands) = stands(timeline.graph, *lane) {
            let mark = if timeline.lanes.len() > 1 { String::new() } else { "╵ ".to_owned() };
            writeln!(out, "{:17}{mark}{}", "", paint(style::WARN, format!("{name} {stands}")))?;
        }
    }
    missing(timeline, out)
}

/// What is missing of the lanes shown and their processes, or contradicts itself there.
pub fn missing(timeline: &Timeline, out: &mut dyn Write) -> io::Result<()> {
    for sentence in missing_near(timeline.graph, &timeline.lanes.iter().copied().collect()) {
        writeln!(out, "{:17}{}", "", paint(style::WARN, one_line(&sentence)))?;
    }
    Ok(())
}

/// What is known of a lane that never said that it ended.
fn stands(graph: &CausalGraph, lane: LaneIndex) -> Option<String> {
    let facts = graph.lane(lane);
    let end = &graph.process_of(lane).end;
    let main_of_ended = facts.lane == Lane::MAIN && end.said_at.is_some();
    if facts.end.is_some() || main_of_ended {
        return None;
    }
    Some(match end.signal {
        Some(signal) => format!("had not ended when its process was ended by {}", signal_name(signal)),
        None if end.is_known() => "had not ended when its process did".to_owned(),
        None => "has no end on record: it lives, or was killed".to_owned(),
    })
    .map(|stands| match facts.last().map(|last| last.event) {
        Some(Some(EventKind::Wait)) => format!("{stands}: still waiting"),
        _ => stands,
    })
}
