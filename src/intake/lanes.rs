//! Who wrote a foreign line: its process and thread or task become a process and a lane of the run, one set for each log. Lines
//! are numbered there and written into the process's parts. What has been written is read back after a bad end.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::ledger::{Ledger, private};
use super::process::{FILE, NotedProcess, Process, Told, Who};
use super::{IntakeError, identity::Print};
use crate::record::foreign::{Origin, Own, Said, Written, written};
use crate::record::{Lane, LaneKind, time};
use crate::spool::{self, Content, Part, RunDir};

/// So many processes a run of foreign logs has; the lines of more are their log's. Each has a file of its own.
const MOST_PROCESSES: usize = 1000;

/// What may wait in memory for all processes together.
const BUFFERED: usize = 4 << 20;

pub(super) struct Lanes {
    spool: PathBuf,
    processes: Vec<Process>,
    of_told: HashMap<Told, usize>,
    of_key: HashMap<String, usize>,
    /// Whom the last record was of: the next one most likely is, too.
    last: usize,
    buffered: usize,
    /// A part that has grown to this is closed and the next one begun.
    part_size: u64,
}

impl Lanes {
    /// What was written so far, and the origins of the lines that the ledger does not know.
    pub fn restore(run: &RunDir, ledger: &Ledger, part_size: u64) -> Result<(Lanes, Vec<Origin>), IntakeError> {
        let mut lanes = Lanes {
            spool: run.spool_path(),
            processes: Vec::new(),
            of_told: HashMap::new(),
            of_key: HashMap::new(),
            last: 0,
            buffered: 0,
            part_size,
        };
        for noted in ledger.processes() {
            lanes.insert(Process::of_noted(noted));
        }
        let mut origins = Vec::new();
        let mut parts: Vec<Part> = run.spool().list()?.parts().cloned().collect();
        // As they were written.
        parts.sort_by(|left, right| left.id.cmp(&right.id));
        for part in parts {
            lanes.read_back(&part, &mut origins).map_err(IntakeError::io("read", &part.path))?;
        }
        Ok((lanes, origins))
    }

    /// Reads the lines that the ledger does not know; cuts off one that was not finished, which no reader has seen.
    fn read_back(&mut self, part: &Part, origins: &mut Vec<Origin>) -> io::Result<()> {
        let (key, number) = (&*part.id.proc, part.id.part);
        let known = self.of_key.get(key).map(|place| &self.processes[*place]);
        let from = match known {
            Some(process) if number < process.part => return Ok(()),
            Some(process) if number == process.part => process.len,
            _ => 0,
        };
        let is_packed = spool::is_packed(part);
        let file = match is_packed {
            true => Content::open(&part.path)?,
            false => Content::Plain(private(File::options().read(true).write(true)).open(&part.path)?),
        };
        let len = file.len()?;
        let end = spool::last_line_end(&file, from.min(len), len)?;
        if let (true, Content::Plain(file)) = (end < len, &file) {
            file.set_len(end)?;
        }
        let mut at = from.min(end);
        let mut buffer = Vec::new();
        while at < end {
            let (begin, mut chunk) = (buffer.len(), vec![0; 1 << 20]);
            let got = spool::read_up_to(&file, &mut chunk, at + begin as u64)?;
            buffer.extend_from_slice(&chunk[..got]);
            let whole = memchr::memrchr(b'\n', &buffer).map_or(0, |at| at + 1);
            if got == 0 {
                break;
            }
            for line in buffer[..whole].split(|byte| *byte == b'\n') {
                if let Some(line) = written(line) {
                    self.learn(key, number, &line, origins);
                }
            }
            buffer.drain(..whole);
            at += whole as u64;
        }
        if let Some(process) = self.of_key.get(key).map(|place| &mut self.processes[*place]) {
            // To a packed part nothing is added: its process goes on in the next one.
            (process.part, process.len) = if is_packed { (number + 1, 0) } else { (number, end) };
        }
        Ok(())
    }

