//! A timeline as text: a gutter with one column a lane, time on the left, what happened on the right.

use std::io::{self, Write};

use crate::causality::{CausalGraph, Edge, LaneIndex, NodeRef};
use crate::record::{Body, EventKind, Record, RecordId};
use crate::view::clock::{ClockColumn, duration};
use crate::view::events::{Naming, sentence};
use crate::view::names;
use crate::view::printable::{one_line, pad};
use crate::view::records::{write_exception, write_fields};
use crate::view::style::{self, paint};
use crate::view::timeline::{Contents, Row, Timeline};
use crate::view::timeline_frame;
use crate::view::timeline_gutter::Gutter;

/// A silence of the shown lanes that is worth a line of its own, ns.
const GAP: i64 = 500_000_000;

/// A wall clock that is off by so much within two rows was set, ns.
const SET: u64 = 1_000_000_000;

/// Receivers of one hand-over that are named in one line.
const MOST_RECEIVERS: usize = 3;

/// Prints the timeline: a heading, the rows, and what is missing.
pub fn write(timeline: &Timeline, contents: &Contents, run: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer {
        timeline,
        graph: timeline.graph,
        contents,
        clock: ClockColumn::default(),
        before: None,
        gutter: Gutter::of(timeline),
        at: 0,
    };
    timeline_frame::heading(timeline, run, out)?;
    if timeline.left_out > 0 {
        writeln!(out, "{}", paint(style::DIM, format!("… {} rows before these (-n 0 shows all)", timeline.left_out)))?;
    }
    let mut at = 0;
    while let Some(row) = timeline.rows.get(at) {
        writer.at = at;
        writer.gap(row, out)?;
        at += writer.rows(row, out)?;
    }
    if timeline.left_out_after > 0 {
        let after = format!("… {} rows after these (-n 0 shows all)", timeline.left_out_after);
        writeln!(out, "{}", paint(style::DIM, after))?;
        return timeline_frame::missing(timeline, out);
    }
    timeline_frame::endings(timeline, out)
}

struct Writer<'a> {
    timeline: &'a Timeline<'a>,
    graph: &'a CausalGraph,
    contents: &'a Contents,
    clock: ClockColumn,
    /// The record that the latest row so far is timed by.
    before: Option<NodeRef>,
    gutter: Gutter<'a>,
    /// The row that is being written.
    at: usize,
}

