//! `logq search`: records by words and fields; newest last, as they happened.

use std::collections::HashSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Args;

use super::collect::catch_up_if_behind;
use super::output::{self, Format};
use super::selection::{SelectionArgs, now};
use super::{CliError, exit, follow, histogram};
use crate::investigation::{self, RunChoice, RunHit, SearchedRun};
use crate::query;
use crate::record::Field;
use crate::spool::Problems;
use crate::store::{Extent, Found, Hit};
use crate::view::records::RecordLines;
use crate::view::style::{self, paint};
use crate::view::{clock, json, printable, threads};

#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Words of the message, and fields: timeout level:ERROR order_id:8812 'ms:[100 TO *]' 'msg~"order \d+"'
    #[arg(value_name = "QUERY")]
    query: Vec<String>,

    #[command(flatten)]
    selection: SelectionArgs,

    /// Show new records as they are written, until interrupted
    #[arg(short = 'F', long, conflicts_with_all = ["count", "top"])]
    follow: bool,

    /// Show N records before and after each hit in the same lane
    #[arg(short = 'C', long, value_name = "N", conflicts_with_all = ["follow", "count", "top"])]
    context: Option<usize>,

    /// Only say how many records there are
    #[arg(long)]
    count: bool,

    /// Only count the values of a field, the most frequent first
    #[arg(long, value_name = "FIELD", conflicts_with = "count")]
    top: Option<String>,

    /// Only count the records by time: --histogram=1s, =5m or =2h, or in at most sixty steps that suit them
    #[arg(long, value_name = "STEP", num_args = 0..=1, default_missing_value = "", require_equals = true,
          conflicts_with_all = ["count", "top", "follow", "context"])]
    histogram: Option<String>,

    /// At most the newest N records; 0 for all [default: 100, all with --format json, 10 with -F]
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,

    /// text for people, json for programs (one record a line)
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How many hits a person is shown unasked.
const SHOWN: usize = 100;

/// How many earlier hits `-F` begins with.
const SHOWN_BEFORE_FOLLOWING: usize = 10;

pub fn search(args: SearchArgs) -> Result<ExitCode, CliError> {
    let selection = args.selection.resolve()?;
    let text = args.query.join(" ");
    let parsed = query::parse(&text, now()).map_err(|error| CliError::Query { query: text.clone(), error })?;
    if args.follow {
        let limit = args.limit.unwrap_or(SHOWN_BEFORE_FOLLOWING);
        return follow::follow(&selection, &parsed.query, limit, args.format);
    }
    let runs = investigation::open_search(&selection, &parsed, &catch_up_if_behind)
        .map_err(|error| CliError::of_search(error, &text))?;
    if args.count {
        return print_count(&runs, args.format);
    }
    if let Some(field) = &args.top {
        check_top(&runs, field)?;
        return print_top(&runs, &Field::named(field), args.limit.unwrap_or(20), args.format);
    }
    if let Some(step) = &args.histogram {
        return histogram::print(&runs, step, args.format);
    }
    let limit = match args.limit {
        Some(0) => usize::MAX,
        Some(limit) => limit,
        None if args.format == Format::Json => usize::MAX,
        None => SHOWN,
    };
    if let ([run], usize::MAX, None, Format::Json) = (&*runs, limit, args.context, args.format) {
        return print_all(run, &runs);
    }
    // One more than is shown tells whether there are more.
    let mut hits = investigation::newest(&runs, limit.saturating_add(1))?;
    let more = hits.len() > limit;
    if more {
        hits.remove(0);
    }
    let mut out = output::answer(args.format);
    if hits.is_empty() {
        return nothing_found(&runs);
    }
    if more && args.format == Format::Text {
        let text = format!("… the newest {limit}; -n 0 shows all, --count says how many");
        writeln!(out, "{}", paint(style::DIM, text))?;
    }
    let mut printer = Printer { lines: RecordLines::default(), several: several(&selection.run), runs: &runs };
    match args.context {
        Some(around) => printer.with_neighbours(&hits, around, args.format, &mut out)?,
        None => hits.iter().try_for_each(|hit| printer.hit(hit.run, &hit.hit, args.format, &mut out))?,
    }
    out.flush()?;
    say_problems(&runs);
    // The process ends with this answer: to give back the memory of each hit would take as long as to print them.
    std::mem::forget(hits);
    Ok(ExitCode::from(exit::FOUND))
}

