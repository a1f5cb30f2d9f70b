//! `logq why ID`: the chain of hand-overs that led to a record, back to the root of the run; or what it influenced.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, Format};
use super::selection::LaneArgs;
use super::{CliError, exit};
use crate::causality::NodeRef;
use crate::investigation::{self, Investigation};
use crate::record::RecordName;
use crate::view::influence::Forward;
use crate::view::{chain, failure, json};

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The record, as every answer names it: 1.t3@17
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    selection: LaneArgs,

    /// Also list everything that could have influenced it; with --forward, every lane that it could have influenced
    #[arg(long)]
    all: bool,

    /// What it influenced, not what led to it: the shortest ways forward, lane by lane
    #[arg(long)]
    forward: bool,

    /// text for people, json for programs (one document)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Lanes that one answer forward names.
const MOST_LANES: usize = 12;

pub fn why(args: WhyArgs) -> Result<ExitCode, CliError> {
    let selection = args.selection.resolve()?;
    let name: RecordName = args.id.parse()?;
    let store = investigation::find_store(selection.dir.as_deref())?;
    let case = Investigation::open(investigation::newest_run(&store, &selection.run)?)?;
    let record = case.record(&name, &selection.lanes)?;
    let mut out = output::answer(args.format);
    match args.forward {
        true => forward(&case, record, &args, &mut out)?,
        false => backward(&case, record, &args, &mut out)?,
    }
    super::timeline::write_clock_only(&case, args.format, &mut out)?;
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}

/// What led to the record; of a failure also who should have looked.
fn backward(case: &Investigation, record: NodeRef, args: &WhyArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let graph = &case.graph;
    let failed = graph.failure(record);
    let elsewhere = failed.as_ref().filter(|failed| failed.victim != record.lane);
    let found = graph.led_to(record, failed.as_ref());
    let all = args.all.then(|| chain::ancestors(graph, record));
    let mut wanted = chain::records(&found);
    wanted.push(record);
    wanted.extend(all.iter().flatten());
    wanted.extend(failed.iter().flat_map(failure::records));
    let contents = case.contents(wanted)?;
    if args.format == Format::Json {
        let mut document = chain::to_json(graph, record, &found, all.as_deref(), &contents);
        if let Some(failed) = &failed {
            document["failure"] = failure::to_json(graph, failed, &contents);
        }
        return Ok(writeln!(out, "{}", json::harmless(&format!("{document:#}")))?);
    }
    chain::write_record(graph, record, &contents, out)?;
    if let Some(failed) = elsewhere {
        failure::write_place(graph, record, failed, &contents, out)?;
    }
    chain::write(graph, &found, &contents, out)?;
    if let Some(failed) = &failed {
        failure::write(graph, failed, &contents, out)?;
    }
    if let Some(all) = &all {
        chain::write_all(graph, record, all, &contents, out)?;
    }
    Ok(())
}

/// What the record influenced.
fn forward(case: &Investigation, record: NodeRef, args: &WhyArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let influence = case.graph.influence(record);
    let most = if args.all { usize::MAX } else { MOST_LANES };
    let answer = Forward { graph: &case.graph, influence: &influence, most };
    let contents = case.contents(answer.records())?;
    match args.format {
        Format::Json => {
            let document = answer.to_json(&contents);
            writeln!(out, "{}", json::harmless(&format!("{document:#}")))?;
        }
        Format::Text => answer.write(&contents, out)?,
    }
    Ok(())
}
