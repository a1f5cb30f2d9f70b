//! The short verdict at the end of `logq run`: how the program ended, what died, what is still alive, what each
//! lane that never ended last wrote, and what to type next.

use std::io::{self, Write};
use std::time::Duration;

use crate::causality::{LaneIndex, ProcessFacts, StartedChild};
use crate::diagnose::Finding;
use crate::record::signal_name;
use crate::record::{EventKind, LaneKind};
use crate::view::chain::brief;
use crate::view::clock::{duration, time_of_day};
use crate::view::diagnosis;
use crate::view::names;
use crate::view::printable::{cut, one_line};
use crate::view::style::{self, paint};
use crate::view::threads::{Overview, count};
use crate::view::timeline::Contents;

/// What `logq run` saw of the program from outside.
#[derive(Debug, Clone)]
pub struct Ending {
    pub program: String,
    pub root_pid: u32,
    pub root: RootEnd,
    pub took: Duration,
    /// Processes that outlived the root: pid and command.
    pub still_running: Vec<(u32, String)>,
    /// Processes that logq ended at the timeout: pid, command, signal.
    pub ended_by_logq: Vec<(u32, String, i32)>,
    /// Why nothing, or not everything, could be recorded.
    pub unreached: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootEnd {
    Code(i32),
    Signal(i32),
    /// Ended by logq after `--timeout`; with the code when it exited by itself then.
    Timeout(Duration, Option<i32>),
}

/// At most so many lines of one sort.
const MOST: usize = 8;

/// Prints the verdict; every line but the first is indented.
pub fn write(
    ending: &Ending,
    overview: &Overview,
    findings: &[Finding],
    contents: &Contents,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (how, bad) = match ending.root {
        RootEnd::Code(0) => ("exited 0".to_owned(), false),
        RootEnd::Code(code) => (format!("exited {code}"), true),
        RootEnd::Signal(signal) => (format!("was ended by signal {signal} ({})", signal_name(i64::from(signal))), true),
        RootEnd::Timeout(limit, Some(code)) => {
            (format!("did not end within {}; it was sent SIGTERM and exited {code}", shown(limit)), true)
        }
        RootEnd::Timeout(limit, None) => (format!("did not end within {} and was ended by logq", shown(limit)), true),
    };
    let how = paint(if bad { style::BAD } else { style::GOOD }, how);
    let took = if matches!(ending.root, RootEnd::Timeout(..)) {
        String::new()
    } else {
        format!(" after {}", shown(ending.took))
    };
    writeln!(out, "logq: {} {how}{took}. {}.", one_line(&ending.program), overview.counts())?;
    for reason in &ending.unreached {
        writeln!(out, "  {} {}", paint(style::WARN, "not recorded:"), one_line(reason))?;
    }
    diagnosis::write_short(findings, out)?;
    write_deaths(overview, out)?;
    write_processes(ending, overview, out)?;
    let died = |process: &ProcessFacts| process.died.iter().any(|died| died.place == "sys");
    let well = matches!(ending.root, RootEnd::Code(0)) && !overview.graph.processes.iter().any(died);
    if !well || !ending.still_running.is_empty() {
        write_last_records(overview, contents, out)?;
    }
    for missing in overview.missing() {
        writeln!(out, "  {} {missing}", paint(style::WARN, "missing:"))?;
    }
    write_next(overview, findings, out)
}

fn shown(took: Duration) -> String {
    duration(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))
}

/// Exceptions that nobody handled, and those that nobody asked for.
fn write_deaths(overview: &Overview, out: &mut dyn Write) -> io::Result<()> {
    let graph = overview.graph;
    let deaths: Vec<_> = graph.processes.iter().flat_map(|process| &process.died).collect();
    for died in deaths.iter().take(MOST) {
        let what = if died.msg.is_empty() { died.kind.clone() } else { format!("{}: {}", died.kind, died.msg) };
        let process = graph.lane(died.lane).process;
        let lane = died.target.and_then(|target| graph.lane_named(process, target)).unwrap_or(died.lane);
        // A task's own end says more of how it came to that than the record of who found it lost.
        let end = graph.lane(lane).end.as_ref().filter(|end| died.place == "task" && end.how == "exc");
        let id = end.map_or_else(|| died.id.clone(), |end| graph.id_of(lane, end.seq));
        let words = match died.place.as_str() {
            "task" => "failed, and nobody asked: ",
            "future" => "failed in a job, and nobody asked: ",
            "unraisable" => "had an exception in a finalizer: ",
            _ => "died: ",
        };
        let name = names::lane(graph, lane, None);
        let place = died.site.as_ref().map_or_else(String::new, |site| format!("  {}", names::site(site)));
        let text = paint(style::BAD, format!("{words}{}", one_line(&what)));
        writeln!(out, "  {name} {text}{place}  {}", paint(style::DIM, format!("logq why {id}")))?;
    }
    more(deaths.len(), out)
}

fn more(all: usize, out: &mut dyn Write) -> io::Result<()> {
    if all > MOST {
        writeln!(out, "  … and {} more", all - MOST)?;
    }
    Ok(())
}

