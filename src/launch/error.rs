//! What can keep a program from being started. Once it runs nothing here can happen any more: its exit code is
//! worth more than anything that logq still wants to say.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no command to run")]
    NoCommand,

    #[error("cannot {what} {}: {source}", .path.display())]
    Files { what: &'static str, path: PathBuf, source: io::Error },

    #[error("{} belongs to user {owner}, not to you", .path.display())]
    ForeignDirectory { path: PathBuf, owner: u32 },

    #[error("{} has a `:` in it, and PYTHONPATH cannot hold such a path", .path.display())]
    ColonInPath { path: PathBuf },

    #[error("cannot watch for signals: {0}")]
    Signals(io::Error),

    #[error("{}: command not found", .program.display())]
    NotFound { program: OsString },

    #[error("{}: its interpreter {interpreter} (first line) is not there", .program.display())]
    NoInterpreter { program: OsString, interpreter: String },

    #[error("{}: cannot be executed: {source}", .program.display())]
    NotExecutable { program: OsString, source: io::Error },
}

impl Error {
    /// What `logq run` exits with: the shell's numbers where the command is at fault, 3 where logq's files are.
    pub fn exit_code(&self) -> i32 {
        match self {
            Error::NoCommand => 2,
            Error::NotFound { .. } | Error::NoInterpreter { .. } => 127,
            Error::NotExecutable { .. } => 126,
            _ => 3,
        }
    }

    /// What to try next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::NoCommand => Some("write the command after `--`: logq run -- python app.py"),
            Error::Files { .. } | Error::ColonInPath { .. } => {
                Some("the program was not started; name another directory with --dir DIR or LOGQ_DIR")
            }
            Error::ForeignDirectory { .. } => {
                Some("the program was not started; name a directory of your own with --dir DIR or LOGQ_DIR")
            }
            Error::NotFound { .. } => Some("a script is started as `python script.py`, or as `./script.py`"),
            Error::NotExecutable { .. } => Some("`chmod +x` it, or start it through its interpreter"),
            Error::Signals(_) | Error::NoInterpreter { .. } => None,
        }
    }
}

/// For `map_err`: what could not be done, and to which path.
pub(super) fn files(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |source| Error::Files { what, path, source }
}
