//! Starting the program: as a shell would, with the environment that makes it record.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::Errno;
use signal_hook::consts::{SIGCHLD, SIGPIPE};

use super::directory::RunDirectory;
use super::error::Error;
use super::journal::Journal;
use super::signals::{self, Signals};
use super::supervise::Supervisor;
use super::{RunOptions, environment, package, unreached};

const SHELL: &str = "/bin/sh";

/// Starts the command. Signals are watched before, so that none is lost that comes as soon as it runs.
pub(super) fn start(options: &RunOptions, directory: &RunDirectory) -> Result<Supervisor, Error> {
    let boot = package::unpack(&options.dir)?;
    let journal = Journal::open(&directory.spool, &directory.name)?;
    let stamp = journal.stamp_of_root();
    let variables = environment::variables(options, &directory.name, &stamp, &boot)?;
    let signals = Signals::register().map_err(Error::Signals)?;
    let root = spawn(&options.command, &variables)?;
    let argv: Vec<String> = options.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    Ok(Supervisor::new(journal, signals, &directory.spool, root, &argv))
}

/// The pid of the started command.
fn spawn(words: &[OsString], variables: &[(&str, OsString)]) -> Result<u32, Error> {
    let Some((program, arguments)) = words.split_first() else { return Err(Error::NoCommand) };
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().cloned());
    leave_ignored(&mut command);
    match command.spawn() {
        Ok(child) => Ok(child.id()),
        Err(error) => match as_shell_script(program, &error) {
            Some(script) => spawn(&[&[SHELL.into(), script], arguments].concat(), variables),
            None => Err(not_started(program, error)),
        },
    }
}

/// A file without a `#!` line that the kernel does not know: execvp(3), and so every shell, gives it to `sh`.
fn as_shell_script(program: &OsStr, error: &io::Error) -> Option<OsString> {
    let is_unknown = error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error());
    // A shell that the kernel does not know either is no help.
    unreached::find(program).filter(|_| is_unknown && program != SHELL).map(OsString::from)
}

/// The program is to find SIGPIPE and SIGCHLD as logq found them. Rust's runtime and our handler have replaced
/// them since, and `Command` gives it the default; so only what was ignored has to be put back.
fn leave_ignored(command: &mut Command) {
    let ignored: Vec<i32> = [SIGPIPE, SIGCHLD].into_iter().filter(|signal| signals::was_ignored(*signal)).collect();
    if ignored.is_empty() {
        return;
    }
    let ignore = move || {
        for signal in &ignored {
            // SAFETY: signal(2) is async-signal-safe, and SIG_IGN runs no code of ours.
            unsafe { libc::signal(*signal, libc::SIG_IGN) };
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure only reads its own vector and calls signal(2).
    unsafe { command.pre_exec(ignore) };
}

fn not_started(program: &OsStr, error: io::Error) -> Error {
    let program = program.to_owned();
    if error.kind() != io::ErrorKind::NotFound {
        return Error::NotExecutable { program, source: error };
    }
    // The kernel says "not found" of a script's interpreter too.
    let words = unreached::find(&program).and_then(|path| unreached::interpreter(&path));
    match words.and_then(|words| words.into_iter().next()) {
        Some(interpreter) => Error::NoInterpreter { program, interpreter },
        None => Error::NotFound { program },
    }
}
