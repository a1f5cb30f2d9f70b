//! `logq search -F`: new records as they are written. Follows the newest run, and goes over to a newer one when it
//! begins, unless a run was named.

use std::collections::VecDeque;
use std::io::Write;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::CliError;
use super::output::{self, Format};
use crate::collect::watch::Watch;
use crate::investigation::{self, InvestigationError, RunChoice, Selection};
use crate::query::Query;
use crate::record::Record;
use crate::spool::{Entry, Follower, Positions, RunDir};
use crate::store::Judge;
use crate::view::json;
use crate::view::records::RecordLines;

/// How soon after it is on disk a record is shown, at the most.
const STEP: Duration = Duration::from_millis(40);

/// How often a newer run is looked for.
const LOOK_FOR_RUNS: Duration = Duration::from_millis(500);

pub fn follow(selection: &Selection, query: &Query, limit: usize, format: Format) -> Result<ExitCode, CliError> {
    let store = investigation::find_store(selection.dir.as_deref())?;
    let mut run = wait_for_run(selection)?;
    let mut follower = Follow::of(&run, selection, query, format)?;
    follower.begin(limit)?;
    let mut looked = Instant::now();
    let mut watch = Watch::new();
    loop {
        follower.show_new()?;
        watch.add(&run.spool_path());
        watch.wait(STEP);
        if selection.run != RunChoice::Newest || looked.elapsed() < LOOK_FOR_RUNS {
            continue;
        }
        looked = Instant::now();
        let newest = investigation::newest_run(&store, &RunChoice::Newest)?;
        if newest != run {
            follower.show_new()?;
            run = newest;
            follower = Follow::of(&run, selection, query, format)?;
        }
    }
}

/// The run to follow; the first one is waited for.
fn wait_for_run(selection: &Selection) -> Result<RunDir, CliError> {
    let mut said = false;
    loop {
        let store = investigation::find_store(selection.dir.as_deref())?;
        match investigation::newest_run(&store, &selection.run) {
            Ok(run) => return Ok(run),
            Err(InvestigationError::NotFound { .. }) if selection.run == RunChoice::Newest => {
                if !said {
                    eprintln!("logq: waiting for the first run in {}", store.path().display());
                }
                said = true;
                std::thread::sleep(STEP);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

struct Follow {
    follower: Follower,
    judge: Judge,
    format: Format,
    lines: RecordLines,
}

impl Follow {
    fn of(run: &RunDir, selection: &Selection, query: &Query, format: Format) -> Result<Follow, CliError> {
        let filter = investigation::filter_for(run, selection, query)?;
        if format == Format::Text {
            eprintln!("logq: following run {}; Ctrl-C ends it", run.name());
        }
        let follower = Follower::new(run.spool(), &Positions::default());
        Ok(Follow { follower, judge: filter.compile(), format, lines: RecordLines::default() })
    }

    /// Shows the last `limit` hits of what is there already.
    fn begin(&mut self, limit: usize) -> Result<(), CliError> {
        let mut last: VecDeque<(Record, Vec<u8>)> = VecDeque::new();
        let judge = &self.judge;
        let _ = self.follower.poll(&mut |entry: Entry<'_>| {
            if limit > 0 && judge.passes(&entry.record) {
                if last.len() == limit {
                    last.pop_front();
                }
                last.push_back((entry.record, entry.line.to_vec()));
            }
            ControlFlow::Continue(())
        })?;
        let mut out = output::stdout();
        let mut last = Vec::from(last);
        // Files are read one after the other; people read by time.
        last.sort_by_key(|(record, _)| record.ts);
        for (record, line) in &last {
            show(record, line, self.format, &mut self.lines, &mut out)?;
        }
        Ok(out.flush()?)
    }

    fn show_new(&mut self) -> Result<(), CliError> {
        let mut fresh: Vec<(Record, Vec<u8>)> = Vec::new();
        let judge = &self.judge;
        let _ = self.follower.poll(&mut |entry: Entry<'_>| {
            if judge.passes(&entry.record) {
                fresh.push((entry.record, entry.line.to_vec()));
            }
            ControlFlow::Continue(())
        })?;
        if fresh.is_empty() {
            return Ok(());
        }
        fresh.sort_by_key(|(record, _)| record.ts);
        let mut out = output::stdout();
        for (record, line) in &fresh {
            show(record, line, self.format, &mut self.lines, &mut out)?;
        }
        Ok(out.flush()?)
    }
}

fn show(
    record: &Record,
    line: &[u8],
    format: Format,
    lines: &mut RecordLines,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    match format {
        Format::Json => json::write_record(record, line, out),
        Format::Text => lines.write(record, out),
    }
}
