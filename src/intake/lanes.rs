//! Who wrote a foreign line: its process and thread or task become a process and a lane of the run, one set for each log. Lines
//! are numbered there and written into the process's parts. What has been written is read back after a bad end.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ledger::{Ledger, private};
use super::{IntakeError, identity::Print};
use crate::record::foreign::{Beginning, Origin, Said, Spot, Written, write_lane, write_own, write_proc, written};
use crate::record::{Lane, LaneKind, time};
use crate::spool::RunDir;

/// A part that has grown to this is closed and the next one begun.
const PART: u64 = 64 << 20;

/// What may wait in memory for all processes together.
const BUFFERED: usize = 4 << 20;

/// The lines of a file that say nothing of threads, and the event that introduces the process.
const FILE: Lane = Lane { kind: LaneKind::File, number: 1 };

/// Who a lane is, as the lines say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Who {
    task: Option<String>,
    thread: Option<String>,
    tid: Option<u64>,
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

struct Process {
    key: String,
    number: u32,
    pid: u32,
    name: Option<String>,
    host: Option<String>,
    /// The log that it is in.
    path: String,
    part: u32,
    /// Of the part, as it is on the disk.
    len: u64,
    buffer: Vec<u8>,
    is_synced: bool,
    file_seq: u64,
    ts: i64,
    lanes: HashMap<Who, (Lane, u64, i64)>,
    /// It is logq's own: lines are copied as they are.
    is_own: bool,
}

/// A process as the lines tell it: log, host, pid or name.
type Told = (String, Option<String>, Option<u32>, Option<String>);

pub(super) struct Lanes {
    spool: PathBuf,
    processes: Vec<Process>,
    of_told: HashMap<Told, usize>,
    of_key: HashMap<String, usize>,
    buffered: usize,
}

impl Lanes {
    /// What was written so far, and the origins of the lines that the ledger does not know.
    pub fn restore(run: &RunDir, ledger: &Ledger) -> Result<(Lanes, Vec<Origin>), IntakeError> {
        let mut lanes = Lanes {
            spool: run.spool_path(),
            processes: Vec::new(),
            of_told: HashMap::new(),
            of_key: HashMap::new(),
            buffered: 0,
        };
        for noted in ledger.processes() {
            lanes.insert(Process::of_noted(noted));
        }
        let mut origins = Vec::new();
        for (key, part, path) in lanes.parts()? {
            lanes.read_back(&key, part, &path, &mut origins).map_err(IntakeError::io("read", &path))?;
        }
        Ok((lanes, origins))
    }

