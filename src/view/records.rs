//! Records as lines of text: what `search` prints.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::record::{Body, Exception, Record};
use crate::view::clock::{ClockColumn, date_and_time, time_of_day};
use crate::view::events::{Naming, sentence};
use crate::view::names;
use crate::view::printable::{one_line, pad};
use crate::view::style::{self, paint};

/// Prints records one below the other. The date stands above the first record of each day.
#[derive(Debug, Default)]
pub struct RecordLines {
    day: Option<String>,
    /// Name the run of every record: when several are searched.
    pub run: Option<String>,
}

impl RecordLines {
    /// One record: a line, and what its exception says below it.
    pub fn write(&mut self, record: &Record, out: &mut dyn Write) -> io::Result<()> {
        self.write_day(record, out)?;
        let time = if record.ts == 0 { String::new() } else { time_of_day(record.ts) };
        write!(out, "{}  ", paint(style::DIM, pad(&time, ClockColumn::WIDTH)))?;
        if let Some(run) = &self.run {
            write!(out, "{}  ", paint(style::DIM, run))?;
        }
        write!(out, "{}  ", paint(style::DIM, pad(&record.id().to_string(), 8)))?;
        write_body(record, out)?;
        let exception = record.exception();
        write_exception(exception.as_ref().filter(|_| record.log().is_some()), ClockColumn::WIDTH + 2, out)
    }

    fn write_day(&mut self, record: &Record, out: &mut dyn Write) -> io::Result<()> {
        if record.ts == 0 {
            return Ok(());
        }
        let day = date_and_time(record.ts)[..10].to_owned();
        if self.day.as_ref() != Some(&day) {
            writeln!(out, "{}", paint(style::DIM, &day))?;
            self.day = Some(day);
        }
        Ok(())
    }
}

/// The rest of a record's line behind its time and id: level, who, what, where.
fn write_body(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    match &record.body {
        Body::Log(log) => {
            let style = style::of_level(&log.level);
            write!(out, "{} ", paint(style, pad(&one_line(&log.level.name), 8)))?;
            let who = log.task.as_deref().or(log.thread.as_deref()).unwrap_or_default();
            write!(out, "{}  ", pad(&one_line(who), 12))?;
            write!(out, "{}  {}", paint(style::DIM, one_line(&log.logger)), paint(style, one_line(&log.msg)))?;
            write_fields(&record.extra, out)?;
        }
        Body::Event(event) => {
            let as_written = |name: &str| one_line(name).into_owned();
            let said = sentence(event, &Naming { object: &as_written, lane: &as_written });
            let style = if said.bad { style::BAD } else { style::DIM };
            write!(out, "{} {}", pad(&one_line(&event.name), 8), paint(style, said.text))?;
        }
        Body::Malformed(malformed) => {
            let text = String::from_utf8_lossy(&malformed.bytes[..malformed.bytes.len().min(200)]).into_owned();
            write!(out, "{} ", paint(style::WARN, pad("malformed", 8)))?;
            write!(out, "{}  {}", one_line(&malformed.reason), paint(style::DIM, one_line(&text)))?;
        }
    }
    if let Some(site) = record.site() {
        write!(out, "  {}", paint(style::DIM, names::site(&site)))?;
    }
    writeln!(out)
}

/// ` order_id=8812 items=3`.
pub fn write_fields(extra: &Map<String, Value>, out: &mut dyn Write) -> io::Result<()> {
    for (key, value) in extra {
        let value = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        write!(out, "  {}", paint(style::DIM, one_line(&format!("{key}={value}"))))?;
    }
    Ok(())
}

/// Type, message and place of an exception and of what caused it, each on a line of its own.
pub fn write_exception(exception: Option<&Exception>, indent: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut next = exception;
    let mut before = "";
    while let Some(exception) = next {
        let what = if exception.msg.is_empty() {
            exception.kind.clone()
        } else {
            format!("{}: {}", exception.kind, exception.msg)
        };
        write!(out, "{:indent$}{before}{}", "", paint(style::BAD, one_line(&what)))?;
        if let Some(frame) = exception.stack.last() {
            let file = frame.file.rsplit('/').next().unwrap_or(&frame.file);
            let place = format!("  raised at {file}:{} in {}", frame.line, frame.func);
            write!(out, "{}", paint(style::DIM, one_line(&place)))?;
        }
        writeln!(out)?;
        next = exception.cause.as_deref();
        before = "caused by ";
    }
    Ok(())
}
