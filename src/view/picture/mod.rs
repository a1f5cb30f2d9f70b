//! The picture of a run: everything that the page draws, as plain columns of numbers and text.
//!
//! A [`Picture`] chooses which records there is room for, is shown each of them once ([`Picture::tell`]), and is then packed
//! ([`pack`]). What it looks like is decided in `page/`, in the browser.

mod columns;
mod focus;
mod heading;
mod interned;
mod pack;
mod telling;

use std::collections::HashSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::causality::{CausalGraph, LaneIndex, NodeRef};
use crate::diagnose::Finding;
use crate::record::{EventKind, LaneKind, RecordId};
use telling::Told;

pub use pack::pack;

/// How much a picture holds.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Records.
    pub records: usize,
    /// Bytes of their texts.
    pub text: usize,
}

/// What a picture is of.
pub struct Subject<'a> {
    pub run: &'a str,
    pub graph: &'a CausalGraph,
    pub findings: &'a [Finding],
    /// Keys of the processes that live now.
    pub alive: &'a HashSet<Arc<str>>,
    /// What could not be read, one sentence each.
    pub problems: &'a [String],
}

/// Marks of a page: lanes one behind the other, the records of each in its order.
pub struct Picture<'a> {
    subject: Subject<'a>,
    lanes: Vec<Shown>,
    place_of: FxHashMap<LaneIndex, usize>,
    told: Told,
    room: Room,
    /// Wall clock, ns, of the first and the last thing that is shown.
    begin: i64,
    end: i64,
}

/// A lane of the picture.
struct Shown {
    lane: LaneIndex,
    /// Places in the lane of the records that are kept; `None`: all of them.
    kept: Option<Vec<u32>>,
    /// Number of its first mark.
    first: usize,
}

impl Shown {
    fn len(&self, graph: &CausalGraph) -> usize {
        self.kept.as_ref().map_or(graph.lane(self.lane).nodes.len(), Vec::len)
    }

    /// The kept records, by place in the lane.
    fn nodes<'s>(&'s self, graph: &CausalGraph) -> impl Iterator<Item = NodeRef> + use<'s> {
        let (lane, count) = (self.lane, self.len(graph));
        (0..count).map(move |nth| NodeRef { lane, at: self.kept.as_ref().map_or(nth, |kept| kept[nth] as usize) })
    }

    /// Number of the last mark up to that place in the lane.
    fn up_to(&self, at: usize) -> Option<usize> {
        let nth = match &self.kept {
            None => at + 1,
            Some(kept) => kept.partition_point(|place| *place as usize <= at),
        };
        nth.checked_sub(1).map(|nth| self.first + nth)
    }

    fn is_kept(&self, at: usize) -> bool {
        self.kept.as_ref().is_none_or(|kept| u32::try_from(at).is_ok_and(|at| kept.binary_search(&at).is_ok()))
    }
}

