//! A made-up run on disk: processes, their lanes and objects, one clock, and the lines that they write. Stamps are left and
//! merged as the real ones are, so that every hand-over on disk is true. What the lanes do is told in `story`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// When a process begins its next part, bytes.
const PART: u64 = 64 << 20;
/// The run begins at this second of the day.
const BEGUN: u64 = 17 * 3600;

pub struct World {
    pub chance: fastrand::Rng,
    pub records: u64,
    dir: PathBuf,
    /// ns since the run began.
    clock: u64,
    processes: Vec<Process>,
    line: String,
}

struct Process {
    key: String,
    pid: u32,
    part: u32,
    file: BufWriter<File>,
    written: u64,
    lanes: Vec<Lane>,
    /// Keys of the objects, for the beginnings of parts.
    objects: Vec<String>,
    threads: u32,
    tasks: u32,
}

/// A lane's place: process and index. Of a lane that has ended it is given to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct At {
    pub process: usize,
    lane: usize,
}

struct Lane {
    name: String,
    called: String,
    /// Keys of its first line, for the beginnings of parts.
    begun: String,
    seq: u64,
    hard: Vec<Left>,
    lock: Vec<Left>,
    lives: bool,
}

/// A stamp that was left somewhere.
#[derive(Debug, Clone)]
pub struct Left {
    process: usize,
    lane: String,
    seq: u64,
    by: String,
}

impl World {
    /// An empty run in that directory, whatever was there before.
    pub fn new(dir: &Path, seed: u64) -> io::Result<World> {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::create_dir_all(dir)?;
        Ok(World {
            chance: fastrand::Rng::with_seed(seed),
            records: 0,
            dir: dir.to_owned(),
            clock: 0,
            processes: Vec::new(),
            line: String::new(),
        })
    }

