//! OpenTelemetry's JSON: a line a batch. Records are log records; lanes are spans whose parent is the lane that began them,
//! waits are spans in them, hand-overs are links.
//!
//! Ids are the first bytes of hashes, so the same run exports the same ids; times are integers in text, as the format wants.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Exported, Exporter, text, waits_for};
use crate::causality::time::Ledger;
use crate::causality::{EdgeKind, LaneIndex, NodeRef, ProcessIndex};
use crate::record::{Body, Record};
use crate::view::names;
use crate::view::printable::one_line;

/// Records of one line.
const BATCH: usize = 512;
/// Links of one span.
const LINKS: usize = 128;

pub struct Otlp<'a> {
    of: Exported<'a>,
    chosen: HashSet<LaneIndex>,
    trace: String,
    waiting: HashMap<ProcessIndex, Vec<Value>>,
}

impl<'a> Otlp<'a> {
    pub fn new(of: Exported<'a>) -> Otlp<'a> {
        let trace = hex(&Sha256::digest(of.run)[..16]);
        Otlp { of, chosen: of.lanes.iter().copied().collect(), trace, waiting: HashMap::new() }
    }

    fn span_id(&self, lane: LaneIndex, wait: u64) -> String {
        hex(&Sha256::digest(format!("{} {} {wait}", self.of.run, self.of.graph.address(lane)))[..8])
    }

    fn resource(&self, process: ProcessIndex) -> Value {
        let facts = &self.of.graph.processes[process.0];
        let mut attributes = vec![
            attribute("service.name", &self.of.graph.process_name(process).into()),
            attribute("service.instance.id", &Value::from(&*facts.proc)),
            attribute("process.pid", &facts.pid.into()),
            attribute("logq.run", &self.of.run.into()),
            attribute("logq.process", &facts.number.into()),
        ];
        if let Some(host) = &facts.host {
            attributes.push(attribute("host.name", &host.as_str().into()));
        }
        attributes.retain(|attribute| !attribute["value"].is_null());
        json!({"attributes": attributes})
    }

    fn write_logs(&self, process: ProcessIndex, records: &[Value], out: &mut dyn Write) -> io::Result<()> {
        let scope = json!({"scope": {"name": "logq"}, "logRecords": records});
        writeln!(out, "{}", json!({"resourceLogs": [{"resource": self.resource(process), "scopeLogs": [scope]}]}))
    }

    /// The lane as a span, and its waits.
    fn spans(&self, lane: LaneIndex, ledger: &Ledger) -> Vec<Value> {
        let graph = self.of.graph;
        let facts = graph.lane(lane);
        let (Some(first), Some(last)) = (facts.first(), facts.last()) else { return Vec::new() };
        let parent = graph.origin(lane).filter(|edge| self.chosen.contains(&edge.from));
        let failed = facts.end.as_ref().is_some_and(|end| end.how == "exc");
        let mut links = Vec::new();
        for to in graph.nodes_of(lane) {
            for edge in graph.edges_into(to).filter(|edge| edge.kind == EdgeKind::Hard && edge.from != lane) {
                if links.len() < LINKS && self.chosen.contains(&edge.from) {
                    let how = names::hand_over(graph, edge, to).arriving;
                    let attributes =
                        [attribute("logq.how", &how.into()), attribute("logq.to", &graph.id(to).to_string().into())];
                    links.push(
                        json!({"traceId": self.trace, "spanId": self.span_id(edge.from, 0), "attributes": attributes}),
                    );
                }
            }
        }
        let own = json!({
            "traceId": self.trace, "spanId": self.span_id(lane, 0),
            "parentSpanId": parent.map_or_else(String::new, |edge| self.span_id(edge.from, 0)),
            "name": one_line(&facts.display_name()), "kind": 1,
            "startTimeUnixNano": first.ts.to_string(), "endTimeUnixNano": last.ts.max(first.ts).to_string(),
            "attributes": [attribute("logq.lane", &graph.address(lane).into())],
            "status": {"code": if failed { 2 } else { 0 }},
            "links": links,
        });
        let of_lane = ledger.pauses.partition_point(|pause| pause.lane < lane);
        let pauses = ledger.pauses[of_lane..].iter().take_while(|pause| pause.lane == lane);
        let waits = pauses.filter_map(|pause| {
            let at = graph.find(lane, pause.wait)?;
            let begin = graph.node(at).ts.saturating_sub(i64::try_from(pause.before).unwrap_or(0));
            let got = pause.got.and_then(|got| graph.find(lane, got)).map(|got| graph.node(got).ts);
            Some(json!({
                "traceId": self.trace, "spanId": self.span_id(lane, pause.wait), "parentSpanId": self.span_id(lane, 0),
                "name": waits_for(graph, ledger, pause), "kind": 1,
                "startTimeUnixNano": begin.to_string(), "endTimeUnixNano": got.unwrap_or(last.ts).max(begin).to_string(),
                "attributes": [
                    attribute("logq.wait.on", &Value::from(&*pause.on)),
                    attribute("logq.wait.ended", &pause.got.is_some().into()),
                    attribute("logq.id", &graph.id(at).to_string().into()),
                ],
            }))
        });
        std::iter::once(own).chain(waits).collect()
    }
}

impl Exporter for Otlp<'_> {
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn record(&mut self, at: NodeRef, record: &Record, out: &mut dyn Write) -> io::Result<()> {
        let graph = self.of.graph;
        let mut attributes = vec![attribute("logq.id", &graph.id(at).to_string().into())];
        let (number, level) = match &record.body {
            Body::Log(log) => {
                attributes.push(attribute("logger.name", &one_line(&log.logger).into()));
                attributes.extend(record.extra.iter().map(|(key, value)| attribute(key, value)));
                (severity(log.level.number), one_line(&log.level.name).into_owned())
            }
            Body::Event(event) => {
                attributes.push(attribute("logq.event", &one_line(&event.name).into()));
                (9, "INFO".to_owned())
            }
            Body::Malformed(_) => return Ok(()),
        };
        if let Some(site) = record.site() {
            attributes.push(attribute("code.file.path", &site.file.into()));
            attributes.push(attribute("code.line.number", &site.line.into()));
            attributes.push(attribute("code.function.name", &site.func.into()));
        }
        if let Some(exception) = record.exception() {
            attributes.push(attribute("exception.type", &exception.kind.into()));
            attributes.push(attribute("exception.message", &exception.msg.into()));
        }
        let time = record.ts.max(0).to_string();
        let told = json!({
            "timeUnixNano": time, "observedTimeUnixNano": time, "severityNumber": number, "severityText": level,
            "body": {"stringValue": text(graph, at, record)}, "attributes": attributes,
            "traceId": self.trace, "spanId": self.span_id(at.lane, 0),
        });
        let process = graph.lane(at.lane).process;
        let waiting = self.waiting.entry(process).or_default();
        waiting.push(told);
        if waiting.len() < BATCH {
            return Ok(());
        }
        let batch = std::mem::take(waiting);
        self.write_logs(process, &batch, out)
    }

