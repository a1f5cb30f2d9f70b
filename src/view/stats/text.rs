//! Where the time went, as text: first what decided how long it took, then lanes and what they waited for.

use std::io::{self, Write};

use super::objects::Holder;
use super::path::{Owner, Share, Worker};
use super::rows::{Align, Cell, Table};
use super::words::{percent, verb};
use super::{LaneTime, ObjectTime, Stats};
use crate::causality::time::{Place, WaitKind};
use crate::causality::{LaneIndex, ProcessIndex};
use crate::view::clock::duration;
use crate::view::names;
use crate::view::printable::one_line;
use crate::view::style::{self, paint};
use crate::view::threads::count;

use Align::{Left, Right};

/// So many who were at it are named.
const WORKERS: usize = 3;
/// A part of the whole that is worth a sentence: one in so many.
const MUCH: u64 = 10;
/// A part of the path that is not worth a line: less than one in so many.
const LITTLE: u64 = 200;

/// Prints the answer; `most` rows a table.
pub fn write(stats: &Stats, run: &str, most: usize, out: &mut dyn Write) -> io::Result<()> {
    heading(stats, run, out)?;
    path(stats, most, out)?;
    lanes(stats, most, out)?;
    objects(stats, "locks", &[WaitKind::Exclusion], most, out)?;
    objects(stats, "queues", &[WaitKind::Item, WaitKind::Room], most, out)?;
    objects(stats, "events and conditions", &[WaitKind::Signal], most, out)?;
    pools(stats, most, out)?;
    remarks(stats, out)
}

/// The run, what ran, and how long.
pub(super) fn heading(stats: &Stats, run: &str, out: &mut dyn Write) -> io::Result<()> {
    let first = stats.graph.processes.iter().find(|process| process.number == Some(1));
    let program = first.map_or_else(String::new, |process| format!("  {}", names::command(&process.argv)));
    let processes = stats.processes().len() as u64;
    let mut lanes = count(stats.lanes.len() as u64, "thread", "threads");
    if processes > 1 {
        lanes = format!("{}, {lanes}", count(processes, "process", "processes"));
    }
    if stats.tasks > 0 {
        lanes = format!("{lanes}, {}", count(stats.tasks as u64, "task", "tasks"));
    }
    let took = duration(stats.took());
    writeln!(out, "{}{program}  {}  {lanes}", paint(style::BOLD, format!("run {run}")), paint(style::BOLD, took))
}

// What decided how long it took. -----------------------------------------------------------------------------------

fn path(stats: &Stats, most: usize, out: &mut dyn Write) -> io::Result<()> {
    let took = duration(stats.took());
    let title = match stats.unfinished {
        true => format!("what the {took} went into that are known of it: its end is not on record"),
        false => format!("what decided that it took {took}"),
    };
    writeln!(out, "\n{}", paint(style::BOLD, title))?;
    let mut table = Table::new(&[(Right, ""), (Right, ""), (Left, ""), (Left, "")]);
    let shown = stats.shares.iter().filter(|share| share.ns.saturating_mul(LITTLE) >= stats.took());
    for share in shown {
        let color = if matches!(share.owner, Owner::Object(..)) { style::WARN } else { style::PLAIN };
        table.row(vec![
            duration(share.ns).into(),
            percent(share.ns, stats.took()).into(),
            Cell(color, stats.owner(&share.owner)),
            Cell(style::DIM, workers(stats, share)),
        ]);
    }
    table.write(most, out)?;
    let Some((object, least)) = stats.without else { return Ok(()) };
    let saved = duration(stats.took().saturating_sub(least));
    let name = stats.object(object);
    let text = format!("had nobody waited for {name}: at least {}, so at most {saved} less", duration(least));
    writeln!(out, "  {}", paint(style::BOLD, text))
}

