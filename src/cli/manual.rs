//! `logq man`: manual pages, made of the same words as `--help`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use super::output;
use super::{Cli, CliError, exit};

#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command whose page is wanted [default: the page of logq itself]
    #[arg(value_name = "COMMAND")]
    of: Option<String>,

    /// Write every page to this folder: logq.1, logq-run.1, …
    #[arg(short, long, value_name = "DIR", conflicts_with = "of")]
    output: Option<PathBuf>,
}

pub fn man(args: ManArgs) -> Result<ExitCode, CliError> {
    let mut root = Cli::command();
    root.build();
    if let Some(folder) = &args.output {
        let unwritable =
            |error: std::io::Error| CliError::Usage(format!("cannot write to {}: {error}", folder.display()));
        std::fs::create_dir_all(folder).map_err(unwritable)?;
        for (name, page) in pages(&root)? {
            std::fs::write(folder.join(format!("{name}.1")), page).map_err(unwritable)?;
        }
        return Ok(ExitCode::from(exit::FOUND));
    }
    let wanted = args.of.map_or_else(|| "logq".to_owned(), |command| format!("logq-{command}"));
    let pages = pages(&root)?;
    let Some((_, page)) = pages.iter().find(|(name, _)| *name == wanted) else {
        let all: Vec<&str> = root.get_subcommands().map(Command::get_name).collect();
        return Err(CliError::Usage(format!("no such command; there is {}", all.join(", "))));
    };
    let mut out = output::stdout();
    out.write_all(page)?;
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}

/// Every page: its name and its text.
fn pages(root: &Command) -> Result<Vec<(String, Vec<u8>)>, CliError> {
    let mut pages = vec![("logq".to_owned(), page(root.clone())?)];
    for command in root.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        pages.push((format!("logq-{}", command.get_name()), page(command.clone())?));
    }
    Ok(pages)
}

fn page(command: Command) -> Result<Vec<u8>, CliError> {
    let mut text = Vec::new();
    Man::new(command.disable_help_subcommand(true)).render(&mut text)?;
    Ok(text)
}
