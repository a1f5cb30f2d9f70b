//! `logq completions SHELL`: what a shell sources to complete commands and options.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output;
use super::{Cli, CliError, exit};

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// For bash: logq completions bash > ~/.local/share/bash-completion/completions/logq
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

pub fn completions(args: CompletionsArgs) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "logq", &mut script);
    let mut out = output::stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}
