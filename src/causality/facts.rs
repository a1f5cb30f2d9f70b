//! What the records say about processes, lanes and objects: names, origins, ends, counts, and what is missing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::graph::{LaneIndex, Node, ProcessIndex};
use super::is_error;
use super::rhythm::Rhythm;
use super::snaps::Snaps;
use super::waits::Waits;
use crate::record::glance::BriefLog;
use crate::record::readings::{LaneEvent, ObjEvent, ProcEvent};
use crate::record::{Body, Event, EventKind, Lane, LaneKind, Log, Record, RecordId, Site};

/// So many of a lane's warnings and errors are kept, each up to so many letters.
const COMPLAINTS: usize = 16;
const COMPLAINT_LENGTH: usize = 400;

/// One process of the run.
#[derive(Debug, Clone)]
pub struct ProcessFacts {
    pub proc: Arc<str>,
    /// Its number; `None` where its `proc` event is lost.
    pub number: Option<u32>,
    pub pid: u32,
    pub ppid: Option<u32>,
    /// Name that multiprocessing gave it.
    pub name: Option<String>,
    pub argv: Vec<String>,
    /// root, fork, spawn, forkserver, exec; logq for `logq run` itself.
    pub how: Option<String>,
    pub python: Option<String>,
    pub host: Option<String>,
    /// Wall clock of its `proc` event.
    pub began: Option<i64>,
    pub end: ProcessEnd,
    pub objects: HashMap<Box<str>, ObjectFacts>,
    pub lanes: Vec<LaneIndex>,
    /// Children that it started: pid and command, where one is known.
    pub children: Vec<(u32, Vec<String>)>,
    /// Where each was started, by pid.
    pub child_sites: HashMap<u32, Site>,
    /// Locks that other lanes of the parent held at the fork: object, that lane, where it took it.
    pub held_at_fork: Vec<(String, Option<String>, Option<Site>)>,
    /// Its last snapshots.
    pub snaps: Snaps,
    /// Exceptions that nobody handled.
    pub died: Vec<Died>,
    /// Futures that failed and that nobody had asked when the process ended.
    pub unasked: Vec<UnaskedFuture>,
    /// Short silent lanes that ended well and were only counted.
    pub folded: u64,
    /// Records that the writer could not write.
    pub lost: u64,
    /// Records that it removed because it was to keep only so many: a ring, a cap. Where a cap took the line that says
    /// so, too, it is less than what is missing.
    pub dropped: u64,
    /// Lines that are no records.
    pub malformed: u64,
}

/// How a process ended, as far as anything says so.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProcessEnd {
    /// Its own `exit` event: the code it was about to end with.
    pub said: Option<i64>,
    pub said_at: Option<i64>,
    /// When that was, monotonic ns.
    pub said_mono: Option<u64>,
    pub seen_mono: Option<u64>,
    /// Its parent saw it, and so outlived it.
    pub seen_by_parent: bool,
    /// What its parent, or logq, saw.
    pub seen: Option<i64>,
    pub signal: Option<i64>,
}

impl ProcessEnd {
    pub fn is_known(&self) -> bool {
        self.said.is_some() || self.said_at.is_some() || self.seen.is_some() || self.signal.is_some()
    }

    /// The exit code: what was seen counts more than what was said.
    pub fn code(&self) -> Option<i64> {
        self.seen.or(self.said)
    }
}

/// An exception that ended something, with the record that tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Died {
    pub id: RecordId,
    pub lane: LaneIndex,
    /// sys, thread, task, future, …
    pub place: String,
    /// The lane where it happened, when another one tells of it.
    pub target: Option<Lane>,
    pub kind: String,
    pub msg: String,
    /// Where it was raised, as far down as the stack goes.
    pub site: Option<Site>,
}

/// A future that failed and that nobody asked.
#[derive(Debug, Clone, PartialEq)]
pub struct UnaskedFuture {
    pub id: RecordId,
    pub lane: Option<String>,
    pub site: Option<Site>,
    pub exc: String,
}

