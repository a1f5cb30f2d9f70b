//! The timeline model: the records of the chosen lanes in causal order, with the hand-overs between them and to and
//! from the others. What it looks like is `timeline_text`'s business.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::causality::{CausalGraph, Edge, EdgeKind, LaneIndex, NodeRef};
use crate::record::{EventKind, Record};

/// The contents of the records that a timeline shows.
pub type Contents = BTreeMap<NodeRef, Record>;

pub struct Timeline<'a> {
    pub graph: &'a CausalGraph,
    /// The lanes shown, in the order asked for.
    pub lanes: Vec<LaneIndex>,
    pub rows: Vec<Row>,
    /// Rows that a limit left out before the first one shown.
    pub left_out: usize,
    /// Rows that were left out behind the last one, where the timeline is around a record.
    pub left_out_after: usize,
    /// The record that the timeline is around.
    pub around: Option<NodeRef>,
    /// Shown lanes that gave nothing to another lane and took nothing from one: only the clock orders them.
    pub by_clock: BTreeSet<LaneIndex>,
    /// The lanes shown, to be asked about each of many records.
    shown: HashSet<LaneIndex>,
}

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    Record(NodeRef),
    /// A record of a lane that is not shown, from which a hand-over came to one that is.
    Cause(NodeRef),
    /// So many numbers of the lane are not there in front of this record.
    Missing {
        before: NodeRef,
        records: u64,
    },
    /// A hand-over that record `to` merged. `across` when the sender's lane is shown too.
    In {
        to: NodeRef,
        edge: usize,
        across: bool,
    },
    /// A hand-over from a shown lane, after its record `after`, to record `to` of a lane that is not shown.
    Out {
        lane: LaneIndex,
        after: Option<NodeRef>,
        to: NodeRef,
        edge: usize,
    },
}

impl Row {
    /// The time that the row is shown at.
    pub fn ts(&self, graph: &CausalGraph) -> i64 {
        graph.node(self.timed_by()).ts
    }

    /// The record whose clocks the row is shown by.
    pub fn timed_by(&self) -> NodeRef {
        match self {
            Row::Record(at) | Row::Cause(at) | Row::In { to: at, .. } | Row::Missing { before: at, .. } => *at,
            Row::Out { after, to, .. } => after.unwrap_or(*to),
        }
    }
}

/// Which rows to leave out.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only log records at least this severe; events and hand-overs stay.
    pub level: Option<u16>,
    /// Nanoseconds since 1970.
    pub since: Option<i64>,
    pub until: Option<i64>,
    /// The last so many rows; around a record, so many with it in their midst.
    pub limit: Option<usize>,
    /// Only what happened around this record.
    pub around: Option<NodeRef>,
    /// Show the events that only carry names and stamps too, and the hand-overs by locks.
    pub everything: bool,
    /// Show the records of other lanes from which the hand-overs came.
    pub causes: bool,
}

