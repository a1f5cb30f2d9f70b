//! What stands beside the columns, as JSON: the run, its verdict, processes, lanes, findings with their lanes and marks, and
//! who waits for whom.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::{Picture, focus};
use crate::causality::{Blocked, CausalGraph, LaneIndex, Need, Standing, State};
use crate::diagnose::Finding;
use crate::view::diagnosis_json;
use crate::view::names;
use crate::view::printable::one_line;
use crate::view::threads::Overview;

/// At most so many findings, and of one finding so many lanes and records; the rest is counted.
const FINDINGS: usize = 200;
const OF_FINDING: usize = 200;

impl Picture<'_> {
    fn overview(&self) -> Overview<'_> {
        let subject = &self.subject;
        Overview { run: subject.run, graph: subject.graph, alive: subject.alive, problems: subject.problems }
    }

    /// The heading without the columns.
    pub(super) fn heading(&self) -> Value {
        let (graph, overview) = (self.subject.graph, self.overview());
        let root = graph.processes.iter().find(|process| process.number == Some(1));
        let mut times: Vec<i64> =
            self.lanes.iter().flat_map(|shown| shown.nodes(graph)).map(|at| graph.node(at).ts).collect();
        times.sort_unstable();
        let focus = focus::focus(&times, (self.begin, self.end));
        let all: usize = self.lanes.iter().map(|shown| graph.lane(shown.lane).nodes.len()).sum();
        json!({
            "run": self.subject.run,
            "program": root.map_or_else(String::new, |root| names::command(&root.argv)),
            "counts": overview.counts(),
            "begin": self.begin.to_string(),
            "span": self.since_begin(self.end),
            "focus": [self.since_begin(focus.0), self.since_begin(focus.1)],
            "records": { "all": all, "shown": self.len() },
            "texts_cut": self.told.cut,
            "missing": overview.missing(),
            "processes": self.processes(&overview),
            "lanes": self.lane_columns(&overview),
            "sources": self.told.sources.texts(),
            "findings": self.findings(),
            "findings_left_out": self.subject.findings.len().saturating_sub(FINDINGS),
        })
    }

    /// The processes that have lanes here, in the order of their lanes.
    fn processes(&self, overview: &Overview) -> Vec<Value> {
        let graph = self.subject.graph;
        let mut processes = Vec::new();
        let mut last = None;
        for shown in &self.lanes {
            let index = graph.lane(shown.lane).process;
            if last.replace(index) == Some(index) {
                continue;
            }
            let facts = &graph.processes[index.0];
            let state = overview.process_state(index);
            processes.push(json!({
                "number": facts.number,
                "name": one_line(&graph.process_name(index)),
                "command": names::command(&facts.argv),
                "pid": facts.pid,
                "how": facts.how.as_deref().map(one_line),
                "state": state.text,
                "bad": state.bad,
                "end": graph.seen_to_end(index).map(|seen| self.since_begin(seen.min(self.end))),
            }));
        }
        processes
    }

    /// One array for each thing that is known of lanes.
    fn lane_columns(&self, overview: &Overview) -> Value {
        let graph = self.subject.graph;
        let mut columns: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        let mut process = 0;
        let mut last = None;
        for shown in &self.lanes {
            let facts = graph.lane(shown.lane);
            if last.replace(facts.process).is_some_and(|last| last != facts.process) {
                process += 1;
            }
            let state = overview.lane_state(shown.lane);
            let runs = facts.function.as_deref().filter(|runs| **runs != *facts.display_name());
            let site = facts.site.as_ref().map(names::site);
            let end = facts.end.as_ref().map(|end| self.since_begin(end.ts));
            let row: [(&str, Value); 12] = [
                ("id", graph.address(shown.lane).into()),
                ("name", one_line(&facts.display_name()).into()),
                ("runs", runs.map(one_line).into()),
                ("site", site.into()),
                ("process", process.into()),
                ("marks", shown.len(graph).into()),
                ("all", facts.nodes.len().into()),
                ("errors", facts.errors.into()),
                ("warnings", facts.warnings.into()),
                ("state", state.text.into()),
                ("bad", u8::from(state.bad).into()),
                ("end", end.into()),
            ];
            for (name, value) in row {
                columns.entry(name).or_default().push(value);
            }
        }
        json!(columns)
    }

    fn findings(&self) -> Vec<Value> {
        let graph = self.subject.graph;
        let by_address: HashMap<String, usize> =
            self.lanes.iter().enumerate().map(|(place, shown)| (graph.address(shown.lane), place)).collect();
        let hangs = self.subject.findings.iter().any(Finding::counts);
        let standing = hangs.then(|| Standing::at_end(graph));
        let of = |finding: &Finding| {
            let mut told = diagnosis_json::finding(finding);
            let actors = finding.actors.iter().filter_map(|actor| by_address.get(&actor.id).copied());
            let mut lanes: Vec<usize> = actors.take(OF_FINDING).collect();
            let evidence = finding.evidence.iter();
            let marks: Vec<usize> = evidence.filter_map(|id| self.mark_of_id(id)).take(OF_FINDING).collect();
            for mark in &marks {
                let lane = self.lanes.partition_point(|shown| shown.first <= *mark).saturating_sub(1);
                if !lanes.contains(&lane) && lanes.len() < OF_FINDING {
                    lanes.push(lane);
                }
            }
            told["waits"] = standing.as_ref().map_or(Value::Null, |standing| self.waits(standing, &lanes));
            told["lanes"] = lanes.into();
            told["marks"] = marks.into();
            told["from"] = finding.since.map(|since| self.since_begin(since)).into();
            told["to"] = finding.until.map(|until| self.since_begin(until)).into();
            told["counts"] = finding.counts().into();
            told
        };
        self.subject.findings.iter().take(FINDINGS).map(of).collect()
    }

    /// Who of these lanes stood still, on what, and who could have ended it.
    fn waits(&self, standing: &Standing, lanes: &[usize]) -> Value {
        let graph = self.subject.graph;
        let mut waits = Vec::new();
        for place in lanes {
            let lane = self.lanes[*place].lane;
            let Some(party) = standing.party(lane).filter(|party| party.stuck || party.stuck_as_known) else {
                continue;
            };
            let (what, known): (String, Vec<LaneIndex>) = match &party.state {
                State::Blocked(blocked) => (waited_for(graph, lane, &blocked.wait), who_could_end(blocked)),
                State::Behind(other) => ("its turn".to_owned(), vec![*other]),
                _ => continue,
            };
            let since = match &party.state {
                State::Blocked(blocked) => graph.wall(lane, blocked.wait.since.unwrap_or(blocked.mono)),
                _ => graph.lane(lane).last().map(|node| node.ts),
            };
            let known: Vec<usize> = known.iter().filter_map(|lane| self.place_of.get(lane).copied()).take(8).collect();
            waits.push(json!({
                "lane": place,
                "what": one_line(&what),
                "on": known,
                "since": since.map(|since| self.since_begin(since)),
            }));
        }
        waits.into()
    }
}

