//! `logq report`: the picture of a run as one page that needs nothing else.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::output;
use super::selection::StoreArgs;
use super::{CliError, exit};
use crate::investigation::{self, Investigation, RunChoice};
use crate::serve;
use crate::view::page::{self, Source};
use crate::view::picture::Room;

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// The run: its name, or an unambiguous beginning of it [default: the newest]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,

    /// Where the page goes; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,

    /// At most N records; of a longer run what findings rest on and what tells most is kept, and the page says so
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1_500_000)]
    limit: usize,

    /// Leave the page's data uncompressed, for a browser from before 2023
    #[arg(long)]
    plain: bool,
}

/// Bytes of text that a page holds before texts are cut short.
const TEXT: usize = 160 << 20;

pub fn report(args: ReportArgs) -> Result<ExitCode, CliError> {
    let store = investigation::find_store(args.store.dir.as_deref())?;
    let case = Investigation::open(investigation::newest_run(&store, &RunChoice::of(args.run.as_deref()))?)?;
    let packed = serve::packed(&case, Room { records: args.limit.max(1), text: TEXT })?;
    let title = format!("run {}", case.run.name());
    let source = Source::Within { picture: &packed, compress: !args.plain };
    if args.output == Path::new("-") {
        let mut out = output::stdout();
        page::write(&title, &source, &mut out)?;
        out.flush()?;
        return Ok(ExitCode::from(exit::FOUND));
    }
    let file = File::create(&args.output).map_err(|error| {
        CliError::Usage(format!("cannot write {}: {error}; -o names another file", args.output.display()))
    })?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    page::write(&title, &source, &mut out)?;
    out.flush()?;
    let mut remarks = output::stderr();
    writeln!(remarks, "logq: the picture of run {} is in {}", case.run.name(), args.output.display())?;
    remarks.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}