impl<'a> Timeline<'a> {
    /// The timeline of some lanes.
    pub fn of(graph: &'a CausalGraph, lanes: Vec<LaneIndex>, filter: &Filter) -> Timeline<'a> {
        let by_clock = if lanes.len() > 1 { unordered(graph, &lanes) } else { BTreeSet::new() };
        let around = filter.around;
        let shown = lanes.iter().copied().collect();
        let mut timeline =
            Timeline { graph, lanes, rows: Vec::new(), left_out: 0, left_out_after: 0, around, by_clock, shown };
        let causes = if filter.causes { timeline.causes(filter) } else { BTreeSet::new() };
        let order = match timeline.lanes.as_slice() {
            [one] if causes.is_empty() => graph.nodes_of(*one).collect(),
            _ => graph.causal_order(),
        };
        let mut outs = timeline.hand_overs_out(filter);
        for lane in timeline.lanes.clone() {
            timeline.push_outs(&mut outs, lane, 0, filter);
        }
        for at in order {
            if causes.contains(&at) && filter.allows(graph.node(at).ts) {
                timeline.rows.push(Row::Cause(at));
            }
            if !timeline.shown.contains(&at.lane) {
                continue;
            }
            timeline.push(at, filter);
            timeline.push_outs(&mut outs, at.lane, graph.node(at).seq, filter);
        }
        timeline.cut(filter);
        timeline
    }

    /// Keeps the rows that the limit allows.
    fn cut(&mut self, filter: &Filter) {
        let Some(limit) = filter.limit else { return };
        let wanted = filter.around.and_then(|at| self.rows.iter().position(|row| *row == Row::Record(at)));
        let end = wanted.map_or(self.rows.len(), |row| (row + limit.div_ceil(2)).min(self.rows.len()));
        self.left_out_after = self.rows.len() - end;
        self.rows.truncate(end);
        self.left_out = end.saturating_sub(limit);
        self.rows.drain(..self.left_out);
    }

    /// The records of lanes that are not shown from which hand-overs came to those that are.
    fn causes(&self, filter: &Filter) -> BTreeSet<NodeRef> {
        let mut causes = BTreeSet::new();
        for to in self.lanes.iter().flat_map(|lane| self.graph.nodes_of(*lane)) {
            for edge in self.graph.edges_into(to).filter(|edge| edge.kind != EdgeKind::Lock || filter.everything) {
                let Some(from) = self.graph.source(edge).map(|from| self.graph.saying(from)) else { continue };
                if !self.shown.contains(&from.lane) && !self.graph.process_of(from.lane).is_logq() {
                    causes.insert(from);
                }
            }
        }
        causes
    }

    /// Hand-overs to lanes that are not shown, by sender and number of the sender's record.
    fn hand_overs_out(&self, filter: &Filter) -> BTreeMap<(LaneIndex, u64), Vec<Row>> {
        let mut outs: BTreeMap<(LaneIndex, u64), Vec<Row>> = BTreeMap::new();
        for lane in &self.lanes {
            for (seq, to, edge) in self.graph.edges_out_of(*lane) {
                let shown = self.shown.contains(&to.lane) || self.graph.process_of(to.lane).is_logq();
                if shown || (edge.kind == EdgeKind::Lock && !filter.everything) || self.is_covered(to, edge) {
                    continue;
                }
                let after = self.graph.last_up_to(*lane, seq);
                let place = after.map_or(0, |after| self.graph.node(after).seq);
                let Some(edge) = self.place_of_edge(to, |other| std::ptr::eq(other, edge)) else { continue };
                outs.entry((*lane, place)).or_default().push(Row::Out { lane: *lane, after, to, edge });
            }
        }
        outs
    }

    fn place_of_edge(&self, to: NodeRef, is: impl Fn(&Edge) -> bool) -> Option<usize> {
        self.graph.edges_into(to).position(is)
    }

    fn push_outs(
        &mut self,
        outs: &mut BTreeMap<(LaneIndex, u64), Vec<Row>>,
        lane: LaneIndex,
        seq: u64,
        filter: &Filter,
    ) {
        let rows = outs.remove(&(lane, seq)).unwrap_or_default();
        self.rows.extend(rows.into_iter().filter(|row| filter.allows(row.ts(self.graph))));
    }

    fn push(&mut self, at: NodeRef, filter: &Filter) {
        let node = self.graph.node(at);
        if !filter.allows(node.ts) {
            return;
        }
        let missing = self.graph.missing_before(at);
        if missing > 0 {
            self.rows.push(Row::Missing { before: at, records: missing });
        }
        let first = node.event == Some(EventKind::Lane);
        let mut arriving = Vec::new();
        for (place, edge) in self.graph.edges_into(at).enumerate() {
            let lock = edge.kind == EdgeKind::Lock;
            // A lane's first record says itself who began it; what else came from there adds nothing.
            let said = first && (edge.kind == EdgeKind::Start || self.starts_it(at, edge));
            let logq = self.graph.process_of(edge.from).is_logq();
            if edge.from == at.lane || (lock && !filter.everything) || said || logq || self.is_covered(at, edge) {
                continue;
            }
            arriving.push(Row::In { to: at, edge: place, across: self.shown.contains(&edge.from) });
        }
        let plumbing = matches!(node.event, Some(EventKind::Obj | EventKind::Sync));
        let too_mild = node.event.is_none() && filter.level.is_some_and(|level| node.level < level);
        let asked_for = filter.everything || filter.around == Some(at);
        let record = (asked_for || !(plumbing || too_mild)).then_some(Row::Record(at));
        // What a lane was handed before its first record still reached it after it had begun.
        if first {
            self.rows.extend(record);
            self.rows.extend(arriving);
        } else {
            self.rows.extend(arriving);
            self.rows.extend(record);
        }
    }

    /// Whether the creator's own stamp covers this edge.
    fn starts_it(&self, at: NodeRef, edge: &Edge) -> bool {
        let mut starts = self.graph.edges_into(at).filter(|own| own.kind == EdgeKind::Start);
        starts.any(|own| own.from == edge.from && own.seq >= edge.seq)
    }

    /// Whether a hand-over that has a name says already all that this nameless one does.
    fn is_covered(&self, at: NodeRef, edge: &Edge) -> bool {
        let says_more = |other: &Edge| other.by.is_some() && other.from == edge.from && other.seq >= edge.seq;
        edge.by.is_none() && edge.kind == EdgeKind::Hard && self.graph.edges_into(at).any(says_more)
    }

    /// First and last row of a lane: of its own records, or of what it handed over; to the end where it did not end.
    pub fn span_of(&self, lane: LaneIndex) -> (usize, usize) {
        let own = |row: &Row| match row {
            Row::Record(at) | Row::Missing { before: at, .. } => at.lane == lane,
            Row::Cause(_) => false,
            Row::In { to, edge, .. } => {
                to.lane == lane || self.graph.edges_into(*to).nth(*edge).is_some_and(|edge| edge.from == lane)
            }
            Row::Out { lane: from, .. } => *from == lane,
        };
        let first = if self.left_out > 0 { 0 } else { self.rows.iter().position(own).unwrap_or(usize::MAX) };
        let ended = self.graph.lane(lane).end.is_some() && self.left_out_after == 0;
        let last = if ended { self.rows.iter().rposition(own).unwrap_or(0) } else { usize::MAX };
        (first, last)
    }

    /// The records whose contents the rows need.
    pub fn records(&self) -> impl Iterator<Item = NodeRef> + '_ {
        self.rows.iter().filter_map(|row| match row {
            Row::Record(at) | Row::Cause(at) => Some(*at),
            _ => None,
        })
    }
}

