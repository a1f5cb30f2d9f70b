//! `why --forward` as text and JSON: the lanes that a record could have influenced, each behind the hand-overs that lead
//! there, as a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::causality::{CausalGraph, Influence, NodeRef, Reached};
use crate::view::chain::{self, brief};
use crate::view::clock::time_of_day;
use crate::view::names;
use crate::view::printable::{cut, one_line, pad};
use crate::view::style::{self, paint};
use crate::view::threads::count;
use crate::view::timeline::Contents;

/// Columns that the text of a record may take in the tree.
const WIDTH: usize = 90;
/// Longer chains are not indented further.
const DEEPEST: usize = 8;

/// The answer: what was asked about, and how much of it is shown.
pub struct Forward<'a> {
    pub graph: &'a CausalGraph,
    pub influence: &'a Influence,
    /// So many lanes at most.
    pub most: usize,
}

impl Forward<'_> {
    fn shown(&self) -> &[Reached] {
        let reached = &self.influence.reached;
        &reached[..reached.len().min(self.most)]
    }

    fn beyond(&self) -> &[Reached] {
        &self.influence.reached[self.shown().len()..]
    }

    /// The hand-overs that lead to the lanes shown.
    fn steps(&self) -> BTreeSet<usize> {
        self.shown().iter().flat_map(|reached| self.influence.chain(reached.step)).collect()
    }

    /// The records whose contents it shows.
    pub fn records(&self) -> Vec<NodeRef> {
        let steps = self.steps();
        std::iter::once(self.influence.of).chain(steps.iter().map(|step| self.influence.step(*step).to)).collect()
    }

    pub fn write(&self, contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
        let influence = self.influence;
        chain::write_record(self.graph, influence.of, contents, out)?;
        writeln!(out, "{}", paint(style::BOLD, self.title()))?;
        let more: BTreeMap<usize, usize> =
            self.shown().iter().map(|reached| (reached.step, reached.records - 1)).collect();
        for (step, depth) in self.tree() {
            let more = more.get(&step).copied().unwrap_or(0);
            self.write_step(step, depth, more, contents, out)?;
        }
        let beyond = self.beyond();
        if !beyond.is_empty() {
            let records: usize = beyond.iter().map(|reached| reached.records).sum();
            let lanes = count(beyond.len() as u64, "lane", "lanes");
            let text = format!(
                "… and {} more in {lanes} (--all shows every lane)",
                count(records as u64, "record", "records")
            );
            writeln!(out, "{}", paint(style::DIM, text))?;
        }
        if influence.by_locks > 0 {
            let lanes = count(influence.by_locks as u64, "more lane", "more lanes");
            let text = format!("{lanes} only came later because of the order in which locks were taken");
            writeln!(out, "{}", paint(style::DIM, text))?;
        }
        chain::write_missing(self.graph, &self.records(), out)
    }

    fn title(&self) -> String {
        let own = match self.influence.own_after {
            0 => "nothing in its own lane".to_owned(),
            n => format!("{} of its own lane", count(n as u64, "later record", "later records")),
        };
        match self.influence.reached.len() {
            0 => format!("could have influenced {own}, and no other lane"),
            n => {
                let records: usize = self.influence.reached.iter().map(|reached| reached.records).sum();
                let (records, lanes) =
                    (count(records as u64, "record", "records"), count(n as u64, "other lane", "other lanes"));
                format!("could have influenced {own}, and {records} of {lanes}")
            }
        }
    }

    /// Every hand-over behind the one that it follows on, and how deep that is.
    fn tree(&self) -> Vec<(usize, usize)> {
        let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for step in self.steps() {
            children.entry(self.influence.step(step).parent).or_default().push(step);
        }
        let mut tree = Vec::new();
        let mut todo = vec![(None, 0)];
        while let Some((parent, depth)) = todo.pop() {
            tree.extend(parent.map(|step| (step, depth)));
            let next = children.remove(&parent).unwrap_or_default();
            todo.extend(next.into_iter().rev().map(|step| (Some(step), depth + 1)));
        }
        tree
    }

    fn write_step(
        &self,
        step: usize,
        depth: usize,
        more: usize,
        contents: &Contents,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (graph, onward) = (self.graph, self.influence.step(step));
        let indent = 3 * depth.min(DEEPEST);
        let words = names::hand_over(graph, &onward.edge, onward.to).leaving;
        let receiver = names::lane(graph, onward.to.lane, Some(onward.from.lane));
        let known = onward.parent.map_or(self.influence.of, |parent| self.influence.step(parent).to);
        let after = if known == onward.from { String::new() } else { format!(", after {}", graph.id(onward.from)) };
        let text = format!("{words} {receiver}{after}");
        writeln!(out, "{:indent$}{} {}", "", paint(style::HAND_OVER, "▼"), paint(style::HAND_OVER, text))?;
        let id = pad(&graph.id(onward.to).to_string(), 8);
        write!(out, "{:indent$}{}  ", "", paint(style::BOLD, id))?;
        write!(out, "{}  ", paint(style::DIM, time_of_day(graph.node(onward.to).ts)))?;
        match contents.get(&onward.to) {
            Some(record) => write!(out, "{}", cut(&one_line(&brief(graph, onward.to.lane, record)), WIDTH))?,
            None => write!(out, "(its line cannot be read any more)")?,
        }
        let more = if more == 0 { String::new() } else { format!("  and {more} more") };
        writeln!(out, "{}", paint(style::DIM, more))
    }

    pub fn to_json(&self, contents: &Contents) -> Value {
        let graph = self.graph;
        let hop = |step: usize| {
            let onward = self.influence.step(step);
            json!({
                "from": graph.id(onward.from).to_string(),
                "how": names::hand_over(graph, &onward.edge, onward.to).leaving,
                "object": onward.edge.by.as_deref(),
                "to": chain::step(graph, onward.to, contents),
            })
        };
        let lane = |reached: &Reached| {
            json!({
                "lane": graph.address(reached.lane),
                "name": graph.lane(reached.lane).display_name(),
                "records": reached.records,
                "chain": self.influence.chain(reached.step).into_iter().map(hop).collect::<Vec<_>>(),
            })
        };
        let beyond = self.beyond();
        json!({
            "record": chain::step(graph, self.influence.of, contents),
            "own_lane": {"lane": graph.address(self.influence.of.lane), "records": self.influence.own_after},
            "influenced": self.shown().iter().map(lane).collect::<Vec<_>>(),
            "more": {"lanes": beyond.len(), "records": beyond.iter().map(|reached| reached.records).sum::<usize>()},
            "only_by_locks": {"lanes": self.influence.by_locks},
            "missing": chain::missing_of(graph, &self.records()),
        })
    }
}
