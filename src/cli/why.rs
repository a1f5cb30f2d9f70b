//! `logq why ID`: the chain of hand-overs that led to a record, back to the root of the run.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, Format};
use super::selection::LaneArgs;
use super::{CliError, exit};
use crate::investigation::{self, Investigation};
use crate::record::RecordName;
use crate::view::{chain, json};

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The record, as every answer names it: 1.t3@17
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    selection: LaneArgs,

    /// Also list everything that could have influenced it
    #[arg(long)]
    all: bool,

    /// text for people, json for programs (one document)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub fn why(args: WhyArgs) -> Result<ExitCode, CliError> {
    let selection = args.selection.resolve();
    let name: RecordName = args.id.parse()?;
    let store = investigation::find_store(selection.dir.as_deref())?;
    let case = Investigation::open(investigation::newest_run(&store, &selection.run)?)?;
    let record = case.record(&name, &selection.lanes)?;
    let graph = &case.graph;
    let found = graph.chain(record);
    let all = args.all.then(|| chain::ancestors(graph, record));
    let mut wanted = chain::records(&found);
    wanted.extend(all.iter().flatten());
    let contents = case.contents(wanted)?;
    let mut out = output::stdout();
    match args.format {
        Format::Json => {
            let document = chain::to_json(graph, &found, all.as_deref(), &contents);
            writeln!(out, "{}", json::harmless(&format!("{document:#}")))?;
        }
        Format::Text => {
            chain::write(graph, &found, &contents, &mut out)?;
            if let Some(all) = &all {
                chain::write_all(graph, all, &contents, &mut out)?;
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}
