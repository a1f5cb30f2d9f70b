//! What the records say about one process: who it is, how it ended, what it started, and what of it is missing.

use std::collections::HashMap;
use std::sync::Arc;

use super::ObjectFacts;
use crate::causality::graph::LaneIndex;
use crate::causality::snaps::Snaps;
use crate::record::readings::ProcEvent;
use crate::record::{Event, EventKind, Lane, Record, RecordId, Site};

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
    /// The same by the monotonic clock of its host, ns.
    pub began_mono: Option<u64>,
    pub end: ProcessEnd,
    pub objects: HashMap<Box<str>, ObjectFacts>,
    pub lanes: Vec<LaneIndex>,
    /// Children that it started.
    pub children: Vec<StartedChild>,
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
    /// How often a foreign log was cut or removed before all of it may have been read.
    pub cut_off: u64,
    /// Lines that are no records.
    pub malformed: u64,
    /// Its last line has no end: it was killed while it wrote.
    pub torn: bool,
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

/// A child, as its parent noted it when it started it.
#[derive(Debug, Clone, PartialEq)]
pub struct StartedChild {
    pub pid: u32,
    /// Its command, where one is known.
    pub argv: Vec<String>,
    /// When that was, monotonic ns.
    pub mono: u64,
}

/// A child whose end was seen and that left no record.
#[derive(Debug, Clone, PartialEq)]
pub struct UnseenChild {
    /// Its key, where it had told it: then it did record, and its files are gone.
    pub proc: Option<Arc<str>>,
    pub pid: Option<u32>,
    pub rc: Option<i64>,
    pub signal: Option<i64>,
}

impl ProcessFacts {
    pub(in crate::causality) fn of(proc: Arc<str>) -> ProcessFacts {
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
            began_mono: None,
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
            cut_off: 0,
            malformed: 0,
            torn: false,
        }
    }

    /// `logq run` itself, which is not counted and not diagnosed.
    pub fn is_logq(&self) -> bool {
        self.number == Some(0) || self.how.as_deref() == Some("logq")
    }

    /// Whether its monotonic clock may be that of the other process: it is, unless they are known to be on two hosts.
    pub fn shares_clock(&self, other: &ProcessFacts) -> bool {
        self.host.is_none() || other.host.is_none() || self.host == other.host
    }

    /// It wrote a log of another system: nothing is known of its beginning, its end and its hand-overs.
    pub fn is_foreign(&self) -> bool {
        self.how.as_deref() == Some("foreign")
    }

    /// Learns what any record says of its process.
    pub(in crate::causality) fn meet(&mut self, number: Option<u32>, pid: u32) {
        self.number = self.number.or(number);
        if self.pid == 0 {
            self.pid = pid;
        }
    }

    pub(in crate::causality) fn learn_proc(&mut self, event: &ProcEvent, record: &Record) {
        self.number = event.n.or(self.number);
        self.ppid = event.ppid;
        self.name = event.name.map(str::to_owned);
        self.argv = event.argv.iter().map(|word| (*word).to_owned()).collect();
        self.how = event.how.map(str::to_owned);
        self.python = event.python.map(str::to_owned);
        self.host = event.host.map(str::to_owned);
        self.began = Some(record.ts);
        self.began_mono = Some(record.mono);
        let held = event.held.iter();
        self.held_at_fork =
            held.map(|held| (held.obj.to_owned(), held.lane.map(str::to_owned), held.site.clone())).collect();
    }

    pub(in crate::causality) fn learn_reap(
        &mut self,
        rc: Option<i64>,
        signal: Option<i64>,
        mono: u64,
        by_parent: bool,
    ) {
        self.end.seen_by_parent |= by_parent;
        self.end.seen_mono = Some(self.end.seen_mono.map_or(mono, |known| known.min(mono)));
        self.end.signal = self.end.signal.or(signal);
        if signal.is_none() {
            self.end.seen = self.end.seen.or(rc);
        }
    }

    pub(in crate::causality) fn learn(&mut self, record: &Record, event: &Event, lane: LaneIndex) {
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
                    let argv = child.argv.iter().map(|word| (*word).to_owned()).collect();
                    Some(StartedChild { pid: child.child_pid?, argv, mono: record.mono })
                });
                self.children.extend(child);
            }
            EventKind::Snap => self.snaps.add(record, event),
            EventKind::Lost => {
                let lost = event.lost();
                let records = lost.as_ref().and_then(|lost| lost.n).unwrap_or(1);
                match lost.and_then(|lost| lost.why) {
                    Some("ring" | "cap") => self.dropped += records,
                    Some("cut" | "gone") => self.cut_off += 1,
                    _ => self.lost += records,
                }
            }
            _ => {}
        }
    }
}
