//! `logq collect PATH…`: logs of other systems become a run of their own, once or as they grow.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use regex::Regex;

use super::{CliError, collect, exit, output};
use crate::collect::{CollectError, Report, Target, follow, follow_files, take_in};
use crate::intake::{self, Intake, Options, Taken, Wanted};
use crate::investigation;
use crate::record::foreign::Input;
use crate::spool::{Part, RunDir, SpoolError, StoreDir};
use crate::store::{SMALL_RUN, StoreError};
use crate::view::printable;

/// In which form files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileForm {
    /// Whatever the lines look like
    Auto,
    /// Lines that logq wrote
    Logq,
    /// JSON, an object a line: python-json-logger, structlog, loguru, ECS, OpenTelemetry, Bunyan, pino and the like
    Json,
    /// key=value pairs
    Logfmt,
    /// Text, with the time, level and names before the message
    Text,
}

/// What is to be collected.
pub struct Files {
    pub paths: Vec<PathBuf>,
    pub dir: Option<PathBuf>,
    pub run: Option<String>,
    pub form: FileForm,
    pub pattern: Option<String>,
    pub follow: bool,
    /// Nobody is asked to tell what has changed.
    pub poll: bool,
    pub stats: bool,
}

/// A run of which several have the name gets a number up to this.
const MOST_NAMESAKES: u32 = 1000;

/// Work that takes no longer than this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

pub fn collect(files: Files) -> Result<ExitCode, CliError> {
    let pattern = files.pattern.as_deref().map(pattern).transpose()?;
    let wanted = intake::wanted(&files.paths)?;
    let store = store(files.dir.as_deref())?;
    let wanted = wanted.outside(&store)?;
    let run = run_for(&store, files.run.as_deref(), &wanted)?;
    let began = Instant::now();
    let intake = Intake::open(&run, wanted, Options { input: input(files.form), pattern, ..Options::default() })?;
    let taken = if files.follow { follow_them(&run, intake, files.poll)? } else { once(&run, intake)? };
    say(&run, &taken, files.stats.then(|| began.elapsed()))?;
    let all_bad = taken.records == 0 && !taken.unreadable.is_empty();
    Ok(ExitCode::from(if all_bad { exit::UNREADABLE } else { exit::FOUND }))
}

fn pattern(text: &str) -> Result<Regex, CliError> {
    let regex = Regex::new(text).map_err(|error| CliError::Usage(format!("--pattern: {error}")))?;
    if regex.capture_names().flatten().next().is_none() {
        let hint = "--pattern: no named group, like (?P<time>…), (?P<level>…), (?P<message>…)";
        return Err(CliError::Usage(hint.to_owned()));
    }
    Ok(regex)
}

fn input(form: FileForm) -> Input {
    match form {
        FileForm::Auto => Input::Auto,
        FileForm::Logq => Input::Logq,
        FileForm::Json => Input::Json,
        FileForm::Logfmt => Input::Logfmt,
        FileForm::Text => Input::Text,
    }
}

/// The store that is named, the nearest one, or a new one here.
fn store(dir: Option<&Path>) -> Result<StoreDir, CliError> {
    if let Some(dir) = dir {
        return Ok(StoreDir::create(dir)?);
    }
    match investigation::find_store(None) {
        Err(investigation::InvestigationError::Spool(SpoolError::NoStore { path })) => Ok(StoreDir::create(&path)?),
        found => Ok(found?),
    }
}

/// The run that these files are in already, or a new one.
fn run_for(store: &StoreDir, name: Option<&str>, wanted: &Wanted) -> Result<RunDir, CliError> {
    if let Some(name) = name {
        return Ok(store.create_run(name)?);
    }
    let name = wanted.run_name();
    for number in 1..=MOST_NAMESAKES {
        let name = if number == 1 { name.clone() } else { format!("{name}-{number}") };
        match store.run(&name) {
            Ok(run) if intake::holds(&run, wanted) => return Ok(run),
            Ok(_) => {}
            Err(_) => return Ok(store.create_run(&name)?),
        }
    }
    Err(CliError::Usage(format!("there are {MOST_NAMESAKES} runs called {name}; name this one: --run NAME")))
}

fn once(run: &RunDir, intake: Intake) -> Result<Taken, CliError> {
    let began = Instant::now();
    let bar = ProgressBar::hidden();
    if let Ok(style) = ProgressStyle::with_template("logq: reading {bytes}  {bytes_per_sec}") {
        bar.set_style(style);
    }
    let taken = take_in(intake, &mut |bytes| {
        if bar.is_hidden() && began.elapsed() > PATIENCE {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
        bar.set_position(bytes);
    });
    bar.finish_and_clear();
    let taken = taken?;
    // A small run is scanned as fast.
    if run.spool().list()?.parts().map(|part: &Part| part.len).sum::<u64>() > SMALL_RUN {
        collect::catch_up(run)?;
    }
    Ok(taken)
}

/// Takes in what comes, and indexes it beside.
fn follow_them(run: &RunDir, intake: Intake, poll: bool) -> Result<Taken, CliError> {
    let stop = collect::stop_on_signals()?;
    eprintln!("logq: collecting into run {}; Ctrl-C ends it", run.name());
    std::thread::scope(|scope| {
        let indexing = scope.spawn(|| {
            let report = &mut |Report::Failed { run, error }: Report<'_>| {
                eprintln!("logq: run {}: {}", run.name(), printable::one_line(&error.to_string()));
            };
            follow(&Target::Run(run.clone()), collect::watch(poll), &stop, report)
        });
        let taken = follow_files(intake, collect::watch(poll), &stop);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        match indexing.join() {
            // Somebody else indexes the run already.
            Ok(Ok(_) | Err(CollectError::Store(StoreError::Busy { .. }))) | Err(_) => {}
            Ok(Err(error)) => eprintln!("logq: not indexed: {}", printable::one_line(&error.to_string())),
        }
        Ok(taken?)
    })
}

fn say(run: &RunDir, taken: &Taken, took: Option<Duration>) -> Result<(), CliError> {
    let mut out = output::stdout();
    let files = if taken.files == 1 { "1 file".to_owned() } else { format!("{} files", taken.files) };
    let megabytes = taken.bytes as f64 / 1e6;
    write!(out, "run {}: {} records from {files}, {megabytes:.1} MB", run.name(), taken.records)?;
    if let Some(took) = took {
        let speed = megabytes / took.as_secs_f64().max(1e-9);
        write!(out, ", in {:.2} s ({speed:.1} MB/s)", took.as_secs_f64())?;
    }
    writeln!(out, "; ordered by clock only")?;
    if taken.unread > 0 {
        writeln!(out, "{} records in no known form, kept as text (logq search level:NOTSET)", taken.unread)?;
    }
    if taken.timeless > 0 {
        writeln!(out, "{} records without a time have that of the record before them", taken.timeless)?;
    }
    if taken.unended > 0 {
        writeln!(out, "{} bytes behind the last newlines are read when their lines end", taken.unended)?;
    }
    for (path, times) in &taken.lost {
        let how: Vec<&str> = times.iter().map(|how| if *how == "gone" { "removed" } else { *how }).collect();
        let what = format!("{}: {} before all that was in it may have been read", path.display(), how.join(", "));
        writeln!(out, "{}", printable::one_line(&what))?;
    }
    for (path, why) in &taken.unreadable {
        writeln!(out, "{}", printable::one_line(&format!("{}: {why}", path.display())))?;
    }
    writeln!(out, "see: logq search --run {0}   logq threads --run {0}", run.name())?;
    Ok(out.flush()?)
}
