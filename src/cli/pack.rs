//! `logq pack`: makes runs that have ended small, readable as before.

use std::io::Write;
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
}

pub fn pack(args: PackArgs) -> Result<ExitCode, CliError> {
    let store = investigation::find_store(args.store.dir.as_deref())?;
    let choice = RunChoice::of(args.run.as_deref());
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
