//! A picture as bytes: four bytes of length, a heading in JSON, and the columns behind it.

use serde_json::{Value, json};

use super::Picture;
use super::columns::Columns;
use super::interned::Interned;
use crate::causality::time::{Ledger, Outcome, WaitKind};
use crate::causality::{Edge, EdgeKind, NodeRef};
use crate::record::EventKind;
use crate::view::names;

/// A wait, or a stretch of it that is shown.
struct Span {
    mark: usize,
    begin: u64,
    end: u64,
    kind: u64,
    owner: Option<usize>,
}

/// The bytes of a picture that was told everything; the ledger has the waits of the same run.
pub fn pack(picture: &Picture, ledger: &Ledger) -> Vec<u8> {
    let mut columns = Columns::default();
    let mut words = Interned::default();
    marks(picture, &mut columns);
    let waits_left_out = spans(picture, ledger, &mut columns);
    arrows(picture, &mut columns, &mut words);
    let mut heading = picture.heading();
    let events = EventKind::ALL.iter().map(|(_, name)| *name);
    heading["kinds"] = ["log"].into_iter().chain(events).chain(["other"]).collect();
    heading["words"] = words.texts().into();
    heading["waits_left_out"] = waits_left_out.into();
    let table = columns.table.iter().map(|(name, begin, len)| ((*name).to_owned(), json!([begin, len])));
    heading["columns"] = Value::Object(table.collect());
    let heading = heading.to_string();
    let mut packed = Vec::with_capacity(4 + heading.len() + columns.bytes.len());
    packed.extend(u32::try_from(heading.len()).unwrap_or(0).to_le_bytes());
    packed.extend(heading.as_bytes());
    packed.extend(columns.bytes);
    packed
}

fn all_marks<'p>(picture: &'p Picture) -> impl Iterator<Item = NodeRef> + use<'p> {
    let graph = picture.subject.graph;
    picture.lanes.iter().flat_map(move |shown| shown.nodes(graph))
}

fn marks(picture: &Picture, columns: &mut Columns) {
    let (graph, told) = (picture.subject.graph, &picture.told);
    columns.steps("time", all_marks(picture).map(|at| picture.since_begin(graph.node(at).ts)));
    columns.steps("seq", all_marks(picture).map(|at| graph.node(at).seq));
    columns.numbers("kind", all_marks(picture).map(|at| kind(graph.node(at).event)));
    columns.numbers("weight", told.entries.iter().map(|entry| u64::from(entry.weight)));
    columns.numbers("source", told.entries.iter().map(|entry| u64::from(entry.source)));
    columns.numbers("text_length", told.entries.iter().map(|entry| u64::from(entry.text.1)));
    let piece = |(begin, len): (usize, u32)| &told.arena[begin..begin + len as usize];
    columns.raw("text", told.entries.iter().map(|entry| piece(entry.text)));
    columns.numbers("detail_length", told.entries.iter().map(|entry| u64::from(entry.detail.1)));
    columns.raw("detail", told.entries.iter().map(|entry| piece(entry.detail)));
}

/// 0 for a log record, else the event's place in the list of events from 1 on.
fn kind(event: Option<EventKind>) -> u64 {
    let Some(event) = event else { return 0 };
    let place = EventKind::ALL.iter().position(|(kind, _)| *kind == event);
    place.unwrap_or(EventKind::ALL.len()) as u64 + 1
}

/// The waits whose records are kept; how many are not.
fn spans(picture: &Picture, ledger: &Ledger, columns: &mut Columns) -> usize {
    let graph = picture.subject.graph;
    let mut spans = Vec::new();
    let mut left_out = 0;
    for pause in &ledger.pauses {
        let Some(at) = graph.find(pause.lane, pause.wait) else { continue };
        let Some(mark) = picture.mark(at) else {
            left_out += 1;
            continue;
        };
        let node = graph.node(at);
        let begin = node.ts.saturating_sub(i64::try_from(pause.before).unwrap_or(0));
        let got = pause.got.and_then(|got| graph.find(pause.lane, got)).map(|got| graph.node(got).ts);
        let lane_end = graph.lane(pause.lane).end.as_ref().map(|end| end.ts);
        let process_end = || graph.seen_to_end(graph.lane(pause.lane).process);
        let end = got.or(lane_end).or_else(process_end).unwrap_or(picture.end).min(picture.end);
        let open = pause.outcome == Outcome::Open;
        spans.push(Span {
            mark,
            begin: picture.since_begin(begin.max(picture.begin)),
            end: picture.since_begin(end.max(begin)),
            kind: number_of(pause.kind) + if open { 8 } else { 0 },
            owner: pause.owners.first().and_then(|owner| picture.place_of.get(owner).copied()),
        });
    }
    spans.sort_by_key(|span| span.mark);
    columns.steps("wait_mark", spans.iter().map(|span| span.mark as u64));
    columns.steps("wait_begin", spans.iter().map(|span| span.begin));
    columns.numbers("wait_took", spans.iter().map(|span| span.end.saturating_sub(span.begin)));
    columns.numbers("wait_kind", spans.iter().map(|span| span.kind));
    columns.numbers("wait_owner", spans.iter().map(|span| span.owner.map_or(0, |owner| owner as u64 + 1)));
    left_out
}

/// What sort of thing is waited for; `page/data.js` has the same list.
fn number_of(kind: WaitKind) -> u64 {
    match kind {
        WaitKind::Exclusion => 0,
        WaitKind::Item => 1,
        WaitKind::Room => 2,
        WaitKind::Signal => 3,
        WaitKind::Work => 4,
        WaitKind::Idle => 5,
        WaitKind::Elsewhere => 6,
    }
}

/// The hand-overs between lanes, by receiver; of one receiver the one that counts most stands last.
fn arrows(picture: &Picture, columns: &mut Columns, words: &mut Interned) {
    let graph = picture.subject.graph;
    let mut all: Vec<[u64; 4]> = Vec::new();
    let mut own: Vec<(bool, bool, u64, [u64; 4])> = Vec::new();
    for (mark, at) in all_marks(picture).enumerate() {
        own.clear();
        for edge in graph.edges_into(at).filter(|edge| edge.from != at.lane) {
            let Some(source) = graph.source(edge) else { continue };
            let Some(from) = picture.mark_up_to(source) else { continue };
            let how = words.place(&names::hand_over(graph, edge, at).arriving);
            let arrow = [mark as u64, from as u64, number_of_edge(edge), how as u64];
            own.push((edge.kind != EdgeKind::Lock, edge.is_direct(), graph.node(source).mono, arrow));
        }
        own.sort_unstable();
        all.extend(own.iter().map(|(.., arrow)| arrow));
    }
    columns.steps("arrow_to", all.iter().map(|arrow| arrow[0]));
    columns.steps("arrow_from", all.iter().map(|arrow| arrow[1]));
    columns.numbers("arrow_kind", all.iter().map(|arrow| arrow[2]));
    columns.numbers("arrow_how", all.iter().map(|arrow| arrow[3]));
}

fn number_of_edge(edge: &Edge) -> u64 {
    match (edge.kind, edge.is_direct()) {
        (EdgeKind::Start, _) => 0,
        (EdgeKind::Hard, true) => 1,
        (EdgeKind::Hard, false) => 2,
        (EdgeKind::Lock, _) => 3,
    }
}
