//! Indexing a run and asking it, against other programs on the same files, side by side: each job is done by one after the
//! other in turn, several times, and the medians count.
//!
//!     cargo bench --bench store [-- 1 3]      millions of records
//!
//! Our own figures are those of whole processes, as a person waits for them; of DuckDB and ClickHouse only the work itself
//! counts, not the start of Python.

#[path = "../causality/made.rs"]
mod made;
#[path = "../causality/measure.rs"]
mod measure;
mod peers;
#[path = "../causality/story.rs"]
mod story;
#[path = "../causality/words.rs"]
mod words;
#[path = "../causality/world.rs"]
mod world;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use measure::Cost;
use peers::Peers;

const ROUNDS: usize = 5;

/// Between these the search looks: a tenth of a run of a million records, near its end.
const SINCE: &str = "2026-11-22T17:00:20Z";
const UNTIL: &str = "2026-11-22T17:00:23Z";

/// `None`: the peer is not there.
type Job<'a> = (&'a str, Box<dyn Fn() -> Option<Duration> + 'a>);

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
        let store = made::made(records)?;
        let bench = Bench::of(&store)?;
        println!(
            "{} M records, {} MB, {} files; medians of {ROUNDS} rounds in turn",
            records as f64 / 1e6,
            bench.bytes / 1_000_000,
            bench.files.len()
        );
        bench.ingest()?;
        bench.queries()?;
    }
    Ok(())
}

struct Bench {
    store: PathBuf,
    files: Vec<PathBuf>,
    bytes: u64,
    peers: Peers,
}

impl Bench {
    fn of(store: &Path) -> Result<Bench, Box<dyn Error>> {
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
        Ok(Bench { store: store.to_owned(), files, bytes, peers: Peers::find(place)? })
    }

    fn logq(&self, arguments: &[&str]) -> Result<Cost, Box<dyn Error>> {
        let dir = self.store.to_str().ok_or("a path that is not UTF-8")?;
        let arguments = [&arguments[..1], &["--dir", dir, "--run", "bench"], &arguments[1..]].concat();
        Ok(measure::run(Path::new(env!("CARGO_BIN_EXE_logq")), &arguments)?)
    }

    fn index(&self) -> PathBuf {
        self.store.join("runs/bench/index")
    }

    fn ingest(&self) -> Result<(), Box<dyn Error>> {
        println!("\nfrom files to answers:");
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        let peers: [Job<'_>; 3] = [
            (
                "lnav, load",
                Box::new(|| {
                    self.peers.program("lnav", &["-n", "-q", "-c", ";SELECT count(*) FROM all_logs"], &self.files)
                }),
            ),
            ("DuckDB, typed load", Box::new(|| self.peers.python("duckdb", "load", &files))),
            ("ClickHouse engine with text index", Box::new(|| self.peers.python("chdb", "load", &files))),
        ];
        let mut own = Vec::new();
        let mut others = [const { Vec::new() }; 3];
        for round in 0..ROUNDS {
            let _ = fs::remove_dir_all(self.index());
            own.push(self.logq(&["collect"])?);
            for (times, (_, job)) in others.iter_mut().zip(&peers) {
                // One that is not there the first time is not asked again.
                if round == 0 || !times.is_empty() {
                    times.extend(job());
                }
            }
        }
        let size: u64 =
            fs::read_dir(self.index())?.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len())).sum();
        let cost = measure::median(&own).ok_or("nothing was measured")?;
        let speed = |time: Duration| self.bytes as f64 / 1e6 / time.as_secs_f64();
        println!(
            "  logq collect: {:.2} s, {:.0} MB/s ({:.1} s CPU), {:.0} MB of memory at most, index {:.3} × the files (budget 0.20)",
            cost.wall.as_secs_f64(),
            speed(cost.wall),
            cost.cpu.as_secs_f64(),
            cost.memory as f64 / 1e6,
            size as f64 / self.bytes as f64
        );
        for (budget, (times, (name, _))) in ["2.5", "0.55", "-"].iter().zip(others.iter_mut().zip(&peers)) {
            match middle(times) {
                Some(time) => println!(
                    "  {name}: {:.2} s, {:.0} MB/s; ours {:.2} × as fast (budget {budget})",
                    time.as_secs_f64(),
                    speed(time),
                    time.as_secs_f64() / cost.wall.as_secs_f64()
                ),
                None => println!("  {name}: not installed"),
            }
        }
        Ok(())
    }

    fn queries(&self) -> Result<(), Box<dyn Error>> {
        println!("\nquestions; logq, rg and jq: whole processes:");
        let span = ["--since", SINCE, "--until", UNTIL];
        let search = [&["search", "order", "level:ERROR"], &span[..]].concat();
        let ours: [(&str, &[&str]); 6] = [
            ("search", &search),
            ("lane", &["search", "lane:t1", "proc:4001-*", "-n", "0", "--format", "json"]),
            ("count", &["search", "--count", "level:ERROR"]),
            ("top", &["search", "--top", "logger", "level:*"]),
            ("histogram", &["search", "--histogram=1s"]),
            ("timeline", &["timeline", "--thread", "1.t1"]),
        ];
        for (question, arguments) in ours {
            let asked = |peer| {
                let times = [SINCE.to_owned(), UNTIL.to_owned()];
                self.peers.python(peer, if question == "timeline" { "lane" } else { question }, &times)
            };
            let mut peers: Vec<Job<'_>> =
                vec![("DuckDB", Box::new(move || asked("duckdb"))), ("ClickHouse", Box::new(move || asked("chdb")))];
            let pattern = match question {
                "search" => Some((
                    r#""level":"ERROR".*"msg":"[^"]*order"#,
                    r#"select(.level == "ERROR" and (.msg | test("order")))"#,
                )),
                "count" => Some((r#""level":"ERROR""#, r#"select(.level == "ERROR") | 1"#)),
                "lane" | "timeline" => Some((r#""proc":"4001-[a-z]*","pid":4001,"lane":"t1""#, "")),
                _ => None,
            };
            if let Some((text, filter)) = pattern {
                peers.push(("rg", Box::new(move || self.peers.program("rg", &["-c", text], &self.files))));
                // It takes about as long for any question.
                if question == "count" {
                    peers.push(("jq", Box::new(move || self.peers.program("jq", &["-c", filter], &self.files))));
                }
            }
            self.ask(question, arguments, &peers)?;
        }
        Ok(())
    }

    fn ask(&self, question: &str, arguments: &[&str], peers: &[Job<'_>]) -> Result<(), Box<dyn Error>> {
        let mut own = Vec::new();
        let mut others: Vec<Vec<Duration>> = vec![Vec::new(); peers.len()];
        for round in 0..ROUNDS {
            own.push(self.logq(arguments)?);
            for (times, (name, job)) in others.iter_mut().zip(peers) {
                let is_slow = *name == "jq" && round > 0;
                if !is_slow && (round == 0 || !times.is_empty()) {
                    times.extend(job());
                }
            }
        }
        let cost = measure::median(&own).ok_or("nothing was measured")?;
        print!("  {:55} {:>8.1} ms", arguments.join(" "), cost.wall.as_secs_f64() * 1e3);
        for (times, (name, _)) in others.iter_mut().zip(peers) {
            match middle(times) {
                Some(time) => print!(
                    "; {name} {:.1} ms ({:.2} ×)",
                    time.as_secs_f64() * 1e3,
                    time.as_secs_f64() / cost.wall.as_secs_f64()
                ),
                None => print!("; {name} not installed"),
            }
        }
        println!("   [{question}]");
        Ok(())
    }
}

fn middle(times: &mut [Duration]) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}
