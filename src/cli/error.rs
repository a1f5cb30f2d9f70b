//! Every error type meets here: exit code, message, hints.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{exit, output};
use crate::collect::CollectError;
use crate::investigation::InvestigationError;
use crate::launch;
use crate::query::QueryError;
use crate::record::id::BadName;
use crate::spool::SpoolError;
use crate::store::StoreError;
use crate::view::printable;
use crate::view::style::{self, paint};

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Investigation(#[from] InvestigationError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Collect(#[from] CollectError),
    #[error(transparent)]
    Launch(#[from] launch::Error),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Name(#[from] BadName),
    #[error("{0}")]
    Usage(String),
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// Prints the error with what may help, and gives the exit code. A closed pipe is no error: whoever read the
    /// answer has seen enough.
    pub fn report(&self) -> ExitCode {
        if matches!(self, CliError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        let mut out = output::stderr();
        // Nothing can be done when the error cannot be printed either; the exit code still tells.
        let _ = self.print(&mut out).and_then(|()| out.flush());
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            CliError::Query(_) | CliError::Name(_) | CliError::Usage(_) => exit::BAD_USAGE,
            CliError::Investigation(InvestigationError::NotFound { .. } | InvestigationError::Query(_)) => exit::BAD_USAGE,
            CliError::Spool(error) | CliError::Investigation(InvestigationError::Spool(error)) => code_of_spool(error),
            CliError::Launch(error) => error.exit_code(),
            _ => exit::UNREADABLE,
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let query_error = match self {
            CliError::Query(error) | CliError::Investigation(InvestigationError::Query(error)) => Some(error),
            _ => None,
        };
        let text = query_error.map_or_else(|| self.to_string(), QueryError::report);
        writeln!(out, "{} {}", paint(style::BAD, "logq:"), printable::lines(&text))?;
        if let CliError::Investigation(InvestigationError::NotFound { there_is, .. }) = self {
            for line in there_is {
                writeln!(out, "  {}", printable::one_line(line))?;
            }
        }
        Ok(())
    }
}

fn code_of_spool(error: &SpoolError) -> u8 {
    match error {
        SpoolError::BadName { .. } | SpoolError::NoRun { .. } => exit::BAD_USAGE,
        _ => exit::UNREADABLE,
    }
}
