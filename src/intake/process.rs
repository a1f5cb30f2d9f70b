//! One process of a foreign log: its lanes, the numbers of their records, and the lines that wait to be written into its part.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ledger::private;
use crate::record::foreign::{Beginning, Origin, Said, Spot, write_lane, write_loss, write_proc};
use crate::record::{Lane, LaneKind};

/// So many lanes a process has; the lines of more are the file's. Nobody has so many threads: it is another kind of name.
const MOST_LANES: usize = 10_000;

/// The lines of a file that say nothing of threads, and the event that introduces the process.
pub(super) const FILE: Lane = Lane { kind: LaneKind::File, number: 1 };

/// A process as the lines tell it: log, host, pid or name.
pub(super) type Told = (String, Option<String>, Option<u32>, Option<String>);

/// Who a lane is, as the lines say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Who {
    pub task: Option<String>,
    pub thread: Option<String>,
    pub tid: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct NotedLane {
    who: Who,
    lane: String,
    seq: u64,
    ts: i64,
}

/// What the ledger keeps of a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NotedProcess {
    key: String,
    number: u32,
    pid: u32,
    name: Option<String>,
    host: Option<String>,
    path: String,
    part: u32,
    len: u64,
    file_seq: u64,
    ts: i64,
    lanes: Vec<NotedLane>,
}

pub(super) struct Process {
    pub key: String,
    pub number: u32,
    pub pid: u32,
    pub name: Option<String>,
    pub host: Option<String>,
    /// The log that it is in.
    pub path: String,
    pub part: u32,
    /// Of the part, as it is on the disk.
    pub len: u64,
    pub buffer: Vec<u8>,
    pub is_synced: bool,
    pub file_seq: u64,
    pub ts: i64,
    pub lanes: HashMap<Who, (Lane, u64, i64)>,
    /// It is logq's own: lines are copied as they are.
    pub is_own: bool,
}

impl Process {
    pub fn new(key: String, number: u32, pid: u32, path: String) -> Process {
        Process {
            key,
            number,
            pid,
            name: None,
            host: None,
            path,
            part: 1,
            len: 0,
            buffer: Vec::new(),
            is_synced: false,
            file_seq: 0,
            ts: 0,
            lanes: HashMap::new(),
            is_own: false,
        }
    }

    pub fn of_noted(noted: &NotedProcess) -> Process {
        let lanes = noted.lanes.iter();
        let lanes =
            lanes.filter_map(|noted| Some((noted.who.clone(), (noted.lane.parse().ok()?, noted.seq, noted.ts))));
        Process {
            name: noted.name.clone(),
            host: noted.host.clone(),
            part: noted.part,
            len: noted.len,
            is_synced: true,
            file_seq: noted.file_seq,
            ts: noted.ts,
            lanes: lanes.collect(),
            ..Process::new(noted.key.clone(), noted.number, noted.pid, noted.path.clone())
        }
    }

    pub fn noted(&self) -> NotedProcess {
        let lanes = self.lanes.iter();
        NotedProcess {
            key: self.key.clone(),
            number: self.number,
            pid: self.pid,
            name: self.name.clone(),
            host: self.host.clone(),
            path: self.path.clone(),
            part: self.part,
            len: self.len,
            file_seq: self.file_seq,
            ts: self.ts,
            lanes: lanes
                .map(|(who, (lane, seq, ts))| NotedLane {
                    who: who.clone(),
                    lane: lane.to_string(),
                    seq: *seq,
                    ts: *ts,
                })
                .collect(),
        }
    }

    /// By what the lines say of it; a process with a pid is known by that, whatever its name.
    pub fn told(&self) -> Told {
        let pid = (self.pid > 0).then_some(self.pid);
        (self.path.clone(), self.host.clone(), pid, self.name.clone().filter(|_| pid.is_none()))
    }

    /// Whether a record of a log is one of this process.
    pub fn wrote(&self, path: &str, said: &Said) -> bool {
        let pid = said.pid.unwrap_or(0);
        !self.is_own
            && self.pid == pid
            && (pid > 0 || self.name == said.process)
            && self.host == said.host
            && self.path == path
    }

    pub fn part_path(&self, spool: &Path) -> PathBuf {
        spool.join(format!("{}.{}.jsonl", self.key, self.part))
    }