    fn learn(&mut self, key: &str, part: u32, line: &Written, origins: &mut Vec<Origin>) {
        origins.extend(line.origin);
        let ts = time::parse_rfc3339(&line.ts).unwrap_or(0);
        if !self.of_key.contains_key(key) {
            let path = line.argv.first().cloned().unwrap_or_default();
            let process = Process {
                name: line.name.clone(),
                host: line.host.clone(),
                part,
                file_seq: line.seq,
                ts,
                // A copied line has its place, also one that introduces a process of a foreign log.
                is_own: line.how.as_deref() != Some("foreign") || line.origin.is_some(),
                ..Process::new(key.to_owned(), line.n.unwrap_or(0), line.pid, path)
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
    pub fn write(&mut self, path: &str, said: &mut Said, origin: Origin) -> Result<(), IntakeError> {
        let ts = said.ts.unwrap_or(0);
        if !self.processes.get(self.last).is_some_and(|process| process.wrote(path, said)) {
            self.last = self.who_wrote(path, said, ts);
        }
        let process = &mut self.processes[self.last];
        let before = process.buffer.len();
        process.write(said, ts, origin);
        self.buffered += process.buffer.len() - before;
        if self.buffered > BUFFERED { self.flush() } else { Ok(()) }
    }

    fn who_wrote(&mut self, path: &str, said: &Said, ts: i64) -> usize {
        let pid = said.pid.filter(|pid| *pid > 0);
        let name = said.process.clone().filter(|_| pid.is_none());
        let told: Told = (path.to_owned(), said.host.clone(), pid, name);
        match self.of_told.get(&told) {
            Some(place) => *place,
            None if self.processes.len() < MOST_PROCESSES => self.begin(told, said.process.as_deref(), ts),
            None => self.of_log(path, ts),
        }
    }

    /// Says in the run that of the end of a log nothing is known, beyond what was read of it.
    pub fn lose(&mut self, path: &str, why: &str, read: u64, ts: i64) -> Result<(), IntakeError> {
        let place = self.processes.iter().rposition(|process| process.path == path && !process.is_own);
        let place = place.unwrap_or_else(|| self.of_log(path, ts));
        self.processes[place].lose(why, read, ts);
        self.flush()
    }

    /// The process of lines that name none.
    fn of_log(&mut self, path: &str, ts: i64) -> usize {
        let told: Told = (path.to_owned(), None, None, None);
        match self.of_told.get(&told) {
            Some(place) => *place,
            None => self.begin(told, None, ts),
        }
    }

    fn begin(&mut self, told: Told, name: Option<&str>, ts: i64) -> usize {
        let (path, host, pid, _) = told;
        let number = self.processes.iter().map(|process| process.number).max().unwrap_or(0) + 1;
        let pid = pid.unwrap_or(0);
        let key = self.free_key(pid, &format!("{path}\0{host:?}\0{pid}\0{number}"));
        let name = name.map(str::to_owned);
        let mut process = Process { name, host, file_seq: 1, ts, ..Process::new(key, number, pid, path) };
        process.write_head(false);
        self.insert(process)
    }

    /// A key that no process has: of thousands two may have the same six letters.
    fn free_key(&self, pid: u32, text: &str) -> String {
        let mut key = format!("{pid}-{}", unique(text));
        let mut attempt = 0_u32;
        while self.of_key.contains_key(&key) {
            attempt += 1;
            key = format!("{pid}-{}", unique(&format!("{text}\0{attempt}")));
        }
        key
    }

    /// Whether lines of logq's own go into a process of their own: there are not too many, and none of ours is called so.
    pub fn takes(&self, key: &str) -> bool {
        match self.of_key.get(key) {
            Some(place) => self.processes[*place].is_own,
            None => self.processes.len() < MOST_PROCESSES,
        }
    }

    /// Copies a line that is logq's own.
    pub fn copy(&mut self, own: &Own, origin: Origin) -> Result<(), IntakeError> {
        let place = match self.of_key.get(&own.proc) {
            Some(place) => *place,
            None => self.insert(Process { is_own: true, ..Process::new(own.proc.clone(), 0, 0, String::new()) }),
        };
        let buffer = &mut self.processes[place].buffer;
        let before = buffer.len();
        own.write(origin, buffer);
        self.buffered += buffer.len() - before;
        if self.buffered > BUFFERED { self.flush() } else { Ok(()) }
    }

    /// Writes what waits in memory.
    pub fn flush(&mut self) -> Result<(), IntakeError> {
        self.buffered = 0;
        for process in self.processes.iter_mut().filter(|process| !process.buffer.is_empty()) {
            let flushed = process.flush(&self.spool, self.part_size);
            flushed.map_err(IntakeError::io("write", &process.part_path(&self.spool)))?;
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
        // A part that is new is safe once its name is.
        let dir = File::open(&self.spool).and_then(|dir| dir.sync_all());
        dir.map_err(IntakeError::io("write", &self.spool))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_logs_with_the_same_six_letters_are_two_processes() {
        let letters = |log: u32, number: u32| unique(&format!("{log}.log\0None\00\0{number}"));
        let first: HashMap<String, u32> = (0..100_000).map(|log| (letters(log, 1), log)).collect();
        let alike =
            (0..100_000).find_map(|log| Some((*first.get(&letters(log, 2))?, log)).filter(|(one, two)| one != two));
        let (one, two) = alike.expect("two of ten thousand million pairs");
        let folder = tempfile::tempdir().expect("a folder");
        let store = crate::spool::StoreDir::create(folder.path()).expect("a store");
        let run = store.create_run("a").expect("a run");
        let ledger = Ledger::open(&run).expect("a ledger");
        let (mut lanes, _) = Lanes::restore(&run, &ledger, 1 << 20).expect("lanes");
        for log in [one, two] {
            let origin = Origin { file: log, offset: 0, len: 1, index: 0, print: 0 };
            lanes.write(&format!("{log}.log"), &mut Said::text("x"), origin).expect("written");
        }
        lanes.flush().expect("written");
        assert_eq!(run.spool().list().expect("a listing").parts().count(), 2);
    }
}
