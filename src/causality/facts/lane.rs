//! What the records say about one lane: its name and origin, what it logged and waited for, and which of its numbers are missing.

use std::collections::VecDeque;

use crate::causality::graph::{Node, ProcessIndex};
use crate::causality::is_error;
use crate::causality::rhythm::Rhythm;
use crate::causality::waits::Waits;
use crate::record::glance::BriefLog;
use crate::record::readings::{LaneEvent, ProcEvent};
use crate::record::{Body, Event, EventKind, Lane, LaneKind, Log, Record, Site};

/// So many of a lane's warnings and errors are kept, each up to so many letters.
const COMPLAINTS: usize = 16;
const COMPLAINT_LENGTH: usize = 400;

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
    pub(in crate::causality) origin: Option<usize>,
    pub end: Option<LaneEnd>,
    pub nodes: Vec<Node>,
    /// Places of the nodes that have incoming edges.
    pub(in crate::causality) merging: Vec<u32>,
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

impl LaneFacts {
    pub(in crate::causality) fn of(process: ProcessIndex, lane: Lane) -> LaneFacts {
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

    pub(in crate::causality) fn learn_main(&mut self, event: &ProcEvent) {
        self.name = event.thread.map(str::to_owned).or_else(|| self.name.take());
        self.tid = event.tid.or(self.tid);
    }

    pub(in crate::causality) fn learn_start(&mut self, event: &LaneEvent) {
        self.name = event.name.map(str::to_owned);
        self.function = event.function.map(str::to_owned);
        self.tid = event.tid;
        self.daemon = event.daemon.unwrap_or(false);
        self.site = event.site.clone();
    }

    pub(in crate::causality) fn learn(&mut self, record: &Record, event: &Event) {
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

    pub(in crate::causality) fn count(&mut self, record: &Record) {
        let Body::Log(log) = &record.body else { return };
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
    pub(in crate::causality) fn count_brief(&mut self, log: &BriefLog) {
        self.logs += 1;
        self.errors += u64::from(is_error(log.level));
        self.warnings += u64::from((30..40).contains(&log.level));
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
    pub(in crate::causality) fn settle(&mut self) {
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
    pub(in crate::causality) fn note_merging(&mut self) {
        let merging = self.nodes.iter().zip(0..).filter(|(node, _)| node.edges.1 > 0);
        self.merging = merging.map(|(_, place)| place).collect();
    }
}
