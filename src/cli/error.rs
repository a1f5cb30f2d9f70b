//! Every error type meets here: exit code, message, hints.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{exit, output};
use crate::care::doctor::DoctorError;
use crate::care::pack::PackError;
use crate::collect::CollectError;
use crate::intake::IntakeError;
use crate::investigation::InvestigationError;
use crate::launch;
use crate::launch::dump::DumpError;
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
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Collect(#[from] CollectError),
    #[error(transparent)]
    Intake(#[from] IntakeError),
    #[error(transparent)]
    Doctor(#[from] DoctorError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Launch(#[from] launch::Error),
    #[error("{error}")]
    Query { query: String, error: QueryError },
    #[error(transparent)]
    Dump(#[from] DumpError),
    #[error(transparent)]
    Name(#[from] BadName),
    #[error("{0}")]
    Usage(String),
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// An error of a search for `query`: one in the query itself points into its text.
    pub fn of_search(error: InvestigationError, query: &str) -> CliError {
        match error {
            InvestigationError::Query(error) => CliError::Query { query: query.to_owned(), error },
            error => error.into(),
        }
    }

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
            CliError::Intake(IntakeError::NotForeign { .. } | IntakeError::Nothing { .. }) => exit::BAD_USAGE,
            CliError::Intake(IntakeError::Spool(error)) => code_of_spool(error),
            CliError::Query { .. } | CliError::Name(_) | CliError::Usage(_) => exit::BAD_USAGE,
            CliError::Dump(error) if error.is_misdirected() => exit::BAD_USAGE,
            CliError::Investigation(InvestigationError::NotFound { .. }) => exit::BAD_USAGE,
            CliError::Spool(error) | CliError::Investigation(InvestigationError::Spool(error)) => code_of_spool(error),
            CliError::Launch(error) => u8::try_from(error.exit_code()).unwrap_or(exit::UNREADABLE),
            _ => exit::UNREADABLE,
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} {}", paint(style::BAD, "logq:"), printable::lines(&self.to_string()))?;
        if let CliError::Query { query, error } = self {
            for line in error.pointing(query).lines() {
                writeln!(out, "  {}", printable::one_line(line))?;
            }
            for hint in &error.hints {
                writeln!(out, "  {}", printable::one_line(hint))?;
            }
        }
        if let CliError::Dump(error) = self {
            for line in error.hints() {
                writeln!(out, "  {}", printable::one_line(&line))?;
            }
        }
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
