//! The other programs on the same files: found on this machine, or installed from PyPI into an environment of our own. One
//! that is not there is left out, and that is said.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::measure;
use crate::questions::{How, Peer};
use crate::table::Spent;

/// How lnav is told what our lines look like. The keys that it is not told of are shown as well (`hide-extra` is false), or
/// it would not load `extra` and most of the events, which are what our index is large for.
const LNAV_FORMAT: &str = r#"{"logq_log":{"title":"logq","json":true,"file-pattern":"bench/spool/.*\\.jsonl",
"line-format":[{"field":"ts"}," ",{"field":"lane"}," ",{"field":"msg","default-value":""}],
"timestamp-field":"ts","level-field":"level","body-field":"msg","hide-extra":false,"convert-to-local-time":false,
"value":{"lane":{"kind":"string"},"proc":{"kind":"string"},"logger":{"kind":"string"},"ev":{"kind":"string"},"seq":{"kind":"integer"}}}}"#;

pub struct Peers {
    place: PathBuf,
    python: Option<PathBuf>,
}

impl Peers {
    pub fn find(place: &Path) -> Result<Peers, Box<dyn Error>> {
        let place = place.canonicalize()?;
        let formats = place.join("lnav/.lnav/formats/logq");
        fs::create_dir_all(&formats)?;
        fs::write(formats.join("format.json"), LNAV_FORMAT)?;
        let python = install(&place.join("store-peers"));
        if python.is_none() {
            println!("  duckdb, chdb: not installed, and pip could not get them");
        }
        Ok(Peers { place, python })
    }

    /// What it takes a Python package to load these files; `None` where it is not there.
    pub fn load(&self, engine: &str, files: &[String]) -> Option<Spent> {
        let database = self.database(engine);
        let _ = fs::remove_file(&database);
        Some(self.python(engine, "load", files)?.0)
    }

    /// What a question takes a peer, and its answer; `None` where the peer is not there.
    pub fn ask(&self, peer: &Peer, question: &str, files: &[PathBuf]) -> Option<(Spent, u64)> {
        match peer.how {
            How::Engine(engine) => self.python(engine, question, &[]),
            How::Rg(pattern) | How::RgAll(pattern) => {
                let (spent, text) = self.run("rg", &["-c", "--no-filename", pattern], files)?;
                Some((spent, text.lines().filter_map(|line| line.parse::<u64>().ok()).sum()))
            }
            How::Jq(filter) => {
                let (spent, text) = self.run("jq", &["-c", filter], files)?;
                Some((spent, text.lines().count() as u64))
            }
        }
    }

    /// What a whole process of another program takes; `None` where it is not there.
    pub fn program(&self, name: &str, arguments: &[&str], files: &[PathBuf]) -> Option<Spent> {
        Some(self.run(name, arguments, files)?.0)
    }

    fn run(&self, name: &str, arguments: &[&str], files: &[PathBuf]) -> Option<(Spent, String)> {
        let mut command = Command::new(name);
        command.args(arguments).args(files).env("HOME", self.place.join("lnav")).env_remove("XDG_CONFIG_HOME");
        let (cost, text) = measure::run_and_read(&mut command).ok()?;
        Some((Spent { wall: cost.wall, cpu: cost.cpu }, text))
    }

    fn database(&self, engine: &str) -> PathBuf {
        self.place.join(format!("{engine}.db"))
    }

    /// A job of `peers.py`: seconds of wall clock and processor, and an answer.
    fn python(&self, engine: &str, what: &str, more: &[String]) -> Option<(Spent, u64)> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/store/peers.py");
        let mut command = Command::new(self.python.as_ref()?);
        let output = command.arg(script).args([engine, what]).arg(self.database(engine)).args(more).output().ok()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            println!("  {engine} {what}: {}", text.lines().last().unwrap_or("failed"));
            return None;
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut words = text.split_whitespace();
        let mut seconds = || words.next()?.parse().ok().map(Duration::from_secs_f64);
        let spent = Spent { wall: seconds()?, cpu: seconds()? };
        Some((spent, words.next()?.parse().ok()?))
    }
}

/// A Python with the packages, made where there is none yet.
fn install(place: &Path) -> Option<PathBuf> {
    let python = place.join("bin/python");
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/store/requirements.txt");
    let wanted = fs::read_to_string(&requirements).ok()?;
    if fs::read_to_string(place.join("installed")).is_ok_and(|installed| installed == wanted) {
        return Some(python);
    }
    let run = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?.success().then_some(())
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(place))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements))?;
    fs::write(place.join("installed"), wanted).ok()?;
    Some(python)
}
