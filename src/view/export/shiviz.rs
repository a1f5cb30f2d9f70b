//! ShiViz: each record as two lines, `lane {vector clock}` and its text. The parser's expression is its default one:
//! `(?<host>\S*) (?<clock>{.*})\n(?<event>.*)`.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use serde_json::{Map, Value};

use super::{Exported, Exporter, text};
use crate::causality::time::Ledger;
use crate::causality::{CausalGraph, LaneIndex, NodeRef, Reading};
use crate::record::Record;
use crate::view::printable::one_line;

/// More than so many records ShiViz cannot show.
pub const MOST: usize = 20_000;

pub struct ShiViz<'a> {
    of: Exported<'a>,
    chosen: HashSet<LaneIndex>,
    /// What the records say, until they are written in causal order.
    said: HashMap<NodeRef, String>,
}

impl<'a> ShiViz<'a> {
    pub fn new(of: Exported<'a>) -> ShiViz<'a> {
        ShiViz { of, chosen: of.lanes.iter().copied().collect(), said: HashMap::new() }
    }
}

/// The lane in one word: `1.t3:worker-1`.
fn host(graph: &CausalGraph, lane: LaneIndex) -> String {
    let name = one_line(&graph.lane(lane).display_name()).into_owned();
    let word: String = name.chars().map(|c| if c.is_whitespace() || "{}\"\\".contains(c) { '_' } else { c }).collect();
    format!("{}:{word}", graph.address(lane))
}

impl Exporter for ShiViz<'_> {
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn record(&mut self, at: NodeRef, record: &Record, _out: &mut dyn Write) -> io::Result<()> {
        let text = one_line(&text(self.of.graph, at, record)).into_owned();
        self.said.insert(at, text);
        Ok(())
    }

    fn end(&mut self, _ledger: &Ledger, out: &mut dyn Write) -> io::Result<()> {
        let graph = self.of.graph;
        let hosts: HashMap<LaneIndex, String> = self.chosen.iter().map(|lane| (*lane, host(graph, *lane))).collect();
        for at in graph.causal_order() {
            let Some(own) = hosts.get(&at.lane) else { continue };
            let mut clock = Map::new();
            for (lane, last) in graph.ancestors(at, Reading::Full) {
                if let Some(name) = hosts.get(&lane) {
                    clock.insert(name.clone(), Value::from(last.at + 1));
                }
            }
            let said = self.said.get(&at).map_or("", String::as_str);
            writeln!(out, "{own} {}\n{}  {said}", Value::Object(clock), graph.id(at))?;
        }
        Ok(())
    }
}