/// A child whose end was seen and that left no record.
#[derive(Debug, Clone, PartialEq)]
pub struct UnseenChild {
    pub pid: Option<u32>,
    pub rc: Option<i64>,
    pub signal: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObjectFacts {
    pub kind: Option<String>,
    pub name: Option<String>,
    pub site: Option<Site>,
}

/// One lane of a process.
#[derive(Debug, Clone)]
pub struct LaneFacts {
    pub process: ProcessIndex,
    pub lane: Lane,
    pub name: Option<String>,
    /// What it runs.
    pub function: Option<String>,
    pub tid: Option<u64>,
    pub daemon: bool,
    /// Where it was created.
    pub site: Option<Site>,
    /// Whether what it logs repeats itself.
    pub rhythm: Rhythm,
    /// What it was blocked on lately.
    pub waits: Waits,
    /// The edge of the hand-over that began it.
    pub(super) origin: Option<usize>,
    pub end: Option<LaneEnd>,
    pub nodes: Vec<Node>,
    /// Places of the nodes that have incoming edges.
    pub(super) merging: Vec<u32>,
    pub logs: u64,
    pub errors: u64,
    pub warnings: u64,
    /// The last warnings and errors that it logged: number and text, with what the exception says.
    pub complaints: VecDeque<(u64, String)>,
    /// Numbers missing between the first and the last record.
    pub gaps: u64,
    /// Numbers that occur twice: the files were tampered with or damaged.
    pub repeated: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LaneEnd {
    /// ok, exc, cancelled, destroyed.
    pub how: String,
    pub exc: Option<String>,
    pub seq: u64,
    pub ts: i64,
    /// Its loop, or its process, was being closed.
    pub closing: bool,
    /// Of a task: the program had closed its loop over it.
    pub left: bool,
}

impl ProcessFacts {
    pub(super) fn of(proc: Arc<str>) -> ProcessFacts {
        ProcessFacts {
            proc,
            number: None,
            pid: 0,
            ppid: None,
            name: None,
            argv: Vec::new(),
            how: None,
            python: None,
            host: None,
            began: None,
            end: ProcessEnd::default(),
            objects: HashMap::new(),
            lanes: Vec::new(),
            children: Vec::new(),
            child_sites: HashMap::new(),
            held_at_fork: Vec::new(),
            snaps: Snaps::default(),
            died: Vec::new(),
            unasked: Vec::new(),
            folded: 0,
            lost: 0,
            dropped: 0,
            malformed: 0,
        }
    }

    /// `logq run` itself, which is not counted and not diagnosed.
    pub fn is_logq(&self) -> bool {
        self.number == Some(0) || self.how.as_deref() == Some("logq")
    }

    /// Learns what any record says of its process.
    pub(super) fn meet(&mut self, number: Option<u32>, pid: u32) {
        self.number = self.number.or(number);
        if self.pid == 0 {
            self.pid = pid;
        }
    }

    pub(super) fn learn_proc(&mut self, event: &ProcEvent, ts: i64) {
        self.number = event.n.or(self.number);
        self.ppid = event.ppid;
        self.name = event.name.map(str::to_owned);
        self.argv = event.argv.iter().map(|word| (*word).to_owned()).collect();
        self.how = event.how.map(str::to_owned);
        self.python = event.python.map(str::to_owned);
        self.host = event.host.map(str::to_owned);
        self.began = Some(ts);
        let held = event.held.iter();
        self.held_at_fork =
            held.map(|held| (held.obj.to_owned(), held.lane.map(str::to_owned), held.site.clone())).collect();
    }

    pub(super) fn learn_reap(&mut self, rc: Option<i64>, signal: Option<i64>, mono: u64, by_parent: bool) {
        self.end.seen_by_parent |= by_parent;
        self.end.seen_mono = Some(self.end.seen_mono.map_or(mono, |known| known.min(mono)));
        self.end.signal = self.end.signal.or(signal);
        if signal.is_none() {
            self.end.seen = self.end.seen.or(rc);
        }
    }

    pub(super) fn learn(&mut self, record: &Record, event: &Event, lane: LaneIndex) {
        match event.kind {
            EventKind::Exit => {
                let Some(exit) = event.exit() else { return };
                self.end.said = exit.rc;
                self.end.said_at = Some(record.ts);
                self.end.said_mono = Some(record.mono);
                self.folded += exit.folded.iter().map(|folded| folded.n).sum::<u64>();
                self.unasked.extend(exit.unretrieved.into_iter().map(|future| UnaskedFuture {
                    id: record.id(),
                    lane: future.lane.map(str::to_owned),
                    site: future.site,
                    exc: future.exc.map(|exc| exc.to_string()).unwrap_or_default(),
                }));
            }
            EventKind::Exc => {
                let Some(exception) = event.exception() else { return };
                let raised = exception.stack.last().map(|frame| Site {
                    file: frame.file.clone(),
                    line: frame.line,
                    func: frame.func.clone(),
                });
                self.died.push(Died {
                    id: record.id(),
                    lane,
                    place: event.unhandled().and_then(|exc| exc.place).unwrap_or_default().to_owned(),
                    target: event.unhandled().and_then(|exc| exc.target?.parse().ok()),
                    kind: exception.kind,
                    msg: exception.msg,
                    site: raised,
                });
            }
            EventKind::Child => {
                let started = event.child().and_then(|child| Some((child.child_pid?, child.site?)));
                self.child_sites.extend(started);
                let child = event.child().and_then(|child| {
                    Some((child.child_pid?, child.argv.iter().map(|word| (*word).to_owned()).collect()))
                });
                self.children.extend(child);
            }
            EventKind::Snap => self.snaps.add(record, event),
            EventKind::Lost => {
                let lost = event.lost();
                let records = lost.as_ref().and_then(|lost| lost.n).unwrap_or(1);
                match lost.and_then(|lost| lost.why) {
                    Some("ring" | "cap") => self.dropped += records,
                    _ => self.lost += records,
                }
            }
            _ => {}
        }
    }
}

impl ObjectFacts {
    pub(super) fn of(event: &ObjEvent) -> ObjectFacts {
        ObjectFacts {
            kind: event.kind.map(str::to_owned),
            name: event.name.map(str::to_owned),
            site: event.site.clone(),
        }
    }
}

impl LaneFacts {
    pub(super) fn of(process: ProcessIndex, lane: Lane) -> LaneFacts {
        LaneFacts {
            process,
            lane,
            name: None,
            function: None,
            tid: None,
            daemon: false,
            site: None,
            rhythm: Rhythm::default(),
            waits: Waits::default(),
            origin: None,
            end: None,
            nodes: Vec::new(),
            merging: Vec::new(),
            logs: 0,
            errors: 0,
            warnings: 0,
            complaints: VecDeque::new(),
            gaps: 0,
            repeated: 0,
        }
    }