/// The lanes that could have ended a wait, as far as it is known who they are.
fn who_could_end(blocked: &Blocked) -> Vec<LaneIndex> {
    match &blocked.need {
        Need::Lane(lane) | Need::EndOf(lane) => vec![*lane],
        Need::Tasks(lanes) | Need::AnyOf(lanes) => lanes.clone(),
        _ => blocked.known.clone(),
    }
}

/// `lock vault_1`, `the end`, `the result of future total`.
fn waited_for(graph: &CausalGraph, lane: LaneIndex, wait: &crate::record::readings::WaitEvent) -> String {
    match (wait.on, wait.obj) {
        (Some("join"), _) => "its end".to_owned(),
        (Some("process"), _) => "the end of a process".to_owned(),
        (Some("queue-get"), Some(obj)) => format!("an item from {}", names::object(graph, lane, obj)),
        (Some("queue-put"), Some(obj)) => format!("room in {}", names::object(graph, lane, obj)),
        (Some("queue-join"), Some(obj)) => format!("all of {}", names::object(graph, lane, obj)),
        (Some("future" | "task"), Some(obj)) => format!("the result of {}", names::object(graph, lane, obj)),
        (_, Some(obj)) => names::object(graph, lane, obj),
        (Some(on), None) => on.to_owned(),
        (None, None) => "something".to_owned(),
    }
}
