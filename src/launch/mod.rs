//! `logq run -- CMD`: starts any program so that it records, stays out of its way, and says how it went.
//!
//! Nothing is printed here and no command line is read: [`run`] takes plain options and gives back facts, which
//! `view` puts into words. Until the program has started every failure is an [`Error`]; from then on its exit code
//! is what counts, and a failure of ours is at most a number in the [`Outcome`].

mod directory;
pub mod dump;
mod ending;
mod environment;
mod error;
mod journal;
mod kernel;
mod package;
mod processes;
mod question;
mod recorded;
mod signals;
mod stacks;
mod standstill;
mod start;
mod supervise;
#[cfg(test)]
mod tests;
mod unreached;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::WaitStatus;

pub use error::Error;
pub use unreached::Unreached;

use directory::RunDirectory;
use ending::Ending;
use journal::{Entry, Unreaped};
use processes::Live;
use supervise::Supervisor;

/// What `logq run` was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOptions {
    /// Where runs are kept (`.logq`), absolute. Made when it is not there.
    pub dir: PathBuf,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// After this time every process of the run is ended.
    pub timeout: Option<Duration>,
    /// How much the handler records: `records`, `causal`, `events`, `full`. `None`: as the environment says.
    pub capture: Option<String>,
    /// The lowest severity that is recorded, whatever the program's own levels let through.
    pub record_level: Option<String>,
    /// Size of each process's ring, in bytes.
    pub ring: Option<u64>,
    /// Most bytes that a process may keep in the spool.
    pub spool_cap: Option<u64>,
    /// Note accesses to plain variables.
    pub races: bool,
    /// Record what the program prints.
    pub prints: bool,
}

impl RunOptions {
    /// The options of `logq run -- CMD` with nothing else said.
    pub fn new<Word: Into<OsString>>(dir: impl Into<PathBuf>, command: impl IntoIterator<Item = Word>) -> RunOptions {
        RunOptions {
            dir: dir.into(),
            command: command.into_iter().map(Into::into).collect(),
            timeout: None,
            capture: None,
            record_level: None,
            ring: None,
            spool_cap: None,
            races: false,
            prints: false,
        }
    }
}

/// How a run went, as `logq run` saw it from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What to exit with: the program's own code; 128 + N when signal N ended it; 124 after the time limit.
    pub exit_code: i32,
    /// The run's name, which `--run` takes.
    pub run: String,
    /// The run's directory; its `spool/` holds what was recorded.
    pub path: PathBuf,
    /// The pid of the program that was started.
    pub root_pid: u32,
    /// How that program ended. `None` when not even SIGKILL ended it in time.
    pub root_end: Option<End>,
    /// How long the program ran, to the end of its root.
    pub took: Duration,
    /// The time limit, where it was reached and ended the run.
    pub timed_out: Option<Duration>,
    /// Processes of the run that still live: they were left behind by a root that ended by itself, or could not
    /// be ended after the time limit.
    pub alive: Vec<Process>,
    /// Processes that ended because logq ended them, after the time limit.
    pub ended: Vec<EndedProcess>,
    /// Why nothing (or nothing of the root) was recorded, when that is so.
    pub unreached: Option<Unreached>,
    /// Orphans could not be adopted (no Linux, or forbidden): `alive` and `ended` may miss processes that got away.
    pub orphans_escape: bool,
    /// Records of `logq run` itself that could not be written (disk full): adoptions, kills, ends of processes.
    pub lost: u64,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Exited(i32),
    Signalled { signal: i32, core_dumped: bool },
}

/// A process of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// Its command line; `[name]` where the system did not tell.
    pub argv: Vec<String>,
    /// Its key in the spool, when it has recorded.
    pub key: Option<String>,
}

/// A process that logq ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedProcess {
    pub process: Process,
    /// The last signal it was sent: SIGTERM, or SIGKILL when it did not heed that.
    pub signal: i32,
}

/// The exit code that says that the time limit ended the run; timeout(1) uses it too.
const TIMED_OUT: i32 = 124;

/// Runs the command to the end of its root process, with our own stdio, environment, process group and terminal.
///
/// `on_standstill` is called, with the run's directory, whenever the run has come to a standstill.
///
/// It sets this process up as a launcher for good (subreaper, signal handlers) and reaps every child it has: it is
/// for a process that does nothing else meanwhile.
///
/// # Errors
/// When the program was not started; [`Error::exit_code`] is what to exit with. No run is left behind then.
pub fn run(options: &RunOptions, on_standstill: &mut dyn FnMut(&Path)) -> Result<Outcome, Error> {
    if options.command.is_empty() {
        return Err(Error::NoCommand);
    }
    let directory = RunDirectory::create(&options.dir)?;
    let orphans_escape = !kernel::adopt_orphans();
    let began = Instant::now();
    let mut supervisor = match start::start(options, &directory) {
        Ok(supervisor) => supervisor,
        Err(error) => {
            directory.discard();
            return Err(error);
        }
    };
    let deadline = options.timeout.and_then(|limit| began.checked_add(limit));
    let ended_by_itself = supervisor.watch_root(deadline, &mut || on_standstill(&directory.path));
    let took = began.elapsed();
    let ending = if ended_by_itself {
        Ending { ended: Vec::new(), left: supervisor.left_behind() }
    } else {
        ending::ask_for_snapshots(&mut supervisor);
        ending::end_run(&mut supervisor)
    };
    let root_end = supervisor.root_end;
    let exit_code = if ended_by_itself { root_end.map_or(0, End::exit_code) } else { TIMED_OUT };
    write_exit(&mut supervisor, exit_code, ended_by_itself, &ending.left);
    Ok(Outcome {
        exit_code,
        run: directory.name,
        path: directory.path,
        root_pid: supervisor.root,
        root_end,
        took,
        timed_out: options.timeout.filter(|_| !ended_by_itself),
        alive: ending.left.iter().map(Process::of).collect(),
        ended: ending.ended,
        unreached: unreached::reason(&options.command, supervisor.root, &supervisor.spool),
        orphans_escape,
        lost: supervisor.journal.lost(),
    })
}

fn write_exit(supervisor: &mut Supervisor, rc: i32, ended_by_itself: bool, left: &[Live]) {
    let children = left.iter().map(|live| Unreaped { pid: live.seen.pid, state: "running" }).collect();
    let how = if ended_by_itself { "root" } else { "timeout" };
    supervisor.journal.write(Entry::Exit { rc, how, children });
}

impl End {
    /// `None` for a process that was only stopped or continued.
    fn of(status: WaitStatus) -> Option<End> {
        /// Set in a wait status beside the signal.
        const CORE_DUMPED: i32 = 0x80;
        if let Some(code) = status.exit_status() {
            return Some(End::Exited(code));
        }
        let signal = status.terminating_signal()?;
        Some(End::Signalled { signal, core_dumped: status.as_raw() & CORE_DUMPED != 0 })
    }

    fn exit_code(self) -> i32 {
        match self {
            End::Exited(code) => code,
            End::Signalled { signal, .. } => 128 + signal,
        }
    }
}

impl Process {
    fn of(live: &Live) -> Process {
        Process { pid: live.seen.pid, argv: live.argv.clone(), key: live.key.clone() }
    }
}