    /// The parts that lie in the spool, in the order in which they were written.
    fn parts(&self) -> Result<Vec<(String, u32, PathBuf)>, IntakeError> {
        let mut parts = Vec::new();
        for entry in fs::read_dir(&self.spool).map_err(IntakeError::io("list", &self.spool))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some((key, part)) = name.strip_suffix(".jsonl").and_then(|stem| stem.rsplit_once('.')) else {
                continue;
            };
            if let (Ok(part), true) = (part.parse(), entry.file_type().is_ok_and(|kind| kind.is_file())) {
                parts.push((key.to_owned(), part, entry.path()));
            }
        }
        parts.sort_by(|left, right| (&left.0, left.1).cmp(&(&right.0, right.1)));
        Ok(parts)
    }

    /// Reads the lines that the ledger does not know; cuts off one that was not finished, which no reader has seen.
    fn read_back(&mut self, key: &str, part: u32, path: &Path, origins: &mut Vec<Origin>) -> io::Result<()> {
        let known = self.of_key.get(key).map(|place| &self.processes[*place]);
        let from = match known {
            Some(process) if part < process.part => return Ok(()),
            Some(process) if part == process.part => process.len,
            _ => 0,
        };
        let file = private(File::options().read(true).write(true)).open(path)?;
        let len = file.metadata()?.len();
        let end = crate::spool::last_line_end(&file, from.min(len), len)?;
        if end < len {
            file.set_len(end)?;
        }
        let mut at = from.min(end);
        let mut buffer = Vec::new();
        while at < end {
            let (begin, mut chunk) = (buffer.len(), vec![0; 1 << 20]);
            let got = crate::spool::read_up_to(&file, &mut chunk, at + begin as u64)?;
            buffer.extend_from_slice(&chunk[..got]);
            let whole = memchr::memrchr(b'\n', &buffer).map_or(0, |at| at + 1);
            if got == 0 {
                break;
            }
            for line in buffer[..whole].split(|byte| *byte == b'\n') {
                if let Some(line) = written(line) {
                    self.learn(key, part, &line, origins);
                }
            }
            buffer.drain(..whole);
            at += whole as u64;
        }
        if let Some(process) = self.of_key.get(key).map(|place| &mut self.processes[*place]) {
            (process.part, process.len) = (part, end);
        }
        Ok(())
    }

    fn learn(&mut self, key: &str, part: u32, line: &Written, origins: &mut Vec<Origin>) {
        origins.extend(line.origin);
        let ts = time::parse_rfc3339(&line.ts).unwrap_or(0);
        if !self.of_key.contains_key(key) {
            let is_foreign = line.how.as_deref() == Some("foreign");
            let process = Process {
                key: key.to_owned(),
                number: line.n.unwrap_or(0),
                pid: line.pid,
                name: line.name.clone(),
                host: line.host.clone(),
                path: line.argv.first().cloned().unwrap_or_default(),
                part,
                len: 0,
                buffer: Vec::new(),
                is_synced: false,
                file_seq: line.seq,
                ts,
                lanes: HashMap::new(),
                is_own: !is_foreign,
            };
            self.insert(process);
            return;
        }
        let Some(process) = self.of_key.get(key).map(|place| &mut self.processes[*place]) else { return };
        let Ok(lane) = line.lane.parse::<Lane>() else { return };
        if lane == FILE {
            process.file_seq = process.file_seq.max(line.seq);
        } else if line.ev.as_deref() == Some("lane") && line.seq > 0 {
            let (task, thread) = match lane.kind {
                LaneKind::Task => (line.name.clone(), None),
                _ => (None, line.name.clone()),
            };
            process.lanes.insert(Who { task, thread, tid: line.tid }, (lane, line.seq, ts));
        } else if let Some((_, seq, _)) = process.lanes.values_mut().find(|(known, ..)| *known == lane) {
            *seq = (*seq).max(line.seq);
        }
    }

    fn insert(&mut self, process: Process) -> usize {
        let place = self.processes.len();
        self.of_key.insert(process.key.clone(), place);
        if !process.is_own {
            self.of_told.insert(process.told(), place);
        }
        self.processes.push(process);
        place
    }

    pub fn noted(&self) -> Vec<NotedProcess> {
        self.processes.iter().filter(|process| !process.is_own).map(Process::noted).collect()
    }

    /// Writes what a record of a log says.
    pub fn write(&mut self, path: &str, said: &Said, origin: Origin) -> Result<(), IntakeError> {
        let name = said.process.clone().filter(|_| said.pid.is_none());
        let told: Told = (path.to_owned(), said.host.clone(), said.pid, name);
        let ts = said.ts.unwrap_or(0);
        let place = match self.of_told.get(&told) {
            Some(place) => *place,
            None => self.begin(told, said.process.as_deref(), ts),
        };
        let process = &mut self.processes[place];
        let before = process.buffer.len();
        process.write(said, ts, origin);
        self.buffered += process.buffer.len() - before;
        if self.buffered > BUFFERED { self.flush() } else { Ok(()) }
    }

    fn begin(&mut self, told: Told, name: Option<&str>, ts: i64) -> usize {
        let (path, host, pid, _) = told;
        let number = self.processes.iter().map(|process| process.number).max().unwrap_or(0) + 1;
        let pid = pid.unwrap_or(0);
        let key = format!("{pid}-{}", unique(&format!("{path}\0{host:?}\0{pid}\0{number}")));
        let mut process = Process {
            key,
            number,
            pid,
            name: name.map(str::to_owned),
            host,
            path,
            part: 1,
            len: 0,
            buffer: Vec::new(),
            is_synced: false,
            file_seq: 1,
            ts,
            lanes: HashMap::new(),
            is_own: false,
        };
        process.write_head(false);
        self.insert(process)
    }

    /// Copies a line that is logq's own.
    pub fn copy(&mut self, key: &str, line: &[u8], origin: Origin) -> Result<(), IntakeError> {
        let place = match self.of_key.get(key) {
            Some(place) => *place,
            None => self.insert(Process {
                key: key.to_owned(),
                number: 0,
                pid: 0,
                name: None,
                host: None,
                path: String::new(),
                part: 1,
                len: 0,
                buffer: Vec::new(),
                is_synced: false,
                file_seq: 0,
                ts: 0,
                lanes: HashMap::new(),
                is_own: true,
            }),
        };
        write_own(line, origin, &mut self.processes[place].buffer);
        self.buffered += line.len();
        if self.buffered > BUFFERED { self.flush() } else { Ok(()) }
    }

    /// Writes what waits in memory.
    pub fn flush(&mut self) -> Result<(), IntakeError> {
        self.buffered = 0;
        for process in self.processes.iter_mut().filter(|process| !process.buffer.is_empty()) {
            let path = process.part_path(&self.spool);
            process.flush(&path).map_err(IntakeError::io("write", &path))?;
        }
        Ok(())
    }

    /// Writes what waits, and waits for the disk.
    pub fn sync(&mut self) -> Result<(), IntakeError> {
        self.flush()?;
        for process in self.processes.iter_mut().filter(|process| !process.is_synced) {
            let path = process.part_path(&self.spool);
            let sync = || private(File::options().write(true)).open(&path)?.sync_data();
            sync().map_err(IntakeError::io("write", &path))?;
            process.is_synced = true;
        }
        Ok(())
    }
}