    /// logq's own watchdog is not a lane of the program.
    pub fn is_logq(&self) -> bool {
        self.lane.kind == LaneKind::Watchdog
    }

    /// What to call it: its name where it has one, else what it runs, else its lane.
    pub fn display_name(&self) -> String {
        self.name.clone().or_else(|| self.function.clone()).unwrap_or_else(|| self.lane.to_string())
    }

    pub fn first(&self) -> Option<&Node> {
        self.nodes.first()
    }

    pub fn last(&self) -> Option<&Node> {
        self.nodes.last()
    }

    pub(super) fn learn_main(&mut self, event: &ProcEvent) {
        self.name = event.thread.map(str::to_owned).or_else(|| self.name.take());
        self.tid = event.tid.or(self.tid);
    }

    pub(super) fn learn_start(&mut self, event: &LaneEvent) {
        self.name = event.name.map(str::to_owned);
        self.function = event.function.map(str::to_owned);
        self.tid = event.tid;
        self.daemon = event.daemon.unwrap_or(false);
        self.site = event.site.clone();
    }

    pub(super) fn learn(&mut self, record: &Record, event: &Event) {
        if event.kind != EventKind::End {
            return;
        }
        if let Some(end) = event.end() {
            self.waits.close(record.mono);
            self.end = Some(LaneEnd {
                how: end.how.unwrap_or("ok").to_owned(),
                exc: end.exc.map(|exc| exc.to_string()),
                seq: record.seq,
                ts: record.ts,
                closing: end.closing,
                left: end.left,
            });
        }
    }

    pub(super) fn count(&mut self, record: &Record) {
        let Body::Log(log) = &record.body else { return };
        self.errors += u64::from(is_error(&log.level));
        self.warnings += u64::from((30..40).contains(&log.level.number));
        if log.level.number >= 30 {
            self.keep_complaint(record.seq, log);
        }
        self.count_brief(&BriefLog {
            level: log.level.number,
            logger: &log.logger,
            msg: &log.msg,
            line: log.site.as_ref().map(|site| site.line),
            thread: log.thread.as_deref(),
            task: log.task.as_deref(),
        });
    }

    /// What counts of any log record.
    pub(super) fn count_brief(&mut self, log: &BriefLog) {
        self.logs += 1;
        self.rhythm.add(log.logger, log.msg, log.line);
        // Threads and tasks may be renamed at any time, and a thread made in C has no name at first.
        if self.name.is_none() {
            let own = if self.lane.kind == LaneKind::Task { log.task } else { log.thread };
            self.name = own.map(str::to_owned);
        }
    }

    fn keep_complaint(&mut self, seq: u64, log: &Log) {
        if self.complaints.len() == COMPLAINTS {
            self.complaints.pop_front();
        }
        let mut text: String = log.msg.chars().take(COMPLAINT_LENGTH).collect();
        if let Some(exc) = &log.exc {
            text.push_str(&format!(" {}: {}", exc.kind, exc.msg));
        }
        self.complaints.push_back((seq, text));
    }

    /// Puts the records in the lane's order and counts what is missing.
    pub(super) fn settle(&mut self) {
        self.nodes.sort_by_key(|node| node.seq);
        self.nodes.shrink_to_fit();
        for pair in self.nodes.windows(2) {
            match pair[1].seq - pair[0].seq {
                0 => self.repeated += 1,
                step => self.gaps += step - 1,
            }
        }
        self.gaps += self.nodes.first().map_or(0, |first| first.seq.saturating_sub(1));
    }

    /// Notes which nodes have incoming edges, once all edges are known.
    pub(super) fn note_merging(&mut self) {
        let merging = self.nodes.iter().zip(0..).filter(|(node, _)| node.edges.1 > 0);
        self.merging = merging.map(|(_, place)| place).collect();
    }
}
