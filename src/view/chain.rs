//! `why` as text and JSON: a record, and the hand-overs that led to it, back to the root of the run.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::causality::{CausalGraph, Chain, Doubt, EdgeKind, Hop, LaneIndex, NodeRef, Reading};
use crate::diagnose::missing_near;
use crate::record::{Body, Record};
use crate::view::clock::time_of_day;
use crate::view::events::{Naming, sentence};
use crate::view::json::timestamp;
use crate::view::names;
use crate::view::printable::{one_line, pad};
use crate::view::records::{write_exception, write_fields};
use crate::view::style::{self, paint};
use crate::view::threads::count;
use crate::view::timeline::Contents;

/// The records whose contents the chain shows.
pub fn records(chain: &Chain) -> Vec<NodeRef> {
    let ends = chain.hops.iter().flat_map(|hop| [Some(hop.to), hop.from]);
    std::iter::once(chain.of).chain(ends.flatten()).collect()
}

/// The record itself, whole.
pub fn write_record(graph: &CausalGraph, at: NodeRef, contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    write_step(graph, at, contents, true, out)
}

/// The chain behind its record, the root last.
pub fn write(graph: &CausalGraph, chain: &Chain, contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    let mut at = chain.of;
    for hop in &chain.hops {
        write_doubts(graph, &hop.doubts, out)?;
        if hop.to != at {
            write_step(graph, hop.to, contents, false, out)?;
        }
        let words = names::hand_over(graph, &hop.edge, hop.to).arriving;
        let sender = names::lane(graph, hop.edge.from, Some(hop.to.lane));
        let text = format!("{words} {sender}{}", came_after(graph, hop));
        writeln!(out, "   {} {}", paint(style::HAND_OVER, "▲"), paint(style::HAND_OVER, text))?;
        let Some(from) = hop.from else {
            let text = "the sender had written nothing before that, or what it wrote is lost";
            return writeln!(out, "{}", paint(style::WARN, text));
        };
        write_step(graph, from, contents, false, out)?;
        at = from;
    }
    write_doubts(graph, &chain.doubts, out)?;
    write_root(graph, at, out)
}

fn write_doubts(graph: &CausalGraph, doubts: &[Doubt], out: &mut dyn Write) -> io::Result<()> {
    for doubt in doubts {
        writeln!(out, "   {} {}", paint(style::WARN, "┆"), paint(style::WARN, one_line(&doubted(graph, doubt))))?;
    }
    Ok(())
}

/// What is missing at a step, in words.
fn doubted(graph: &CausalGraph, doubt: &Doubt) -> String {
    match doubt {
        Doubt::Gap { before, records } => {
            let what = count(*records, "record is", "records are");
            let name = names::lane(graph, before.lane, None);
            format!("{what} missing of {name} up to {}: a later hand-over may be among them", graph.id(*before))
        }
        Doubt::NotThere { lane, seq } => format!("{} is not on record", graph.id_of(*lane, *seq)),
        Doubt::Circle { records } => {
            let ids: Vec<String> = records.iter().map(|at| graph.id(*at).to_string()).collect();
            format!("damaged: the stamps of {} say that each came before the other; none is followed", ids.join(", "))
        }
    }
}

/// What is missing of the lanes in an answer, under it.
pub(super) fn write_missing(graph: &CausalGraph, shown: &[NodeRef], out: &mut dyn Write) -> io::Result<()> {
    for sentence in missing_of(graph, shown) {
        writeln!(out, "{} {}", paint(style::WARN, "missing:"), one_line(&sentence))?;
    }
    Ok(())
}

/// What is missing of the lanes of those records, one sentence each.
pub(super) fn missing_of(graph: &CausalGraph, shown: &[NodeRef]) -> Vec<String> {
    missing_near(graph, &shown.iter().map(|at| at.lane).collect())
}

/// What the giver had merged and not written itself by the time of a hand-over: `, after t2 A 1.t2@2`.
fn came_after(graph: &CausalGraph, hop: &Hop) -> String {
    if !hop.edge.is_direct() {
        return String::new();
    }
    let others = graph.edges_into(hop.to).filter(|edge| !edge.is_direct() && edge.from != hop.edge.from);
    let others = others.filter(|edge| edge.kind == EdgeKind::Hard && edge.from != hop.to.lane);
    let Some(latest) = others.max_by_key(|edge| graph.source(edge).map(|from| graph.node(from).mono)) else {
        return String::new();
    };
    let name = names::lane(graph, latest.from, Some(hop.to.lane));
    graph.source(latest).map_or_else(String::new, |from| format!(", after {name}  {}", graph.id(from)))
}

/// Where the chain ends, when that is not the root of the run.
fn write_root(graph: &CausalGraph, at: NodeRef, out: &mut dyn Write) -> io::Result<()> {
    let process = graph.process_of(at.lane);
    let root = process.is_logq() || process.how.as_deref() == Some("root");
    if root && graph.lane(at.lane).lane == crate::record::Lane::MAIN {
        let what = process.argv.join(" ");
        return writeln!(
            out,
            "   {} {}",
            paint(style::DIM, "the root of the run:"),
            paint(style::DIM, one_line(&what))
        );
    }
    let name = names::lane(graph, at.lane, None);
    writeln!(out, "   {}", paint(style::WARN, format!("nothing on record says what began {name}")))
}