/// All hits of one run for a program: written as they are read, however many there are.
fn print_all(run: &SearchedRun, runs: &[SearchedRun]) -> Result<ExitCode, CliError> {
    let located = run.reader.locate(&run.filter)?;
    if located.is_empty() {
        return nothing_found(runs);
    }
    let mut out = output::answer(Format::Json);
    let write = |found: &Found<'_>, written: &mut Vec<u8>| {
        // Writing into memory cannot fail.
        let _ = match found {
            Found::Line(id, line) => json::write_identified(id, line, written),
            Found::Record(record, line) => json::write_record(record, line, written),
        };
    };
    let (mut written, mut is_nothing) = (Ok(()), true);
    run.reader.write(&located, &write, &mut |bytes| {
        is_nothing &= bytes.is_empty();
        written = out.write_all(bytes);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written?;
    if is_nothing {
        return nothing_found(runs);
    }
    out.flush()?;
    say_problems(runs);
    Ok(ExitCode::from(exit::FOUND))
}

fn several(choice: &RunChoice) -> bool {
    *choice == RunChoice::All
}

struct Printer<'a> {
    lines: RecordLines,
    /// Name the run of every record.
    several: bool,
    runs: &'a [SearchedRun],
}

impl Printer<'_> {
    fn hit(&mut self, run: usize, hit: &Hit, format: Format, out: &mut dyn Write) -> std::io::Result<()> {
        if format == Format::Json {
            return json::write_record(&hit.record, &hit.line, out);
        }
        self.lines.run = self.several.then(|| self.runs[run].run.name().to_owned());
        self.lines.write(&hit.record, out)
    }

    /// Hits with their neighbours; groups that do not touch are parted by `--`.
    fn with_neighbours(
        &mut self,
        hits: &[RunHit],
        around: usize,
        format: Format,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let mut shown = HashSet::new();
        for (place, found) in hits.iter().enumerate() {
            let mut group = investigation::with_neighbours(&self.runs[found.run], &found.hit, around)?;
            let whole = group.len();
            group.retain(|hit| shown.insert((found.run, hit.source.clone(), hit.offset)));
            // Neighbours that were shown with the hit before go on from there.
            if place > 0 && format == Format::Text && group.len() == whole {
                writeln!(out, "{}", paint(style::DIM, "--"))?;
            }
            for hit in &group {
                self.hit(found.run, hit, format, out)?;
            }
        }
        Ok(())
    }
}

/// An unknown field is an error here as in a query.
fn check_top(runs: &[SearchedRun], field: &str) -> Result<(), CliError> {
    let query = format!("{field}:*");
    let of_query = |error| CliError::Query { query: query.clone(), error };
    let parsed = query::parse(&query, now()).map_err(of_query)?;
    investigation::check_fields(runs, &parsed).map_err(|error| CliError::of_search(error, &query))
}

fn print_count(runs: &[SearchedRun], format: Format) -> Result<ExitCode, CliError> {
    let count = investigation::count(runs)?;
    let mut out = output::answer(format);
    match format {
        Format::Text => writeln!(out, "{count}")?,
        Format::Json => writeln!(out, "{{\"count\":{count}}}")?,
    }
    out.flush()?;
    say_problems(runs);
    Ok(ExitCode::from(if count > 0 { exit::FOUND } else { exit::NOTHING_FOUND }))
}

fn print_top(runs: &[SearchedRun], field: &Field, limit: usize, format: Format) -> Result<ExitCode, CliError> {
    let counts = investigation::top(runs, field)?;
    let shown = if limit == 0 { counts.len() } else { limit };
    let mut out = output::answer(format);
    for (value, count) in counts.iter().take(shown) {
        match format {
            Format::Text => writeln!(out, "{count:>8}  {}", printable::one_line(value))?,
            Format::Json => json::write_line(&serde_json::json!({ "value": value, "count": count }), &mut out)?,
        }
    }
    if counts.len() > shown && format == Format::Text {
        writeln!(out, "{}", paint(style::DIM, format!("… and {} other values", counts.len() - shown)))?;
    }
    out.flush()?;
    say_problems(runs);
    Ok(ExitCode::from(if counts.is_empty() { exit::NOTHING_FOUND } else { exit::FOUND }))
}

/// Says what was looked at, so that an empty answer is an answer.
pub(super) fn nothing_found(runs: &[SearchedRun]) -> Result<ExitCode, CliError> {
    let Extent { records, first, last } = investigation::extent(runs)?;
    let mut err = output::stderr();
    write!(err, "logq: nothing found in {}", threads::count(records, "record", "records"))?;
    if let (Some(first), Some(last)) = (first, last) {
        write!(err, " from {} to {}", clock::date_and_time(first), clock::time_of_day(last))?;
    }
    match runs {
        [one] => writeln!(err, " of run {}", one.run.name())?,
        _ => writeln!(err, " of {} runs", runs.len())?,
    }
    err.flush()?;
    say_problems(runs);
    Ok(ExitCode::from(exit::NOTHING_FOUND))
}

/// What could not be read is said beside every answer that it could change.
pub(super) fn say_problems(runs: &[SearchedRun]) {
    let mut problems = Problems::default();
    for run in runs {
        match run.reader.problems() {
            Ok(own) => problems.merge(own),
            Err(error) => eprintln!("logq: {}", printable::one_line(&error.to_string())),
        }
    }
    for line in problems.to_string().lines() {
        eprintln!("logq: {}", printable::one_line(line));
    }
}