    fn end(&mut self, ledger: &Ledger, out: &mut dyn Write) -> io::Result<()> {
        let mut left: Vec<(ProcessIndex, Vec<Value>)> =
            self.waiting.drain().filter(|(_, left)| !left.is_empty()).collect();
        left.sort_by_key(|(process, _)| *process);
        for (process, records) in left {
            self.write_logs(process, &records, out)?;
        }
        for lane in self.of.lanes {
            let process = self.of.graph.lane(*lane).process;
            let scope = json!({"scope": {"name": "logq"}, "spans": self.spans(*lane, ledger)});
            writeln!(
                out,
                "{}",
                json!({"resourceSpans": [{"resource": self.resource(process), "scopeSpans": [scope]}]})
            )?;
        }
        Ok(())
    }
}

/// The number that OpenTelemetry gives a level of Python's.
fn severity(level: u16) -> u8 {
    match level {
        0..10 => 1,
        10..20 => 5,
        20..30 => 9,
        30..40 => 13,
        40..50 => 17,
        _ => 21,
    }
}

fn attribute(key: &str, value: &Value) -> Value {
    json!({"key": one_line(key), "value": any(value)})
}

/// A value as OpenTelemetry writes one: 64-bit integers are text.
fn any(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"stringValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(values) => {
            json!({"arrayValue": {"values": values.iter().map(any).filter(|value| !value.is_null()).collect::<Vec<_>>()}})
        }
        Value::Object(object) => {
            json!({"kvlistValue": {"values": object.iter().map(|(key, value)| attribute(key, value)).filter(|pair| !pair["value"].is_null()).collect::<Vec<_>>()}})
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
