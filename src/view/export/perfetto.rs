//! The trace-event format that Perfetto and chrome://tracing open: a track a lane, a slice a wait, an instant slice a record,
//! a flow a hand-over.
//!
//! Flows bind to slices, so each record is a slice of a nanosecond. Times are microseconds since the run began, with three
//! decimals: as numbers of that size they keep their nanoseconds for months.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Exported, Exporter, text, waits_for};
use crate::causality::time::Ledger;
use crate::causality::{EdgeKind, LaneIndex, NodeRef};
use crate::record::{Body, Record};
use crate::view::names;
use crate::view::printable::{cut, one_line};

/// A slice's name is cut to so many columns; the whole text stands beside it.
const NAME: usize = 100;

pub struct Perfetto<'a> {
    of: Exported<'a>,
    chosen: HashSet<LaneIndex>,
    begin: i64,
    has_events: bool,
}

impl<'a> Perfetto<'a> {
    pub fn new(of: Exported<'a>) -> Perfetto<'a> {
        let first = of.lanes.iter().flat_map(|lane| &of.graph.lane(*lane).nodes).map(|node| node.ts).min();
        let chosen = of.lanes.iter().copied().collect();
        Perfetto { of, chosen, begin: first.unwrap_or(0), has_events: false }
    }

    fn event(&mut self, event: &Value, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}{event}", if self.has_events { ",\n" } else { "\n" })?;
        self.has_events = true;
        Ok(())
    }

    /// Process and track of a lane: the run's own numbers, since the system uses pids again.
    fn track(&self, lane: LaneIndex) -> (usize, usize) {
        (self.of.graph.lane(lane).process.0 + 1, lane.0 + 1)
    }

    /// `ts`, in microseconds since the run began, exactly.
    fn micros(&self, ts: i64) -> Value {
        exact(ts.saturating_sub(self.begin))
    }

    fn slice(&self, lane: LaneIndex, ts: i64, took: i64, category: &str, name: &str, args: Value) -> Value {
        let (pid, tid) = self.track(lane);
        let name = cut(&one_line(name), NAME).into_owned();
        let (ts, took) = (self.micros(ts), exact(took.max(1)));
        json!({"ph": "X", "pid": pid, "tid": tid, "ts": ts, "dur": took, "cat": category, "name": name, "args": args})
    }
}

/// Nanoseconds as microseconds with three decimals, from integers.
fn exact(ns: i64) -> Value {
    let text = format!("{}{}.{:03}", if ns < 0 { "-" } else { "" }, ns.unsigned_abs() / 1000, ns.unsigned_abs() % 1000);
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

impl Exporter for Perfetto<'_> {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let graph = self.of.graph;
        let run = json!({"run": self.of.run, "clock": "ns since the run began", "began": crate::view::json::timestamp(self.begin)});
        write!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{run},\"traceEvents\":[")?;
        let mut named = HashSet::new();
        let lanes = self.of.lanes;
        for (place, lane) in lanes.iter().copied().enumerate() {
            let (pid, tid) = self.track(lane);
            let process = graph.lane(lane).process;
            if named.insert(process) {
                let number =
                    graph.processes[process.0].number.map_or_else(|| "?".to_owned(), |number| number.to_string());
                let name = format!("process {number} {}", one_line(&graph.process_name(process)));
                self.event(&json!({"ph": "M", "pid": pid, "name": "process_name", "args": {"name": name}}), out)?;
            }
            let name = format!("{} {}", graph.address(lane), one_line(&graph.lane(lane).display_name()));
            self.event(
                &json!({"ph": "M", "pid": pid, "tid": tid, "name": "thread_name", "args": {"name": name}}),
                out,
            )?;
            let sort =
                json!({"ph": "M", "pid": pid, "tid": tid, "name": "thread_sort_index", "args": {"sort_index": place}});
            self.event(&sort, out)?;
        }
        Ok(())
    }

    fn record(&mut self, at: NodeRef, record: &Record, out: &mut dyn Write) -> io::Result<()> {
        let graph = self.of.graph;
        let text = text(graph, at, record);
        let mut args = json!({"id": graph.id(at).to_string(), "text": text});
        let category = match &record.body {
            Body::Log(log) => {
                args["level"] = one_line(&log.level.name).into();
                args["logger"] = one_line(&log.logger).into();
                for (key, value) in &record.extra {
                    args[format!("extra.{}", one_line(key))] = value.clone();
                }
                "log"
            }
            _ => "event",
        };
        if let Some(site) = record.site() {
            args["site"] = format!("{}:{} in {}", one_line(&site.file), site.line, one_line(&site.func)).into();
        }
        if let Some(exception) = record.exception() {
            args["exception"] = one_line(&format!("{}: {}", exception.kind, exception.msg)).into();
        }
        let slice = self.slice(at.lane, graph.node(at).ts, 1, category, &text, args);
        self.event(&slice, out)
    }

    fn end(&mut self, ledger: &Ledger, out: &mut dyn Write) -> io::Result<()> {
        let graph = self.of.graph;
        let last =
            self.of.lanes.iter().filter_map(|lane| graph.lane(*lane).last()).map(|node| node.ts).max().unwrap_or(0);
        for pause in ledger.pauses.iter().filter(|pause| self.chosen.contains(&pause.lane)).cloned().collect::<Vec<_>>()
        {
            let Some(at) = graph.find(pause.lane, pause.wait) else { continue };
            let ts = graph.node(at).ts;
            let end = pause.got.and_then(|got| graph.find(pause.lane, got)).map(|got| graph.node(got).ts);
            let end = end.or_else(|| graph.lane(pause.lane).end.as_ref().map(|end| end.ts)).unwrap_or(last).max(ts + 1);
            let what = waits_for(graph, ledger, &pause);
            let owners: Vec<String> = pause.owners.iter().map(|owner| names::lane(graph, *owner, None)).collect();
            let args = json!({"on": &*pause.on, "id": graph.id(at).to_string(), "held_by": owners, "ended": pause.got.is_some()});
            let slice = self.slice(pause.lane, ts, end - ts, "wait", &what, args);
            self.event(&slice, out)?;
        }
        let mut flow = 0_u64;
        let lanes = self.of.lanes;
        for lane in lanes.iter().copied() {
            for to in graph.nodes_of(lane) {
                for edge in graph.edges_into(to).filter(|edge| edge.kind != EdgeKind::Lock && edge.from != lane) {
                    let Some(from) = graph.source(edge).filter(|from| self.chosen.contains(&from.lane)) else {
                        continue;
                    };
                    flow += 1;
                    let name = names::hand_over(graph, edge, to).leaving;
                    let ends = [("s", from), ("f", to)];
                    for (phase, at) in ends {
                        let (pid, tid) = self.track(at.lane);
                        let ts = self.micros(graph.node(at).ts);
                        let event = json!({"ph": phase, "bp": "e", "id": flow, "pid": pid, "tid": tid, "ts": ts, "cat": "hand-over", "name": name});
                        self.event(&event, out)?;
                    }
                }
            }
        }
        writeln!(out, "\n]}}")
    }
}
