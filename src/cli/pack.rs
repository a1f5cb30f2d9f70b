//! `logq pack`: makes runs that have ended small, readable as before; or puts one into a file that goes elsewhere.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::selection::StoreArgs;
use super::{CliError, exit, output};
use crate::care::pack::{self, PackError, Packed};
use crate::investigation::{self, RunChoice};
use crate::view::printable::one_line;

#[derive(Debug, Args)]
pub struct PackArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// The run: its name, an unambiguous beginning of it, or `all` that have ended [default: the newest]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,

    /// Leave the run as it is and put it into one file, to attach to a bug report; `--dir FILE` opens it in every command
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn pack(args: PackArgs) -> Result<ExitCode, CliError> {
    let store = investigation::find_store(args.store.dir.as_deref())?;
    let choice = RunChoice::of(args.run.as_deref());
    if let Some(file) = &args.output {
        let run = investigation::newest_run(&store, &choice)?;
        let size = pack::send(&run, file)?;
        let mut out = output::stdout();
        let shown = file.display();
        writeln!(out, "{}", one_line(&format!("{}  in {shown}, {:.1} MB", run.name(), size as f64 / 1e6)))?;
        // As a shell reads it; a name with a zero byte there is none.
        let name = file.to_string_lossy();
        let quoted = shlex::try_quote(&name).unwrap_or_default();
        writeln!(out, "{}", one_line(&format!("see: logq diagnose --dir {quoted}")))?;
        out.flush()?;
        return Ok(ExitCode::from(exit::FOUND));
    }
    let is_all = matches!(choice, RunChoice::All);
    let mut out = output::stdout();
    let mut worst = exit::FOUND;
    for run in investigation::choose_runs(&store, &choice)? {
        match pack::pack(&run) {
            Ok(packed) => writeln!(out, "{}  {}", one_line(run.name()), told(&packed))?,
            Err(PackError::Alive { .. }) if is_all => {
                writeln!(out, "{}  is being written: left as it is", one_line(run.name()))?;
            }
            Err(error) if is_all => {
                eprintln!("logq: {}", one_line(&error.to_string()));
                worst = exit::UNREADABLE;
            }
            Err(error) => return Err(error.into()),
        }
    }
    out.flush()?;
    Ok(ExitCode::from(worst))
}

fn told(packed: &Packed) -> String {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    match packed.parts {
        0 => "nothing to pack".to_owned(),
        parts => {
            let count = if parts == 1 { "1 part".to_owned() } else { format!("{parts} parts") };
            format!("{count}, {:.1} MB packed to {:.1} MB", megabytes(packed.plain), megabytes(packed.packed))
        }
    }
}
