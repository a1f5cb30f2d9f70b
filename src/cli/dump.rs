//! `logq dump`: where a process is that runs now, asked of itself.

use std::collections::HashSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Args;

use super::output::{self, Format};
use super::{CliError, exit};
use crate::investigation::Investigation;
use crate::launch::dump::{self, Dump};
use crate::record::{Lane, Record};
use crate::spool::{Cursor, Problems, RunDir};
use crate::view::{json, snapshot};

#[derive(Debug, Args)]
pub struct DumpArgs {
    /// The process: its pid
    #[arg(value_name = "PID")]
    pid: u32,

    /// text for people, json for programs (the `snap` record, then the `wait` records that it mentions)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub fn dump(args: DumpArgs) -> Result<ExitCode, CliError> {
    let dumped = dump::dump(args.pid)?;
    let case = Investigation::open(RunDir::at(&dumped.run))?;
    let process = case.graph.process_with_key(&dumped.key);
    let number = process.and_then(|process| case.graph.processes[process.0].number);
    let waits = waits_of(&dumped, &case)?;
    let mut record = dumped.answer.record.clone();
    record.process = number;
    let mut out = output::answer(args.format);
    match (args.format, process) {
        (Format::Text, Some(process)) => {
            let found = |id: &str| waits.iter().find(|(known, _)| short_id(known) == id).map(|(wait, _)| wait);
            snapshot::write(&case.graph, process, &record, &found, &mut out)?;
        }
        _ => {
            json::write_record(&record, &dumped.answer.line, &mut out)?;
            for (wait, line) in &waits {
                json::write_record(wait, line, &mut out)?;
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::from(exit::FOUND))
}

/// `t3@7`, as records of the same process say it.
fn short_id(record: &Record) -> String {
    format!("{}@{}", record.lane, record.seq)
}

/// The `wait` records that the snapshot mentions, with their lines.
fn waits_of(dumped: &Dump, case: &Investigation) -> Result<Vec<(Record, Vec<u8>)>, CliError> {
    let snap = dumped.answer.record.event().and_then(|event| event.snapshot());
    let ids = snap.iter().flat_map(|snap| &snap.lanes).filter_map(|lane| lane.wait);
    let parsed = ids.filter_map(|id| {
        let (lane, seq) = id.split_once('@')?;
        Some((lane.parse::<Lane>().ok()?, seq.parse::<u64>().ok()?))
    });
    let mut wanted: HashSet<(Lane, u64)> = parsed.collect();
    let mut found = Vec::new();
    let listing = case.run.spool().list()?;
    for part in listing.parts().filter(|part| *part.id.proc == *dumped.key) {
        part.read(&mut Cursor::default(), u64::MAX, &mut Problems::default(), &mut |entry| {
            if wanted.remove(&(entry.record.lane, entry.record.seq)) {
                found.push((entry.record, entry.line.to_vec()));
            }
            if wanted.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
    Ok(found)
}