pub(super) fn write_step(
    graph: &CausalGraph,
    at: NodeRef,
    contents: &Contents,
    whole: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (node, id) = (graph.node(at), graph.id(at).to_string());
    let name = if graph.process_of(at.lane).is_logq() {
        "logq run".to_owned()
    } else {
        one_line(&graph.lane(at.lane).display_name()).into_owned()
    };
    write!(out, "{}  {}  ", paint(style::BOLD, pad(&id, 8)), paint(style::DIM, time_of_day(node.ts)))?;
    write!(out, "{}  ", pad(&name, 16))?;
    let Some(record) = contents.get(&at) else {
        return writeln!(out, "(its line cannot be read any more)");
    };
    write_what(graph, at.lane, record, out)?;
    let exception = record.exception().filter(|_| whole);
    if let Some(exception) = &exception {
        write_exception(Some(exception), 10, out)?;
        for frame in &exception.stack {
            let file = frame.file.rsplit('/').next().unwrap_or(&frame.file);
            let code = frame.code.as_deref().unwrap_or_default().trim();
            let text = format!("{:12}{file}:{} in {}  {code}", "", frame.line, frame.func);
            writeln!(out, "{}", paint(style::DIM, one_line(text.trim_end())))?;
        }
    }
    Ok(())
}

fn write_what(graph: &CausalGraph, lane: LaneIndex, record: &Record, out: &mut dyn Write) -> io::Result<()> {
    match &record.body {
        Body::Log(log) => {
            let style = style::of_level(&log.level);
            write!(out, "{} {}", paint(style, one_line(&log.level.name)), paint(style, one_line(&log.msg)))?;
            write_fields(&record.extra, out)?;
        }
        Body::Event(event) => {
            let said = sentence(
                event,
                &Naming {
                    object: &|name| names::object(graph, lane, name),
                    lane: &|name| names::mentioned_lane(graph, lane, name),
                },
            );
            write!(out, "{}", paint(if said.bad { style::BAD } else { style::PLAIN }, said.text))?;
        }
        Body::Malformed(malformed) => write!(out, "{}", one_line(&malformed.reason))?,
    }
    match record.site() {
        Some(site) => writeln!(out, "  {}", paint(style::DIM, names::site(&site))),
        None => writeln!(out),
    }
}

/// Everything that could have influenced the record, as [`ancestors`] gives it.
pub fn write_all(
    graph: &CausalGraph,
    of: NodeRef,
    all: &[NodeRef],
    contents: &Contents,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out)?;
    let title = match all.len() {
        0 => "nothing else on record could have influenced it".to_owned(),
        n => format!(
            "could have influenced it: {}, each up to this record",
            count(n as u64, "other lane", "other lanes")
        ),
    };
    writeln!(out, "{}", paint(style::BOLD, title))?;
    for at in all {
        write_step(graph, *at, contents, false, out)?;
    }
    write_missing(graph, &[all, &[of]].concat(), out)
}

/// The last record of every other lane that happened before this one, the latest first.
pub fn ancestors(graph: &CausalGraph, of: NodeRef) -> Vec<NodeRef> {
    let reached = graph.ancestors(of, Reading::Full);
    let mut others: Vec<NodeRef> = reached.into_values().filter(|at| at.lane != of.lane).collect();
    others.retain(|at| !graph.process_of(at.lane).is_logq());
    others.sort_by_key(|at| std::cmp::Reverse(graph.node(*at).mono));
    others
}

/// The chain as one JSON document. The record is the chain's own but where that is of another lane's failure.
pub fn to_json(
    graph: &CausalGraph,
    record: NodeRef,
    chain: &Chain,
    all: Option<&[NodeRef]>,
    contents: &Contents,
) -> Value {
    let hop = |hop: &Hop| {
        json!({
            "to": step(graph, hop.to, contents),
            "how": names::hand_over(graph, &hop.edge, hop.to).arriving,
            "object": hop.edge.by.as_deref(),
            "from": hop.from.map(|from| step(graph, from, contents)),
            "sender": graph.address(hop.edge.from),
            "missing": hop.doubts.iter().map(|doubt| doubted(graph, doubt)).collect::<Vec<_>>(),
        })
    };
    let hops: Vec<Value> = chain.hops.iter().map(hop).collect();
    let mut shown = records(chain);
    shown.push(record);
    shown.extend(all.into_iter().flatten());
    let mut document = json!({
        "record": step(graph, record, contents),
        "chain": hops,
        "ends": chain.doubts.iter().map(|doubt| doubted(graph, doubt)).collect::<Vec<_>>(),
        "missing": missing_of(graph, &shown),
    });
    if let Some(all) = all {
        document["ancestors"] = all.iter().map(|at| step(graph, *at, contents)).collect();
    }
    document
}

/// One record of an answer about causes, as JSON.
pub(super) fn step(graph: &CausalGraph, at: NodeRef, contents: &Contents) -> Value {
    let record = contents.get(&at);
    json!({
        "id": graph.id(at).to_string(),
        "ts": timestamp(graph.node(at).ts),
        "lane": graph.address(at.lane),
        "name": graph.lane(at.lane).display_name(),
        "what": record.map(|record| brief(graph, at.lane, record)),
    })
}

/// A record in one line of plain text.
pub fn brief(graph: &CausalGraph, lane: LaneIndex, record: &Record) -> String {
    match &record.body {
        Body::Log(log) => format!("{} {}", log.level, log.msg),
        Body::Event(event) => {
            sentence(
                event,
                &Naming {
                    object: &|name| names::object(graph, lane, name),
                    lane: &|name| names::mentioned_lane(graph, lane, name),
                },
            )
            .text
        }
        Body::Malformed(malformed) => malformed.reason.clone(),
    }
}
