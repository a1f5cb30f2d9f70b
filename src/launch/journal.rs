//! Process 0's own part of the spool: what `logq run` itself did and saw.
//!
//! It is written as any process of the run writes (docs/wire-format.md), with one lane, `t1`. Nothing here fails
//! once the program runs: a record that cannot be written is counted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::time::ClockId;
use serde::Serialize;

use super::directory::random_name;
use super::error::{Error, files};
use super::kernel;
use crate::spool::{HeldLock, hold};

/// The number of the root's `child` record: `proc` is 1, and nothing may come between. The root's environment
/// names it before there is a pid to write into it.
const ROOT_CHILD_SEQ: u64 = 2;

pub(super) struct Journal {
    proc: String,
    pid: u32,
    seq: u64,
    part: File,
    /// How readers tell that this process lives.
    _lock: HeldLock,
    /// The last write was cut short: the next line starts on a line of its own.
    torn: bool,
    lost: u64,
}

/// What process 0 has to say, with the keys that each event adds to those of every record.
///
/// `child` and `reap` name the child by `child_pid` and `child_proc`: `pid` and `proc` are the writer's, in every record.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Entry<'a> {
    Proc(Start<'a>),
    Child {
        #[serde(rename = "child_pid")]
        pid: u32,
        #[serde(rename = "child_proc", skip_serializing_if = "Option::is_none")]
        proc: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        argv: &'a [String],
        /// It became ours when its own parent died.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        adopted: bool,
    },
    Reap {
        #[serde(rename = "child_pid")]
        pid: u32,
        #[serde(rename = "child_proc", skip_serializing_if = "Option::is_none")]
        proc: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        rc: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
    /// `target` is the process's key, or its pid alone where it never recorded.
    Kill {
        what: &'static str,
        sig: i32,
        target: &'a str,
    },
    Exit {
        rc: i32,
        how: &'static str,
        children: Vec<Unreaped>,
    },
}

#[derive(Serialize)]
pub(super) struct Start<'a> {
    n: u32,
    part: u32,
    how: &'static str,
    name: &'static str,
    thread: &'static str,
    tid: u32,
    ppid: u32,
    argv: Vec<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    host: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    boot: &'a str,
    run: &'a str,
    logq: &'static str,
    tz: String,
}

/// A process of the run that was still there when the root had ended.
#[derive(Serialize)]
pub(super) struct Unreaped {
    pub(super) pid: u32,
    pub(super) state: &'static str,
}

#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    mono: u64,
    proc: &'a str,
    pid: u32,
    lane: &'static str,
    seq: u64,
    ev: &'static str,
    #[serde(flatten)]
    entry: Entry<'a>,
}

impl Journal {
    /// Claims process number 0 in `spool` and writes the `proc` record.
    pub(super) fn open(spool: &Path, run: &str) -> Result<Journal, Error> {
        let pid = std::process::id();
        let proc = format!("{pid}-{}", random_name(6));
        let claim = spool.join("0.claim");
        create(&claim).and_then(|mut file| writeln!(file, "{proc}")).map_err(files("write", claim))?;
        let lock = hold(spool, &proc).map_err(files("lock", spool.join(format!("{proc}.lock"))))?;
        let part_path = spool.join(format!("{proc}.1.jsonl"));
        let part = create(&part_path).map_err(files("create", &part_path))?;
        let mut journal = Journal { proc, pid, seq: 0, part, _lock: lock, torn: false, lost: 0 };
        journal.write_start(run).map_err(files("write", part_path))?;
        Ok(journal)
    }

    /// The stamp of the root's `child` record, for the root to begin with.
    pub(super) fn stamp_of_root(&self) -> String {
        format!("{}/t1@{ROOT_CHILD_SEQ}", self.proc)
    }

    /// The key of process 0.
    pub(super) fn key(&self) -> &str {
        &self.proc
    }