/// Children that failed or were killed, processes that live on, processes that logq ended.
fn write_processes(ending: &Ending, overview: &Overview, out: &mut dyn Write) -> io::Result<()> {
    let mut failed = Vec::new();
    for index in overview.processes().into_iter().skip(1) {
        let process = &overview.graph.processes[index.0];
        let state = overview.process_state(index);
        if state.bad {
            let number = process.number.map_or_else(|| process.proc.to_string(), |number| number.to_string());
            let name = process.name.clone().unwrap_or_else(|| names::command(&process.argv));
            failed.push((format!("process {number} {} (pid {})", one_line(&name), process.pid), state.text));
        }
    }
    // How the root ended stands in the first line.
    let unseen = overview.graph.unseen_children.iter().filter(|child| child.pid != Some(ending.root_pid));
    for child in unseen {
        let pid = child.pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
        let end = match (child.signal, child.rc) {
            (Some(signal), _) => format!("was ended by {}", signal_name(signal)),
            (None, Some(code)) if code != 0 => format!("exited {code}"),
            _ => continue,
        };
        failed.push((format!("a child that left no record (pid {pid})"), end));
    }
    for (name, end) in failed.iter().take(MOST) {
        writeln!(out, "  {name} {}", paint(style::BAD, end))?;
    }
    more(failed.len(), out)?;
    write_unrecorded(overview, out)?;
    for (pid, command, signal) in ending.ended_by_logq.iter().take(MOST) {
        let name = signal_name(i64::from(*signal));
        writeln!(out, "  ended by logq with {name}: pid {pid} {}", cut(&one_line(command), 60))?;
    }
    for (pid, command) in ending.still_running.iter().take(MOST) {
        let text = format!("still running: pid {pid} {}", cut(&one_line(command), 60));
        writeln!(out, "  {}", paint(style::WARN, text))?;
    }
    Ok(())
}

/// Children that are Python and left no record: nothing of what they did is known.
fn write_unrecorded(overview: &Overview, out: &mut dyn Write) -> io::Result<()> {
    let processes = &overview.graph.processes;
    let recorded = |pid: u32| processes.iter().any(|process| process.pid == pid && process.began.is_some());
    let is_python = |argv: &[String]| {
        argv.first().is_some_and(|program| program.rsplit('/').next().unwrap_or_default().starts_with("python"))
    };
    let children = processes.iter().filter(|process| !process.is_logq()).flat_map(|process| &process.children);
    let unrecorded: Vec<_> = children.filter(|child| is_python(&child.argv) && !recorded(child.pid)).collect();
    for StartedChild { pid, argv, .. } in unrecorded.iter().take(MOST) {
        let command = names::command(argv);
        let why = "started with -I, -E or an env= of its own?";
        writeln!(out, "  {} pid {pid} {} ({why})", paint(style::WARN, "not recorded:"), cut(&command, 60))?;
    }
    more(unrecorded.len(), out)
}

/// The lanes whose end the verdict does not know, with the last thing that each wrote.
pub fn unfinished(overview: &Overview) -> Vec<LaneIndex> {
    let lanes = overview.processes().into_iter().flat_map(|process| overview.lanes(process));
    let mut open: Vec<LaneIndex> = lanes.filter(|lane| overview.graph.lane(*lane).end.is_none()).collect();
    open.retain(|lane| {
        let process = overview.graph.process_of(*lane);
        process.end.said_at.is_none() || overview.graph.lane(*lane).lane != crate::record::Lane::MAIN
    });
    open
}

fn write_last_records(overview: &Overview, contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    let open = unfinished(overview);
    if open.is_empty() {
        return Ok(());
    }
    let graph = overview.graph;
    let tasks = open.iter().filter(|lane| graph.lane(**lane).lane.kind == LaneKind::Task).count();
    let what = count((open.len() - tasks) as u64, "thread", "threads");
    let what = if tasks > 0 { format!("{what}, {}", count(tasks as u64, "task", "tasks")) } else { what };
    writeln!(out, "  {what} had not ended; the last that each wrote:")?;
    for lane in open.iter().take(2 * MOST) {
        let Some(last) = graph.last_up_to(*lane, u64::MAX) else { continue };
        let said = contents.get(&last).map_or_else(|| "?".to_owned(), |record| brief(graph, *lane, record));
        let time = time_of_day(graph.node(last).ts);
        let name = names::lane(graph, *lane, None);
        let site = contents.get(&last).and_then(|record| record.site());
        let site = site.map_or_else(String::new, |site| format!("  {}", names::site(&site)));
        let still = if graph.node(last).event == Some(EventKind::Wait) { "still " } else { "" };
        let text = format!("{still}{}{site}", cut(&one_line(&said), 120));
        writeln!(out, "    {}  {name}  {text}  {}", paint(style::DIM, time), paint(style::DIM, graph.id(last)))?;
    }
    if open.len() > 2 * MOST {
        writeln!(out, "    … and {} more (logq threads)", open.len() - 2 * MOST)?;
    }
    Ok(())
}

fn write_next(overview: &Overview, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    if overview.processes().is_empty() {
        return Ok(());
    }
    let diagnose = if findings.iter().any(Finding::counts) { "logq diagnose   " } else { "" };
    let text = format!("see: {diagnose}logq threads   logq timeline --thread 1   logq search   (run {})", overview.run);
    writeln!(out, "  {}", paint(style::DIM, text))
}