impl<'a> Picture<'a> {
    pub fn of(subject: Subject<'a>, room: Room) -> Picture<'a> {
        let graph = subject.graph;
        let mut chosen: Vec<LaneIndex> = graph.lane_indexes().filter(|lane| is_drawn(graph, *lane)).collect();
        let number = |lane: &LaneIndex| graph.process_of(*lane).number.unwrap_or(u32::MAX);
        chosen.sort_by_key(|lane| (number(lane), graph.lane(*lane).process, graph.lane(*lane).lane));
        let choice = Choice::of(&subject, &chosen, room.records);
        let mut lanes = Vec::with_capacity(chosen.len());
        let mut first = 0;
        for lane in chosen {
            let shown = Shown { lane, kept: choice.kept(graph, lane), first };
            first += shown.len(graph);
            lanes.push(shown);
        }
        let place_of = lanes.iter().enumerate().map(|(place, shown)| (shown.lane, place)).collect();
        let (begin, end) = focus::span(graph, lanes.iter().map(|shown| shown.lane));
        Picture { subject, lanes, place_of, told: Told::new(first), room, begin, end }
    }

    /// How many marks there are.
    fn len(&self) -> usize {
        self.lanes.last().map_or(0, |last| last.first + last.len(self.subject.graph))
    }

    /// Number of the record's mark.
    fn mark(&self, at: NodeRef) -> Option<usize> {
        let shown = &self.lanes[*self.place_of.get(&at.lane)?];
        shown.is_kept(at.at).then(|| shown.up_to(at.at)).flatten()
    }

    /// Number of the last mark up to that record in its lane.
    fn mark_up_to(&self, at: NodeRef) -> Option<usize> {
        self.lanes[*self.place_of.get(&at.lane)?].up_to(at.at)
    }

    fn mark_of_id(&self, id: &RecordId) -> Option<usize> {
        let graph = self.subject.graph;
        let process = graph.process_with_key(&id.proc)?;
        self.mark(graph.find(graph.lane_named(process, id.lane)?, id.seq)?)
    }

    /// Nanoseconds since the picture's beginning.
    fn since_begin(&self, ts: i64) -> u64 {
        u64::try_from(ts.saturating_sub(self.begin)).unwrap_or(0)
    }
}

/// Lanes of the program that have records.
fn is_drawn(graph: &CausalGraph, lane: LaneIndex) -> bool {
    let facts = graph.lane(lane);
    let of_program = !graph.process_of(lane).is_logq();
    of_program && !matches!(facts.lane.kind, LaneKind::Watchdog | LaneKind::Unreadable) && !facts.nodes.is_empty()
}

/// Which records are kept where there is no room for all: what findings rest on and how lanes began and ended, then what
/// tells of waits and trouble, then the rest; of what cannot be kept whole, every so manieth.
struct Choice {
    evidence: HashSet<NodeRef>,
    every_telling: usize,
    every_plain: usize,
}

impl Choice {
    fn of(subject: &Subject, lanes: &[LaneIndex], room: usize) -> Choice {
        let graph = subject.graph;
        let mut choice = Choice { evidence: HashSet::new(), every_telling: 1, every_plain: 1 };
        let all: usize = lanes.iter().map(|lane| graph.lane(*lane).nodes.len()).sum();
        if all <= room {
            return choice;
        }
        for id in subject.findings.iter().flat_map(|finding| &finding.evidence) {
            let process = graph.process_with_key(&id.proc);
            let lane = process.and_then(|process| graph.lane_named(process, id.lane));
            choice.evidence.extend(lane.and_then(|lane| graph.find(lane, id.seq)));
        }
        let mut counts = [0_usize; 3];
        for at in lanes.iter().flat_map(|lane| graph.nodes_of(*lane)) {
            counts[choice.rank(graph, at)] += 1;
        }
        let left = room.saturating_sub(counts[0]).max(1);
        choice.every_telling = counts[1].div_ceil(left).max(1);
        let left = left.saturating_sub(counts[1] / choice.every_telling).max(1);
        choice.every_plain = counts[2].div_ceil(left).max(1);
        choice
    }

    fn rank(&self, graph: &CausalGraph, at: NodeRef) -> usize {
        let node = graph.node(at);
        let is_end = at.at == 0 || at.at + 1 == graph.lane(at.lane).nodes.len();
        let tells = node.level >= 30
            || node.event.is_some_and(|event| {
                !matches!(event, EventKind::Obj | EventKind::Sync | EventKind::Send | EventKind::Recv)
                    && !matches!(event, EventKind::Acq | EventKind::Rel | EventKind::Access)
            });
        match (is_end || self.evidence.contains(&at), tells) {
            (true, _) => 0,
            (_, true) => 1,
            _ => 2,
        }
    }

    fn kept(&self, graph: &CausalGraph, lane: LaneIndex) -> Option<Vec<u32>> {
        if self.every_telling == 1 && self.every_plain == 1 {
            return None;
        }
        let mut seen = [0_usize; 3];
        let mut keep = |at: &NodeRef| {
            let rank = self.rank(graph, *at);
            let every = [1, self.every_telling, self.every_plain][rank];
            seen[rank] += 1;
            seen[rank] % every == 0
        };
        let kept = graph.nodes_of(lane).filter(|at| keep(at));
        Some(kept.filter_map(|at| u32::try_from(at.at).ok()).collect())
    }
}
