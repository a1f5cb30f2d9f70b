//! The critical path itself, step by step: who was at what, and whom that kept waiting.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Stats;
use super::path::{Owner, owner, place};
use super::rows::{Align, Cell, Table};
use super::text::heading;
use super::words::percent;
use crate::causality::LaneIndex;
use crate::causality::time::{Doing, Place, Segment, WaitKind};
use crate::record::LaneKind;
use crate::view::clock::{duration, time_of_day};
use crate::view::json::timestamp;
use crate::view::style::{self, paint};

/// Neighbouring segments of the path that say the same.
struct Step {
    lane: LaneIndex,
    doing: Doing,
    owner: Owner,
    /// The wait of another lane that it ended.
    ended: Option<usize>,
    place: Option<Place>,
    from: u64,
    to: u64,
    /// The lane's record at its beginning, or before it.
    after: crate::causality::NodeRef,
}

impl Step {
    fn ns(&self) -> u64 {
        self.to - self.from
    }

    fn goes_on(&self, segment: &Segment, owner: &Owner, place: Option<Place>) -> bool {
        let same = (self.lane, self.doing, self.ended) == (segment.lane, segment.doing, segment.ended);
        same && self.owner == *owner && self.place == place
    }
}

/// The path's steps within the time that is looked at, the earliest first.
fn steps(stats: &Stats) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for segment in &stats.path.segments {
        let (from, to) = (segment.from.max(stats.from), segment.to.min(stats.to));
        if from >= to {
            continue;
        }
        let (owner, place) = (owner(stats.schedule, segment), place(stats.schedule, segment));
        match steps.last_mut() {
            Some(last) if last.goes_on(segment, &owner, place) => last.to = to,
            _ => steps.push(Step {
                lane: segment.lane,
                doing: segment.doing,
                owner,
                ended: segment.ended,
                place,
                from,
                to,
                after: segment.after,
            }),
        }
    }
    steps
}

/// Prints the path in order of time; of more than `most` steps the longest.
pub fn write(stats: &Stats, run: &str, most: usize, out: &mut dyn Write) -> io::Result<()> {
    heading(stats, run, out)?;
    let steps = steps(stats);
    let mut longest: Vec<u64> = steps.iter().map(Step::ns).collect();
    longest.sort_unstable_by(|one, other| other.cmp(one));
    let least = longest.get(most.saturating_sub(1)).copied().unwrap_or(0);
    let mut table = Table::new(&[
        (Align::Left, "critical path"),
        (Align::Right, "took"),
        (Align::Right, ""),
        (Align::Left, "thread or task"),
        (Align::Left, "at"),
        (Align::Left, "does"),
        (Align::Left, "after"),
    ]);
    let (mut shown, mut passed) = (0, (0_u64, 0_u64));
    for step in &steps {
        if step.ns() < least || shown == most {
            passed = (passed.0 + 1, passed.1 + step.ns());
            continue;
        }
        shown += 1;
        skipped(&mut table, std::mem::take(&mut passed));
        table.row(row(stats, step));
    }
    skipped(&mut table, passed);
    table.write(usize::MAX, out)?;
    if steps.len() > shown {
        writeln!(
            out,
            "{}",
            paint(style::DIM, format!("the {shown} longest of {} steps; -n 0 shows all", steps.len()))
        )?;
    }
    Ok(())
}

/// Steps that are too short to be shown.
fn skipped(table: &mut Table, (n, ns): (u64, u64)) {
    if n > 0 {
        let text = if n == 1 { "… 1 step".to_owned() } else { format!("… {n} steps") };
        table.row(vec![Cell(style::DIM, text), Cell(style::DIM, duration(ns))]);
    }
}

fn row(stats: &Stats, step: &Step) -> Vec<Cell> {
    let lost = matches!(step.owner, Owner::Object(..));
    vec![
        time_of_day(stats.schedule.wall(stats.path.end, step.from)).into(),
        duration(step.ns()).into(),
        Cell(style::DIM, percent(step.ns(), stats.took())),
        stats.lane(step.lane).into(),
        stats.place(step.place).into(),
        Cell(if lost { style::WARN } else { style::PLAIN }, does(stats, step)),
        Cell(style::DIM, stats.graph.id(step.after).to_string()),
    ]
}

fn does(stats: &Stats, step: &Step) -> String {
    match (&step.owner, step.doing) {
        (Owner::Object(WaitKind::Exclusion, object), Doing::Working) => format!("keeps {}", stats.object(*object)),
        (Owner::Object(_, object), Doing::Working) => format!("leaves {} full", stats.object(*object)),
        (_, Doing::Resuming) => "is let go, and does not run yet".to_owned(),
        (_, Doing::Starting) => "starts".to_owned(),
        (Owner::Work(_), _) => brings(stats, step).unwrap_or_else(|| plain(stats, step.lane).to_owned()),
        (owner, _) => stats.owner(owner),
    }
}

fn plain(stats: &Stats, lane: LaneIndex) -> &'static str {
    if stats.graph.lane(lane).lane.kind == LaneKind::Task { "works or awaits" } else { "works" }
}

/// What the work was for, where somebody waited for that.
fn brings(stats: &Stats, step: &Step) -> Option<String> {
    let ended = &stats.schedule.ledger.pauses[step.ended?];
    let object = stats.object(ended.object?);
    match ended.kind {
        WaitKind::Item => Some(format!("works for {object}, which is empty")),
        WaitKind::Signal => Some(format!("works up to {object}")),
        WaitKind::Work => Some(format!("works for {object}")),
        _ => None,
    }
}

/// The steps for programs.
pub fn document(stats: &Stats) -> Value {
    let step = |step: &Step| {
        let (what, object) = match &step.owner {
            Owner::Object(kind, object) => (super::json::kind_name(*kind), Some(*object)),
            Owner::Alone(_, object, _) => ("waits", *object),
            Owner::Work(_) => ("works", None),
            Owner::Resuming => ("resumes", None),
            Owner::Starting => ("starts", None),
        };
        json!({
            "from": timestamp(stats.schedule.wall(stats.path.end, step.from)),
            "ns": step.ns(),
            "lane": stats.graph.address(step.lane),
            "what": what,
            "object": object.map(|object| super::json::object_json(stats, object)),
            "site": super::json::place_json(stats, step.place),
            "after": stats.graph.id(step.after).to_string(),
        })
    };
    steps(stats).iter().map(step).collect()
}