    /// A process with its main thread; `from` began it.
    pub fn begin_process(&mut self, name: &str, from: Option<At>) -> io::Result<At> {
        let process = self.processes.len();
        let number = process + 1;
        let pid = 4000 + u32::try_from(number).unwrap_or(0);
        let key = format!("{pid}-{:a<6}", "bench");
        fs::write(self.dir.join(format!("{number}.claim")), format!("{key}\n"))?;
        let file = BufWriter::with_capacity(1 << 20, File::create(self.dir.join(format!("{key}.1.jsonl")))?);
        self.processes.push(Process {
            key,
            pid,
            part: 1,
            file,
            written: 0,
            lanes: Vec::new(),
            objects: Vec::new(),
            threads: 0,
            tasks: 0,
        });
        let how = if from.is_some() { "fork" } else { "root" };
        let begun = format!(
            r#""ev":"proc","n":{number},"how":"{how}","name":"{name}","thread":"MainThread","tid":{pid},"argv":["service.py","--port","8080"],"python":"3.12.1","host":"bench","boot":"b4d1322b-054e-4838-a1b2-c5e499fdfba8","run":"bench","logq":"0.1.0","tz":"+00:00""#
        );
        let main = self.place_lane(process, "t", "MainThread", begun.clone());
        let origin = from.map_or_else(String::new, |from| format!(r#","from":"{}""#, self.stamp(from, process)));
        self.write(main, &format!(r#"{begun},"part":1{origin}"#))?;
        Ok(main)
    }

    /// A thread (`t`) or a task (`a`) of the same process, begun by another lane.
    pub fn begin_lane(&mut self, by: At, letter: &str, name: &str, function: &str) -> io::Result<At> {
        let kind = if letter == "a" { "task" } else { "thread" };
        let begun = format!(
            r#""ev":"lane","kind":"{kind}","name":"{name}","fn":"{function}","tid":{},"from":"{}","site":["/srv/shop/service.py",41,"main"],"began":{}"#,
            5000 + self.processes[by.process].threads,
            self.stamp(by, by.process),
            self.clock
        );
        let lane = self.place_lane(by.process, letter, name, begun.clone());
        self.write(lane, &begun)?;
        Ok(lane)
    }

    /// The lane's last record; its place may be given to another lane from then on.
    pub fn end_lane(&mut self, at: At) -> io::Result<()> {
        let cpu = self.chance.u64(1000..9_000_000);
        self.write(at, &format!(r#""ev":"end","how":"ok","cpu":{cpu}"#))?;
        self.processes[at.process].lanes[at.lane].lives = false;
        Ok(())
    }

    /// Names an object of the lane's process.
    pub fn make(&mut self, by: At, obj: &str, kind: &str, name: &str) -> io::Result<()> {
        let keys = format!(
            r#""ev":"obj","obj":"{obj}","kind":"{kind}","name":"{name}","site":["/srv/shop/state.py",12,"<module>"]"#
        );
        self.write(by, &keys)?;
        self.processes[by.process].objects.push(keys);
        Ok(())
    }

    /// What the lane hands over: all of its records up to now, carried by that.
    pub fn leave(&self, at: At, by: &str) -> Left {
        let lane = &self.processes[at.process].lanes[at.lane];
        Left { process: at.process, lane: lane.name.clone(), seq: lane.seq, by: by.to_owned() }
    }

    pub fn merge(&mut self, at: At, left: Left) {
        self.lane_mut(at).hard.push(left);
    }

    pub fn merge_lock(&mut self, at: At, left: Left) {
        self.lane_mut(at).lock.push(left);
    }

    /// `t3`.
    pub fn name(&self, at: At) -> &str {
        &self.processes[at.process].lanes[at.lane].name
    }

    /// `worker-2`.
    pub fn called(&self, at: At) -> &str {
        &self.processes[at.process].lanes[at.lane].called
    }

    pub fn key(&self, at: At) -> &str {
        &self.processes[at.process].key
    }

    pub fn pid(&self, at: At) -> u32 {
        self.processes[at.process].pid
    }

    /// The number of the lane's last record.
    pub fn seq(&self, at: At) -> u64 {
        self.processes[at.process].lanes[at.lane].seq
    }

    /// Monotonic ns.
    pub fn now(&self) -> u64 {
        self.clock
    }

    pub fn pass(&mut self, ns: u64) {
        self.clock += ns;
    }

    /// The stamp as a lane of that process writes it.
    pub fn written(&self, left: &Left, process: usize) -> String {
        let key =
            if left.process == process { String::new() } else { format!("{}/", self.processes[left.process].key) };
        let by = if left.by.is_empty() { String::new() } else { format!("|{}", left.by) };
        format!("{key}{}@{}{by}", left.lane, left.seq)
    }

    fn stamp(&self, from: At, process: usize) -> String {
        self.written(&self.leave(from, ""), process)
    }

    /// One record of the lane: its identity, the stamps that it has merged, and these keys.
    pub fn write(&mut self, at: At, keys: &str) -> io::Result<()> {
        self.clock += self.chance.u64(2_000..60_000);
        if self.processes[at.process].written > PART {
            self.begin_part(at.process)?;
        }
        self.lane_mut(at).seq += 1;
        let (hard, lock) = (std::mem::take(&mut self.lane_mut(at).hard), std::mem::take(&mut self.lane_mut(at).lock));
        let mut line = std::mem::take(&mut self.line);
        self.identity(&mut line, at.process, at.lane);
        let _ = write!(line, r#""seq":{},"#, self.seq(at));
        for (key, stamps) in [("hb", hard), ("hbl", lock)] {
            if !stamps.is_empty() {
                let texts: Vec<String> =
                    stamps.iter().map(|left| format!("\"{}\"", self.written(left, at.process))).collect();
                let _ = write!(line, r#""{key}":[{}],"#, texts.join(","));
            }
        }
        line.push_str(keys);
        line.push_str("}\n");
        self.records += 1;
        self.put(at.process, line)
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.processes.iter_mut().try_for_each(|process| process.file.flush())
    }

    fn lane_mut(&mut self, at: At) -> &mut Lane {
        &mut self.processes[at.process].lanes[at.lane]
    }

    fn place_lane(&mut self, process: usize, letter: &str, called: &str, begun: String) -> At {
        let own = &mut self.processes[process];
        let counter = if letter == "a" { &mut own.tasks } else { &mut own.threads };
        *counter += 1;
        let lane = Lane {
            name: format!("{letter}{counter}"),
            called: called.to_owned(),
            begun,
            seq: 0,
            hard: Vec::new(),
            lock: Vec::new(),
            lives: true,
        };
        match own.lanes.iter().position(|lane| !lane.lives) {
            Some(free) => {
                own.lanes[free] = lane;
                At { process, lane: free }
            }
            None => {
                own.lanes.push(lane);
                At { process, lane: own.lanes.len() - 1 }
            }
        }
    }

    fn identity(&self, line: &mut String, process: usize, lane: usize) {
        let own = &self.processes[process];
        let (second, nanos) = (BEGUN + self.clock / 1_000_000_000, self.clock % 1_000_000_000);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        line.clear();
        let _ = write!(
            line,
            r#"{{"ts":"2026-11-22T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z","mono":{},"proc":"{}","pid":{},"lane":"{}","#,
            self.clock, own.key, own.pid, own.lanes[lane].name
        );
    }

    fn put(&mut self, process: usize, line: String) -> io::Result<()> {
        let own = &mut self.processes[process];
        own.written += line.len() as u64;
        own.file.write_all(line.as_bytes())?;
        self.line = line;
        Ok(())
    }

    /// The next part, which says again what lives.
    fn begin_part(&mut self, process: usize) -> io::Result<()> {
        let own = &mut self.processes[process];
        own.part += 1;
        own.written = 0;
        own.file.flush()?;
        let path = self.dir.join(format!("{}.{}.jsonl", own.key, own.part));
        own.file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let lanes = own.lanes.iter().enumerate().filter(|(_, lane)| lane.lives);
        let mut again: Vec<(usize, String)> = lanes.map(|(place, lane)| (place, lane.begun.clone())).collect();
        again.extend(own.objects.iter().map(|keys| (0, keys.clone())));
        for (lane, keys) in again {
            let mut line = std::mem::take(&mut self.line);
            self.identity(&mut line, process, lane);
            let _ = writeln!(line, r#""again":true,{keys}}}"#);
            self.put(process, line)?;
        }
        Ok(())
    }
}