    pub fn write(&mut self, said: &mut Said, ts: i64, origin: Origin) {
        self.begin_part();
        let (lane, seq) = self.lane_of(said, ts);
        let spot = Spot { proc: &self.key, pid: self.pid, lane, seq, ts, origin };
        said.write(&spot, &mut self.buffer);
    }

    /// The lane of a record, introduced where it is new, and the record's number there.
    fn lane_of(&mut self, said: &mut Said, ts: i64) -> (Lane, u64) {
        // Names are lent, not copied: this is done for every line.
        let task = said.task.take();
        let thread = if task.is_none() { said.thread.take() } else { None };
        let who = Who { task, thread, tid: said.tid };
        let lane = self.lane_of_who(&who, ts);
        if who.task.is_none() {
            said.thread = who.thread;
        }
        said.task = who.task;
        lane
    }

    fn lane_of_who(&mut self, who: &Who, ts: i64) -> (Lane, u64) {
        let is_one_more = self.lanes.len() >= MOST_LANES && !self.lanes.contains_key(who);
        if is_one_more || (who.task.is_none() && who.thread.is_none() && who.tid.is_none()) {
            self.file_seq += 1;
            return (FILE, self.file_seq);
        }
        if let Some((lane, seq, _)) = self.lanes.get_mut(who) {
            *seq += 1;
            return (*lane, *seq);
        }
        let kind = if who.task.is_some() { LaneKind::Task } else { LaneKind::Thread };
        let number = self.lanes.values().filter(|(lane, ..)| lane.kind == kind).count() as u64 + 1;
        let lane = Lane { kind, number };
        self.lanes.insert(who.clone(), (lane, 2, ts));
        self.introduce(who, lane, 1, ts);
        (lane, 2)
    }

    /// Says that of the end of a file nothing is known, beyond what was read of it.
    pub fn lose(&mut self, why: &str, read: u64, ts: i64) {
        self.begin_part();
        self.file_seq += 1;
        let (lane, seq) = (FILE, self.file_seq);
        let of = Beginning { proc: &self.key, pid: self.pid, lane, seq, ts, name: None };
        write_loss(&of, why, &self.path, read, &mut self.buffer);
    }

    fn introduce(&mut self, who: &Who, lane: Lane, seq: u64, ts: i64) {
        let name = who.task.as_deref().or(who.thread.as_deref());
        let beginning = Beginning { proc: &self.key, pid: self.pid, lane, seq, ts, name };
        let kind = if who.task.is_some() { "task" } else { "thread" };
        write_lane(&beginning, kind, who.tid, &mut self.buffer);
    }

    /// The lines that a part begins with.
    pub fn write_head(&mut self, again: bool) {
        let (seq, ts) = (u64::from(!again), self.ts);
        let beginning = Beginning { proc: &self.key, pid: self.pid, lane: FILE, seq, ts, name: self.name.as_deref() };
        write_proc(&beginning, self.number, self.part, &self.path, self.host.as_deref(), &mut self.buffer);
        let lanes: Vec<_> = self.lanes.iter().map(|(who, (lane, _, ts))| (who.clone(), *lane, *ts)).collect();
        for (who, lane, ts) in lanes.iter().filter(|_| again) {
            self.introduce(who, *lane, 0, *ts);
        }
    }

    /// Of a part that was begun, and of which nothing is on the disk, the first lines are written with the first record.
    fn begin_part(&mut self) {
        if self.part > 1 && self.len == 0 && self.buffer.is_empty() && !self.is_own {
            self.write_head(true);
        }
    }

    /// Writes what waits in memory; begins the next part where this one is full.
    pub fn flush(&mut self, spool: &Path, part_size: u64) -> io::Result<()> {
        let part = self.append(spool)?;
        if self.len >= part_size && !self.is_own {
            part.sync_data()?;
            self.part += 1;
            self.len = 0;
            self.write_head(true);
            self.append(spool)?;
        }
        Ok(())
    }

    fn append(&mut self, spool: &Path) -> io::Result<File> {
        let mut part = private(File::options().append(true).create(true)).open(self.part_path(spool))?;
        part.write_all(&self.buffer)?;
        self.len += self.buffer.len() as u64;
        self.buffer.clear();
        self.is_synced = false;
        Ok(part)
    }
}