/// Who was at it meanwhile, and where.
fn workers(stats: &Stats, share: &Share) -> String {
    if matches!(share.owner, Owner::Work(_)) {
        let places = share.by.iter().filter(|worker| worker.place.is_some() && is_much(worker.ns, share.ns));
        let places: Vec<String> = places.take(2).map(|worker| stats.place(worker.place)).collect();
        let runs = share.by.first().and_then(|worker| stats.graph.lane(worker.lane).function.as_deref());
        let runs = runs.map_or_else(String::new, |function| format!("in {}", one_line(function)));
        return if places.is_empty() { runs } else { format!("up to {}", places.join(", ")) };
    }
    let said: Vec<&Worker> = share.by.iter().filter(|worker| is_much(worker.ns, share.ns)).collect();
    let one_place = said.windows(2).all(|pair| pair[0].place == pair[1].place);
    let name = |worker: &&Worker| {
        let place = stats.place(worker.place);
        let place = if one_place || place.is_empty() { String::new() } else { format!(" at {place}") };
        format!("{}{place} {}", stats.lane(worker.lane), percent(worker.ns, share.ns))
    };
    let names: Vec<String> = said.iter().take(WORKERS).map(name).collect();
    let more = said.len().saturating_sub(WORKERS);
    let more = if more > 0 { format!(", {more} more") } else { String::new() };
    let place = said.first().map_or_else(String::new, |worker| stats.place(worker.place));
    let place = if one_place && !place.is_empty() { format!("at {place} ") } else { String::new() };
    let word = match share.owner {
        Owner::Object(kind, _) => format!("{} ", verb(kind)),
        _ => String::new(),
    };
    let by = if word.is_empty() { "" } else { "by " };
    format!("{word}{place}{by}{}{more}", names.join(", "))
}

fn is_much(part: u64, whole: u64) -> bool {
    part.saturating_mul(50) >= whole
}

// Lanes. -----------------------------------------------------------------------------------------------------------

fn lanes(stats: &Stats, most: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&[
        (Left, "threads"),
        (Right, "there"),
        (Right, "on CPU"),
        (Right, "waited"),
        (Right, "no CPU"),
        (Right, "no GIL"),
        (Right, "I/O, sleep"),
        (Left, "waited longest for"),
    ]);
    for (lane, time) in &stats.lanes {
        table.row(lane_row(stats, *lane, time));
    }
    table.write(most, out)
}

fn lane_row(stats: &Stats, lane: LaneIndex, time: &LaneTime) -> Vec<Cell> {
    let longest = time.longest.as_ref().map_or_else(String::new, |longest| {
        let what = match (longest.object, longest.whom) {
            (Some(object), _) => stats.object(object),
            (None, Some(lane)) => format!("{} {}", one_line(&longest.on), stats.lane(lane)),
            (None, None) => one_line(&longest.on).into_owned(),
        };
        format!("{what} {}", duration(longest.ns))
    });
    let still = match (time.still(), time.rest) {
        (Some(still), _) => duration(still),
        // What the GIL had of it nobody saw.
        (None, Some(rest)) => format!("≤ {}", duration(rest)),
        (None, None) => "?".to_owned(),
    };
    vec![
        stats.lane(lane).into(),
        duration(time.wall).into(),
        known(time.on_cpu).into(),
        part(time.waited, time.wall),
        known(time.no_cpu).into(),
        time.gil.map_or_else(|| "?".into(), |gil| part(gil, time.wall)),
        still.into(),
        Cell(style::DIM, longest),
    ]
}

fn known(ns: Option<u64>) -> String {
    ns.map_or_else(|| "?".to_owned(), duration)
}

/// A loss of time, marked where it is much of the whole.
fn part(ns: u64, whole: u64) -> Cell {
    let much = ns > 0 && ns.saturating_mul(2) > whole;
    Cell(if much { style::WARN } else { style::PLAIN }, duration(ns))
}

// What was waited for. ---------------------------------------------------------------------------------------------

fn objects(stats: &Stats, title: &str, kinds: &[WaitKind], most: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&[
        (Left, title),
        (Right, "waits"),
        (Right, "waited"),
        (Right, "longest"),
        (Left, "made at"),
        (Left, ""),
    ]);
    let chosen: Vec<&ObjectTime> = stats.objects.iter().filter(|time| kinds.contains(&time.kind)).collect();
    if chosen.is_empty() {
        return Ok(());
    }
    for time in chosen {
        let side = match time.kind {
            WaitKind::Item => ", empty",
            WaitKind::Room => ", full",
            _ => "",
        };
        table.row(vec![
            format!("{}{side}", stats.object(time.object)).into(),
            time.waits.to_string().into(),
            duration(time.waited).into(),
            duration(time.longest).into(),
            stats.made_at(time.object).into(),
            Cell(style::DIM, holders(stats, time)),
        ]);
    }
    table.write(most, out)
}

/// Who had it, or brought it, most of the time.
fn holders(stats: &Stats, time: &ObjectTime) -> String {
    let Some(first) = time.holders.first() else { return String::new() };
    let same_place = |holder: &&Holder| holder.place == first.place;
    let at_place = total(time.holders.iter().filter(same_place).map(|holder| holder.ns));
    let place: Option<Place> = first.place;
    let at = place.map_or_else(String::new, |place| format!(" at {}", stats.place(Some(place))));
    let name = stats.lane(first.lane);
    let others = time.holders.iter().filter(same_place).count() - 1;
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    let open = if time.open { "; a wait never ended" } else { "" };
    let word = verb(time.kind);
    format!(
        "{word}{at} by {name}{others}, {}{open}",
        percent(at_place, total(time.holders.iter().map(|holder| holder.ns)))
    )
}

