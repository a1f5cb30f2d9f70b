//! A log that grows faster than it can be read, and is renamed meanwhile: the collector's memory stays what it was, and once the
//! writer rests everything is there, once. With LOGQ_SOAK=1 it grows by 200 MB a second.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::{Case, files, wait_until};

const FIRST: &str = "2026-11-23 05:00:00,000 INFO [worker-1] shop.orders: the shop opens\n";

/// How much is written, how fast, and between renamings: bytes; a second; bytes.
struct Pace {
    all: u64,
    a_second: u64,
    a_file: u64,
}

fn pace() -> Pace {
    match std::env::var_os("LOGQ_SOAK") {
        Some(_) => Pace { all: 1 << 30, a_second: 200 << 20, a_file: 100 << 20 },
        None => Pace { all: 12 << 20, a_second: u64::MAX, a_file: 5 << 20 },
    }
}

/// Lines with numbers from 0 on, and where to cut them into pieces: to make them takes longer than to write them.
fn prepare(path: &Path, all: u64) -> (u64, Vec<usize>) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let (mut lines, mut written, mut pieces) = (0, 0, Vec::new());
    while written < all {
        let mut piece = String::new();
        while piece.len() < 1 << 20 {
            let milli = lines / 200;
            let (minute, second, milli) = (milli / 60_000 % 60, milli / 1000 % 60, milli % 1000);
            let said = format!("processing order {lines} for customer c{}", lines % 977);
            piece += &format!("2026-11-23 05:{minute:02}:{second:02},{milli:03} INFO [worker-1] shop.orders: {said}\n");
            lines += 1;
        }
        file.write_all(piece.as_bytes()).expect("written");
        written += piece.len() as u64;
        pieces.push(piece.len());
    }
    file.flush().expect("written");
    (lines, pieces)
}

/// Writes these pieces into the log, and renames it now and then. Says how long that took.
fn write(prepared: &Path, pieces: &[usize], log: &Path, pace: &Pace) -> Duration {
    let mut prepared = File::open(prepared).expect("prepared");
    let mut file = File::options().append(true).create(true).open(log).expect("the log");
    let (mut written, mut renamed, mut piece) = (0_u64, 0, Vec::new());
    let begun = Instant::now();
    for len in pieces {
        if file.stream_position().expect("a place") >= pace.a_file {
            renamed += 1;
            fs::rename(log, log.with_extension(format!("log.{renamed}"))).expect("renamed");
            file = File::options().append(true).create(true).open(log).expect("the log");
        }
        piece.resize(*len, 0);
        prepared.read_exact(&mut piece).expect("prepared");
        file.write_all(&piece).expect("written");
        written += *len as u64;
        let due = Duration::from_secs_f64(written as f64 / pace.a_second as f64);
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    begun.elapsed()
}

/// How much memory of its own a process has now, in bytes.
fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// How much has been written into a run.
fn written(spool: &Path) -> u64 {
    let parts = if spool.is_dir() { files(spool, ".jsonl") } else { Vec::new() };
    parts.iter().map(|part| fs::metadata(part).expect("there").len()).sum()
}

/// Whether the log's last line is in the run.
fn has_last(spool: &Path, log: &Path) -> bool {
    let end = |path: &Path| {
        let mut file = File::open(path).expect("a file");
        let from = file.metadata().expect("there").len().saturating_sub(1000);
        file.seek(SeekFrom::Start(from)).expect("sought");
        let mut end = String::new();
        file.read_to_string(&mut end).expect("text");
        end
    };
    let (logged, newest) = (end(log), files(spool, ".jsonl"));
    let said = logged.trim_end().rsplit("processing ").next().map(str::to_owned);
    said.is_some_and(|said| newest.iter().any(|part| end(part).contains(&format!("processing {said}\""))))
}

/// How often each line is in the run, by its number.
fn counts(spool: &Path, lines: u64) -> Vec<u8> {
    let mut counts = vec![0_u8; usize::try_from(lines).expect("so many")];
    for part in files(spool, ".jsonl") {
        for line in fs::read_to_string(part).expect("text").lines() {
            let Some((_, rest)) = line.split_once("processing order ") else { continue };
            let number = rest.split(' ').next().and_then(|text| text.parse::<usize>().ok());
            counts[number.expect("a number")] += 1;
        }
    }
    counts
}

#[test]
fn a_log_that_grows_faster_than_it_is_read_is_read_in_the_end() {
    let case = Case::new();
    let (log, pace) = (case.write("logs/app.log", FIRST), pace());
    let prepared = case.path().join("prepared");
    let (lines, pieces) = prepare(&prepared, pace.all);
    let collector = case.start(&["collect", "logs/app.log", "--follow", "--run", "app"]);
    let spool = case.store().join("runs/app/spool");
    // What lies beside a log before it is first read is not asked for.
    wait_until("the log is followed", || written(&spool) > 0);
    let written_log = log.clone();
    let bytes = pieces.iter().sum::<usize>();
    let writer = std::thread::spawn(move || write(&prepared, &pieces, &written_log, &pace));
    let begun = Instant::now();
    let (mut most, mut so_far, mut since) = (0, 0, begun);
    loop {
        most = memory(collector.0.id()).max(most);
        let now = written(&spool);
        if now > so_far {
            (so_far, since) = (now, Instant::now());
        } else if writer.is_finished() && has_last(&spool, &log) {
            break;
        }
        // As long as it goes on it is waited for.
        assert!(since.elapsed() < Duration::from_secs(60), "stands still at {so_far} bytes");
        std::thread::sleep(Duration::from_millis(50));
    }
    let wrote = writer.join().expect("written");
    let speed = bytes as f64 / 1e6 / wrote.as_secs_f64();
    println!(
        "{lines} lines written at {speed:.0} MB/s, in {wrote:.1?}; read after {:.1?}, {most} bytes of memory",
        since - begun
    );
    let wrong = counts(&spool, lines).iter().position(|count| *count != 1);
    assert_eq!(wrong, None, "of {lines}: a line that is not there once");
    assert!(most < 256 << 20, "{most} bytes");
}
