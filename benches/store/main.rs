//! Indexing a run and asking it, against other programs on the same files, side by side: each job is done by one after the
//! other in turn, several times, and the medians count. What is asked is asked of all with the same answer, which is checked.
//!
//!     cargo bench --bench store [-- 1 3]      millions of records
//!
//! Our own figures, and those of rg, jq and lnav, are of whole processes, as a person waits for them. Of DuckDB and ClickHouse
//! only the work itself counts, not the start of Python and the opening of the database: beside them stand our whole process and,
//! as `inside`, our work itself, which the budget is for. On a busy machine the ratio by CPU time tells more.

mod inside;
mod live;
#[path = "../causality/made.rs"]
mod made;
#[path = "../causality/measure.rs"]
mod measure;
mod peers;
mod questions;
#[path = "../causality/story.rs"]
mod story;
mod table;
#[path = "../causality/words.rs"]
mod words;
#[path = "../causality/world.rs"]
mod world;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use live::Live;
use measure::Cost;
use peers::Peers;
use questions::{How, Peer, QUESTIONS, Question};
use table::Spent;

/// How often each is measured, by the number of records: a large run is its own average.
const ROUNDS: usize = 5;
const ROUNDS_OF_LARGE: usize = 3;
const LARGE: u64 = 2_000_000;

/// Bytes of the files that the budgets against rg are for.
const SLOW_FOR_RG: u64 = 800_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let mut sizes: Vec<u64> = Vec::new();
    for word in &words {
        sizes.push((word.parse::<f64>()? * 1e6) as u64);
    }
    if sizes.is_empty() {
        sizes.push(1_000_000);
    }
    for records in sizes {
        let bench = Bench::of(&made::made(records)?, records)?;
        println!(
            "\n{} M records, {} MB, {} files; medians of {} rounds in turn",
            records as f64 / 1e6,
            bench.bytes / 1_000_000,
            bench.files.len(),
            bench.rounds
        );
        table::head();
        bench.ingest()?;
        bench.live()?;
        for question in QUESTIONS {
            bench.ask(question)?;
        }
    }
    println!(
        "\n  on the same kind of records, quoted and not measured here: Quickwit 0.9 ingests 23 MB/s, VictoriaLogs 1.25 32 MB/s\n  \
         (two cores, 3 M records, 823 MB)"
    );
    Ok(())
}

struct Bench {
    store: PathBuf,
    files: Vec<PathBuf>,
    bytes: u64,
    rounds: usize,
    peers: Peers,
}