impl Writer<'_> {
    /// A line of its own for a long silence, and for a wall clock that was set between two rows.
    fn gap(&mut self, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        let at = row.timed_by();
        let (gap, set) = self.before.map_or((0, 0), |before| self.passed(before, at));
        if gap >= 0 {
            self.before = Some(at);
        }
        let mut said = Vec::new();
        if gap >= GAP {
            said.push(format!("{} of silence", duration(gap.unsigned_abs())));
        }
        if set != 0 {
            let way = if set > 0 { "forward" } else { "back" };
            said.push(format!("the wall clock went {way} by {}", duration(set.unsigned_abs())));
        }
        if said.is_empty() {
            return Ok(());
        }
        let text = format!("⋮ {}", said.join("; "));
        writeln!(out, "{:width$}  {}", "", paint(style::DIM, text), width = ClockColumn::WIDTH)
    }

    /// How long it was between two records, and by how much the wall clock was set meanwhile; ns. The monotonic clock of one
    /// host tells both; of two hosts there are only their wall clocks.
    fn passed(&self, before: NodeRef, at: NodeRef) -> (i64, i64) {
        let (earlier, later) = (self.graph.node(before), self.graph.node(at));
        let by_wall = later.ts.saturating_sub(earlier.ts);
        let one_clock = self.graph.process_of(before.lane).shares_clock(self.graph.process_of(at.lane));
        let mono = |ns: u64| i64::try_from(ns).ok().filter(|ns| *ns > 0);
        match (mono(earlier.mono), mono(later.mono)) {
            (Some(earlier), Some(later)) if one_clock => {
                let passed = later.saturating_sub(earlier);
                let set = by_wall.saturating_sub(passed);
                // Clocks that are kept right by and by run a little fast or slow.
                let drifts = set.unsigned_abs() < SET + passed.unsigned_abs() / 1000;
                (passed, if drifts { 0 } else { set })
            }
            _ => (by_wall, 0),
        }
    }

    /// Writes a row, with those behind it that fit into one line with it; how many they were.
    fn rows(&mut self, row: &Row, out: &mut dyn Write) -> io::Result<usize> {
        let alike = self.alike();
        if alike < 2 {
            self.row(row, out)?;
            return Ok(1);
        }
        let (Row::Out { lane, to, edge, .. }, rows) = (row, &self.timeline.rows[self.at..self.at + alike]) else {
            self.row(row, out)?;
            return Ok(1);
        };
        let Some(edge) = self.graph.edges_into(*to).nth(*edge) else { return Ok(alike) };
        let words = names::hand_over(self.graph, edge, *to).leaving;
        let receiver = |row: &Row| match row {
            Row::Out { to, .. } => {
                format!("{}  {}", names::lane(self.graph, to.lane, Some(*lane)), self.graph.id(*to))
            }
            _ => String::new(),
        };
        let mut receivers: Vec<String> = rows.iter().take(MOST_RECEIVERS).map(receiver).collect();
        if alike > MOST_RECEIVERS {
            receivers.push(format!("{} more", alike - MOST_RECEIVERS));
        }
        self.hand_over_line(*lane, &format!("▶ {words} {}", receivers.join(", ")), out)?;
        Ok(alike)
    }

    /// How many rows from here on are hand-overs from one record with the same words.
    fn alike(&self) -> usize {
        let words = |row: &Row| match row {
            Row::Out { lane, after, to, edge } => {
                let edge = self.graph.edges_into(*to).nth(*edge)?;
                Some((*lane, *after, names::hand_over(self.graph, edge, *to).leaving))
            }
            _ => None,
        };
        let rows = &self.timeline.rows[self.at..];
        let first = rows.first().and_then(words);
        if first.is_none() { 1 } else { rows.iter().take_while(|row| words(row) == first).count() }
    }

    fn row(&mut self, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        match row {
            Row::Record(at) => self.record(*at, out),
            Row::Cause(at) => self.cause(*at, out),
            Row::Missing { before, records } => self.missing(*before, *records, out),
            Row::In { to, edge, across } => {
                let Some(edge) = self.graph.edges_into(*to).nth(*edge) else { return Ok(()) };
                if *across { self.across(*to, edge, out) } else { self.arriving(*to, edge, out) }
            }
            Row::Out { lane, to, edge, .. } => {
                let Some(edge) = self.graph.edges_into(*to).nth(*edge) else { return Ok(()) };
                self.leaving(*lane, *to, edge, out)
            }
        }
    }

    fn record(&mut self, at: NodeRef, out: &mut dyn Write) -> io::Result<()> {
        let node = self.graph.node(at);
        let time = self.clock.entry(node.ts);
        let Some(record) = self.contents.get(&at) else {
            let id = self.graph.id(at);
            return writeln!(
                out,
                "{time}  {}{id}  (its line cannot be read any more)",
                self.gutter.row(self.at, at.lane, "●")
            );
        };
        let mark = match node.event {
            Some(EventKind::Proc | EventKind::Lane) => "┌",
            Some(EventKind::End | EventKind::Exit) => "└",
            Some(EventKind::Wait) => "⧗",
            Some(EventKind::Got) => " ",
            _ if self.timeline.lanes.len() > 1 => "●",
            _ => "│",
        };
        write!(out, "{}  ", paint(style::DIM, time))?;
        match self.start_arrow(at) {
            Some(arrow) => write!(out, "{arrow}")?,
            None => write!(out, "{}", self.gutter.row(self.at, at.lane, mark))?,
        }
        self.what(at, record, out)?;
        if let Some(site) = self.site_of(at, record) {
            write!(out, "  {}", paint(style::DIM, site))?;
        }
        let id = self.short_id(&record.id());
        let here = if self.timeline.around == Some(at) { "  ← here" } else { "" };
        writeln!(out, "  {}{}", paint(style::DIM, id), paint(style::BOLD, here))?;
        let indent = ClockColumn::WIDTH + 2 + 2 * self.timeline.lanes.len();
        let exception = record.exception().filter(|_| node.event.is_none());
        write_exception(exception.as_ref(), indent + 2, out)
    }

    /// Numbers of a lane that are not there.
    fn missing(&mut self, before: NodeRef, records: u64, out: &mut dyn Write) -> io::Result<()> {
        let blank = " ".repeat(ClockColumn::WIDTH);
        let text = format!(
            "{} missing here",
            if records == 1 { "1 record is".to_owned() } else { format!("{records} records are") }
        );
        writeln!(out, "{blank}  {}{}", self.gutter.row(self.at, before.lane, "┆"), paint(style::WARN, text))
    }

    /// A record of a lane that has no column, from which something came to one that has.
    fn cause(&mut self, at: NodeRef, out: &mut dyn Write) -> io::Result<()> {
        let node = self.graph.node(at);
        let name = names::lane(self.graph, at.lane, Some(self.timeline.lanes[0]));
        write!(out, "{}  {}", paint(style::DIM, self.clock.entry(node.ts)), self.gutter.lines(self.at))?;
        write!(out, "{} ", paint(style::HAND_OVER, format!("╭ {}:", one_line(&name))))?;
        match self.contents.get(&at) {
            Some(record) => {
                self.what(at, record, out)?;
                if let Some(site) = self.site_of(at, record) {
                    write!(out, "  {}", paint(style::DIM, site))?;
                }
            }
            None => write!(out, "(its line cannot be read any more)")?,
        }
        writeln!(out, "  {}", paint(style::DIM, self.graph.id(at)))
    }

    /// For the first record of a lane that a shown lane began: the gutter with an arrow from there.
    fn start_arrow(&self, at: NodeRef) -> Option<String> {
        let column = |lane: LaneIndex| self.timeline.lanes.iter().position(|shown| *shown == lane);
        let start = self.graph.origin(at.lane).filter(|_| self.graph.node(at).event == Some(EventKind::Lane))?;
        let (from, to) = (column(start.from)?, column(at.lane)?);
        let arrow = self.gutter.arrow(self.at, from, to, if from < to { '┌' } else { '┐' });
        Some(format!("{} ", paint(style::HAND_OVER, arrow)))
    }

    /// `@5` where one lane is shown, `t3@5` where several of one process are, else `1.t3@5`.
    fn short_id(&self, id: &RecordId) -> String {
        match self.timeline.lanes.as_slice() {
            [one] => names::id_from(self.graph, id, *one),
            lanes => {
                let first = self.graph.lane(lanes[0]).process;
                let same = lanes.iter().all(|lane| self.graph.lane(*lane).process == first);
                if same { format!("{}@{}", id.lane, id.seq) } else { id.to_string() }
            }
        }
    }

    fn what(&self, at: NodeRef, record: &Record, out: &mut dyn Write) -> io::Result<()> {
        match &record.body {
            Body::Log(log) => {
                let style = style::of_level(&log.level);
                let level = paint(style, pad(&one_line(&log.level.name), 8));
                let message = paint(style, one_line(&log.msg));
                write!(out, "{level} {}  {message}", paint(style::DIM, one_line(&log.logger)))?;
                write_fields(&record.extra, out)
            }
            Body::Event(event) => {
                let mut said = sentence(
                    event,
                    &Naming {
                        object: &|name| names::object(self.graph, at.lane, name),
                        lane: &|name| names::mentioned_lane(self.graph, at.lane, name),
                    },
                );
                match event.kind {
                    EventKind::Lane => said.text = self.beginning(at).unwrap_or(said.text),
                    EventKind::End if said.bad => said.text.push_str(&self.who_looked(at)),
                    _ => {}
                }
                let style = if said.bad { style::BAD } else { style::PLAIN };
                write!(out, "{}", paint(style, said.text))
            }
            Body::Malformed(malformed) => write!(out, "{}", paint(style::WARN, one_line(&malformed.reason))),
        }
    }

    /// `started by t1 MainThread`, for a lane's first record.
    fn beginning(&self, at: NodeRef) -> Option<String> {
        let start = self.graph.origin(at.lane)?;
        let words = names::hand_over(self.graph, start, at).arriving;
        Some(format!("{words} {}", self.sender(start, at.lane)))
    }

    /// `, seen by nobody` behind the end of a lane that died, when nobody merged its end.
    fn who_looked(&self, at: NodeRef) -> String {
        let seq = self.graph.node(at).seq;
        let mut seen = self.graph.edges_out_of(at.lane);
        seen.retain(|(upto, to, _)| *upto >= seq && !self.graph.process_of(to.lane).is_logq());
        // Who joined it, or asked for its result, says more than who heard of it.
        match seen.iter().min_by_key(|(.., edge)| edge.by.is_none()) {
            Some((_, to, edge)) => {
                let words = names::hand_over(self.graph, edge, *to).leaving;
                format!(", {words} {}", names::lane(self.graph, to.lane, Some(at.lane)))
            }
            None => ", seen by nobody".to_owned(),
        }
    }

    /// The sender of a hand-over and its last record before it.
    fn sender(&self, edge: &Edge, reader: LaneIndex) -> String {
        let name = names::lane(self.graph, edge.from, Some(reader));
        match self.graph.last_up_to(edge.from, edge.seq) {
            _ if self.graph.dangles(edge) => {
                format!("{name}  {}, which is not on record", self.graph.id_of(edge.from, edge.seq))
            }
            Some(from) => format!("{name}  {}", self.graph.id(from)),
            None => name,
        }
    }

    fn arriving(&mut self, to: NodeRef, edge: &Edge, out: &mut dyn Write) -> io::Result<()> {
        let words = names::hand_over(self.graph, edge, to).arriving;
        let text = format!("◀ {words} {}", self.sender(edge, to.lane));
        self.hand_over_line(to.lane, &text, out)
    }

    fn leaving(&mut self, lane: LaneIndex, to: NodeRef, edge: &Edge, out: &mut dyn Write) -> io::Result<()> {
        let words = names::hand_over(self.graph, edge, to).leaving;
        let receiver = names::lane(self.graph, to.lane, Some(lane));
        let text = format!("▶ {words} {receiver}  {}", self.graph.id(to));
        self.hand_over_line(lane, &text, out)
    }

    fn hand_over_line(&mut self, lane: LaneIndex, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let blank = " ".repeat(ClockColumn::WIDTH);
        writeln!(out, "{blank}  {}{}", self.gutter.row(self.at, lane, "│"), paint(style::HAND_OVER, text))
    }

    /// A hand-over between two lanes that are both shown: an arrow through the gutter.
    fn across(&mut self, to: NodeRef, edge: &Edge, out: &mut dyn Write) -> io::Result<()> {
        let column = |lane: LaneIndex| self.timeline.lanes.iter().position(|shown| *shown == lane);
        let (Some(start), Some(end)) = (column(edge.from), column(to.lane)) else { return Ok(()) };
        let words = names::hand_over(self.graph, edge, to).arriving;
        let text = format!("{words} {}", self.sender(edge, to.lane));
        let blank = " ".repeat(ClockColumn::WIDTH);
        let head = if start < end { '▶' } else { '◀' };
        let arrow = self.gutter.arrow(self.at, start, end, head);
        writeln!(out, "{blank}  {} {}", paint(style::HAND_OVER, arrow), paint(style::HAND_OVER, text))
    }

    fn site_of(&self, at: NodeRef, record: &Record) -> Option<String> {
        let site = if self.graph.node(at).event == Some(EventKind::Lane) {
            self.graph.lane(at.lane).site.clone()
        } else {
            record.site()
        };
        site.as_ref().map(names::site)
    }
}
