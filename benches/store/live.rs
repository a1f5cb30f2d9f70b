//! A program that goes on writing: what a collector that follows it needs, and how soon somebody who waits sees a line.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::measure;

const LINES: usize = 200;
const BATCHES: usize = 60;
const BATCH: usize = 1000;
const BETWEEN_BATCHES: Duration = Duration::from_millis(50);

/// A store with one run whose lines come from a part of another one.
pub struct Live {
    store: PathBuf,
    lines: Box<dyn Iterator<Item = String>>,
    part: File,
}

/// A program of ours, that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Live {
    pub fn begin(store: &Path, from: &Path) -> Result<Live, Box<dyn Error>> {
        let _ = fs::remove_dir_all(store);
        let spool = store.join("runs/live/spool");
        fs::create_dir_all(&spool)?;
        let name = from.file_name().and_then(|name| name.to_str()).ok_or("a part has a name")?;
        let proc = name.split('.').next().ok_or("a part has a name")?;
        fs::write(spool.join("1.claim"), format!("{proc}\n"))?;
        let part = File::options().create(true).append(true).open(spool.join(name))?;
        let lines = BufReader::new(File::open(from)?).lines().map_while(Result::ok);
        Ok(Live { store: store.to_owned(), lines: Box::new(lines), part })
    }

    fn logq(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logq"));
        command.arg(arguments[0]).arg("--dir").arg(&self.store).args(&arguments[1..]).stdin(Stdio::null());
        command
    }

    fn write(&mut self, count: usize) -> Result<(), Box<dyn Error>> {
        let text: String = self.lines.by_ref().take(count).map(|line| line + "\n").collect();
        Ok(self.part.write_all(text.as_bytes())?)
    }

    /// The most memory of a collector that follows twenty thousand records a second, bytes.
    pub fn memory(&mut self) -> Result<u64, Box<dyn Error>> {
        self.write(BATCH)?;
        let collector = self.logq(&["collect", "-F", "--run", "live"]).stderr(Stdio::null()).spawn()?;
        let mut collector = Running(collector);
        for _ in 0..BATCHES {
            self.write(BATCH)?;
            std::thread::sleep(BETWEEN_BATCHES);
        }
        let memory = measure::most_memory(collector.0.id()).ok_or("the system does not say how much memory it has")?;
        if collector.0.try_wait()?.is_some() {
            return Err("the collector has ended".into());
        }
        Ok(memory)
    }

    /// From the write of a line to its showing in `search -F`: the median and the longest.
    pub fn freshness(&mut self) -> Result<(Duration, Duration), Box<dyn Error>> {
        let mut following = self.logq(&["search", "-F", "--run", "live", "--format", "json", "-n", "1"]);
        let mut following = Running(following.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
        let mut shown = BufReader::new(following.0.stdout.take().ok_or("it has a stdout")?).lines();
        shown.next().ok_or("nothing was shown")??;
        let mut waits = Vec::new();
        while waits.len() < LINES {
            let begun = Instant::now();
            self.write(1)?;
            shown.next().ok_or("nothing was shown")??;
            waits.push(begun.elapsed());
        }
        waits.sort_unstable();
        Ok((waits[LINES / 2], waits[LINES - 1]))
    }
}