impl Bench {
    fn of(store: &Path, records: u64) -> Result<Bench, Box<dyn Error>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(store.join("runs/bench/spool"))? {
            let path = entry?.path().canonicalize()?;
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                files.push(path);
            }
        }
        files.sort();
        let bytes = files.iter().filter_map(|file| Some(fs::metadata(file).ok()?.len())).sum();
        let place = store.parent().ok_or("a store in a directory")?;
        let rounds = if records > LARGE { ROUNDS_OF_LARGE } else { ROUNDS };
        Ok(Bench { store: store.to_owned(), files, bytes, rounds, peers: Peers::find(place)? })
    }

    /// Whether the budget is for a run of this size: against rg it is for one that takes rg a while.
    fn is_for(&self, peer: &Peer) -> bool {
        matches!(peer.how, How::Engine(_)) || self.bytes >= SLOW_FOR_RG
    }

    /// Arguments for this run, behind the name of the command.
    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Result<Vec<&'a str>, Box<dyn Error>> {
        let dir = self.store.to_str().ok_or("a path that is not UTF-8")?;
        Ok([&arguments[..1], &["--dir", dir, "--run", "bench"], &arguments[1..]].concat())
    }

    fn logq(&self, arguments: &[&str]) -> Result<Cost, Box<dyn Error>> {
        Ok(measure::run(Path::new(env!("CARGO_BIN_EXE_logq")), &self.arguments(arguments)?)?)
    }

    fn ingest(&self) -> Result<(), Box<dyn Error>> {
        let index = self.store.join("runs/bench/index");
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        let (mut own, mut lnav, mut duckdb, mut chdb) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut memory = 0;
        for _ in 0..self.rounds {
            let _ = fs::remove_dir_all(&index);
            // What the peers wrote last round is not to be written back meanwhile.
            rustix::fs::sync();
            let cost = self.logq(&["collect"])?;
            memory = memory.max(cost.memory);
            own.push(spent(&cost));
            lnav.extend(self.peers.program("lnav", &["-n", "-q", "-c", ";SELECT count(*) FROM all_logs"], &self.files));
            duckdb.extend(self.peers.load("duckdb", &files));
            chdb.extend(self.peers.load("chdb", &files));
        }
        let ours = Spent::median(&own).ok_or("nothing was measured")?;
        let job = format!("ingest ({:.0} MB/s)", self.bytes as f64 / 1e6 / ours.wall.as_secs_f64());
        table::compare(&job, ours, "lnav load", Spent::median(&lnav), Some(2.5));
        table::compare(&job, ours, "DuckDB typed load", Spent::median(&duckdb), Some(0.55));
        table::compare(&job, ours, "chdb load, text index", Spent::median(&chdb), None);
        let entries = fs::read_dir(index)?.flatten();
        let size: u64 = entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum();
        table::bound("index size / files", size as f64 / self.bytes as f64, "", 0.20);
        table::bound("memory, catching up", memory as f64 / 1e6, " MB", 700.0);
        Ok(())
    }

    fn live(&self) -> Result<(), Box<dyn Error>> {
        let mut live = Live::begin(&self.store.with_file_name("live"), &self.files[0])?;
        table::bound("memory, following 20,000 records/s", live.memory()? as f64 / 1e6, " MB", 120.0);
        let (median, worst) = live.freshness()?;
        table::bound("line shown by search -F, median", median.as_secs_f64() * 1e3, " ms", 100.0);
        table::bound("line shown by search -F, the latest", worst.as_secs_f64() * 1e3, " ms", 100.0);
        Ok(())
    }

    fn ask(&self, question: &Question) -> Result<(), Box<dyn Error>> {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_logq"))
            .args(self.arguments(question.arguments)?)
            .output()
            .map_err(|error| format!("logq: {error}"))?;
        let answer = (question.count)(&String::from_utf8_lossy(&output.stdout));
        let (mut own, mut inside) = (Vec::new(), Vec::new());
        let mut others: Vec<Vec<Spent>> = vec![Vec::new(); question.peers.len()];
        for _ in 0..self.rounds {
            own.push(spent(&self.logq(question.arguments)?));
            if let Some(asked) = &question.inside {
                let (time, found) = asked.ask(&self.store, inside::ROUNDS)?;
                same(question, "inside the process we", answer, found, found == answer)?;
                inside.push(time);
            }
            for (times, peer) in others.iter_mut().zip(question.peers) {
                let Some((time, theirs)) = self.peers.ask(peer, question.name, &self.files) else { continue };
                let is_same = match peer.how {
                    How::RgAll(_) => theirs >= answer,
                    _ => theirs == answer,
                };
                same(question, peer.name, answer, theirs, is_same)?;
                times.push(time);
            }
        }
        let ours = Spent::median(&own).ok_or("nothing was measured")?;
        let (job, inside) = (format!("{} ({answer})", question.name), Spent::median(&inside));
        for (times, peer) in others.iter().zip(question.peers) {
            let theirs = Spent::median(times);
            match inside.filter(|_| matches!(peer.how, How::Engine(_))) {
                Some(inside) => {
                    table::compare(&job, ours, peer.name, theirs, None);
                    table::compare(&format!("  inside: {}", question.name), inside, peer.name, theirs, peer.budget);
                }
                None => table::compare(&job, ours, peer.name, theirs, peer.budget.filter(|_| self.is_for(peer))),
            }
        }
        Ok(())
    }
}

/// All have to find the same.
fn same(question: &Question, who: &str, answer: u64, theirs: u64, is_same: bool) -> Result<(), Box<dyn Error>> {
    let said = || format!("{}: {who} finds {theirs}, the command {answer}", question.name).into();
    if is_same { Ok(()) } else { Err(said()) }
}

fn spent(cost: &Cost) -> Spent {
    Spent { wall: cost.wall, cpu: cost.cpu }
}
