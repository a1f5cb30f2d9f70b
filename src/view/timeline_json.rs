//! A timeline as JSON: one row a line, in the order shown.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::causality::{Edge, LaneIndex, NodeRef};
use crate::view::chain::brief;
use crate::view::json::{timestamp, write_line};
use crate::view::names;
use crate::view::timeline::{Contents, Row, Timeline};

pub fn write(timeline: &Timeline, contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    for row in &timeline.rows {
        let value = match row {
            Row::Record(at) => record(timeline, "record", *at, contents),
            Row::Cause(at) => record(timeline, "cause", *at, contents),
            Row::Missing { before, records } => json!({
                "row": "missing",
                "lane": timeline.graph.address(before.lane),
                "records": records,
                "before": timeline.graph.id(*before).to_string(),
            }),
            Row::In { to, edge, .. } => hand_over(timeline, "in", to.lane, *to, *edge),
            Row::Out { lane, to, edge, .. } => hand_over(timeline, "out", *lane, *to, *edge),
        };
        write_line(&value, out)?;
    }
    Ok(())
}

fn record(timeline: &Timeline, row: &str, at: NodeRef, contents: &Contents) -> Value {
    let (graph, node) = (timeline.graph, timeline.graph.node(at));
    let record = contents.get(&at);
    json!({
        "row": row,
        "id": graph.id(at).to_string(),
        "lane": graph.address(at.lane),
        "ts": timestamp(node.ts),
        "ev": record.and_then(|record| record.event()).map(|event| event.name.clone()),
        "level": record.and_then(|record| record.log()).map(|log| log.level.name.clone()),
        "what": record.map(|record| brief(graph, at.lane, record)),
    })
}

fn hand_over(timeline: &Timeline, direction: &str, lane: LaneIndex, to: NodeRef, place: usize) -> Value {
    let graph = timeline.graph;
    let Some(edge): Option<&Edge> = graph.edges_into(to).nth(place) else { return Value::Null };
    let words = names::hand_over(graph, edge, to);
    json!({
        "row": "hand-over",
        "direction": direction,
        "lane": graph.address(lane),
        "from": graph.id_of(edge.from, edge.seq).to_string(),
        "to": graph.id(to).to_string(),
        "object": edge.by.as_deref(),
        "how": if direction == "in" { words.arriving } else { words.leaving },
    })
}
