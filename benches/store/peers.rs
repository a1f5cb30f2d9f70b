//! The other programs on the same files: found on this machine, or installed from PyPI into an environment of our own. One
//! that is not there is left out, and that is said.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How lnav is told what our lines look like.
const LNAV_FORMAT: &str = r#"{"logq_log":{"title":"logq","json":true,"file-pattern":"bench/spool/.*\\.jsonl",
"line-format":[{"field":"ts"}," ",{"field":"lane"}," ",{"field":"msg","default-value":""}],
"timestamp-field":"ts","level-field":"level","body-field":"msg","hide-extra":true,"convert-to-local-time":false,
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

    /// Seconds of a job of `peers.py`; `None` where the package is not there or cannot do it.
    pub fn python(&self, peer: &str, what: &str, more: &[String]) -> Option<Duration> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/store/peers.py");
        let database = self.place.join(format!("{peer}.db"));
        if what == "load" {
            let _ = fs::remove_file(&database);
        }
        let mut command = Command::new(self.python.as_ref()?);
        let output = command.arg(script).args([peer, what]).arg(database).args(more).output().ok()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            println!("  {peer} {what}: {}", text.lines().last().unwrap_or("failed"));
            return None;
        }
        String::from_utf8_lossy(&output.stdout).trim().parse().ok().map(Duration::from_secs_f64)
    }

    /// A whole process of another program; `None` where it is not there.
    pub fn program(&self, name: &str, arguments: &[&str], files: &[PathBuf]) -> Option<Duration> {
        let begun = Instant::now();
        let mut command = Command::new(name);
        command.args(arguments).args(files).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("HOME", self.place.join("lnav")).env_remove("XDG_CONFIG_HOME");
        let status = command.status().ok()?;
        // Nothing found is an answer.
        matches!(status.code(), Some(0 | 1)).then(|| begun.elapsed())
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