impl Process {
    fn of_noted(noted: &NotedProcess) -> Process {
        let lanes = noted.lanes.iter();
        let lanes =
            lanes.filter_map(|noted| Some((noted.who.clone(), (noted.lane.parse().ok()?, noted.seq, noted.ts))));
        Process {
            key: noted.key.clone(),
            number: noted.number,
            pid: noted.pid,
            name: noted.name.clone(),
            host: noted.host.clone(),
            path: noted.path.clone(),
            part: noted.part,
            len: noted.len,
            buffer: Vec::new(),
            is_synced: true,
            file_seq: noted.file_seq,
            ts: noted.ts,
            lanes: lanes.collect(),
            is_own: false,
        }
    }

    fn noted(&self) -> NotedProcess {
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
    fn told(&self) -> Told {
        let pid = (self.pid > 0).then_some(self.pid);
        (self.path.clone(), self.host.clone(), pid, self.name.clone().filter(|_| pid.is_none()))
    }

    fn part_path(&self, spool: &Path) -> PathBuf {
        spool.join(format!("{}.{}.jsonl", self.key, self.part))
    }

    fn write(&mut self, said: &Said, ts: i64, origin: Origin) {
        let (lane, seq) = self.lane_of(said, ts);
        let spot = Spot { proc: &self.key, pid: self.pid, lane, seq, ts, origin };
        said.write(&spot, &mut self.buffer);
    }

    /// The lane of a record, introduced where it is new, and the record's number there.
    fn lane_of(&mut self, said: &Said, ts: i64) -> (Lane, u64) {
        let who =
            Who { task: said.task.clone(), thread: said.thread.clone().filter(|_| said.task.is_none()), tid: said.tid };
        if who.task.is_none() && who.thread.is_none() && who.tid.is_none() {
            self.file_seq += 1;
            return (FILE, self.file_seq);
        }
        if let Some((lane, seq, _)) = self.lanes.get_mut(&who) {
            *seq += 1;
            return (*lane, *seq);
        }
        let kind = if who.task.is_some() { LaneKind::Task } else { LaneKind::Thread };
        let number = self.lanes.values().filter(|(lane, ..)| lane.kind == kind).count() as u64 + 1;
        let lane = Lane { kind, number };
        self.lanes.insert(who.clone(), (lane, 2, ts));
        self.introduce(&who, lane, 1, ts);
        (lane, 2)
    }

    fn introduce(&mut self, who: &Who, lane: Lane, seq: u64, ts: i64) {
        let name = who.task.as_deref().or(who.thread.as_deref());
        let beginning = Beginning { proc: &self.key, pid: self.pid, lane, seq, ts, name };
        let kind = if who.task.is_some() { "task" } else { "thread" };
        write_lane(&beginning, kind, who.tid, &mut self.buffer);
    }

    /// The lines that a part begins with.
    fn write_head(&mut self, again: bool) {
        let (seq, ts) = (u64::from(!again), self.ts);
        let beginning = Beginning { proc: &self.key, pid: self.pid, lane: FILE, seq, ts, name: self.name.as_deref() };
        write_proc(&beginning, self.number, self.part, &self.path, self.host.as_deref(), &mut self.buffer);
        let lanes: Vec<_> = self.lanes.iter().map(|(who, (lane, _, ts))| (who.clone(), *lane, *ts)).collect();
        for (who, lane, ts) in lanes.iter().filter(|_| again) {
            self.introduce(who, *lane, 0, *ts);
        }
    }

    fn flush(&mut self, path: &Path) -> io::Result<()> {
        let mut file = private(File::options().append(true).create(true)).open(path)?;
        file.write_all(&self.buffer)?;
        self.len += self.buffer.len() as u64;
        self.buffer.clear();
        self.is_synced = false;
        if self.len >= PART && !self.is_own {
            file.sync_data()?;
            self.part += 1;
            self.len = 0;
            self.write_head(true);
        }
        Ok(())
    }
}

/// Six letters that tell processes apart.
fn unique(text: &str) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut hash = Print::of(text.as_bytes()).hash();
    let mut name = String::new();
    for _ in 0..6 {
        name.push(char::from(LETTERS[usize::try_from(hash % 32).unwrap_or(0)]));
        hash /= 32;
    }
    name
}