    /// Records that could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn write(&mut self, entry: Entry<'_>) {
        self.write_at(now(), entry);
    }

    /// Writes a record of something that happened at `mono`.
    pub(super) fn write_at(&mut self, mono: u64, entry: Entry<'_>) {
        if self.try_write(mono, entry).is_err() {
            self.lost += 1;
        }
    }

    fn write_start(&mut self, run: &str) -> io::Result<()> {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let start = Start {
            n: 0,
            part: 1,
            how: "logq",
            name: "logq run",
            thread: "main",
            tid: kernel::thread_id(),
            ppid: rustix::process::getppid().map_or(0, kernel::number),
            argv: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
            host: host.trim_end(),
            boot: boot.trim_end(),
            run,
            logq: env!("CARGO_PKG_VERSION"),
            tz: chrono::Local::now().offset().to_string(),
        };
        self.try_write(now(), Entry::Proc(start))
    }

    fn try_write(&mut self, mono: u64, entry: Entry<'_>) -> io::Result<()> {
        self.seq += 1;
        let line = Line {
            ts: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Nanos, true),
            mono,
            proc: &self.proc,
            pid: self.pid,
            lane: "t1",
            seq: self.seq,
            ev: entry.kind(),
            entry,
        };
        let mut bytes = if self.torn { b"\n".to_vec() } else { Vec::new() };
        serde_json::to_writer(&mut bytes, &line)?;
        bytes.push(b'\n');
        let written = self.part.write(&bytes)?;
        self.torn = written < bytes.len();
        if self.torn { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Entry<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Entry::Proc(_) => "proc",
            Entry::Child { .. } => "child",
            Entry::Reap { .. } => "reap",
            Entry::Kill { .. } => "note",
            Entry::Exit { .. } => "exit",
        }
    }
}

/// CLOCK_MONOTONIC in nanoseconds: one clock for all processes of a host.
pub(super) fn now() -> u64 {
    let time = rustix::time::clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// A new file that nobody else may read, appended to, and not passed on to the program.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::decode::Place;
    use crate::record::{Record, decode};

    fn records(spool: &Path) -> Vec<Record> {
        let mut paths = fs::read_dir(spool).expect("a spool").map(|entry| entry.expect("an entry").path());
        let part = paths.find(|path| path.to_string_lossy().ends_with(".1.jsonl")).expect("a part");
        let key = part.file_name().expect("a name").to_string_lossy().trim_end_matches(".1.jsonl").to_owned();
        let place = Place { proc: key.into(), process: Some(0), part: 1, offset: 0 };
        fs::read_to_string(&part).expect("read").lines().map(|line| decode(line.as_bytes(), &place)).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let spool = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::open(spool.path(), "the-run").expect("opened");
        let argv = ["python".to_owned(), "x.py".to_owned()];
        journal.write(Entry::Child { pid: 77, proc: None, name: None, argv: &argv, adopted: false });
        journal.write(Entry::Reap { pid: 77, proc: Some("77-abcdef"), rc: None, signal: Some(9) });
        journal.write(Entry::Exit { rc: 137, how: "root", children: Vec::new() });

        let records = records(spool.path());
        assert_eq!(records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(records.iter().all(|record| record.pid == std::process::id() && *record.proc == journal.proc));
        let start = records[0].event().and_then(|event| event.proc()).expect("proc");
        assert_eq!((start.n, start.how, start.run), (Some(0), Some("logq"), Some("the-run")));
        let child = records[1].event().and_then(|event| event.child()).expect("child");
        assert_eq!((child.child_pid, child.argv), (Some(77), vec!["python", "x.py"]));
        let reap = records[2].event().and_then(|event| event.reap()).expect("reap");
        assert_eq!((reap.child_pid, reap.child_proc, reap.killed_by()), (Some(77), Some("77-abcdef"), Some(9)));
        assert_eq!(journal.stamp_of_root(), format!("{}/t1@2", journal.proc));
    }

    #[test]
    fn the_number_is_claimed_once() {
        let spool = tempfile::tempdir().expect("a directory");
        let journal = Journal::open(spool.path(), "run").expect("opened");
        let claim = fs::read_to_string(spool.path().join("0.claim")).expect("claimed");
        assert_eq!(claim, format!("{}\n", journal.proc));
        assert!(Journal::open(spool.path(), "run").is_err());
    }

    #[test]
    fn what_a_full_disk_did_not_take_is_counted() {
        let spool = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::open(spool.path(), "run").expect("opened");
        let full = OpenOptions::new().append(true).open("/dev/full").expect("Linux has one");
        let part = std::mem::replace(&mut journal.part, full);
        journal.write(Entry::Reap { pid: 7, proc: None, rc: Some(0), signal: None });
        journal.part = part;
        journal.write(Entry::Exit { rc: 0, how: "root", children: Vec::new() });
        assert_eq!(journal.lost(), 1);
        // The gap in the numbers tells the reader.
        assert_eq!(records(spool.path()).iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 3]);
    }
}
