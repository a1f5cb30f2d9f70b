//! Spools made by hand: what a program wrote, what it half wrote, and what no program would write.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::harness::Case;

/// The name of the run that [`Spool::new`] makes.
pub const RUN: &str = "20261122-171503-k3f9";

/// The spool of one run.
pub struct Spool {
    pub path: PathBuf,
}

impl Spool {
    pub fn new(case: &Case) -> Spool {
        Spool::of_run(case, RUN)
    }

    pub fn of_run(case: &Case, run: &str) -> Spool {
        let path = case.store().join("runs").join(run).join("spool");
        fs::create_dir_all(&path).expect("a spool");
        Spool { path }
    }

    /// Adds bytes to a part as they are.
    pub fn raw(&self, part: &str, bytes: &[u8]) {
        let mut file =
            fs::File::options().create(true).append(true).open(self.path.join(part)).expect("a part to write to");
        file.write_all(bytes).expect("written");
    }

    /// Adds whole lines to the first part of a process.
    pub fn lines(&self, proc: &str, lines: &[String]) {
        for line in lines {
            self.raw(&format!("{proc}.1.jsonl"), format!("{line}\n").as_bytes());
        }
    }
}

/// A process of a hand-made run that writes one line after the other, a millisecond apart.
pub struct Writer {
    pub proc: String,
    pid: u32,
    clock: u64,
}

impl Writer {
    /// `proc` like `4242-aaaaaa`; `clock` in milliseconds, so that several processes can be put in order.
    pub fn new(proc: &str, clock: u64) -> Writer {
        let pid = proc.split('-').next().and_then(|pid| pid.parse().ok()).expect("a pid in the key");
        Writer { proc: proc.to_owned(), pid, clock }
    }

    /// The line of a record with these keys besides its identity; keys given here win.
    pub fn line(&mut self, lane: &str, seq: u64, keys: Value) -> String {
        self.clock += 1;
        let Value::Object(identity) = json!({
            "ts": format!("2026-11-22T17:15:{:02}.{:03}000000Z", self.clock / 1000 % 60, self.clock % 1000),
            "mono": self.clock * 1_000_000,
            "proc": self.proc,
            "pid": self.pid,
            "lane": lane,
            "seq": seq,
        }) else {
            unreachable!("an object was written above")
        };
        let mut all: Map<String, Value> = identity;
        all.extend(keys.as_object().expect("keys").clone());
        Value::Object(all).to_string()
    }

    pub fn begin(&mut self, number: u32) -> String {
        let keys = json!({
            "ev": "proc", "n": number, "part": 1, "how": "root", "name": "MainProcess", "thread": "MainThread",
            "tid": self.pid, "argv": ["shop.py"], "python": "3.11.7", "run": RUN,
        });
        self.line("t1", 1, keys)
    }

    pub fn thread(&mut self, lane: &str, name: &str, from: &str) -> String {
        let site = json!(["/shop/shop.py", 41, "main"]);
        let keys = json!({"ev": "lane", "kind": "thread", "name": name, "tid": 77, "from": from, "site": site});
        self.line(lane, 1, keys)
    }

    pub fn log(&mut self, lane: &str, seq: u64, level: &str, msg: &str) -> String {
        let keys = json!({
            "level": level, "logger": "shop.orders", "msg": msg, "thread": "worker", "file": "/shop/orders.py",
            "line": 120, "func": "work", "extra": {"order_id": 8812},
        });
        self.line(lane, seq, keys)
    }

    pub fn end(&mut self, lane: &str, seq: u64) -> String {
        self.line(lane, seq, json!({"ev": "end", "how": "ok"}))
    }

    pub fn exit(&mut self, seq: u64) -> String {
        self.line("t1", seq, json!({"ev": "exit", "rc": 0, "how": "exit"}))
    }
}

/// A small shop that ended well: MainThread and two workers, six log records.
pub fn shop(spool: &Spool) -> Writer {
    shop_of(spool, "4242-aaaaaa", 1)
}

pub fn shop_of(spool: &Spool, proc: &str, number: u32) -> Writer {
    let mut writer = Writer::new(proc, u64::from(number) * 100);
    let mut lines = vec![writer.begin(number), writer.log("t1", 2, "INFO", "the shop opens")];
    for (lane, name) in [("t2", "worker-1"), ("t3", "worker-2")] {
        lines.push(writer.thread(lane, name, "t1@2"));
        lines.push(writer.log(lane, 2, "INFO", "processing order 8812"));
        lines.push(writer.log(lane, 3, "ERROR", "out of stock"));
        lines.push(writer.end(lane, 4));
    }
    lines.push(writer.log("t1", 3, "INFO", "the shop closes"));
    lines.push(writer.exit(4));
    spool.lines(proc, &lines);
    spool.raw(&format!("{number}.claim"), format!("{proc}\n").as_bytes());
    writer
}
