//! `logq export`: a run for other tools.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::output;
use super::selection::LaneArgs;
use super::{CliError, exit};
use crate::causality::time::LedgerReader;
use crate::investigation::{self, Investigation};
use crate::view::export::{Exported, Exporter, Otlp, Perfetto, SHIVIZ_MOST, ShiViz, lanes_of_program};

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// What for
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: Target,

    #[command(flatten)]
    selection: LaneArgs,

    /// Where it goes [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Trace events for ui.perfetto.dev and chrome://tracing: waits as slices, hand-overs as flows
    Perfetto,
    /// A log with vector clocks for ShiViz
    Shiviz,
    /// The original lines, unchanged
    Jsonl,
    /// OpenTelemetry's JSON, a batch a line: records as logs, lanes and waits as spans
    Otlp,
}

pub fn export(args: ExportArgs) -> Result<ExitCode, CliError> {
    let selection = args.selection.resolve()?;
    let store = investigation::find_store(selection.dir.as_deref())?;
    let case = Investigation::open(investigation::newest_run(&store, &selection.run)?)?;
    let is_part = !selection.lanes.is_empty();
    let lanes = if is_part { case.lanes(&selection.lanes)? } else { lanes_of_program(&case.graph) };
    let of = Exported { run: case.run.name(), graph: &case.graph, lanes: &lanes };
    let mut out = open(args.output.as_deref())?;
    match args.to {
        Target::Jsonl => lines(&case, of, is_part, &mut out)?,
        Target::Perfetto => write(&case, of, &mut Perfetto::new(of), &mut out)?,
        Target::Otlp => write(&case, of, &mut Otlp::new(of), &mut out)?,
        Target::Shiviz => {
            let records: usize = lanes.iter().map(|lane| case.graph.lane(*lane).nodes.len()).sum();
            if records > SHIVIZ_MOST {
                let most = format!("{records} records are more than ShiViz can show ({SHIVIZ_MOST})");
                return Err(CliError::Usage(format!("{most}; choose lanes with --thread, --task, --process")));
            }
            write(&case, of, &mut ShiViz::new(of), &mut out)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}

fn open(file: Option<&Path>) -> Result<Box<dyn Write>, CliError> {
    let Some(path) = file.filter(|path| *path != Path::new("-")) else {
        return Ok(Box::new(output::stdout()));
    };
    let file = File::create(path)
        .map_err(|error| CliError::Usage(format!("cannot write {}: {error}; -o names another file", path.display())))?;
    Ok(Box::new(BufWriter::with_capacity(1 << 20, file)))
}

/// Shows the exporter every record of the lanes that are meant.
fn write(case: &Investigation, of: Exported, exporter: &mut dyn Exporter, out: &mut dyn Write) -> Result<(), CliError> {
    let chosen: HashSet<_> = of.lanes.iter().copied().collect();
    let mut ledger = LedgerReader::new(&case.graph);
    let mut written: io::Result<()> = exporter.begin(out);
    case.read_again(&mut |at, entry| {
        ledger.add(&entry.record);
        if written.is_ok() && chosen.contains(&at.lane) {
            written = exporter.record(at, &entry.record, out);
        }
    })?;
    written?;
    Ok(exporter.end(&ledger.finish(), out)?)
}

/// The lines as they are on disk: all of them, those that are no records too, or those of some lanes.
fn lines(case: &Investigation, of: Exported, is_part: bool, out: &mut dyn Write) -> Result<(), CliError> {
    let chosen: HashSet<_> = of.lanes.iter().copied().collect();
    let mut written: io::Result<()> = Ok(());
    let mut put = |line: &[u8]| {
        if written.is_ok() {
            written = out.write_all(line).and_then(|()| out.write_all(b"\n"));
        }
    };
    if is_part {
        case.read_again(&mut |at, entry| {
            if chosen.contains(&at.lane) {
                put(entry.line);
            }
        })?;
    } else {
        case.lines(&mut put)?;
    }
    Ok(written?)
}
