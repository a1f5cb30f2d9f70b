//! What reading a run into its graph and asking every diagnosis costs, against parsing the same bytes with serde_json
//! into a value of each line: whole processes, side by side, interleaved.
//!
//!     cargo bench --bench causality [-- 0.1 1 3 10]      millions of records
//!
//! The runs are made anew by a seeded generator where they are not there yet (`target/bench/`). Budget: at most twice the
//! peer's time and 400 bytes of memory a record.

mod made;
mod measure;
mod plain;
mod story;
mod words;
mod world;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use made::made;
use measure::Cost;
use plain::Plain;

/// How often each is measured, by the number of records: a large run is its own average.
const ROUNDS: usize = 5;
const ROUNDS_OF_LARGE: usize = 3;
const LARGE: u64 = 5_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [task, spool] = words.as_slice()
        && task == "parse"
    {
        return parse_values(Path::new(spool));
    }
    let mut sizes: Vec<u64> = Vec::new();
    for word in &words {
        sizes.push((word.parse::<f64>()? * 1e6) as u64);
    }
    if sizes.is_empty() {
        sizes = vec![100_000, 1_000_000, 3_000_000, 10_000_000];
    }
    let mut diagnosed = Vec::new();
    println!("graph and all diagnoses (logq diagnose), against serde_json parsing each line into a value:");
    for records in sizes {
        let store = made(records)?;
        diagnosed.push((records, compare(&store, records)?));
    }
    for pair in diagnosed.windows(2) {
        let [(few, cheap), (many, dear)] = pair else { continue };
        let (records, cost) = (*many as f64 / *few as f64, dear.wall.as_secs_f64() / cheap.wall.as_secs_f64());
        println!(
            "  {} → {} M records: {records:.1} × the records, {cost:.1} × the time",
            millions(*few),
            millions(*many)
        );
    }
    if let Some((records, _)) = diagnosed.iter().find(|(records, _)| *records == 1_000_000) {
        other_commands(&made(*records)?)?;
    }
    Ok(())
}

fn logq(command: &str, store: &Path, more: &[&str]) -> Result<Cost, Box<dyn Error>> {
    let dir = store.to_str().ok_or("a path that is not UTF-8")?;
    let arguments = [&[command, "--dir", dir, "--run", "bench"], more].concat();
    Ok(measure::run(Path::new(env!("CARGO_BIN_EXE_logq")), &arguments)?)
}

/// Prints what a diagnosis of the run costs beside its peer.
fn compare(store: &Path, records: u64) -> Result<Cost, Box<dyn Error>> {
    let spool = store.join("runs/bench/spool");
    let bytes: u64 = parts(&spool)?.iter().filter_map(|part| Some(part.metadata().ok()?.len())).sum();
    let (this, spool) = (std::env::current_exe()?, spool.to_str().ok_or("a path that is not UTF-8")?.to_owned());
    let (mut own, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..if records < LARGE { ROUNDS } else { ROUNDS_OF_LARGE } {
        own.push(logq("diagnose", store, &[])?);
        peer.push(measure::run(&this, &["parse", &spool])?);
    }
    let (own, peer) = measure::median(&own).zip(measure::median(&peer)).ok_or("nothing was measured")?;
    println!(
        "  {:>4} M records, {:>5} MB: {:.2} s ({:.2} s CPU), peer {:.2} s, {:.2} × (budget 2); {:.0} MB, {:.0} bytes a record (budget 400)",
        millions(records),
        bytes / 1_000_000,
        own.wall.as_secs_f64(),
        own.cpu.as_secs_f64(),
        peer.wall.as_secs_f64(),
        own.wall.as_secs_f64() / peer.wall.as_secs_f64(),
        own.memory as f64 / 1e6,
        own.memory as f64 / records as f64,
    );
    Ok(own)
}

/// For the record: other questions to the graph of a million records.
fn other_commands(store: &Path) -> Result<(), Box<dyn Error>> {
    println!("other commands, 1 M records:");
    for (command, more) in [
        ("threads", &[][..]),
        ("why", &["1.t5@5000"]),
        ("timeline", &["--thread", "t3"]),
        ("timeline", &["--around", "1.t5@5000"]),
    ] {
        let mut costs = Vec::new();
        for _ in 0..ROUNDS_OF_LARGE {
            costs.push(logq(command, store, more)?);
        }
        let Some(cost) = measure::median(&costs) else { continue };
        let question = [&[command], more].concat().join(" ");
        println!("  logq {question}: {:.2} s, {:.0} MB", cost.wall.as_secs_f64(), cost.memory as f64 / 1e6);
    }
    Ok(())
}

/// The peer: every line as a value of its own, each dropped before the next one.
fn parse_values(spool: &Path) -> Result<(), Box<dyn Error>> {
    let mut keys = 0;
    for part in parts(spool)? {
        let mut reader = BufReader::with_capacity(1 << 20, part);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            if let Plain::Object(object) = serde_json::from_slice(&line)? {
                keys += object.len();
            }
            line.clear();
        }
    }
    println!("{keys} keys");
    Ok(())
}

fn parts(spool: &Path) -> Result<Vec<File>, Box<dyn Error>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(spool)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            parts.push(File::open(path)?);
        }
    }
    Ok(parts)
}

fn millions(records: u64) -> f64 {
    records as f64 / 1e6
}
