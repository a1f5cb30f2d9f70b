//! `logq serve`: the picture of every run, searching and following, in a browser on this machine.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::selection::StoreArgs;
use super::{CliError, exit, output};
use crate::{investigation, serve};

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// The port to listen on, of the loopback address; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

pub fn serve(args: ServeArgs) -> Result<ExitCode, CliError> {
    let store = investigation::find_store(args.store.dir.as_deref())?;
    let path = store.path().display().to_string();
    let served = serve::serve(store, args.port, |url| {
        let mut out = output::stdout();
        // Who has closed standard output does not want to know the URL.
        let _ = writeln!(out, "{url}\nlogq: serves {path}, to this machine only; Ctrl-C ends it")
            .and_then(|()| out.flush());
    });
    served.map_err(|error| {
        CliError::Usage(format!("cannot serve on port {}: {error}; --port names another", args.port))
    })?;
    Ok(ExitCode::from(exit::FOUND))
}