fn pools(stats: &Stats, most: usize, out: &mut dyn Write) -> io::Result<()> {
    if stats.pools.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[(Left, "pools"), (Right, "late jobs"), (Right, "longest"), (Left, "made at")]);
    for pool in &stats.pools {
        table.row(vec![
            stats.object(pool.object).into(),
            pool.backlog.jobs.to_string().into(),
            duration(pool.backlog.longest).into(),
            stats.made_at(pool.object).into(),
        ]);
    }
    table.write(most, out)
}

// What the numbers mean. -------------------------------------------------------------------------------------------

fn remarks(stats: &Stats, out: &mut dyn Write) -> io::Result<()> {
    let mut remarks: Vec<String> = stats.processes().into_iter().filter_map(|process| gil(stats, process)).collect();
    remarks.extend(processor(stats));
    if stats.unfinished && stats.objects.iter().any(|time| time.open) {
        remarks.push("waits that never ended: logq diagnose says who could have ended them".to_owned());
    }
    remarks.extend(queues(stats));
    if stats.tasks > 0 {
        remarks
            .push("what tasks await is not written: between two records a task may have waited or worked".to_owned());
    }
    if stats.schedule.several_clocks {
        remarks.push("the processes have different clocks: times between them are as their clocks say".to_owned());
    }
    if remarks.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    remarks.iter().try_for_each(|remark| writeln!(out, "{remark}"))
}

/// How much the threads of a process got in each other's way.
fn gil(stats: &Stats, process: ProcessIndex) -> Option<String> {
    let own =
        || stats.lanes.iter().filter(|(lane, _)| stats.graph.lane(*lane).process == process).map(|(_, time)| time);
    let lost = total(own().filter_map(|time| time.gil));
    let used = total(own().filter_map(|time| time.on_cpu));
    if lost < used / 2 || lost.saturating_mul(MUCH) < stats.took() {
        return None;
    }
    let rivals = own().filter(|time| time.gil.is_some_and(|gil| gil.saturating_mul(MUCH) > lost)).count() as u64;
    let whose = match stats.processes().len() {
        1 => String::new(),
        _ => format!(" of {}", one_line(&stats.graph.process_name(process))),
    };
    let who = count(rivals, "thread", "threads");
    Some(format!(
        "GIL: {who}{whose} could have run for {} more, but others had it. Threads share one processor for Python code; \
         processes do not.",
        duration(lost)
    ))
}

/// A damaged file may tell of any time.
fn total(times: impl Iterator<Item = u64>) -> u64 {
    times.fold(0, u64::saturating_add)
}

/// Whether the machine had other things to do.
fn processor(stats: &Stats) -> Option<String> {
    let lost = total(stats.lanes.iter().filter_map(|(_, time)| time.no_cpu));
    let used = total(stats.lanes.iter().filter_map(|(_, time)| time.on_cpu));
    let much = lost > used / 2 && lost.saturating_mul(MUCH) > stats.took();
    much.then(|| {
        format!(
            "CPU: the threads were ready to run for {} more, but the machine had no processor for them.",
            duration(lost)
        )
    })
}

/// Which side of a queue kept the other one waiting.
fn queues(stats: &Stats) -> Vec<String> {
    let takers = one_sided(stats, WaitKind::Item, WaitKind::Room);
    let putters = one_sided(stats, WaitKind::Room, WaitKind::Item);
    let (take, put) = ("those who take from it", "those who put into it");
    let told = |waited: Vec<(String, u64)>, who: &str, others: &str| -> Vec<String> {
        waited
            .iter()
            .map(|(name, ns)| format!("{name}: {who} wait ({}); {others} are slower.", duration(*ns)))
            .collect()
    };
    [told(takers, take, put), told(putters, put, take)].concat()
}

/// The queues at which one side waited long, and the other one less than half of that: their names, and how long.
fn one_sided(stats: &Stats, side: WaitKind, other: WaitKind) -> Vec<(String, u64)> {
    let of = |kind: WaitKind| stats.objects.iter().filter(move |time| time.kind == kind);
    let long = of(side).filter(|time| time.waited.saturating_mul(MUCH) > stats.took()).take(WORKERS);
    let lasting = |time: &&ObjectTime| {
        let there = of(other).find(|across| across.object == time.object).map_or(0, |across| across.waited);
        there < time.waited / 2
    };
    long.filter(lasting).map(|time| (stats.object(time.object), time.waited)).collect()
}