/// Those of the lanes that no hand-over connects with any other lane of the program.
fn unordered(graph: &CausalGraph, lanes: &[LaneIndex]) -> BTreeSet<LaneIndex> {
    let mut alone: BTreeSet<LaneIndex> = lanes.iter().copied().collect();
    for to in graph.lane_indexes().flat_map(|lane| graph.nodes_of(lane)) {
        for edge in graph.edges_into(to) {
            if edge.from != to.lane && !graph.process_of(edge.from).is_logq() && !graph.process_of(to.lane).is_logq() {
                alone.remove(&edge.from);
                alone.remove(&to.lane);
            }
        }
    }
    alone
}

/// The lanes that wrote something nearest to a record in causal order, its own first among them; at most `most`, in the
/// graph's order.
pub fn lanes_around(graph: &CausalGraph, at: NodeRef, rows: usize, most: usize) -> Vec<LaneIndex> {
    let order: Vec<NodeRef> = graph.causal_order();
    let Some(place) = order.iter().position(|node| *node == at) else { return vec![at.lane] };
    let mut lanes = vec![at.lane];
    for step in 1..=rows.div_ceil(2) {
        for near in [place.checked_sub(step), Some(place + step)] {
            let Some(node) = near.and_then(|near| order.get(near)) else { continue };
            let hidden = graph.lane(node.lane).is_logq() || graph.process_of(node.lane).is_logq();
            if !hidden && lanes.len() < most && !lanes.contains(&node.lane) {
                lanes.push(node.lane);
            }
        }
    }
    lanes.sort();
    lanes
}

impl Filter {
    fn allows(&self, ts: i64) -> bool {
        self.since.is_none_or(|since| ts >= since) && self.until.is_none_or(|until| ts < until)
    }
}
