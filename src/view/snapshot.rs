//! A snapshot of a process in words: each thread with its stack, what it waits for and what it holds; tasks; loops.

use std::io::{self, Write};

use crate::causality::{CausalGraph, LaneIndex, ProcessIndex};
use crate::record::readings::{SnapEvent, SnapLane, SnapTask, SystemCall, WaitEvent};
use crate::record::{Record, Site};
use crate::view::chain;
use crate::view::clock::{duration, time_of_day};
use crate::view::names;
use crate::view::printable::one_line;
use crate::view::style::{self, paint};

/// How much of a list is shown whose entries say little each.
const MOST: usize = 12;

/// Finds the `wait` record that a snapshot names: `t3@7`.
pub type FindWait<'a> = dyn Fn(&str) -> Option<&'a Record> + 'a;

/// Writes the snapshot of that process.
pub fn write<'a>(
    graph: &'a CausalGraph,
    process: ProcessIndex,
    record: &Record,
    wait: &'a FindWait<'a>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(snap) = record.event().and_then(|event| event.snapshot()) else { return Ok(()) };
    let page = Page { graph, process, now: record.mono, wait };
    let name = one_line(&graph.process_name(process)).into_owned();
    let (threads, tasks) = (snap.lanes.len(), snap.tasks.len());
    write!(out, "{name}  pid {}  {}  {threads} threads", record.pid, time_of_day(record.ts))?;
    writeln!(out, "{}", if tasks > 0 { format!(", {tasks} tasks") } else { String::new() })?;
    for lane in &snap.lanes {
        page.write_thread(lane, out)?;
    }
    for task in &snap.tasks {
        page.write_task(task, out)?;
    }
    page.write_rest(&snap, out)
}

struct Page<'a> {
    graph: &'a CausalGraph,
    process: ProcessIndex,
    /// When the snapshot was taken, `mono` ns.
    now: u64,
    wait: &'a FindWait<'a>,
}

impl Page<'_> {
    fn write_thread(&self, lane: &SnapLane, out: &mut dyn Write) -> io::Result<()> {
        let cpu = lane.cpu.map_or_else(String::new, |cpu| format!("  {} CPU", duration(cpu)));
        writeln!(
            out,
            "\n{}  {}{}",
            paint(style::BOLD, self.lane(lane.lane)),
            self.doing(lane),
            paint(style::DIM, cpu)
        )?;
        for held in &lane.held {
            let place = held.site.as_ref().map_or_else(String::new, |site| format!("  {}", names::site(site)));
            writeln!(out, "    holds {}{place}", self.object(lane.lane, held.obj))?;
        }
        write_stack(&lane.stack, out)
    }

    fn doing(&self, lane: &SnapLane) -> String {
        if lane.debugger {
            return paint(style::WARN, "stopped in a debugger").to_string();
        }
        let wait = lane.wait.and_then(|id| (self.wait)(id));
        if let (Some(wait), Some(index)) = (wait, self.graph.mentioned(self.process, lane.lane)) {
            return chain::brief(self.graph, index, wait);
        }
        let exiting = lane.exiting.map(|what| format!("the program ends, and waits for its {}", one_line(what)));
        exiting.unwrap_or_else(|| self.seen_by_the_system(lane))
    }

    fn seen_by_the_system(&self, lane: &SnapLane) -> String {
        if let Some(end) = lane.sleeps {
            return format!("sleeps, for {} more", duration(end.saturating_sub(self.now)));
        }
        match (&lane.call, lane.state) {
            (Some(call), _) if call.name == Some("futex") => {
                "waits for something inside C or the interpreter".to_owned()
            }
            (Some(call), _) => in_call(call),
            (None, Some("R")) => "runs".to_owned(),
            (None, _) => "is somewhere in C, or waits for its turn".to_owned(),
        }
    }

    fn write_task(&self, task: &SnapTask, out: &mut dyn Write) -> io::Result<()> {
        let doing = match &task.awaits {
            Some(wait) => self.awaiting(task.lane, wait),
            None if task.ready => "will run in this turn of its loop".to_owned(),
            None => "runs, or awaits something that logq does not know".to_owned(),
        };
        let cancelled = task.cancelling.filter(|times| *times > 0).map_or("", |_| ", asked to cancel");
        writeln!(out, "\n{}  {doing}{cancelled}", paint(style::BOLD, self.lane(task.lane)))?;
        write_stack(&task.stack, out)
    }

    fn awaiting(&self, lane: &str, wait: &WaitEvent) -> String {
        let on = one_line(wait.on.unwrap_or("something")).into_owned();
        let what = wait.obj.map_or(on, |obj| self.object(lane, obj));
        let owner = wait.owner.map_or_else(String::new, |owner| format!(", which {} has", self.lane(owner)));
        let since =
            wait.since.map_or_else(String::new, |since| format!(", for {}", duration(self.now.saturating_sub(since))));
        format!("awaits {what}{owner}{since}")
    }

    fn write_rest(&self, snap: &SnapEvent, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        for each in snap.loops.iter().take(MOST) {
            let lane = each.lane.map_or_else(|| "?".to_owned(), |lane| self.lane(lane));
            let count = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let (ready, timers, fds) = (count(each.ready), count(each.timers), count(each.fds));
            writeln!(out, "loop of {lane}: {ready} callbacks ready, {timers} timers, {fds} descriptors")?;
        }
        for child in snap.children.iter().take(MOST) {
            let pid = child.child_pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
            writeln!(out, "child {pid}: {}", one_line(child.state.unwrap_or("not reaped")))?;
        }
        for thread in snap.foreign.iter().take(MOST) {
            let tid = thread.tid.unwrap_or(0);
            let call = thread.call.as_ref().map_or_else(String::new, |call| format!(", {}", in_call(call)));
            writeln!(out, "no thread of Python: {tid} {}{call}", one_line(thread.name.unwrap_or("")))?;
        }
        if !snap.signals.is_empty() {
            writeln!(out, "signals that the program handles: {}", one_line(&snap.signals.join(" ")))?;
        }
        for (member, n) in &snap.cut_off {
            writeln!(out, "{n} more {} than a record holds", one_line(member))?;
        }
        Ok(())
    }

    fn lane(&self, name: &str) -> String {
        let known = self.graph.mentioned(self.process, name);
        known.map_or_else(|| one_line(name).into_owned(), |known| names::lane(self.graph, known, None))
    }

    fn object(&self, lane: &str, name: &str) -> String {
        let of: Option<LaneIndex> = self.graph.mentioned(self.process, lane);
        of.map_or_else(|| one_line(name).into_owned(), |of| names::object(self.graph, of, name))
    }
}

fn write_stack(stack: &[Site], out: &mut dyn Write) -> io::Result<()> {
    for site in stack {
        writeln!(out, "    {}  {}", names::site(site), one_line(&site.func))?;
    }
    Ok(())
}

/// `in read of fd 3 (pipe)`
fn in_call(call: &SystemCall) -> String {
    let name = one_line(call.name.unwrap_or("a system call")).into_owned();
    let on = |call: &SystemCall| call.on.map_or_else(String::new, |on| format!(" ({})", one_line(on)));
    let fd = |call: &SystemCall| call.fd.map_or_else(String::new, |fd| format!("fd {fd}{}", on(call)));
    let fds: Vec<String> = if call.fds.is_empty() { vec![fd(call)] } else { call.fds.iter().map(fd).collect() };
    match (call.child, fds.join(", ")) {
        (Some(child), _) => format!("waits for the end of process {child}"),
        (None, of) if of.is_empty() => format!("in {name}"),
        (None, of) => format!("in {name} of {of}"),
    }
}
